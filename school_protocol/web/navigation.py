"""What a page shows of other packages: lines of the menu, and panels, each registered with the routes it leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, current_app, request

from school_protocol.domain.errors import Unseen
from school_protocol.web import sessions
from school_protocol.web.access import may
from school_protocol.web.routing import MENU, Entry, shown_at


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(menu=menu, panels=panels)


def menu() -> list[tuple[Entry, str]]:
    """The lines that lead somewhere for whoever reads, each with what `aria-current` says of it on this page."""
    found = [one for one in shown_at(current_app, MENU) if not (one.unless and may(one.unless))]
    own = {one.endpoint for one in found}
    return [(one, _current(one, own)) for one in found if may(one.endpoint)]


def _current(entry: Entry, own: set[str]) -> str:
    if request.endpoint == entry.endpoint:
        return entry.current
    return "true" if request.blueprint in entry.within and request.endpoint not in own else ""


def asked(place: str) -> Mapping[str, Callable[..., object]]:
    """The panels of a place that whoever reads may follow, in their order: template → what is asked for it."""
    found = shown_at(current_app, place)
    return {one.template: one.see for one in found if not one.endpoint or may(one.endpoint)}


def panels(place: str, *about: object) -> list[tuple[str, object]]:
    """The same, each with what it shows; nothing of what is empty, or is not there for whoever reads."""
    found = []
    for template, see in asked(place).items():
        try:
            shown = see(sessions.house(), sessions.actor(), *about)
        except Unseen:
            continue
        if shown:
            found.append((template, shown))
    return found
