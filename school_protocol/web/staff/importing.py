"""Lists brought in: the file, its preview line by line, the confirmation, what became of it, slips for invitations."""

from __future__ import annotations

import re

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.policy import Permission
from school_protocol.services.identity.invitations import Slip
from school_protocol.services.staff import importing, lists, said, slips
from school_protocol.services.staff.lists import Unreadable
from school_protocol.services.staff.reach import admin_of
from school_protocol.services.teams.changing import Obstacle, TeamRefused
from school_protocol.storage.staff_imports import Verdict
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("staff", __name__, part="importing", asks=Permission.administer, url_prefix="/people")

CSV = "text/csv; charset=utf-8"


@blueprint.route("/lists", endpoint="lists", methods=["GET", "POST"], is_long=True)
def bring() -> ResponseReturnValue:
    admin_of(sessions.house(), sessions.actor())
    if request.method != "POST":
        return _bring_page()
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _bring_page(wording()._("Choose a file first.")), 422
    try:
        batch = importing.bring(sessions.house(), sessions.actor(), sent.stream.read(lists.LARGEST + 1), sent.filename)
    except Unreadable as error:
        return _bring_page(said.unreadable(wording(), error)), 422
    sessions.ring()
    return redirect(url_for("staff.preview", batch=batch.id), 303)


def _bring_page(problem: str = "") -> str:
    lately = importing.see_imports(sessions.house(), sessions.actor())
    return render_template(
        "staff/lists.html", problem=problem, lately=lately, headings=lists.HEADINGS, fields=lists.FIELDS,
        most=lists.LINES_MOST, mebibytes=lists.LARGEST // 1024 // 1024,
    )  # fmt: skip


@blueprint.get("/lists/<batch>")
def preview(batch: str) -> ResponseReturnValue:
    return _preview_page(batch)


def _preview_page(batch: str, obstacles: tuple[Obstacle, ...] = ()) -> str:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    after = request.args.get("after", "0")
    view = importing.see_import(
        house, actor, batch, verdict=request.args.get("verdict", "")[:12],
        after=int(after) if re.fullmatch(r"[0-9]{1,7}", after) else 0,
    )  # fmt: skip
    roles = admin_of(house, actor).roles
    return render_template(
        "staff/preview.html", view=view, verdicts=[(one.value, said.verdict(w, one)) for one in Verdict],
        verdict_said=lambda one: said.verdict(w, one), line_said=lambda one: said.line(w, roles, one),
        line_named=lambda one: said.named(w, one), line_cells=said.cells,
        obstacles=[said.obstacle(w, one) for one in obstacles], fault=said.fault(w, view.batch.fault),
    )  # fmt: skip


@blueprint.post("/lists/<batch>/confirm")
def confirm(batch: str) -> ResponseReturnValue:
    """Apply what the page showed, by its digest."""
    try:
        found = importing.confirm(sessions.house(), sessions.actor(), batch, request.form.get("digest", "")[:64])
    except TeamRefused as error:
        return _preview_page(batch, error.obstacles), 409
    if found.state.value == "applied":
        flash(wording()._("The list was applied, exactly as it was shown."), "ok")
    sessions.ring()
    return redirect(url_for("staff.preview", batch=batch), 303)


@blueprint.post("/lists/<batch>/withdraw")
def withdraw(batch: str) -> ResponseReturnValue:
    try:
        importing.withdraw(sessions.house(), sessions.actor(), batch)
    except TeamRefused as error:
        return _preview_page(batch, error.obstacles), 409
    flash(wording()._("The list was put away. Nothing was changed."), "ok")
    return redirect(url_for("staff.lists"), 303)


@blueprint.get("/lists/<batch>/lines")
def lines(batch: str) -> ResponseReturnValue:
    """Every line, or those of one verdict, with what becomes of each, for a spreadsheet."""
    house, actor, w = sessions.house(), sessions.actor(), wording()
    roles = admin_of(house, actor).roles
    head = [w._("Line"), w._("What becomes of it")]
    verdict = request.args.get("verdict", "")[:12]
    found = importing.results(house, actor, batch, lambda one: said.as_text(w, roles, one), head, verdict=verdict)
    name = {"Content-Disposition": 'attachment; filename="list.csv"'}
    return Response(found, content_type=CSV, headers=name)


# ---- slips ---------------------------------------------------------------------------------------------------------


@blueprint.post("/lists/<batch>/slips", endpoint="slips")
def slips_of_list(batch: str) -> ResponseReturnValue:
    """A sheet of invitations for those whom a list made and who have no way in yet: each sheet replaces the last."""
    found = slips.of_list(sessions.house(), sessions.actor(), batch)
    if not found:
        flash(wording()._("Everybody on this list has signed in already, or can’t be invited by you."), "message")
        return redirect(url_for("staff.preview", batch=batch), 303)
    return _sheet(found, url_for("staff.preview", batch=batch))


@blueprint.post("/slips", endpoint="unit_slips")
def slips_of_unit() -> ResponseReturnValue:
    """The same for everybody of a unit."""
    unit = request.form.get("unit", "")[:40]
    found = slips.of_unit(sessions.house(), sessions.actor(), unit)
    back = url_for("staff.index", unit=unit)
    if not found:
        flash(wording()._("Everybody here has signed in already, or can’t be invited by you."), "message")
        return redirect(back, 303)
    return _sheet(found, back)


def _sheet(found: tuple[Slip, ...], back: str) -> str:
    return render_template("staff/slips.html", slips=found, back=back)
