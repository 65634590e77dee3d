"""A danger raised by mistake is taken back within minutes and everybody told hears of it; no true one is hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine.telling import NOW, SAFE, Told, reported

from school_protocol.cases import index_repository
from school_protocol.cases.loading import index_row, load_by_id, reindex
from school_protocol.cases.showing import see_chronology, see_danger, see_record
from school_protocol.engine.act_checks import undoable
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.review_state import review_now
from school_protocol.storage import journal

from .test_notices import Watched, watch, watched
from .test_undoing import back, copied, refused, undo

__all__ = ["watch", "watched"]

DANGER = "immediate_danger"
SINCE = {"undo_danger_since"}


@pytest.fixture
def raised(moroccan: Protocol) -> Told:
    return raises(reported(moroccan).act("head", "safety_check", SAFE), "team_member")


def raises(told: Told, who: str, danger: str = DANGER) -> Told:
    return told.act(who, "raise_danger", which_danger=danger)


def raising(told: Told, back: int = 1) -> int:
    """The number of the latest raise but so many."""
    assert told.case is not None
    return told.case.records_of("raise_danger")[-back].seq


# ---- what goes back ----------------------------------------------------------------------------------------------


def test_the_danger_goes_and_the_step_that_it_made_and_both_stay_to_be_read(raised: Told) -> None:
    assert raised.case is not None
    assert raised.state == "escalation_to_send"
    seq = raising(raised)
    undo(raised, "team_member", seq)
    assert (raised.state, raised.case.dangers, [step.move for step in raised.case.undone]) == (
        "report_received", [], ["urgent"],
    )  # fmt: skip
    assert raised.case.written(seq) is not None
    assert [type(event).__name__ for event in raised.case.events[-3:]] == ["Recorded", "StepTaken", "EntryRetracted"]


def test_a_family_on_hold_and_a_closed_case_are_as_they_were(moroccan: Protocol) -> None:
    told = reported(moroccan).put("closed", by="head").wait(days=40)
    raises(told, "team_member", "home_danger")
    assert told.case is not None
    assert (told.state, len(told.case.holds)) == ("escalation_to_send", 1)
    undo(told, "team_member", raising(told))
    assert (told.state, told.case.holds, told.case.entry.at) == ("closed", [], NOW)


def test_a_review_that_the_danger_ended_waits_again(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_validated", level=4).put("follow_up_active")
    told.act("team_coordinator", "ask_review", {}) if "ask_review" in moroccan.acts else None
    assert told.case is not None
    before = review_now(moroccan, told.case)
    raises(told, "team_member")
    undo(told, "team_member", raising(told))
    assert review_now(moroccan, told.case) == before


# ---- what stands against it: no true danger is hid ----------------------------------------------------------------


def test_only_whoever_raised_it_within_ten_minutes(raised: Told) -> None:
    seq = raising(raised)
    for who in ("head", "team_member/2", "directorate", "team_coordinator"):
        assert refused(raised, who, seq) == {"undo_not_yours"}
    raised.wait(minutes=10)
    assert seq in undoable(raised.protocol, raised.case, "team_member", raised.now, raised.around)  # type: ignore[arg-type]
    raised.wait(seconds=1)
    assert refused(raised, "team_member", seq) == {"undo_danger_over"}


@pytest.mark.parametrize(
    ("who", "act", "answers"),
    [
        ("team_member/2", "raise_danger", {"which_danger": DANGER}),
        ("team_member", "raise_danger", {"which_danger": DANGER}),
        ("head", "raise_danger", {"which_danger": "blackmail"}),
        ("reporter", "told_by_voice", {"who_was_told": ["head"]}),
        ("head", "note", {"text": "J’ai vu l’élève"}),
        (
            "head", "referral",
            {"channel": "call", "sent_at": NOW.isoformat(), "covers": [DANGER], "target": "police"},
        ),
    ],
    ids=["the same danger again", "by oneself", "another danger", "told by voice", "a note", "a call"],
)  # fmt: skip
def test_nothing_written_since_is_left_without_its_danger(
    raised: Told, who: str, act: str, answers: dict[str, Any]
) -> None:
    seq = raising(raised)
    raised.act(who, act, answers)
    assert refused(raised, "team_member", seq) == SINCE
    assert undoable(raised.protocol, raised.case, "team_member", raised.now, raised.around).get(seq) is None  # type: ignore[arg-type]


def test_what_was_written_since_and_taken_back_stands_in_no_way(raised: Told) -> None:
    seq = raising(raised)
    raises(raised, "team_member/2", "blackmail")
    assert refused(raised, "team_member", seq) == SINCE
    undo(raised, "team_member/2", raising(raised))
    assert (raised.state, [life.danger for life in raised.case.dangers]) == ("escalation_to_send", [DANGER])  # type: ignore[union-attr]
    undo(raised, "team_member", seq)
    assert raised.case is not None
    assert not raised.case.dangers


def test_a_step_that_somebody_made_since_or_a_copy_handed_out_keeps_it(raised: Told) -> None:
    seq = raising(raised)
    raised._keep([copied(raised)])
    assert refused(raised, "team_member", seq) == SINCE
    other = raises(reported(raised.protocol), "team_member")
    other.put("escalation_sent", by="head")
    assert refused(other, "team_member", raising(other)) == SINCE


def test_one_s_own_second_tap_on_a_danger_of_somebody_else_leaves_that_danger(raised: Told) -> None:
    raises(raised, "team_member/2")
    undo(raised, "team_member/2", raising(raised))
    assert raised.case is not None
    assert [(life.danger, life.state) for life in raised.case.dangers] == [(DANGER, "raised")]
    assert raised.state == "escalation_to_send"


def test_a_danger_that_opened_the_case_is_lifted_not_taken_back(moroccan: Protocol) -> None:
    told = raises(Told(moroccan), "team_member")
    assert refused(told, "team_member", raising(told)) == {"undo_danger_opened"}


def test_nobody_at_the_school_takes_back_what_shut_the_school_out(moroccan: Protocol) -> None:
    told = raises(reported(moroccan), "head", "staff_concerned")
    assert refused(told, "head", raising(told)) == {"undo_danger_restricts"}


def test_a_danger_found_in_a_check_is_taken_back_with_the_check_alone(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_member", "safety_check", fill_in_check(moroccan))
    assert told.case is not None
    seq = told.case.records[-1].seq
    assert told.state == "escalation_to_send"
    undo(told, "team_member", seq)
    assert (told.state, told.case.dangers) == ("report_received", [])


def fill_in_check(protocol: Protocol) -> dict[str, Any]:
    (item,) = [
        one for one in protocol.form_of("safety_check").fields if one.type.value in ("dangers", "danger_answers")
    ]
    chosen: Any = [DANGER] if item.type.value == "dangers" else {DANGER: "yes"}
    return {"safe_now": "no", "who_stays": "me", item.key: chosen}


# ---- who is told ---------------------------------------------------------------------------------------------------


def alerted(watched: Watched) -> int:
    """A case whose danger was just raised, and told."""
    watched.opened()
    seq = watched.school.act("team_member", "raise_danger", which_danger=DANGER).seq
    watched.sweep()
    return seq


def letters(watched: Watched) -> dict[str, str]:
    """Subject by person of what was sent since one last asked."""
    sent, watched.mail.sent = watched.mail.sent, []
    return {watched.people[to]: letter.subject for to, letter in sent}


def test_everybody_who_was_told_is_told_that_it_was_taken_back(watched: Watched) -> None:
    seq = alerted(watched)
    told = letters(watched)
    assert {"head", "directorate"} <= set(told)
    assert all("rgent" in subject for subject in told.values())
    watched.sms.sent = []
    watched.school.wait(minutes=4)
    back(watched.school, "team_member", seq)
    watched.sweep()
    also = set(watched.told(watched.sms))
    second = letters(watched)
    assert set(second) == set(told) - {"team_member"}
    assert set(second.values()) == {"Une alerte a été annulée"}
    assert also == set(second)
    assert watched.swept(minutes=2) == []


def test_whoever_opened_the_case_meanwhile_is_told_too(watched: Watched) -> None:
    seq = alerted(watched)
    told = letters(watched)
    assert "academy" not in told
    watched.school.seen_by("academy")
    back(watched.school, "team_member", seq)
    watched.sweep()
    assert "academy" in letters(watched)


def test_where_another_danger_stands_it_says_so_and_stays_urgent(watched: Watched) -> None:
    alerted(watched)
    letters(watched)
    again = watched.school.act("team_member/2", "raise_danger", which_danger=DANGER).seq
    watched.sweep()
    letters(watched)
    back(watched.school, "team_member/2", again)
    watched.sweep()
    sent, watched.mail.sent = watched.mail.sent, []
    assert sent
    for _to, letter in sent:
        assert letter.subject.startswith("Urgent")
        assert "Une autre est en cours" in letter.text
    assert see_danger(watched.school.ctx, watched.school.person("head"), watched.school.number).dangers


def test_what_could_not_be_sent_yet_is_said_first_and_an_alarm_is_never_swallowed(watched: Watched) -> None:
    watched.opened()
    watched.mail.down = TimeoutError()
    seq = watched.school.act("team_member", "raise_danger", which_danger=DANGER).seq
    watched.sweep()
    back(watched.school, "team_member", seq)
    watched.sweep()
    watched.mail.down = None
    watched.mail.sent = []
    watched.school.wait(minutes=20)
    watched.sweep()
    assert all(subject.startswith("Urgent") for subject in letters(watched).values())


def test_it_says_nothing_of_what_it_is_about_in_any_language(watch: Callable[..., Watched]) -> None:
    for language in ("fr", "ar", "en"):
        watched = watch().known("head", "team_member", "directorate", language=language)
        seq = alerted(watched)
        letters(watched)
        back(watched.school, "team_member", seq)
        watched.sweep()
        for _to, letter in watched.mail.sent:
            assert watched.school.number not in letter.text
            assert "Yasmine" not in letter.text


# ---- kept ----------------------------------------------------------------------------------------------------------


def test_it_is_kept_chained_and_indexed_and_a_closed_case_keeps_its_end(watched: Watched) -> None:
    school = watched.opened().school
    with school.ctx.realm.reading() as session:
        before = index_repository.row_of(session, watched.case_id)
    seq = school.act("team_member", "raise_danger", which_danger="home_danger").seq
    back(school, "team_member", seq)
    with school.ctx.realm.writing() as session:
        after = index_repository.row_of(session, watched.case_id)
        assert before is not None
        assert after is not None
        assert (after.state, after.raised, after.moved_at) == (before.state, 0, before.moved_at)
        loaded = load_by_id(school.ctx, session, school.person("head"), watched.case_id)
        assert (
            index_row(watched.case_id, loaded.protocol, loaded.case, loaded.facts, loaded.around).state == after.state
        )
        reindex(school.ctx, session, watched.case_id)
        assert journal.verify_all(session, school.ctx.vault) == []
    _head, page = see_chronology(school.ctx, school.person("head"), school.number)
    kinds = [event.kind for event in page.events]
    assert [kind for kind in kinds if kind != "case_seen"][:3] == ["entry_retracted", "step_taken", "danger_raised"]
    step = next(event for event in page.events if event.kind == "step_taken")
    assert step.detail["taken_back"]
    _head, record = see_record(school.ctx, school.person("team_member"), school.number, seq)
    assert record.taken_back is not None


def test_the_first_minutes_offer_it_to_whoever_raised_it_and_to_nobody_else(watched: Watched) -> None:
    school = watched.opened().school
    seq = school.act("team_member", "raise_danger", which_danger=DANGER).seq
    own = see_danger(school.ctx, school.person("team_member"), school.number).just_written
    assert own is not None
    assert (own.seq, own.raises_danger) == (seq, True)
    assert see_danger(school.ctx, school.person("head"), school.number).just_written is None
    back(school, "team_member", seq)
    with pytest.raises(Refused, match="undone_already"):
        back(school, "team_member", seq)


def test_it_is_no_way_to_a_case_that_one_does_not_see(watched: Watched) -> None:
    school = watched.opened().school
    seq = school.act("head", "raise_danger", which_danger="staff_concerned").seq
    with pytest.raises(Unseen):
        back(school, "head", seq)
