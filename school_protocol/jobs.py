"""Work done beside the pages: huey rings each minute, and the sweep finds in the database what is due.

The queue holds nothing but the ringing: a task that is lost with its worker is made up for by the next one.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from huey import SqliteHuey, crontab
from huey.serializer import SignedSerializer

from school_protocol.post import Post, post_of
from school_protocol.services.house import House
from school_protocol.services.notices import sweep
from school_protocol.services.papers.ahead import go_through as go_through_papers
from school_protocol.services.papers.ahead import make_ahead
from school_protocol.services.papers.apart import Crew, spare_cores
from school_protocol.services.papers.bulk import go_on as go_on_bulk
from school_protocol.services.protocols.passages import go_through
from school_protocol.services.protocols.publishing import work_out

FILE = "jobs.sqlite"
_log = logging.getLogger(__name__)

STALE = timedelta(seconds=55)
"""A ringing that nobody has heard by then is dropped: the next one is about to come."""


class Queue(SqliteHuey):  # type: ignore[misc]
    """The queue, and the tasks that look for work between two minutes."""

    now: Any
    drafts: Any
    passages: Any
    papers: Any
    bulk: Any

    def ring(self) -> None:
        """Ask to look now: somebody waits for a message, a proof, cases to move, copies. Never fails whoever asks."""
        try:
            self.now()
            self.drafts()
            self.passages()
            self.bulk()
        except Exception:
            _log.warning("the worker could not be rung; it comes by itself within the minute", exc_info=True)


def queue_of(house: House, post: Post | None = None) -> Queue:
    """The queue of this house with its five tasks, in a file of its own; raises PostMisconfigured.

    One sweeps messages; one works out drafts of protocols; one goes through open cases of a version; one makes case
    files ahead; one makes copies of many cases. The last three work a slice at a time, and ring for themselves while
    something is left. None holds up another.
    """
    ways = post or post_of(house.settings)
    path = house.settings.data / FILE
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    secret = house.vault.chain("jobs-v1", b"").hex()
    queue = Queue(
        "jobs", filename=str(path), results=False, serializer=SignedSerializer(secret=secret, salt="school-protocol")
    )

    def sweep_once() -> None:
        sweep(house, ways)

    queue.periodic_task(crontab(minute="*"), name="sweep", expires=STALE)(sweep_once)
    queue.now = queue.task(name="now", expires=STALE)(sweep_once)

    def work_out_drafts() -> None:
        work_out(house)

    queue.periodic_task(crontab(minute="*"), name="work_out", expires=STALE)(work_out_drafts)
    queue.drafts = queue.task(name="drafts", expires=STALE)(work_out_drafts)

    def go_through_cases() -> None:
        if go_through(house):
            queue.passages()

    queue.periodic_task(crontab(minute="*"), name="go_through", expires=STALE)(go_through_cases)
    queue.passages = queue.task(name="passages", expires=STALE)(go_through_cases)

    go_through_papers_once = _alone(lambda: _make_ahead(house), lambda: queue.papers())
    queue.periodic_task(crontab(minute="*"), name="make_ahead", expires=STALE)(go_through_papers_once)
    queue.papers = queue.task(name="papers", expires=STALE)(go_through_papers_once)

    crew = Crew(house.settings, spare_cores())

    def make_copies() -> bool:
        is_left = go_on_bulk(house, crew)
        if not is_left:
            crew.close()
        return is_left

    go_on_bulk_once = _alone(make_copies, lambda: queue.bulk())
    queue.periodic_task(crontab(minute="*"), name="go_on_bulk", expires=STALE)(go_on_bulk_once)
    queue.bulk = queue.task(name="bulk", expires=STALE)(go_on_bulk_once)
    return queue


def _make_ahead(house: House) -> bool:
    """A slice of what is to be made ahead, in one process that gives its memory back."""
    with Crew(house.settings, 1) as crew:
        return go_through_papers(house, lambda one: crew.do(make_ahead, one, now=house.now()))


def _alone(work: Callable[[], bool], again: Callable[[], object]) -> Callable[[], None]:
    """The work, by one worker of this process at a time; `again` where it says that something is left."""
    held = threading.Lock()

    def once() -> None:
        if not held.acquire(blocking=False):
            return
        try:
            is_left = work()
        finally:
            held.release()
        if is_left:
            again()

    return once


def work(house: House) -> None:
    """Be the worker until the process is asked to stop; what is under way is brought to its end."""
    _consumer(queue_of(house), graceful_signal="TERM").run()


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


def _consumer(queue: Queue, **options: Any) -> Any:
    """A worker a task, as all but messages take long. They look for a ringing every two seconds at most."""
    return queue.create_consumer(workers=5, worker_type="thread", max_delay=2.0, **options)
