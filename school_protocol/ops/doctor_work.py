"""Every check of the doctor in its order; how the installation stands; whether its background work is done.

A check that can't be made is a finding too, and stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from school_protocol.cases.opening_gate import is_live
from school_protocol.context import STORES, AppContext
from school_protocol.mail import MailMisconfigured
from school_protocol.notifications.digests import Shelf, ways_of
from school_protocol.notifications.service import see_waiting
from school_protocol.ops import doctor
from school_protocol.ops.doctor import Asked, BeforeCheck, Check, Finding, long, note, ok, wrong
from school_protocol.ops.journal_checks import NO_ANCHOR, JournalStanding, see_standing
from school_protocol.statistics.counts import uncounted as not_counted
from school_protocol.storage import chain_checks, sql, work_queue
from school_protocol.storage.copy_database import is_away
from school_protocol.storage.engines import Store
from school_protocol.storage.migrate import Part, standing_of
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.storage.work_queue import Done, is_led

# ---- how the installation stands, for whoever watches it -----------------------------------------------------------
# It tells of no case.


@dataclass(frozen=True, slots=True)
class Standing:
    """`overdue`: for how long the oldest work of the worker waits; `checked`: how long ago the journal was checked.

    None: nothing waits; it never was. `anchored`: the same of the latest anchor.
    """

    overdue: timedelta | None
    waiting: int
    checked: timedelta | None
    faults: int
    anchored: timedelta | None


def lacks(ctx: AppContext) -> tuple[str, ...]:
    """Which stores can't be served now: no answer, moved away, or tables of a version before."""
    stores: dict[Part, Store] = {"realm": ctx.realm, "directory": ctx.directory}
    return tuple(f"{part}: {why}" for part in STORES if (why := _why_not(stores[part], part)))


def _why_not(store: Store, part: Part) -> str:
    """Tables of a later version came while this process ran: as a migration only adds, it goes on until it is ended."""
    try:
        with store.reading() as session:
            if is_away(session.connection()):
                return "moved to another database"
        return "" if standing_of(store, part) in ("current", "newer") else "tables of another version"
    except StorageBusy:
        return "no answer"


def standing(ctx: AppContext) -> Standing:
    """What waits, and how long ago what comes by itself was done."""
    now = ctx.now()
    with ctx.realm.reading() as session:
        waiting, oldest = work_queue.waiting_messages(session, now)
        check, anchor = chain_checks.latest_check(session), chain_checks.latest_anchor(session)
    return Standing(
        now - oldest if oldest else None, waiting, now - check.finished_at if check else None,
        check.faults if check else 0, now - anchor[1] if anchor else None,
    )  # fmt: skip


# ---- whether background work is done: messages, the worker, the journal's check, anchors, backups ------------------

LATE, STANDS_STILL = timedelta(minutes=5), timedelta(minutes=30)
UNCHECKED, LONG_UNCHECKED = timedelta(hours=36), timedelta(days=4)
OLD, TOO_OLD = timedelta(hours=26), timedelta(days=7)
"""Ages of the latest backup: one is made each day."""
UNTRIED, LONG_UNTRIED = timedelta(days=8), timedelta(days=35)
"""Of the latest exercise: one is made each week."""
COPIED, LONG_NOT_COPIED = timedelta(days=8), timedelta(days=21)
"""Of the latest whole copy of PostgreSQL: one is made each week."""
TRIED_BACK, LONG_NOT_BACK = timedelta(days=35), timedelta(days=70)
"""Of the latest moment that was come back to as an exercise: each month."""
LEADER = "worker"
_START = "start `serve` without --no-worker, or `school-protocol worker`, and read its log"


def post(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """How messages leave the installation, and what waits."""
    waiting = see_waiting(ctx)
    try:
        ways = ways_of(ctx)
    except MailMisconfigured as error:
        yield wrong(f"post: {error}", "put the setting right: no message leaves")
    else:
        for name, way, count, setting in (
            ("mail", ways.mail, waiting.mail, "SCHOOL_PROTOCOL_SMTP"),
            ("short messages", ways.sms, waiting.sms, "SCHOOL_PROTOCOL_SMS_HOOK"),
        ):
            if way is None:
                yield note(f"{name}: no way out: set {setting}; {count} waiting", f"set {setting}")
            else:
                leads = "is shown on the demo's page" if isinstance(way, Shelf) else "goes out"
                yield ok(f"{name}: {leads}; {count} waiting")
    if waiting.unwanted:
        yield ok(f"besides, {waiting.unwanted} wait for people who chose to get only what is urgent")
    if waiting.without_address:
        yield note(
            f"{waiting.without_address} active accounts have no mail address: see users address",
            "give each an address with `users address`, or by a list: nobody else tells them of a danger",
        )


def queue(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Whether the worker works: what is due and not done, who leads, when it last went through its minute."""
    found, led = standing(ctx), is_led(ctx.realm, LEADER)
    minute = work_queue.last_done(ctx.settings.data, work_queue.MINUTE)
    overdue = found.overdue or timedelta()
    if overdue > LATE:
        level = wrong if overdue > STANDS_STILL else note
        yield level(f"work: {found.waiting} due, the oldest for {long(overdue)}", _START)
    else:
        yield ok(f"work: {found.waiting} due, none for long")
    if led is not None:
        ever = minute is not None or found.checked is not None
        none = (wrong if ever else note)("worker: none leads: nothing is done by itself", _START)
        yield ok("worker: one leads") if led else none
    if minute is None:
        yield note("worker: it never went through a minute here", _START)
    elif ctx.now() - minute.at > LATE and not led:
        yield wrong(f"worker: its last minute was {long(ctx.now() - minute.at)} ago", _START)
    else:
        yield ok("worker: goes through each minute")


def uncounted(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Cases from before figures were kept."""
    count = not_counted(ctx)
    if count:
        yield note(
            f"{count} cases are not counted in the figures yet: run `school-protocol figures rebuild`", "at night, once"
        )


def journal(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """The latest check of every chain, and the latest anchor."""
    found = see_standing(ctx)
    yield from _checked(found, ctx.now())
    yield from _anchored(found)
    yield ok(f"accesses not yet closed: {found.open_accesses}")


def _checked(found: JournalStanding, now: datetime) -> Iterator[Finding]:
    if found.latest is None:
        yield note("journal: never checked; the worker does it each night", "`school-protocol journal verify --keep`")
        return
    age = now - found.latest.finished_at
    if found.latest.first_fault == NO_ANCHOR:
        yield wrong(
            f"journal: holds, {found.latest.finished_at}, but no anchor could be written that night",
            "see that the folder of the anchors is there and may be written to, then `school-protocol journal anchor`",
        )
    elif found.passed is None or found.passed.id != found.latest.id:
        passed = f"last passed {found.passed.finished_at}" if found.passed else "never passed"
        yield wrong(
            f"journal: DOES NOT HOLD ({found.latest.faults} faults); {passed}. See journal verify",
            "change nothing, make a backup, `school-protocol journal verify`; then docs/security.md",
        )
    else:
        yield ok(f"journal: last checked and passed {found.latest.finished_at}, {found.latest.events} events")
    if age > UNCHECKED:
        yield (wrong if age > LONG_UNCHECKED else note)(f"journal: not checked for {long(age)}", _START)


def _anchored(found: JournalStanding) -> Iterator[Finding]:
    if found.anchor is None:
        yield note("anchors: none taken yet; the worker takes one each day", "`school-protocol journal anchor`")
    else:
        yield ok(f"anchors: {found.anchor[0]}, the latest of {found.anchor[1]}, in {found.folder}")
    if found.is_late or (found.latest is not None and found.latest.first_fault == NO_ANCHOR):
        yield wrong(
            f"anchors: NONE IS WRITTEN in {found.folder}: the worker stands still, or may not write there",
            "`school-protocol journal anchor` takes one, or says why not",
        )
    if found.lacking > 1:
        yield wrong(f"anchors: the second place lacks {found.lacking} of them", "`school-protocol journal anchor`")
    if found.is_beside:
        yield note("anchors lie on the volume of the data", "set SCHOOL_PROTOCOL_ANCHORS to another one")


def backups(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """When a backup was last made, and one last restored as an exercise."""
    data = ctx.settings.data
    if ctx.settings.database:
        yield from _log_kept(ctx)
        yield from _aged("whole copy of PostgreSQL", work_queue.last_done(data, work_queue.COPY), ctx.now(), COPIED,
                         LONG_NOT_COPIED, _COPY, never=wrong if is_live(ctx) else note)  # fmt: skip
        yield from _aged("exercise of a restore", work_queue.last_done(data, work_queue.DRILL), ctx.now(), TRIED_BACK,
                         LONG_NOT_BACK, _RETURN)  # fmt: skip
        return
    yield from _aged("backup", work_queue.last_done(data, work_queue.BACKUP), ctx.now(), OLD, TOO_OLD,
                     "`school-protocol backup create` each day, to another machine")  # fmt: skip
    drilled = work_queue.last_done(data, work_queue.DRILL)
    yield from _aged("exercise of a restore", drilled, ctx.now(), UNTRIED, LONG_UNTRIED,
                     "`school-protocol backup drill` each week")  # fmt: skip


_COPY = (
    'each week `school-protocol database copied "$(sh base-backup.sh FOLDER)"`: without a copy the log leads to no '
    "moment; docs/operations.md, “A moment of PostgreSQL”"
)
_RETURN = "each month restore a copy to another server, then `school-protocol database drill ADDRESS`"


def _log_kept(ctx: AppContext) -> Iterator[Finding]:
    found = sql.log_kept(ctx.realm)
    if not found.is_on:
        yield (wrong if is_live(ctx) else note)(
            "backups: PostgreSQL does not keep its log: no moment can be come back to, only a dump, if there is one",
            "deploy/postgresql, and docs/operations.md, “A moment of PostgreSQL”",
        )
    elif found.failed_at is not None and (found.kept_at is None or found.failed_at > found.kept_at):
        since = "ever" if found.kept_at is None else f"for {long(ctx.now() - found.kept_at)}"
        yield wrong(
            f"backups: PostgreSQL's log could not be kept {since}; until it is, it fills the disk of the database",
            "look at the log of PostgreSQL, and whether WAL_KEPT is there, has room and may be written",
        )
    elif found.kept_at is None:
        yield note("backups: nothing of PostgreSQL's log was kept so far", "wait as long as archive_timeout says")
    else:
        yield ok(f"backups: PostgreSQL's log is kept, the latest of it {long(ctx.now() - found.kept_at)} ago")


def _aged(
    what: str,
    done: Done | None,
    now: datetime,
    old: timedelta,
    too_old: timedelta,
    do: str,
    never: Callable[[str, str], Finding] = note,
) -> Iterator[Finding]:
    if done is None:
        yield never(f"{what}: none was ever made from here", do)
        return
    age = now - done.at
    if not done.held:
        yield wrong(f"{what}: the latest, {long(age)} ago, did not hold", "run it again, and read what it says")
    elif age > old:
        yield (wrong if age > too_old else note)(f"{what}: the latest is {long(age)} old", do)
    else:
        yield ok(f"{what}: {long(age)} ago")


BEFORE: tuple[BeforeCheck, ...] = (
    doctor.space,
    doctor.schema,
    doctor.permissions,
    doctor.zone,
    doctor.papers,
    doctor.tls,
    doctor.doors,
    doctor.together,
    doctor.told_of_holes,
    doctor.mail_server,
)
"""Asked of settings and machine alone, before anything is opened."""
CHECKS: tuple[Check, ...] = (
    doctor.place,
    doctor.wall,
    doctor.marks,
    doctor.recovery,
    doctor.files,
    doctor.left_over,
    doctor.definitions,
    doctor.calendars,
    doctor.oversight,
    doctor.unread,
    doctor.go_live,
    doctor.kernel,
    doctor.certificates,
    doctor.clocks,
    post,
    queue,
    uncounted,
    journal,
    backups,
)
"""Asked of the installation once it is open."""

Told = tuple[str, Finding]
"""The name of a check, and what it found."""


def before(asked: Asked) -> tuple[Told, ...]:
    """What can be found before the installation is opened; where its tables are of another version, nothing else is."""
    return tuple(told for check in BEFORE for told in _made(check, partial(check, asked)))


def examine(ctx: AppContext, asked: Asked) -> tuple[Told, ...]:
    """What the open installation shows."""
    return tuple(told for check in CHECKS for told in _made(check, partial(check, ctx, asked)))


def _made(check: Callable[..., object], make: Callable[[], Iterable[Finding]]) -> list[Told]:
    name = getattr(check, "__name__", "check")
    try:
        return [(name, found) for found in make()]
    except Exception as error:  # the sentence of an error may quote what is kept: its kind alone is told
        what = f"{name}: could not be looked at ({type(error).__name__})"
        return [(name, wrong(what, "see the log, and whether the stores answer"))]
