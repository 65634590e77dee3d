"""Pages of who reads a case and who opens one in an emergency, over real sessions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from engine.telling import MOROCCAN, NOW
from services.conftest import School

from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.web import create_app
from web.browsing import Browser, browser_of


@pytest.fixture
def school(moroccan: Protocol) -> Iterator[School]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield School(player, count(1))


def browser(school: School, who: str, language: str = "fr") -> Browser:
    return browser_of(create_app(school.ctx, testing=True), school.ctx, school.account(who), language)


def test_an_empty_number_is_named_among_what_is_wrong(school: School) -> None:
    academy = browser(school, "academy")
    academy.open("/cases/emergency")
    page = academy.press("/cases/emergency", 422, number=" ", reason="", password="").get_data(as_text=True)
    assert "3 réponses sont à revoir" in page
    for place in ("number", "reason", "password"):
        assert f'href="#{place}"' in page
    alone = academy.press("/cases/emergency", 422, number="", reason="Un enfant attend depuis hier soir.", password="x")
    assert 'href="#number"' in alone.get_data(as_text=True)
    assert 'href="#password"' not in alone.get_data(as_text=True), "no password is read before all is there"


def test_the_chronology_says_whether_the_team_has_read_it(school: School) -> None:
    school.report("reporter")
    path, team = f"/cases/{school.number}/chronology", "Lu par l’équipe pour la première fois"
    school.seen_by("directorate")
    shown = browser(school, "directorate").open(path).text
    assert "par un échelon au-dessus de l’établissement" in shown
    assert team not in shown
    school.seen_by("head")
    assert team in browser(school, "head").open(path).text
