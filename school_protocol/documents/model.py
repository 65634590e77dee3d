"""What a case file prints: frozen, already limited to what its readers may see, in no language yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from school_protocol.domain.conformance import Conformance
from school_protocol.domain.document_rules import Document, Profile
from school_protocol.domain.lines import (
    CaseHead,
    DangerLine,
    DutyLine,
    EventView,
    FollowUpLine,
    PersonLine,
    RailStage,
    RecordView,
    ReferralLine,
    SeatLine,
)
from school_protocol.domain.policy import Unit


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
class SummaryLine:
    """The case in a few words without a name: who confirmed it, when, and whether it stands; empty: nobody did yet."""

    text: str = ""
    role: str = ""
    at: datetime | None = None
    stands: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a copy lacks of what the document would print of the case, counted as it was dropped."""

    names: tuple[str, ...] = ()
    """Signs of the people whose names are known to the case and not in the copy."""
    words: int = 0
    """Entries and steps that lack somebody's own words."""
    answers: int = 0
    """Entries that lack other answers."""
    addresses: int = 0
    """Addresses and accounts."""
    entries: int = 0
    """Entries that are not in it at all."""
    sides: int = 0
    """Entries that whoever issued it doesn't read."""
    others: bool = False
    """Nothing of what concerns others is in it, nor told how much: entries are not counted."""
    sections: tuple[int, ...] = ()
    """Places, in the document, of the sections that it doesn't have."""
    decision: bool = False
    """There is a decision, and it is not in it."""
    within: Mapping[str, int] = field(default_factory=dict)
    """Place of a section → how many of its entries are not in it; 0: some, not told how many."""
    numbers: tuple[tuple[int, int], ...] = ()
    """Runs of numbers, first and last, that are not in its chronology."""

    @property
    def is_nothing(self) -> bool:
        return self == LeftOut()


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything that a case file prints, whoever is handed a copy; the document only lays it out."""

    head: CaseHead
    profile: str
    as_of: datetime
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
    summary: SummaryLine | None = None
    """None: this copy prints none."""
    reader: PersonLine | None = None
    """The person of the case to whom it is made out, where what it says depends on that."""
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def document(self) -> Document:
        """The document of the definition that has this profile."""
        documents = self.head.protocol.documents.values()
        return next(document for document in documents if self.profile in document.profiles)

    @property
    def shown_as(self) -> Profile:
        return self.document.profiles[self.profile]
