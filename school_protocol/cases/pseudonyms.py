"""Pseudonyms: texts of a case with signs in place of names, and names found in what somebody types.

What somebody wrote who knew no names is shown as it was typed. Were it masked, whoever types a name would read back
whether the case knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from school_protocol.cases.loading import Loaded, load, names_in, naming_of, sees_pseudonyms, sign_of
from school_protocol.context import AppContext
from school_protocol.engine.case_parts import Record
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.errors import BadInput
from school_protocol.engine.events import Recorded
from school_protocol.engine.intents import Decision
from school_protocol.engine.name_detection import Found, Identity, Naming, apart, with_tokens
from school_protocol.engine.sharing_state import ANSWERING
from school_protocol.engine.visibility import Actor
from school_protocol.storage.engines import Session

Mask = Callable[[str], str]


class Pseudonymiser:
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
                for text in _masking_texts(event.answers if own else event.derived.get("changes")):
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


def _masking_texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _masking_texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _masking_texts(one)


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


# ---- names in what somebody types: where a sign ([EV1]) could stand; texts in which nobody may be named ------------


def named_in(
    ctx: AppContext,
    actor: Actor,
    number: str | None,
    protocol: Protocol,
    texts: Sequence[str],
    new_people: Iterable[Mapping[str, Any]] = (),
) -> tuple[tuple[Found, ...], ...]:
    """Who is named in each of these texts, as far as this person may know; `number` is None before there is a case.

    Whom only an entry named that was taken back has no sign to offer. Whoever reads pseudonyms learns nothing by
    typing names: for them only those count that they typed themselves.
    """
    names: dict[str, Identity] = {}
    taken: set[str] = set()
    if number is not None:
        with ctx.realm.reading() as session:
            loaded = load(ctx, session, actor, number)
        names = {slot_id: one for slot_id, one in loaded.names.items() if slot_id not in loaded.case.former}
        taken = {*loaded.case.people, *loaded.case.former}
    people = {sign_of(protocol, slot_id): identity for slot_id, identity in names.items()}
    for slot_id, person in _numbered(protocol, new_people, taken):
        people[sign_of(protocol, slot_id)] = person
    naming = Naming(people)
    return tuple(naming.find(text) for text in texts)


def _numbered(
    protocol: Protocol, new_people: Iterable[Mapping[str, Any]], taken: set[str]
) -> Iterator[tuple[str, Identity]]:
    """People typed into a form, under the numbers that they will have."""
    counts: dict[str, int] = {}
    for person in new_people:
        slot = str(person.get("slot") or "")
        if slot not in protocol.slots:
            continue
        known = counts.get(slot, sum(one.rpartition("-")[0] == slot for one in taken))
        counts[slot] = known + 1
        yield f"{slot}-{known + 1}", {key: said for key, said in person.items() if isinstance(said, str)}


# ---- texts in which nobody may be named ----------------------------------------------------------------------------


def refuse_names(
    ctx: AppContext, session: Session, case_id: str | None, protocol: Protocol, decision: Decision, *, tells: bool
) -> None:
    """Raises BadInput where a text that readers of pseudonyms see names somebody of the case, or a way to reach one.

    `tells`: whoever wrote it may know who is meant. `case_id` is None before there is a case.
    """
    texts = dict(_nameless(protocol, decision))
    if not texts:
        return
    names = dict(names_in(ctx, session, case_id)) if case_id else {}
    names |= {person.id: person.identity for person in decision.people}
    refuse_names_in(naming_of(protocol, names), texts, tells=tells)


def refuse_names_in(naming: Naming, texts: Mapping[str, str], *, tells: bool) -> None:
    """Raises BadInput, by path, where one of these texts names somebody whom `naming` knows, or a way to reach one."""
    found = {path: naming.find_all(text) for path, text in texts.items()}
    problems = {
        path: tuple(dict.fromkeys(_problem(one, tells) for one in all_)) for path, all_ in found.items() if all_
    }
    if problems:
        raise BadInput(problems)


def _problem(found: Found, tells: bool) -> str:
    if found.signs and not tells:
        return "names_somebody"
    if found.signs:
        return f"names:{found.typed}:{found.token}"
    return f"reaches:{found.typed}"


def _nameless(protocol: Protocol, decision: Decision) -> Iterator[tuple[str, str]]:
    """Path and text of every answer that is to name nobody, corrected ones among them."""
    for event in decision.events:
        if isinstance(event, Recorded):
            yield from _naming_texts(protocol.form_of(event.act).fields, event.answers, "")
            corrected = event.derived.get("corrected")
            if corrected:
                yield from _naming_texts(protocol.form_of(corrected).fields, event.derived["changes"], "changes.")


def _naming_texts(fields: Iterable[FormField], answers: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for item in fields:
        value = answers.get(item.key)
        if item.type is FieldType.rows:
            for number, row in enumerate(value or ()):
                yield from _naming_texts(item.fields, row, f"{path}{item.key}.{number}.")
        elif item.nameless and isinstance(value, str):
            yield f"{path}{item.key}", value
