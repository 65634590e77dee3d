"""What the owner of a protocol learns of workshops and cases: by tens alone, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_service import actor_named
from school_protocol.context import AppContext
from school_protocol.engine import visibility
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.training import repository as training_repository
from school_protocol.training.models import WorkshopRow
from school_protocol.training.workshop_end import see_afterwards
from training.rooms_of import NOON, host_in, person

KEY = "ma-cyberharassment"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[AppContext]:
    ctx = host_in(tmp_path)
    yield ctx
    ctx.close()


def owner(host: AppContext) -> Actor:
    with host.directory.writing() as session:
        account = auth_repository.add_account(
            session, username="protocole", names={"fr": "P"}, language="fr", created_at=NOON
        )
        (region,) = auth_repository.units_of_kind(session, visibility.UnitKind.region)
        auth_repository.appoint(session, account, role="protocol_admin", unit=region.id, starts=NOON.date())
    found = actor_named(host, "protocole")
    assert found is not None
    return found


def ended(host: AppContext, number: int, tables: list[dict[str, str]], days: int = 3) -> None:
    at = host.now() - timedelta(days=days)
    with host.directory.writing() as session:
        one = WorkshopRow(
            id=f"w{number}", code=f"CODE{number:02d}", trainer=None, scenario="blackmail", version=1, digest="0" * 64,
            protocol=KEY, protocol_version=1, tables=len(tables), language="fr", created_at=at, purge_at=at,
        )  # fmt: skip
        training_repository.add_workshop(session, one)
        kept = {"tables": {str(place): {"duties": duties} for place, duties in enumerate(tables, 1)}}
        training_repository.end_workshop(session, one.id, kept, at=at)


def test_nothing_is_broken_down_of_fewer_than_ten_tables(host: AppContext) -> None:
    ended(host, 1, [{"check_safety": "failed"}] * 9)
    view = see_afterwards(host, owner(host), KEY)
    assert view.tables.low == 0
    assert view.duties is None


def test_duties_stand_by_how_often_they_failed_and_by_tens_alone(host: AppContext) -> None:
    first, second = list(host.library.protocol(KEY, 1).duties)[:2]
    for number in range(3):
        ended(host, number, [{first: "failed", second: "passed"}] * 8 + [{first: "passed", second: "not_asked"}] * 3)
    ended(host, 9, [{second: "failed"}] * 30, days=400)
    view = see_afterwards(host, owner(host), KEY)
    assert view.tables.low == 30, "those of long ago are not counted"
    assert view.duties is not None
    told = {line.duty.key: (line.asked.low, line.failed.low) for line in view.duties}
    assert told == {first: (30, 20), second: (20, 0)}
    assert [line.duty.key for line in view.duties] == [first, second]


def test_nobody_but_its_owner_sees_it(host: AppContext) -> None:
    with pytest.raises(Unseen):
        see_afterwards(host, person(host), KEY)
    with pytest.raises(Unseen):
        see_afterwards(host, owner(host), "another")
