"""`doctor` and commands where the machine gives no room, or the account may not look at the keys: a sentence each."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from engine.telling import MOROCCAN, NOW
from services.conftest import School
from sqlalchemy.exc import OperationalError
from storage.server import EVERYWHERE

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.cli import serve_commands, setup_commands
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.context import STORES, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.storage import master_keys
from school_protocol.storage.master_keys import KEY_BYTES, PUT_BACK

pytestmark = pytest.mark.skipif(EVERYWHERE, reason="files of an installation are made unreachable")
NOBODY = 65534


@pytest.fixture
def data(moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation in a folder that other accounts get at."""
    top = Path(tempfile.mkdtemp(prefix="doctor-"))
    top.chmod(0o755)
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=top / "var"), clock)
    School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1)).report()
    ctx.close()
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(top / "var"))
    yield top / "var"
    shutil.rmtree(top)


def run(*words: str) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@contextmanager
def ordinary(folder: Path) -> Iterator[None]:
    """As an account that modes of files bind, to whom the folder belongs."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.exhaustive(
    but=(
        "0-doctor",
        "384-keys status",
    )
)
@pytest.mark.parametrize("command", ["doctor", "keys status", "journal verify"])
@pytest.mark.parametrize("mode", [0o000, 0o600, 0o300])
def test_keys_that_this_account_can_not_look_at_are_not_said_to_be_lost(data: Path, command: str, mode: int) -> None:
    assert "can't be read by this account" not in run(*command.split()).output, "the control"
    with ordinary(data):
        (data / "keys").chmod(mode)
        try:
            done = run(*command.split())
        finally:
            (data / "keys").chmod(0o700)
    assert done.exit_code == 1
    assert f"{data / 'keys'} can't be read by this account" in done.stderr
    assert "holds no key" not in done.output
    assert "their owner's alone" not in done.output


def test_nor_is_anything_put_back_into_it(data: Path) -> None:
    copy, code = data.parent / "copy.json", data.parent / "code"
    code.write_text(run("keys", "recovery", "create", "-o", str(copy)).stdout)
    asked = ("keys", "recovery", "restore", str(copy), "--code", str(code))
    with ordinary(data.parent):
        (data / "keys").chmod(0o000)
        try:
            done = run(*asked)
        finally:
            (data / "keys").chmod(0o700)
        assert (done.exit_code, "can't be read by this account" in done.stderr) == (1, True)
        done = run(*asked)
    assert (done.exit_code, "nothing was missing" in done.stderr) == (0, True), "the control"


def test_a_folder_without_keys_is_still_told_as_one(data: Path) -> None:
    for path in (data / "keys").glob("*.key"):
        path.unlink()
    done = run("keys", "status")
    assert (done.exit_code, "holds no key" in done.stderr) == (1, True)


@pytest.mark.exhaustive(but=("gone-journal.key",))
@pytest.mark.parametrize("name", ["master-1.key", "journal.key", "marks.key"])
@pytest.mark.parametrize("fate", ["gone", "cut", "replaced"])
def test_each_key_that_is_lost_or_another_one_is_told_with_the_command_that_mends_it(
    data: Path, fate: str, name: str
) -> None:
    copy, code, key = data.parent / "copy.json", data.parent / "code", data / "keys" / name
    code.write_text(run("keys", "recovery", "create", "-o", str(copy)).stdout)
    assert PUT_BACK not in run("doctor").output, "the control"
    right = key.read_bytes()
    key.unlink()
    if fate != "gone":
        master_keys.write_key_file(key, b"k" * (KEY_BYTES if fate == "replaced" else 7))
    done = run("doctor")
    assert (done.exit_code, PUT_BACK in done.stderr) == (1, True)
    key.unlink(missing_ok=True)
    assert run("keys", "recovery", "restore", str(copy), "--code", str(code)).exit_code == 0
    assert key.read_bytes() == right
    assert PUT_BACK not in run("doctor").output


@pytest.mark.parametrize("store", STORES)
def test_a_store_that_is_lost_is_not_made_anew(data: Path, store: str) -> None:
    (data / f"{store}.sqlite").unlink()
    for words in ("doctor", "keys status"):
        done = run(*words.split())
        assert (done.exit_code, "backup restore FOLDER --replace" in done.stderr) == (1, True), words
    file = data / f"{store}.sqlite"
    assert not file.exists() or file.stat().st_size == 0
    for path in data.glob("*.sqlite"):
        path.unlink()
    done = run("doctor")
    assert ("backup restore FOLDER" in done.stderr, "found` begins" in done.stderr) == (True, False), "keys are here"


def test_where_nothing_lies_it_says_so_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "none"))
    done = run("doctor")
    assert (done.exit_code, "`school-protocol found` begins an installation" in done.stderr) == (1, True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("store", ["realm", "directory"])
def test_a_database_that_is_damaged_inside_is_told(data: Path, store: str) -> None:
    assert f"tables of the {store}: up to date" in run("doctor").output, "the control"
    file = data / f"{store}.sqlite"
    pages = file.stat().st_size // 4096
    with file.open("r+b") as damaged:
        damaged.seek(4096 * (pages - 60))
        damaged.write(b"\xff" * 4096 * 40)
    done = run("doctor")
    assert (done.exit_code, f"the {store} is damaged inside" in done.stderr) == (1, True)


def doctor_with(room: int) -> tuple[int, dict[str, list[str]]]:
    """The exit code, and the findings that are wrong by check, where a file can grow to so many bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "school_protocol.cli", "doctor", "--json"], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    found: dict[str, list[str]] = {}
    for one in json.loads(done.stdout)["findings"]:
        found.setdefault(one["check"], [])
        if one["level"] == "wrong":
            found[one["check"]].append(one["what"])
    return done.returncode, found


@pytest.mark.exhaustive
def test_a_disk_without_room_is_a_finding_and_no_traceback(data: Path) -> None:
    assert data.is_dir()
    code, found = doctor_with(0)
    assert code == 1
    assert len(found["schema"]) == len(STORES), "neither can be opened"
    assert next(iter(found)) == "space", "room is looked at before any store is opened"
    assert "place" not in found
    code, found = doctor_with(resource.RLIM_INFINITY)
    assert (found["schema"], "place" in found) == ([], True), "the control"


@pytest.mark.exhaustive(but=("journal verify",))
@pytest.mark.parametrize("words", ["journal verify", "users address membre --email a@b.example", "retention run"])
def test_a_command_on_a_disk_without_room_says_so(data: Path, words: str) -> None:
    assert data.is_dir()
    done = subprocess.run(
        [sys.executable, "-m", "school_protocol.cli", *words.split()], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: the data can't be used now (disk I/O error): `school-protocol doctor` says what is wrong\n"
    )


def test_no_room_is_said(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert data.is_dir()
    monkeypatch.setattr(setup_commands, "open_context_once", full)
    done = run("users", "address", "membre", "--email", "a@b.example")
    assert done.stderr.startswith("Error: no room is left on the disk, nothing was written: ")


def test_the_control_a_mistake_of_the_program_is_not_put_into_words(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.is_dir()
    monkeypatch.setattr(setup_commands, "open_context_once", lambda: 1 / 0)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run("users", "address", "membre", "--email", "a@b.example")


def test_what_a_driver_says_as_it_opens_is_told_by_its_kind(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise OperationalError("SELECT secret", {}, Exception("disk I/O error"))

    assert data.is_dir()
    monkeypatch.setattr(serve_commands, "open_context_once", breaks)
    done = run("doctor")
    assert done.exit_code == 1
    assert "the installation can't be opened (OperationalError)" in done.stderr
    assert "secret" not in done.output
