"""Files that commands write: their owner's alone, in their place when they are whole, nothing left after an error."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from handing import hand_out_as
from services.conftest import School

from cli.conftest import by, run
from school_protocol.case_files import prepare_process
from school_protocol.case_files import prepared as prepared_module
from school_protocol.cli.group import written


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


# ---- one file ------------------------------------------------------------------------------------------------------


def test_it_is_in_its_place_once_it_is_whole_and_nobody_elses(tmp_path: Path) -> None:
    out = tmp_path / "copy.pdf"
    with written(out) as file:
        file.write(b"names")
        (unfinished,) = tmp_path.iterdir()
        assert unfinished != out
        assert mode(unfinished) == 0o600
    assert list(tmp_path.iterdir()) == [out]
    assert (out.read_bytes(), mode(out)) == (b"names", 0o600)


def test_the_control_a_file_written_as_usual_is_read_by_everybody(tmp_path: Path) -> None:
    out = tmp_path / "copy.pdf"
    out.write_bytes(b"names")
    assert mode(out) == 0o644
    with written(str(out)) as file:
        file.write(b"others")
    assert (out.read_bytes(), mode(out)) == (b"others", 0o600)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError(28, "No space left on device")])
def test_after_any_error_nothing_is_left_and_what_was_there_is(tmp_path: Path, error: Any) -> None:
    out = tmp_path / "copy.pdf"
    out.write_bytes(b"before")

    def fail() -> None:
        with written(out) as file:
            file.write(b"names")
            raise error

    with pytest.raises(click.ClickException if isinstance(error, OSError) else error):
        fail()
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == b"before"


def test_what_the_system_refuses_is_said_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException) as refused, written(tmp_path / "no" / "copy.pdf", "Fetch it."):
        pytest.fail("it began")
    assert refused.value.message.endswith("could not be written: No such file or directory. Fetch it.")


def test_a_link_is_followed_and_a_device_stays_one(tmp_path: Path) -> None:
    link, out = tmp_path / "link.pdf", tmp_path / "copy.pdf"
    link.symlink_to(out)
    with written(link) as file:
        file.write(b"names")
    assert link.is_symlink()
    assert (out.read_bytes(), mode(out)) == (b"names", 0o600)
    with written("/dev/null") as file:
        file.write(b"names")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


# ---- each command --------------------------------------------------------------------------------------------------


@pytest.fixture
def school(school: School, monkeypatch: pytest.MonkeyPatch) -> School:
    hand_out_as(monkeypatch, lambda view, _wording: f"%PDF {view.head.number}".encode())
    school.report()

    class Crew(prepare_process.Here):
        def __init__(self, *_any: Any) -> None:
            super().__init__(school.ctx)

        def __enter__(self) -> Crew:
            return self

        def __exit__(self, *_error: object) -> None: ...

    monkeypatch.setattr(prepare_process, "Crew", Crew)
    for place, name in (
        ("school_protocol.case_files.service", "issue_letter"),
        ("school_protocol.statistics.yearly_report", "issue_yearly"),
    ):
        monkeypatch.setattr(f"{place}.{name}", lambda *_any: SimpleNamespace(data=b"names", copy=1))
    return school


COMMANDS: dict[str, Callable[[School], list[str]]] = {
    "issue": lambda school: ["case-file", "issue", school.number, "--profile", "school"],
    "letter": lambda school: ["case-file", "letter", school.number, "--document", "x"],
    "bulk": lambda _school: ["case-file", "bulk", "--profile", "school"],
    "yearly": lambda _school: ["report", "yearly", "--school", "x", "--year", "2026"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_writes_is_its_owners_alone(school: School, tmp_path: Path, command: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / "copy"
    done = run(*COMMANDS[command](school), "-o", out, *by(school, "head"))
    assert done.exit_code == 0, done.output
    assert list(folder.iterdir()) == [out]
    assert mode(out) == 0o600
    assert out.stat().st_size


@pytest.mark.parametrize("command", COMMANDS)
def test_after_ctrl_c_a_command_leaves_nothing(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def interrupted(*_any: Any, **_more: Any) -> Any:
        raise KeyboardInterrupt

    def half(*_any: Any) -> Iterator[bytes]:
        yield b"names"
        raise KeyboardInterrupt

    for place in (
        "case_files.service.issue_letter",
        "statistics.yearly_report.issue_yearly",
    ):
        monkeypatch.setattr(f"school_protocol.{place}", interrupted)
    if command == "issue":
        monkeypatch.setattr("school_protocol.case_files.service.issue_case_file", interrupted)
    monkeypatch.setattr(prepared_module, "zipped", half)
    folder = tmp_path / "out"
    folder.mkdir()
    assert run(*COMMANDS[command](school), "-o", folder / "copy", *by(school, "head")).exit_code == 1
    assert list(folder.iterdir()) == []
