"""Effects on the facts, as images: of each value, the mask of those that an act, a move or time may make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from school_protocol.engine.case_parts import acts_as
from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import (
    HISTORY,
    NEUTRAL_KINDS,
    START,
    Act,
    ActKind,
    DangerFact,
    Fact,
    FactType,
    Fold,
    Move,
    Protocol,
    Source,
)
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.facts import Facts
from school_protocol.proof.answer_space import Domain, Given, is_always_known

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


# ---- what acts, moves and time do to the facts ---------------------------------------------------------------------
# Where the engine's outcome hangs on what is not told apart here, every possible value is in the mask.


class Effects(Folding):
    """What happens to one fact."""

    # ---- acts ------------------------------------------------------------------------------------------------

    def of(self, deed: Deed) -> Image:
        """An act: what it does of itself, then what any news does."""
        image = self._own(deed)
        act = self.protocol.acts[deed.given.act]
        if act.kind not in NEUTRAL_KINDS:
            image = then(image, self.news())
        return then(image, self.raised(several=self._names_several(act))) if deed.given.raises else image

    def _names_several(self, act: Act) -> bool:
        """Whether its form may name more than one danger at once."""
        types = [item.type for item in self.protocol.form_of(act).fields]
        many = types.count(FieldType.dangers) + types.count(FieldType.danger_answers)
        return many > 0 or types.count(FieldType.danger) > 1

    def news(self) -> Image:
        """Something was added to the content."""
        if self.fact.fold is Fold.standing and self.fact.from_:
            return constant(self.domain, self.domain.mask([False]))
        if self.fact.content_since_entry:
            return constant(self.domain, self.domain.mask([True]))
        return self.same

    def _own(self, deed: Deed) -> Image:
        act = self.protocol.acts[deed.given.act]
        for kinds, name, rule in _BY_KIND:
            if getattr(self.fact, name):
                return rule(self, deed) if act.kind in kinds else self.same
        if self.fact.grid_known:
            return self._grid(deed)
        if self.fact.guardians:
            return self._guardians(deed)
        if is_free(self.fact) or not self.fact.from_:
            return self.same
        if act.kind is ActKind.lift_danger and deed.signed and self._hangs_on_dangers():
            return self.any
        return self._folded(deed)

    def _hangs_on_dangers(self) -> bool:
        """Whether what is recorded counts otherwise once a danger is lifted."""
        return "danger" in self.fact.since.after or self.fact.fold is Fold.answered

    # ---- facts of kinds of their own -------------------------------------------------------------------------

    def _states(self) -> tuple[bool, bool]:
        rule = self.fact.dangers
        assert rule is not None
        return "raised" in rule.states, "referred" in rule.states

    def _counted(self, deed: Deed) -> Image:
        """Dangers: a referral, a taking over or a lifting takes some out of their state, into another."""
        raised, referred = self._states()
        kind = self.protocol.acts[deed.given.act].kind
        if self._counts_lifted():
            return self.any
        if kind is ActKind.lift_danger:
            return self.none if deed.thorough else self.fewer() if deed.signed else self.same
        if raised and referred:
            return self.same
        if raised:
            return self.none if deed.thorough and kind is ActKind.refer else self.fewer()
        return either(self.same, self.more()) if referred else self.same

    def _counts_lifted(self) -> bool:
        return self.fact.dangers is not None and "lifted" in self.fact.dangers.states

    def fewer(self) -> Image:
        """As many, or less."""
        return tuple(self.domain.at_most(place) for place in range(len(self.domain.values)))

    def more(self) -> Image:
        """As many, or more: to the top."""
        return tuple(
            self.domain.whole & ~(self.domain.at_most(place) >> 1 if place else 0)
            for place in range(len(self.domain.values))
        )

    def raised(self, *, several: bool = False) -> Image:
        """A danger is raised, or several at once; or one that is raised already is named again."""
        fact = self.fact
        if any(source.covering_entry for source in fact.from_) and not is_free(fact):
            return self.more() if fact.fold is Fold.count else self.any
        if fact.dangers is not None:
            return self._more_raised(fact.dangers, several) if self._states()[0] else self.same
        if fact.assessed_level:
            return either(self.same, self.none)
        holds = any(danger.holds_guardians for danger in self.protocol.dangers.values())
        if holds and fact.standing_holds:
            return either(self.same, self.one_more)
        if (holds and fact.guardians) or fact.fold is Fold.answered:
            return self.any
        return either(self.same, self._forgotten()) if "danger" in fact.since.after else self.same

    def _more_raised(self, counted: DangerFact, several: bool) -> Image:
        """One more is raised, or several; the first one surely counts, where the fact counts each."""
        tops = self.one_more
        if several:
            tops = tuple(one & ~(1 << place) or one for place, one in enumerate(self.more()))
        sure = not counted.without_shared_concern and not counted.stay_with_child
        zero = self.domain.mask([self._nought()])
        return tuple(one if sure and 1 << place == zero else one | 1 << place for place, one in enumerate(tops))

    def _lifted(self, deed: Deed) -> Image:
        """What a danger's lifting gives back: what was known before it."""
        return self.any if deed.signed else self.same

    def _referrals(self, deed: Deed) -> Image:
        if self.protocol.acts[deed.given.act].kind is ActKind.refer:
            return self._referred(deed)
        if deed.thorough and deed.grants:
            return self.none
        return self.less() if deed.grants else self.same

    def _referred(self, deed: Deed) -> Image:
        item = self.protocol.form_of(deed.given.act).find(FieldType.target)
        target = self.protocol.targets.get(str(deed.given.answers.get(item.key))) if item else None
        if target is not None and not target.awaits_answer and not deed.thorough:
            return self.same
        sure = target is not None and deed.signed and deed.grants and self._all_await(deed)
        return self.one_more if sure else either(self.same, self.one_more)

    def _all_await(self, deed: Deed) -> bool:
        """Whether each place awaits an answer to which this may be sent: all raised dangers, where it is thorough."""
        return not deed.thorough or all(target.awaits_answer for target in self.protocol.targets.values())

    def less(self) -> Image:
        """One less, or as many: of a count that stops at its last class, either there."""
        return tuple(1 << place | 1 << max(place - 1, 0) for place in range(len(self.domain.values)))

    def _contributions(self, deed: Deed) -> Image:
        """One is asked; refused, it is none any more; settled, it is closed."""
        kind = self.protocol.acts[deed.given.act].kind
        if kind is ActKind.contribute:
            return self.one_more if deed.signed else either(self.same, self.one_more)
        if kind is ActKind.answer_contribution:
            return self.same if deed.grants else self.less()
        return self.none if deed.thorough else self.less()

    def _holds(self, deed: Deed) -> Image:
        if self.protocol.acts[deed.given.act].kind is ActKind.hold:
            return either(self.same, self.one_more)
        if not deed.signed or not deed.grants:
            return self.same
        return self.none if deed.thorough else self.less()

    def _grid(self, deed: Deed) -> Image:
        if deed.given.act != self.fact.grid_known:
            return self.same
        item = self.protocol.form_of(deed.given.act).find(FieldType.grid)
        answer = deed.given.answers.get(item.key) if item else None
        return constant(self.domain, self.domain.mask([answer if isinstance(answer, int) else 0]))

    def _guardians(self, deed: Deed) -> Image:
        rule = self.fact.guardians
        assert rule is not None
        kind = self.protocol.acts[deed.given.act].kind
        touches = deed.given.act == rule.act or kind in (ActKind.hold, ActKind.review_hold)
        form = self.protocol.form_of(deed.given.act)
        names_people = any(item.type in (FieldType.person, FieldType.persons) for item in form.fields)
        return self.any if touches or names_people else self.same

    # ---- moves -----------------------------------------------------------------------------------------------

    def entering(self, move: Move, source: str, target: str, before: str | None) -> Image:
        """What standing in another state does."""
        fact, states = self.fact, self.protocol.states
        is_return = move.to == HISTORY
        opens = source == START or (states[source].ended and not is_return)
        if fact.content_since_entry:
            return constant(self.domain, self.domain.mask([is_return]))
        if fact.fold is Fold.standing and fact.from_:
            return constant(self.domain, self.domain.mask([False]))
        if fact.assessed_level:
            return self._level(move, opens, is_return)
        back_to_end = is_return and before is not None and states[before].ended
        if back_to_end and "opening" in fact.since.after:
            return self.same if self.recalls else self.any
        is_cut = self._is_cut(opens, target, is_return)
        image = self._forgotten() if is_cut else self.same
        if fact.entered and target in fact.entered:
            is_true = constant(self.domain, self.domain.mask([True]))
            return either(image, self.any) if self._is_hidden(target, opens) else is_true
        covers = any(source.covering_entry for source in fact.from_)
        return self.any if covers and not is_cut else image

    def _is_hidden(self, target: str, opens: bool) -> bool:
        """Whether the moment from which the fact counts comes after the entry itself."""
        since = self.fact.since
        return "entry" in since.after or ("opening" in since.after and opens) or target in since.entered

    @property
    def recalls(self) -> bool:
        """Whether, back in an ended state, it is what it was there, unless something was recorded meanwhile."""
        fact = self.fact
        plain = fact.since.after == ("opening",) and not fact.since.entered and not fact.since.margin_hours
        return plain and bool(fact.from_) and fact.fold in (Fold.last, Fold.ever)

    def _is_cut(self, opens: bool, target: str, is_return: bool) -> bool:
        since = self.fact.since
        if opens and "opening" in since.after:
            return True
        return "entry" in since.after or (target in since.entered and not is_return)

    def _forgotten(self) -> Image:
        """What was recorded before no longer counts; what lies within the margin may."""
        if self.fact.guardians is not None:
            return constant(self.domain, self.start | self.domain.mask([self.fact.guardians.held]))
        if not self.fact.since.margin_hours:
            return constant(self.domain, self.start)
        if self.fact.fold is Fold.count:
            return self.fewer()
        return self.any

    def _level(self, move: Move, opens: bool, is_return: bool) -> Image:
        image = constant(self.domain, self.domain.mask([0])) if opens else self.any if is_return else self.same
        if move.sets.level is not None:
            return constant(self.domain, self.domain.mask([move.sets.level]))
        levels = {level for grid in self.protocol.grids.values() for level in grid.levels}
        return constant(self.domain, self.domain.mask(levels or {0})) if move.sets.assess else image

    # ---- what happens around a case --------------------------------------------------------------------------

    def joined(self, *, with_danger: bool) -> Image:
        """Another case is joined into this one: its dangers, referrals, holds, exclusions come along."""
        if self.fact.open_referrals or self.fact.standing_holds:
            return self.more()
        if self.fact.guardians is not None:
            return self.any
        image = self.raised(several=True) if with_danger else self.same
        return then(then(image, self.excluded()), self.news())

    def signed_later(self, deed: Deed) -> Image:
        """What waited for a signature is signed, wherever the case then stands."""
        if self.fact.fold is Fold.signatures and self.fact.from_:
            return then(self.more(), self.news())
        return self.of(deed)

    def excluded(self) -> Image:
        """Somebody is shut out, who counted."""
        return self.fewer() if self.fact.fold is Fold.distinct and self.fact.from_ else self.same

    def corrected(self, act: str) -> Image:
        """A record of `act` is corrected: what it fed may be otherwise."""
        return then(self.any if self._is_fed_by(act) else self.same, self.news())

    def fallen(self, act: str) -> Image:
        """Somebody's signature on a record of `act` falls: it counts no more, and that is news."""
        image = self.same
        if self._is_fed_by(act):
            image = self.fewer() if self.fact.fold in (Fold.signatures, Fold.count) else self.any
        return then(image, self.news())

    def _is_fed_by(self, act: str) -> bool:
        """Whether the fact hangs on records of this act."""
        fact = self.fact
        if is_free(fact):
            return False
        if fact.grid_known == act or (fact.guardians is not None and fact.guardians.act == act):
            return True
        return any(act == one.act for source in fact.from_ for one in (source, *source.unless_after))


_Rule = Callable[[Effects, Deed], Image]
_BY_KIND: tuple[tuple[tuple[ActKind, ...], str, _Rule], ...] = (
    ((ActKind.refer, ActKind.take_over, ActKind.lift_danger), "dangers", Effects._counted),
    ((ActKind.lift_danger,), "assessed_level", Effects._lifted),
    ((ActKind.refer, ActKind.answer_referral), "open_referrals", Effects._referrals),
    (
        (ActKind.contribute, ActKind.answer_contribution, ActKind.settle_contribution),
        "open_contributions",
        Effects._contributions,
    ),
    ((ActKind.hold, ActKind.review_hold), "standing_holds", Effects._holds),
)
