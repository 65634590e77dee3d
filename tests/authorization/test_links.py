"""Every link that a page shows opens for whoever reads it: the menu asks the same table as the guard."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from werkzeug.test import TestResponse

from authorization.matrix import FORMER, Matrix
from authorization.world import World, copied, untypeset
from school_protocol.auth import permissions
from school_protocol.engine.visibility import Permission
from school_protocol.ui import routing
from school_protocol.web import endpoint_guard

LANGUAGES = ("fr", "ar", "en")
_LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"')
_ELSEWHERE = ("/sign-in", "/leave", "/static/")


@pytest.fixture(scope="module")
def world(first: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with copied(first, tmp_path_factory.mktemp("links")) as found, untypeset():
        yield found


def pages(
    world: World,
    person: str,
    language: str,
    opened: set[str],
    begin: Iterable[str] = ("/",),
    *,
    each: int = 1,
    but: tuple[str, ...] = (),
) -> Iterator[tuple[str, TestResponse]]:
    """Whatever this person comes to from there by links, with its address: so many (`each`) of each kind.

    `opened`: what is for anybody and was opened before; `but`: endpoints that are left out.
    """
    waiting = list(begin)
    browser, seen, kinds = world.browser(person), set(waiting), Counter[str]()
    browser.post("/language", {"language": language})
    adapter = world.app.url_map.bind("localhost")
    while waiting:
        page = waiting.pop(0)
        answer = browser.get(page)
        yield page, answer
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        for href in _LINK.findall(answer.get_data(as_text=True)):
            target = urlsplit(urljoin(f"http://localhost{page}", unescape(href)))
            path = target.path + (f"?{target.query}" if target.query else "")
            if target.netloc != "localhost" or path in seen or path.startswith(_ELSEWHERE):
                continue
            seen.add(path)
            endpoint = adapter.match(target.path, method="GET")[0]
            kinds[endpoint] += 1
            if routing.PERMISSIONS[endpoint] is Permission.anyone:
                if path in opened:
                    continue
                opened.add(path)
            if kinds[endpoint] <= each and endpoint not in but:
                waiting.append(path)


def dead_links(
    world: World, person: str, language: str, opened: set[str], *, each: int = 1, but: tuple[str, ...] = ()
) -> list[str]:
    """What leads nowhere from the pages that this person comes to from the desk."""
    found = pages(world, person, language, opened, each=each, but=but)
    return [f"{person}, {language}: {page} {answer.status_code}" for page, answer in found if answer.status_code >= 400]


def test_nobody_is_shown_a_link_that_leads_nowhere(world: World) -> None:
    """Every second of them: `--all` asks for all, in each language."""
    matrix = Matrix(world)
    people = [*(one for one in matrix.spec.sees if "@" not in one), f"{FORMER} team_member", "technical_admin@region"]
    found, opened = list[str](), set[str]()
    for place, person in enumerate(people[::2]):
        found += dead_links(world, person, LANGUAGES[place % 3], opened, but=("workshops.kit",))
    assert found == []


def test_who_administers_schools_from_above_finds_the_address_of_each(world: World) -> None:
    browser = world.browser("technical_admin@region")
    assert "/signalements/addresses" not in browser.get("/people").get_data(as_text=True)
    assert "/signalements/addresses?school=00000A" in browser.get("/people?unit=00000A").get_data(as_text=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_is_shown_one_in_any_language(world: World, language: str) -> None:
    people, opened = list(dict(Matrix(world).people())), set[str]()
    assert [one for person in people for one in dead_links(world, person, language, opened, each=4)] == []


def test_the_control_a_link_that_asks_nothing_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.app.jinja_env.globals, "may", lambda _endpoint: True)
    assert dead_links(world, "technical_admin", "fr", set())


def test_each_capability_is_asked_by_a_page_and_has_an_answer() -> None:
    known = {*permissions.BY_ROLE, *permissions.BY_PROTOCOL, Permission.report, Permission.see_referrals}
    assert known & endpoint_guard.KNOCKS.keys() == {Permission.train}, "a laptop’s trainer holds no role"
    assert known | endpoint_guard.KNOCKS.keys() | endpoint_guard.EVERYBODY | {Permission.token} == set(Permission)
    assert set(routing.PERMISSIONS.values()) == set(Permission)
