"""Presenters of a debrief: plain lines, questions to talk about, tables side by side; nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from school_protocol.engine.case_parts import EVERY_GUARDIAN
from school_protocol.engine.definition import Protocol
from school_protocol.engine.evidence_pieces import Refusal
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import ATTACH, N_
from school_protocol.language import ZONE, Wording
from school_protocol.training.case_timeline import Count, Stand, Verdict
from school_protocol.training.findings import (
    ORDER_CODES,
    ROLE_CODES,
    RULE_CODES,
    DangerSeen,
    Debrief,
    DutyLine,
    Finding,
    GridSeen,
    GuardianLine,
    Kind,
    Measure,
    Question,
    Row,
    TableMoment,
    Value,
    What,
    compare,
)
from school_protocol.training.scenario_presenters import (
    LABELS,
    VERDICTS,
    DebriefPage,
    DutyResult,
    FindingLine,
    MomentLine,
    QuestionLine,
    StandingLine,
    duration_label,
    mark_said,
    note_label,
    rule_label,
)

# ---- questions to talk about: one sentence for each kind of finding, with the rule's name --------------------------

_ASKED: Mapping[str, str] = {
    Kind.upload.value: N_(
        "A file was to be kept though none may be. What made it seem needed, and how can words do the same?"
    ),
    Kind.left_out.value: N_(
        "“%(what)s” was left out. Who could have thought of it, and what would have reminded the team?"
    ),
    Kind.late.value: N_("“%(what)s” came late. What took its place, and what did the pupil live through meanwhile?"),
    Kind.wrong_role.value: N_("“%(what)s” was tried by: %(role)s. Why does the protocol keep it for: %(roles)s?"),
    Kind.other_role.value: N_(
        "“%(what)s” was done by: %(role)s. The duty names: %(roles)s. Who was there, and who was told?"
    ),
    Kind.wrong_order.value: N_(
        "“%(what)s” was tried before its time. What does the protocol protect by asking this first: %(needs)s?"
    ),
    Kind.against_rule.value: N_("A form refused “%(what)s” by a rule. Whom does this rule protect?"),
    Kind.departure.value: N_("You went on with “%(what)s” without: %(needs)s. Would you write the same reason today?"),
    Kind.despite.value: N_(
        "“%(what)s” was done although its form warns against it. What did the pupil risk, and who could have been "
        "asked?"
    ),
    Kind.trap.value: N_(
        "The table fell into a trap: “%(what)s”. What made it tempting, and what would you say to a colleague who "
        "proposes it?"
    ),
    "danger_unseen": N_("Nobody raised: “%(what)s”. Which sign was there, and from when on?"),
    "guardians": N_("Telling the guardians: how did you decide whom to tell, when, and what did the pupil want?"),
    "note": N_("What did “%(what)s” change for the pupil?"),
}
_ELSEWHERE = N_("what comes before it")


def asked(w: Wording, protocol: Protocol, one: Question, what: str) -> str:
    """The question, in that language."""
    found = [protocol.needs[key] for key in one.needs if key in protocol.needs]
    needs = [w.text(need.title or need.sentence).rstrip(" .") for need in found]
    return w._(
        _ASKED[one.kind],
        what=what,
        role=w.role(protocol, one.role) if one.role else "",
        roles=w.who(protocol, one.roles),
        needs=w.titles(needs) if needs else w._(_ELSEWHERE),
    )


def debrief_told(debrief: Debrief, wording: Wording, names: Mapping[str, str] | None = None) -> DebriefPage:
    """The debrief in that language; `names`: accounts by what they are called at the table, beside their roles."""
    return Teller(debrief, wording, names or {}).whole()


# ---- words ---------------------------------------------------------------------------------------------------------

_WHATS: Mapping[What, tuple[str, str]] = {
    What.done: (N_("Done"), "ok"),
    What.refused: (N_("Refused"), "late"),
    What.due: (N_("To do from now on"), "soon"),
    What.ran_out: (N_("Time is up"), "late"),
    What.came: (N_("Something new"), "soon"),
    What.trap: (N_("Trap"), "late"),
}

_GUARDIANS: Mapping[str, str] = {
    "informed": N_("%(person)s: %(result)s"),
    "held": N_("%(person)s: information put on hold"),
    "reviewed": N_("%(person)s: hold reviewed"),
    "released": N_("%(person)s: hold lifted"),
}

_SAID: Mapping[Kind, str] = {
    Kind.in_time: N_("Done on %(done)s, due by %(due)s."),
    Kind.suspended: N_("The protocol suspends it for the time being."),
    Kind.excused: N_("Somebody excused it, with a reason, before the time was up."),
    Kind.gone: N_("It was not asked any more before its time was up."),
    Kind.other_role: N_("Done by: %(role)s. The duty names: %(roles)s."),
    Kind.trap: N_("The table fell into it on %(moment)s."),
    Kind.written_late: N_("Done on %(done)s, due by %(due)s; it was written down only once the time was up."),
    Kind.on_paper: N_("Written on paper on %(done)s, typed in on %(moment)s."),
}
_WHOSE: Mapping[Kind, str] = {
    Kind.left_out: N_("Due by %(due)s, and not done."),
    Kind.open: N_("Due by %(due)s, not done yet."),
}
"""What is said with whose it is."""

_FILES: Mapping[str, str] = {
    "intimate": N_("the content may be intimate: words alone are kept"),
    "danger": N_("while such a danger stands no file is kept"),
    "not_said": N_("nobody had said whether the content is intimate"),
}


class Teller:
    """Says the parts of one debrief in one language."""

    def __init__(self, debrief: Debrief, wording: Wording, names: Mapping[str, str]) -> None:
        self.debrief, self.w, self.names = debrief, wording, names
        self.several = len(debrief.states) > 1

    @property
    def protocol(self) -> Protocol:
        return self.debrief.protocol

    def whole(self) -> DebriefPage:
        debrief, w = self.debrief, self.w
        scenario = debrief.scenario
        return DebriefPage(
            scenario=w.text(scenario.title) if scenario else w.text(self.protocol.title),
            code=scenario.code if scenario else "",
            protocol=w.text(self.protocol.title),
            begun=w.moment(debrief.begun),
            ended=w.moment(debrief.ended),
            states=tuple(self._of_case(name, self.title("states", state)) for name, state in debrief.states.items()),
            moments=tuple(self.moments()),
            errors=tuple(self.finding(one) for one in debrief.errors),
            others=tuple(self.finding(one) for one in debrief.findings if not one.is_error),
            duties=tuple(self.duty(one) for one in debrief.duties),
            measures=tuple(self.measure(one) for one in debrief.measures),
            dangers=tuple(self.danger(one) for one in debrief.dangers),
            guardians=tuple(self.guardian(one) for one in debrief.guardians),
            grids=tuple(self.grid(one) for one in debrief.grids),
            questions=tuple(self.questions()),
        )  # fmt: skip

    # ---- line of time --------------------------------------------------------------------------------------------

    def moments(self) -> Iterator[MomentLine]:
        before = ""
        for number, one in enumerate(self.debrief.timeline, 1):
            day = self.w.day(one.at.astimezone(ZONE).date())
            label, tone = _WHATS[one.what]
            found = tuple(self.finding(self.debrief.findings[place]) for place in one.findings)
            yield MomentLine(
                number, "" if day == before else day, self.w.clock(one.at), one.what.value, tone, self.w._(label),
                self.says(one), tuple(self._more(one)), self.who(one.role, one.actor), found,
                self.stand(one.stand, one.at),
            )  # fmt: skip
            before = day

    def says(self, one: TableMoment) -> str:
        """What happened, as one line."""
        w, scenario = self.w, self.debrief.scenario
        if one.part == ATTACH:
            said = w._("A file for a piece of evidence")
        elif one.part == "injects" and scenario is not None:
            said = w.text(scenario.injects[one.key].text)
        elif one.part == "traps" and scenario is not None:
            said = w.text(scenario.traps[one.key].title)
        else:
            said = self._with_subject(self.title(one.part, one.key), one.part, one.key, one.subject)
        if one.target:
            said = w._("%(step)s → %(state)s", step=said, state=w.text(self.protocol.states[one.target].title))
        return self._of_case(one.case, said)

    def _more(self, one: TableMoment) -> Iterator[str]:
        w = self.w
        if one.taken_back:
            yield w._("Taken back by whoever wrote it.")
        if one.happened_at is not None:
            yield w._("Happened: %(moment)s", moment=w.moment(one.happened_at))
        if one.what is What.refused:
            yield from self.why(one.reasons, one.codes)
        for count in one.begins:
            yield self._begins(count)

    def _begins(self, count: Count) -> str:
        title = self._with_subject(self.title("deadlines", count.deadline), "deadlines", count.deadline, count.subject)
        if count.due_at <= count.started_at:
            return self.w._("To do at once: %(what)s", what=title)
        return self.w._("To do by %(moment)s: %(what)s", moment=self.w.moment(count.due_at), what=title)

    def why(self, reasons: Iterable[Reason], codes: Iterable[str]) -> Iterator[str]:
        """Why something was refused: the engine's own sentences, then the form's."""
        yield from (self.w.reason(self.protocol, one) for one in reasons)
        for code in codes:
            if code in _FILES:
                yield self.w._(_FILES[code])
            elif code == "unseen":
                yield self.w._("This role does not see the case.")
            elif code in set(Refusal):
                yield self.w._("The file was not taken.")
            else:
                yield self.w.problem(self.w.spoken(self.protocol, code))

    def stand(self, stand: Stand | None, at: datetime) -> StandingLine | None:
        if stand is None:
            return None
        w = self.w
        due = tuple(
            (
                self._with_subject(self.title("deadlines", one.deadline), "deadlines", one.deadline, one.subject),
                w.moment(one.due_at),
                one.due_at < at,
            )
            for one in stand.due
            if one.due_at > one.started_at
        )
        stage = self.protocol.stage_of(stand.state)
        level = w._("Level %(level)s", level=stand.level) if stand.level else w._("Not assessed yet")
        return StandingLine(w.text(self.protocol.states[stand.state].title), w.text(stage.title), level, due)

    # ---- findings ------------------------------------------------------------------------------------------------

    def finding(self, one: Finding) -> FindingLine:
        w = self.w
        label, tone = LABELS[one.kind]
        reason, rule = note_label(w, one.note)
        what = self._with_subject(self.title(one.part, one.key), one.part, one.key, one.subject)
        if one.part == "traps":
            what, reason, rule = w.text(one.rule.title), w.text(one.rule.why), w.text(one.rule.basis)
        return FindingLine(
            one.kind.value, tone, w._(label), self._of_case(one.case, what), self.sentence(one),
            self._rule(one),
            self.who(one.role), w.moment(one.at), reason, rule, one.is_error,
        )  # fmt: skip

    def _rule(self, one: Finding) -> str:
        """The rule's own text; of a need, with its name. A trap's is the scenario's words."""
        is_other = one.rule.title != self._title(one.part, one.key)
        return "" if one.part == "traps" else rule_label(self.w, one.rule, with_title=is_other)

    def sentence(self, one: Finding) -> str:
        """What a finding says, as a sentence or two."""
        w, who = self.w, self.who(one.role)
        due, done = (w.moment(at) if at else "" for at in (one.due_at, one.done_at))
        if one.kind is Kind.left_out and not due:
            return self._whose(one, w._("Asked, and not done before the case ended."))
        if one.kind in _WHOSE:
            return self._whose(one, w._(_WHOSE[one.kind], due=due))
        if one.kind in _SAID:
            values = {"due": due, "done": done, "role": who, "roles": w.who(self.protocol, one.roles)}
            return w._(_SAID[one.kind], **values, moment=w.moment(one.at))
        match one.kind:
            case Kind.late:
                delay = w.late_by(one.done_at - one.due_at) if one.done_at and one.due_at else ""
                return w._("Due by %(due)s, done on %(done)s: %(delay)s.", due=due, done=done, delay=delay)
            case Kind.wrong_role:
                said = self._whose(one, w._("Tried by: %(role)s.", role=who))
                return " ".join([said, *self._reasons(one, ROLE_CODES - {"not_your_role"})])
            case Kind.wrong_order:
                said = w._("Tried by: %(role)s. Something comes before it:", role=who)
                return " ".join([said, *self._before(one)])
            case Kind.against_rule:
                said = w._("Tried by: %(role)s. The form refused it by a rule:", role=who)
                codes = [code for code in one.codes if code.partition(":")[0] in RULE_CODES]
                return " ".join([said, *self.why((), codes)])
            case Kind.upload:
                why = [w._(_FILES[code]) for code in one.codes if code in _FILES]
                return w._("Tried by: %(role)s. No file was kept: %(why)s.", role=who, why=w.series(why))
        assert one.kind in (Kind.departure, Kind.despite)
        if not one.said:
            return w._("Made by: %(role)s, for a reason whose words are not kept.", role=who)
        return w._("Made by: %(role)s, with this reason: “%(reason)s”", role=who, reason=one.said)

    def _whose(self, one: Finding, said: str) -> str:
        """With whose it is, where the protocol says so."""
        whose = self.w.who(self.protocol, one.roles)
        return " ".join([said, self.w._("It is for: %(roles)s.", roles=whose)]) if whose else said

    def _reasons(self, one: Finding, wanted: Set[str]) -> Iterator[str]:
        yield from (self.w.reason(self.protocol, each) for each in one.reasons if each.code in wanted)

    def _before(self, one: Finding) -> Iterator[str]:
        """What was wanting: needs, or another place in the protocol."""
        yield from self._reasons(one, ORDER_CODES)
        yield from self.why((), [code for code in one.codes if code.partition(":")[0] in ORDER_CODES])

    # ---- the rest ------------------------------------------------------------------------------------------------

    def duty(self, one: DutyLine) -> DutyResult:
        w = self.w
        said, tone = VERDICTS[one.verdict]
        return DutyResult(
            self._of_case(one.case, w.text(one.rule.title)), one.verdict.value, w._(said), tone,
            w.who(self.protocol, one.roles), rule_label(w, one.rule), note_label(w, one.note)[0],
        )  # fmt: skip

    def measure(self, one: Measure) -> tuple[str, str]:
        said = duration_label(self.w, one.taken) if one.taken is not None else self.w._("not reached")
        return self._of_case(one.case, self.w.text(one.title)), said

    def danger(self, one: DangerSeen) -> tuple[str, str, str]:
        w, title = self.w, self._of_case(one.case, self.w.text(one.rule.title))
        if one.at is None or one.after is None:
            return title, w._("Not seen"), w._("The expected path raises it.")
        seen = w._(
            "%(moment)s, %(time)s after the beginning", moment=w.moment(one.at), time=duration_label(w, one.after)
        )
        states = {"raised": N_("Nobody was told yet"), "referred": N_("Referred"), "lifted": N_("Lifted")}
        return title, f"{seen}{w.comma}{self.who(one.role)}", w._(states.get(one.state, N_("Lifted")))

    def guardian(self, one: GuardianLine) -> tuple[str, str, str]:
        w = self.w
        person = person_said(self.w, self.protocol, one.person, one.slot)
        said = w._(_GUARDIANS[one.kind], person=person, result=w.text(one.result))
        return w.moment(one.at), self._of_case(one.case, said), self.who(one.role)

    def grid(self, one: GridSeen) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        w, grid = self.w, self.protocol.grids[one.grid]
        points = str(one.low) if one.low == one.high else w._("%(low)s to %(high)s", low=one.low, high=one.high)
        title = grid.levels[one.level].title if one.level in grid.levels else None
        said = w._("%(points)s of %(most)s points: %(level)s", points=points, most=grid.maximum, level=w.text(title))
        marks = tuple((w.text(item.title), mark_said(w, one.marks.get(key))) for key, item in grid.items.items())
        return self._of_case(one.case, w.text(grid.title)), said, marks

    def questions(self) -> Iterator[QuestionLine]:
        for one in self.debrief.questions:
            reason, rule = note_label(self.w, one.note)
            named = self._title(one.part, one.key) is not None or one.part == ATTACH
            what = self.title(one.part, one.key) if named else self.w.text(one.rule.title)
            if one.part == "traps":
                reason, rule = self.w.text(one.rule.why), self.w.text(one.rule.basis)
            rule = rule or ("" if one.part == "traps" else rule_label(self.w, one.rule, with_title=bool(one.needs)))
            yield QuestionLine(one.kind, asked(self.w, self.protocol, one, what), rule, reason)

    # ---- names ---------------------------------------------------------------------------------------------------

    def who(self, role: str, actor: str = "") -> str:
        said = self.w.role(self.protocol, role) if role else ""
        return self.w.comma.join(one for one in (self.names.get(actor, ""), said) if one)

    def _title(self, part: str, key: str) -> object:
        found = getattr(self.protocol, part, {}).get(key)
        return getattr(found, "title", None)

    def title(self, part: str, key: str) -> str:
        """What a part of the definition is called."""
        if part == ATTACH:
            return self.w._("A file for a piece of evidence")
        found = self._title(part, key)
        return self.w.text(found) if found is not None else key  # type: ignore[arg-type]

    def _of_case(self, case: str, said: str) -> str:
        """With the name of the case, where the table has several."""
        named = self.w._("Case %(number)s", number=case) if len(case) < 3 and case.isdecimal() else case
        return self.w.pair(named, said) if self.several and case else said

    def _with_subject(self, title: str, part: str, key: str, subject: str) -> str:
        about = self._subject(part, key, subject)
        return self.w._("%(what)s (%(about)s)", what=title, about=about) if about else title

    def _subject(self, part: str, key: str, subject: str) -> str:
        return subject_label(self.w, self.protocol, key, subject) if part == "deadlines" else ""


def subject_label(w: Wording, protocol: Protocol, deadline: str, subject: str) -> str:
    """What a count of a deadline is about: a danger, a referral, a hold, a day, or somebody of the case."""
    declared = protocol.deadlines.get(deadline)
    if not subject or declared is None:
        return ""
    if subject in protocol.dangers:
        return w.text(protocol.dangers[subject].title)
    if subject.isdigit():
        return w._(N_("referral %(number)s") if declared.per == "referral" else N_("hold %(number)s"), number=subject)
    if declared.per == "follow_up":
        return w.day(date.fromisoformat(subject))
    return person_said(w, protocol, subject)


def person_said(w: Wording, protocol: Protocol, person: str, slot: str = "") -> str:
    """Somebody of a case, by their place in it."""
    if person == EVERY_GUARDIAN:
        return w._("Every guardian")
    key, _, number = person.rpartition("-")
    title = protocol.slots.get(slot or key)
    return f"{w.text(title.title)} {number}" if title else person


# ---- tables beside each other: a column for each, the spread last --------------------------------------------------


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """Cells: what is said, and its tone. `spread` is empty where it says nothing; `differs`: not all say the same."""

    title: str
    cells: tuple[tuple[str, str], ...]
    spread: str
    differs: bool


_SECTIONS = (
    (("items", "grids", "levels"), N_("The grid, table by table")),
    (("measures",), N_("How long it took")),
    (("duties",), N_("Duties")),
    (("dangers",), N_("Dangers raised, since the beginning")),
    (("traps",), N_("Traps")),
)


def spread_told(debriefs: Mapping[str, Debrief], wording: Wording) -> tuple[tuple[str, tuple[ComparisonRow, ...]], ...]:
    """Tables by their names, beside each other: titles of sections and their rows; one without rows is left out."""
    teller, spread = _Teller(wording), compare(debriefs)
    sections = ((title, tuple(map(teller.row, spread.of(*parts)))) for parts, title in _SECTIONS)
    return tuple((wording._(title), rows) for title, rows in sections if rows)


class _Teller:
    def __init__(self, wording: Wording) -> None:
        self.w = wording

    def row(self, row: Row) -> ComparisonRow:
        cells = tuple(self.cell(row, value) for value in row.values)
        return ComparisonRow(self.title(row), cells, " · ".join(self.apart(row)), row.distinct > 1)

    def title(self, row: Row) -> str:
        w = self.w
        if row.part == "levels":
            return w._("Level")
        return w._("Points, at most") if row.part == "grids" else w.text(row.title)

    def cell(self, row: Row, value: Value) -> tuple[str, str]:
        w = self.w
        if isinstance(value, Verdict):
            said, tone = VERDICTS[value]
            return w._(said), tone
        if isinstance(value, bool):
            return (w._("Fell into it"), "late") if value else (w._("Avoided"), "ok")
        if isinstance(value, timedelta):
            return duration_label(w, value), ""
        if value is None:
            return (w._("Not seen"), "late") if row.part == "dangers" else ("–", "")
        return str(value), ""

    def apart(self, row: Row) -> Iterator[str]:
        """How far the tables lie apart, and how many levels they found."""
        w = self.w
        if isinstance(row.spread, timedelta):
            yield duration_label(w, row.spread)
        elif row.spread is not None:
            yield str(row.spread)
        if row.part == "levels" and row.distinct:
            yield w.ngettext("%(num)d level", "%(num)d different levels", row.distinct)
