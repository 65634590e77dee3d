"""What a page shows of other packages: lines of menus, and panels, each registered with the routes it leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from flask import Flask, current_app, request

from school_protocol.domain.errors import SchoolProtocolError, Unseen
from school_protocol.web import sessions
from school_protocol.web.access import may
from school_protocol.web.routing import Entry, Panel, registered


class Line(NamedTuple):
    endpoint: str
    label: str
    current: str
    """What `aria-current` says of it on this page."""


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(menu=menu, panels=panels)


def menu(name: str) -> list[Line]:
    """The lines of a menu that lead somewhere for whoever reads, in their order."""
    found = [one for one in registered(current_app, Entry, name) if not (one.unless and may(one.unless))]
    own = {one.name for one in found}
    return [Line(one.name, one.label, _current(one, own)) for one in found if may(one.name) and _is_for(one)]


def _current(entry: Entry, own: set[str]) -> str:
    if request.endpoint == entry.name:
        return entry.current
    return "true" if request.blueprint in entry.within and request.endpoint not in own else ""


def _is_for(entry: Entry) -> bool:
    """Whether it is for whoever reads; no where the house can't say."""
    try:
        return entry.when is None or entry.when(sessions.house(), sessions.actor())
    except SchoolProtocolError:
        return False


def asked(slot: str) -> Mapping[str, Callable[..., object]]:
    """The panels of a place that whoever reads may follow, in their order: template → what is asked for it."""
    found = registered(current_app, Panel, slot)
    return {one.name: one.see for one in found if not one.endpoint or may(one.endpoint)}


def panels(slot: str, *about: object) -> list[tuple[str, object]]:
    """The same, each with what it shows; nothing of what is empty, or is not there for whoever reads."""
    found = []
    for template, see in asked(slot).items():
        try:
            shown = see(sessions.house(), sessions.actor(), *about)
        except Unseen:
            continue
        if shown:
            found.append((template, shown))
    return found
