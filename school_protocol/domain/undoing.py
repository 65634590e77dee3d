"""Taking back what one has just recorded by mistake: who may, how long, and what stands against it.

Nothing is deleted. The entry stays in the chronology; the case is folded as though it had never had an effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from school_protocol.domain.assessing import took_level_from
from school_protocol.domain.case import Case, Record, fold, is_reading
from school_protocol.domain.dues import read
from school_protocol.domain.events import CaseSeen, EntryRetracted, StepTaken
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.forms import FieldType
from school_protocol.domain.protocol import CORRECTABLE, ActKind, Protocol
from school_protocol.domain.weighing import record_values

UNDOABLE = CORRECTABLE - {ActKind.report} | {ActKind.raise_danger}
"""Kinds whose entries may be taken back: those that may be corrected, except what opened the case, and dangers."""


_CONFIRMING = (ActKind.visa, ActKind.summary)
"""Kinds that stand for the whole of the case as it was."""


def undo_until(protocol: Protocol, record: Record) -> datetime:
    """The moment after which its writer can only correct it."""
    return record.at + timedelta(minutes=protocol.undo_minutes)


def retraction(record: Record, actor: str, role: str, at: datetime) -> EntryRetracted:
    return EntryRetracted(actor=actor, role=role, at=at, occurred_at=at, entry=record.seq, act=record.act)


def without(protocol: Protocol, case: Case, record: Record) -> Case:
    """The case as it would be, had that record been taken back."""
    event = retraction(record, record.actor, record.role, record.at).numbered(case.last_seq + 1)
    return fold(protocol, [*case.events, event], earlier=case.earlier)


def against_undo(
    protocol: Protocol, case: Case, seq: int, actor: str, now: datetime, around: Surroundings
) -> tuple[str, ...]:
    """What stands against that person's taking that entry back now, as codes; nothing: it may be done."""
    record = case.record(seq)
    if record is None:
        return ("undone_already",) if seq in case.retracted else ("no_such_entry",)
    if record.actor != actor:
        return ("undo_not_yours",)
    if not protocol.undo_minutes or record.kind not in UNDOABLE:
        return ("undo_not_offered",)
    if raises_danger(record.kind, record.derived):
        return tuple(_against_calling_off(protocol, case, record, now))
    found = []
    if case.version_at(record.seq) != case.version:
        found.append("undo_other_version")
    elif any(copy.seq > record.seq for copy in case.documents):
        found.append("undo_handed_out")
    elif _is_rested_on(protocol, case, record, now, around):
        found.append("undo_rested_on")
    if now > undo_until(protocol, record):
        found.append("undo_over")
    return tuple(found)


def undoable(protocol: Protocol, case: Case, actor: str, now: datetime, around: Surroundings) -> Mapping[int, datetime]:
    """The entries that this person may take back now, each with until when; the latest first."""
    own = [one for one in case.records if one.actor == actor and now <= undo_until(protocol, one)]
    return {
        record.seq: undo_until(protocol, record)
        for record in reversed(own)
        if not against_undo(protocol, case, record.seq, actor, now, around)
    }


def last_written(protocol: Protocol, case: Case, actor: str) -> Record | None:
    """The record that this person wrote last here; None where they did something else since, but read or see a step
    follow by itself."""
    for event in reversed(case.events):
        move = protocol.moves.get(event.move) if isinstance(event, StepTaken) else None
        if event.actor == actor and not isinstance(event, CaseSeen) and not (move is not None and move.automatic):
            return case.record(event.seq)
    return None


def raises_danger(kind: ActKind, derived: Mapping[str, Any]) -> bool:
    """Whether such an entry raised a danger, or said again that one is there."""
    return kind is ActKind.raise_danger or bool(derived.get("raised"))


def _against_calling_off(protocol: Protocol, case: Case, record: Record, now: datetime) -> Iterator[str]:
    """What stands against taking a danger back: it must hide none that is there.

    Whoever saw it took it for one; the case stood before, so that it goes back to where it was; it shut nobody of the
    school out, who could press for it; and nothing was written since, by anybody, that rests on it or says it again.
    """
    if record.author != record.actor:
        yield "undo_not_yours"
    elif record.seq - 1 == case.events[0].seq:
        yield "undo_danger_opened"
    elif case.restricted_seq == record.seq:
        yield "undo_danger_restricts"
    elif case.version_at(record.seq) != case.version or any(_written_since(protocol, case, record)):
        yield "undo_danger_since"
    if now > undo_until(protocol, record):
        yield "undo_danger_over"


def _written_since(protocol: Protocol, case: Case, record: Record) -> Iterator[int]:
    """Numbers of what came into the case since, or was handed out: not the step that the danger made by itself, not
    what was only read, and nothing that was taken back."""
    gone = {*case.retracted, *(step.seq for step in case.undone)}
    for event in case.events:
        if event.seq <= record.seq or event.seq in gone or isinstance(event, EntryRetracted):
            continue
        own = isinstance(event, StepTaken) and event.seq == record.seq + 1 and protocol.moves[event.move].automatic
        if not own and (not is_reading(event) or event in case.documents):
            yield event.seq


def _is_rested_on(protocol: Protocol, case: Case, record: Record, now: datetime, around: Surroundings) -> bool:
    """Whether a step, a signature, a correction, a summary or another later entry rests upon it."""
    if any(life.entry == record.seq for life in case.files.values()):
        return True
    if record.corrections or any(step.seq > record.seq for step in case.steps):
        return True
    if any(signature.account != record.actor for signature in record.signatures):
        return True
    later = [one for one in case.records if one.seq > record.seq]
    if any(one.kind in _CONFIRMING or _points_at(protocol, one, record.seq) for one in later):
        return True
    if took_level_from(protocol, case, record):
        return True
    people = set(record.derived.get("people", ()))
    held = {hold.guardian for hold in case.holds if hold.seq > record.seq}
    if people & held or any(_names(one.answers, people) for one in later):
        return True
    return bool(later) and _is_needed(protocol, case, record, later, now, around)


def _points_at(protocol: Protocol, later: Record, seq: int) -> bool:
    fields = protocol.form_of(later.act).fields
    return any(item.type is FieldType.record and str(later.answers.get(item.key)) == str(seq) for item in fields)


def _names(value: Any, people: set[str]) -> bool:
    """Whether somebody whom the record named first stands anywhere in these answers."""
    if isinstance(value, Mapping):
        return any(_names(one, people) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_names(one, people) for one in value)
    return isinstance(value, str) and value in people


def _is_needed(
    protocol: Protocol, case: Case, record: Record, later: list[Record], now: datetime, around: Surroundings
) -> bool:
    """Whether what was recorded since asked for something that this record, and nothing else, meets."""
    before, after = read(protocol, case, now, around), read(protocol, without(protocol, case, record), now, around)
    for one in later:
        act = protocol.acts[one.act]
        for need in (*act.needs, *act.needs_of(record_values(protocol, one))):
            condition = protocol.needs[need].when
            if condition.holds(before) and not condition.holds(after):
                return True
    return False
