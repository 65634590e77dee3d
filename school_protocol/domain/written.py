"""From how a file is written to what the model holds: an entry's key is its place, a mapping of fields a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KEYED = (
    "stages", "states", "roles", "seats", "sides", "slots", "forms", "acts", "moves", "facts", "needs", "properties",
    "deadlines", "duties", "grids", "dangers", "targets", "cautions", "documents", "spoken", "audiences", "words",
)  # fmt: skip


def keyed(data: object) -> object:
    """A definition as it was written, with each entry's key in the entry."""
    if not isinstance(data, dict):
        return data
    out = dict(data)
    for part in KEYED:
        if part in out:
            out[part] = _with_keys(out[part])
    for form in _values(out.get("forms")):
        if "fields" in form:
            form["fields"] = _field_list(form["fields"])
    for grid in _values(out.get("grids")):
        for part in ("items", "levels"):
            if part in grid:
                grid[part] = _with_keys(grid[part])
    for document in _values(out.get("documents")):
        if "profiles" in document:
            document["profiles"] = _with_keys(document["profiles"])
    if isinstance(figures := out.get("figures"), dict):
        named = {part: _with_keys(figures[part]) for part in ("tables", "waits") if part in figures}
        out["figures"] = {**figures, **named}
    if isinstance(public := out.get("signalement"), dict):
        named = {part: _with_keys(public[part]) for part in ("orientations", "sheets") if part in public}
        out["signalement"] = {**public, **named}
    return out


def _with_keys(mapping: object) -> object:
    if not isinstance(mapping, dict):
        return mapping
    return {key: {**value, "key": key} if isinstance(value, dict) else value for key, value in mapping.items()}


def _values(mapping: object) -> Iterator[dict[str, Any]]:
    if isinstance(mapping, dict):
        yield from (value for value in mapping.values() if isinstance(value, dict))


def _field_list(fields: object) -> object:
    """Fields are written as a mapping, key → field, in the order in which they are asked."""
    if not isinstance(fields, dict):
        return fields
    listed = []
    for key, value in fields.items():
        if isinstance(value, dict):
            value = {**value, "key": key}
            if "fields" in value:
                value["fields"] = _field_list(value["fields"])
            if isinstance(value.get("options"), dict):
                value["options"] = [_option(option, body) for option, body in value["options"].items()]
        listed.append(value)
    return listed


def _option(key: object, body: object) -> dict[str, Any]:
    if isinstance(body, dict) and "title" in body:
        return {**body, "key": key}
    return {"key": key, "title": body}
