"""Images of a fact that is folded of records: what an act that feeds it makes of each of its values.

An image is, of each value, the mask of those that it may become.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from school_protocol.definitions.proof.answering import Given
from school_protocol.definitions.proof.domains import Domain, is_always_known
from school_protocol.domain.conditions import Value
from school_protocol.domain.facts import Facts
from school_protocol.domain.protocol import Fact, FactType, Fold, Protocol, Source
from school_protocol.domain.weighing import acts_as

Image = tuple[int, ...]
NO, MAYBE, YES = "no", "maybe", "yes"

FREE = ("follow_up", "deadline", "fallen_due", "school_known", "people", "months_since", "days")
"""Kinds of fact that time, the calendar or the directory move: forwards they may be anything at any moment."""


def is_free(fact: Fact) -> bool:
    return any(getattr(fact, name) for name in FREE)


def identity(domain: Domain) -> Image:
    return tuple(1 << place for place in range(len(domain.values)))


def constant(domain: Domain, mask: int) -> Image:
    return tuple(mask for _value in domain.values)


def then(first: Image, second: Image) -> Image:
    """One after the other."""
    return tuple(through(second, mask) for mask in first)


def either(first: Image, second: Image) -> Image:
    return tuple(one | other for one, other in zip(first, second, strict=True))


def through(image: Image, mask: int) -> int:
    """What the values of a mask become."""
    found = 0
    for place, one in enumerate(image):
        if mask >> place & 1:
            found |= one
    return found


@dataclass(frozen=True, slots=True)
class Deed:
    """An act as it happened: how it was answered, and whether every signature it asks for was given."""

    given: Given
    signed: bool
    grants: bool
    covers_entry: bool | None = None
    """Whether it covers what the state was entered for; None: either."""
    thorough: bool = False
    """Done as often as there is something left: every raised danger, every open referral, every standing hold."""


class Folding:
    """What acts make of one fact, as the sources say that feed it."""

    def __init__(self, protocol: Protocol, fact: Fact, domain: Domain, *, sure: bool = False) -> None:
        self.protocol, self.fact, self.domain = protocol, fact, domain
        self.sure = sure
        """Whether what happens is chosen by whoever acts: nobody is shut out meanwhile."""
        self.same = identity(domain)
        self.start = self._start()
        self.any = constant(domain, domain.whole)
        self.one_more = tuple(1 << domain.more(place) for place in range(len(domain.values)))

    @cached_property
    def none(self) -> Image:
        """Whatever it was, nothing is left of it."""
        return constant(self.domain, self.domain.mask([self._nought()]))

    def _start(self) -> int:
        """What it is before anything happened."""
        if is_always_known(self.fact):
            return self.domain.mask([self._nought()])
        return self.domain.mask([None if self.fact.initial is None else Facts.typed(self.fact, self.fact.initial)])

    def _nought(self) -> Value:
        return False if self.fact.type is FactType.bool else 0

    def _folded(self, deed: Deed) -> Image:
        effective = deed.signed or not self.protocol.acts[deed.given.act].signatures
        if self.fact.fold is Fold.standing:
            return self._standing(deed, effective)
        if self.fact.fold is Fold.signatures:
            return self._signatures(deed)
        if not effective:
            return self.same
        return self._streak(deed) if self.fact.fold is Fold.streak else self._of_sources(deed)

    def _of_sources(self, deed: Deed) -> Image:
        """What the first source that surely matches feeds; besides, whatever one before it may."""
        image, settled = self.same, False
        for source in self.fact.from_:
            how = self._matches(source, deed)
            if how == NO:
                continue
            fed = self._fed(source, deed)
            image = fed if how == YES and not settled else either(image, fed)
            settled = True
            if how == YES:
                break
        return image

    def _fed(self, source: Source, deed: Deed) -> Image:
        domain, answer, fold = self.domain, deed.given.answers.get(source.field or ""), self.fact.fold
        if fold is Fold.count:
            return self.one_more
        if fold is Fold.distinct and isinstance(answer, list):
            return constant(domain, domain.mask([len(answer)] if self.sure else range(len(answer) + 1)))
        if fold is Fold.distinct:
            return either(self.same, self.one_more)
        if fold is Fold.answered:
            return constant(domain, domain.mask([True]) if answer == "all" else domain.whole)
        value: Value = True
        if source.value is not None:
            value = Facts.typed(self.fact, source.value)
        elif source.field and fold is not Fold.ever:
            value = Facts.typed(self.fact, answer)
        return constant(domain, domain.mask([value]))

    def _matches(self, source: Source, deed: Deed, *, where: bool = True) -> str:
        given = deed.given
        if not self._is_about(source, given):
            return NO
        if where and source.where is not None and source.where.truth(given.values) is not True:
            return NO
        sure = not source.by or any(acts_as(self.protocol, given.role, role) for role in source.by)
        if given.role and not sure:
            return NO
        if source.covering_entry and deed.covers_entry is not None:
            return YES if deed.covers_entry else NO
        return YES if sure and not source.unless_after and not source.covering_entry else MAYBE

    def _is_about(self, source: Source, given: Given) -> bool:
        """Whether it is the act of the source, with the answers that the source asks for."""
        if source.act != given.act or (source.filled and not given.has(source.filled)):
            return False
        if source.row_filled and given.answers.get(source.row_filled.partition(".")[0]) != [source.row_filled]:
            return False
        return not source.field or source.value is not None or self._is_answered(source.field, given)

    @staticmethod
    def _is_answered(key: str, given: Given) -> bool:
        return key in given.answers and (given.has(key) or given.answers[key] is False)

    def _standing(self, deed: Deed, effective: bool) -> Image:
        ways = {self._matches(source, deed) for source in self.fact.from_}
        if ways == {NO}:
            return self.same
        stands = constant(self.domain, self.domain.mask([deed.grants and effective]))
        return stands if YES in ways else either(self.same, stands)

    def _signatures(self, deed: Deed) -> Image:
        if all(self._matches(source, deed) == NO for source in self.fact.from_):
            return self.same
        wanted, top = self.protocol.acts[deed.given.act].signatures, len(self.domain.values)
        if deed.signed and wanted:
            least = max(wanted, top - 1) if self.sure else wanted
            return constant(self.domain, self.domain.mask(range(least, least + top)))
        return constant(self.domain, self.domain.mask(range(wanted or top)))

    def _streak(self, deed: Deed) -> Image:
        if all(self._matches(source, deed, where=False) == NO for source in self.fact.from_):
            return self.same
        counts = any(self._matches(source, deed) != NO for source in self.fact.from_)
        answers = {str(deed.given.answers.get(source.field or "")) for source in self.fact.from_}
        return self.one_more if counts and answers <= set(self.fact.streak_of) else self.none
