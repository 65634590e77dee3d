"""`case-file verify`, with nothing but the file and the authority's certificate; `--here`; and `case-file revoke`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from engine.telling import NOW as THEN
from pdf.copies import whole, with_record
from pdf.sealed import DAY, NOW, academy, clockmaker, root
from services.conftest import School
from services.test_sealed_papers import keys

from cli.conftest import by, run
from school_protocol import cli
from school_protocol.case_files.service import issue_letter
from school_protocol.cli import case_file_commands
from school_protocol.cli.group import REFUSED
from school_protocol.pdf import rendering
from school_protocol.pdf.verification import DOCUMENT_MOST

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy and the authority's certificate: no installation anywhere."""
    (tmp_path / "copy.pdf").write_bytes(whole())
    (tmp_path / "root.pem").write_bytes(root().pem)
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "never"))
    monkeypatch.delenv("SCHOOL_PROTOCOL_SIGNING", raising=False)
    monkeypatch.setattr(case_file_commands, "_now", lambda: NOW + DAY)
    return tmp_path


def verify(place: Path, *more: str, file: str = "copy.pdf", trust: str = "root.pem") -> Result:
    options = ["--trust", str(place / trust)] if trust else []
    return CliRunner().invoke(cli.main, ["case-file", "verify", str(place / file), *options, *more])


@pytest.mark.exhaustive
def test_a_genuine_copy_is_told_with_whose_it_is(place: Path) -> None:
    done = verify(place, "--language", "en")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "This copy is genuine and complete."
    assert "Signed by: AREF Casablanca-Settat" in lines
    assert "Copy number: 3" in lines
    assert "+ The record inside is the one that this copy names" in lines
    assert "? The copy was not taken back" in lines, "nobody was asked"
    assert not (place / "never").exists()


@pytest.mark.exhaustive
@pytest.mark.parametrize(("language", "title"), [("fr", "authentique et complet"), ("ar", "أصلية وكاملة")])
def test_it_speaks_the_readers_language(place: Path, language: str, title: str) -> None:
    assert title in verify(place, "--language", language).output


@pytest.mark.exhaustive
def test_another_record_signed_again_is_told_in_one_line(place: Path) -> None:
    (place / "forged.pdf").write_bytes(with_record(b"{}"))
    done = verify(place, "--language", "en", file="forged.pdf")
    assert done.exit_code == 1
    assert [line for line in done.output.splitlines() if line.startswith("- ")] != []
    assert "The record (record.json) contradicts itself" in done.output


@pytest.mark.exhaustive
def test_json_says_the_same_for_programs(place: Path) -> None:
    found = json.loads(verify(place, "--json").output)
    assert (found["standing"], found["asked"], found["findings"]) == ("genuine", False, [])
    assert found["copy"]["number"] == 3
    assert found["signer"]["name"] == "AREF Casablanca-Settat"
    (place / "forged.pdf").write_bytes(with_record(b"{}"))
    done = verify(place, "--json", file="forged.pdf")
    assert done.exit_code == 1
    (first, *_others) = json.loads(done.output)["findings"]
    assert (first["code"], first["warning"]) == ("record_false", False)
    assert first["details"].keys() == {"problem"}


def test_an_authority_that_does_not_know_the_signer_is_told(place: Path) -> None:
    (place / "other.pem").write_bytes(clockmaker().pem)
    done = verify(place, "--json", trust="other.pem")
    assert done.exit_code == 1
    assert [one["code"] for one in json.loads(done.output)["findings"]] == ["unknown_authority"]


def test_a_revoked_certificate_is_told_by_the_list_at_hand(place: Path) -> None:
    serial = academy().certificate.serial_number
    (place / "revoked.crl").write_bytes(root().revoked({serial: NOW - DAY}, NOW - DAY, NOW + 30 * DAY))
    done = verify(place, "--json", "--revoked", str(place / "revoked.crl"))
    assert done.exit_code == 1
    assert [one["code"] for one in json.loads(done.output)["findings"]] == ["revoked"]


def test_what_is_far_too_large_is_not_read(place: Path) -> None:
    with (place / "large.pdf").open("wb") as stream:
        stream.truncate(300 * 1024 * 1024)
    done = verify(place, "--language", "en", file="large.pdf")
    assert done.exit_code == 1
    assert f"larger than {DOCUMENT_MOST // 1024 // 1024} MB" in done.output


def test_without_a_certificate_it_asks_for_one(place: Path) -> None:
    done = verify(place, trust="")
    assert done.exit_code == 1
    assert "--trust" in done.output
    (place / "root.pem").write_bytes(b"none")
    assert "certificate" in verify(place, "--language", "en").output


@pytest.mark.exhaustive
def test_it_takes_the_installations_own_where_none_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_SIGNING", str(place))
    assert verify(place, trust="").exit_code == 0
    assert not (place / "never").exists()


def test_no_database_and_no_page_is_loaded(place: Path) -> None:
    """A process of its own, from a folder that holds the file and the certificate alone."""
    script = (
        "import sys; from datetime import datetime; from school_protocol.cli import main, case_file_commands\n"
        f"case_file_commands._now = lambda: datetime.fromisoformat({(NOW + DAY).isoformat()!r})\n"
        "code = 0\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as done: code = done.code\n"
        "assert 'flask' not in sys.modules and 'weasyprint' not in sys.modules, 'too much was loaded'\n"
        "sys.exit(code)\n"
    )
    command = [sys.executable, "-c", script, "case-file", "verify", "copy.pdf", "--trust", "root.pem"]
    done = subprocess.run(command, cwd=place, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in place.iterdir()) == ["copy.pdf", "root.pem"]


# ---- asked of an installation --------------------------------------------------------------------------------------


@pytest.fixture
def school(school: School, monkeypatch: pytest.MonkeyPatch) -> School:
    school.report()
    keys(school)
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(school.ctx.settings.data))
    monkeypatch.delenv("SCHOOL_PROTOCOL_SIGNING", raising=False)
    monkeypatch.setattr(case_file_commands, "_now", lambda: THEN)
    return school


def test_the_house_is_asked_where_it_is_wanted(school: School, tmp_path: Path) -> None:
    out, head = str(tmp_path / "copy.pdf"), by(school, "head")
    assert run("case-file", "issue", school.number, "--profile", "school", "-o", out, *head).exit_code == 0
    assert run("case-file", "verify", out, "--here").exit_code == 0
    done = run("case-file", "revoke", school.number, "--copy", "1", "--reason", "mauvaise adresse", *head)
    assert (done.exit_code, "copy 1" in done.stderr) == (0, True)
    told = run("case-file", "verify", out, "--here", "--json")
    assert told.exit_code == 1
    assert [one["code"] for one in json.loads(told.output)["findings"]] == ["copy_revoked"]
    assert "mauvaise adresse" not in told.output
    assert run("case-file", "verify", out).exit_code == 0, "the file alone does not know"
    again = run("case-file", "revoke", school.number, "--copy", "1", "--reason", "encore", *head)
    assert (again.exit_code, "already" in again.stderr) == (REFUSED, True)


def test_a_letter_is_said_to_carry_no_record(school: School, tmp_path: Path) -> None:
    issued = issue_letter(school.ctx, school.person("head"), school.number, "marsad_sheet", "case", "fr")
    (tmp_path / "letter.pdf").write_bytes(issued.data)
    done = run("case-file", "verify", str(tmp_path / "letter.pdf"), "--language", "en")
    assert done.exit_code == 0
    assert "carries no record" in done.output
    assert run("case-file", "verify", str(tmp_path / "letter.pdf"), "--here").exit_code == 0


def test_what_may_not_be_revoked_is_refused_in_words(school: School) -> None:
    head = by(school, "head")
    nothing = run("case-file", "revoke", school.number, "--copy", "7", "--reason", "x", *head)
    assert (nothing.exit_code, "not found" in nothing.stderr) == (1, True)
    issue_letter(school.ctx, school.person("head"), school.number, "marsad_sheet", "case", "fr")
    options = ["--document", "marsad_sheet", "--copy", "1", *head]
    silent = run("case-file", "revoke", school.number, *options, "--reason", " ")
    assert (silent.exit_code, "reason" in silent.stderr) == (REFUSED, True)
