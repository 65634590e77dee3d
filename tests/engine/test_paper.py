"""What was written on paper is typed in later: whose act it is, from when it counts, what nobody types for another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from engine.telling import MINUTES, NOW, PUPIL, REPORT, SAFE, Told, person, reported, weighed
from engine.test_every_state import around_of, placed
from engine.test_holds import ANSWER, agree, asked
from school_protocol.engine.act_checks import undoable
from school_protocol.engine.actors import DAYS_MOST, TYPED_IN
from school_protocol.engine.case import Case
from school_protocol.engine.case_summary import last_assessed
from school_protocol.engine.decisions import Decider, available, decide
from school_protocol.engine.definition import Act, ActKind, Protocol
from school_protocol.engine.definition_parts import FormField
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import Recorded, from_entry, to_entry
from school_protocol.engine.intents import Paper, RecordAct
from school_protocol.engine.visibility import Actor, Appointment

MINUTE = timedelta(minutes=1)


def paper(protocol: Protocol, who: str, at: datetime, **changes: Any) -> Paper:
    return Paper(at, replace(person(protocol, who), **changes))


def problems(told: Told, who: str, act: str, answers: Any = None, /, **more: Any) -> dict[str, tuple[str, ...]]:
    """What is wrong with it, by field; nothing where it was recorded."""
    try:
        told.act(who, act, answers, **more)
    except BadInput as error:
        return error.problems
    return {}


def last(told: Told) -> Recorded:
    found = told.events[-1]
    assert isinstance(found, Recorded)
    return found


@pytest.fixture
def told(moroccan: Protocol) -> Told:
    """A case of this morning, six hours later."""
    return reported(moroccan).wait(hours=6)


# ---- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_opening", "now", "code"),
    [
        (timedelta(0), timedelta(hours=6), None),
        (timedelta(hours=6), timedelta(hours=6), None),
        (timedelta(hours=6) + MINUTE, timedelta(hours=6), "in_the_future"),
        (-MINUTE, timedelta(hours=6), "before_the_case"),
        (timedelta(hours=1), timedelta(days=DAYS_MOST, hours=1), None),
        (timedelta(hours=1), timedelta(days=DAYS_MOST, hours=2), f"paper_too_old:{DAYS_MOST}"),
    ],
)
def test_paper_is_from_the_time_of_the_case(
    moroccan: Protocol, after_opening: timedelta, now: timedelta, code: str | None
) -> None:
    told = reported(moroccan)
    told.now = NOW + now
    written = paper(moroccan, "team_member", NOW + after_opening)
    found = problems(told, "team_member", "note", text="x", paper=written)
    assert found == ({"paper.at": (code,)} if code else {})


@pytest.mark.parametrize(
    ("ago", "code"),
    [
        (timedelta(days=9), None),
        (timedelta(days=DAYS_MOST), None),
        (timedelta(days=DAYS_MOST) + MINUTE, f"paper_too_old:{DAYS_MOST}"),
        (-MINUTE, "in_the_future"),
    ],
)
def test_a_report_on_paper_opens_the_case_when_it_was_written(
    moroccan: Protocol, ago: timedelta, code: str | None
) -> None:
    told, written = Told(moroccan), paper(moroccan, "reporter", NOW - ago)
    found = problems(told, "team_member", "report", {**REPORT, "about_whom": [PUPIL]}, paper=written)
    assert found == ({"paper.at": (code,)} if code else {})
    if told.case is not None:
        assert (told.case.opened_at, told.case.entry.at) == (NOW - ago, NOW - ago)
        assert [(one.actor, one.at) for one in told.events] == [("team_member", NOW)] * 2


def test_nothing_happened_after_it_was_written_down(moroccan: Protocol) -> None:
    """The form's own moment may be earlier than the paper, and is then when it happened."""
    told, at = Told(moroccan), NOW - timedelta(hours=3)
    written = paper(moroccan, "reporter", at)
    later = {**REPORT, "occurred_at": (at + MINUTE).isoformat()}
    assert problems(told, "team_member", "report", later, paper=written) == {"occurred_at": ("later_than_paper",)}
    told.act("team_member", "report", {**REPORT, "occurred_at": (at - MINUTE).isoformat()}, paper=written)
    event = last(told)
    assert event.paper is not None
    assert (event.occurred_at, event.paper.at, event.at) == (at - MINUTE, at, NOW)


def test_all_that_is_wrong_is_said_at_once(told: Told) -> None:
    written = paper(told.protocol, "data_officer", told.now + MINUTE)
    found = problems(told, "team_member", "note", paper=written)
    assert set(found) == {"text", "paper.at"}
    written = paper(told.protocol, "data_officer", told.now)
    assert set(problems(told, "team_member", "note", paper=written)) == {"text", "paper.by"}


# ---- clocks --------------------------------------------------------------------------------------------------------


def late(protocol: Protocol, *, on_paper: bool) -> tuple[bool, datetime | None]:
    """Whether the safety check was late, and when it met its four school hours; it was typed in two days after."""
    told = reported(protocol).wait(days=2)
    written = paper(protocol, "team_member", NOW + timedelta(hours=1)) if on_paper else None
    told.act("team_coordinator", "safety_check", SAFE, paper=written)
    (count,) = told.counts("safety_check")
    assert count.state == "met"
    return count.is_late(told.now), count.met_at


def test_what_happened_in_time_is_in_time(moroccan: Protocol) -> None:
    assert late(moroccan, on_paper=True) == (False, NOW + timedelta(hours=1))
    assert late(moroccan, on_paper=False) == (True, NOW + timedelta(days=2))


def test_the_control_an_engine_that_counts_from_the_typing_is_found(
    moroccan: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decider, "_occurred_at", lambda desk, *_rest: desk.now)
    assert late(moroccan, on_paper=True) == (True, NOW + timedelta(days=2))


def test_a_danger_on_paper_runs_from_the_paper(moroccan: Protocol) -> None:
    told, at = Told(moroccan), NOW - timedelta(hours=5)
    told.act("team_member", "raise_danger", which_danger="blackmail", paper=paper(moroccan, "reporter", at))
    assert told.case is not None
    assert [life.raised_at for life in told.case.dangers] == [at]
    assert [count.due_at for count in told.counts("head_told")] == [at + timedelta(hours=1)]
    assert told.state == "escalation_to_send"
    assert told.case.entry.at == NOW, "the step is made when the installation learns of it"


# ---- by whom -------------------------------------------------------------------------------------------------------


def test_it_is_the_act_of_whoever_wrote_it_in_the_role_held_then(told: Told) -> None:
    told.act("team_member", "safety_check", SAFE, paper=paper(told.protocol, "psychosocial", NOW + MINUTE))
    event = last(told)
    assert event.paper is not None
    assert (event.actor, event.role) == ("team_member", "team_member")
    assert (event.paper.by, event.paper.role) == ("psychosocial", "psychosocial")
    record = told.case.records[-1]  # type: ignore[union-attr]
    assert (record.author, record.role, record.recorded_as) == ("psychosocial", "psychosocial", "team_member")


ELSEWHERE = (Appointment("team_member", "another", date(2020, 1, 1)),)


@pytest.mark.parametrize(
    ("writer", "changes", "code"),
    [
        ("team_member/2", {}, None),
        ("head", {}, None),
        ("data_officer", {}, "writer_without_role"),
        ("nobody", {}, "writer_without_role"),
        ("team_member/2", {"appointments": ()}, "writer_without_role"),
        ("team_member/2", {"appointments": ELSEWHERE}, "writer_without_role"),
        ("team_member/2", {"left": frozenset({"1234567890123"})}, None),
    ],
)  # fmt: skip
def test_the_writer_held_a_role_that_may_do_it(told: Told, writer: str, changes: Any, code: str | None) -> None:
    written = paper(told.protocol, writer, NOW + MINUTE, **changes)
    found = problems(told, "team_member", "note", text="x", paper=written)
    assert {path: codes[0].partition(":")[0] for path, codes in found.items()} == ({"paper.by": code} if code else {})


@pytest.mark.parametrize(("minute", "held"), [(30, False), (90, True), (150, True), (210, False)])
def test_a_seat_counts_for_as_long_as_it_was_held(moroccan: Protocol, minute: int, held: bool) -> None:
    """From the first hour to the third a teacher leads; then somebody else does."""
    told = reported(moroccan).put("assessment_running")
    told.wait(hours=1).act("team_coordinator", "name_seat", seat="lead", account="reporter")
    told.wait(hours=2).act("team_coordinator", "name_seat", seat="lead", account="team_member")
    told.wait(hours=1)
    written = paper(moroccan, "reporter", NOW + minute * MINUTE)
    found = problems(told, "team_coordinator", "minutes", minutes(told), paper=written)
    assert found == ({} if held else {"paper.by": ("writer_without_role:team_coordinator:lead",)})


def minutes(told: Told) -> dict[str, Any]:
    """Minutes with the level that a grid gives, filled in before them."""
    weighed(told)
    assert told.case is not None
    return {**MINUTES, "level": str(last_assessed(told.protocol, told.case))}


def test_whoever_stands_aside_wrote_nothing_here(told: Told) -> None:
    written = paper(told.protocol, "head", NOW + MINUTE)
    assert problems(told, "team_member", "note", text="x", paper=written) == {}, "the control"
    told.act("head", "conflict", reason="declares")
    assert problems(told, "team_member", "note", text="x", paper=written) == {"paper.by": ("writer_stands_aside",)}


@pytest.mark.parametrize(
    ("writer", "act", "answers", "code"),
    [
        ("team_member", "safety_check", SAFE, None),
        ("team_member", "report_more", {}, "writer_shut_out"),
        ("directorate", "safety_check", SAFE, None),
        ("data_officer", "report_more", {}, "writer_without_role"),
    ],
)
def test_of_a_restricted_case_others_write_no_more_but_what_saves_a_child(
    told: Told, writer: str, act: str, answers: dict[str, Any], code: str | None
) -> None:
    told.act("reporter", "raise_danger", which_danger="staff_concerned")
    told.act("directorate", "name_seat", seat="acting_head", account="head/2")
    written = paper(told.protocol, writer, NOW + MINUTE)
    found = problems(told, "head/2", act, answers, paper=written)
    assert [codes[0].partition(":")[0] for codes in found.values()] == ([code] if code else [])


def test_whoever_types_must_be_one_who_may_do_it(told: Told) -> None:
    written = paper(told.protocol, "team_member", NOW + MINUTE)
    assert told.refused("data_officer", "note", text="x", paper=written) == {"not_your_role"}


@pytest.mark.parametrize(
    ("typist", "writer", "codes"),
    [
        ("head", "directorate", set()),
        ("head", "team_member", {"letter_not_yours"}),
        ("team_member", "head", {"letter_not_yours"}),
    ],
)
def test_a_letter_is_sent_and_typed_in_by_those_who_may_send_it(
    told: Told, typist: str, writer: str, codes: set[str]
) -> None:
    letter = {
        "target": "prosecutor",
        "covers": ["need"],
        "channel": "letter",
        "sent_at": NOW.isoformat(),
        "summary": "x",
    }
    letter = {key: said for key, said in letter.items() if key in told.protocol.form_of("referral").by_key}
    written = paper(told.protocol, writer, NOW + MINUTE)
    if codes:
        assert told.refused(typist, "referral", letter, paper=written) == codes
    else:
        told.act(typist, "referral", letter, paper=written)


@pytest.mark.parametrize(
    ("typist", "writer", "codes"),
    [
        ("data_officer/2", "data_officer", set()),
        ("head", "data_officer", {"nobody_on_hold"}),
        ("data_officer", "head", {"nobody_on_hold"}),
    ],
)
def test_what_a_role_is_asked_for_is_asked_of_both(
    moroccan: Protocol, typist: str, writer: str, codes: set[str]
) -> None:
    """While a hold stands only the data officer answers the family, agreed to; their name on paper changes nothing."""
    told = agree(asked(moroccan))
    written = paper(moroccan, writer, told.now)
    if codes:
        assert told.refused(typist, "rights_request", ANSWER, paper=written) == codes
    else:
        told.act(typist, "rights_request", ANSWER, paper=written)


def test_an_effect_that_a_role_has_takes_both_in_that_role(moroccan: Protocol) -> None:
    condition = moroccan.acts["conflict"].effect_when
    act = moroccan.acts["note"].model_copy(update={"effect_when": type(condition)("role == 'head'")})
    told = reported(moroccan.model_copy(update={"acts": {**moroccan.acts, "note": act}})).wait(hours=1)
    for writer, typist in (("head", "head/2"), ("team_member", "head"), ("head", "team_member")):
        told.act(typist, "note", text="x", paper=paper(told.protocol, writer, told.now))
    assert told.case is not None
    assert [record.grants for record in told.case.records_of("note")] == [True, False, False]


# ---- what nobody types for another ---------------------------------------------------------------------------------

HERE = {
    ActKind.lift_danger, ActKind.hold, ActKind.review_hold, ActKind.visa, ActKind.sign, ActKind.seat, ActKind.exclude,
    ActKind.correct, ActKind.join, ActKind.ask_transfer, ActKind.accept_transfer, ActKind.excuse, ActKind.summary,
    ActKind.contribute, ActKind.answer_contribution, ActKind.settle_contribution,
}  # fmt: skip
"""Decisions and signatures."""


def test_every_kind_is_one_or_the_other() -> None:
    assert set(ActKind) == TYPED_IN | HERE
    assert not TYPED_IN & HERE


@pytest.mark.parametrize("name", ["moroccan", "small"])
def test_no_decision_is_typed_in_not_even_ones_own(name: str, request: pytest.FixtureRequest) -> None:
    protocol: Protocol = request.getfixturevalue(name)
    around, tried = around_of(protocol), set()
    for actor, case, act in decisions(protocol):
        tried.add(act.kind)
        with pytest.raises(Refused, match="not_from_paper"):
            decide(protocol, case, actor, NOW, around, RecordAct(act.key, {}, True, paper=Paper(NOW, actor)))
    assert tried >= {ActKind.lift_danger, ActKind.visa, ActKind.sign, ActKind.seat}


def decisions(protocol: Protocol) -> Iterator[tuple[Actor, Case, Act]]:
    """Every decision that is open to somebody in some state, who, and where."""
    for case in filter(None, (placed(protocol, state, True) for state in protocol.states)):
        for actor in (person(protocol, role) for role in protocol.roles):
            for choice in available(protocol, case, actor, NOW, around_of(protocol)):
                if choice.kind == "act" and choice.is_open and protocol.acts[choice.key].kind in HERE:
                    yield actor, case, protocol.acts[choice.key]


def minutes_of(told: Told, writer: str, typist: str) -> tuple[int, set[str]]:
    """Minutes written on paper by one and typed by another, with a password: their number and who has signed."""
    told.put("assessment_running")
    answers = minutes(told)
    told.act(typist, "minutes", answers, paper=paper(told.protocol, writer, told.now))
    record = told.case.records[-1]  # type: ignore[union-attr]
    return record.seq, {one.account for one in record.signatures}


def test_no_signature_is_typed_for_another(told: Told) -> None:
    seq, signed = minutes_of(told, "team_coordinator", "team_coordinator/2")
    assert signed == set()
    assert told.case is not None
    record = told.case.record(seq)
    assert record is not None
    assert record.effective_seq is None, "nobody has signed"
    told.act("team_coordinator", "signature", record=str(seq))
    assert told.facts["minutes_signatures"] == 1
    told.act("team_member", "signature", record=str(seq))
    assert told.facts["minutes_signatures"] == 2
    assert told.case.record(seq).effective_seq == told.seq  # type: ignore[union-attr]


def test_ones_own_paper_is_signed_as_it_is_typed(told: Told) -> None:
    assert minutes_of(told, "team_coordinator", "team_coordinator")[1] == {"team_coordinator"}


def test_what_one_signature_makes_valid_is_typed_by_nobody_else(moroccan: Protocol) -> None:
    """Where the form itself asks for the signature, no second one comes that could make it valid later."""
    label = {"fr": "x", "ar": "x", "en": "x"}
    signature = FormField.model_validate({"key": "sign", "type": "signature", "required": True, "label": label})
    act = moroccan.acts["minutes"].model_copy(update={"signatures": 0})
    form = moroccan.forms[act.form]
    form = form.model_copy(update={"fields": (*form.fields, signature)})
    changes = {"acts": {**moroccan.acts, act.key: act}, "forms": {**moroccan.forms, act.form: form}}
    told = reported(moroccan.model_copy(update=changes)).put("assessment_running")
    answers = minutes(told)
    other = paper(told.protocol, "team_coordinator", told.now)
    assert problems(told, "team_coordinator/2", "minutes", answers, paper=other) == {"paper.by": ("signs_themselves",)}
    assert problems(told, "team_coordinator", "minutes", answers, paper=other) == {}, "the control"


# ---- four eyes -----------------------------------------------------------------------------------------------------

FOUR_EYES = [
    ("team_member", "team_member/2", "head", set()),
    ("head", "team_member", "head", {"same_person"}),
    ("team_member", "head", "head", {"same_person"}),
    ("head", "head", "head", {"same_person"}),
]


def stopped(protocol: Protocol, writer: str, typist: str, mover: str) -> set[str]:
    """Whether a step that asks for another person than the author of a note is held back."""
    move = protocol.moves["close"].model_copy(update={"distinct": (("mover", "note"),), "needs": ()})
    strict = protocol.model_copy(update={"moves": {**protocol.moves, "close": move}})
    told = reported(strict).put("closure_proposed").wait(hours=1)
    told.act(typist, "note", text="x", paper=paper(strict, writer, told.now))
    return told.try_move(mover, "close", reason="x")


@pytest.mark.parametrize(("writer", "typist", "mover", "codes"), FOUR_EYES)
def test_nobody_escapes_four_eyes_by_having_a_colleague_type(
    moroccan: Protocol, writer: str, typist: str, mover: str, codes: set[str]
) -> None:
    assert stopped(moroccan, writer, typist, mover) == codes


@pytest.mark.parametrize(
    "planted", [lambda _desk, record: frozenset({record.actor}), lambda _desk, record: frozenset({record.author})]
)
def test_the_control_counting_one_of_the_two_is_found(
    moroccan: Protocol, planted: Callable[..., frozenset[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decider, "_behind", planted)
    assert any(stopped(moroccan, writer, typist, mover) != codes for writer, typist, mover, codes in FOUR_EYES)


@pytest.mark.parametrize(
    ("mover", "codes"), [("head", {"same_person"}), ("head/2", {"same_person"}), ("directorate", set())]
)
def test_whoever_brought_a_danger_on_paper_entered_the_state_too(
    moroccan: Protocol, mover: str, codes: set[str]
) -> None:
    """The urgent step follows by itself: it was proposed by whoever wrote the danger down, and by whoever typed it."""
    key = next(
        move.key for move in moroccan.moves.values() if "escalation_to_send" in move.from_ and not move.automatic
    )
    move = moroccan.moves[key].model_copy(
        update={"distinct": (("proposer", "mover"),), "needs": (), "by": ("head", "directorate")}
    )
    strict = moroccan.model_copy(update={"moves": {**moroccan.moves, key: move}})
    told = reported(strict).wait(hours=1)
    told.act("head/2", "raise_danger", which_danger="blackmail", paper=paper(strict, "head", told.now))
    assert told.try_move(mover, key, reason="x") & {"same_person"} == codes


# ---- kept, taken back ----------------------------------------------------------------------------------------------


def test_the_paper_is_kept_with_the_event_and_older_events_have_none(told: Told) -> None:
    told.act("team_member", "note", text="x", paper=paper(told.protocol, "head", NOW + MINUTE))
    for event in told.events:
        assert from_entry(to_entry(told.protocol, event)) == event
    older = to_entry(told.protocol, told.events[1])
    assert "paper" not in older.body
    assert from_entry(older).paper is None  # type: ignore[attr-defined]


def test_whoever_typed_it_takes_it_back_and_nobody_else(told: Told) -> None:
    told.act("team_member", "note", text="x", paper=paper(told.protocol, "head", NOW + MINUTE))
    assert told.case is not None
    own = {who: set(undoable(told.protocol, told.case, who, told.now, told.around)) for who in ("team_member", "head")}
    assert own == {"team_member": {told.seq}, "head": set()}
