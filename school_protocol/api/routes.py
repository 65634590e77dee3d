"""Routes of the API for an academy's own systems (read only, by token), and of the pages that administer its tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from flask import Flask, Request, Response, flash, g, redirect, render_template, request, url_for
from flask.sessions import SecureCookieSession
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from school_protocol.api import openapi, service, tokens
from school_protocol.api.openapi import ProblemDetails
from school_protocol.api.service import Bearer
from school_protocol.api.tokens import known_by
from school_protocol.auth.service import TooManyTries
from school_protocol.case_files.record import bare_schema
from school_protocol.cases.index_repository import Filter, IndexRow
from school_protocol.context import AppContext, today_for
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Actor, Permission, Unit
from school_protocol.language import Wording
from school_protocol.people.forms import TeamForm, spec_of, team_form
from school_protocol.people.routes import record_form, say_done
from school_protocol.people.teams import Obstacle, TeamRefused
from school_protocol.statistics import rules as statistics_rules
from school_protocol.statistics.presenters import figure_rows, figures_csv
from school_protocol.storage.case_numbers import check_number
from school_protocol.ui import sessions
from school_protocol.ui.fields import Day, Line, Offered, OneOf, Posted, Question, Several
from school_protocol.ui.middleware import again_in
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import TOKEN_RIGHTS, Pages, Right

# ---- problem details (RFC 9457), in the language that is asked for -------------------------------------------------
# No cookie is read.

PREFIX = "/api/"
KIND = "application/problem+json"
URN = "urn:school-protocol:problem:"


@dataclass
class Problem(Exception):
    """An answer that is a problem (RFC 9457). `code` ends its type; `parameter`: what of the address is meant."""

    status: int
    code: str
    parameter: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


TITLES: Mapping[str, str] = {
    "unknown-token": N_("This token is not known, or is good no longer."),
    "right-lacking": N_("This token is good for other readings, not for this one."),
    "not-understood": N_("This request is not understood."),
    "unknown-parameter": N_("This parameter is not known here."),
    "bad-parameter": N_("The value of this parameter is not understood."),
    "not-found": N_("There is nothing here that this token may read."),
    "only-read": N_("Here things are only read."),
    "too-often": N_("This token has read too often: come back later."),
    "too-large": N_("This request is too large."),
    "busy": N_("The server is busy: come back in a moment."),
    "broken": N_("Something is out of order here."),
}
_OF_STATUS: Mapping[int, str] = {
    400: "not-understood", 404: "not-found", 405: "only-read", 413: "too-large", 429: "too-often", 503: "busy",
}  # fmt: skip


def is_asked() -> bool:
    """Whether whoever asks is a program: pages are for people."""
    return request.path.startswith(PREFIX)


def language(ctx: AppContext) -> str:
    """The language that a request asks for (`ar-MA` is Arabic), else the installation's own."""
    wanted = (said.partition("-")[0].lower() for said, weight in request.accept_languages if weight > 0)
    return next((one for one in wanted if one in ctx.settings.languages), ctx.settings.default_language)


def of_status(ctx: AppContext, status: int) -> Response:
    """The problem that any error of that status is."""
    known = status if status in _OF_STATUS or status >= 500 else 400
    return answer(ctx, Problem(status, _OF_STATUS.get(known, "broken")))


def answer(ctx: AppContext, problem: Problem) -> Response:
    """The problem as it is sent."""
    spoken = language(ctx)
    said = ProblemDetails(
        type=URN + problem.code,
        title=Wording(spoken).gettext(TITLES[problem.code]),
        status=problem.status,
        parameter=problem.parameter or None,
    )
    response = Response(said.model_dump_json(), problem.status, content_type=KIND)
    response.headers.update(problem.headers)
    return spoken_in(response, spoken)


def spoken_in(response: Response, spoken: str) -> Response:
    """Say in which language an answer is, and that it depends on what was asked for."""
    response.content_language.add(spoken)
    response.vary.add("Accept-Language")
    response.vary.add("Authorization")
    return response


# ---- admission by token --------------------------------------------------------------------------------------------
# Asked of the Authorization header alone, before anything is read, and written down.

SCHEME = "bearer"
REALM = 'Bearer realm="school-protocol"'
SUBJECT_MOST = 40


def admit(endpoint: str) -> None:
    """Before a request by token; raises Problem."""
    right = TOKEN_RIGHTS[endpoint]
    setattr(g, sessions.KNOWN_BY, known_by(sessions.ctx(), _secret()))
    try:
        g.bearer = service.admit(sessions.ctx(), _secret(), right, endpoint, _subject())
    except service.UnknownToken:
        error = ', error="invalid_token"' if "Authorization" in request.headers else ""
        raise Problem(401, "unknown-token", headers={"WWW-Authenticate": REALM + error}) from None
    except service.RightLacking:
        lacking = f'{REALM}, error="insufficient_scope", scope="{right.value}"'
        raise Problem(403, "right-lacking", headers={"WWW-Authenticate": lacking}) from None
    except TooManyTries as error:
        raise Problem(429, "too-often", headers=again_in(error.seconds)) from None


def bearer() -> Bearer:
    """Whose token this request came with. For routes behind the guard, which lets nobody else through."""
    return cast(Bearer, g.bearer)


def _secret() -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == SCHEME else ""


def _subject() -> str:
    """The case or the release that is meant, as far as it can be one."""
    said = next(iter((request.view_args or {}).values()), "")
    number = check_number(said)
    return number or (said if said.isascii() and said.isalnum() and len(said) <= SUBJECT_MOST else "")


api_blueprint = Pages("api", __name__, asks=Permission.token, url_prefix="/api/v1")

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
        return None if request.path.startswith(PREFIX) else super().open_session(app, request)


def init_app(app: Flask) -> None:
    app.session_interface = _Visits()
    app.register_error_handler(Problem, lambda problem: answer(sessions.ctx(), problem))


# ---- cases -----------------------------------------------------------------------------------------------------------


@api_blueprint.route("/cases", **_READ, right=Right.cases)
def cases() -> Response:
    """The cases of the token's place by their number, narrowed down as the address says."""
    asked = _Asked(
        "after", "limit", "protocol", "school", "stage", "state", "level", "ended", "moved_since", "changed_since",
        "due_before",
    )  # fmt: skip
    ctx, spoken = sessions.ctx(), language(sessions.ctx())
    narrowed = Filter(
        protocol=asked.text("protocol") or None,
        stage=asked.text("stage") or None,
        state=asked.text("state") or None,
        level=asked.whole("level", 0, 99),
        ended=asked.truth("ended"),
        moved_from=asked.moment("moved_since"),
        changed_from=asked.moment("changed_since"),
        due_before=asked.moment("due_before"),
    )
    found = service.read_cases(
        ctx, bearer(), narrowed, school=asked.text("school"), limit=asked.limit(), after=asked.number("after")
    )
    w = Wording(spoken)
    lines = [
        _listed(w, row, found.changed[row.case_id], found.units[row.unit], found.protocols[row.protocol, row.version])
        for row in found.rows
    ]
    return _paged(openapi.Cases(cases=lines, after=found.after or None), spoken, found.after)


def _listed(w: Wording, row: IndexRow, changed: datetime, unit: Unit, protocol: Protocol) -> openapi.ListedCase:
    grid = next(iter(protocol.grids.values()), None)
    level = grid.levels.get(row.level or 0) if grid else None
    stage, state = protocol.stages[row.stage], protocol.states[row.state]
    return openapi.ListedCase(
        number=row.number,
        protocol=openapi.ProtocolVersion(protocol=row.protocol, version=row.version),
        school=_place(w, unit),
        stage=openapi.Titled(key=stage.key, words=w.text(stage.title)),
        state=openapi.Titled(key=state.key, words=w.text(state.title)),
        level=openapi.Titled(key=level.key, words=w.text(level.title)) if level else None,
        ended=row.ended,
        opened_at=row.opened_at,
        moved_at=row.moved_at,
        changed_at=changed,
        next_due=_next_due(w, row, protocol),
    )


def _next_due(w: Wording, row: IndexRow, protocol: Protocol) -> openapi.NextDue | None:
    key, at = row.next_due_key, row.next_due_at
    if key is None or at is None:
        return None
    found = protocol.deadlines.get(key) or protocol.acts.get(key)
    return openapi.NextDue(key=key, words=w.text(found.title) if found else key, at=at)


@api_blueprint.route("/cases/<case>", **_READ, right=Right.cases)
def case(case: str) -> Response:
    """The record of one case, by its published JSON Schema."""
    _Asked()
    spoken = language(sessions.ctx())
    record = service.read_record(sessions.ctx(), bearer(), case, spoken)
    response = _json(record, spoken)
    response.headers["Link"] = f'<{url_for("api.record_schema")}>; rel="describedby"; type="{SCHEMA}"'
    return response


@api_blueprint.route("/definitions/<digest>", **_READ, right=Right.cases)
def definition(digest: str) -> Response:
    """The definition that a record or a release names by its digest: the file, as it was published."""
    _Asked()
    return Response(service.read_definition(sessions.ctx(), digest), content_type=YAML)


# ---- figures ---------------------------------------------------------------------------------------------------------


@api_blueprint.route("/figures", **_READ, right=Right.figures)
def releases() -> Response:
    """The releases of figures that tell of the token's place, newest first."""
    asked = _Asked("after", "limit")
    spoken = language(sessions.ctx())
    try:
        found, after = service.read_releases(sessions.ctx(), bearer(), limit=asked.limit(), after=asked.text("after"))
    except Unseen:
        raise Problem(400, "bad-parameter", "after") from None
    w = Wording(spoken)
    answer = openapi.Releases(releases=[_release(w, one) for one in found], after=after or None)
    return _paged(answer, spoken, after)


@api_blueprint.route("/figures/<release>", **_READ, right=Right.figures)
def release(release: str) -> Response:
    """One release: every figure of the token's place, or of one below it (`unit`: its code)."""
    asked = _Asked("unit")
    spoken = language(sessions.ctx())
    told = service.read_figures(sessions.ctx(), bearer(), release, asked.text("unit"))
    w = Wording(spoken)
    rows = [openapi.FigureRow.model_validate(row) for row in figure_rows(told, w)]
    unit = _place(w, told.unit.unit)
    return _said(openapi.Figures(release=_release(w, told.line), unit=unit, rows=rows), spoken)


@api_blueprint.route("/figures/<release>/rows.csv", **_READ, right=Right.figures)
def release_csv(release: str) -> Response:
    """The same figures as CSV."""
    asked = _Asked("unit")
    spoken = language(sessions.ctx())
    told = service.read_figures(sessions.ctx(), bearer(), release, asked.text("unit"))
    response = Response(figures_csv(told, Wording(spoken)), content_type=CSV)
    response.headers["Content-Disposition"] = "attachment; filename=figures.csv"
    return spoken_in(response, spoken)


def _release(w: Wording, one: statistics_rules.ReleaseLine) -> openapi.Release:
    return openapi.Release(
        id=one.id,
        protocol=openapi.ProtocolVersion(protocol=one.protocol, version=one.version),
        definition=one.definition,
        unit=_place(w, one.unit),
        number=one.number,
        year=one.year,
        quarter=one.period.quarter or None,
        months=list(one.months),
        counted_at=one.counted_at,
        issued_at=one.issued_at,
        former=one.former or None,
        is_latest=one.is_latest,
    )


def _place(w: Wording, unit: Unit) -> openapi.Place:
    return openapi.Place(code=unit.code, name=w.text(unit.names))


# ---- what it is ------------------------------------------------------------------------------------------------------


@api_blueprint.route("/openapi.json", **_READ, asks=Permission.anyone)
def description() -> Response:
    """What this API is, in OpenAPI 3.1; for anyone."""
    _Asked()
    return Response(openapi.written(), content_type=JSON)


@api_blueprint.route("/schema/case-record.json", **_READ, asks=Permission.anyone)
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
    return spoken_in(Response(data, content_type=JSON), spoken)


def _paged(answer: BaseModel, spoken: str, after: str) -> Response:
    """With the address of the next page, where there is one."""
    response = _said(answer, spoken)
    if after:
        assert request.endpoint is not None
        following = urlencode({**request.args.to_dict(), "after": after})
        response.headers["Link"] = f'<{url_for(request.endpoint)}?{following}>; rel="next"'
    return response


# ---- what is said of tokens, in the reader's language --------------------------------------------------------------

_STANDINGS: Mapping[str, tuple[str, str]] = {
    "asked": (N_("Waits for somebody to agree"), "soon"),
    "agreed": (N_("Agreed: waits to be drawn"), "soon"),
    "lapsed": (N_("Nobody went on within a week"), "later"),
    "good": (N_("In service"), "ok"),
    "over": (N_("Good no longer"), "later"),
    "ended": (N_("Token ended"), "later"),
}
_RIGHTS: Mapping[str, str] = {
    "cases:read": N_("Cases under signs: where each stands, and its record without names or anybody’s words"),
    "figures:read": N_("Figures that were issued"),
}
_STEPS: Mapping[str, str] = {
    "token_asked": N_("Asked for"),
    "token_agreed": N_("Agreed to"),
    "token_drawn": N_("Token drawn"),
    "token_ended": N_("Token ended"),
}
_READINGS: Mapping[str, str] = {
    "api.cases": N_("the list of cases"),
    "api.case": N_("a case"),
    "api.definition": N_("a protocol’s definition"),
    "api.releases": N_("the list of figures"),
    "api.release": N_("figures"),
    "api.release_csv": N_("figures"),
}
_OBSTACLES: Mapping[str, str] = {
    "two_people": N_("Somebody else must agree: whoever asked doesn’t."),
    "one_hand": N_(
        "One of you two made the other’s account or way in within 30 days: somebody else must agree, so that it is "
        "two people’s act."
    ),
    "token_asked": N_("Nobody has agreed to it yet."),
    "token_agreed": N_("It was agreed to already."),
    "token_drawn": N_(
        "The token was drawn already, and is shown once only. If it is lost, end it and ask for another."
    ),
    "token_ended": N_("This token has ended already."),
    "token_over": N_("Its last day is over: ask for another one."),
    "token_lapsed": N_("Nobody went on with it within a week: end it, and ask for another one."),
}


def standing(w: Wording, standing: str) -> tuple[str, str]:
    """Where a token stands, and the tone of that."""
    words, tone = _STANDINGS[standing]
    return w.gettext(words), tone


def right_said(w: Wording, right: str) -> str:
    """What a token may read."""
    return w.gettext(_RIGHTS[right])


def step(w: Wording, kind: str) -> str:
    """What was done about a token."""
    return w.gettext(_STEPS[kind])


def read_said(w: Wording, what: str) -> str:
    """What was read by a token."""
    return w.gettext(_READINGS[what])


def obstacle(w: Wording, one: Obstacle) -> str:
    """Why that can't be done now, as one sentence."""
    return w.gettext(_OBSTACLES[one.code])


USUAL = timedelta(days=180)


def token_form(w: Wording, posted: Posted | None, units: Sequence[Unit], today: date) -> TeamForm:
    """What other system, of which place, what it reads, until when, what for."""
    rights = [Offered(right.value, right_said(w, right.value)) for right in Right]
    questions: dict[str, Question] = {
        "name": Line(
            w._("Which system?"), spec=spec_of("name"), w=w,
            hint=w._("As those who read this page call it. Name nobody."),
        ),
        "unit": _place_asked(w, units),
        "rights": Several(w._("What may it read?"), options=rights, spec=spec_of("rights", "choices"), w=w),
        "ends": Day(
            w._("Until which day?"), spec=spec_of("ends", "date"), w=w,
            hint=w._("A year ahead at most: then it is asked for anew."),
        ),
        "purpose": Line(
            w._("What for?"), spec=spec_of("purpose"), w=w,
            hint=w._(
                "One sentence, 200 characters at most, for whoever agrees. Say nothing of a case: it is kept for good."
            ),
        ),
    }  # fmt: skip
    only = {"unit": units[0].code} if len(units) == 1 else {}
    return team_form(questions, posted, {"ends": (today + USUAL).isoformat(), **only})


def _place_asked(w: Wording, units: Sequence[Unit]) -> Question:
    if not units:
        hint = w._("The code of the province or of the region.")
        return Line(w._("Of which place?"), spec=spec_of("unit", "school"), w=w, hint=hint)
    options = [Offered(unit.code, unit.code, name=unit.name(w.language)) for unit in units]
    return OneOf(w._("Of which place?"), options=options, spec=spec_of("unit", "choice"), w=w)


# ---- pages of tokens: asked for, agreed to, drawn and ended --------------------------------------------------------

system_blueprint = Pages("systems", __name__, asks=Permission.see_systems, url_prefix="/systems")
system_blueprint.panel("api/of_account.html", lambda _ctx, _actor: True, "account.more", endpoint="systems.index")

CURSOR_MOST = 40


@system_blueprint.get("")
def index() -> ResponseReturnValue:
    """The tokens of one's places: those that are good or waited for, or those that are over."""
    after = request.args.get("after", "")
    if len(after) > CURSOR_MOST:
        raise Unseen("systems")
    are_over = request.args.get("show") == "over"
    view = tokens.see_tokens(sessions.ctx(), sessions.actor(), are_over=are_over, after=after)
    return render_template("api/index.html", view=view, **_words())


@system_blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Ask for a token; refused, the form is shown again as it was typed, with every reason."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    if not tokens.keeper_of(ctx, actor).administers:
        raise Unseen("systems")
    units, today = tokens.places_for(ctx, actor), today_for(ctx)

    def done(asked: tokens.Done) -> ResponseReturnValue:
        say_done(w._("It is asked for. Now somebody who oversees this place must agree."), repeated=asked.repeated)
        return redirect(url_for("systems.system", system=asked.token), 303)

    return record_form(
        lambda posted: token_form(w, posted, units, today),
        lambda form, answers: tokens.ask_token(ctx, actor, **answers, token=form.sent_token()),
        lambda form, **more: render_template("api/new.html", form=form, **more),
        done,
        explain=obstacle,
    )


@system_blueprint.get("/<system>")
def system(system: str) -> ResponseReturnValue:
    """One token: what it reads, who made it, what was read by it lately."""
    view = tokens.see_token(sessions.ctx(), sessions.actor(), system)
    return render_template("api/system.html", view=view, **_words())


@system_blueprint.post("/<system>/agree")
def agree(system: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(tokens.agree, system, w._("You have agreed. Whoever asked can draw the token now."))


@system_blueprint.post("/<system>/draw")
def draw(system: str) -> ResponseReturnValue:
    """Show the token, this once."""
    try:
        secret = tokens.draw_token(sessions.ctx(), sessions.actor(), system)
    except TeamRefused as error:
        return _refused(error, system)
    view = tokens.see_token(sessions.ctx(), sessions.actor(), system)
    site = (sessions.ctx().settings.address or request.host_url).rstrip("/")
    address = site + url_for("api.description")
    return render_template("api/drawn.html", view=view, secret=secret, address=address)


@system_blueprint.post("/<system>/end")
def end(system: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(tokens.end_token, system, w._("The token has ended: nothing is read by it any more."))


def _pressed(change: Callable[[AppContext, Actor, str], None], system: str, words: str) -> ResponseReturnValue:
    try:
        change(sessions.ctx(), sessions.actor(), system)
    except TeamRefused as error:
        return _refused(error, system)
    flash(words, "ok")
    return redirect(url_for("systems.system", system=system), 303)


def _refused(error: TeamRefused, system: str) -> ResponseReturnValue:
    for one in error.obstacles:
        flash(obstacle(wording(), one), "message")
    return redirect(url_for("systems.system", system=system), 303)


def _words() -> dict[str, Any]:
    w = wording()
    return {
        "status_label": partial(standing, w),
        "right_said": partial(right_said, w),
        "step_label": partial(step, w),
        "read_said": partial(read_said, w),
    }
