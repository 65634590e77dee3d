"""Where master keys are: files, one setting, or a command that holds them; the same promises for each."""

from __future__ import annotations

import base64
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from school_protocol.engine.errors import Sealed
from school_protocol.storage.master_keys import CommandRing, EnvironmentRing, FileRing, masters_of
from school_protocol.storage.store_errors import KeysAway, KeysUnusable, StorageBusy
from school_protocol.storage.vault import Vault

SCRIPT = Path(__file__).with_name("key_command.py")
OLD, NEW = b"o" * 32, b"n" * 32


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def command(folder: Path, fault: str = "") -> str:
    return shlex.join([sys.executable, str(SCRIPT), str(folder / "ring.json"), *([fault] if fault else [])])


@pytest.fixture(params=["files", "environment", "command"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Vault]:
    """Opens the vault as another process would, wherever its master keys are."""
    how = {
        "files": {},
        "environment": {"environment": f"2:{text(NEW)},1:{text(OLD)}"},
        "command": {"command": command(tmp_path)},
    }[request.param]
    return lambda: Vault.open(tmp_path / "keys", create=True, **how)


def test_a_wrapping_opens_again_in_another_process(opened: Callable[[], Vault]) -> None:
    vault, other = opened(), opened()
    key = vault.new_case_key()
    master, wrapped = vault.wrap(key, "case:a")
    assert master == vault.newest == vault.numbers[0]
    assert key not in wrapped
    assert other.unwrap(master, wrapped, "case:a") == key


def test_a_wrapping_is_bound_to_its_label_its_master_and_its_bytes(opened: Callable[[], Vault]) -> None:
    vault = opened()
    master, wrapped = vault.wrap(vault.new_case_key(), "case:a")
    altered = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for number, data, label in (
        (master, wrapped, "case:b"),
        (master + 7, wrapped, "case:a"),
        (master, altered, "case:a"),
    ):
        with pytest.raises(Sealed):
            vault.unwrap(number, data, label)


def test_only_the_two_other_keys_lie_in_the_folder_where_the_ring_is_elsewhere(
    opened: Callable[[], Vault], tmp_path: Path
) -> None:
    vault = opened()
    names = {path.name for path in (tmp_path / "keys").glob("*.key")}
    assert names - {"master-1.key"} == {"journal.key", "marks.key"}
    assert ("master-1.key" in names) == (vault.kind == "files")


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    assert "environment" in masters_of(tmp_path, environment=f"1:{text(OLD)}").kind
    assert "command" in masters_of(tmp_path, command="true").kind
    with pytest.raises(KeysUnusable, match="both set"):
        masters_of(tmp_path, environment=f"1:{text(OLD)}", command="true")
    with pytest.raises(KeysUnusable, match="no master key"):
        masters_of(tmp_path / "keys")


# ---- one setting -----------------------------------------------------------------------------------------------------


def test_the_first_in_the_setting_wraps_and_the_others_open() -> None:
    """So processes can be started anew one after the other: each knows the new key before any wraps by it."""
    before, between, after = (
        EnvironmentRing(said)
        for said in (f"1:{text(OLD)}", f"1:{text(OLD)},2:{text(NEW)}", f"2:{text(NEW)},1:{text(OLD)}")
    )
    for wraps, opens in ((before, between), (between, before), (between, after), (after, between)):
        master, wrapped = wraps.wrap(b"k" * 32, "case:a")
        assert opens.unwrap(master, wrapped, "case:a") == b"k" * 32
    master, wrapped = after.wrap(b"k" * 32, "case:a")
    with pytest.raises(Sealed):
        before.unwrap(master, wrapped, "case:a")


@pytest.mark.parametrize(
    "said",
    ["", "x", "1", text(OLD), f"0:{text(OLD)}", "1:AAAA", f"1:{text(OLD)},", f"1:{text(OLD)},1:{text(NEW)}", "1:!!"],
)
def test_a_setting_that_is_no_ring_is_refused_without_being_repeated(said: str) -> None:
    with pytest.raises(KeysUnusable) as raised:
        EnvironmentRing(said)
    assert text(OLD) not in str(raised.value)


def test_who_keeps_the_setting_turns_it(tmp_path: Path) -> None:
    ring = EnvironmentRing(f"1:{text(OLD)}")
    with pytest.raises(KeysUnusable, match="start every process anew"):
        ring.add()
    with pytest.raises(KeysUnusable, match="take master key 1 out"):
        ring.remove(1)


# ---- a command -------------------------------------------------------------------------------------------------------


def test_a_command_turns_its_ring_and_old_wrappings_open(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path / "keys", create=True, command=command(tmp_path))
    first = vault.wrap(b"k" * 32, "case:a")
    assert vault.add_master() == 2
    second = vault.wrap(b"l" * 32, "case:b")
    assert (first[0], second[0], vault.numbers) == (1, 2, (2, 1))
    assert vault.unwrap(*first, "case:a") == b"k" * 32
    vault.remove_master(1)
    with pytest.raises(Sealed):
        vault.unwrap(*first, "case:a")
    assert vault.unwrap(*second, "case:b") == b"l" * 32


def test_no_master_key_is_in_a_process_that_asks_a_command(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path / "keys", create=True, command=command(tmp_path))
    vault.wrap(b"k" * 32, "case:a")
    assert vault.secrets().masters == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("fault", "said"),
    [("slow", "did not answer within"), ("dies", "ended without an answer")],
)
def test_a_command_that_is_away_is_said_and_may_come_back(tmp_path: Path, fault: str, said: str) -> None:
    ring = CommandRing(command(tmp_path, fault), seconds=2)
    with pytest.raises(KeysAway, match=said) as raised:
        ring.wrap(b"k" * 32, "case:a")
    assert isinstance(raised.value, StorageBusy), "a page says: try again, not: something is broken"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refuses", "the service is locked"),
        ("babbles", "no JSON"),
        ("empty", "no usable"),
        ("echoes", "no usable"),
        ("nameless", "answered another question"),
        ("shifted", "answered another question"),
        ("other key", "no usable"),
        ("other label", "no usable"),
        ("floods", "answered too much"),
    ],
)
def test_a_command_that_answers_wrongly_is_never_believed(tmp_path: Path, fault: str, said: str) -> None:
    ring = CommandRing(command(tmp_path, fault), seconds=10)
    with pytest.raises(KeysUnusable, match=said):
        ring.wrap(b"k" * 32, "case:a")
    assert fault == "refuses" or ring._running is None, "whoever answers wrongly is asked nothing more"
    ring.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_a_stray_line_shifts_no_answer(tmp_path: Path, pause: float) -> None:
    """It may come with the answer, or while nobody asks: either way what was wrapped opens, and as the same key."""
    ring, kept = CommandRing(command(tmp_path, "logs")), []
    for number in range(6):
        key, label = os.urandom(32), f"case:{number}"
        try:
            kept.append((key, label, *ring.wrap(key, label)))
        except KeysUnusable:
            continue
        finally:
            time.sleep(pause)
    ring.close()
    sound = CommandRing(command(tmp_path))
    assert all(sound.unwrap(master, wrapped, label) == key for key, label, master, wrapped in kept)
    sound.close()
    assert kept or not pause, "a line that comes between questions ends the command, and another takes its place"


@pytest.mark.parametrize("said", ["/no/such/command", "  "])
def test_a_command_that_is_not_there_is_said(said: str) -> None:
    with pytest.raises(KeysUnusable, match=r"can't be run|says no command"):
        CommandRing(said).wrap(b"k" * 32, "case:a")


@pytest.mark.exhaustive
def test_a_command_that_ended_is_started_again(tmp_path: Path) -> None:
    ring = CommandRing(command(tmp_path, "once"))
    wrapped = []
    for _ in range(3):
        wrapped.append(ring.wrap(b"k" * 32, "case:a"))
        deadline = time.monotonic() + 60
        while ring._running is not None and ring._running.answers and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len({data for _master, data in wrapped}) == 3


@pytest.mark.exhaustive
def test_a_forked_process_asks_a_command_of_its_own(tmp_path: Path) -> None:
    ring = CommandRing(command(tmp_path))
    master, wrapped = ring.wrap(b"k" * 32, "case:a")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if ring.unwrap(master, wrapped, "case:a") == b"k" * 32 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ring.unwrap(master, wrapped, "case:a") == b"k" * 32
    ring.close()


def test_a_file_ring_sees_what_another_process_added(tmp_path: Path) -> None:
    Vault.open(tmp_path / "keys", create=True)
    one, other = FileRing(tmp_path / "keys"), FileRing(tmp_path / "keys")
    assert one.add() == 2
    assert other.wrap(b"k" * 32, "case:a")[0] == 2
