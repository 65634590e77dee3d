"""Routes that say themselves what they ask of the person in front of them; the guard reads it before every request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from flask import Blueprint
from flask.sansio.app import App
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import RouteCallable

from school_protocol.domain.policy import Actor, Permission
from school_protocol.services.house import House
from school_protocol.storage.api.tokens import Right

PERMISSIONS: dict[str, Permission] = {"static": Permission.anyone}
"""Every endpoint, with what it asks of the person in front of it. One that is missing here answers 404."""
TOKEN_RIGHTS: dict[str, Right] = {}
"""Every endpoint that is read by token, and the right that it asks for."""
LONG_FORMS: set[str] = set()
"""Where long texts are typed."""
SHOWN = "shown"
"""Where an application keeps what its blueprints show on pages of others."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a menu, for whomever its endpoint lets in."""

    place: str
    name: str
    """Its endpoint."""
    order: int
    label: str
    within: frozenset[str]
    """Blueprints in which it is where one is."""
    when: Callable[[House, Actor], bool] | None
    """Whom it is for besides."""
    unless: str
    """The endpoint that it stands in for, where that is shut."""
    current: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page of others, for whomever `endpoint` lets in."""

    place: str
    name: str
    """Its template, which knows as `shown` what `see` finds; where that is empty there is no panel."""
    order: int
    see: Callable[..., object]
    endpoint: str


Shown = TypeVar("Shown", Entry, Panel)


def registered(app: App, kind: type[Shown], place: str) -> list[Shown]:
    """What this application shows at a place, in its order. Raises LookupError where nothing ever is."""
    found = [one for one in app.extensions[SHOWN].values() if isinstance(one, kind) and one.place == place]
    if not found:
        raise LookupError(f"nothing is registered to be shown in {place}")
    return sorted(found, key=lambda one: one.order)


def _register(state: BlueprintSetupState, *, shown: Entry | Panel) -> None:
    known = state.app.extensions.setdefault(SHOWN, {})
    if (shown.place, shown.name) in known:
        raise ValueError(f"{shown.name} stands in {shown.place} already")
    known[shown.place, shown.name] = shown


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
        self, menu: str, label: str, order: int, endpoint: str = "", *, within: Iterable[str] | None = None,
        when: Callable[[House, Actor], bool] | None = None, unless: str = "", current: str = "page",
    ) -> None:  # fmt: skip
        """A line of a menu that leads to a page of these."""
        places = frozenset((self.prefix,) if within is None else within)
        shown = Entry(menu, endpoint or f"{self.prefix}.index", order, label, places, when, unless, current)
        self.record(partial(_register, shown=shown))

    def panel(
        self, template: str, see: Callable[..., object], *places: str, order: int = 0, endpoint: str = ""
    ) -> None:  # fmt: skip
        """A part of other pages, which leads to these."""
        for place in places:
            self.record(partial(_register, shown=Panel(place, template, order, see, endpoint)))
