"""Pages on which an observation stands beside what it is about, and is answered there, in each language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW, SAFE
from services.conftest import School
from services.reviewing import ASKS, observes
from services.test_seeing import HEARD

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.supervision.remarks import settle_remark
from web.filled import filled
from web.test_remarks import client, page

REFUSED = {
    "fr": "Répondez en une phrase",
    "ar": "المرجو الجواب بجملة",
    "en": "Answer in a sentence",
}
OPEN, ANSWER = "Zqobserved", "Zqanswered"


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    ctx = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    found = School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[arg-type]
    found.report()
    yield found
    ctx.close()


def beside(html: str, seq: int) -> str:
    """What stands in the chronology of that entry."""
    return re.findall(rf'<li id="event-{seq}">.*?(?=<li id="event-|\Z)', html, re.DOTALL)[0]


@pytest.mark.exhaustive
def test_an_answer_that_came_second_is_not_lost(school: School) -> None:
    """Two people answer the same observation: the words of the second stand on the page that says so."""
    seq = observes(school, replace(ASKS, text=OPEN)).seq
    head, other, case = client(school, "head", "fr"), client(school, "head", "fr"), f"/cases/{school.number}"
    address = f"{case}/remarks/{seq}/1/settled"
    first, second = (dict(filled(page(one, case), f"/{seq}/1/settled")) for one in (head, other))
    assert head.post(address, data={**first, "sentence": ANSWER}).status_code == 303
    late = other.post(address, data={**second, "sentence": "Zqsecond : appelé ce matin."})
    assert late.status_code == 409
    said = late.get_data(as_text=True)
    assert "Zqsecond : appelé ce matin." in said.replace("\xa0", " ")
    assert "n’a pas été enregistré" in said
    assert "Zqsecond" not in page(head, case)


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_an_entry_s_observation_is_answered_beside_it_and_no_empty_answer_is_taken(
    school: School, language: str
) -> None:
    seq = observes(school, replace(ASKS, text=OPEN)).seq
    head, case = client(school, "head", language), f"/cases/{school.number}"
    shown = page(head, f"{case}/chronology")
    assert OPEN in beside(shown, 2)
    assert shown.count(OPEN) - beside(shown, seq).count(OPEN) == 1, "once, and in what came by itself"
    form, address = dict(filled(shown, f"/{seq}/1/settled")), f"{case}/remarks/{seq}/1/settled"
    assert form["at"] == "chronology-"
    empty = head.post(address, data={**form, "sentence": " … "})
    assert empty.status_code == 422
    again = beside(empty.get_data(as_text=True), 2)
    assert REFUSED[language] in again
    assert "> … </textarea>" in again.replace("\n", ""), "what was typed is kept, at its place"
    form = dict(filled(empty.get_data(as_text=True), f"/{seq}/1/settled"))
    taken = head.post(address, data={**form, "sentence": ANSWER})
    assert (taken.status_code, taken.headers["Location"]) == (303, f"{case}/chronology#remark-{seq}-1")
    for who in ("head", "directorate"):
        assert ANSWER in beside(page(client(school, who, language), f"{case}/chronology"), 2), who


@pytest.mark.exhaustive
def test_an_answer_may_be_as_long_as_what_was_asked_and_no_word_of_a_longer_one_is_cut(school: School) -> None:
    seq = observes(school, replace(ASKS, text=OPEN)).seq
    head, case = client(school, "head"), f"/cases/{school.number}"
    shown, address = page(head, f"{case}/chronology"), f"{case}/remarks/{seq}/1/settled"
    assert "maxlength" not in beside(shown, 2)
    long = "mot " * 500
    form = dict(filled(shown, f"/{seq}/1/settled"))
    refused = head.post(address, data={**form, "sentence": long + "zqfin de la phrase"})
    assert refused.status_code == 422
    assert "zqfin de la phrase</textarea>" in beside(refused.get_data(as_text=True), 2)
    form = dict(filled(refused.get_data(as_text=True), f"/{seq}/1/settled"))
    assert head.post(address, data={**form, "sentence": long}).status_code == 303
    (remark,) = school.seen_by("directorate").remarks
    assert len(remark.sentence) == 1999


@pytest.mark.exhaustive
def test_the_chronology_says_what_an_answer_was_about(school: School) -> None:
    entry = school.act("team_coordinator", "listening_target", HEARD, listener=school.account("team_coordinator")).seq
    for text, place in ((OPEN, {"entry": entry, "field": "place"}), ("Et le reste ?", {"entry": 0})):
        seq = observes(school, replace(ASKS, text=text, **place)).seq
        settle_remark(school.ctx, school.person("head"), school.number, seq, 1, ANSWER, token=school.token())
    whole, asked = (event.seq for event in school.seen_by("head").chronology.events if event.kind == "remark_settled")
    label = school.ctx.library.current()[0].form_of("listening_target").by_key["place"].label.in_language("fr")
    shown = page(client(school, "head"), f"/cases/{school.number}/chronology")
    lines = {one: shown[shown.index(f'id="event-{one}"') :].partition("</li>")[0] for one in (whole, asked)}
    assert f'href="/cases/{school.number}/entries/{entry}#remark-' in lines[asked]
    assert label in lines[asked]
    assert "Le dossier dans son ensemble" in lines[whole]


@pytest.mark.exhaustive
def test_a_question_s_observation_stands_beside_its_answer_and_is_answered_on_that_page(school: School) -> None:
    who = "team_coordinator"
    entry = school.act(who, "listening_target", HEARD, listener=school.account(who)).seq
    directorate = client(school, "directorate")
    form = page(directorate, f"/cases/{school.number}/review/observe?about={entry}.place")
    typed = {**dict(filled(form)), "about": f"{entry}.place", "text": OPEN, "awaits": "1"}
    assert f'value="{entry}.place" selected' in form
    assert directorate.post(f"/cases/{school.number}/review/observe", data=typed).status_code == 303
    seq = school.seen_by("head").remarks[0].seq
    head, path = client(school, "head"), f"/cases/{school.number}/entries/{entry}"
    shown = page(head, path)
    label = school.ctx.library.current()[0].form_of("listening_target").by_key["place"].label.in_language("fr")
    row = next(one for one in re.findall(r"<div><dt>.*?</dd></div>", shown, re.DOTALL) if OPEN in one)
    assert label in row.partition("</dt>")[0]
    form = dict(filled(shown, f"/{seq}/1/settled"))
    address = f"/cases/{school.number}/remarks/{seq}/1/settled"
    empty = head.post(address, data={**form, "sentence": ""})
    assert empty.status_code == 422
    assert REFUSED["fr"] in empty.get_data(as_text=True)
    assert f'id="remark-{seq}-1"' in empty.get_data(as_text=True)
    taken = head.post(address, data={**form, "sentence": ANSWER})
    assert taken.headers["Location"] == f"{path}#remark-{seq}-1"
    assert ANSWER in page(directorate, path)


@pytest.mark.exhaustive
def test_a_missing_form_s_observation_stands_where_it_is_to_be_written_and_on_its_own_page(school: School) -> None:
    directorate, head, case = client(school, "directorate"), client(school, "head"), f"/cases/{school.number}"
    form = page(directorate, f"{case}/review/observe")
    assert 'value="act.safety_check"' in form
    assert 'value="act.follow_up"' not in form
    typed = {**dict(filled(form)), "about": "act.safety_check", "text": OPEN, "awaits": "1"}
    assert directorate.post(f"{case}/review/observe", data=typed).status_code == 303
    seq = school.seen_by("head").remarks[0].seq
    next_card = page(head, case).partition('aria-labelledby="yours"')[2].partition("</section>")[0]
    assert OPEN in next_card
    assert f"{case}/acts/safety_check" in next_card
    assert OPEN in page(head, f"{case}/acts/safety_check")
    written = school.act("head", "safety_check", SAFE).seq
    assert OPEN in page(head, f"{case}/entries/{written}")
    form = dict(filled(page(head, case), f"/{seq}/1/settled"))
    sent = head.post(f"{case}/remarks/{seq}/1/settled", data={**form, "sentence": ANSWER})
    assert sent.status_code == 303
    assert ANSWER in page(directorate, f"{case}/entries/{written}")


@pytest.mark.exhaustive(
    but=(
        "2.",
        "2.nothing",
        "act",
    )
)
@pytest.mark.parametrize("about", ["x", "2.nothing", "act.", "act.follow_up", "9" * 5000, "99", "2.", "act"])
def test_a_place_that_is_none_is_said_at_its_box_and_the_words_stay(school: School, about: str) -> None:
    found, path = client(school, "directorate"), f"/cases/{school.number}/review/observe"
    form = {**dict(filled(page(found, path))), "about": about, "text": OPEN}
    sent = found.post(path, data=form)
    assert sent.status_code == (422 if about != "2." else 303)
    if about != "2.":
        assert OPEN in sent.get_data(as_text=True)
        assert 'id="about-problem"' in sent.get_data(as_text=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "directorate"])
def test_the_card_of_the_review_leads_to_the_place_and_to_all_of_them(school: School, who: str) -> None:
    seq = observes(school).seq
    reader, entry = client(school, who), f"/cases/{school.number}/entries/2"
    card = page(reader, f"/cases/{school.number}")
    card = card.partition('aria-labelledby="review"')[2].partition("</section>")[0]
    assert f'href="{entry}#remark-{seq}-1"' in card
    assert f'id="remark-{seq}-1"' in page(reader, entry)
    assert f'href="/cases/{school.number}/remarks"' in card


@pytest.mark.exhaustive
def test_an_answer_typed_in_the_older_chronology_comes_back_there(school: School) -> None:
    seq = observes(school, replace(ASKS, text=OPEN)).seq
    for _note in range(22):
        school.act("head", "note", text="Un mot.")
    head, case = client(school, "head"), f"/cases/{school.number}"
    assert OPEN not in page(head, case).partition('id="log"')[2]
    assert f'action="{case}/remarks/{seq}/1/settled"' in page(head, case), "its place is on no page that is shown"
    older = page(head, f"{case}/chronology?before=6")
    form = dict(filled(older, f"/{seq}/1/settled"))
    assert OPEN in beside(older, 2)
    address = f"{case}/remarks/{seq}/1/settled"
    empty = head.post(address, data={**form, "sentence": ""})
    assert (empty.status_code, REFUSED["fr"] in beside(empty.get_data(as_text=True), 2)) == (422, True)
    taken = head.post(address, data={**form, "sentence": ANSWER})
    assert taken.headers["Location"] == f"{case}/chronology?before=6#remark-{seq}-1"


@pytest.mark.exhaustive
@pytest.mark.parametrize("at", ["", "kitchen", "entry-", "entry-99", "entry-" + "9" * 30, "case-2"])
def test_where_an_answer_came_from_is_believed_only_where_there_is_such_a_page(school: School, at: str) -> None:
    seq = observes(school).seq
    head, case = client(school, "head"), f"/cases/{school.number}"
    form = {**dict(filled(page(head, case), f"/{seq}/1/settled")), "at": at}
    empty = head.post(f"{case}/remarks/{seq}/1/settled", data={**form, "sentence": ""})
    assert empty.status_code == (404 if at == "entry-99" else 422)
    taken = head.post(f"{case}/remarks/{seq}/1/settled", data={**form, "sentence": ANSWER})
    assert taken.status_code == 303
    assert taken.headers["Location"].startswith("/cases/")
