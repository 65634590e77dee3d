"""Anybody does anything, in any order, through the real services: what must hold, holds after each step."""

from __future__ import annotations

import random
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, SMALL
from filling import Unfillable, fill
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.intake import open_case
from school_protocol.cases.lists import find_by_number, see_desk
from school_protocol.cases.loading import Loaded, index_row, keep, load_by_id, surroundings
from school_protocol.cases.service import make_move, record_act, take_back
from school_protocol.cases.showing import see_case, see_choices
from school_protocol.cases.story_player import Player, throwaway
from school_protocol.engine.act_checks import undoable
from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import read as read_facts
from school_protocol.engine.decisions import Decider, available, decide
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.errors import BadInput, Conflict, Refused, Unseen
from school_protocol.engine.events import StepTaken
from school_protocol.engine.intents import Choice, MakeMove, Opening, RecordAct
from school_protocol.engine.visibility import Actor
from school_protocol.protocol.reader import read
from school_protocol.storage import journal

pytestmark = pytest.mark.exhaustive

SEEDS = st.integers(0, 2**20)


class Walk(RuleBasedStateMachine):
    """One case (and those that it joins or opens) in a throwaway installation."""

    content: bytes
    protocol: Protocol

    @initialize(seed=SEEDS)
    def open(self, seed: int) -> None:
        self.stack = ExitStack()
        self.player: Player = self.stack.enter_context(throwaway(self.protocol, self.content, NOW))
        self.ctx = self.player.ctx
        self.folded: Case | None = None
        self.folded_to = 0
        self.tokens = 0
        self.number = self.other = ""
        rng = random.Random(seed)
        self.people = [self.player.actor(f"{role}{mark}") for role in self.protocol.roles for mark in ("", "/2")]
        (report,) = self.protocol.acts_of(ActKind.report)
        who = next(actor for actor in self.people if actor.appointments[0].role in report.by)
        desk = Decider(self.protocol, None, who, NOW, self.surroundings())
        for _case in range(2):
            answers = fill(self.protocol, self.protocol.form_of(report), rng, desk.references())
            answers = {
                key: value for key, value in answers.items() if not isinstance(value, list) or "slot" in str(value)
            }
            self.other, self.number = (
                self.number,
                open_case(self.ctx, who, report.key, answers, token=self.token()).number,
            )
        self.case_id = self.find(self.number)

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    # ---- small things ----------------------------------------------------------------------------------------

    def token(self) -> str:
        self.tokens += 1
        return f"token {self.tokens}"

    def find(self, number: str) -> str:
        with self.ctx.realm.reading() as session:
            found = cases_repository.find_by_number(session, number)
        assert found is not None
        return found

    def surroundings(self) -> Any:
        return surroundings(self.ctx, self.player.school)

    def loaded(self, actor: Actor) -> Loaded:
        with self.ctx.realm.reading() as session:
            return load_by_id(self.ctx, session, actor, self.case_id)

    def sees(self, actor: Actor) -> bool:
        try:
            find_by_number(self.ctx, actor, self.number)
        except Unseen:
            return False
        return True

    # ---- what people do --------------------------------------------------------------------------------------

    @rule(seed=SEEDS, hours=st.sampled_from([0, 1, 30, 200]))
    def do_something_that_is_offered(self, seed: int, hours: int) -> None:
        rng = random.Random(seed)
        self.player.clock.advance(timedelta(hours=hours))
        for _time in range(4):
            self.go_on(rng)

    def go_on(self, rng: random.Random) -> None:
        actors = [actor for actor in self.people if self.sees(actor)]
        if not actors:
            return
        actor = rng.choice(actors)
        offered = [one for one in see_choices(self.ctx, actor, self.number) if one.is_open and self.calm(one, rng)]
        moves = [one for one in offered if one.kind == "move"]
        if offered:
            choice = rng.choice(moves if moves and rng.random() < 0.6 else offered)
            assert self.do(actor, choice.kind, choice.key, rng), f"{choice.key} was offered to {actor.name}"

    def calm(self, choice: Choice, rng: random.Random) -> bool:
        """Dangers are raised now and then, and people excluded rarely: else nothing else would happen."""
        kind = self.protocol.acts[choice.key].kind if choice.kind == "act" else None
        often = {ActKind.raise_danger: 0.2, ActKind.exclude: 0.1, ActKind.join: 0.2}.get(kind, 1.0)  # type: ignore[arg-type]
        return rng.random() < often

    @rule(seed=SEEDS)
    def take_something_back(self, seed: int) -> None:
        """The latest entry of somebody who may still take it back; whoever else tries is refused."""
        actor = random.Random(seed).choice(self.people)
        for record in reversed(self.loaded(actor).case.records):
            before, loaded = self.last_seq(), self.loaded(actor)
            offered = undoable(self.protocol, loaded.case, actor.id, loaded.now, loaded.around) if loaded.roles else {}
            try:
                take_back(self.ctx, actor, self.number, record.seq, expected=before, token=self.token())
            except (Refused, Unseen):
                assert record.seq not in offered or not self.sees(actor)
                assert self.last_seq() == before
                continue
            assert record.seq in offered
            assert self.loaded(actor).case.record(record.seq) is None
            break

    @rule(seed=SEEDS)
    def do_anything_at_all(self, seed: int) -> None:
        rng = random.Random(seed)
        actor = rng.choice(self.people)
        anything = [("act", key) for key in self.protocol.acts] + [("move", key) for key in self.protocol.moves]
        self.do(actor, *rng.choice(anything), rng)

    @rule(seed=SEEDS)
    def find_it_elsewhere(self, seed: int) -> None:
        """A walk of a few steps does not go far: now and then the case is moved by hand, and kept like any step."""
        case = self.loaded(self.people[0]).case
        states = [key for key, state in self.protocol.states.items() if not (state.ended and case.live_dangers())]
        state = random.Random(seed).choice(states)
        move = next(one for one in self.protocol.moves.values() if one.to == state)
        now = self.ctx.now()
        step = StepTaken(
            actor="nobody", role="", at=now, occurred_at=now, move=move.key, source=case.state, target=state,
            level=2 if move.sets.assess else None,
            successor=self.other if self.protocol.states[state].successor else None,
        )  # fmt: skip
        with self.ctx.realm.writing() as session:
            loaded = load_by_id(self.ctx, session, self.people[0], self.case_id)
            keep(self.ctx, session, loaded, [step])

    @rule(seed=SEEDS)
    def look(self, seed: int) -> None:
        actor = random.Random(seed).choice(self.people)
        try:
            view = see_case(self.ctx, actor, self.number)
        except Unseen:
            assert not self.sees(actor)
            return
        assert view.head.number == self.number
        assert actor.id not in self.loaded(actor).case.exclusions

    @precondition(lambda self: self.tokens > 2)
    @rule(seed=SEEDS)
    def press_twice(self, seed: int) -> None:
        """The note of somebody who may write one, with a token that is pressed again."""
        (act,) = self.protocol.acts_of(ActKind.note)
        token = self.token()
        rng = random.Random(seed)
        actor = rng.choice(self.people)
        form = self.protocol.form_of(act)
        answers = fill(
            self.protocol, form, rng, Decider(self.protocol, None, actor, NOW, self.surroundings()).references()
        )
        try:
            once = record_act(self.ctx, actor, self.number, act.key, answers, expected=None, token=token)
        except (Refused, Unseen):
            return
        twice = record_act(self.ctx, actor, self.number, act.key, answers, expected=None, token=token)
        assert (once.seq, once.repeated, twice.seq, twice.repeated) == (once.seq, False, once.seq, True)

    def do(self, actor: Actor, kind: str, key: str, rng: random.Random) -> bool:
        """Whether it was let through (or only its own answers stood in the way)."""
        before = self.last_seq()
        expected = rng.choice([None, before])
        try:
            if kind == "act":
                answers = self.answers(actor, key, rng)
                record_act(
                    self.ctx, actor, self.number, key, answers, expected=expected, token=self.token(), proven=True
                )
            else:
                departing = {need: "une raison" for need in self.protocol.moves[key].needs if rng.random() < 0.3}
                make_move(self.ctx, actor, self.number, key, reason="une raison", departures=departing,
                          expected=expected, token=self.token())  # fmt: skip
        except Refused as refusal:
            assert refusal.reasons  # noqa: PT017
            assert self.last_seq() == before, "a refusal writes nothing"
            second_sight = {
                "signed_already", "not_yours_to_sign", "nothing_to_sign", "seat_not_yours_to_give", "not_trained",
                "reads_no_case", "excluded", "not_correctable", "overseer_stays", "nobody_left",
            }  # fmt: skip
            codes = {reason.code for reason in refusal.reasons}
            called_for = self.called_for(key) if kind == "act" else set()
            late = {reason.need for reason in refusal.reasons} <= called_for and bool(called_for)
            return bool(codes & second_sight) or bool(codes & set(self.on_answers)) or late
        except BadInput:
            assert self.last_seq() == before
            return True
        except Unfillable:
            return True
        except Unseen:
            assert not self.sees(actor) or kind == "act"
            return False
        except Conflict:
            raise AssertionError("nobody else wrote") from None
        return True

    def called_for(self, act: str) -> set[str | None]:
        """Needs that some answers of an act call for."""
        return {need for rule in self.protocol.acts[act].needs_when for need in rule.needs}

    on_answers: tuple[str, ...] = ("letter_not_yours", "not_yours_to_write", "not_yours_to_send")

    def answers(self, actor: Actor, key: str, rng: random.Random) -> dict[str, Any]:
        loaded = self.loaded(actor)
        desk = Decider(self.protocol, loaded.case, actor, loaded.now, loaded.around)
        return fill(self.protocol, self.protocol.forms[self.protocol.acts[key].form], rng, desk.references())

    def last_seq(self) -> int:
        with self.ctx.realm.reading() as session:
            return cases_repository.last_seq(session, self.case_id)

    # ---- what holds ------------------------------------------------------------------------------------------

    @invariant()
    def the_index_row_is_what_the_events_say(self) -> None:
        if not hasattr(self, "case_id"):
            return
        loaded = self.loaded(self.people[0])
        with self.ctx.realm.reading() as session:
            kept = index_repository.row_of(session, self.case_id)
        assert kept is not None
        at = loaded.case.last_at
        assert at is not None
        facts = read_facts(self.protocol, loaded.case, at, loaded.around)
        rebuilt = index_row(self.case_id, self.protocol, loaded.case, facts, loaded.around)
        for name in kept.__dataclass_fields__:
            one, two = getattr(kept, name), getattr(rebuilt, name)
            if name == "dues":
                one, two = set(one), set(two)
            if name == "seats":
                one, two = {(seat.account, seat.seat) for seat in one}, {(seat.account, seat.seat) for seat in two}
            assert one == two, name

    @invariant()
    def the_journal_verifies(self) -> None:
        if hasattr(self, "case_id"):
            with self.ctx.realm.reading() as session:
                assert journal.verify_all(session, self.ctx.vault) == []

    @invariant()
    def folding_on_is_folding_from_the_start(self) -> None:
        if not hasattr(self, "case_id"):
            return
        events = self.loaded(self.people[0]).events
        self.folded = fold(self.protocol, events[self.folded_to :], self.folded)
        self.folded_to = len(events)
        assert self.folded == fold(self.protocol, events)

    @invariant()
    def nobody_excluded_sees_it_and_nothing_is_open_to_them(self) -> None:
        if not hasattr(self, "case_id"):
            return
        case = self.loaded(self.people[0]).case
        for actor in self.people:
            if actor.id in case.exclusions:
                assert not self.sees(actor)
                assert self.number not in {line.number for line in see_desk(self.ctx, actor).lines}
                loaded = self.loaded(actor)
                offered = available(self.protocol, case, actor, loaded.now, loaded.around)
                assert not [choice for choice in offered if choice.is_open]

    @invariant()
    def nothing_has_ended_with_a_raised_danger(self) -> None:
        if hasattr(self, "case_id"):
            case = self.loaded(self.people[0]).case
            assert not (self.protocol.states[case.state].ended and case.live_dangers("raised")), case.state

    @invariant()
    def what_is_offered_is_what_is_let_through(self) -> None:
        """For one person, drawn by where the case stands: every move, and every act refused without its answers."""
        if not hasattr(self, "case_id"):
            return
        actor = self.people[self.last_seq() % len(self.people)]
        loaded = self.loaded(actor)
        for choice in available(self.protocol, loaded.case, actor, loaded.now, loaded.around):
            intent = RecordAct(choice.key, {}, True) if choice.kind == "act" else MakeMove(choice.key, "une raison")
            try:
                decide(self.protocol, loaded.case, actor, loaded.now, loaded.around, intent, Opening("0", "x"))
            except Refused as refusal:
                assert refusal.reasons == choice.reasons  # noqa: PT017
            except BadInput:
                assert choice.is_open
            else:
                assert choice.is_open


@pytest.mark.parametrize(("file", "examples", "steps"), [(MOROCCAN, 6, 16), (SMALL, 5, 14)], ids=["moroccan", "small"])
def test_whatever_people_do_what_must_hold_holds(file: Any, examples: int, steps: int) -> None:
    content = file.read_bytes()
    walk = type("WalkOn", (Walk,), {"content": content, "protocol": read(content, file.name)})
    run_state_machine_as_test(
        walk,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],  # shrinking a walk takes minutes: do it by hand where it is needed
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
