"""People let in, helped, listed and certified by command, and tokens of other systems: the rules are the pages'."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from services.conftest import School
from services.proving import PASSWORD, People
from services.tokening import above, administrator
from sqlalchemy import select

from cli.conftest import by, run, school_in
from school_protocol.api.service import UnknownToken, admit, read_cases
from school_protocol.auth import access_codes
from school_protocol.auth.models import AccountRow
from school_protocol.cases.index_repository import EVERYTHING
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import UnitKind
from school_protocol.people import imports
from school_protocol.ui.routing import Right

CHIEF = ("--as", "chief")

# ---- let in, and helped --------------------------------------------------------------------------------------------


@pytest.fixture
def people(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    with school_in(tmp_path, monkeypatch, moroccan, address="https://desk.example/") as found:
        yield People(found.player)


def users(*arguments: str) -> Result:
    return run("users", *arguments)


def test_the_first_administrator_then_everybody_by_somebody(people: People) -> None:
    admin, member = people.username("technical_admin"), people.username("team_member")
    assert users("invite", member).exit_code == 2, "nobody says who invites"
    link = users("invite", admin, "--first").output.strip()
    assert link.startswith("https://desk.example/invited/")
    assert access_codes.accept_invitation(people.ctx, link.rpartition("/")[2], PASSWORD)
    refused = users("invite", people.username("technical_admin/2"), "--first")
    assert (refused.exit_code, refused.output) == (
        3, "refused: somebody who administers can sign in already: they invite (--as)\n",
    )  # fmt: skip
    assert "no active account" in users("invite", "nobody", "--first").output
    slip = json.loads(users("invite", member, "--as", admin, "--slip").output)
    assert slip["username"] == member
    assert access_codes.set_password_by_code(people.ctx, member, slip["code"], PASSWORD)
    known = users("invite", member, "--as", admin)
    assert (known.exit_code, "has a password already: print a code" in known.output) == (3, True)
    again = json.loads(users("new-password", member, "--as", admin).output)
    assert access_codes.set_password_by_code(people.ctx, member, again["code"], "encore un autre cartable")


def test_two_people_restore_a_factor(people: People) -> None:
    people.give_password("head")
    people.give_phone("head")
    head, admin = people.username("head"), people.username("technical_admin")
    overseer = people.username("directorate")
    assert users("restore-factor", head, "--as", overseer, "--agree").exit_code == 3, "nobody asked"
    assert users("restore-factor", head, "--as", admin).exit_code == 0
    assert users("restore-factor", head, "--as", admin, "--agree").exit_code == 3, "two people are needed"
    slip = json.loads(users("restore-factor", head, "--as", overseer, "--agree").output)
    assert slip["purpose"] == "factor"
    assert users("restore-factor", head, "--as", admin, "--withdraw").exit_code == 0


@pytest.mark.parametrize("command", ["invite", "new-password", "restore-factor"])
def test_nobody_helps_themselves_or_strangers(people: People, command: str) -> None:
    head = people.username("head")
    for whom in (head, people.username("directorate"), "nobody"):
        answer = users(command, whom, "--as", head)
        assert answer.exit_code == 1
        assert "not found" in answer.output


# ---- imported, listed, certified, closed ---------------------------------------------------------------------------

HEAD = "identifiant;nom;fonction;établissement;attestation jusqu'au\n"


@pytest.fixture
def clerk(school: School, moroccan: Protocol) -> School:
    """With somebody who administers the accounts of that school alone."""
    administrator(school.player, unit=school.player.school)
    return school


def staff(*arguments: str) -> Result:
    return run("users", *arguments, *CHIEF)


def brought(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "liste.csv"
    path.write_bytes((HEAD + "\n".join(lines) + "\n").encode("cp1252"))
    return str(path)


def names(school: School) -> list[str]:
    with school.ctx.directory.reading() as session:
        return list(session.scalars(select(AccountRow.username).order_by(AccountRow.username)))


def test_a_preview_writes_nothing(clerk: School, tmp_path: Path) -> None:
    before = names(clerk)
    answer = staff("import", brought(tmp_path, "nadia;Nadia;declarant;00000A;"), "--preview")
    assert answer.exit_code == 0, answer.output
    assert "2\tnadia\tNew" in answer.output
    assert "1 new, 0 changed, 0 unchanged, 0 refused: nothing was applied" in answer.output
    assert names(clerk) == before


def test_a_list_is_applied_and_twice_changes_nothing(clerk: School, tmp_path: Path) -> None:
    file = brought(tmp_path, "nadia;Nadia Élève;declarant;00000A;")
    assert staff("import", file).exit_code == 0
    assert "nadia" in names(clerk)
    again = staff("import", file)
    assert "0 new, 0 changed, 1 unchanged, 0 refused: nothing was applied" in again.output


def test_a_refused_line_is_said_in_words_and_by_the_exit_code_and_all_is_left(clerk: School, tmp_path: Path) -> None:
    results = tmp_path / "out.csv"
    file = brought(tmp_path, "nadia;Nadia;membre_er;00000A;", "omar;Omar;declarant;00000A;")
    answer = staff("import", file, "--results", str(results), "--language", "fr")
    assert answer.exit_code == 3
    assert "attestation" in answer.output
    assert "1 new, 0 changed, 0 unchanged, 1 refused: nothing was applied" in answer.output
    assert not {"omar", "nadia"} & set(names(clerk))
    assert results.read_bytes().decode("utf-8-sig").count("\n") == 3
    assert staff("import", brought(tmp_path, "omar;Omar;declarant;00000A;")).exit_code == 0
    assert "omar" in names(clerk), "the control: without that line it is applied"


def test_a_long_list_shows_how_far_it_is(clerk: School, tmp_path: Path) -> None:
    lines = [f"p{place};P;declarant;00000A;" for place in range(imports.AT_ONCE + 5)]
    answer = staff("import", brought(tmp_path, *lines))
    assert answer.exit_code == 0, answer.output
    assert "305 new" in answer.output
    assert "p304" in [one["username"] for one in pages_of(clerk)]


def pages_of(clerk: School) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    after = ""
    while True:
        answer = json.loads(staff("list", "--json", "--after", after).output)
        found += answer["people"]
        if not answer["after"]:
            return found
        after = answer["after"]


def test_what_is_no_list_is_said(clerk: School, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a;b\n1;2\n")
    answer = staff("import", str(path))
    assert answer.exit_code == 1
    assert "The first line" in answer.output


def test_people_are_listed_certified_and_closed(clerk: School, tmp_path: Path) -> None:
    staff("import", brought(tmp_path, "nadia;Nadia;declarant;00000A;"))
    assert staff("certify", "nadia", "--issued", "2026-11-01", "--until", "2026-12-20").exit_code == 0
    assert "nadia\tNadia\treporter@00000A\t2026-12-20" in staff("list", "--ending").output
    assert staff("list", "--unit", "99999Z").exit_code == 1
    assert staff("certify", "nadia", "--issued", "2026-11-01", "--until", "2020-01-01").exit_code == 3
    assert staff("close", "nadia", "--reason", "nothing").exit_code == 3
    assert staff("close", "nadia", "--reason", "retired").exit_code == 0
    again = staff("close", "nadia", "--reason", "retired")
    assert (again.exit_code, "This account is closed" in again.output) == (3, True)
    assert staff("close", "chief", "--reason", "retired").exit_code == 3, "never oneself"
    assert staff("close", "nobody", "--reason", "retired").exit_code == 1
    assert "nadia (closed)" in staff("list").output


# ---- tokens of other systems ---------------------------------------------------------------------------------------


@pytest.fixture
def chief(school: School) -> School:
    """With somebody who administers the accounts of the region."""
    administrator(school.player)
    return school


def created(school: School, *, agreed: str = "directorate", until: str = "2027-01-31") -> Result:
    second = agreed if agreed == "chief" else by(school, agreed)[1]
    return run(
        "tokens", "create", "Dashboard", "--unit", above(school.player, UnitKind.province).code, "--right",
        "cases:read", "--until", until, "--purpose", "The monthly table", *CHIEF, "--agreed-by", second,
    )  # fmt: skip


def listed(*more: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("tokens", "list", "--json", *CHIEF, *more).output)["tokens"]
    return found


def test_a_token_is_made_listed_and_revoked(chief: School) -> None:
    chief.report()
    made = created(chief)
    assert made.exit_code == 0, made.output
    bearer = admit(chief.ctx, made.output.strip(), Right.cases, "api.cases")
    assert len(read_cases(chief.ctx, bearer, EVERYTHING, limit=5).rows) == 1
    (one,) = listed()
    assert (one["name"], one["state"], one["rights"], one["until"]) == (
        "Dashboard", "good", ["cases:read"], "2027-01-31",
    )  # fmt: skip
    assert made.output.strip() not in run("tokens", "list", *CHIEF).output
    assert "Dashboard" in run("tokens", "list", *CHIEF).output
    assert run("tokens", "revoke", one["id"], *by(chief, "head")).exit_code == 1
    assert run("tokens", "revoke", one["id"], *CHIEF).exit_code == 0
    with pytest.raises(UnknownToken):
        admit(chief.ctx, made.output.strip(), Right.cases, "api.cases")
    assert listed() == []
    assert [each["state"] for each in listed("--over")] == ["ended"]


def test_one_person_makes_none_and_nothing_is_left_of_the_try(chief: School) -> None:
    for second in ("chief", "head"):
        refused = created(chief, agreed=second)
        assert refused.exit_code != 0
        assert "sp_" not in refused.output
    assert listed() == []
    too_long = created(chief, until="2030-01-01")
    assert (too_long.exit_code, "refused: ends" in too_long.output) == (3, True)
