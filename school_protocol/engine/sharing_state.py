"""What a case asks of another school: to take it over, or to contribute what it knows of its own pupils.

All is worked out of the case's records. Another school answers it without seeing the case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Record, acts_as, where_values
from school_protocol.engine.definition import Act, ActKind, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.visibility import Actor, Unit

ANSWERING = frozenset({ActKind.accept_transfer, ActKind.answer_contribution})
"""Kinds by which the other school's side answers what it was asked."""
OPENED = "opened"
"""What a record derived: the number of the case that it opened at the other school."""
_STOREY = {ScopeKind.province: 0, ScopeKind.region: 1}


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing asked of another school: by which record, and what was answered."""

    kind: ActKind
    record: Record
    school: str
    """The other school's code, as it was written; empty: not known yet."""
    answer: Record | None = None
    settled: Record | None = None
    """What became of a contribution, noted in the case that asked for it."""

    @property
    def opened(self) -> str | None:
        """Number of the case that was opened for a contribution."""
        records = (one for one in (self.record, self.answer) if one is not None)
        return next((str(one.derived[OPENED]) for one in records if OPENED in one.derived), None)

    @property
    def is_refused(self) -> bool:
        return self.answer is not None and not self.answer.grants

    @property
    def waits(self) -> bool:
        """Whether the other school's side has yet to answer."""
        return self.answer is None and self.settled is None and self.opened is None

    @property
    def is_open(self) -> bool:
        """Of a contribution: whether nobody has said yet what became of it."""
        return self.settled is None and not self.is_refused


def transfer_asked(protocol: Protocol, case: Case) -> Asked | None:
    """The latest request to take the case over, whatever school it names."""
    found = [record for record in case.records if record.kind is ActKind.ask_transfer]
    if not found:
        return None
    asked = found[-1]
    answers = [one for one in case.records if one.kind is ActKind.accept_transfer and one.seq > asked.seq]
    return Asked(ActKind.ask_transfer, asked, school_of(protocol, asked), answers[-1] if answers else None)


def contributions(protocol: Protocol, case: Case) -> tuple[Asked, ...]:
    """Every contribution that the case asks for, the oldest first."""
    found = []
    for record in case.records:
        if record.kind is ActKind.contribute:
            answer, settled = (
                _about(protocol, case, record.seq, kind)
                for kind in (ActKind.answer_contribution, ActKind.settle_contribution)
            )
            found.append(Asked(ActKind.contribute, record, school_of(protocol, record), answer, settled))
    return tuple(found)


def contribution(protocol: Protocol, case: Case, seq: int) -> Asked | None:
    """The contribution that the record of that number asks for."""
    return next((one for one in contributions(protocol, case) if one.record.seq == seq), None)


def waiting(protocol: Protocol, case: Case) -> tuple[Asked, ...]:
    """What waits for another school's answer; nothing of a case that has ended."""
    if case.state not in protocol.states or protocol.states[case.state].ended:
        return ()
    transfer = transfer_asked(protocol, case)
    asked = [transfer] if transfer is not None else []
    return tuple(one for one in (*asked, *contributions(protocol, case)) if one.waits)


def answering_act(protocol: Protocol, asked: ActKind) -> Act | None:
    """The act by which what was asked is answered."""
    kind = ActKind.accept_transfer if asked is ActKind.ask_transfer else ActKind.answer_contribution
    return next(protocol.acts_of(kind), None)


def receiving_seats(protocol: Protocol) -> tuple[str, ...]:
    return tuple(seat.key for seat in protocol.seats.values() if seat.receives)


def answering_roles(
    protocol: Protocol, case: Case, actor: Actor, held: Iterable[str], home: Unit, there: Unit
) -> tuple[str, ...]:
    """In which seats and roles somebody answers for the school `there` what a case of `home` asks of it.

    `held` are their seats and roles in the case: a seat that receives counts for whoever works at the other school or
    above it; another, where it stands for whoever answers for both schools. Whoever heads the other school holds the
    receiving seat without being named.
    """
    if actor.id in case.exclusions:
        return ()
    offices = actor.roles_in((there.id, *there.parents))
    own = [role for role in offices if role in protocol.roles]
    heads = {role for role in actor.roles_in([there.id]) if role in protocol.roles and protocol.roles[role].head}
    seats = [key for key in held if key in protocol.seats and _counts_there(protocol, key, home, there, offices)]
    unnamed = receiving_seats(protocol) if heads else ()
    return tuple(dict.fromkeys([*unnamed, *seats, *own]))


def answers_for(protocol: Protocol, act: Act, roles: Iterable[str]) -> bool:
    """Whether one of these roles and seats may answer by that act."""
    return any(acts_as(protocol, held, wanted) for held in roles for wanted in act.by)


def school_of(protocol: Protocol, record: Record) -> str:
    """The code of the school that a record names; empty: none."""
    item = protocol.form_of(record.act).find(FieldType.school)
    return str(record.answers.get(item.key) or "") if item is not None else ""


def restricts(protocol: Protocol, record: Record) -> bool:
    """Whether what is asked says what would restrict a report: the other school's case opens to those above, alone."""
    when, form = protocol.restricted_when, protocol.form_of(record.act)
    if when is None or not when.names <= {*form.by_key, "role"}:
        return False
    return when.holds(where_values(protocol, form.fields, record.answers, record.role))


def pointed_at(protocol: Protocol, record: Record) -> int | None:
    """The number of the record that a record is about."""
    item = protocol.form_of(record.act).find(FieldType.record)
    said = str(record.answers.get(item.key, "")) if item is not None else ""
    return int(said) if said.isdecimal() else None


def _about(protocol: Protocol, case: Case, seq: int, kind: ActKind) -> Record | None:
    found: Iterator[Record] = (
        one for one in reversed(case.records) if one.kind is kind and pointed_at(protocol, one) == seq
    )
    return next(found, None)


def _counts_there(protocol: Protocol, key: str, home: Unit, there: Unit, offices: Sequence[str]) -> bool:
    seat = protocol.seats[key]
    role = protocol.roles.get(seat.acts_as or "")
    if seat.receives:
        return bool(offices)
    if role is None or role.sees not in _STOREY:
        return False
    place = _STOREY[role.sees]
    return place < len(home.parents) and home.parents[place] in there.parents
