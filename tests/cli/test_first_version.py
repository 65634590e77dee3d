"""A protocol published from pages: cases open under it on the command line, by whoever holds one of its roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from engine.telling import SMALL
from services.administering import Desk
from signing_off import sign_by_hand

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import Player, prepared
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.context import SystemClock, open_context
from school_protocol.protocol.reader import read

pytestmark = pytest.mark.exhaustive

FIRST = SMALL.read_bytes().replace(b"  principal: {", b"  principal: {publishes: true, ", 1)
NEW = SMALL.read_bytes().replace(b"protocol: lost-things\n", b"protocol: zebra-things\n")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """An installation with one protocol, in which two administrators publish another; and an account without a role."""
    ctx = open_context(Settings(data=tmp_path / "data"), SystemClock())
    player: Player = prepared(ctx, SystemClock(), read(FIRST, "1.yaml"), FIRST)  # type: ignore[arg-type]
    desk = Desk(player)
    with ctx.directory.writing() as session:
        for username, role in (("surv", "warden"), ("dir", "principal")):
            account = auth_repository.add_account(
                session, username=username, names={"fr": username}, language="fr", created_at=datetime.now(UTC),
                password_hash=hash_password("secret"),
            )  # fmt: skip
            auth_repository.appoint(session, account, role=role, unit=player.school, starts=date(2000, 1, 1))
    desk.agree(desk.proposed(NEW), NEW)
    sign_by_hand(ctx, player.school)
    ctx.close()
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "data"))
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


def test_a_case_opens_under_the_protocol_that_is_named(run: Run, tmp_path: Path) -> None:
    answers = tmp_path / "slip.yaml"
    answers.write_text("what: Un cartable bleu\nkind: other\n", "utf-8")

    def opened(definition: str, who: str) -> Result:
        return run("case", "open", "--definition", definition, "--answers", str(answers), "--as", who)

    for definition in ("zebra-things", "lost-things"):
        found = opened(definition, "surv")
        assert found.exit_code == 0, found.stderr
        assert protocol_of(tmp_path / "data", json.loads(found.stdout)["number"]) == definition
    assert opened("zebra-things", "dir").exit_code == 1, "the control: no role of it that opens cases"
    assert opened("no-things", "surv").exit_code == 1
    assert "definition: zebra-things 1" in run("doctor").stdout


def protocol_of(data: Path, number: str) -> str:
    ctx = open_context(Settings(data=data), SystemClock())
    with ctx.realm.reading() as session:
        found = cases_repository.opened(session, cases_repository.find_by_number(session, number) or "").protocol
    ctx.close()
    return found
