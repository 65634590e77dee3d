"""What is counted of a unit and of what lies below it: read from counters by their index, whatever they stand for."""

from __future__ import annotations

from collections.abc import Iterator

from school_protocol.domain.contributing import share_of
from school_protocol.domain.errors import SchoolProtocolError, Unseen
from school_protocol.domain.facts import Facts
from school_protocol.domain.figure_tables import Counts, FigureTable, Period, gathered, own_part, tables_of
from school_protocol.domain.policy import UnitKind
from school_protocol.domain.protocol import Protocol
from school_protocol.services.house import REALM, House
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.figures import counters, shares
from school_protocol.storage.figures.counters import Counted


class NotCounted(SchoolProtocolError):
    """Cases of a workshop are no figures: nothing of another realm is counted, nor told."""


def keep_count(house: House, session: Session, case_id: str, facts: Facts) -> None:
    """Keep what the case adds to figures now, in the transaction that changes it; of the real realm alone."""
    if house.name == REALM:
        shares.put(session, house.vault, case_id, share_of(facts))


def has_counted(house: House, session: Session, case_id: str, facts: Facts) -> bool:
    """Whether what is kept of the case is what it adds today: a deadline may have run out since."""
    return house.name != REALM or shares.share(session, house.vault, case_id) == share_of(facts)


def uncounted(house: House) -> int:
    """How many cases that are not erased add nothing yet: `figures rebuild` counts them."""
    only_real(house)
    with house.realm.reading() as session:
        return shares.missing(session)


def tables(house: House, protocol: str) -> tuple[FigureTable, ...]:
    """The tables of the version under which new cases are opened, with what other versions had besides."""
    current = _current(house, protocol)
    others = [one for one in house.library.every() if one.protocol == protocol and one.version != current.version]
    return tables_of(current, others)


def counted(house: House, protocol: str, unit: str, period: Period, *, whole: bool = False) -> Counts:
    """What was counted of a unit and its children; `whole`: of all below it, down to the schools.

    Raises NotCounted in a realm that is not the real one, Unseen for a unit or protocol that is not there.
    """
    only_real(house)
    above = dict(_tree(house, unit, whole=whole))
    with house.realm.reading() as session:
        kept = list(_kept(session, protocol, unit, period, above, whole=whole))
    wanted = frozenset(period.months)
    for _month, one, over, _counts in kept:
        above[one] = over if one != unit else ""
    cells = ((month, one, counts) for month, one, _over, counts in kept if month in wanted)
    return gathered(unit, period, tables(house, protocol), above, cells)


def months(house: House, protocol: str, unit: str) -> tuple[str, ...]:
    """The months of which something is counted of that unit."""
    only_real(house)
    with house.realm.reading() as session:
        return tuple(counters.months(session, protocol, unit))


def only_real(house: House) -> None:
    """Raises NotCounted where the house is not the real one."""
    if house.name != REALM:
        raise NotCounted(f"cases of {house.name} are no figures")


def _current(house: House, protocol: str) -> Protocol:
    found = next((one for one in house.library.current() if one.protocol == protocol), None)
    if found is None:
        raise Unseen(protocol)
    return found


def _tree(house: House, unit: str, *, whole: bool) -> Iterator[tuple[str, str]]:
    """The unit and those below it, each with the one above: as the directory has them, whether counted or not."""
    with house.directory.reading() as session:
        root = directory.unit(session, unit)
        yield unit, ""
        storey = [root]
        while storey and (whole or storey == [root]):
            found = directory.children(session, *(one.id for one in storey))
            for one in storey:
                if one.kind is not UnitKind.school:
                    yield own_part(one.id), one.id
            for child in found:
                yield child.id, child.parents[0]
            storey = [child for child in found if child.kind is not UnitKind.school]


def _kept(
    session: Session, protocol: str, unit: str, period: Period, above: dict[str, str], *, whole: bool
) -> Iterator[Counted]:
    first, last = min(period.months), max(period.months)
    yield from counters.of_unit(session, protocol, unit, first, last)
    storey = {unit}
    while storey:
        found = counters.below(session, protocol, storey, first, last)
        yield from found
        storey = {one for _month, one, _above, _counts in found if not one.endswith("~")} if whole else set()
