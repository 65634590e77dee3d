"""What pages and papers are given: frozen, already limited to what this person may see, in no language yet.

Texts of the definition travel as its own objects (`State`, `Act`, `Need` ...); `wording` speaks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from school_protocol.domain.conformance import Conformance
from school_protocol.domain.engine import Reason
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import (
    Act,
    Danger,
    Deadline,
    Duty,
    Form,
    Level,
    Move,
    Protocol,
    Seat,
    Slot,
    Stage,
    State,
    Target,
)


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person of the case: `label` is slot code and number (EV1); `name` is None where it isn't for this reader."""

    id: str
    slot: Slot
    label: str
    name: str | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


@dataclass(frozen=True, slots=True)
class AccountLine:
    id: str
    name: str
    roles: tuple[str, ...] = ()
    trained: bool = False


@dataclass(frozen=True, slots=True)
class SignatureLine:
    name: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordView:
    """One recorded act. `answers` holds only what this reader may read; `hidden` says why something is missing."""

    seq: int
    event: str
    """Name of the event kind, in snake_case: the partial's name."""
    act: Act
    form: Form
    answers: Mapping[str, Any]
    actor: str
    role: str
    at: datetime
    occurred_at: datetime
    signatures: tuple[SignatureLine, ...] = ()
    signatures_wanted: int = 0
    is_effective: bool = True
    hidden: str | None = None
    """`side`: the whole record is for another side; `words`: the words are; `destroyed`."""
    derived: Mapping[str, Any] = field(default_factory=dict)
    corrections: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the chronology. `record` for acts; `detail` for the rest, as the partial of its kind reads it."""

    seq: int
    kind: str
    """Name of the event kind, in snake_case: the partial's name."""
    actor: str
    role: str
    at: datetime
    occurred_at: datetime
    record: RecordView | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DueLine:
    """`tone`: late, today, soon, later; `subject` is a danger, a person's label or a referral number, for display."""

    deadline: Deadline
    subject: str
    due_at: datetime
    tone: str
    state: str = "open"


@dataclass(frozen=True, slots=True)
class DutyLine:
    duty: Duty
    state: str
    tone: str
    due_at: datetime | None = None
    done_at: datetime | None = None
    acts: tuple[Act, ...] = ()
    """Open acts that would do it."""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class MoveLine:
    """A move that leaves from here; closed ones with every reason."""

    move: Move
    target: State | None
    is_open: bool
    reasons: tuple[Reason, ...] = ()
    may_try: bool = False
    """Only needs that may be departed from stand in the way, and the role is right."""


@dataclass(frozen=True, slots=True)
class ActLine:
    act: Act
    times: int
    last_at: datetime | None = None
    suggested: bool = False
    """It would meet a need of the next step, or a duty that is due."""


@dataclass(frozen=True, slots=True)
class DangerLine:
    danger: Danger
    state: str
    raised_at: datetime
    by: str
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReferralLine:
    number: int
    seq: int
    target: Target
    covers: tuple[str, ...]
    sent_at: datetime
    channel: str | None
    by: str
    state: str
    """open, acknowledged, settled."""
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HoldLine:
    number: int
    guardian: PersonLine | None
    """None: every guardian."""
    since: datetime
    confirmed: bool
    stands: bool


@dataclass(frozen=True, slots=True)
class SeatLine:
    seat: Seat
    name: str
    until: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUpLine:
    """A planned or held follow-up. `state`: held, missed, planned."""

    day: date
    state: str
    offset: int | None = None
    record: RecordView | None = None


@dataclass(frozen=True, slots=True)
class RailStage:
    """`state`: done, current, ahead."""

    stage: Stage
    state: str
    entered_at: datetime | None = None
    states: tuple[State, ...] = ()
    """States of the stage that were entered, in order; the last is where the case stands if current."""


@dataclass(frozen=True, slots=True)
class ContactLine:
    """Somebody to call: living directory data. `open_now` is None where hours are not known."""

    target: Target | None
    name: Mapping[str, str]
    phone: str | None = None
    url: str | None = None
    open_now: bool | None = None
    verified_on: date | None = None


@dataclass(frozen=True, slots=True)
class ChronologyPage:
    """Events, newest first; `before` is the number to ask the next page with."""

    events: tuple[EventView, ...]
    before: int | None = None


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What every page of a case shows above its content."""

    protocol: Protocol
    number: str
    seq: int
    """Number of the latest event: the expected number of the next form."""
    unit: Unit
    state: State
    stage: Stage
    level: Level | None
    opened_at: datetime
    entered_at: datetime
    restricted: bool
    pseudonymised: bool
    roles: tuple[str, ...]
    """Titles are found in protocol.roles or protocol.seats."""
    live_dangers: tuple[DangerLine, ...] = ()
    can_raise: bool = False


@dataclass(frozen=True, slots=True)
class CaseView:
    head: CaseHead
    rail: tuple[RailStage, ...]
    next_moves: tuple[MoveLine, ...]
    other_moves: tuple[MoveLine, ...]
    acts: tuple[tuple[str, tuple[ActLine, ...]], ...]
    """By group, in the order in which a case needs them."""
    duties: tuple[DutyLine, ...]
    dues: tuple[DueLine, ...]
    people: tuple[PersonLine, ...]
    seats: tuple[SeatLine, ...]
    referrals: tuple[ReferralLine, ...]
    holds: tuple[HoldLine, ...]
    evidence: tuple[RecordView, ...]
    notes: tuple[RecordView, ...]
    follow_ups: tuple[FollowUpLine, ...]
    dangers: tuple[DangerLine, ...]
    to_sign: tuple[RecordView, ...]
    chronology: ChronologyPage
    successor: str | None = None
    joined: tuple[str, ...] = ()
    opened_from: str | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the reference fields of a form may point at, as (value, label-source) pairs."""

    people: tuple[PersonLine, ...] = ()
    accounts: tuple[AccountLine, ...] = ()
    referrals: tuple[ReferralLine, ...] = ()
    holds: tuple[HoldLine, ...] = ()
    records: tuple[RecordView, ...] = ()
    cases: tuple[str, ...] = ()
    contacts: tuple[ContactLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ActView:
    """One act's form, ready to be filled in; `head` is None before the case exists."""

    protocol: Protocol
    act: Act
    form: Form
    head: CaseHead | None
    choices: Choices
    reasons: tuple[Reason, ...] = ()
    asks_signature: bool = False
    signs: RecordView | None = None
    """For a signature: what is signed."""
    prefill: Mapping[str, Any] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    """Before the case exists: where the reporter may file it."""


@dataclass(frozen=True, slots=True)
class MoveView:
    head: CaseHead
    move: Move
    target: State | None
    reasons: tuple[Reason, ...]
    """All that stand in the way, departures aside."""
    departures: tuple[Reason, ...]
    """Needs that may be gone on without, each with a reason to be written."""
    is_open: bool


@dataclass(frozen=True, slots=True)
class DangerPage:
    """The urgent page: first acts and numbers, before any form."""

    head: CaseHead
    dangers: tuple[DangerLine, ...]
    contacts: tuple[ContactLine, ...]
    quick_acts: tuple[Act, ...]
    then_acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a list: nothing nominal, not even the kind of facts."""

    protocol: Protocol
    number: str
    state: State
    stage: Stage
    stage_place: int
    stage_count: int
    level: Level | None
    due: Deadline | None
    due_at: datetime | None
    tone: str
    """late, today, soon, later, ended."""
    raised: int
    restricted: bool
    unit: Unit
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class DeskView:
    lines: tuple[CaseLine, ...]
    filter: str
    after: str | None
    """Cursor of the next page."""
    units: tuple[Unit, ...]
    receipts: tuple[ReceiptLine, ...] = ()
    can_report: bool = False
    late: int = 0
    today: int = 0


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A reporter's own receipt: that it came in, and whether it is being looked after; nothing of the case."""

    report: str
    received_at: datetime
    state: str
    """received, in_hand, ended."""
    unit: Unit
    protocol: Protocol
    can_raise: bool = True
    dangers: tuple[Danger, ...] = ()
    contacts: tuple[ContactLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ConflictView:
    """Somebody wrote first: what is new since the form was opened, beside what this person typed."""

    head: CaseHead
    since: tuple[EventView, ...]
    act: Act | None = None
    move: Move | None = None


@dataclass(frozen=True, slots=True)
class GridLine:
    item: str
    title_of: Any
    score: int | None
    low: int
    high: int
    weight: int


@dataclass(frozen=True, slots=True)
class CaseFileView:
    """Everything a case file may print for one profile, limited already; the document only lays it out."""

    head: CaseHead
    profile: str
    language: str
    as_of: datetime
    copy: int
    reader: str
    content_seq: int
    content_head: str
    decision: RecordView | None
    conformance: Conformance
    events: tuple[EventView, ...]
    people: tuple[PersonLine, ...]
    records: tuple[RecordView, ...]
    grid: tuple[GridLine, ...]
    grid_total: tuple[int, int] | None
    grid_detail: Mapping[str, Any]
    dangers: tuple[DangerLine, ...]
    referrals: tuple[ReferralLine, ...]
    follow_ups: tuple[FollowUpLine, ...]
    evidence: tuple[RecordView, ...]
    duties: tuple[DutyLine, ...]
    seats: tuple[SeatLine, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    """Account id → name, for answers that point at colleagues."""
