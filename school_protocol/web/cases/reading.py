"""What templates ask of a record without knowing any definition's keys: answers are found by their question's type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Flask

from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.protocol import Act, ActKind, Grid, Protocol
from school_protocol.services.views import ActView, RecordView
from school_protocol.web.rendering import wording

Names = Mapping[str, str]
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def init_app(app: Flask) -> None:
    """Make these known to every template."""
    app.jinja_env.globals.update(_GLOBALS)


def answered(record: RecordView, *types: str) -> Any:
    """The raw answer of the first question of one of these types; None where it was not answered."""
    return next((record.answers[item.key] for item in _asked(record, types)), None)


def told(record: RecordView, protocol: Protocol, names: Names, *types: str) -> list[tuple[str, str]]:
    """Questions of these types that were answered, each with its answer in words."""
    w = wording()
    return [
        (w.text(item.label), w.answer(protocol, item, record.answers[item.key], names))
        for item in _asked(record, types)
    ]


def in_words(record: RecordView, protocol: Protocol, names: Names, *types: str) -> str:
    """The first of those answers, in words; empty where there is none."""
    return next((said for _label, said in told(record, protocol, names, *types)), "")


def act_of_kind(protocol: Protocol, kind: str) -> Act | None:
    """The definition's first act of a kind."""
    return next(protocol.acts_of(ActKind(kind)), None)


def grid_of(form: Form, protocol: Protocol) -> Grid | None:
    """The grid that a form asks for."""
    item = form.find(FieldType.grid)
    return protocol.grids[item.grid or next(iter(protocol.grids))] if item else None


def sign_label(view: ActView) -> str:
    """What the definition calls the signature that this form asks for."""
    item = view.form.find(FieldType.signature)
    return wording().text(item.label) if item else ""


def subject_of(protocol: Protocol, subject: str) -> str:
    """What a count is about, for display: a danger's title, a day; else the person's label or the number that it is."""
    w, danger = wording(), protocol.dangers.get(subject)
    if danger is not None:
        return w.text(danger.title)
    return w.day(subject) if _DAY.fullmatch(subject) else subject


def is_words(item: FormField) -> bool:
    return item.is_words


def is_named(item: FormField) -> bool:
    """Whether the answer is a name or a number, to be kept apart from the text around it."""
    return item.type in _NAMED


def _asked(record: RecordView, types: tuple[str, ...]) -> Iterator[FormField]:
    for item in record.form.fields:
        if item.type.value in types and record.answers.get(item.key) not in (None, "", [], {}):
            yield item


_NAMED = frozenset(
    {
        FieldType.person, FieldType.persons, FieldType.account, FieldType.accounts, FieldType.case, FieldType.school,
        FieldType.massar, FieldType.integer, FieldType.scale,
    }
)  # fmt: skip
_GLOBALS: Mapping[str, Callable[..., Any]] = {
    "answered": answered,
    "told": told,
    "in_words": in_words,
    "act_of_kind": act_of_kind,
    "grid_of": grid_of,
    "sign_label": sign_label,
    "subject_of": subject_of,
    "is_words": is_words,
    "is_named": is_named,
}
