"""The word of a case: given as it is opened, by no other open case of the school; chosen anew by whoever leads it."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from school_protocol.cases import lists, word_choice
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.lists import find_by_word, see_desk
from school_protocol.cases.loading import folded, reindex
from school_protocol.cases.models import CaseIndexRow
from school_protocol.cases.showing import see_chronology
from school_protocol.cases.word_choice import choose_word, see_words
from school_protocol.engine.case_words import WORDS, said, word_of_number
from school_protocol.engine.errors import BadInput, Unseen

from .conftest import School


def word_of(school: School) -> str:
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number)
        assert case_id is not None
        case = folded(school.ctx, session, case_id)[1]
        listed = session.scalar(select(CaseIndexRow.word).where(CaseIndexRow.case_id == case_id))
    assert listed == case.word
    return case.word


def choose(school: School, who: str, word: str, token: str = "") -> bool:
    done = choose_word(school.ctx, school.person(who), school.number, word, token=token or school.token())
    return done.repeated


def test_no_two_open_cases_of_a_school_have_the_same_one(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "school_protocol.cases.loading.words_drawn", lambda _ctx, _id, _time=0: ["compass", "saffron", "kite"]
    )
    found = []
    for _case in range(4):
        school.report()
        found.append(word_of(school))
    assert found == ["compass", "saffron", "kite", "compass-2"]
    lines = see_desk(school.ctx, school.person("head")).lines
    assert {line.word["fr"] for line in lines} == {"Boussole", "Safran", "Cerf-volant", "Boussole 2"}


def test_a_name_of_its_people_is_not_given(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("school_protocol.cases.loading.words_drawn", lambda _ctx, _id, _time=0: ["compass", "kite"])
    school.report(about_whom=[{"slot": "targeted_pupil", "name": "Boussole Benali"}])
    assert word_of(school) == "kite"


def test_words_are_drawn_by_a_key(school: School) -> None:
    """So that which ones are passed over can't be told from outside."""
    orders = [word_choice.words_drawn(school.ctx, case_id, time) for case_id in ("a", "b") for time in (0, 1)]
    assert len({tuple(order) for order in orders}) == len(orders)
    assert all(sorted(order) == sorted(WORDS) for order in orders)
    assert orders[0] == word_choice.words_drawn(school.ctx, "a")


@pytest.mark.parametrize("who", ["head", "directorate", "academy", "team_member/2", "reporter"])
def test_whoever_does_not_lead_it_is_refused(school: School, who: str) -> None:
    school.report()
    before = word_of(school)
    with pytest.raises(Unseen):
        see_words(school.ctx, school.person(who), school.number)
    with pytest.raises(Unseen):
        choose(school, who, "compass")
    assert word_of(school) == before


def test_whoever_leads_it_chooses_one_of_those_that_are_proposed(school: School) -> None:
    school.report()
    others = {word_of(school)}
    school.report()
    others.add(word_of(school))
    view = see_words(school.ctx, school.person("team_coordinator"), school.number)
    assert len(view.proposed) == word_choice.PROPOSED
    assert others.isdisjoint(view.proposed)
    assert view.head.chooses_word
    assert not school.seen_by("head").head.chooses_word
    for wrong in ("", "Yasmine", word_of(school), next(word for word in WORDS if word not in view.proposed)):
        with pytest.raises(BadInput):
            choose(school, "team_coordinator", wrong)
    word = next(iter(view.proposed))
    assert not choose(school, "team_coordinator", word, "once")
    assert choose(school, "team_coordinator", word, "once"), "pressed twice is once"
    assert word_of(school) == word
    page = see_chronology(school.ctx, school.person("directorate"), school.number)[1]
    [event] = [one for one in page.events if one.kind == "word_chosen"]
    assert event.detail == {"word": said(word)}
    assert see_words(school.ctx, school.person("team_coordinator"), school.number).proposed != view.proposed


def test_a_case_is_found_by_it_in_three_languages_by_whoever_sees_it(school: School) -> None:
    school.report()
    word = said(word_of(school))
    for who in ("team_coordinator", "head", "directorate"):
        for text in word.values():
            [line] = find_by_word(school.ctx, school.person(who), text)
            assert (line.number, line.word) == (school.number, word)
    assert find_by_word(school.ctx, school.person("reporter"), word["fr"]) == ()
    assert find_by_word(school.ctx, school.person("head"), "Yasmine") == ()


def test_of_more_than_a_page_the_open_ones_are_found(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [school.report().number for _time in range(3)]
    with school.ctx.realm.writing() as session:
        ended = CaseIndexRow.number.in_(numbers[:2])
        session.execute(update(CaseIndexRow).values(word=next(iter(WORDS))))
        session.execute(update(CaseIndexRow).where(ended).values(ended=True))
    for most, found in ((25, 3), (2, 2), (1, 1)):
        monkeypatch.setattr(lists, "PAGE", most)
        lines = find_by_word(school.ctx, school.person("directorate"), said(next(iter(WORDS)))["fr"])
        assert len(lines) == found
        assert lines[0].number == numbers[2]


def test_a_row_of_before_is_told_by_the_word_of_its_number(school: School) -> None:
    school.report()
    with school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        session.execute(update(CaseIndexRow).where(CaseIndexRow.case_id == case_id).values(word=None))
    [line] = see_desk(school.ctx, school.person("head")).lines
    assert line.word == said(word_of_number(school.number))
    with school.ctx.realm.writing() as session:
        reindex(school.ctx, session, case_id)
    assert see_desk(school.ctx, school.person("head")).lines[0].word == said(word_of(school))


def test_the_class_stands_on_the_page_of_whoever_reads_names(school: School) -> None:
    school.report(about_whom=[{"slot": "targeted_pupil", "name": "Yasmine Benali", "grade": "2AC"}])
    assert school.seen_by("head").head.grade == "2AC"
    assert school.seen_by("directorate").head.grade == ""


def test_another_word_is_nothing_that_somebody_wrote_meanwhile(school: School) -> None:
    """A form that was open stays good, and what was just written can still be taken back."""
    school.report()
    school.act("team_coordinator", "evidence", kind="none_found")
    opened = school.seen_by("team_coordinator")
    assert opened.just_written is not None
    view = see_words(school.ctx, school.person("team_coordinator"), school.number)
    choose(school, "team_coordinator", next(iter(view.proposed)))
    shown = school.seen_by("team_coordinator").just_written
    assert shown is not None
    assert shown.seq == opened.just_written.seq
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me", expected=opened.head.seq)
