"""The week ahead: what falls due, day by day, from the index alone; and on which days there is no school."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from school_protocol.domain.clock import Calendar
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Scope, Unit
from school_protocol.services import days_off
from school_protocol.services.case_lines import case_line, is_written_for
from school_protocol.services.desk import known_of_only, may_report, sees_no_case, units_of
from school_protocol.services.due_lines import tone_of
from school_protocol.services.house import House
from school_protocol.services.loading import scope_of, today_for
from school_protocol.services.opening import schools_of
from school_protocol.services.views import CaseLine, WeekDay, WeekDue, WeekView
from school_protocol.storage import directory, index
from school_protocol.storage.engines import Session
from school_protocol.wording import ZONE

DAYS = 7
CASES = 60


def see_week(house: House, actor: Actor, *, after: str | None = None) -> WeekView:
    """What falls due within seven days in the cases that this person sees: dangers, late things, then by day."""
    now, today = house.now(), today_for(house)
    days = [today + timedelta(days=count) for count in range(DAYS)]
    end = datetime.combine(days[-1] + timedelta(days=1), time(0), ZONE).astimezone(UTC)
    scope = scope_of(house, actor)
    with house.realm.reading() as session:
        page = index.page(
            session,
            scope,
            today=today,
            limit=CASES,
            filter=index.Filter(due_before=end),
            after=index.Cursor.parse(after) if after else None,
            urgent_first=False,
        )
        rows = {row.case_id: row for row in page.rows}
        found = index.dues_of(session, tuple(rows), before=end)
        sees_none = not rows and sees_no_case(session, scope, today)
        raised = () if after or scope.is_metadata else _raised(session, scope, today)
        known_of = known_of_only(session, scope, [*page.rows, *raised], today)
        raised = tuple(row for row in raised if row.case_id not in known_of)
    units = units_of(house, [row.unit for row in (*page.rows, *raised)])
    dues = [
        _line(house, rows[case_id], due, planned, units, now)
        for case_id, due, planned in found
        if case_id not in known_of or (not planned and _is_own(house, rows[case_id], due, actor))
    ]
    late, coming = ([due for due in dues if (due.tone == "late") is is_late] for is_late in (True, False))
    return WeekView(
        dangers=tuple(_danger(case_line(house, actor, row, units[row.unit])) for row in raised),
        late=tuple(late),
        days=_days(house, actor, days, coming),
        after=str(page.after) if page.after else None,
        units=schools_of(house, actor),
        many_schools=len(units) > 1,
        can_report=may_report(house, actor),
        receipts_only=sees_none,
    )


def _danger(line: CaseLine) -> WeekDue:
    return WeekDue(
        number=line.number,
        title=line.next or line.state.title,
        due_at=line.due_at if line.is_due else None,
        tone=line.tone,
        unit=line.unit,
        by_day=line.by_day,
    )


def _is_own(house: House, row: index.IndexRow, due: index.Due, actor: Actor) -> bool:
    protocol = house.library.protocol(row.protocol, row.version)
    return is_written_for(protocol, protocol.deadlines[due.key], actor)


def _raised(session: Session, scope: Scope, today: date) -> tuple[index.IndexRow, ...]:
    return index.page(session, scope, today=today, limit=CASES, filter=index.Filter(urgent=True)).rows


def _line(
    house: House, row: index.IndexRow, due: index.Due, planned: bool, units: Mapping[str, Unit], now: datetime
) -> WeekDue:
    protocol = house.library.protocol(row.protocol, row.version)
    named = protocol.acts[due.key] if planned else protocol.deadlines[due.key]
    return WeekDue(
        number=row.number,
        title=named.title,
        due_at=due.due_at,
        tone=tone_of(due.due_at, now),
        unit=units[row.unit],
        by_day=planned,
    )


def _days(house: House, actor: Actor, days: Iterable[date], dues: Iterable[WeekDue]) -> tuple[WeekDay, ...]:
    by_day: dict[date, list[WeekDue]] = {}
    for due in dues:
        if due.due_at is not None:
            by_day.setdefault(due.due_at.astimezone(ZONE).date(), []).append(due)
    calendars = _calendars(house, actor)
    found = []
    for day in days:
        closed = bool(calendars) and all(day in calendar.closed for calendar in calendars)
        holiday = days_off.named(day.year, actor.language).get(day, "") if closed else ""
        found.append(WeekDay(day, tuple(by_day.get(day, ())), closed, holiday))
    return tuple(found)


def _calendars(house: House, actor: Actor) -> list[Calendar]:
    """The school time of every place in which this person has a role, where one is known."""
    found: dict[Calendar, None] = {}
    with house.directory.reading() as session:
        for unit in directory.units(session, {held.unit for held in actor.appointments}).values():
            try:
                found[directory.calendar_for(session, unit)] = None
            except Unseen:
                continue
    return list(found)
