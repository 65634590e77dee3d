"""One record: which case, of which protocol, for which readers, as of when, and everything that the pages show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from school_protocol.documents.case_file import Pages
from school_protocol.documents.model import CaseFile
from school_protocol.documents.record.codec import RecordFault, Versions, read_view, written_view
from school_protocol.documents.record.schema import schema
from school_protocol.domain.lines import RecordView
from school_protocol.wording import LOCALES, Wording

FORMAT = 1
"""Of the record: another shape is another number."""
LAYOUT = 5
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
    if found.get("language") not in LOCALES:
        raise RecordFault("in no language that is known here")
    return found


def sources_of(record: Mapping[str, Any]) -> Sources:
    """The definitions in a record, for `definitions.read`. Raises RecordFault where one is not what its digest says."""
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
        "language": {"enum": list(LOCALES)}, "protocol": _object(protocol),
        "versions": {"type": "array", "items": _object(version)}, "case": {"$ref": case["$ref"]},
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id,
        "title": "Case record",
        **_object(keys),
        "$defs": case["$defs"],
    }


def _object(keys: Mapping[str, Any]) -> dict[str, Any]:
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
