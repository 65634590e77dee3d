"""The page of a demo's mails: it says why they lead nowhere, where the demo has no address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from services.conftest import School

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.notifications import repository as notifications_repository
from school_protocol.web import create_app
from web.browsing import browser_of


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    with ctx.directory.writing() as session:
        notifications_repository.mark_as_demo(session, at=NOW)
    yield School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    ctx.close()


@pytest.mark.parametrize(("address", "says"), [("", True), ("http://localhost", False)])
def test_mails_without_an_address_say_why(school: School, address: str, says: bool) -> None:
    ctx = replace(school.ctx, settings=replace(school.ctx.settings, address=address))
    browser = browser_of(create_app(ctx, testing=True), ctx, school.account("head"))
    answer = browser.client.get("/messages")
    assert answer.status_code == 200
    assert ("SCHOOL_PROTOCOL_ADDRESS" in answer.get_data(as_text=True)) is says
