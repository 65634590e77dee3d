"""Whole answers to a form around the few that decide: what a person could write, drawn by no lot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from school_protocol.definitions.names import PART_OF
from school_protocol.definitions.proof.answering import ABSENT, ACCOUNT, PERSON, RAISING, WORDS
from school_protocol.domain.answers import References, answer_values
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.protocol import Grid, Protocol
from school_protocol.domain.scoring import score

_T = FieldType
TEXT = "…"
_FIXED: Mapping[FieldType, tuple[str, ...]] = {
    _T.yes_no: ("yes", "no"),
    _T.tri: ("yes", "no", "unknown"),
    _T.check: ("on",),
}
"""Every answer of a type that takes the same everywhere."""


class Unfillable(Exception):
    """A question that must be answered has nothing to point at."""


def filled(
    protocol: Protocol,
    form: Form,
    wanted: Mapping[str, Any],
    references: References,
    *,
    dangers: Sequence[str] = (),
    accounts: Sequence[str] = (),
    level: int | None = None,
) -> dict[str, Any]:
    """Answers that the form takes, with the wanted ones among them; `dangers` are named where it asks for dangers.

    A grid gives `level` if it can. Raises Unfillable where something required cannot be answered.
    """
    people = tuple(accounts) or tuple(sorted(references.accounts))
    filler = _Filler(protocol, references, tuple(dangers), people, level)
    for turn in range(_TURNS):
        answers = filler.form(form, wanted, turn)
        values = answer_values(form.fields, _typed(form, answers))
        if not any(one.when.holds(values) for one in form.refuses):
            return answers
    raise Unfillable(form.key)


_TURNS = 6
"""How often another answer is tried where answers contradict each other."""


class _Filler:
    def __init__(
        self,
        protocol: Protocol,
        references: References,
        dangers: tuple[str, ...],
        accounts: tuple[str, ...],
        level: int | None,
    ) -> None:
        self.protocol, self.references, self.dangers, self.accounts = protocol, references, dangers, accounts
        self.level = level

    def form(self, form: Form, wanted: Mapping[str, Any], turn: int = 0) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for item in form.fields:
            if item.type is _T.signature:
                continue
            if item.key in wanted:
                if wanted[item.key] is not ABSENT:
                    answers[item.key] = self.as_wanted(item, wanted[item.key])
            elif item.type in RAISING:
                answers |= self.of_dangers(item)
            elif item.required and self.is_asked(form, item, answers):
                answers[item.key] = self.some(item, turn)
        return answers

    def is_asked(self, form: Form, item: FormField, answers: Mapping[str, Any]) -> bool:
        return item.when is None or item.when.holds(answer_values(form.fields, _typed(form, answers)))

    def of_dangers(self, item: FormField) -> dict[str, Any]:
        if item.type is _T.danger_answers:
            asked = [key for key, danger in self.protocol.dangers.items() if danger.ask_at_closing]
            said = dict.fromkeys(asked if item.required else (), "no")
            said |= {key: "yes" for key in self.dangers if key in asked}
            return {item.key: said} if said else {}
        if not self.dangers:
            return {}
        return {item.key: list(self.dangers) if item.type is _T.dangers else self.dangers[0]}

    def as_wanted(self, item: FormField, value: Any) -> Any:
        """The real thing in the place of what stands for it."""
        match item.type:
            case _T.danger_answers:
                return self._asked_again(value)
            case _T.dangers if value in (True, WORDS):
                return list(self.dangers)
            case _T.grid:
                return self.grid(item, int(value))
            case _T.rows if isinstance(value, list) and value and isinstance(value[0], str):
                return [self.row(item, value[0].partition(".")[2])]
            case _T.accounts:
                count = len(value) if isinstance(value, list) else 1
                return list(self.accounts[:count])
        if value in (True, WORDS, ACCOUNT, PERSON) and item.type not in (_T.yes_no, _T.check):
            return self.some(item)
        return value

    def _asked_again(self, value: Any) -> dict[str, str]:
        """What is answered of each danger: of all, or of all but the first."""
        asked = [key for key, danger in self.protocol.dangers.items() if danger.ask_at_closing]
        said = {key: "yes" if key in self.dangers else "no" for key in asked}
        return said if value == "all" else said | dict.fromkeys(asked[:1], "unknown")

    def row(self, item: FormField, column: str) -> dict[str, Any]:
        return {one.key: self.some(one) for one in item.fields if one.required or one.key == column}

    def grid(self, item: FormField, known: int) -> dict[str, int]:
        grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
        least = max(known, 1) if item.required else known
        plain = dict.fromkeys(list(grid.items)[:least], 1)
        if self.level is None:
            return plain
        rising = (one for count in range(least, len(grid.items) + 1) for one in _rising(grid, count))
        return next((one for one in rising if score(grid, one).high_level == self.level), plain)

    def some(self, item: FormField, turn: int = 0) -> Any:
        """Any answer that the question takes."""
        if item.type in _FIXED:
            answers = _FIXED[item.type]
            return answers[turn % len(answers)]
        count = max(item.least or 1, 1)
        match item.type:
            case _T.text | _T.long:
                return TEXT * max(1, -(-(item.least or 1) // len(TEXT)))
            case _T.choice:
                return self.option(item, turn)
            case _T.choices:
                return [option.key for option in self.calm(item)[:count]]
            case _T.date | _T.moment:
                begin = self.references.today if item.type is _T.date else self.references.now
                return (begin + timedelta(days=7 if item.future else 0)).isoformat()
            case _T.integer | _T.scale:
                return item.least or 0
            case _T.grid:
                grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
                return self.grid(item, len(grid.items))
            case _T.rows:
                return [self.row(item, "") for _number in range(count)]
            case _T.accounts:
                return list(self.accounts[:count])
            case _:
                return self.pointed(item)

    def calm(self, item: FormField) -> list[Any]:
        return [option for option in item.options if not option.to_guardians] or list(item.options)

    def option(self, item: FormField, turn: int) -> str:
        if item.assessed and self.references.level is not None:
            return str(self.references.level)
        options = self.calm(item)
        return str(options[turn % len(options)].key)

    def pointed(self, item: FormField) -> Any:
        if item.type in (_T.person, _T.persons):
            return self.person(item)
        if item.type in (_T.dangers, _T.covers):
            return list(self.dangers) or [next(iter(self.protocol.dangers))]
        found = self._there(item)
        if not found:
            raise Unfillable(item.key)
        return found[0]

    def _there(self, item: FormField) -> Sequence[Any]:
        """Everything that a question of this type can point at here."""
        references = self.references
        if item.type is _T.danger and self.dangers:
            return self.dangers
        if item.type in PART_OF:
            return list(getattr(self.protocol, PART_OF[item.type]))
        match item.type:
            case _T.account:
                return self.accounts
            case _T.referral:
                states = item.only or ("open",)
                return [number for number, state in references.referrals.items() if state in states]
            case _T.hold:
                return sorted(references.holds)
            case _T.record:
                return [seq for seq, act in references.records.items() if not item.only or act in item.only][::-1]
            case _T.case:
                return sorted(references.cases)
            case _T.school:
                return sorted(references.schools) or ["01235B"]
        return ["J123456789"]

    def person(self, item: FormField) -> Any:
        slots = item.slots or tuple(self.protocol.slots)
        known = [one for one, slot in self.references.people.items() if slot in slots]
        free = [one for one in known if one not in self.references.on_hold]
        calm = [slot for slot in slots if not self.protocol.slots[slot].guardian] or list(slots)
        one: Any = free[0] if free else {"slot": calm[0], "name": "N."}
        return [one] if item.type is _T.persons else one


def _rising(grid: Grid, count: int) -> Iterator[dict[str, int]]:
    """Answers to so many items of a grid, one point more each time."""
    scores = dict.fromkeys(list(grid.items)[:count], 0)
    yield dict(scores)
    for key in scores:
        for anchor in range(1, len(grid.items[key].anchors)):
            scores[key] = anchor
            yield dict(scores)


def _typed(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as the form reads them: a yes is a truth."""
    truths = {item.key for item in form.fields if item.type in (_T.yes_no, _T.check)}
    return {key: value in (True, "yes", "on") if key in truths else value for key, value in answers.items()}
