"""A guardian on hold gets nothing by any door: tried by every door, as the rule on intimate images is.

The doors, in the definition's words. A field, an answer, a target or a receiver that speaks of guardians stands in one
of these tables, or the tests of the tables fail: whoever adds one says here whether it is a door.

* `NAMED`: fields that name a person who may be a guardian. Closed to those on hold, and to guardians named for the
  first time while a hold stands (it might be the same one); `even_on_hold` ones are said of them, never to them.
* `UNNAMED`: answers, fields and targets that go to "the guardians". While a hold stands the form says to which.
* `RECEIVERS`: moves and deadlines that tell guardians: no message is ever sent to one
  (`tests/services/test_notices.py`).
* A request under the data law, whoever asks: the answer is the data officer's, agreed by the directorate.
* `NO_DOOR`: what speaks of guardians and gives them nothing.

The doors of the program: pages, taps, receipts and the command line send the same answers to the same engine, and
`tests/web/whole/test_holds.py` tries what each offers. A guardian has no account and no role: no page, search, list,
message (`tests/services/test_notices.py`) or copy of a paper is for one (`test_no_copy_is_for_a_guardian`). What lies
in a hand in paper, or is said by voice, is beyond the program: the texts on the page of the hold say so.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import filling
import pytest

from engine.telling import NOW, Told, person, reported
from school_protocol.engine.case import fold
from school_protocol.engine.decisions import Decider, decide
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FormField
from school_protocol.engine.errors import BadInput
from school_protocol.engine.events import CaseJoined
from school_protocol.engine.intents import RecordAct

ACTION = {"responsible": "head", "due_on": "2026-12-10"}
CLOSED: Mapping[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
    ("safety_check", "with_guardian"): lambda who: {"who_stays": "guardian", "with_guardian": who},
    ("inform_guardian", "who"): lambda who: {"who": who},
    ("support_plan", "actions.for_whom"): lambda who: {"actions": [{"type": "support", "for_whom": who, **ACTION}]},
    ("support_plan", "plan_shown_to"): lambda who: {"plan_shown_to": [who]},
    ("follow_up", "with_whom"): lambda who: {"with_whom": ["targeted_pupil-1", who]},
    ("closing", "guardians_asked"): lambda who: {"guardians_asked": [who]},
    ("transfer", "agreeing_guardians"): lambda who: {"agreement": ["guardian"], "agreeing_guardians": [who]},
    ("taken_over", "guardian"): lambda who: {"taken_by": "guardian", "guardian": who},
}
"""Door → answers that take somebody through it."""
SAID_OF_THEM = {("guardian_hold", "guardian"), ("add_person", "persons"), ("referral", "persons")}
NAMED = {*CLOSED, *SAID_OF_THEM}

UNNAMED: Mapping[tuple[str, str], tuple[dict[str, Any], Callable[[str], dict[str, Any]] | None]] = {
    ("safety_check", "who_stays=guardian"): ({"who_stays": "guardian"}, lambda who: {"with_guardian": who}),
    ("safety_check", "protection_taken=accounts"): (
        {"who_stays": "me", "protection_taken": ["accounts"]}, lambda who: {"with_guardian": who},
    ),
    ("support_plan", "protection=accounts"): ({"protection": ["accounts"]}, lambda who: {"plan_shown_to": [who]}),
    ("support_plan", "actions.type=families"): (
        {"actions": [{"type": "families", **ACTION}]},
        lambda who: {"actions": [{"type": "families", "for_whom": who, **ACTION}]},
    ),
    ("support_plan", "guardians_informed_at"): (
        {"guardians_informed_at": "2026-11-24T10:00+01:00"}, lambda who: {"plan_shown_to": [who]},
    ),
    ("follow_up", "guardians_side"): ({"guardians_side": "Rassurés."}, lambda who: {"with_whom": [who]}),
    ("closing", "guardians_view"): ({"guardians_view": "D’accord."}, lambda who: {"guardians_asked": [who]}),
    ("transfer", "agreement=guardian"): (
        {"agreement": ["pupil", "guardian"]}, lambda who: {"agreeing_guardians": [who]},
    ),
    ("taken_over", "taken_by=guardian"): ({"taken_by": "guardian"}, lambda who: {"guardian": who}),
    ("referral", "target=guardians"): ({"target": "guardians", "covers": ["need"]}, None),
}  # fmt: skip
"""Door → the answer, and how the form then says which guardian (None: it cannot)."""

RECEIVERS = {("moves", "close")}

NO_DOOR = {
    ("report", "how_it_came=parent"): "who told the school",
    ("evidence", "source=parent"): "who brought it",
    ("evidence", "captured_by_role=family"): "who made it",
    ("listening_target", "agrees_guardians_informed"): "the pupil's own consent",
    ("listening_witness", "agrees_guardians_informed"): "the witness's own consent",
    ("listening_target", "fears"): "what the pupil fears",
    ("inform_guardian", "told_what=other_family"): "advice within the talk with whoever `who` names",
    ("closing", "checks=guardians"): "that they were told, or why not",
    ("reopening", "by_whom=parent"): "who told the school",
    ("tell_us_staff", "to_whom=my_child"): "who told the school",
    ("guardian_hold", "reason=risk_if_told"): "why there is a hold",
}
"""What the search below finds besides, and why it gives a guardian nothing."""

SPEAKS = re.compile(r"famil|parent|responsables? léga", re.IGNORECASE)


# ---- the tables are whole ------------------------------------------------------------------------------------------


def fields(protocol: Protocol) -> Iterator[tuple[str, str, FormField]]:
    """Every question of every form, columns of rows too: form, path, field."""
    for form in protocol.forms.values():
        for item in form.fields:
            yield form.key, item.key, item
            for column in item.fields:
                yield form.key, f"{item.key}.{column.key}", column


def admits_guardians(protocol: Protocol, item: FormField) -> bool:
    return item.is_for_people and (not item.slots or any(protocol.slots[slot].guardian for slot in item.slots))


def test_every_field_that_can_name_a_guardian_stands_in_the_table(moroccan: Protocol) -> None:
    found = {
        (form, path): item.even_on_hold for form, path, item in fields(moroccan) if admits_guardians(moroccan, item)
    }
    assert set(found) == NAMED
    assert {place for place, is_open in found.items() if is_open} == SAID_OF_THEM


def test_every_answer_that_goes_to_guardians_stands_in_the_table(moroccan: Protocol) -> None:
    found = {(form, path) for form, path, item in fields(moroccan) if item.to_guardians}
    found |= {
        (form, f"{path}={option.key}")
        for form, path, item in fields(moroccan)
        for option in item.options
        if option.to_guardians
    }
    found |= {("referral", f"target={key}") for key, target in moroccan.targets.items() if target.to_guardians}
    assert found == set(UNNAMED)


def test_whatever_speaks_of_guardians_is_a_door_or_says_why_it_is_none(moroccan: Protocol) -> None:
    found = set()
    for form, path, item in fields(moroccan):
        if SPEAKS.search(item.label.root["fr"]) or "guardian" in item.key:
            found.add((form, path))
        found |= {
            (form, f"{path}={option.key}")
            for option in item.options
            if SPEAKS.search(option.title.root["fr"]) or "guardian" in option.key
        }
    found |= {
        ("referral", f"target={key}")
        for key, target in moroccan.targets.items()
        if SPEAKS.search(target.title.root["fr"])
    }
    assert found - NAMED - set(UNNAMED) == set(NO_DOOR)


def test_every_receiver_that_is_a_guardian_stands_in_the_table(moroccan: Protocol) -> None:
    found = {
        ("moves", move.key) for move in moroccan.moves.values() if any(one.to == "guardians" for one in move.notify)
    }
    found |= {
        ("deadlines", deadline.key)
        for deadline in moroccan.deadlines.values()
        if any("guardians" in step.tell for step in deadline.steps)
    }
    assert found == RECEIVERS


def test_no_copy_is_for_a_guardian(moroccan: Protocol) -> None:
    """Nor for anybody outside: each kind of copy is issued by somebody of the school system, who sees the case."""
    profiles = [
        (document.key, profile) for document in moroccan.documents.values() for profile in document.profiles.values()
    ]
    assert profiles
    for _document, profile in profiles:
        assert profile.for_
        assert set(profile.for_) <= {*moroccan.roles, *moroccan.seats}
    guardians = {slot.key for slot in moroccan.slots.values() if slot.guardian}
    assert guardians
    assert not guardians & {*moroccan.roles, *moroccan.seats}


# ---- every door is tried -------------------------------------------------------------------------------------------


def family(protocol: Protocol) -> Told:
    """A case with a mother, guardian-1, and a father, guardian-2."""
    guardians = [{"slot": "guardian", "name": "Mère"}, {"slot": "guardian", "name": "Père"}]
    return reported(protocol).act("head", "add_person", persons=guardians)


def first_signature(told: Told) -> None:
    told.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")


def confirmed(told: Told) -> None:
    first_signature(told)
    told.act("team_coordinator", "signature", record=str(told.seq))


def lift_begun(told: Told) -> None:
    """One signature lifts nothing."""
    confirmed(told)
    told.act("head", "hold_review", hold="1", decision="lift", reason="x")


def danger_at_home(told: Told) -> None:
    told.act("reporter", "raise_danger", which_danger="home_danger")


def joined(told: Told) -> None:
    """A case with a hold of its own was joined into this one: whom it was about, its numbers don't say here."""
    header: dict[str, Any] = {"actor": "head", "role": "head", "at": NOW, "occurred_at": NOW}
    told._keep([CaseJoined(**header, other="999", holds=("guardian-1",))])


WAYS = {way.__name__: way for way in (first_signature, confirmed, lift_begun, danger_at_home, joined)}
OF_EVERYBODY = ("danger_at_home", "joined")


def lifted(told: Told) -> Told:
    """Every hold lifted, by two."""
    assert told.case is not None
    for hold in [one for one in told.case.holds if one.stands]:
        told.act("head", "hold_review", hold=str(hold.number), decision="lift", reason="x")
        told.act("directorate", "signature", record=str(told.seq))
    assert not any(hold.stands for hold in told.case.holds)
    return told


def tried(told: Told, form: str, given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The problems of an act of that form with these answers, the rest filled in validly; {}: it went through."""
    protocol, case = told.protocol, told.case
    assert case is not None
    act = next(one for one in protocol.acts.values() if one.form == form)
    if "open" not in act.in_ and case.state not in act.in_:
        told.put(act.in_[0])
    who = next(role for role in act.by if role in protocol.roles)
    desk = Decider(protocol, told.case, person(protocol, who), told.now, told.around)
    for seed in range(200):
        try:
            filled = filling.fill(protocol, protocol.form_of(act), random.Random(seed), desk.references(), given)
        except filling.Unfillable:
            continue
        filled = {
            key: value for key, value in filled.items() if key in given or protocol.form_of(act).by_key[key].required
        }
        try:
            decide(protocol, told.case, person(protocol, who), told.now, told.around, RecordAct(act.key, filled, True))
        except BadInput as refusal:
            problems = {
                path: codes for path, codes in refusal.problems.items() if any("on_hold" in code for code in codes)
            }
            if problems:
                return dict(refusal.problems)
            continue
        return {}
    raise AssertionError(f"{form} can't be filled in")


def codes(problems: Mapping[str, tuple[str, ...]]) -> set[str]:
    return {code.partition(":")[0] for found in problems.values() for code in found}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", CLOSED, ids=".".join)
def test_a_guardian_on_hold_is_named_at_no_door(moroccan: Protocol, door: tuple[str, str], way: str) -> None:
    (form, path), told = door, family(moroccan)
    assert tried(told, form, CLOSED[door]("guardian-2")) == {}, "nobody is on hold"
    told = family(moroccan)
    WAYS[way](told)
    problems = tried(told, form, CLOSED[door]("guardian-2"))
    assert codes(problems) == {"on_hold"}
    assert {re.sub(r"\.\d+\.", ".", place) for place in problems} == {path}, "said beside the question"
    reviewers = next(iter(problems.values()))[0].split(":")[1:]
    assert reviewers == list(moroccan.acts["hold_review"].by), "and who can review it"
    mother = tried(told, form, CLOSED[door]("guardian-1"))
    assert codes(mother) == ({"on_hold"} if way in OF_EVERYBODY else set())
    assert codes(tried(told, form, CLOSED[door]({"slot": "guardian", "name": "Papa"}))) == {"on_hold_new"}
    assert tried(lifted(told), form, CLOSED[door]("guardian-2")) == {}, "lifted by two"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", UNNAMED, ids=".".join)
def test_what_goes_to_guardians_says_to_which_and_never_to_that_one(
    moroccan: Protocol, door: tuple[str, str], way: str
) -> None:
    (form, path), (answer, saying) = door, UNNAMED[door]
    told = family(moroccan)
    assert tried(told, form, answer) == {}, "nobody is on hold"
    told = family(moroccan)
    WAYS[way](told)
    problems = tried(told, form, answer)
    assert codes(problems) == {"on_hold_which" if saying else "on_hold"}
    assert {re.sub(r"\.\d+\.", ".", place) for place in problems} == {path.partition("=")[0]}
    if saying is not None:
        assert codes(tried(told, form, {**answer, **saying("guardian-2")})) == {"on_hold"}
        mother = tried(told, form, {**answer, **saying("guardian-1")})
        assert codes(mother) == ({"on_hold"} if way in OF_EVERYBODY else set())
    assert tried(lifted(told), form, answer) == {}, "lifted by two"


@pytest.mark.parametrize("door", sorted(SAID_OF_THEM), ids=".".join)
def test_what_is_said_of_them_can_name_them(moroccan: Protocol, door: tuple[str, str]) -> None:
    form, path = door
    several = moroccan.forms[form].by_key[path].type.value == "persons"
    new = {"slot": "guardian", "name": "Tuteur"}
    for way in WAYS.values():
        told = family(moroccan)
        way(told)
        for who in ("guardian-2", new):
            assert tried(told, form, {path: [who] if several else who}) == {}


# ---- by way of what was written before -----------------------------------------------------------------------------


def corrected(told: Told, act: str, **changes: Any) -> set[str]:
    """The problems of correcting the latest record of `act`; nothing: it went through."""
    assert told.case is not None
    record = told.case.records_of(act)[-1]
    intent = RecordAct(
        "correction",
        {"record": str(record.seq), "what_changes": "x", "reason": "x"},
        True,
        {**record.answers, **changes},
    )
    try:
        decide(told.protocol, told.case, person(told.protocol, "head"), told.now, told.around, intent)
    except BadInput as refusal:
        return codes(refusal.problems)
    return set()


def test_no_correction_says_that_they_were_told(moroccan: Protocol) -> None:
    told = family(moroccan)
    safe = {"safe_to_tell": "yes"}
    told.act("head", "inform_guardian", safe, who="guardian-2", relation="father", result="refused")
    told.act("head", "inform_guardian", safe, who="guardian-1", relation="mother", result="told")
    assert corrected(told, "inform_guardian", relation="tutor") == set()
    first_signature(told)
    assert corrected(told, "inform_guardian", relation="tutor") == set(), "of the mother, as before"
    assert corrected(told, "inform_guardian", who="guardian-2") == {"on_hold"}
    assert told.case is not None
    untold = told.case.records[-2].seq
    told.case = fold(moroccan, [event for event in told.events if event.seq != untold])
    assert corrected(told, "inform_guardian", result="told") == {"on_hold"}


def test_a_correction_of_something_else_leaves_what_was_said_before(moroccan: Protocol) -> None:
    told = family(moroccan).put("follow_up_active")
    held = {
        "held_on": "2026-11-25",
        "mode": "phone",
        "child_view": "declined",
        "view_reason": "x",
        "planned_on": "2026-11-25",
        "new_facts": False,
        "next_on": "2026-12-01",
    }
    told.act("team_member", "follow_up", held, with_whom=["guardian-2"], guardians_side="Inquiet.", conclusion="better")
    first_signature(told)
    assert corrected(told, "follow_up", mode="in_person") == set()
    assert corrected(told, "follow_up", with_whom=["guardian-1"]) == set(), "less is no more"
    assert corrected(told, "follow_up", with_whom=[], guardians_side="Rassuré.") == {"on_hold_which"}


def test_a_hold_carried_from_another_case_is_of_everybody(moroccan: Protocol) -> None:
    """The father of one case may be `guardian-1` there and `guardian-2` here."""
    told = family(moroccan)
    joined(told)
    assert told.case is not None
    assert told.case.is_held("guardian-1")
    assert told.case.is_held("guardian-2")
    assert len(told.case.holds) == 1
    assert told.states_of("hold_review") == ["open"], "and is to be reviewed"


# ---- requests under the data law -----------------------------------------------------------------------------------

REQUEST = {"request": "access", "requester": "Le père", "identity_checked": "yes"}
ANSWER = {**REQUEST, "stage": "answered", "answer": "Voici."}


def asked(protocol: Protocol, way: str | None = "first_signature") -> Told:
    told = family(protocol)
    if way:
        WAYS[way](told)
    return told.act("head", "rights_request", REQUEST, stage="asked")


def agree(told: Told, decision: str = "agreed") -> Told:
    return told.act("directorate", "rights_agreement", decision=decision, reason="Sans adresse")


@pytest.mark.parametrize("way", WAYS)
def test_nobody_answers_alone_while_a_hold_stands(moroccan: Protocol, way: str) -> None:
    told = asked(moroccan, way)
    assert told.refused("head", "rights_request", ANSWER) == {"nobody_on_hold"}
    assert told.refused("data_officer", "rights_request", ANSWER) == {"answer_agreed"}
    agree(told)
    assert told.refused("head", "rights_request", ANSWER) == {"nobody_on_hold"}, "the data officer's, agreed or not"
    told.act("data_officer", "rights_request", ANSWER)
    assert told.states_of("rights_answer") == ["met"]


@pytest.mark.parametrize("who", ["head", "data_officer"])
def test_where_no_hold_stands_an_answer_is_given_as_ever(moroccan: Protocol, who: str) -> None:
    asked(moroccan, None).act(who, "rights_request", ANSWER)
    lifted(asked(moroccan)).act(who, "rights_request", ANSWER)


def test_the_agreement_is_for_one_answer_to_a_request_that_waits(moroccan: Protocol) -> None:
    told = family(moroccan)
    first_signature(told)
    assert told.refused("directorate", "rights_agreement", decision="agreed", reason="x") == {"answer_waits"}
    told.act("head", "rights_request", REQUEST, stage="asked")
    agree(told).act("data_officer", "rights_request", ANSWER)
    told.act("head", "rights_request", REQUEST, stage="asked")
    assert told.refused("data_officer", "rights_request", ANSWER) == {"answer_agreed"}


@pytest.mark.parametrize("who", ["head", "data_officer", "team_coordinator"])
def test_the_directorate_alone_agrees(moroccan: Protocol, who: str) -> None:
    assert "not_your_role" in asked(moroccan).refused(who, "rights_agreement", decision="agreed", reason="x")


def test_a_refusal_or_anything_new_takes_the_agreement_away(moroccan: Protocol) -> None:
    for after in (
        lambda told: agree(told, "refused"),
        lambda told: told.act("head", "guardian_hold", guardian="guardian-1", reason="pupil_asks"),
        lambda told: told.act("reporter", "raise_danger", which_danger="home_danger"),
    ):
        told = agree(asked(moroccan))
        after(told)
        assert told.refused("data_officer", "rights_request", ANSWER) == {"answer_agreed"}


# ---- what counts them ----------------------------------------------------------------------------------------------


def test_the_fact_counts_holds_that_stand(moroccan: Protocol) -> None:
    told = family(moroccan)
    assert told.facts["holds"] == 0
    first_signature(told)
    assert (told.facts["holds"], told.facts["guardians"]) == (1, "none"), "one is on hold, the other not told yet"
    danger_at_home(told)
    assert told.facts["holds"] == 2
    assert lifted(told).facts["holds"] == 0


def test_the_hold_asks_for_no_date_that_the_deadline_knows(moroccan: Protocol) -> None:
    told = family(moroccan)
    first_signature(told)
    (due,) = told.counts("hold_review")
    assert (due.due_at - told.now).total_seconds() == 72 * 3600
    assert {item.type.value for item in moroccan.forms["guardian_hold"].fields} == {"person", "choice", "long", "text"}
