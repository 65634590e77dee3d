"""What conditions may name, and with which types: a protocol's facts, a form's answers, a grid's items."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from school_protocol.domain.conditions import UNKNOWN_NAME, Condition, NameType
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.phrases import N_, Phrase
from school_protocol.domain.protocol import FactType, Grid, Protocol

ANSWERED = ("yes", "no", "unknown")
NEED = "need"
"""What a referral covers when it is made without a danger."""
PART_OF = {
    FieldType.danger: "dangers",
    FieldType.target: "targets",
    FieldType.seat: "seats",
    FieldType.slot: "slots",
    FieldType.side: "sides",
    FieldType.duty: "duties",
}
"""The types of field whose answer is the key of an entry, each with the part in which that stands."""
NOT_DECLARED = N_('%(what)s "%(name)s" is not declared%(like)s')

_BOOL, _INT = NameType("bool"), NameType("int")


def fact_types(protocol: Protocol) -> Mapping[str, NameType]:
    """The declared facts, as needs and deadlines read them."""
    types: dict[str, NameType] = {}
    for key, fact in protocol.facts.items():
        if fact.type is FactType.bool:
            types[key] = _BOOL
        elif fact.type is FactType.enum:
            types[key] = NameType("enum", fact.values)
        else:
            types[key] = _INT
    return types


def field_types(protocol: Protocol, form: Form | str) -> Mapping[str, NameType]:
    """The answers of a form that a condition can read; free words, dates, people and rows are not among them."""
    return types_of(protocol, (protocol.forms[form] if isinstance(form, str) else form).fields)


def types_of(protocol: Protocol, fields: Iterable[FormField]) -> dict[str, NameType]:
    found = {field.key: _type_of(protocol, field) for field in fields}
    return {key: kind for key, kind in found.items() if kind is not None}


def answer_types(protocol: Protocol, form: Form) -> Mapping[str, NameType]:
    """The answers of a form with what is known besides: who acted, and what a target or what is covered implies."""
    types = {"role": NameType("enum", (*protocol.roles, *protocol.seats)), **field_types(protocol, form)}
    if form.find(FieldType.target):
        types |= {"external": _BOOL, "judicial": _BOOL}
    if form.find(FieldType.covers):
        types["on_danger"] = _BOOL
    if form.find(FieldType.account):
        types["about_self"] = _BOOL
    return types


def item_types(grid: Grid) -> Mapping[str, NameType]:
    return dict.fromkeys(grid.items, _INT)


def condition_faults(condition: Condition, types: Mapping[str, NameType], what: str) -> list[Phrase]:
    """Every mistake of a condition, in words; `what` is the kind of names that it may read."""
    faults = [
        Phrase(NOT_DECLARED, what=what, name=name, like=suggestion(name, types))
        for name in dict.fromkeys(node.id for node in ast.walk(condition.tree) if isinstance(node, ast.Name))
        if name not in types
    ]
    faults += (fault for fault in condition.faults(types) if fault.text != UNKNOWN_NAME)
    for node in ast.walk(condition.tree):
        if isinstance(node, ast.Compare):
            faults += _sides(node.left, node.ops[0], node.comparators[0], types)
    return list(dict.fromkeys(faults))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was probably meant."""
    if len(name) > 80:
        return None
    return next(iter(get_close_matches(name, list(names), 1, 0.7)), None)


def suggestion(name: str, names: Iterable[str]) -> str:
    """What goes behind a sentence about a name that does not exist: a phrase, or nothing."""
    close = nearest(name, names)
    return Phrase(N_('; did you mean "%(name)s"?'), name=close) if close else ""


def _sides(left: ast.expr, op: ast.cmpop, right: ast.expr, types: Mapping[str, NameType]) -> list[Phrase]:
    """Mistakes that lie in both sides together: two names of different types, or no name at all."""
    is_among = isinstance(op, ast.In | ast.NotIn)
    if not isinstance(left, ast.Name) and not isinstance(right, ast.Name):
        text = N_("`%(term)s` is compared with a constant: one side must be a name")
        return [Phrase(text, term=ast.unparse(left))]
    if isinstance(left, ast.Name) and isinstance(right, ast.Name):
        return _two_names(left.id, right.id, types, is_among=is_among)
    if is_among and not isinstance(right, ast.Name | ast.Tuple | ast.List):
        text = N_("`in %(term)s`: write a list, such as %(example)s")
        return [Phrase(text, term=ast.unparse(right), example="('one', 'two')")]
    return []


def _two_names(name: str, other: str, types: Mapping[str, NameType], *, is_among: bool) -> list[Phrase]:
    one, two = types.get(name), types.get(other)
    if one is not None and is_among and one.kind != "enum":
        text = N_("`%(name)s` is %(kind)s: only an enum can be among several answers")
        return [Phrase(text, name=name, kind=one.kind)]
    if one is None or two is None or _of_one(one) == _of_one(two):
        return []
    text = N_("`%(name)s` is %(kind)s and `%(other)s` is %(other_kind)s: they cannot be compared")
    return [Phrase(text, name=name, kind=one.kind, other=other, other_kind=two.kind)]


def _of_one(kind: NameType) -> str:
    """What one answer is, of several that may be given together."""
    return "enum" if kind.kind == "multi" else kind.kind


def _type_of(protocol: Protocol, field: FormField) -> NameType | None:
    if field.type in PART_OF:
        return NameType("enum", field.only or tuple(getattr(protocol, PART_OF[field.type])))
    options = tuple(option.key for option in field.options)
    return {
        FieldType.yes_no: _BOOL,
        FieldType.check: _BOOL,
        FieldType.integer: _INT,
        FieldType.scale: _INT,
        FieldType.tri: NameType("enum", ANSWERED),
        FieldType.choice: NameType("enum", options),
        FieldType.choices: NameType("multi", options),
        FieldType.dangers: NameType("multi", field.only or tuple(protocol.dangers)),
        FieldType.covers: NameType("multi", (*protocol.dangers, NEED)),
    }.get(field.type)
