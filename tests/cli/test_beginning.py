"""An installation's first day by commands alone: founded, people brought in, the list signed, a case opened."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from engine.telling import REPORT
from repository.operations import block_of, in_blocks
from signing_off import sign_all
from sqlalchemy import insert

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.access_codes import accept_invitation
from school_protocol.auth.models import AppointmentRow, PasskeyRow
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.context import REALM, SystemClock, open_context
from school_protocol.engine.clock import Calendar
from school_protocol.people import school_time

ABOUT = [{"slot": "targeted_pupil", "name": "Yasmine Benali", "massar": "G123456789"}]
PEOPLE = """kind,code,parent,name_fr,name_ar,username,role,unit,starts,certified_until
region,MA-04,MA,AREF Rabat-Salé-Kénitra,أكاديمية الرباط سلا القنيطرة,,,,,
province,MA-SAL,MA-04,Direction de Salé,مديرية سلا,,,,,
school,04127K,MA-SAL,Collège Al Amal,إعدادية الأمل,,,,,
person,,,Samira Benjelloun,سميرة بنجلون,referent,team_coordinator,04127K,2020-01-01,{until}
person,,,Nadia El Fassi,نادية الفاسي,membre,team_member,04127K,2020-01-01,{until}
person,,,Abdelhak Tazi,عبد الحق التازي,directeur,head,04127K,2020-01-01,
person,,,Ali Protocole,علي,protocole,protocol_admin,MA,2020-01-01,
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "var"))
    return tmp_path / "var"


def run(*words: object, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == exit_code, result.output
    return result


def found() -> Result:
    return run("found", "--administrator", "admin", "--name", "Siham Daoudi", "--name-ar", "سهام الداودي")


def test_from_nothing_to_a_case(data: Path, tmp_path: Path) -> None:
    link = found()
    assert re.search(r"/invited/\S{20,}", link.stdout)
    people, answers = tmp_path / "people.csv", tmp_path / "answers.yaml"
    people.write_text(PEOPLE.format(until=f"{SystemClock().now().year + 2}-12-31"), "utf-8")
    brought = run("users", "import", people, "--as", "admin")
    assert "7 new, 0 changed, 0 unchanged, 0 refused" in brought.stderr
    assert "no calendar" not in run("doctor").output
    answers.write_text(yaml.safe_dump({**REPORT, "what_happened": "Des messages, chaque soir.", "about_whom": ABOUT}))
    opened = ("case", "open", "--definition", "ma-cyberharassment", "--answers", answers, "--as", "membre")
    assert "not signed" in run(*opened, exit_code=3).output
    ctx = open_context(Settings(data=data), SystemClock())
    with ctx.directory.reading() as session:
        found_admin = auth_repository.account_named(session, "admin")
        assert found_admin is not None
        admin = auth_repository.actor(session, found_admin.id, realm=REALM, today=ctx.now().date())
    assert admin is not None
    sign_all(ctx, admin)
    ctx.close()
    assert re.search(r"\d{4}", run(*opened).stdout), "the number of a case"
    assert run("users", "list", "--as", "admin").stdout.count("04127K") >= 3


def test_a_role_and_a_passkey_that_were_written_without_the_keys_are_told_by_the_check_of_the_night(
    data: Path, tmp_path: Path
) -> None:
    found()
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE.format(until=f"{SystemClock().now().year + 2}-12-31"), "utf-8")
    run("users", "import", people, "--as", "admin")
    assert "every chain holds" in run("journal", "verify").stderr, "the control: what the program did is written down"
    ctx = open_context(Settings(data=data), SystemClock())
    with ctx.directory.reading() as session:
        forged = [auth_repository.account_named(session, name) for name in ("membre", "directeur")]
        member, head = [one.id for one in forged if one is not None]
        place = auth_repository.actor(session, member, realm=REALM, today=ctx.now().date())
    assert place is not None
    today, unit = ctx.now().date(), place.appointments[0].unit
    with ctx.directory.engine.begin() as behind:
        post = {"id": "post", "account": member, "role": "head", "unit": unit, "starts": today}
        behind.execute(insert(AppointmentRow).values(**post, mac=b""))
        key = {"id": "key", "account": head, "public_key": b"", "sign_count": 0, "name": "", "created_at": ctx.now()}
        behind.execute(insert(PasskeyRow).values(**key, mac=b""))
    ctx.close()
    told = run("journal", "verify", exit_code=1)
    assert re.findall(r"row (.+): forged", told.stdout) == ["appointment post", "passkey key"]


def typed(line: str) -> Result:
    """A line as it stands in the docs, its file written where one stands."""
    command, _mark, file = line.partition(" > ")
    program, *words = shlex.split(command)
    assert program == "school-protocol"
    result = run(*words)
    if file:
        Path(file).write_text(result.stdout, "utf-8")
    return result


def test_the_lines_of_the_docs_begin_an_installation(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand, one after another; the list is brought in where the docs say so."""
    monkeypatch.chdir(tmp_path)
    Path("places.csv").write_text(PEOPLE.format(until=f"{SystemClock().now().year + 2}-12-31"), "utf-8")
    lines = in_blocks(f"```\n{block_of('school-protocol found')}```\n")
    assert re.search(r"/invited/\S{20,}", typed(lines[0]).stdout)
    for line, brought in ((lines[1], 0), (lines[1].replace("--preview ", ""), 7)):
        assert "7 new, 0 changed, 0 unchanged, 0 refused" in typed(line).stderr
        assert run("users", "list", "--as", "admin").stdout.count("04127K") == (brought and 3)
    typed(lines[2])
    typed(lines[3])
    assert run("calendar", "show", "MA-04").stdout == Path("year.yaml").read_text("utf-8")
    assert "no calendar" not in typed(lines[4]).output
    assert len(lines) == 5


@pytest.mark.exhaustive
def test_it_begins_once(data: Path) -> None:
    found()
    again = run("found", "--administrator", "other", "--name", "X", exit_code=1)
    assert "this installation has begun" in again.stderr
    assert "no active account" in run("users", "list", "--as", "other", exit_code=1).stderr


@pytest.mark.exhaustive
def test_a_name_that_is_none_founds_nothing(data: Path) -> None:
    assert "username" in run("found", "--administrator", "سهام", "--name", "X", exit_code=3).stderr
    assert "name_fr" in run("found", "--administrator", "admin", "--name", " ", exit_code=3).stderr
    assert "code" in run("found", "--administrator", "admin", "--name", "X", "--code", "M A", exit_code=3).stderr
    found()


def test_the_calendar_is_shown_as_it_is_set(data: Path, tmp_path: Path) -> None:
    found()
    file = tmp_path / "year.yaml"
    file.write_text(run("calendar", "show", "MA").stdout)
    run("calendar", "set", "MA", file, "--as", "admin")
    assert run("calendar", "show", "MA").stdout == file.read_text()
    said = yaml.safe_load(file.read_text())
    said["closed"].append("2027-06-01 to 2027-06-03")
    file.write_text(yaml.safe_dump(said))
    run("calendar", "set", "MA", file, "--as", "admin")
    assert "2027-06-01 to 2027-06-03" in run("calendar", "show", "MA").stdout
    assert "not found" in run("calendar", "show", "XX", exit_code=1).stderr
    assert "not found" in run("calendar", "set", "XX", file, "--as", "admin", exit_code=1).stderr


def test_the_usual_year_comes_back_as_it_went() -> None:
    usual = school_time.usual()
    again = school_time.read(json.loads(json.dumps(school_time.written(usual))))
    assert isinstance(again, Calendar)
    assert (again.opening, again.exceptions, again.closed) == (usual.opening, usual.exceptions, usual.closed)
    assert not again.is_school_day(date(2026, 11, 18)), "the feast of independence"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "week"),
        ([], "week"),
        ({"week": {"lundi": "08:30-12:30"}}, "the days are monday"),
        ({"week": {"monday": "8h30-12h30"}}, "week.monday: hours are written as 08:30-12:30"),
        ({"week": {"monday": "12:30-08:30"}}, "week.monday"),
        ({"week": {"monday": ["08:00-12:00", "11:00-13:00"]}}, "overlap"),
        ({"week": {"monday": "08:00-12:00"}, "closed": ["18/11/2026"]}, "a day is written as 2026-11-18"),
        ({"week": {"monday": "08:00-12:00"}, "closed": ["2027-01-02 to 2027-01-01"]}, "ends before it begins"),
        ({"week": {"monday": "08:00-12:00"}, "closed": ["0001-01-01 to 9999-01-01"]}, "too long"),
        ({"week": {"monday": "08:00-12:00"}, "exceptions": [{"from": "2027-02-08"}]}, "exceptions, 1"),
        ({"week": {"monday": "08:00-12:00"}, "holidays": []}, "nothing of a calendar is called so"),
        ({"week": {"monday": "08:00-12:00"}, "timezone": "Africa/Nowhere"}, "unknown time zone"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(said: object, words: str) -> None:
    with pytest.raises(school_time.BadCalendar, match=re.escape(words)):
        school_time.read(said)


def test_whoever_does_not_administer_a_place_says_nothing_of_its_hours(data: Path, tmp_path: Path) -> None:
    found()
    people, file = tmp_path / "people.csv", tmp_path / "year.yaml"
    people.write_text(PEOPLE.format(until=f"{SystemClock().now().year + 2}-12-31"), "utf-8")
    run("users", "import", people, "--as", "admin")
    file.write_text(run("calendar", "show", "04127K").stdout)
    run("calendar", "set", "04127K", file, "--as", "directeur", exit_code=1)
    run("calendar", "set", "04127K", file, "--as", "admin")


def test_the_link_lets_the_first_one_in(data: Path) -> None:
    token = re.search(r"/invited/(\S+)", found().stdout)
    assert token is not None
    with closing(open_context(Settings(data=data), SystemClock())) as ctx:
        assert accept_invitation(ctx, token[1], "une-phrase-assez-longue-12")
