"""A school's addresses for reports: four syllables without a meaning, renewed where one is abused.

One of each kind stands at a time: `public` for pupils, parents and witnesses, `staff` for the adults of the school.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Unit, UnitKind
from school_protocol.services.house import House
from school_protocol.services.signalement.known import PUBLIC, STAFF, current, roles_at
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.signalement import doors as storage
from school_protocol.storage.signalement.doors import KeptDoor

KINDS = (PUBLIC, STAFF)


@dataclass(frozen=True, slots=True)
class Door:
    """A school's address. `is_ended`: it was renewed since and takes no report; whoever has a code still comes back."""

    code: str
    unit: Unit
    kind: str
    made_at: datetime
    is_ended: bool


@dataclass(frozen=True, slots=True)
class DoorsView:
    """The addresses of one school, for whoever makes and renews them; `ended`: how many there were before."""

    unit: Unit
    public: Door | None
    staff: Door | None
    ended: int
    others: tuple[Unit, ...]
    """Other schools whose addresses are this person's, too."""


def door_of(house: House, code: str) -> Door:
    """The address with that code, ended or not; raises Unseen for one that never was, or where none is offered."""
    current(house)
    plain = storage.plain(code)
    with house.directory.reading() as session:
        found = storage.door(session, plain) if plain else None
        if found is None:
            raise Unseen(code)
        return _door(found, directory.unit(session, found.unit))


def see_doors(house: House, actor: Actor, unit: str | None = None) -> DoorsView:
    """The addresses of a school (by id or code; the first of this person's, where none is named). Raises Unseen."""
    with house.directory.reading() as session:
        mine = _schools(house, session, actor)
        place = next((one for one in mine if unit is None or unit in (one.id, one.code)), None)
        if place is None:
            place = _below(house, session, actor, unit)
        found = storage.of_unit(session, place.id)
    standing = {one.kind: _door(one, place) for one in found if one.ended_at is None}
    ended = sum(1 for one in found if one.ended_at is not None)
    others = tuple(one for one in mine if one.id != place.id)
    return DoorsView(place, standing.get(PUBLIC), standing.get(STAFF), ended, others)


def renew(house: House, actor: Actor, unit: str, kind: str, *, former: str = "") -> Door:
    """A new address of a kind; the one that stood leads nowhere from now on. `former`: the one that the page showed.

    Where another stands by now (somebody renewed it meanwhile, or this is the second press), that one stays.
    """
    if kind not in KINDS:
        raise Unseen(kind)
    with house.directory.writing() as session:
        place = _below(house, session, actor, unit)
        directory.hold_unit(session, place.id)
        every = storage.of_unit(session, place.id)
        standing = next((one for one in every if one.kind == kind and one.ended_at is None), None)
        if standing is not None and standing.code != former:
            return _door(standing, place)
        made = storage.make(session, unit=place.id, kind=kind, by=actor.id, at=house.now())
        return _door(made, place)


def close(house: House, actor: Actor, unit: str, code: str) -> None:
    """End an address without another in its place."""
    with house.directory.writing() as session:
        place = _below(house, session, actor, unit)
        found = storage.door(session, code)
        if found is None or found.unit != place.id:
            raise Unseen(code)
        storage.end(session, code, by=actor.id, at=house.now())


def may_keep_doors(house: House, actor: Actor) -> bool:
    """Whether addresses of some school are this person's to make."""
    try:
        _protocol, rules = current(house)
    except Unseen:
        return False
    return any(held.role in rules.doors for held in actor.appointments)


def _schools(house: House, session: Session, actor: Actor) -> tuple[Unit, ...]:
    """The schools in which this person holds such a role itself."""
    _protocol, rules = current(house)
    held = [one.unit for one in actor.appointments if one.role in rules.doors]
    found = directory.units(session, held)
    return tuple(one for one in found.values() if one.kind is UnitKind.school)


def _below(house: House, session: Session, actor: Actor, unit: str | None) -> Unit:
    """That school, if this person holds such a role there or above it; raises Unseen."""
    _protocol, rules = current(house)
    found = None
    if unit is not None:
        found = directory.units(session, [unit]).get(unit) or directory.unit_coded(session, unit)
    if found is None or found.kind is not UnitKind.school or roles_at(actor, found).isdisjoint(rules.doors):
        raise Unseen(unit or "school")
    return found


def _door(kept: KeptDoor, unit: Unit) -> Door:
    return Door(kept.code, unit, kept.kind, kept.made_at, kept.ended_at is not None)
