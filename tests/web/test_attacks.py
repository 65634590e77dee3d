"""What a colleague without right, a curious supervisor, a thief of a session or a chance press may try: nothing gives.

Two schools under two provinces, a real house, real sessions; every request goes through the whole application.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from domain.telling import MOROCCAN, NOW, REPORT
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.config import Settings
from school_protocol.domain.clock import Calendar
from school_protocol.domain.policy import Actor, UnitKind
from school_protocol.domain.protocol import ActKind, FieldType, Protocol
from school_protocol.services import accounts, loading
from school_protocol.services import cases as use_cases
from school_protocol.services.cases import open_case, record_act
from school_protocol.services.house import House, open_house
from school_protocol.services.scripts import SCHOOL_WEEK, Player, TurnableClock, prepared
from school_protocol.storage import cases, directory
from school_protocol.storage import sign_in as browser
from school_protocol.storage.tables import RealmBase
from school_protocol.web import create_app

NAME, SURNAME, MASSAR, WORDS = "Zineb", "Tazi-Alaoui", "G123456789", "ils l’ont appelée « la ferme »"
SEEING = ("team_member", "team_coordinator", "head", "directorate", "academy")
ABSENT_SEED = "777777777777"
HOSTILE = (
    "a\x00b\x07c\x1b[31m", "\u202egnp.exe\u202c \u2066x\u2069 \u200b\u200f\ufeff", "<script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}%(x)s %s {0} ${7*7}", "'; DROP TABLE events; --", "😀🏳️‍🌈👩‍👩‍👧‍👦 e\u0301\u0327", "\ud800 lone",
    "٣٤٥ سمعت كلاما", "=cmd|' /C calc'!A0", "../../../etc/passwd", "\r\nSet-Cookie: x=1", "9" * 400,
)  # fmt: skip


@dataclass
class World:
    """A house with two schools, one case in each, and whoever signs in."""

    player: Player
    app: Flask
    elsewhere: dict[str, Actor]
    own: str = ""
    foreign: str = ""
    absent: str = ""
    tokens: Any = field(default_factory=lambda: count(1))
    signed_in: dict[str, Browser] = field(default_factory=dict)

    @property
    def house(self) -> House:
        return self.player.house

    @property
    def protocol(self) -> Protocol:
        return self.player.protocol

    def person(self, who: str) -> Actor:
        return self.elsewhere[who] if who in self.elsewhere else self.player.actor(who)

    def browser(self, who: str) -> Browser:
        if who not in self.signed_in:
            self.signed_in[who] = self.fresh(who)
        return self.signed_in[who]

    def fresh(self, who: str) -> Browser:
        account = self.person(who).id
        with self.house.directory.writing() as session:
            token = browser.open_web_session(session, account, now=self.house.now())
        client = self.app.test_client()
        client.set_cookie("session", token)
        return Browser(client, token)

    def token(self) -> str:
        return f"token {next(self.tokens)}"

    def report(self, who: str = "team_member", **answers: Any) -> str:
        about = [{"slot": "targeted_pupil", "name": f"{NAME} {SURNAME}", "massar": MASSAR}]
        filled = {**REPORT, "what_happened": WORDS, "about_whom": about, **answers}
        return open_case(self.house, self.person(who), "report", filled, token=self.token()).number

    def act(self, number: str, who: str, act: str, **answers: Any) -> int:
        done = record_act(
            self.house, self.person(who), number, act, answers, expected=None, token=self.token(), proven=True
        )
        return done.seq

    def rows(self) -> dict[str, int]:
        """How much the realm holds, table by table."""
        with self.house.realm.reading() as session:
            tables = RealmBase.metadata.sorted_tables
            return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


@dataclass
class Browser:
    client: FlaskClient
    token: str
    form_token: str = ""

    def csrf(self) -> str:
        if not self.form_token:
            page = self.client.get("/search").get_data(as_text=True)
            found = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert found is not None
            self.form_token = found[1]
        return self.form_token

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, data: Mapping[str, Any] | None = None, *, csrf: str | None = None) -> TestResponse:
        typed = MultiDict(data or {})
        typed["csrf_token"] = self.csrf() if csrf is None else csrf
        return self.client.post(path, data=typed)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, moroccan: Protocol) -> Iterator[World]:
    clock = TurnableClock(NOW)
    house = open_house(Settings(data=tmp_path_factory.mktemp("attacked") / "var"), clock)
    player = prepared(house, clock, moroccan, MOROCCAN.read_bytes())
    with house.directory.writing() as session:
        region = directory.add_unit(session, kind=UnitKind.region, code="R2", names={"fr": "Autre académie"})
        province = directory.add_unit(
            session, kind=UnitKind.province, code="P2", names={"fr": "Autre province"}, parent=region
        )
        school = directory.add_unit(
            session, kind=UnitKind.school, code="00000B", names={"fr": "Autre école"}, parent=province
        )
        directory.set_calendar(session, region, Calendar(opening=SCHOOL_WEEK))
        there = {}
        for role in ("team_member", "head"):
            account = directory.add_account(
                session, username=f"other-{role}", names={"fr": f"autre {role}"}, language="fr", created_at=NOW
            )
            directory.appoint(session, account, role=role, unit=school, starts=date(2020, 1, 1))
            there[f"other {role}"] = account
    with house.directory.reading() as session:
        found = {
            name: directory.actor(session, account, realm=accounts.REALM, today=NOW.date())
            for name, account in there.items()
        }
    world = World(player, create_app(house, testing=True), {k: v for k, v in found.items() if v is not None})
    world.own, world.foreign = world.report(), world.report("other team_member")
    with house.realm.reading() as session:
        import random

        world.absent = cases.free_number(session, random.SystemRandom())
    yield world
    house.realm.close()
    house.directory.close()
