"""What pages are given: frozen, already limited to what this person may see, in no language yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from school_protocol.domain.engine import Reason
from school_protocol.domain.lines import CaseHead as CaseHead
from school_protocol.domain.lines import DangerLine as DangerLine
from school_protocol.domain.lines import DueLine as DueLine
from school_protocol.domain.lines import DutyLine as DutyLine
from school_protocol.domain.lines import EventView as EventView
from school_protocol.domain.lines import FollowUpLine as FollowUpLine
from school_protocol.domain.lines import HoldLine as HoldLine
from school_protocol.domain.lines import PersonLine as PersonLine
from school_protocol.domain.lines import RailStage as RailStage
from school_protocol.domain.lines import RecordView as RecordView
from school_protocol.domain.lines import ReferralLine as ReferralLine
from school_protocol.domain.lines import SeatLine as SeatLine
from school_protocol.domain.lines import SignatureLine as SignatureLine
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import (
    Act,
    Danger,
    Deadline,
    Form,
    Level,
    Move,
    Protocol,
    Stage,
    State,
    Target,
)


@dataclass(frozen=True, slots=True)
class AccountLine:
    id: str
    name: str
    roles: tuple[str, ...] = ()
    trained: bool = False


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
    for_next: bool = False
    """It would meet a need of the next step."""


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
    dangers: tuple[Danger, ...] = ()
    """For somebody who may not see the case: those that they raised themselves."""


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
    metadata_only: bool = False


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
    restricted: bool = False
    """Only those who oversee read it: the definition's hint says so."""
    dangers: tuple[Danger, ...] = ()
    contacts: tuple[ContactLine, ...] = ()
    acts: tuple[Act, ...] = ()
    """Of the first minutes, once the reporter has raised a danger: others are not told that there is one."""


@dataclass(frozen=True, slots=True)
class ConflictView:
    """Somebody wrote first: what is new since the form was opened, beside what this person typed."""

    head: CaseHead
    since: tuple[EventView, ...]
    act: Act | None = None
    move: Move | None = None
