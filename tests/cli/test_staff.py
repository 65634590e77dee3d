"""`users import|list|close|certify`: the same use cases as the pages', for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from domain.telling import MOROCCAN, NOW
from sqlalchemy import select

from school_protocol import cli
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import House, open_house
from school_protocol.engine.definition import Protocol
from school_protocol.people import imports

HEAD = "identifiant;nom;fonction;établissement;attestation jusqu'au\n"


@pytest.fixture
def house(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    clock = TurnableClock(NOW)
    found = open_house(Settings(data=tmp_path / "var"), clock)
    player = prepared(found, clock, moroccan, MOROCCAN.read_bytes())
    admin = next(role.key for role in moroccan.roles.values() if role.administers)
    with found.directory.writing() as session:
        account = auth_repository.add_account(
            session, username="chief", names={"fr": "Chef"}, language="fr", created_at=NOW
        )
        auth_repository.appoint(session, account, role=admin, unit=player.school, starts=date(2020, 1, 1))
    monkeypatch.setattr(cli.people_commands, "open_the_house", lambda: found)
    yield found
    found.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["users", *arguments, "--as", "chief"])


def brought(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "liste.csv"
    path.write_bytes((HEAD + "\n".join(lines) + "\n").encode("cp1252"))
    return str(path)


def names(house: House) -> list[str]:
    with house.directory.reading() as session:
        return list(session.scalars(select(AccountRow.username).order_by(AccountRow.username)))


def test_a_preview_writes_nothing(house: House, tmp_path: Path) -> None:
    before = names(house)
    answer = run("import", brought(tmp_path, "nadia;Nadia;declarant;00000A;"), "--preview")
    assert answer.exit_code == 0, answer.output
    assert "2\tnadia\tNew" in answer.output
    assert "1 new, 0 changed, 0 unchanged, 0 refused: nothing was applied" in answer.output
    assert names(house) == before


def test_a_list_is_applied_and_twice_changes_nothing(house: House, tmp_path: Path) -> None:
    file = brought(tmp_path, "nadia;Nadia Élève;declarant;00000A;")
    assert run("import", file).exit_code == 0
    assert "nadia" in names(house)
    again = run("import", file)
    assert "0 new, 0 changed, 1 unchanged, 0 refused: nothing was applied" in again.output


def test_a_refused_line_is_said_in_words_and_by_the_exit_code_and_all_is_left(house: House, tmp_path: Path) -> None:
    results = tmp_path / "out.csv"
    file = brought(tmp_path, "nadia;Nadia;membre_er;00000A;", "omar;Omar;declarant;00000A;")
    answer = run("import", file, "--results", str(results), "--language", "fr")
    assert answer.exit_code == 3
    assert "attestation" in answer.output
    assert "1 new, 0 changed, 0 unchanged, 1 refused: nothing was applied" in answer.output
    assert not {"omar", "nadia"} & set(names(house))
    assert results.read_bytes().decode("utf-8-sig").count("\n") == 3
    assert run("import", brought(tmp_path, "omar;Omar;declarant;00000A;")).exit_code == 0
    assert "omar" in names(house), "the control: without that line it is applied"


def test_a_long_list_shows_how_far_it_is(house: House, tmp_path: Path) -> None:
    lines = [f"p{place};P;declarant;00000A;" for place in range(imports.AT_ONCE + 5)]
    answer = run("import", brought(tmp_path, *lines))
    assert answer.exit_code == 0, answer.output
    assert "305 new" in answer.output
    assert "p304" in [one["username"] for one in pages_of(house)]


def pages_of(house: House) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    after = ""
    while True:
        answer = json.loads(run("list", "--json", "--after", after).output)
        found += answer["people"]
        if not answer["after"]:
            return found
        after = answer["after"]


def test_what_is_no_list_is_said(house: House, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a;b\n1;2\n")
    answer = run("import", str(path))
    assert answer.exit_code == 1
    assert "The first line" in answer.output


def test_people_are_listed_certified_and_closed(house: House, tmp_path: Path) -> None:
    run("import", brought(tmp_path, "nadia;Nadia;declarant;00000A;"))
    assert run("certify", "nadia", "--issued", "2026-11-01", "--until", "2026-12-20").exit_code == 0
    assert "nadia\tNadia\treporter@00000A\t2026-12-20" in run("list", "--ending").output
    assert run("list", "--unit", "99999Z").exit_code == 1
    assert run("certify", "nadia", "--issued", "2026-11-01", "--until", "2020-01-01").exit_code == 3
    assert run("close", "nadia", "--reason", "nothing").exit_code == 3
    assert run("close", "nadia", "--reason", "retired").exit_code == 0
    again = run("close", "nadia", "--reason", "retired")
    assert (again.exit_code, "This account is closed" in again.output) == (3, True)
    assert run("close", "chief", "--reason", "retired").exit_code == 3, "never oneself"
    assert run("close", "nobody", "--reason", "retired").exit_code == 1
    assert "nadia (closed)" in run("list").output
