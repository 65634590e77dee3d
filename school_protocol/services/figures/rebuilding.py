"""Figures made anew: each case's share from its events, the counters from the shares and what erased cases left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from school_protocol.domain.closed_choices import CASES
from school_protocol.domain.contributing import Share, share_of
from school_protocol.domain.dues import read
from school_protocol.domain.figure_tables import TOTALS, unit_of
from school_protocol.domain.policy import Unit, UnitKind
from school_protocol.services.figures.counting import only_real
from school_protocol.services.house import House
from school_protocol.services.loading import folded, surroundings
from school_protocol.storage import cases, directory, index
from school_protocol.storage.engines import Session
from school_protocol.storage.figures import counters, shares
from school_protocol.storage.figures.counters import Change, Key


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was gone through, and what was otherwise than it is now."""

    cases: int
    erased: int
    """Cases that are no more, of which only their part in figures is left."""
    shares_changed: int
    counters: int
    """Units and months of which something is counted."""
    counters_changed: int

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def rebuild(house: House, progress: Callable[[int, int], None] | None = None) -> Rebuilt:
    """Work every figure out again, a case at a time, then all counters together. Raises NotCounted in a workshop."""
    only_real(house)
    with house.realm.reading() as session:
        ids = index.all_case_ids(session)
    changed = 0
    for done, case_id in enumerate(ids, 1):
        with house.realm.writing() as session:
            cases.hold(session, case_id)
            if not cases.is_destroyed(session, case_id):
                changed += _again(house, session, case_id)
        if progress is not None:
            progress(done, len(ids))
    with house.realm.writing() as session:
        counters.hold(session)
        frozen = counters.frozen(session)
        summed = _summed(house, session, frozen)
        differing = counters.replace_all(session, summed)
        counted = shares.counted(session)
    erased = sum(counts.get(TOTALS, {}).get(CASES, 0) for _key, counts in frozen)
    return Rebuilt(counted, erased, changed, len(summed), differing)


def _again(house: House, session: Session, case_id: str) -> bool:
    """One case's share from its events; whether it was otherwise."""
    protocol, case = folded(house, session, case_id)
    around = surroundings(house, case.unit)
    now = share_of(read(protocol, case, house.now(), around))
    before = shares.share(session, house.vault, case_id)
    shares.put(session, house.vault, case_id, now)
    return before != now


def _summed(
    house: House, session: Session, frozen: list[tuple[Key, Mapping[str, Any]]]
) -> dict[Key, tuple[str, Change]]:
    """All counters, of each unit and all above it."""
    summed: dict[Key, tuple[str, Change]] = {}
    for share in shares.every(session, house.vault):
        _add(summed, share, dict.fromkeys(share.cells, 1))
    places = _places(house, {unit for (_protocol, _month, unit), _counts in frozen})
    for (protocol, month, unit), counts in frozen:
        path = (unit, *_upwards(unit, places))
        cells = {(table, row): number for table, rows in counts.items() for row, number in rows.items()}
        _add(summed, Share(protocol, month, path, frozenset(cells)), cells)
    return summed


def _add(summed: dict[Key, tuple[str, Change]], share: Share, cells: Mapping[tuple[str, str], int]) -> None:
    for place, unit in enumerate(share.path):
        above = share.path[place + 1] if place + 1 < len(share.path) else ""
        _above, change = summed.setdefault((share.protocol, share.month, unit), (above, Change()))
        change.update(cells)


def _places(house: House, units: set[str]) -> Mapping[str, Unit]:
    with house.directory.reading() as session:
        return directory.units(session, sorted({unit_of(one) for one in units}))


def _upwards(unit: str, places: Mapping[str, Unit]) -> Iterator[str]:
    """What lies above, as the directory has it today: above a unit's own part, the unit itself comes first."""
    found = places.get(unit_of(unit))
    if found is None:
        return
    if unit != found.id and found.kind is not UnitKind.school:
        yield found.id
    yield from found.parents
