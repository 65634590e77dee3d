"""Whether what has to be done by itself is done: messages, the worker, the journal's check, anchors, backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from school_protocol.post import PostMisconfigured
from school_protocol.services.digests.shown import Shelf, ways_of
from school_protocol.services.doctor.findings import Asked, Finding, long, note, ok, wrong
from school_protocol.services.figures.counting import uncounted as not_counted
from school_protocol.services.going_live.gate import is_live
from school_protocol.services.house import House
from school_protocol.services.journal.looking import NO_ANCHOR, Standing, see_standing
from school_protocol.services.notices import see_waiting
from school_protocol.services.standing import standing
from school_protocol.storage import last_done, times
from school_protocol.storage.last_done import Done
from school_protocol.storage.turns import is_led

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


def post(house: House, _asked: Asked) -> Iterator[Finding]:
    """How messages leave the house, and what waits."""
    waiting = see_waiting(house)
    try:
        ways = ways_of(house)
    except PostMisconfigured as error:
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


def queue(house: House, _asked: Asked) -> Iterator[Finding]:
    """Whether the worker works: what is due and not done, who leads, when it last went through its minute."""
    found, led = standing(house), is_led(house.realm, LEADER)
    minute = last_done.last(house.settings.data, last_done.MINUTE)
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
    elif house.now() - minute.at > LATE and not led:
        yield wrong(f"worker: its last minute was {long(house.now() - minute.at)} ago", _START)
    else:
        yield ok("worker: goes through each minute")


def uncounted(house: House, _asked: Asked) -> Iterator[Finding]:
    """Cases from before figures were kept."""
    count = not_counted(house)
    if count:
        yield note(
            f"{count} cases are not counted in the figures yet: run `school-protocol figures rebuild`", "at night, once"
        )


def journal(house: House, _asked: Asked) -> Iterator[Finding]:
    """The latest check of every chain, and the latest anchor."""
    found = see_standing(house)
    yield from _checked(found, house.now())
    yield from _anchored(found)
    yield ok(f"accesses not yet closed: {found.open_accesses}")


def _checked(found: Standing, now: datetime) -> Iterator[Finding]:
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


def _anchored(found: Standing) -> Iterator[Finding]:
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


def backups(house: House, _asked: Asked) -> Iterator[Finding]:
    """When a backup was last made, and one last restored as an exercise."""
    data = house.settings.data
    if house.settings.database:
        yield from _log_kept(house)
        yield from _aged("whole copy of PostgreSQL", last_done.last(data, last_done.COPY), house.now(), COPIED,
                         LONG_NOT_COPIED, _COPY, never=wrong if is_live(house) else note)  # fmt: skip
        yield from _aged("exercise of a restore", last_done.last(data, last_done.DRILL), house.now(), TRIED_BACK,
                         LONG_NOT_BACK, _RETURN)  # fmt: skip
        return
    yield from _aged("backup", last_done.last(data, last_done.BACKUP), house.now(), OLD, TOO_OLD,
                     "`school-protocol backup create` each day, to another machine")  # fmt: skip
    yield from _aged("exercise of a restore", last_done.last(data, last_done.DRILL), house.now(), UNTRIED, LONG_UNTRIED,
                     "`school-protocol backup drill` each week")  # fmt: skip


_COPY = (
    'each week `school-protocol database copied "$(sh base-backup.sh FOLDER)"`: without a copy the log leads to no '
    "moment; docs/operations.md, “A moment of PostgreSQL”"
)
_RETURN = "each month restore a copy to another server, then `school-protocol database drill ADDRESS`"


def _log_kept(house: House) -> Iterator[Finding]:
    found = times.log_kept(house.realm)
    if not found.is_on:
        yield (wrong if is_live(house) else note)(
            "backups: PostgreSQL does not keep its log: no moment can be come back to, only a dump, if there is one",
            "deploy/postgresql, and docs/operations.md, “A moment of PostgreSQL”",
        )
    elif found.failed_at is not None and (found.kept_at is None or found.failed_at > found.kept_at):
        since = "ever" if found.kept_at is None else f"for {long(house.now() - found.kept_at)}"
        yield wrong(
            f"backups: PostgreSQL's log could not be kept {since}; until it is, it fills the disk of the database",
            "look at the log of PostgreSQL, and whether WAL_KEPT is there, has room and may be written",
        )
    elif found.kept_at is None:
        yield note("backups: nothing of PostgreSQL's log was kept so far", "wait as long as archive_timeout says")
    else:
        yield ok(f"backups: PostgreSQL's log is kept, the latest of it {long(house.now() - found.kept_at)} ago")


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
