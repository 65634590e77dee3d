"""Parts of a debrief that stand by themselves: how long things took, dangers, guardians, grids, what to talk about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from school_protocol.domain.case import EVERY_GUARDIAN, Case
from school_protocol.domain.clock import waited
from school_protocol.domain.facts import Facts
from school_protocol.domain.figure_rules import Moment
from school_protocol.domain.findings import (
    ERRORS,
    DangerSeen,
    Finding,
    GridSeen,
    GuardianLine,
    Measure,
    Question,
    note_for,
    rule_of,
)
from school_protocol.domain.forms import FieldType
from school_protocol.domain.parts import Record
from school_protocol.domain.protocol import ActKind, Protocol
from school_protocol.domain.scenario import Scenario
from school_protocol.domain.scoring import score

# ---- how long it took ----------------------------------------------------------------------------------------------


def measures(protocol: Protocol, cases: Mapping[str, Facts]) -> Iterator[Measure]:
    """The waits that the definition declares among its figures, of each case, to the minute."""
    rules = protocol.figures
    for key, wait in (rules.waits if rules else {}).items():
        for name, facts in cases.items():
            since = facts.case.opened_at if wait.since is None else _first(facts.case, wait.since)
            until = _first(facts.case, wait.until)
            taken, units = None, None
            if since is not None and until is not None:
                taken = max(until - since, timedelta())
                units = waited(facts.around.calendar, since, until, wait.unit)
            yield Measure(key, wait.title, wait.unit, name, taken, units)


def _first(case: Case, moment: Moment) -> datetime | None:
    recorded = (one.occurred_at for one in case.records if one.act in moment.acts and one.effective_seq is not None)
    entered = (entry.at for entry in case.entries if entry.state in moment.states)
    return min((*recorded, *entered), default=None)


# ---- dangers -------------------------------------------------------------------------------------------------------


def dangers(
    protocol: Protocol, cases: Mapping[str, Facts], scenario: Scenario | None, begun: datetime
) -> Iterator[DangerSeen]:
    """Every danger that was raised, as it was; then those that the scenario's path raises and nobody did."""
    expected = dangers_of_path(protocol, scenario) if scenario is not None else ()
    seen: set[str] = set()
    for name, facts in cases.items():
        for life in facts.case.dangers:
            event = next(one for one in facts.case.events if one.seq == life.raised_seq)
            seen.add(life.danger)
            yield DangerSeen(
                life.danger, rule_of(protocol, "dangers", life.danger), name, event.at, life.raised_at, event.role,
                event.at - begun, life.state, life.danger in expected,
            )  # fmt: skip
    for danger in expected:
        if danger not in seen:
            yield DangerSeen(danger, rule_of(protocol, "dangers", danger), expected=True)


def dangers_of_path(protocol: Protocol, scenario: Scenario) -> tuple[str, ...]:
    """The dangers that the opening and the expected path raise, as their answers say."""
    opening = scenario.opening
    said = [(opening.do, opening.answers)]
    said += [(step.do, step.answers) for step in scenario.path.steps if step.do and step.expect is None]
    found = [danger for name, answers in said for danger in _raised(protocol, name, answers)]
    return tuple(dict.fromkeys(found))


def _raised(protocol: Protocol, name: str, answers: Mapping[str, Any]) -> Iterator[str]:
    act = protocol.acts.get(protocol.resolve("acts", name))
    if act is None or act.kind in (ActKind.lift_danger, ActKind.refer, ActKind.take_over):
        return
    for item in protocol.form_of(act).fields:
        said = answers.get(item.key)
        match item.type:
            case FieldType.danger if isinstance(said, str):
                yield protocol.resolve("dangers", said)
            case FieldType.dangers:
                yield from (protocol.resolve("dangers", one) for one in said or ())
            case FieldType.danger_answers if isinstance(said, Mapping):
                yield from (protocol.resolve("dangers", key) for key, one in said.items() if one == "yes")


# ---- guardians -----------------------------------------------------------------------------------------------------


def guardians(protocol: Protocol, cases: Mapping[str, Facts]) -> Iterator[GuardianLine]:
    """What was decided about telling guardians, by time: what facts about guardians read of the case, and its holds."""
    for name, facts in cases.items():
        yield from sorted([*_told(protocol, name, facts), *_held(name, facts)], key=lambda one: one.at)


def _told(protocol: Protocol, name: str, facts: Facts) -> Iterator[GuardianLine]:
    rules = [fact.guardians for fact in protocol.facts.values() if fact.guardians is not None]
    for act, person, result in dict.fromkeys((rule.act, rule.person, rule.result) for rule in rules):
        options = {one.key: one.title for one in protocol.form_of(act).by_key[result].options}
        for record in facts.case.records_of(act):
            who, said = str(record.answers.get(person, "")), str(record.answers.get(result, ""))
            yield GuardianLine(
                "informed", record.occurred_at, name, who, _slot(facts.case, who), record.role, options.get(said)
            )


def _held(name: str, facts: Facts) -> Iterator[GuardianLine]:
    case = facts.case
    for hold in case.holds:
        slot = _slot(case, hold.guardian)
        yield GuardianLine("held", hold.at, name, hold.guardian, slot, _role(case, hold.seq))
        for seq, at in hold.reviewed:
            yield GuardianLine("reviewed", at, name, hold.guardian, slot, _role(case, seq))
        if hold.lifted_at is not None:
            yield GuardianLine("released", hold.lifted_at, name, hold.guardian, slot, _role(case, hold.lifted_seq or 0))


def _slot(case: Case, person: str) -> str:
    return case.people[person].slot if person in case.people and person != EVERY_GUARDIAN else ""


def _role(case: Case, seq: int) -> str:
    return next((event.role for event in case.events if event.seq == seq), "")


# ---- grids ---------------------------------------------------------------------------------------------------------


def grids(protocol: Protocol, cases: Mapping[str, Facts]) -> Iterator[GridSeen]:
    """Each grid as it was last filled in, in each case."""
    for name, facts in cases.items():
        latest: dict[str, Record] = {}
        for record in facts.case.records:
            if record.kind is ActKind.grid and (item := protocol.form_of(record.act).find(FieldType.grid)) is not None:
                latest[item.grid or next(iter(protocol.grids))] = record
        for key, record in latest.items():
            item = protocol.form_of(record.act).find(FieldType.grid)
            assert item is not None
            scored = score(protocol.grids[key], record.answers.get(item.key) or {})
            marks = {part.item: part.score for part in scored.contributions}
            yield GridSeen(key, name, marks, scored.low, scored.high, facts.case.level or scored.high_level)


# ---- what to talk about --------------------------------------------------------------------------------------------


def questions(
    protocol: Protocol,
    scenario: Scenario | None,
    findings: Sequence[Finding],
    seen: Iterable[DangerSeen],
    lines: Sequence[GuardianLine],
) -> Iterator[Question]:
    """One for each kind of error about one thing, the gravest first; what was not seen; the scenario's own words."""
    told: set[str] = set()
    errors = [one for one in findings if one.is_error]
    for kind in ERRORS:
        about: dict[tuple[str, str, tuple[str, ...]], list[Finding]] = {}
        for one in errors:
            if one.kind is kind:
                about.setdefault((one.part, one.key, one.needs), []).append(one)
        for (part, key, needs), found in about.items():
            first = found[0]
            told.add(key)
            yield Question(kind.value, part, key, first.rule, len(found), first.note, first.role, first.roles, needs)
    for danger in seen:
        if danger.at is None:
            note = note_for(scenario, protocol, "dangers", danger.danger)
            yield Question("danger_unseen", "dangers", danger.danger, danger.rule, note=note)
    if lines:
        act = next((fact.guardians.act for fact in protocol.facts.values() if fact.guardians is not None), "")
        yield Question("guardians", "acts", act, rule_of(protocol, "acts", act), len(lines))
    for key, note in (scenario.debrief if scenario is not None else {}).items():
        if key not in told:
            part = next((one for one in ("deadlines", "duties", "acts", "moves") if key in getattr(protocol, one)), "")
            yield Question("note", part, key, rule_of(protocol, part, key), note=note)
