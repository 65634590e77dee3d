"""`serve`: what the server in front of the pages takes in at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import waitress
from click.testing import CliRunner

from school_protocol import cli
from school_protocol.cli import running
from school_protocol.config import Settings
from school_protocol.documents.sealing.verifying import MOST
from school_protocol.services.house import House, open_house
from school_protocol.services.scripts import TurnableClock
from tests.documents.sealed import NOW


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = open_house(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    yield found
    found.realm.close()
    found.directory.close()


def test_a_body_that_no_page_takes_is_refused_unread(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(running, "open_the_house", lambda: house)
    monkeypatch.setattr(waitress, "serve", lambda _app, **options: served.update(options))
    done = CliRunner().invoke(cli.main, ["serve", "--no-worker"])
    assert done.exit_code == 0, done.output
    assert MOST < served["max_request_body_size"] < MOST + 2 * 1024 * 1024
