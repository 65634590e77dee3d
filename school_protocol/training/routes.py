"""Routes of the trainer: workshops, their walls, what is done with a room, and what workshops leave."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO

import segno
from flask import (
    Flask,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from school_protocol.context import AppContext
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.pdf.rendering import missing
from school_protocol.training import room_routes, scenario_library, seats, service, table_play, workshop_end
from school_protocol.training.findings import Debrief
from school_protocol.training.kit import Stands, ask, file_of, see
from school_protocol.training.models import WorkshopRow
from school_protocol.training.presenters import debrief_told, spread_told, subject_label
from school_protocol.training.room_app import PREFIX
from school_protocol.training.room_store import Room, RoomGone, Rooms, is_laptop, key_of, trainer_of
from school_protocol.training.scenario import FAST, REAL, STANDING
from school_protocol.training.scenario_library import Offered
from school_protocol.training.service import TABLES_MOST, Wanted
from school_protocol.training.workshop_end import Debriefed, see_afterwards
from school_protocol.training.workshop_pages import TrainerDebrief, trainer_debrief
from school_protocol.ui import sessions
from school_protocol.ui.fields import moment_typed
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

workshop_blueprint = Pages("workshops", __name__, asks=Permission.train, url_prefix="/workshops")
workshop_blueprint.entry(N_("Workshops"), 90)
workshop_blueprint.add_app_template_global(subject_label)

ROOMS = "rooms"
REFRESH = "10"
"""Seconds after which the wall comes again; not under the hands of a trainer who types there (`wall.js`)."""
UNDER_WAY = "3"
"""Seconds after which a page comes again that waits for the worker."""
OWN = "own."
"""What stands before a scenario that the trainer brought, where one is chosen; no name of a scenario holds a dot."""
PACES = {"stand": STANDING, "real": REAL, "fast": FAST}


def rooms() -> Rooms:
    """The rooms that this process has open."""
    found: Rooms = current_app.extensions[ROOMS]
    return found


def trainer() -> Actor | None:
    """Whoever leads; on a laptop that serves a room by itself, nobody's account."""
    return None if is_laptop(sessions.ctx()) else sessions.actor()


def own(workshop: str) -> WorkshopRow:
    """One's own workshop; raises Unseen for any other."""
    return service.own(sessions.ctx(), trainer(), workshop)


def room_of(workshop: str) -> Room:
    """The room of one's own workshop; raises Unseen where it is gone."""
    own(workshop)
    try:
        return rooms().room(workshop)
    except RoomGone:
        raise Unseen(workshop) from None


def stands(workshop: str) -> bool:
    """Whether the room is there: after a restore from a backup the list knows rooms that no backup holds."""
    try:
        rooms().room(workshop)
    except RoomGone:
        return False
    return True


# ---- the list, and a new one -------------------------------------------------------------------------------------


@workshop_blueprint.get("")
def index() -> ResponseReturnValue:
    """One's workshops, latest first."""
    view = workshop_end.see_workshops(sessions.ctx(), trainer())
    titles = scenario_library.titles(sessions.ctx(), trainer())
    return render_template("training/index.html", view=view, scenarios=titles)


@workshop_blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Choose a scenario, and how many tables."""
    problems: dict[str, tuple[str, ...]] = {}
    if request.method == "POST":
        try:
            made = _make()
        except BadInput as error:
            problems = error.problems
        else:
            return redirect(url_for("workshops.show", workshop=made.id))
    page = _new(problems)
    return (page, 422) if problems else page


def _new(problems: Mapping[str, tuple[str, ...]]) -> str:
    return render_template(
        "training/new.html",
        scenarios=scenario_library.shipped_scenarios(),
        own=scenario_library.offered(sessions.ctx(), trainer()),
        own_prefix=OWN,
        problems=problems,
        typed=request.form or request.args,
        most=TABLES_MOST,
        can_print=missing() is None,
    )


def _make() -> WorkshopRow:
    chosen = _chosen(request.form.get("scenario", "")[:80])
    typed = request.form.get("tables", "").strip()[:10]
    problems: dict[str, tuple[str, ...]] = {}
    if chosen is None:
        problems["scenario"] = ("missing",)
    if not typed.isdecimal() or not 1 <= int(typed) <= TABLES_MOST:
        problems["tables"] = ("out_of_range",)
    if problems or chosen is None:
        raise BadInput(problems)
    wanted = Wanted(int(typed), request.form.get("hints") == "1", wording().language)
    return service.found(
        sessions.ctx(), trainer(), chosen.data, chosen.protocol, chosen.content, wanted, form=room_routes.form_sent()
    )  # fmt: skip


def _chosen(typed: str) -> Offered | None:
    """A scenario that is shipped, by its name, or one of one's own."""
    try:
        if typed.startswith(OWN):
            return scenario_library.choose(sessions.ctx(), trainer(), typed.removeprefix(OWN))
        return scenario_library.offer_shipped(typed)
    except Unseen:
        return None


@workshop_blueprint.route("/kits/<scenario>", methods=["GET", "POST"])
def kit(scenario: str) -> ResponseReturnValue:
    """A scenario as one PDF, for a room without any network: asked for, or where it stands."""
    chosen, language = _offered(scenario), wording().language
    if request.method == "POST":
        ask(sessions.ctx(), chosen, language)
        sessions.ring()
        return redirect(url_for("workshops.kit", scenario=scenario), 303)
    stands = see(sessions.ctx(), chosen, language)
    page = render_template(
        "training/kit.html", scenario=chosen.scenario, chosen=scenario, stands=stands.value,
        can_print=missing() is None,
    )  # fmt: skip
    response = make_response(page)
    if stands is Stands.waiting:
        response.headers["Refresh"] = UNDER_WAY
        if is_laptop(sessions.ctx()):
            sessions.ring()
    return response


@workshop_blueprint.get("/kits/<scenario>/file")
def kit_file(scenario: str) -> ResponseReturnValue:
    """The PDF that was made."""
    chosen = _offered(scenario)
    data = file_of(sessions.ctx(), chosen, wording().language)
    name = f"{chosen.scenario.scenario}.pdf"
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=name)


def _offered(typed: str) -> Offered:
    """A scenario that a kit can be made of; raises Unseen."""
    chosen = _chosen(typed[:80])
    if chosen is None:
        raise Unseen(typed)
    return chosen


# ---- the wall ----------------------------------------------------------------------------------------------------


@workshop_blueprint.get("/<workshop>")
def show(workshop: str) -> ResponseReturnValue:
    """Every table, and what can be done; once it is purged, what is kept of it."""
    mine = own(workshop)
    if mine.purged_at is not None or not stands(workshop):
        has_debriefs = workshop_end.has_kept(sessions.ctx(), workshop)
        titles = scenario_library.titles(sessions.ctx(), trainer())
        return render_template(
            "training/kept.html", workshop=mine, has_debriefs=has_debriefs, title=titles.get(mine.scenario),
            can_print=missing() is None,
        )  # fmt: skip
    return _wall("training/wall.html", mine)


@workshop_blueprint.get("/<workshop>/projector")
def projector(workshop: str) -> ResponseReturnValue:
    """The wall for everybody's eyes: no button, no trap, no name of what is to come."""
    room_of(workshop)
    mine = own(workshop)
    response = make_response(_wall("training/projector.html", mine))
    if not mine.ended_at:
        response.headers["Refresh"] = REFRESH
    return response


def _wall(template: str, mine: WorkshopRow) -> ResponseReturnValue:
    room = room_of(mine.id)
    table_play.look(room)
    wall = seats.see_wall(room)
    known = {"address": _address(mine), "playable": seats.playable(room.protocol, room.scenario)}
    again = None if mine.ended_at or request.args.get("still") else REFRESH
    qr = _qr(mine) if not mine.ended_at else None
    return render_template(template, workshop=mine, wall=wall, qr=qr, again=again, **known)


def _address(workshop: WorkshopRow) -> str:
    """Where participants come in: the address that the settings say, else the one that was asked for."""
    base = sessions.ctx().settings.address.rstrip("/") or request.host_url.rstrip("/")
    return f"{base}{url_for('joining.by_link', code=workshop.code)}"


def _qr(workshop: WorkshopRow) -> Markup:
    drawn = segno.make(_address(workshop), error="m")
    title = wording()._("Join this workshop")
    return Markup(  # noqa: S704 - segno draws paths and escapes the title
        drawn.svg_inline(scale=4, border=2, title=title, svgclass="qr", lineclass=None, omitsize=True)
    )


# ---- what a trainer does -----------------------------------------------------------------------------------------


def _back(workshop: str) -> ResponseReturnValue:
    """To the wall, at the table that was acted on."""
    number = _table()
    return redirect(url_for("workshops.show", workshop=workshop, _anchor=f"t{number}" if number > 0 else None))


_SAID = {
    "turned_back": N_("The clock never turns back: choose a later moment."),
    "too_far": N_("That is more than a year on."),
    "ended": N_("This workshop has ended."),
    "too_long": N_("That message is too long: 600 characters at most."),
    "held": N_("Somebody at this table holds that role."),
    "taken": N_("You already sit there."),
}
_NOT_UNDERSTOOD = N_("That was not understood: nothing was changed.")


def _said(error: BadInput) -> None:
    codes = {code for found in error.problems.values() for code in found}
    known = (words for code, words in _SAID.items() if code in codes)
    flash(wording().gettext(next(known, _NOT_UNDERSTOOD)), "problem")


@workshop_blueprint.post("/<workshop>/clock")
def clock(workshop: str) -> ResponseReturnValue:
    """Let it stand or run, move on to what comes next, or to a moment."""
    room, wanted = room_of(workshop), request.form.get("do", "")
    try:
        if wanted in PACES:
            service.set_pace(room, PACES[wanted])
        elif wanted == "next":
            if service.to_next(room) is None:
                flash(wording()._("Nothing more comes by itself: the tables decide."), "message")
        else:
            service.turn_to(room, _moment(request.form.get("moment", "")[:40]))
    except BadInput as error:
        _said(error)
    return _back(workshop)


def _moment(typed: str) -> datetime:
    found = moment_typed(typed)
    if found is None:
        raise BadInput({"moment": ("not_a_moment",)})
    return found


@workshop_blueprint.post("/<workshop>/freeze")
def freeze(workshop: str) -> ResponseReturnValue:
    """Stop the room, or let it go on."""
    try:
        service.freeze(room_of(workshop), request.form.get("frozen") == "1")
    except BadInput as error:
        _said(error)
    return _back(workshop)


@workshop_blueprint.post("/<workshop>/go-on")
def go_on(workshop: str) -> ResponseReturnValue:
    """Wait for nobody who writes."""
    service.go_on(room_of(workshop))
    return _back(workshop)


@workshop_blueprint.post("/<workshop>/inject")
def inject(workshop: str) -> ResponseReturnValue:
    """Hold something back, let it come when it is called, or have it come now."""
    room, key, wanted = room_of(workshop), request.form.get("inject", "")[:80], request.form.get("do", "")
    try:
        if wanted == "now":
            service.let_in(room, _table(), key)
        else:
            service.hold(room, _table(), key, wanted == "hold")
    except BadInput as error:
        _said(error)
    return _back(workshop)


def _table() -> int:
    typed = request.form.get("table", "0")
    return int(typed) if typed.isdecimal() and len(typed) < 4 else -1


@workshop_blueprint.post("/<workshop>/say")
def say(workshop: str) -> ResponseReturnValue:
    """A message to a table, or to all."""
    try:
        service.say(room_of(workshop), _table(), request.form.get("text", "")[:5000])
    except BadInput as error:
        _said(error)
    else:
        flash(wording()._("The message was sent."), "ok")
    return _back(workshop)


@workshop_blueprint.post("/<workshop>/table")
def table(workshop: str) -> ResponseReturnValue:
    """Hints on or off at a table, its hand taken down."""
    room, wanted = room_of(workshop), request.form.get("do", "")
    if wanted == "hand":
        service.raise_hand(room, _table(), False)
    else:
        service.set_hints(room, _table(), wanted == "hints")
    return _back(workshop)


@workshop_blueprint.post("/<workshop>/phone")
def phone(workshop: str) -> ResponseReturnValue:
    """Sign a lost phone out."""
    seats.free_phone(room_of(workshop), request.form.get("seat", "")[:40])
    flash(wording()._("That phone is signed out. Its holder comes back with the seat’s number."), "ok")
    return _back(workshop)


@workshop_blueprint.post("/<workshop>/play")
def play(workshop: str) -> ResponseReturnValue:
    """Sit at a table in a role that nobody there holds."""
    room, role = room_of(workshop), request.form.get("role", "")[:80]
    w = wording()
    try:
        sat = seats.play(room, _table(), role, name=w._("Trainer"), language=w.language)
    except BadInput as error:
        _said(error)
        return _back(workshop)
    except RoomGone:
        raise Unseen(workshop) from None
    response = make_response(redirect(f"{request.script_root}{PREFIX}{workshop}/room"))
    room_routes.hand_over(response, workshop, sat.token)
    return response


@workshop_blueprint.post("/<workshop>/end")
def end(workshop: str) -> ResponseReturnValue:
    """The workshop is over; its debriefs are kept, without names."""
    room = room_of(workshop)
    if request.form.get("sure") == "1":
        workshop_end.end_workshop(sessions.ctx(), room)
    else:
        flash(wording()._("The workshop goes on: tick the box first."), "problem")
    return _back(workshop)


@workshop_blueprint.post("/<workshop>/purge")
def purge(workshop: str) -> ResponseReturnValue:
    """The room is destroyed, with all that was written in it."""
    own(workshop)
    if request.form.get("sure") != "1":
        flash(wording()._("Nothing was destroyed: tick the box first."), "problem")
        return _back(workshop)
    workshop_end.purge(sessions.ctx(), workshop)
    flash(wording()._("The room is destroyed. What is kept of it names nobody."), "ok")
    return redirect(url_for("workshops.index"))


# ---- debriefs: tables side by side, each by itself, step by step, and on paper -------------------------------------

debriefing_blueprint = Pages(
    "workshops", __name__, part="debriefing", asks=Permission.train, url_prefix="/workshops"
)  # fmt: skip


def _of(workshop: str, table: int | None = None) -> tuple[WorkshopRow, Debriefed]:
    """One's own workshop, and its debriefs, or that of one table: of its room, or what stays. Raises Unseen."""
    mine = own(workshop)
    if mine.purged_at is None and stands(workshop):
        return mine, workshop_end.of_room(room_of(workshop), table)
    return mine, workshop_end.of_kept(sessions.ctx(), workshop)


def _named(found: Debriefed) -> dict[str, Debrief]:
    return {room_routes.table_name(number): one for number, one in found.tables.items()}


@debriefing_blueprint.get("/<workshop>/debrief", endpoint="debrief")
def _debrief(workshop: str) -> ResponseReturnValue:
    """All tables side by side, then what went otherwise at each."""
    mine, found = _of(workshop)
    w = wording()
    lines = {number: debrief_told(one, w, found.names_at(int(number))) for number, one in found.tables.items()}
    return render_template(
        "training/debrief.html", workshop=mine, found=found, sections=spread_told(_named(found), w), tables=lines,
        empty=tuple(map(room_routes.table_name, found.empty)), can_print=bool(lines) and missing() is None,
    )  # fmt: skip


@debriefing_blueprint.get("/<workshop>/debrief/paper", endpoint="debrief_paper")
def _debrief_paper(workshop: str) -> ResponseReturnValue:
    mine, found = _of(workshop)
    if not found.tables:
        raise Unseen(workshop)
    view = TrainerDebrief(_named(found), found.as_of, mine.code, tuple(map(room_routes.table_name, found.empty)))
    data = trainer_debrief(view, wording())
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=f"debrief-{mine.code}.pdf")


@debriefing_blueprint.get("/<workshop>/debrief/<int:table>", endpoint="table_debrief")
def _table_debrief(workshop: str, table: int) -> ResponseReturnValue:
    """One table's line of time and what is to be said of it."""
    mine, found = _of(workshop, table)
    told = debrief_told(found.table(table), wording(), found.names_at(table))
    return render_template("training/table.html", workshop=mine, table=table, told=told, can_print=missing() is None)


@debriefing_blueprint.get("/<workshop>/debrief/<int:table>/paper", endpoint="table_paper")
def _table_paper(workshop: str, table: int) -> ResponseReturnValue:
    _mine, found = _of(workshop, table)
    return room_routes.debrief_pdf(found, table)


@debriefing_blueprint.get("/<workshop>/replay/<int:table>", endpoint="replay")
def _replay(workshop: str, table: int) -> ResponseReturnValue:
    """A table step by step, for everybody's eyes."""
    mine, found = _of(workshop, table)
    told = debrief_told(found.table(table), wording(), found.names_at(table))
    step = min(max(request.args.get("step", 1, type=int), 1), len(told.moments))
    return render_template("training/replay.html", workshop=mine, table=table, moments=told.moments, step=step)


# ---- what workshops leave for whoever writes a protocol ------------------------------------------------------------

afterwards_blueprint = Pages("protocols", __name__, part="afterwards", asks=Permission.publish, url_prefix="/protocols")


@afterwards_blueprint.get("/<key>/afterwards")
def afterwards(key: str) -> ResponseReturnValue:
    """Which duties fail most in workshops, and which needs real cases go on without; by tens."""
    view = see_afterwards(sessions.ctx(), sessions.actor(), key)
    return render_template("training/protocols_afterwards.html", view=view)


# ---- a trainer's laptop that serves a room by itself: workshops alone, a trainer known by the key on its screen ----

laptop_blueprint = Pages("laptop", __name__, asks=Permission.anyone, url_prefix="/trainer")

SERVED = ("workshops.", "joining.", "laptop.")
OPEN = frozenset({"static", "desk.language", "desk.leave", "desk.folds", "help.index"})
"""What is served besides: whatever is not named is absent, as no real realm is there."""


def furnish(app: Flask, ctx: AppContext) -> None:
    """Make this application a laptop's, before anything else is; any other installation is left as it is."""
    if is_laptop(ctx):
        app.extensions[sessions.RECOGNISE] = _by_key
        app.extensions[sessions.SCOPE] = lambda: "laptop-"


def init_app(app: Flask) -> None:
    app.jinja_env.globals["on_laptop"] = is_laptop(app.extensions["ctx"])


def serves(ctx: AppContext, endpoint: str) -> bool:
    """Whether an application over that installation has that page."""
    if not is_laptop(ctx):
        return not endpoint.startswith("laptop.")
    return endpoint in OPEN or endpoint.startswith(SERVED)


def _by_key() -> Actor | None:
    """Whoever holds the key that the screen of the laptop shows."""
    ctx = sessions.ctx()
    is_known = hmac.compare_digest(sessions.token_of_request().encode(), key_of(ctx).encode())
    return trainer_of(ctx) if is_known else None


@laptop_blueprint.get("/<key>")
def enter(key: str) -> ResponseReturnValue:
    """The link on the screen: whoever opens it is the trainer here."""
    ctx = sessions.ctx()
    if not is_laptop(ctx) or not hmac.compare_digest(key.encode(), key_of(ctx).encode()):
        raise Unseen("trainer")
    return sessions.begin(current_app.make_response(redirect(url_for("workshops.index"))), key)
