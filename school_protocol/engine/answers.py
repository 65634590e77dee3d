"""Answers to a form: from whatever was typed to plain checked values, or every problem by field.

A problem is a code, with its figures after colons (`too_long:500`); `wording` turns it into a sentence. The sentence
of a contradiction is the definition's: `refused:FORM:NUMBER` says which.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.errors import BadInput
from school_protocol.engine.texts import Text, latin

TEXT_MOST = 500
LONG_MOST = 100_000
ROWS_MOST = 12
SCHOOL = re.compile(r"[0-9]{5}[A-Z]")
MASSAR = re.compile(r"[A-Z][0-9]{9}")
_TRI = ("yes", "no", "unknown")
_TRUE, _FALSE = (True, "true", "yes", "1", "on"), (False, "false", "no", "0", "off")


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody named for the first time: the slot id given, and what identifies them (kept apart, sealed)."""

    id: str
    slot: str
    identity: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class References:
    """What a form's references may point at, in the case as it stands."""

    now: datetime
    today: date
    people: Mapping[str, str] = field(default_factory=dict)
    """Slot id → slot."""
    former: Mapping[str, str] = field(default_factory=dict)
    """The same of people whom a record that was taken back named: nobody gets their numbers."""
    accounts: frozenset[str] = frozenset()
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Account → the roles that it holds at the school or above it, and its seats in the case."""
    referrals: Mapping[str, str] = field(default_factory=dict)
    """Referral number → its state."""
    holds: frozenset[str] = frozenset()
    on_hold: frozenset[str] = frozenset()
    """People of the case whose information is on hold: they get nothing."""
    reviewers: tuple[str, ...] = ()
    """Who can review a hold."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """What the answers were that are corrected: it may stay, even where it would be refused now."""
    corrected: Mapping[str, Any] | None = None
    """Whatever a correction corrects: what contradicted itself before may stay."""
    records: Mapping[str, str] = field(default_factory=dict)
    """Record number → its act."""
    cases: frozenset[str] = frozenset()
    schools: frozenset[str] = frozenset()
    """Schools of the installation; the code of any other is taken too."""
    level: int | None = None
    """The level that the case's grid gives, where it has one."""
    awaits_grid: bool = False
    """No grid gives a level yet, and one can be filled in here."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    answers: Mapping[str, Any]
    people: tuple[NewPerson, ...] = ()


def clean(protocol: Protocol, form: Form, raw: Mapping[str, Any], references: References) -> Cleaned:
    """Checked answers of `form`. Raises BadInput with every problem at once."""
    cleaner = _Cleaner(protocol, references)
    answers = cleaner.fields(form.fields, raw, "")
    for key in raw:
        if key not in form.by_key:
            cleaner.problem(key, "unknown_field")
    cleaner.conditional(form.fields, answers)
    cleaner.contradictions(form, answers)
    if references.holds:
        cleaner.to_guardians(form.fields, answers, references.before)
    if cleaner.problems:
        raise BadInput({path: tuple(codes) for path, codes in cleaner.problems.items()}, cleaner.sentences)
    return Cleaned(answers, tuple(cleaner.people))


def plain_text(value: str) -> str:
    """Typed text without what no sentence needs: NUL, control characters, lone surrogates; lines end in \\n.

    Where nothing visible remains (marks of direction, joiners, blank letters alone), it is empty.
    """
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = (char for char in value if char in "\n\t" or not _is_noise(char))
    text = unicodedata.normalize("NFC", "".join(kept)).strip()
    return text if any(_is_visible(char) for char in text) else ""


def _is_noise(char: str) -> bool:
    """Control characters, lone surrogates, and what Unicode says is no character."""
    return unicodedata.category(char) in ("Cc", "Cs") or ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF


def _is_visible(char: str) -> bool:
    category = unicodedata.category(char)
    return category in ("Cn", "Co") or (category[0] not in "ZCM" and char not in _BLANK_LETTERS)


_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that show nothing: Hangul fillers, the empty braille pattern."""


class _Cleaner:
    def __init__(self, protocol: Protocol, references: References) -> None:
        self.protocol = protocol
        self.references = references
        self.problems: dict[str, list[str]] = {}
        self.sentences: dict[str, Text] = {}
        self.people: list[NewPerson] = []

    def problem(self, path: str, code: str) -> None:
        self.problems.setdefault(path, []).append(code)

    def fields(self, fields: Iterable[FormField], raw: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for item in fields:
            path = prefix + item.key
            value = raw.get(item.key)
            if item.type is FieldType.signature:
                continue
            if _is_blank(value):
                if item.type is FieldType.check and item.required and item.when is None:
                    self.problem(path, "tick")
                continue
            if not _fits(item.type, value):
                self.problem(path, "unknown_option")
                continue
            cleaned = self._one(item, value, path)
            if cleaned is not None:
                answers[item.key] = cleaned
        return answers

    def conditional(self, fields: Sequence[FormField], answers: dict[str, Any]) -> None:
        values = answer_values(fields, answers)
        for item in fields:
            asked = item.when is None or item.when.holds(values)
            if not asked:
                self._let_go(item.key)
                if item.is_words and item.key in answers:
                    self.problem(item.key, "not_asked")
                elif answers.pop(item.key, None) is not None:
                    values = answer_values(fields, answers)
            elif item.type is FieldType.check and item.required and item.when and answers.get(item.key) is False:
                self.problem(item.key, "tick")
            elif (
                item.required and item.type is not FieldType.signature and item.key not in {**answers, **self.problems}
            ):
                self.problem(item.key, "required")

    def contradictions(self, form: Form, answers: Mapping[str, Any]) -> None:
        """Answers that surely contradict each other; a correction that leaves them as they were may."""
        values, corrected = answer_values(form.fields, answers), self.references.corrected
        before = None if corrected is None else answer_values(form.fields, corrected)
        for number, one in enumerate(form.refuses):
            stays = before is not None and all(before.get(name) == values.get(name) for name in one.when.names)
            if one.when.holds(values) and not stays:
                code = f"refused:{form.key}:{number}"
                self.problem(one.at, code)
                self.sentences[code] = one.sentence

    def _let_go(self, path: str) -> None:
        """What is not asked reaches nobody: whoever it names."""
        left = [code for code in self.problems.pop(path, ()) if not code.startswith("on_hold")]
        if left:
            self.problems[path] = left

    # ---- guardians on hold ---------------------------------------------------------------------------------------

    def to_guardians(
        self, fields: Sequence[FormField], answers: Mapping[str, Any], before: Mapping[str, Any], prefix: str = ""
    ) -> None:
        """What goes to guardians must say to which of them, while one is on hold; whom it names is checked apart."""
        naming = [item for item in fields if item.is_for_people and self._asks_for_guardians(item)]
        is_named = any(self._names_guardian(item, answers) or prefix + item.key in self.problems for item in naming)
        for item in fields:
            given = answers.get(item.key)
            if given is None or given == before.get(item.key):
                continue
            if item.type is FieldType.rows:
                rows = before.get(item.key) or ()
                for number, row in enumerate(given):
                    self.to_guardians(item.fields, row, row if row in rows else {}, f"{prefix}{item.key}.{number}.")
            elif not is_named and self._goes_to_guardians(item, given):
                self.problem(prefix + item.key, self._held("on_hold_which" if naming else "on_hold"))

    def _goes_to_guardians(self, item: FormField, given: Any) -> bool:
        if item.type is FieldType.target:
            return self.protocol.targets[given].to_guardians
        chosen = given if isinstance(given, list) else [given]
        return item.to_guardians or any(option.to_guardians and option.key in chosen for option in item.options)

    def _asks_for_guardians(self, item: FormField) -> bool:
        """Whether somebody named in this field is told, asked or given something, and may be a guardian."""
        return not item.even_on_hold and (
            not item.slots or any(self.protocol.slots[slot].guardian for slot in item.slots)
        )

    def _names_guardian(self, item: FormField, answers: Mapping[str, Any]) -> bool:
        """Whether the field names a guardian; any person will do where it asks for guardians alone."""
        given = answers.get(item.key) or ()
        slots = {person.id: person.slot for person in self.people} | dict(self.references.people)
        named = [given] if isinstance(given, str) else given
        return any(item.slots or self.protocol.slots[slots[person]].guardian for person in named)

    def _held(self, code: str) -> str:
        return ":".join((code, *self.references.reviewers))

    def _one(self, item: FormField, value: Any, path: str) -> Any:
        match item.type:
            case FieldType.text | FieldType.long:
                return self._text(item, value, path)
            case FieldType.yes_no | FieldType.check:
                return self._truth(item, value, path)
            case FieldType.tri:
                return self._among(str(value), _TRI, path)
            case FieldType.choice:
                return self._choice(item, str(value), path)
            case FieldType.choices:
                chosen = self._several(value, [option.key for option in item.options], path)
                self._count(item, chosen, path)
                return chosen
            case FieldType.date:
                return self._date(item, value, path)
            case FieldType.moment:
                return self._moment(item, value, path)
            case FieldType.integer | FieldType.scale:
                return self._number(item, value, path)
            case FieldType.rows:
                return self._rows(item, value, path)
            case FieldType.grid:
                return self._grid(item, value, path)
            case FieldType.person | FieldType.persons:
                return self._persons(item, value, path)
            case FieldType.danger_answers:
                return self._danger_answers(value, path)
            case _:
                return self._reference(item, value, path)

    def _text(self, item: FormField, value: Any, path: str) -> str | None:
        text = plain_text(str(value))
        most = item.most or (LONG_MOST if item.type is FieldType.long else TEXT_MOST)
        if len(text) > most:
            self.problem(path, f"too_long:{most}:{len(text)}")
            return None
        if item.least and text and len(text) < item.least:
            self.problem(path, f"too_short:{item.least}")
        return text or None

    def _truth(self, item: FormField, value: Any, path: str) -> bool | None:
        if isinstance(value, str):
            value = value.lower()
        if value in _TRUE:
            return True
        if value in _FALSE:
            if item.type is FieldType.check and item.required and item.when is None:
                self.problem(path, "tick")
            return False
        self.problem(path, "unknown_option")
        return None

    def _choice(self, item: FormField, value: str, path: str) -> str | None:
        level = self.references.level
        if item.assessed and value != self.references.before.get(item.key):
            if level is not None and value != str(level):
                self.problem(path, f"other_than_grid:{level}")
                return None
            if level is None and self.references.awaits_grid:
                self.problem(path, "grid_first")
                return None
        return self._among(value, [option.key for option in item.options], path)

    def _among(self, value: str, allowed: Iterable[str], path: str) -> str | None:
        if value in allowed:
            return value
        self.problem(path, "unknown_option")
        return None

    def _several(self, value: Any, allowed: Iterable[str], path: str) -> list[str] | None:
        chosen = [str(item) for item in (value if isinstance(value, list | tuple) else [value])]
        allowed = list(allowed)
        if any(item not in allowed for item in chosen):
            self.problem(path, "unknown_option")
            return None
        return [key for key in allowed if key in chosen]

    def _count(self, item: FormField, found: Sequence[Any] | None, path: str) -> None:
        """Whether as many stand there as the field asks for."""
        if found is not None and item.least and len(found) < item.least:
            self.problem(path, f"too_few:{item.least}")
        if found is not None and item.most is not None and len(found) > item.most:
            self.problem(path, f"too_many:{item.most}")

    def _date(self, item: FormField, value: Any, path: str) -> str | None:
        day = _read_date(value)
        if day is None:
            self.problem(path, "not_a_date")
            return None
        if item.past and day > self.references.today:
            self.problem(path, "in_the_future")
        if item.future and day < self.references.today:
            self.problem(path, "in_the_past")
        return day.isoformat()

    def _moment(self, item: FormField, value: Any, path: str) -> str | None:
        moment = _read_moment(value)
        if moment is None:
            self.problem(path, "not_a_moment")
            return None
        if item.past and moment > self.references.now + timedelta(minutes=5):
            self.problem(path, "in_the_future")
        if item.future and moment < self.references.now:
            self.problem(path, "in_the_past")
        return moment.isoformat()

    def _number(self, item: FormField, value: Any, path: str) -> int | None:
        text = latin(str(value)).strip()
        if not re.fullmatch(r"-?\d{1,9}", text):
            self.problem(path, "not_a_number")
            return None
        number = int(text)
        least = item.least if item.least is not None else 0
        most = item.most if item.most is not None else (10 if item.type is FieldType.scale else 10**9)
        if not least <= number <= most:
            self.problem(path, f"range:{least}:{most}")
            return None
        return number

    def _rows(self, item: FormField, value: Any, path: str) -> list[dict[str, Any]] | None:
        if not isinstance(value, list | tuple) or not all(isinstance(row, Mapping) for row in value):
            self.problem(path, "unknown_option")
            return None
        filled = [row for row in value if any(not _is_blank(cell) for cell in row.values())]
        if len(filled) > (item.most or ROWS_MOST):
            self.problem(path, f"too_many:{item.most or ROWS_MOST}")
            return None
        rows = []
        for number, row in enumerate(filled):
            answers = self.fields(item.fields, row, f"{path}.{number}.")
            for column in item.fields:
                if (
                    column.required
                    and column.key not in answers
                    and f"{path}.{number}.{column.key}" not in self.problems
                ):
                    self.problem(f"{path}.{number}.{column.key}", "required")
            rows.append(answers)
        if item.least and len(rows) < item.least:
            self.problem(path, f"too_few:{item.least}")
        return rows or None

    def _grid(self, item: FormField, value: Any, path: str) -> dict[str, int] | None:
        grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
        scores: dict[str, int] = {}
        for key, score in dict(value).items():
            found = grid.items.get(key)
            if found is None:
                self.problem(f"{path}.{key}", "unknown_field")
            elif not _is_blank(score):
                text = latin(str(score)).strip()
                if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) >= len(found.anchors):
                    self.problem(f"{path}.{key}", f"range:0:{len(found.anchors) - 1}")
                else:
                    scores[key] = int(text)
        return scores or None

    def _persons(self, item: FormField, value: Any, path: str) -> Any:
        entries = value if isinstance(value, list | tuple) else [value]
        ids: list[str] = []
        for entry in entries:
            found = self._person(item, entry, path)
            if found is not None:
                ids.append(found)
        if not ids:
            return None
        if item.type is FieldType.person:
            return ids[0]
        people = list(dict.fromkeys(ids))
        self._count(item, people, path)
        return people

    def _person(self, item: FormField, entry: Any, path: str) -> str | None:
        if isinstance(entry, Mapping) and not item.goes_along:
            return self._new_person(item, entry, path)
        slot = self.references.people.get(str(entry))
        if slot is None or (item.slots and slot not in item.slots):
            self.problem(path, "no_such_person")
            return None
        if entry in self.references.on_hold and not item.even_on_hold and not self._was_named(item, str(entry)):
            self.problem(path, self._held("on_hold"))
            return None
        return str(entry)

    def _was_named(self, item: FormField, person: str) -> bool:
        """Whether the corrected answers named them there already."""
        rows = [row for rows in self.references.before.values() if isinstance(rows, list) for row in rows]
        given = [answers.get(item.key) for answers in (self.references.before, *rows) if isinstance(answers, Mapping)]
        return any(person == one or (isinstance(one, list) and person in one) for one in given)

    def _new_person(self, item: FormField, entry: Mapping[str, Any], path: str) -> str | None:
        identity = {
            key: plain_text(str(value)) for key, value in entry.items() if key != "slot" and not _is_blank(value)
        }
        if not identity:
            return None
        slot = str(entry.get("slot") or "")
        if slot not in self.protocol.slots or (item.slots and slot not in item.slots):
            self.problem(path, "no_such_slot")
            return None
        if self.references.holds and self.protocol.slots[slot].guardian and not item.even_on_hold:
            self.problem(path, self._held("on_hold_new"))
            return None
        massar = latin(identity.get("massar", "").upper())
        if massar:
            if not MASSAR.fullmatch(massar):
                self.problem(path, "massar")
            identity["massar"] = massar
        for key, text in identity.items():
            if len(text) > TEXT_MOST:
                self.problem(path, f"too_long:{TEXT_MOST}:{len(text)}")
            if key not in ("name", "grade", "massar", "phone", "note"):
                self.problem(path, "unknown_field")
        numbered = {**self.references.people, **self.references.former}
        taken = [known for known, of in numbered.items() if of == slot]
        taken += [person.id for person in self.people if person.slot == slot]
        person = NewPerson(f"{slot}-{len(taken) + 1}", slot, identity)
        self.people.append(person)
        return person.id

    def _danger_answers(self, value: Any, path: str) -> dict[str, str] | None:
        answers: dict[str, str] = {}
        for key, answer in dict(value).items():
            danger = self.protocol.dangers.get(self.protocol.resolve("dangers", key))
            if danger is None or not danger.ask_at_closing:
                self.problem(f"{path}.{key}", "unknown_field")
            elif not _is_blank(answer):
                if str(answer) in _TRI:
                    answers[danger.key] = str(answer)
                else:
                    self.problem(f"{path}.{key}", "unknown_option")
        return answers or None

    def _reference(self, item: FormField, value: Any, path: str) -> Any:
        several = item.type in (FieldType.dangers, FieldType.covers, FieldType.accounts)
        entries = [str(entry) for entry in (value if isinstance(value, list | tuple) else [value])]
        found = [self._pointed(item, entry) for entry in entries]
        if any(entry is None for entry in found):
            self.problem(path, _MISSING.get(item.type, "unknown_option"))
            return None
        if not several:
            return found[0]
        named = list(dict.fromkeys(found))
        self._count(item, named, path)
        return named

    def _pointed(self, item: FormField, entry: str) -> str | None:
        protocol, references = self.protocol, self.references
        match item.type:
            case FieldType.danger | FieldType.dangers:
                key = protocol.resolve("dangers", entry)
                return key if key in protocol.dangers and (not item.only or key in item.only) else None
            case FieldType.covers:
                key = protocol.resolve("dangers", entry)
                return key if key in protocol.dangers or key == "need" else None
            case FieldType.target:
                key = protocol.resolve("targets", entry)
                return key if key in protocol.targets else None
            case FieldType.referral:
                state = references.referrals.get(entry)
                return entry if state is not None and (not item.only or state in item.only) else None
            case FieldType.hold:
                return entry if entry in references.holds else None
            case FieldType.record:
                act = references.records.get(entry)
                return entry if act is not None and (not item.only or act in item.only) else None
            case FieldType.account | FieldType.accounts:
                held = references.held.get(entry, frozenset())
                may = entry in references.accounts and (not item.only or not held.isdisjoint(item.only))
                return entry if may else None
            case FieldType.seat:
                key = protocol.resolve("seats", entry)
                return key if key in protocol.seats else None
            case FieldType.slot:
                return entry if entry in protocol.slots else None
            case FieldType.side:
                return entry if entry in protocol.sides else None
            case FieldType.duty:
                return entry if entry in protocol.duties else None
            case FieldType.case:
                number = re.sub(r"[^\d]", "", latin(entry))
                return number if number in references.cases else None
            case FieldType.school:
                code = latin(entry.strip().upper())
                return code if SCHOOL.fullmatch(code) else None
            case FieldType.massar:
                code = latin(entry.strip().upper())
                return code if MASSAR.fullmatch(code) else None
        return None


_MISSING = {
    FieldType.referral: "no_such_referral",
    FieldType.hold: "no_such_hold",
    FieldType.record: "no_such_record",
    FieldType.account: "no_such_colleague",
    FieldType.accounts: "no_such_colleague",
    FieldType.case: "no_such_case",
    FieldType.school: "school",
    FieldType.massar: "massar",
}


def answer_values(fields: Iterable[FormField], answers: Mapping[str, Any]) -> dict[str, Value]:
    """The answers as conditions read them: several answers as tuples, a box not ticked as False."""
    values: dict[str, Value] = {}
    for item in fields:
        value = answers.get(item.key)
        if isinstance(value, list | tuple):
            values[item.key] = tuple(entry for entry in value if isinstance(entry, str))
        elif isinstance(value, bool | int | str):
            values[item.key] = value
        elif item.type is FieldType.check:
            values[item.key] = False
        elif item.type in (FieldType.choices, FieldType.dangers, FieldType.covers):
            values[item.key] = ()
    return values


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not plain_text(value)) or value in ([], {}, ())


_SCALAR = (str, int, date)
_LISTED = frozenset(
    {FieldType.choices, FieldType.persons, FieldType.dangers, FieldType.covers, FieldType.accounts, FieldType.rows}
)


def _fits(type: FieldType, value: Any) -> bool:
    """Whether the value has the shape that its field takes: something plain, a list, a mapping of plain things."""
    if type in (FieldType.grid, FieldType.danger_answers):
        return _is_plain_mapping(value)
    if isinstance(value, list | tuple):
        return type in _LISTED and all(type is FieldType.rows or _fits_one(type, entry) for entry in value)
    return type is not FieldType.rows and _fits_one(type, value)


def _fits_one(type: FieldType, value: Any) -> bool:
    if isinstance(value, Mapping):
        return type in (FieldType.person, FieldType.persons) and _is_plain_mapping(value)
    return isinstance(value, _SCALAR)


def _is_plain_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and (entry is None or isinstance(entry, _SCALAR)) for key, entry in value.items()
    )


def _read_date(value: Any) -> date | None:
    if isinstance(value, date):
        value = value.isoformat()[:10]
    text = latin(str(value)).strip()
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            found = datetime.strptime(text, pattern).replace(tzinfo=UTC).date()
        except ValueError:
            continue
        return found if 1990 <= found.year <= 2100 else None
    return None


def _read_moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(latin(value).strip())
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None or not 1990 <= value.year <= 2100:
        return None
    return value.astimezone(UTC)
