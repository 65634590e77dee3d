"""Decides: a pure function of the protocol, the case, the actor, the time, the surroundings and what is intended.

`decide` returns the events that follow, or raises Refused with every reason (BadInput with every field's problem);
`available` answers for all acts and moves at once. Both ask the same rules: a page never offers what a press refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from typing import Any

from school_protocol.engine import case_summary
from school_protocol.engine.act_checks import (
    Asking,
    Checking,
    Signing,
    against_undo,
    digest_of,
    left_to_sign,
    retraction,
)
from school_protocol.engine.actors import Hand, by_hand, held_around, later_than_paper, may_be_typed, seats_of
from school_protocol.engine.actors import bystander_roles as bystander_roles
from school_protocol.engine.actors import role_for as role_for
from school_protocol.engine.actors import roles_of as roles_of
from school_protocol.engine.answers import LONG_MOST, Cleaned, References, clean
from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_parts import WHOM, Record, act_values, is_above, oversees, record_values, whom
from school_protocol.engine.case_summary import assessed_level, last_assessed, last_grid
from school_protocol.engine.conditions import Condition, Value
from school_protocol.engine.deadlines import dues, read
from school_protocol.engine.definition import (
    CORRECTABLE,
    HISTORY,
    START,
    Act,
    ActKind,
    Fact,
    FactType,
    Move,
    Need,
    Protocol,
)
from school_protocol.engine.definition_parts import FieldType, own_moment
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import EVENT_OF_ACT, CaseOpened, Event, Recorded, ReviewAsked, StepTaken
from school_protocol.engine.facts import NOTHING, Facts, Subjects, Supposing, Surroundings, pointers
from school_protocol.engine.intents import Choice as Choice
from school_protocol.engine.intents import Decision as Decision
from school_protocol.engine.intents import Intent as Intent
from school_protocol.engine.intents import MakeMove as MakeMove
from school_protocol.engine.intents import Opening as Opening
from school_protocol.engine.intents import Reason as Reason
from school_protocol.engine.intents import RecordAct as RecordAct
from school_protocol.engine.intents import Undo as Undo
from school_protocol.engine.machine import NoSuchWay, Position, Whole, destination
from school_protocol.engine.review_state import sent_back
from school_protocol.engine.sharing_state import ANSWERING, OPENED
from school_protocol.engine.visibility import Actor

# ---- by which acts a need can still be met -------------------------------------------------------------------------


def acts_that_meet(facts: Facts, need: Need) -> tuple[str, ...]:
    """Those of its acts of which one alone may make it hold, whatever is answered; all of them, where none can."""
    return tuple(act for act in need.met_by if _may_meet(facts, need, act)) or need.met_by


def _may_meet(facts: Facts, need: Need, act: str) -> bool:
    whole = Whole(facts.protocol)
    stays = _what_stays(whole, need.key, act)
    if stays is None:
        return True  # it meets it in a way of its own
    return _may_hold(whole, need.key, act, tuple(facts[name] for name in stays))


@lru_cache(maxsize=4096)
def _what_stays(whole: Whole, need: str, act: str) -> tuple[str, ...] | None:
    """The facts that the need reads and the act cannot change; None where the act tells none that it reads."""
    read = _read_by(whole, need)
    if not any(_is_told_by(fact, act) for fact in read.values()):
        return None
    return tuple(name for name, fact in read.items() if not _may_change(fact, act))


@lru_cache(maxsize=4096)
def _may_hold(whole: Whole, need: str, act: str, stays: tuple[Value, ...]) -> bool:
    """Whether the need holds for some answer to the act, the facts that it cannot change being these."""
    when, read = whole.protocol.needs[need].when, _read_by(whole, need)
    given = dict(zip(_what_stays(whole, need, act) or (), stays, strict=True))
    free = {name: tuple(_values(when, name, fact)) for name, fact in read.items() if name not in given}
    return any(when.holds(given | dict(zip(free, values, strict=True))) for values in product(*free.values()))


def _read_by(whole: Whole, need: str) -> dict[str, Fact]:
    return {name: whole.protocol.facts[name] for name in sorted(whole.protocol.needs[need].when.names)}


def _may_change(fact: Fact, act: str) -> bool:
    """Whether the fact is told by that act, or by no act in so many words."""
    return _is_told_by(fact, act) or not fact.from_


def _is_told_by(fact: Fact, act: str) -> bool:
    days = (*fact.days.since, *fact.days.until) if fact.days is not None else ()
    return any(source.act == act for source in (*fact.from_, *days))


def _values(when: Condition, name: str, fact: Fact) -> Iterator[Value]:
    """Values that tell apart all that the condition says of the fact."""
    if fact.type is FactType.bool:
        yield from (True, False)
    elif fact.type is FactType.enum:
        yield from fact.values
    else:
        yield from sorted({0, *(number + more for number in when.numbers(name) for more in (-1, 0, 1))})


# ---- available ---------------------------------------------------------------------------------------------------


def available(
    protocol: Protocol, case: Case | None, actor: Actor, now: datetime, around: Surroundings, facts: Facts | None = None
) -> tuple[Choice, ...]:
    """Every act and every move that leaves from here, open or with all the reasons why not."""
    return Decider(protocol, case, actor, now, around, facts).choices()


def decide(
    protocol: Protocol,
    case: Case | None,
    actor: Actor,
    now: datetime,
    around: Surroundings,
    intent: Intent,
    opening: Opening | None = None,
    *,
    roles: tuple[str, ...] | None = None,
) -> Decision:
    """The events that follow from `intent`. Raises Refused or BadInput; `opening` is needed before the case exists.

    `roles` are those that the actor brings along from the case which this one followed.
    """
    desk = Decider(protocol, case, actor, now, around, roles=roles)
    if isinstance(intent, RecordAct):
        act, onward = protocol.resolve("acts", intent.act), protocol.resolve("moves", intent.onward)
        decision = desk.record(replace(intent, act=act, onward=onward), opening)
        return desk.with_review(decision)
    if isinstance(intent, Undo):
        return desk.undo(intent)
    decision = desk.move(
        replace(
            intent,
            move=protocol.resolve("moves", intent.move),
            departures={protocol.resolve("needs", key): why for key, why in intent.departures.items()},
        )
    )
    return desk.with_review(decision)


class Decider:
    """One decision: what `decide` and `available` both ask."""

    def __init__(
        self,
        protocol: Protocol,
        case: Case | None,
        actor: Actor,
        now: datetime,
        around: Surroundings,
        facts: Facts | None = None,
        roles: tuple[str, ...] | None = None,
    ) -> None:
        self.protocol = protocol
        self.case = case or Case(unit=around.unit.id)
        self.is_new = case is None
        self.actor = actor
        self.now = now
        self.around = around
        self.facts = facts or read(protocol, self.case, now, around)
        own = roles_of(protocol, self.case, actor, around, self.facts.today)
        self.roles = own if roles is None else roles
        self.bystanding = bystander_roles(protocol, self.case, actor, around)
        self.asking = Asking(protocol, self.case, actor, self.roles, around)
        everything = tuple(dict.fromkeys((*own, *self.roles)))
        self.checking = Checking(protocol, self.case, actor, self.roles, everything, around, self.facts.today)
        self.signing = Signing(protocol, actor, self.roles)
        self.sent_back = sent_back(protocol, self.case) if case is not None else None
        self._needs: dict[str, Reason | None] = {}

    def choices(self) -> tuple[Choice, ...]:
        found = [self.act_choice(act) for act in self.protocol.acts.values()]
        found += [self.move_choice(move) for move in self.protocol.moves.values() if self.case.state in move.from_]
        return tuple(found)

    # ---- acts ------------------------------------------------------------------------------------------------

    def act_choice(self, act: Act) -> Choice:
        role = self._act_role(act)
        reasons = []
        if not self._is_open_in(act):
            reasons.append(Reason("not_open_here", states=self._open_states(act)))
        if role is None:
            reasons.append(Reason("not_your_role", roles=act.by))
        if (nothing := self.asking.nothing_waits(act)) is not None:
            reasons.append(nothing)
        needs = (*act.needs, *self._whatever_the_answers(act, role))
        reasons += [reason for need in needs if (reason := self.unmet(need)) is not None]
        return Choice("act", act.key, role, tuple(reasons))

    def _whatever_the_answers(self, act: Act, role: str | None) -> Iterator[str]:
        """Needs under a condition that this role alone decides: no answer would avoid them."""
        for need in act.needs_of({"role": role}):
            if need not in act.needs and not pointers(self.protocol, self.protocol.needs[need].when.names):
                yield need

    def _act_role(self, act: Act) -> str | None:
        if act.kind in ANSWERING:
            return role_for(self.protocol, act.by, self.asking.answering(act))
        held = self.roles
        if act.kind in (ActKind.seat, ActKind.exclude):  # who oversees and stands in for the head does these from above
            held = tuple(sorted(held, key=self._rank))
        role = role_for(self.protocol, act.by, held)
        if role is None and act.first_minutes:
            role = role_for(self.protocol, act.by, self.bystanding)
        return role

    def _rank(self, name: str) -> int:
        """Whoever oversees first, then whoever stands above otherwise."""
        return 0 if oversees(self.protocol, name) else 1 if is_above(self.protocol, name) else 2

    def _is_open_in(self, act: Act) -> bool:
        state = self.case.state
        if state in act.in_:
            return True
        if state == START:
            return False
        return "any" in act.in_ or ("open" in act.in_ and not self.protocol.states[state].ended)

    def _open_states(self, act: Act) -> tuple[str, ...]:
        if "any" in act.in_:
            return tuple(self.protocol.states)
        if "open" in act.in_:
            return tuple(key for key, state in self.protocol.states.items() if not state.ended)
        return tuple(state for state in act.in_ if state != START)

    # ---- moves -----------------------------------------------------------------------------------------------

    def move_choice(self, move: Move, departures: Mapping[str, str] | None = None) -> Choice:
        role = role_for(self.protocol, move.by, self.roles)
        reasons: list[Reason] = []
        if self.case.state not in move.from_:
            reasons.append(Reason("not_from_here", states=move.from_))
        if role is None:
            reasons.append(Reason("not_your_role", roles=move.by))
        if move.automatic:
            reasons.append(Reason("follows_by_itself", acts=self._acts_that_move(move)))
        for need in move.needs:
            reason = self.unmet(need)
            if reason is not None and not (reason.may_depart and (departures or {}).get(need, "").strip()):
                reasons.append(reason)
        reasons += self._same_persons(move)
        if self.sent_back is not None and self.sent_back.is_proposed_by(move):
            reasons.append(Reason("sent_back"))
        return Choice("move", move.key, role, tuple(reasons))

    def _acts_that_move(self, move: Move) -> tuple[str, ...]:
        return tuple(act.key for act in self.protocol.acts.values() if act.moves == move.key)

    def unmet(self, need: str) -> Reason | None:
        """Why a need is not met, or None."""
        if need not in self._needs:
            self._needs[need] = self._explain(self.protocol.needs[need])
        return self._needs[need]

    def _unmet_by(self, act: Act, answers: Mapping[str, Any], needs: Iterable[str]) -> tuple[Reason, ...]:
        """Why those of `needs` are not met that may be about what these answers point at."""
        form = self.protocol.form_of(act)
        found = []
        for need in (self.protocol.needs[key] for key in needs):
            items = {kind: form.find(kind) for kind in pointers(self.protocol, need.when.names)}
            subjects = {kind: str(answers[item.key]) for kind, item in items.items() if item and item.key in answers}
            found.append(self._explain(need, subjects))
        return tuple(reason for reason in found if reason is not None)

    def _explain(self, need: Need, subjects: Subjects = NOTHING) -> Reason | None:
        facts = self.facts.about(subjects, need.when.names) if subjects else self.facts
        if need.when.holds(facts):
            return None
        able = acts_that_meet(self.facts, need)
        acts = tuple(act for act in able if self._is_open_in(self.protocol.acts[act])) or able
        unsigned = [record for act in acts for record in self.case.records_of(act) if self._is_unsigned(record)]
        roles = [role for record in unsigned for role in left_to_sign(self.protocol, record)]
        roles = roles or [role for act in acts for role in self.protocol.acts[act].by]
        return Reason(
            "need",
            need=need.key,
            roles=tuple(dict.fromkeys(roles)),
            acts=acts,
            unknown=need.when.unknown(facts),
            from_when=self._holds_from(need, subjects),
            may_depart=need.lock is None,
            to_sign=tuple(record.seq for record in unsigned),
        )

    def _is_unsigned(self, record: Record) -> bool:
        """Whether an entry of the present opening waits for a signature to take effect."""
        act = self.protocol.acts[record.act]
        return bool(act.signatures) and record.seq > self.case.opening_seq and record.effective_seq is None

    def _holds_from(self, need: Need, subjects: Subjects) -> datetime | None:
        """From when a need over time can hold: a deadline that runs out, a day counted from the last fact."""
        moments = []
        for name in need.when.names:
            fact = self.protocol.facts[name]
            if fact.deadline is not None:
                moments += [due.due_at for due in dues(self.facts) if due.deadline == fact.deadline and due.is_open]
            if fact.fallen_due:
                coming = [at for at in self.facts.falls_due(fact, subjects) or () if at > self.now]
                moments += [max(coming)] if coming else []
            if fact.days is not None:
                moments += self._days_that_meet(need, name)
        return min(moments, default=None)

    def _days_that_meet(self, need: Need, name: str) -> list[datetime]:
        """The first day from which a count of days alone would meet the need, all else being as it is."""
        start = self.facts.counted_since(name)
        for number in need.when.numbers(name) if start else ():
            if start is not None and need.when.holds(Supposing(self.facts, {name: number})):
                zone = self.around.calendar.local(self.now).tzinfo
                return [datetime.combine(start + timedelta(days=number), time(0), zone).astimezone(UTC)]
        return []

    def _same_persons(self, move: Move) -> Iterator[Reason]:
        for group in move.distinct:
            persons = [person for name in group for person in self._persons(name)]
            if len(set(persons)) < len(persons):
                yield Reason("same_person", persons=tuple(group))

    def _persons(self, name: str) -> frozenset[str]:
        """Who that is: of what was typed in from paper, whoever wrote it and whoever typed it."""
        if name == "mover":
            return frozenset({self.actor.id})
        if name == "proposer":
            return self._proposers()
        records = [
            record
            for record in self.case.records_of(name)
            if record.grants and record.effective_seq is not None and record.author not in self.case.exclusions
        ]
        return self._behind(records[-1]) if records else frozenset()

    def _proposers(self) -> frozenset[str]:
        """Who entered the present state: by a step, or by the record that the step followed by itself."""
        case = self.case
        if not case.entries:
            return frozenset()
        entry = case.footing
        move = self.protocol.moves.get(entry.move or "")
        seq = entry.seq + 1 if entry.move is None else entry.seq - 1 if move is not None and move.automatic else 0
        record = case.record(seq)
        return frozenset({entry.actor}) | (self._behind(record) if record else frozenset())

    def _behind(self, record: Record) -> frozenset[str]:
        return frozenset({record.author, record.actor}) - set(self.case.exclusions)

    # ---- making a move ---------------------------------------------------------------------------------------

    def move(self, intent: MakeMove) -> Decision:
        move = self.protocol.moves.get(intent.move)
        if move is None or self.is_new:
            raise Refused((Reason("no_such_move"),))
        choice = self.move_choice(move, intent.departures)
        reasons = list(choice.reasons)
        if move.reason and not intent.reason.strip():
            reasons.append(Reason("reason_missing"))
        if reasons:
            raise Refused(tuple(reasons))
        texts = {"reason": intent.reason, **{f"departures.{need}": why for need, why in intent.departures.items()}}
        lengths = {path: len(text.strip()) for path, text in texts.items()}
        problems: dict[str, tuple[str, ...]] = {
            path: (f"too_long:{LONG_MOST}:{length}",) for path, length in lengths.items() if length > LONG_MOST
        }
        if problems:
            raise BadInput(problems)
        role = choice.role or ""
        step = self._step(move, role, intent)
        if not self.case.live_dangers("raised"):
            return Decision((step,))
        after = self._after([step])
        return Decision((step, *urgent_steps(self.protocol, after, self.actor, self.now, self.around, role)))

    def _step(self, move: Move, role: str, intent: MakeMove | None = None) -> StepTaken:
        case = self.case
        position = Position(case.state, history=self._history(move))
        try:
            target = destination(self.protocol, move.key, position)
        except NoSuchWay:
            raise Refused((Reason("not_from_here", states=move.from_),)) from None
        departures = {
            need: why.strip()
            for need, why in (intent.departures if intent else {}).items()
            if need in move.needs and self.unmet(need) is not None and why.strip()
        }
        step = StepTaken(
            actor=self.actor.id,
            role=role,
            at=self.now,
            occurred_at=self.now,
            move=move.key,
            source=case.state,
            target=target,
            reason=intent.reason.strip() if intent else "",
            departures=departures,
            values=self._values(move),
            successor=intent.successor if intent else None,
        )
        if move.sets.assess or move.sets.level is not None:
            level, grid = self._assessed(move)
            step = replace(step, level=level, grid=grid)
        return step

    def _history(self, move: Move) -> str | None:
        if move.to != HISTORY:
            return None
        return self.case.before.state if self.case.before else self.protocol.initial.key

    def _values(self, move: Move) -> dict[str, Value]:
        names = {name for need in move.needs for name in self.protocol.needs[need].when.names}
        return {name: self.facts[name] for name in sorted(names)}

    def _assessed(self, move: Move) -> tuple[int | None, dict[str, Any]]:
        rule = self.protocol.assessment
        if move.sets.level is not None or rule is None:
            return move.sets.level, {}
        record = last_grid(self.protocol, self.case)
        return assessed_level(self.protocol, self.case, record.answers if record else {})

    # ---- taking back -----------------------------------------------------------------------------------------

    def undo(self, intent: Undo) -> Decision:
        codes = against_undo(self.protocol, self.case, intent.seq, self.actor.id, self.now, self.around)
        if not self.roles and not codes:
            codes = ("undo_not_yours",)
        record = self.case.record(intent.seq)
        if codes or record is None:
            raise Refused(tuple(Reason(code) for code in codes))
        role = record.recorded_as if record.recorded_as in self.roles else self.roles[0]
        return Decision((retraction(record, self.actor.id, role, self.now),))

    # ---- recording an act ------------------------------------------------------------------------------------

    def record(self, intent: RecordAct, opening: Opening | None) -> Decision:
        act = self.protocol.acts.get(intent.act)
        if act is None:
            raise Refused((Reason("no_such_act"),))
        choice = self.act_choice(act)
        if choice.reasons:
            raise Refused(choice.reasons)
        if self.is_new and opening is None:
            raise Refused((Reason("no_case"),))
        role = choice.role or ""
        hand, cleaned = self._read(act, intent, Hand(self.actor.id, role, self.roles))
        self.checking.check_answers(act, cleaned.answers)
        self._check_needs(act, cleaned, role, self.actor.id)
        if hand.paper:
            self._check_needs(act, cleaned, hand.role, hand.account)
        if hand.signs:
            self._check_signature(act, cleaned, role, intent.signed)
        self.checking.check(act, cleaned.answers, hand, opening.barred if opening else frozenset())
        self.asking.check(act, cleaned.answers)
        events: list[Event] = []
        if self.is_new and opening is not None:
            events.append(self._opened(opening, role, cleaned, act, hand))
        recorded = self._recorded(act, cleaned, intent, role, hand)
        events.append(recorded)
        events += self._follows(act, recorded, events)
        if intent.onward and not recorded.derived.get("raised"):  # a danger is never held back by a step
            events += self._goes_on(act, intent.onward, events)
        return Decision(tuple(events), cleaned.people)

    def _read(self, act: Act, intent: RecordAct, own: Hand) -> tuple[Hand, Cleaned]:
        """Whose act it is, and its answers, checked; raises BadInput with all that is wrong with either."""
        form, paper = self.protocol.form_of(act), intent.paper
        if paper is None:
            return own, clean(self.protocol, form, intent.answers, self.references())
        if not may_be_typed(act):
            raise Refused((Reason("not_from_paper"),))
        hand, problems = by_hand(self.protocol, self.case, act, paper, self.actor.id, self.now, self.around)
        try:
            cleaned = clean(self.protocol, form, intent.answers, self.references())
        except BadInput as error:
            raise BadInput({**error.problems, **problems}, error.sentences) from None
        problems = {**later_than_paper(form, cleaned.answers, paper), **problems}
        if problems:
            raise BadInput(problems)
        return hand, cleaned

    def references(self) -> References:
        """What the answers of a form may point at."""
        case, level = self.case, last_assessed(self.protocol, self.case)
        return References(
            now=self.now,
            today=self.facts.today,
            people={person.id: person.slot for person in case.people.values()},
            former={person.id: person.slot for person in case.former.values()},
            accounts=frozenset(self.around.people),
            held={
                one.id: frozenset((*held_around(one, self.around), *seats_of(one, case, self.facts.today)))
                for one in self.around.people.values()
            },
            referrals={str(one.number): "open" if one.is_open else "settled" for one in case.referrals},
            holds=frozenset(str(hold.number) for hold in case.holds if hold.stands),
            on_hold=self._on_hold(),
            reviewers=tuple(
                dict.fromkeys(role for act in self.protocol.acts_of(ActKind.review_hold) for role in act.by)
            ),
            records={str(record.seq): record.act for record in case.records},
            cases=self.around.joinable - {case.number},
            schools=self.around.schools,
            level=level,
            awaits_grid=level is None and self._may_fill_in_grid(),
        )

    def _may_fill_in_grid(self) -> bool:
        rule = self.protocol.assessment
        return rule is not None and self._is_open_in(self.protocol.acts[rule.act])

    def _on_hold(self) -> frozenset[str]:
        """People of the case whose information is on hold, each from the first signature on."""
        named = {hold.guardian for hold in self.case.holds if hold.stands}
        slots, people = self.protocol.slots, self.case.people.values()
        return frozenset(
            one.id for one in people if one.id in named or (slots[one.slot].guardian and self.case.is_held(one.id))
        )

    def _opened(self, opening: Opening, role: str, cleaned: Cleaned, act: Act, hand: Hand) -> CaseOpened:
        return CaseOpened(
            actor=self.actor.id,
            role=role,
            at=self.now,
            occurred_at=self._occurred_at(act, cleaned, hand),
            protocol=self.protocol.protocol,
            version=self.protocol.version,
            digest=self.protocol.digest,
            number=opening.number,
            unit=opening.unit,
            state=self.protocol.initial.key,
            report=opening.report,
            opened_from=opening.opened_from,
        )

    def _occurred_at(self, act: Act, cleaned: Cleaned, hand: Hand) -> datetime:
        """When it happened: the form's first moment, where it offers now; else as the paper says; else now."""
        written = hand.paper.written_at if hand.paper else self.now
        own = own_moment(self.protocol.form_of(act), cleaned.answers)
        return min(own[1], written) if own else written

    def _recorded(self, act: Act, cleaned: Cleaned, intent: RecordAct, role: str, hand: Hand) -> Recorded:
        return Recorded(
            actor=self.actor.id,
            role=role,
            at=self.now,
            occurred_at=self._occurred_at(act, cleaned, hand),
            act=act.key,
            kind=EVENT_OF_ACT[act.kind],
            answers=cleaned.answers,
            derived=self._derived(act, cleaned, intent if hand.signs else replace(intent, signed=False), role),
            paper=hand.handwritten,
        )

    def _derived(self, act: Act, cleaned: Cleaned, intent: RecordAct, role: str) -> dict[str, Any]:
        derived: dict[str, Any] = {}
        if cleaned.people:
            derived["people"] = {person.id: person.slot for person in cleaned.people}
        standing = ("raised",) if act.kind is ActKind.raise_danger else ()
        known = {life.danger for life in self.case.live_dangers(*standing)}
        raised = [danger for danger in self._raised(act, cleaned) if danger not in known]
        if raised:
            derived["raised"] = raised
        if intent.signed and self.signing.signs_first(act, role):
            derived["signed"] = digest_of(act.key, cleaned.answers)
        if act.kind is ActKind.correct and intent.changes is not None:
            derived |= self._changes(act, cleaned, intent.changes)
        if act.kind is ActKind.correct and intent.contact:
            derived |= self._service(act, cleaned, intent.contact)
        if act.kind is ActKind.sign:
            record = self._pointed_at(act, cleaned)
            derived["signed_digest"] = digest_of(record.act, record.answers)
        if act.kind is ActKind.evidence:
            derived["piece"] = self.case.pieces + 1
        if act.kind is ActKind.refer:
            derived["referral"] = len(self.case.referrals) + 1
            names = whom(self.protocol.form_of(act), cleaned.answers, intent.contact, self.around.organisations)
            derived |= {WHOM: dict(names)} if names else {}
        if act.kind is ActKind.grid:
            derived["score"] = self._score(act, cleaned)
        if self.asking.opens(act, cleaned.answers, role):
            derived[OPENED] = intent.successor
        return derived

    def _raised(self, act: Act, cleaned: Cleaned) -> list[str]:
        form = self.protocol.form_of(act)
        raised: list[str] = []
        if act.kind in (ActKind.lift_danger, ActKind.refer, ActKind.take_over):
            return raised
        for item in form.fields:
            answer = cleaned.answers.get(item.key)
            if answer is None:
                continue
            if item.type is FieldType.danger:
                raised.append(answer)
            elif item.type is FieldType.dangers:
                raised += answer
            elif item.type is FieldType.danger_answers:
                raised += [danger for danger, said in answer.items() if said == "yes"]
        return list(dict.fromkeys(raised))

    def _changes(self, act: Act, cleaned: Cleaned, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The corrected answers, checked as the corrected record's own form checks them.

        What is wrong with them is said under `changes.`, apart from the answers of the correction itself.
        """
        record = self._pointed_at(act, cleaned)
        corrected = self.protocol.acts[record.act]
        if corrected.kind not in CORRECTABLE:
            raise Refused((Reason("not_correctable"),))
        stays = {} if corrected.kind is ActKind.inform else record.answers
        try:
            references = replace(self.references(), before=stays, corrected=record.answers)
            whole = clean(self.protocol, self.protocol.form_of(corrected), changes, references)
        except BadInput as error:
            problems = {f"changes.{path}": codes for path, codes in error.problems.items()}
            raise BadInput(problems, error.sentences) from None
        if whole.people:
            raise Refused((Reason("not_correctable"),))
        self.checking.check_grid(record, whole.answers)
        self._check_needs(corrected, whole, record.role, record.author, record)
        derived = {"corrected": record.act, "changes": dict(whole.answers)}
        if corrected.kind is ActKind.grid:
            derived["score"] = self._score(corrected, whole)
        return derived

    def _service(self, act: Act, cleaned: Cleaned, contact: str) -> dict[str, Any]:
        """To which service a recorded referral went, where that was left out or chosen wrongly."""
        record = self._pointed_at(act, cleaned)
        if record.kind is not ActKind.refer:
            raise Refused((Reason("not_correctable"),))
        try:
            names = whom(self.protocol.form_of(record.act), record.answers, contact, self.around.organisations)
        except BadInput as error:
            raise BadInput({f"changes.{path}": codes for path, codes in error.problems.items()}) from None
        return {WHOM: dict(names)}

    def _score(self, act: Act, cleaned: Cleaned) -> dict[str, Any]:
        item = self.protocol.form_of(act).find(FieldType.grid)
        if item is None:
            return {}
        grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
        scored = case_summary.score(grid, cleaned.answers.get(item.key) or {})
        return {
            "low": scored.low, "high": scored.high, "low_level": scored.low_level, "high_level": scored.high_level,
            "known": scored.known, "floors": list(scored.floors),
        }  # fmt: skip

    def _pointed_at(self, act: Act, cleaned: Cleaned) -> Record:
        """The record that is signed or corrected."""
        item = self.protocol.form_of(act).find(FieldType.record)
        record = self.case.record(int(cleaned.answers[item.key])) if item else None
        if record is None:
            raise Refused((Reason("nothing_to_sign"),))
        return record

    def _check_signature(self, act: Act, cleaned: Cleaned, role: str, given: bool) -> None:
        self.signing.check_word(act, role, given=given)
        if act.kind is ActKind.sign:
            self.signing.check_record(self._pointed_at(act, cleaned))

    def _check_needs(self, act: Act, cleaned: Cleaned, role: str, author: str, corrected: Record | None = None) -> None:
        """The needs that these answers call for; of a correction, those that it calls for anew."""
        needs = act.needs_of(act_values(self.protocol, act.key, cleaned.answers, role, author))
        asked_before = act.needs_of(record_values(self.protocol, corrected)) if corrected else ()
        reasons = self._unmet_by(act, cleaned.answers, (need for need in needs if need not in asked_before))
        if reasons:
            raise Refused(reasons)

    # ---- what follows by itself ------------------------------------------------------------------------------

    def _follows(self, act: Act, recorded: Recorded, events: list[Event]) -> list[Event]:
        """The urgent move, where the act raised a danger and the case is not on that path already."""
        if not recorded.derived.get("raised"):
            return []
        return urgent_steps(self.protocol, self._after(events), self.actor, self.now, self.around, recorded.role)

    def _goes_on(self, act: Act, key: str, events: Sequence[Event]) -> tuple[Event, ...]:
        """The step that was asked for together with the act; raises Refused where it isn't open then."""
        move = self.protocol.moves.get(key)
        if move is None or not move.may_go_along or act.kind is ActKind.visa:
            raise Refused((Reason("no_such_move"),))
        return Decider(self.protocol, self._after(events), self.actor, self.now, self.around).move(MakeMove(key)).events

    def _after(self, events: Sequence[Event]) -> Case:
        """The case as it stands once these are written."""
        numbered = [event.numbered(self.case.last_seq + place) for place, event in enumerate(events, 1)]
        return fold(self.protocol, numbered, self.case.copied())

    def with_review(self, decision: Decision) -> Decision:
        """What was decided, and the review that a step of it begins by itself."""
        review, steps = self.protocol.review, [one for one in decision.events if isinstance(one, StepTaken)]
        entered = [begins for begins in review.begins if steps and steps[-1].target in begins.entered] if review else []
        if not entered:
            return decision
        after = read(self.protocol, self._after(decision.events), self.now, self.around)
        if not any(begins.when is None or begins.when.holds(after) for begins in entered):
            return decision
        step = steps[-1]
        asked = ReviewAsked(actor=step.actor, role=step.role, at=step.at, occurred_at=step.occurred_at, move=step.move)
        return replace(decision, events=(*decision.events, asked))


def references_of(
    protocol: Protocol, case: Case | None, actor: Actor, now: datetime, around: Surroundings
) -> References:
    """What this person's answers may point at now."""
    return Decider(protocol, case, actor, now, around).references()


def urgent_move(protocol: Protocol) -> Move | None:
    """The move that a raised danger makes by itself."""
    named = (act.moves for act in protocol.acts_of(ActKind.raise_danger) if act.moves)
    return next((protocol.moves[key] for key in named), None)


def urgent_steps(
    protocol: Protocol, case: Case, actor: Actor, now: datetime, around: Surroundings, role: str
) -> list[Event]:
    """The move that a raised danger makes by itself, where it leaves from where the case stands; else nothing."""
    move = urgent_move(protocol)
    if move is None or case.state not in move.from_ or not case.live_dangers("raised"):
        return []
    return [Decider(protocol, case, actor, now, around)._step(move, role)]


def signable(protocol: Protocol, case: Case, actor: Actor, now: datetime, around: Surroundings) -> tuple[Record, ...]:
    """Records that wait for a signature which this person can give."""
    desk = Decider(protocol, case, actor, now, around)
    return tuple(
        record
        for record in case.records
        if record.effective_seq is None
        and protocol.acts[record.act].signatures
        and desk.signing.signing_role(record) is not None
    )
