"""What a copy prints, to JSON and back: parts of a definition by key and version, everything else by value.

Beside each key stand the words that the pages say for it, in the copy's language: for people, and never read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from school_protocol.documents.model import CaseFile
from school_protocol.domain.conformance import AskedLine, Conformance
from school_protocol.domain.forms import Form, FormField, Option
from school_protocol.domain.lines import CaseHead, EventView, RecordView, ReferralLine
from school_protocol.domain.protocol import (
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
from school_protocol.domain.texts import Text

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
            "cautions",
            "metadata_only",
            "has_papers",
            "seq",
            "restricted",
            "labels",
            "names_until",
            "open_until",
        }
    ),
}
"""Fields that only pages on a screen use."""
LATER: Mapping[type[Any], frozenset[str]] = {
    ReferralLine: frozenset({"whom"}),
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
            return {key: self.value(inner[1], one) for key, one in _object(data).items()}
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


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise TypeError(f"{data!r} is no object")
    return data


def hints_of(kind: type[Any]) -> Mapping[str, Any]:
    """The types of a line's fields."""
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]


_HINTS: dict[type[Any], Mapping[str, Any]] = {}
