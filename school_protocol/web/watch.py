"""For whoever watches the site: whether this process lives, whether it can serve, and what was measured.

Nothing here tells of a case or a person. What strangers tell a school is not counted: how often, and when, says enough.
"""

from __future__ import annotations

import hmac
import logging
import os
import time
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from school_protocol.config import version
from school_protocol.domain.policy import Permission
from school_protocol.services.house import House
from school_protocol.services.standing import lacks, standing
from school_protocol.web import sessions
from school_protocol.web.routing import Pages

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes of one site put what each measured; the library's own name for it."""
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_MEASURED, _BEGAN = "measured", "watch_began"
_log = logging.getLogger(__name__)
blueprint = Pages("watch", __name__, asks=Permission.anyone)


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


@blueprint.get("/alive")
def alive() -> ResponseReturnValue:
    """This process answers; it asks nothing else."""
    return _plain("alive")


@blueprint.get("/ready")
def ready() -> ResponseReturnValue:
    """This process can serve: both stores answer, with the tables that it knows."""
    found = lacks(sessions.house())
    return _plain("; ".join(found) or "ready", 503 if found else 200)


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """What was measured, as Prometheus reads it, for whoever has the token of the settings."""
    house = sessions.house()
    said = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not house.settings.metrics or not hmac.compare_digest(said.encode(), house.settings.metrics.encode()):
        abort(404)
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        parts = [generate_latest(registry)]
    else:
        parts = [generate_latest(current_app.extensions[_MEASURED].registry)]
    parts.append(_stood(house))
    return Response(b"".join(parts), content_type=CONTENT_TYPE_LATEST)


def _plain(said: str, status: int = 200) -> Response:
    return Response(said + "\n", status=status, content_type="text/plain; charset=utf-8")


def _stood(house: House) -> bytes:
    """What waits, and how long ago what comes by itself was done, in seconds; nothing for what never was."""
    stands, registry = standing(house), CollectorRegistry()
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
