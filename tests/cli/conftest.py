"""A school in a house of its own, as the commands find it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from domain.telling import MOROCCAN, NOW
from services.conftest import School
from services.lettering import told

from school_protocol import cli
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_house
from school_protocol.engine.definition import Protocol


@pytest.fixture
def told_school(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """With a case of which letters and bundles can be issued."""
    clock = TurnableClock(NOW)
    house = open_house(Settings(data=tmp_path / "var"), clock)
    found = School(prepared(house, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    told(found)
    for module in (cli.case_file_commands, cli.case_file_commands):
        monkeypatch.setattr(module, "open_the_house", lambda: house)
    yield found
    house.close()
