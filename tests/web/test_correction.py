"""Putting an entry right: its own form stands beneath the reason, filled in with what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from school_protocol.domain.protocol import Protocol
from school_protocol.services.cases import open_case, record_act, see_record
from school_protocol.services.house import House
from school_protocol.services.scripts import Player, throwaway
from school_protocol.services.views import RecordView
from school_protocol.web import create_app
from tests.web.conftest import NOW, Accounts
from tests.web.test_case_pages import Browser

MOROCCAN = Path(__file__).parents[2] / "protocol_definitions" / "ma-cyberharassment" / "1.yaml"
REPORT = {"what_happened": "Un groupe", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
GRID = 5
PUPIL = {"slot": "targeted_pupil", "name": "Yasmine B."}


@pytest.fixture
def player(moroccan: Protocol) -> Iterator[Player]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as found:
        yield found


@pytest.fixture
def house(player: Player) -> House:
    return player.house


@pytest.fixture
def app(house: House, people: Accounts) -> Flask:
    return create_app(house, testing=True)


@pytest.fixture
def browse(app: Flask, people: Accounts, player: Player) -> Callable[..., Browser]:
    def start(role: str) -> Browser:
        people.live[f"token-{role}"] = player.actor(role)
        client = app.test_client()
        client.set_cookie("session", f"token-{role}")
        return Browser(client)

    return start


@pytest.fixture
def number(player: Player) -> str:
    """A case with a danger in it, and a grid as entry 5."""
    member, house = player.actor("team_member"), player.house
    number = open_case(house, member, "report", {**REPORT, "about_whom": [PUPIL]}, token="t1").number
    record(player, number, "raise_danger", {"which_danger": next(iter(player.protocol.dangers))})
    record(player, number, "assessment_grid", {"scores": {"nature": "0"}, "incomplete_reason": "Trop tôt"})
    return number


def record(player: Player, number: str, act: str, answers: dict[str, Any]) -> None:
    actor = player.actor("team_member")
    record_act(player.house, actor, number, act, answers, expected=None, token=act, proven=True)


def grid_of(player: Player, number: str) -> RecordView:
    return see_record(player.house, player.actor("team_member"), number, GRID)[1]


def path_of(seq: int) -> str:
    return f"/acts/correction?record={seq}"


def test_a_corrected_entry_is_read_from_then_on(number: str, player: Player, browse: Callable[..., Browser]) -> None:
    member, seq, case = browse("team_member"), GRID, f"/cases/{number}"
    page = member.open(f"{case}{path_of(seq)}")
    assert "Trop tôt" in page.text
    assert (member.form["a-record"], member.form["corrects"], member.form["c-scores-nature"]) == (
        str(seq),
        str(seq),
        "0",
    )
    assert "c-incomplete_reason-new-0-name" not in member.form
    member.send(f"{case}/acts/correction", a__what_changes="x", a__reason="y", **{"c-scores-nature": "3"})
    found = grid_of(player, number)
    assert found.answers == {"scores": {"nature": 3}, "incomplete_reason": "Trop tôt"}
    assert found.derived["score"]["low_level"] == 3
    assert found.corrections == (seq + 1,)
    assert "Corrigé" in member.open(f"{case}/entries/{seq}").text


def test_where_nothing_is_changed_it_is_a_word_beside_it(
    number: str, player: Player, browse: Callable[..., Browser]
) -> None:
    member, before, case = browse("team_member"), grid_of(player, number), f"/cases/{number}"
    member.open(f"{case}{path_of(GRID)}")
    member.send(f"{case}/acts/correction", a__what_changes="x", a__reason="y")
    _head, made = see_record(player.house, player.actor("team_member"), number, GRID + 1)
    assert "changes" not in made.derived
    assert grid_of(player, number).answers == before.answers


def test_both_forms_say_what_is_wrong_and_keep_what_was_typed(
    number: str, player: Player, browse: Callable[..., Browser]
) -> None:
    member, seq, case = browse("team_member"), GRID, f"/cases/{number}"
    member.open(f"{case}{path_of(seq)}")
    member.send(f"{case}/acts/correction", 422, **{"c-scores-nature": "2", "a-what_changes": "x"})
    assert member.form["c-scores-nature"] == "2"
    shown = member.send(f"{case}/acts/correction", 422, **{"c-scores-nature": "9", "a-reason": "y"})
    assert 'href="#c-scores' in shown.get_data(as_text=True)
    assert grid_of(player, number).corrections == ()


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_every_entry_has_its_page_of_correction(
    number: str, browse: Callable[..., Browser], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = browse("team_coordinator")
    member.client.set_cookie("language", language)
    monkeypatch.setattr("school_protocol.web.rendering._of_account", lambda: None)
    for seq in (2, 3, GRID):
        member.open(f"/cases/{number}{path_of(seq)}")
    for record in ("1", "999", "x", "1" * 30):
        page = member.open(f"/cases/{number}/acts/correction?record={record}")
        assert "corrects" not in page.html
