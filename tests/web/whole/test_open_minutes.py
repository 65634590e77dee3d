"""First acts and numbers before anybody signs in: everybody's page, which knows nobody and says nothing of a school."""

from __future__ import annotations

from html import unescape

import pytest
from flask.testing import FlaskClient

from school_protocol.cases.story_player import Player
from school_protocol.engine.texts import Text
from school_protocol.people import repository as people_repository
from school_protocol.web import create_app

LANGUAGES = ("fr", "ar", "en")
MOST = 30 * 1024


@pytest.fixture
def stranger(player: Player) -> FlaskClient:
    with player.ctx.directory.writing() as session:
        for target, name, phone, unit in (
            ("police", "Police", "19", None), ("rescue", "SAMU", "141", None), ("emc", "", "+212 6 24 40 58 89", None),
            ("police", "Commissariat du quartier", "0537 99 88 77", player.school),
        ):  # fmt: skip
            names = {"fr": name, "ar": name, "en": name} if name else {}
            people_repository.add_contact(session, target=target, names=names, phone=phone, unit=unit)
    return create_app(player.ctx, testing=True).test_client()


def plain(said: Text, language: str) -> str:
    return said.in_language(language).replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_danger_says_whom_to_call_and_what_to_do_first(
    stranger: FlaskClient, player: Player, language: str
) -> None:
    answer = stranger.get(f"/danger/{language}")
    html = unescape(answer.get_data(as_text=True)).replace("\u00a0", " ").replace("\u202f", " ")
    for danger in player.protocol.dangers.values():
        title, *said = (plain(line, language) for line in (danger.title, *danger.first_acts, *danger.never))
        start = html.index(f"<summary>{title}</summary>")
        folded = html[start : html.index("</details>", start)]
        assert [line for line in said if line not in folded] == []
        assert ('href="tel:19"' in folded) == ("police" in danger.targets)
        assert ('href="tel:141"' in folded) == ("rescue" in danger.targets)
    assert len(answer.data) <= MOST
    assert html.index('href="tel:19"') < html.index('<details class="fold"'), "first the numbers"


def test_it_says_nothing_of_a_school_or_of_whoever_asks_and_needs_no_cookie(
    stranger: FlaskClient, player: Player
) -> None:
    answer = stranger.get("/danger/fr")
    html = answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "public, max-age=600"
    assert "99 88 77" not in html, "a school's own contact"
    assert "40 58 89" not in html, "a number without a name"
    assert "csrf" not in html
    assert stranger.get("/danger", headers={"Accept-Language": "ar"}).location == "/danger/ar"
    assert stranger.get("/danger/de").status_code == 404


def test_the_page_on_which_people_sign_in_leads_there(stranger: FlaskClient) -> None:
    html = stranger.get("/sign-in").get_data(as_text=True)
    assert html.count('href="/danger/fr"') == 2, "in the bar, and below the form"
    assert stranger.get("/danger/fr").get_data(as_text=True).count('class="sos"') == 0
