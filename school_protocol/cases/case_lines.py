"""What may be shown of a case, line by line: frozen, already limited to one reader, in no language yet.

Pages and papers are made of the same lines. Texts of the definition travel as its own objects (`State`, `Act`,
`Need` ...); `wording` speaks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from school_protocol.engine.act_checks import raises_danger
from school_protocol.engine.definition import (
    Act,
    Caution,
    Danger,
    Deadline,
    Duty,
    Level,
    Protocol,
    Seat,
    Slot,
    Stage,
    State,
    Target,
)
from school_protocol.engine.form_model import Form, Option
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Unit


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
class SignatureLine:
    name: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PaperLine:
    """Who wrote an entry on paper before it was typed in, in which role, when."""

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
    """`side`: the whole record is for another side; `words`: the words are; `copy`: other answers are; `destroyed`."""
    derived: Mapping[str, Any] = field(default_factory=dict)
    corrections: tuple[int, ...] = ()
    first: Mapping[str, Any] | None = None
    """Where it was corrected: the answers as they were first written, as far as this reader may read them."""
    first_whom: Mapping[str, str] = field(default_factory=dict)
    """Of a referral that was corrected: the service that it named first."""
    taken_back: datetime | None = None
    """When its writer took it back: nothing rests on it any more."""
    undo_until: datetime | None = None
    """Until when this reader, who wrote it, may take it back."""
    protocol: Protocol | None = None
    """The version of the protocol that it was written under."""
    paper: PaperLine | None = None
    """Where it stood on paper first; `actor` and `role` are then of whoever typed it in."""
    left_out: tuple[str, ...] = ()
    """In a copy: the questions (`field`, `rows.column`) whose answers are left out; none where that would tell."""
    remarks: tuple[RemarkLine, ...] = ()
    """What those who oversee have observed on it, on its own page."""

    @property
    def raises_danger(self) -> bool:
        return raises_danger(self.act.kind, self.derived)

    @property
    def author(self) -> str:
        return self.paper.name if self.paper else self.actor

    @property
    def author_role(self) -> str:
        return self.paper.role if self.paper else self.role

    @property
    def written_at(self) -> datetime:
        return self.paper.at if self.paper else self.at


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
    remarks: tuple[RemarkLine, ...] = ()
    """What those who oversee have observed on it, on pages."""
    settled: RemarkLine | None = None
    """The remark that it says was dealt with, on pages."""


@dataclass(frozen=True, slots=True)
class DueLine:
    """`tone`: late, today, soon, later; `subject` is a danger, a person's label or a referral number, for display.

    Of a planned follow-up there is no deadline: it is due as its day ends. What is to be asked again has no moment.
    """

    deadline: Deadline | None
    subject: str
    due_at: datetime | None
    tone: str
    acts: tuple[Act, ...] = ()
    """Open acts that would do it."""


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
    channel: Option | None
    by: str
    state: str
    """open, acknowledged, settled."""
    answered_at: datetime | None = None
    whom: Mapping[str, str] = field(default_factory=dict)
    """The names of the organisation that it went to, where somebody said which."""


@dataclass(frozen=True, slots=True)
class RemarkLine:
    """One remark on a copy, or (copy 0) on the case as it stood on screen.

    `section`, `entry` with `field`, and `act` (a form that is missing) say what it is on; none: the file as a whole.
    """

    seq: int
    place: int
    document: str
    copy: int
    kind: str
    section: str
    entry: int
    awaits: bool
    text: str
    by: str
    role: str
    at: datetime
    settled_at: datetime | None = None
    settled_by: str = ""
    sentence: str = ""
    on: Text | None = None
    """Title of what it is on: an act, a step, a document that was handed out."""
    on_record: bool = False
    """It is on an entry that has a page of its own, which this reader may open."""
    is_hidden: bool = False
    """It is on an entry, or a form, of a side that is not this reader's: nor are its words, nor which form it is."""
    field: str = ""
    act: str = ""
    part: Text | None = None
    """The question that it is on, in words."""
    at_entry: int = 0
    """The entry beside which it stands: the one that it is on, or that of its copy."""


@dataclass(frozen=True, slots=True)
class HoldLine:
    number: int
    guardian: PersonLine | None
    """None: every guardian."""
    since: datetime
    confirmed: bool
    stands: bool
    review_by: datetime | None = None


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
class CautionLine:
    """Something to mind about people of the case, by their signs; none: the entry named nobody."""

    caution: Caution
    people: tuple[PersonLine, ...]


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
    cautions: tuple[CautionLine, ...] = ()
    can_raise: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    """Person of the case or account → how this reader sees them named."""
    metadata_only: bool = False
    has_papers: bool = True
    """Whether a copy of some document is this reader's to issue."""
    names_until: datetime | None = None
    """Until when names are lifted for this reader."""
    open_until: datetime | None = None
    """Until when an emergency opening lets this reader read the case, and nothing else does."""
