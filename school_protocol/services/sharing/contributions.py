"""Contributions of other schools, as the case that asked for them shows them; no name and no words of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from school_protocol.domain.errors import Unseen
from school_protocol.domain.forms import FieldType, Form, Option
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import ActKind, Level, Protocol, Slot
from school_protocol.domain.sharing import Asked, contributions
from school_protocol.services.house import House
from school_protocol.services.loading import (
    Loaded,
    folded,
    load,
    load_by_id,
    names_in,
    naming_of,
    scope_of,
    sign_of,
    today_for,
)
from school_protocol.services.seeing import Seeing
from school_protocol.services.sharing.views import ContributionView, Told
from school_protocol.services.views import ContributionLine
from school_protocol.storage import access, cases, directory, index
from school_protocol.storage.engines import Session

CLOSED = frozenset(
    {
        FieldType.choice, FieldType.choices, FieldType.tri, FieldType.yes_no, FieldType.danger, FieldType.dangers,
        FieldType.danger_answers, FieldType.target,
    }
)  # fmt: skip
"""Questions whose answers are all foreseen: they name nobody."""
_TOLD = frozenset(
    {
        ActKind.report, ActKind.record, ActKind.raise_danger, ActKind.lift_danger, ActKind.take_over, ActKind.refer,
        ActKind.answer_referral, ActKind.evidence, ActKind.grid, ActKind.follow_up,
    }
)  # fmt: skip
"""What the assessment needs; nothing of the adults there, of what a family is told, or of how the case is decided."""


def lines_of(house: House, session: Session, loaded: Loaded) -> tuple[ContributionLine, ...]:
    """Every contribution that the case asks for; none for whoever reads one side, or metadata alone."""
    asked = contributions(loaded.protocol, loaded.case)
    if not asked or loaded.metadata_only or not _reads_all_sides(loaded):
        return ()
    with house.directory.reading() as people:
        units = directory.schools_coded(people, {one.school for one in asked})
    return tuple(_line(house, session, loaded, one, units.get(one.school)) for one in asked)


def see_contribution(house: House, actor: Actor, number: str, seq: int) -> ContributionView:
    """What one contribution tells the school that leads; read in both cases, and recorded in both."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number, reading=True)
        line = next((one for one in lines_of(house, session, loaded) if one.seq == seq), None)
        case_id = cases.find_by_number(session, line.number) if line is not None else None
        if line is None or case_id is None:
            raise Unseen(number)
        other = load_by_id(house, session, actor, case_id)
        for read in (loaded.case_id, case_id):
            access.note(session, case_id=read, account=actor.id, at=house.now(), what=f"contribution.{seq}")
        return ContributionView(Seeing(loaded, {}).head(), line, tuple(_people(other)), tuple(_told(other)))


def _line(house: House, session: Session, loaded: Loaded, asked: Asked, there: Unit | None) -> ContributionLine:
    state = "refused" if asked.is_refused else "settled" if asked.settled else "open" if asked.opened else "waits"
    line = ContributionLine(
        seq=asked.record.seq,
        school=asked.school,
        there=there,
        asked_at=asked.record.at,
        state=state,
        answered_at=asked.answer.at if asked.answer else None,
        reason=_reason(house, session, loaded, asked),
        outcome=_outcome(loaded.protocol, asked),
    )
    case_id = cases.find_by_number(session, asked.opened) if asked.opened else None
    row = _where_it_goes_on(house, session, loaded.case.number, case_id) if case_id is not None else None
    if row is None or row.restricted or loaded.actor.id in row.exclusions:
        return line
    protocol = house.library.protocol(row.protocol, row.version)
    seen = index.seen_among(session, scope_of(house, loaded.actor), [row.case_id], today=today_for(house))
    return replace(
        line,
        number=row.number,
        standing=protocol.states[row.state],
        level=_level(protocol, row.level),
        moved_at=row.moved_at,
        is_seen=row.case_id in seen,
    )


def _where_it_goes_on(house: House, session: Session, lead: str, case_id: str) -> index.IndexRow | None:
    """The contributing case, or that at the school to which it was handed over; None past one that is restricted."""
    row = index.row_of(session, case_id)
    while row is not None and not row.restricted:
        protocol, case = folded(house, session, row.case_id)
        following = cases.find_by_number(session, case.successor or "")
        if following is None or not protocol.states[case.state].successor:
            break
        further = index.row_of(session, following)
        if further is None:
            return None
        _protocol, next_ = folded(house, session, following)
        if not next_.contributes or next_.opened_from != lead:
            break
        row = further
    return row


def _reads_all_sides(loaded: Loaded) -> bool:
    seeing = Seeing(loaded, {})
    return all(seeing.reads_side(side) for side in loaded.protocol.sides)


def _reason(house: House, session: Session, loaded: Loaded, asked: Asked) -> str:
    """Why it was refused, with signs in place of the names of the case's people."""
    if asked.answer is None or not asked.is_refused:
        return ""
    fields, answers = loaded.protocol.form_of(asked.answer.act).fields, asked.answer.answers
    said = next((str(answers[one.key]) for one in fields if one.nameless and one.key in answers), "")
    return naming_of(loaded.protocol, names_in(house, session, loaded.case_id)).signed(said) if said else ""


def _outcome(protocol: Protocol, asked: Asked) -> Option | None:
    item = protocol.form_of(asked.settled.act).find(FieldType.choice) if asked.settled else None
    chosen = asked.settled.answers.get(item.key) if asked.settled and item else None
    return next((one for one in item.options if one.key == chosen), None) if item else None


def _level(protocol: Protocol, level: int | None) -> Level | None:
    return next((grid.levels[level] for grid in protocol.grids.values() if level and level in grid.levels), None)


def _people(other: Loaded) -> Iterator[tuple[str, Slot]]:
    for person in other.case.people.values():
        yield sign_of(other.protocol, person.id), other.protocol.slots[person.slot]


def _told(other: Loaded) -> Iterator[Told]:
    """Its entries, the oldest first: of what was heard, and of what has readers of its own, only that it is there."""
    seeing = Seeing(other, {})
    for record in other.case.records:
        if record.kind not in _TOLD or record.effective_seq is None:
            continue
        shown = seeing.record(record, as_signatory=True)
        open_ = shown.form.side is None and not shown.form.readers
        answers = _closed(shown.form, shown.answers) if open_ else {}
        yield Told(replace(shown, answers=answers, actor="", derived={}), open_)


def _closed(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    told = form.told_on(answers)
    return {item.key: told[item.key] for item in form.fields if item.type in CLOSED and item.key in told}
