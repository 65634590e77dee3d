"""Whoever was under twelve is named by their sign where it matters, and no penal text is suggested about them."""

from __future__ import annotations

import pytest
from engine.telling import Told, reported

from school_protocol.cases.showing import see_act
from school_protocol.engine.case_summary import standing, unasked
from school_protocol.engine.definition import Protocol
from school_protocol.engine.intents import RecordAct

from .conftest import School

TWO = [{"slot": "pupil_concerned", "name": name} for name in ("Amine T.", "Rim O.")]


def found(told: Told) -> list[tuple[str, tuple[str, ...], bool]]:
    assert told.case is not None
    return [(one.caution.key, one.people, one.of_all) for one in standing(told.protocol, told.case)]


def heard(told: Told, age: int, who: str | None = "pupil_concerned-1") -> Told:
    answers = {"mode": "factual", "age_at_facts": age, **({"heard": who} if who else {})}
    return told.act("team_member", "interview_concerned", answers)


@pytest.fixture
def two(moroccan: Protocol) -> Told:
    return reported(moroccan).act("head", "add_person", persons=TWO)


@pytest.mark.parametrize(("age", "stands"), [(11, True), (12, False), (15, False)])
def test_it_stands_under_twelve_alone(two: Told, age: int, stands: bool) -> None:
    assert found(heard(two, age)) == ([("under_twelve", ("pupil_concerned-1",), False)] if stands else [])


def test_the_latest_entry_about_each_pupil_counts_and_a_correction_does(two: Told) -> None:
    heard(two, 11)
    heard(two, 10, "pupil_concerned-2")
    assert found(two) == [("under_twelve", ("pupil_concerned-1", "pupil_concerned-2"), True)]
    heard(two, 12)
    assert found(two) == [("under_twelve", ("pupil_concerned-2",), False)]
    assert two.case is not None
    record = two.case.records[-2]
    changes = {**record.answers, "age_at_facts": 13}
    said = {"record": str(record.seq), "what_changes": "x", "reason": "y"}
    two._take("team_member", RecordAct("correction", said, False, changes))
    assert found(two) == []


def test_an_entry_that_names_nobody_warns_about_somebody(two: Told) -> None:
    assert found(heard(two, 9, None)) == [("under_twelve", (), False)]


def test_articles_of_penal_law_are_not_asked_for_where_every_pupil_concerned_is_under_twelve(two: Told) -> None:
    def left_out() -> frozenset[str]:
        assert two.case is not None
        return unasked(standing(two.protocol, two.case), "minutes")

    assert left_out() == frozenset()
    heard(two, 11)
    assert left_out() == frozenset(), "the other one may be older"
    heard(two, 10, "pupil_concerned-2")
    assert left_out() == {"articles_hint"}
    assert two.is_open("head", "referral"), "protecting a child is never shut"


def test_pages_say_it_with_the_sign_to_whoever_may_read_that_entry(school: School) -> None:
    school.report()
    school.act("team_member", "interview_concerned", mode="factual", age_at_facts=11, heard="pupil_concerned-1")
    for who in ("team_member", "head", "directorate"):
        (line,) = school.seen_by(who).head.cautions
        assert [one.label for one in line.people] == ["EC1"]
    view = see_act(school.ctx, school.person("team_coordinator"), school.number, "minutes")
    assert "articles_hint" not in view.form.by_key
    assert "offence_question" in view.form.by_key
    school.act("head", "name_seat", seat="support", account=school.account("psychosocial"), side="targeted")
    assert school.seen_by("psychosocial").head.cautions == (), "seated for the other side"
