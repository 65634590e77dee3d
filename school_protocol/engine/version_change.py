"""From one version of a protocol to another: whether an open case can follow, must stay, or somebody has to decide.

A case keeps what was written and decided under its version; what comes later is asked by the new one. So it stays where
something of it would have no meaning there, and a decision is asked for where something that holds, runs or was
answered would be otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from school_protocol.engine import case_summary
from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_parts import Record
from school_protocol.engine.case_summary import assessed_level, last_grid
from school_protocol.engine.deadlines import open_dues, read
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.events import VersionChanged
from school_protocol.engine.facts import Facts, Surroundings


class Outcome(StrEnum):
    moves = "moves"
    asks = "asks"
    """Somebody has to decide."""
    stays = "stays"


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a case does not simply move: a code, and the part and key of the protocol that it is about."""

    code: str
    part: str = ""
    key: str = ""

    @property
    def is_final(self) -> bool:
        """Whether the case stays for it, whatever anybody decides."""
        return self.code in _FINAL


@dataclass(frozen=True, slots=True)
class Weighed:
    """What becomes of one case, with every reason."""

    grounds: tuple[Ground, ...] = ()

    @property
    def outcome(self) -> Outcome:
        if any(ground.is_final for ground in self.grounds):
            return Outcome.stays
        return Outcome.asks if self.grounds else Outcome.moves


_FINAL = frozenset({"closed", "not_newer", "gone", "other_kind", "other_type"})


def version_changed(
    case: Case, old: Protocol, new: Protocol, actor: str, role: str, at: datetime, reason: str
) -> VersionChanged:
    """The event by which `case` follows `new` from here on."""
    return VersionChanged(
        seq=case.last_seq + 1, actor=actor, role=role, at=at, occurred_at=at, former=old.version,
        former_digest=old.digest, version=new.version, digest=new.digest, reason=reason,
    )  # fmt: skip


def weighed(old: Protocol, case: Case, new: Protocol, now: datetime, around: Surroundings) -> Weighed:
    """What becomes of an open case of `old`, were it to follow `new` from `now` on."""
    final = tuple(dict.fromkeys(_staying(old, case, new)))
    if final:
        return Weighed(final)
    event = version_changed(case, old, new, "", "", now, "")
    earlier = {**case.earlier, old.version: old}
    after = fold(new, [*case.events, event], earlier=earlier)
    before, then = read(old, case, now, around), read(new, after, now, around)
    return Weighed(tuple(dict.fromkeys((*_answered(old, case, new), *_otherwise(before, then)))))


# ---- what stays --------------------------------------------------------------------------------------------------


def _staying(old: Protocol, case: Case, new: Protocol) -> Iterator[Ground]:
    if old.states[case.state].ended:
        yield Ground("closed")
    if new.protocol != old.protocol or new.version <= old.version:
        yield Ground("not_newer")
    for part, key in _in_use(old, case):
        if key not in getattr(new, part):
            yield Ground("gone", part, key)
    for record in _records(case):
        act = new.acts.get(record.act)
        if act is None:
            yield Ground("gone", "acts", record.act)
        elif act.kind is not record.kind:
            yield Ground("other_kind", "acts", record.act)
        else:
            yield from _typed_otherwise(new, record, _fields(old, case, record))


def _records(case: Case) -> Iterator[Record]:
    yield from case.records
    yield from case.retracted.values()


def _fields(old: Protocol, case: Case, record: Record) -> tuple[FormField, ...]:
    """The questions whose answers a record holds: of its first form, and of the one that it was corrected under."""
    found: dict[str, FormField] = {}
    for seq in (record.seq, *record.corrections):
        found |= case.protocol_at(seq, old).form_of(record.act).by_key
    return tuple(item for item in found.values() if item.key in record.answers)


def _in_use(old: Protocol, case: Case) -> Iterator[tuple[str, str]]:
    """Every entry of the protocol that the case stands in, has, or points at."""
    yield "states", case.state
    if case.before is not None:
        yield "states", case.before.state
    for held in case.seats:
        yield "seats", held.seat
        if held.side:
            yield "sides", held.side
    for person in (*case.people.values(), *case.former.values()):
        yield "slots", person.slot
    for life in case.dangers:
        yield "dangers", life.danger
    for referral in case.referrals:
        yield "targets", referral.target
        yield from (("dangers", key) for key in referral.covers if key in old.dangers)
    for record in _records(case):
        for item in _fields(old, case, record):
            yield from _pointed_at(old, item, record.answers[item.key])


_POINTING: Mapping[FieldType, str] = {
    FieldType.danger: "dangers",
    FieldType.dangers: "dangers",
    FieldType.covers: "dangers",
    FieldType.danger_answers: "dangers",
    FieldType.target: "targets",
    FieldType.seat: "seats",
    FieldType.slot: "slots",
    FieldType.side: "sides",
    FieldType.duty: "duties",
}


def _pointed_at(old: Protocol, item: FormField, value: Any) -> Iterator[tuple[str, str]]:
    part = _POINTING.get(item.type)
    if part is not None:
        keys = [value] if isinstance(value, str) else value or ()
        yield from ((part, key) for key in keys if key in getattr(old, part))
    elif item.type is FieldType.grid:
        yield "grids", item.grid or next(iter(old.grids))
    elif item.type is FieldType.rows:
        for row in value or ():
            for column in item.fields:
                if column.key in row:
                    yield from _pointed_at(old, column, row[column.key])


def _typed_otherwise(new: Protocol, record: Record, fields: Iterable[FormField]) -> Iterator[Ground]:
    """Answers that the new version would read as something else: of another type, or of a grid with other items.

    Of what still waits for a signature, and has its effect under the new version, nothing may be missing either.
    """
    form = new.form_of(record.act)
    for item in fields:
        asked = form.by_key.get(item.key)
        columns = {column.key: column.type for column in asked.fields} if asked else {}
        lost = asked is None and record.effective_seq is None
        other = lost or (
            asked is not None
            and (
                asked.type is not item.type
                or any(columns.get(one.key, one.type) is not one.type for one in item.fields)
            )
        )
        if other or (item.type is FieldType.grid and not _fits_grid(new, asked or item, record.answers[item.key])):
            yield Ground("other_type", "fields", f"{form.key}.{item.key}")


def _fits_grid(new: Protocol, item: FormField, scores: Mapping[str, Any] | None) -> bool:
    grid = new.grids.get(item.grid or next(iter(new.grids), ""))
    return grid is not None and all(
        key in grid.items and (score is None or int(score) < len(grid.items[key].anchors))
        for key, score in (scores or {}).items()
    )


# ---- what has to be decided --------------------------------------------------------------------------------------


def _answered(old: Protocol, case: Case, new: Protocol) -> Iterator[Ground]:
    """Answers to questions, or with options, that the new version has no more: they can be read, and count no more."""
    for record in _records(case):
        form, former = new.form_of(record.act), old.form_of(record.act)
        for item in former.fields:
            if item.key in record.answers:
                yield from _lost(form.key, item, form.by_key.get(item.key), record.answers[item.key])
        if record.effective_seq is None and new.acts[record.act].signatures != old.acts[record.act].signatures:
            yield Ground("signatures", "acts", record.act)


def _lost(place: str, item: FormField, asked: FormField | None, value: Any) -> Iterator[Ground]:
    here = f"{place}.{item.key}"
    if asked is None:
        yield Ground("answer_gone", "fields", here)
        return
    chosen = [value] if isinstance(value, str) else value or ()
    known = {option.key for option in asked.options}
    if item.options and any(str(key) not in known for key in chosen):
        yield Ground("answer_gone", "fields", here)
    columns = {column.key: column for column in asked.fields}
    for column in item.fields:
        for row in value or ():
            if column.key in row:
                yield from _lost(here, column, columns.get(column.key), row[column.key])


def _otherwise(before: Facts, after: Facts) -> Iterator[Ground]:
    """What holds, runs or is planned now, and would be otherwise."""
    old, new, case = before.protocol, after.protocol, after.case
    if new.states[case.state].ended:
        yield Ground("would_end", "states", case.state)
    for key, need in old.needs.items():
        if key in new.needs and need.when.truth(before) is True and new.needs[key].when.truth(after) is not True:
            yield Ground("held_no_more", "needs", key)
    yield from _due_otherwise(before, after)
    if before.next_dates() != after.next_dates():
        yield Ground("follow_ups", "follow_up")
    if _level(before) != _level(after):
        yield Ground("level", "assessment")


def _due_otherwise(before: Facts, after: Facts) -> Iterator[Ground]:
    running, would = _running(before), _running(after)
    for (deadline, subject, start), due_at in running.items():
        if would.get((deadline, subject, start)) != due_at:
            yield Ground("due_otherwise", "deadlines", deadline)
    for (deadline, subject, start), due_at in would.items():
        if (deadline, subject, start) not in running and due_at < after.now:
            yield Ground("late_at_once", "deadlines", deadline)


def _running(facts: Facts) -> dict[tuple[str, str, int], datetime]:
    return {(due.deadline, due.subject, due.start_seq): due.due_at for due in open_dues(facts)}


def _level(facts: Facts) -> tuple[Any, ...]:
    """How the latest grid is read: points, level and why."""
    protocol, case = facts.protocol, facts.case
    record = last_grid(protocol, case)
    if record is None or protocol.assessment is None:
        return ()
    level, _detail = assessed_level(protocol, case, record.answers)
    item = protocol.form_of(protocol.assessment.act).by_key[protocol.assessment.field]
    scored = case_summary.score(
        protocol.grids[item.grid or next(iter(protocol.grids))], record.answers.get(item.key) or {}
    )
    return level, scored.low, scored.high, scored.floors
