"""Names in what somebody types: where a sign ([EV1]) could stand instead; and texts in which nobody may be named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from school_protocol.domain.engine import Decision
from school_protocol.domain.errors import BadInput
from school_protocol.domain.events import Recorded
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.naming import Found, Identity, Naming
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.services.house import House
from school_protocol.services.loading import load, names_in, naming_of, sign_of
from school_protocol.storage.engines import Session


def named_in(
    house: House,
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
        with house.realm.reading() as session:
            loaded = load(house, session, actor, number)
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
    house: House, session: Session, case_id: str | None, protocol: Protocol, decision: Decision, *, tells: bool
) -> None:
    """Raises BadInput where a text that readers of pseudonyms see names somebody of the case, or a way to reach one.

    `tells`: whoever wrote it may know who is meant. `case_id` is None before there is a case.
    """
    texts = dict(_nameless(protocol, decision))
    if not texts:
        return
    names = dict(names_in(house, session, case_id)) if case_id else {}
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
            yield from _texts(protocol.form_of(event.act).fields, event.answers, "")
            corrected = event.derived.get("corrected")
            if corrected:
                yield from _texts(protocol.form_of(corrected).fields, event.derived["changes"], "changes.")


def _texts(fields: Iterable[FormField], answers: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for item in fields:
        value = answers.get(item.key)
        if item.type is FieldType.rows:
            for number, row in enumerate(value or ()):
                yield from _texts(item.fields, row, f"{path}{item.key}.{number}.")
        elif item.nameless and isinstance(value, str):
            yield f"{path}{item.key}", value
