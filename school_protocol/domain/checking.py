"""Whether one act may be recorded as it was filled in: who is seated, who writes to whom, who is shut out, what a
refusal and a grid that was rested on ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

from school_protocol.domain.acting import may_be_seated, oversees, own_role, role_for
from school_protocol.domain.assessing import took_level_from
from school_protocol.domain.case import Case, Record
from school_protocol.domain.errors import BadInput, Refused
from school_protocol.domain.events import Answers
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.forms import FieldType
from school_protocol.domain.intents import Reason
from school_protocol.domain.paper import Hand, own_moment
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act, ActKind, Protocol, ScopeKind
from school_protocol.domain.review import is_refusal


@dataclass(frozen=True, slots=True)
class Checking:
    """One case, and somebody with the seats and roles that they `held` in it."""

    protocol: Protocol
    case: Case
    actor: Actor
    held: tuple[str, ...]
    around: Surroundings

    def check_answers(self, act: Act, answers: Answers) -> None:
        """Raises BadInput with what is wrong between the answers and the case."""
        if problems := self._before_its_referral(act, answers) or self._refusal_without_reason(act, answers):
            raise BadInput(problems)

    def check(self, act: Act, answers: Answers, hand: Hand) -> None:
        """Raises Refused where this person, or whoever wrote on the paper, may not do what these answers do."""
        self._check_seat(act, answers)
        self._check_letter(act, answers, hand)
        self._check_exclusion(act, answers, hand)

    def check_grid(self, record: Record, answers: Answers) -> None:
        """A grid whose level was written into other entries stays; its words may be put right."""
        fields = (item for item in self.protocol.form_of(record.act).fields if not item.is_words)
        is_another = any(record.answers.get(item.key) != answers.get(item.key) for item in fields)
        if is_another and took_level_from(self.protocol, self.case, record):
            raise Refused((Reason("grid_rested_on"),))

    def _before_its_referral(self, act: Act, answers: Answers) -> dict[str, tuple[str, ...]]:
        """Nothing comes back of a referral before it was sent."""
        form = self.protocol.form_of(act)
        item, own = form.find(FieldType.referral), own_moment(form, answers)
        if act.kind is not ActKind.answer_referral or item is None or own is None:
            return {}
        sent = next((one.at for one in self.case.referrals if str(one.number) == answers.get(item.key)), None)
        if sent is None or own[1] >= sent.replace(second=0, microsecond=0):
            return {}
        received, left = (f"{at.astimezone(UTC):%Y%m%dT%H%MZ}" for at in (own[1], sent))
        return {own[0]: (f"before_its_referral:{received}:{left}",)}

    def _refusal_without_reason(self, act: Act, answers: Answers) -> dict[str, tuple[str, ...]]:
        """Whoever refuses the visa of a review says why: whoever it goes back to reads that."""
        review = self.protocol.review
        if review is None or review.refusal is None or act.key != review.visa or not is_refusal(review, answers):
            return {}
        said = str(answers.get(review.refusal.reason) or "").strip()
        return {} if said else {review.refusal.reason: ("required",)}

    def _check_seat(self, act: Act, answers: Answers) -> None:
        """A seat is given by who may give it, to somebody whose training is current where the seat asks for it."""
        form = self.protocol.form_of(act)
        seat_field, account_field = form.find(FieldType.seat), form.find(FieldType.account)
        if act.kind is not ActKind.seat or seat_field is None or account_field is None:
            return
        seat = self.protocol.seats[answers[seat_field.key]]
        if seat.named_by and role_for(self.protocol, seat.named_by, self.held) is None:
            raise Refused((Reason("seat_not_yours_to_give", roles=seat.named_by),))
        account = answers[account_field.key]
        colleague = self.around.people.get(account)
        if not may_be_seated(self.protocol, colleague):
            raise Refused((Reason("reads_no_case"),))
        if seat.trained and not (colleague is not None and colleague.trained):
            raise Refused((Reason("not_trained"),))
        if account in self.case.exclusions:
            raise Refused((Reason("excluded"),))

    def _check_letter(self, act: Act, answers: Answers, hand: Hand) -> None:
        """A letter to some targets is sent by certain roles only; a call, by anybody."""
        form = self.protocol.form_of(act)
        item = form.find(FieldType.target)
        target = self.protocol.targets.get(answers.get(item.key, "")) if item else None
        if act.kind is not ActKind.refer or target is None or not target.letter_by:
            return
        written = any(
            option.written and answers.get(field.key) == option.key for field in form.fields for option in field.options
        )
        hands = (self.held, hand.roles)
        if written and any(role_for(self.protocol, target.letter_by, held) is None for held in hands):
            raise Refused((Reason("letter_not_yours", roles=target.letter_by),))

    def _check_exclusion(self, act: Act, answers: Answers, hand: Hand) -> None:
        """Nobody below shuts out who oversees, nor by another's hand: somebody must always be able to read a case."""
        hands = (self.held, hand.roles)
        if act.kind not in (ActKind.exclude, ActKind.report) or all(any(map(self._answers, held)) for held in hands):
            return
        for account in self._shut_out(act, answers):
            colleague = self.around.people.get(account)
            held = [role for role, _unit in colleague.roles] if colleague else []
            if account != self.actor.id and any(oversees(self.protocol, name) for name in held):
                raise Refused((Reason("overseer_stays"),))

    def _shut_out(self, act: Act, answers: Answers) -> Iterator[str]:
        for item in self.protocol.form_of(act).fields:
            if item.type in (FieldType.account, FieldType.accounts):
                answer = answers.get(item.key) or ()
                yield from [answer] if isinstance(answer, str) else answer

    def _answers(self, name: str) -> bool:
        """Whether whoever holds that role or seat oversees schools, or sees the region of those who do."""
        role = own_role(self.protocol, name)
        return oversees(self.protocol, name) or (role is not None and role.sees is ScopeKind.region)
