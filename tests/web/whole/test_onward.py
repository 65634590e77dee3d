"""One press that records an act and makes the step that it opens: both, or neither, and once."""

from __future__ import annotations

import re

import pytest

from school_protocol.cases.story_player import Player

from .browser import Browse, Browser

PUPIL = {"slot": "targeted_pupil", "name": "Yasmine Berrada"}
REPORT = {
    "what_happened": "Un groupe", "about_whom": [PUPIL], "danger_now": "no", "adult_concerned": "no",
    "how_it_came": "seen",
}  # fmt: skip
SAFE = {"a__none_seen": "y", "a__safe_now": "yes", "a__who_stays": "me"}


@pytest.fixture
def case(player: Player) -> str:
    player.play([{"as": "team_member", "do": "report", "answers": REPORT}])
    return f"/cases/{player.numbers['']}"


def offered(browser: Browser, path: str) -> list[str]:
    return re.findall(r'name="onward" value="(\w+)"', browser.client.get(path).get_data(as_text=True))


def test_the_step_is_offered_beside_recording_alone_and_made_once(browse: Browse, case: str) -> None:
    member, act = browse("team_member"), f"{case}/acts/safety_check"
    page = member.open(act)
    assert "Il ne manque rien d’autre pour" in page.text
    buttons = re.findall(r"<button[^>]*>([^<]+)", member.client.get(act).get_data(as_text=True))
    ours = [one for one in buttons if one.startswith("Enregistrer")]
    assert ours == ["Enregistrer", "Enregistrer, puis\u00a0: Qualifier le signalement"], "Enter presses the first"
    done = member.send(act, **SAFE, onward="qualify")
    again = member.resend(act, **SAFE, onward="qualify")
    assert (done.location, again.location) == (case, case)
    page = member.open(case)
    assert "Le dossier en est maintenant à\u00a0: Signalement qualifié." in page.text
    assert "rien n’a été noté deux fois" in page.text
    chronology = member.open(f"{case}/chronology").text
    assert chronology.count("Qualifier le signalement") == 1
    assert offered(member, act) == []


def test_recording_alone_moves_nothing(browse: Browse, case: str) -> None:
    member = browse("team_member")
    member.record(f"{case}/acts/safety_check", **SAFE)
    assert "Le dossier en est maintenant" not in member.open(case).text
    assert member.open(f"{case}/moves/qualify").text.count("Signalement qualifié") == 1


def test_answers_that_do_not_open_it_are_shown_again_with_why(browse: Browse, case: str, player: Player) -> None:
    browse("team_member").record(f"{case}/acts/safety_check", **SAFE, onward="qualify")
    coordinator, act = browse("team_coordinator"), f"{case}/acts/name_seat"
    coordinator.open(act)
    second = {"a__seat": "member", "a__account": player.actor("team_member").id, "a__reason": "Elle connaît la classe"}
    text = coordinator.send(act, 409, **second, onward="assign").get_data(as_text=True)
    assert "Aucune personne formée ne pilote encore ce dossier." in text
    assert "Elle connaît la classe" in text
    assert "Elle connaît la classe" not in browse("team_member").open(f"{case}/chronology").text
    coordinator.send(act, **second)
    assert coordinator.open(case).text.count("Enregistré") == 1


def test_somebody_wrote_meanwhile_and_the_step_is_still_offered(browse: Browse, case: str) -> None:
    member, other, act = browse("team_member"), browse("team_coordinator"), f"{case}/acts/safety_check"
    member.open(act)
    other.record(f"{case}/acts/report_more", a__first_seen_on="2026-11-20")
    shown = member.send(act, 409, **SAFE, onward="qualify").get_data(as_text=True)
    assert 'name="onward" value="qualify"' in shown
    member.send(act, **SAFE, onward="qualify")
    assert "Le dossier en est maintenant à\u00a0: Signalement qualifié." in member.open(case).text


def test_a_name_put_as_a_sign_keeps_the_step(browse: Browse, case: str, player: Player) -> None:
    browse("team_member").record(f"{case}/acts/safety_check", **SAFE, onward="qualify")
    coordinator, act = browse("team_coordinator"), f"{case}/acts/name_seat"
    coordinator.open(act)
    lead = {"a__seat": "lead", "a__account": player.actor("team_member").id, "a__reason": "Yasmine lui parle"}
    asked = coordinator.send(act, 422, **lead, onward="assign").get_data(as_text=True)
    assert '<input type="hidden" name="onward" value="assign">' in asked
    coordinator.send(act, naming="tokens")
    assert "Le dossier en est maintenant à\u00a0: Écoute planifiée." in coordinator.open(case).text


def test_a_step_that_may_not_go_along_is_not_made_by_a_forged_form(browse: Browse, case: str) -> None:
    member, act = browse("team_member"), f"{case}/acts/safety_check"
    member.open(act)
    member.send(act, 409, **SAFE, onward="dismiss")
    assert "Vérifier la sécurité" not in member.open(f"{case}/chronology").text
