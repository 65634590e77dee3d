"""The machine-readable record of a case file (record.json): its classes, its codec, its JSON Schema."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import Pages
from school_protocol.cases.view_models import CaseHead, DueLine, DutyLine, EventView, RecordView, ReferralLine
from school_protocol.engine.case_summary import AskedLine, Conformance
from school_protocol.engine.definition import (
    Act,
    Danger,
    Deadline,
    Duty,
    Level,
    Move,
    Need,
    Protocol,
    Seat,
    Slot,
    Stage,
    State,
    Target,
)
from school_protocol.engine.definition_parts import Form, FormField, Option
from school_protocol.engine.texts import Text
from school_protocol.language import Wording, printed_languages

# ---- codec: what a copy prints, to JSON and back -------------------------------------------------------------------
# Parts of a definition go by key and version, everything else by value. Beside each key stand the words that the
# pages say for it, in the copy's language: for people, and never read back.

Versions = Mapping[int, Protocol]
"""The versions of one protocol that a case was handled by."""
Words = Callable[[Text], str]
"""A text of the definition in the copy's language."""
Answers = Callable[[RecordView], Sequence[Mapping[str, str]]]
"""What an entry's answers read like on the pages: field, label, said."""

PARTS: Mapping[type[Any], str] = {
    Act: "acts", Danger: "dangers", Deadline: "deadlines", Duty: "duties", Move: "moves", Need: "needs",
    Seat: "seats", Slot: "slots", Stage: "stages", State: "states", Target: "targets",
}  # fmt: skip
"""Models that a record names by key."""
LEFT: Mapping[type[Any], frozenset[str]] = {
    RecordView: frozenset({"first_whom", "undo_until", "remarks"}),
    EventView: frozenset({"remarks", "settled"}),
    CaseHead: frozenset(
        {
            "roles",
            "can_raise",
            "counts",
            "cautions",
            "metadata_only",
            "has_papers",
            "seq",
            "restricted",
            "labels",
            "names_until",
            "open_until",
            "grade",
            "chooses_word",
        }
    ),
    DutyLine: frozenset({"is_others"}),
    DueLine: frozenset({"is_others"}),
}
"""Fields that only pages on a screen use."""
LATER: Mapping[type[Any], frozenset[str]] = {
    CaseFile: frozenset({"asked", "story", "points", "home"}),
    ReferralLine: frozenset({"whom"}),
    CaseHead: frozenset({"word"}),
    Conformance: frozenset({"excuses", "despite"}),
    AskedLine: frozenset({"pauses"}),
}
"""Fields that records written by earlier releases don't have: written only where they say something."""
_ABSENT: Mapping[str, Any] = {"roles": (), "seq": 0, "restricted": False}
_MODEL = "part"


class RecordFault(Exception):
    """A record that cannot be read: no record, of another shape, or of a definition that is not at hand."""


# ---- writing -------------------------------------------------------------------------------------------------------


def written_view(view: CaseFile, versions: Versions, words: Words, answers: Answers) -> dict[str, Any]:
    """The view as JSON: objects, lists, texts, numbers, truths, nulls; moments in UTC, ISO 8601."""
    found: dict[str, Any] = _Writer(view.head.protocol, versions, words, answers).value(view)
    return found


class _Writer:
    def __init__(self, protocol: Protocol, versions: Versions, words: Words, answers: Answers) -> None:
        self.protocol, self.versions, self.words, self.answers = protocol, versions, words, answers

    def value(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | str():
                return value
            case datetime() | date():
                return value.isoformat()
            case Protocol():
                return {"protocol": value.protocol, "version": value.version}
            case Option():
                return {"key": value.key, "words": self.words(value.title)}
            case Level():
                return {"key": value.key, "words": self.words(value.title)}
            case Mapping():
                return {str(key): self.value(one) for key, one in value.items()}
            case list() | tuple():
                return [self.value(one) for one in value]
        if type(value) in PARTS:
            return self.part(value)
        if is_dataclass(value) and not isinstance(value, type):
            return self.line(value)
        raise TypeError(f"{type(value).__name__} has no place in a record")

    def line(self, line: Any) -> dict[str, Any]:
        left = LEFT.get(type(line), frozenset())
        empty = {name for name in LATER.get(type(line), ()) if not getattr(line, name)}
        names = [one.name for one in fields(line) if one.name not in left | empty]
        found = {name: self.value(getattr(line, name)) for name in names if name != "form"}
        if isinstance(line, RecordView):
            found |= self.form_of(line)
            found["said"] = [dict(one) for one in self.answers(line)]
        return found

    def form_of(self, record: RecordView) -> dict[str, Any]:
        """Questions that a later version no longer asks, and which version did."""
        present = self.owner(record).form_of(record.act).by_key
        gone = [item for item in record.form.fields if item.key not in present]
        return {"former_fields": [{"field": item.key, "version": self.asked_by(record, item)} for item in gone]}

    def asked_by(self, record: RecordView, item: FormField) -> int:
        for number, protocol in self.versions.items():
            if record.act.key in protocol.acts and item in protocol.form_of(record.act.key).fields:
                return number
        raise KeyError(f"no version asks {record.act.key}.{item.key}")

    def owner(self, record: RecordView) -> Protocol:
        return record.protocol or self.protocol

    def part(self, value: Any) -> dict[str, Any]:
        name = PARTS[type(value)]
        version = self.version_of(name, value)
        found = {_MODEL: name, "key": value.key} | ({} if version == self.protocol.version else {"version": version})
        text = getattr(value, "title", None) or getattr(value, "sentence", None)
        return found | ({"words": self.words(text)} if text is not None else {})

    def version_of(self, part: str, value: Any) -> int:
        if getattr(self.protocol, part).get(value.key) is value:
            return self.protocol.version
        for number, protocol in self.versions.items():
            if getattr(protocol, part).get(value.key) is value:
                return number
        raise KeyError(f"no version has {part}.{value.key}")


# ---- reading -------------------------------------------------------------------------------------------------------


def read_view(data: Any, versions: Versions) -> CaseFile:
    """The view that such a record was written from. Raises RecordFault."""
    try:
        protocol = versions[data["head"]["protocol"]["version"]]
        view: CaseFile = _Reader(protocol, versions).line(CaseFile, data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordFault(f"{type(error).__name__}: {error}") from error
    return view


class _Reader:
    def __init__(self, protocol: Protocol, versions: Versions) -> None:
        self.protocol, self.versions = protocol, versions

    def line(self, kind: type[Any], data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise TypeError(f"{kind.__name__}: an object is expected")
        left = LEFT.get(kind, frozenset()) | (LATER.get(kind, frozenset()) - data.keys())
        hints, found = hints_of(kind), {}
        for one in fields(kind):
            if one.name == "form" and kind is RecordView:
                continue
            if one.name not in left:
                found[one.name] = self.value(hints[one.name], data[one.name])
            elif one.default is MISSING and one.default_factory is MISSING:
                found[one.name] = _ABSENT[one.name]
        if kind is RecordView:
            found["form"] = self.form(found, data["former_fields"])
            if strange := found["answers"].keys() - found["form"].by_key.keys():
                raise ValueError(f"{found['act'].key} has no field {sorted(strange)[0]}")
        return kind(**found)

    def form(self, found: Mapping[str, Any], former: Iterable[Mapping[str, Any]]) -> Form:
        act: Act = found["act"]
        form = (found["protocol"] or self.protocol).form_of(act)
        gone = tuple(self.versions[one["version"]].form_of(act.key).by_key[one["field"]] for one in former)
        return form if not gone else form.with_fields((*form.fields, *gone))

    def value(self, kind: Any, data: Any) -> Any:
        origin, inner = get_origin(kind), get_args(kind)
        if origin in (Union, UnionType):
            if data is None and NoneType in inner:
                return None
            return self.value(next(one for one in inner if one is not NoneType), data)
        if kind is Any:
            return self.anything(data)
        if origin is tuple:
            if inner[-1] is Ellipsis:
                return tuple(self.value(inner[0], one) for one in _list(data))
            return tuple(self.value(one, each) for one, each in zip(inner, _list(data), strict=True))
        if origin is not None and issubclass(origin, Mapping):
            return {key: self.value(inner[1], one) for key, one in _codec_object(data).items()}
        return self.plain(kind, data)

    def plain(self, kind: Any, data: Any) -> Any:
        if kind in PARTS:
            return self.part(data)
        if kind is Protocol:
            return self.versions[data["version"]]
        if kind is Level:
            grid = next(iter(self.protocol.grids.values()))
            return grid.levels[int(data["key"])]
        if kind is Option:
            return Option(key=data["key"], title=Text({"": data["words"]}))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(data)
        if kind in (datetime, date):
            return kind.fromisoformat(data)
        if is_dataclass(kind) and isinstance(kind, type):
            return self.line(kind, data)
        if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
            raise TypeError(f"{data!r} is no {kind.__name__}")
        return data

    def part(self, data: Any) -> Any:
        protocol = self.versions[data["version"]] if "version" in data else self.protocol
        if data[_MODEL] not in PARTS.values():
            raise ValueError(f"{data[_MODEL]!r} is no part of a definition")
        return getattr(protocol, data[_MODEL])[data["key"]]

    def anything(self, data: Any) -> Any:
        """What an event tells besides, whose shape is its kind's."""
        if isinstance(data, Mapping):
            return self.part(data) if _MODEL in data else {key: self.anything(one) for key, one in data.items()}
        return [self.anything(one) for one in data] if isinstance(data, list) else data


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError(f"{data!r} is no list")
    return data


def _codec_object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise TypeError(f"{data!r} is no object")
    return data


def hints_of(kind: type[Any]) -> Mapping[str, Any]:
    """The types of a line's fields."""
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]


_HINTS: dict[type[Any], Mapping[str, Any]] = {}


# ---- the JSON Schema of a record's view, drawn from the lines that the pages are made of ---------------------------

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
        definitions["Version"] = _schema_object(
            {"protocol": _PLAIN[str], "version": _PLAIN[int]}, "A version of the protocol."
        )
        return "Version"
    if kind in PARTS:
        keys = {"part": {"const": PARTS[kind]}, "key": _PLAIN[str], "version": _PLAIN[int], "words": _PLAIN[str]}
        definitions[kind.__name__] = _schema_object(keys, _OF_DEFINITION, required=("part", "key"))
    elif kind in (Level, Option):
        definitions[kind.__name__] = _schema_object({"key": _PLAIN[str], "words": _PLAIN[str]}, _OF_DEFINITION)
    elif is_dataclass(kind) and kind.__name__ not in definitions:
        definitions[kind.__name__] = {}
        left = {*LEFT.get(kind, ()), "form"} if kind is RecordView else LEFT.get(kind, ())
        hints = hints_of(kind)
        names = [one.name for one in fields(kind) if one.name not in left]
        own: dict[str, Any] = {name: _of(hints[name], definitions) for name in names}
        if kind is RecordView:
            own |= _OF_RECORD
        definitions[kind.__name__] = _schema_object(
            own, _about(kind), required=tuple(name for name in own if name not in LATER.get(kind, ()))
        )
    return kind.__name__


def _about(kind: type[Any]) -> str:
    """The first line of what is written about a line, where anything is."""
    written = inspect.cleandoc(kind.__doc__ or "")
    return "" if written.startswith(f"{kind.__name__}(") else written.partition("\n")[0]


def _schema_object(keys: Mapping[str, Any], said: str, required: tuple[str, ...] | None = None) -> dict[str, Any]:
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
        "items": _schema_object({"field": _PLAIN[str], "version": _PLAIN[int]}, "A question of an earlier version."),
    },
    "said": {
        "type": "array",
        "items": _schema_object(
            {"field": _PLAIN[str], "label": _PLAIN[str], "said": _PLAIN[str]}, "An answer as the pages say it."
        ),
    },
}
"""What stands beside an entry's own fields."""


# ---- one record: which case, of which protocol, for which readers, as of when --------------------------------------

FORMAT = 1
"""Of the record: another shape is another number."""
LAYOUT = 9
"""Of the pages: where they say something in other words, or elsewhere, it is another number."""
ID = "urn:school-protocol:case-record:1"
BARE = f"{ID}:without-definitions"
"""Of a record that names its definitions by their digest alone."""
Sources = Mapping[int, str]
"""The file of each version of the protocol, whole."""


def record_of(view: CaseFile, versions: Versions, sources: Sources, wording: Wording) -> dict[str, Any]:
    """The record of a document in one language, with the definitions that its keys are of; same view, same record."""
    texts = [
        {"version": number, "digest": one.digest, "definition": sources[number]}
        for number, one in sorted(versions.items())
    ]
    return _record(ID, view, versions, texts, wording)


def bare_record_of(view: CaseFile, versions: Versions, wording: Wording) -> dict[str, Any]:
    """The same, with the digest of each definition and not its text."""
    digests = [{"version": number, "digest": one.digest} for number, one in sorted(versions.items())]
    return _record(BARE, view, versions, digests, wording)


def _record(
    schema_id: str, view: CaseFile, versions: Versions, told: Sequence[Mapping[str, Any]], wording: Wording
) -> dict[str, Any]:
    pages = Pages(view, wording)
    protocol = view.head.protocol
    return {
        "schema": schema_id,
        "format": FORMAT,
        "layout": LAYOUT,
        "document": view.document.key,
        "profile": view.profile,
        "language": wording.language,
        "protocol": {
            "protocol": protocol.protocol, "version": protocol.version, "code": protocol.code,
            "title": wording.text(protocol.title), "digest": protocol.digest,
        },
        "versions": list(told),
        "case": written_view(view, versions, wording.text, lambda record: _said(pages, record)),
    }  # fmt: skip


def encoded(record: Mapping[str, Any]) -> bytes:
    """A record as the file holds it: UTF-8, keys in their order, the same bytes for the same record."""
    return (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode()


def decoded(data: bytes) -> dict[str, Any]:
    """The record that a file holds. Raises RecordFault where it is none of this format."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecordFault(f"no JSON: {error}") from error
    if not isinstance(found, dict) or (found.get("schema"), found.get("format")) != (ID, FORMAT):
        raise RecordFault(f"no record of format {FORMAT}")
    if found.get("language") not in printed_languages():
        raise RecordFault("in no language that is known here")
    return found


def sources_of(record: Mapping[str, Any]) -> Sources:
    """The definitions in a record, for `reader.read`. Raises RecordFault where one is not what its digest says."""
    try:
        found = {int(one["version"]): str(one["definition"]) for one in record["versions"]}
        digests = {int(one["version"]): str(one["digest"]) for one in record["versions"]}
    except (KeyError, TypeError, ValueError) as error:
        raise RecordFault(f"its definitions: {type(error).__name__}") from error
    for number, text in found.items():
        if hashlib.sha256(text.encode()).hexdigest() != digests[number]:
            raise RecordFault(f"the definition of version {number} is not the one that its digest names")
    return found


def view_of(record: Mapping[str, Any], versions: Versions) -> CaseFile:
    """What such a record was written from. Raises RecordFault where it is not, to the letter."""
    view = read_view(record.get("case"), versions)
    try:
        again = record_of(view, versions, sources_of(record), Wording(record["language"]))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RecordFault(f"it contradicts itself: {type(error).__name__}: {error}") from error
    if encoded(again) != encoded(record):
        raise RecordFault(f"it contradicts itself: {_first_difference(again, record)}")
    return view


def whole_schema() -> dict[str, Any]:
    """The JSON Schema of a record, draft 2020-12."""
    return _schema(ID, {"definition": {"type": "string"}})


def bare_schema() -> dict[str, Any]:
    """That of a record with the digests of its definitions alone."""
    return _schema(BARE, {})


def _schema(schema_id: str, more: Mapping[str, Any]) -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "integer"}
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    case = schema()
    protocol = {"protocol": text, "version": number, "code": text, "title": text, "digest": digest}
    version = {"version": number, "digest": digest, **more}
    keys = {
        "schema": {"const": schema_id}, "format": {"const": FORMAT}, "layout": number, "document": text,
        "profile": text,
        "language": {"enum": list(printed_languages())}, "protocol": _whole_object(protocol),
        "versions": {"type": "array", "items": _whole_object(version)}, "case": {"$ref": case["$ref"]},
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id,
        "title": "Case record",
        **_whole_object(keys),
        "$defs": case["$defs"],
    }


def _whole_object(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(keys), "required": list(keys), "additionalProperties": False}


def _said(pages: Pages, record: RecordView) -> Sequence[Mapping[str, str]]:
    return [
        {"field": field.key, "label": label.striptags(), "said": answer.striptags()}
        for field, label, answer in pages.answers(record)
    ]


def _first_difference(one: Any, other: Any, place: str = "") -> str:
    """Where two records part: a path, as `case/records/3/said`."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                return _first_difference(one.get(key), other.get(key), f"{place}/{key}".lstrip("/"))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        number = next(number for number, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
        return _first_difference(one[number], other[number], f"{place}/{number}")
    return place or "its shape"
