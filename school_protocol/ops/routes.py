"""Routes of operations: the go-live list, health and metrics for whoever watches the site, well-known addresses."""

from __future__ import annotations

import hmac
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, Response, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from school_protocol.cases.opening_gate import LACKS
from school_protocol.config import version
from school_protocol.context import AppContext
from school_protocol.engine.errors import BadInput
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.ops import going_live
from school_protocol.ops.doctor_work import lacks, standing
from school_protocol.people.teams import SENTENCE_MOST, TeamRefused
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

going_live_blueprint = Pages("going_live", __name__, asks=Permission.sign_go_live, url_prefix="/go-live")
going_live_blueprint.panel(
    "ops/banner.html", going_live.standing, "desk.top", "staff.top", order=0, endpoint="staff.index"
)

_OBSTACLES: Mapping[str, str] = {
    **LACKS,
    "signed_already": N_("This was signed already; nothing was recorded twice."),
    "not_signed": N_("This is not signed; nothing was taken back."),
}


@going_live_blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, what is missing, and all that was signed and taken back."""
    return _page()


@going_live_blueprint.post("/<item>/sign")
def sign(item: str) -> ResponseReturnValue:
    return _pressed(going_live.sign, item, wording()._("Signed, under your name. It stands in the log for good."))


@going_live_blueprint.post("/<item>/withdraw")
def withdraw(item: str) -> ResponseReturnValue:
    return _pressed(going_live.withdraw, item, wording()._("Taken back. Both entries stay in the log."))


def _pressed(
    change: Callable[[AppContext, Actor, str, str | None], None], item: str, words: str
) -> ResponseReturnValue:
    typed = request.form.get("reference", "")
    try:
        change(sessions.ctx(), sessions.actor(), item, typed)
    except BadInput as error:
        said = error.problems["reference"][0]
        return _page(item, said, typed[: SENTENCE_MOST * 2], taking=change is going_live.withdraw), 422
    except TeamRefused as error:
        for one in error.obstacles:
            flash(wording().gettext(_OBSTACLES[one.code]), "message")
    else:
        ui_forms.forget(sessions.actor().id)
        flash(words, "ok")
    return redirect(url_for("going_live.index", _anchor=item), 303)


def _page(item: str = "", problem: str = "", typed: str = "", *, taking: bool = False) -> str:
    view = going_live.see_list(sessions.ctx(), sessions.actor())
    more = {"item": item, "problem": problem, "typed": typed, "taking": taking, "lacks": LACKS}
    return render_template("ops/index.html", view=view, **more)


# ---- health and metrics: whether this process lives, whether it can serve, what was measured -----------------------
# Nothing here tells of a case or a person. What strangers tell a school is not counted: how often, and when, says
# enough.

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes of one site put what each measured; the library's own name for it."""
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_MEASURED, _BEGAN = "measured", "watch_began"
_log = logging.getLogger(__name__)
watch_blueprint = Pages("watch", __name__, asks=Permission.anyone)


@dataclass(frozen=True, slots=True)
class Measured:
    """What this process counted since it began, in a registry of its own."""

    registry: CollectorRegistry
    answers: Counter
    seconds: Histogram


def init_app(app: Flask) -> None:
    registry = CollectorRegistry()
    app.extensions[_MEASURED] = Measured(
        registry,
        Counter("school_protocol_answers", "Answers, by page and status.", ("page", "status"), registry=registry),
        Histogram(
            "school_protocol_answer_seconds", "How long an answer took.", ("page",), buckets=SECONDS, registry=registry
        ),
    )

    @app.before_request
    def begin() -> None:
        setattr(g, _BEGAN, time.perf_counter())

    @app.after_request
    def count(response: Response) -> Response:
        began, name = g.get(_BEGAN), request.endpoint or "none"
        if began is not None and not sessions.knows_nobody():
            _count(name, response.status_code, time.perf_counter() - began)
        return response


def _count(page: str, status: int, seconds: float) -> None:
    """What can't be counted is no reason to withhold an answer: what it tells of is done."""
    measured: Measured = current_app.extensions[_MEASURED]
    try:
        measured.answers.labels(page, f"{status // 100}xx").inc()
        measured.seconds.labels(page).observe(seconds)
    except OSError:
        _log.warning("an answer could not be counted", exc_info=True)


@watch_blueprint.get("/alive")
def alive() -> ResponseReturnValue:
    """This process answers; it asks nothing else."""
    return _watch_plain("alive")


@watch_blueprint.get("/ready")
def ready() -> ResponseReturnValue:
    """This process can serve: both stores answer, with the tables that it knows."""
    found = lacks(sessions.ctx())
    return _watch_plain("; ".join(found) or "ready", 503 if found else 200)


@watch_blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """What was measured, as Prometheus reads it, for whoever has the token of the settings."""
    ctx = sessions.ctx()
    said = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not ctx.settings.metrics or not hmac.compare_digest(said.encode(), ctx.settings.metrics.encode()):
        abort(404)
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        parts = [generate_latest(registry)]
    else:
        parts = [generate_latest(current_app.extensions[_MEASURED].registry)]
    parts.append(_stood(ctx))
    return Response(b"".join(parts), content_type=CONTENT_TYPE_LATEST)


def _watch_plain(said: str, status: int = 200) -> Response:
    return Response(said + "\n", status=status, content_type="text/plain; charset=utf-8")


def _stood(ctx: AppContext) -> bytes:
    """What waits, and how long ago what comes by itself was done, in seconds; nothing for what never was."""
    stands, registry = standing(ctx), CollectorRegistry()
    for name, what, value in (
        ("work_waiting", "Work of the worker that is due.", stands.waiting),
        ("work_overdue_seconds", "For how long the oldest of it waits.", stands.overdue or timedelta()),
        ("journal_checked_seconds", "How long ago the journal was checked.", stands.checked),
        ("journal_faults", "What the latest check found.", stands.faults),
        ("journal_anchored_seconds", "How long ago an anchor was taken.", stands.anchored),
    ):
        if value is not None:
            gauge = Gauge(f"school_protocol_{name}", what, registry=registry)
            gauge.set(value.total_seconds() if isinstance(value, timedelta) else value)
    Info("school_protocol", "Which version of the software this is.", registry=registry).info({"version": version()})
    return generate_latest(registry)


# ---- well-known addresses: whom to tell of a hole (RFC 9116), what search engines may read -------------------------

well_known_blueprint = Pages("well_known", __name__, asks=Permission.anyone)


@well_known_blueprint.get("/.well-known/security.txt")
def security() -> Response:
    """Whom to tell of a hole in this installation; absent without the settings, and from the day after the last."""
    ctx = sessions.ctx()
    settings = ctx.settings
    if settings.security_until is None or ctx.now().date() > settings.security_until:
        abort(404)
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {settings.security_until}T23:59:59Z",
        f"Preferred-Languages: {', '.join(settings.languages)}",
    ]
    if settings.address.startswith("https:"):
        lines.append(f"Canonical: {settings.address.rstrip('/')}{url_for('.security')}")
    return _well_known_plain(lines)


@well_known_blueprint.get("/robots.txt")
def robots() -> Response:
    """Figures that are published, and the address above; nothing else is for search engines."""
    open_to_all = (url_for("campaign.index"), url_for(".security"))
    return _well_known_plain(["User-agent: *", *(f"Allow: {path}" for path in open_to_all), "Disallow: /"])


def _well_known_plain(lines: list[str]) -> Response:
    return Response("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
