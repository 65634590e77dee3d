"""What may be asked of another school, who answers there, and when the other school's own case opens."""

from __future__ import annotations

from dataclasses import dataclass

from school_protocol.domain.case import Case
from school_protocol.domain.errors import BadInput, Refused
from school_protocol.domain.events import Answers
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.forms import FieldType
from school_protocol.domain.intents import Reason
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act, ActKind, Protocol
from school_protocol.domain.sharing import (
    Asked,
    answering_act,
    answering_roles,
    answers_for,
    contribution,
    contributions,
    transfer_asked,
    waiting,
)
from school_protocol.domain.weighing import act_values


@dataclass(frozen=True, slots=True)
class Asking:
    """One case, and somebody with the seats and roles that they `held` in it."""

    protocol: Protocol
    case: Case
    actor: Actor
    held: tuple[str, ...]
    around: Surroundings

    def answering(self, act: Act) -> tuple[str, ...]:
        """In which roles this person answers by that act for a school of which the case asks something."""
        if act.kind is ActKind.accept_transfer:
            asked = transfer_asked(self.protocol, self.case)
            return self.roles_for(asked) if asked is not None else self.held
        asked_for = [one for one in waiting(self.protocol, self.case) if one.kind is ActKind.contribute]
        return tuple(dict.fromkeys(role for one in asked_for for role in self.roles_for(one)))

    def roles_for(self, asked: Asked) -> tuple[str, ...]:
        """In which roles they answer it: where the school is none of this installation, in those held in the case."""
        there = self.around.named.get(asked.school)
        if there is None:
            return self.held
        return answering_roles(self.protocol, self.case, self.actor, self.held, self.around.unit, there)

    def nothing_waits(self, act: Act) -> Reason | None:
        """Why an act that answers or settles something is not open: nothing waits for it."""
        if act.kind is ActKind.accept_transfer:
            transfer = transfer_asked(self.protocol, self.case)
            return Reason("transfer_answered") if transfer is None or transfer.answer is not None else None
        asked = contributions(self.protocol, self.case)
        if act.kind is ActKind.answer_contribution and not any(one.waits for one in asked):
            return Reason("contribution_answered")
        if act.kind is ActKind.settle_contribution and not any(one.is_open for one in asked):
            return Reason("contribution_settled")
        return None

    def check(self, act: Act, answers: Answers) -> None:
        """What is asked of another school is answered once; a contribution is settled once. Raises."""
        if act.kind in (ActKind.contribute, ActKind.ask_transfer):
            self._check_school(act, answers)
        if (why := self.nothing_waits(act)) is not None:
            raise Refused((why,))
        if act.kind not in (ActKind.answer_contribution, ActKind.settle_contribution):
            return
        item = self.protocol.form_of(act).find(FieldType.record)
        asked = contribution(self.protocol, self.case, int(answers[item.key])) if item is not None else None
        if act.kind is ActKind.settle_contribution:
            if asked is None or not asked.is_open:
                raise Refused((Reason("contribution_settled"),))
        elif asked is None or not asked.waits:
            raise Refused((Reason("contribution_answered"),))
        elif not answers_for(self.protocol, act, self.roles_for(asked)):
            raise Refused((Reason("not_your_role", roles=act.by),))

    def opens(self, act: Act, answers: Answers, role: str) -> bool:
        """Whether the other school's own case opens with this: agreed to, or asked by whoever could agree to it."""
        if act.kind is ActKind.answer_contribution:
            values = act_values(self.protocol, act.key, answers, role, self.actor.id)
            return act.effect_when is None or act.effect_when.holds(values)
        item = self.protocol.form_of(act).find(FieldType.school)
        if act.kind is not ActKind.contribute or item is None:
            return False
        there, answer = self.around.named[answers[item.key]], answering_act(self.protocol, act.kind)
        held = answering_roles(self.protocol, self.case, self.actor, self.held, self.around.unit, there)
        return answer is None or answers_for(self.protocol, answer, held)

    def _check_school(self, act: Act, answers: Answers) -> None:
        item = self.protocol.form_of(act).find(FieldType.school)
        code = str(answers.get(item.key, "")) if item is not None else ""
        problem = self._transfer_problem(code) if act.kind is ActKind.ask_transfer else self._school_problem(code)
        if item is not None and problem is not None:
            raise BadInput({item.key: (problem,)})

    def _transfer_problem(self, code: str) -> str | None:
        """A case goes to another school; to one that is none of this installation whoever oversees answers for it."""
        return "school_own_transfer" if code and code == self.around.unit.code else None

    def _school_problem(self, code: str) -> str | None:
        if code in {one.school for one in contributions(self.protocol, self.case) if one.is_open}:
            return "school_asked"
        if code not in self.around.named:
            return "school_own" if code == self.around.unit.code else "school_not_here"
        return None
