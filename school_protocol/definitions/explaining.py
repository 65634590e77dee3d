"""What pydantic finds wrong with a definition, said in the words of whoever writes one."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from school_protocol.definitions.names import suggestion
from school_protocol.definitions.tree import Path, label
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.texts import Text

INJECTED = frozenset({"key", "digest"})
"""Fields of the model that the reader fills: in a file they are unknown keys."""


_SHOWN = 60


def explain(error: ErrorDetails, loc: Path, path: Path) -> str:
    """The message for `error`; `loc` is its place in the model, `path` the same place in the file."""
    kind, given = error["type"], error["input"]
    if kind in ("extra_forbidden", "missing"):
        where = f" in {label(path[:-1])}" if path[:-1] else ""
        if kind == "missing":
            return f'missing key "{path[-1]}"{where}'
        return unknown_key(str(path[-1]), loc[:-1], where)
    return f"{label(path)}: {_sentence(kind, given, error, loc)}"


def unknown_key(name: str, loc: Path, where: str) -> str:
    return f'unknown key "{name}"{where}{suggestion(name, keys_at(loc))}'


def _sentence(kind: str, given: object, error: ErrorDetails, loc: Path) -> str:
    context = error.get("ctx", {})
    if isinstance(given, str) and len(given) > _SHOWN:
        given = given[:_SHOWN] + "…"
    if kind in ("enum", "literal_error"):
        expected = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        if not isinstance(given, str | int):
            return f"must be one of {expected}"
        return f'"{given}" is not one of {expected}{suggestion(str(given), expected.split(", "))}'
    if kind in ("int_parsing", "int_type", "int_from_float", "int_parsing_size"):
        return f'"{given}" is not a whole number' if isinstance(given, str) else "must be a whole number"
    if kind in ("bool_parsing", "bool_type"):
        return f'"{given}" is neither true nor false' if isinstance(given, str) else "must be true or false"
    if kind == "string_type":
        return "must be plain text"
    if kind in ("tuple_type", "list_type"):
        return "must be a list"
    if kind in ("dict_type", "mapping_type", "model_type", "model_attributes_type"):
        if _is_text(_type_at(loc)):
            return "must be a text in every language, such as {fr: …, ar: …, en: …}"
        return "must be a mapping of keys"
    if kind == "value_error":
        return str(context.get("error", error["msg"])).replace(" (<unknown>, line 1)", "")
    return error["msg"]


def keys_at(loc: Path) -> list[str]:
    """The keys that the model knows at `loc`."""
    found = _type_at(loc)
    if not (isinstance(found, type) and issubclass(found, BaseModel)) or _is_text(found):
        return []
    names = (field.alias or name for name, field in found.model_fields.items())
    return [name for name in names if name not in INJECTED or (name == "digest" and found is not Protocol)]


def _type_at(loc: Path) -> Any:
    found: Any = Protocol
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
