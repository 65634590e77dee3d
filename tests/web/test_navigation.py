"""What packages show on pages of others: each registered once, leading to a route, in a place that is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from school_protocol.engine.visibility import Actor, Permission
from school_protocol.ui import routing, sessions
from school_protocol.ui.routing import MENU, PERMISSIONS, SHOWN, Entry, Pages, shown_at

ROOT = Path(__file__).parents[2]
MAIN = [
    "desk.index", "reports.new", "signalements.index", "review.index", "referrals.index", "contacts.index",
    "figures.index", "team.index", "visits.index", "staff.index", "workshops.index", "protocols.index",
]  # fmt: skip


def test_the_menu_goes_in_its_order(app: Flask) -> None:
    assert [one.endpoint for one in shown_at(app, MENU)] == MAIN


def test_all_that_is_shown_leads_somewhere_and_has_its_own_turn(app: Flask) -> None:
    for place, known in app.extensions[SHOWN].items():
        assert {one.endpoint for one in known.values()} - {""} <= set(PERMISSIONS)
        assert len({one.order for one in known.values()}) == len(known), place
        assert all(app.jinja_env.get_template(one.template) for one in known.values() if place != MENU)


def test_the_places_that_pages_ask_for_are_those_where_something_is_registered(app: Flask) -> None:
    texts = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    texts += [path.read_text() for path in (ROOT / "school_protocol").rglob("*.py")]
    asked = {name for text in texts for name in re.findall(r'\b(?:panels|asked)\("([a-z_.]+)"', text)}
    assert {*asked, MENU} == set(app.extensions[SHOWN])


def _planted(app: Flask, *, twice: bool = False) -> Flask:
    """An application whose one blueprint shows a line and a panel; or each of them twice."""
    pages = Pages("planted", __name__, asks=Permission.signed_in)
    for _time in range(1 + twice):
        pages.entry("Planted", 0, "desk.index")
        pages.panel("planted.html", lambda _ctx, actor, about: f"{about} {actor.id}" * (actor.id != "samir"), "planted")
    app.extensions[SHOWN] = {}
    pages.register(app, {})
    return app


@pytest.mark.parametrize("who", ["amina", "samir"])
def test_what_is_registered_is_shown_to_whom_it_is_for(app: Flask, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _planted(app)
    monkeypatch.setattr(sessions, "find_actor", lambda: Actor(who, "", who, ()))
    with app.test_request_context("/"):
        assert routing.menu() == [(Entry(0, "desk.index", "Planted", ("planted",), "", "page"), "page")]
        assert routing.panels("planted", "of") == ([("planted.html", "of amina")] if who == "amina" else [])
    monkeypatch.setattr(sessions, "find_actor", lambda: None)
    with app.test_request_context("/"):
        assert routing.menu() == []


def test_the_control_what_is_registered_twice_or_never_is_an_error(app: Flask) -> None:
    with pytest.raises(ValueError, match="stands in menu already"):
        _planted(app, twice=True)
    with app.test_request_context("/"), pytest.raises(LookupError):
        routing.panels("planted.nowhere")
