"""`school-protocol journal …`: answers on stdout, what is said beside them on stderr, exit 1 for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from services.journaling import Kept, client, told

from school_protocol.cli.group import main

Run = Callable[..., Result]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = told(tmp_path / "data")
    yield found
    found.close()


@pytest.fixture
def run(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(kept.ctx.settings.data))

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["journal", *arguments])

    return command


def tamper(kept: Kept, statement: str) -> None:
    with client(kept.ctx.settings.data / "realm.sqlite", guarded=False) as connection:
        connection.execute(statement, kept.cases)


def number_and_head(kept: Kept, name: str) -> tuple[str, str]:
    from school_protocol.cases import repository as cases_repository
    from school_protocol.storage import journal

    with kept.ctx.realm.reading() as session:
        head = journal.head(session, kept.case(name))
        assert head is not None
        return cases_repository.opened(session, kept.case(name)).number, head.hash


@pytest.mark.exhaustive
def test_what_holds_is_said_in_numbers(run: Run) -> None:
    found = run("verify")
    assert (found.exit_code, found.stdout) == (0, "")
    assert (
        "4 cases (1 erased), 16 events, 12 accesses, 5 administrative entries, 3 anchors with 7 heads" in found.stderr
    )
    said = json.loads(run("verify", "--json").stdout)
    assert (said["holds"], said["breaks"], said["anchors"], said["resumed_by"]) == (True, [], 3, None)


def test_the_first_bad_entry_is_named_and_the_kind_of_fault(run: Run, kept: Kept) -> None:
    tamper(kept, "DELETE FROM event WHERE case_id = :a AND seq > 4")
    found = run("verify")
    assert found.exit_code == 1
    assert found.stdout.splitlines()[0] == f"case {kept.case('a')}, event 5: cut_off (the end was cut off from here)"
    said = json.loads(run("verify", "--json").stdout)
    assert {"chain": "case", "case": kept.case("a"), "entry": 5, "flaw": "cut_off"} in said["breaks"]


def test_anchors_elsewhere_show_what_those_here_do_not(run: Run, kept: Kept, tmp_path: Path) -> None:
    """Whoever cuts the anchors and the database alike is found by the copy on another volume."""
    import shutil

    here, elsewhere = kept.ctx.settings.anchors_folder, tmp_path / "elsewhere"
    shutil.copytree(here, elsewhere)
    tamper(kept, "DELETE FROM event WHERE case_id = :a AND seq > 5")
    tamper(kept, "UPDATE case_index SET last_seq = 5 WHERE case_id = :a")
    tamper(kept, "DELETE FROM anchor_taken WHERE seq = 3")
    for path in here.glob("anchor-000003.*"):
        path.unlink()
    assert run("verify").exit_code == 0, "nothing here knows of it any more"
    found = run("verify", "--anchors", str(elsewhere))
    assert found.exit_code == 1
    assert f"case {kept.case('a')}, event 6: cut_off" in found.stdout


def test_a_paper_is_compared_with_the_chain(run: Run, kept: Kept) -> None:
    number, head = number_and_head(kept, "b")
    found = run("verify", "--head", number, head[:16])
    assert found.exit_code == 0
    assert "at entry 4" in found.stdout
    assert "all that the paper pins is as it was" in found.stdout
    never = run("verify", "--head", number, "0" * 16)
    assert (never.exit_code, never.stdout) == (1, f"no entry of case {number} ever had this head\n")
    assert run("verify", "--head", number, "rubbish").exit_code == 3
    assert json.loads(run("verify", "--head", number, head, "--json").stdout)["seq"] == 4


def test_an_anchor_is_taken_and_checked_without_the_house(run: Run, kept: Kept) -> None:
    assert run("close").exit_code == 0
    assert run("anchor").stdout.startswith("anchor 4: ")
    assert json.loads(run("anchor", "--json").stdout)["number"] == 5
    folder, key = str(kept.ctx.settings.anchors_folder), run("key").stdout.strip()
    found = run("check", folder, "--key", key)
    assert found.exit_code == 0
    assert found.stdout.startswith("5 anchors, the latest of ")
    (Path(folder) / "anchor-000002.json").unlink()
    found = run("check", folder, "--key", key)
    assert found.exit_code == 1
    assert "anchor 2: missing (taken away)" in found.stdout
    assert run("check", folder, "--key", "not a key").exit_code == 1


def test_an_anchor_says_why_the_database_is_older(run: Run) -> None:
    assert run("anchor", "--resume", "backup of Monday").exit_code == 0
    assert "anchor 4 begins anew, as it says: backup of Monday" in run("verify").stderr


@pytest.mark.exhaustive
def test_a_kept_verdict_is_what_doctor_says(run: Run, kept: Kept) -> None:
    doctor = CliRunner().invoke(main, ["doctor"])
    assert "journal: never checked" in doctor.stderr
    assert "anchors lie on the volume of the data" in doctor.stderr
    run("verify", "--keep")
    assert "journal: last checked and passed" in CliRunner().invoke(main, ["doctor"]).stdout
    tamper(kept, "DELETE FROM access WHERE place = 2")
    run("verify", "--keep")
    assert "journal: DOES NOT HOLD (1 faults); last passed" in CliRunner().invoke(main, ["doctor"]).stderr


def test_grants_are_printed_for_psql(run: Run) -> None:
    found = run("grants", "--role", "site", "--schema", "realm")
    assert found.exit_code == 0
    assert "GRANT SELECT, INSERT ON realm.event TO site;" in found.stdout
    assert "DELETE ON realm.event TO" not in found.stdout
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON realm.case_index TO site;" in found.stdout
    assert "administration_link" in run("grants", "--role", "site", "--part", "directory").stdout
    assert run("grants", "--role", "site; DROP TABLE event").exit_code == 1
