"""What of a case can be counted: where it stands, its level, its closed choices; each as the key of a row."""

from __future__ import annotations

from collections.abc import Iterable

from school_protocol.domain.case import Case, Record
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.protocol import Protocol

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
