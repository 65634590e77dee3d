"""The JSON Schema of a record's view, drawn from the very lines that the pages are made of."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from school_protocol.documents.model import CaseFile
from school_protocol.documents.record.codec import LATER, LEFT, PARTS, hints_of
from school_protocol.domain.forms import Option
from school_protocol.domain.lines import RecordView
from school_protocol.domain.protocol import Level, Protocol

_PLAIN = {str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}}
_DEFS = "#/$defs/"
_OF_DEFINITION = "A part of the definition by its key; `words`: what the pages say for it, in the copy's language."


def schema() -> dict[str, Any]:
    """The schema of `case`, with its `$defs`; draft 2020-12."""
    definitions: dict[str, Any] = {}
    found = _of(CaseFile, definitions)
    return {**found, "$defs": dict(sorted(definitions.items()))}


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [{"type": "null"} if one is NoneType else _of(one, definitions) for one in inner]}
    if origin is tuple and inner[-1] is Ellipsis:
        return {"type": "array", "items": _of(inner[0], definitions)}
    if origin is tuple:
        items = [_of(one, definitions) for one in inner]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(inner[1], definitions)}
    if kind is Any:
        return {}
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    if kind in (datetime, date):
        return {"type": "string", "format": "date-time" if kind is datetime else "date"}
    return {"$ref": _DEFS + _defined(kind, definitions)}


def _defined(kind: type[Any], definitions: dict[str, Any]) -> str:
    """The name under which a shape stands, put there when it is first met."""
    if kind is Protocol:
        definitions["Version"] = _object(
            {"protocol": _PLAIN[str], "version": _PLAIN[int]}, "A version of the protocol."
        )
        return "Version"
    if kind in PARTS:
        keys = {"part": {"const": PARTS[kind]}, "key": _PLAIN[str], "version": _PLAIN[int], "words": _PLAIN[str]}
        definitions[kind.__name__] = _object(keys, _OF_DEFINITION, required=("part", "key"))
    elif kind in (Level, Option):
        definitions[kind.__name__] = _object({"key": _PLAIN[str], "words": _PLAIN[str]}, _OF_DEFINITION)
    elif is_dataclass(kind) and kind.__name__ not in definitions:
        definitions[kind.__name__] = {}
        left = {*LEFT.get(kind, ()), "form"} if kind is RecordView else LEFT.get(kind, ())
        hints = hints_of(kind)
        names = [one.name for one in fields(kind) if one.name not in left]
        own: dict[str, Any] = {name: _of(hints[name], definitions) for name in names}
        if kind is RecordView:
            own |= _OF_RECORD
        definitions[kind.__name__] = _object(
            own, _about(kind), required=tuple(name for name in own if name not in LATER.get(kind, ()))
        )
    return kind.__name__


def _about(kind: type[Any]) -> str:
    """The first line of what is written about a line, where anything is."""
    written = inspect.cleandoc(kind.__doc__ or "")
    return "" if written.startswith(f"{kind.__name__}(") else written.partition("\n")[0]


def _object(keys: Mapping[str, Any], said: str, required: tuple[str, ...] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "description": said,
        "properties": {key: dict(value) for key, value in keys.items()},
        "required": list(keys if required is None else required),
        "additionalProperties": False,
    }


_OF_RECORD: Mapping[str, Any] = {
    "former_fields": {
        "type": "array",
        "items": _object({"field": _PLAIN[str], "version": _PLAIN[int]}, "A question of an earlier version."),
    },
    "said": {
        "type": "array",
        "items": _object(
            {"field": _PLAIN[str], "label": _PLAIN[str], "said": _PLAIN[str]}, "An answer as the pages say it."
        ),
    },
}
"""What stands beside an entry's own fields."""
