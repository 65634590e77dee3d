"""A host with a workshop, and the browsers of those who are there: the trainer's, and phones of participants."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import MetaData, select
from storage.server import LIVE
from werkzeug.test import TestResponse

from school_protocol.auth import sign_in_repository
from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.storage.engines import Store
from school_protocol.training import repository as training_repository
from school_protocol.training import room_repository
from school_protocol.training import routes as training_routes
from school_protocol.training.models import SeatRow, TableRow, WorkshopRow
from school_protocol.training.room_repository import RoomState
from school_protocol.training.room_store import Room, Rooms
from school_protocol.training.table_play import cases_of, facts_at
from school_protocol.web import create_app
from training.rooms_of import NOON, host_in, made, person, rooms_at

HIDDEN = ("csrf_token", "shown_to", "token", "expected")


class Visitor:
    """A browser: it sends the form of the page that it looked at last."""

    def __init__(self, client: FlaskClient, base: str = "") -> None:
        self.client = client
        self.base = base
        self.page = ""

    def get(self, path: str = "", **more: Any) -> TestResponse:
        answer = self.client.get(self.base + path, **more)
        self.page = answer.get_data().decode("utf-8", "replace")
        return answer

    def post(self, path: str, data: Mapping[str, Any] | None = None, **more: Any) -> TestResponse:
        return self.client.post(self.base + path, data={**self.hidden(), **(data or {})}, **more)

    def hidden(self) -> dict[str, str]:
        """What the page that was looked at last carries in its forms besides what people type."""
        found = ((name, re.search(rf'name="{name}" value="([^"]*)"', self.page)) for name in HIDDEN)
        return {name: one[1] for name, one in found if one is not None}

    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.client._cookies.values()}


class Hall:
    """The host, its application, and one workshop of `formateur`'s."""

    def __init__(self, folder: Path, workshop: str) -> None:
        self.clock = TurnableClock(NOON)
        self.folder = folder
        self.id = workshop
        self.open()

    def open(self) -> None:
        self.host: AppContext = open_context(Settings(data=self.folder), self.clock)
        self.app: Flask = create_app(self.host, testing=True)
        self.rooms: Rooms = self.app.extensions[training_routes.ROOMS]

    def close(self) -> None:
        self.rooms.close()
        self.host.close()

    @property
    def workshop(self) -> WorkshopRow:
        with self.host.directory.reading() as session:
            found = training_repository.find_workshop(session, self.id)
        assert found is not None
        return found

    @property
    def room(self) -> Room:
        return self.rooms.room(self.id)

    @property
    def base(self) -> str:
        return f"/workshop/{self.id}"

    def state(self) -> RoomState:
        return self.room.state()

    def table(self, number: int = 1) -> TableRow:
        with self.room.store.reading() as session:
            found = room_repository.table(session, number)
        assert found is not None
        return found

    def seats(self) -> list[SeatRow]:
        with self.room.store.reading() as session:
            return [one for one in room_repository.seats(session) if one.left_at is None]

    def cases(self, table: int = 1) -> list[str]:
        """The numbers of a table's cases."""
        ids = cases_of(self.room, self.table(table))
        return [one.case.number for one in facts_at(self.room, ids, self.room.ctx.now()).values()]

    def signed_in(self, name: str = "formateur") -> Visitor:
        """Somebody of the host's, at its pages."""
        with self.host.directory.writing() as session:
            token = sign_in_repository.open_web_session(session, person(self.host, name).id, now=self.host.now())
        client = self.app.test_client()
        client.set_cookie("session", token)
        return Visitor(client)

    def trainer(self, name: str = "formateur") -> Visitor:
        """The trainer, looking at the wall."""
        visitor = self.signed_in(name)
        visitor.base = f"/workshops/{self.id}"
        visitor.get()
        return visitor

    def phone(self) -> Visitor:
        return Visitor(self.app.test_client(), self.base)

    def seated(self, name: str = "Bleu", *roles: str, table: int = 1) -> Visitor:
        """A phone that came in and sat down."""
        phone = self.phone()
        assert phone.get("/room/enter").status_code == 200
        sent = {"table": str(table), "name": name, "roles": list(roles) or ["team_member"]}
        answer = phone.post("/room/enter", sent)
        assert answer.status_code == 302, answer.get_data(as_text=True)
        assert phone.get("/room").status_code == 200
        return phone

    def pin(self, name: str) -> str:
        return next(one.pin for one in self.seats() if one.name == name)


def rooms_there(hall: Hall) -> set[str]:
    """The workshops whose rooms are there; of what is left over its own name."""
    return rooms_at(hall.host)


def dump(store: Store) -> dict[str, list[str]]:
    """Every row of a store, table by table."""
    with store.reading() as session:
        found = MetaData()
        found.reflect(session.connection())
        tables = sorted(found.tables.items())
        return {name: sorted(map(repr, session.execute(select(table)))) for name, table in tables}


@lru_cache
def _prepared(tables: int, scenario: str) -> tuple[Path, str]:
    folder = Path(tempfile.mkdtemp(prefix="hall-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ctx = host_in(folder / "data")
    workshop = made(ctx, scenario, tables)
    ctx.close()
    for databases in LIVE:
        databases.keep(folder / "data")
    return folder / "data", workshop.id


def hall_in(folder: Path, tables: int = 2, scenario: str = "blackmail") -> Hall:
    """A hall of its own, copied from one that was made once."""
    source, workshop = _prepared(tables, scenario)
    shutil.copytree(source, folder / "data")
    for databases in LIVE:
        databases.copy(source, folder / "data")
    return Hall(folder / "data", workshop)
