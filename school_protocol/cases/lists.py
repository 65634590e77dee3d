"""Lists of the desk: what is due, and the week ahead. They read the index alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import schools_of
from school_protocol.cases import index_repository, lookup_repository
from school_protocol.cases.intake import receipt_line
from school_protocol.cases.loading import mark_text, scope_of, sees_no_case
from school_protocol.cases.review_lines import as_metadata, case_line, is_written_for, names_of
from school_protocol.cases.showing import by_voice, told_roles
from school_protocol.cases.view_models import (
    CallLine,
    CaseLine,
    DeskView,
    ReceiptLine,
    WeekDay,
    WeekDue,
    WeekView,
    tone_of,
)
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_words import looked_for, said
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Act, ActKind, Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, Permission, Scope, Unit
from school_protocol.language import ZONE
from school_protocol.people import contacts
from school_protocol.people import repository as people_repository
from school_protocol.storage import access_log, case_numbers
from school_protocol.storage.engines import Session

PAGE = 25
RECEIPTS = 5
FILTERS = ("open", "mine", "late", "today", "ended")


def see_desk(ctx: AppContext, actor: Actor, *, filter: str = "open", after: str | None = None) -> DeskView:
    """One page of the cases that this person sees: dangers first, then by what is due next."""
    scope, today = scope_of(ctx, actor), today_for(ctx)
    with ctx.realm.reading() as session:
        page = index_repository.page(
            session,
            scope,
            today=today,
            limit=PAGE,
            filter=_filter(ctx, filter, actor),
            after=index_repository.Cursor.parse(after) if after else None,
            urgent_first=not scope.is_metadata,
        )
        own = _own_receipts(ctx, session, actor)
        sees_none = not page.rows and sees_no_case(session, scope, today)
        lines = case_lines(ctx, session, actor, page.rows)
        known_of = known_of_only(session, scope, page.rows, today)
    lines = tuple(
        as_metadata(line, actor) if row.case_id in known_of else line
        for row, line in zip(page.rows, lines, strict=True)
    )
    schools = schools_of(ctx, actor)
    return DeskView(
        lines=lines,
        filter=filter if filter in FILTERS else "open",
        after=str(page.after) if page.after else None,
        units=schools,
        receipts=own,
        can_report=bool(schools) and permissions.opens_cases(ctx, actor),
        late=sum(line.tone == "late" for line in lines),
        today=sum(line.tone == "today" for line in lines),
        receipts_only=sees_none,
        many_schools=len({line.unit.id for line in lines}) > 1,
    )


def known_of_only(
    session: Session, scope: Scope, rows: Sequence[index_repository.IndexRow], today: date
) -> frozenset[str]:
    """Which of these cases this person knows of by their metadata alone."""
    if not any(clause.metadata for clause in scope.clauses):
        return frozenset()
    ids = [row.case_id for row in rows]
    return frozenset(ids) - index_repository.seen_among(session, scope.of_content(), ids, today=today)


def _filter(ctx: AppContext, name: str, actor: Actor) -> index_repository.Filter:
    now = ctx.now()
    if name == "ended":
        return index_repository.Filter(ended=True)
    if name == "mine":
        return index_repository.Filter(waits_for=replace(waited(ctx, actor), answering=answering(ctx)))
    if name == "late":
        return index_repository.Filter(ended=False, due_before=now)
    if name == "today":
        midnight = datetime.combine(now.astimezone(ZONE).date() + timedelta(days=1), time(0), ZONE)
        return index_repository.Filter(ended=False, due_before=midnight.astimezone(UTC))
    return index_repository.Filter(ended=False)


def waited(ctx: AppContext, actor: Actor) -> index_repository.Waited:
    """This person, as cases may wait for them."""
    held = frozenset((held.role, held.unit) for held in actor.appointments)
    every = ctx.library.every()
    answers = frozenset(act.key for protocol in every for act in protocol.acts_of(ActKind.answer_referral))
    return index_repository.Waited(actor.id, held, ctx.now(), answers)


def answering(ctx: AppContext) -> frozenset[tuple[str, str]]:
    """The roles and seats that answer observations, each with its protocol."""
    return frozenset((one.protocol, name) for one in ctx.library.every() for name in answerers(one))


def answerers(protocol: Protocol) -> frozenset[str]:
    """The roles and seats that answer observations on a case of that protocol."""
    files = (one for one in protocol.documents.values() if one.is_case_file and one.remarks is not None)
    named = {role for one in files if one.remarks is not None for role in one.remarks.to}
    return frozenset(name for name in (*protocol.roles, *protocol.seats) if role_for(protocol, named, [name]))


def _own_receipts(ctx: AppContext, session: Session, actor: Actor) -> tuple[ReceiptLine, ...]:
    """Receipts of reports whose case this person may not see."""
    headers = [
        one for one in lookup_repository.of_reporter(session, actor.id, limit=RECEIPTS) if one.case_id is not None
    ]
    ids = [str(one.case_id) for one in headers]
    seen = index_repository.seen_among(session, scope_of(ctx, actor), ids, today=today_for(ctx))
    return tuple(receipt_line(ctx, session, actor, one) for one in headers if one.case_id not in seen)


def units_of(ctx: AppContext, ids: Iterable[str]) -> dict[str, Unit]:
    with ctx.directory.reading() as session:
        return auth_repository.find_units(session, ids)


# ---- lines -------------------------------------------------------------------------------------------------------


def case_lines(
    ctx: AppContext, session: Session, actor: Actor, rows: Sequence[index_repository.IndexRow]
) -> tuple[CaseLine, ...]:
    """Rows of the index as a list shows them to this person, with where their reviews stand and whom to call."""
    units = units_of(ctx, [row.unit for row in rows])
    states = lookup_repository.queue_states(session, [row.case_id for row in rows])
    lines = tuple(
        _reviewed(ctx, actor, row, case_line(ctx, actor, row, units[row.unit]), states.get(row.case_id)) for row in rows
    )
    told = [row for row in rows if _told_roles(ctx, row)]
    if not told:
        return lines
    calls = _calls(ctx, actor, told, units)
    return tuple(replace(line, call=calls[line.number]) if line.number in calls else line for line in lines)


def _reviewed(
    ctx: AppContext,
    actor: Actor,
    row: index_repository.IndexRow,
    line: CaseLine,
    state: lookup_repository.QueueState | None,
) -> CaseLine:
    if state is None:
        return line
    answers = not answerers(line.protocol).isdisjoint(names_of(ctx, actor, row, line.unit))
    many = state.observations
    return replace(line, review=state.state, observations=many, to_answer=many if answers else 0)


# ---- calls -------------------------------------------------------------------------------------------------------


def _told_roles(ctx: AppContext, row: index_repository.IndexRow) -> tuple[str, ...]:
    """Where somebody must be told by voice before long: which roles, the usual one first."""
    protocol = ctx.library.protocol(row.protocol, row.version)
    act = protocol.acts.get(row.next_key or "") if row.next_kind == "act" else None
    if act is None or not row.urgent or not _is_urgent(protocol, act):
        return ()
    return told_roles(protocol, act)


def _is_urgent(protocol: Protocol, act: Act) -> bool:
    return any(
        deadline.urgent and any(source.act == act.key for source in deadline.met_by)
        for deadline in protocol.deadlines.values()
    )


def _calls(
    ctx: AppContext,
    actor: Actor,
    rows: Sequence[index_repository.IndexRow],
    units: Mapping[str, Unit],
) -> dict[str, CallLine]:
    """Whom to call for each case, by its number."""
    places = {place for row in rows for place in (row.unit, *units[row.unit].parents)}
    with ctx.directory.reading() as session:
        holders = auth_repository.holders(session, places, today=today_for(ctx))
    found: dict[str, CallLine] = {}
    for row in rows:
        unit = units[row.unit]
        here = [one for one in holders if one.unit in (unit.id, *unit.parents)]
        call = _call(ctx, row, unit, here)
        if call is not None and call.role not in names_of(ctx, actor, row, unit):
            found[row.number] = call
    return found


def _call(
    ctx: AppContext,
    row: index_repository.IndexRow,
    unit: Unit,
    holders: Iterable[auth_repository.Holder],
) -> CallLine | None:
    """The first role that may be told of the case and has a telephone."""
    protocol, held = ctx.library.protocol(row.protocol, row.version), [(one.role, one.account) for one in holders]
    lines = by_voice(ctx, protocol, unit, _told_roles(ctx, row), held, shut=row.exclusions, restricted=row.restricted)
    return next((line for line in lines if line.phone), None)


# ---- reporting and finding ---------------------------------------------------------------------------------------


def find_by_number(ctx: AppContext, actor: Actor, text: str) -> str:
    """The number that was typed, if it is a case that this person sees; raises Unseen."""
    number = case_numbers.check_number(text)
    with ctx.realm.reading() as session:
        if number and index_repository.find(session, scope_of(ctx, actor), number, today=today_for(ctx)):
            return number
    raise Unseen(text)


def find_by_word(ctx: AppContext, actor: Actor, text: str) -> tuple[CaseLine, ...]:
    """The cases that this person sees by the word that was typed, in any language; a page, open ones first."""
    word = looked_for(text)
    if word is None:
        return ()
    scope, today = scope_of(ctx, actor), today_for(ctx)
    with ctx.realm.reading() as session:
        rows: tuple[index_repository.IndexRow, ...] = ()
        for ended in (False, True):
            if (left := PAGE - len(rows)) > 0:
                found = index_repository.Filter(word=word, ended=ended)
                rows += index_repository.page(session, scope, today=today, limit=left, filter=found).rows
        known_of = known_of_only(session, scope, rows, today)
        lines = case_lines(ctx, session, actor, rows)
    return tuple(
        as_metadata(line, actor) if row.case_id in known_of else line for row, line in zip(rows, lines, strict=True)
    )


def find_by_pupil(ctx: AppContext, actor: Actor, text: str) -> tuple[CaseLine, ...]:
    """Cases of this person's own schools in which exactly that name or Massar code stands. Finding one is a reading."""
    if len(text) > 200 or not text.strip():
        return ()
    scope = scope_of(ctx, actor).in_school()
    found: list[CaseLine] = []
    for unit in schools_of(ctx, actor):
        mark = ctx.vault.mark(unit.id, mark_text(text))
        with ctx.realm.writing() as session:
            rows = index_repository.by_mark(session, scope, unit.id, mark, today=today_for(ctx))
            for row in rows:
                access_log.note(session, case_id=row.case_id, account=actor.id, at=ctx.now(), what="search")
            found += case_lines(ctx, session, actor, rows)
    return tuple(found)


# ---- the week ahead: what falls due, day by day; on which days there is no school ----------------------------------

DAYS = 7
CASES = 60


def see_week(ctx: AppContext, actor: Actor, *, after: str | None = None) -> WeekView:
    """What falls due within seven days in the cases that this person sees: dangers, late things, then by day."""
    now, today = ctx.now(), today_for(ctx)
    days = [today + timedelta(days=count) for count in range(DAYS)]
    end = datetime.combine(days[-1] + timedelta(days=1), time(0), ZONE).astimezone(UTC)
    scope = scope_of(ctx, actor)
    with ctx.realm.reading() as session:
        page = index_repository.page(
            session,
            scope,
            today=today,
            limit=CASES,
            filter=index_repository.Filter(due_before=end),
            after=index_repository.Cursor.parse(after) if after else None,
            urgent_first=False,
        )
        rows = {row.case_id: row for row in page.rows}
        found = index_repository.dues_of(session, tuple(rows), before=end)
        sees_none = not rows and sees_no_case(session, scope, today)
        raised = () if after or scope.is_metadata else _raised(session, scope, today)
        known_of = known_of_only(session, scope, [*page.rows, *raised], today)
        raised = tuple(row for row in raised if row.case_id not in known_of)
    units = units_of(ctx, [row.unit for row in (*page.rows, *raised)])
    dues = [
        _line(ctx, rows[case_id], due, planned, units, now)
        for case_id, due, planned in found
        if case_id not in known_of or (not planned and _is_own(ctx, rows[case_id], due, actor))
    ]
    late, coming = ([due for due in dues if (due.tone == "late") is is_late] for is_late in (True, False))
    return WeekView(
        dangers=tuple(_danger(case_line(ctx, actor, row, units[row.unit])) for row in raised),
        late=tuple(late),
        days=_days(ctx, actor, days, coming),
        after=str(page.after) if page.after else None,
        units=schools_of(ctx, actor),
        many_schools=len(units) > 1,
        can_report=permissions.may(ctx, actor, Permission.report),
        receipts_only=sees_none,
    )


def _danger(line: CaseLine) -> WeekDue:
    return WeekDue(
        number=line.number,
        word=line.word,
        title=line.next or line.state.title,
        due_at=line.due_at if line.is_due else None,
        tone=line.tone,
        unit=line.unit,
        by_day=line.by_day,
    )


def _is_own(ctx: AppContext, row: index_repository.IndexRow, due: index_repository.Due, actor: Actor) -> bool:
    protocol = ctx.library.protocol(row.protocol, row.version)
    return is_written_for(protocol, protocol.deadlines[due.key], actor)


def _raised(session: Session, scope: Scope, today: date) -> tuple[index_repository.IndexRow, ...]:
    return index_repository.page(
        session, scope, today=today, limit=CASES, filter=index_repository.Filter(urgent=True)
    ).rows


def _line(
    ctx: AppContext,
    row: index_repository.IndexRow,
    due: index_repository.Due,
    planned: bool,
    units: Mapping[str, Unit],
    now: datetime,
) -> WeekDue:
    protocol = ctx.library.protocol(row.protocol, row.version)
    named = protocol.acts[due.key] if planned else protocol.deadlines[due.key]
    return WeekDue(
        number=row.number,
        word=said(row.word),
        title=named.title,
        due_at=due.due_at,
        tone=tone_of(due.due_at, now),
        unit=units[row.unit],
        by_day=planned,
    )


def _days(ctx: AppContext, actor: Actor, days: Iterable[date], dues: Iterable[WeekDue]) -> tuple[WeekDay, ...]:
    by_day: dict[date, list[WeekDue]] = {}
    for due in dues:
        if due.due_at is not None:
            by_day.setdefault(due.due_at.astimezone(ZONE).date(), []).append(due)
    calendars = _calendars(ctx, actor)
    found = []
    for day in days:
        closed = bool(calendars) and all(day in calendar.closed for calendar in calendars)
        holiday = contacts.named(day.year, actor.language).get(day, "") if closed else ""
        found.append(WeekDay(day, tuple(by_day.get(day, ())), closed, holiday))
    return tuple(found)


def _calendars(ctx: AppContext, actor: Actor) -> list[Calendar]:
    """The school time of every place in which this person has a role, where one is known."""
    found: dict[Calendar, None] = {}
    with ctx.directory.reading() as session:
        for unit in auth_repository.find_units(session, {held.unit for held in actor.appointments}).values():
            try:
                found[people_repository.calendar_for(session, unit)] = None
            except Unseen:
                continue
    return list(found)
