"""What a case file prints: frozen, already limited to what its reader may see, in no language yet.

Names and shapes are those of `services.views`, cut down to what the pages need; texts of the definition travel as its
own objects. Two things are added: the units above the school, and the answers to the document's checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from school_protocol.domain.conformance import Conformance
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import (
    Act,
    Danger,
    Document,
    Duty,
    Form,
    Level,
    Profile,
    Protocol,
    Seat,
    Slot,
    Stage,
    State,
    Target,
)


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person of the case. `label` is the slot's code and number (EV1); `name` is None where it is not for this reader."""

    id: str
    slot: Slot
    label: str
    name: str | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    """Further details by name: `grade`, `massar`, `phone`."""
    held: bool = False


@dataclass(frozen=True, slots=True)
class SignatureLine:
    name: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordView:
    """One recorded act. `answers` holds only what this reader may read; `hidden` says why something is missing."""

    seq: int
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
    """One line of the chronology. `record` for acts; `detail` for the rest.

    Read from `detail`, where present: `move`, `target` (of a step: objects or keys), `reason`, `level`, `other` (a
    case's number), `profile`, `language` and `copy` (of a document issued).
    """

    seq: int
    kind: str
    """Name of the event kind, in snake_case."""
    actor: str
    role: str
    at: datetime
    occurred_at: datetime
    record: RecordView | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DutyLine:
    duty: Duty
    state: str
    """due, done, excused, suspended."""
    due_at: datetime | None = None
    done_at: datetime | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class DangerLine:
    danger: Danger
    state: str
    """raised, referred, lifted."""
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


@dataclass(frozen=True, slots=True)
class GridLine:
    item: str
    score: int | None
    low: int
    high: int
    weight: int


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One of the document's checks: a need, a deadline or a duty, by key, and whether it is met."""

    part: str
    """needs, deadlines or duties."""
    key: str
    is_met: bool | None
    """None: not asked of this case so far."""


@dataclass(frozen=True, slots=True)
class CaseHead:
    protocol: Protocol
    number: str
    unit: Unit
    state: State
    stage: Stage
    level: Level | None
    opened_at: datetime
    entered_at: datetime
    restricted: bool = False
    live_dangers: tuple[DangerLine, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything one copy of a case file prints; the document only lays it out."""

    head: CaseHead
    profile: str
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
    rail: tuple[RailStage, ...] = ()
    places: tuple[Unit, ...] = ()
    """The units above the school, nearest first."""
    checks: tuple[CheckLine, ...] = ()

    @property
    def document(self) -> Document:
        """The document of the definition that has this profile."""
        documents = self.head.protocol.documents.values()
        return next(document for document in documents if self.profile in document.profiles)

    @property
    def shown_as(self) -> Profile:
        return self.document.profiles[self.profile]
