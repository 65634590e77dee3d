"""Wherever files lie: erased with their case, a store that goes away and comes back, workshops and demos beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from storage.lying import settings_for
from storage.object_store import NAME, ObjectStore, serving
from training.rooms_of import host_in
from training.rooms_of import made as founded

from school_protocol.cases.loading import load
from school_protocol.context import take_away
from school_protocol.engine.definition import Protocol
from school_protocol.engine.events import FileHandled
from school_protocol.privacy import retention
from school_protocol.privacy.evidence import Swept, file_alarms, open_file, sweep_files
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.storage import bucket
from school_protocol.storage.blobs import FilesAway, Rows, new_name
from school_protocol.training import room_repository, workshop_end
from school_protocol.training.room_store import room_alone
from school_protocol.training.table_play import cases_of
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import SCREENSHOT, everywhere, files_in, filing, there
from services.retaining import Keeping


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
        school.ctx, who, school.number, entry, made.png(), is_attested=True, token=token or school.token()
    )  # fmt: skip


def files_kept(school: School) -> int:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
    return sum(isinstance(one, FileHandled) for one in loaded.events)


# ---- erased --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@everywhere
def test_the_files_of_an_erased_case_are_gone_at_once(school: School) -> None:
    attach(school)
    assert len(there(school).names()) == 2
    _erase(school)
    assert there(school).names() == []
    assert sweep_files(school.ctx) == Swept(0, 0, 0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("school", ["folder", "bucket"], indirect=True)
def test_what_could_not_be_taken_away_then_is_left_to_the_sweep(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(school)

    def away(*_said: object) -> None:
        raise FilesAway("not now")

    monkeypatch.setattr(type(school.ctx.blobs), "delete", away)
    _erase(school)
    assert len(there(school).names()) == 2, "the control"
    monkeypatch.undo()
    school.wait(hours=48 * 24)
    assert sweep_files(school.ctx) == Swept(0, 0, 2)
    assert there(school).names() == []


def _erase(school: School) -> None:
    keeping = Keeping(school)
    keeping.step("no_further_action")
    retention.run_sweep(school.ctx)
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
                sweep_files(school.ctx)
            assert file_alarms(school.ctx) == (), "what can't be asked for is not missing"
            assert files_kept(school) == 1
            school.act("team_member", "evidence", SCREENSHOT)
            take_away(school.ctx, [new_name()])
            objects.begin()
            bucket._resting.clear()
            put(school, second, "press")
            assert _opened(school, first)
            assert files_kept(school) == 2
            assert sweep_files(school.ctx) == Swept(0, 0, 0)


def _opened(school: School, entry: int) -> bytes:
    return open_file(
        school.ctx, school.person("head"), school.number, entry, original=True, purpose="authority", reason="x",
        token=school.token(),
    ).data  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("school", ["bucket"], indirect=True)
def test_an_object_whose_transaction_failed_is_taken_away_or_swept(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = school.act("team_member", "evidence", SCREENSHOT).seq
    monkeypatch.setattr("school_protocol.privacy.evidence_files.keep", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        put(school, entry)
    assert there(school).names() == []
    monkeypatch.setattr("school_protocol.privacy.evidence_files._tidy", lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        put(school, entry)
    assert len(there(school).names()) == 2, "the control: nobody tidied up, as when the process is killed"
    assert sweep_files(school.ctx).strays == 0
    school.wait(hours=48 * 24)
    assert sweep_files(school.ctx) == Swept(0, 0, 2)


# ---- workshops -----------------------------------------------------------------------------------------------------


def test_files_of_a_workshop_lie_in_its_store_wherever_the_real_ones_do(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    """None goes to the object store; one of another room is not there, and each goes with its room."""
    host = host_in(tmp_path)
    host = replace(host, settings=replace(host.settings, **settings_for("bucket", lambda: object_store)))  # type: ignore[arg-type]
    first, second = founded(host, "silence", 1), founded(host, "silence", 1)
    with room_alone(host, first.id) as one:
        with one.store.reading() as session:
            (table,) = room_repository.tables(session)
        (case_id,) = cases_of(one, table)
        with one.ctx.realm.writing() as session:
            one.ctx.blobs.put(session, case_id, new_name(), b"sealed, of a workshop")
        assert isinstance(one.ctx.blobs, Rows)
        assert len(list(one.ctx.blobs.names())) == 1
    folder = object_store.path(host.settings.files_in.removeprefix(f"s3://{NAME}/"))
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    workshop_end.purge(host, first.id)
    with room_alone(host, second.id) as other:
        assert list(other.ctx.blobs.names()) == []
