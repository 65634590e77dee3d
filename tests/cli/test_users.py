"""Letting people in by command, and helping them: the same rules as on the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from domain.telling import MOROCCAN, NOW
from services.proving import PASSWORD, People

from school_protocol import cli
from school_protocol.auth import access_codes
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_house
from school_protocol.engine.definition import Protocol


@pytest.fixture
def people(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    clock = TurnableClock(NOW)
    house = open_house(Settings(data=tmp_path / "var", address="https://desk.example/"), clock)
    monkeypatch.setattr(cli.people_commands, "open_the_house", lambda: house)
    yield People(prepared(house, clock, moroccan, MOROCCAN.read_bytes()))
    house.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["users", *arguments])


def test_the_first_administrator_then_everybody_by_somebody(people: People) -> None:
    admin, member = people.username("technical_admin"), people.username("team_member")
    assert run("invite", member).exit_code == 2, "nobody says who invites"
    link = run("invite", admin, "--first").output.strip()
    assert link.startswith("https://desk.example/invited/")
    assert access_codes.accept_invitation(people.house, link.rpartition("/")[2], PASSWORD)
    refused = run("invite", people.username("technical_admin/2"), "--first")
    assert (refused.exit_code, refused.output) == (
        3, "refused: somebody who administers can sign in already: they invite (--as)\n",
    )  # fmt: skip
    assert "no active account" in run("invite", "nobody", "--first").output
    slip = json.loads(run("invite", member, "--as", admin, "--slip").output)
    assert slip["username"] == member
    assert access_codes.set_password_by_code(people.house, member, slip["code"], PASSWORD)
    known = run("invite", member, "--as", admin)
    assert (known.exit_code, "has a password already: print a code" in known.output) == (3, True)
    again = json.loads(run("new-password", member, "--as", admin).output)
    assert access_codes.set_password_by_code(people.house, member, again["code"], "encore un autre cartable")


def test_two_people_restore_a_factor(people: People) -> None:
    people.give_password("head")
    people.give_phone("head")
    head, admin = people.username("head"), people.username("technical_admin")
    overseer = people.username("directorate")
    assert run("restore-factor", head, "--as", overseer, "--agree").exit_code == 3, "nobody asked"
    assert run("restore-factor", head, "--as", admin).exit_code == 0
    assert run("restore-factor", head, "--as", admin, "--agree").exit_code == 3, "two people are needed"
    slip = json.loads(run("restore-factor", head, "--as", overseer, "--agree").output)
    assert slip["purpose"] == "factor"
    assert run("restore-factor", head, "--as", admin, "--withdraw").exit_code == 0


@pytest.mark.parametrize("command", ["invite", "new-password", "restore-factor"])
def test_nobody_helps_themselves_or_strangers(people: People, command: str) -> None:
    head = people.username("head")
    for whom in (head, people.username("directorate"), "nobody"):
        answer = run(command, whom, "--as", head)
        assert answer.exit_code == 1
        assert "not found" in answer.output
