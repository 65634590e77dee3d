"""Every kind of page, in each language: axe finds nothing, it is light, and a keyboard is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

from school_protocol.storage import directory

from .conftest import DESKTOP, PHONE, Serve, Sit
from .person import Person
from .served import Served, story

LANGUAGES = ("fr", "ar", "en")
MOST = 30_000
"""Bytes of HTML and style sheet together, compressed."""
AXE = Axe()


class Spoilt(NamedTuple):
    """What axe says of one page."""

    page: str
    rule: str
    what: str


@pytest.fixture(scope="module")
def house(serve: Serve) -> Served:
    """A case in the middle of its urgent path: dangers, holds, referrals without answers, a record to be signed."""
    served = serve("2026-10-06T09:10")
    steps = story("sc3")
    served.replay(steps[: [step["do"] for step in steps].index("taken_over") + 1])
    return served


def speak(house: Served, language: str) -> None:
    """From now on everybody reads that language."""
    with house.house.directory.writing() as session:
        for actor in house.player.actors.values():
            directory.set_language(session, actor.id, language)


def spoilt(page: Page, name: str) -> list[Spoilt]:
    """What axe finds on this page."""
    found = AXE.run(page).response["violations"]
    return [Spoilt(name, one["id"], node["html"][:160]) for one in found for node in one["nodes"][:2]]


def seen(person: Person, paths: Sequence[str]) -> list[Spoilt]:
    return [one for path in paths for one in looked_at(person, path)]


def looked_at(person: Person, path: str) -> list[Spoilt]:
    person.open(path)
    return spoilt(person.page, path)
