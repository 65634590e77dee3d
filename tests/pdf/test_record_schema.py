"""The published JSON Schema is the one of the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine.telling import NOW

from school_protocol.case_files.record import _Reader, _Writer, whole_schema
from school_protocol.cases.view_models import ReferralLine
from school_protocol.engine.definition import Protocol

PUBLISHED = Path(__file__).parents[2] / "docs" / "case-record.schema.json"


def test_the_published_schema_is_the_one_of_the_code() -> None:
    """Another shape needs another format; then `docs/case-record.schema.json` is written anew."""
    from jsonschema import Draft202012Validator  # a second to load: for those who ask

    published = json.loads(PUBLISHED.read_text("utf-8"))
    assert published == json.loads(json.dumps(whole_schema()))
    Draft202012Validator.check_schema(published)


def test_a_record_of_before_lacks_what_came_later_and_nothing_else(moroccan: Protocol) -> None:
    def read(without: str) -> ReferralLine:
        line = ReferralLine(
            1, 2, next(iter(moroccan.targets.values())), (), NOW, None, "L. A.", "open", None, {"fr": "X"}
        )
        written = _Writer(moroccan, {1: moroccan}, str, lambda _record: ()).line(line)
        found: ReferralLine = _Reader(moroccan, {1: moroccan}).line(
            ReferralLine, {key: value for key, value in written.items() if key != without}
        )
        return found

    assert dict(read("").whom) == {"fr": "X"}
    assert dict(read("whom").whom) == {}
    with pytest.raises(KeyError):
        read("state")


def test_a_question_that_a_later_version_no_longer_asks_is_read_however_often(moroccan: Protocol) -> None:
    """Whatever was worked out of the form before."""
    act, former = moroccan.acts["safety_check"], moroccan.form_of("safety_check")
    gone = former.fields[0]
    asks_less = former.with_fields(former.fields[1:])
    now = moroccan.model_copy(update={"version": 2, "forms": {**moroccan.forms, former.key: asks_less}})
    assert gone.key not in now.form_of(act.key).by_key
    reader = _Reader(now, {1: moroccan, 2: now})
    for _time in range(2):
        form = reader.form({"act": act, "protocol": None}, [{"field": gone.key, "version": 1}])
        assert gone.key in form.by_key
    stale = asks_less.model_copy(update={"fields": former.fields})
    assert gone.key not in stale.by_key, "the control: a model's own copy"


def test_every_name_that_the_schema_points_at_stands_in_it() -> None:
    schema = whole_schema()

    def pointed(part: object) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"].rpartition("/")[2]} if "$ref" in part else set()
            return own.union(*(pointed(one) for one in part.values()))
        return set().union(*(pointed(one) for one in part)) if isinstance(part, list) else set()

    assert pointed(schema) == schema["$defs"].keys()
    assert pointed({"a": [{"$ref": "#/$defs/Nowhere"}]}) - schema["$defs"].keys() == {"Nowhere"}
