"""Data classes of a debrief: findings, moments, verdicts, measures; what stays without names; tables side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.definition import Protocol
from school_protocol.engine.evidence_pieces import Refusal
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import Text
from school_protocol.training.case_timeline import Count, Stand, Verdict
from school_protocol.training.scenario import Note, Scenario


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
    limit: tuple[int, TimeUnit] | None = None
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
class TableMoment:
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
    unit: TimeUnit
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
class LastingDebrief:
    """A debrief but for the protocol and the scenario, whose files are kept beside it."""

    begun: datetime
    ended: datetime
    states: Mapping[str, str]
    """Case → where it stands."""
    timeline: tuple[TableMoment, ...]
    findings: tuple[Finding, ...]
    duties: tuple[DutyLine, ...]
    measures: tuple[Measure, ...]
    dangers: tuple[DangerSeen, ...]
    guardians: tuple[GuardianLine, ...]
    grids: tuple[GridSeen, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Debrief(LastingDebrief):
    protocol: Protocol
    scenario: Scenario | None

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


# ---- what stays once a room is gone: without names and without typed words -----------------------------------------
# Left out are who sat where, numbers of cases, typed reasons, and whatever a refusal quotes of what was typed.

TAKEN_OUT = "…"
"""What stands where a refusal quoted a word."""
_QUOTING = frozenset({"names", "reaches"})
"""Refusals that say which word of a text names or reaches somebody."""
_STAND_FOR = frozenset({"mover", "proposer"})


def nameless(debrief: Debrief) -> Debrief:
    """The same debrief without accounts, without the numbers of cases (1, 2 … stand for them), without typed words."""
    known = frozenset(_keys(debrief.protocol))
    cases = {name: str(number) for number, name in enumerate(debrief.states, 1)}
    cases |= {"": ""}

    def case_of(name: str) -> str:
        return cases.get(name, TAKEN_OUT)

    return replace(
        debrief,
        states={case_of(name): state for name, state in debrief.states.items()},
        timeline=tuple(
            replace(
                one, case=case_of(one.case), actor="", codes=_plain(one.codes, known),
                reasons=_reasons(one.reasons, known),
            )
            for one in debrief.timeline
        ),
        findings=tuple(
            replace(
                one, case=case_of(one.case), said="", codes=_plain(one.codes, known),
                reasons=_reasons(one.reasons, known),
            )
            for one in debrief.findings
        ),
        duties=tuple(replace(one, case=case_of(one.case)) for one in debrief.duties),
        measures=tuple(replace(one, case=case_of(one.case)) for one in debrief.measures),
        dangers=tuple(replace(one, case=case_of(one.case)) for one in debrief.dangers),
        guardians=tuple(replace(one, case=case_of(one.case)) for one in debrief.guardians),
        grids=tuple(replace(one, case=case_of(one.case)) for one in debrief.grids),
    )  # fmt: skip


def _keys(protocol: Protocol) -> Iterator[str]:
    """What a code may point at: parts of the definition alone."""
    for part in ("roles", "seats", "forms", "acts", "moves", "slots", "dangers", "needs"):
        yield from getattr(protocol, part)


def _plain(codes: tuple[str, ...], known: Set[str]) -> tuple[str, ...]:
    """Each code with the figures and keys that belong to it; anything else that it quotes was typed."""
    return tuple(dict.fromkeys(_code(code, known) for code in codes))


def _code(code: str, known: Set[str]) -> str:
    name, *quoted = code.split(":")
    if name in _QUOTING:
        return ":".join([name, *(TAKEN_OUT for _one in quoted)])
    return ":".join([name, *(one if one.isdecimal() or one in known else TAKEN_OUT for one in quoted)])


def _reasons(reasons: tuple[Reason, ...], known: Set[str]) -> tuple[Reason, ...]:
    return tuple(
        replace(one, persons=tuple(name if name in known | _STAND_FOR else TAKEN_OUT for name in one.persons))
        for one in reasons
    )


def written(debrief: Debrief) -> str:
    """What stays of a debrief, as JSON."""
    return _adapter().dump_json(nameless(debrief)).decode()


def again(kept: str, protocol: Protocol, scenario: Scenario | None) -> Debrief:
    """The debrief that `written` wrote, on the same protocol and scenario."""
    told = _adapter().validate_json(kept)
    parts = {one.name: getattr(told, one.name) for one in fields(LastingDebrief)}
    return Debrief(**parts, protocol=protocol, scenario=scenario)


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[LastingDebrief]:
    return TypeAdapter(LastingDebrief)


# ---- tables beside each other: what each marked, took and did; nothing is averaged ---------------------------------

Value = int | timedelta | Verdict | bool | None
_FIRST = (Verdict.failed, Verdict.open, Verdict.suspended, Verdict.passed, Verdict.excused, Verdict.not_asked)
"""Of several cases of a table, the verdict that is told."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing, and what each table has of it; None: nothing."""

    part: str
    """`items` of a grid, `grids` (points), `levels`, `measures`, `duties`, `dangers` (time until raised) or `traps`."""
    key: str
    title: Text | None
    values: tuple[Value, ...]
    spread: int | timedelta | None = None
    """The greatest less the least, of at least two tables."""
    distinct: int = 0
    """How many different values there are among those that are known."""
    grid: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """`tables` are the names of the columns."""

    tables: tuple[str, ...]
    rows: tuple[Row, ...]

    def of(self, *parts: str) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.part in parts)


def compare(debriefs: Mapping[str, Debrief]) -> Spread:
    """These tables, by their names, side by side: tables of one scenario on one version of its protocol."""
    told = tuple(debriefs.values())
    return Spread(tuple(debriefs), tuple(_rows(told)) if told else ())


def _rows(told: Sequence[Debrief]) -> Iterator[Row]:
    yield from _grids(told)
    first = told[0]
    for key, title in {one.key: one.title for one in first.measures}.items():
        yield _of("measures", key, title, [_taken(one, key) for one in told])
    for key, duty in first.protocol.duties.items():
        yield _of("duties", key, duty.title, [_verdict(one, key) for one in told])
    for key, danger in first.protocol.dangers.items():
        if any(seen.danger == key for one in told for seen in one.dangers):
            yield _of("dangers", key, danger.title, [_raised(one, key) for one in told])
    for key, trap in (first.scenario.traps if first.scenario else {}).items():
        yield _of("traps", key, trap.title, [_fell(one, key) for one in told])


def _grids(told: Sequence[Debrief]) -> Iterator[Row]:
    for key, grid in told[0].protocol.grids.items():
        latest = [next((seen for seen in reversed(one.grids) if seen.grid == key), None) for one in told]
        if not any(latest):
            continue
        for item, declared in grid.items.items():
            yield _of("items", item, declared.title, [seen.marks.get(item) if seen else None for seen in latest], key)
        yield _of("grids", key, grid.title, [seen.high if seen else None for seen in latest], key)
        yield _of("levels", key, None, [seen.level if seen else None for seen in latest], key)


def _of(part: str, key: str, title: Text | None, values: Sequence[Value], grid: str = "") -> Row:
    known: list[Hashable] = [one for one in values if one is not None]
    spread: int | timedelta | None = None
    numbers = [one for one in values if type(one) is int]
    times = [one for one in values if isinstance(one, timedelta)]
    if len(numbers) > 1:
        spread = max(numbers) - min(numbers)
    elif len(times) > 1:
        spread = max(times) - min(times)
    return Row(part, key, title, tuple(values), spread, len(set(known)), grid)


def _taken(one: Debrief, key: str) -> timedelta | None:
    return next((each.taken for each in one.measures if each.key == key and each.taken is not None), None)


def _verdict(one: Debrief, key: str) -> Verdict | None:
    found = [line.verdict for line in one.duties if line.duty == key]
    return min(found, key=_FIRST.index, default=None)


def _raised(one: Debrief, key: str) -> timedelta | None:
    return next((seen.after for seen in one.dangers if seen.danger == key and seen.after is not None), None)


def _fell(one: Debrief, key: str) -> bool:
    return any(finding.key == key for finding in one.of(Kind.trap))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one grid: how many tables filled it in, how many of them came to the level that most came to."""

    tables: int
    agree: int
    levels: int
    """How many different levels they came to."""
    apart: int
    """Points between the least and the greatest."""


def agreements(told: Sequence[Debrief]) -> Mapping[str, Agreement]:
    """Each grid that a table filled in; counts alone, of no table by itself."""
    found: dict[str, Agreement] = {}
    for key in told[0].protocol.grids if told else ():
        latest = [next((seen for seen in reversed(one.grids) if seen.grid == key), None) for one in told]
        levels = Counter(seen.level for seen in latest if seen)
        points = [seen.high for seen in latest if seen]
        if points:
            found[key] = Agreement(len(points), max(levels.values()), len(levels), max(points) - min(points))
    return found
