"""What the program can see for itself of the go-live list: an item that it sees missing can't be signed."""

from __future__ import annotations

from datetime import timedelta

from school_protocol.domain.policy import UnitKind
from school_protocol.domain.protocol import ScopeKind
from school_protocol.services.house import House
from school_protocol.services.identity.factors import factors_of
from school_protocol.services.keeping import recovery
from school_protocol.services.loading import today_for
from school_protocol.services.teams.team import declared
from school_protocol.storage import directory, last_done

LATELY = timedelta(days=35)
"""How long ago an exercise may lie that somebody signs for."""
ADMINISTRATORS = 2


def lack(house: House, item: str) -> str | None:
    """What is missing, by its code; None where nothing is, or only people can see it."""
    match item:
        case "recovery":
            return None if recovery.lack(house) is None else "no_recovery"
        case "drill":
            done = last_done.last(house.settings.data, last_done.DRILL)
            return None if done is not None and done.held and house.now() - done.at <= LATELY else "no_drill"
        case "second":
            return None if len(administrators(house)) >= ADMINISTRATORS else "no_second"
        case "contacts":
            return None if _all_called(house) else "not_called"
        case "retention":
            return None if _has_data_officer(house) else "no_data_officer"
        case _:
            return None


def administrators(house: House) -> frozenset[str]:
    """Accounts that administer at the top, can come in, and prove who they are in a second step."""
    roles = {key for key, (_protocol, role) in declared(house).items() if role.administers}
    with house.directory.reading() as session:
        tops = [unit.id for unit in directory.topmost(session)]
        found = directory.holders(session, tops, today=today_for(house))
        able = {one.account.id for one in found if one.role in roles and one.has_way_in}
        return frozenset(one for one in able if factors_of(session, house, one).has_any)


def _all_called(house: House) -> bool:
    """Whether there are numbers for the whole country, and somebody noted of each that it is right."""
    with house.directory.reading() as session:
        places = [place.id for place in directory.topmost(session)]
        found = {one.id: one for place in places for one in directory.contacts(session, place) if one.unit is None}
    return bool(found) and all(one.verified_on is not None for one in found.values())


def _has_data_officer(house: House) -> bool:
    roles = {key for key, (_protocol, role) in declared(house).items() if role.sees is ScopeKind.metadata}
    if not roles:
        return True
    with house.directory.reading() as session:
        kinds = (UnitKind.country, UnitKind.region, UnitKind.province)
        places = [unit.id for kind in kinds for unit in directory.units_of_kind(session, kind)]
        found = directory.holders(session, places, today=today_for(house))
    return any(one.role in roles and one.has_way_in for one in found)
