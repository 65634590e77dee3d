"""What somebody intends, and what the engine answers: reasons, choices, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from school_protocol.engine.answers import NewPerson
from school_protocol.engine.events import Event
from school_protocol.engine.visibility import Actor


@dataclass(frozen=True, slots=True)
class Paper:
    """What stood on paper before it was typed in: when it was written, and by whom, as they stood on that day."""

    written_at: datetime
    writer: Actor


@dataclass(frozen=True, slots=True)
class RecordAct:
    """Record an act with these answers."""

    act: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    signed: bool = False
    """The actor has just proved again who they are."""
    changes: Mapping[str, Any] | None = None
    """For a correction: the corrected record's answers as they should be, whole."""
    paper: Paper | None = None
    """Where it is typed in from a paper form."""
    successor: str = ""
    """Number kept for the case that the act may open at another school."""
    contact: str = ""
    """For a referral: the contact that it goes to, among those that serve the unit."""
    onward: str = ""
    """The step that is made with it, where it is open once the act is recorded."""


@dataclass(frozen=True, slots=True)
class MakeMove:
    """Make a move; `departures` are needs gone on without, each with its reason."""

    move: str
    reason: str = ""
    departures: Mapping[str, str] = field(default_factory=dict)
    successor: str | None = None
    """Number kept for the case that the move opens elsewhere."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back what one has just recorded by mistake."""

    seq: int


Intent = RecordAct | MakeMove | Undo


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is not open: a code, the need that is unmet, who can lift it, with which acts, and from when."""

    code: str
    need: str | None = None
    roles: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Facts not recorded yet."""
    from_when: datetime | None = None
    may_depart: bool = False
    persons: tuple[str, ...] = ()
    to_sign: tuple[int, ...] = ()
    """Entries that would meet the need, once they are signed: `roles` are then whose signature is awaited."""
    seconds: int = 0
    """How long it stays so."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One act or move as it stands for this person now."""

    kind: str
    key: str
    role: str | None
    reasons: tuple[Reason, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows: events to append, and the identities of people named for the first time (kept apart)."""

    events: tuple[Event, ...]
    people: tuple[NewPerson, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """What a case needs to exist at all."""

    number: str
    unit: str
    report: str | None = None
    opened_from: str | None = None
    barred: frozenset[str] = frozenset()
    """Accounts that must not read what it is opened from."""
