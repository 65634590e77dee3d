"""`school-protocol sample`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from school_protocol.cli import main
from school_protocol.services.sampling import filling, histories
from school_protocol.services.scripts import stories_of


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One story, played twice."""
    told = [(name, story) for name, story in stories_of("ma-cyberharassment") if name == "sc4"]
    monkeypatch.setattr(filling, "PLAYS", (2, 2))
    monkeypatch.setattr(histories, "stories_of", lambda _protocol: told)


@pytest.mark.usefixtures("quick")
def test_cases_happen_in_as_many_schools_as_were_asked_for(tmp_path: Path) -> None:
    environment = {"SCHOOL_PROTOCOL_DATA": str(tmp_path), "SCHOOL_PROTOCOL_DEMO_PASSWORD": "made-up-made-up-made"}
    ran = CliRunner().invoke(main, ["sample", "--cases", "3", "--schools", "8", "--json"], env=environment)
    assert ran.exit_code == 0, ran.output
    done = json.loads(ran.stdout)
    assert (done["cases"], done["schools"]) == (3, 8)  # so few cases alone would need six
    again = CliRunner().invoke(main, ["sample", "--cases", "2", "--json"], env=environment)
    assert json.loads(again.stdout)["schools"] == 6
