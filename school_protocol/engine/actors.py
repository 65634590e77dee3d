"""Who acts in a case: in which roles and seats, and for whom when paper is typed in later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_parts import acts_as, is_above, oversees, own_role
from school_protocol.engine.definition import Act, ActKind, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType, Form, own_moment
from school_protocol.engine.events import Handwritten
from school_protocol.engine.facts import Colleague, Surroundings
from school_protocol.engine.intents import Paper
from school_protocol.engine.visibility import Actor


def roles_of(protocol: Protocol, case: Case, actor: Actor, around: Surroundings, day: date) -> tuple[str, ...]:
    """The roles and seats in which `actor` may act in this case now: none where excluded, few where restricted."""
    if actor.id in case.exclusions:
        return ()
    shut = case.number in actor.left or not actor.appointments
    seats = [] if shut else [held.seat for held in case.seats_of(actor.id, day)]
    roles = [role for role in actor.roles_in(around.places) if role in protocol.roles]
    if case.restricted_seq is not None:
        further = {role for account, role in standing_in(protocol, case, around, day) if account == actor.id}
        roles = [role for role in roles if protocol.roles[role].keeps_restricted or role in further]
    return tuple(dict.fromkeys([*seats, *roles]))


def standing_in(protocol: Protocol, case: Case, around: Surroundings, day: date) -> tuple[tuple[str, str], ...]:
    """(account, role) of whoever sees the region, where nobody of those who oversee may take part in a restricted case.

    Nobody holds the office, or whoever does is excluded or never came in: else nobody at all could read it.
    """
    if case.restricted_seq is None or any(_overseeing(protocol, case, around, day)):
        return ()
    return tuple(
        (one.id, role)
        for one in around.people.values()
        for role, unit in one.roles
        if unit in around.places and one.id not in case.exclusions
        if role in protocol.roles and protocol.roles[role].sees is ScopeKind.region
    )


def _overseeing(protocol: Protocol, case: Case, around: Surroundings, day: date) -> Iterator[str]:
    """Accounts that oversee the school of the case and may take part, by office or by a seat that acts as one."""
    for one in around.people.values():
        held = (*seats_of(one, case, day), *(role for role, unit in one.roles if unit in around.places))
        if one.has_way_in and one.id not in case.exclusions and any(oversees(protocol, name) for name in held):
            yield one.id


def readers_of_restricted(protocol: Protocol, case: Case, around: Surroundings, day: date) -> frozenset[str]:
    """Accounts that read the case if it is restricted, and can come in."""
    standing = {account for account, _role in standing_in(protocol, case, around, day)}
    return frozenset(_overseeing(protocol, case, around, day)) | {
        account for account in standing if around.people[account].has_way_in
    }


def readers_above(protocol: Protocol, case: Case, around: Surroundings) -> frozenset[str]:
    """Accounts that stand above the school by office, can come in and may take part: of these one at least is left to
    read what the school may not."""
    return frozenset(
        one.id
        for one in around.people.values()
        if one.has_way_in and one.id not in case.exclusions and stands_above(protocol, one, around)
    )


def stands_above(protocol: Protocol, colleague: Colleague, around: Surroundings) -> bool:
    """Whether somebody stands above the school by office."""
    return any(unit in around.places and is_above(protocol, role) for role, unit in colleague.roles)


def sits_above(protocol: Protocol, colleague: Colleague, case: Case, day: date) -> bool:
    """Whether somebody stands above the school by a seat of the case."""
    return any(is_above(protocol, seat) for seat in seats_of(colleague, case, day))


def held_around(colleague: Colleague, around: Surroundings) -> tuple[str, ...]:
    """The roles that somebody holds at the school or above it: what they hold elsewhere counts for nothing here."""
    return tuple(role for role, unit in colleague.roles if unit in around.places)


def seats_of(colleague: Colleague, case: Case, day: date) -> tuple[str, ...]:
    """The seats of the case that somebody holds and has not left."""
    return () if case.number in colleague.left else tuple(held.seat for held in case.seats_of(colleague.id, day))


def bystander_roles(protocol: Protocol, case: Case, actor: Actor, around: Surroundings) -> tuple[str, ...]:
    """Roles that keep the acts of the first minutes although the case is restricted."""
    if actor.id in case.exclusions or case.restricted_seq is None:
        return ()
    return tuple(role for role in actor.roles_in(around.places) if role in protocol.roles)


def may_be_seated(protocol: Protocol, colleague: Colleague | None, *, receives: bool = False) -> bool:
    """Whether that colleague may hold a seat of a case: not who only runs the site, trains or keeps its data.

    Nor whoever only reports, at another school, but to say whether that school `receives` the case.
    """
    held = [protocol.roles[role] for role, _unit in (colleague.roles if colleague else ()) if role in protocol.roles]
    without = {ScopeKind.none, ScopeKind.metadata}
    if colleague is not None and colleague.elsewhere and not receives:
        without.add(ScopeKind.receipt)
    with_cases = (role.side_bound or role.sees not in without for role in held)
    return any(with_cases) and not any(role.administers for role in held)


def nameable(
    protocol: Protocol,
    kind: ActKind,
    case: Case,
    around: Surroundings,
    day: date,
    actor: Actor,
    held: tuple[str, ...],
) -> frozenset[str]:
    """Accounts that an act of this kind may name: a seat goes to whoever works with cases and has come in; whoever
    stands above the school, by office or by a seat, is shut out by themselves or their like alone."""
    people = around.people.values()
    if kind is ActKind.seat:
        return frozenset(one.id for one in people if may_be_seated(protocol, one) and one.has_way_in)
    if kind is not ActKind.exclude or any(is_above(protocol, role) for role in actor.roles_in(around.places)):
        return frozenset(around.people)
    stays = {one.id for one in people if stands_above(protocol, one, around)}
    if not any(is_above(protocol, name) for name in held):
        stays |= {one.id for one in people if sits_above(protocol, one, case, day)}
    return frozenset(around.people) - (stays - {actor.id})


def in_team(protocol: Protocol, name: str) -> bool:
    """Whether whoever holds that role or seat heads the school, or reads cases there: nobody else is of its team."""
    role = own_role(protocol, name)
    return role is not None and (role.head or role.sees in (ScopeKind.assigned, ScopeKind.unit))


def leading(protocol: Protocol) -> frozenset[str]:
    """Roles and seats of whoever leads a case: of the school's team for the whole of it, neither head nor overseeing;
    of seats, those that one person holds, of roles those that see every case of the school."""
    seats = (seat for seat, one in protocol.seats.items() if not one.several and _carries(protocol, one.acts_as))
    roles = (key for key, one in protocol.roles.items() if one.sees is ScopeKind.unit and _carries(protocol, key))
    return frozenset((*seats, *roles))


def _carries(protocol: Protocol, role: str | None) -> bool:
    one = protocol.roles.get(role or "")
    return one is not None and in_team(protocol, role or "") and not (one.head or one.oversees or one.side_bound)


def role_for(protocol: Protocol, allowed: Iterable[str], held: Iterable[str]) -> str | None:
    """The first held role or seat (seats come first) that one of `allowed` admits; `everyone` admits any."""
    allowed = tuple(allowed)
    for name in held:
        for wanted in allowed:
            if wanted == "everyone" or acts_as(protocol, name, wanted):
                return name
    return None


# ---- paper: what a school without a network writes by hand ---------------------------------------------------------
# What was written on paper starts and meets deadlines at the moment when it happened, as the act of whoever wrote it
# in their role then. Whoever types it in answers for that and gains nothing by it: rules ask both, and where persons
# must differ, both count.

TYPED_IN = frozenset(
    {
        ActKind.record, ActKind.report, ActKind.raise_danger, ActKind.refer, ActKind.answer_referral,
        ActKind.take_over, ActKind.inform, ActKind.add_person, ActKind.note, ActKind.evidence, ActKind.grid,
        ActKind.follow_up, ActKind.tell_school, ActKind.rights,
    }
)  # fmt: skip
"""Kinds that say what was seen, said or done.

The others are somebody's own decision about the case as it stands when they make it (a visa, a signature, a danger or
a hold that ends, a seat, an exclusion, a correction, an excuse, a summary, joining, handing over): made on paper
earlier they would be about another case than the one that they change, and typed by another they would be nobody's. A
hold stands from its first signature on, and a signature is given here.
"""
DAYS_MOST = 92
"""How far back paper reaches: over a summer. What is older is told in words, as what somebody says today."""
AT, BY = "paper.at", "paper.by"
"""Where problems with the moment, and with whoever wrote it, are said."""

Problems = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Hand:
    """Whose act is recorded: their account, the role in which they do it, and all that they hold."""

    account: str
    role: str
    roles: tuple[str, ...]
    paper: Paper | None = None
    signs: bool = True
    """Whether who records is who does it, so that a signature can be given with it."""

    @property
    def handwritten(self) -> Handwritten | None:
        """What the event keeps of the paper."""
        if self.paper is None:
            return None
        return Handwritten(by=self.account, role=self.role, at=self.paper.written_at)


def may_be_typed(act: Act) -> bool:
    """Whether what was written on paper may be recorded by this act at all."""
    return act.kind in TYPED_IN


def by_hand(
    protocol: Protocol, case: Case, act: Act, paper: Paper, typist: str, now: datetime, around: Surroundings
) -> tuple[Hand, Problems]:
    """Whose act it is, and what stands against it; `typist` is the account that records it."""
    problems: Problems = {}
    if (code := _untimely(case, paper, now)) is not None:
        problems[AT] = (code,)
    roles = roles_then(protocol, case, paper, around)
    role = role_for(protocol, act.by, roles)
    if role is None and act.first_minutes:
        role = role_for(protocol, act.by, bystander_roles(protocol, case, paper.writer, around))
    if problems:
        return Hand(paper.writer.id, role or "", roles, paper), problems  # who may do it hangs on the day
    if role is None:
        problems[BY] = (_not_theirs(protocol, case, act, paper, around),)
    elif paper.writer.id != typist and signs_at_once(protocol, act):
        problems[BY] = ("signs_themselves",)
    return Hand(paper.writer.id, role or "", roles, paper, paper.writer.id == typist), problems


def signs_at_once(protocol: Protocol, act: Act) -> bool:
    """Whether the act has its effect with the one signature that its form asks for: nobody types that for another."""
    return not act.signatures and any(
        item.type is FieldType.signature and item.required for item in protocol.form_of(act).fields
    )


def _untimely(case: Case, paper: Paper, now: datetime) -> str | None:
    if paper.written_at > now:
        return "in_the_future"
    if now - paper.written_at > timedelta(days=DAYS_MOST):
        return f"paper_too_old:{DAYS_MOST}"
    if case.opened_at is not None and paper.written_at < case.opened_at:
        return "before_the_case"
    return None


def roles_then(protocol: Protocol, case: Case, paper: Paper, around: Surroundings) -> tuple[str, ...]:
    """The roles and seats that the writer held when it was written: none where they may not act in the case now."""
    writer, day = paper.writer, around.calendar.local(paper.written_at).date()
    roles = roles_of(protocol, replace(case, seats=[]), writer, around, day)
    if writer.id in case.exclusions or case.number in writer.left or not writer.appointments:
        return roles
    before = [event for event in case.events if event.at <= paper.written_at]
    stood = fold(protocol, before, earlier=case.earlier)
    seats = [held.seat for held in stood.seats_of(writer.id, day)]
    if case.restricted_seq is not None:
        kept = {held.seat for held in case.seats_of(writer.id, day)}
        seats = [seat for seat in seats if seat in kept]
    return tuple(dict.fromkeys([*seats, *roles]))


def _not_theirs(protocol: Protocol, case: Case, act: Act, paper: Paper, around: Surroundings) -> str:
    """Why it can't be this person's act: they stand aside, the case is shut to them, or it was not their role."""
    if paper.writer.id in case.exclusions:
        return "writer_stands_aside"
    if case.restricted_seq is not None:
        held = bystander_roles(protocol, case, paper.writer, around)
        if role_for(protocol, act.by, held) is not None:
            return "writer_shut_out"
    return ":".join(["writer_without_role", *act.by])


def later_than_paper(form: Form, answers: Mapping[str, Any], paper: Paper) -> Problems:
    """Nothing can have happened after it was written down."""
    own = own_moment(form, answers)
    return {own[0]: ("later_than_paper",)} if own is not None and own[1] > paper.written_at else {}
