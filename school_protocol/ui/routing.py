"""Routes that say what they ask of a person, read by the guard before each request; menu lines and panels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from flask import Blueprint, Flask, current_app, request
from flask.sansio.app import App
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import RouteCallable

from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Permission
from school_protocol.ui import sessions


class Right(StrEnum):
    """What a token may read."""

    cases = "cases:read"
    figures = "figures:read"


# ---- routes and the guard ------------------------------------------------------------------------------------------

PERMISSIONS: dict[str, Permission] = {"static": Permission.anyone}
"""Every endpoint, with what it asks of the person in front of it. One that is missing here answers 404."""
TOKEN_RIGHTS: dict[str, Right] = {}
"""Every endpoint that is read by token, and the right that it asks for."""
LONG_FORMS: set[str] = set()
"""Where long texts are typed."""
SHOWN, MENU = "shown", "menu"
"""Where an application keeps what its blueprints show on pages of others; and which place is the menu."""


class Entry(NamedTuple):
    """A line of the menu, for whomever its endpoint lets in; on pages of the blueprints `within` it is where one is."""

    order: int
    endpoint: str
    label: str
    within: tuple[str, ...]
    unless: str
    """The endpoint that it stands in for, where that is shut."""
    current: str


class Panel(NamedTuple):
    """A part of a page of others, for whomever `endpoint` lets in; its template knows what `see` finds as `shown`."""

    order: int
    template: str
    see: Callable[..., object]
    endpoint: str


def shown_at(app: App, place: str) -> list[Any]:
    """The entries of the menu, or the panels of another place, in their order; LookupError where nothing ever is."""
    return sorted(app.extensions[SHOWN][place].values(), key=lambda one: one.order)


def _register(place: str, name: str, shown: Entry | Panel, state: BlueprintSetupState) -> None:
    known = state.app.extensions.setdefault(SHOWN, {}).setdefault(place, {})
    if name in known:
        raise ValueError(f"{name} stands in {place} already")
    known[name] = shown


class Pages(Blueprint):
    """A blueprint whose routes ask `asks`, each where it says nothing else.

    Endpoints are called after `name`; `part` tells a module's share of them from that of others.
    """

    def __init__(self, name: str, import_name: str, *, asks: Permission, part: str = "", **options: Any) -> None:
        super().__init__(f"{name}_{part}" if part else name, import_name, **options)
        self.prefix, self.asks = name, asks

    def make_setup_state(
        self, app: App, options: dict[str, Any], first_registration: bool = False
    ) -> BlueprintSetupState:
        state = super().make_setup_state(app, options, first_registration)
        state.name = self.prefix
        return state

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None, *, asks: Permission | None = None, right: Right | None = None,
        is_long: bool = False, **options: Any,
    ) -> None:  # fmt: skip
        """As Flask's; `right`: of a token; `is_long`: with room for long texts."""
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)
        named = f"{self.prefix}.{endpoint or getattr(view_func, '__name__', '')}"
        PERMISSIONS[named] = asks or self.asks
        if right is not None:
            TOKEN_RIGHTS[named] = right
        if is_long:
            LONG_FORMS.add(named)

    def entry(
        self, label: str, order: int, endpoint: str = "", *, within: tuple[str, ...] | None = None, unless: str = "",
        current: str = "page",
    ) -> None:  # fmt: skip
        """A line of the menu that leads to a page of these."""
        places = (self.prefix,) if within is None else within
        shown = Entry(order, endpoint or f"{self.prefix}.index", label, places, unless, current)
        self.record(partial(_register, MENU, shown.endpoint, shown))

    def panel(
        self, template: str, see: Callable[..., object], *places: str, order: int = 0, endpoint: str = ""
    ) -> None:  # fmt: skip
        """A part of other pages, which leads to these; not there where `see` finds nothing."""
        for place in places:
            self.record(partial(_register, place, template, Panel(order, template, see, endpoint)))


# ---- lines of the menu, and panels, each registered with the routes it leads to ------------------------------------


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(menu=menu, panels=panels)


def menu() -> list[tuple[Entry, str]]:
    """The lines that lead somewhere for whoever reads, each with what `aria-current` says of it on this page."""
    found = [one for one in shown_at(current_app, MENU) if not (one.unless and _may(one.unless))]
    own = {one.endpoint for one in found}
    return [(one, _current(one, own)) for one in found if _may(one.endpoint)]


def _current(entry: Entry, own: set[str]) -> str:
    if request.endpoint == entry.endpoint:
        return entry.current
    return "true" if request.blueprint in entry.within and request.endpoint not in own else ""


def asked(place: str) -> Mapping[str, Callable[..., object]]:
    """The panels of a place that whoever reads may follow, in their order: template → what is asked for it."""
    found = shown_at(current_app, place)
    return {one.template: one.see for one in found if not one.endpoint or _may(one.endpoint)}


def panels(place: str, *about: object) -> list[tuple[str, object]]:
    """The same, each with what it shows; nothing of what is empty, or is not there for whoever reads."""
    found = []
    for template, see in asked(place).items():
        try:
            shown = see(sessions.ctx(), sessions.actor(), *about)
        except Unseen:
            continue
        if shown:
            found.append((template, shown))
    return found


def _may(endpoint: str) -> bool:
    """Whether the person in front of the page may go there: as the endpoint guard says, which the factory hands in."""
    return bool(current_app.extensions["may"](endpoint))
