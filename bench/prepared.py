"""The product as it is measured: an installation in a temporary folder, a long case, a list of short ones, signed in.

The cases come about by playing a story of the Moroccan definition through the very use cases that pages call.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from flask import Flask
from flask.testing import FlaskClient

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.auth.sign_in_service import begin_session
from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.printing import draft
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import Loaded, keep, load
from school_protocol.cases.showing import see_choices
from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.decisions import decide
from school_protocol.engine.definition import Protocol
from school_protocol.engine.intents import RecordAct
from school_protocol.protocol.reader import read
from school_protocol.web import create_app

ROOT = Path(__file__).resolve().parents[1]
DEFINITION = ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml"
STEPS = 9
"""Steps of the story that each of many cases has gone through."""
STORY = DEFINITION.parent / "stories" / "sc1.yaml"
MOVE = "t_prop_close"
"""The move that is measured: many needs, late in the story."""
MOVER, READER = "referent_er", "membre_er"
EVENTS = 41
FILE_EVENTS = 22
FILE_PROFILE = "supervisor"
SHORT_CASES = 26
"""A page of the list, and one more that is not on it."""
CASE = "the long one"
PASSWORD = "measured"


@dataclass(slots=True)
class Prepared:
    """An installation with its cases, and the application over it."""

    ctx: AppContext
    player: Player
    app: Flask
    number: str
    file: CaseFile
    """What a copy of the long case's file printed when it held FILE_EVENTS: eight pages."""
    folder: Path

    @property
    def protocol(self) -> Protocol:
        return self.player.protocol

    @property
    def move(self) -> str:
        return self.protocol.resolve("moves", MOVE)

    def client(self, role: str) -> FlaskClient:
        """A browser in which the person of that role is signed in."""
        with self.ctx.directory.writing() as session:
            token = begin_session(session, self.ctx, self.player.actor(role).id, factor_proven=True)
        client = self.app.test_client()
        client.set_cookie("session", token)
        return client

    def loaded(self, role: str) -> Loaded:
        """The long case as a use case finds it."""
        with self.ctx.realm.reading() as session:
            return load(self.ctx, session, self.player.actor(role), self.number)

    def open_acts(self, role: str) -> list[str]:
        choices = see_choices(self.ctx, self.player.actor(role), self.number)
        return [choice.key for choice in choices if choice.kind == "act" and choice.is_open]

    @contextmanager
    def put_back(self) -> Iterator[Callable[[], None]]:
        """Gives what puts the rows back as they are now, however much was written meanwhile."""
        file, copy = self.folder / "realm.sqlite", self.folder / "before.sqlite"
        with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(copy)) as kept:
            live.backup(kept)

            def back() -> None:
                kept.backup(live)

            yield back


@contextmanager
def prepare(*, short_cases: int = SHORT_CASES, events: int = EVENTS) -> Iterator[Prepared]:
    """An installation in a folder that is gone afterwards."""
    content = DEFINITION.read_bytes()
    with tempfile.TemporaryDirectory(prefix="school-protocol-bench-") as name:
        folder = Path(name)
        clock = TurnableClock(datetime(2000, 1, 1, tzinfo=UTC))
        with closing(open_context(Settings(data=folder), clock)) as ctx:
            player = prepared(ctx, clock, read(content, DEFINITION.name), content)
            file = _play(player, short_cases, events)
            yield Prepared(ctx, player, create_app(ctx), player.numbers[CASE], file, folder)


def _play(player: Player, short_cases: int, events: int) -> CaseFile:
    """The short cases, then the long one; gives its case file as it was on the way."""
    steps = story_steps()
    for place in range(short_cases):
        player.play([{**steps[0], "case": f"short {place}"}])
    file: CaseFile | None = None
    for step in steps[: _place_of_move(steps)]:
        player.play([{**step, "case": CASE}])
        if file is None and _seq(player) >= min(FILE_EVENTS, events):
            file = _case_file(player)
        if _seq(player) >= events:
            break
    while _seq(player) < events:
        player.play([{"as": MOVER, "do": "add_note", "answers": {"text": "Rien de nouveau."}, "case": CASE}])
    wrong = [one for one in player.played if not one.went_as_said]
    if wrong or file is None or _seq(player) != events:
        raise RuntimeError(f"the story did not go as it says: {wrong[:1]}, {_seq(player)} events")
    with player.ctx.directory.writing() as session:
        for role in (MOVER, READER):
            auth_repository.set_password(session, player.actor(role).id, hash_password(PASSWORD))
    return file


def _case_file(player: Player) -> CaseFile:
    """What a copy prints, as issuing makes it."""
    with player.ctx.realm.reading() as session:
        loaded = load(player.ctx, session, player.actor(MOVER), player.numbers[CASE])
        profile = next(iter(loaded.protocol.documents.values())).profiles[FILE_PROFILE]
        return draft(player.ctx, session, loaded, profile, "fr").view


def story_steps() -> list[dict[str, Any]]:
    story = yaml.load(STORY.read_text("utf-8"), Loader=yaml.BaseLoader)
    return list(story["steps"])


def add_notes(prepared: Prepared, events: int) -> None:
    """The long case goes on to so many events by one note, again and again."""
    loaded, ctx = prepared.loaded(MOVER), prepared.ctx
    note = RecordAct(loaded.protocol.resolve("acts", "add_note"), {"text": "Rien de nouveau."})
    decided = decide(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around, note)
    more = decided.events * (events - len(loaded.events))
    with ctx.realm.writing() as session:
        keep(ctx, session, loaded, more)


def tell(prepared: Prepared, cases: int) -> None:
    """So many cases more, each as far as the first steps of the story lead."""
    steps = story_steps()[:STEPS]
    for place in range(cases):
        prepared.player.play([{**step, "case": f"case {place}"} for step in steps])


def _place_of_move(steps: list[dict[str, Any]]) -> int:
    """Where the story makes the move, and isn't refused."""
    return next(place for place, step in enumerate(steps) if step.get("do") == MOVE and step.get("expect") != "refused")


def _seq(player: Player) -> int:
    """How many events the long case holds."""
    number = player.numbers.get(CASE)
    with player.ctx.realm.reading() as session:
        found = cases_repository.find_by_number(session, number) if number else None
        return cases_repository.last_seq(session, found) if found else 0
