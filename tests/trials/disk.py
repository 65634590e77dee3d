"""Disk full, store full, locked or away, clock elsewhere: pages in words, nothing lost, and back by itself."""

from __future__ import annotations

import logging
import re
import resource
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import event, text

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import TurnableClock
from school_protocol.context import AppContext
from school_protocol.ops.journal_checks import verify_journal
from trials.frame import Outcome, Size, Trial
from trials.installed import Installed, installed
from trials.walked import Form, _Reader, browser_of, site_of

ROOM = 40_000
"""Bytes that are left before nothing more fits."""
LONG = "mot " * 900 + "fin"
MOST = 60
"""So many notes fill any of these disks."""
IN_WORDS = re.compile(r"<h1[^>]*>[^<]{5,}</h1>")

Trouble = Callable[[AppContext], AbstractContextManager[None]]


@dataclass
class Desk:
    """Somebody who writes notes in a case by its page."""

    found: Installed
    ctx: AppContext
    number: str
    client: FlaskClient
    told: list[str] = field(default_factory=list)
    """Words that were answered as recorded."""
    refused: list[tuple[str, Form]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: int = 0

    def form(self) -> Form:
        """The form of a note, with its one-time token."""
        address = f"/cases/{self.number}/acts/note"
        page = self.client.get(address)
        if page.status_code != 200:
            raise LookupError(f"{address}: {page.status_code}")
        reader = _Reader(address)
        reader.feed(page.text)
        return next(form for form in reader.forms if dict(form.fields).get("token"))

    def send(self, words: str, form: Form) -> int:
        """The status of the answer; told or refused, the words are remembered."""
        self.sent += 1
        page = self.client.post(form.action, data=form.sent(**{"a-text": words}))
        if page.status_code in (302, 303):
            self.told.append(words)
        elif page.status_code in (503, 507) and IN_WORDS.search(page.text):
            self.refused.append((words, form))
        else:
            self.faults.append(f"answered {page.status_code}: {page.text[:200]!r}")
        return page.status_code

    def check(self) -> list[str]:
        """Everything told is there once, everything refused is there once it was sent again, or not at all."""
        with self.ctx.realm.reading() as session:
            case_id = cases_repository.find_by_number(session, self.number)
            assert case_id is not None
            written = repr(cases_repository.load_events(session, self.ctx.vault, case_id))
        found = [
            f"{words[:20]!r} was recorded {written.count(words)} times"
            for words in self.told
            if written.count(words) != 1
        ]
        found += [f"case {one.case_id}: {one.flaw.value}" for one in verify_journal(self.ctx)]
        return self.faults + found


def through(desk: Desk, name: str, trouble: Trouble, numbers: Iterator[int], most: int = MOST) -> list[str]:
    """Write until nothing more is taken; once the trouble is over the refused forms are taken as they are."""
    desk.send(f"avant {next(numbers)}. {LONG}", desk.form())
    forms, is_turned_away = [desk.form() for _ in range(2)], False
    with trouble(desk.ctx):
        for place in range(most):
            try:
                form = forms.pop() if forms else desk.form()
            except LookupError as away:
                if "503" not in str(away) and "507" not in str(away):
                    desk.faults.append(f"{name}: a page is answered {away}")
                is_turned_away = True  # a reading is a write
                break
            if desk.send(f"pendant {next(numbers)}. {LONG}", form) >= 500 and place:
                break
    if not desk.refused and not is_turned_away:
        desk.faults.append(f"{name}: nothing was ever refused")
    waiting, desk.refused = desk.refused, []
    for words, form in waiting:
        if desk.send(words, form) >= 400:
            desk.faults.append(f"{name}: once it was over, a form that had been refused is refused again")
    desk.send(f"après {next(numbers)}. {LONG}", desk.form())
    return [f"{name}: {fault}" for fault in desk.check()]


# ---- troubles --------------------------------------------------------------------------------------------------------


@contextmanager
def no_room(ctx: AppContext) -> Iterator[None]:
    """No file may grow beyond what there is, and a little: as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in ctx.settings.data.glob("*.sqlite*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def store_full(ctx: AppContext) -> Iterator[None]:
    """SQLite itself says that the store is full."""
    with ctx.realm.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 12}")

    event.listen(ctx.realm.engine, "connect", limit)
    ctx.realm.engine.dispose()
    try:
        yield
    finally:
        event.remove(ctx.realm.engine, "connect", limit)
        ctx.realm.engine.dispose()


def away(store: str, *, closed: bool) -> Trouble:
    """The file of a store is elsewhere, as if its volume had gone; connections may still hold it open."""

    @contextmanager
    def gone(ctx: AppContext) -> Iterator[None]:
        opened = getattr(ctx, store)
        if closed:
            opened.engine.dispose()
        names = [ctx.settings.data / f"{store}.sqlite{end}" for end in ("", "-wal", "-shm")]
        moved = [(path, path.with_name(path.name + ".away")) for path in names if path.exists()]
        for path, other in moved:
            path.rename(other)
        try:
            yield
        finally:
            opened.engine.dispose()
            for path, other in moved:
                if other.exists():
                    other.rename(path)

    return gone


@contextmanager
def locked(ctx: AppContext) -> Iterator[None]:
    """Another process holds the store and does not let go."""
    with closing(sqlite3.connect(ctx.settings.data / "realm.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def clock_at(delay: timedelta) -> Trouble:
    """The clock jumps, and comes back."""

    @contextmanager
    def jumped(ctx: AppContext) -> Iterator[None]:
        clock = ctx.clock
        assert isinstance(clock, TurnableClock)
        clock.advance(delay)
        try:
            yield
        finally:
            clock.advance(-delay)

    return jumped


# The short form takes every other one.
TROUBLES: Sequence[tuple[str, Trouble]] = (
    ("disk full", no_room),
    ("store full", store_full),
    ("cases away", away("realm", closed=True)),
    ("directory away", away("directory", closed=True)),
)
LONGER: Sequence[tuple[str, Trouble]] = (("store locked", locked),)


# ---- the trial -------------------------------------------------------------------------------------------------------


def run(size: Size, folder: Path) -> Outcome:
    found, faults, numbers, tried = installed(folder), list[str](), count(1), 0
    with _quiet(), found.entered() as ctx:
        app = site_of(ctx)

        def desk() -> Desk:
            number = found.report(ctx, "récit", f"report {next(numbers)}")
            return Desk(found, ctx, number, browser_of(app, ctx, found.actors["team_member"].id))

        for name, trouble in TROUBLES[::2] if size is Size.short else [*TROUBLES * 7, *LONGER]:
            somebody = desk()
            faults += through(somebody, name, trouble, numbers)
            tried += somebody.sent
        for hours in (-24,) if size is Size.short else (1, -1, 24 * 400, -24 * 400):
            somebody = desk()
            faults += _clock(somebody, timedelta(hours=hours), numbers)
            tried += somebody.sent
        planted, seen = _planted(desk(), numbers)
    return Outcome(tried, "forms sent", tuple(faults), planted, seen)


@contextmanager
def _quiet() -> Iterator[None]:
    """What is logged of troubles that were made on purpose is nobody's business."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _clock(desk: Desk, delay: timedelta, numbers: Iterator[int]) -> list[str]:
    """While the clock is elsewhere a browser may be asked to sign in again; nothing breaks, and nothing is lost."""
    desk.send(f"avant {next(numbers)}.", desk.form())
    form = desk.form()
    with clock_at(delay)(desk.ctx):
        page = desk.client.post(form.action, data=form.sent(**{"a-text": f"ailleurs {next(numbers)}."}))
        if page.status_code >= 500:
            desk.faults.append(f"answered {page.status_code} while the clock was {delay} away")
    site = desk.client.application
    desk.client = browser_of(site, desk.ctx, desk.found.actors["team_member"].id)
    desk.send(f"après {next(numbers)}.", desk.form())
    return [f"clock {delay}: {fault}" for fault in desk.check()]


def _planted(desk: Desk, numbers: Iterator[int]) -> tuple[int, int]:
    """A form answered as taken that was not; a trouble that never comes."""

    @contextmanager
    def none(_ctx: AppContext) -> Iterator[None]:
        yield

    quiet = through(desk, "no trouble", none, numbers, most=2)
    desk.told.append("jamais écrit")
    lost = desk.check()
    return 2, any("nothing was ever refused" in one for one in quiet) + any("recorded 0 times" in one for one in lost)


TRIALS = (Trial("disk", "full, locked, away, clock elsewhere: pages in words, nothing lost, back by itself", 200, run),)
