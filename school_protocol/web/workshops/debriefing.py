"""The debriefs of a workshop: tables side by side, each by itself, step by step, and on paper."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, abort, render_template, request, send_file
from flask.typing import ResponseReturnValue

from school_protocol.documents.rendering import missing
from school_protocol.domain.findings import Debrief
from school_protocol.services.workshops import debriefs, ending
from school_protocol.services.workshops.rooms import Room
from school_protocol.storage.workshops.listed import Workshop
from school_protocol.web.rendering import wording

TABLE_MOST = 999


def add_to(blueprint: Blueprint) -> None:
    """The trainer's pages of debriefs, with those of the workshop."""
    blueprint.add_url_rule("/<workshop>/debrief", "debrief", _debrief)
    blueprint.add_url_rule("/<workshop>/debrief/paper", "debrief_paper", _debrief_paper)
    blueprint.add_url_rule("/<workshop>/debrief/<int:table>", "table_debrief", _table_debrief)
    blueprint.add_url_rule("/<workshop>/debrief/<int:table>/paper", "table_paper", _table_paper)
    blueprint.add_url_rule("/<workshop>/replay/<int:table>", "replay", _replay)


def _of(workshop: str) -> tuple[Workshop, Room]:
    from school_protocol.web import workshops

    return workshops.own(workshop), workshops.room_of(workshop)


def _named(found: dict[str, Debrief]) -> dict[str, Debrief]:
    w = wording()
    return {w._("Table %(number)s", number=number): one for number, one in found.items()}


def _debrief(workshop: str) -> ResponseReturnValue:
    """All tables side by side, then what went otherwise at each."""
    mine, room = _of(workshop)
    found = ending.debriefs_of(room)
    language = wording().language
    spread = debriefs.side_by_side(_named(found), language)
    lines = {number: debriefs.shown(one, language, ending.names_at(room, int(number))) for number, one in found.items()}
    return render_template(
        "workshops/debrief.html", workshop=mine, scenario=room.scenario, spread=spread, tables=lines,
        words=ending.feedback_of(room), can_print=missing() is None,
    )  # fmt: skip


def _debrief_paper(workshop: str) -> ResponseReturnValue:
    mine, room = _of(workshop)
    data = debriefs.trainer_paper(_named(ending.debriefs_of(room)), mine.code, wording().language, room.house.now())
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=f"debrief-{mine.code}.pdf")


def _found(room: Room, table: int) -> Debrief:
    if not 1 <= table <= TABLE_MOST:
        abort(404)
    try:
        return ending.debrief_of(room, table)
    except KeyError:
        abort(404)


def _table_debrief(workshop: str, table: int) -> ResponseReturnValue:
    """One table's line of time and what is to be said of it."""
    mine, room = _of(workshop)
    told = debriefs.shown(_found(room, table), wording().language, ending.names_at(room, table))
    return render_template("workshops/table.html", workshop=mine, table=table, told=told, can_print=missing() is None)


def _table_paper(workshop: str, table: int) -> ResponseReturnValue:
    _mine, room = _of(workshop)
    return paper_of(room, table)


def paper_of(room: Room, table: int) -> ResponseReturnValue:
    """A table's debrief as PDF."""
    title = wording()._("Table %(number)s", number=table)
    found, names = _found(room, table), ending.names_at(room, table)
    data = debriefs.table_paper(found, title, wording().language, room.house.now(), names)
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=f"debrief-table-{table}.pdf")


def _replay(workshop: str, table: int) -> ResponseReturnValue:
    """A table step by step, for everybody's eyes."""
    mine, room = _of(workshop)
    told = debriefs.shown(_found(room, table), wording().language, ending.names_at(room, table))
    step = request.args.get("step", 1, type=int)
    frame = debriefs.frame(told, min(max(step, 1), max(len(told.moments), 1)))
    return render_template("workshops/replay.html", workshop=mine, table=table, told=told, frame=frame)
