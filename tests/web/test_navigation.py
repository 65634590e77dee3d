"""What packages show on pages of others: each registered once, leading to a route, in a place that is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from school_protocol.domain.policy import Actor, Permission
from school_protocol.web import navigation, sessions
from school_protocol.web.routing import PERMISSIONS, SHOWN, Entry, Pages, Panel, registered

ROOT = Path(__file__).parents[2]
MAIN = [
    "desk.index", "reports.new", "signalements.index", "review.index", "referrals.index", "contacts.index",
    "figures.index", "team.index", "visits.index", "staff.index", "workshops.index", "protocols.index",
]  # fmt: skip


def test_the_menu_goes_in_its_order(app: Flask) -> None:
    assert [one.name for one in registered(app, Entry, "main")] == MAIN


def test_all_that_is_shown_leads_somewhere_and_has_its_own_turn(app: Flask) -> None:
    shown = list(app.extensions[SHOWN].values())
    ends = {one.name if isinstance(one, Entry) else one.endpoint for one in shown} - {""}
    assert ends <= set(PERMISSIONS)
    assert all(app.jinja_env.get_template(one.name) for one in shown if isinstance(one, Panel))
    turns = [(type(one), one.place, one.order) for one in shown]
    assert len(set(turns)) == len(turns)


def test_the_places_that_pages_ask_for_are_those_where_something_is_registered(app: Flask) -> None:
    texts = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    texts += [path.read_text() for path in (ROOT / "school_protocol/web").rglob("*.py")]
    asked = {name for text in texts for name in re.findall(r'\b(?:menu|panels|asked)\("([a-z_.]+)"', text)}
    assert asked == {one.place for one in app.extensions[SHOWN].values()}


def _planted(app: Flask, *, twice: bool = False) -> Flask:
    """An application whose one blueprint shows a line and a panel; or each of them twice."""
    pages = Pages("planted", __name__, asks=Permission.signed_in)
    for _time in range(1 + twice):
        pages.entry("planted", "Planted", 0, "desk.index", when=lambda _house, actor: actor.id == "amina")
        pages.panel("planted.html", lambda _house, actor, about: f"{about} {actor.id}", "planted.page")
    app.extensions[SHOWN] = {}
    pages.register(app, {})
    return app


def test_what_is_registered_is_shown_to_whom_it_is_for(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    _planted(app)
    for who, lines in (("amina", [("desk.index", "Planted", "page")]), ("samir", [])):
        with app.test_request_context("/"):
            actor = Actor(who, "", who, ())
            monkeypatch.setattr(sessions, "find_actor", lambda actor=actor: actor)
            assert navigation.menu("planted") == lines
            assert navigation.panels("planted.page", "of") == [("planted.html", f"of {who}")]


def test_the_control_what_is_registered_twice_or_never_is_an_error(app: Flask) -> None:
    with pytest.raises(ValueError, match="stands in planted already"):
        _planted(app, twice=True)
    with app.test_request_context("/"), pytest.raises(LookupError, match=r"shown in planted\.nowhere"):
        navigation.panels("planted.nowhere")
