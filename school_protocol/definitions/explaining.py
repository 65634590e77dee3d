"""What pydantic finds wrong with a definition, said in the words of whoever writes one."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from school_protocol.definitions.names import suggestion
from school_protocol.definitions.tree import Path, label, placed
from school_protocol.domain.conditions import ConditionError
from school_protocol.domain.phrases import N_, Listing, Phrase, cut
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.texts import Text

INJECTED = frozenset({"key", "digest"})
"""Fields of the model that the reader fills: in a file they are unknown keys."""


_SHOWN = 60


def explain(error: ErrorDetails, loc: Path, path: Path, model: type[BaseModel] = Protocol) -> Phrase:
    """The message for `error`; `loc` is its place in the model, `path` the same place in the file."""
    kind = error["type"]
    if kind == "missing":
        return missing_key(str(path[-1]), path[:-1])
    if kind == "extra_forbidden":
        return unknown_key(str(path[-1]), loc[:-1], path[:-1], model)
    return placed(path, _sentence(kind, error["input"], error, loc, model))


def missing_key(name: str, path: Path) -> Phrase:
    if path:
        return Phrase(N_('missing key "%(name)s" in %(place)s'), name=name, place=label(path))
    return Phrase(N_('missing key "%(name)s"'), name=name)


def unknown_key(name: str, loc: Path, path: Path, model: type[BaseModel] = Protocol) -> Phrase:
    """`loc` is the place in the model where it would be, `path` the same place in the file."""
    like = suggestion(name, keys_at(loc, model))
    if path:
        return Phrase(N_('unknown key "%(name)s" in %(place)s%(like)s'), name=name, place=label(path), like=like)
    return Phrase(N_('unknown key "%(name)s"%(like)s'), name=name, like=like)


def _sentence(kind: str, given: object, error: ErrorDetails, loc: Path, model: type[BaseModel]) -> Phrase:
    context = error.get("ctx", {})
    if isinstance(given, str):
        given = cut(given, _SHOWN)
    if kind in ("enum", "literal_error"):
        return _among(given, str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", "))
    if kind in _WRONG_TYPE:
        written, otherwise = _WRONG_TYPE[kind]
        return Phrase(written, value=given) if written and isinstance(given, str) else Phrase(otherwise)
    if kind in _MAPPING:
        return _mapping(loc, model)
    if kind in _OUT_OF_BOUNDS:
        text, bound = _OUT_OF_BOUNDS[kind]
        return Phrase(text, bound=context[bound])
    why = context.get("error")
    if isinstance(why, ConditionError):
        return why.phrase
    return Phrase(N_("this cannot be taken: %(why)s"), why=error["msg"])


def _among(given: object, expected: list[str]) -> Phrase:
    if not isinstance(given, str | int):
        return Phrase(N_("must be one of %(expected)s"), expected=Listing(expected))
    like = suggestion(str(given), expected)
    text = N_('"%(given)s" is not one of %(expected)s%(like)s')
    return Phrase(text, given=str(given), expected=Listing(expected), like=like)


def _mapping(loc: Path, model: type[BaseModel]) -> Phrase:
    if _is_text(_type_at(loc, model)):
        return Phrase(N_("must be a text in every language, such as %(example)s"), example="{fr: …, ar: …, en: …}")
    return Phrase(MAPPING)


MAPPING = N_("must be a mapping of keys")
_NO_NUMBER = (N_('"%(value)s" is not a whole number'), N_("must be a whole number"))
_NO_TRUTH = (N_('"%(value)s" is neither true nor false'), N_("must be true or false"))
_NO_LIST = ("", N_("must be a list"))
_WRONG_TYPE: Mapping[str, tuple[str, str]] = {
    "int_parsing": _NO_NUMBER,
    "int_type": _NO_NUMBER,
    "int_from_float": _NO_NUMBER,
    "int_parsing_size": _NO_NUMBER,
    "bool_parsing": _NO_TRUTH,
    "bool_type": _NO_TRUTH,
    "string_type": ("", N_("must be plain text")),
    "tuple_type": _NO_LIST,
    "list_type": _NO_LIST,
}
"""What is said of a text that was written, and of anything else."""
_MAPPING = ("dict_type", "mapping_type", "model_type", "model_attributes_type")
_OUT_OF_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": (N_("Input should be greater than or equal to %(bound)s"), "ge"),
    "less_than_equal": (N_("Input should be less than or equal to %(bound)s"), "le"),
}
EXPLAINED = frozenset({"missing", "extra_forbidden", "enum", "literal_error", *_WRONG_TYPE, *_MAPPING, *_OUT_OF_BOUNDS})
"""Pydantic's kinds of error that have words here; besides them, a condition says itself what is wrong with it."""


def keys_at(loc: Path, model: type[BaseModel] = Protocol) -> list[str]:
    """The keys that the model knows at `loc`."""
    found = _type_at(loc, model)
    if not (isinstance(found, type) and issubclass(found, BaseModel)) or _is_text(found):
        return []
    names = (field.alias or name for name, field in found.model_fields.items())
    return [name for name in names if name not in INJECTED or (name == "digest" and found is not Protocol)]


def _type_at(loc: Path, model: type[BaseModel] = Protocol) -> Any:
    found: Any = model
    for step in loc:
        if isinstance(found, type) and issubclass(found, BaseModel) and not _is_text(found):
            fields = ((field.alias or name, field) for name, field in found.model_fields.items())
            found = next((field.annotation for name, field in fields if name == step), None)
        elif get_origin(found) is tuple:
            found = get_args(found)[0]
        else:
            found = get_args(found)[1] if issubclass(get_origin(found) or NoneType, Mapping) else None
        found = _bare(found)
    return found


def _is_text(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, Text)


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    return annotation
