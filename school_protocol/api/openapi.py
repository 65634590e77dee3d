"""Response models of the API, and the OpenAPI 3.1 document drawn from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from school_protocol.case_files.record import bare_schema
from school_protocol.language import printed_languages
from school_protocol.ui.routing import TOKEN_RIGHTS


class Answer(BaseModel):
    """A part of an answer: its keys are these and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, populate_by_name=True)


Number = Annotated[str, Field(pattern=r"^[0-9]{13}$", description="Number of a case: thirteen digits.")]


class Titled(Answer):
    """A part of a definition by its key, which stays, and in words."""

    key: str
    words: str


class Place(Answer):
    """A school, a province or a region, by its code."""

    code: str
    name: str


class ProtocolVersion(Answer):
    """The version of a protocol that something follows."""

    protocol: str
    version: int


class NextDue(Answer):
    """What falls due next in a case; without a key, a follow-up that was planned."""

    key: str
    words: str
    at: datetime


class ListedCase(Answer):
    """Where one case stands, in facts that identify nobody."""

    number: Number
    protocol: ProtocolVersion
    school: Place
    stage: Titled
    state: Titled
    level: Titled | None = Field(description="Null: it is not assessed yet.")
    ended: bool
    opened_at: datetime
    moved_at: datetime = Field(description="When it entered the state in which it stands.")
    changed_at: datetime = Field(description="When something was last written to it, whether its state changed or not.")
    next_due: NextDue | None


class Cases(Answer):
    """A page of cases by number. `after`: what to ask the next page with; null: this was the last."""

    cases: list[ListedCase]
    after: Number | None


class Release(Answer):
    """Figures as they were issued: frozen, each number with a noise that protects those of whom it tells."""

    id: str
    protocol: ProtocolVersion
    definition: str = Field(description="SHA-256 of the definition by which it was counted.")
    unit: Place = Field(description="For which it was issued.")
    number: int
    year: int = Field(description="In which the school year begins.")
    quarter: int | None = Field(description="Of the school year, from 1 to 4; null: all of it.")
    months: list[str]
    counted_at: datetime
    issued_at: datetime
    former: str | None = Field(description="The release in whose place it stands, which was withdrawn.")
    is_latest: bool = Field(description="Not withdrawn.")


class Releases(Answer):
    """The releases that tell of the token's place, newest first; `after` as for cases."""

    releases: list[Release]
    after: str | None


class FigureRow(Answer):
    """One figure, with noise: 95 of 100 counts are at most 4 off, none is more than 10.

    Shares and medians are there only where 20 cases or more are told. A median has no number: its class is `row` (in
    words `row_title`), and `value` is null.
    """

    unit: str
    unit_name: str
    begins: str = Field(alias="from")
    until: str
    month: str | None = Field(description="Null: the whole period.")
    table: str
    table_title: str
    row: str = Field(description="Of a median: the class in which it lies, by its upper bound.")
    row_title: str
    what: Literal["count", "share", "median"]
    value: int | None = Field(description="Null of a median, which is told by its class alone.")
    upper: int | None = Field(description="Of a share: the end of the range in which it lies, in per cent.")
    about: int | None = Field(description="Of a share: about how many per cent it is.")


class Figures(Answer):
    """One release, of the token's place or of one below it: its totals, and those of the places right below it."""

    release: Release
    unit: Place
    rows: list[FigureRow]


class ProblemDetails(Answer):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    parameter: str | None = Field(description="The parameter of the address that is meant, where one is.")


ANSWERS: tuple[type[Answer], ...] = (Cases, Releases, Figures, ProblemDetails)


# ---- the OpenAPI document ------------------------------------------------------------------------------------------
# The case record is described by its own schema.

COMPONENTS = "#/components/schemas/"
RECORD = "CaseRecord"
SECURITY = "token"
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_KEY = {"type": "string", "pattern": "^[A-Za-z0-9_.~-]{1,80}$"}
_MOMENT = {"type": "string", "format": "date-time"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_NUMBER = {"type": "string", "pattern": "^[0-9]{13}$"}
_PROBLEMS = {
    400: "A parameter is unknown, or its value is not understood.",
    401: "The token is missing, unknown, over or ended.",
    403: "The token is good for other readings.",
    404: "There is nothing here that this token may read.",
    405: "Things are only read here.",
    429: "The token has read too often; `Retry-After` says for how long to wait, in seconds.",
    500: "Something is out of order here.",
    503: "The server is busy; `Retry-After` says for how long to wait, in seconds.",
}


@lru_cache(maxsize=1)
def written() -> bytes:
    """The document as it is sent."""
    return (json.dumps(document(), ensure_ascii=False, indent=1) + "\n").encode()


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "School protocol: reading by other systems",
            "version": "1",
            "description": "Read only, by token: the cases of a province or region under signs, and its figures as "
            "they were issued. Every reading is written down. Keys stay what they are; words are in the language that "
            "is asked for. Parameters that are not listed are refused. Keys may be added to answers in this version, "
            "and none is taken away.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{SECURITY: []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {SECURITY: {"type": "http", "scheme": "bearer"}},
            "parameters": {"Language": _language()},
            "responses": {str(status): _problem(status, words) for status, words in _PROBLEMS.items()},
            "schemas": _schemas(),
        },
    }


# ---- paths -----------------------------------------------------------------------------------------------------------


def _paths() -> dict[str, Any]:
    limit = _query("limit", {**_WHOLE, "minimum": 1, "maximum": 200, "default": 50}, "How many at most.")
    unit = _query("unit", _KEY, "Code of a place below the token's own; without it, the token's own place.")
    release = {"name": "release", "in": "path", "required": True, "schema": _KEY, "description": "Id of a release."}
    return {
        "/cases": _get(
            "cases", "Where the cases of the token's place stand, by number", _json("Cases"),
            [
                _query("after", _NUMBER, "The last number of the page before, as `after` said it."),
                limit,
                _query("protocol", _KEY, "Cases of this protocol, by its key."),
                _query("school", _KEY, "Cases of this school, by its code (GRESA)."),
                _query("stage", _KEY, "Cases in this stage, by its key."),
                _query("state", _KEY, "Cases in this state, by its key."),
                _query("level", {**_WHOLE, "minimum": 0, "maximum": 99}, "Cases of this level, by its key."),
                _query("ended", {"type": "boolean"}, "Ended cases alone, or open ones alone."),
                _query(
                    "moved_since", _MOMENT,
                    "Cases that entered the state in which they stand at this moment or later; an entry, a correction "
                    "or a signature that moves nothing is not among them.",
                ),
                _query(
                    "changed_since", _MOMENT,
                    "Cases to which something was written at this moment or later: `changed_at`.",
                ),
                _query("due_before", _MOMENT, "Cases in which something falls due before this moment."),
            ],
        ),
        "/cases/{case}": _get(
            "case", "The record of one case, under signs and without any free text", _json(RECORD),
            [{"name": "case", "in": "path", "required": True, "schema": _NUMBER, "description": "Its number."}],
        ),
        "/definitions/{digest}": _get(
            "definition", "The definition of a protocol that a record or a release names by its digest (YAML); it "
            "never changes", {"application/yaml": {"schema": {"type": "object"}}},
            [{"name": "digest", "in": "path", "required": True, "schema": _DIGEST, "description": "SHA-256 of it."}],
        ),
        "/figures": _get(
            "releases", "Figures that were issued and tell of the token's place, newest first",
            _json("Releases"), [_query("after", _KEY, "The last id of the page before, as `after` said it."), limit],
        ),
        "/figures/{release}": _get(
            "release", "Every figure of one release", _json("Figures"), [release, unit]
        ),
        "/figures/{release}/rows.csv": _get(
            "release_csv", "The same figures as CSV (UTF-8 with a byte order mark, commas between)",
            {"text/csv": {"schema": _TEXT}}, [release, unit],
        ),
    }  # fmt: skip


def _get(
    name: str, summary: str, content: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    problems = {str(status): {"$ref": f"#/components/responses/{status}"} for status in _PROBLEMS}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "description": f"Asks for the right `{TOKEN_RIGHTS[f'api.{name}'].value}`.",
            "parameters": [{"$ref": "#/components/parameters/Language"}, *parameters],
            "responses": {"200": {"description": summary, "content": content}, **problems},
        }
    }


def _query(name: str, schema: Mapping[str, Any], words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": words}


def _language() -> dict[str, Any]:
    return {
        "name": "Accept-Language", "in": "header", "schema": {**_TEXT, "examples": list(printed_languages())},
        "description": "In which language words are said; without it, in the installation's own.",
    }  # fmt: skip


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": COMPONENTS + name}}}


def _problem(status: int, words: str) -> dict[str, Any]:
    headers = {"Retry-After": {"schema": _WHOLE}} if status in (429, 503) else {}
    content = {"application/problem+json": {"schema": {"$ref": f"{COMPONENTS}ProblemDetails"}}}
    return {"description": words, **({"headers": headers} if headers else {}), "content": content}


# ---- schemas ---------------------------------------------------------------------------------------------------------


def _schemas() -> dict[str, Any]:
    _named, found = models_json_schema(
        [(model, "serialization") for model in ANSWERS], ref_template=COMPONENTS + "{model}"
    )
    own: dict[str, Any] = found["$defs"]
    record = bare_schema()
    parts: dict[str, Any] = record.pop("$defs")
    del record["$schema"], record["$id"]
    more = {RECORD: record, **parts}
    assert own.keys().isdisjoint(more), sorted(own.keys() & more)
    return {**own, **{name: _moved(schema) for name, schema in more.items()}}


def _moved(schema: Any) -> Any:
    """A part of the record's schema, pointing at where the others stand here."""
    if isinstance(schema, Mapping):
        return {
            key: one.replace("#/$defs/", COMPONENTS) if key == "$ref" else _moved(one) for key, one in schema.items()
        }
    return [_moved(one) for one in schema] if isinstance(schema, list) else schema
