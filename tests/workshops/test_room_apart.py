"""What is played in a room is nowhere else: no row, list, figure, message or backup of the host's; then it is gone."""

from __future__ import annotations

import os
import shutil
import smtplib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from storage.server import LIVE

from school_protocol import jobs
from school_protocol.config import Settings
from school_protocol.domain.policy import UnitKind
from school_protocol.domain.protocol import ScopeKind
from school_protocol.domain.staging import Table
from school_protocol.post import Letter, Post
from school_protocol.services import notices
from school_protocol.services.house import House, open_house
from school_protocol.services.journal.indexing import rebuild_index
from school_protocol.services.keeping import backups
from school_protocol.services.scripts import Player, TurnableClock
from school_protocol.services.workshops import ending, rooms, running, watching
from school_protocol.services.workshops.founding import STANDS
from school_protocol.services.workshops.rooms import FOLDER, SWEPT_AFTER
from school_protocol.services.workshops.tables import Playing
from school_protocol.storage import directory
from workshops.room_browsing import Hall, dump, hall_in, rooms_there
from workshops.rooms_of import NOON, person

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
    running.to_next(room)
    clock = TurnableClock(watching.room_begun(room))
    places = {ScopeKind.province: here.province, ScopeKind.region: here.region}
    player = Player(replace(room.house, clock=clock), clock, room.protocol, here.school, places)
    player.watching = False
    playing = Playing(room.scenario, player, Table(clock.now()))
    assert playing.play(room.scenario.path.steps)
    running.turn_to(room, clock.now())
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
    running.say(hall.room, 1, "Bonjour")
    if LIVE:
        assert hall.room.house.realm.engine.get_execution_options()["schema"] == f"room_{hall.room.place}_realm"
    else:
        assert hall.room.house.realm.engine.url != hall.host.realm.engine.url
    assert of_host(hall) == before
    assert len(dump(hall.room.house.realm)["case_record"]) > 1, "it was written there"


@pytest.mark.exhaustive
def test_nothing_of_it_in_what_the_host_shows(hall: Hall) -> None:
    """Beside a real case: the desk, the search, figures and an index made anew know of that one alone."""
    with hall.host.directory.writing() as session:
        region = person(hall.host, "academie").appointments[0].unit
        province = directory.add_unit(session, kind=UnitKind.province, code="P", names={"fr": "P"}, parent=region)
        school = directory.add_unit(session, kind=UnitKind.school, code="00001A", names={"fr": "E"}, parent=province)
        for role in ("team_member", "head"):
            account = directory.add_account(session, username=role, names={"fr": role}, language="fr", created_at=NOON)
            directory.appoint(session, account, role=role, unit=school, starts=NOON.date())
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
    monkeypatch.setattr(watching.Nowhere, "carry", lambda _self, to, _letter: nowhere.append(to))
    for module, name in ((smtplib, "SMTP"), (smtplib, "SMTP_SSL"), (urllib.request, "urlopen")):
        monkeypatch.setattr(module, name, lambda *_some, **_more: left.append("something"))
    hall.seated("Bleu", "team_member", "team_coordinator", "head", "psychosocial", "directorate")
    played(hall)
    running.turn_to(hall.room, hall.room.house.now() + timedelta(days=20))
    mail, sms = Recorder(), Recorder()
    for _hour in range(3):
        notices.sweep(hall.host, Post(mail, sms))
        hall.clock.advance(timedelta(hours=1))
    assert nowhere
    assert all(to.endswith("@formation.invalid") for to in nowhere), nowhere
    assert (mail.sent, sms.sent, left) == ([], [], [])


@pytest.mark.files
def test_a_rooms_settings_know_no_way_out_and_no_key_of_the_hosts(hall: Hall) -> None:
    host = Settings(
        data=hall.folder, smtp="smtp://mail.example", sms_hook="https://sms.example", address="https://ecole.example",
        openid=None,
    )  # fmt: skip
    own = rooms.settings_of(host, hall.folder / "x")
    assert (own.smtp, own.sms_hook) == ("", "")
    assert own.keys != host.keys
    assert own.keys.is_relative_to(hall.folder / "x")
    hosts = {file.read_bytes() for file in hall.host.settings.keys.rglob("*") if file.is_file()} - {b""}
    theirs = {file.read_bytes() for file in hall.room.house.settings.keys.rglob("*") if file.is_file()} - {b""}
    assert hosts
    assert theirs
    assert not hosts & theirs


# ---- backups ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_backup_holds_nothing_of_a_room_and_brings_none_back(hall: Hall, tmp_path: Path) -> None:
    hall.seated(PLANTED)
    number = played(hall)
    assert files_with(hall.folder, PLANTED), "the control: it lies there as it is"
    kept = tmp_path / "backups"
    path = kept / backups.create(hall.host, kept).name
    assert files_with(kept, PLANTED) == []
    assert [one for one in kept.rglob("*") if FOLDER in one.parts or hall.id in one.parts] == []
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(hall.host.settings.keys, elsewhere / "keys")
    backups.restore(Settings(data=elsewhere), hall.clock, path)
    assert not (elsewhere / FOLDER).exists()
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
    path = tmp_path / "backups" / backups.create(hall.host, tmp_path / "backups").name
    played(hall)
    hall.close()
    backups.restore(Settings(data=hall.folder), hall.clock, path, replaces=True)
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
    folder, pin = rooms.folder_of(hall.host.settings, hall.id), hall.pin(PLANTED)
    keys = [file.read_bytes() for file in (folder / "keys").rglob("*") if file.is_file() and file.stat().st_size]
    assert keys
    assert files_with(hall.folder, PLANTED)
    assert trainer.post("/purge").status_code == 302
    assert folder.exists(), "not without the box"
    trainer.get()
    assert trainer.post("/purge", {"sure": "1"}).status_code == 302
    assert not folder.exists()
    assert list((hall.folder / FOLDER).iterdir()) == []
    for words in (PLANTED, number, "سلمى", "Salma", pin):
        assert files_with(hall.folder, words) == [], words
    left = [file.read_bytes() for file in hall.folder.rglob("*") if file.is_file()]
    assert not any(key in data for key in keys for data in left)
    assert phone.get("/room").status_code == 404
    assert trainer.get().status_code == 200
    assert "détruit" in trainer.page
    for path in ("/clock", "/say", "/end", "/play", "/purge", "/freeze"):
        assert trainer.post(path, {"sure": "1", "text": "x", "role": "head", "table": "1"}).status_code in (302, 404)
    assert not folder.exists()


@pytest.mark.exhaustive
def test_what_is_kept_of_it_names_nobody(hall: Hall) -> None:
    """Though nobody had ended it: how each duty went at each table, and no word that was typed."""
    hall.seated(PLANTED, "team_member")
    number = played(hall)
    ending.purge(hall.host, hall.rooms, hall.id)
    kept = hall.workshop.kept
    assert kept is not None
    assert set(kept["tables"]) == {"1", "2"}
    assert kept["tables"]["1"]["duties"]
    assert kept["tables"]["1"] != kept["tables"]["2"]
    for words in (PLANTED, number, "سلمى", "Salma", "الإدريسي"):
        assert words not in str(kept), words


@pytest.mark.files
def test_a_room_that_opens_no_more_is_destroyed_all_the_same(hall: Hall) -> None:
    folder = rooms.folder_of(hall.host.settings, hall.id)
    hall.rooms.forget(hall.id)
    shutil.rmtree(folder / "keys")
    ending.purge(hall.host, hall.rooms, hall.id)
    assert not folder.exists()
    assert hall.workshop.purged_at is not None
    assert hall.workshop.kept is None


def ring(hall: Hall) -> None:
    """Let the worker do what it rings for at the minute of the rooms."""
    queue = jobs.queue_of(hall.host, Post())
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
    root = hall.folder / FOLDER
    half, young, gone = root / f".{'a' * 26}", root / f".{'b' * 26}", root / ("c" * 26)
    for one in (half, young, gone):
        (one / "keys").mkdir(parents=True)
        (one / "room.sqlite").write_bytes(b"half")
    old = (hall.clock.now() - SWEPT_AFTER - timedelta(minutes=1)).timestamp()
    now = hall.clock.now().timestamp()
    for one, at in ((half, old), (young, now), (gone, old), (root / hall.id, old)):
        os.utime(one, (at, at))
    ring(hall)
    assert sorted(one.name for one in root.iterdir()) == sorted([young.name, hall.id])
    hall.clock.advance(2 * SWEPT_AFTER)
    ring(hall)
    assert [one.name for one in root.iterdir()] == [hall.id]
