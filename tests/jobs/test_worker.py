"""The minute's ring: from huey to the sweep, and from the sweep to a mailbox."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from services.conftest import School

from jobs.conftest import Hook, MailServer
from school_protocol.auth import repository as auth_repository
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.context import AppContext, SystemClock, open_context
from school_protocol.mail import Post
from school_protocol.ops import worker as worker_module

MINUTE = datetime.fromisoformat("2026-11-25T10:00")
"""A moment as huey writes it: without a zone."""


@pytest.fixture
def ctx(tmp_path: Path) -> Any:
    found = open_context(Settings(data=tmp_path / "data"), SystemClock())
    yield found
    found.close()


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[tuple[AppContext, Post]]:
    """What the sweep was called with, which does nothing."""
    calls: list[tuple[AppContext, Post]] = []
    monkeypatch.setattr(worker_module, "sweep", lambda ctx, post: calls.append((ctx, post)))
    return calls


def wait_for(what: Callable[[], Any], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


# ---- huey ----------------------------------------------------------------------------------------------------------


def test_each_minute_rings_for_messages_and_for_drafts(
    ctx: AppContext, swept: list[tuple[AppContext, Post]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[AppContext] = []
    monkeypatch.setattr(worker_module, "work_out", looked.append)
    post = Post()
    queue = worker_module.queue_of(ctx, post)
    start = datetime.fromisoformat("2026-11-25T23:58")
    for minute in range(4):
        for task in queue.read_periodic(start + timedelta(minutes=minute)):
            queue.enqueue(task)
            queue.execute(queue.dequeue())
    assert swept == [(ctx, post)] * 4
    assert looked == [ctx] * 4
    assert queue.pending_count() == 0


def test_while_copies_are_left_the_next_slice_is_rung_for(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [True, True, False]
    monkeypatch.setattr(worker_module, "go_on_bulk", lambda _ctx, _crew: left.pop(0))
    queue = worker_module.queue_of(ctx)
    queue.bulk()
    for _slice in range(3):
        assert queue.pending_count() == 1
        queue.execute(queue.dequeue())
    assert (left, queue.pending_count()) == ([], 0)


@pytest.mark.exhaustive(but=("three",))
@pytest.mark.parametrize("workers", [None, 2], ids=["three", "control"])
def test_a_message_waits_for_nothing_else(
    ctx: AppContext, monkeypatch: pytest.MonkeyPatch, workers: int | None
) -> None:
    """While a proof and many copies keep two workers busy, a third one hears the ring."""
    at_it = {"copies": threading.Event(), "proof": threading.Event()}
    go_on, swept = threading.Event(), threading.Event()

    def busy(name: str) -> bool:
        if not at_it[name].is_set():
            at_it[name].set()
            go_on.wait(60)
        return False

    monkeypatch.setattr(worker_module, "go_on_bulk", lambda _ctx, _crew: busy("copies"))
    monkeypatch.setattr(worker_module, "work_out", lambda _ctx: busy("proof"))
    monkeypatch.setattr(worker_module, "sweep", lambda _ctx, _post: swept.set())
    if workers:
        consumer = worker_module._consumer
        monkeypatch.setattr(worker_module, "_consumer", lambda queue, **more: fewer(consumer(queue, **more), workers))
    queue = worker_module.queue_of(ctx, Post())
    with worker_module.working(queue):
        try:
            queue.bulk()
            queue.drafts()
            assert all(event.wait(20) for event in at_it.values())
            swept.clear()
            queue.now()
            assert swept.wait(3 if workers else 20) == (workers is None)
        finally:
            go_on.set()


def fewer(consumer: Any, workers: int) -> Any:
    """The same with so many workers."""
    del consumer.worker_threads[workers:]
    return consumer


def test_a_ring_that_was_not_heard_in_time_is_dropped(ctx: AppContext, swept: list[tuple[AppContext, Post]]) -> None:
    queue = worker_module.queue_of(ctx)
    (task,) = [task for task in queue.read_periodic(MINUTE) if task.name == "sweep"]
    queue.enqueue(task)
    queue.execute(queue.dequeue(), datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=2))
    assert swept == []


class Planted:
    """What an attacker who can write to the queue's file would like to be unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["PLANTED"],)


def test_nothing_that_is_not_signed_by_this_installation_is_unpickled(
    ctx: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", str(tmp_path / "planted"))
    queue = worker_module.queue_of(ctx)
    other = open_context(Settings(data=tmp_path / "other"), SystemClock())
    foreign = worker_module.queue_of(other).serializer.serialize(Planted())
    for data in (pickle.dumps(Planted()), foreign):
        queue.storage.enqueue(data)
        with pytest.raises(ValueError, match=r"Signature|Separator"):
            queue.dequeue()
    assert not (tmp_path / "planted").exists()
    pickle.loads(pickle.dumps(Planted()))
    assert (tmp_path / "planted").exists(), "the plant would have worked"


def test_the_queue_has_a_file_of_its_own_for_its_owner_alone(ctx: AppContext) -> None:
    worker_module.queue_of(ctx)
    path = ctx.settings.data / "jobs.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600


# ---- each minute once ----------------------------------------------------------------------------------------------


def rung(queue: worker_module.Queue, at: datetime) -> list[str]:
    """Which tasks wait in the queue after it was rung for this moment; it is empty again."""
    queue.ring_for(at)
    found = sorted(task.name for task in queue.pending())
    queue.storage.flush_queue()
    return found


def test_a_minute_is_rung_for_once_whoever_asks_how_often(ctx: AppContext) -> None:
    first, second = worker_module.queue_of(ctx), worker_module.queue_of(ctx)
    assert "sweep" in rung(first, MINUTE)
    assert rung(second, MINUTE.replace(second=30)) == rung(first, MINUTE.replace(second=59)) == []
    assert "sweep" in rung(second, MINUTE + timedelta(minutes=1))


@pytest.mark.exhaustive
def test_minutes_in_which_nobody_led_are_made_up_for_by_one_ring_each(ctx: AppContext) -> None:
    queue = worker_module.queue_of(ctx)
    night = datetime.fromisoformat("2026-11-26T02:20")
    assert not {"keep_limits", "look_again"} & set(rung(queue, night))
    found = rung(queue, night + timedelta(hours=3))
    assert len(found) == len(set(found))
    assert {"sweep", "keep_limits", "look_again", "purge_rooms"} <= set(found)
    assert "look_again" in rung(queue, night + timedelta(hours=4)), "each hour"


@pytest.mark.exhaustive
def test_what_nobody_rang_for_longer_ago_than_a_day_is_over(ctx: AppContext) -> None:
    queue = worker_module.queue_of(ctx)
    rung(queue, MINUTE)
    asked: list[datetime] = []
    whole = queue.read_periodic
    queue.read_periodic = lambda at: (asked.append(at), whole(at))[1]
    rung(queue, MINUTE + timedelta(days=30))
    assert len(asked) == worker_module.MADE_UP // timedelta(minutes=1)


def test_a_clock_that_was_days_ahead_stops_no_ring(ctx: AppContext) -> None:
    queue = worker_module.queue_of(ctx)
    rung(queue, MINUTE + timedelta(days=3))
    assert "sweep" in rung(queue, MINUTE)
    assert rung(queue, MINUTE - timedelta(minutes=1)) == [], "clocks differ by a little"


def test_who_is_killed_while_it_rings_leaves_the_minute_to_the_next(
    ctx: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies, lives = worker_module.queue_of(ctx), worker_module.queue_of(ctx)

    def breaks(_task: object) -> None:
        raise SystemExit

    monkeypatch.setattr(dies, "enqueue", breaks)
    with pytest.raises(SystemExit):
        dies.ring_for(MINUTE)
    assert "sweep" in rung(lives, MINUTE)


@pytest.mark.exhaustive
def test_who_does_not_lead_rings_nobody(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = worker_module.queue_of(ctx)
    monkeypatch.setattr(queue.lead, "is_ours", lambda: False)
    assert rung(queue, MINUTE) == []
    monkeypatch.setattr(queue.lead, "is_ours", lambda: True)
    assert "sweep" in rung(queue, MINUTE)


@pytest.mark.exhaustive
def test_whoever_stops_leaves_the_lead_before_its_work_is_done(
    ctx: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is brought to its end may take an hour; nobody else would ring meanwhile."""
    left, begun, goes_on = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(worker_module, "sweep", lambda _ctx, _post: (begun.set(), goes_on.wait(60)))
    queue = worker_module.queue_of(ctx)
    monkeypatch.setattr(queue.lead, "close", left.set)
    consumer = worker_module._consumer(queue)
    consumer._set_signal_handlers = lambda: None
    consumer.start()
    assert begun.wait(60)
    stopping = threading.Thread(target=consumer.stop, kwargs={"graceful": True})
    stopping.start()
    assert left.wait(20)
    assert stopping.is_alive(), "the control: it waits for its work"
    goes_on.set()
    stopping.join(60)
    assert not stopping.is_alive()


def test_a_ring_that_could_not_be_made_is_made_up_for(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = worker_module.queue_of(ctx)
    ringer = worker_module.Ringer(queue, threading.Event(), 1, True)
    monkeypatch.setattr(queue, "put", lambda *_said: 1 / 0)
    ringer.enqueue_periodic_tasks(MINUTE)
    monkeypatch.undo()
    queue.storage.flush_queue()
    ringer.enqueue_periodic_tasks(MINUTE)
    assert queue.pending_count() > 0


# ---- workers -------------------------------------------------------------------------------------------------------


def test_a_worker_beside_the_site_sweeps_at_once_and_stops_with_it(
    ctx: AppContext, swept: list[tuple[AppContext, Post]]
) -> None:
    before = {signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with worker_module.working(worker_module.queue_of(ctx)):
        wait_for(lambda: swept)
        names = {thread.name for thread in threading.enumerate()}
        assert {"Scheduler", "Worker-1"} <= names
    assert not {"Scheduler", "Worker-1"} & {thread.name for thread in threading.enumerate()}
    assert {signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} == before


def test_a_sweep_that_fails_is_followed_by_the_next(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def fails(_ctx: AppContext, _post: Post) -> None:
        calls.append(1)
        raise RuntimeError

    monkeypatch.setattr(worker_module, "sweep", fails)
    queue = worker_module.queue_of(ctx)
    with worker_module.working(queue):
        wait_for(lambda: calls)
        queue.enqueue(queue.read_periodic(MINUTE)[0])
        wait_for(lambda: len(calls) == 2)


@pytest.mark.parametrize(("arguments", "works"), [((), True), (("--no-worker",), False)])
def test_serving_works_unless_told_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], works: bool
) -> None:
    from school_protocol.cli import serving

    running: list[bool] = []

    def serve(*_arguments: Any, **_options: Any) -> None:
        running.append("Scheduler" in {thread.name for thread in threading.enumerate()})

    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "data"))
    served = CliRunner().invoke(main, ["serve", *arguments])
    assert served.exit_code == 0, served.stderr
    assert running == [works]


def test_a_setting_that_is_not_understood_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SCHOOL_PROTOCOL_SMTP", "mail.example.org:s3cret")
    for command in ("serve", "worker"):
        said = CliRunner().invoke(main, [command])
        assert said.exit_code == 1
        assert "SCHOOL_PROTOCOL_SMTP" in said.stderr
        assert "s3cret" not in said.stderr


def test_the_worker_alone_sweeps_until_it_is_asked_to_stop(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "school_protocol.cli", "worker"]
    worker = subprocess.Popen(command, env={**os.environ, "SCHOOL_PROTOCOL_DATA": str(data)}, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: (data / "realm.sqlite").exists() and _has_swept(data), seconds=40)
        worker.send_signal(signal.SIGTERM)
        _out, said = worker.communicate(timeout=20)
        assert (worker.returncode, said) == (0, b"")
    finally:
        worker.kill()
        worker.wait()


STOPPED_AT_ONCE = """
import os, signal
from huey.consumer import Consumer
begin = Consumer.start
def start(consumer):
    os.kill(os.getpid(), signal.SIGTERM)
    begin(consumer)
Consumer.start = start
from school_protocol.cli import main
main(["worker"])
"""


@pytest.mark.exhaustive
def test_a_worker_that_is_asked_to_stop_as_it_begins_ends_as_ever(tmp_path: Path) -> None:
    """Its threads begin before huey itself would heed a signal."""
    environment = {**os.environ, "SCHOOL_PROTOCOL_DATA": str(tmp_path / "data")}
    found = subprocess.run([sys.executable, "-c", STOPPED_AT_ONCE], env=environment, capture_output=True, timeout=60)
    assert (found.returncode, found.stderr) == (0, b"")


def _has_swept(data: Path) -> bool:
    import sqlite3

    try:
        with sqlite3.connect(data / "realm.sqlite") as database:
            found = database.execute("SELECT count(*) FROM outbox WHERE kind = 'wake' AND done_at IS NOT NULL")
            return bool(found.fetchone()[0])
    except sqlite3.OperationalError:
        return False


# ---- from a press to a mailbox -------------------------------------------------------------------------------------


def reached(school: School, who: str, email: str, phone: str | None = None) -> None:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        auth_repository.set_address(session, account, email=email, phone=phone)


def test_a_report_becomes_a_mail_and_a_short_message(school: School, mail_server: MailServer, hook: Hook) -> None:
    for number, who in enumerate(("team_member", "team_coordinator"), 1):
        reached(school, who, f"{who}@college.example", f"060000000{number}")
    school.report(danger_now="unsure")
    queue = worker_module.queue_of(school.ctx)
    queue.execute(queue.read_periodic(MINUTE)[0])
    assert sorted(receivers[0] for _sender, receivers, _mail in mail_server.mails) == [
        "team_coordinator@college.example",
        "team_member@college.example",
    ]
    assert sorted(body["to"] for _path, _headers, body in hook.got) == ["0600000001", "0600000002"]
    whole = "".join(str(mail) + mail.get_content() for _sender, _receivers, mail in mail_server.mails)
    assert "https://desk.example" in whole
    assert school.number not in whole
    queue.execute(queue.read_periodic(MINUTE)[0])
    assert len(mail_server.mails) == 2


@pytest.mark.exhaustive
def test_pages_go_on_while_the_mail_server_hangs(school: School, mail_server: MailServer) -> None:
    """The sweep holds no lock while it sends."""
    reached(school, "team_member", "m@college.example")
    school.report(danger_now="unsure")
    held, go_on = threading.Event(), threading.Event()

    class Hanging:
        def carry(self, to: str, letter: object) -> None:
            held.set()
            assert go_on.wait(60)

    queue = worker_module.queue_of(school.ctx, Post(Hanging()))
    thread = threading.Thread(target=lambda: queue.execute(queue.read_periodic(MINUTE)[0]))
    thread.start()
    assert held.wait(60)
    school.report("head", danger_now="unsure")
    school.seen_by("head")
    go_on.set()
    thread.join(60)
    assert not thread.is_alive()


def test_a_ring_sweeps_between_two_minutes(ctx: AppContext, swept: list[tuple[AppContext, Post]]) -> None:
    post = Post()
    queue = worker_module.queue_of(ctx, post)
    with worker_module.working(queue):
        swept.clear()
        queue.ring()
        wait_for(lambda: swept)
    assert swept[0] == (ctx, post)


def test_a_ring_that_fails_fails_nobody(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = worker_module.queue_of(ctx)
    monkeypatch.setattr(queue, "now", lambda: 1 / 0)
    queue.ring()
