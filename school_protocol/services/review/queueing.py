"""What waits for whoever reviews: one line a case with all its reasons, from the index alone; nothing nominal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from school_protocol.domain.policy import Actor, Unit, UnitKind
from school_protocol.domain.protocol import Level
from school_protocol.services.desk import case_lines
from school_protocol.services.due_lines import tone_of
from school_protocol.services.house import House
from school_protocol.services.loading import scope_of, today_for
from school_protocol.services.review.views import PlaceLine, QueueLine, QueueView, ReasonLine
from school_protocol.storage import directory, index
from school_protocol.storage.engines import Session
from school_protocol.storage.review import queue
from school_protocol.storage.review.queue import RANKED, TEAM, Chosen, Wait

PAGE = 25
MOST = 100
"""Of one kind, no more cases than these are counted."""


def may_review(house: House, actor: Actor) -> bool:
    """Whether one of this person's roles reviews cases."""
    held = {appointment.role for appointment in actor.appointments}
    return any(one.review is not None and not held.isdisjoint(one.review.by) for one in house.library.current())


def see_queue(house: House, actor: Actor, asked: Chosen | None = None, *, after: str | None = None) -> QueueView:
    """One page of what waits for this person; `asked` is how it is to be narrowed (`place` being a unit's code) from
    now on. None: as it was the last time."""
    units = _own_units(house, actor)
    chosen = _chosen(house, actor, asked)
    place = _place(house, chosen.place, units)
    narrowed = replace(chosen, place=place.id if place is not None else "")
    asker = queue.Asker(
        replace(scope_of(house, actor), now=None),  # who reads a case by an emergency opening alone reviews none of it
        tuple(dict.fromkeys((held.role, held.unit) for held in actor.appointments)),
        today_for(house),
        house.now(),
    )
    with house.realm.reading() as session:
        begins = queue.Cursor.parse(after) if after else None
        page = queue.page(session, asker, limit=PAGE, chosen=narrowed, after=begins)
        return QueueView(
            lines=_lines(house, session, actor, page),
            after=str(page.after) if page.after else None,
            counts=queue.counts(session, asker, chosen=narrowed, most=MOST),
            most=MOST,
            urgent_left_out=queue.passed_over(session, asker, chosen=narrowed, most=MOST),
            kind=narrowed.kind,
            place=place.code if place is not None else "",
            where=place,
            level=narrowed.level,
            places=_places(house, units, place),
            levels=tuple(_levels(house)),
            units=units,
        )


def _lines(house: House, session: Session, actor: Actor, page: queue.Page) -> tuple[QueueLine, ...]:
    rows = index.listed(session, [case_id for case_id, _waits in page.cases])
    waits = dict(page.cases)
    lines = case_lines(house, session, actor, rows)
    return tuple(
        QueueLine(line, tuple(_reasons(house, waits[row.case_id]))) for row, line in zip(rows, lines, strict=True)
    )


def _reasons(house: House, waits: Iterable[Wait]) -> Iterable[ReasonLine]:
    """Each kind once, by its oldest; but each emergency opening, which has a page of its own."""
    found: dict[tuple[str, int], ReasonLine] = {}
    for wait in waits:
        seq = int(wait.subject) if wait.kind == "door" else 0
        line = ReasonLine(wait.kind, wait.since, wait.due_at, tone_of(wait.due_at, house.now()), seq)
        known = found.get((wait.kind, seq))
        found[wait.kind, seq] = replace(known, many=known.many + 1) if known is not None else line
    return found.values()


# ---- how it is narrowed ----------------------------------------------------------------------------------------------


def _chosen(house: House, actor: Actor, asked: Chosen | None) -> Chosen:
    """How the queue is narrowed now, remembered for the person where they have just said so; but not where they look at
    what waits for others."""
    with house.realm.reading() as session:
        former = queue.remembered(session, actor.id)
    chosen = _possible(house, asked) if asked is not None else former
    if chosen != former and chosen.kind != TEAM:
        with house.realm.writing() as session:
            queue.remember(session, actor.id, chosen)
    return chosen


def _possible(house: House, asked: Chosen) -> Chosen:
    """What was asked, less what nobody could choose."""
    levels = {level for one in house.library.current() for grid in one.grids.values() for level in grid.levels}
    return Chosen(
        asked.kind if asked.kind in RANKED else "",
        asked.place[:80],
        asked.level if asked.level in levels or asked.level == 0 else None,
    )


def _own_units(house: House, actor: Actor) -> tuple[Unit, ...]:
    """The units for which this person reviews."""
    roles = {role for one in house.library.current() if one.review is not None for role in one.review.by}
    ids = dict.fromkeys(held.unit for held in actor.appointments if held.role in roles)
    with house.directory.reading() as session:
        return tuple(directory.units(session, ids).values())


def _place(house: House, code: str, units: Iterable[Unit]) -> Unit | None:
    """The unit of that code, where it lies below one of these; a school or a province."""
    own = {unit.id for unit in units}
    with house.directory.reading() as session:
        found = directory.unit_coded(session, code) if code else None
    if found is None or found.kind not in (UnitKind.school, UnitKind.province):
        return None
    return found if not own.isdisjoint((found.id, *found.parents)) else None


def _places(house: House, units: Iterable[Unit], chosen: Unit | None) -> tuple[PlaceLine, ...]:
    """Where one may narrow it to: what lies below the units that this person answers for, and below the chosen one."""
    found: dict[str, Unit] = {}
    with house.directory.reading() as session:
        around = [chosen.parents[0]] if chosen is not None and chosen.kind is UnitKind.school else []
        below = [*around, chosen.id] if chosen is not None else []
        places = dict.fromkeys((*(unit.id for unit in units), *below))
        found |= {one.id: one for one in directory.children(session, *places)}
    if chosen is not None:
        found.setdefault(chosen.id, chosen)
    return tuple(PlaceLine(unit, chosen is not None and unit.id == chosen.id) for unit in found.values())


def _levels(house: House) -> Iterable[tuple[int, Level]]:
    """The levels that cases can have, each once."""
    found: dict[int, Level] = {}
    for protocol in house.library.current():
        for grid in protocol.grids.values() if protocol.review is not None else ():
            for number, level in grid.levels.items():
                found.setdefault(number, level)
    return sorted(found.items(), key=lambda pair: pair[0])
