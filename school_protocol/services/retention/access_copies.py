"""The copy of what is kept of one person: pages to read, and the same as data inside; others stand under their signs.

A copy for a pupil may reach a guardian: so it prints no answer that the definition keeps out of a family's copy. What
is about several people, or was said by others, is told by its number alone; holds are not told at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from school_protocol.documents.access_copy import AccessCopy, AccessEntry, access_copy
from school_protocol.documents.sealing.assembling import assembled
from school_protocol.documents.sealing.copies import Copy
from school_protocol.documents.sealing.overlays import overlay
from school_protocol.domain.case import Record
from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import DocumentIssued
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.naming import Naming, uncounted, with_tokens
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import ActKind, Protocol
from school_protocol.domain.retention import limit_of
from school_protocol.services.accounts import REALM
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, account_names, keep, naming_of, sign_of
from school_protocol.services.papers.signing import signed
from school_protocol.services.retention import rights
from school_protocol.services.seeing import Seeing
from school_protocol.storage import access, cases, journal
from school_protocol.wording import Wording

DOCUMENT = "access_copy"
"""The key under which such copies are numbered and written down."""
NOTE = "rights.opened"
_PEOPLE = (FieldType.person, FieldType.persons)
_COLLEAGUES = (FieldType.account, FieldType.accounts)
_UNTOLD = frozenset({ActKind.hold, ActKind.review_hold, ActKind.exclude, ActKind.seat})
"""Acts of which not even that they are there is told."""


@dataclass(frozen=True, slots=True)
class Opened:
    name: str
    data: bytes
    copy: int


def open_copy(house: House, actor: Actor, number: str, export_id: str, language: str) -> Opened:
    """One copy, numbered, signed and written down in the case. Raises Unseen, Refused, SealingError."""
    wording = Wording(language)
    with house.realm.reading() as session:
        loaded, found = rights.opened(house, session, actor, number, export_id)
        if language not in loaded.protocol.languages or language not in house.settings.languages:
            raise Unseen(language)
        view = about(loaded, found.person, wording)
        copy = cases.copies(session, loaded.case_id, DOCUMENT) + 1
        head = journal.content_head(session, loaded.case_id)
    assert head is not None
    reader = account_names(house, [actor.id], language).get(actor.id, "—")
    line = Copy(copy, reader, house.now(), head.hash, head.seq)
    watermark = "" if actor.realm == REALM else wording._("TRAINING")
    about_it = wording._("What belongs to this copy alone")
    data = assembled(access_copy(view, wording), overlay(line, wording, watermark), line, about_it, has_record=False)
    data = signed(house, loaded.around.unit, data, house.now(), wording)
    with house.realm.writing() as session:
        loaded, found = rights.opened(house, session, actor, number, export_id)
        if cases.next_copy(session, loaded.case_id, DOCUMENT) != copy:
            raise Unseen("another copy was opened at the same time")
        role = rights.asks(loaded)
        assert role is not None
        event = DocumentIssued(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, document=DOCUMENT, profile="",
            language=language, copy=copy, content_head=head.hash, digest=hashlib.sha256(data).hexdigest(),
            reader=view.sign, at_seq=head.seq, about=found.person, request=found.seq,
        )  # fmt: skip
        keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
        access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what=NOTE)
    return Opened(f"{number}-{view.sign}-{copy}-{language}.pdf", data, copy)


# ---- what is told --------------------------------------------------------------------------------------------------


def about(loaded: Loaded, person: str, wording: Wording) -> AccessCopy:
    """What is kept of that person, for them to read: nobody else is named."""
    slot = loaded.protocol.slots[loaded.case.people[person].slot]
    limit, entries = limit_of(loaded.facts), list(_entries(loaded, person, wording))
    return AccessCopy(
        number=loaded.case.number,
        unit=loaded.around.unit,
        protocol=loaded.protocol,
        sign=sign_of(loaded.protocol, person),
        slot=slot,
        identity=dict(loaded.names.get(person, {})),
        kept=limit.rule.sentence if limit and limit.rule else None,
        until=limit.due_on if limit else None,
        as_of=loaded.now,
        entries=tuple(one for one in entries if one is not None),
        others=entries.count(None),
        copies=tuple(
            (loaded.protocol.documents[one.document].title, one.at)
            for one in loaded.case.documents
            if one.document in loaded.protocol.documents and one.about == person
        ),
    )


def _entries(loaded: Loaded, person: str, wording: Wording) -> Iterator[AccessEntry | None]:
    """The entries about this person alone, as far as a family's copy may tell them; None stands for any other."""
    naming = naming_of(loaded.protocol, loaded.names).without({sign_of(loaded.protocol, person)})
    seeing, told = Seeing(loaded, {}), _told(loaded.protocol)
    for record in loaded.case.records:
        if record.kind in _UNTOLD or not _is_about(loaded, record, person):
            continue
        shown = seeing.record(record)
        if shown.hidden is not None or record.act not in told or _pointed(loaded, record) - {person}:
            yield None
            continue
        fields = [item for item in shown.form.fields if item.key in told[record.act]]
        lines = tuple(_lines(loaded, fields, shown.answers, person, naming, wording))
        yield AccessEntry(record.seq, shown.act, record.occurred_at, lines)


def _told(protocol: Protocol) -> Mapping[str, frozenset[str]]:
    """Act → the answers that every copy for a family may print."""
    profiles = [one for document in protocol.documents.values() for one in document.profiles.values()]
    personal = [one.acts for one in profiles if one.is_personal and one.acts]
    acts = [act for act in (personal[0] if personal else ()) if all(act in one for one in personal)]
    return {act: frozenset.intersection(*(frozenset(one[act]) for one in personal)) for act in acts}


def _is_about(loaded: Loaded, record: Record, person: str) -> bool:
    return person in _pointed(loaded, record) or _is_alone_on_side(loaded, record, person)


def _is_alone_on_side(loaded: Loaded, record: Record, person: str) -> bool:
    """An entry of this person's side, where nobody else stands in their slot."""
    people = loaded.case.people
    slot = loaded.protocol.slots[people[person].slot]
    side = loaded.protocol.form_of(record.act).side
    beside = [key for key, one in people.items() if one.slot == slot.key]
    return side is not None and side == slot.side and not slot.guardian and beside == [person]


def _pointed(loaded: Loaded, record: Record) -> set[str]:
    """The people of the case at whom an entry points, and those whom it named first."""
    form = loaded.case.protocol_at(record.seq, loaded.protocol).form_of(record.act)
    return {*_values(form.fields, record.answers), *dict(record.derived.get("people", {}))}


def _values(fields: Iterable[FormField], answers: Mapping[str, Any]) -> Iterator[str]:
    for item in fields:
        value = answers.get(item.key)
        if item.type is FieldType.rows:
            for row in value or ():
                yield from _values(item.fields, row)
        elif item.type in _PEOPLE and value:
            yield from [value] if isinstance(value, str) else value


def _lines(
    loaded: Loaded,
    fields: Iterable[FormField],
    answers: Mapping[str, Any],
    person: str,
    naming: Naming,
    wording: Wording,
) -> Iterator[tuple[str, str]]:
    """What was answered, question by question, in the reader's language."""
    names = {key: sign_of(loaded.protocol, key) for key in loaded.case.people}
    own = names.pop(person)
    others = set(names.values())
    names[person] = str(loaded.names.get(person, {}).get("name") or own)
    for item in fields:
        value = answers.get(item.key)
        if value in (None, "", []) or item.authority_only or item.type is FieldType.rows:
            continue
        label = wording.text(item.label)
        if item.type in _COLLEAGUES:
            yield label, wording._("somebody of the school")
        elif item.is_words and isinstance(value, str):
            yield label, uncounted(with_tokens(value, naming.find_all(value)), others)
        else:
            yield label, wording.answer(loaded.protocol, item, value, names)
