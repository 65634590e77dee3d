"""What some answers of an act call for: the act is open, and refused with those answers until their moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.telling import MOROCCAN, NOW, REPORT, SMALL, Told, person, reported, surroundings
from school_protocol.engine.decisions import decide
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Refused
from school_protocol.engine.events import CaseJoined
from school_protocol.engine.intents import Reason, RecordAct
from school_protocol.engine.sharing_state import ANSWERING
from school_protocol.protocol.reader import read

MINUTE = timedelta(minutes=1)
CALL = {"channel": "call", "sent_at": NOW.isoformat(), "covers": ["blackmail"], "target": "police"}
GIVEN_UP = {"outcome": "no_longer_awaited", "reason": "Trois rappels sans suite"}


def local(text: str) -> datetime:
    """A moment of Casablanca in November or December 2026, which keeps UTC+1."""
    return datetime.fromisoformat(f"2026-{text}:00+01:00").astimezone(UTC)


def changed(source: Any, *changes: tuple[str, str]) -> Protocol:
    """The definition with these pieces of its text replaced."""
    text = source.read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return read(text.encode(), source.name)


def reasons(told: Told, who: str, act: str, answers: dict[str, Any]) -> tuple[Reason, ...]:
    """Why the act is refused with these answers; nothing where it would go through."""
    try:
        decide(told.protocol, told.case, person(told.protocol, who), told.now, told.around, RecordAct(act, answers))
    except Refused as refusal:
        return refusal.reasons
    return ()


def opens_at(told: Told, moment: datetime, who: str, act: str, answers: dict[str, Any]) -> Told:
    """Refused now and a minute before the moment, always saying that moment; from it on, it goes through."""
    is_answering = told.protocol.acts[act].kind in ANSWERING
    for now in (told.now, moment - MINUTE):
        told.now = now
        assert told.is_open(who, act) is not is_answering, "an act that is open for some answers counts as open"
        (reason,) = reasons(told, who, act, answers)
        assert (reason.code, reason.from_when, reason.may_depart) == ("need", moment, False)
        assert reason.need
        assert told.protocol.needs[reason.need].sentence.root.keys() >= {"fr", "ar", "en"}
    told.now = moment
    return told.act(who, act, answers)


# ---- an answer no longer awaited -------------------------------------------------------------------------------------


def referred(moroccan: Protocol, *covers: str) -> Told:
    return reported(moroccan).act("head", "referral", {**CALL, "covers": list(covers)})


@pytest.mark.parametrize(
    ("covers", "moment"), [("blackmail", "11-28T10:00"), ("need", "12-01T18:30")], ids=["72 hours", "5 school days"]
)
def test_nobody_stops_waiting_before_the_chase_has_fallen_due(moroccan: Protocol, covers: str, moment: str) -> None:
    told = referred(moroccan, covers)
    told = opens_at(told, local(moment), "head", "referral_answer", {"referral": "1", **GIVEN_UP})
    assert told.facts["open_referrals"] == 0


def test_other_outcomes_wait_for_nothing(moroccan: Protocol) -> None:
    told = referred(moroccan, "blackmail").act("head", "referral_answer", referral="1", outcome="acknowledged")
    told.act("head", "referral_answer", referral="1", outcome="answered")
    assert told.facts["open_referrals"] == 0


def test_each_referral_has_a_moment_of_its_own(moroccan: Protocol) -> None:
    told = referred(moroccan, "blackmail").wait(hours=71)
    told.act("head", "referral", {**CALL, "sent_at": told.now.isoformat()}).wait(hours=1)
    (reason,) = reasons(told, "head", "referral_answer", {"referral": "2", **GIVEN_UP})
    assert reason.from_when == told.now + timedelta(hours=71)
    told.act("head", "referral_answer", {"referral": "1", **GIVEN_UP})


def test_who_acknowledged_in_time_and_then_kept_silent_holds_nobody_up(moroccan: Protocol) -> None:
    """The chase is met, and its moment comes all the same: else such a case could never close."""
    told = referred(moroccan, "blackmail").act("head", "referral_answer", referral="1", outcome="acknowledged")
    assert told.states_of("danger_referral_chase") == ["met"]
    opens_at(told, local("11-28T10:00"), "head", "referral_answer", {"referral": "1", **GIVEN_UP})


def test_on_a_case_that_has_ended_too(moroccan: Protocol) -> None:
    told = referred(moroccan, "blackmail").put("closed")
    opens_at(told, local("11-28T10:00"), "head", "referral_answer", {"referral": "1", **GIVEN_UP})


def test_a_referral_that_came_along_is_chased_from_when_it_was_made(moroccan: Protocol) -> None:
    told = reported(moroccan)
    made = told.now - timedelta(hours=70)
    carried = [{"target": "police", "covers": covers, "at": made.isoformat()} for covers in (["blackmail"], ["need"])]
    header: dict[str, Any] = {"actor": "head", "role": "head", "at": told.now, "occurred_at": told.now}
    told._keep([CaseJoined(**header, other="9876543210987", referrals=tuple(carried))])
    assert [due.subject for due in told.counts("danger_referral_chase")] == ["1"]
    assert [due.subject for due in told.counts("referral_chase")] == ["2"]
    opens_at(told, made + timedelta(hours=72), "head", "referral_answer", {"referral": "1", **GIVEN_UP})


# ---- who accepts a transfer ------------------------------------------------------------------------------------------

ASKED = {"receiving_school": "54321B", "summary": "x"}
ACCEPTED = {"answer": "accepted"}
HERE = frozenset({"01234A", "54321B"})
OVER = "11-25T16:00"
"""Four school hours after ten o'clock: the school shuts at noon and a half, for two hours."""


def asked(moroccan: Protocol, schools: frozenset[str] = HERE, **answers: Any) -> Told:
    told = Told(moroccan, schools=schools).act("team_member", "report", REPORT).put("report_qualified")
    return told.act("head", "transfer", {"summary": "x", **answers})


def test_the_receiving_school_accepts_at_once(moroccan: Protocol) -> None:
    told = asked(moroccan, receiving_school="54321B")
    told.around = surroundings(moroccan, ["their head"], schools=HERE)
    told.act("directorate", "name_seat", seat="receiver", account="their head")
    told.act("their head", "accept_transfer", ACCEPTED).move("head", "transfer", "Elle déménage")
    assert told.state == "transferred"


def test_the_directorate_accepts_once_the_receivers_time_is_over(moroccan: Protocol) -> None:
    told = asked(moroccan, receiving_school="54321B")
    told = opens_at(told, local(OVER), "directorate", "accept_transfer", ACCEPTED)
    told.move("head", "transfer", "Elle déménage")
    assert told.state == "transferred"


def test_who_stands_in_for_the_directorate_waits_as_it_does(moroccan: Protocol) -> None:
    told = asked(moroccan, receiving_school="54321B")
    told.act("academy", "name_seat", seat="acting_directorate", account="academy")
    opens_at(told, local(OVER), "academy", "accept_transfer", ACCEPTED)


def test_the_directorate_does_not_seat_itself_as_the_receiver_before_that(moroccan: Protocol) -> None:
    told = asked(moroccan, receiving_school="54321B")
    opens_at(told, local(OVER), "directorate", "name_seat", {"seat": "receiver", "account": "directorate"})


def test_the_directorate_refuses_in_its_place_no_earlier_than_it_accepts(moroccan: Protocol) -> None:
    told = asked(moroccan, receiving_school="54321B")
    opens_at(told, local(OVER), "directorate", "accept_transfer", {"answer": "refused", "reason": "x"})
    assert told.facts["receiver_accepts"] is False


@pytest.mark.parametrize("first", [ACCEPTED, {"answer": "refused", "reason": "x"}], ids=["accepted", "refused"])
def test_a_transfer_is_answered_once(moroccan: Protocol, first: dict[str, Any]) -> None:
    told = asked(moroccan).act("directorate", "accept_transfer", first)
    for again in (ACCEPTED, {"answer": "refused", "reason": "x"}):
        assert [one.code for one in reasons(told, "directorate", "accept_transfer", again)] == ["transfer_answered"]


@pytest.mark.parametrize(
    "answers", [{}, {"receiving_school": "99999Z"}], ids=["no school named", "a school that is not here"]
)
def test_there_is_nobody_to_wait_for_where_the_school_is_unknown(moroccan: Protocol, answers: dict[str, Any]) -> None:
    told = asked(moroccan, **answers)
    told.act("directorate", "accept_transfer", ACCEPTED).move("head", "transfer", "Elle déménage")
    assert told.state == "transferred"


def test_where_nobody_says_which_schools_are_here_a_named_one_is_waited_for(moroccan: Protocol) -> None:
    told = asked(moroccan, frozenset(), receiving_school="99999Z")
    opens_at(told, local(OVER), "directorate", "accept_transfer", ACCEPTED)


def test_asked_anew_the_new_school_has_its_own_time(moroccan: Protocol) -> None:
    told = asked(moroccan, receiving_school="99999Z").act("directorate", "accept_transfer", ACCEPTED).wait(days=1)
    told.act("head", "transfer", ASKED)
    assert "receiver_accepts" in told.try_move("head", "transfer", reason="x"), "it has accepted nothing yet"
    opens_at(told, local("11-26T16:00"), "directorate", "accept_transfer", ACCEPTED)


# ---- any definition --------------------------------------------------------------------------------------------------

LABEL = "label: {fr: x, ar: x, en: x}"
WORDS = "lock: safety, sentence: {fr: x, ar: x, en: x}"


def waiting(deadline: str, act: str, when: str) -> Protocol:
    """The small protocol, in which an act waits for a deadline where `when` holds of its answers."""
    return changed(
        SMALL,
        ("  fresh: {", f"  over: {{type: bool, fallen_due: {deadline}, {LABEL}}}\n  fresh: {{"),
        ("  quiet: {", f"  over: {{when: over, {WORDS}}}\n  quiet: {{"),
        (f"  {act}: {{kind", f'  {act}: {{needs_when: [{{when: "{when}", needs: over}}], kind'),
    )


def slip(protocol: Protocol) -> Told:
    return Told(protocol).act("mediator", "write_slip", what="une trousse", kind="other")


def test_of_a_danger() -> None:
    told = slip(waiting("letter_due", "all_clear", "True")).act("mediator", "ring", which="blade").wait(hours=5)
    told.act("mediator", "ring", which="fight")
    assert reasons(told, "warden", "all_clear", {"which": "fight", "why": "x"})[0].from_when == told.now + timedelta(1)
    opens_at(told, NOW + timedelta(hours=24), "warden", "all_clear", {"which": "blade", "why": "x"})


def test_of_a_danger_raised_again_its_last_life_counts() -> None:
    lifting = {"which": "blade", "why": "x"}
    told = slip(waiting("letter_due", "all_clear", "True")).act("mediator", "ring", which="blade").wait(hours=30)
    told.act("warden", "all_clear", lifting).act("principal", "put_name", what=str(told.seq)).wait(hours=1)
    told.act("mediator", "ring", which="blade")
    opens_at(told, told.now + timedelta(hours=24), "warden", "all_clear", lifting)


def test_of_a_guardian() -> None:
    told = slip(waiting("home_due", "tell_home", "how == 'absent'")).put("looking")
    told.act("warden", "tell_home", who={"slot": "family", "name": "Mère"}, how="informed")
    opens_at(told, local("11-26T10:00"), "warden", "tell_home", {"who": "family-1", "how": "absent"})


def test_of_a_hold() -> None:
    lifting = "decision == 'lift'"
    moroccan = changed(
        MOROCCAN,
        ("  receiver_known: {", f"  held_long: {{type: bool, fallen_due: hold_review, {LABEL}}}\n  receiver_known: {{"),
        ("  receiver_first: {", f"  held_long: {{when: held_long, {WORDS}}}\n  receiver_first: {{"),
        (f'when: "{lifting}"', f'when: "{lifting}", needs_when: [{{when: "{lifting}", needs: held_long}}]'),
    )
    told = reported(moroccan).act("head", "raise_danger", which_danger="home_danger")
    opens_at(told, NOW + timedelta(hours=72), "head", "hold_review", {"hold": "1", "decision": "lift", "reason": "x"})


def test_a_condition_that_the_role_alone_decides_closes_the_act_to_that_role() -> None:
    protocol = changed(
        SMALL, ("  meet: {", "  meet: {needs_when: [{when: \"role == 'mediator'\", needs: keeper_trained}], ")
    )
    told = slip(protocol)
    assert (told.is_open("mediator", "meet"), told.is_open("warden", "meet")) == (False, True)
    choice = told.choices("mediator")["act", "meet"]
    assert [reason.need for reason in choice.reasons] == ["keeper_trained"]
    assert reasons(told, "mediator", "meet", {}) == choice.reasons


def test_a_correction_calls_for_what_it_says_anew() -> None:
    title = "title: {fr: x, ar: x, en: x}"
    what = f"what: {{type: record, required: true, {LABEL}}}"
    protocol = changed(
        SMALL,
        ("  meet: {", "  meet: {needs_when: [{when: \"heard == 'no'\", needs: keeper_trained}], "),
        ("  jot: {", f"  mend: {{kind: correct, form: mend, in: any, by: warden, group: team, {title}}}\n  jot: {{"),
        ("  jotting:\n", f"  mend: {{{title}, fields: {{{what}}}}}\n  jotting:\n"),
    )
    told = slip(protocol).act("mediator", "meet", {"with": {"slot": "owner", "name": "Ali"}, "heard": "yes"})
    record = {"what": str(told.seq)}
    mended = RecordAct("mend", record, False, {"with": "owner-1", "heard": "no"})
    with pytest.raises(Refused) as refused:
        told._take("warden", mended)
    assert [reason.need for reason in refused.value.reasons] == ["keeper_trained"]
    told._take("warden", RecordAct("mend", record, False, {"with": "owner-1", "heard": "unknown"}))
    told.act("warden", "give_chair", seat="keeper", who="mediator")._take("warden", mended)
    assert told.facts["spoke"] == "no"
    told.around = surroundings(protocol, people={})
    told._take("warden", RecordAct("mend", record, False, {"with": "owner-1", "heard": "no", "feeling": "3"}))
    assert told.facts["keeper_ready"] is False, "what it said already is not asked for again"
