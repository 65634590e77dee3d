"""The hand-over of a school's open cases, one page each: what the next team must know, and nobody's name or words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from school_protocol.domain.dues import open_dues
from school_protocol.domain.engine import Choice
from school_protocol.domain.errors import Unseen
from school_protocol.domain.lines import CaseHead, FollowUpLine, ReferralLine, SeatLine
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import Act, ActKind, Deadline
from school_protocol.services.due_lines import tone_of
from school_protocol.services.house import House
from school_protocol.services.loading import load, scope_of, today_for
from school_protocol.services.seeing import Seeing
from school_protocol.services.showing import note_reading, seeing_of
from school_protocol.services.teams import team
from school_protocol.storage import index

PAGE = 30
DUES = 6
NOTES = 5


@dataclass(frozen=True, slots=True)
class ComingLine:
    """What is due; `subject` is a danger's key, a place's code or a number."""

    deadline: Deadline
    subject: str
    due_at: datetime
    tone: str


@dataclass(frozen=True, slots=True)
class NoteLine:
    """That a note is there: its title, its day, who wrote it; never its words."""

    seq: int
    act: Act
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class HandOverCase:
    head: CaseHead
    dues: tuple[ComingLine, ...]
    seats: tuple[SeatLine, ...]
    referrals: tuple[ReferralLine, ...]
    follow_up: FollowUpLine | None
    notes: tuple[NoteLine, ...]
    note_act: Act | None
    """The act that writes the hand-over note, where it is open to this reader."""


@dataclass(frozen=True, slots=True)
class HandOverView:
    unit: Unit
    on: date
    cases: tuple[HandOverCase, ...]
    after: str | None


def see_hand_over(house: House, actor: Actor, school: str, *, after: str | None = None) -> HandOverView:
    """The open cases of a school that this person sees; each one shown is a reading of it."""
    here = team.place_of(house, actor, school)
    scope = scope_of(house, actor).of_content()
    today = today_for(house)
    with house.realm.reading() as session:
        page = index.page(
            session,
            scope,
            today=today,
            limit=PAGE,
            filter=index.Filter(ended=False, unit=here.unit.id),
            after=index.Cursor.parse(after) if after else None,
        )
    cases = tuple(found for row in page.rows if (found := _case(house, actor, row.number)) is not None)
    return HandOverView(here.unit, today, cases, str(page.after) if page.after else None)


def _case(house: House, actor: Actor, number: str) -> HandOverCase | None:
    """One case, in a transaction of its own; None where it was shut to this reader meanwhile."""
    try:
        with house.realm.writing() as session:
            loaded = load(house, session, actor, number)
            note_reading(house, session, loaded, "hand_over")
            return _told(seeing_of(house, loaded))
    except Unseen:
        return None


def _told(seeing: Seeing) -> HandOverCase:
    planned = [line for line in seeing.follow_ups() if line.state != "held"]
    notes = [record for record in seeing.of_kind(ActKind.note) if record.hidden != "side"]
    return HandOverCase(
        head=seeing.head(),
        dues=tuple(
            ComingLine(
                seeing.protocol.deadlines[due.deadline],
                seeing.subject(due.subject),
                due.due_at,
                tone_of(due.due_at, seeing.loaded.now),
            )
            for due in sorted(open_dues(seeing.loaded.facts), key=lambda due: due.due_at)[:DUES]
        ),
        seats=tuple(line for line in seeing.seats() if line.until is None or line.until >= _today(seeing)),
        referrals=tuple(line for line in seeing.referrals() if line.state != "settled"),
        follow_up=planned[0] if planned else None,
        notes=tuple(NoteLine(one.seq, one.act, one.at, one.actor) for one in reversed(notes[-NOTES:])),
        note_act=next(
            (seeing.protocol.acts[choice.key] for choice in seeing.choices if _writes_note(seeing, choice)), None
        ),
    )


def _today(seeing: Seeing) -> str:
    return seeing.loaded.facts.today.isoformat()


def _writes_note(seeing: Seeing, choice: Choice) -> bool:
    return choice.kind == "act" and choice.is_open and seeing.protocol.acts[choice.key].kind is ActKind.note
