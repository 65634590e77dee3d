"""`scenarios check` and `scenario play` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from school_protocol.cli.group import main

pytestmark = pytest.mark.files  # scenarios are proven on copies of SQLite files, wherever rooms lie

FOUND = Path(__file__).with_name("found_phone.yaml")
SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--protocol", str(SMALL)])


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(FOUND.read_text("utf-8").replace("minutes: 45", "minuts: 45"), "utf-8")
    return file


def test_a_right_scenario_is_said_to_be_right() -> None:
    result = run("scenarios", "check", str(FOUND))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == f"{FOUND}: found-phone 1: no fault found\n"


def test_faults_are_printed_with_their_lines(wrong: Path) -> None:
    result = run("scenarios", "check", str(FOUND), str(wrong), "--no-play", "--language", "fr")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == f"{wrong}:1: il manque la clé «\u00a0minutes\u00a0»"
    assert "minuts" in result.stdout.splitlines()[1]


def test_faults_as_json(wrong: Path) -> None:
    result = run("scenarios", "check", str(wrong), "--no-play", "--json")
    assert result.exit_code == 1
    [found] = json.loads(result.stdout)
    assert [(fault["line"], fault["message"].split(";")[0]) for fault in found["faults"]] == [
        (1, 'missing key "minutes"'),
        (14, 'unknown key "minuts"'),
    ]


def test_a_play_is_told_step_by_step() -> None:
    result = run("scenario", "play", str(FOUND), "--language", "en")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "0", "2026-11-23", "09:00", "mediator", "write_slip", "CaseOpened,", "ReportReceived", "[noted]",
    ]  # fmt: skip
    assert "inject" in lines[4]
    assert "A message comes." in lines[4]
    assert lines[-2].split() == ["2026-12-08", "23:59", "due", "settle_by"]
    assert lines[-1] == "2 of 4 injects, 0 of 2 traps; ends in looking"


def test_a_witness_is_played_in_place_of_the_path() -> None:
    result = run("scenario", "play", str(FOUND), "--witness", "alone", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    beats = told["beats"]
    assert told["ends"] == {"": "noted"}
    assert beats[-1]["kind"] == "trap"
    assert beats[-1]["key"] == "alone"
    assert beats[-2]["refused"] == ["keeper_trained"]


def test_a_witness_that_is_not_there_is_said() -> None:
    result = run("scenario", "play", str(FOUND), "--witness", "nobody")
    assert result.exit_code == 2
    assert "no inject or trap of this scenario has a witness of that name" in result.stderr


def test_a_step_that_goes_astray_ends_the_play(tmp_path: Path) -> None:
    file = tmp_path / "astray.yaml"
    text = FOUND.read_text("utf-8").replace('10:20", as: warden', '10:20", as: mediator')
    file.write_text(text, "utf-8")
    result = run("scenario", "play", str(file))
    assert result.exit_code == 1
    assert "<< not as the script says" in result.stdout
    assert "start_looking" not in result.stdout


def test_a_protocol_that_is_not_shipped_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["scenarios", "check", str(FOUND)])
    assert result.exit_code == 1
    assert "lost-things: 1.yaml is not shipped; name one with --protocol" in result.stderr
