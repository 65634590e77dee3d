"""`keys …` and `backup …`, as an operator runs them: on a folder, one command after the other."""

from __future__ import annotations

import base64
import errno
import gc
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from engine.telling import MOROCCAN
from services.conftest import School
from storage.test_keys_masters import command

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.storage import case_keys


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class Place:
    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.backups, self.copy = tmp_path / "var", tmp_path / "backups", tmp_path / "copy.json"
        self.environ = monkeypatch
        monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(self.data))
        self.code = tmp_path / "code.txt"

    def fill(self, protocol: Protocol, **settings: str) -> None:
        clock = TurnableClock(now())
        ctx = open_context(Settings(data=self.data, **settings), clock)  # type: ignore[arg-type]
        School(prepared(ctx, clock, protocol, MOROCCAN.read_bytes()), iter(range(99))).report()
        ctx.close()

    def run(self, *arguments: object, exit_code: int = 0, input: str | None = None) -> Result:
        result = CliRunner().invoke(main, [str(one) for one in arguments], input=input)
        assert result.exit_code == exit_code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def json(self, *arguments: object, exit_code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code).stdout)

    def let_settle(self) -> None:
        """As if the ring had been turned a quarter of an hour ago."""
        note = self.data / case_keys.RING_NOTE
        said = json.loads(note.read_text())
        since = datetime.fromisoformat(said["since"]) - timedelta(minutes=16)
        note.write_text(json.dumps({**said, "since": since.isoformat()}))

    def make_copy(self) -> None:
        self.code.write_text(self.run("keys", "recovery", "create", "-o", self.copy).stdout)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


@pytest.fixture
def place(empty: Place, moroccan: Protocol) -> Place:
    empty.fill(moroccan)
    return empty


# ---- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_recovery_copy_is_never_put_with_the_data_nor_into_a_folder_that_has_to_be_made(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(output: Path) -> str:
        done = place.run("keys", "recovery", "create", "--output", output, exit_code=1)
        assert done.stdout == "", "no code of a copy that isn't there"
        assert not output.is_file()
        return done.stderr

    monkeypatch.chdir(place.data)
    (tmp_path / "link").symlink_to(place.data)
    for inside in (place.data / "copy.json", place.data / "keys" / "c", Path("copy.json"), tmp_path / "link" / "c"):
        assert "not with the data" in refused(inside)
    assert "no folder is made" in refused(tmp_path / "stick" / "deep" / "copy.json")
    assert not (tmp_path / "stick").exists()
    (tmp_path / "file").touch()
    assert "can't be written: Not a directory" in refused(tmp_path / "file" / "copy.json")
    with monkeypatch.context() as patched:
        patched.setattr("school_protocol.ops.key_rotation.os.fsync", _no_room)
        assert "can't be written: No space left" in refused(place.copy)
    place.make_copy()
    assert place.copy.is_file()


def _no_room(_handle: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.exhaustive
def test_it_is_said_loudly_until_a_copy_was_made_and_tested(place: Place) -> None:
    assert "no recovery copy" in place.run("keys", "status", exit_code=1).stderr
    assert "no recovery copy" in place.run("doctor").stderr
    place.make_copy()
    assert "never tried out" in place.run("doctor").stderr
    assert "keys opened" in place.run("keys", "recovery", "test", place.copy, "--code", place.code).stdout
    assert "WARNING" not in place.run("doctor").stderr
    assert place.json("keys", "status")["recovery_copy"] == "tested"
    assert "older than the newest key" in place.run("keys", "rotate").stderr
    assert "older than the newest key" in place.run("doctor").stderr
    assert place.json("keys", "status", exit_code=1)["recovery_copy"] == "outdated"


def test_the_code_is_kept_nowhere(place: Place) -> None:
    place.make_copy()
    digits = "".join(place.code.read_text().split())
    for path in place.data.rglob("*"):
        if path.is_file():
            assert digits not in "".join(path.read_bytes().decode("latin-1").split())


def test_a_mistyped_code_is_said_and_may_be_typed(place: Place) -> None:
    place.make_copy()
    code = place.code.read_text()
    typed = place.run("keys", "recovery", "test", place.copy, input=code + "\n")
    assert "keys opened" in typed.stdout
    wrong = ("1" if code[0] != "1" else "2") + code[1:]
    assert "group 1 " in place.run("keys", "recovery", "test", place.copy, input=wrong, exit_code=1).output


def test_a_copy_of_other_keys_does_not_pass_the_test(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    place.environ.setenv("SCHOOL_PROTOCOL_DATA", str(other))
    place.make_copy()
    place.environ.setenv("SCHOOL_PROTOCOL_DATA", str(place.data))
    failed = place.run("keys", "recovery", "test", place.copy, "--code", place.code, exit_code=1)
    assert "could not be opened" in failed.output
    assert "no recovery copy" in place.run("doctor").stderr


def test_lost_keys_are_put_back_and_every_case_opens_again(place: Place) -> None:
    place.make_copy()
    number = _only_number(place)
    shutil.rmtree(place.data / "keys")
    put = place.run("keys", "recovery", "restore", place.copy, "--code", place.code).stderr
    assert "master-1.key" in put
    assert "every chain holds" in place.run("journal", "verify").stderr
    assert _only_number(place) == number
    assert "WARNING" not in place.run("doctor").stderr


def _only_number(place: Place) -> str:
    ctx = open_context(Settings(data=place.data), TurnableClock(now()))
    from sqlalchemy import select

    from school_protocol.cases.loading import folded
    from school_protocol.storage.models import CaseRecordRow

    with ctx.realm.reading() as session:
        (row,) = session.scalars(select(CaseRecordRow))
        folded(ctx, session, row.id)
    ctx.close()
    return row.number


def test_keys_are_rotated_and_old_ones_retired_once_that_is_safe(place: Place) -> None:
    before = place.json("keys", "status", exit_code=1)
    assert (before["kind"], before["current"], set(before["wraps"])) == ("files", 1, {"1"})
    wrapped = sum(before["wraps"]["1"].values())
    assert place.json("keys", "rotate") == {"rewrapped": wrapped, "current": 2, "idle": [1]}
    assert "less than 15 minutes" in place.run("keys", "retire", exit_code=1).output
    assert place.json("keys", "status", exit_code=1)["numbers"] == [2, 1]
    place.let_settle()
    assert place.json("keys", "retire") == {"retired": [1]}
    assert place.json("keys", "status", exit_code=1)["numbers"] == [2]
    assert "every chain holds" in place.run("journal", "verify").stderr


def test_a_lost_master_key_is_counted_and_named(place: Place) -> None:
    place.run("keys", "rotate")
    (place.data / "keys" / "master-2.key").rename(place.data / "away")
    told = place.json("keys", "status", exit_code=1)
    assert sum(told["lost"].values()) > 0
    assert set(told["lost"]) == {"2"}
    assert "and is lost" in place.run("keys", "status", exit_code=1).stdout
    assert "master key 2 is missing" in place.run("doctor", exit_code=1).output
    assert "not lost" in place.run("keys", "give-up", "1", exit_code=1).output
    assert "given up" in place.run("keys", "give-up", "2").stderr
    assert "master keys: files" in place.run("doctor").stdout


def test_a_ring_in_the_environment_is_turned_by_its_keeper(empty: Place, moroccan: Protocol) -> None:
    old, new = (f"{number}:{base64.b64encode(os.urandom(32)).decode()}" for number in (1, 2))
    empty.environ.setenv("SCHOOL_PROTOCOL_MASTER_KEY", old)
    empty.fill(moroccan, master_key=old)
    assert "environment" in empty.run("doctor").stdout
    assert not list((empty.data / "keys").glob("master-*"))
    assert "start every process anew" in empty.run("keys", "rotate", exit_code=1).output
    empty.environ.setenv("SCHOOL_PROTOCOL_MASTER_KEY", f"{new},{old}")
    assert empty.json("keys", "rotate")["idle"] == [1]
    assert "less than 15 minutes" in empty.run("keys", "retire", exit_code=1).output
    empty.let_settle()
    assert "take master key 1 out" in empty.run("keys", "retire", exit_code=1).output
    empty.environ.setenv("SCHOOL_PROTOCOL_MASTER_KEY", new)
    empty.make_copy()
    assert "keys opened" in empty.run("keys", "recovery", "test", empty.copy, "--code", empty.code).stdout


def test_a_command_that_holds_the_keys(empty: Place, moroccan: Protocol, tmp_path: Path) -> None:
    empty.environ.setenv("SCHOOL_PROTOCOL_KEY_COMMAND", command(tmp_path))
    empty.fill(moroccan, key_command=command(tmp_path))
    assert "command" in empty.run("doctor").stdout
    assert not list((empty.data / "keys").glob("master-*"))
    told = empty.json("keys", "rotate")
    assert (told["current"], told["idle"]) == (2, [1])
    assert "less than 15 minutes" in empty.run("keys", "retire", exit_code=1).output
    empty.let_settle()
    assert empty.json("keys", "retire") == {"retired": [1]}
    created = empty.run("keys", "recovery", "create", "-o", empty.copy)
    assert "the command's" in created.stderr
    empty.environ.setenv("SCHOOL_PROTOCOL_KEY_COMMAND", "/no/such/command")
    assert "can't be run" in empty.run("keys", "status", exit_code=1).output


# ---- backups ---------------------------------------------------------------------------------------------------------


def test_from_backup_to_another_machine(place: Place, tmp_path: Path) -> None:
    number = _only_number(place)
    made = place.json("backup", "create", place.backups)
    assert made["cases"] == 1
    assert "whole" in place.run("backup", "verify", made["path"]).stderr
    (line,) = place.json("backup", "list", place.backups)
    assert (line["cases"], line["overdue"]) == (1, False)
    assert place.json("backup", "drill", place.backups)["holds"]
    place.make_copy()
    place.data = tmp_path / "another"
    place.environ.setenv("SCHOOL_PROTOCOL_DATA", str(place.data))
    assert "no key folder" in place.run("backup", "restore", place.backups, exit_code=1).output
    place.run("keys", "recovery", "restore", place.copy, "--code", place.code)
    restored = place.run("backup", "restore", place.backups)
    assert "every chain holds, 1 cases" in restored.stderr
    assert _only_number(place) == number
    assert "holds" in place.run("backup", "restore", place.backups, exit_code=1).output
    assert "destroy it once" in place.run("backup", "restore", place.backups, "--replace").stderr


def test_what_is_not_whole_is_named(place: Place) -> None:
    path = Path(place.run("backup", "create", place.backups).stdout.strip())
    with (path / "realm.sqlite").open("ab") as written:
        written.write(b"x")
    assert "realm.sqlite is not as it was written" in place.run("backup", "verify", path, exit_code=1).stdout
    drilled = place.run("backup", "drill", place.backups, exit_code=1).stdout
    assert "realm.sqlite is not as it was written" in drilled
    (path / "manifest.json").unlink()
    assert "no manifest" in place.run("backup", "list", place.backups, exit_code=1).stdout
    assert "no whole backup" in place.run("backup", "verify", place.backups, exit_code=1).output


@pytest.mark.parametrize("command", ["verify", "restore", "list", "drill"])
def test_a_folder_that_is_not_there_is_said(place: Place, command: str) -> None:
    assert "there is no folder" in place.run("backup", command, place.backups / "none", exit_code=1).output


def test_a_restore_says_which_and_goes_on_only_where_one_was_broken_off(place: Place) -> None:
    assert "--go-on" in place.run("backup", "restore", exit_code=2).output
    assert "no restore was broken off" in place.run("backup", "restore", "--go-on", exit_code=1).output


def test_a_backup_that_lacks_its_master_key_is_said(place: Place) -> None:
    place.run("backup", "create", place.backups)
    place.run("keys", "rotate")
    place.let_settle()
    place.run("keys", "retire")
    listed = place.run("backup", "list", place.backups, exit_code=1)
    assert "CAN'T BE RESTORED without master key 1" in listed.stdout
    assert place.json("backup", "list", place.backups, exit_code=1)[0]["missing_masters"] == [1]
    assert "master key 1," in place.run("backup", "verify", place.backups, exit_code=1).stdout


@pytest.mark.exhaustive
def test_a_command_gives_its_stores_back(place: Place) -> None:
    """What a restore then replaces, nobody may hold: not even until the garbage is next collected."""
    gc.collect()
    gc.disable()
    try:
        place.run("backup", "create", place.backups)
        place.run("backup", "restore", place.backups, "--replace")
    finally:
        gc.enable()


def test_what_a_restore_left_is_said(place: Place) -> None:
    place.run("backup", "create", place.backups)
    place.run("backup", "restore", place.backups, "--replace")
    (place.data / ".restoring").mkdir()
    for told in (place.run("doctor"), place.run("backup", "list", place.backups)):
        assert "before-restore-" in told.stderr
        assert ".restoring: what a restore prepared that was killed" in told.stderr


def test_overdue_backups_are_said(place: Place) -> None:
    path = Path(place.run("backup", "create", place.backups).stdout.strip())
    assert path.is_dir()
    listed = place.run("backup", "list", place.backups, "--keep-days", "1")
    assert "destroy by" in listed.stdout
