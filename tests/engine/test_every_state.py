"""Every state × every role and seat × every act and move, of both definitions: it works, or it says why not.

And what `available` offers is exactly what `decide` lets through.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from filling import Unfillable, fill

from engine.telling import MOROCCAN, NOW, SCHOOL, SMALL, Told, person, surroundings
from school_protocol.engine.answers import clean
from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import SeatHeld
from school_protocol.engine.decisions import Decider, available, decide
from school_protocol.engine.definition import START, ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import EVENT_OF_ACT, CaseOpened, Recorded
from school_protocol.engine.intents import Choice, MakeMove, Opening, RecordAct
from school_protocol.engine.visibility import Actor
from school_protocol.protocol.reader import read_file

PROTOCOLS = {"moroccan": read_file(MOROCCAN), "small": read_file(SMALL)}
PLACES = [(name, state) for name, protocol in PROTOCOLS.items() for state in (START, *protocol.states)]

ON_SECOND_SIGHT = {
    ActKind.sign: {"signed_already", "not_yours_to_sign", "nothing_to_sign"},
    ActKind.seat: {"seat_not_yours_to_give", "not_trained", "reads_no_case", "excluded", "never_came_in"},
    ActKind.refer: {"letter_not_yours"},
    ActKind.accept_transfer: {"transfer_answered"},
    ActKind.answer_contribution: {"contribution_answered", "not_your_role"},
    ActKind.settle_contribution: {"contribution_settled"},
}
"""What an open act may still refuse for the one record, seat or letter that its answers name."""


def around_of(protocol: Protocol) -> Any:
    other = replace(SCHOOL, id="other school", code="12345A")
    schools = frozenset({other.code})
    return surroundings(protocol, joinable=frozenset({"9876543210987"}), schools=schools, named={other.code: other})


def placed(protocol: Protocol, state: str, rich: bool) -> Case | None:
    """A case in that state: bare, or with people, a referral, a hold, something to sign and a danger that stands."""
    if state == START:
        return None
    told = Told(protocol)
    header: dict[str, Any] = {"actor": "nobody", "role": "", "at": NOW, "occurred_at": NOW}
    told._keep(
        [
            CaseOpened(
                **header, protocol=protocol.protocol, version=1, digest="", number="1234567890123", unit=SCHOOL.id,
                state=protocol.initial.key,
            )
        ]
    )  # fmt: skip
    if rich:
        told._keep(_belongings(protocol, told, header))
    return told.put(state).case


def _belongings(protocol: Protocol, told: Told, header: dict[str, Any]) -> Iterator[Recorded]:
    people = {f"{slot}-1": slot for slot in protocol.slots}
    wanted = (ActKind.report, ActKind.refer, ActKind.hold, ActKind.grid, ActKind.raise_danger, ActKind.lift_danger)
    desk = Decider(protocol, told.case, person(protocol, "nobody"), NOW, told.around)
    for act in protocol.acts.values():
        if act.kind not in wanted and not act.signatures:
            continue
        references = desk.references()
        references = type(references)(
            **{
                **{name: getattr(references, name) for name in references.__dataclass_fields__},
                "people": people,
                "cases": frozenset({"9876543210987"}),
                "holds": frozenset({"1"}),
            }
        )
        filled = fill(protocol, protocol.form_of(act), random.Random(act.key), references)
        answers = clean(protocol, protocol.form_of(act), filled, references).answers
        derived: dict[str, Any] = {"people": people} if act.kind is ActKind.report else {}
        if act.kind is ActKind.raise_danger:
            derived["raised"] = list(protocol.dangers)[:1]
        yield Recorded(**header, act=act.key, kind=EVENT_OF_ACT[act.kind], answers=answers, derived=derived)


def everybody(protocol: Protocol, case: Case | None) -> Iterator[tuple[Actor, Case | None]]:
    """One person for each role, one for each seat, and somebody without either."""
    for role in protocol.roles:
        yield person(protocol, role), case
    for seat in protocol.seats if case else ():
        seats = [*case.seats, SeatHeld(seat, f"seat {seat}", 1, by_overseer=True)]  # type: ignore[union-attr]
        yield person(protocol, f"seat {seat}"), _with_seats(case, seats)
    yield person(protocol, "nobody"), case


def _with_seats(case: Any, seats: list[SeatHeld]) -> Case:
    copied = Case(**{name: getattr(case, name) for name in case.__dataclass_fields__})
    copied.seats = seats
    return copied


@pytest.mark.exhaustive(
    only=(
        "moroccan-*-bare",
        "moroccan-listening_planned-*",
        "moroccan-joined-*",
        "moroccan-assessment_running-*",
        "moroccan-plan_active-*",
        "moroccan-follow_up_reinforced-*",
        "moroccan-escalation_sent-*",
        "moroccan-closure_proposed-*",
        "moroccan-no_further_action-*",
    )
)
@pytest.mark.parametrize("rich", [False, True], ids=["bare", "rich"])
@pytest.mark.parametrize(("name", "state"), PLACES, ids=[f"{name}-{state}" for name, state in PLACES])
def test_everything_works_or_says_why_not(name: str, state: str, rich: bool) -> None:
    protocol = PROTOCOLS[name]
    base = placed(protocol, state, rich)
    around = around_of(protocol)
    tried = 0
    for actor, case in everybody(protocol, base):
        choices = {(one.kind, one.key): one for one in available(protocol, case, actor, NOW, around)}
        assert {key for kind, key in choices if kind == "act"} == set(protocol.acts)
        leaving = {move.key for move in protocol.moves.values() if state in move.from_}
        assert {key for kind, key in choices if kind == "move"} == leaving
        for act in protocol.acts:
            check_act(protocol, case, actor, around, choices["act", act])
            tried += 1
        for move in protocol.moves:
            check_move(protocol, case, actor, around, choices.get(("move", move)), move)
            tried += 1
    assert tried >= len(protocol.roles) * (len(protocol.acts) + len(protocol.moves))


def check_act(protocol: Protocol, case: Case | None, actor: Actor, around: Any, choice: Choice) -> None:
    act = protocol.acts[choice.key]
    opening = Opening("1234567890123", SCHOOL.id)
    if not choice.is_open:
        with pytest.raises(Refused) as refusal:
            decide(protocol, case, actor, NOW, around, RecordAct(act.key, {}, True), opening)
        assert refusal.value.reasons == choice.reasons
        assert_explained(protocol, refusal.value)
        return
    form = protocol.form_of(act)
    if any(item.required and item.when is None and item.type is not FieldType.signature for item in form.fields):
        with pytest.raises(BadInput):
            decide(protocol, case, actor, NOW, around, RecordAct(act.key, {}, True), opening)
    references = Decider(protocol, case, actor, NOW, around).references()
    try:
        answers = fill(protocol, form, random.Random(f"{act.key}{actor.id}"), references)
    except Unfillable:
        return
    try:
        decision = decide(protocol, case, actor, NOW, around, RecordAct(act.key, answers, True), opening)
    except Refused as refusal:
        called_for = {need for rule in act.needs_when for need in rule.needs}
        codes = {reason.code for reason in refusal.reasons if reason.need not in called_for}
        assert codes <= ON_SECOND_SIGHT.get(act.kind, set()), f"{act.key} was offered to {actor.id}: {codes}"
        assert_explained(protocol, refusal)
        return
    assert any(isinstance(event, Recorded) and event.act == act.key for event in decision.events)
    assert all(event.actor == actor.id and event.role for event in decision.events)


def check_move(
    protocol: Protocol, case: Case | None, actor: Actor, around: Any, choice: Choice | None, move: str
) -> None:
    try:
        decision = decide(protocol, case, actor, NOW, around, MakeMove(move, "because"))
    except Refused as refusal:
        assert choice is None or case is None or not choice.is_open, f"{move} was offered to {actor.id}"
        assert_explained(protocol, refusal)
        if choice is not None and case is not None:
            assert refusal.reasons == choice.reasons  # noqa: PT017
        return
    assert choice is not None
    assert choice.is_open, f"{move} went through for {actor.id} and was not offered: {choice.reasons}"
    step, *urgent = decision.events
    assert all(protocol.moves[one.move].automatic for one in urgent), "only a danger moves a case on by itself"  # type: ignore[attr-defined]
    assert step.source == (case.state if case else START)  # type: ignore[attr-defined]
    assert step.target in protocol.states  # type: ignore[attr-defined]


def assert_explained(protocol: Protocol, refusal: Refused) -> None:
    """A refusal has reasons; a need has its sentence, and says who can meet it wherever an act can."""
    assert refusal.reasons
    for reason in refusal.reasons:
        assert reason.code
        if reason.code == "need":
            need = protocol.needs[reason.need or ""]
            assert need.sentence.root.keys() >= set(protocol.languages)
            assert set(reason.acts) <= set(need.met_by)
            assert bool(reason.acts) == bool(need.met_by)
            assert bool(reason.roles) == bool(need.met_by)
            assert reason.may_depart == (need.lock is None)


def test_nobody_without_role_or_seat_can_do_anything_anywhere() -> None:
    for protocol in PROTOCOLS.values():
        for state in protocol.states:
            case = placed(protocol, state, rich=True)
            offered = available(protocol, case, person(protocol, "nobody"), NOW, around_of(protocol))
            assert not [choice.key for choice in offered if choice.is_open]


def test_raising_a_danger_is_one_act_away_from_every_state() -> None:
    """Any adult of the school, from every state; and where the case has not gone on elsewhere it turns urgent."""
    for protocol in PROTOCOLS.values():
        (act,) = protocol.acts_of(ActKind.raise_danger)
        field = protocol.form_of(act).find(FieldType.danger)
        assert field is not None
        move = protocol.moves[act.moves or ""]
        for state in protocol.states.values():
            intent = RecordAct(act.key, {field.key: next(iter(protocol.dangers))})
            reporter = person(protocol, next(iter(protocol.roles)))
            decision = decide(protocol, placed(protocol, state.key, False), reporter, NOW, around_of(protocol), intent)
            assert len(decision.events) == (2 if state.key in move.from_ else 1)
            assert state.key in move.from_ or state.key == move.to or state.successor
