"""The go-live list by command; and the command that opens a case before it is signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from services.conftest import School
from services.tokening import administrator
from signing_off import make_ready, sign_all

from cli.conftest import by, run, school_in
from school_protocol import cli
from school_protocol.cases.opening_gate import KEYS
from school_protocol.engine.definition import Protocol
from school_protocol.ops import going_live


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    with school_in(tmp_path, monkeypatch, moroccan, keeps_shut=True) as found:
        administrator(found.player)
        yield found


def opened(school: School, tmp_path: Path) -> Result:
    answers = tmp_path / "danger.yaml"
    answers.write_text("which_danger: self_harm\n", "utf-8")
    return run("case", "open", "--definition", "ma-cyberharassment", "--act", "raise_danger", "--answers", answers,
               *by(school, "team_member"))  # fmt: skip


def test_no_case_is_opened_before_and_the_sentence_says_what_to_do(school: School, tmp_path: Path) -> None:
    found = opened(school, tmp_path)
    assert found.exit_code == cli.REFUSED
    assert found.stderr.startswith("refused: this installation isn't open yet")
    assert "go-live show" in found.stderr
    sign_all(school.ctx, administrator(school.player))
    assert opened(school, tmp_path).exit_code == 0, "the control"


def test_the_list_is_shown_signed_and_taken_back(school: School) -> None:
    shown = json.loads(run("go-live", "show", "--json").stdout)
    assert (shown["open"], shown["missing"]) == (False, list(KEYS))
    assert "No backup was restored" in run("go-live", "show").stdout
    chief = administrator(school.player)
    make_ready(school.ctx, chief)
    going_live.sign(school.ctx, chief, "cndp", "D-412")
    said = json.loads(run("go-live", "show", "--json").stdout)
    assert "cndp" in said["missing"]
    (item,) = [one for one in said["items"] if one["item"] == "cndp"]
    assert [(one["by"], one["reference"]) for one in item["signed"]] == [("chief", "D-412")]
    text = run("go-live", "show")
    assert "by chief: D-412" in text.stdout
    assert "WANTS 1 MORE" in text.stdout
    assert text.stdout.count("NOT SIGNED") == len(KEYS) - 1
    assert "no case is opened" in text.stderr
    taken = run("go-live", "withdraw", "cndp", "--as", "chief", "--reference", "expired")
    assert taken.stdout.count("NOT SIGNED") == len(KEYS)
    signed = run("go-live", "sign", "cndp", "--as", "chief", "--reference", "x")
    assert signed.exit_code == 2, "whoever has the machine alone signs nothing"


def test_who_may_not_take_back_and_what_is_no_item_are_refused(school: School) -> None:
    head = by(school, "head")
    assert run("go-live", "withdraw", "cndp", *head, "--reference", "n° 1").exit_code == 1
    assert run("go-live", "withdraw", "nothing", "--as", "chief", "--reference", "n° 1").exit_code == 1
    assert run("go-live", "withdraw", "cndp", "--as", "chief", "--reference", " ").exit_code == cli.REFUSED
    assert run("go-live", "withdraw", "cndp", "--as", "chief", "--reference", "x").exit_code == cli.REFUSED
