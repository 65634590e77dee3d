"""The API for an academy's own systems: read only, by token, under signs; described by its own OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, Request, Response, request, url_for
from flask.sessions import SecureCookieSession
from pydantic import BaseModel

from school_protocol.documents.record import bare_schema
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Permission, Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.services.api import figures, reading
from school_protocol.services.api.reading import Wanted
from school_protocol.storage.api.tokens import Right
from school_protocol.storage.index import IndexRow
from school_protocol.web import sessions
from school_protocol.web.api import models, openapi, problems
from school_protocol.web.api.admission import bearer
from school_protocol.web.api.problems import Problem
from school_protocol.web.routing import Pages
from school_protocol.wording import Wording

blueprint = Pages("api", __name__, asks=Permission.token, url_prefix="/api/v1")

PAGE, PAGE_MOST = 50, 200
_READ: Mapping[str, Any] = {"methods": ["GET", "OPTIONS"], "provide_automatic_options": True}
"""How every address is asked; what OPTIONS answers, routing says by itself."""
JSON, SCHEMA, CSV, YAML = "application/json", "application/schema+json", "text/csv; charset=utf-8", "application/yaml"
_Value = TypeVar("_Value")
_PLAIN, _NUMBER = re.compile(r"[A-Za-z0-9_.~-]{1,80}"), re.compile(r"[0-9]{13}")
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""No case is older or newer: what lies beyond is as far as these."""


class _Visits(sessions.Visits):
    """Cookies of visits, for pages alone: those who read by token are sent none, and none of theirs is opened."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if request.path.startswith(problems.PREFIX) else super().open_session(app, request)


def init_app(app: Flask) -> None:
    app.session_interface = _Visits()
    app.register_error_handler(Problem, lambda problem: problems.answer(sessions.house(), problem))


# ---- cases -----------------------------------------------------------------------------------------------------------


@blueprint.route("/cases", **_READ, right=Right.cases)
def cases() -> Response:
    """The cases of the token's place by their number, narrowed down as the address says."""
    asked = _Asked(
        "after", "limit", "protocol", "school", "stage", "state", "level", "ended", "moved_since", "changed_since",
        "due_before",
    )  # fmt: skip
    house, spoken = sessions.house(), problems.language(sessions.house())
    wanted = Wanted(
        protocol=asked.text("protocol"),
        school=asked.text("school"),
        stage=asked.text("stage"),
        state=asked.text("state"),
        level=asked.whole("level", 0, 99),
        ended=asked.truth("ended"),
        moved_since=asked.moment("moved_since"),
        changed_since=asked.moment("changed_since"),
        due_before=asked.moment("due_before"),
    )
    found = reading.read_cases(house, bearer(), wanted, limit=asked.limit(), after=asked.number("after"))
    w = Wording(spoken)
    lines = [
        _listed(w, row, found.changed[row.case_id], found.units[row.unit], found.protocols[row.protocol, row.version])
        for row in found.rows
    ]
    return _paged(models.Cases(cases=lines, after=found.after or None), spoken, found.after)


def _listed(w: Wording, row: IndexRow, changed: datetime, unit: Unit, protocol: Protocol) -> models.ListedCase:
    grid = next(iter(protocol.grids.values()), None)
    level = grid.levels.get(row.level or 0) if grid else None
    stage, state = protocol.stages[row.stage], protocol.states[row.state]
    return models.ListedCase(
        number=row.number,
        protocol=models.ProtocolVersion(protocol=row.protocol, version=row.version),
        school=_place(w, unit),
        stage=models.Titled(key=stage.key, words=w.text(stage.title)),
        state=models.Titled(key=state.key, words=w.text(state.title)),
        level=models.Titled(key=level.key, words=w.text(level.title)) if level else None,
        ended=row.ended,
        opened_at=row.opened_at,
        moved_at=row.moved_at,
        changed_at=changed,
        next_due=_next_due(w, row, protocol),
    )


def _next_due(w: Wording, row: IndexRow, protocol: Protocol) -> models.NextDue | None:
    key, at = row.next_due_key, row.next_due_at
    if key is None or at is None:
        return None
    found = protocol.deadlines.get(key) or protocol.acts.get(key)
    return models.NextDue(key=key, words=w.text(found.title) if found else key, at=at)


@blueprint.route("/cases/<case>", **_READ, right=Right.cases)
def case(case: str) -> Response:
    """The record of one case, by its published JSON Schema."""
    _Asked()
    spoken = problems.language(sessions.house())
    record = reading.read_record(sessions.house(), bearer(), case, spoken)
    response = _json(record, spoken)
    response.headers["Link"] = f'<{url_for("api.record_schema")}>; rel="describedby"; type="{SCHEMA}"'
    return response


@blueprint.route("/definitions/<digest>", **_READ, right=Right.cases)
def definition(digest: str) -> Response:
    """The definition that a record or a release names by its digest: the file, as it was published."""
    _Asked()
    return Response(reading.read_definition(sessions.house(), digest), content_type=YAML)


# ---- figures ---------------------------------------------------------------------------------------------------------


@blueprint.route("/figures", **_READ, right=Right.figures)
def releases() -> Response:
    """The releases of figures that tell of the token's place, newest first."""
    asked = _Asked("after", "limit")
    spoken = problems.language(sessions.house())
    try:
        found, after = figures.read_releases(sessions.house(), bearer(), limit=asked.limit(), after=asked.text("after"))
    except Unseen:
        raise Problem(400, "bad-parameter", "after") from None
    w = Wording(spoken)
    answer = models.Releases(releases=[_release(w, one) for one in found], after=after or None)
    return _paged(answer, spoken, after)


@blueprint.route("/figures/<release>", **_READ, right=Right.figures)
def release(release: str) -> Response:
    """One release: every figure of the token's place, or of one below it (`unit`: its code)."""
    asked = _Asked("unit")
    spoken = problems.language(sessions.house())
    told = figures.read_figures(sessions.house(), bearer(), release, asked.text("unit"))
    w = Wording(spoken)
    rows = [models.FigureRow.model_validate(row) for row in figures.rows_of(told, w)]
    unit = _place(w, told.unit.unit)
    return _said(models.Figures(release=_release(w, told.line), unit=unit, rows=rows), spoken)


@blueprint.route("/figures/<release>/rows.csv", **_READ, right=Right.figures)
def release_csv(release: str) -> Response:
    """The same figures as CSV."""
    asked = _Asked("unit")
    spoken = problems.language(sessions.house())
    told = figures.read_figures(sessions.house(), bearer(), release, asked.text("unit"))
    response = Response(figures.csv_of(told, Wording(spoken)), content_type=CSV)
    response.headers["Content-Disposition"] = "attachment; filename=figures.csv"
    return problems.spoken_in(response, spoken)


def _release(w: Wording, one: figures.ReleaseLine) -> models.Release:
    return models.Release(
        id=one.id,
        protocol=models.ProtocolVersion(protocol=one.protocol, version=one.version),
        definition=one.definition,
        unit=_place(w, one.unit),
        number=one.number,
        year=one.year,
        months=list(one.months),
        counted_at=one.counted_at,
        issued_at=one.issued_at,
        former=one.former or None,
        is_latest=one.is_latest,
    )


def _place(w: Wording, unit: Unit) -> models.Place:
    return models.Place(code=unit.code, name=w.text(unit.names))


# ---- what it is ------------------------------------------------------------------------------------------------------


@blueprint.route("/openapi.json", **_READ, asks=Permission.anyone)
def description() -> Response:
    """What this API is, in OpenAPI 3.1; for anyone."""
    _Asked()
    return Response(openapi.written(), content_type=JSON)


@blueprint.route("/schema/case-record.json", **_READ, asks=Permission.anyone)
def record_schema() -> Response:
    """The JSON Schema of a case's record; for anyone."""
    _Asked()
    return Response(json.dumps(bare_schema(), ensure_ascii=False), content_type=SCHEMA)


# ---- what is asked ---------------------------------------------------------------------------------------------------


class _Asked:
    """The parameters of an address: those that are known, each once; anything else is a problem, never passed over."""

    def __init__(self, *known: str) -> None:
        for name, values in request.args.lists():
            if name not in known:
                raise Problem(400, "unknown-parameter", name[:80])
            if len(values) > 1:
                raise Problem(400, "bad-parameter", name)

    def limit(self) -> int:
        found = self.whole("limit", 1, PAGE_MOST)
        return PAGE if found is None else found

    def text(self, name: str) -> str:
        return self._read(name, lambda said: said if _PLAIN.fullmatch(said) else None) or ""

    def number(self, name: str) -> str:
        return self._read(name, lambda said: said if _NUMBER.fullmatch(said) else None) or ""

    def whole(self, name: str, least: int, most: int) -> int | None:
        def read(said: str) -> int | None:
            found = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None
            return found if found is not None and least <= found <= most else None

        return self._read(name, read)

    def truth(self, name: str) -> bool | None:
        return self._read(name, {"true": True, "false": False}.get)

    def moment(self, name: str) -> datetime | None:
        """RFC 3339, with its offset: `2026-09-01T00:00:00Z`."""
        return self._read(name, _moment)

    def _read(self, name: str, read: Callable[[str], _Value | None]) -> _Value | None:
        said = request.args.get(name)
        if said is None:
            return None
        found = read(said)
        if found is None:
            raise Problem(400, "bad-parameter", name)
        return found


def _moment(said: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(said.upper())
    except ValueError:
        return None
    if found.utcoffset() is None:
        return None
    return found if _FIRST.year <= found.year < _LAST.year else _FIRST if found.year < _FIRST.year else _LAST


# ---- what is answered ------------------------------------------------------------------------------------------------


def _said(answer: BaseModel, spoken: str) -> Response:
    return _json(answer.model_dump_json().encode(), spoken)


def _json(data: bytes, spoken: str) -> Response:
    return problems.spoken_in(Response(data, content_type=JSON), spoken)


def _paged(answer: BaseModel, spoken: str, after: str) -> Response:
    """With the address of the next page, where there is one."""
    response = _said(answer, spoken)
    if after:
        assert request.endpoint is not None
        following = urlencode({**request.args.to_dict(), "after": after})
        response.headers["Link"] = f'<{url_for(request.endpoint)}?{following}>; rel="next"'
    return response
