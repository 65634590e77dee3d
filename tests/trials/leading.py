"""Several whole workers over one PostgreSQL, the one that leads killed or ended: each minute is rung for once."""

from __future__ import annotations

import random
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.conftest import MailServer, talking
from sqlalchemy import Engine, make_url, select, text

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.intake import open_case
from school_protocol.context import SystemClock
from school_protocol.mail import Post
from school_protocol.notifications.models import NoticeRow
from school_protocol.ops.worker import queue_of
from school_protocol.storage import work_queue
from school_protocol.storage.engines import open_engine
from trials.frame import Outcome, Size, Trial
from trials.installed import ABOUT, WHO, Installed, installed
from trials.nodes import Addresses, environ_of, make_tables, own_database

ROUNDS = {Size.short: (signal.SIGTERM, signal.SIGKILL), Size.whole: (signal.SIGTERM, signal.SIGKILL) * 5}
"""How the one that leads is stopped, time after time."""
BETWEEN = {Size.short: 0.0, Size.whole: 50.0}
"""At most so many seconds pass between two of these, so that they fall anywhere in a minute."""
FOLLOWED = 15.0
"""Within so many seconds another leads."""
PATIENCE = 90.0
"""A minute's ring, on a machine that has much else to do."""
LEASE = 400.0
"""As long as a message that was under way as its worker was killed may take until it goes out again."""

OBSERVED = """
CREATE TABLE jobs.rung_once (
    at timestamptz NOT NULL DEFAULT clock_timestamp(), who text DEFAULT current_setting('application_name'), data bytea
);
CREATE FUNCTION jobs.see_ring() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN INSERT INTO jobs.rung_once (data) VALUES (NEW.data); RETURN NEW; END $$;
CREATE TRIGGER seen AFTER INSERT ON jobs.huey_task FOR EACH ROW EXECUTE FUNCTION jobs.see_ring();
"""
LEADS = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid::bigint = :turns AND objid::bigint = :name
"""
ALONE = (
    "from huey.consumer import Scheduler; from school_protocol.cli import main; "
    "from school_protocol.ops import worker; "
    "worker.RingingConsumer.scheduler_class = Scheduler; main(['worker'])"
)
"""A worker that elects nobody and asks nobody what was rung for: huey's own way."""


@dataclass(frozen=True)
class Ring:
    """What was put into the queue, when, and by which worker."""

    at: datetime
    who: str
    task: str

    @property
    def minute(self) -> datetime:
        return self.at.replace(second=0, microsecond=0)


@dataclass
class Watched:
    """An installation whose queue is looked at by its owner, and the workers at it."""

    found: Installed
    at: Addresses
    owner: Engine
    mails: MailServer
    folder: Path
    closing: ExitStack
    begun: int = 0

    def start(self, *planted: str) -> Worker:
        self.begun += 1
        name = f"worker-{self.begun}"
        url = make_url(self.at.worker).update_query_dict({"application_name": name})
        environ = environ_of(self.found.settings.data, replace(self.at, site=url.render_as_string(False))) | {
            "SCHOOL_PROTOCOL_SMTP": self.mails.url, "SCHOOL_PROTOCOL_MAIL_FROM": "protocole@college.example",
            "SCHOOL_PROTOCOL_ADDRESS": "https://desk.example",
        }  # fmt: skip
        command = (sys.executable, *(planted or ("-m", "school_protocol.cli", "worker")))
        with (self.folder / f"{name}.log").open("ab") as log:
            worker = Worker(name, subprocess.Popen(command, env=environ, stdout=log, stderr=log))
        self.closing.callback(worker.end)
        return worker

    def leads(self) -> str | None:
        named = {"turns": work_queue._TURNS, "name": work_queue._number("worker") % 2**32}
        with self.owner.connect() as connection:
            return connection.scalar(text(LEADS), named)

    def is_there(self, worker: Worker) -> bool:
        asked = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
        with self.owner.connect() as connection:
            return bool(connection.scalar(asked, {"name": worker.name}))

    def report(self, words: str) -> None:
        with self.found.entered() as ctx:
            now = replace(ctx, clock=SystemClock())
            answers = {"what_happened": words, "danger_now": "unsure", "adult_concerned": "no", "how_it_came": "seen"}
            open_case(now, self.found.actors["team_member"], "report", {**answers, "about_whom": ABOUT}, token=words)

    def rings(self) -> list[Ring]:
        """Those that come by themselves, each time."""
        with self.found.entered() as ctx, self.owner.connect() as connection:
            queue = queue_of(ctx, Post())
            by_itself = {task.name for task in queue._registry.periodic_tasks}
            rows = connection.execute(text("SELECT at, who, data FROM jobs.rung_once ORDER BY at")).all()
            every = [Ring(at, who, queue.deserialize_task(bytes(data)).name) for at, who, data in rows]
        return [one for one in every if one.task in by_itself]

    def waiting(self) -> int:
        with self.found.entered() as ctx, ctx.realm.reading() as session:
            return len(session.scalars(select(NoticeRow.id).where(NoticeRow.state == "waiting")).all())


@dataclass
class Worker:
    """One process of `school-protocol worker`."""

    name: str
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    with own_database() as at, ExitStack() as closing:
        found = installed(folder, database=at.owner)
        make_tables(found.settings, at)
        owner = open_engine(at.owner)
        closing.callback(owner.dispose)
        with owner.begin() as connection:
            connection.exec_driver_sql(OBSERVED)
        with found.entered() as ctx, ctx.directory.writing() as session:
            for name in WHO:
                email = f"{name.replace('/', '-')}@college.example"
                auth_repository.set_address(session, found.actors[name].id, email=email, phone=None)
        mails = MailServer()
        listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), talking(mails))
        listening.daemon_threads, mails.port = True, int(listening.server_address[1])
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        closing.callback(listening.server_close)
        closing.callback(listening.shutdown)
        yield Watched(found, at, owner, mails, folder, closing)


def wait_for(what: Callable[[], object], seconds: float) -> float | None:
    """After how many seconds it was so; None if never."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if what():
            return time.monotonic() - began
        time.sleep(0.1)
    return None


def run(size: Size, folder: Path) -> Outcome:
    """Leaders are stopped one after the other; then rings and messages are counted, and two that elect nobody."""
    faults: list[str] = []
    rng = random.Random(7)
    with watched(folder) as over:
        stands, slowest = over.start(), 0.0
        if wait_for(lambda: over.leads() == stands.name, PATIENCE) is None:
            faults.append("the first worker never leads")
        for place, how in enumerate(ROUNDS[size]):
            time.sleep(rng.random() * BETWEEN[size])
            follows = over.start()
            wait_for(lambda worker=follows: over.is_there(worker), PATIENCE)  # type: ignore[misc]
            took = stopped(over, stands, follows, how, f"récit {place}", faults)
            stands, slowest = follows, max(slowest, took)
        over.report("le dernier récit")
        if wait_for(lambda: not over.waiting(), LEASE) is None:
            faults.append(f"{over.waiting()} messages never went out")
        minute = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        time.sleep(_until_next_minute())
        if wait_for(lambda: any(one.minute >= minute for one in over.rings()), FOLLOWED) is None:
            faults.append(f"nobody rang at {minute:%H:%M}")
        time.sleep(5)  # for a second one in that minute
        rings = over.rings()
        faults += doubled(rings) + left_out(rings) + told_otherwise(over)
        stands.process.send_signal(signal.SIGTERM)
        if stands.process.wait(PATIENCE):
            faults.append("asked to stop, the last one fails")
        seen = bool(left_out([one for one in rings if one.minute != rings[-1].minute - timedelta(minutes=1)]))
        found = seen + _sees_two_that_elect_nobody(over)
    what = f"rings of their own, in which {len(ROUNDS[size])} leaders were stopped; another led after {slowest:.1f} s"
    return Outcome(len(rings), what, tuple(faults), 2, found)


def stopped(
    over: Watched, stands: Worker, follows: Worker, how: signal.Signals, words: str, faults: list[str]
) -> float:
    """Stop the one that leads while a message may be under way; in how many seconds the other leads."""
    over.mails.hangs = threading.Event()
    before = len(over.mails.mails)
    over.report(words)
    if how is signal.SIGTERM:
        wait_for(lambda: len(over.mails.mails) > before, PATIENCE)
    stands.process.send_signal(how)
    took = wait_for(lambda: over.leads() == follows.name, PATIENCE)
    if took is None or took > FOLLOWED:
        faults.append(f"after {how.name} another leads {'never' if took is None else f'after {took:.0f} s'}")
    over.mails.hangs.set()
    code = stands.process.wait(PATIENCE)
    if code != (-how if how is signal.SIGKILL else 0):
        faults.append(f"after {how.name} the worker ended with {code}")
    return took or PATIENCE


def doubled(rings: Sequence[Ring]) -> list[str]:
    """Minutes in which a task was rung for more than once."""
    counted = Counter((one.task, one.minute) for one in rings)
    return [f"{task} rang {count} times at {minute:%H:%M}" for (task, minute), count in counted.items() if count > 1]


def left_out(rings: Sequence[Ring]) -> list[str]:
    """Minutes in which nobody rang, between the first ring and the last one."""
    by_task: dict[str, set[datetime]] = defaultdict(set)
    for one in rings:
        by_task[one.task].add(one.minute)
    there, found = by_task["sweep"], []
    minute = min(there)
    while minute < max(there):
        minute += timedelta(minutes=1)
        found += [] if minute in there else [f"nobody rang at {minute:%H:%M}"]
    return found


def told_otherwise(over: Watched) -> list[str]:
    """What was told is one letter a person and moment; a letter that came twice has its number twice."""
    with over.found.entered() as ctx, ctx.realm.reading() as session:
        rows = session.scalars(select(NoticeRow).where(NoticeRow.state == "delivered")).all()
    letters = {(row.account, row.settled_at) for row in rows}
    known = {row.id for row in rows}
    numbers = {str(mail["Message-ID"]).strip("<>").partition("@")[0] for _from, _to, mail in over.mails.mails}
    faults = [f"a letter of no notice: {one}" for one in numbers - known]
    if len(numbers) != len(letters) or not letters:
        faults.append(f"{len(letters)} letters were written, and {len(numbers)} came")
    return faults


def _until_next_minute() -> float:
    return 60.0 - time.time() % 60


def _sees_two_that_elect_nobody(over: Watched) -> bool:
    before = len(over.rings())
    if _until_next_minute() < 25:
        time.sleep(_until_next_minute())
    two = [over.start("-c", ALONE) for _one in range(2)]
    names = {one.name for one in two}
    wait_for(lambda: {one.who for one in over.rings()} >= names, PATIENCE)
    seen = bool(doubled(over.rings()[before:]))
    for one in two:
        one.end()
    return seen


TRIALS = (Trial("leading", "the worker that leads is stopped: each minute is rung for once, by another", 80, run),)
