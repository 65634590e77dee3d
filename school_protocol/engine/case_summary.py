"""Summaries of a case: the grid's points and level, cautions, choices that can be counted, departures, conformance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from school_protocol.engine.answers import answer_values
from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Record
from school_protocol.engine.conditions import Value
from school_protocol.engine.deadlines import Due, DutyStatus, Pause, excused_at
from school_protocol.engine.definition import ActKind, Caution, Grid, Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.events import Recorded
from school_protocol.engine.facts import Facts
from school_protocol.engine.texts import Text

NOBODY_NAMED = ""
"""Stands for the person, where the entry named nobody."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A caution that stands: about whom, and which entries say so."""

    caution: Caution
    people: tuple[str, ...]
    entries: tuple[Record, ...]
    of_all: bool
    """Whether it stands about everybody whom such an entry can be about."""


def standing(protocol: Protocol, case: Case) -> Iterator[Standing]:
    """The cautions that stand, each as the latest entry about each person has it."""
    for caution in protocol.cautions.values():
        latest = {str(one.answers.get(caution.person, NOBODY_NAMED)): one for one in case.records_of(caution.act)}
        holds = {who: one for who, one in latest.items() if _holds(protocol, case, caution, one)}
        if holds:
            slots = protocol.form_of(caution.act).by_key[caution.person].slots
            everybody = {person.id for person in case.people.values() if person.slot in slots}
            of_all = bool(everybody) and everybody <= holds.keys()
            yield Standing(caution, tuple(sorted(holds.keys() - {NOBODY_NAMED})), tuple(holds.values()), of_all)


def _holds(protocol: Protocol, case: Case, caution: Caution, record: Record) -> bool:
    fields = case.protocol_at(record.seq, protocol).form_of(record.act).fields
    return caution.when.holds(answer_values(fields, record.answers))


def unasked(found: Iterable[Standing], form: str) -> frozenset[str]:
    """The questions of that form that are not put, while a caution stands about everybody."""
    return frozenset(
        name.partition(".")[2]
        for one in found
        if one.of_all
        for name in one.caution.unasked
        if name.partition(".")[0] == form
    )


# ---- closed choices: where a case stands, its level; each as the key of a row --------------------------------------

CHOSEN = frozenset({FieldType.choice, FieldType.choices, FieldType.yes_no, FieldType.tri})
"""Answers that can be counted: of a closed list."""

NONE, OPEN, EARLIER = "~none", "~open", "~earlier"
"""Rows beside those that the definition names: no answer; still open; a choice that an earlier version had."""
ANSWERED, AWAITED, UNASKED, HELD, MISSED = "~answered", "~awaited", "~unasked", "~held", "~missed"
CASES, DANGERS, REFERRALS = "cases", "dangers", "referrals"
"""Totals: all cases, those in which a danger was raised, those with a referral."""


# ---- of one case ---------------------------------------------------------------------------------------------------


def level_of(case: Case) -> str:
    """The highest level that was decided."""
    levels = [step.level for step in case.steps if step.level] + ([case.base_level] if case.base_level else [])
    return str(max(levels)) if levels else NONE


def outcome_of(protocol: Protocol, case: Case) -> str:
    """The state in which it ended."""
    return case.state if protocol.states[case.state].ended else OPEN


def answers_of(case: Case, act: str, question: FormField) -> tuple[str, ...]:
    """What was answered: the last answer or none, or all that any entry in force chose."""
    if question.type is FieldType.choices:
        return _given(case.records_of(act), question.key, is_list=True)
    return _given(case.records_of(act), question.key, is_list=False) or (NONE,)


def answer_to_dangers(case: Case) -> str:
    """Of a case with dangers: whether each was passed on or lifted."""
    return AWAITED if case.live_dangers("raised") else ANSWERED


def answer_to_referrals(case: Case) -> str:
    """Of a case with referrals: whether an answer is awaited, else whether there was one."""
    if any(one.is_open for one in case.referrals):
        return AWAITED
    return ANSWERED if any(one.settled_at for one in case.referrals) else UNASKED


def _given(records: Iterable[Record], name: str, *, is_list: bool) -> tuple[str, ...]:
    answers = [one.answers.get(name) for one in records if one.effective_seq is not None]
    said = [one for one in answers if one not in (None, "", [])]
    if not is_list:
        return tuple(_plain(one) for one in said[-1:])
    return tuple(dict.fromkeys(_plain(choice) for one in said for choice in (one if isinstance(one, list) else [one])))


def _plain(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


# ---- which there can be --------------------------------------------------------------------------------------------


def question_of(protocol: Protocol, act: str, name: str) -> FormField | None:
    """A question of an act's form, where the definition has both."""
    declared = protocol.acts.get(act)
    return protocol.form_of(declared).by_key.get(name) if declared else None


def options_of(question: FormField) -> tuple[str, ...]:
    """The answers that can be given, in their order."""
    if question.type is FieldType.yes_no:
        return ("yes", "no")
    if question.type is FieldType.tri:
        return ("yes", "no", "unknown")
    return tuple(option.key for option in question.options)


def ends_of(protocol: Protocol) -> tuple[str, ...]:
    return tuple(key for key, state in protocol.states.items() if state.ended)


def levels_of(protocol: Protocol) -> tuple[str, ...]:
    """The levels of the assessment's grid."""
    if protocol.assessment is None:
        return ()
    question = protocol.form_of(protocol.assessment.act).by_key.get(protocol.assessment.field)
    grid = protocol.grids.get(question.grid or "") if question else None
    grid = grid or next(iter(protocol.grids.values()), None)
    return tuple(map(str, grid.levels)) if grid else ()


# ---- acts done although their form warns against them --------------------------------------------------------------
# Shown for ever, with the reason that was given.


@dataclass(frozen=True, slots=True)
class DespiteLine:
    """An act whose answers its form declares a departure, with the reason given for it."""

    act: str
    number: int
    """Which of the form's departures."""
    reason: str
    seq: int
    at: datetime
    actor: str
    role: str = ""
    is_corrected: bool = False
    """The answers were corrected since, and are no departure any more."""
    protocol: Protocol | None = None
    """The version of the protocol whose form it was."""


def done_despite(protocol: Protocol, case: Case) -> Iterator[DespiteLine]:
    """Every departure of an act: as its answers stand, or stood before they were corrected."""
    first = {event.seq: event.answers for event in case.events if isinstance(event, Recorded)}
    for record in case.records:
        own = case.protocol_at(record.seq, protocol)
        form = own.form_of(record.act)
        for number, one in enumerate(form.departs):
            for answers in (record.answers, first[record.seq]):
                if one.when.holds(answer_values(form.fields, answers)):
                    yield DespiteLine(
                        record.act, number, _words(answers.get(one.at)), record.seq, record.at, record.author,
                        record.role, answers is not record.answers, own,
                    )  # fmt: skip
                    break


def _words(answer: Any) -> str:
    return answer if isinstance(answer, str) else ""


def warning(protocol: Protocol, line: DespiteLine) -> Text:
    """What the form says of such a departure."""
    return protocol.form_of(line.act).departs[line.number].sentence


# ---- conformance: what the protocol asked, what was done, when, and where it was departed from ---------------------


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One thing asked: a duty or a deadline's count, and how it went: kept, late, open, overdue, suspended, excused."""

    part: str
    """`deadlines` or `duties`."""
    key: str
    subject: str
    outcome: str
    due_at: datetime | None = None
    done_at: datetime | None = None
    """Midnight: that day, at an hour which nobody told."""
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class DepartureLine:
    """A step taken without a need, with the reason given for it: shown for ever."""

    move: str
    need: str
    reason: str
    at: datetime
    actor: str
    role: str = ""
    protocol: Protocol | None = None
    """The version of the protocol that it departed from."""


@dataclass(frozen=True, slots=True)
class ExcuseLine:
    """A duty that somebody excused, with the reason given for it: shown for ever."""

    duty: str
    reason: str
    seq: int
    at: datetime
    actor: str
    role: str = ""
    protocol: Protocol | None = None
    """The version of the protocol whose duty it was."""


@dataclass(frozen=True, slots=True)
class Conformance:
    asked: tuple[AskedLine, ...]
    departures: tuple[DepartureLine, ...]
    excuses: tuple[ExcuseLine, ...] = ()
    despite: tuple[DespiteLine, ...] = ()

    def count(self, outcome: str) -> int:
        return sum(1 for line in self.asked if line.outcome == outcome)


def conformance(facts: Facts, counts: Iterable[Due], statuses: Iterable[DutyStatus]) -> Conformance:
    """Everything asked so far, in the order in which it fell due, and every departure.

    What a duty asks by a deadline stands there once: as the deadline's count.
    """
    statuses = tuple(statuses)
    stand = tuple(count for count in counts if count.state != "ended" or count.was_missed)
    lines = [_count_line(facts, count) for count in stand]
    counted = {line.key for line in lines}
    lines += [
        AskedLine("duties", status.duty, "", _DUTY[status.state], status.due_at, status.done_at)
        for status in statuses
        if counted.isdisjoint(facts.protocol.duties[status.duty].deadlines)
        and (status.state == "excused" or not facts.protocol.duties[status.duty].deadlines)
    ]
    lines.sort(key=lambda line: (line.due_at is None, line.due_at or facts.now))
    departures = tuple(
        DepartureLine(
            step.move, need, reason, step.at, step.actor, step.role, facts.case.protocol_at(step.seq, facts.protocol)
        )
        for step in facts.case.steps
        for need, reason in step.departures.items()
    )
    return Conformance(
        tuple(lines), departures, tuple(_excuses(facts)), tuple(done_despite(facts.protocol, facts.case))
    )


def _excuses(facts: Facts) -> Iterator[ExcuseLine]:
    for record in facts.case.records:
        own = facts.case.protocol_at(record.seq, facts.protocol)
        form = own.form_of(record.act) if record.kind is ActKind.excuse else None
        duty = form.find(FieldType.duty) if form is not None else None
        if form is None or duty is None or record.answers.get(duty.key) not in own.duties:
            continue
        texts = (record.answers.get(field.key) for field in form.fields if field.type in _WORDS)
        reason = "\n".join(str(text) for text in texts if text)
        yield ExcuseLine(
            str(record.answers[duty.key]), reason, record.seq, record.at, record.actor, record.role, own
        )  # fmt: skip


_WORDS = (FieldType.text, FieldType.long)
_DUTY = {"due": "open", "done": "kept", "excused": "excused", "suspended": "suspended"}


def _count_line(facts: Facts, count: Due) -> AskedLine:
    if excused := excused_at(facts, count):
        at = count.met_at or excused
        return AskedLine("deadlines", count.deadline, count.subject, "excused", count.due_at, at, count.pauses)
    if count.state == "met":
        outcome = "late" if count.is_late(facts.now) else "kept"
    elif count.was_missed:
        outcome = "overdue"
    elif count.state == "open":
        outcome = "overdue" if count.is_late(facts.now) else "open"
    else:
        outcome = count.state
    due_at = None if outcome == "suspended" else count.due_at  # it moves from day to day
    return AskedLine("deadlines", count.deadline, count.subject, outcome, due_at, count.met_at, count.pauses)


# ---- the case in a few words without a name ------------------------------------------------------------------------
# The latest one, and whether it stands for the case as it is now.


def last_summary(protocol: Protocol, case: Case, act: str) -> Record | None:
    """The latest one recorded by `act` whose words are there, of somebody who still has a part in the case."""
    records = [one for one in case.records_of(act) if one.actor not in case.exclusions and summary_text(protocol, one)]
    return records[-1] if records else None


def summary_text(protocol: Protocol, record: Record) -> str:
    """Its text; empty where the words were destroyed."""
    named = next((item for item in protocol.form_of(record.act).fields if item.nameless), None)
    return str(record.answers.get(named.key) or "") if named else ""


def stands(case: Case, record: Record | None) -> bool:
    """Whether nothing was added to the case since it was confirmed: what voids a visa asks for a new one."""
    return record is not None and record.seq > case.news_seq


# The risk grid: its score as an interval from answered items, and the level of a case with floors
# and overrides.

# ---- the score: an interval, floors, levels, overrides -------------------------------------------------------------
# Support for a decision, never a diagnosis.


@dataclass(frozen=True, slots=True)
class Contribution:
    """One item: the anchor chosen (None: unknown) and the points it gives at least and at most."""

    item: str
    score: int | None
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Score:
    """A scored grid. Points from `low` to `high`; levels likewise, floors applied to both ends."""

    grid: str
    contributions: tuple[Contribution, ...]
    low: int
    high: int
    low_level: int
    high_level: int
    floors: tuple[int, ...]
    """Positions of the floors that hold."""

    @property
    def known(self) -> int:
        return sum(1 for item in self.contributions if item.score is not None)

    @property
    def floor_level(self) -> int:
        return self.low_level if self.floors else 0


def score(grid: Grid, scores: Mapping[str, int]) -> Score:
    """Score `grid`; items without an answer count as 0 at least and their highest anchor at most."""
    contributions = []
    for key, item in grid.items.items():
        value = scores.get(key)
        low = (value or 0) * item.weight
        high = (len(item.anchors) - 1 if value is None else value) * item.weight
        contributions.append(Contribution(key, value, low, high))
    low, high = sum(part.low for part in contributions), sum(part.high for part in contributions)
    values: dict[str, Value] = {key: scores.get(key) for key in grid.items}
    floors = tuple(number for number, floor in enumerate(grid.floors) if floor.when.holds(values))
    floor = max((grid.floors[number].level for number in floors), default=0)
    return Score(
        grid.key,
        tuple(contributions),
        low,
        high,
        max(level_at(grid, low), floor),
        max(level_at(grid, high), floor),
        floors,
    )


def level_at(grid: Grid, points: int) -> int:
    """The level in whose band `points` lies."""
    return next((number for number, level in grid.levels.items() if level.low <= points <= level.high), 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level fixed at an assessment, and what raised it above the grid's own."""

    level: int
    from_grid: int
    reasons: tuple[str, ...]
    """Among: maximum, floor, override, recurrence, danger, reopening."""


def verdict(
    grid: Grid,
    scored: Score,
    *,
    override: int | None,
    recurrent: bool,
    recurrence_level: int,
    danger_level: int | None,
    reopening_floor: int,
) -> Verdict:
    """The level at validation: the maximum's level by default, an override never under a floor or the minimum."""
    top = max(grid.levels)
    reasons = ["floor"] if scored.floors else []
    level = scored.high_level
    if scored.low_level != scored.high_level:
        reasons.append("maximum")
    if override is not None and override != level:
        level = max(override, scored.low_level)
        reasons.append("override")
    if recurrent:
        level = max(min(level + 1, top), recurrence_level)
        reasons.append("recurrence")
    if reopening_floor and level < reopening_floor:
        level = min(reopening_floor, top)
        reasons.append("reopening")
    if danger_level is not None and level < danger_level:
        level = danger_level
        reasons.append("danger")
    return Verdict(level, scored.high_level, tuple(reasons))


def last_grid(protocol: Protocol, case: Case) -> Record | None:
    """The grid that counts: the latest since the case was opened, or reopened."""
    rule = protocol.assessment
    records = case.records_of(rule.act) if rule else []
    return next((record for record in reversed(records) if record.seq > case.opening_seq), None)


def last_assessed(protocol: Protocol, case: Case) -> int | None:
    """The level that this grid gives; None without one."""
    record = last_grid(protocol, case)
    return assessed_level(protocol, case, record.answers)[0] if record else None


def took_level_from(protocol: Protocol, case: Case, grid: Record) -> tuple[Record, ...]:
    """The entries whose level is that grid's: written while it was the one that counted."""
    rule = protocol.assessment
    if rule is None or grid.act != rule.act:
        return ()
    newer = min((one.seq for one in case.records_of(rule.act) if one.seq > grid.seq), default=case.last_seq + 1)
    return tuple(one for one in case.records if grid.seq < one.seq < newer and _says_level(protocol, one))


def _says_level(protocol: Protocol, record: Record) -> bool:
    return any(item.assessed and item.key in record.answers for item in protocol.form_of(record.act).fields)


def assessed_level(protocol: Protocol, case: Case, answers: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The level that an assessment fixes from the grid's answers, and how it came about."""
    rule = protocol.assessment
    assert rule is not None
    item = protocol.form_of(rule.act).by_key[rule.field]
    grid = protocol.grids[item.grid or next(iter(protocol.grids))]
    scored = score(grid, answers.get(rule.field) or {})
    override = answers.get(rule.override or "")
    found = verdict(
        grid,
        scored,
        override=int(override) if override else None,
        recurrent=bool(rule.recurrence and answers.get(rule.recurrence)),
        recurrence_level=rule.recurrence_level,
        danger_level=rule.danger_level if case.live_dangers() else None,
        reopening_floor=case.former_level + rule.reopening_raise if case.former_level else 0,
    )
    detail = {
        "grid": grid.key, "low": scored.low, "high": scored.high, "known": scored.known,
        "from_grid": found.from_grid, "reasons": list(found.reasons),
        "scores": {part.item: part.score for part in scored.contributions if part.score is not None},
    }  # fmt: skip
    return found.level, detail
