"""Checks of one act: whether it may be recorded as filled in, asked of another school, signed, or undone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import rfc8785

from school_protocol.engine.actors import Hand, may_be_seated, readers_above, role_for, sits_above, stands_above
from school_protocol.engine.case import Case, fold, is_reading
from school_protocol.engine.case_parts import Record, act_values, acts_as, is_above, own_role, record_values
from school_protocol.engine.case_summary import took_level_from
from school_protocol.engine.deadlines import read
from school_protocol.engine.definition import CORRECTABLE, Act, ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType, own_moment
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import Answers, CaseSeen, EntryRetracted, StepTaken, WordChosen
from school_protocol.engine.facts import Surroundings
from school_protocol.engine.intents import Reason
from school_protocol.engine.review_state import is_refusal
from school_protocol.engine.sharing_state import (
    Asked,
    answering_act,
    answering_roles,
    answers_for,
    contribution,
    contributions,
    transfer_asked,
    waiting,
)
from school_protocol.engine.visibility import Actor


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


# ---- whether an act may be recorded as it was filled in ------------------------------------------------------------
# Who is seated, who writes to whom, who is shut out, what a refusal and a grid that was rested on ask.

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


# ---- what a signature binds to, and who may give it ----------------------------------------------------------------


def digest_of(act: str, answers: Mapping[str, Any]) -> str:
    """sha256, in hex, of what a signature binds to: the act and its answers as canonical JSON."""
    return hashlib.sha256(rfc8785.dumps({"act": act, "answers": _plain(answers)})).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def left_to_sign(protocol: Protocol, record: Record) -> tuple[str, ...]:
    """Who may sign an entry, without the roles in which somebody has signed already."""
    act = protocol.acts[record.act]
    allowed = act.signed_by or act.by
    signed = {role for role in allowed for one in record.signatures if acts_as(protocol, one.role, role)}
    return tuple(role for role in allowed if role not in signed) or allowed


@dataclass(frozen=True, slots=True)
class Signing:
    """Somebody with the seats and roles that they `held` in a case."""

    protocol: Protocol
    actor: Actor
    held: tuple[str, ...]

    def signs_first(self, act: Act, role: str) -> bool:
        """Whether whoever records that act in that role signs it at once."""
        if not act.signatures and self.protocol.form_of(act).find(FieldType.signature) is None:
            return False
        return self.may_sign(act, role)

    def may_sign(self, act: Act, role: str) -> bool:
        """Whether this person, in this role or seat, is one whose signature the act takes."""
        allowed = act.signed_by or act.by
        if not any(name == "everyone" or acts_as(self.protocol, role, name) for name in allowed):
            return False
        seat, declared = self.protocol.seats.get(role), own_role(self.protocol, role)
        wants_training = bool(declared and declared.trained)
        offices = [one.role for one in self.actor.appointments]
        wants_training |= seat is not None and not seat.admits(offices, trained=False)
        return self.actor.trained or not wants_training

    def signing_role(self, record: Record) -> str | None:
        """The role or seat in which this person could sign `record` now."""
        act = self.protocol.acts[record.act]
        if record.signed_by(self.actor.id):
            return None
        wanted = [role for role in self.held if self.may_sign(act, role)]
        special = self._lifting_role(record)
        if special is not None:
            wanted.sort(key=lambda role: not acts_as(self.protocol, role, special))
        return wanted[0] if wanted else None

    def check_word(self, act: Act, role: str, *, given: bool) -> None:
        """Raises Refused where the act wants this person's word, and it was not `given`."""
        fields = self.protocol.form_of(act).fields
        wanted = act.kind is ActKind.sign or act.signatures > 0
        wanted = wanted or any(item.type is FieldType.signature and item.required for item in fields)
        if wanted and not given and (act.kind is ActKind.sign or self.signs_first(act, role)):
            raise Refused((Reason("signature_missing"),))

    def check_record(self, record: Record) -> None:
        """Raises Refused where this person can't sign `record` now."""
        act = self.protocol.acts[record.act]
        if not act.signatures and record.effective_seq is not None:
            raise Refused((Reason("nothing_to_sign"),))
        if record.signed_by(self.actor.id):
            raise Refused((Reason("signed_already"),))
        if self.signing_role(record) is None:
            raise Refused((Reason("not_yours_to_sign", roles=act.signed_by or act.by),))

    def _lifting_role(self, record: Record) -> str | None:
        if record.kind is not ActKind.lift_danger:
            return None
        item = self.protocol.form_of(record.act).find(FieldType.danger)
        danger = self.protocol.dangers.get(record.answers.get(item.key, "")) if item else None
        return danger.lifted_with if danger else None


# ---- undo: who may, how long, and what stands against it -----------------------------------------------------------
# Nothing is deleted: the entry stays in the chronology; the case is folded as though it had never had an effect.

UNDOABLE = CORRECTABLE - {ActKind.report} | {ActKind.raise_danger}
"""Kinds whose entries may be taken back: those that may be corrected, except what opened the case, and dangers."""


_CONFIRMING = (ActKind.visa, ActKind.summary)
"""Kinds that stand for the whole of the case as it was."""


def undo_until(protocol: Protocol, record: Record) -> datetime:
    """The moment after which its writer can only correct it."""
    return record.at + timedelta(minutes=protocol.undo_minutes)


def retraction(record: Record, actor: str, role: str, at: datetime) -> EntryRetracted:
    return EntryRetracted(actor=actor, role=role, at=at, occurred_at=at, entry=record.seq, act=record.act)


def without(protocol: Protocol, case: Case, record: Record) -> Case:
    """The case as it would be, had that record been taken back."""
    event = retraction(record, record.actor, record.role, record.at).numbered(case.last_seq + 1)
    return fold(protocol, [*case.events, event], earlier=case.earlier)


def against_undo(
    protocol: Protocol, case: Case, seq: int, actor: str, now: datetime, around: Surroundings
) -> tuple[str, ...]:
    """What stands against that person's taking that entry back now, as codes; nothing: it may be done."""
    record = case.record(seq)
    if record is None:
        return ("undone_already",) if seq in case.retracted else ("no_such_entry",)
    if record.actor != actor:
        return ("undo_not_yours",)
    if not protocol.undo_minutes or record.kind not in UNDOABLE:
        return ("undo_not_offered",)
    if raises_danger(record.kind, record.derived):
        return tuple(_against_calling_off(protocol, case, record, now))
    found = []
    if case.version_at(record.seq) != case.version:
        found.append("undo_other_version")
    elif any(copy.seq > record.seq for copy in case.documents):
        found.append("undo_handed_out")
    elif _is_rested_on(protocol, case, record, now, around):
        found.append("undo_rested_on")
    if now > undo_until(protocol, record):
        found.append("undo_over")
    return tuple(found)


def undoable(protocol: Protocol, case: Case, actor: str, now: datetime, around: Surroundings) -> Mapping[int, datetime]:
    """The entries that this person may take back now, each with until when; the latest first."""
    own = [one for one in case.records if one.actor == actor and now <= undo_until(protocol, one)]
    return {
        record.seq: undo_until(protocol, record)
        for record in reversed(own)
        if not against_undo(protocol, case, record.seq, actor, now, around)
    }


def last_written(protocol: Protocol, case: Case, actor: str) -> Record | None:
    """The record that this person wrote last here; None where they did something else since, but read, choose another
    word for the case, or see a step follow by itself."""
    for event in reversed(case.events):
        move = protocol.moves.get(event.move) if isinstance(event, StepTaken) else None
        if (
            event.actor == actor
            and not isinstance(event, CaseSeen | WordChosen)
            and not (move is not None and move.automatic)
        ):
            return case.record(event.seq)
    return None


def raises_danger(kind: ActKind, derived: Mapping[str, Any]) -> bool:
    """Whether such an entry raised a danger, or said again that one is there."""
    return kind is ActKind.raise_danger or bool(derived.get("raised"))


def _against_calling_off(protocol: Protocol, case: Case, record: Record, now: datetime) -> Iterator[str]:
    """What stands against taking a danger back: it must hide none that is there.

    Whoever saw it took it for one; the case stood before, so that it goes back to where it was; it shut nobody of the
    school out, who could press for it; and nothing was written since, by anybody, that rests on it or says it again.
    """
    if record.author != record.actor:
        yield "undo_not_yours"
    elif record.seq - 1 == case.events[0].seq:
        yield "undo_danger_opened"
    elif case.restricted_seq == record.seq:
        yield "undo_danger_restricts"
    elif case.version_at(record.seq) != case.version or any(_written_since(protocol, case, record)):
        yield "undo_danger_since"
    if now > undo_until(protocol, record):
        yield "undo_danger_over"


def _written_since(protocol: Protocol, case: Case, record: Record) -> Iterator[int]:
    """Numbers of what came into the case since, or was handed out: not the step that the danger made by itself, not
    what was only read, nothing that was taken back, and not another word for the case."""
    gone = {*case.retracted, *(step.seq for step in case.undone)}
    for event in case.events:
        if event.seq <= record.seq or event.seq in gone or isinstance(event, EntryRetracted | WordChosen):
            continue
        own = isinstance(event, StepTaken) and event.seq == record.seq + 1 and protocol.moves[event.move].automatic
        if not own and (not is_reading(event) or event in case.documents):
            yield event.seq


def _is_rested_on(protocol: Protocol, case: Case, record: Record, now: datetime, around: Surroundings) -> bool:
    """Whether a step, a signature, a correction, a summary or another later entry rests upon it."""
    if any(life.entry == record.seq for life in case.files.values()):
        return True
    if record.corrections or any(step.seq > record.seq for step in case.steps):
        return True
    if any(signature.account != record.actor for signature in record.signatures):
        return True
    later = [one for one in case.records if one.seq > record.seq]
    if any(one.kind in _CONFIRMING or _points_at(protocol, one, record.seq) for one in later):
        return True
    if took_level_from(protocol, case, record):
        return True
    people = set(record.derived.get("people", ()))
    held = {hold.guardian for hold in case.holds if hold.seq > record.seq}
    if people & held or any(_names(one.answers, people) for one in later):
        return True
    return bool(later) and _is_needed(protocol, case, record, later, now, around)


def _points_at(protocol: Protocol, later: Record, seq: int) -> bool:
    fields = protocol.form_of(later.act).fields
    return any(item.type is FieldType.record and str(later.answers.get(item.key)) == str(seq) for item in fields)


def _names(value: Any, people: set[str]) -> bool:
    """Whether somebody whom the record named first stands anywhere in these answers."""
    if isinstance(value, Mapping):
        return any(_names(one, people) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_names(one, people) for one in value)
    return isinstance(value, str) and value in people


def _is_needed(
    protocol: Protocol, case: Case, record: Record, later: list[Record], now: datetime, around: Surroundings
) -> bool:
    """Whether what was recorded since asked for something that this record, and nothing else, meets."""
    before, after = read(protocol, case, now, around), read(protocol, without(protocol, case, record), now, around)
    for one in later:
        act = protocol.acts[one.act]
        for need in (*act.needs, *act.needs_of(record_values(protocol, one))):
            condition = protocol.needs[need].when
            if condition.holds(before) and not condition.holds(after):
                return True
    return False
