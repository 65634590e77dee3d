"""One tap takes back what one has just recorded by mistake; too late or not one's own, a sentence says what to do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from werkzeug.datastructures import MultiDict

from school_protocol.cases.story_player import Player

from .browser import Browse, Browser

BY_MISTAKE = "Écrit dans le mauvais dossier"
REPORT = {"what_happened": "Un groupe", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}


@pytest.fixture
def case(player: Player) -> str:
    player.play([{"as": "team_member", "do": "report", "answers": REPORT}])
    return f"/cases/{player.numbers['']}"


@pytest.fixture
def writer(browse: Browse, case: str) -> Browser:
    """Whoever has just noted something by mistake, with the case's page before them."""
    member = browse("team_member")
    member.record(f"{case}/acts/note", a__text=BY_MISTAKE)
    member.open(case)
    member.form = button(member, case)
    return member


def seq_of(page: str, case: str) -> int:
    found = re.search(rf'action="{case}/entries/(\d+)/undo"', page)
    assert found is not None, "the page offers no undo"
    return int(found[1])


def button(browser: Browser, case: str, path: str = "") -> MultiDict[str, str]:
    """What the page's undo button would send."""
    html = browser.client.get(path or case).get_data(as_text=True)
    seq = seq_of(html, case)
    start = html.index(f'action="{case}/entries/{seq}/undo"')
    inputs = re.findall(
        r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html[start : html.index("</form>", start)]
    )
    return MultiDict(inputs)


def undo(case: str, seq: int = 4) -> str:
    return f"{case}/entries/{seq}/undo"


def entry(browser: Browser, case: str) -> int:
    return seq_of(browser.client.get(case).get_data(as_text=True), case)


@pytest.mark.exhaustive
def test_one_tap_on_the_case_page(writer: Browser, case: str) -> None:
    seq = entry(writer, case)
    page = writer.client.get(case).get_data(as_text=True)
    assert "jusqu’à 10:10, tant que rien ne repose sur cette fiche" in page
    writer.form = button(writer, case)
    done = writer.send(undo(case, seq))
    assert done.location == case
    page = writer.client.get(case).get_data(as_text=True)
    assert "C’est annulé" in page
    assert "/undo" not in page
    page = writer.client.get(f"{case}/chronology").get_data(as_text=True)
    assert "Annulée par son auteur(e) à 10:00" in page
    assert re.search(r"<s>[^<]+</s>", page)
    folded = page[page.index("Ce qui était écrit") :]
    assert BY_MISTAKE in folded[: folded.index("</details>")]
    assert BY_MISTAKE not in page[: page.index("Ce qui était écrit")], "not among what was written any more"


@pytest.mark.exhaustive
def test_beneath_what_cannot_be_undone_the_case_page_offers_nothing_older(
    writer: Browser, case: str, player: Player
) -> None:
    """Whoever has just put a family on hold would take back the note before it, by mistake."""
    seq = entry(writer, case)
    player.play([{"as": "head", "do": "add_person", "answers": {"persons": [{"slot": "guardian", "name": "Naïma"}]}}])
    assert entry(writer, case) == seq, "what somebody else wrote takes nothing away"
    held = {"guardian": "guardian-1", "reason": "home_danger"}
    player.play([{"as": "team_member", "do": "guardian_hold", "answers": held}])
    assert player.played[-1].went_as_said, player.played[-1]
    assert "/undo" not in writer.client.get(case).get_data(as_text=True)
    writer.form = button(writer, case, f"{case}/entries/{seq}")
    assert writer.send(undo(case, seq)).location == case


def test_and_from_the_entry(writer: Browser, case: str) -> None:
    seq = entry(writer, case)
    writer.form = button(writer, case, f"{case}/entries/{seq}")
    writer.send(undo(case, seq))
    page = writer.open(f"{case}/entries/{seq}")
    assert BY_MISTAKE in page.text
    assert "Plus rien ne repose sur elle" in page.text
    for act in ("correction", "signature"):
        assert f"/acts/{act}?record={seq}" not in page.html


def test_pressed_twice_it_is_done_once(writer: Browser, case: str) -> None:
    seq = entry(writer, case)
    sent = writer.form = button(writer, case)
    writer.send(undo(case, seq))
    writer.send(undo(case, seq))
    page = writer.open(f"{case}/chronology")
    assert len(re.findall(rf"Fiche n°\xa0{seq} annulée", page.html)) == 1
    writer.form = MultiDict({**sent, "token": "another page of the same person"})
    assert "a déjà été annulée" in writer.send(undo(case, seq), 409).get_data(as_text=True)


def test_too_late_leads_to_a_correction(writer: Browser, case: str, player: Player) -> None:
    seq = entry(writer, case)
    writer.form = button(writer, case)
    player.clock.advance(timedelta(minutes=10, seconds=1))
    page = writer.send(undo(case, seq), 409).get_data(as_text=True)
    assert "Le délai pour annuler une fiche est passé" in page
    assert f'href="{case}/acts/correction?record={seq}"' in page
    assert "/undo" not in writer.client.get(case).get_data(as_text=True)
    assert "/undo" not in writer.client.get(f"{case}/entries/{seq}").get_data(as_text=True)


@pytest.mark.exhaustive
def test_what_somebody_wrote_meanwhile_is_read_before(writer: Browser, case: str, browse: Browse) -> None:
    seq = entry(writer, case)
    form = button(writer, case)
    browse("head").record(f"{case}/acts/note", a__text="Entre-temps")
    writer.form = form
    page = writer.send(undo(case, seq), 409).get_data(as_text=True)
    assert "Entre-temps" in page
    writer.form = MultiDict(
        re.findall(r'name="([^"]+)" value="([^"]*)"', page[page.index(f'action="{undo(case, seq)}"') :])
    )
    writer.send(undo(case, seq))


def test_whoever_stands_aside_since_finds_nothing(writer: Browser, case: str, player: Player) -> None:
    seq, form = entry(writer, case), button(writer, case)
    aside = {"reason": "declares"}
    player.play([{"as": "team_member", "do": "conflict", "answers": aside}])
    assert player.played[-1].went_as_said, player.played[-1]
    writer.form = form
    assert writer.client.post(undo(case, seq), data=form).status_code == 404


@pytest.mark.exhaustive
def test_what_the_form_says_strangely_breaks_nothing(writer: Browser, case: str) -> None:
    seq = entry(writer, case)
    for strange in ("x", "-1", "9" * 30):
        sent = {**button(writer, case), "expected": strange}
        assert writer.client.post(undo(case, seq), data=sent).status_code in (303, 409)
    assert writer.client.get(undo(case, 10**12)).status_code == 404


def test_a_danger_is_taken_back_once_what_follows_has_been_read(browse: Browse, case: str) -> None:
    member = browse("team_member")
    member.open(f"{case}/danger")
    member.send(f"{case}/danger", danger="blackmail")
    for page in (f"{case}/first-minutes", case):
        html = member.client.get(page).get_data(as_text=True)
        found = re.search(rf'href="({case}/entries/\d+/undo)"', html)
        assert found is not None, page
        assert "Signalé par erreur" in html
        assert f'action="{found[1]}"' not in html, "never with one tap"
    html = member.client.get(found[1]).get_data(as_text=True)
    assert "un doute suffit" in html
    assert f'action="{found[1]}"' in html
    head = browse("head")
    assert found[1] not in head.client.get(f"{case}/first-minutes").get_data(as_text=True)
    member.form = button(member, case, found[1])
    assert member.send(found[1]).location == case
    html = member.client.get(case).get_data(as_text=True)
    assert "C’est annulé" in html
    assert "Annulée avec le danger qui l’avait provoquée" in member.client.get(f"{case}/chronology").get_data(
        as_text=True
    )


def test_what_was_tapped_by_mistake_is_taken_back_from_the_first_minutes_for_ten_of_them(
    browse: Browse, case: str, player: Player
) -> None:
    member, page = browse("team_member"), f"{case}/first-minutes"
    member.open(f"{case}/danger")
    member.send(f"{case}/danger", danger="blackmail")
    member.record(f"{case}/acts/told_by_voice", a__who_was_told="head")
    seq = seq_of(member.client.get(page).get_data(as_text=True), case)
    assert f"{case}/entries/{seq}/undo" not in browse("head").client.get(page).get_data(as_text=True)
    member.form = button(member, case, page)
    player.clock.advance(timedelta(minutes=10, seconds=1))
    assert f"{case}/entries/{seq}/undo" not in member.client.get(page).get_data(as_text=True)
    assert member.client.post(undo(case, seq), data=member.form).status_code == 409
    player.clock.advance(timedelta(seconds=-2))
    assert member.send(undo(case, seq)).location == case
    assert "C’est annulé" in member.client.get(case).get_data(as_text=True)


def test_a_danger_on_which_something_rests_says_how_it_ends(browse: Browse, case: str) -> None:
    member, head = browse("team_member"), browse("head")
    member.open(f"{case}/danger")
    member.send(f"{case}/danger", danger="blackmail")
    html = member.client.get(case).get_data(as_text=True)
    found = re.search(rf'href="({case}/entries/\d+/undo)"', html)
    assert found is not None
    member.form = button(member, case, found[1])
    head.record(f"{case}/acts/note", a__text="Je suis avec l’élève")
    member.form["expected"] = "99"
    said = member.send(found[1], 409).get_data(as_text=True)
    assert "il ne s’annule plus" in said
    assert f"{case}/acts/lift_danger" in said
    assert "Corriger cette fiche" not in said
