"""Copies on disk, or the reason why there is none: letters, copies made out to somebody, yearly reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from handing import hand_out_as
from services.conftest import School
from services.lettering import MOTHER, refer
from services.yearly_told import SCHOOL, YEAR

from cli.conftest import by, run
from school_protocol.case_files.pages import case_file_html
from school_protocol.cli.group import REFUSED
from school_protocol.pdf import rendering

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture
def school(told_school: School) -> School:
    return told_school


# ---- letters -------------------------------------------------------------------------------------------------------


def letter(school: School, out: Path, who: str, document: str, *more: str) -> Result:
    return run("case-file", "letter", school.number, "--document", document, "-o", out, *by(school, who), *more)


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


# ---- copies made out to somebody -----------------------------------------------------------------------------------


@pytest.fixture
def as_html(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out_as(monkeypatch, lambda view, wording: case_file_html(view, wording).encode())


def issue(school: School, out: Path, *more: str) -> Result:
    return run("case-file", "issue", school.number, "-o", out, *by(school, "head"), *more)


@pytest.mark.usefixtures("as_html")
def test_a_copy_is_made_out_to_who_is_named(school: School, tmp_path: Path) -> None:
    refer(school, "prosecutor")
    for profile, reader in (("family", "guardian-1"), ("authority", "referral-1")):
        out = tmp_path / profile
        done = issue(school, out, "--profile", profile, "--for", reader)
        assert (done.exit_code, out.exists()) == (0, True)
    assert issue(school, tmp_path / "only", "--profile", "authority").exit_code == 0, "the only service told"


@pytest.mark.usefixtures("as_html")
def test_a_copy_to_nobody_is_refused_and_nothing_is_written(school: School, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    school.act("head", "guardian_hold", guardian="guardian-1", reason="risk_if_told")
    for profile, reader, code in (
        ("family", "guardian-1", "guardian_on_hold"),
        ("family", "", "choose_reader"),
        ("authority", "", "no_service_told"),
        ("school", "guardian-1", "no_such_reader"),
    ):
        refused = issue(school, out, "--profile", profile, "--for", reader)
        assert refused.exit_code == REFUSED
        assert code in refused.stderr
        assert not out.exists()


# ---- yearly reports ------------------------------------------------------------------------------------------------


def report(school: School, out: Path, who: str, *more: str, year: int = YEAR, code: str = SCHOOL) -> Result:
    return run("report", "yearly", "--school", code, "--year", year, "-o", out, *by(school, who), *more)


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
