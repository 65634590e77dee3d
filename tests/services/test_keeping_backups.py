"""Backups of an installation in use: whole or refused, restored with a way back, what was erased stays erased."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from sqlalchemy import delete, select

from school_protocol.auth import sign_in_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import STORES, AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.mail import Post
from school_protocol.notifications import repository as notifications_repository
from school_protocol.ops import backup_service, key_rotation
from school_protocol.ops.journal_checks import take_anchor, verify_journal
from school_protocol.privacy import repository as privacy_repository
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.models import FigureCounterRow, FigureShareRow
from school_protocol.storage import master_keys, restoring
from school_protocol.storage.backups import FILE, BackupUnusable, ErasedUnreadable, note, read_erased
from school_protocol.storage.journal import Flaw
from school_protocol.storage.models import CaseRecordRow
from school_protocol.storage.restoring import PlaceTaken, RestoreUnfinished
from school_protocol.storage.store_errors import KeysUnusable, StorageBusy
from services.conftest import WORDS, School

pytestmark = pytest.mark.files


class Place:
    """An installation in a folder of its own, with two cases, a sealed file, and a folder for its backups."""

    def __init__(self, tmp_path: Path, protocol: Protocol) -> None:
        self.settings = Settings(data=tmp_path / "var")
        self.folder = tmp_path / "backups"
        self.clock = TurnableClock(NOW)
        self.ctx = open_context(self.settings, self.clock)
        self.school = School(prepared(self.ctx, self.clock, protocol, MOROCCAN.read_bytes()), count(1))
        self.school.report()
        self.first = self.school.number
        self.school.report()
        sealed = self.settings.files / "ab" / ("ab" * 16)
        sealed.parent.mkdir(parents=True)
        sealed.write_bytes(os.urandom(5000))
        self.file = sealed

    def close(self) -> None:
        self.ctx.close()

    def again(self) -> AppContext:
        self.close()
        self.ctx = open_context(self.settings, self.clock)
        return self.ctx

    def backup(self) -> Path:
        return self.folder / backup_service.create(self.ctx, self.folder).name

    def id_of(self, number: str) -> str:
        with self.ctx.realm.reading() as session:
            found = cases_repository.find_by_number(session, number)
        assert found is not None
        return found

    def erase(self, number: str) -> str:
        case_id = self.id_of(number)
        note(self.settings.data, self.ctx.vault, case_id, self.clock.now())
        with self.ctx.realm.writing() as session:
            privacy_repository.erase_case(session, self.ctx.vault, case_id, at=self.clock.now(), actor="officer")
        return case_id

    def move_to(self, folder: Path) -> Settings:
        """Another machine: nothing but the keys."""
        shutil.copytree(self.settings.keys, folder / "keys")
        return Settings(data=folder)


@pytest.fixture
def place(tmp_path: Path, moroccan: Protocol) -> Iterator[Place]:
    place = Place(tmp_path, moroccan)
    yield place
    place.close()


def contents(ctx: AppContext) -> dict[str, Any]:
    """What every case says, opened, and every row of the chains."""
    with ctx.realm.reading() as session:
        ids = sorted(session.scalars(select(CaseRecordRow.id)))
        return {
            case_id: (
                cases_repository.is_destroyed(session, case_id)
                or cases_repository.load_events(session, ctx.vault, case_id)
            )
            for case_id in ids
        }


# ---- made ------------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_backup_is_whole_and_says_what_it_holds(place: Place) -> None:
    path = place.backup()
    assert backup_service.verify(place.settings, path) == []
    (kept,) = backup_service.every_backup(place.ctx, place.folder)
    made = kept.listed.manifest
    assert made is not None
    assert (made.cases, made.begun) == (2, NOW)
    assert {place.id_of(place.first), place.id_of(place.school.number)} <= set(made.heads)
    assert {"realm.sqlite", "directory.sqlite", "files/ab/" + "ab" * 16} == set(made.files)
    assert kept.destroy_by == NOW + timedelta(days=30)
    assert {entry.stat().st_mode & 0o077 for entry in (path, *path.rglob("*"))} == {0}


@pytest.mark.exhaustive
def test_no_key_and_no_word_is_in_it(place: Place) -> None:
    """The control is kept in clear and must be found, so that the search itself works."""
    path = place.backup()
    data = b"".join(entry.read_bytes() for entry in path.rglob("*") if entry.is_file())
    kept = place.ctx.vault.secrets()
    assert place.first.encode() in data
    for key in (*kept.masters.values(), kept.journal, kept.marks):
        assert key not in data
    assert WORDS.encode() not in data


@pytest.mark.exhaustive
def test_a_backup_beside_its_own_data_is_refused(place: Place) -> None:
    with pytest.raises(BackupUnusable, match="lost with it"):
        backup_service.create(place.ctx, place.settings.data / "backups")


@pytest.mark.exhaustive
def test_one_backup_at_a_time_and_what_was_broken_off_is_cleared(place: Place) -> None:
    left = place.folder / ".unfinished-x"
    left.mkdir(parents=True)
    (left / "realm.sqlite").write_bytes(b"half")
    listed = backup_service.every_backup(place.ctx, place.folder)
    assert [(one.listed.manifest, "broken off" in one.listed.fault) for one in listed] == [(None, True)]
    place.backup()
    assert not left.exists()


@pytest.mark.exhaustive
def test_a_file_destroyed_meanwhile_begins_the_backup_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from school_protocol.storage import backups

    snapshots: list[str] = []
    plain = backups._snapshot

    def destroying(source: Path, target: Path, progress: Any) -> None:
        plain(source, target, progress)
        snapshots.append(source.name)
        place.file.unlink(missing_ok=True)

    monkeypatch.setattr(backups, "_snapshot", destroying)
    path = place.backup()
    assert snapshots == ["realm.sqlite", "directory.sqlite"] * 2
    assert backup_service.verify(place.settings, path) == []
    assert not (path / "files" / "ab").exists()


def test_a_full_disk_leaves_no_backup(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from school_protocol.storage import backups
    from school_protocol.storage.store_errors import StorageFull

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_copy", full)
    with pytest.raises(StorageFull):
        place.backup()
    assert [one for one in place.folder.iterdir() if one.name != ".lock"] == []


# ---- refused ---------------------------------------------------------------------------------------------------------


def spoil(path: Path, how: str) -> None:
    manifest = path / "manifest.json"
    told = json.loads(manifest.read_bytes())
    if how == "a byte of the realm":
        _flip(path / "realm.sqlite")
    elif how == "a byte of a file":
        _flip(path / "files" / "ab" / ("ab" * 16))
    elif how == "a file taken away":
        (path / "files" / "ab" / ("ab" * 16)).unlink()
    elif how == "a file put in":
        (path / "files" / "ab" / "more").write_bytes(b"x")
    elif how == "a store cut short":
        with (path / "directory.sqlite").open("r+b") as written:
            written.truncate(8192)
    elif how == "the manifest rewritten to fit":
        _flip(path / "realm.sqlite")
        from school_protocol.storage.backups import _digest

        told["files"]["realm.sqlite"] = list(_digest(path / "realm.sqlite"))
        manifest.write_text(json.dumps(told))
    elif how == "an older date":
        manifest.write_text(json.dumps({**told, "begun": "2020-01-01T00:00:00+00:00"}))
    elif how == "no manifest":
        manifest.unlink()
    elif how == "half a manifest":
        manifest.write_bytes(manifest.read_bytes()[:100])
    elif how == "rows taken away, digests too":
        with closing(sqlite3.connect(path / "realm.sqlite")) as connection:
            connection.execute("DROP TRIGGER IF EXISTS event_no_delete")
            connection.execute("DELETE FROM case_key")
            connection.commit()
    else:
        raise AssertionError(how)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


SPOILT = (
    "a byte of the realm", "a byte of a file", "a file taken away", "a file put in", "a store cut short",
    "the manifest rewritten to fit", "an older date", "no manifest", "half a manifest", "rows taken away, digests too",
)  # fmt: skip


@pytest.mark.exhaustive(but=("rows taken away, digests too",))
@pytest.mark.parametrize("how", SPOILT)
def test_what_was_touched_is_found_and_not_restored(place: Place, tmp_path: Path, how: str) -> None:
    path = place.backup()
    spoil(path, how)
    assert backup_service.verify(place.settings, path)
    elsewhere = place.move_to(tmp_path / "elsewhere")
    with pytest.raises(BackupUnusable):
        backup_service.restore(elsewhere, place.clock, path)
    assert {one.name for one in elsewhere.data.iterdir()} <= {"keys", ".restoring"}
    assert backup_service.drill_backup(place.settings, place.clock, place.folder).faults


@pytest.mark.exhaustive
def test_without_the_keys_nothing_is_restored(place: Place, tmp_path: Path) -> None:
    path = place.backup()
    with pytest.raises(KeysUnusable):
        backup_service.restore(Settings(data=tmp_path / "elsewhere"), place.clock, path)
    other = Settings(data=tmp_path / "other")
    open_context(other, place.clock).realm.close()
    with pytest.raises(BackupUnusable, match="journal key is another"):
        backup_service.restore(other, place.clock, path, replaces=True)


# ---- restored --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_restored_elsewhere_it_is_equal(place: Place, tmp_path: Path) -> None:
    path, before = place.backup(), contents(place.ctx)
    elsewhere = place.move_to(tmp_path / "elsewhere")
    done = backup_service.restore(elsewhere, place.clock, path)
    assert (done.indexed, done.erased, done.aside) == (2, 0, None)
    ctx = open_context(elsewhere, place.clock)
    assert contents(ctx) == before
    assert verify_journal(ctx) == []
    assert (elsewhere.files / "ab" / ("ab" * 16)).read_bytes() == place.file.read_bytes()
    with ctx.realm.reading() as session:
        folded(ctx, session, place.id_of(place.first))
    ctx.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("apart", [False, True], ids=["beside the data", "on another volume"])
def test_anchors_from_before_and_after_it_stand_in_no_way(place: Place, tmp_path: Path, apart: bool) -> None:
    """They lie in no backup. What is cut off is said afterwards, until somebody says why it is."""
    if apart:
        place.settings = replace(place.settings, anchors=tmp_path / "anchors")
        place.again()
    take_anchor(place.ctx, Post())
    path, before = place.backup(), contents(place.ctx)
    assert backup_service.drill_backup(place.settings, place.clock, place.folder).faults == ()
    place.school.report()
    take_anchor(place.ctx, Post())
    assert backup_service.drill_backup(place.settings, place.clock, place.folder).faults == ()
    elsewhere = replace(place.move_to(tmp_path / "elsewhere"), anchors=place.settings.anchors)
    backup_service.restore(elsewhere, place.clock, path)
    if not apart:
        shutil.copytree(place.settings.anchors_folder, elsewhere.anchors_folder)
    ctx = open_context(elsewhere, place.clock)
    assert contents(ctx) == before
    assert Flaw.case_removed in {one.flaw for one in verify_journal(ctx)}
    take_anchor(ctx, Post(), resumes="restored")
    assert verify_journal(ctx) == []
    ctx.close()


def test_a_place_that_holds_something_is_replaced_only_when_said_and_when_closed(place: Place) -> None:
    path, before = place.backup(), contents(place.ctx)
    place.school.report()
    later = contents(place.ctx)
    with pytest.raises(PlaceTaken):
        backup_service.restore(place.settings, place.clock, path)
    with pytest.raises(StorageBusy, match="stop the site"):
        backup_service.restore(place.settings, place.clock, path, replaces=True)
    assert contents(place.again()) == later, "nothing was changed"
    place.close()
    done = backup_service.restore(place.settings, place.clock, path, replaces=True)
    assert contents(place.again()) == before
    assert done.aside is not None
    place.close()
    for name in ("realm.sqlite", "directory.sqlite"):
        (done.aside / name).replace(place.settings.data / name)
    assert contents(place.again()) == later, "and there is a way back"


@pytest.mark.exhaustive
def test_a_store_that_is_broken_can_be_replaced(place: Place) -> None:
    path, before = place.backup(), contents(place.ctx)
    place.close()
    (place.settings.data / "realm.sqlite").write_bytes(b"lightning" * 1000)
    backup_service.restore(place.settings, place.clock, path, replaces=True)
    assert contents(place.again()) == before


@pytest.mark.exhaustive
def test_a_case_erased_since_stays_erased(place: Place, tmp_path: Path) -> None:
    path = place.backup()
    case_id = place.erase(place.first)
    (kept,) = backup_service.every_backup(place.ctx, place.folder)
    assert kept.erased_since == 1
    place.close()
    done = backup_service.restore(place.settings, place.clock, path, replaces=True)
    assert (done.erased, done.indexed) == (1, 1)
    ctx = place.again()
    with ctx.realm.reading() as session:
        assert cases_repository.is_destroyed(session, case_id)
    assert verify_journal(ctx) == []
    drilled = backup_service.drill_backup(place.settings, place.clock, place.folder)
    assert (drilled.erased, drilled.cases, drilled.faults) == (1, 1, ())


@pytest.mark.exhaustive
def test_the_list_of_the_lost_machine_counts_elsewhere(place: Place, tmp_path: Path) -> None:
    path = place.backup()
    case_id = place.erase(place.first)
    elsewhere = place.move_to(tmp_path / "elsewhere")
    saved = place.settings.data / FILE
    assert backup_service.restore(elsewhere, place.clock, path, erased_elsewhere=[saved]).erased == 1
    ctx = open_context(elsewhere, place.clock)
    assert [one.case_id for one in read_erased(elsewhere.data, ctx.vault)] == [case_id]
    ctx.close()
    saved.write_text("{}\n")
    with pytest.raises(ErasedUnreadable):
        backup_service.restore(place.move_to(tmp_path / "third"), place.clock, path, erased_elsewhere=[saved])


def test_where_the_stores_came_back_without_us_what_was_erased_goes_again(place: Place, tmp_path: Path) -> None:
    data, kept = place.settings.data, tmp_path / "kept"
    place.close()
    shutil.copytree(data, kept)
    place.again()
    case_id = place.erase(place.first)
    place.close()
    for name in STORES:
        shutil.copy2(kept / f"{name}.sqlite", data / f"{name}.sqlite")
    ctx = place.again()
    with ctx.realm.reading() as session:
        assert not cases_repository.is_destroyed(session, case_id), "the control: it is there again"
    assert backup_service.catch_up(ctx) == 1
    with ctx.realm.reading() as session:
        assert cases_repository.is_destroyed(session, case_id)
    assert backup_service.catch_up(ctx) == 0
    assert list(verify_journal(ctx)) == []


@pytest.mark.exhaustive
def test_sessions_of_the_time_are_ended(place: Place) -> None:
    head = place.school.account("head")
    with place.ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, head, now=NOW)
    path = place.backup()
    with place.ctx.directory.writing() as session:
        sign_in_repository.close_web_session(session, token)
    place.close()
    backup_service.restore(place.settings, place.clock, path, replaces=True)
    with place.again().directory.reading() as session:
        assert sign_in_repository.web_session(session, token, now=NOW) is None


@pytest.mark.exhaustive(but=("6",))
@pytest.mark.parametrize("killed_at", range(1, 8))
def test_a_restore_broken_off_between_two_parts_is_gone_on_with(
    place: Place, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    path, before = place.backup(), contents(place.ctx)
    place.school.report()
    place.close()
    calls = count(1)
    plain = Path.rename

    def dying(self: Path, target: Path) -> Path:
        if restoring.is_under_way(place.settings.data) and next(calls) == killed_at:
            raise KeyboardInterrupt
        return plain(self, target)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", dying)
        try:
            backup_service.restore(place.settings, place.clock, path, replaces=True)
        except KeyboardInterrupt:
            with pytest.raises(RestoreUnfinished):
                open_context(place.settings, place.clock)
            with pytest.raises(RestoreUnfinished):
                backup_service.restore(place.settings, place.clock, path, replaces=True)
    if restoring.is_under_way(place.settings.data):
        backup_service.go_on(place.settings)
    assert contents(place.again()) == before
    assert verify_journal(place.ctx) == []


@pytest.mark.exhaustive
def test_a_restore_that_fails_leaves_no_copy_of_the_stores(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place.backup()
    stage = restoring.stage_of(place.settings.data)

    def failing(*_: object) -> int:
        assert (stage / "realm.sqlite").exists()
        raise StorageBusy("the disk went away")

    with monkeypatch.context() as broken:
        broken.setattr(backup_service, "rebuild_index", failing)
        place.close()
        with pytest.raises(StorageBusy, match="went away"):
            backup_service.restore(place.settings, place.clock, path, replaces=True)
    assert not stage.exists()
    place.again()
    with pytest.raises(StorageBusy, match="stop the site"):
        backup_service.restore(place.settings, place.clock, path, replaces=True)
    assert not stage.exists()


def test_what_a_restore_left_is_named_until_it_is_gone(place: Place) -> None:
    assert restoring.left_over(place.settings.data) == ()
    path = place.backup()
    place.close()
    aside = backup_service.restore(place.settings, place.clock, path, replaces=True).aside
    (said,) = restoring.left_over(place.settings.data)
    assert str(aside) in said
    assert "destroy it" in said
    with restoring.staged(place.settings.data):
        assert len(restoring.left_over(place.settings.data)) == 1, "one that runs is none that was left"
        with pytest.raises(StorageBusy, match="is running"), restoring.staged(place.settings.data):
            pass
    restoring.stage_of(place.settings.data).mkdir()
    assert "killed" in restoring.left_over(place.settings.data)[0]


def test_a_hold_of_the_time_of_the_backup_does_not_keep_what_was_erased_since(place: Place) -> None:
    """The list of erased cases decides: a hold that stood then was lifted before the case was erased."""
    case_id = place.id_of(place.first)
    with place.ctx.realm.writing() as session:
        privacy_repository.bar(session, case_id, NOW + timedelta(days=200))
    path = place.backup()
    with place.ctx.realm.writing() as session:
        privacy_repository.bar(session, case_id, None)
    place.erase(place.first)
    assert backup_service.drill_backup(place.settings, place.clock, place.folder).faults == ()
    place.close()
    assert backup_service.restore(place.settings, place.clock, path, replaces=True).erased == 1
    with place.again().realm.reading() as session:
        assert cases_repository.is_destroyed(session, case_id)


@pytest.mark.exhaustive
def test_a_backup_whose_master_key_was_retired_is_named_and_opens_again_with_it(place: Place) -> None:
    path = place.backup()
    kept = (place.settings.keys / "master-1.key").read_bytes()
    assert key_rotation.rotate(place.ctx) > 0
    place.clock.advance(key_rotation.SETTLED)
    assert key_rotation.retire(place.ctx) == (1,)
    (fault,) = backup_service.verify(place.settings, path)
    assert "master key 1," in fault
    assert [one.missing for one in backup_service.every_backup(place.ctx, place.folder)] == [(1,)]
    with pytest.raises(BackupUnusable, match="master key 1,"):
        backup_service.restore(place.settings, place.clock, path, replaces=True)
    assert "master key 1," in backup_service.drill_backup(place.settings, place.clock, place.folder).faults[0]
    master_keys.write_key_file(place.settings.keys / "master-1.key", kept)
    assert backup_service.verify(place.settings, path) == []


# ---- killed ----------------------------------------------------------------------------------------------------------


def _back_up(data: Path, folder: Path) -> None:
    ctx = open_context(Settings(data=data), TurnableClock(NOW))
    while True:
        backup_service.create(ctx, folder)


@pytest.mark.exhaustive
def test_a_backup_killed_half_way_is_absent_and_the_others_are_whole(place: Place) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=_back_up, args=(place.settings.data, place.folder))
    worker.start()
    deadline = time.monotonic() + 60
    while not list(place.folder.glob("2*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.15)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    listed = backup_service.every_backup(place.ctx, place.folder)
    whole = [one.listed for one in listed if one.listed.manifest]
    assert whole
    assert all("broken off" in one.listed.fault for one in listed if one.listed.manifest is None)
    assert all(backup_service.verify(place.settings, one.path) == [] for one in whole)


# ---- the drill -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_drill_says_how_old_and_how_whole(place: Place, tmp_path: Path) -> None:
    assert backup_service.drill_backup(place.settings, place.clock, _made(tmp_path / "none")).faults == (
        f"there is no whole backup in {tmp_path / 'none'}",
    )
    place.backup()
    place.clock.advance(timedelta(hours=5))
    done = backup_service.drill_backup(place.settings, place.clock, place.folder)
    assert (done.age, done.cases, done.opened, done.faults) == (timedelta(hours=5), 2, 2, ())
    place.clock.advance(timedelta(days=2))
    assert "hours old" in backup_service.drill_backup(place.settings, place.clock, place.folder).faults[0]
    place.clock.advance(-timedelta(days=9))
    assert "hours old" in backup_service.drill_backup(place.settings, place.clock, place.folder).faults[0], (
        "nor from the future"
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.exhaustive
def test_the_drill_leaves_nothing_and_touches_nothing(place: Place, tmp_path: Path) -> None:
    place.backup()
    scratch = _made(tmp_path / "scratch")
    before = contents(place.ctx)
    backup_service.drill_backup(place.settings, place.clock, place.folder, scratch=scratch)
    assert list(scratch.iterdir()) == []
    assert contents(place.ctx) == before


def test_overdue_backups_are_listed(place: Place) -> None:
    place.backup()
    (kept,) = backup_service.every_backup(place.ctx, place.folder, timedelta(days=3))
    assert not kept.is_overdue(NOW + timedelta(days=2, hours=23))
    assert kept.is_overdue(NOW + timedelta(days=3))


def test_what_is_erased_again_is_counted_though_it_never_was(place: Place) -> None:
    """A backup from before figures were first counted."""
    with place.ctx.realm.writing() as session:
        session.execute(delete(FigureShareRow))
        session.execute(delete(FigureCounterRow))
    path = place.backup()
    place.erase(place.first)
    place.close()
    backup_service.restore(place.settings, place.clock, path, replaces=True)
    ctx = place.again()
    with ctx.realm.reading() as session:
        assert len(statistics_repository.frozen(session)) == 1


@pytest.mark.exhaustive
def test_an_address_of_a_calendar_of_the_time_is_ended(place: Place) -> None:
    account = place.school.account("head")
    with place.ctx.directory.writing() as session:
        token = notifications_repository.make_feed(session, account, at=NOW)
    path = place.backup()
    place.close()
    backup_service.restore(place.settings, place.clock, path, replaces=True)
    with place.again().directory.writing() as session:
        assert notifications_repository.feed_of(session, account) is None
        assert notifications_repository.read_feed(session, token, at=NOW, most=9, window=timedelta(minutes=1)) is None
