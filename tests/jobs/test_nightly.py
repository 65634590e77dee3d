"""From the worker's ring to a closed batch, an anchor and a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from services.conftest import School

from jobs.conftest import MailServer
from school_protocol.auth import repository as auth_repository
from school_protocol.config import Settings
from school_protocol.context import AppContext, SystemClock, open_context
from school_protocol.mail import Post
from school_protocol.ops import worker
from school_protocol.storage import access_log, anchors, chain_checks

MIDNIGHT = datetime.fromisoformat("2026-11-26T00:00")
"""A moment as huey writes it: without a zone."""


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[AppContext]:
    found = open_context(Settings(data=tmp_path / "data"), SystemClock())
    yield found
    found.close()


def ring(queue: worker.Queue, at: datetime, *names: str) -> int:
    """Let the queue do what it rings for at that minute, of these tasks."""
    rung = 0
    for task in queue.read_periodic(at):
        if task.name in names:
            queue.enqueue(task)
            queue.execute(queue.dequeue())
            rung += 1
    return rung


TASKS = ("keep_journal", "check_journal")


def test_it_rings_every_ten_minutes(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(worker, "keep_on", lambda ctx, post: done.append("keep"))
    monkeypatch.setattr(worker, "check_on", lambda ctx, post: done.append("check"))
    queue = worker.queue_of(ctx, Post())
    for minute in range(60):
        ring(queue, MIDNIGHT + timedelta(minutes=minute), *TASKS)
    assert (done.count("keep"), done.count("check")) == (6, 6)


def test_a_ring_leaves_a_batch_an_anchor_and_a_verdict(school: School, mail_server: MailServer) -> None:
    """And once something was touched, whoever administers the installation gets a mail that says nothing of it."""
    person = school.person("technical_admin")
    with school.ctx.directory.writing() as session:
        auth_repository.set_address(session, person.id, email="technique@academie.example", phone=None)
    school.report()
    school.seen_by("head")
    queue = worker.queue_of(school.ctx)
    assert ring(queue, MIDNIGHT, *TASKS) == 2
    with school.ctx.realm.reading() as session:
        head, check = access_log.head(session), chain_checks.latest_check(session)
    assert head is not None
    assert check is not None
    assert check.passed
    assert list(anchors.numbers(school.ctx.settings.anchors_folder)) == [1]
    with school.ctx.realm.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER event_no_update")
        connection.exec_driver_sql("UPDATE event SET actor = 'other' WHERE seq = 1")
    school.wait(days=1)
    ring(queue, MIDNIGHT, *TASKS)
    ((_sender, receivers, mail),) = mail_server.mails
    assert receivers == ["technique@academie.example"]
    text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert "journal verify" in text
    assert school.number not in text


def test_that_no_anchor_can_be_written_is_logged_and_told(
    school: School, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As where the other volume is away: here a file stands in the place of its folder."""
    person = school.person("technical_admin")
    with school.ctx.directory.writing() as session:
        auth_repository.set_address(session, person.id, email="technique@academie.example", phone=None)
    school.report()
    queue, folder = worker.queue_of(school.ctx), school.ctx.settings.anchors_folder
    folder.touch()
    ring(queue, MIDNIGHT, *TASKS)
    assert f"no anchor can be written in {folder}" in caplog.text
    ((_sender, _receivers, mail),) = mail_server.mails
    text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert "doctor" in text
    assert "journal verify" not in text
    with school.ctx.realm.reading() as session:
        check = chain_checks.latest_check(session)
    assert check is not None
    assert (check.faults, check.first_fault) == (1, chain_checks.NO_ANCHOR)
    folder.unlink()
    school.wait(days=1)
    ring(queue, MIDNIGHT, *TASKS)
    assert list(anchors.numbers(folder)) == [1]
    assert len(mail_server.mails) == 1


def test_of_two_rings_at_once_one_works(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check takes as long as it takes: the next ring leaves it alone."""
    inside: list[int] = []

    def slow(_ctx: AppContext, _post: Post) -> None:
        inside.append(ring(queue, MIDNIGHT, "check_journal"))

    monkeypatch.setattr(worker, "check_on", slow)
    queue = worker.queue_of(ctx, Post())
    ring(queue, MIDNIGHT, "check_journal")
    assert inside == [1], "the second was rung, and did nothing"
