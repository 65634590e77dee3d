"""Sealed files of evidence on the disk: in which order, found again or told as lost, gone past recovery."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from school_protocol.domain.errors import Sealed
from school_protocol.domain.evidence import FileLost
from school_protocol.storage import files
from school_protocol.storage.files import DERIVATIVE, ORIGINAL, Fault, FileStore
from tests.storage.conftest import Realm

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
CONTENT = {ORIGINAL: b"what was received" * 100, DERIVATIVE: b"what was made of it" * 100}


@pytest.fixture
def store(realm: Realm) -> FileStore:
    return FileStore(realm.folder / "files")


def kept(realm: Realm, store: FileStore, case_id: str) -> str:
    with realm.store.writing() as session:
        return files.keep(session, realm.vault, store, case_id, CONTENT, at=NOW, places=[])


def opened(realm: Realm, store: FileStore, case_id: str, file_id: str, part: str = ORIGINAL) -> bytes | Fault:
    with realm.store.reading() as session:
        return files.open_part(session, realm.vault, store, case_id, file_id, part)


@pytest.mark.postgresql
def test_what_is_kept_is_found_again_and_cannot_be_read_on_the_disk(realm: Realm, store: FileStore) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, store, case_id)
    for part, content in CONTENT.items():
        assert opened(realm, store, case_id, file_id, part) == content
    lying = [path.read_bytes() for path in store.every()]
    assert len(lying) == len(CONTENT)
    assert not [data for data in lying if b"received" in data or b"made of" in data]


def test_a_file_is_whole_and_synced_before_its_name_and_its_name_before_anything_is_said(
    realm: Realm, store: FileStore, monkeypatch: pytest.MonkeyPatch
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
    store.write(b"sealed")
    assert done == ["file", "rename", "folder", "folder"]


def test_another_case_does_not_open_it(realm: Realm, store: FileStore) -> None:
    case_id, other = realm.open_case(), realm.open_case()
    file_id = kept(realm, store, case_id)
    with pytest.raises(FileLost):
        opened(realm, store, other, file_id)


@pytest.mark.postgresql
def test_a_destroyed_file_opens_never_again(realm: Realm, store: FileStore) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, store, case_id)
    with realm.store.writing() as session:
        places = files.destroy(session, case_id, file_id)
    with pytest.raises(FileLost):
        opened(realm, store, case_id, file_id)
    assert len(places) == len(CONTENT)
    for place in places:
        store.remove(place)
        store.remove(place)
    assert list(store.every()) == []


def test_its_key_alone_is_enough_to_lose_it(realm: Realm, store: FileStore) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, store, case_id)
    with realm.store.writing() as session:
        files.keys.destroy_object_key(session, case_id, files.object_of(file_id))
    with pytest.raises(Sealed):
        opened(realm, store, case_id, file_id)


@pytest.mark.postgresql
def test_lost_files_are_told_once_each(realm: Realm, store: FileStore) -> None:
    case_id = realm.open_case()
    file_id = kept(realm, store, case_id)
    first, second = sorted(store.every())
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    with realm.store.writing() as session:
        found = files.faults(session, store)
        assert sorted(one.what for one in found) == ["altered", "missing"]
        assert [files.alarm(session, one, at=NOW) for one in found] == [True, True]
        assert [files.alarm(session, one, at=NOW) for one in found] == [False, False]
        assert len(files.alarms(session)) == 2
    assert {type(opened(realm, store, case_id, file_id, part)) for part in CONTENT} == {Fault}


def test_strays_are_removed_when_they_are_old_and_what_is_named_is_not(realm: Realm, store: FileStore) -> None:
    kept(realm, store, realm.open_case())
    named = set(store.every())
    stray = store.path(store.write(b"left over"))
    aside = stray.with_suffix(".part")
    aside.write_bytes(b"half")
    with realm.store.reading() as session:
        assert files.remove_strays(session, store, datetime.now(UTC)) == 0
        assert files.remove_strays(session, store, datetime.now(UTC) + timedelta(days=2)) == 2
    assert set(store.every()) == named


def test_a_disk_that_refuses_leaves_nothing_half_written(
    realm: Realm, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        store.write(b"sealed")
    assert list(store.every()) == []


def test_files_of_an_erased_case_are_nobodys(realm: Realm, store: FileStore) -> None:
    case_id = realm.open_case()
    kept(realm, store, case_id)
    with realm.store.reading() as session:
        places = files.places_of_case(session, case_id)
        assert files.unnamed(session, [*places, "nowhere"]) == ("nowhere",)
    assert len(places) == len(CONTENT)
