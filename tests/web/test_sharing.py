"""Pages of cases over several schools, without JavaScript: found on the desk, answered in one page, no more seen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from services.conftest import NAME, WORDS, School
from services.sharing_region import ABROAD, FAR, NEAR, Region

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.web import create_app
from web.browsing import Browser, browser_of

SUMMARY = "Harcèlement en ligne depuis octobre."
QUESTION = "Des élèves de chez vous administrent-ils ce groupe ?"
DISTANCES = {NEAR: "directorate", FAR: "directorate P2", ABROAD: "directorate P3"}


@pytest.fixture
def region(tmp_path: Path, moroccan: Protocol) -> Iterator[Region]:
    ctx = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    yield Region(School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1)))  # type: ignore[arg-type]
    ctx.close()


def browser(region: Region, who: str, language: str = "fr") -> Browser:
    ctx = region.school.ctx
    return browser_of(create_app(ctx, testing=True), ctx, region.person(who).id, language)


def asked_for(region: Region, code: str) -> tuple[str, str]:
    """A case whose transfer there is asked for: its number, and where it is answered."""
    school = region.school
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    seq = school.act("head", "transfer", receiving_school=code, summary=SUMMARY, measures="Un adulte référent.").seq
    return school.number, f"/cases/{school.number}/asked/{seq}"


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", DISTANCES)
def test_a_transfer_is_found_on_the_desk_and_accepted_in_one_page(region: Region, code: str) -> None:
    number, path = asked_for(region, code)
    there = browser(region, f"head {code}")
    for start in ("/", "/from-schools"):
        assert f'href="{path}"' in there.open(start).html
    page = there.open(path).html
    assert SUMMARY in page
    assert NAME not in page
    assert WORDS not in page
    there.open(f"/cases/{number}", 404)
    there.open(path)
    answer = there.send(answer="accepted")
    assert answer.headers["Location"].endswith("/from-schools")
    there.open(path, 404)
    assert path not in there.open("/").html
    region.school.move("head", "transfer", reason="Déménagement")
    successor = region.school.seen_by("head").successor
    assert SUMMARY in there.open(f"/cases/{successor}/chronology").html
    for page in ("", "/people", "/chronology", "/outcomes"):
        assert NAME not in there.open(f"/cases/{successor}{page}").html, "the request said of nobody that they go along"


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_pupil_who_changes_school_stands_in_the_form_and_is_named_there_once_it_is_handed_over(
    region: Region, language: str
) -> None:
    school = region.school
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    here = browser(region, "head", language)
    act = school.ctx.library.current()[0].acts["transfer"]
    said = here.open(f"/cases/{school.number}/acts/transfer").html
    assert act.hint is not None
    assert said.count(Wording(language).text(act.hint)) == 1, "the form begins with what the act says of itself"
    assert "a-pupils" not in here.form, "of several nobody is ticked unasked"
    here.send(receiving_school=ABROAD, summary=SUMMARY, pupils="targeted_pupil-1")
    (line,) = region.waits_for(f"head {ABROAD}")
    there = browser(region, f"head {ABROAD}", language)
    page = there.open(f"/cases/{school.number}/asked/{line.seq}")
    assert "EV1" in page.text
    assert NAME not in page.text
    there.send(answer="accepted")
    school.move("head", "transfer", reason="Déménagement")
    there = browser(region, f"head {ABROAD}", language)
    assert NAME in there.open(f"/cases/{school.seen_by('head').successor}/people").text


@pytest.mark.exhaustive
@pytest.mark.parametrize(("code", "who"), DISTANCES.items())
def test_the_receiving_directorate_finds_it_among_what_waits_once_the_time_is_over(
    region: Region, code: str, who: str
) -> None:
    number, path = asked_for(region, code)
    above = browser(region, who)
    assert path not in above.open("/review").html
    above.open(path, 404)
    region.wait(days=1)
    above = browser(region, who)
    for start in ("/review", "/"):
        assert f'href="{path}"' in above.open(start).html
    if who != "directorate":
        above.open(f"/cases/{number}", 404)
    above.open(path)
    above.send(answer="accepted")


def test_a_school_that_nobody_knows_here_is_asked_about_and_then_waits_for_whoever_oversees(region: Region) -> None:
    school = region.school
    school.report()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    here = browser(region, "head")
    here.open(f"/cases/{school.number}/acts/transfer")
    own = here.send(422, receiving_school="00000A", summary=SUMMARY).get_data(as_text=True)
    assert "dont relève le dossier" in own
    unknown = here.send(422, receiving_school="09999z", summary=SUMMARY).get_data(as_text=True)
    assert "n’est connu ici" in unknown
    assert region.waits_for("directorate") == ()
    here.send(422, receiving_school="09998Z", summary=SUMMARY)
    here.send(receiving_school="09998Z", summary=SUMMARY)
    (line,) = region.waits_for("directorate")
    above = browser(region, "directorate")
    for start in ("/review", "/from-schools"):
        page = above.open(start)
        assert f'href="/cases/{school.number}/asked/{line.seq}"' in page.html
        assert "qui n’est pas connu ici" in page.text
    above.open(f"/cases/{school.number}/asked/{line.seq}")
    above.send(answer="accepted")


def test_pressed_twice_it_is_answered_once(region: Region) -> None:
    number, path = asked_for(region, FAR)
    there = browser(region, f"head {FAR}")
    there.open(path)
    form = dict(there.form) | {"a-answer": "accepted"}
    assert [there.client.post(path, data=form).status_code for _press in range(2)] == [303, 303]
    there.open(path, 404)
    records = [one for one in region.school.seen_by("head").chronology.events if one.kind == "transfer_accepted"]
    assert len(records) == 1
    assert number == region.school.number


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_whoever_answers_second_is_told_and_reads_what_they_typed(region: Region, language: str) -> None:
    _number, path = asked_for(region, FAR)
    region.wait(days=1)
    above, head = browser(region, "directorate P2", language), browser(region, f"head {FAR}", language)
    above.open(path)
    form = dict(above.form) | {"a-answer": "refused", "a-reason": "La classe est pleine."}
    head.open(path)
    head.send(answer="accepted")
    late = above.client.post(path, data=form)
    assert late.status_code == 409
    assert "La classe est pleine." in late.get_data(as_text=True)
    assert browser(region, "team_member").client.post(path, data=form).status_code in (400, 404)
    records = [one for one in region.school.seen_by("head").chronology.events if one.kind == "transfer_accepted"]
    assert [one.record.answers["answer"] for one in records if one.record] == ["accepted"]


def test_whoever_is_named_finds_the_request_on_their_desk_and_answers_it(region: Region) -> None:
    _number, path = asked_for(region, NEAR)
    member = f"team_member {NEAR}"
    browser(region, member).open("/from-schools", 404)
    region.school.act("directorate", "name_seat", seat="receiver", account=region.actors[member].id)
    there = browser(region, member)
    for start in ("/", "/from-schools"):
        assert f'href="{path}"' in there.open(start).html
    there.open(path)
    answer = there.send(answer="accepted")
    assert there.client.get(answer.headers["Location"]).status_code == 200
    there.open("/from-schools", 404)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_contribution_is_agreed_to_read_and_settled(region: Region, language: str) -> None:
    school = region.school
    school.report()
    seq = school.act("directorate", "ask_contribution", school=FAR, adult_concerned="no", asked=QUESTION).seq
    lead, path = school.number, f"/cases/{school.number}/asked/{seq}"
    above = browser(region, "directorate P2", language)
    assert f'href="{path}"' in above.open("/review").html
    assert QUESTION in above.open(path).html
    above.send(answer="accepted")
    here = browser(region, "team_coordinator", language)
    page = here.open(f"/cases/{lead}/outcomes").html
    told = f"/cases/{lead}/contributions/{seq}"
    assert f'href="{told}"' in page
    assert "EV1" in here.open(told).html, "that signs are each case's own is said"
    there = browser(region, f"head {FAR}", language)
    (line,) = region.school.seen_by("head").contributions
    pages = [there.open(f"/cases/{line.number}{part}").html for part in ("", "/people", "/chronology", "/outcomes")]
    assert any(QUESTION in page for page in pages)
    for secret in (NAME, WORDS, f'href="/cases/{lead}"'):
        assert not [page for page in pages if secret in page]
    for other in (f"/cases/{lead}", told, path):
        there.open(other, 404)
    here.open(f"/cases/{lead}/acts/settle_contribution?record={seq}")
    here.send(outcome="received")
    assert region.school.seen_by("head").contributions[0].state == "settled"
