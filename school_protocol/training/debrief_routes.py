"""The debriefs of a workshop: tables side by side, each by itself, step by step, and on paper."""

from __future__ import annotations

from io import BytesIO

from flask import render_template, request, send_file
from flask.typing import ResponseReturnValue

from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Permission
from school_protocol.pdf.rendering import missing
from school_protocol.training import routes, workshop_end
from school_protocol.training.findings import Debrief
from school_protocol.training.presenters import debrief_told, spread_told
from school_protocol.training.repository import Workshop
from school_protocol.training.room_store import Room
from school_protocol.training.workshop_end import Debriefed
from school_protocol.training.workshop_pages import TableDebrief, TrainerDebrief, table_debrief, trainer_debrief
from school_protocol.ui import sessions
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

blueprint = Pages("workshops", __name__, part="debriefing", asks=Permission.train, url_prefix="/workshops")


def _of(workshop: str, table: int | None = None) -> tuple[Workshop, Debriefed]:
    """One's own workshop, and its debriefs, or that of one table: of its room, or what stays. Raises Unseen."""
    mine = routes.own(workshop)
    if mine.purged_at is None and routes.stands(workshop):
        return mine, workshop_end.of_room(routes.room_of(workshop), table)
    return mine, workshop_end.of_kept(sessions.house(), workshop)


def _named(found: Debriefed) -> dict[str, Debrief]:
    return {_name(number): one for number, one in found.tables.items()}


def _name(number: int | str) -> str:
    return wording()._("Table %(number)s", number=number)


@blueprint.get("/<workshop>/debrief", endpoint="debrief")
def _debrief(workshop: str) -> ResponseReturnValue:
    """All tables side by side, then what went otherwise at each."""
    mine, found = _of(workshop)
    w = wording()
    lines = {number: debrief_told(one, w, found.names_at(int(number))) for number, one in found.tables.items()}
    return render_template(
        "workshops/debrief.html", workshop=mine, found=found, sections=spread_told(_named(found), w), tables=lines,
        empty=tuple(map(_name, found.empty)), can_print=bool(lines) and missing() is None,
    )  # fmt: skip


@blueprint.get("/<workshop>/debrief/paper", endpoint="debrief_paper")
def _debrief_paper(workshop: str) -> ResponseReturnValue:
    mine, found = _of(workshop)
    if not found.tables:
        raise Unseen(workshop)
    view = TrainerDebrief(_named(found), found.as_of, mine.code, tuple(map(_name, found.empty)))
    data = trainer_debrief(view, wording())
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=f"debrief-{mine.code}.pdf")


@blueprint.get("/<workshop>/debrief/<int:table>", endpoint="table_debrief")
def _table_debrief(workshop: str, table: int) -> ResponseReturnValue:
    """One table's line of time and what is to be said of it."""
    mine, found = _of(workshop, table)
    told = debrief_told(found.table(table), wording(), found.names_at(table))
    return render_template("workshops/table.html", workshop=mine, table=table, told=told, can_print=missing() is None)


@blueprint.get("/<workshop>/debrief/<int:table>/paper", endpoint="table_paper")
def _table_paper(workshop: str, table: int) -> ResponseReturnValue:
    _mine, found = _of(workshop, table)
    return _paper(found, table)


def paper_of(room: Room, table: int) -> ResponseReturnValue:
    """A table's debrief as PDF."""
    return _paper(workshop_end.of_room(room, table), table)


def _paper(found: Debriefed, table: int) -> ResponseReturnValue:
    view = TableDebrief(_name(table), found.table(table), found.as_of, found.names_at(table))
    data = table_debrief(view, wording())
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=f"debrief-table-{table}.pdf")


@blueprint.get("/<workshop>/replay/<int:table>", endpoint="replay")
def _replay(workshop: str, table: int) -> ResponseReturnValue:
    """A table step by step, for everybody's eyes."""
    mine, found = _of(workshop, table)
    told = debrief_told(found.table(table), wording(), found.names_at(table))
    step = min(max(request.args.get("step", 1, type=int), 1), len(told.moments))
    return render_template("workshops/replay.html", workshop=mine, table=table, moments=told.moments, step=step)
