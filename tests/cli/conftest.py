"""A school in an installation of its own, as the commands find it; and commands, run in it by its people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from engine.telling import MOROCCAN, NOW
from services.conftest import School
from services.lettering import told

from school_protocol import cli
from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol


def run(*words: object) -> Result:
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def by(school: School, who: str) -> tuple[str, str]:
    """The option that says who acts."""
    with school.ctx.directory.reading() as session:
        return "--as", auth_repository.account(session, school.account(who)).username


def give(monkeypatch: pytest.MonkeyPatch, ctx: AppContext) -> None:
    """Every command finds this installation."""
    for module in vars(cli).values():
        if hasattr(module, "open_context_once"):
            monkeypatch.setattr(module, "open_context_once", lambda **_asked: ctx)


@contextmanager
def school_in(folder: Path, monkeypatch: pytest.MonkeyPatch, protocol: Protocol, **more: Any) -> Iterator[School]:
    """A school without a case, in an installation that every command finds."""
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=folder / "var", **more), clock)
    give(monkeypatch, ctx)
    yield School(prepared(ctx, clock, protocol, MOROCCAN.read_bytes()), count(1))
    ctx.close()


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    with school_in(tmp_path, monkeypatch, moroccan) as found:
        yield found


@pytest.fixture
def told_school(school: School) -> School:
    """With a case of which letters can be issued."""
    told(school)
    return school
