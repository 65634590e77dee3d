"""Pages over the whole Moroccan protocol: putting an entry right, signing, the first minutes of a reporter."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from school_protocol.cases.intake import open_case, raise_from_receipt, see_receipt, see_receipt_act
from school_protocol.cases.service import record_act
from school_protocol.cases.showing import see_act, see_case, see_record
from school_protocol.cases.story_player import Player
from school_protocol.cases.view_models import RecordView
from school_protocol.engine.errors import Unseen
from school_protocol.people import repository as people_repository

from ..conftest import NOW
from ..filled import filled
from .browser import Browse

REPORT = {"what_happened": "Un groupe", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
GRID = 5
PUPIL = {"slot": "targeted_pupil", "name": "Yasmine B."}


@pytest.fixture
def start() -> datetime:
    return NOW


@pytest.fixture
def number(player: Player) -> str:
    """A case with a danger in it, and a grid as entry 5."""
    member, ctx = player.actor("team_member"), player.ctx
    number = open_case(ctx, member, "report", {**REPORT, "about_whom": [PUPIL]}, token="t1").number
    record(player, number, "raise_danger", {"which_danger": next(iter(player.protocol.dangers))})
    record(player, number, "assessment_grid", {"scores": {"nature": "0"}, "incomplete_reason": "Trop tôt"})
    return number


def record(player: Player, number: str, act: str, answers: dict[str, Any], who: str = "team_member") -> None:
    actor = player.actor(who)
    record_act(player.ctx, actor, number, act, answers, expected=None, token=act, proven=True)


def grid_of(player: Player, number: str) -> RecordView:
    return see_record(player.ctx, player.actor("team_member"), number, GRID)[1]


# ---- calls ----------------------------------------------------------------------------------------------------------


def test_the_number_that_was_called_is_noted_and_no_other_of_the_same_service(player: Player, browse: Browse) -> None:
    with player.ctx.directory.writing() as session:
        for phone in ("15", "141"):
            people_repository.add_contact(
                session, target="rescue", names={"fr": f"Secours {phone}"}, unit=None, phone=phone
            )
    member, ctx = player.actor("team_member"), player.ctx
    number = open_case(ctx, member, "report", {**REPORT, "about_whom": [PUPIL]}, token="t1").number
    record(player, number, "raise_danger", {"which_danger": "self_harm"})
    client, page = browse("team_member").client, f"/cases/{number}/first-minutes"

    def lines() -> dict[str, str]:
        html = client.get(page).get_data(as_text=True)
        found = re.findall(r'<li><a class="call" href="tel:(\d+)".*?</li>', html, re.DOTALL)
        parts = re.findall(r'<li><a class="call" href="tel:\d+".*?</li>', html, re.DOTALL)
        return dict(zip(found, parts, strict=True))

    before = lines()
    assert [("noted" in part) for part in before.values()] == [False, False]
    sent = filled(before["15"])
    assert sent["a-number_called"] == "15"
    action = re.search(r'action="([^"]+)"', before["15"])
    assert action
    assert client.post(action[1], data=sent).status_code == 303
    assert {phone: "noted" in part for phone, part in lines().items()} == {"15": True, "141": False}


# ---- corrections -------------------------------------------------------------------------------------------------


def path_of(seq: int) -> str:
    return f"/acts/correction?record={seq}"


def test_a_corrected_entry_is_read_from_then_on(number: str, player: Player, browse: Browse) -> None:
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
    assert found.first == {"scores": {"nature": 0}, "incomplete_reason": "Trop tôt"}
    shown = member.open(f"{case}/entries/{seq}").text
    assert "Corrigé" in shown
    assert "Tel qu’écrit au départ" in shown


@pytest.mark.exhaustive
def test_where_nothing_is_changed_it_is_a_word_beside_it(number: str, player: Player, browse: Browse) -> None:
    member, before, case = browse("team_member"), grid_of(player, number), f"/cases/{number}"
    member.open(f"{case}{path_of(GRID)}")
    member.send(f"{case}/acts/correction", a__what_changes="x", a__reason="y")
    _head, made = see_record(player.ctx, player.actor("team_member"), number, GRID + 1)
    assert "changes" not in made.derived
    assert grid_of(player, number).answers == before.answers


def test_both_forms_say_what_is_wrong_and_keep_what_was_typed(number: str, player: Player, browse: Browse) -> None:
    member, seq, case = browse("team_member"), GRID, f"/cases/{number}"
    member.open(f"{case}{path_of(seq)}")
    member.send(f"{case}/acts/correction", 422, **{"c-scores-nature": "2", "a-what_changes": "x"})
    assert member.form["c-scores-nature"] == "2"
    shown = member.send(f"{case}/acts/correction", 422, **{"c-scores-nature": "9", "a-reason": "y"})
    assert 'href="#c-scores' in shown.get_data(as_text=True)
    assert grid_of(player, number).corrections == ()


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_every_entry_has_its_page_of_correction(
    number: str, browse: Browse, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = browse("team_coordinator")
    member.client.set_cookie("language", language)
    monkeypatch.setattr("school_protocol.ui.rendering._of_account", lambda: None)
    for seq in (2, 3, GRID):
        member.open(f"/cases/{number}{path_of(seq)}")
    for record in ("1", "999", "x", "1" * 30):
        page = member.open(f"/cases/{number}/acts/correction?record={record}")
        assert "corrects" not in page.html


# ---- signatures, and what comes first ----------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_only_what_waits_for_ones_own_signature_is_offered(number: str, player: Player, browse: Browse) -> None:
    danger = next(iter(player.protocol.dangers))
    record(player, number, "lift_danger", {"which_danger": danger, "reason": "x"}, "head")

    def offered(who: str) -> list[str]:
        return [line.act.key for line in see_act(player.ctx, player.actor(who), number, "signature").choices.records]

    assert offered("team_coordinator") == ["lift_danger"]
    assert offered("head") == offered("team_member") == []
    assert "n’attend votre signature" in browse("team_member").open(f"/cases/{number}/acts/signature").text
    shown = browse("team_coordinator").client.get(f"/cases/{number}/acts/signature")
    seq = see_act(player.ctx, player.actor("team_coordinator"), number, "signature").choices.records[0].seq
    assert shown.location == f"/cases/{number}/acts/signature?record={seq}", "one reads what one signs"


@pytest.mark.exhaustive
def test_the_page_tells_acts_in_the_order_of_what_the_case_waits_for(
    number: str, player: Player, browse: Browse
) -> None:
    case = see_case(player.ctx, player.actor("team_member"), number)
    lines = [line for _group, found in case.acts for line in found if line.place is not None]
    assert len(lines) > 2
    html = browse("team_member").open(f"/cases/{number}").html
    tasks = html[html.index('aria-labelledby="next"') :]
    shown = re.findall(r'<a class="(?:btn|go)" href="/cases/\d+/acts/(\w+)"', tasks)
    assert shown == [line.act.key for line in sorted(lines, key=lambda line: line.place or 0)]


# ---- a reporter's first minutes ----------------------------------------------------------------------------------


@pytest.fixture
def report(player: Player) -> str:
    """A report whose case the reporter may not see."""
    opened = open_case(player.ctx, player.actor("reporter"), "report", {**REPORT, "about_whom": [PUPIL]}, token="r")
    assert not opened.may_see
    record(player, opened.number, "raise_danger", {"which_danger": "assault"})
    return opened.report


def test_whoever_raised_no_danger_learns_of_none(report: str, player: Player) -> None:
    reporter = player.actor("reporter")
    assert see_receipt(player.ctx, reporter, report).acts == ()
    with pytest.raises(Unseen):
        see_receipt_act(player.ctx, reporter, report, "told_by_voice")


def test_the_first_minutes_are_on_the_receipt(report: str, player: Player, browse: Browse) -> None:
    reporter, ctx, path = player.actor("reporter"), player.ctx, f"/reports/{report}"
    raise_from_receipt(ctx, reporter, report, "self_harm", token="d")
    acts = [act.key for act in see_receipt(ctx, reporter, report).acts]
    assert acts == ["told_by_voice", "taken_over", "referral"]
    desk = browse("reporter")
    page = desk.open(f"{path}/receipt")
    desk.form = filled(page.html, f"{path}/acts/told_by_voice")
    assert desk.form["a-who_was_told"] == "head"
    for _press in range(2):
        assert desk.send(f"{path}/acts/told_by_voice").location == f"{path}/receipt"
    page = desk.open(f"{path}/acts/referral")
    assert "Yasmine" not in page.text
    assert {"self_harm", "need"} == set(re.findall(r'name="a-covers" value="(\w+)"', page.html))
    desk.send(f"{path}/acts/referral", 422)
    desk.send(f"{path}/acts/referral", a__target="rescue", a__covers="self_harm", a__channel="call")
    desk.open(f"{path}/acts/safety_check", 404)
    desk.open(f"{path}/acts/made-up", 404)
    browse("reporter/2").open(f"{path}/acts/told_by_voice", 404)
    browse("team_member").open(f"{path}/acts/told_by_voice", 404)


@pytest.mark.exhaustive
def test_who_decides_sees_what_the_grid_gives(number: str, browse: Browse) -> None:
    coordinator = browse("team_coordinator")
    assert "La grille, telle qu’elle est remplie, donne" in coordinator.open(f"/cases/{number}/acts/minutes").text
    assert "La grille, telle" not in coordinator.open(f"/cases/{number}/acts/note").text


def test_one_tap_never_hands_a_pupil_to_a_guardian(number: str, player: Player, browse: Browse) -> None:
    """Which guardian is asked, where what the family must not know can be seen; the other answers stand alone."""
    record(player, number, "raise_danger", {"which_danger": "home_danger"}, "head")
    page = browse("team_member").open(f"/cases/{number}/first-minutes")
    taps = set(re.findall(r'name="a-taken_by" value="(\w+)"', page.html))
    assert taps == {"medical", "police", "other_adult"}
    assert f'href="/cases/{number}/acts/taken_over?then=first-minutes"' in page.html
