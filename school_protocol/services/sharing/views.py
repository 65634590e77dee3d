"""What pages show of what one school asks of another: frozen, nothing but what their reader may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from school_protocol.domain.lines import RecordView
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Slot
from school_protocol.services.views import ActView, CaseHead, ContributionLine


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Something that another school asks, in a list."""

    number: str
    seq: int
    is_transfer: bool
    home: Unit
    """The school that asks."""
    there: Unit
    """The school of which it is asked; where it is none of this installation, the one that asks."""
    asked_at: datetime
    due_at: datetime | None
    tone: str

    @property
    def is_unknown(self) -> bool:
        """Whether no school of this installation is asked: whoever reads this decides in its place."""
        return self.there.id == self.home.id


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request, with the form that answers it; of the case nothing but what was written for this."""

    line: RequestLine
    asked: RecordView
    labels: Mapping[str, str]
    """Person of the case → sign."""
    act: ActView
    fixed: Mapping[str, str] = field(default_factory=dict)
    """What the answer points at."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the other school's case in its closed answers alone; none: only that it was written."""

    record: RecordView
    closed: bool


@dataclass(frozen=True, slots=True)
class ContributionView:
    """What the other school's case tells: where it stands, signs, closed answers; no name and no words."""

    head: CaseHead
    line: ContributionLine
    people: tuple[tuple[str, Slot], ...]
    told: tuple[Told, ...]
