"""A school's addresses for reports: made, renewed, ended, and printed on a poster and a leaflet."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import segno
from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from school_protocol.documents.papers.poster import Size
from school_protocol.documents.rendering import DocumentsUnavailable
from school_protocol.domain.policy import Permission
from school_protocol.services.handed_out import Handout
from school_protocol.services.signalement import doors, material
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("signalements", __name__, part="addresses", asks=Permission.keep_doors, url_prefix="/signalements")
PATH = "/s/"
UNIT_MOST = 64


def base_address() -> str:
    """What stands before the code of a door: the address that the settings say, else the one that was asked for."""
    base = sessions.house().settings.address.rstrip("/") or request.host_url.rstrip("/")
    return f"{base}{request.script_root}{PATH}"


def _school() -> str | None:
    typed = request.form if request.method == "POST" else request.args
    return typed.get("school", "")[:UNIT_MOST] or None


@blueprint.get("/addresses")
def addresses() -> ResponseReturnValue:
    """The addresses of one school, what is printed of them, and how they are renewed."""
    view = doors.see_doors(sessions.house(), sessions.actor(), _school())
    return render_template(
        "signalement/addresses.html",
        view=view,
        base=base_address(),
        picture=_picture,
        sizes=tuple(Size),
        printable=material.see_printable(sessions.house(), view.unit),
    )


def _picture(code: str) -> Markup:
    drawn = segno.make(f"{base_address()}{code}", error="q", micro=False)
    title = wording()._("Picture of this address, for a phone’s camera")
    return Markup(  # noqa: S704 - segno draws paths and escapes the title
        drawn.svg_inline(scale=4, border=4, dark="#000", light="#fff", title=title, svgclass="qr", lineclass=None)
    )


@blueprint.post("/addresses")
def renew() -> ResponseReturnValue:
    """A new address; the one that stood leads nowhere from now on."""
    school, kind = _school() or "", request.form.get("kind", "")[:8]
    former = request.form.get("former", "")[:20]
    doors.renew(sessions.house(), sessions.actor(), school, kind, former=former)
    w = wording()
    flash(
        w._("The address is renewed: print the poster anew, and take the old ones down.")
        if former
        else w._("The address is made: print the poster."),
        "ok",
    )
    return redirect(url_for("signalements.addresses", school=school), 303)


@blueprint.post("/addresses/end")
def end() -> ResponseReturnValue:
    """The address leads nowhere any more, and none takes its place."""
    school = _school() or ""
    doors.close(sessions.house(), sessions.actor(), school, request.form.get("code", "")[:20])
    flash(wording()._("The address is ended: whoever opens it is told whom to call."), "ok")
    return redirect(url_for("signalements.addresses", school=school), 303)


@blueprint.get("/addresses/<kind>/poster")
def poster(kind: str) -> ResponseReturnValue:
    language, size = request.args.get("language") or wording().language, request.args.get("size", Size.a4.value)
    return handed_out(
        lambda: material.see_poster(
            sessions.house(), sessions.actor(), _school() or "", kind, size, language, base_address()
        ),
        url_for("signalements.addresses", school=_school()),
    )


@blueprint.get("/addresses/<kind>/leaflet")
def leaflet(kind: str) -> ResponseReturnValue:
    language = request.args.get("language") or wording().language
    return handed_out(
        lambda: material.see_leaflet(
            sessions.house(), sessions.actor(), _school() or "", kind, language, base_address()
        ),
        url_for("signalements.addresses", school=_school()),
    )


def handed_out(make: Callable[[], Handout], otherwise: str) -> ResponseReturnValue:
    """A PDF; the page it was asked for on, where none can be made here."""
    try:
        made = make()
    except DocumentsUnavailable:
        return redirect(otherwise, 303)
    return send_file(BytesIO(made.data), "application/pdf", as_attachment=True, download_name=made.name)
