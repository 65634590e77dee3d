"""Paper: what a school without a network writes by hand, and somebody types in later.

The sequence of events orders what follows; what was written on paper starts and meets deadlines at the moment when it
happened. It is the act of whoever wrote it, in the role that they held then: facts read it so. Whoever types it in
answers for that, and gains nothing by it: what the rules ask before it is recorded or has its effect (a role, needs, a
letter that few may send) they ask of both. Where persons must differ, both count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from school_protocol.domain.acting import bystander_roles, role_for, roles_of
from school_protocol.domain.case import Case, fold
from school_protocol.domain.events import Handwritten
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.forms import FieldType, Form, own_moment
from school_protocol.domain.intents import Paper
from school_protocol.domain.protocol import Act, ActKind, Protocol

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
