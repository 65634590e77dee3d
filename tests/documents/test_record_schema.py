"""The published JSON Schema is the one of the code."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from school_protocol.documents.record import whole_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "case-record.schema.json"


def test_the_published_schema_is_the_one_of_the_code() -> None:
    """Another shape needs another format; then `docs/case-record.schema.json` is written anew."""
    published = json.loads(PUBLISHED.read_text("utf-8"))
    assert published == json.loads(json.dumps(whole_schema()))
    jsonschema.Draft202012Validator.check_schema(published)


def test_every_name_that_the_schema_points_at_stands_in_it() -> None:
    schema = whole_schema()

    def pointed(part: object) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"].rpartition("/")[2]} if "$ref" in part else set()
            return own.union(*(pointed(one) for one in part.values()))
        return set().union(*(pointed(one) for one in part)) if isinstance(part, list) else set()

    assert pointed(schema) == schema["$defs"].keys()
    assert pointed({"a": [{"$ref": "#/$defs/Nowhere"}]}) - schema["$defs"].keys() == {"Nowhere"}
