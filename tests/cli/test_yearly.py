"""`report yearly`: a school's report on disk, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from domain.telling import MOROCCAN, NOW
from services.conftest import School
from services.yearly_told import SCHOOL, YEAR

from school_protocol import cli
from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.cli.group import REFUSED
from school_protocol.config import Settings
from school_protocol.context import open_house
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    clock = TurnableClock(NOW)
    house = open_house(Settings(data=tmp_path / "var"), clock)
    found = School(prepared(house, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    found.report()
    monkeypatch.setattr(cli.case_commands, "open_the_house", lambda: house)
    yield found
    house.close()


def report(school: School, out: Path, who: str, *more: str, year: int = YEAR, code: str = SCHOOL) -> Result:
    with school.house.directory.reading() as session:
        username = auth_repository.account(session, school.account(who)).username
    arguments = ["report", "yearly", "--school", code, "--year", str(year), "-o", str(out), "--as", username]
    return CliRunner().invoke(cli.main, [*arguments, *more])


def test_a_report_is_written_and_numbered(school: School, tmp_path: Path) -> None:
    school.wait(days=290)
    out = tmp_path / "report.pdf"
    for copy in (1, 2):
        done = report(school, out, "directorate", "--language", "ar")
        assert (done.exit_code, out.read_bytes()[:4]) == (0, b"%PDF")
        assert f"copy {copy}" in done.stderr


def test_before_the_first_term_is_over_it_is_refused_and_nothing_is_written(school: School, tmp_path: Path) -> None:
    refused = report(school, tmp_path / "report.pdf", "head")
    assert refused.exit_code == REFUSED
    assert "no_term_over" in refused.stderr
    assert not (tmp_path / "report.pdf").exists()


def test_another_school_role_language_or_year_gives_none(school: School, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    for refused, code in (
        (report(school, out, "team_member"), 1),
        (report(school, out, "head", code="99999Z"), 1),
        (report(school, out, "head", "--language", "de"), 1),
        (report(school, out, "head", year=1999), REFUSED),
    ):
        assert refused.exit_code == code
        assert refused.stderr
        assert not out.exists()
