"""Service of retention: where a case stands on the way to erasure, notices, hourly work, the sweep of old data."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from school_protocol.auth import sign_in_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import Loaded, folded, is_listed_erased, stood_at, surroundings
from school_protocol.cases.view_models import StoredDebriefLine
from school_protocol.context import AppContext, take_away, today_for
from school_protocol.engine.case import Case
from school_protocol.engine.deadlines import read
from school_protocol.engine.definition import Protocol, ScopeKind
from school_protocol.engine.definition_parts import LEAST_RUNS, Yearly
from school_protocol.engine.facts import Facts, Surroundings
from school_protocol.language import ZONE
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications.models import NoticeRow
from school_protocol.notifications.repository import State
from school_protocol.privacy import repository
from school_protocol.privacy.repository import NEVER, LimitCursor, Standing, places_of_case
from school_protocol.privacy.rules import (
    FIRST_NOTICE,
    Given,
    Limit,
    Step,
    barred_until,
    earliest,
    is_suspended,
    is_unanswered,
    limit_of,
    next_step,
)
from school_protocol.reports.escalation import erase_over
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics import yearly_rules
from school_protocol.statistics.counts import keep_count
from school_protocol.statistics.rules import stands_apart
from school_protocol.statistics.yearly_rules import Period, Tally
from school_protocol.storage import backups, case_keys, idempotency, work_queue
from school_protocol.storage.backups import Erased
from school_protocol.storage.engines import Session

BATCH = 200

_log = logging.getLogger(__name__)


class LimitTally(NamedTuple):
    """How many cases were looked at, and how many of them could not be."""

    looked: int
    failed: int


class Looked(NamedTuple):
    """A case as it is now: how long it may be kept, and where it stands on the way."""

    protocol: Protocol
    case: Case
    facts: Facts
    limit: Limit
    standing: Standing


def look_at(ctx: AppContext, session: Session, case_id: str) -> Looked | None:
    """A case that has ended, out of its events and of what was written down; None: nothing runs there."""
    protocol, case = folded(ctx, session, case_id)
    facts = read(protocol, case, ctx.now(), surroundings(ctx, case.unit))
    limit = limit_of(facts)
    if limit is None:
        return None
    before = repository.standing(session, case_id)
    return Looked(protocol, case, facts, limit, _standing(ctx, case_id, facts, limit, before))


def _standing(ctx: AppContext, case_id: str, facts: Facts, limit: Limit, before: Standing | None) -> Standing:
    """What was told counts on, as long as nothing happened since, and no clock that was wrong said it."""
    today = today_for(ctx)
    fresh = Standing(case_id=case_id, seq=facts.case.last_seq, cycle=limit.cycle, due_on=limit.due_on)
    if before is not None and before.cycle == limit.cycle:
        fresh = replace(_without_the_future(before, ctx.now(), today), seq=fresh.seq, due_on=fresh.due_on)
    zone = ZoneInfo(facts.around.calendar.timezone)
    return replace(
        fresh,
        erase_on=earliest(limit, fresh.first, fresh.second, today) or NEVER,
        barred_until=limit.barred_until,
        suspended=is_suspended(facts.case, zone, ctx.now()),
        asked=limit.asked,
    )


def _without_the_future(found: Standing, now: datetime, today: date) -> Standing:
    """What was asked or given at a time that lies ahead was so by a clock that was wrong: it counts as not done."""
    if _is_ahead(found.first_asked_at, found.first, now, today):
        return Standing(case_id=found.case_id, seq=found.seq, cycle=found.cycle, due_on=found.due_on)
    if _is_ahead(found.second_asked_at, found.second, now, today):
        found = replace(found, second_asked_at=None, second=None, second_by_page=False)
        return replace(found, waits=None, agreed_at=None, agreed_by=None)
    if found.waits is not None and found.waits.on > today:
        return replace(found, waits=None, agreed_at=None, agreed_by=None)
    return found


def is_ahead(found: Standing, now: datetime, today: date) -> bool:
    """Whether something was asked or given at a time that lies ahead."""
    return _is_ahead(found.first_asked_at, found.first, now, today) or _is_ahead(
        found.second_asked_at, found.second or found.waits, now, today
    )


def _is_ahead(asked_at: datetime | None, given: Given | None, now: datetime, today: date) -> bool:
    return (asked_at is not None and asked_at > now) or (given is not None and given.on > today)


def limit_line_of(ctx: AppContext, session: Session, loaded: Loaded) -> StoredDebriefLine | None:
    """How long a case is kept that is open before somebody; None while it has not ended."""
    limit = limit_of(loaded.facts)
    if limit is None:
        return None
    found = _standing(ctx, loaded.case_id, loaded.facts, limit, repository.standing(session, loaded.case_id))
    sentence = limit.rule.sentence if limit.rule else None
    return StoredDebriefLine(sentence, found.erase_on if found.erase_on != NEVER else None, found.suspended)


def look(ctx: AppContext) -> LimitTally:
    """Write down where the cases stand that have moved since they were looked at; one that fails holds up no other."""
    done, failed, after = 0, 0, ""
    while True:
        with ctx.realm.reading() as session:
            ids = repository.to_look_at(session, after=after, limit=BATCH)
        for case_id in ids:
            try:
                with ctx.realm.writing() as session:
                    write_limit(ctx, session, case_id)
            except Exception as error:
                say_failed(error)
                failed += 1
        done += len(ids)
        if len(ids) < BATCH:
            return LimitTally(done, failed)
        after = ids[-1]


def say_failed(error: Exception) -> None:
    """Log by its kind alone that a case could not be looked at: a message may hold what is sealed."""
    _log.error("the time limit of a case could not be looked at: %s", type(error).__name__)
    _log.debug("how it failed", exc_info=error)


@contextmanager
def at_the_end(ctx: AppContext, session: Session, case_id: str) -> Iterator[None]:
    """Around a decision on a case that has ended, or ends: how long it is kept is written down at once.

    Where that fails, the decision stands all the same: the run of the hour makes up.
    """
    repository.lock_limits(session, case_id)
    yield
    try:
        with session.begin_nested():
            write_limit(ctx, session, case_id)
    except Exception as error:
        say_failed(error)


def write_limit(ctx: AppContext, session: Session, case_id: str) -> Looked | None:
    """Write down where the case stands, in a transaction that runs."""
    repository.lock_limits(session, case_id)
    if cases_repository.is_destroyed(session, case_id):
        repository.forget_limit(session, case_id)
        return None
    found = look_at(ctx, session, case_id)
    if found is None:
        repository.forget_limit(session, case_id)
        return None
    repository.bar(session, case_id, found.limit.barred_until)
    repository.keep_limit(session, found.standing)
    return found


def bar_of(ctx: AppContext, session: Session, case_id: str) -> datetime | None:
    """Until when nobody erases the case, ended or not."""
    _protocol, case = folded(ctx, session, case_id)
    return barred_until(case, ZoneInfo(surroundings(ctx, case.unit).calendar.timezone))


def today_of(ctx: AppContext, session: Session) -> Given:
    """Today, with the number of days of work that it is."""
    return repository.today(session, today_for(ctx))


# ---- notices before a case is erased: to its head and the data officer, without content ----------------------------
# A notice counts from the day on which all its messages have left, or found no way. After a week without, it stands
# on the page of time limits alone: a human who reads it there may go on, no clock.

PATIENCE = timedelta(days=7)
_LETTER = {Step.first_notice: "f", Step.second_notice: "s", Step.confirm: "c"}


def receivers(protocol: Protocol, step: Step) -> tuple[str, ...]:
    """The roles that are told: who heads a school, and who keeps the data; a list to confirm is for the latter."""
    keeping = tuple(key for key, role in protocol.roles.items() if role.sees is ScopeKind.metadata)
    if step is Step.confirm:
        return keeping
    return (*(key for key, role in protocol.roles.items() if role.head), *keeping)


def ask_notice(session: Session, protocol: Protocol, found: Standing, step: Step, asked_at: datetime) -> None:
    """Ask for the messages of one step, in the transaction that writes down that they were asked for.

    `asked_at` is what is written down with it: by its day they are found again, though midnight lie between.
    """
    for place, to in enumerate(receivers(protocol, step)):
        work_queue.put_once(
            session,
            f"{_LETTER[step]}{place}{_mark(found.case_id, asked_at)}",
            "notify",
            {"case": found.case_id, "to": to, "move": step.value, "urgent": False},
            at=asked_at,
        )


def _mark(case_id: str, asked_at: datetime) -> str:
    """How the name of a message ends: of which case it is, and on which day it was asked for."""
    return _ending(case_id, asked_at.astimezone(ZONE).date())


def _ending(case_id: str, day: date) -> str:
    return f"-{case_id}-{day:%y%m%d}"


def given(ctx: AppContext, session: Session, found: Standing, today: Given) -> Standing:
    """The same, with the notices that were given by now."""
    if found.first is None and found.first_asked_at is not None:
        by_page = _by_page(ctx, session, found, Step.first_notice)
        if by_page is not None:
            return replace(found, first=today, first_by_page=by_page)
    elif found.second is None and found.second_asked_at is not None:
        by_page = _by_page(ctx, session, found, Step.second_notice)
        if by_page is not None:
            return replace(found, second=today, second_by_page=by_page)
    return found


def _by_page(ctx: AppContext, session: Session, found: Standing, step: Step) -> bool | None:
    """False: messages reached whom they could. True: for some or all it stands on the page alone. None: too early.

    Who chose to get none, or whose mail does not leave, is waited for a week.
    """
    asked_at = found.first_asked_at if step is Step.first_notice else found.second_asked_at
    assert asked_at is not None
    states = [one.state for one in _told(session, found.case_id, step, asked_at)]
    if State.delivered in states and State.waiting not in states:
        return False
    if states and (State.waiting not in states or ctx.now() - asked_at >= PATIENCE):
        return State.waiting in states or State.delivered not in states
    return None


def is_word_asked_for(session: Session, found: Standing) -> bool:
    """Whether the message that asks for a confirmation has reached somebody: else silence says nothing."""
    if found.waits is None:
        return False
    days = (found.waits.on, found.waits.on + timedelta(days=1))  # a run may go on past midnight
    ends = tuple(_ending(found.case_id, day) for day in days)
    return any(
        one.state == State.delivered
        for one in notifications_repository.notices_of_case(session, found.case_id)
        if one.cause.startswith(f"move:{_LETTER[Step.confirm]}") and one.cause.endswith(ends)
    )


def _told(session: Session, case_id: str, step: Step, asked_at: datetime) -> Iterator[NoticeRow]:
    """What became of the messages that were asked for then."""
    beginning, end = f"move:{_LETTER[step]}", _mark(case_id, asked_at)
    for one in notifications_repository.notices_of_case(session, case_id):
        if one.cause.startswith(beginning) and one.cause.endswith(end):
            yield one


# ---- what an erased case leaves in yearly reports, in the transaction that erases it -------------------------------
# They tell how cases stood at the end of a term, `statistics.counts` how they stand now: neither can be had from the
# other.

Key = tuple[str, str, str, int, date]


def leave(ctx: AppContext, session: Session, looked: Looked) -> None:
    """Add what this case adds to the yearly reports of its school: nothing where it stands apart."""
    if stands_apart(looked.case):
        return
    for key, share in _shares(ctx, looked):
        former = statistics_repository.erased_sum(session, key)
        statistics_repository.put_erased_sum(session, key, yearly_rules.added(former, share))


def _shares(ctx: AppContext, looked: Looked) -> Iterator[tuple[Key, yearly_rules.Share]]:
    case, unit = looked.case, looked.facts.around.unit.id
    first_at = case.events[0].at
    for protocol in ctx.library.current():
        if protocol.protocol != case.protocol:
            continue
        for document in protocol.documents.values():
            if document.yearly is not None:
                for period in _periods(document.yearly, looked.facts.around, first_at):
                    tally = Tally(protocol, document)
                    tally.take(stood_at(ctx, case, period.ends, looked.facts.around), case)
                    key = (unit, case.protocol, document.key, period.year, period.last_day)
                    yield key, yearly_rules.as_share(tally.counts)


def _periods(rules: Yearly, around: Surroundings, first_at: datetime) -> Iterator[Period]:
    """All that reports of the case's year speak of, and in which it stands."""
    timezone = around.calendar.timezone
    for period in yearly_rules.periods(rules, yearly_rules.year_at(rules, timezone, first_at), timezone):
        if period.starts <= first_at < period.ends:
            yield period


# ---- the sweep: reports without a case, drafts, used tokens, attempts, ended sessions ------------------------------
# Age is counted from a day of work some days ago, so that a clock that leaps ahead takes nothing away.

ANSWERED_REPORTS = timedelta(days=183)
UNTRIAGED_REPORTS = timedelta(days=366)
DRAFTS = timedelta(days=90)
TOKENS = timedelta(days=30)
ATTEMPTS = timedelta(days=2)
UNUSED_KEYS = timedelta(days=2)


def sweep(ctx: AppContext) -> dict[str, int]:
    """Delete what is stale; returns how many of each kind that counts for somebody."""
    with ctx.realm.reading() as session:
        since = work_queue.settled_since(session, LEAST_RUNS)
    if since is None:
        return {}
    base = min(since, ctx.now())
    with ctx.realm.writing() as session:
        reports = repository.stale_reports(session, base - ANSWERED_REPORTS, base - UNTRIAGED_REPORTS)
        repository.drop_reports(session, reports)
        drafts = repository.drop_drafts(session, base - DRAFTS)
        idempotency.drop_tokens(session, base - TOKENS)
        unused = case_keys.drop_unused_keys(session, base - UNUSED_KEYS)
        exports = repository.drop_exports(session, base)
    public = erase_over(ctx, base, left_since=base - UNTRIAGED_REPORTS)
    with ctx.directory.writing() as session:
        sign_in_repository.drop_web_sessions(session, base)
        sign_in_repository.drop_attempts(session, base - ATTEMPTS)
        sign_in_repository.drop_over(session, base)
    if reports or public:
        _log.warning("%d reports without a case were deleted: their time was over", len(reports) + public)
    return {
        "reports": len(reports), "public_reports": public, "drafts": drafts, "unused_keys": unused, "exports": exports,
    }  # fmt: skip


# ---- the hourly work: it notices, asks, erases what was confirmed, and sweeps what is stale ------------------------
# Each case goes on in a transaction of its own, so that the work may be killed anywhere, done twice at once or left
# for a month, and neither hurries nor forgets.

JOB = "retention"
"""Stands for the account where silence was taken for a confirmation."""


@dataclass(slots=True)
class Report:
    """What one run did, or (`dry_run`) would do, in numbers."""

    day: str
    run: int
    dry_run: bool = False
    looked: int = 0
    first_notices: int = 0
    second_notices: int = 0
    to_confirm: int = 0
    erased: int = 0
    kept_though_listed: int = 0
    """Alive, though the list outside the database says that they are erased."""
    swept: dict[str, int] = field(default_factory=dict)
    failed: int = 0

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


_COUNTED = {
    Step.first_notice: "first_notices",
    Step.second_notice: "second_notices",
    Step.confirm: "to_confirm",
    Step.erase: "erased",
}


def run_sweep(ctx: AppContext, *, dry_run: bool = False) -> Report:
    """Everything that is due now. A case that fails is logged by its kind and holds up no other."""
    if dry_run:
        return _look_ahead(ctx)
    with ctx.realm.writing() as session:
        today = repository.begin_day(session, today_for(ctx), ctx.now())
    report = Report(today.on.isoformat(), today.run)
    with ctx.realm.reading() as session:  # the list outside knows every case that was erased, by whatever door
        gone = [Erased(case_id, at) for case_id, at in repository.erased(session)]
    backups.merge(ctx.settings.data, ctx.vault, gone)
    report.kept_though_listed = _kept_though_listed(ctx)
    report.looked, report.failed = look(ctx)
    with ctx.realm.reading() as session:
        ids = [found.case_id for found in _coming(session, today) if _has_work(ctx, found, today)]
    for case_id in ids:
        try:
            step = _go_on(ctx, case_id, today)
        except Exception as error:
            say_failed(error)
            report.failed += 1
            continue
        if step in _COUNTED:
            setattr(report, _COUNTED[step], getattr(report, _COUNTED[step]) + 1)
    report.swept = sweep(ctx)
    return report


def _look_ahead(ctx: AppContext) -> Report:
    """What a run would do with the cases as they were last looked at; nothing is written."""
    with ctx.realm.reading() as session:
        today = today_of(ctx, session)
        counts, failed = Counter[Step](), 0
        for found in _coming(session, today):
            try:
                looked = look_at(ctx, session, found.case_id)
            except Exception as error:
                say_failed(error)
                failed += 1
                continue
            if looked is not None:
                counts[next_of(ctx, session, looked, today)[1]] += 1
        waiting = len(repository.to_look_at(session, limit=BATCH))
    report = Report(today.on.isoformat(), today.run, dry_run=True, looked=waiting, failed=failed)
    for step, name in _COUNTED.items():
        setattr(report, name, counts[step])
    return report


def _has_work(ctx: AppContext, found: Standing, today: Given) -> bool:
    """Whether anything may be due, by what was written down: only then is the case itself opened."""
    now = ctx.now()
    if is_ahead(found, now, today.on) or found.waits is not None:
        return True
    if (found.first_asked_at and not found.first) or (found.second_asked_at and not found.second):
        return True
    limit = Limit(None, now, found.due_on, found.cycle, found.barred_until, found.asked)
    return next_step(limit, found.first, found.second, found.agreed_at is not None, today, now) is not Step.wait


def _coming(session: Session, today: Given) -> Iterator[Standing]:
    """The cases with which there may be something to do."""
    after = None
    while found := repository.coming(session, today.on + FIRST_NOTICE, after=after, limit=BATCH):
        yield from found
        after = LimitCursor(found[-1].erase_on, found[-1].case_id)


def _go_on(ctx: AppContext, case_id: str, today: Given) -> Step:
    """The next step of one case, if its time has come: written down with what it does, or not at all."""
    places: tuple[str, ...] = ()
    with ctx.realm.writing() as session:
        looked = write_limit(ctx, session, case_id)
        if looked is None:
            return Step.wait
        found, step = next_of(ctx, session, looked, today)
        asked_at = ctx.now()
        match step:
            case Step.first_notice:
                ask_notice(session, looked.protocol, found, step, asked_at)
                found = replace(found, first_asked_at=asked_at)
            case Step.second_notice:
                ask_notice(session, looked.protocol, found, step, asked_at)
                found = replace(found, second_asked_at=asked_at)
            case Step.confirm:
                ask_notice(session, looked.protocol, found, step, asked_at)
                found = replace(found, waits=today)
            case Step.erase:
                places = places_of_case(session, case_id)
                _erase(ctx, session, looked, found)
        if step is not Step.erase:
            repository.keep_limit(session, found)
    take_away(ctx, places)
    return step


def next_of(ctx: AppContext, session: Session, looked: Looked, today: Given) -> tuple[Standing, Step]:
    """Where the case stands with what was given by now, and what is to be done: nothing twice."""
    found = given(ctx, session, looked.standing, today)
    if found.agreed_at is None and ctx.settings.erase_unanswered and _may_be_silent(session, found, today):
        found = replace(found, agreed_at=ctx.now(), agreed_by=JOB)
    step = next_step(looked.limit, found.first, found.second, found.agreed_at is not None, today, ctx.now())
    is_asked = {
        Step.first_notice: found.first_asked_at,
        Step.second_notice: found.second_asked_at,
        Step.confirm: found.waits,
    }
    return found, Step.wait if is_asked.get(step) is not None else step


def _may_be_silent(session: Session, found: Standing, today: Given) -> bool:
    """Whether silence may count: both notices left as messages, and so did the asking, long ago."""
    if not is_unanswered(found.waits, today) or found.first_by_page or found.second_by_page:
        return False
    return is_word_asked_for(session, found)


def _erase(ctx: AppContext, session: Session, looked: Looked, found: Standing) -> None:
    """Erase a case: its share in figures stays; it is noted outside the database before the transaction ends."""
    assert found.agreed_by is not None
    now = ctx.now()
    leave(ctx, session, looked)
    keep_count(ctx, session, found.case_id, looked.facts)  # older than figures, it may never have been counted
    backups.note(ctx.settings.data, ctx.vault, found.case_id, now)
    repository.erase_case(session, ctx.vault, found.case_id, at=now, actor=found.agreed_by)
    repository.forget_messages(session, found.case_id, now)


def is_being_erased(ctx: AppContext, session: Session, case_id: str) -> bool:
    """Whether a run was cut off as it erased that case: it is on the list already, and goes with the next run.

    A list that can't be read keeps nobody from suspending an erasure: nothing is erased before it can be read again,
    and the run that reads it names what was suspended though it stood there.
    """
    return is_listed_erased(ctx, session, case_id) and not cases_repository.is_destroyed(session, case_id)


def _kept_though_listed(ctx: AppContext) -> int:
    """How many cases are alive that the list says are erased, and stay so: suspended, or opened again, meanwhile."""
    noted = [one.case_id for one in backups.read_erased(ctx.settings.data, ctx.vault)]
    with ctx.realm.reading() as session:
        found = repository.alive_and_kept(session, noted, ctx.now())
    if found:
        _log.error("listed as erased, and kept all the same (suspended or opened again): %s", ", ".join(found))
    return len(found)
