"""`case-file letter`: a paper on disk, or the reason why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from services.conftest import School
from services.lettering import MOTHER

from school_protocol import cli
from school_protocol.auth import repository as auth_repository
from school_protocol.cli.group import REFUSED
from school_protocol.pdf import rendering

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture
def school(told_school: School) -> School:
    return told_school


def letter(school: School, out: Path, who: str, document: str, *more: str) -> Result:
    with school.house.directory.reading() as session:
        username = auth_repository.account(session, school.account(who)).username
    arguments = ["case-file", "letter", school.number, "--document", document, "-o", str(out), "--as", username]
    return CliRunner().invoke(cli.main, [*arguments, *more])


def test_a_notice_is_written(school: School, tmp_path: Path) -> None:
    out = tmp_path / "notice.pdf"
    done = letter(school, out, "head", "guardians_notice", "--about", "guardian-1", "--language", "ar")
    assert (done.exit_code, out.read_bytes()[:4]) == (0, b"%PDF")
    assert "copy 1" in done.stderr
    assert MOTHER not in done.output


def test_a_held_guardian_is_refused_and_nothing_is_written(school: School, tmp_path: Path) -> None:
    out = tmp_path / "notice.pdf"
    school.act("head", "guardian_hold", guardian="guardian-1", reason="risk_if_told")
    refused = letter(school, out, "head", "guardians_notice", "--about", "guardian-1")
    assert refused.exit_code == REFUSED
    assert "guardian_on_hold" in refused.stderr
    assert not out.exists()


def test_the_wrong_role_finds_nothing(school: School, tmp_path: Path) -> None:
    out = tmp_path / "sheet.pdf"
    refused = letter(school, out, "team_member", "marsad_sheet")
    assert refused.exit_code == 1
    assert "not found" in refused.stderr
    assert not out.exists()
