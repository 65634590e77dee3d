"""What is shown of a debrief, in plain lines of one language, and the small words that pages and papers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from school_protocol.domain.findings import Kind, Rule
from school_protocol.domain.reliving import Verdict
from school_protocol.domain.scenario import Note
from school_protocol.wording import N_, Wording

# ---- what is shown -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindingTold:
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
class StandTold:
    """How the case stood: its state and stage, its level, and what was due, each with whether it was late then."""

    state: str
    stage: str
    level: str
    due: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class MomentTold:
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
    findings: tuple[FindingTold, ...]
    stand: StandTold | None


@dataclass(frozen=True, slots=True)
class DutyTold:
    title: str
    verdict: str
    said: str
    tone: str
    roles: str
    rule: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class QuestionTold:
    kind: str
    says: str
    rule: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DebriefTold:
    """A table's debrief, line by line. Pairs are a label and its value."""

    scenario: str
    code: str
    protocol: str
    begun: str
    ended: str
    states: tuple[str, ...]
    moments: tuple[MomentTold, ...]
    errors: tuple[FindingTold, ...]
    others: tuple[FindingTold, ...]
    """Done in time, still open, excused, typed in from paper, and what is not asked any more."""
    duties: tuple[DutyTold, ...]
    measures: tuple[tuple[str, str], ...]
    dangers: tuple[tuple[str, str, str], ...]
    """Which, when and by whom; what became of it."""
    guardians: tuple[tuple[str, str, str], ...]
    """When; what was decided about whom; by whom."""
    grids: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    """Title, points and level; each item with its mark."""
    questions: tuple[QuestionTold, ...]


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


def rule_said(w: Wording, rule: Rule, *, with_title: bool = False) -> str:
    """The rule's own text: its limit, why, what it rests on, whether it is fixed, and its source."""
    said = [w.text(rule.title)] if with_title else []
    if rule.limit is not None:
        said.append(w.pair(w._("Time limit"), w.within(*rule.limit)))
    said += [w.text(one) for one in (rule.why, rule.basis) if one is not None]
    said += [w._(_LOCKS[rule.lock])] if rule.lock is not None else []
    if rule.source is not None:
        said.append(w.pair(w._("Source"), w.text(rule.source)))
    return " · ".join(dict.fromkeys(said))


def note_said(w: Wording, note: Note | None) -> tuple[str, str]:
    """The scenario's reason and rule; empty without."""
    return (w.text(note.reason), w.text(note.rule)) if note is not None else ("", "")


def duration_said(w: Wording, taken: timedelta) -> str:
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
