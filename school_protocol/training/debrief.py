"""The debrief of a workshop's table, worked out of the protocol and of what the table did; it names, never adds up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import EVERY_GUARDIAN, Record, acts_as
from school_protocol.engine.case_summary import done_despite, score, warning
from school_protocol.engine.clock import waited
from school_protocol.engine.definition import Act, ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType, Moment
from school_protocol.engine.evidence_pieces import Refusal
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import ATTACH
from school_protocol.training.case_timeline import Count, Course, Fate, Stand, relive
from school_protocol.training.findings import (
    ERRORS,
    NO_FILE,
    ORDER_CODES,
    ROLE_CODES,
    RULE_CODES,
    DangerSeen,
    DutyLine,
    Finding,
    GridSeen,
    GuardianLine,
    Kind,
    Measure,
    Question,
    Rule,
    TableMoment,
    What,
    note_for,
    roles_for,
    rule_of,
)
from school_protocol.training.findings import Debrief as Debrief
from school_protocol.training.scenario import Attempt, Note, Scenario, Table

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


# ---- the debrief: what a protocol asks, of whom, by when and in which order ----------------------------------------
# A scenario only adds words beside it: with all its words taken out, the debrief is the same but for these.


def debrief(
    protocol: Protocol,
    scenario: Scenario | None,
    table: Table,
    cases: Mapping[str, Facts],
    attempts: Mapping[str, Sequence[Attempt]],
    ended: datetime,
) -> Debrief:
    """What is to be said of a table: its cases by name, each with its facts at `ended`; what was refused, by case."""
    courses = {name: relive(facts) for name, facts in cases.items()}
    return _Debriefing(protocol, scenario, table, cases, attempts, ended, courses).whole()


@dataclass(slots=True)
class _Draft:
    """A moment that findings are still added to."""

    moment: TableMoment
    rank: int
    seq: int = 0
    findings: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Debriefing:
    protocol: Protocol
    scenario: Scenario | None
    table: Table
    cases: Mapping[str, Facts]
    attempts: Mapping[str, Sequence[Attempt]]
    ended: datetime
    courses: Mapping[str, Course]
    findings: list[Finding] = field(default_factory=list)
    drafts: list[_Draft] = field(default_factory=list)

    def whole(self) -> Debrief:
        for name in self.cases:
            self._events(name)
            self._counts(name)
            self._untimed(name)
        for name, tried in self.attempts.items():
            for one in tried:
                self._attempt(name, one)
        self._staged()
        order = sorted(range(len(self.findings)), key=lambda place: (self.findings[place].at, place))
        places = {old: new for new, old in enumerate(order)}
        findings = tuple(self.findings[place] for place in order)
        duties = tuple(self._duties(findings))
        seen = tuple(dangers(self.protocol, self.cases, self.scenario, self.table.begun))
        lines = tuple(guardians(self.protocol, self.cases))
        return Debrief(
            self.table.begun, self.ended,
            {name: facts.case.state for name, facts in self.cases.items()},
            tuple(self._timeline(places)), findings, duties,
            tuple(measures(self.protocol, self.cases)), seen, lines, tuple(grids(self.protocol, self.cases)),
            tuple(questions(self.protocol, self.scenario, findings, seen, lines)), self.protocol, self.scenario,
        )  # fmt: skip

    def _find(self, draft: _Draft | None, finding: Finding) -> None:
        if draft is not None:
            draft.findings.append(len(self.findings))
        self.findings.append(finding)

    def _note(self, part: str, key: str) -> Note | None:
        return note_for(self.scenario, self.protocol, part, key)

    # ---- what was done -------------------------------------------------------------------------------------------

    def _events(self, name: str) -> None:
        case = self.cases[name].case
        for record in sorted([*case.records, *case.retracted.values()], key=lambda one: one.seq):
            self._record(name, record)
        for step in case.steps:
            moment = TableMoment(
                step.at, What.done, "moves", step.move, name, role=step.role, actor=step.actor, target=step.target
            )
            draft = self._draft(moment, 2, step.seq)
            for need, reason in step.departures.items():
                rule = rule_of(case.protocol_at(step.seq, self.protocol), "needs", need)
                self._find(
                    draft,
                    Finding(
                        Kind.departure, "moves", step.move, step.at, rule, name, role=step.role, needs=(need,),
                        said=reason, note=self._note("moves", step.move), seq=step.seq,
                    ),
                )  # fmt: skip
        for line in done_despite(self.protocol, case):
            rule = Rule(warning(line.protocol or self.protocol, line))
            note = self._note("acts", line.act)
            self._find(
                self._by_seq(name, line.seq),
                Finding(
                    Kind.despite, "acts", line.act, line.at, rule, name, role=line.role, said=line.reason, note=note,
                    seq=line.seq,
                ),
            )  # fmt: skip
        for life in case.files.values():
            kept = TableMoment(life.kept_at, What.done, ATTACH, ATTACH, name, str(life.piece), actor=life.by)
            self._draft(kept, 2)

    def _record(self, name: str, record: Record) -> None:
        happened = record.occurred_at if record.occurred_at != record.at else None
        draft = self._draft(
            TableMoment(
                record.at, What.done, "acts", record.act, name, role=record.role, actor=record.author,
                happened_at=happened, taken_back=record.retracted_at is not None,
            ),
            2, record.seq,
        )  # fmt: skip
        if record.paper is not None:
            rule = rule_of(self.protocol, "acts", record.act)
            self._find(
                draft,
                Finding(
                    Kind.on_paper, "acts", record.act, record.at, rule, name, done_at=record.paper.at,
                    role=record.role, seq=record.seq,
                ),
            )  # fmt: skip

    def _draft(self, moment: TableMoment, rank: int, seq: int = 0) -> _Draft:
        self.drafts.append(_Draft(moment, rank, seq))
        return self.drafts[-1]

    def _by_seq(self, name: str, seq: int) -> _Draft | None:
        """The moment at which that event was written; a reading, or what has no line of its own, has none."""
        return next((one for one in self.drafts if seq and one.seq == seq and one.moment.case == name), None)

    # ---- what was due --------------------------------------------------------------------------------------------

    def _counts(self, name: str) -> None:
        for count in self.courses[name].counts:
            kind = self._kind(name, count)
            done = self._by_seq(name, count.done_seq)
            if count.begun_seq == 0:
                begins = TableMoment(
                    count.started_at, What.due, "deadlines", count.deadline, name, count.subject, begins=(count,)
                )
                self._draft(begins, 3)
            rule = rule_of(self.protocol, "deadlines", count.deadline)
            finding = Finding(
                kind, "deadlines", count.deadline, self._at(count), rule, name, count.subject, count.due_at,
                count.done_at, done.moment.role if done else "", roles_for(self.protocol, count.deadline),
                note=self._note("deadlines", count.deadline), seq=count.done_seq,
            )  # fmt: skip
            if count.fate in (Fate.late, Fate.left_out) and kind is not Kind.excused:
                out = TableMoment(count.due_at, What.ran_out, "deadlines", count.deadline, name, count.subject)
                self._draft(out, 1).findings.append(len(self.findings))
            self._find(done, finding)
            if done is not None:
                self._other_role(name, count, done)

    def _kind(self, name: str, count: Count) -> Kind:
        if count.fate is Fate.kept:
            return Kind.written_late if count.written_late else Kind.in_time
        if count.fate in (Fate.late, Fate.left_out) and self._is_excused(name, count):
            return Kind.excused
        return Kind(count.fate.value)

    def _is_excused(self, name: str, count: Count) -> bool:
        """Whether every duty that this count is of was excused before it ran out."""
        facts = self.cases[name]
        duties = [key for key, duty in self.protocol.duties.items() if count.deadline in duty.deadlines]
        excuses = [facts.excused(key) for key in duties]
        return bool(excuses) and all(one is not None and one.occurred_at <= count.due_at for one in excuses)

    def _at(self, count: Count) -> datetime:
        if count.fate is Fate.kept and count.done_at is not None:
            return count.done_at
        return count.due_at if count.due_at <= self.ended else count.started_at

    def _other_role(self, name: str, count: Count, done: _Draft) -> None:
        """Done by somebody whom the act admits, though the duty that it fulfils names others."""
        role, act = done.moment.role, done.moment.key
        for key, duty in self.protocol.duties.items():
            if count.deadline not in duty.deadlines or act not in duty.met_by or not duty.by or not role:
                continue
            if any(acts_as(self.protocol, role, one) for one in duty.by):
                continue
            rule, note = rule_of(self.protocol, "duties", key), self._note("duties", key)
            self._find(
                done,
                Finding(
                    Kind.other_role, "duties", key, done.moment.at, rule, name, count.subject, count.due_at,
                    count.done_at, role, duty.by, note=note, seq=count.done_seq,
                ),
            )  # fmt: skip

    def _untimed(self, name: str) -> None:
        for duty, since in self.courses[name].untimed.items():
            by = self.protocol.duties[duty].by
            rule = rule_of(self.protocol, "duties", duty)
            note = self._note("duties", duty)
            self._find(None, Finding(Kind.left_out, "duties", duty, since, rule, name, roles=by, note=note))

    # ---- what was refused ----------------------------------------------------------------------------------------

    def _attempt(self, name: str, one: Attempt) -> None:
        part = ATTACH if one.name == ATTACH else "acts" if one.name in self.protocol.acts else "moves"
        at, reasons = one.at or self.ended, one.reasons or self._reasons(part, one)
        codes = one.problems or (() if reasons else one.why)
        said = {*(reason.code for reason in reasons), *(code.partition(":")[0] for code in codes)}
        moment = TableMoment(
            at, What.refused, part, one.name, name, role=one.role, actor=one.actor, reasons=reasons, codes=codes
        )
        draft = self._draft(moment, 2)
        for kind in _kinds(one.name, said):
            self._find(draft, self._refusal(kind, moment))

    def _reasons(self, part: str, one: Attempt) -> tuple[Reason, ...]:
        """The engine's reasons, where only their needs and codes were kept."""
        found = self.protocol.acts.get(one.name) or self.protocol.moves.get(one.name)
        if one.problems or found is None or part == ATTACH:
            return ()
        places = found.in_ if isinstance(found, Act) else found.from_
        states = tuple(state for state in places if state in self.protocol.states)
        return tuple(
            Reason("need", need=why) if why in self.protocol.needs else Reason(why, roles=found.by, states=states)
            for why in one.why
            if why in self.protocol.needs or (why in ROLE_CODES | ORDER_CODES and why != "unseen")
        )

    def _refusal(self, kind: Kind, moment: TableMoment) -> Finding:
        part, key, reasons = moment.part, moment.key, moment.reasons
        found = getattr(self.protocol, part, {}).get(key)
        needs: tuple[str, ...] = ()
        roles: tuple[str, ...] = ()
        if kind is Kind.wrong_order:
            needs = tuple(dict.fromkeys(reason.need for reason in reasons if reason.need is not None))
        elif kind is Kind.wrong_role:
            said = [role for reason in reasons if reason.code in ROLE_CODES for role in reason.roles]
            roles = tuple(dict.fromkeys(said or (found.by if found is not None else ())))
        rule = rule_of(self.protocol, "needs", needs[0]) if needs else rule_of(self.protocol, part, key)
        if part == ATTACH:
            rule = self._file_rule(moment) or rule
        return Finding(
            kind, part, key, moment.at, rule, moment.case, role=moment.role, roles=roles, needs=needs,
            reasons=reasons, codes=moment.codes, note=self._note(part, key),
        )  # fmt: skip

    def _file_rule(self, moment: TableMoment) -> Rule | None:
        """What forbids a file: the danger that stands, else the question that asks what its content is."""
        if Refusal.danger.value in moment.codes and moment.case in self.cases:
            lives = self.cases[moment.case].case.dangers
            found = [life.danger for life in lives if self.protocol.dangers[life.danger].no_files]
            return rule_of(self.protocol, "dangers", found[-1]) if found else None
        forms = [self.protocol.form_of(act) for act in self.protocol.acts_of(ActKind.evidence)]
        asked = [item for form in forms for item in form.fields if item.forbids_files]
        return Rule(asked[0].label, asked[0].hint) if asked else None

    # ---- what the scenario brought -------------------------------------------------------------------------------

    def _staged(self) -> None:
        if self.scenario is None:
            return
        for key, at in self.table.came.items():
            self._draft(TableMoment(at, What.came, "injects", key), 4)
        for key, at in self.table.traps.items():
            trap = self.scenario.traps[key]
            rule = Rule(trap.title, trap.reason, basis=trap.rule)
            draft = self._draft(TableMoment(at, What.trap, "traps", key), 5)
            self._find(draft, Finding(Kind.trap, "traps", key, at, rule))

    # ---- put together --------------------------------------------------------------------------------------------

    def _timeline(self, places: Mapping[int, int]) -> Iterator[TableMoment]:
        begun: dict[tuple[str, int], list[Count]] = {}
        for name, course in self.courses.items():
            for count in course.counts:
                if count.begun_seq:
                    begun.setdefault((name, count.begun_seq), []).append(count)
        for draft in sorted(self.drafts, key=lambda one: (one.moment.at, one.rank, one.seq)):
            moment = draft.moment
            begins = (*moment.begins, *self._begun(moment.case, draft.seq, begun))
            found = tuple(sorted(places[one] for one in draft.findings))
            yield replace(moment, begins=begins, findings=found, stand=self._stand(moment, draft.seq))

    def _begun(self, name: str, seq: int, begun: Mapping[tuple[str, int], list[Count]]) -> Iterable[Count]:
        """Counts that began with the press of this moment, said once: at its last line."""
        if not seq:
            return ()
        stand = next(one for one in self.courses[name].stands if one.seq >= seq)
        later = [one.seq for one in self.drafts if one.moment.case == name and seq < one.seq <= stand.seq]
        if later:
            return ()
        before = max((one.seq for one in self.courses[name].stands if one.seq < seq), default=0)
        return [count for (case, first), counts in begun.items() if case == name and before < first <= stand.seq
                for count in counts]  # fmt: skip

    def _stand(self, moment: TableMoment, seq: int) -> Stand | None:
        """How the case stood after that; of what belongs to no case, the table's first one."""
        course = self.courses.get(moment.case) or next(iter(self.courses.values()), None)
        if course is None:
            return None
        if seq:
            return next(one for one in course.stands if one.seq >= seq)
        return next((one for one in reversed(course.stands) if one.at <= moment.at), None)

    def _duties(self, findings: Sequence[Finding]) -> Iterator[DutyLine]:
        for name, course in self.courses.items():
            for key, verdict in course.duties.items():
                duty = self.protocol.duties[key]
                about = tuple(
                    place
                    for place, one in enumerate(findings)
                    if one.case == name
                    and (
                        (one.part == "duties" and one.key == key)
                        or (one.part == "deadlines" and one.key in duty.deadlines)
                    )
                )
                rule = rule_of(self.protocol, "duties", key)
                yield DutyLine(key, name, verdict, rule, duty.by, about, self._note("duties", key))


def _kinds(name: str, said: Set[str]) -> Iterator[Kind]:
    """What a refusal with these codes comes to; nothing, where only an answer was missing or badly written."""
    if said & ROLE_CODES:
        yield Kind.wrong_role
    if said & ORDER_CODES:
        yield Kind.wrong_order
    if name == ATTACH and said & NO_FILE:
        yield Kind.upload
    if said & RULE_CODES:
        yield Kind.against_rule
