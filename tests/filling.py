"""Fills any form of any definition validly, from its field types alone: `fill(protocol, form, rng, references)`.

Nothing here knows a definition. The same `rng` fills a renamed definition with the corresponding answers: choices are
drawn by position, never by name.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from school_protocol.engine.answers import TEXT_MOST, References, answer_values
from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField, Option

OPTIONAL, DANGER = 0.4, 0.1
"""How often a question that may stay open is answered; how often a form names a danger that it need not name."""
TRIES = 50

WORDS = (
    "Il n’ose plus venir", "سمعت كلاما جارحا", "« t’es nul »", "group chat 🙈", "depuis 3 semaines", "ما بغاش يهضر",
    "line\nbreak", "Zélie & Ahmed <b>", "٣ مرات",
)  # fmt: skip
MANY, SINGLE = (FieldType.dangers, FieldType.covers), (FieldType.danger,)


class Unfillable(Exception):
    """A required reference has nothing to point at yet (no referral, no hold, nobody to name)."""


def fill(
    protocol: Protocol, form: Form, rng: random.Random, references: References, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Answers that the form accepts; `given` ones are taken as they are. Raises Unfillable."""
    for _try in range(TRIES):
        answers = _Filler(protocol, rng, references).fields(form.fields, dict(given or {}))
        if not contradicts(form, answers):
            return answers
    raise Unfillable(f"{form.key}: contradictory {TRIES} times")


def contradicts(form: Form, answers: dict[str, Any]) -> bool:
    """Whether the form refuses these answers because of each other."""
    values = _as_conditions_read(form.fields, answers)
    return any(one.when.holds(values) for one in form.refuses)


def _as_conditions_read(fields: Sequence[FormField], answers: Mapping[str, Any]) -> dict[str, Value]:
    truths = {one.key for one in fields if one.type in (FieldType.yes_no, FieldType.check)}
    plain = {key: value in (True, "yes", "on") if key in truths else value for key, value in answers.items()}
    return answer_values(fields, plain)


class _Filler:
    def __init__(self, protocol: Protocol, rng: random.Random, references: References) -> None:
        self.protocol = protocol
        self.rng = rng
        self.references = references

    def fields(self, fields: Sequence[FormField], given: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        points_back = any(item.type is FieldType.referral for item in fields)
        for item in fields:
            if item.key in given:
                answers[item.key] = given[item.key]
            elif item.type is not FieldType.signature and self._asked(item, fields, answers):
                is_answer = points_back and item.type is FieldType.moment  # nothing comes back before it was sent
                value = self.references.now.isoformat() if is_answer else self._maybe(item)
                if value is not None:
                    answers[item.key] = value
        return answers

    def _asked(self, item: FormField, fields: Sequence[FormField], answers: dict[str, Any]) -> bool:
        if item.when is None:
            return True
        return item.when.holds(_as_conditions_read(fields, answers))

    def _maybe(self, item: FormField) -> Any:
        if item.to_guardians and self.references.holds:
            return None
        often = DANGER if item.type in (*MANY, *SINGLE) else OPTIONAL
        wanted = item.required or self.rng.random() < often
        try:
            return self._value(item) if wanted else None
        except Unfillable:
            if item.required:
                raise
            return None

    def _value(self, item: FormField) -> Any:
        rng = self.rng
        match item.type:
            case FieldType.text | FieldType.long:
                return self._words(item)
            case FieldType.choice:
                drawn = rng.choice(self._options(item)).key
                level = self.references.level
                if item.assessed and self.references.awaits_grid:
                    raise Unfillable("the grid comes first")
                return str(level) if item.assessed and level is not None else drawn
            case FieldType.choices:
                return [option.key for option in self._some(self._options(item))]
            case FieldType.yes_no:
                return rng.choice(("yes", "no"))
            case FieldType.check:
                return "on"
            case FieldType.tri:
                return rng.choice(("yes", "no", "unknown"))
            case FieldType.date:
                return (self.references.today + timedelta(days=self._days(item))).isoformat()
            case FieldType.moment:
                return (self.references.now + timedelta(hours=self._days(item))).isoformat()
            case FieldType.integer | FieldType.scale:
                least = item.least or 0
                most = item.most if item.most is not None else 10
                return str(rng.randint(least, min(most, least + 20)))
            case FieldType.grid:
                return self._grid(item)
            case FieldType.rows:
                least = max(item.least or 0, 1)
                return [
                    self.fields(item.fields, {}) for _row in range(rng.randint(least, min(item.most or 3, least + 2)))
                ]
            case FieldType.person:
                return self._person(item)
            case FieldType.persons:
                return [self._person(item) for _one in range(rng.randint(1, 2))]
            case FieldType.danger_answers:
                asked = [key for key, danger in self.protocol.dangers.items() if danger.ask_at_closing]
                return {key: "yes" if rng.random() < DANGER else "no" for key in asked}
            case _:
                return self._reference(item)

    def _options(self, item: FormField) -> list[Option]:
        """Those that go to no guardian, while one is on hold."""
        return [option for option in item.options if not (option.to_guardians and self.references.holds)]

    def _words(self, item: FormField) -> str:
        text = " ".join(self.rng.choice(WORDS) for _word in range(self.rng.randint(1, 3)))
        text += "." * max(0, (item.least or 0) - len(text))
        return text[: item.most or TEXT_MOST]

    def _days(self, item: FormField) -> int:
        if item.past:
            return -self.rng.randint(0, 3)
        return self.rng.randint(1, 20) if item.future else self.rng.randint(-2, 10)

    def _grid(self, item: FormField) -> dict[str, str]:
        grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
        scores = {key: self.rng.randrange(len(found.anchors)) for key, found in grid.items.items()}
        unknown = [key for key in scores if self.rng.random() < 0.1]
        kept = {key: str(score) for key, score in scores.items() if key not in unknown}
        return kept or {key: str(score) for key, score in scores.items()}

    def _person(self, item: FormField) -> Any:
        """Somebody known or new; where nothing is to reach a guardian on hold, none of those, and no new guardian."""
        slots = item.slots or tuple(self.protocol.slots)
        known = [person for person, slot in self.references.people.items() if slot in slots]
        if not item.even_on_hold:
            known = [person for person in known if person not in self.references.on_hold]
            if self.references.holds:
                slots = [slot for slot in slots if not self.protocol.slots[slot].guardian]
        if item.goes_along:
            slots = []
        if not known and not slots:
            raise Unfillable(item.key)
        if known and (not slots or self.rng.random() < 0.8):
            return self.rng.choice(known)
        return {"slot": self.rng.choice(slots), "name": self.rng.choice(("Yasmine B.", "إلياس", "Omar 🙂"))}

    def _some(self, things: Sequence[Any], least: int = 1) -> list[Any]:
        if len(things) < least:
            raise Unfillable(f"{least} of {len(things)}")
        return self.rng.sample(list(things), self.rng.randint(least, max(least, min(3, len(things)))))

    def _reference(self, item: FormField) -> Any:
        possible = self._possible(item)
        if not possible:
            raise Unfillable(item.key)
        several = item.type in (FieldType.dangers, FieldType.covers, FieldType.accounts)
        return self._some(possible, item.least or 1) if several else self.rng.choice(possible)

    def _possible(self, item: FormField) -> list[str]:
        protocol, references = self.protocol, self.references
        match item.type:
            case FieldType.danger | FieldType.dangers:
                return [key for key in protocol.dangers if not item.only or key in item.only]
            case FieldType.covers:
                return [*protocol.dangers, "need"]
            case FieldType.target:
                held = bool(references.holds)
                return [key for key, target in protocol.targets.items() if not (held and target.to_guardians)]
            case FieldType.referral:
                return [key for key, state in references.referrals.items() if not item.only or state in item.only]
            case FieldType.hold:
                return sorted(references.holds, key=int)
            case FieldType.record:
                return [key for key, act in references.records.items() if not item.only or act in item.only]
            case FieldType.account | FieldType.accounts:
                held = references.held
                return sorted(one for one in references.accounts if not item.only or held[one] & set(item.only))
            case FieldType.seat:
                return list(protocol.seats)
            case FieldType.slot:
                return list(protocol.slots)
            case FieldType.side:
                return list(protocol.sides)
            case FieldType.duty:
                return list(protocol.duties)
            case FieldType.case:
                return sorted(references.cases)
            case FieldType.school:
                return sorted(references.schools) or ["12345A"]
            case FieldType.massar:
                return ["G123456789"]
        return []
