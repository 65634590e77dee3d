"""Whether one act may be recorded as it was filled in: who is seated, who writes to whom, who is shut out, what a
refusal and a grid that was rested on ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date

from school_protocol.domain.acting import may_be_seated, readers_above, role_for, sits_above, stands_above
from school_protocol.domain.assessing import took_level_from
from school_protocol.domain.case import Case, Record
from school_protocol.domain.errors import BadInput, Refused
from school_protocol.domain.events import Answers
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.forms import FieldType, own_moment
from school_protocol.domain.intents import Reason
from school_protocol.domain.paper import Hand
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act, ActKind, Protocol
from school_protocol.domain.review import is_refusal
from school_protocol.domain.weighing import act_values, is_above

_ACCOUNTS = (FieldType.account, FieldType.accounts)


@dataclass(frozen=True, slots=True)
class Checking:
    """One case on that day, and somebody with the seats and roles that they `held` in it, and `everything` they hold,
    in whichever they act."""

    protocol: Protocol
    case: Case
    actor: Actor
    held: tuple[str, ...]
    everything: tuple[str, ...]
    around: Surroundings
    day: date

    def check_answers(self, act: Act, answers: Answers) -> None:
        """Raises BadInput with what is wrong between the answers and the case."""
        if problems := self._before_its_referral(act, answers) or self._refusal_without_reason(act, answers):
            raise BadInput(problems)

    def check(self, act: Act, answers: Answers, hand: Hand, barred: frozenset[str] = frozenset()) -> None:
        """Raises Refused where this person, or whoever wrote on the paper, may not do what these answers do.

        `barred`: who must not read what the case is opened from, whoever opens it.
        """
        self._check_seat(act, answers)
        self._check_letter(act, answers, hand)
        self._check_exclusion(act, answers, hand, barred)

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
        if not may_be_seated(self.protocol, colleague, receives=seat.receives):
            raise Refused((Reason("reads_no_case"),))
        if colleague is not None and not colleague.has_way_in:
            raise Refused((Reason("never_came_in"),))
        roles = [role for role, _unit in colleague.roles] if colleague else []
        if not seat.admits(roles, trained=colleague is not None and colleague.trained):
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

    def _check_exclusion(self, act: Act, answers: Answers, hand: Hand, barred: frozenset[str]) -> None:
        """Nobody below shuts out who stands above the school, nor by another's hand, but for those whom whoever wrote
        did not want to read it; and of those who can come in one at least is left who may read what the school may not.

        Whoever stands above by office is shut out by office alone; by a seat, by either.
        """
        if act.kind not in (ActKind.exclude, ActKind.report):
            return
        shut_out = set(self._shut_out(act, answers))
        others = [self.around.people.get(account) for account in shut_out - barred - {self.actor.id}]
        hands = [self.everything, *([hand.roles] if hand.paper else [])]
        offices = [[name for name in held if name in self.protocol.roles] for held in hands]
        for one in (one for one in others if one is not None):
            by_office = stands_above(self.protocol, one, self.around)
            if (by_office or sits_above(self.protocol, one, self.case, self.day)) and not all(
                self._decides(act, answers, held) for held in (offices if by_office else hands)
            ):
                raise Refused((Reason("overseer_stays"),))
        readers = readers_above(self.protocol, self.case, self.around)
        if readers and readers <= shut_out:
            raise Refused((Reason("nobody_left"),))

    def _decides(self, act: Act, answers: Answers, held: Iterable[str]) -> bool:
        """Whether somebody with these roles stands above the school, and the act takes effect in one of these."""
        return any(
            is_above(self.protocol, name)
            and (
                act.effect_when is None
                or act.effect_when.holds(act_values(self.protocol, act.key, answers, name, self.actor.id))
            )
            for name in held
        )

    def _shut_out(self, act: Act, answers: Answers) -> Iterator[str]:
        """Accounts that the answers shut out: whoever declares it, where an exclusion names nobody."""
        fields = [item for item in self.protocol.form_of(act).fields if item.type in _ACCOUNTS]
        for item in fields:
            answer = answers.get(item.key) or ()
            yield from [answer] if isinstance(answer, str) else answer
        if act.kind is ActKind.exclude and not any(answers.get(item.key) for item in fields):
            yield self.actor.id
