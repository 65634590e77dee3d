"""Wherever files lie: erased with their case, a store that goes away and comes back, workshops and demos beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from storage.lying import settings_for
from storage.object_store import NAME, ObjectStore, serving
from workshops.rooms_of import host_in
from workshops.rooms_of import made as founded

from school_protocol.domain.events import FileHandled
from school_protocol.domain.protocol import Protocol
from school_protocol.services.evidence.keeping import attach_file
from school_protocol.services.evidence.opening import open_file
from school_protocol.services.evidence.sweeping import Swept, file_alarms, sweep_files
from school_protocol.services.house import House, take_away
from school_protocol.services.loading import load
from school_protocol.services.retention import running
from school_protocol.services.workshops import ending
from school_protocol.services.workshops.placing import where
from school_protocol.services.workshops.rooms import FOLDER, room_alone, sweep_left_over
from school_protocol.storage.blobs import bucket
from school_protocol.storage.blobs.blobs import FilesAway, keep_at, new_name
from school_protocol.storage.blobs.bucket import Bucket
from services.conftest import School
from services.retaining import Keeping
from tests.services import evidence_made as made
from tests.services.evidence_made import SCREENSHOT, everywhere, files_in, filing, there

pytestmark = pytest.mark.rooms


@pytest.fixture
def school(request: pytest.FixtureRequest, tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    with filing(tmp_path, moroccan, **files_in(request)) as found:
        yield found


def attach(school: School, token: str = "") -> int:
    entry = school.act("team_member", "evidence", SCREENSHOT).seq
    put(school, entry, token)
    return entry


def put(school: School, entry: int, token: str = "") -> None:
    who = school.person("team_member")
    attach_file(
        school.house, who, school.number, entry, made.png(), is_attested=True, token=token or school.token()
    )  # fmt: skip


def files_kept(school: School) -> int:
    with school.house.realm.reading() as session:
        loaded = load(school.house, session, school.person("head"), school.number)
    return sum(isinstance(one, FileHandled) for one in loaded.events)


# ---- erased --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@everywhere
def test_the_files_of_an_erased_case_are_gone_at_once(school: School) -> None:
    attach(school)
    assert len(there(school).names()) == 2
    _erase(school)
    assert there(school).names() == []
    assert sweep_files(school.house) == Swept(0, 0, 0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("school", ["folder", "bucket"], indirect=True)
def test_what_could_not_be_taken_away_then_is_left_to_the_sweep(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(school)

    def away(*_said: object) -> None:
        raise FilesAway("not now")

    monkeypatch.setattr(type(school.house.blobs), "delete", away)
    _erase(school)
    assert len(there(school).names()) == 2, "the control"
    monkeypatch.undo()
    school.wait(hours=48 * 24)
    assert sweep_files(school.house) == Swept(0, 0, 2)
    assert there(school).names() == []


def _erase(school: School) -> None:
    keeping = Keeping(school)
    keeping.step("no_further_action")
    running.run(school.house)
    standing = keeping.standing()
    assert standing is not None
    keeping.leap(standing.erase_on + timedelta(days=4))
    assert keeping.is_erased()


# ---- away, and back ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_while_the_store_is_away_nothing_is_half_kept_and_the_rest_goes_on(tmp_path: Path, moroccan: Protocol) -> None:
    with serving(tmp_path / "objects") as objects:
        said = settings_for("bucket", lambda: objects)
        with filing(tmp_path, moroccan, **said) as school:
            first = attach(school)
            second = school.act("team_member", "evidence", SCREENSHOT).seq
            objects.kill()
            bucket._resting.clear()
            with pytest.raises(FilesAway):
                put(school, second, "press")
            with pytest.raises(FilesAway):
                _opened(school, first)
            with pytest.raises(FilesAway):
                sweep_files(school.house)
            assert file_alarms(school.house) == (), "what can't be asked for is not missing"
            assert files_kept(school) == 1
            school.act("team_member", "evidence", SCREENSHOT)
            take_away(school.house, [new_name()])
            objects.begin()
            bucket._resting.clear()
            put(school, second, "press")
            assert _opened(school, first)
            assert files_kept(school) == 2
            assert sweep_files(school.house) == Swept(0, 0, 0)


def _opened(school: School, entry: int) -> bytes:
    return open_file(
        school.house, school.person("head"), school.number, entry, original=True, purpose="authority", reason="x",
        token=school.token(),
    ).data  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("school", ["bucket"], indirect=True)
def test_an_object_whose_transaction_failed_is_taken_away_or_swept(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = school.act("team_member", "evidence", SCREENSHOT).seq
    monkeypatch.setattr("school_protocol.services.evidence.keeping.keep", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        put(school, entry)
    assert there(school).names() == []
    monkeypatch.setattr("school_protocol.services.evidence.keeping._tidy", lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        put(school, entry)
    assert len(there(school).names()) == 2, "the control: nobody tidied up, as when the process is killed"
    assert sweep_files(school.house).strays == 0
    school.wait(hours=48 * 24)
    assert sweep_files(school.house) == Swept(0, 0, 2)


# ---- workshops -----------------------------------------------------------------------------------------------------


def hosting(folder: Path, objects: ObjectStore) -> House:
    """A host whose files, and those of its workshops, lie in an object store."""
    host = host_in(folder)
    return replace(host, settings=replace(host.settings, **settings_for("bucket", lambda: objects)))  # type: ignore[arg-type]


def all_objects(host: House, objects: ObjectStore) -> list[str]:
    folder = objects.path(host.settings.files_in.removeprefix(f"s3://{NAME}/"))
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_workshop_has_a_prefix_of_its_own_and_is_gone_with_its_objects(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    host = hosting(tmp_path, object_store)
    host.blobs.put(None, "", new_name(), b"sealed, of the real realm")
    first, second = founded(host, "silence", 1), founded(host, "silence", 1)
    for workshop in (first, second):
        with room_alone(host, workshop.id) as room:
            assert isinstance(room.house.blobs, Bucket)
            room.house.blobs.put(None, "", new_name(), b"sealed, of a workshop")
    starts = ["real", *(f"{FOLDER}/{where(host.directory, one.id) or one.id}" for one in (first, second))]
    found = all_objects(host, object_store)
    assert [sum(one.startswith(start) for one in found) for start in starts] == [1, 1, 1]
    ending.purge(host, None, first.id)
    found = all_objects(host, object_store)
    assert [sum(one.startswith(start) for one in found) for start in starts] == [1, 0, 1]
    assert sweep_left_over(host) == 0, "what stands stays"
    assert all_objects(host, object_store) == found


def test_objects_of_a_workshop_that_could_not_be_reached_are_swept(
    tmp_path: Path, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = hosting(tmp_path, object_store)
    workshop = founded(host, "silence", 1)
    with room_alone(host, workshop.id) as room:
        room.house.blobs.put(None, "", new_name(), b"sealed")

    def away(*_said: object) -> None:
        raise FilesAway("not now")

    monkeypatch.setattr(Bucket, "clear", away)
    ending.purge(host, None, workshop.id)
    assert len(all_objects(host, object_store)) == 1, "the control"
    monkeypatch.undo()
    assert sweep_left_over(host) == 1
    assert all_objects(host, object_store) == []


def test_a_workshop_keeps_its_files_where_it_was_begun(tmp_path: Path, object_store: ObjectStore) -> None:
    host = host_in(tmp_path)
    workshop = founded(host, "silence", 1)
    with room_alone(host, workshop.id) as room, room.house.realm.writing() as session:
        keep_at(session, "folder")
    moved = replace(host, settings=replace(host.settings, **settings_for("bucket", lambda: object_store)))  # type: ignore[arg-type]
    with room_alone(moved, workshop.id) as room:
        assert not isinstance(room.house.blobs, Bucket)


def test_nobody_of_a_workshop_reads_what_is_of_another(tmp_path: Path, object_store: ObjectStore) -> None:
    host = hosting(tmp_path, object_store)
    first, second = founded(host, "silence", 1), founded(host, "silence", 1)
    name = new_name()
    with room_alone(host, first.id) as one, room_alone(host, second.id) as other:
        one.house.blobs.put(None, "", name, b"sealed")
        assert other.house.blobs.get(None, name) is None  # type: ignore[arg-type]
