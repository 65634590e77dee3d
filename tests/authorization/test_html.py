"""Pages by a standard checker: each that anybody comes to by links, and each that is always there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from html_checker import faults, needs_checker

from authorization.matrix import Matrix
from authorization.test_links import LANGUAGES, pages
from authorization.world import ROLES, World, copied, untypeset

pytestmark = [pytest.mark.exhaustive, needs_checker]


@pytest.fixture(scope="module")
def world(first: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with copied(first, tmp_path_factory.mktemp("html")) as found, untypeset():
        yield found


def shown(world: World, language: str) -> Iterator[tuple[str, bytes]]:
    """Every page, under who saw it and where: refusals and pages that are not there are pages, too."""
    matrix, opened = Matrix(world), set[str]()
    always = ["/", *(way.path.format(**world.said) for way in matrix.spec.free if way.method == "get"), "/nowhere"]
    for person in ("", *ROLES):
        for page, answer in pages(world, person, language, opened, always, but=("workshops.kit",)):
            if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303):
                yield f"{person or 'nobody'}, {page}, {answer.status_code}", answer.get_data()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_that_somebody_comes_to_is_sound(world: World, language: str, tmp_path: Path) -> None:
    found = dict(shown(world, language))
    assert len(found) > 1000
    assert faults(tmp_path, found) == []


PLANTED = {
    "hidden": (b'name="csrf_token"', b'autocomplete="off" name="csrf_token"', "must not have an “autocomplete”"),
    "moment": (b"</main>", b'<time datetime="2026-11-25T09:00:00.123456">x</time></main>', "fraction of a second"),
    "unclosed": (b"</main>", b"<section></main>", "but there were open elements"),
    "twice": (b"<main", b'<p id="one">x</p><p id="one">x</p><main', "Duplicate ID"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_the_control_a_planted_fault_is_found(world: World, fault: str, tmp_path: Path) -> None:
    old, new, said = PLANTED[fault]
    page = world.browser("team_member").get("/account").get_data()
    assert faults(tmp_path, {"as it is": page}) == []
    assert page.count(old) > 0
    found = faults(tmp_path, {"planted": page.replace(old, new, 1)})
    assert any(said in one for one in found), found
