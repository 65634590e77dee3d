"""Tokens of other systems by command: the same two people as on the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from domain.telling import MOROCCAN, NOW
from services.conftest import School
from services.tokening import above, administrator

from school_protocol import cli
from school_protocol.api.service import UnknownToken, admit, read_cases
from school_protocol.auth import repository as auth_repository
from school_protocol.cases.index_repository import EVERYTHING
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_house
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import UnitKind
from school_protocol.ui.routing import Right


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    clock = TurnableClock(NOW)
    house = open_house(Settings(data=tmp_path / "var"), clock)
    monkeypatch.setattr(cli.people_commands, "open_the_house", lambda: house)
    found = School(prepared(house, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    administrator(found.player)
    yield found
    house.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["tokens", *arguments])


def username(school: School, who: str) -> str:
    account = school.account(who)
    with school.house.directory.reading() as session:
        found = auth_repository.account(session, account)
    assert found is not None
    return found.username


def created(school: School, *, by: str = "chief", second: str = "directorate", until: str = "2027-01-31") -> Result:
    return run(
        "create", "Dashboard", "--unit", above(school.player, UnitKind.province).code, "--right", "cases:read",
        "--until", until, "--purpose", "The monthly table", "--as", by,
        "--agreed-by", second if second == "chief" else username(school, second),
    )  # fmt: skip


def listed(*more: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("list", "--json", "--as", "chief", *more).output)["tokens"]
    return found


def test_a_token_is_made_listed_and_revoked(school: School) -> None:
    school.report()
    made = created(school)
    assert made.exit_code == 0, made.output
    bearer = admit(school.house, made.output.strip(), Right.cases, "api.cases")
    assert len(read_cases(school.house, bearer, EVERYTHING, limit=5).rows) == 1
    (one,) = listed()
    assert (one["name"], one["state"], one["rights"], one["until"]) == (
        "Dashboard", "good", ["cases:read"], "2027-01-31",
    )  # fmt: skip
    assert made.output.strip() not in run("list", "--as", "chief").output
    assert "Dashboard" in run("list", "--as", "chief").output
    assert run("revoke", str(one["id"]), "--as", username(school, "head")).exit_code == 1
    assert run("revoke", str(one["id"]), "--as", "chief").exit_code == 0
    with pytest.raises(UnknownToken):
        admit(school.house, made.output.strip(), Right.cases, "api.cases")
    assert listed() == []
    assert [each["state"] for each in listed("--over")] == ["ended"]


def test_one_person_makes_none_and_nothing_is_left_of_the_try(school: School) -> None:
    for second in ("chief", "head"):
        refused = created(school, second=second)
        assert refused.exit_code != 0
        assert "sp_" not in refused.output
    assert listed() == []
    too_long = created(school, until="2030-01-01")
    assert (too_long.exit_code, "refused: ends" in too_long.output) == (3, True)
