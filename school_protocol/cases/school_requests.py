"""What a case asks of another school, kept as index rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import repository
from school_protocol.cases.lookup_repository import Asker, Request
from school_protocol.context import REALM, AppContext
from school_protocol.engine.case import Case
from school_protocol.engine.deadlines import all_counts, read
from school_protocol.engine.definition import ActKind, Protocol, ScopeKind
from school_protocol.engine.facts import Facts, Surroundings
from school_protocol.engine.sharing_state import Asked, answering_act, receiving_seats, school_of, waiting
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.storage.engines import Session

_WAITS_ABOVE = {ScopeKind.province: UnitKind.province, ScopeKind.region: UnitKind.region}
_STOREYS = (UnitKind.province, UnitKind.region, UnitKind.country)


def requests_of(ctx: AppContext, protocol: Protocol, case: Case, around: Surroundings) -> tuple[Request, ...]:
    """Everything that waits for another school's answer; of a workshop's case nothing waits for anybody.

    Where the school is none of this installation, whoever answers in its place above the case's own school is asked.
    """
    asked = waiting(protocol, case) if ctx.name == REALM else ()
    if not asked:
        return ()
    facts = read(protocol, case, ctx.now(), around)
    with ctx.directory.reading() as session:
        units = auth_repository.schools_coded(session, {one.school for one in asked} - {""})
        found = [(one, units.get(one.school)) for one in asked]
        return tuple(request for one, there in found for request in _requests(session, facts, one, there))


def is_school_here(ctx: AppContext, code: str) -> bool:
    """Whether a school of this installation has that code."""
    with ctx.directory.reading() as session:
        return bool(auth_repository.schools_coded(session, {code}))


def known_to(ctx: AppContext, session: Session, protocol: Protocol, case: Case) -> set[str]:
    """The units that the case ever asked, those of the cases that it was joined to or came from, and those above."""
    asked = (ActKind.ask_transfer, ActKind.contribute)
    schools = {school_of(protocol, record) for record in case.records if record.kind in asked} - {""}
    numbers = {*case.joined, *({case.opened_from} if case.opened_from else ())}  # a contribution that was handed over
    homes = {home for number in numbers if (home := repository.unit_of(session, number))}
    if not schools and not homes:
        return set()
    with ctx.directory.reading() as people:
        units = (
            *auth_repository.schools_coded(people, schools).values(),
            *auth_repository.find_units(people, homes).values(),
        )
    return {place for unit in units for place in (unit.id, *unit.parents[: len(_STOREYS) - 1])}


def _requests(session: Session, facts: Facts, asked: Asked, known: Unit | None) -> Iterator[Request]:
    protocol = facts.protocol
    at, due_at = asked.record.at, _due_of(facts, asked)
    there = known or facts.around.unit

    def to(role: str, place: str, shown_from: datetime) -> Request:
        return Request(
            seq=asked.record.seq, role=role, place=place, unit=there.id, kind=asked.kind.value, asked_at=at,
            shown_from=shown_from, due_at=due_at,
        )  # fmt: skip

    act, seats = answering_act(protocol, asked.kind), receiving_seats(protocol)
    if act is None:
        return
    if known is not None and not set(seats).isdisjoint(act.by):
        yield from (to(role.key, there.id, at) for role in protocol.roles.values() if role.head)
        yield from (to(seat, account, at) for seat, account in _seated(session, facts, seats, there))
    for role in (protocol.roles[key] for key in act.by if key in protocol.roles):
        place = _above(there, _WAITS_ABOVE[role.sees]) if role.sees in _WAITS_ABOVE else None
        if place is not None:
            yield to(role.key, place, due_at if due_at and known is not None else at)


def _seated(session: Session, facts: Facts, seats: Iterable[str], there: Unit) -> list[tuple[str, str]]:
    """(seat, account) of those who hold one of these seats and still work there or above."""
    near = auth_repository.holders(session, (there.id, *there.parents), today=facts.today)
    there_or_above = {one.account.id for one in near}
    held = (one for one in facts.case.seats if one.seat in seats and one.is_held(facts.today))
    return sorted({(one.seat, one.account) for one in held if one.account in there_or_above})


def _due_of(facts: Facts, asked: Asked) -> datetime | None:
    """By when whoever is asked first is to answer this very request: then it waits for those above them, too."""
    act = answering_act(facts.protocol, asked.kind)
    counted = (
        one for one in facts.protocol.deadlines.values() if act and any(source.act == act.key for source in one.met_by)
    )
    counts = (count for one in counted for count in all_counts(facts, one) if count.start_seq == asked.record.seq)
    return min((count.due_at for count in counts), default=None)


def _above(unit: Unit, kind: UnitKind) -> str | None:
    place = _STOREYS.index(kind)
    return unit.parents[place] if place < len(unit.parents) else None


def asker(ctx: AppContext, actor: Actor) -> Asker:
    """Somebody who asks what waits for them."""
    seats = {seat for protocol in ctx.library.every() for seat in receiving_seats(protocol)}
    offices = tuple(dict.fromkeys((held.role, held.unit) for held in actor.appointments))
    return Asker(actor.id, offices, tuple(sorted(seats)), ctx.now())
