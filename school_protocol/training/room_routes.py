"""Routes of a workshop's room: the way in by code, one's table, what came to it; what a room lets pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import cast

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from school_protocol.auth.service import TooManyTries
from school_protocol.engine.errors import BadInput
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.pdf.rendering import missing
from school_protocol.training import room_app, seats, service, table_play, workshop_end
from school_protocol.training.models import SeatRow
from school_protocol.training.presenters import debrief_told
from school_protocol.training.room_app import PREFIX
from school_protocol.training.room_repository import Glance, State
from school_protocol.training.room_store import Room, RoomGone
from school_protocol.training.seats import Sat
from school_protocol.training.workshop_end import Debriefed
from school_protocol.training.workshop_pages import TableDebrief, table_debrief
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import rendering, sessions
from school_protocol.ui.middleware import again_in, way_back
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

joining_blueprint = Pages("joining", __name__, asks=Permission.anyone, url_prefix="/join")


@joining_blueprint.get("")
def index() -> ResponseReturnValue:
    """Where the code is typed."""
    return render_template("training/join.html", code="", why="", seconds=0)


@joining_blueprint.post("")
def find() -> ResponseReturnValue:
    """To the workshop of the code that was typed."""
    return _to(request.form.get("code", "")[:60])


@joining_blueprint.get("/<code>")
def by_link(code: str) -> ResponseReturnValue:
    """The same, of the code in a QR."""
    return _to(code[:60])


def _to(code: str) -> ResponseReturnValue:
    try:
        found = service.find_joinable(sessions.ctx(), code, address=request.remote_addr or "")
    except TooManyTries as error:
        page = render_template("training/join.html", code=code, why="wait", seconds=error.seconds)
        return page, 429, again_in(error.seconds)
    if found.workshop is None:
        return render_template("training/join.html", code=code, why=found.why, seconds=0), 422
    return redirect(f"{request.script_root}{PREFIX}{found.workshop.id}/room/enter")


# ---- inside: coming in, one's table, and what a room lets pass -----------------------------------------------------

room_blueprint = Pages("room", __name__, asks=Permission.signed_in, url_prefix="/room")

OPEN = frozenset(
    {
        "static", "desk.index", "desk.search", "desk.forget_draft", "desk.folds", "desk.leave", "desk.language",
        "reports.new", "reports.danger", "reports.receipt", "reports.raise_danger", "reports.act",
        "cases.show", "cases.part", "cases.word", "cases.chronology", "cases.entry", "cases.undo", "cases.act",
        "cases.danger", "cases.first_minutes", "cases.case_file", "cases.letters", "cases.letter", "cases.remarks",
        "cases.remark", "cases.move",
        "cases.review_sheet", "cases.settle_remark", "cases.copies", "cases.revoke", "cases.evidence",
        "cases.evidence_file", "cases.open_file", "cases.evidence_mistake", "cases.removal", "cases.sight",
        "cases.readings", "cases.names", "cases.end_opened", "cases.door", "cases.emergency",
        "review.index", "review.conformance", "review.observe", "review.send", "review.end", "review.refuse",
        "help.index", "help.role", "help.topic", "help.drawing", "help.wall", "help.form", "help.forms", "words.index",
    }
)  # fmt: skip
"""Endpoints of the product that a room serves. Whatever is not named is absent there."""
COME_IN = "room.enter"
WHILE_OUT = frozenset({"static", "desk.leave", "desk.language", "help.index", "desk.folds"})
"""What whoever has no seat may ask for."""
FORMS = frozenset({"reports.new", "reports.danger", "cases.act", "cases.move", "cases.danger", "cases.letter"})
"""Pages that somebody writes on: the fast clock stands while one is open."""
HINTS_ALONE = frozenset({"review.conformance", "cases.case_file"})
"""Pages that say what is missing: shut to a table without hints, until the workshop has ended."""
NO_WRITING = frozenset({"desk.language", "desk.leave", "desk.folds"})
"""Sent without anything of a case being written: not stopped by a room that is frozen."""


def scope_of(workshop: str) -> str:
    """What the cookies of a room are called after."""
    return f"workshop-{workshop}-"


def hand_over(response: Response, workshop: str, token: str) -> None:
    """Give a browser that is at the host's page a seat in a room."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    name = f"{'__Host-' if secure else ''}{scope_of(workshop)}session"
    response.set_cookie(name, token, secure=secure, httponly=True, samesite="Lax", path="/")


def furnish(app: Flask) -> None:
    """Make the application of rooms what it is, before anything else is; the product itself is left as it is."""
    if not is_of_rooms(app):
        return
    app.extensions[sessions.RECOGNISE] = actor
    app.extensions[sessions.ADMIT] = guard
    app.extensions[sessions.SCOPE] = lambda: scope_of(room_app.room_asked().id)

    @app.before_request
    def enter() -> None:
        g.room = room_app.room_asked()
        g.ctx = g.room.ctx


def init_app(app: Flask) -> None:
    """What pages of a room show besides, and what is looked at after something was sent there."""
    app.jinja_env.globals.update(room_here=lambda: None, hints_shown=rendering.are_shown)
    if not is_of_rooms(app):
        return
    app.jinja_env.globals["room_here"] = here
    app.extensions[rendering.HINTS] = _hinted

    @app.after_request
    def look(response: Response) -> Response:
        if request.method == "POST" and request.endpoint in OPEN - NO_WRITING:
            afterwards(seat(), response.status_code)
        return response


def _hinted() -> bool:
    """Whether the table of whoever asks has hints; whoever has no seat is told nothing anyway."""
    return here().hints


def serves(app: Flask, endpoint: str) -> bool:
    """Whether a room's application, or the product's own, has that page."""
    is_for_rooms = endpoint.startswith("room.")
    return endpoint in OPEN or is_for_rooms if is_of_rooms(app) else not is_for_rooms


def is_of_rooms(app: Flask) -> bool:
    """Whether this application serves rooms; else it is the product itself."""
    return isinstance(app, room_app.TrainingApp)


def room() -> Room:
    """The room of this request; of a page, at one moment of its clock."""
    return cast(Room, g.room)


def seen() -> Glance:
    """Where the room stands for whoever asks, read once a request; a page is made at that moment of its clock."""
    if "seen" not in g:
        own = room_app.room_asked()
        found = seats.glance(own, sessions.token_of_request())
        if request.method == "GET":
            own = own.at(found.state.clock.at(own.real.now()))
        g.seen, g.room, g.ctx = found, own, own.ctx
    glance: Glance = g.seen
    return glance


def _see_again() -> None:
    """Something was written since: what was seen is no more."""
    g.pop("seen", None)


def seat() -> SeatRow | None:
    """The seat of whoever asks."""
    return seen().seat


def actor() -> Actor | None:
    """Whoever sits there, as one who acts in the workshop."""
    found = seat()
    return seats.actor_of(room(), found) if found is not None else None


def guard() -> ResponseReturnValue | None:
    """What is not for a room is absent; who has no seat is asked to sit; a frozen room records nothing."""
    endpoint = request.endpoint or ""
    if endpoint in WHILE_OUT or endpoint in ENTRY:
        return None
    found = seat()
    if found is None:
        return redirect(url_for(COME_IN))
    if request.method == "GET":
        _watch(found, endpoint)
        return _without_hints(found) if endpoint in HINTS_ALONE else None
    if endpoint in HINTS_ALONE and (shut := _without_hints(found)) is not None:
        return shut
    state = seen().state
    if endpoint not in NO_WRITING and not endpoint.startswith("room."):
        if state.state is State.ended:
            return render_template("training/room_over.html"), 409
        if state.clock.frozen or state.state is State.waiting:
            waits = ui_forms.keep() is not None
            return render_template(
                "training/room_frozen.html", waiting=state.state is State.waiting, back=way_back() if waits else None
            ), 409
    return None


def _watch(found: SeatRow, endpoint: str) -> None:
    """A page is asked for: its form is written on, or is one no more; and what came meanwhile is looked at."""
    opens, before = endpoint in FORMS, seen()
    if opens:
        service.writes(room(), found, request.path)
    elif endpoint not in NO_WRITING:
        service.wrote(room(), found)
    looks = table_play.is_due(before, room().real.now())
    if looks:
        table_play.look(room())
    if looks or opens or found.writing is not None:
        _see_again()


def _without_hints(found: SeatRow) -> ResponseReturnValue | None:
    """Such a page is shut, in words; nothing where it is open."""
    if found.is_trainer or _hinted() or room().state().state is State.ended:
        return None
    return render_template("training/room_no_hints.html"), 403


def afterwards(found: SeatRow | None, status: int) -> None:
    """Something was sent: the table is looked at, and whoever wrote writes no more."""
    if found is None:
        return
    table_play.touched(room(), found.table, found if status < 400 else None)


# ---- what each page shows of it ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Here:
    """The band on each page of a room: where one sits, what time it is there, and whether it runs."""

    seat: SeatRow | None
    table: int
    moment: datetime
    stands: str
    """Why the clock stands: `waiting`, `frozen`, `paused`, `writing`, `ended`; empty while it runs."""
    pace: int
    hints: bool
    fresh: int
    """Things that came and stand on the table's page."""


def here() -> Here:
    """For templates: the band of this page."""
    if "here" not in g:
        g.here = _here(room())
    band: Here = g.here
    return band


def _here(found: Room) -> Here:
    now = seen()
    mine, state = now.seat, now.state
    stands = seats.why_it_stands(state, found.real.now())
    fresh, hinted = seats.band_of(found, now)
    return Here(mine, mine.table if mine is not None else 0, room().ctx.now(), stands, state.clock.pace, hinted, fresh)


# ---- coming in ---------------------------------------------------------------------------------------------------

ENTRY = frozenset({"room.enter", "room.sit", "room.back"})


@room_blueprint.get("/enter", asks=Permission.anyone)
def enter() -> ResponseReturnValue:
    """Choose a table, a name and roles."""
    if seat() is not None:
        return redirect(url_for("room.table"))
    return _entry({})


@room_blueprint.post("/enter", asks=Permission.anyone)
def sit() -> ResponseReturnValue:
    """Sit down: the phone keeps the seat."""
    if seat() is not None:
        return redirect(url_for("room.table"))
    typed = _typed()
    try:
        sat = seats.join(
            room(), typed.table, typed.name, typed.roles, language=wording().language, form=form_sent()
        )  # fmt: skip
    except BadInput as error:
        return _entry(error.problems), 422
    except RoomGone:
        return render_template("training/room_over.html"), 410
    return _seated(sat)


@room_blueprint.post("/back", asks=Permission.anyone)
def back() -> ResponseReturnValue:
    """Take one's seat again, with another phone."""
    typed = _typed()
    try:
        sat = seats.come_back(room(), typed.table, typed.name, request.form.get("pin", "")[:40])
    except BadInput as error:
        return _entry(error.problems, coming_back=True), 422
    return _seated(sat)


def form_sent() -> str:
    """What this form of this browser alone carries: pressed twice, it is one seat, or one workshop."""
    token = request.form.get("token", "")[:200]
    return f"{token}|{session.get('csrf_token', '')}" if token else ""


def _seated(sat: Sat) -> ResponseReturnValue:
    response = current_app.make_response(redirect(url_for("room.table")))
    return sessions.begin(response, sat.token)


@dataclass(frozen=True, slots=True)
class _Typed:
    table: int
    name: str
    roles: tuple[str, ...]


def _typed() -> _Typed:
    table = request.form.get("table", "")
    return _Typed(
        int(table) if table.isdecimal() and len(table) < 4 else 0,
        request.form.get("name", "")[:200],
        tuple(request.form.getlist("roles")[:40]),
    )


def _entry(problems: dict[str, tuple[str, ...]], *, coming_back: bool = False) -> str:
    view = seats.see_entry(room())
    return render_template(
        "training/room_enter.html", view=view, problems=problems, typed=_typed(), coming_back=coming_back
    )


# ---- the table ---------------------------------------------------------------------------------------------------


def _mine() -> SeatRow:
    found = seat()
    if found is None:
        abort(404)
    return found


@room_blueprint.get("")
def table() -> ResponseReturnValue:
    """One's table: what came to it, one's card, who sits here."""
    view = seats.see_table(room(), seen(), _mine())
    response = current_app.make_response(render_template("training/room_table.html", view=view))
    if view.state.state is not State.ended:  # then something is written there, and nothing comes any more
        response.headers["Refresh"] = "20"
    return response


@room_blueprint.route("/seat", methods=["GET", "POST"])
def change() -> ResponseReturnValue:
    """Sit elsewhere, or in other roles."""
    mine, problems = _mine(), {}
    if request.method == "POST":
        typed = _typed()
        try:
            seats.change_seat(room(), mine, typed.table, typed.roles)
        except BadInput as error:
            problems = error.problems
        except RoomGone:
            return render_template("training/room_over.html"), 409
        else:
            flash(wording()._("Your seat was changed."), "ok")
            return redirect(url_for("room.table"))
    view = seats.see_entry(room())
    page = render_template("training/room_seat.html", view=view, seat=mine, problems=problems)
    return (page, 422) if problems else page


@room_blueprint.post("/leave")
def leave() -> ResponseReturnValue:
    """Stand up."""
    seats.leave(room(), _mine())
    return sessions.end(current_app.make_response(redirect(url_for(COME_IN))))


@room_blueprint.post("/hand")
def hand() -> ResponseReturnValue:
    """Ask for the trainer, or no longer."""
    service.raise_hand(room(), _mine().table, request.form.get("raised") == "1")
    return redirect(url_for("room.table"))


@room_blueprint.post("/feedback")
def feedback() -> ResponseReturnValue:
    """Say something of the workshop; nobody learns who said it."""
    _mine()
    try:
        service.feed_back(room(), request.form.get("text", "")[:5000])
    except BadInput:
        flash(wording()._("Write a few words, at most 600 characters."), "message")
    else:
        flash(wording()._("Thank you. Nobody learns who wrote this."), "ok")
    return redirect(url_for("room.table"))


@room_blueprint.get("/debrief")
def debrief() -> ResponseReturnValue:
    """One's own table's debrief, once the workshop has ended."""
    mine = _ended()
    found, names = workshop_end.debrief_of(room(), mine.table), workshop_end.names_at(room(), mine.table)
    told = debrief_told(found, wording(), names)
    return render_template("training/room_debrief.html", table=mine.table, told=told, can_print=missing() is None)


@room_blueprint.get("/debrief/paper")
def debrief_paper() -> ResponseReturnValue:
    """The same, on paper."""
    table = _ended().table
    return debrief_pdf(workshop_end.of_room(room(), table), table)


def _ended() -> SeatRow:
    """Whoever asks for a debrief: before the end there is none."""
    mine = _mine()
    if room().state().state is not State.ended:
        abort(404)
    return mine


def table_name(number: int | str) -> str:
    return wording()._("Table %(number)s", number=number)


def debrief_pdf(found: Debriefed, table: int) -> ResponseReturnValue:
    view = TableDebrief(table_name(table), found.table(table), found.as_of, found.names_at(table))
    data = table_debrief(view, wording())
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=f"debrief-table-{table}.pdf")
