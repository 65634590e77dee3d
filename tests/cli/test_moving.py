"""`definitions diff` and `cases move-version`, as scripts call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from engine.telling import MOROCCAN, REPORT
from versions import next_version, plain, published

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.cases.intake import open_case
from school_protocol.cases.story_player import Player, prepared
from school_protocol.cli.group import REFUSED, main
from school_protocol.config import Settings
from school_protocol.context import SystemClock, open_context
from school_protocol.protocol.reader import read

KEY = "ma-cyberharassment"
DATA = plain(MOROCCAN)
Run = Callable[..., Result]


def shorter(data: dict[str, object]) -> None:
    data["undo_minutes"] = "5"


def later(data: dict[str, Any]) -> None:
    data["deadlines"]["qualification"]["value"] = "2"


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An installation with three open cases, two further versions, and an account that publishes."""
    ctx = open_context(Settings(data=tmp_path / "data"), SystemClock())
    content = MOROCCAN.read_bytes()
    player: Player = prepared(ctx, SystemClock(), read(content, "1.yaml"), content)  # type: ignore[arg-type]
    with ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username="protocole", names={"fr": "Protocole"}, language="fr", created_at=datetime.now(UTC),
            password_hash=hash_password("secret"),
        )  # fmt: skip
        auth_repository.appoint(session, account, role="protocol_admin", unit=player.school, starts=date(2000, 1, 1))
    said = {**REPORT, "about_whom": [{"slot": "targeted_pupil", "name": "Yasmine"}]}
    found = [open_case(ctx, player.actor("head"), "report", said, token=str(one)).number for one in range(3)]
    published(ctx, next_version(DATA, 2, shorter))
    published(ctx, next_version(DATA, 3, shorter, later))
    ctx.close()
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "data"))
    return found


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


def move(run: Run, *more: str) -> Result:
    return run("cases", "move-version", "--definition", KEY, "--to", "2", "--as", "protocole", *more)


def listed(run: Run) -> dict[str, tuple[str, bool]]:
    looked = move(run, "--json")
    assert looked.exit_code == 0, looked.stderr
    return {one["number"]: (one["outcome"], one["moved"]) for one in json.loads(looked.stdout)}


@pytest.mark.exhaustive
def test_cases_are_listed_and_move_one_by_one(run: Run, numbers: list[str]) -> None:
    assert listed(run) == dict.fromkeys(numbers, ("moves", False))
    looked = move(run, "--number", numbers[0], "--dry-run", "--reason", "Nouvelle version", "--language", "en")
    assert (looked.exit_code, looked.stdout.split("  ")) == (0, [numbers[0], "Can follow\n"])
    one = move(run, "--number", numbers[0], "--reason", "Nouvelle version", "--language", "en")
    assert one.exit_code == 0, one.stderr
    assert one.stdout.split("  ") == [numbers[0], "Follows the new version\n"]
    assert set(listed(run)) == set(numbers[1:])
    again = move(run, "--number", numbers[0], "--reason", "x", "--json")
    assert (again.exit_code, json.loads(again.stdout)[0]["moved"]) == (0, True), "it is there already"
    verified = run("journal", "verify")
    assert verified.exit_code == 0, verified.stdout


def test_a_case_moves_where_each_reason_was_decided_about(run: Run, numbers: list[str]) -> None:
    asked = ("cases", "move-version", "--definition", KEY, "--to", "3", "--as", "protocole", "--reason", "x")
    undecided = run(*asked, "--number", numbers[0], "--language", "en")
    assert undecided.exit_code == REFUSED
    assert undecided.stdout.startswith(f"{numbers[0]}  A decision is needed: ")
    assert undecided.stdout.endswith("(due_otherwise)\n")
    assert set(listed(run)) == set(numbers)
    assert run(*asked, "--number", numbers[0], "--decided", "level").exit_code == REFUSED, "another reason"
    decided = run(*asked, "--number", numbers[0], "--decided", "due_otherwise", "--json")
    assert decided.exit_code == 0, decided.stderr
    assert json.loads(decided.stdout) == [
        {"number": numbers[0], "outcome": "asks", "moved": True, "reasons": ["due_otherwise"]}
    ]


def test_what_is_refused_moves_nothing(run: Run, numbers: list[str]) -> None:
    assert move(run, "--number", numbers[0]).exit_code == REFUSED, "no reason was given"
    assert "not found" in move(run, "--number", "123", "--reason", "x").stderr
    other = run("cases", "move-version", "--definition", KEY, "--to", "7", "--as", "protocole", "--reason", "x")
    assert other.exit_code == 1
    assert "not found" in other.stderr
    assert len(listed(run)) == 3


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_bytes(next_version(DATA, 1))
    second.write_bytes(next_version(DATA, 2, shorter))
    return str(first), str(second)


@pytest.mark.exhaustive
def test_a_difference_is_said_in_three_languages(run: Run, files: tuple[str, str]) -> None:
    for language, words in (("fr", "devient « 5 »"), ("ar", "«5» بدل «10»"), ("en", "“10” becomes “5”")):
        answer = run("definitions", "diff", *files, "--language", language)
        assert answer.exit_code == 0, answer.stderr
        assert words in answer.stdout.replace("\u00a0", " ")
        assert len(answer.stdout.splitlines()) == 1


def test_a_difference_as_json(run: Run, files: tuple[str, str]) -> None:
    (change,) = json.loads(run("definitions", "diff", *files, "--json").stdout)
    assert change["path"] == "undo_minutes"
    assert (change["before"], change["after"], change["is_loosening"]) == (10, 5, False)
    assert json.loads(run("definitions", "diff", files[0], files[0], "--json").stdout) == []


@pytest.mark.exhaustive
def test_a_faulty_file_is_told_by_its_lines(run: Run, files: tuple[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("format: 1\nprotocol: x\n", "utf-8")
    answer = run("definitions", "diff", files[0], str(broken))
    assert answer.exit_code == 1
    assert "broken.yaml:1: missing key" in answer.stdout
