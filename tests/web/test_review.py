"""Pages of reviews: nothing typed is lost, nothing is done twice, and what somebody chose is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from services.conftest import NAME, School
from services.reviewing import closing, observes, placed
from werkzeug.test import TestResponse

from school_protocol.auth import sign_in_repository
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.supervision.remarks import settle_remark
from school_protocol.supervision.review import ask_review, end_review
from school_protocol.web import create_app

TEXT = "Qui a informé la famille, et quand ?"


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    ctx = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    yield School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[arg-type]
    ctx.close()


def client(school: School, who: str) -> FlaskClient:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, account, now=school.ctx.now())
    found = create_app(school.ctx, testing=True).test_client()
    found.set_cookie("session", token)
    return found


def hidden(page: str) -> dict[str, str]:
    """What a form carries along, of the last form of a page."""
    form = re.findall(r'<form class="card" method="post".*?</form>', page, re.DOTALL)[-1]
    return dict(re.findall(r'name="(csrf_token|shown_to|token|expected)" value="([^"]*)"', form))


def sent(found: FlaskClient, path: str, **typed: str) -> TestResponse:
    return found.post(path, data={**hidden(found.get(path).get_data(as_text=True)), **typed})


@pytest.mark.exhaustive
def test_what_came_meanwhile_is_shown_beside_what_was_typed(school: School) -> None:
    school.report()
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/observe?entry=2"
    form = hidden(found.get(path).get_data(as_text=True))
    school.act("team_member", "note", text="Un mot de plus.")
    answer = found.post(path, data={**form, "about": "2", "text": TEXT, "awaits": "1"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert TEXT in page
    assert school.ctx.library.current()[0].acts["note"].title.in_language("fr") in page
    again = found.post(path, data={**hidden(page), "about": "2", "text": TEXT, "awaits": "1"})
    assert again.status_code == 303
    assert school.seen_by("head").remarks[0].entry == 2


@pytest.mark.exhaustive
def test_pressed_twice_it_is_there_once_and_the_second_press_says_so(school: School) -> None:
    school.report()
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/observe"
    form = {**hidden(found.get(path).get_data(as_text=True)), "text": TEXT, "awaits": "1"}
    assert [found.post(path, data=form).status_code for _press in range(2)] == [303, 303]
    assert len(school.seen_by("head").remarks) == 1
    other = found.post(path, data={**form, "text": "Autre chose"})
    assert other.status_code == 409
    assert "Autre chose" in other.get_data(as_text=True)


@pytest.mark.exhaustive
def test_an_observation_that_waits_for_an_answer_is_not_made_twice_from_a_page_opened_anew(school: School) -> None:
    school.report()
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/observe"
    typed = {"about": "2", "text": TEXT, "awaits": "1"}
    assert sent(found, path, **typed).status_code == 303
    again = sent(found, path, **{**typed, "text": TEXT.replace(" ", "\n")})
    assert again.status_code == 422
    assert "déjà fait cette observation" in again.get_data(as_text=True)
    (first,) = school.seen_by("head").remarks
    for who, other in (
        ("directorate", {"about": ""}), ("directorate", {"text": "Autre"}), ("directorate/2", {}), ("academy", {}),
    ):  # fmt: skip
        assert sent(client(school, who), path, **{**typed, **other}).status_code == 303, (who, other)
    settle_remark(school.ctx, school.person("head"), school.number, first.seq, 1, "Dit.", token=school.token())
    assert sent(found, path, **typed).status_code == 303, "it was answered, and is asked again"
    assert sent(found, path, **{**typed, "about": "", "awaits": ""}).status_code == 422, "though no answer is asked now"


def test_a_name_is_refused_with_the_words_kept_and_nobody_is_told_whose(school: School) -> None:
    school.report()
    answer = sent(client(school, "directorate"), f"/cases/{school.number}/review/observe", text=f"Et {NAME} ?")
    assert answer.status_code == 422
    assert f"Et {NAME} ?" in answer.get_data(as_text=True)
    assert school.seen_by("head").remarks == ()


def test_refusing_says_what_is_missing_and_then_sends_back(school: School) -> None:
    closing(school)
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/refuse"
    assert sent(found, path, reason=" ").status_code == 422
    assert sent(found, path, reason="Il manque le compte rendu.").status_code == 303
    assert "Il manque le compte rendu." in client(school, "head").get(f"/cases/{school.number}").get_data(as_text=True)
    assert found.get(path).status_code == 404


@pytest.mark.exhaustive
def test_reasons_for_a_visa_that_is_not_open_any_more_are_shown_and_not_lost(school: School) -> None:
    closing(school)
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/refuse"
    form = hidden(found.get(path).get_data(as_text=True))
    placed(school, "follow_up_reinforced", by="head")
    placed(school, "closed", by="head")
    answer = found.post(path, data={**form, "reason": TEXT})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert TEXT in page
    assert "<textarea" not in page, "there is nothing to press any more"
    assert school.ctx.library.current()[0].states["closed"].title.in_language("fr") in page, "what came meanwhile"
    assert found.get(path).status_code == 404


def test_another_refusal_from_the_form_that_was_taken_is_shown_and_not_lost(school: School) -> None:
    closing(school)
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/refuse"
    form = hidden(found.get(path).get_data(as_text=True))
    assert found.post(path, data={**form, "reason": "Il manque le compte rendu."}).status_code == 303
    placed(school, "closed", by="head")
    answer = found.post(path, data={**form, "reason": TEXT})
    assert (answer.status_code, TEXT in answer.get_data(as_text=True)) == (409, True)


@pytest.mark.exhaustive
def test_what_came_meanwhile_is_shown_before_a_case_is_called_examined(school: School) -> None:
    school.report()
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/examined"
    form = hidden(found.get(path).get_data(as_text=True))
    school.act("team_member", "note", text="Un mot de plus.")
    answer = found.post(path, data={**form, "sentence": TEXT})
    page = answer.get_data(as_text=True)
    assert (answer.status_code, TEXT in page) == (409, True)
    assert school.ctx.library.current()[0].acts["note"].title.in_language("fr") in page
    assert found.post(path, data={**hidden(page), "sentence": TEXT}).status_code == 303


def test_a_button_that_is_over_by_now_says_how_it_stands_and_to_others_there_is_nothing(school: School) -> None:
    school.report()
    path = f"/cases/{school.number}/review"

    def pressed(who: str, what: str) -> tuple[int, list[str]]:
        answer = client(school, who).get(f"{path}/{what}")
        page = answer.get_data(as_text=True)
        words = (
            "attend déjà d’être examiné", "attendent la réponse de l’équipe", "Rien n’attend",
            "plus envoyé pour examen", "attend d’autres personnes",
        )  # fmt: skip
        return answer.status_code, [one for one in words if one in page]

    assert pressed("head", "send") == (200, [])
    assert pressed("directorate", "examined") == (409, ["Rien n’attend"])
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    assert pressed("head", "send") == (409, ["attend déjà d’être examiné"])
    assert pressed("directorate", "examined") == (200, [])
    assert pressed("academy", "examined") == (409, ["attend d’autres personnes"])
    seq = observes(school).seq
    for who, what in (("team_coordinator", "send"), ("directorate", "examined")):
        assert pressed(who, what) == (409, ["attendent la réponse de l’équipe"])
    settle_remark(school.ctx, school.person("head"), school.number, seq, 1, "Dit.", token=school.token())
    end_review(
        school.ctx, school.person("directorate"), school.number, expected=school.last_seq(), token=school.token()
    )
    assert pressed("directorate", "examined") == (409, ["Rien n’attend"])
    placed(school, "closed", by="head")
    assert pressed("head", "send") == (409, ["plus envoyé pour examen"])
    for who, what in (("team_member", "send"), ("head", "examined"), ("academy", "send"), ("data_officer", "send")):
        assert pressed(who, what)[0] == 404, (who, what)


def test_the_queue_is_kept_for_the_person_and_an_address_narrows_it(school: School) -> None:
    closing(school)
    found = client(school, "directorate")
    assert school.number in found.get("/review").get_data(as_text=True)
    assert school.number not in found.get("/review?kind=urgent&place=&level=").get_data(as_text=True)
    assert school.number not in found.get("/review").get_data(as_text=True)
    assert school.number in client(school, "directorate/2").get("/review").get_data(as_text=True)
    assert school.number in found.get("/review?kind=&place=&level=3").get_data(as_text=True)
    assert NAME not in found.get("/review").get_data(as_text=True)
    for odd in ("?after=x", "?level=٣", "?kind=<b>", "?place=%00", "?after=" + "9" * 199):
        assert found.get(f"/review{odd}").status_code == 200
    assert found.get("/review?after=" + "9" * 201).status_code == 404


def test_a_moment_that_is_due_is_said_once_on_a_line_of_the_queue(school: School) -> None:
    closing(school)
    page = client(school, "directorate").get("/review").get_data(as_text=True)
    (line,) = re.findall(r'<li class="card case.*?<div class="when">.*?</div>', page, re.DOTALL)
    said = re.findall(r'<span class="pill \w+">(Avant[^<]*|Le [^<]*|D’ici[^<]*|[^<]*2026)</span>', line)
    assert len(said) == 1, said


def test_a_queue_that_is_narrowed_says_so_and_what_urgent_it_leaves_out(school: School) -> None:
    closing(school, 4)
    school.report()
    school.act("team_member", "raise_danger", which_danger="blackmail")
    urgent, found = school.number, client(school, "directorate")
    whole = found.get("/review").get_data(as_text=True)
    said = found.get("/review?kind=&place=00000A&level=4").get_data(as_text=True)
    everything = "/review?kind=&amp;place=&amp;level="
    for page, narrowed in ((whole, False), (said, True)):
        top = page[page.index("<main") : page.index('<ul class="cases"')]
        assert ("Un dossier urgent attend" in top) == narrowed
        assert ("Ne sont montrés que ceux-ci" in top) == narrowed
        assert (f'href="{everything}">Afficher tout ce qui attend' in top) == narrowed
        assert (f'href="{everything}" aria-current="true"' in top) != narrowed
    assert urgent not in said
    assert 'href="/review?kind=urgent&amp;place=&amp;level="' in said
    assert urgent in found.get("/review?kind=urgent&place=&level=").get_data(as_text=True)


def test_an_answer_that_is_asked_for_is_said_on_the_desk_and_what_waits_for_it_beside_the_queue(school: School) -> None:
    school.report()
    observes(school)
    assert "Une observation attend votre réponse" in client(school, "head").get("/?filter=mine").get_data(as_text=True)
    found = client(school, "academy")
    queue = found.get("/review").get_data(as_text=True)
    assert school.number not in queue
    assert "kind=team" in queue
    listed = found.get("/review?kind=team&place=&level=").get_data(as_text=True)
    assert school.number in listed
    assert "attend votre réponse" not in listed


def test_before_the_visa_and_the_end_it_is_said_that_observations_wait_for_an_answer(school: School) -> None:
    closing(school)
    seq, path = observes(school, who="academy").seq, f"/cases/{school.number}"
    directorate, head = client(school, "directorate"), client(school, "head")

    def said(found: FlaskClient, at: str) -> bool:
        page = found.get(f"{path}/{at}").get_data(as_text=True)
        notice = re.search(r'<p class="alert today">(.*?)</p>', page, re.DOTALL)
        form = page.find('<form class="card"')
        assert notice is None or form < 0 or page.index(notice[0]) < form
        return notice is not None and "observation attend encore" in notice[1] and f'href="{path}/remarks"' in notice[1]

    places = ((directorate, "acts/directorate_visa"), (head, "moves/close"))
    assert [said(*place) for place in places] == [True, True]
    assert not said(head, "acts/note")
    assert not said(directorate, "acts/conflict")
    assert not said(head, "moves/refuse_close"), "the case goes on"
    school.act("directorate", "directorate_visa", decision="given")
    review = school.seen_by("head").review
    assert review is not None
    assert review.state == "visaed"
    settle_remark(school.ctx, school.person("head"), school.number, seq, 1, "Dit le 12.", token=school.token())
    assert [said(*place) for place in places] == [False, False]


@pytest.mark.exhaustive
def test_what_is_asked_of_a_case_that_has_ended_stands_on_its_page(school: School) -> None:
    school.report()
    placed(school, "closed", by="head")
    path, said = f"/cases/{school.number}", "Écrit depuis que le dossier est terminé"
    assert said not in client(school, "head").get(path).get_data(as_text=True)
    school.act("academy", "ask_reopening", reason="Les suivis n’ont pas été tenus.")
    for who, opens in (("head", True), ("academy", False)):
        page = client(school, who).get(path).get_data(as_text=True)
        alert = page[page.index('<div class="alert soon"><strong>') :].partition("</div>")[0]
        assert said in alert
        assert (f'href="{path}/moves/reopen"' in alert, "Qui peut" in alert) == (opens, not opens)


@pytest.mark.exhaustive
def test_the_page_of_a_case_says_where_its_review_stands_to_whoever_reads_it(school: School) -> None:
    school.report()
    observes(school)
    for who in ("team_member", "head", "academy"):
        page = client(school, who).get(f"/cases/{school.number}").get_data(as_text=True)
        assert 'aria-labelledby="review"' in page, who
    assert 'aria-labelledby="review"' not in client(school, "data_officer").get(f"/cases/{school.number}").get_data(
        as_text=True
    )
