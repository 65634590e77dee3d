"""`school-protocol figures rebuild`: says what it counted, and what was otherwise."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from engine.telling import MOROCCAN, NOW, REPORT
from sqlalchemy import delete

from school_protocol.cases.intake import open_case
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.cli.group import main
from school_protocol.config import Settings, settings_from
from school_protocol.context import SystemClock, open_context
from school_protocol.engine.case_summary import CASES
from school_protocol.protocol.reader import read
from school_protocol.statistics.models import FigureCounterRow, FigureShareRow
from school_protocol.statistics.rules import TOTALS


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two cases, and a counter that says nine."""
    content, clock = MOROCCAN.read_bytes(), TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path), clock)
    player = prepared(ctx, clock, read(content, "m"), content)
    for number in range(2):
        open_case(ctx, player.actor("team_member"), "report", REPORT, token=str(number))
    with ctx.realm.writing() as session:
        row = session.get(FigureCounterRow, ("ma-cyberharassment", "2026-11", player.school))
        assert row is not None
        row.counts = {TOTALS: {CASES: 9}}
    ctx.close()
    return tmp_path


def test_it_counts_anew_and_says_what_was_otherwise(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(data))
    first = CliRunner().invoke(main, ["figures", "rebuild", "--json"])
    assert (first.exit_code, first.exception) == (0, None)
    found = json.loads(first.stdout)
    assert found.pop("shares_changed") in (0, 2), "by the true day, on which their time limits have run out or not"
    assert found == {"cases": 2, "erased": 0, "counters": 3, "counters_changed": 1}
    again = CliRunner().invoke(main, ["figures", "rebuild"])
    assert again.stdout == (
        "2 cases and 0 erased ones counted, 0 of them otherwise than before; 3 counters, 0 of them otherwise\n"
    )


@pytest.mark.exhaustive
def test_the_doctor_says_while_cases_are_not_counted(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(data))
    assert "not counted" not in CliRunner().invoke(main, ["doctor"]).stderr
    ctx = open_context(settings_from(os.environ), SystemClock())
    with ctx.realm.writing() as session:
        session.execute(delete(FigureShareRow))
    ctx.close()
    assert "2 cases are not counted in the figures yet" in CliRunner().invoke(main, ["doctor"]).stderr
    assert CliRunner().invoke(main, ["figures", "rebuild"]).exit_code == 0
    assert "not counted" not in CliRunner().invoke(main, ["doctor"]).stderr
