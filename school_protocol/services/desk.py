"""What is due: the lists that a person opens between two lessons. They read the index alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from school_protocol.domain.engine import role_for
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import START, ActKind, Protocol
from school_protocol.services.house import House
from school_protocol.services.loading import mark_text, scope_of, today_for
from school_protocol.services.opening import schools_of
from school_protocol.services.receipts import receipt_line
from school_protocol.services.seeing import tone_of
from school_protocol.services.views import CaseLine, DeskView, ReceiptLine
from school_protocol.storage import access, cases, directory, index, reports
from school_protocol.storage.engines import Session
from school_protocol.wording import ZONE

PAGE = 25
RECEIPTS = 5
FILTERS = ("open", "late", "today", "ended")


def see_desk(house: House, actor: Actor, *, filter: str = "open", after: str | None = None) -> DeskView:
    """One page of the cases that this person sees, by what is due next."""
    now = house.now()
    scope = scope_of(house, actor)
    with house.realm.reading() as session:
        page = index.page(
            session,
            scope,
            today=today_for(house),
            limit=PAGE,
            filter=_filter(filter, now),
            after=index.Cursor.parse(after) if after else None,
        )
        own = _own_receipts(house, session, actor)
    units = _units(house, [row.unit for row in page.rows])
    lines = tuple(case_line(house, row, units[row.unit]) for row in page.rows)
    if scope.is_metadata:
        lines = tuple(replace(line, level=None, raised=0, metadata_only=True) for line in lines)
    return DeskView(
        lines=lines,
        filter=filter if filter in FILTERS else "open",
        after=str(page.after) if page.after else None,
        units=schools_of(house, actor),
        receipts=own,
        can_report=may_report(house, actor),
        late=sum(line.tone == "late" for line in lines),
        today=sum(line.tone == "today" for line in lines),
    )


def _filter(name: str, now: datetime) -> index.Filter:
    if name == "ended":
        return index.Filter(ended=True)
    if name == "late":
        return index.Filter(ended=False, due_before=now)
    if name == "today":
        midnight = datetime.combine(now.astimezone(ZONE).date() + timedelta(days=1), time(0), ZONE)
        return index.Filter(ended=False, due_before=midnight.astimezone(UTC))
    return index.Filter(ended=False)


def _own_receipts(house: House, session: Session, actor: Actor) -> tuple[ReceiptLine, ...]:
    """Receipts of reports whose case this person may not see."""
    scope = scope_of(house, actor)
    lines = []
    for header in reports.of_reporter(session, actor.id, limit=RECEIPTS):
        if header.case_id is None:
            continue
        if index.find_by_id(session, scope, header.case_id, today=today_for(house)) is None:
            lines.append(receipt_line(house, session, actor, header))
    return tuple(lines)


def _units(house: House, ids: Iterable[str]) -> dict[str, Unit]:
    with house.directory.reading() as session:
        return directory.units(session, ids)


def case_line(house: House, row: index.IndexRow, unit: Unit) -> CaseLine:
    """A row of the index as a list shows it: nothing nominal, not even the kind of facts."""
    protocol = house.library.protocol(row.protocol, row.version)
    grid = next(iter(protocol.grids.values()), None)
    stages = list(protocol.stages)
    return CaseLine(
        protocol=protocol,
        number=row.number,
        state=protocol.states[row.state],
        stage=protocol.stages[row.stage],
        stage_place=stages.index(row.stage) + 1,
        stage_count=len(stages),
        level=grid.levels.get(row.level or 0) if grid else None,
        due=protocol.deadlines.get(row.next_due_key or ""),
        due_at=row.next_due_at,
        tone="ended" if row.ended else tone_of(row.next_due_at, house.now()),
        raised=row.raised,
        restricted=row.restricted,
        unit=unit,
        opened_at=row.opened_at,
    )


def may_report(house: House, actor: Actor) -> bool:
    """Whether one of this person's roles opens cases."""
    return any(_opens(protocol, actor) for protocol in house.library.current()) and bool(schools_of(house, actor))


def _opens(protocol: Protocol, actor: Actor) -> bool:
    held = [appointment.role for appointment in actor.appointments]
    return any(
        START in act.in_ and role_for(protocol, act.by, held) is not None for act in protocol.acts_of(ActKind.report)
    )


def find_by_number(house: House, actor: Actor, text: str) -> str:
    """The number that was typed, if it is a case that this person sees; raises Unseen."""
    number = cases.check_number(text)
    with house.realm.reading() as session:
        if number and index.find(session, scope_of(house, actor), number, today=today_for(house)):
            return number
    raise Unseen(text)


def find_by_pupil(house: House, actor: Actor, text: str) -> tuple[CaseLine, ...]:
    """Cases of this person's own schools in which exactly that name or Massar code stands. Finding one is a reading."""
    if len(text) > 200 or not text.strip():
        return ()
    scope = scope_of(house, actor).of_content()
    found: list[CaseLine] = []
    for unit in schools_of(house, actor):
        mark = house.vault.mark(unit.id, mark_text(text))
        with house.realm.writing() as session:
            rows = index.by_mark(session, scope, unit.id, mark, today=today_for(house))
            for row in rows:
                access.note(session, case_id=row.case_id, account=actor.id, at=house.now(), what="search")
        found += [case_line(house, row, unit) for row in rows]
    return tuple(found)
