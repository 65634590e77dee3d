"""A protocol's drawing as a page, and what it hands out on paper: for whoever works by it, in their language."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pdf.printed import pages, unsaid

from school_protocol.cases.story_player import Player
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Appointment
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.publishing import handouts

from ..conftest import Accounts
from ..page import read_page

LANGUAGES = ("fr", "ar", "en")
Reading = Callable[..., FlaskClient]


@pytest.fixture(params=["small", "moroccan"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def reading(app: Flask, people: Accounts, player: Player, protocol: Protocol) -> Reading:
    def start(language: str = "fr", role: str = "") -> FlaskClient:
        actor = replace(player.actor(next(iter(protocol.roles))), language=language)
        if role:
            actor = replace(actor, appointments=(Appointment(role, actor.appointments[0].unit, date(2026, 9, 1)),))
        people.live["token-1"] = actor
        client = app.test_client()
        client.set_cookie("session", "token-1")
        return client

    return start


@pytest.fixture(autouse=True)
def nothing_made_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handouts, "_KEPT", handouts._Kept(handouts.KEPT_MOST))


def at(protocol: Protocol, place: str) -> str:
    return f"/help/{protocol.protocol}/{protocol.version}/{place}"


def html_of(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    read_page(answer)
    return answer.get_data(as_text=True)


@pytest.mark.exhaustive(but=("small-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_drawing_and_the_same_as_lists(protocol: Protocol, reading: Reading, language: str) -> None:
    html = html_of(reading(language), at(protocol, "drawing"))
    wording = Wording(language)
    svg, lists = html[html.index("<svg xmlns") :].split("</svg>", 1)
    assert sorted(re.findall(r'data-state="(\w+)"', svg)) == sorted(protocol.states)
    assert set(re.findall(r'data-move="(\w+)"', svg)) == set(protocol.moves)
    assert "style=" not in svg, "the page's own style sheet colours it: nothing else may"
    plain = unescape(lists)
    for state in protocol.states.values():
        assert wording.text(state.title) in plain
    for number, move in enumerate(protocol.moves.values(), 1):
        entry = plain[plain.index(f'id="step-{number}"') :].split('id="step-')[1]
        assert wording.text(move.title) in entry
        assert move.automatic or wording.who(protocol, move.by) in entry
        for need in move.needs:
            assert wording.text(protocol.needs[need].sentence) in entry
    for deadline in protocol.deadlines.values():
        if deadline.value and any(source.entered for source in deadline.start):
            assert wording.text(deadline.title) in plain


def test_help_leads_there_and_from_there_to_every_paper(protocol: Protocol, reading: Reading) -> None:
    client = reading()
    assert f'href="{at(protocol, "drawing")}"' in html_of(client, "/help")
    html = html_of(client, at(protocol, "drawing"))
    for paper in ("wall", "forms"):
        assert re.findall(rf'href="{at(protocol, paper)}\?language=(\w+)"', html) == list(protocol.languages)
    act = next(act for act in protocol.acts.values() if protocol.forms[act.form].fields)
    assert f'href="{at(protocol, f"forms/{act.form}")}"' in html_of(client, at(protocol, act.group))


@pytest.mark.exhaustive
@pytest.mark.parametrize("protocol", ["small"], indirect=True)
def test_papers_are_handed_out_in_the_readers_language_or_the_one_asked_for(
    protocol: Protocol, reading: Reading
) -> None:
    client = reading("ar")
    form = next(iter(protocol.forms.values()))
    for asked, language in (("", "ar"), ("?language=fr", "fr")):
        answer = client.get(at(protocol, f"forms/{form.key}{asked}"))
        assert answer.status_code == 200
        assert answer.mimetype == "application/pdf"
        assert f"{protocol.protocol}-1-{form.short}-{language}.pdf" in answer.headers["Content-Disposition"]
        labels = [Wording(language).text(field.label) for field in form.fields]
        assert unsaid("".join(pages(answer.data)), labels) == []
    assert len(pages(client.get(at(protocol, "wall")).data)) == 4
    assert len(pages(client.get(at(protocol, "forms")).data)) >= len(protocol.forms)


@pytest.mark.parametrize("protocol", ["small"], indirect=True)
def test_a_paper_is_made_once(protocol: Protocol, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def make(protocol: Protocol, forms: list[object], wording: Wording, *_: object) -> bytes:
        made.append(wording.language)
        return f"%PDF {wording.language}".encode()

    monkeypatch.setattr(handouts, "blank_forms", make)
    client = reading()
    first = at(protocol, f"forms/{next(iter(protocol.forms))}")
    for address in (first, first, f"{first}?language=ar", first, f"{first}?language=ar"):
        assert client.get(address).data.startswith(b"%PDF")
    assert made == ["fr", "ar"]
    client.get(at(protocol, "forms"))
    assert made == ["fr", "ar", "fr"]


def test_what_was_made_is_let_go_when_it_is_too_much(small: Protocol) -> None:
    kept = handouts._Kept(25)
    made: list[str] = []

    def paper(name: str) -> bytes:
        def make() -> bytes:
            made.append(name)
            return b"x" * 10

        return kept.of(small, name, "fr", make)

    for name in ("a", "b", "a", "c", "a", "b"):
        paper(name)
    assert made == ["a", "b", "c", "b"], "the one that nobody asked for longest went first"
    other = small.model_copy(update={"digest": "other"})
    kept.of(other, "a", "fr", lambda: made.append("other") or b"")  # type: ignore[func-returns-value]
    assert made[-1] == "other", "another version's paper is another paper"


@pytest.mark.exhaustive(
    but=(
        "small-drawing",
        "small-forms",
        "moroccan-drawing",
    )
)
@pytest.mark.parametrize("place", ["drawing", "wall", "forms", "forms/{form}"])
def test_nobody_sees_a_protocol_by_which_they_do_not_work(protocol: Protocol, reading: Reading, place: str) -> None:
    place = place.format(form=next(iter(protocol.forms)))
    client = reading(role="nobody")
    assert client.get(at(protocol, place)).status_code == 404
    assert client.get(f"/help/another/1/{place}").status_code == 404
    client.delete_cookie("session")
    assert client.get(at(protocol, place)).status_code in (302, 303, 401)


@pytest.mark.parametrize("place", ["forms/nothing", "forms?language=xx", "wall?language=zgh"])
def test_what_is_not_there_is_not_found(protocol: Protocol, reading: Reading, place: str) -> None:
    assert reading().get(at(protocol, place)).status_code == 404


@pytest.mark.parametrize("protocol", ["small"], indirect=True)
def test_without_the_libraries_the_page_says_what_is_missing(
    protocol: Protocol, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "missing", lambda: "Missing system packages: libpango-1.0-0")
    rendering._typesetter.cache_clear()
    client = reading()
    html = html_of(client, at(protocol, "drawing"))
    assert "libpango-1.0-0" in html
    assert "wall" not in html
    answer = client.get(at(protocol, "wall"))
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(at(protocol, "drawing") + "#papers")
