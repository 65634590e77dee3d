"""The model of a definition's forms: their fields, of which type, and when each is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from school_protocol.engine.conditions import Condition
from school_protocol.engine.texts import Keys, Model, Named, Text


class FieldType(StrEnum):
    text = "text"
    long = "long"
    choice = "choice"
    choices = "choices"
    yes_no = "yes_no"
    tri = "tri"
    date = "date"
    moment = "moment"
    integer = "integer"
    scale = "scale"
    check = "check"
    """A box that must be ticked where required: an attestation."""
    person = "person"
    """One person of the case, by slot."""
    persons = "persons"
    """Several people of the case; new ones can be added on the spot."""
    account = "account"
    """A colleague who holds an account."""
    accounts = "accounts"
    grid = "grid"
    rows = "rows"
    danger = "danger"
    dangers = "dangers"
    danger_answers = "danger_answers"
    target = "target"
    covers = "covers"
    referral = "referral"
    hold = "hold"
    record = "record"
    seat = "seat"
    slot = "slot"
    side = "side"
    duty = "duty"
    case = "case"
    school = "school"
    massar = "massar"
    signature = "signature"


_FROM_CASE = (
    FieldType.account, FieldType.person, FieldType.persons, FieldType.dangers, FieldType.covers, FieldType.referral,
    FieldType.hold, FieldType.record,
)  # fmt: skip


class Option(Model):
    key: str
    title: Text
    hint: Text | None = None
    urgent: bool = False
    """Leads at once to the choice of dangers, whatever else is asked."""
    written: bool = False
    """A letter: to a target with `letter_by`, only those may send one."""
    calls: bool = False
    """A call by telephone: in the first minutes a number's own button records the referral with this answer."""
    to_guardians: bool = False
    """Told to, handed to or asked of guardians: while one is on hold, the form must name others."""


class FormField(Model):
    key: str = ""
    type: FieldType
    label: Text
    hint: Text | None = None
    required: bool = False
    options: tuple[Option, ...] = ()
    when: Condition | None = None
    """Asked only if this holds of the other answers of the same form."""
    least: int | None = None
    most: int | None = None
    past: bool = False
    """Refused in the future."""
    future: bool = False
    """Refused in the past."""
    default: str | None = None
    """An option's key; `now` or `today` for a moment or a date; others are read from the case."""
    dialled: bool = False
    """A call's own number: in the first minutes it takes the number whose button was pressed."""
    assessed: bool = False
    """The level that the grid gives: filled in, and no other is taken."""
    slots: Keys = ()
    fields: tuple[FormField, ...] = ()
    grid: str | None = None
    only: Keys = ()
    """Limits a reference: states of a referral, acts of a record, roles of an account, dangers."""
    authority_only: bool = False
    """Shown in the authority's copy alone where content is intimate."""
    forbids_files: Keys = ()
    """With one of these answers no file may ever be kept."""
    to_guardians: bool = False
    """Told to, handed to or asked of guardians: while one is on hold, the form must name others."""
    even_on_hold: bool = False
    """For people: said of them, never to them, so that a guardian on hold can be named."""
    goes_along: bool = False
    """For people of the case, where a transfer is asked for: once it is handed over, the case there knows them."""
    signed: bool = False
    names: bool = False
    """Free text in which names are likely: hidden with the words."""
    nameless: bool = False
    """Words written for readers of pseudonyms: they see them, and nobody of the case may be named in them."""
    for_figures: bool = False
    """Counted in figures; read in an entry by whoever reads it whole at the school itself, and by nobody else."""

    @property
    def is_known_from_case(self) -> bool:
        """Whether its default is read from the case."""
        pointing = self.type is FieldType.danger and self.default == "only"
        return pointing or self.type in _FROM_CASE or (self.type is FieldType.date and self.default != "today")

    @property
    def is_words(self) -> bool:
        """Somebody's own words: sealed under a key of their own, absent from pseudonymised copies."""
        return self.type in (FieldType.text, FieldType.long)

    @property
    def is_for_people(self) -> bool:
        return self.type in (FieldType.person, FieldType.persons)

    @property
    def may_name(self) -> bool:
        """Words in which somebody may be named or quoted: kept from a reader of pseudonyms. A reference is not."""
        return not self.nameless and (self.type is FieldType.long or (self.is_words and self.names))


class Contradiction(Model):
    """Answers of one form that cannot both be true."""

    at: str
    """The field beside which it is said."""
    when: Condition
    sentence: Text


class Departure(Model):
    """Answers of one form by which somebody did what it warns against: recorded, and shown for ever."""

    at: str
    """The field in which the reason is given."""
    when: Condition
    sentence: Text


class Form(Named):
    intro: Text | None = None
    editable: bool = False
    """What is said above its first question can be changed in a form."""
    side: str | None = None
    readers: Keys = ()
    """Roles that read it; empty: whoever sees the case."""
    fields: tuple[FormField, ...] = ()
    refuses: tuple[Contradiction, ...] = ()
    departs: tuple[Departure, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[str, FormField]:
        return {field.key: field for field in self.fields}

    def find(self, *types: FieldType) -> FormField | None:
        return next((field for field in self.fields if field.type in types), None)

    def with_fields(self, fields: Iterable[FormField]) -> Form:
        """The same form with these fields, unchecked. A model's own copy would go on finding the former ones by key."""
        said = {name: getattr(self, name) for name in Form.model_fields}
        return Form.model_construct(**{**said, "fields": tuple(fields)})

    def told_on(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """What of these answers goes to anybody who does not read the entry whole at the school itself."""
        kept = (key for key in answers if key not in self.by_key or not self.by_key[key].for_figures)
        return {key: answers[key] for key in kept}

    def begins(self, now: datetime, today: date) -> dict[str, Any]:
        """The answers that stand there as the form opens, whatever the case."""
        said: dict[str, Any] = {}
        for field in self.fields:
            if field.default == "now" and field.type is FieldType.moment:
                said[field.key] = now.isoformat()
            elif field.default == "today" and field.type is FieldType.date:
                said[field.key] = today.isoformat()
            elif field.default is not None and not field.is_known_from_case:
                said[field.key] = field.default
        return said


def own_moment(form: Form, answers: Mapping[str, Any]) -> tuple[str, datetime] | None:
    """The form's first moment that offers now, and its answer: when it happened."""
    for item in form.fields:
        if item.type is FieldType.moment and item.default == "now" and item.key in answers:
            return item.key, datetime.fromisoformat(answers[item.key])
    return None


def own_day(form: Form, answers: Mapping[str, Any]) -> date | None:
    """The answer to the form's first date that offers today: on which day it happened."""
    days = (item.key for item in form.fields if item.type is FieldType.date and item.default == "today")
    return next((date.fromisoformat(answers[key]) for key in days if answers.get(key)), None)
