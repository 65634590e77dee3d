"""`school-protocol retention …` and `rights …`, as an operator and as people of a school run them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from services.conftest import School
from services.retaining import Keeping
from services.test_rights import request

from cli.conftest import by, run
from school_protocol import cli
from school_protocol.pdf import rendering


@pytest.fixture
def keeping(school: School) -> Keeping:
    return Keeping(school)


def ran(keeping: Keeping, *arguments: str, who: str = "") -> Result:
    return run(*arguments, *(by(keeping.school, who) if who else ()))


@pytest.mark.exhaustive
def test_from_the_list_to_the_erasure(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    keeping.leap(date(2027, 5, 27), agree=False)
    (line,) = json.loads(ran(keeping, "retention", "due", "--json", who="data_officer").output)["cases"]
    assert (line["number"], line["state"]) == (number, "waits")
    assert ran(keeping, "retention", "due", "--waiting", who="head").output.startswith(number)
    assert ran(keeping, "retention", "agree", number, who="head").exit_code == 1
    assert ran(keeping, "retention", "agree", number, who="data_officer").exit_code == 0
    assert ran(keeping, "retention", "agree", number, who="data_officer").exit_code == 1, "it waits no more"
    told = json.loads(ran(keeping, "retention", "run", "--dry-run", "--json").output)
    assert (told["erased"], told["dry_run"]) == (1, True)
    assert not keeping.is_erased(number)
    assert json.loads(ran(keeping, "retention", "run", "--json").output)["erased"] == 1
    assert keeping.is_erased(number)
    assert "erased: 0" in ran(keeping, "retention", "run").output


def test_a_hold_and_its_release(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    until = (keeping.today + timedelta(days=30)).isoformat()
    hold = ("retention", "hold", number, "--until", until, "--reason", "x")
    assert ran(keeping, *hold, who="head").exit_code == 1
    assert ran(keeping, *hold, who="directorate").exit_code == 0
    keeping.run()
    assert "suspended" in ran(keeping, "retention", "due", who="head").output
    assert ran(keeping, "retention", "release", number, "--reason", "y", who="directorate").exit_code == 0
    assert ran(keeping, "retention", "release", number, "--reason", "y", who="directorate").exit_code == cli.REFUSED
    bad = ran(keeping, "retention", "hold", number, "--until", "2026-02-30", "--reason", "x", who="directorate")
    assert (bad.exit_code, "until" in bad.output) == (cli.REFUSED, True)


@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_a_copy_through_two_hands(keeping: Keeping, tmp_path: Path) -> None:
    keeping.school.report()
    number, output = keeping.school.number, tmp_path / "copy.pdf"
    asked = ("rights", "ask", number, "--person", "targeted_pupil-1")
    assert ran(keeping, *asked, who="head").exit_code == cli.REFUSED, "nobody asked"
    request(keeping.school)
    assert number in ran(keeping, "rights", "due", who="data_officer").output
    export = ran(keeping, *asked, who="head").output.strip()
    opened = ("rights", "export", number, "--copy", export, "-o", str(output))
    assert ran(keeping, *opened, who="head").exit_code == 1
    assert ran(keeping, "rights", "settle", number, "--copy", export, "--agree", who="head").exit_code == 1
    assert ran(keeping, "rights", "settle", number, "--copy", export, "--agree", who="data_officer").exit_code == 0
    assert ran(keeping, *opened, who="data_officer").exit_code == 1
    assert not output.exists()
    assert ran(keeping, *opened, who="head").exit_code == 0
    assert output.read_bytes().startswith(b"%PDF")
