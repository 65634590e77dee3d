"""The page of a case: what happened, one thing to do now, what others have to do, and what is awaited from outside."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from school_protocol.cases.story_player import Player

from .browser import Browse, Browser

REPORT = {"what_happened": "Un groupe", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
SAFE = {"none_seen": True, "safe_now": "yes", "who_stays": "me"}
CALLED = {
    "target": "police",
    "covers": ["self_harm"],
    "channel": "call",
    "sent_at": "2026-11-23T09:00:00+00:00",
}


@pytest.fixture
def case(player: Player) -> str:
    player.play([
        {"as": "reporter", "do": "report", "answers": REPORT},
        {"as": "team_member", "do": "safety_check", "answers": SAFE},
    ])  # fmt: skip
    return f"/cases/{player.numbers['']}"


def section(browser: Browser, case: str, key: str) -> str:
    html = browser.client.get(case).get_data(as_text=True)
    found = re.search(rf'<section[^>]*aria-labelledby="{key}".*?</section>', html, re.DOTALL)
    return found[0] if found else ""


def green(browser: Browser, case: str) -> list[str]:
    return re.findall(r'<a class="btn" href="[^"]*">([^<]*)', browser.client.get(case).get_data(as_text=True))


def test_one_thing_is_to_be_done_now_and_the_rest_stands_below(browse: Browse, case: str, player: Player) -> None:
    member = browse("team_member")
    assert green(member, case) == ["Qualifier le signalement"]
    assert "Signalé par un adulte témoin des faits" in section(member, case, "happened")
    player.play([{"as": "team_member", "do": "qualify"}])
    coordinator = browse("team_coordinator")
    assert green(coordinator, case) == [player.protocol.acts["name_seat"].title.in_language("fr")]


def test_what_others_have_to_do_is_told_with_their_names_and_since_when(
    browse: Browse, case: str, player: Player
) -> None:
    player.play([{"as": "team_member", "do": "qualify"}])
    assert player.actor("team_coordinator")
    told = section(browse("team_member"), case, "others")
    assert player.protocol.acts["name_seat"].title.in_language("fr") in told
    assert 'depuis <bdi dir="ltr">10:00</bdi>' in told
    assert ">team_coordinator</bdi> · depuis" in told
    assert section(browse("team_coordinator"), case, "others") == "", "it is theirs"


def test_an_act_is_linked_once(browse: Browse, case: str, player: Player) -> None:
    for who in ("team_member", "team_coordinator", "head"):
        html = browse(who).client.get(case).get_data(as_text=True)
        links = Counter(re.findall(rf'href="({case}/(?:acts|moves)/\w+)"', html))
        assert [link for link, times in links.items() if times > 1] == []


def test_a_service_that_has_not_answered_is_awaited(browse: Browse, case: str, player: Player) -> None:
    player.play([
        {"as": "team_member", "do": "raise_danger", "answers": {"which_danger": "self_harm"}},
        {"as": "team_member", "do": "referral", "answers": CALLED},
    ])  # fmt: skip
    assert [(one.do, one.problems, one.refused) for one in player.played if not one.went_as_said] == []
    assert "prévenu, réception pas encore confirmée" in section(browse("team_member"), case, "outside")


def test_who_may_not_read_the_case_is_told_nothing_of_it(browse: Browse, case: str) -> None:
    page = browse("data_officer").client.get(case).get_data(as_text=True)
    assert "Signalé par" not in page
    assert 'aria-labelledby="others"' not in page
