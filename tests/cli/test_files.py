"""`files move`, `files clear`, and what `doctor` says of where files lie."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from repository.operations import documented, put
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import SCREENSHOT, filing
from storage.object_store import NAME, RCLONE, ObjectStore, serving

from school_protocol.cli.group import main
from school_protocol.config import settings_from
from school_protocol.context import SystemClock, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.storage import bucket
from school_protocol.storage.blobs import Standing, new_name
from school_protocol.storage.bucket import Bucket

Run = Callable[..., Result]


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """With one piece, and one file of two parts."""
    with filing(tmp_path, moroccan) as found:
        entry = found.act("team_member", "evidence", SCREENSHOT).seq
        who = found.person("team_member")
        attach_file(found.ctx, who, found.number, entry, made.png(), is_attested=True, token=found.token())
        monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(found.ctx.settings.data))
        yield found


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


@pytest.mark.exhaustive
def test_files_go_to_an_object_store_and_back(
    school: School, run: Run, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"s3://{NAME}/by-command"
    assert "files: folder: written and read; 2 lie there, 2 are named by rows" in run("doctor").stdout
    monkeypatch.setenv("SCHOOL_PROTOCOL_FILES_ENDPOINT", object_store.endpoint)
    monkeypatch.setenv("SCHOOL_PROTOCOL_FILES", place)
    early = run("doctor")
    assert early.exit_code == 1
    assert "files of this installation lie in folder" in early.stderr
    moved = run("files", "move", "--to", place)
    assert moved.exit_code == 0, moved.stderr
    assert f"2 files were copied from folder to {place}: equal" in moved.stdout
    assert f"set SCHOOL_PROTOCOL_FILES={place}" in moved.stderr
    doctor = run("doctor")
    assert f"files: {place}: written and read; 2 lie there, 2 are named by rows" in doctor.stdout
    assert "without TLS" in doctor.stderr
    assert run("files", "clear", "folder").exit_code == 1, "not without a word"
    assert run("files", "clear", place, "--yes").exit_code == 1, "not what is in use"
    assert "2 files destroyed" in run("files", "clear", "folder", "--yes").stderr
    assert run("backup", "create", str(school.ctx.settings.data.parent / "backups")).exit_code == 1
    back = run("files", "move", "--to", "database", "--json")
    assert json.loads(back.stdout) == {"before": place, "after": "database", "files": 2, "lost": 0}
    monkeypatch.setenv("SCHOOL_PROTOCOL_FILES", "database")
    assert "files: database: written and read; 2 lie there" in run("doctor").stdout
    assert run("evidence", "check").exit_code == 0
    assert run("backup", "create", str(school.ctx.settings.data.parent / "backups")).exit_code == 0


@pytest.mark.exhaustive
def test_the_bucket_is_copied_by_the_line_of_the_docs(object_store: ObjectStore, tmp_path: Path) -> None:
    """A copy, beside what the store itself keeps; what was put is what lies there."""
    names = [new_name() for _ in range(3)]
    for place in names:
        object_store.bucket("copied").put(None, "a case", place, place.encode())
    places = {
        "school-files": f"{NAME}/copied",
        "/var/backups/school-protocol-files": shlex.quote(str(tmp_path / "copy")),
    }
    program, *words = shlex.split(put(documented("rclone copy"), places))
    store = {"TYPE": "s3", "PROVIDER": "Rclone", "ENDPOINT": object_store.endpoint, "ENV_AUTH": "true"}
    environ = {f"RCLONE_CONFIG_STORE_{name}": value for name, value in store.items()}
    command = [RCLONE.with_name(program), *words]
    subprocess.run(command, env={**os.environ, **environ, "RCLONE_CONFIG": ""}, check=True, capture_output=True)
    copied = {path.name: path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {name: name.encode() for name in names}


def test_a_place_that_is_none_is_told_in_a_sentence(school: School, run: Run) -> None:
    found = run("files", "move", "--to", "s3://key:secret@bucket")
    assert found.exit_code == 1
    assert "--to is one of folder, database, or s3://" in found.stderr
    assert "secret" not in found.stderr


@pytest.mark.exhaustive
def test_doctor_says_what_is_wrong_with_a_bucket(
    run: Run, tmp_path: Path, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SCHOOL_PROTOCOL_FILES", f"s3://{NAME}/doctor")
    monkeypatch.setenv("SCHOOL_PROTOCOL_FILES_ENDPOINT", object_store.endpoint)
    open_context(settings_from(os.environ), SystemClock()).close()
    said = {
        Standing(versioned=True): "keeps older versions, so that nothing",
        Standing(public=True): "anybody reads the bucket",
        Standing(versioned=None): "could not be found out whether the bucket keeps older versions",
        Standing(public=None): "could not be found out whether the bucket is public",
        Standing(fault="it is full"): "can't be written and read now: it is full",
        Standing(): "",
    }
    every = [sentence for sentence in said.values() if sentence]
    for standing, sentence in said.items():
        monkeypatch.setattr(Bucket, "standing", lambda self, standing=standing: standing)
        found = run("doctor")
        assert found.exit_code == (1 if standing.versioned or standing.public or standing.fault else 0)
        assert [one for one in every if one in found.stderr] == ([sentence] if sentence else [])


def test_the_site_does_not_begin_over_a_bucket_that_keeps_versions_and_begins_over_one_that_is_away(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[bool] = []
    monkeypatch.setattr("school_protocol.cli.serving.serve", lambda *_, **__: served.append(True))
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "data"))
    with serving(tmp_path / "objects") as objects:
        monkeypatch.setenv("SCHOOL_PROTOCOL_FILES", f"s3://{NAME}")
        monkeypatch.setenv("SCHOOL_PROTOCOL_FILES_ENDPOINT", objects.endpoint)
        objects.kill()
        assert run("serve", "--no-worker").exit_code == 0
        bucket._resting.clear()
        assert served == [True]
        monkeypatch.setattr(Bucket, "is_versioned", lambda self: True)
        for command in (["serve", "--no-worker"], ["worker"]):
            found = run(*command)
            assert found.exit_code == 1
            assert "keeps older versions" in found.stderr
    assert served == [True]
