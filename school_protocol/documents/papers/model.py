"""What one letter, notice, note or sheet says: frozen, already limited to what its reader may have, in no language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from school_protocol.domain.document_rules import Document
from school_protocol.domain.forms import FormField
from school_protocol.domain.lines import PersonLine
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Protocol, Slot, Target
from school_protocol.domain.texts import Text


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
class Called:
    """A service that can be called, as the directory has it today."""

    name: Mapping[str, str]
    phone: str = ""


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
