"""Work done beside the pages: huey rings each minute, and the sweep finds in the database what is due.

The queue holds nothing but the ringing: a task that is lost with its worker is made up for by the next one.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from huey import Huey, crontab
from huey.consumer import Consumer, Scheduler
from huey.serializer import SignedSerializer
from huey.storage import PostgresStorage, SqliteStorage

from school_protocol.auth.own_account import tell_of_accounts
from school_protocol.case_files.bulk import go_on as go_on_bulk
from school_protocol.case_files.prepare_process import Crew, spare_cores
from school_protocol.case_files.prepared import go_through as go_through_papers
from school_protocol.case_files.prepared import make_ahead
from school_protocol.config import QUEUE, Settings
from school_protocol.context import AppContext
from school_protocol.mail import Post
from school_protocol.notifications.digests import ways_of
from school_protocol.notifications.service import sweep
from school_protocol.ops.journal_checks import check_on, keep_on
from school_protocol.people.certificate_reminders import remind
from school_protocol.people.imports import go_on as go_on_lists
from school_protocol.people.invitations import send_invitations
from school_protocol.privacy.evidence import sweep_on
from school_protocol.privacy.retention import run_sweep as keep_limits
from school_protocol.publishing.service import work_out
from school_protocol.reports.escalation import clean, mix_lately, rise
from school_protocol.statistics.releases import go_on as go_on_figures
from school_protocol.storage import work_queue
from school_protocol.storage.work_queue import Lead, turn
from school_protocol.supervision.review import look_again
from school_protocol.training import kit, scenario_library, workshop_end
from school_protocol.training.room_store import SWEPT_AFTER, sweep_left_over

FILE = "jobs.sqlite"
_log = logging.getLogger(__name__)

STALE = timedelta(seconds=55)
"""A ringing that nobody has heard by then is dropped: the next one is about to come."""
RUNG = "rung"
"""Where the queue keeps the last minute that was rung for, by whoever led."""
MADE_UP = timedelta(days=1)
"""How far back minutes are made up for in which nobody rang: what rings once a night is among them."""
AHEAD = timedelta(minutes=2)
"""A minute noted further ahead than clocks differ was noted by a clock that was wrong."""


WORKERS = 15
"""As many as there are tasks that ring by themselves, for any but that of messages may take minutes: with each of them
under way at once, one is left for messages. Most are done by one thread of a process at a time, and a further ring for
one of these goes home at once; messages and drafts may be gone on with by several, each at its own.
"""


class Queue(Huey):  # type: ignore[misc]
    """The queue, and the tasks that look for work between two minutes.

    Several processes may stand at it where it lies in the database: the one that leads rings for each minute, once,
    and for those that passed while nobody led.
    """

    lead: Lead
    now: Any
    drafts: Any
    papers: Any
    bulk: Any
    lists: Any
    figures: Any
    scenarios: Any

    def ring_for(self, moment: datetime) -> None:
        """Ring for each minute up to this one that nobody has rung for; nothing where another process leads.

        What several minutes ask for rings once. Who is killed meanwhile has noted nothing, so that no minute is lost.
        """
        if not self.lead.is_ours():
            return
        minute = moment.replace(second=0, microsecond=0)
        last = self.get(RUNG, peek=True)
        if last is None or last > minute + AHEAD:
            last = minute - timedelta(minutes=1)
        last = max(last, minute - MADE_UP)
        passed = round((minute - last) / timedelta(minutes=1))
        due = {
            task.name: task for back in range(passed) for task in self.read_periodic(minute - timedelta(minutes=back))
        }
        for task in due.values():
            self.enqueue(task)
        if passed > 0:
            self.put(RUNG, minute)

    def ring(self) -> None:
        """Ask to look now: somebody waits for a message, a proof, copies. Never fails whoever asks."""
        try:
            self.now()
            self.drafts()
            self.bulk()
            self.lists()
            self.figures()
            self.scenarios()
        except Exception:
            _log.warning("the worker could not be rung; it comes by itself within the minute", exc_info=True)


class Ringer(Scheduler):  # type: ignore[misc]
    """Huey's own rings for the minute in which it wakes, and knows of no other process."""

    periodic_task_seconds = 5
    """How often it looks: so soon another leads when one is gone."""

    def enqueue_periodic_tasks(self, now: datetime | None) -> None:
        """Never raises: where the database is away, the next minute makes up for this one."""
        try:
            self.huey.ring_for(now or self.huey._get_timestamp())
        except Exception:
            _log.warning("nobody was rung; the next minute makes up for it", exc_info=True)

    def shutdown(self) -> None:
        """Whoever stops leaves the lead at once: what it brings to its end may take an hour."""
        self.huey.lead.close()


class RingingConsumer(Consumer):  # type: ignore[misc]
    """A consumer that rings as this installation does."""

    scheduler_class = Ringer


def queue_of(ctx: AppContext, post: Post | None = None) -> Queue:
    """The queue of this installation with its tasks; raises MailMisconfigured.

    One sweeps messages; one works out drafts of protocols; one makes case files ahead; one makes copies of many cases;
    one reads and applies long lists of people; one works out figures; one checks scenarios and makes their kits: each
    minute, and the last five ring for themselves while something is left.
    Two keep the journal and check it, one compares files of evidence with their rows: every ten minutes they look
    whether it is time. One keeps the time limits of data, each hour. Public reports rise each minute; each hour what
    came lately of them is put in another order. None holds up another.
    """
    ways = post or ways_of(ctx)
    secret = ctx.vault.chain("jobs-v1", b"").hex()
    queue = Queue(
        "jobs",
        results=False,
        serializer=SignedSerializer(secret=secret, salt="school-protocol"),
        **_place(ctx.settings),
    )
    queue.lead = Lead(ctx.realm, "worker")

    def sweep_once() -> None:
        sweep(ctx, ways)
        tell_of_accounts(ctx, ways)
        send_invitations(ctx, ways)
        remind(ctx, ways)
        work_queue.note(ctx.settings.data, work_queue.MINUTE, ctx.now())

    queue.now = _rung(queue, "sweep", "now", sweep_once)
    queue.drafts = _rung(queue, "work_out", "drafts", lambda: work_out(ctx))

    crew = Crew(ctx.settings, spare_cores())

    def make_copies() -> bool:
        is_left = go_on_bulk(ctx, crew)
        if not is_left:
            crew.close()
        return is_left

    works: tuple[tuple[str, str, Callable[[], bool]], ...] = (
        ("make_ahead", "papers", lambda: make_ahead_once(ctx)),
        ("go_on_bulk", "bulk", make_copies),
        ("go_on_lists", "lists", lambda: go_on_lists(ctx)),
        ("go_on_figures", "figures", lambda: go_on_figures(ctx)),
        ("check_scenarios", "scenarios", lambda: _of_scenarios(ctx)),
    )
    for name, asked, work in works:
        setattr(queue, asked, _rung(queue, name, asked, _alone(ctx, name, work, partial(_ask_again, queue, asked))))

    def rise_and_clean() -> None:
        rise(ctx, ways)
        clean(ctx)

    def purge_rooms() -> None:
        workshop_end.purge_due(ctx)
        sweep_left_over(ctx, after=SWEPT_AFTER)

    regular: tuple[tuple[str, str, Callable[[], object]], ...] = (
        ("*/10", "keep_journal", lambda: keep_on(ctx, ways)),
        ("*/10", "check_journal", lambda: check_on(ctx, ways)),
        ("*/10", "sweep_files", lambda: sweep_on(ctx)),
        ("*", "rise", rise_and_clean),
        ("2", "mix", lambda: mix_lately(ctx)),
        ("7", "keep_limits", lambda: keep_limits(ctx)),
        ("17", "purge_rooms", purge_rooms),
        ("27", "look_again", lambda: look_again(ctx)),
    )
    for minute, name, done in regular:
        queue.periodic_task(crontab(minute=minute), name=name, expires=STALE)(_alone(ctx, name, done))
    return queue


def _rung(queue: Queue, name: str, asked: str, work: Callable[[], object]) -> Any:
    """The work is done each minute under that name; returned is the task that asks for it now."""

    def ring() -> None:
        work()

    queue.periodic_task(crontab(minute="*"), name=name, expires=STALE)(ring)
    return queue.task(name=asked, expires=STALE)(ring)


def _ask_again(queue: Queue, asked: str) -> None:
    getattr(queue, asked)()


def _place(settings: Settings, *, makes_tables: bool = False) -> dict[str, Any]:
    """Where the queue lies, as arguments of huey's: a file of its own, or a schema of the installation's database."""
    if settings.database:
        dsn = settings.store_url(QUEUE).replace("postgresql+psycopg:", "postgresql:", 1)
        return {"storage_class": PostgresStorage, "dsn": dsn, "create_tables": makes_tables}
    path = settings.data / FILE
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return {"storage_class": SqliteStorage, "filename": str(path)}


def prepare_queue(settings: Settings) -> None:
    """Make the queue's tables in its schema, by whoever owns it."""
    Huey("jobs", results=False, **_place(settings, makes_tables=True)).storage.close()


def make_ahead_once(ctx: AppContext) -> bool:
    """A slice of what is to be made ahead, in one process that gives its memory back."""
    with Crew(ctx.settings, 1) as crew:
        return go_through_papers(ctx, lambda one: crew.do(make_ahead, one, now=ctx.now()))


def _of_scenarios(ctx: AppContext) -> bool:
    """The scenario that has waited longest, else the kit, in one process."""
    checked = scenario_library.check_next(ctx, scenario_library.checked_apart(ctx.settings))
    return checked or kit.make_next(ctx, kit.made_apart(ctx.settings))


def checking(ctx: AppContext) -> Callable[[], None]:
    """What a laptop that serves workshops alone rings: scenarios are checked, and kits made, one after the other."""

    def check() -> None:
        try:
            once()
        except Exception:
            _log.exception("a scenario could not be checked, nor a kit made")

    once = _alone(ctx, "scenarios", lambda: _of_scenarios(ctx), check)
    return lambda: threading.Thread(target=check, name="scenarios", daemon=True).start()


def _alone(
    ctx: AppContext, name: str, work: Callable[[], object], again: Callable[[], object] | None = None
) -> Callable[[], None]:
    """The work of that name, by one worker at a time; `again`, where one is given and something is left."""
    held = threading.Lock()

    def once() -> None:
        if not held.acquire(blocking=False):
            return
        try:
            with turn(ctx.realm, name) as is_ours:
                is_left = is_ours and work()
        finally:
            held.release()
        if is_left and again is not None:
            again()

    return once


def work(ctx: AppContext) -> None:
    """Be the worker until the process is asked to stop; what is under way is brought to its end."""
    queue = queue_of(ctx)
    consumer = _consumer(queue, graceful_signal="TERM")
    consumer._set_signal_handlers()  # its threads begin first, else: asked to stop meanwhile, it would be cut off
    try:
        consumer.run()
    finally:
        queue.lead.close()


@contextmanager
def working(queue: Queue) -> Iterator[None]:
    """A worker in threads of this process, as long as the block runs."""
    consumer = _consumer(queue, shutdown_timeout=20)
    # Signals are the process's own business here: the web server stops on them.
    consumer._set_signal_handlers = lambda: None
    consumer.start()
    try:
        yield
    finally:
        consumer.stop(graceful=True)
        queue.lead.close()


def _consumer(queue: Queue, **options: Any) -> Any:
    """WORKERS threads. They look for a ringing every two seconds at most."""
    return RingingConsumer(queue, workers=WORKERS, worker_type="thread", max_delay=2.0, **options)
