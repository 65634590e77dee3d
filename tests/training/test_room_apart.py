"""What is played in a room is in no backup of the host's, and knows no way out; then it is gone."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from school_protocol.auth.models import AppointmentRow
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.mail import Post
from school_protocol.ops import backup_service, worker
from school_protocol.ops.journal_checks import rebuild_index
from school_protocol.storage.models import CaseRecordRow
from school_protocol.storage.vault import Vault
from school_protocol.training import service as training_service
from school_protocol.training import workshop_end
from school_protocol.training.models import RoomRow
from school_protocol.training.room_repository import BY_ACCOUNT, BY_CASE, BY_UNIT, MARK, units_of
from school_protocol.training.room_store import SWEPT_AFTER, settings_of
from school_protocol.training.service import STANDS
from school_protocol.wiring import WIRING
from training.room_browsing import Hall, dump, rooms_there
from training.rooms_of import NOON, made

NEVER_WRITTEN = {
    "access_batch", "administration_link", "anchor_taken", "api_read", "attestation_copy", "definition", "demo_letter",
    "demo_mark", "figure_key", "figure_public", "file_sweep", "files_at", "journal_check", "public_message",
    "public_twin", "retention_day", "scenario_kit", "throttle", "used_challenge", "workshop", "workshop_debrief",
}  # fmt: skip
"""Tables of the realm and the directory that hold nothing of a room."""
PLANTED = "Zellige Outremer"
"""A seat's name, which lies in the room's store as it is."""


def files_with(folder: Path, words: str) -> list[str]:
    """Files in which these words stand, as bytes of any of our encodings."""
    kinds = [words.encode(kind) for kind in ("utf-8", "utf-16-le", "utf-16-be")]
    return [
        str(file.relative_to(folder)) for file in sorted(folder.rglob("*"))
        if file.is_file() and any(kind in file.read_bytes() for kind in kinds)
    ]  # fmt: skip


# ---- nothing of it at the host ---------------------------------------------------------------------------------------


@pytest.mark.files
def test_a_rooms_settings_know_no_way_out_and_no_key_of_the_hosts(hall: Hall) -> None:
    host = Settings(
        data=hall.folder, smtp="smtp://mail.example", sms_hook="https://sms.example", address="https://ecole.example",
        openid=None, session_idle=timedelta(minutes=7), session_lifetime=timedelta(hours=2),
    )  # fmt: skip
    own = settings_of(host)
    assert (own.session_idle, own.session_lifetime) == (host.session_idle, host.session_lifetime)
    assert (own.smtp, own.sms_hook, own.database, own.signing_folder) == ("", "", "", None)
    assert own.data == hall.folder / "training"
    hosts, theirs = keys_of(hall.host.vault), keys_of(hall.room.ctx.vault)
    shared, other = keys_of(hall.rooms.training.vault), made(hall.host, "silence", 1)
    assert not hosts & (theirs | shared)
    assert not theirs & (shared | keys_of(hall.rooms.room(other.id).ctx.vault)), "nor is one room's another's"


def keys_of(vault: Vault) -> set[bytes]:
    found = vault.secrets()
    assert found.masters
    return {*found.masters.values(), found.journal, found.marks}


# ---- backups ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_backup_holds_nothing_of_a_room_and_brings_none_back(hall: Hall, tmp_path: Path) -> None:
    hall.seated(PLANTED)
    (number,) = hall.cases()
    assert files_with(hall.folder, PLANTED), "the control: it lies there as it is"
    kept = tmp_path / "backups"
    path = kept / backup_service.create(hall.host, kept).name
    assert files_with(kept, PLANTED) == []
    assert [one for one in kept.rglob("*") if "training" in one.parts or hall.id in one.parts] == []
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(hall.host.settings.keys, elsewhere / "keys")
    backup_service.restore(Settings(data=elsewhere), hall.clock, path)
    assert not (elsewhere / "training").exists()
    assert files_with(elsewhere, PLANTED) == []
    ctx: AppContext = open_context(Settings(data=elsewhere), hall.clock)
    assert rebuild_index(ctx) == 0
    with ctx.realm.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM case_record")) == 0
    ctx.close()
    again = Hall(elsewhere, hall.id)
    wall = again.trainer()
    assert wall.get().status_code == 200, "the list knows of it, and says that it is gone"
    assert "détruit" in wall.page
    assert again.phone().get("/room/enter").status_code == 404
    assert again.signed_in().get(f"/workshop/{hall.id}/cases/{number}").status_code == 404
    again.close()


# ---- the end ---------------------------------------------------------------------------------------------------------


def wrapped_key(hall: Hall) -> bytes:
    with hall.rooms.training.stores.room.reading() as session:
        return session.scalars(select(RoomRow.wrapped).where(RoomRow.workshop == hall.id)).one()


def rows_left(
    hall: Hall, but: frozenset[str] = frozenset({"schema_revision", "files_at", "directory_version"})
) -> dict[str, int]:
    """By table, how many rows the store of workshops holds."""
    stores = hall.rooms.training.stores
    dumped = [dump(store) for store in (stores.directory, stores.realm, stores.room)]
    return {name: len(rows) for found in dumped for name, rows in found.items() if rows and name not in but}


@pytest.mark.exhaustive
def test_a_room_that_is_destroyed_leaves_the_one_beside_it_as_it_was(hall: Hall) -> None:
    """Two rooms of one scenario, both written in; the control: there are rows of both."""
    alone = rows_left(hall)
    other = Hall(hall.folder, made(hall.host, "blackmail", 2).id)
    assert rows_left(hall) == {name: 2 * number for name, number in alone.items()}
    seats = {one: one.seated(PLANTED, "team_member", "head", "team_coordinator") for one in (hall, other)}
    for one, phone in seats.items():
        training_service.to_next(one.room)
        path = f"/cases/{one.cases()[0]}/acts/add_note"
        phone.get(path)
        assert phone.post(path, {"a-text": "Un mot"}).status_code == 303
        training_service.say(one.room, 1, "Bonjour")
        phone.get(f"/cases/{one.cases()[0]}")
    number = other.cases()[0]
    before = of_room(other)
    workshop_end.purge(hall.host, hall.id)
    assert of_room(other) == before
    assert rows_left(hall) == {name: len(rows) for name, rows in before.items()}
    assert seats[other].get(f"/cases/{number}").status_code == 200
    assert seats[hall].get("/room").status_code == 404
    workshop_end.purge(hall.host, other.id)
    assert rows_left(hall) == {}
    other.close()


def of_room(hall: Hall) -> dict[str, list[str]]:
    """The rows of one room, by table, as whoever purges it would find them: all, less those of every other room."""
    stores = hall.rooms.training.stores
    mine = {hall.room.key, *units_of(stores.room, hall.room.key)}
    with stores.realm.reading() as session:
        cases = select(CaseRecordRow.id).where(CaseRecordRow.unit.in_(mine))
        mine |= set(session.scalars(cases))
    with stores.directory.reading() as session:
        mine |= set(session.scalars(select(AppointmentRow.account).where(AppointmentRow.unit.in_(mine))))
    mine.add(f"'{hall.room.key[:MARK]}-")
    found = {**dump(stores.directory), **dump(stores.realm), **dump(stores.room)}
    kept = {name: [row for row in rows if any(one in row for one in mine)] for name, rows in found.items()}
    return {name: rows for name, rows in kept.items() if rows}


def test_every_table_of_the_store_of_workshops_is_purged_or_never_written_there() -> None:
    """A table that comes later says by a column whose its rows are, or is named here: then no room writes it."""
    known = {*BY_CASE, *BY_ACCOUNT, *BY_UNIT}
    tables = {**WIRING.tables["realm"].tables, **WIRING.tables["directory"].tables}
    unknown = {name for name, table in tables.items() if not known & set(table.c.keys())}
    assert unknown - {"account", "unit", "case_record", "outbox"} == NEVER_WRITTEN
    assert {name for name, table in WIRING.tables["room"].tables.items() if "room" not in table.c} == {"room"}


@pytest.mark.files
def test_a_room_that_opens_no_more_is_destroyed_all_the_same(hall: Hall) -> None:
    with hall.rooms.training.stores.room.writing() as session:
        session.execute(update(RoomRow).values(wrapped=b"x" * 60))
    workshop_end.purge(hall.host, hall.id)
    assert rooms_there(hall) == set()
    assert hall.workshop.purged_at is not None
    assert hall.workshop.kept is None


def ring(hall: Hall) -> None:
    """Let the worker do what it rings for at the minute of the rooms."""
    queue = worker.queue_of(hall.host, Post())
    rung = 0
    for task in queue.read_periodic(NOON.replace(minute=17)):
        if task.name == "purge_rooms":
            queue.enqueue(task)
            queue.execute(queue.dequeue())
            rung += 1
    assert rung == 1


def test_after_thirty_days_the_worker_destroys_it(hall: Hall) -> None:
    phone, wrapped = hall.seated(PLANTED), wrapped_key(hall)
    hall.clock.advance(STANDS - timedelta(minutes=1))
    ring(hall)
    assert rooms_there(hall) == {hall.id}
    hall.clock.advance(timedelta(minutes=1))
    ring(hall)
    assert timedelta(days=30) == STANDS
    assert rooms_there(hall) == set()
    assert hall.workshop.purged_at == hall.clock.now()
    assert hall.workshop.kept is not None
    assert phone.get("/room").status_code == 404
    assert files_with(hall.folder, PLANTED) == []
    assert not any(wrapped in file.read_bytes() for file in hall.folder.rglob("*") if file.is_file())


@pytest.mark.files
def test_the_worker_sweeps_what_was_left_of_a_room_and_nothing_that_is_being_made(hall: Hall) -> None:
    now = hall.clock.now()
    old, rows = now - SWEPT_AFTER - timedelta(minutes=1), {"half": None, "young": None, "gone": "c" * 26}
    with hall.rooms.training.stores.room.writing() as session:
        there = session.scalars(select(RoomRow)).one()
        there.made_at = old
        said = {column.key: getattr(there, column.key) for column in RoomRow.__table__.columns}
        for name, workshop in rows.items():
            at = now if name == "young" else old
            session.add(RoomRow(**{**said, "id": name, "workshop": workshop, "made_at": at}))
    ring(hall)
    assert rooms_there(hall) == {"young", hall.id}
    hall.clock.advance(2 * SWEPT_AFTER)
    ring(hall)
    assert rooms_there(hall) == {hall.id}
