"""Data classes of what a case file, letter, notice, note or sheet prints: frozen, limited, in no language yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from school_protocol.cases.view_models import (
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
from school_protocol.engine.case_summary import Conformance
from school_protocol.engine.definition import Protocol, Slot, Target
from school_protocol.engine.definition_parts import Document, FormField, Profile
from school_protocol.engine.story import PointAnswer, StoryLine
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Unit


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
    sections: tuple[int, ...] = ()
    """Places, in the document, of the sections that it doesn't have."""
    decision: bool = False
    """There is a decision, and it is not in it."""
    within: Mapping[str, int] = field(default_factory=dict)
    """Place of a section → how many of its entries are not in it."""
    numbers: tuple[tuple[int, int], ...] = ()
    """Runs of numbers, first and last, that are not in its chronology."""

    @property
    def is_nothing(self) -> bool:
        return self == LeftOut()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the reader of a copy, and by when.

    `kind`: visa or review, observed (they wait for the team), act, move, sign, due or sent_back (`key` says which),
    answer, read, or ended: nothing is asked.
    """

    kind: str = "read"
    key: str = ""
    due_at: datetime | None = None
    roles: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A service that can be called, as the directory has it today."""

    name: Mapping[str, str]
    phone: str = ""


@dataclass(frozen=True, slots=True)
class HomePart:
    """A piece of the pages for a family that stands in them: its place in the body, and what it prints of the case."""

    place: int
    entry: int = 0
    """Number of the entry whose answers it prints."""
    called: tuple[Called, ...] = ()


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
    asked: Asked | None = None
    story: tuple[StoryLine, ...] = ()
    points: tuple[PointAnswer, ...] = ()
    """The answers that tell the case, in the order in which they were given."""
    home: tuple[HomePart, ...] = ()
    """Of a family's copy: what its pages are made of."""

    @property
    def document(self) -> Document:
        """The document of the definition that has this profile."""
        documents = self.head.protocol.documents.values()
        return next(document for document in documents if self.profile in document.profiles)

    @property
    def shown_as(self) -> Profile:
        return self.document.profiles[self.profile]


# ---- what one letter, notice, note or sheet says -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and its answer; words stand with signs in place of the names that this reader may not have."""

    field: FormField
    value: Any


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence, by its number in the register: what is known of it, never the thing itself."""

    number: int
    answers: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """One piece of the body; exactly one of its parts is filled, or none is there to print (`is_missing`)."""

    title: Text | None = None
    text: Text | None = None
    points: tuple[Text, ...] = ()
    answers: tuple[Answered, ...] = ()
    people: tuple[PersonLine, ...] = ()
    counts: tuple[tuple[Slot, int], ...] = ()
    """How many people stand under each slot: where nobody is named."""
    exhibits: tuple[Exhibit, ...] = ()
    services: tuple[Called, ...] = ()
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom it goes: a service, a guardian under their name or sign, or whoever the document names."""

    target: Target | None = None
    person: PersonLine | None = None
    named: Text | None = None
    whom: Mapping[str, str] = field(default_factory=dict)
    """The names of the organisation, where it is known which of that service."""
    city: Mapping[str, str] = field(default_factory=dict)
    """Its town, where the directory has it."""


@dataclass(frozen=True, slots=True)
class Paper:
    """Everything that one paper prints; the pages only lay it out."""

    protocol: Protocol
    document: Document
    number: str
    """The case's."""
    about: str
    """What the copy is about: `referral/2`, `guardian/RL1`, or `case`."""
    as_of: datetime
    unit: Unit
    places: tuple[Unit, ...]
    """The units above the school, nearest first."""
    recipient: Recipient
    issuer: str
    role: str
    """Who issues it, and in which role or seat."""
    body: tuple[Printed, ...]
    covers: tuple[str, ...] = ()
    """Dangers that a referral is about, by key; what else it may be about has none."""
    sent_at: datetime | None = None
    referral: int = 0
    copy: int = 0
    """Its number among the copies of this document."""
    dispatch: str = ""
    """Of a letter that leaves: its number in the register of outgoing letters; a draft has none."""
    earlier: tuple[str, datetime] | None = None
    """Number and moment of the latest letter about the same that left before and was not taken back."""
    basis: Answered | None = None
    """On what law it rests, as the entry of the referral says; else the target does."""
    copies: Answered | None = None
    """Who gets a copy, as that entry says."""
    pupil: str = ""
    """Name of the guardian's own pupil, where the case leaves no doubt."""
    names: Mapping[str, str] = field(default_factory=dict)
    """People of the case and colleagues, as answers of this paper may call them, by id."""
    signs: Mapping[str, str] = field(default_factory=dict)
    """What stands for a sign in the words of this paper: the sign, with the name where its reader may have it."""
    left_out: tuple[str, ...] = ()
    """What it does not say, by code: names, words, addresses, files, pupils."""
    content_seq: int = 0
    content_head: str = ""
