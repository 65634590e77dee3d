"""`case-file bundle` and `verify-bundle`: an archive on disk, and what is said of it without any installation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from domain.telling import NOW
from services.conftest import School
from services.lettering import refer

from school_protocol import cli
from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import academy_of
from school_protocol.cases.loading import load
from school_protocol.cli.group import REFUSED
from school_protocol.pdf import rendering
from school_protocol.pdf.signing_keys import Validity, make_authority

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture
def school(told_school: School) -> School:
    return told_school


def keys(school: School) -> Path:
    """An authority whose certificates hold for the story's day and for the day on which this runs."""
    with school.house.realm.reading() as session:
        unit = load(school.house, session, school.person("head"), school.number).around.unit
    folder = school.house.settings.data / "signing"
    begins, ends = min(NOW, datetime.now(UTC)), max(NOW, datetime.now(UTC))
    validity = Validity(begins - timedelta(days=9), ends + timedelta(days=900))
    make_authority(folder, "Root", {academy_of(school.house, unit).code: "Academy"}, validity)
    return folder / "root.pem"


def bundle(school: School, out: Path, who: str, *more: str) -> Result:
    with school.house.directory.reading() as session:
        username = auth_repository.account(session, school.account(who)).username
    return CliRunner().invoke(cli.main, ["case-file", "bundle", school.number, "-o", str(out), "--as", username, *more])


def verify(file: Path, root: Path, *more: str) -> Result:
    return CliRunner().invoke(cli.main, ["case-file", "verify-bundle", str(file), "--trust", str(root), *more])


def test_an_archive_is_written_and_verified_and_an_altered_one_is_told(school: School, tmp_path: Path) -> None:
    refer(school, "prosecutor")
    root, out = keys(school), tmp_path / "all.zip"
    done = bundle(school, out, "head", "--about", "referral-1")
    assert done.exit_code == 0, done.output
    assert "copy 1" in done.stderr
    sound = verify(out, root, "--json")
    told_of = json.loads(sound.stdout)
    errors = [one["code"] for one in told_of["findings"] if not one["warning"]]
    assert (sound.exit_code, errors, told_of["manifest"]["case"]) == (0, [], school.number)
    assert "Academy" in verify(out, root, "--language", "ar").stdout
    data = bytearray(out.read_bytes())
    data[data.index(b"%PDF") + 2000] ^= 1
    out.write_bytes(data)
    altered = verify(out, root)
    assert altered.exit_code == 1
    assert "case-file.pdf" in altered.stdout
    assert [one["code"] for one in json.loads(verify(out, root, "--json").stdout)["findings"]] == ["file_altered"]


@pytest.mark.exhaustive
def test_without_a_key_or_a_referral_nothing_is_written(school: School, tmp_path: Path) -> None:
    out = tmp_path / "all.zip"
    refused = bundle(school, out, "head")
    assert (refused.exit_code, "no_service_told" in refused.stderr) == (REFUSED, True)
    refer(school, "prosecutor")
    refused = bundle(school, out, "head")
    assert (refused.exit_code, "bundle_unsigned" in refused.stderr) == (REFUSED, True)
    assert bundle(school, out, "team_member").exit_code == 1
    assert not out.exists()


def test_a_certificate_that_is_none_is_said(tmp_path: Path) -> None:
    file, root = tmp_path / "x.zip", tmp_path / "root.pem"
    file.write_bytes(b"PK")
    root.write_bytes(b"nothing")
    found = verify(file, root, "--language", "fr")
    assert found.exit_code == 1
    assert "certificat" in found.stderr
