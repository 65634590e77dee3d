"""Pages as axe and a scale see them: what is wrong with each, and what it weighs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

from school_protocol.auth import repository as auth_repository

from .person import Person
from .served import Served

LANGUAGES = ("fr", "ar", "en")
MOST = 30_000
"""Bytes of a page's HTML and style sheet together, as they travel."""
OTHER = "qualified"
"""A second case of their installations, in which one may go on without a need."""
GZIP = {"Accept-Encoding": "gzip"}
AXE = Axe()


class Spoilt(NamedTuple):
    """One thing that axe says of one page."""

    page: str
    rule: str
    where: str


def speak(ctx: Served, language: str) -> None:
    """From now on everybody reads that language."""
    with ctx.ctx.directory.writing() as session:
        for actor in ctx.player.actors.values():
            auth_repository.set_language(session, actor.id, language)


class Inspector:
    """Goes through pages as one person, in a browser that lets axe run, and notes what is wrong and what it weighs."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.page = person.page
        self.weights: dict[str, int] = {}
        self.spoilt: list[Spoilt] = []
        self.page.on("response", self._weigh)

    def _weigh(self, response: Response) -> None:
        if response.headers.get("content-encoding") == "gzip" and "html" in response.headers["content-type"]:
            self.weights[response.url] = int(response.headers["content-length"])

    def look(self, name: str) -> None:
        """What axe says of the page that is shown; and whether it scrolls sideways."""
        found = AXE.run(self.page).response["violations"]
        self.spoilt += [Spoilt(name, one["id"], node["html"][:160]) for one in found for node in one["nodes"][:2]]
        self.person.look()

    def visit(self, *paths: str) -> None:
        for path in paths:
            self.person.open(path)
            self.look(path)


Inspect = Callable[..., Inspector]


def style(ctx: Served, page: Page) -> int:
    """What the style sheets, and the script, weigh as they travel."""
    addresses = [link.get_attribute("href") for link in page.locator("link[rel=stylesheet]").all()]
    addresses += [one.get_attribute("src") for one in page.locator("script[src]").all()]
    answers = [page.context.request.get(f"{ctx.url}{address}", headers=GZIP) for address in addresses]
    assert [answer.headers["content-encoding"] for answer in answers] == ["gzip"] * len(answers)
    return sum(int(answer.headers["content-length"]) for answer in answers)


def is_fine(ctx: Served, *inspectors: Inspector) -> None:
    """Nothing found, nothing wide, nothing heavy."""
    assert [one for inspector in inspectors for one in inspector.spoilt] == []
    assert [one for inspector in inspectors for one in inspector.person.wide] == []
    css = style(ctx, inspectors[0].page)
    assert css > 1_000
    heavy = {url: size for inspector in inspectors for url, size in inspector.weights.items() if size + css >= MOST}
    assert heavy == {}
    assert all(inspector.weights for inspector in inspectors)
