"""Sealed files of evidence, wherever they lie: in which order, found again or told as lost, gone past recovery."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from school_protocol.engine.errors import Sealed
from school_protocol.engine.evidence_pieces import FileLost
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.repository import DERIVATIVE, ORIGINAL, Fault
from school_protocol.storage.blobs import FilesAway, Folder, keep_at, new_name
from storage.conftest import Realm
from storage.lying import PLACES, Place, place

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
CONTENT = {ORIGINAL: b"what was received" * 100, DERIVATIVE: b"what was made of it" * 100}


@pytest.fixture(params=PLACES)
def lying(request: pytest.FixtureRequest, realm: Realm) -> Place:
    objects = request.getfixturevalue("object_store") if request.param == "bucket" else None
    return place(request.param, realm.store, realm.folder / "files", objects)


@pytest.fixture
def folder(realm: Realm) -> Folder:
    return Folder(realm.folder / "files")


def kept(realm: Realm, lying: Place, case_id: str) -> str:
    with realm.store.writing() as session:
        return privacy_repository.keep(session, realm.vault, lying.blobs, case_id, CONTENT, at=NOW, places=[])


def opened(realm: Realm, lying: Place, case_id: str, file_id: str, part: str = ORIGINAL) -> bytes | Fault:
    with realm.store.reading() as session:
        return privacy_repository.open_part(session, realm.vault, lying.blobs, case_id, file_id, part)


@pytest.mark.exhaustive(
    but=(
        "sqlite-folder",
        "sqlite-rows",
    )
)
@pytest.mark.postgresql
def test_what_is_kept_is_found_again_and_cannot_be_read_where_it_lies(realm: Realm, lying: Place) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, lying, case_id)
    for part, content in CONTENT.items():
        assert opened(realm, lying, case_id, file_id, part) == content
    there = [lying.get(name) for name in lying.names()]
    assert len(there) == len(CONTENT)
    assert not [data for data in there if data is None or b"received" in data or b"made of" in data]


def test_a_file_is_whole_and_synced_before_its_name_and_its_name_before_anything_is_said(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    plain_sync, plain_rename = os.fsync, Path.rename

    def sync(handle: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{handle}").resolve().is_dir() else "file")
        plain_sync(handle)

    def rename(self: Path, target: Path) -> Path:
        done.append("rename")
        return plain_rename(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    folder.put(None, "", new_name(), b"sealed")
    assert done == ["file", "rename", "folder", "folder"]


def test_another_case_does_not_open_it(realm: Realm, lying: Place) -> None:
    case_id, other = realm.open_case(), realm.open_case()
    file_id = kept(realm, lying, case_id)
    with pytest.raises(FileLost):
        opened(realm, lying, other, file_id)


@pytest.mark.exhaustive(
    but=(
        "postgresql-folder",
        "sqlite-bucket",
        "sqlite-folder",
    )
)
@pytest.mark.postgresql
def test_a_destroyed_file_opens_never_again(realm: Realm, lying: Place) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, lying, case_id)
    with realm.store.writing() as session:
        places = privacy_repository.destroy(session, case_id, file_id)
    with pytest.raises(FileLost):
        opened(realm, lying, case_id, file_id)
    assert len(places) == len(CONTENT)
    lying.blobs.delete(places)
    lying.blobs.delete(places)
    assert lying.names() == []


def test_its_key_alone_is_enough_to_lose_it(realm: Realm, lying: Place) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, lying, case_id)
    with realm.store.writing() as session:
        privacy_repository.case_keys.destroy_object_key(session, case_id, privacy_repository.object_of(file_id))
    with pytest.raises(Sealed):
        opened(realm, lying, case_id, file_id)


@pytest.mark.exhaustive(but=("sqlite-bucket-7",))
@pytest.mark.postgresql
@pytest.mark.parametrize("night", [None, 7])
def test_lost_and_truncated_files_are_told_once_each_and_never_opened(
    realm: Realm, lying: Place, night: int | None
) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, lying, case_id)
    assert privacy_repository.faults(realm.store, lying.blobs, night=night) == (), "the control"
    first, second = lying.names()
    data = lying.get(second)
    assert data is not None
    lying.lose(first)
    lying.alter(second, data[:-1])
    found = privacy_repository.faults(realm.store, lying.blobs, night=night)
    assert sorted(one.what for one in found) == ["altered", "missing"]
    with realm.store.writing() as session:
        assert [privacy_repository.alarm(session, one, at=NOW) for one in found] == [True, True]
        assert [privacy_repository.alarm(session, one, at=NOW) for one in found] == [False, False]
        assert len(privacy_repository.alarms(session)) == 2
    assert {type(opened(realm, lying, case_id, file_id, part)) for part in CONTENT} == {Fault}


@pytest.mark.exhaustive
def test_what_is_altered_and_as_long_as_it_was_is_found_within_a_month(realm: Realm, lying: Place) -> None:
    kept(realm, lying, realm.open_case())
    name = lying.names()[0]
    lying.alter(name, b"\0" * len(lying.get(name) or b""))
    assert [one.place for one in privacy_repository.faults(realm.store, lying.blobs)] == [name]
    told = [len(privacy_repository.faults(realm.store, lying.blobs, night=night)) for night in range(100, 130)]
    assert sum(told) == (30 if lying.blobs.reads_are_cheap else 1), "each night, or the night whose turn it is"


@pytest.mark.exhaustive(only=("sqlite-bucket",))
def test_strays_are_removed_when_they_are_old_and_what_is_named_is_not(realm: Realm, lying: Place) -> None:
    case_id = realm.open_case()
    kept(realm, lying, case_id)
    named = set(lying.names())
    lying.put(new_name(), b"left over", case_id)
    if lying.realm is None:
        assert privacy_repository.remove_strays(realm.store, lying.blobs, datetime.now(UTC)) == 0, "it may be under way"
    assert privacy_repository.remove_strays(realm.store, lying.blobs, datetime.now(UTC) + timedelta(days=2)) == 1
    assert set(lying.names()) == named


def test_what_a_crash_left_aside_is_removed(realm: Realm, folder: Folder) -> None:
    name = new_name()
    folder.put(None, "", name, b"left over")
    folder.path(name).rename(folder.path(name).with_suffix(".part"))
    assert privacy_repository.remove_strays(realm.store, folder, datetime.now(UTC)) == 0
    assert privacy_repository.remove_strays(realm.store, folder, datetime.now(UTC) + timedelta(days=2)) == 1


def test_a_file_that_comes_while_strays_are_looked_for_is_none(
    realm: Realm, lying: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are asked after the look, never before it: else what came in between would be taken away."""
    case_id, plain = realm.open_case(), type(lying.blobs).names
    came: list[str] = []

    def names(self: object, start: str = "") -> list[object]:
        if not came:
            came.append(kept(realm, lying, case_id))
        return list(plain(lying.blobs, start))

    monkeypatch.setattr(type(lying.blobs), "names", names)
    monkeypatch.setattr(privacy_repository, "STARTS", ("",))  # all at one look, so that it comes in the middle of it
    assert privacy_repository.remove_strays(realm.store, lying.blobs, datetime.now(UTC) + timedelta(days=2)) == 0
    assert opened(realm, lying, case_id, came[0]) == CONTENT[ORIGINAL]


def test_a_disk_that_refuses_leaves_nothing_half_written(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        folder.put(None, "", new_name(), b"sealed")
    assert list(folder.names()) == []


def test_files_of_an_erased_case_are_nobodys(realm: Realm, lying: Place) -> None:
    case_id = realm.open_case()
    kept(realm, lying, case_id)
    with realm.store.reading() as session:
        places = privacy_repository.places_of_case(session, case_id)
        assert privacy_repository.unnamed(session, [*places, "nowhere"]) == ("nowhere",)
    assert len(places) == len(CONTENT)


def test_a_process_that_goes_by_the_settings_of_before_a_move_keeps_nothing(realm: Realm, lying: Place) -> None:
    case_id = realm.open_case()
    kept(realm, lying, case_id)
    with realm.store.writing() as session:
        keep_at(session, "s3://elsewhere")
    with pytest.raises(FilesAway, match="s3://elsewhere"):
        kept(realm, lying, case_id)
    assert len(lying.names()) == len(CONTENT)
