"""Jobs of many copies that are deleted, left or taken over while somebody is at them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from school_protocol.case_files import bulk
from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files.prepare_process import Broken
from school_protocol.engine.errors import Unseen
from services.bulking import Dying, begun, fetched, handed, issuings, reported, seen, worked
from services.conftest import School


@pytest.fixture
def many(school: School, monkeypatch: pytest.MonkeyPatch) -> School:
    return reported(school, monkeypatch)


@pytest.mark.exhaustive
def test_deleted_while_a_copy_is_made_it_is_stopped_first_and_loses_none(many: School) -> None:
    job, head = begun(many), many.person("head")

    class Deleting(Dying):
        def do(self, work: Callable[..., Any], *told: Any, now: datetime) -> Any:
            if len(self.told) == 1:
                assert bulk.delete_bundle(many.ctx, head, job) is False
            return super().do(work, *told, now=now)

    worked(many, Deleting(many.ctx, 9, tells=False))
    found = seen(many, job)
    assert (found.bulk.state, found.done, found.waiting) == ("stopped", 2, 2)
    assert len(fetched(many, job).namelist()) == 3
    assert sum(issuings(many).values()) == 2
    assert bulk.delete_bundle(many.ctx, head, job)
    assert handed(many) == 0


def test_deleted_after_its_worker_was_gone_it_is_deleted_once_the_lease_is_over(many: School) -> None:
    job, head = begun(many), many.person("head")
    with many.ctx.realm.writing() as session:
        assert case_files_repository.take(session, job, now=many.ctx.now(), left_since=many.ctx.now() - bulk.LEASE)
    assert bulk.delete_bundle(many.ctx, head, job) is False
    many.wait(minutes=5)
    assert bulk.delete_bundle(many.ctx, head, job)
    with pytest.raises(Unseen):
        seen(many, job)


def test_its_own_lease_is_renewed_with_each_case_and_left_at_the_end_of_a_turn(many: School) -> None:
    job = begun(many)

    class Late(Dying):
        def do(self, work: Callable[..., Any], *told: Any, now: datetime) -> Any:
            many.wait(minutes=3)
            if len(self.told) == 2:
                raise Broken("ended")
            return super().do(work, *told, now=now)

        @property
        def left(self) -> bool:
            with many.ctx.realm.reading() as session:
                return not case_files_repository.is_taken(session, job, left_since=many.ctx.now() - bulk.LEASE)

    hands = Late(many.ctx, 9, tells=False)
    assert worked(many, hands) is True
    assert (len(hands.told), hands.left) == (2, True)
    hands.told.clear()
    worked(many, hands)
    assert (seen(many, job).done, seen(many, job).is_running) == (4, False)


@pytest.mark.exhaustive
def test_a_worker_that_lost_its_lease_stops_and_frees_nobody_elses(many: School) -> None:
    job = begun(many)

    class Slow(Dying):
        def do(self, work: Callable[..., Any], *told: Any, now: datetime) -> Any:
            if len(self.told) == 1:
                many.wait(minutes=5)
                now = many.ctx.now()
                with many.ctx.realm.writing() as session:
                    assert case_files_repository.take(session, job, now=now, left_since=now - bulk.LEASE)
                many.wait(minutes=1)
            return super().do(work, *told, now=now)

    hands = Slow(many.ctx, 9, tells=False)
    worked(many, hands)
    assert len(hands.told) == 2
    assert worked(many) is False
    assert seen(many, job).done == 2, "the other one is at it still"
    many.wait(minutes=5)
    worked(many)
    assert seen(many, job).done == 4
    assert list(issuings(many).values()) == [1, 1, 1, 1]
