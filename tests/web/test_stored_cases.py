"""Stored cases on a draft's page are called by their title in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from services.administering import HOLDS, Desk, desk_of

from school_protocol.cases.story_player import stories_of
from school_protocol.engine.texts import Text
from school_protocol.publishing import draft_process
from school_protocol.publishing import service as publishing_service
from school_protocol.web import create_app

from .page import Page
from .test_protocols import FIRST, SECOND, Person

TITLE = re.compile(r'<li><b( dir="auto")?>(.*?)</b>')
STORED = [told.title.root for _name, told in stories_of("ma-cyberharassment") if isinstance(told.title, Text)]
PLAIN = "Le groupe : « de la classe »"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desk_of(FIRST) as made:
        yield made


def titles(desk: Desk, language: str) -> list[tuple[bool, str]]:
    """Those of the page of a draft: whether its direction is left to the browser, and the words."""
    reader = Person(create_app(desk.ctx, testing=True), desk, desk.administrator("first").id, language)
    draft = reader.uploaded(SECOND)
    lines = [{"story": str(title), "title": title, "steps": 3} for title in [*map(dict, STORED), PLAIN]]
    report = {"proof": draft_process.proof_out(HOLDS), "stories": lines}
    publishing_service.work_out(desk.ctx, lambda _content, _before: report)
    page = Page(reader.get(draft).get_data(as_text=True))
    assert [found for found in page.criticise() if (found, language) != ("None", "en")] == []
    part = page.html.partition('id="stories"')[2].partition("</section>")[0]
    return [(bool(auto), unescape(words).replace("\xa0", " ")) for auto, words in TITLE.findall(part)]


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_each_is_called_in_the_readers_language_and_a_plain_title_as_it_is(desk: Desk, language: str) -> None:
    assert len(STORED) >= 8
    found = titles(desk, language)
    assert found == [*((False, title[language]) for title in STORED), (True, PLAIN)]
    assert found != [*((False, title["fr" if language != "fr" else "ar"]) for title in STORED), (True, PLAIN)]
