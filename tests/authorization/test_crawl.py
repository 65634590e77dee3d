"""The net under whatever moves: what everybody comes to by links, in each language, as it was before.

`crawl.txt` has one line for each person and language: how many pages, and a digest of all. A digest that is another
one is looked into by two folders side by side: `CRAWL_TO=FOLDER` keeps every page as it was compared. `KEEP_CRAWL=1`
writes the file anew: only with a change that people are meant to see.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from authorization.matrix import Matrix
from authorization.test_links import LANGUAGES, pages
from authorization.world import World, opened, untypeset
from school_protocol.storage.engines import Store
from school_protocol.ui import rendering

pytestmark = pytest.mark.exhaustive
KEPT = Path(__file__).with_name("crawl.txt")
OF_A_KIND = 2
LEFT_OUT = ("workshops.kit", "account.phone")
"""What is made for a minute, and what is drawn anew each time: seeds, as pictures."""
_ONCE = re.compile(r'name="(?:csrf_token|shown_to|token)" value="[^"]*"')
_MADE_UP = re.compile(r"\b[a-z2-7]{26}\b|\b\d{13}\b|\b\d{4} \d{4} \d{4} \d\b|-[0-9a-f]{6}\b|/static/[^\"']*\?[^\"']*")
"""What is drawn: ids, numbers of cases, ends of user names; and what stands for the digest of a file."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One in which every lot falls as it fell before."""
    lots = random.Random(1)
    with pytest.MonkeyPatch.context() as patched:
        for module, name in ((os, "urandom"), (random, "_urandom")):
            patched.setattr(module, name, lots.randbytes)
        with opened(tmp_path_factory.mktemp("crawl")) as found, untypeset():
            yield found


def normalised(page: str) -> str:
    """Without what differs each time: each random word by the place at which it comes first, no spaces at ends."""
    names: dict[str, str] = {}
    page = _MADE_UP.sub(lambda found: names.setdefault(found[0], f"#{len(names)}"), _ONCE.sub("", page))
    return "\n".join(" ".join(line.split()) for line in page.splitlines() if line.strip())


def crawled(world: World, person: str, language: str) -> dict[str, str]:
    """Whatever this person comes to, by the order in which they come to it."""
    found = {}
    for page, answer in pages(world, person, language, set(), each=OF_A_KIND, but=LEFT_OUT):
        text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else answer.mimetype
        found[normalised(page)] = f"{answer.status_code}\n{normalised(text)}\n"
    return found


def line(world: World, person: str, language: str) -> str:
    found = crawled(world, person, language)
    if "CRAWL_TO" in os.environ:
        folder = Path(os.environ["CRAWL_TO"], f"{person} {language}".strip())
        folder.mkdir(parents=True, exist_ok=True)
        for place, (page, text) in enumerate(found.items()):
            (folder / f"{place:03}").write_text(f"{page}\n{text}")
    digest = sha256("".join(f"{page}\n{text}" for page, text in found.items()).encode()).hexdigest()
    return f"{person or 'nobody'}, {language}: {len(found)} pages, {digest[:16]}"


def test_everybody_comes_to_what_they_came_to_before(world: World) -> None:
    people = ["", *dict(Matrix(world).people())]
    found = [line(world, person, language) for person in people for language in LANGUAGES]
    if "KEEP_CRAWL" in os.environ:
        KEPT.write_text("\n".join(found) + "\n")
    assert found == KEPT.read_text().splitlines()


def test_the_control_one_word_more_is_another_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = line(world, "workshop_participant", "fr")
    assert line(world, "workshop_participant", "fr") == before
    monkeypatch.setitem(world.app.extensions, "may", lambda _endpoint: True)
    assert line(world, "workshop_participant", "fr") != before


TOGETHER = (("team_member", "fr"), ("team_coordinator", "ar"), ("academy", "fr"), ("head", "ar"))


def test_people_at_once_come_to_what_each_comes_to_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that cache nothing say what is to be seen; pages that differ by themselves are left out."""
    with monkeypatch.context() as cold:
        cold.setattr(Store, "cache_at", lambda _store, _mark: {})
        cold.setattr(rendering, "_in_language", rendering._in_language.__wrapped__)
        alone, again = ({one: crawled(world, *one) for one in TOGETHER} for _time in range(2))
    with ThreadPoolExecutor(len(TOGETHER)) as threads:
        together = dict(zip(TOGETHER, threads.map(lambda one: crawled(world, *one), TOGETHER), strict=True))
    for one in TOGETHER:
        steady = {page for page, said in alone[one].items() if again[one].get(page) == said}
        assert len(steady) > 20, one
        assert {page for page in steady if together[one].get(page) != alone[one][page]} == set(), one
