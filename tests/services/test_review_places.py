"""Observations at their place: a question of a form, a missing form, a paper; read there by whom it is for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from handing import hand_out_as

from school_protocol.case_files.pages import about_said, as_told
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.showing import see_act, see_chronology, see_record
from school_protocol.cases.view_models import RemarkLine
from school_protocol.engine.errors import BadInput
from school_protocol.language import Wording
from school_protocol.supervision.remarks import attach_remarks, settle_remark
from services.conftest import School
from services.reviewing import ASKS, observes, placed
from services.test_seeing import everything, listened

WHOLE = replace(ASKS, entry=0)


def entry_of(school: School, act: str) -> int:
    events = school.seen_by("team_coordinator").chronology.events
    return next(one.seq for one in events if one.record and one.record.act.key == act)


def answer(school: School, seq: int, sentence: str, who: str = "head") -> Any:
    ctx = school.ctx
    return settle_remark(ctx, school.person(who), school.number, seq, 1, sentence, token=school.token())


def at_entry(school: School, seq: int, who: str) -> tuple[RemarkLine, ...]:
    """What this person finds beside that entry, in the chronology and on its own page."""
    ctx, actor, number = school.ctx, school.person(who), school.number
    lines = see_chronology(ctx, actor, number)[1].events
    beside = next(one.remarks for one in lines if one.seq == seq)
    assert next(one.remarks for one in school.seen_by(who).chronology.events if one.seq == seq) == beside
    return beside


@pytest.fixture
def sided(school: School) -> School:
    """Both sides were heard, and each has somebody who reads no word of the other's."""
    listened(school)
    for who, side in (("psychosocial", "targeted"), ("psychosocial/2", "concerned")):
        school.act("team_coordinator", "name_seat", seat="support", account=school.account(who), side=side)
    return school


@pytest.mark.exhaustive
def test_one_question_of_a_form_is_pointed_at_and_answered_beside_it(sided: School) -> None:
    school, entry = sided, entry_of(sided, "interview_concerned")
    done = observes(school, replace(WHOLE, text="Zqobserved", entry=entry, field="observed"))
    head, record = see_record(school.ctx, school.person("head"), school.number, entry)
    (line,) = record.remarks
    label = head.protocol.form_of("interview_concerned").by_key["observed"].label
    assert (line.field, line.part, line.text) == ("observed", label, "Zqobserved")
    assert at_entry(school, entry, "head") == (line,)
    answer(school, done.seq, "Zqanswered")
    (seen,) = at_entry(school, entry, "directorate")
    assert (seen.sentence, seen.settled_at is not None) == ("Zqanswered", True)
    for who, reads in (("psychosocial", False), ("psychosocial/2", True)):
        shown, (one,) = everything(school, who), at_entry(school, entry, who)
        assert [word in shown for word in ("Zqobserved", "Zqanswered")] == [reads, reads], who
        assert (one.is_hidden, one.part) == ((False, label) if reads else (True, None))


@pytest.mark.exhaustive(
    but=(
        "place0",
        "place3",
    )
)
@pytest.mark.parametrize(
    "place",
    [
        {"entry": 2, "field": "no_such_question"},
        {"entry": 1, "field": "observed"},
        {"entry": 0, "field": "observed"},
        {"act": "no_such_form"},
        {"act": "follow_up"},
        {"act": "directorate_visa"},
        {"act": "safety_check", "entry": 2},
    ],
)
def test_what_is_no_place_takes_no_observation(school: School, place: dict[str, Any]) -> None:
    school.report()
    with pytest.raises(BadInput) as found:
        observes(school, replace(WHOLE, **place))
    assert found.value.problems == {"entry": ("unknown_option",)}


@pytest.mark.exhaustive
def test_a_form_that_is_missing_is_pointed_at_until_it_is_written_and_answered(school: School) -> None:
    school.report()
    assert [act.key for act in school.seen_by("directorate").missing_forms] == ["safety_check"]
    assert school.seen_by("head").missing_forms == (), "whoever writes them has them in their own lists"
    done = observes(school, replace(WHOLE, act="safety_check"))
    ctx, number = school.ctx, school.number
    (line,) = school.seen_by("head").remarks
    assert (line.act, line.on) == ("safety_check", ctx.library.current()[0].acts["safety_check"].title)
    assert see_act(ctx, school.person("team_coordinator"), number, "safety_check").remarks == (line,)
    written = school.act("team_coordinator", "safety_check", none_seen=True, safe_now="yes", who_stays="colleague")
    seen = see_record(ctx, school.person("directorate"), number, written.seq)[1].remarks
    assert [one.settled_at for one in seen] == [None]
    answer(school, done.seq, "Écrite ce matin.")
    seen = see_record(ctx, school.person("directorate"), number, written.seq)[1].remarks
    assert [one.sentence for one in seen] == ["Écrite ce matin."]
    with pytest.raises(BadInput):
        observes(school, replace(WHOLE, act="safety_check"))


@pytest.mark.exhaustive
def test_what_is_said_of_a_form_of_the_other_side_is_not_read_on_this_one_though_nobody_wrote_it(
    school: School,
) -> None:
    school.report()
    placed(school, "report_qualified", level=2)
    for who, side in (("psychosocial", "targeted"), ("psychosocial/2", "concerned")):
        school.act("team_coordinator", "name_seat", seat="support", account=school.account(who), side=side)
    done = observes(school, replace(WHOLE, text="Zqobserved", act="interview_concerned"))
    answer(school, done.seq, "Zqanswered")
    w, protocol = Wording("fr"), school.ctx.library.current()[0]
    title = protocol.acts["interview_concerned"].title
    for who, reads in (("psychosocial", False), ("psychosocial/2", True), ("directorate", True)):
        shown, view = everything(school, who), school.seen_by(who)
        assert [word in shown for word in ("Zqobserved", "Zqanswered")] == [reads, reads], who
        (line,) = view.remarks
        (event,) = (one for one in view.chronology.events if one.kind == "remarks_attached")
        about = [about_said(w, protocol, "", one) for one in (as_told(line), *event.detail["remarks"])]
        assert about == [f"Fiche manquante : {w.text(title)}" if reads else "Fiche manquante"] * 2, who
        assert (line.act, line.on) == (("interview_concerned", title) if reads else ("", None)), who


@pytest.mark.exhaustive
def test_what_is_said_of_a_paper_stands_beside_its_handing_out(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out_as(monkeypatch, lambda view, wording: f"{view.head.number} {view.content_head}".encode())
    school.report()
    issue_case_file(school.ctx, school.person("directorate"), school.number, "supervisor", "fr")
    (issued,) = (one.seq for one in school.seen_by("head").chronology.events if one.kind == "document_issued")
    observes(school, replace(WHOLE, text="La page 2 manque.", entry=issued))
    on_copy = replace(WHOLE, text="Qui sont-ils ?", section="people")
    ctx, actor = school.ctx, school.person("directorate")
    attach_remarks(ctx, actor, school.number, 1, [on_copy], token=school.token())
    assert [one.text for one in at_entry(school, issued, "head")] == ["La page 2 manque.", "Qui sont-ils ?"]
    with pytest.raises(BadInput):
        attach_remarks(ctx, actor, school.number, 1, [replace(WHOLE, act="safety_check")], token=school.token())


@pytest.mark.exhaustive(but=("",))
@pytest.mark.parametrize("sentence", ["", "  \n ", "…", "12"])
def test_what_must_be_answered_is_answered_in_words(school: School, sentence: str) -> None:
    school.report()
    done = observes(school)
    with pytest.raises(BadInput) as found:
        answer(school, done.seq, sentence)
    assert found.value.problems == {"sentence": ("unsaid",)}
    assert school.seen_by("head").remarks[0].settled_at is None
    told = observes(school, replace(WHOLE, text="Bonne tenue.", awaits=False))
    answer(school, told.seq, sentence)
    assert [one.settled_at is not None for one in school.seen_by("head").remarks] == [False, True]
