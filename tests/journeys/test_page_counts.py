"""How many pages a copy has, story by story: a decision's file is short, and what a family gets has two pages."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from handing import hand_out_as
from pypdf import PdfReader

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import case_file_html
from school_protocol.cases.loading import names_in
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Profile
from school_protocol.language import Wording
from school_protocol.pdf import rendering

from .test_stories import MOROCCAN, STORIES
from .test_supervisor_copies import issuable, issued, played

needs_typesetting = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
SHIPPED = tuple(name.rpartition("/")[2] for name in STORIES if name.startswith(f"{MOROCCAN}/"))
LANGUAGES = ("fr", "ar", "en")
MOST = {"sc3": 8, "sc6": 8, "sc4": 3}
"""Story → the most pages of its file without the annex: 8 at level 4, 3 at level 1."""
FILES = [
    (name, one) for name in MOST for one in ("supervisor", "authority", "school") if (name, one) != ("sc4", "authority")
]
"""In sc4 no service was told."""
OF_FAMILY = 2
LEFT_OUT = ("Ne figure pas", "ne figure pas", "Left out", "left out", "left-out")


@pytest.fixture(scope="module")
def until() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def profile_of(protocol: Protocol, key: str) -> Profile:
    return next(one.profiles[key] for one in protocol.documents.values() if key in one.profiles)


def before_annex(data: bytes, language: str) -> int:
    """Pages of the case file before the annex of forms, which begins a page; all of them where there is none."""
    reader = PdfReader(io.BytesIO(data))
    title = Wording(language)._("Annex: forms")
    page = reader.get_destination_page_number
    starts = [page(one) for one in flat(reader.outline) if one.title.strip() == title]
    if not starts:
        return len(reader.pages)
    return starts[0] - max(page(one) for one in reader.outline if not isinstance(one, list) and page(one) < starts[0])


def flat(outline: list[Any]) -> Iterator[Any]:
    """Bookmarks of every depth, in order."""
    for one in outline:
        yield from flat(one) if isinstance(one, list) else [one]


def too_long(data: bytes, language: str, most: int) -> bool:
    return before_annex(data, language) > most


@needs_typesetting
@pytest.mark.exhaustive(but=("sc4-supervisor-ar",))
@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize(("name", "profile"), FILES)
def test_the_file_of_those_who_decide_is_short(
    moroccan: Protocol, until: ExitStack, name: str, profile: str, language: str
) -> None:
    player, found = played(moroccan, name, until), profile_of(moroccan, profile)
    number = next(iter(player.numbers.values()))
    data = issued(player, number, found, language)
    assert not too_long(data, language, MOST[name])
    assert too_long(data, language, before_annex(data, language) - 1), "the control"


@needs_typesetting
@pytest.mark.exhaustive(but=("sc1-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_family_gets_two_pages_at_most(moroccan: Protocol, until: ExitStack, name: str, language: str) -> None:
    player, family = played(moroccan, name, until), profile_of(moroccan, "family")
    for number in player.numbers.values():
        if any(True for _one in issuable(player, number, family)):
            pages = len(PdfReader(io.BytesIO(issued(player, number, family, language))).pages)
            assert pages <= OF_FAMILY, (number, pages)


@pytest.mark.exhaustive(but=("sc1",))
@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_of_another_person_stands_in_a_familys_pages(
    moroccan: Protocol, until: ExitStack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def page(view: CaseFile, wording: Wording) -> bytes:
        return case_file_html(view, wording).encode()

    hand_out_as(monkeypatch, page)
    player, family = played(moroccan, name, until), profile_of(moroccan, "family")
    for case, number in player.numbers.items():
        readers = list(issuable(player, number, family))
        if not readers:
            continue
        with player.ctx.realm.reading() as session:
            people = names_in(player.ctx, session, player.case_id(case) or "")
        own = {key for key in people if key.rpartition("-")[0] in ("targeted_pupil", "guardian")}
        shown = [people[key].get("name", "") for key in own]
        others = {people[key].get("name", "") for key in people.keys() - own} - {"", *shown}
        for language in LANGUAGES:
            text = html.unescape(re.sub(r"<[^>]+>", " ", issued(player, number, family, language).decode()))
            assert not [one for one in others if one in text]
            assert not re.findall(r"\b(?:EV|EC|RC|RL|T|P|D)\d+\b", text)
            assert not [one for one in LEFT_OUT if one in text]
            assert any(one in text for one in shown), "the control: their own child or themselves"
