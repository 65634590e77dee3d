"""What is said of a workshop's table afterwards: findings, moments, verdicts, measures; nothing is averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from school_protocol.domain.clock import Unit
from school_protocol.domain.evidence import Refusal
from school_protocol.domain.intents import Reason
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.reliving import Count, Stand, Verdict
from school_protocol.domain.scenario import Note, Scenario
from school_protocol.domain.texts import Text


class Kind(StrEnum):
    """What a finding says."""

    in_time = "in_time"
    late = "late"
    left_out = "left_out"
    open = "open"
    suspended = "suspended"
    excused = "excused"
    gone = "gone"
    wrong_role = "wrong_role"
    wrong_order = "wrong_order"
    against_rule = "against_rule"
    upload = "upload"
    departure = "departure"
    despite = "despite"
    trap = "trap"
    written_late = "written_late"
    on_paper = "on_paper"
    other_role = "other_role"


ERRORS = (
    Kind.upload, Kind.despite, Kind.left_out, Kind.late, Kind.wrong_role, Kind.other_role, Kind.wrong_order,
    Kind.against_rule, Kind.departure, Kind.trap,
)  # fmt: skip
"""What went otherwise than the protocol says, the gravest first; the others tell how it went."""


ROLE_CODES = frozenset(
    {
        "not_your_role", "letter_not_yours", "seat_not_yours_to_give", "not_yours_to_sign", "same_person",
        "signed_already", "not_trained", "reads_no_case", "never_came_in", "excluded", "overseer_stays", "nobody_left",
        "unseen", "writer_without_role",
        "signs_themselves", "writer_stands_aside", "writer_shut_out",
    }
)  # fmt: skip
"""Refusals that say: somebody else."""
ORDER_CODES = frozenset(
    {
        "need", "not_from_here", "not_open_here", "follows_by_itself", "grid_first", "grid_rested_on", "no_case",
        "no_such_referral", "no_such_hold", "nothing_to_sign", "transfer_answered", "contribution_answered",
        "contribution_settled", Refusal.closed.value,
    }
)  # fmt: skip
"""Refusals that say: not now, something comes before it."""
RULE_CODES = frozenset({"refused", "on_hold", "on_hold_which", "on_hold_new", "names", "names_somebody", "reaches"})
"""What a form refuses by a rule of the protocol: answers that can't both be true, a hold, a name where none may be."""
NO_FILE = frozenset({one.value for one in (Refusal.intimate, Refusal.danger, Refusal.not_said)})
"""Why a file is prohibited by what it may show, whatever its format."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the definition itself says of a deadline, duty, need, act, move or danger."""

    title: Text
    why: Text | None = None
    limit: tuple[int, Unit] | None = None
    basis: Text | None = None
    source: Text | None = None
    lock: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to be said of a table. `part` and `key` name what it is about in the definition (or scenario)."""

    kind: Kind
    part: str
    """`deadlines`, `duties`, `acts`, `moves`, `traps`, or `attach` for a file."""
    key: str
    at: datetime
    rule: Rule
    case: str = ""
    subject: str = ""
    """A danger, a person of the case, the number of a referral or hold, a day."""
    due_at: datetime | None = None
    done_at: datetime | None = None
    role: str = ""
    """Who did it, or tried."""
    roles: tuple[str, ...] = ()
    """Whose it is."""
    needs: tuple[str, ...] = ()
    """What was wanting."""
    reasons: tuple[Reason, ...] = ()
    codes: tuple[str, ...] = ()
    said: str = ""
    """The reason that the table itself wrote."""
    note: Note | None = None
    """The scenario's words beside it."""
    seq: int = 0
    """The event that it is about; 0: none, it was refused, came by the clock or never."""

    @property
    def is_error(self) -> bool:
        return self.kind in ERRORS


class What(StrEnum):
    """What a moment on a table's line of time is."""

    done = "done"
    refused = "refused"
    due = "due"
    ran_out = "ran_out"
    came = "came"
    trap = "trap"


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on a table's line of time, and how its case stood after it."""

    at: datetime
    what: What
    part: str
    key: str
    case: str = ""
    subject: str = ""
    role: str = ""
    actor: str = ""
    happened_at: datetime | None = None
    """Where what was written had happened earlier."""
    target: str = ""
    """For a move: the state it leads to."""
    taken_back: bool = False
    reasons: tuple[Reason, ...] = ()
    codes: tuple[str, ...] = ()
    begins: tuple[Count, ...] = ()
    """Counts that begin here."""
    findings: tuple[int, ...] = ()
    """Places in the debrief's findings."""
    stand: Stand | None = None
    """None: before the case."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How long something took, of those waits that the definition itself declares; `taken` None: not reached."""

    key: str
    title: Text
    unit: Unit
    case: str
    taken: timedelta | None
    units: int | None
    """In whole units."""


@dataclass(frozen=True, slots=True)
class DangerSeen:
    """A danger that was raised, or that the scenario's path raises and the table did not."""

    danger: str
    rule: Rule
    case: str = ""
    at: datetime | None = None
    """When it was written; None: it was not seen."""
    happened_at: datetime | None = None
    role: str = ""
    after: timedelta | None = None
    """Since the table began."""
    state: str = ""
    expected: bool = False


@dataclass(frozen=True, slots=True)
class GuardianLine:
    """A decision about telling a guardian: `informed` with what came of it, `held`, `reviewed` or `released`."""

    kind: str
    at: datetime
    case: str
    person: str
    """Of the case; `*`: every guardian."""
    slot: str = ""
    role: str = ""
    result: Text | None = None


@dataclass(frozen=True, slots=True)
class GridSeen:
    """A grid as a table last filled it in, and the level that the case has."""

    grid: str
    case: str
    marks: Mapping[str, int | None]
    low: int
    high: int
    level: int


@dataclass(frozen=True, slots=True)
class DutyLine:
    """Passed or failed, for one duty in one case."""

    duty: str
    case: str
    verdict: Verdict
    rule: Rule
    roles: tuple[str, ...]
    findings: tuple[int, ...] = ()
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Something to talk about: a kind of finding about one part of the definition, so often, with the scenario's words.

    `danger_unseen`, `guardians` and `note` are kinds of their own.
    """

    kind: str
    part: str
    key: str
    rule: Rule
    times: int = 1
    note: Note | None = None
    role: str = ""
    roles: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Debrief:
    protocol: Protocol
    scenario: Scenario | None
    begun: datetime
    ended: datetime
    states: Mapping[str, str]
    """Case → where it stands."""
    timeline: tuple[Moment, ...]
    findings: tuple[Finding, ...]
    duties: tuple[DutyLine, ...]
    measures: tuple[Measure, ...]
    dangers: tuple[DangerSeen, ...]
    guardians: tuple[GuardianLine, ...]
    grids: tuple[GridSeen, ...]
    questions: tuple[Question, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What went otherwise than the protocol says, the gravest kind first, each kind in order of time."""
        return tuple(sorted((one for one in self.findings if one.is_error), key=lambda one: ERRORS.index(one.kind)))

    def of(self, *kinds: Kind) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.kind in kinds)


# ---- what the definition says --------------------------------------------------------------------------------------


def rule_of(protocol: Protocol, part: str, key: str) -> Rule:
    """The text of a rule; of what is not in the definition, its key."""
    found: Any = getattr(protocol, part, {}).get(key)
    if found is None:
        return Rule(Text(dict.fromkeys(protocol.languages, key)))
    source = protocol.sources.get(getattr(found, "provenance", ""))
    if part == "needs":
        return Rule(found.title or found.sentence, found.sentence, source=source, lock=found.lock)
    if part == "deadlines":
        first = found.steps[0] if found.steps and not found.value else None
        limit = (first.after, first.unit) if first else (found.value, found.unit)
        return Rule(found.title, None, limit if limit[0] else None, found.basis, source, found.lock)
    return Rule(found.title, getattr(found, "hint", None), source=source)


def roles_for(protocol: Protocol, deadline: str) -> tuple[str, ...]:
    """Whose a deadline is: of the duties that name it, else of the acts and moves that meet it, or leave its states."""
    rule = protocol.deadlines[deadline]
    named = [role for duty in protocol.duties.values() if deadline in duty.deadlines for role in duty.by]
    if not named:
        named += [role for source in rule.met_by if source.act for role in protocol.acts[source.act].by]
        moves = [move for key, move in protocol.moves.items() if deadline in move.meets]
        moves += [protocol.moves[source.move] for source in rule.met_by if source.move]
        if not named and not moves:
            states = {state for source in rule.start for state in source.entered}
            moves = [move for move in protocol.moves.values() if states.intersection(move.from_) and not move.automatic]
        named += [role for move in moves for role in move.by]
    return tuple(dict.fromkeys(named))


def note_for(scenario: Scenario | None, protocol: Protocol, part: str, key: str) -> Note | None:
    """The scenario's words beside that, or beside a duty that the deadline is of."""
    if scenario is None:
        return None
    keys = [key]
    if part == "deadlines":
        keys += [name for name, duty in protocol.duties.items() if key in duty.deadlines]
    return next((scenario.debrief[name] for name in keys if name in scenario.debrief), None)
