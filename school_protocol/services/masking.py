"""Texts as a reader of pseudonyms may see them: signs stand for names that their writer knew from the case.

What somebody wrote who knew no names is shown as it was typed. Were it masked, whoever types a name would read back
whether the case knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from school_protocol.domain.case import Record
from school_protocol.domain.events import Recorded
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.naming import Naming, apart, with_tokens
from school_protocol.domain.protocol import ActKind
from school_protocol.domain.sharing import ANSWERING
from school_protocol.services.loading import Loaded, sees_pseudonyms, sign_of

Mask = Callable[[str], str]


class Masks:
    """For each writer of a case, how their texts read to whoever has it loaded; for a reader of names, as typed."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.protocol = loaded.protocol
        self._told: dict[str, Naming] = {}

    def by(self, actor: str, role: str) -> Mask:
        """For what this person wrote in this role."""
        if self.loaded.naming is None:
            return _as_typed if self.loaded.roles else _left_out
        if self._knows_names(actor, role):
            return self._masked
        return self._told_by(actor).signed

    def of(self, record: Record) -> Mask:
        """For an entry's texts, corrected or not: each was written by whoever wrote it first.

        Of what was typed in from paper, by whoever typed it: what that person knows, they did not learn here. Whoever
        answers for another school knows their own pupils by name.
        """
        if record.kind in ANSWERING and record.actor != self.loaded.actor.id and self.loaded.naming is not None:
            return self._masked
        if not record.corrections:
            return self.by(record.actor, record.recorded_as)
        masks: dict[str, Mask] = {}
        for event in self.loaded.events:
            if isinstance(event, Recorded) and event.seq in (record.seq, *record.corrections):
                own = event.seq == record.seq
                for text in _texts(event.answers if own else event.derived.get("changes")):
                    masks.setdefault(text, self.by(event.actor, event.role))
        return lambda text: masks.get(text, self._masked)(text)

    def _masked(self, text: str) -> str:
        """Those whom a reader of pseudonyms named come last: naming somebody again changes no text of the school."""
        known, told = self._parts
        found = known.find_all(text)
        more = [one for one in told.find_all(text) if one.signs]
        return with_tokens(text, apart(found, more))

    @cached_property
    def _parts(self) -> tuple[Naming, Naming]:
        """The people of the case whom somebody named who knows names; and the others."""
        assert self.loaded.naming is not None
        told = frozenset(sign for writer in self._writers - self._knowing for sign in self._signs_told(writer))
        return self.loaded.naming.without(told), self.loaded.naming.only(told)

    def _told_by(self, actor: str) -> Naming:
        assert self.loaded.naming is not None
        if actor not in self._told:
            self._told[actor] = self.loaded.naming.only(frozenset(self._signs_told(actor)))
        return self._told[actor]

    def _signs_told(self, actor: str) -> Iterator[str]:
        for event in self.loaded.events:
            if isinstance(event, Recorded) and event.actor == actor:
                yield from (sign_of(self.protocol, person) for person in event.derived.get("people", ()))

    # ---- who knows names -------------------------------------------------------------------------------------

    def _knows_names(self, actor: str, role: str) -> bool:
        return self._reads_names(role) or actor in self._knowing

    def _reads_names(self, role: str) -> bool:
        is_known = role in self.protocol.seats or role in self.protocol.roles
        return not is_known or not sees_pseudonyms(self.protocol, role)

    @cached_property
    def _writers(self) -> frozenset[str]:
        return frozenset(event.actor for event in self.loaded.events)

    @cached_property
    def _knowing(self) -> frozenset[str]:
        """Whoever has acted here, was ever seated here or is in office beside it in a role that reads names."""
        acted = {event.actor for event in self.loaded.events if self._reads_names(event.role)}
        held = {
            one.id
            for one in self.loaded.around.people.values()
            if any(self._reads_names(role) for role, _unit in one.roles if role in self.protocol.roles)
        }
        return frozenset(acted | held | set(self._seated()))

    def _seated(self) -> Iterator[str]:
        case = self.loaded.case
        for record in (*case.records, *case.retracted.values()):
            if record.kind is ActKind.seat:
                form = self.loaded.case.protocol_at(record.seq, self.protocol).form_of(record.act)
                seat, account = form.find(FieldType.seat), form.find(FieldType.account)
                if seat and account and self._reads_names(str(record.answers.get(seat.key))):
                    yield str(record.answers.get(account.key))


def _as_typed(text: str) -> str:
    return text


def _left_out(_text: str) -> str:
    """To whoever reads the case in no role."""
    return ""


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


# ---- whole answers -------------------------------------------------------------------------------------------------


def without_words(form: Form, answers: Mapping[str, Any], masked: Mask) -> dict[str, Any]:
    """Answers for a reader of pseudonyms: what may name or quote somebody is left out, of lines too.

    So is what is for figures. Names that were typed elsewhere all the same are `masked`.
    """
    return _masked(form.by_key, form.told_on(answers), masked, keeps_words=False)


def without_names(form: Form, answers: Mapping[str, Any], masked: Mask) -> dict[str, Any]:
    """Answers with all their words, names in them `masked`."""
    return _masked(form.by_key, answers, masked, keeps_words=True)


def _masked(
    fields: Mapping[str, FormField], answers: Mapping[str, Any], masked: Mask, *, keeps_words: bool
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in answers.items():
        item = fields.get(key)
        if item is None or (item.may_name and not keeps_words):
            continue
        if item.type is FieldType.rows:
            columns = {column.key: column for column in item.fields}
            value = [_masked(columns, row, masked, keeps_words=keeps_words) for row in value]
        kept[key] = masked(value) if item.is_words and isinstance(value, str) else value
    return kept
