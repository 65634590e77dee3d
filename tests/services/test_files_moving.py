"""Sealed files brought to another place: all of them, equal, resumable, and nobody keeps one in the old place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from storage.lying import PLACES, settings_for
from storage.object_store import ObjectStore

from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files.models import HandedPaperRow
from school_protocol.cases import repository as cases_repository
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.ops import backup_service
from school_protocol.ops.databases import (
    FilesMoved,
    NotMoved,
    clear,
    move_files,
    progress_line,
    refuse_misplaced,
    refuse_versioned,
)
from school_protocol.privacy.evidence import Swept, open_file, sweep_files
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.storage.backups import BackupUnusable
from school_protocol.storage.blobs import FilesAway, FilesElsewhere, FilesMisplaced, Standing
from school_protocol.storage.bucket import Bucket
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import SCREENSHOT, files_in, filing, there

DATA = made.png(Comment=made.MAKER)


@pytest.fixture
def school(request: pytest.FixtureRequest, tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    with filing(tmp_path, moroccan, **files_in(request)) as found:
        yield found


def piece(school: School) -> int:
    entry = school.act("team_member", "evidence", SCREENSHOT).seq
    attach(school.ctx, school, entry)
    return entry


def attach(ctx: AppContext, school: School, entry: int) -> None:
    who = school.person("team_member")
    attach_file(ctx, who, school.number, entry, DATA, is_attested=True, token=school.token())


def opened(ctx: AppContext, school: School, entry: int) -> bytes:
    said: dict[str, Any] = {"original": True, "purpose": "authority", "reason": "x", "token": school.token()}
    return open_file(ctx, school.person("head"), school.number, entry, **said).data


def target_of(kind: str, objects: ObjectStore) -> dict[str, str]:
    return {"files_in": "folder", **settings_for(kind, lambda: objects)}


def nothing(_done: int, _of: int) -> None:
    pass


def moved(school: School, said: dict[str, str]) -> tuple[FilesMoved, Settings]:
    """Moved by settings that know the object store, if there is one on either side."""
    now = school.ctx.settings
    endpoint = said.get("files_endpoint") or now.files_endpoint
    found = move_files(replace(now, files_endpoint=endpoint), said["files_in"], school.ctx.clock, nothing)
    return found, replace(now, files_in=said["files_in"], files_endpoint=endpoint)


@pytest.mark.exhaustive(but=("rows-folder",))
@pytest.mark.parametrize(("school", "to"), [("folder", "bucket"), ("bucket", "rows"), ("rows", "folder")],
                         indirect=["school"])  # fmt: skip
def test_everything_is_copied_and_the_old_place_takes_no_more(
    school: School, object_store: ObjectStore, to: str
) -> None:
    first, second, third = piece(school), piece(school), school.act("team_member", "evidence", SCREENSHOT).seq
    old, target = there(school), target_of(to, object_store)
    found, settings = moved(school, target)
    assert found == FilesMoved(old.blobs.address, target["files_in"], 4, 0)
    for attempt in (lambda: attach(school.ctx, school, third), lambda: sweep_files(school.ctx)):
        with pytest.raises(FilesAway, match="set SCHOOL_PROTOCOL_FILES"):
            attempt()
    with pytest.raises(FilesElsewhere, match="set SCHOOL_PROTOCOL_FILES"):
        open_context(school.ctx.settings, school.ctx.clock)
    ctx = open_context(settings, school.ctx.clock)
    with pytest.raises(NotMoved, match="already"):
        move_files(settings, target["files_in"], school.ctx.clock, nothing)
    with pytest.raises(NotMoved, match="nothing is destroyed"):
        clear(settings, target["files_in"], school.ctx.clock)
    assert clear(settings, old.blobs.address, school.ctx.clock) == 4
    assert old.names() == []
    assert [opened(ctx, school, one) for one in (first, second)] == [DATA, DATA]
    attach(ctx, school, third)
    assert sweep_files(ctx) == Swept(0, 0, 0)
    told = progress_line(ctx)
    assert (told.lying, told.named, told.missing, told.standing.fault) == (6, 6, 0, "")
    ctx.close()


@pytest.mark.exhaustive
def test_what_comes_while_others_are_brought_is_brought_too(
    school: School, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = piece(school), school.act("team_member", "evidence", SCREENSHOT).seq
    came: list[int] = []

    def meanwhile(done: int, _of: int) -> None:
        if not came:
            came.append(done)
            attach(school.ctx, school, second)

    target = target_of("bucket", object_store)
    after = replace(school.ctx.settings, **target)  # type: ignore[arg-type]
    endpoint = replace(school.ctx.settings, files_endpoint=target["files_endpoint"])
    found = move_files(endpoint, target["files_in"], school.ctx.clock, meanwhile)
    assert (found.files, found.lost) == (4, 0)
    ctx = open_context(after, school.ctx.clock)
    assert [opened(ctx, school, one) for one in (first, second)] == [DATA, DATA]
    ctx.close()


@pytest.mark.exhaustive(but=("rows",))
@pytest.mark.parametrize("to", PLACES[1:])
def test_broken_off_it_goes_on_and_what_is_there_and_other_is_put_anew(
    school: School, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    entry = piece(school)
    target = target_of(to, object_store)
    after = replace(school.ctx.settings, **target)  # type: ignore[arg-type]
    kind = type(replace(school.ctx, settings=after).blobs)
    plain, puts = kind.put, []

    def cut(self: Any, session: Any, case_id: str, name: str, data: bytes) -> None:
        puts.append(name)
        if len(puts) == 3:  # the first is the try
            raise KeyboardInterrupt
        plain(self, session, case_id, name, data)

    monkeypatch.setattr(kind, "put", cut)
    if to == "rows":
        puts.append("no try")
    with pytest.raises(KeyboardInterrupt):
        moved(school, target)
    monkeypatch.undo()
    assert opened(school.ctx, school, entry) == DATA, "nothing has changed"
    place = made.around(replace(school.ctx, settings=after).blobs, school.ctx.realm)
    (name,) = place.names()
    place.alter(name, b"other")
    found, settings = moved(school, target)
    assert (found.files, found.lost) == (2, 0)
    ctx = open_context(settings, school.ctx.clock)
    assert opened(ctx, school, entry) == DATA
    ctx.close()


@pytest.mark.exhaustive
def test_a_place_that_keeps_something_else_is_noticed(
    school: School, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = piece(school)
    plain = Bucket.get
    monkeypatch.setattr(Bucket, "get", lambda *said: plain(*said) and b"other")
    monkeypatch.setattr(Bucket, "standing", lambda self: Standing())
    monkeypatch.setattr(Bucket, "put", lambda *said: None)
    with pytest.raises(NotMoved, match="is not there as it was here"):
        moved(school, target_of("bucket", object_store))
    assert opened(school.ctx, school, entry) == DATA, "they lie where they lay"


@pytest.mark.exhaustive
def test_what_was_missing_before_is_told_and_holds_up_nothing(school: School, object_store: ObjectStore) -> None:
    piece(school)
    lying = there(school)
    lying.lose(lying.names()[0])
    assert progress_line(school.ctx).missing == 1
    found, settings = moved(school, target_of("bucket", object_store))
    assert (found.files, found.lost) == (1, 1)
    ctx = open_context(settings, school.ctx.clock)
    assert (progress_line(ctx).missing, sweep_files(ctx).lost) == (1, 1)
    ctx.close()


def test_a_place_that_keeps_versions_or_is_public_takes_nothing(
    school: School, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece(school)
    for standing in (Standing(versioned=True), Standing(public=True)):
        monkeypatch.setattr(Bucket, "standing", lambda self, standing=standing: standing)
        with pytest.raises(FilesMisplaced):
            moved(school, target_of("bucket", object_store))
    monkeypatch.setattr(Bucket, "standing", lambda self: Standing(fault="full"))
    with pytest.raises(NotMoved, match="full"):
        moved(school, target_of("bucket", object_store))
    monkeypatch.undo()
    refuse_misplaced(school.ctx.blobs, Standing(versioned=None, public=None))
    monkeypatch.setattr(Bucket, "is_versioned", lambda self: True)
    refuse_versioned(school.ctx)
    elsewhere = replace(school.ctx, settings=replace(school.ctx.settings, **target_of("bucket", object_store)))  # type: ignore[arg-type]
    with pytest.raises(FilesMisplaced, match="older versions"):
        refuse_versioned(elsewhere)


# ---- documents, and backups ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("school", ["bucket"], indirect=True)
def test_a_document_lies_in_the_object_store_and_its_key_in_its_row(school: School, tmp_path: Path) -> None:
    ctx = school.ctx
    piece(school)
    with ctx.realm.reading() as session:
        case_id = made_case(school, session)
    laid = case_files_repository.lay(ctx.blobs, case_id, b"%PDF a copy")
    assert laid.place in there(school).names()
    assert b"%PDF" not in (there(school).get(laid.place or "") or b"%PDF")
    with ctx.realm.writing() as session:
        case_files_repository.keep_copy(session, ctx.vault, case_id, "file", 1, laid, until=ctx.now())
    with ctx.realm.reading() as session:
        assert case_files_repository.kept_copy(session, ctx.vault, ctx.blobs, case_id, "file", 1) == b"%PDF a copy"
    there(school).alter(laid.place or "", b"%PDF another")
    with ctx.realm.reading() as session:
        assert case_files_repository.kept_copy(session, ctx.vault, ctx.blobs, case_id, "file", 1) is None, (
            "told, never shown"
        )
    assert sweep_files(ctx) == Swept(0, 0, 0), "it is named"
    with ctx.realm.writing() as session:
        cases_repository.forget_what_was_made(session, case_id)
    school.wait(hours=48 * 24)
    assert sweep_files(ctx).strays == 1


@pytest.mark.parametrize("school", ["bucket"], indirect=True)
def test_a_document_is_handed_out_though_the_object_store_is_away(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = school.ctx
    with ctx.realm.reading() as session:
        case_id = made_case(school, session)

    def away(*_said: Any) -> None:
        raise FilesAway("not now")

    monkeypatch.setattr(Bucket, "put", away)
    laid = case_files_repository.lay(ctx.blobs, case_id, b"%PDF a copy")
    assert laid.place is None
    with ctx.realm.writing() as session:
        case_files_repository.keep_copy(session, ctx.vault, case_id, "file", 1, laid, until=ctx.now())
    with ctx.realm.reading() as session:
        assert case_files_repository.kept_copy(session, ctx.vault, ctx.blobs, case_id, "file", 1) == b"%PDF a copy"
        assert b"%PDF" not in session.get(HandedPaperRow, (case_id, "file", 1)).sealed  # type: ignore[union-attr]


def made_case(school: School, session: Any) -> str:
    from school_protocol.cases.loading import load

    return load(school.ctx, session, school.person("head"), school.number).case_id


@pytest.mark.exhaustive(but=("folder",))
@pytest.mark.files
@pytest.mark.parametrize("school", PLACES, indirect=True)
def test_a_backup_holds_every_file_or_is_refused(school: School, tmp_path: Path) -> None:
    entry = piece(school)
    if there(school).blobs.holds_papers:
        with pytest.raises(BackupUnusable, match="object store"):
            backup_service.create(school.ctx, tmp_path / "backups")
        assert not (tmp_path / "backups").exists()
        return
    backup_service.create(school.ctx, tmp_path / "backups")
    drill = backup_service.drill_backup(school.ctx.settings, school.ctx.clock, tmp_path / "backups")
    assert (drill.faults, drill.opened) == ((), 1)
    lying = there(school)
    for name in lying.names():
        lying.lose(name)
    path = backup_service.chosen(school.ctx.settings, tmp_path / "backups")
    school.ctx.close()
    backup_service.restore(school.ctx.settings, school.ctx.clock, path, replaces=True)
    ctx = open_context(school.ctx.settings, school.ctx.clock)
    assert opened(ctx, school, entry) == DATA
    ctx.close()
