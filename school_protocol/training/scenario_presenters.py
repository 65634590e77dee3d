"""Presenters of scenarios: conditions and durations in words, a debrief in plain lines, attested lines."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from babel.lists import format_list

from school_protocol.case_files.presenters import refusal_message
from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Fact, Protocol
from school_protocol.engine.definition_parts import Form
from school_protocol.engine.evidence_pieces import Refusal
from school_protocol.engine.texts import ATTACH, N_, duration
from school_protocol.language import Wording
from school_protocol.people import presenters as people_presenters
from school_protocol.people.attestation_repository import Attestation
from school_protocol.people.spreadsheets import Unreadable
from school_protocol.people.teams import Obstacle
from school_protocol.training.attestation_service import ABSENT, ATTENDED, PASSED, Judged
from school_protocol.training.case_timeline import Verdict
from school_protocol.training.findings import Kind, Rule
from school_protocol.training.scenario import Note, Scenario, Sign


def lasting(w: Wording, written: str) -> str:
    """`1d4h` as one says it: 1 day and 4 hours."""
    minutes = int((duration(written) or timedelta()).total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    said = (
        w.ngettext("%(num)d day", "%(num)d days", days) if days else "",
        w.ngettext("%(num)d hour", "%(num)d hours", hours) if hours else "",
        w.ngettext("%(num)d minute", "%(num)d minutes", rest) if rest or not minutes else "",
    )
    return w.listed(one for one in said if one)


_ADDED = {
    "judicial": N_("the service is one of justice"),
    "external": N_("the service is outside the school"),
    "on_danger": N_("it is about a danger"),
    "about_self": N_("it is about whoever writes it"),
}
"""What conditions over answers may read besides the questions of a form; the role in which it was done is the other."""


class Conditions:
    """Says conditions of one scenario on its protocol."""

    def __init__(self, scenario: Scenario, protocol: Protocol, w: Wording) -> None:
        self.scenario, self.protocol, self.w = scenario, protocol, w

    def say(self, condition: Condition) -> str:
        """A condition over signs and facts."""
        return _Speaker(self.w, self._named, self._answered).say(condition.tree)

    def named(self, key: str) -> str:
        """An act or a move, in the definition's words."""
        if key == ATTACH:
            return self.w._("putting a file to a piece of evidence")
        found = self.protocol.acts.get(key) or self.protocol.moves[key]
        return self.w.text(found.title)

    # ---- names ---------------------------------------------------------------------------------------------------

    def _named(self, name: str) -> tuple[str, bool]:
        """What a name stands for, and whether that is a whole sentence."""
        sign = self.scenario.signs.get(name)
        if sign is not None:
            return self._sign(sign), True
        return self.w.text(self.protocol.facts[name].label), False

    def _sign(self, sign: Sign) -> str:
        said = self._seen(sign)
        if sign.times > 1:
            return self.w._("%(what)s, %(times)s times at least", what=said, times=sign.times)
        return said

    def _seen(self, sign: Sign) -> str:
        w, protocol = self.w, self.protocol
        if sign.act is not None:
            said = w._("“%(name)s” is recorded", name=self.named(sign.act))
            if sign.where is None:
                return said
            return w._("%(what)s, and %(condition)s", what=said, condition=self._where(sign.act, sign.where))
        if sign.move is not None:
            return w._("the step “%(name)s” is taken", name=self.named(sign.move))
        if sign.danger is not None:
            return w._("the danger “%(name)s” is raised", name=w.text(protocol.dangers[sign.danger].title))
        if sign.missed is not None:
            found = protocol.deadlines.get(sign.missed) or protocol.duties[sign.missed]
            return w._("the time for “%(name)s” runs out", name=w.text(found.title))
        return self._refused(sign)

    def _refused(self, sign: Sign) -> str:
        w, name = self.w, self.named(sign.refused or "")
        if sign.need is None:
            return w._("“%(name)s” is tried, and refused", name=name)
        why = w.text(self.protocol.needs[sign.need].sentence) if sign.refused != ATTACH else self._file(sign.need)
        return w._("“%(name)s” is tried, and refused (%(why)s)", name=name, why=why.rstrip("."))

    def _file(self, code: str) -> str:
        return refusal_message(self.w, Refusal(code))

    def _where(self, act: str, condition: Condition) -> str:
        form = self.protocol.form_of(act)

        def named(name: str) -> tuple[str, bool]:
            found = form.by_key.get(name)
            if found is not None:
                return self.w.text(found.label), False
            return self.w._(_ADDED.get(name, "Role")), name in _ADDED

        return _Speaker(self.w, named, lambda name, value: self._option(form, name, value)).say(condition.tree)

    # ---- answers -------------------------------------------------------------------------------------------------

    def _option(self, form: Form, name: str, value: object) -> str:
        found = form.by_key.get(name)
        if found is None:
            return self.w.role(self.protocol, str(value))
        many = found.type.value in ("choices", "dangers", "covers")
        return self.w.answer(self.protocol, found, [value] if many else value, {}) or str(value)

    def _answered(self, name: str, value: object) -> str:
        """A value of a fact, as the question says it from which the fact is read."""
        fact: Fact | None = self.protocol.facts.get(name)
        for source in fact.from_ if fact is not None else ():
            if source.act is not None and source.field is not None:
                form = self.protocol.form_of(source.act)
                options = form.by_key[source.field].options if source.field in form.by_key else ()
                if any(option.key == value for option in options):
                    return self._option(form, source.field, value)
        return self.w.yes_no(value) if isinstance(value, bool) or value in ("yes", "no", "unknown") else str(value)


class _Speaker:
    """Walks a condition; `named` and `answered` say what its names and constants stand for."""

    def __init__(
        self, w: Wording, named: Callable[[str], tuple[str, bool]], answered: Callable[[str, object], str]
    ) -> None:
        self.w, self.named, self.answered = w, named, answered

    def say(self, node: ast.AST) -> str:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return self.w.listed(self._within(part, ast.Or) for part in parts)
            case ast.BoolOp(values=parts):
                return self._or(self.say(part) for part in parts)
            case ast.UnaryOp(operand=ast.Name(id=name)):
                said, is_whole = self.named(name)
                return self._not(said) if is_whole else self._is(said, self.w.yes_no(False))
            case ast.UnaryOp(operand=inner):
                return self._not(self.say(inner))
            case ast.Name(id=name):
                said, is_whole = self.named(name)
                return said if is_whole else self._is(said, self.w.yes_no(True))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
        return ast.unparse(node)

    def _within(self, node: ast.AST, apart: type[ast.boolop]) -> str:
        said = self.say(node)
        return f"({said})" if isinstance(node, ast.BoolOp) and isinstance(node.op, apart) else said

    def _compared(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> str:
        if isinstance(left, ast.Constant) and isinstance(right, ast.Name):
            question, answer = self.named(right.id)[0], self.answered(right.id, left.value)
            if isinstance(op, ast.In):
                return self.w._("“%(question)s” includes: %(answer)s", question=question, answer=answer)
            return self.w._("“%(question)s” does not include: %(answer)s", question=question, answer=answer)
        if isinstance(left, ast.Name) and type(op) in _COMPARED:
            values = [entry.value for entry in ast.walk(right) if isinstance(entry, ast.Constant)]
            answer = self._or(self.answered(left.id, value) for value in values)
            return self.w._(_COMPARED[type(op)], question=self.named(left.id)[0], answer=answer)
        return f"{self.say(left)} {ast.unparse(right)}"

    def _is(self, question: str, answer: str) -> str:
        return self.w._(_COMPARED[ast.Eq], question=question, answer=answer)

    def _not(self, said: str) -> str:
        return self.w._("it is not so that %(condition)s", condition=said)

    def _or(self, parts: Iterable[str]) -> str:
        return str(format_list(list(parts), style="or", locale=self.w.locale))


_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "“%(question)s” is: %(answer)s",
    ast.NotEq: "“%(question)s” is not: %(answer)s",
    ast.In: "“%(question)s” is: %(answer)s",
    ast.NotIn: "“%(question)s” is not: %(answer)s",
    ast.Lt: "“%(question)s” is less than %(answer)s",
    ast.LtE: "“%(question)s” is at most %(answer)s",
    ast.Gt: "“%(question)s” is more than %(answer)s",
    ast.GtE: "“%(question)s” is at least %(answer)s",
}


# ---- a debrief in plain lines of one language, and the words that pages and papers share ---------------------------

# ---- what is shown -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindingLine:
    """`kind` and `tone` are for the look; `label` says the kind, `what` the rule's name, `says` what happened."""

    kind: str
    tone: str
    label: str
    what: str
    says: str
    rule: str
    """The rule's own text: limit, reason, what it rests on, where it comes from."""
    who: str
    at: str
    note: str = ""
    """The scenario's words beside it."""
    note_rule: str = ""
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class StandingLine:
    """How the case stood: its state and stage, its level, and what was due, each with whether it was late then."""

    state: str
    stage: str
    level: str
    due: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class MomentLine:
    """One line of the line of time; `day` is empty where it is that of the line before."""

    number: int
    day: str
    clock: str
    what: str
    tone: str
    label: str
    says: str
    more: tuple[str, ...]
    who: str
    findings: tuple[FindingLine, ...]
    stand: StandingLine | None


@dataclass(frozen=True, slots=True)
class DutyResult:
    title: str
    verdict: str
    said: str
    tone: str
    roles: str
    rule: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class QuestionLine:
    kind: str
    says: str
    rule: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DebriefPage:
    """A table's debrief, line by line. Pairs are a label and its value."""

    scenario: str
    code: str
    protocol: str
    begun: str
    ended: str
    states: tuple[str, ...]
    moments: tuple[MomentLine, ...]
    errors: tuple[FindingLine, ...]
    others: tuple[FindingLine, ...]
    """Done in time, still open, excused, typed in from paper, and what is not asked any more."""
    duties: tuple[DutyResult, ...]
    measures: tuple[tuple[str, str], ...]
    dangers: tuple[tuple[str, str, str], ...]
    """Which, when and by whom; what became of it."""
    guardians: tuple[tuple[str, str, str], ...]
    """When; what was decided about whom; by whom."""
    grids: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    """Title, points and level; each item with its mark."""
    questions: tuple[QuestionLine, ...]


# ---- words ---------------------------------------------------------------------------------------------------------

LABELS: Mapping[Kind, tuple[str, str]] = {
    Kind.in_time: (N_("Done in time"), "ok"),
    Kind.late: (N_("Late"), "late"),
    Kind.left_out: (N_("Left out"), "late"),
    Kind.open: (N_("Still to do"), "soon"),
    Kind.suspended: (N_("Suspended"), "plain"),
    Kind.excused: (N_("Excused with a reason"), "plain"),
    Kind.gone: (N_("Not asked any more"), "plain"),
    Kind.wrong_role: (N_("Wrong role"), "late"),
    Kind.other_role: (N_("Another role than the duty names"), "today"),
    Kind.wrong_order: (N_("Wrong order"), "late"),
    Kind.against_rule: (N_("Against a rule"), "late"),
    Kind.upload: (N_("Prohibited file"), "late"),
    Kind.departure: (N_("Without a condition"), "today"),
    Kind.despite: (N_("Against the form’s warning"), "late"),
    Kind.trap: (N_("Trap"), "late"),
    Kind.written_late: (N_("Written down late"), "today"),
    Kind.on_paper: (N_("On paper first"), "plain"),
}
"""What a finding is called, and its tone."""

VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.passed: (N_("Kept"), "ok"),
    Verdict.failed: (N_("Not kept"), "late"),
    Verdict.open: (N_("Still to do"), "soon"),
    Verdict.suspended: (N_("Suspended"), "plain"),
    Verdict.excused: (N_("Excused with a reason"), "plain"),
    Verdict.not_asked: (N_("Not asked"), "plain"),
}

_LOCKS: Mapping[str, str] = {
    "law": N_("Fixed by law: no reason lets anybody go on without it."),
    "safety": N_("Fixed for a pupil’s safety: no reason lets anybody go on without it."),
}


# ---- small words ---------------------------------------------------------------------------------------------------


def rule_label(w: Wording, rule: Rule, *, with_title: bool = False) -> str:
    """The rule's own text: its limit, why, what it rests on, whether it is fixed, and its source."""
    said = [w.text(rule.title)] if with_title else []
    if rule.limit is not None:
        said.append(w.pair(w._("Time limit"), w.within(*rule.limit)))
    said += [w.text(one) for one in (rule.why, rule.basis) if one is not None]
    said += [w._(_LOCKS[rule.lock])] if rule.lock is not None else []
    if rule.source is not None:
        said.append(w.pair(w._("Source"), w.text(rule.source)))
    return " · ".join(dict.fromkeys(said))


def note_label(w: Wording, note: Note | None) -> tuple[str, str]:
    """The scenario's reason and rule; empty without."""
    return (w.text(note.reason), w.text(note.rule)) if note is not None else ("", "")


def duration_label(w: Wording, taken: timedelta) -> str:
    """How long: minutes within an hour, hours and minutes within two days, then days and hours."""
    minutes = max(int(taken.total_seconds() // 60), 0)
    if minutes < 60:
        return w.ngettext("%(num)d minute", "%(num)d minutes", minutes)
    if minutes < 48 * 60:
        hours = w.ngettext("%(num)d hour", "%(num)d hours", minutes // 60)
        rest = minutes % 60
        return w.listed([hours, w.ngettext("%(num)d minute", "%(num)d minutes", rest)]) if rest else hours
    return w.ngettext("%(num)d day", "%(num)d days", minutes // (24 * 60))


def mark_said(w: Wording, mark: int | None) -> str:
    return str(mark) if mark is not None else w._("Not known")


# ---- lines that are entered after a workshop -----------------------------------------------------------------------

_RESULTS: Mapping[str, str] = {
    PASSED: N_("Attended and passed"),
    ATTENDED: N_("Attended, did not pass"),
    ABSENT: N_("Did not attend"),
}
_PROBLEMS: Mapping[str, str] = {
    "no_name": N_("The name is missing."),
    "formula": N_("A cell begins with a sign that a spreadsheet reckons with."),
    "unknown_result": N_("It is not understood whether this person attended and passed: write yes or no."),
    "not_of_the_academy": N_("Nobody of your academy has this user name."),
    "own": N_("Nobody attests for themselves."),
    "closed": N_("This account is closed."),
    "attested_already": N_("This person was entered for this workshop already."),
    "twice": N_("This person stands twice in the list."),
}
_OBSTACLES: Mapping[str, str] = {
    "not_ended": N_("The workshop has not ended yet: end it first."),
    "changed_meanwhile": N_("Something changed meanwhile: look at the lines once more, then confirm them."),
    "lines_refused": N_("All lines are entered together, or none: mend those that are refused, or leave them out."),
    "withdrawn_already": N_("This was withdrawn already."),
}


def result(w: Wording, key: str) -> str:
    """Whether somebody attended and passed; what was written, where that is not understood."""
    return w.gettext(_RESULTS[key]) if key in _RESULTS else key


def result_of(w: Wording, one: Attestation) -> str:
    """The same of what was attested."""
    return result(w, PASSED if one.passed else ATTENDED if one.attended else ABSENT)


def problems(w: Wording, one: Judged) -> tuple[str, ...]:
    """Why a line is not taken."""
    return tuple(_problem(w, code) for code in one.problems)


def _problem(w: Wording, code: str) -> str:
    name, _, most = code.partition(":")
    if name == "too_long":
        return w._("The name is longer than %(most)s letters.", most=most)
    return w.gettext(_PROBLEMS[name])


def obstacle(w: Wording, one: Obstacle) -> str:
    """Why something can't be done now, as one sentence."""
    return w.gettext(_OBSTACLES[one.code])


def unreadable(w: Wording, error: Unreadable) -> str:
    """Why nothing of a list can be read."""
    if error.code == "no_heading":
        return w._("The first line doesn’t say what the columns are: one must be called “name”.")
    return people_presenters.unreadable(w, error)
