"""Service of counts: what is counted of a unit and below it, read from counters; counters made anew from events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded, surroundings
from school_protocol.context import REALM, AppContext
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.deadlines import read
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.engine.facts import Facts
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.statistics import repository
from school_protocol.statistics.repository import Change, Counted, Key
from school_protocol.statistics.rules import (
    TOTALS,
    Counts,
    FigureTable,
    Period,
    Share,
    gathered,
    own_part,
    possible_totals,
    share_of,
    tables_of,
    unit_of,
)
from school_protocol.storage.engines import Session


class NotCounted(SchoolProtocolError):
    """Cases of a workshop are no figures: nothing of another realm is counted, nor told."""


def keep_count(ctx: AppContext, session: Session, case_id: str, facts: Facts) -> None:
    """Keep what the case adds to figures now, in the transaction that changes it; of the real realm alone."""
    if ctx.name == REALM:
        repository.put_share(session, ctx.vault, case_id, share_of(facts))


def has_counted(ctx: AppContext, session: Session, case_id: str, facts: Facts) -> bool:
    """Whether what is kept of the case is what it adds today: a deadline may have run out since."""
    return ctx.name != REALM or repository.share(session, ctx.vault, case_id) == share_of(facts)


def uncounted(ctx: AppContext) -> int:
    """How many cases that are not erased add nothing yet: `figures rebuild` counts them."""
    only_real(ctx)
    with ctx.realm.reading() as session:
        return repository.missing(session)


def tables(ctx: AppContext, protocol: str) -> tuple[FigureTable, ...]:
    """The tables of the version under which new cases are opened, with what other versions had besides."""
    current = _current(ctx, protocol)
    others = [one for one in ctx.library.every() if one.protocol == protocol and one.version != current.version]
    return tables_of(current, others)


def possible(ctx: AppContext, protocol: str) -> frozenset[str]:
    """The totals in which a case of some version can stand."""
    return possible_totals(one for one in ctx.library.every() if one.protocol == protocol)


def counted(ctx: AppContext, protocol: str, unit: str, period: Period, *, whole: bool = False) -> Counts:
    """What was counted of a unit and its children; `whole`: of all below it, down to the schools.

    Raises NotCounted in a realm that is not the real one, Unseen for a unit or protocol that is not there.
    """
    only_real(ctx)
    above = dict(_tree(ctx, unit, whole=whole))
    with ctx.realm.reading() as session:
        kept = list(_kept(session, protocol, unit, period, above, whole=whole))
    wanted = frozenset(period.months)
    for _month, one, over, _counts in kept:
        above[one] = over if one != unit else ""
    cells = ((month, one, counts) for month, one, _over, counts in kept if month in wanted)
    return gathered(unit, period, tables(ctx, protocol), above, cells)


def months(ctx: AppContext, protocol: str, unit: str) -> tuple[str, ...]:
    """The months of which something is counted of that unit."""
    only_real(ctx)
    with ctx.realm.reading() as session:
        return tuple(repository.months(session, protocol, unit))


def only_real(ctx: AppContext) -> None:
    """Raises NotCounted where the installation is not the real one."""
    if ctx.name != REALM:
        raise NotCounted(f"cases of {ctx.name} are no figures")


def _current(ctx: AppContext, protocol: str) -> Protocol:
    found = next((one for one in ctx.library.current() if one.protocol == protocol), None)
    if found is None:
        raise Unseen(protocol)
    return found


def _tree(ctx: AppContext, unit: str, *, whole: bool) -> Iterator[tuple[str, str]]:
    """The unit and those below it, each with the one above: as the directory has them, whether counted or not."""
    with ctx.directory.reading() as session:
        root = auth_repository.unit(session, unit)
        yield unit, ""
        storey = [root]
        while storey and (whole or storey == [root]):
            found = auth_repository.children(session, *(one.id for one in storey))
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
    yield from repository.of_unit(session, protocol, unit, first, last)
    storey = {unit}
    while storey:
        found = repository.below(session, protocol, storey, first, last)
        yield from found
        storey = {one for _month, one, _above, _counts in found if not one.endswith("~")} if whole else set()


# ---- counters made anew: shares from events, counters from the shares and what erased cases left -------------------


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


def rebuild(ctx: AppContext, progress: Callable[[int, int], None] | None = None) -> Rebuilt:
    """Work every figure out again, a case at a time, then all counters together. Raises NotCounted in a workshop."""
    only_real(ctx)
    with ctx.realm.reading() as session:
        ids = index_repository.all_case_ids(session)
    changed = 0
    for done, case_id in enumerate(ids, 1):
        with ctx.realm.writing() as session:
            cases_repository.hold(session, case_id)
            if not cases_repository.is_destroyed(session, case_id):
                changed += _again(ctx, session, case_id)
        if progress is not None:
            progress(done, len(ids))
    with ctx.realm.writing() as session:
        repository.hold(session)
        frozen = repository.frozen(session)
        summed = _summed(ctx, session, frozen)
        differing = repository.replace_all(session, summed)
        counted = repository.counted(session)
    erased = sum(counts.get(TOTALS, {}).get(CASES, 0) for _key, counts in frozen)
    return Rebuilt(counted, erased, changed, len(summed), differing)


def _again(ctx: AppContext, session: Session, case_id: str) -> bool:
    """One case's share from its events; whether it was otherwise."""
    protocol, case = folded(ctx, session, case_id)
    around = surroundings(ctx, case.unit)
    now = share_of(read(protocol, case, ctx.now(), around))
    before = repository.share(session, ctx.vault, case_id)
    repository.put_share(session, ctx.vault, case_id, now)
    return before != now


def _summed(
    ctx: AppContext, session: Session, frozen: list[tuple[Key, Mapping[str, Any]]]
) -> dict[Key, tuple[str, Change]]:
    """All counters, of each unit and all above it."""
    summed: dict[Key, tuple[str, Change]] = {}
    for share in repository.every_share(session, ctx.vault):
        _add(summed, share, dict.fromkeys(share.cells, 1))
    places = _places(ctx, {unit for (_protocol, _month, unit), _counts in frozen})
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


def _places(ctx: AppContext, units: set[str]) -> Mapping[str, Unit]:
    with ctx.directory.reading() as session:
        return auth_repository.find_units(session, sorted({unit_of(one) for one in units}))


def _upwards(unit: str, places: Mapping[str, Unit]) -> Iterator[str]:
    """What lies above, as the directory has it today: above a unit's own part, the unit itself comes first."""
    found = places.get(unit_of(unit))
    if found is None:
        return
    if unit != found.id and found.kind is not UnitKind.school:
        yield found.id
    yield from found.parents
