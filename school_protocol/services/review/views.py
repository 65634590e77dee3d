"""What pages of reviews are given: frozen, already limited to what this person may see, in no language yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.conformance import Conformance
from school_protocol.domain.engine import Reason
from school_protocol.domain.lines import CaseHead, FollowUpLine
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Act, Level, Move, State
from school_protocol.services.views import CaseLine


@dataclass(frozen=True, slots=True)
class RefusalView:
    """The visa that is to be refused, and the way back that goes with it; none: why each of them is not open."""

    head: CaseHead
    visa: Act
    move: Move | None
    target: State | None
    closed: tuple[tuple[Move, tuple[Reason, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ConformanceView:
    """What the protocol asked of a case and what was done; departures with their reasons as this reader may read."""

    head: CaseHead
    found: Conformance
    as_of: datetime
    follow_ups: tuple[FollowUpLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """One reason why a case stands in the queue. `seq` is the emergency opening that is to be reviewed; `many` says how
    often it holds (several referrals)."""

    kind: str
    since: datetime
    due_at: datetime | None
    tone: str
    seq: int = 0
    many: int = 1


@dataclass(frozen=True, slots=True)
class QueueLine:
    case: CaseLine
    reasons: tuple[ReasonLine, ...]


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A unit to which the queue can be narrowed."""

    unit: Unit
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class QueueView:
    """What waits for this person: one line a case, how many of each kind (`most`: no more are counted)."""

    lines: tuple[QueueLine, ...]
    after: str | None
    counts: dict[str, int]
    most: int
    urgent_left_out: int
    """Urgent cases that wait for this person, and that the list, as it is narrowed, does not show."""
    kind: str
    place: str
    where: Unit | None
    """The unit of that code."""
    level: int | None
    places: tuple[PlaceLine, ...]
    levels: tuple[tuple[int, Level], ...]
    units: tuple[Unit, ...]
    """Where this person answers for schools."""

    @property
    def graded(self) -> Level | None:
        """The level to which it is narrowed."""
        return dict(self.levels).get(self.level) if self.level is not None else None

    @property
    def is_narrowed(self) -> bool:
        return bool(self.kind or self.place) or self.level is not None
