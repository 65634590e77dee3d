"""The store of workshops in PostgreSQL: made with the rest, served by every process as a role that owns nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from storage.server import EVERYWHERE, SITE, WORKER

from school_protocol.config import Settings, training_schema
from school_protocol.context import AppContext, open_context
from school_protocol.storage import postgresql
from school_protocol.storage.migrate import ROOM_PARTS
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.training import room_repository, seats, workshop_end
from school_protocol.training import service as training_service
from school_protocol.training.room_store import RoomGone, Rooms, TrainingLocation, sweep_left_over
from training.rooms_of import host_in, made, rooms_at

pytestmark = pytest.mark.skipif(not EVERYWHERE, reason="where every installation lies on PostgreSQL")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[AppContext]:
    ctx = host_in(tmp_path / "data")
    yield ctx
    ctx.close()


def settings_as(host: AppContext, role: str) -> Settings:
    """The same installation, opened by another role of the database."""
    address = host.directory.engine.url.set(username=role).difference_update_query(["options"])
    return replace(host.settings, database=address.render_as_string(hide_password=False))


def opened_as(host: AppContext, role: str) -> AppContext:
    return open_context(settings_as(host, role), host.clock)


SEAT = """
import sys
from pathlib import Path
from school_protocol.config import Settings
from school_protocol.context import SystemClock, open_context
from school_protocol.training import seats, service as running
from school_protocol.training.room_store import Rooms
from school_protocol.training.room_store import TrainingLocation

settings, workshop, name = Settings(data=Path(sys.argv[1]), database=sys.argv[2]), sys.argv[3], sys.argv[4]
found = Rooms(TrainingLocation.of(open_context(settings, SystemClock())))
room = found.room(workshop)
seats.join(room, 1, name, ["team_member"], language="fr")
running.say(room, 1, f"Bonjour de {name}")
print("sat", flush=True)
sys.stdin.read()
"""


def in_process(host: AppContext, workshop: str, name: str) -> subprocess.Popen[str]:
    said = [str(host.settings.data), settings_as(host, SITE).database, workshop, name]
    return subprocess.Popen(
        [sys.executable, "-c", SEAT, *said], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def names(rooms_open: Rooms, workshop: str) -> set[str]:
    with rooms_open.room(workshop).store.reading() as session:
        return {seat.name for seat in room_repository.seats(session)}


def test_what_a_seat_writes_in_one_process_is_seen_in_another(host: AppContext) -> None:
    """Both by the role that serves pages, which owns nothing; words are opened by the same keys."""
    workshop, other = made(host, "silence", 1), made(host, "silence", 1)
    site = opened_as(host, SITE)
    here = Rooms(TrainingLocation.of(site))
    processes = [in_process(host, workshop.id, name) for name in ("Bleu", "Vert")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "sat\n"
        process.communicate("")
        assert process.returncode == 0
    assert names(here, workshop.id) == {"Bleu", "Vert"}
    assert names(here, other.id) == set(), "nor in the room beside it"
    room = here.room(workshop.id)
    with room.store.reading() as session:
        words = room_repository.words(session, room.ctx.vault, room_repository.WordKind.message)
    assert {one.text for one in words} == {"Bonjour de Bleu", "Bonjour de Vert"}
    here.close()
    site.close()


def test_a_room_that_one_process_destroys_is_gone_in_another(host: AppContext) -> None:
    """Made, served and purged by the role that serves pages; swept by the worker."""
    site, worker = opened_as(host, SITE), opened_as(host, WORKER)
    workshop = made(site, "silence", 1)
    here, there = Rooms(TrainingLocation.of(site)), Rooms(TrainingLocation.of(worker))
    kept = there.room(workshop.id)
    assert there.room(workshop.id) is kept, "the control: it stays open"
    seats.join(here.room(workshop.id), 1, "Bleu", ["team_member"], language="fr")
    training_service.to_next(here.room(workshop.id))
    workshop_end.purge(site, workshop.id)
    with pytest.raises(RoomGone):
        there.room(workshop.id)
    with pytest.raises(StorageBusy):
        kept.state()
    with here.training.stores.room.writing() as session:
        session.execute(text("DELETE FROM room"))
    assert rooms_at(worker) == set()
    assert sweep_left_over(worker) == 0
    for one in (here, there, site, worker):
        one.close()


def refused(host: AppContext, role: str, statement: str) -> bool:
    engine = create_engine(settings_as(host, role).database)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
            connection.rollback()
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        return True
    finally:
        engine.dispose()
    return False


@pytest.mark.parametrize("part", ROOM_PARTS)
def test_whoever_serves_or_works_owns_nothing_there(host: AppContext, part: str) -> None:
    """The control of each: the owner may."""
    schema, owner = training_schema(part), host.directory.engine.url.username or ""
    for statement in (f"CREATE TABLE {schema}.mine (id int)", f"DROP SCHEMA {schema} CASCADE"):
        for role in (SITE, WORKER):
            assert refused(host, role, statement), statement
        assert not refused(host, owner, statement), statement


def test_what_is_cleared_is_cleared_with_its_workshops(host: AppContext) -> None:
    address = settings_as(host, host.directory.engine.url.username or "").database
    host.close()
    postgresql.clear(address)
    engine = create_engine(address)
    with engine.connect() as connection:
        left = connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'training%'")).all()
    engine.dispose()
    assert left == []
