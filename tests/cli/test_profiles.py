"""`case-file issue --for`: to whom a copy is made out, or the reason why to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from handing import hand_out_as
from services.conftest import School
from services.lettering import refer

from school_protocol import cli
from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.pages import case_file_html
from school_protocol.cli.group import REFUSED
from school_protocol.pdf import rendering
from tests.cli.test_letters import school as school

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture(autouse=True)
def _as_html(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out_as(monkeypatch, lambda view, wording: case_file_html(view, wording).encode())


def issue(school: School, out: Path, *more: str) -> Result:
    with school.house.directory.reading() as session:
        username = auth_repository.account(session, school.account("head")).username
    return CliRunner().invoke(cli.main, ["case-file", "issue", school.number, "-o", str(out), "--as", username, *more])


def test_a_copy_is_made_out_to_who_is_named(school: School, tmp_path: Path) -> None:
    refer(school, "prosecutor")
    for profile, reader in (("family", "guardian-1"), ("authority", "referral-1")):
        out = tmp_path / profile
        done = issue(school, out, "--profile", profile, "--for", reader)
        assert (done.exit_code, out.exists()) == (0, True)
    assert issue(school, tmp_path / "only", "--profile", "authority").exit_code == 0, "the only service told"


def test_a_held_guardian_is_refused_and_nothing_is_written(school: School, tmp_path: Path) -> None:
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
