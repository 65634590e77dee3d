"""The pages of a new protocol: from a file to the cases, what is said of it, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from engine.telling import SMALL
from flask import Flask
from services.administering import HOLDS, Desk, desk_of

from school_protocol.protocol.reader import read
from school_protocol.publishing import draft_process
from school_protocol.publishing import service as publishing_service
from school_protocol.web import create_app
from web.page import read_page
from web.test_moving import hidden, told
from web.test_protocols import FIRST, Person

REPORT: draft_process.Report = {"proof": draft_process.proof_out(HOLDS), "stories": []}
NEW = SMALL.read_bytes().replace(b"protocol: lost-things\n", b"protocol: zebra-things\n")
TAKING = SMALL.read_bytes().replace(b"protocol: lost-things\n", b"protocol: able-things\n")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desk_of(FIRST) as made:
        yield made


@pytest.fixture
def app(desk: Desk) -> Flask:
    return create_app(desk.ctx, testing=True)


def person(app: Flask, desk: Desk, name: str = "first", language: str = "en") -> Person:
    return Person(app, desk, desk.administrator(name).id, language)


@pytest.mark.exhaustive(but=("ar-said2",))
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["A new protocol", "none is in force that it could be compared with", "there is nothing to play"]),
        ("fr", ["Un nouveau protocole", "aucune n’est en vigueur", "il n’y a rien à jouer"]),
        ("ar", ["بروتوكول جديد", "لا توجد نسخة معمول بها", "لا شيء لتجريبه"]),
    ],
)
def test_a_first_version_goes_from_a_file_to_the_cases(app: Flask, desk: Desk, language: str, said: list[str]) -> None:
    first, second = person(app, desk, "first", language), person(app, desk, "second", "en")
    draft = first.uploaded(NEW)
    desk.work_out()
    page = first.get(draft)
    read_page(page)
    for words in said:
        assert words in told(page), words
    assert first.post(f"{draft}/propose", draft).status_code == 303
    assert first.post(f"{draft}/agree", draft, digest=read(NEW, "x").digest).status_code == 409
    assert second.post(f"{draft}/agree", draft, digest=read(NEW, "x").digest).status_code == 303
    page = second.read("/protocols")
    assert "Whoever holds one of its roles opens cases under it from now on." in page
    assert [(one.protocol, one.version) for one in desk.ctx.library.current()] == [
        ("lost-things", 1), ("zebra-things", 1),
    ]  # fmt: skip
    assert second.post(f"{draft}/agree", draft, digest=read(NEW, "x").digest).status_code == 409, "pressed twice"
    again = second.get(draft)
    read_page(again)
    assert "A new protocol" in told(again)


@pytest.mark.exhaustive
def test_nobody_else_uploads_a_protocol(app: Flask, desk: Desk) -> None:
    warden = Person(app, desk, desk.person("a warden", "warden").id)
    token = hidden(warden.client, "/", "/language")
    assert warden.client.post("/protocols/upload", data=token).status_code == 404
    assert person(app, desk).upload(NEW).status_code == 303


def test_a_protocol_that_would_take_reports_away_says_so(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(TAKING)
    desk.work_out()
    assert "would report under this one from then on" in first.read(draft)
    assert first.post(f"{draft}/propose", draft).status_code == 409


@pytest.mark.exhaustive
def test_who_could_do_something_by_it_is_said(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(NEW)
    page = first.read(draft)
    assert "Reports under “ Lost things and mediation ” already" in re.sub(r"[\u2068\u2069]", "", page)


def test_stored_cases_are_held_against_their_own_stories(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(NEW)
    lines = [
        {"story": "a", "title": "A", "steps": 3},
        {"story": "b", "title": "B", "steps": 3, "step": 2, "as": "surv", "do": "ring", "how": "taken"},
        {
            "story": "c",
            "title": "C",
            "steps": 3,
            "step": 2,
            "as": "surv",
            "do": "ring",
            "how": "problems",
            "fields": [],
        },
        {"story": "d", "title": "D", "steps": 3, "step": 1, "as": "surv", "do": "ring", "how": "refused", "needs": []},
    ]
    publishing_service.work_out(desk.ctx, lambda _content, _before: {**REPORT, "stories": lines})
    page = first.read(draft)
    for words in (
        "As its story says, in all 3 steps.", "Its story says that it is refused, and it goes through.",
        "Its form takes other answers.", "It is refused.", "each is compared with what its own story says",
    ):  # fmt: skip
        assert words in page, words
    assert "before" not in page.partition("Stored cases, played on it")[2].partition("This draft")[0]


def test_the_control_a_further_version_is_compared(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(FIRST.replace(b"version: 1\n", b"version: 2\n"))
    lines = [{"story": "a", "title": "A", "steps": 3}]
    publishing_service.work_out(desk.ctx, lambda _content, _before: {**REPORT, "stories": lines})
    page = first.read(draft)
    assert "A new protocol" not in page
    assert "Against version 1, under which cases open now." in page
    assert "As before, in all 3 steps." in page
