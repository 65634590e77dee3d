"""What is played in a room is nowhere else: no row, list, figure, message or backup of the host's; then it is gone."""

from __future__ import annotations

import shutil
import smtplib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.cases.story_player import Player, TurnableClock
from school_protocol.config import Settings
from school_protocol.context import House, open_house
from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.visibility import UnitKind
from school_protocol.mail import Letter, Post
from school_protocol.notifications import service as notifications_service
from school_protocol.ops import backup_service, worker
from school_protocol.ops.journal_checks import rebuild_index
from school_protocol.storage.models import CaseRecordRow
from school_protocol.storage.vault import Vault
from school_protocol.training import service as training_service
from school_protocol.training import table_play, workshop_end
from school_protocol.training.models import RoomRow
from school_protocol.training.room_repository import BY_ACCOUNT, BY_CASE, BY_UNIT, MARK, units_of
from school_protocol.training.room_store import SWEPT_AFTER, settings_of
from school_protocol.training.scenario import Table
from school_protocol.training.service import STANDS
from school_protocol.training.table_play import Playing
from school_protocol.wiring import WIRING
from workshops.room_browsing import Hall, dump, hall_in, rooms_there
from workshops.rooms_of import NOON, made, person

NEVER_WRITTEN = {
    "access_batch", "administration_link", "anchor_taken", "api_read", "attestation_copy", "definition", "demo_letter",
    "demo_mark", "figure_key", "figure_public", "file_sweep", "files_at", "journal_check", "public_message",
    "public_twin", "retention_day", "scenario_kit", "throttle", "used_challenge", "workshop", "workshop_debrief",
}  # fmt: skip
"""Tables of the realm and the directory that hold nothing of a room."""
PLANTED = "Zellige Outremer"
"""A seat's name, which lies in the room's store as it is."""


@dataclass
class Recorder:
    """A way out that writes down whom it reaches."""

    sent: list[str] = field(default_factory=list)

    def carry(self, to: str, letter: Letter) -> None:
        self.sent.append(to)


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    hall = hall_in(tmp_path)
    yield hall
    hall.close()


def of_host(hall: Hall) -> dict[str, dict[str, list[str]]]:
    return {"realm": dump(hall.host.realm), "directory": dump(hall.host.directory)}


def played(hall: Hall, table: int = 1) -> str:
    """The whole expected path of the scenario, at one table, in the room's own house; the number of its case."""
    room, here = hall.room, hall.table(table)
    training_service.to_next(room)
    clock = TurnableClock(table_play.room_begun(room))
    places = {ScopeKind.province: here.province, ScopeKind.region: here.region}
    player = Player(replace(room.house, clock=clock), clock, room.protocol, here.school, places)
    player.watching = False
    playing = Playing(room.scenario, player, Table(clock.now()))
    assert playing.play(room.scenario.path.steps)
    training_service.turn_to(room, clock.now())
    return next(iter(player.numbers.values()))


def files_with(folder: Path, words: str) -> list[str]:
    """Files in which these words stand, as bytes of any of our encodings."""
    kinds = [words.encode(kind) for kind in ("utf-8", "utf-16-le", "utf-16-be")]
    return [
        str(file.relative_to(folder)) for file in sorted(folder.rglob("*"))
        if file.is_file() and any(kind in file.read_bytes() for kind in kinds)
    ]  # fmt: skip


# ---- nothing of it at the host ---------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_no_row_of_the_host_changes_while_a_table_plays(hall: Hall) -> None:
    before = of_host(hall)
    number = played(hall)
    phone = hall.seated(PLANTED, "team_member", "team_coordinator", "head", "psychosocial")
    for path in ("/", f"/cases/{number}", f"/cases/{number}/chronology", f"/cases/{number}/case-file", "/search"):
        assert phone.get(path).status_code == 200, path
    form = f"/cases/{number}/acts/add_note"
    phone.get(form)
    assert phone.post(form, {"a-text": "x"}).status_code in (303, 409)
    training_service.say(hall.room, 1, "Bonjour")
    assert hall.room.house.realm.engine.url != hall.host.realm.engine.url
    assert of_host(hall) == before
    assert len(dump(hall.room.house.realm)["case_record"]) > 1, "it was written there"


@pytest.mark.exhaustive
def test_nothing_of_it_in_what_the_host_shows(hall: Hall) -> None:
    """Beside a real case: the desk, the search, figures and an index made anew know of that one alone."""
    with hall.host.directory.writing() as session:
        region = person(hall.host, "academie").appointments[0].unit
        province = auth_repository.add_unit(session, kind=UnitKind.province, code="P", names={"fr": "P"}, parent=region)
        school = auth_repository.add_unit(
            session, kind=UnitKind.school, code="00001A", names={"fr": "E"}, parent=province
        )
        for role in ("team_member", "head"):
            account = auth_repository.add_account(
                session, username=role, names={"fr": role}, language="fr", created_at=NOON
            )
            auth_repository.appoint(session, account, role=role, unit=school, starts=NOON.date())
    number = played(hall)
    before = of_host(hall)
    assert rebuild_index(hall.host) == 0
    assert of_host(hall)["realm"] == before["realm"]
    for who in ("head", "academie"):
        visitor = hall.signed_in(who)
        for path in ("/", "/search", "/figures", "/review", "/case-files", "/referrals", "/team", "/api/v1/cases"):
            page = visitor.get(path).get_data(as_text=True)
            assert number not in page, path
            assert "FORMATION" not in page, path
        visitor.get("/search")
        assert visitor.post("/search", {"q": number}).status_code in (200, 404)
        assert visitor.get(f"/cases/{number}").status_code == 404
    with hall.host.realm.reading() as session:
        for table in ("case_record", "case_index", "figure_counter"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table


@pytest.mark.exhaustive
def test_no_message_leaves(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor by the host's worker. The control: messages there would have been, and went nowhere."""
    nowhere: list[str] = []
    left: list[str] = []
    monkeypatch.setattr(table_play.Nowhere, "carry", lambda _self, to, _letter: nowhere.append(to))
    for module, name in ((smtplib, "SMTP"), (smtplib, "SMTP_SSL"), (urllib.request, "urlopen")):
        monkeypatch.setattr(module, name, lambda *_some, **_more: left.append("something"))
    hall.seated("Bleu", "team_member", "team_coordinator", "head", "psychosocial", "directorate")
    played(hall)
    training_service.turn_to(hall.room, hall.room.house.now() + timedelta(days=20))
    mail, sms = Recorder(), Recorder()
    for _hour in range(3):
        notifications_service.sweep(hall.host, Post(mail, sms))
        hall.clock.advance(timedelta(hours=1))
    assert nowhere
    assert all(to.endswith("@formation.invalid") for to in nowhere), nowhere
    assert (mail.sent, sms.sent, left) == ([], [], [])


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
    hosts, theirs = keys_of(hall.host.vault), keys_of(hall.room.house.vault)
    shared, other = keys_of(hall.rooms.training.vault), made(hall.host, "silence", 1)
    assert not hosts & (theirs | shared)
    assert not theirs & (shared | keys_of(hall.rooms.room(other.id).house.vault)), "nor is one room's another's"


def keys_of(vault: Vault) -> set[bytes]:
    found = vault.secrets()
    assert found.masters
    return {*found.masters.values(), found.journal, found.marks}


# ---- backups ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_backup_holds_nothing_of_a_room_and_brings_none_back(hall: Hall, tmp_path: Path) -> None:
    hall.seated(PLANTED)
    number = played(hall)
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
    house: House = open_house(Settings(data=elsewhere), hall.clock)
    assert rebuild_index(house) == 0
    with house.realm.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM case_record")) == 0
    house.close()
    again = Hall(elsewhere, hall.id)
    wall = again.trainer()
    assert wall.get().status_code == 200, "the list knows of it, and says that it is gone"
    assert "détruit" in wall.page
    assert again.phone().get("/room/enter").status_code == 404
    assert again.signed_in().get(f"/workshop/{hall.id}/cases/{number}").status_code == 404
    again.close()


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_restore_in_place_brings_no_case_of_a_room_into_the_real_realm(hall: Hall, tmp_path: Path) -> None:
    path = tmp_path / "backups" / backup_service.create(hall.host, tmp_path / "backups").name
    played(hall)
    hall.close()
    backup_service.restore(Settings(data=hall.folder), hall.clock, path, replaces=True)
    hall.open()
    assert rebuild_index(hall.host) == 0
    with hall.host.realm.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM case_record")) == 0


# ---- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.files
def test_nothing_is_left_of_a_room_that_was_destroyed(hall: Hall) -> None:
    phone, trainer = hall.seated(PLANTED), hall.trainer()
    number = played(hall)
    pin, wrapped = hall.pin(PLANTED), wrapped_key(hall)
    assert files_with(hall.folder, PLANTED)
    assert trainer.post("/purge").status_code == 302
    assert rooms_there(hall) == {hall.id}, "not without the box"
    trainer.get()
    assert trainer.post("/purge", {"sure": "1"}).status_code == 302
    assert rooms_there(hall) == set()
    for words in (PLANTED, number, "سلمى", "Salma", pin):
        assert files_with(hall.folder, words) == [], words
    left = [file.read_bytes() for file in hall.folder.rglob("*") if file.is_file()]
    assert not any(wrapped in data for data in left)
    assert phone.get("/room").status_code == 404
    assert trainer.get().status_code == 200
    assert "détruit" in trainer.page
    for path in ("/clock", "/say", "/end", "/play", "/purge", "/freeze"):
        assert trainer.post(path, {"sure": "1", "text": "x", "role": "head", "table": "1"}).status_code in (302, 404)
    assert rows_left(hall) == {}


def wrapped_key(hall: Hall) -> bytes:
    with hall.rooms.training.stores.room.reading() as session:
        return session.scalars(select(RoomRow.wrapped).where(RoomRow.workshop == hall.id)).one()


def rows_left(hall: Hall, but: frozenset[str] = frozenset({"schema_revision", "files_at"})) -> dict[str, int]:
    """By table, how many rows the store of workshops holds."""
    stores = hall.rooms.training.stores
    dumped = [dump(store) for store in (stores.directory, stores.realm, stores.room)]
    return {name: len(rows) for found in dumped for name, rows in found.items() if rows and name not in but}


@pytest.mark.parametrize("is_played", [pytest.param(True, marks=pytest.mark.exhaustive), False])
def test_a_room_that_is_destroyed_leaves_the_one_beside_it_as_it_was(hall: Hall, is_played: bool) -> None:
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
    number = played(hall) if is_played else other.cases()[0]
    before = of_room(other)
    workshop_end.purge(hall.host, hall.id)
    assert of_room(other) == before
    assert rows_left(hall) == {name: len(rows) for name, rows in before.items()}
    assert seats[other].get(f"/cases/{number}").status_code == (404 if is_played else 200)
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


@pytest.mark.exhaustive
def test_what_is_kept_of_it_names_nobody(hall: Hall) -> None:
    """Though nobody had ended it: how each duty went at each table, and no word that was typed."""
    hall.seated(PLANTED, "team_member")
    hall.seated("Vert", "team_member", table=2)
    number = played(hall)
    workshop_end.purge(hall.host, hall.id)
    kept = hall.workshop.kept
    assert kept is not None
    assert set(kept["tables"]) == {"1", "2"}
    assert kept["tables"]["1"]["duties"]
    assert kept["tables"]["1"] != kept["tables"]["2"]
    for words in (PLANTED, number, "سلمى", "Salma", "الإدريسي"):
        assert words not in str(kept), words


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
    phone = hall.seated(PLANTED)
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
