"""A whole installation on the loopback, with people who can sign in and a clock that is turned by hand."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from argon2 import PasswordHasher
from flask import Flask
from waitress.server import create_server

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import second_factor, sign_in_repository
from school_protocol.cases.loading import load_by_id
from school_protocol.cases.story_player import Played, Player, TurnableClock, moment, prepared
from school_protocol.config import Settings
from school_protocol.context import REALM, AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Actor
from school_protocol.ops.demo import NUMBERS
from school_protocol.people import repository as people_repository
from school_protocol.protocol.reader import read
from school_protocol.ui import middleware
from school_protocol.web import create_app

ROOT = Path(__file__).parents[2]
DEFINITIONS = ROOT / "protocol_definitions" / "ma-cyberharassment"
PASSWORD = "un-cartable-bleu"
SEED = second_factor.draw_seed()
LEAST_PORT = 10_081
"""Chromium refuses a few ports as unsafe; the highest of them is 10080."""

Step = Mapping[str, Any]


class Part(NamedTuple):
    """One person of the cast: in a script's words, and in their own two."""

    role: str
    username: str
    fr: str
    ar: str


CAST = (
    Part("reporter", "declarant", "Youssef Amrani", "يوسف العمراني"),
    Part("team_member", "membre", "Nadia El Fassi", "نادية الفاسي"),
    Part("team_member/2", "membre2", "Hicham Bouziane", "هشام بوزيان"),
    Part("team_coordinator", "referent", "Samira Benjelloun", "سميرة بنجلون"),
    Part("head", "directeur", "Abdelhak Tazi", "عبد الحق التازي"),
    Part("psychosocial", "appui", "Loubna Sebti", "لبنى السبتي"),
    Part("directorate", "province", "Khadija Naciri", "خديجة الناصري"),
    Part("academy", "academie", "Mohammed Skalli", "محمد الصقلي"),
)


CHIEF = Part("technical_admin", "admin", "Rachid Ouazzani", "رشيد الوزاني")
"""Looks after accounts; only where the go-live list is asked for."""


@lru_cache(maxsize=1)
def _hashed() -> str:
    """Cheap to verify: a story signs in fifty times."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@lru_cache
def _protocol() -> tuple[Protocol, bytes]:
    content = (DEFINITIONS / "1.yaml").read_bytes()
    return read(content, "1.yaml"), content


def story(name: str) -> list[Step]:
    """The steps of a story of the protocol, every value as it is written."""
    return list(_told(name))


@lru_cache
def _told(name: str) -> Sequence[Step]:
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    read = yaml.load((DEFINITIONS / "stories" / f"{name}.yaml").read_text("utf-8"), Loader=loader)
    return tuple(read["steps"])


@dataclass
class Served:
    """One installation behind an address. Its player replays what a test doesn't click through."""

    url: str
    ctx: AppContext
    clock: TurnableClock
    player: Player
    app: Flask
    usernames: Mapping[str, str] = field(default_factory=dict)
    """Role of a script → user name."""
    was_typed: bool = False
    """Whether somebody has signed in here as people do: who comes later is let in."""

    @property
    def protocol(self) -> Protocol:
        return self.player.protocol

    @property
    def number(self) -> str:
        """The case of a story with a single one."""
        return self.player.numbers[""]

    def adopt(self, number: str) -> None:
        """From now on this is the story's case: somebody opened it in a browser."""
        self.player.numbers[""] = number

    def turn_to(self, when: str) -> None:
        self.clock.turn_to(moment(when, "test"))

    def replay(self, steps: Sequence[Step]) -> list[Played]:
        """Play steps without a browser, each exactly as it says."""
        before = len(self.player.played)
        played = self.player.play(steps)[before:]
        astray = [(one.do, one.refused, one.problems) for one in played if not one.went_as_said]
        assert not astray, astray
        return played

    def state(self) -> str:
        """The state in which the player's case is, read from the installation."""
        found = self.player.case_id()
        assert found is not None
        with self.ctx.realm.reading() as session:
            return load_by_id(self.ctx, session, self.player.actor("head"), found).case.state

    def events(self) -> int:
        """How many events the player's case has."""
        return self.player._seq("")

    def code_for(self, username: str) -> str | None:
        """What that person's phone, new each time, shows now; None where no role asks for it."""
        with self.ctx.directory.writing() as session:
            account = auth_repository.account_named(session, username)
            if account is None or not second_factor.is_required(session, self.ctx, account.id):
                return None
            sign_in_repository.keep_seed(session, self.ctx.vault, account.id, SEED, step=0, at=self.ctx.now())
        return second_factor.code_at(SEED, second_factor.step_at(self.ctx.now()))

    def latest(self, act: str) -> str:
        """The number of the latest record of that act in the player's case."""
        return self.player.latest("", act)


@contextmanager
def serving(folder: Path, start: str, language: str = "fr", *, keeps_shut: bool = False) -> Iterator[Served]:
    """An installation in `folder`, open at `start`, read in `language`; `keeps_shut` asks for the go-live list."""
    clock = TurnableClock(moment(start, "test"))
    ctx = open_context(Settings(data=folder, keeps_shut=keeps_shut), clock)
    player = prepared(ctx, clock, *_protocol())
    player.watching = False
    player.actors.update(_people(ctx, player, clock, language))
    app = create_app(ctx)
    try:
        with behind_an_address(app) as url:
            yield Served(url, ctx, clock, player, app, {part.role: part.username for part in (*CAST, CHIEF)})
    finally:
        ctx.close()


@contextmanager
def behind_an_address(app: Callable[..., Iterable[bytes]]) -> Iterator[str]:
    """Served on the loopback. It is closed in the loop that waits for callers, or that would wait a second more."""
    server = create_server(app, host="127.0.0.1", port=_free_port(), threads=4, **middleware.CROWD)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.trigger.pull_trigger(server.close)
        thread.join(timeout=5)


def _free_port() -> int:
    for _try in range(20):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port >= LEAST_PORT:
            return port
    raise RuntimeError("no port is free")


def _people(ctx: AppContext, player: Player, clock: TurnableClock, language: str) -> dict[str, Actor]:
    found: dict[str, Actor] = {}
    with ctx.directory.writing() as session:
        for place, number in enumerate(NUMBERS):
            if not number.unit:
                added = people_repository.add_contact(
                    session, target=number.target, names={"fr": number.fr, "ar": number.ar}, unit=None,
                    phone=number.phone, url=number.url, hours=number.hours, position=place,
                )  # fmt: skip
                people_repository.verify_contact(session, added, on=clock.now().date(), by="nobody")
        for part in (*CAST, *((CHIEF,) if ctx.settings.keeps_shut else ())):
            role = player.protocol.roles[part.role.partition("/")[0]]
            account = auth_repository.add_account(
                session, username=part.username, names={"fr": part.fr, "ar": part.ar}, language=language,
                created_at=clock.now(), password_hash=_hashed(), certified=True, trained_until=date(2099, 12, 31),
            )  # fmt: skip
            top = auth_repository.unit(session, player.school).parents[-1]
            unit = top if role.administers else player.places.get(role.sees, player.school)
            auth_repository.appoint(session, account, role=role.key, unit=unit, starts=date(2000, 1, 1))
            actor = auth_repository.actor(session, account, realm=REALM, today=datetime.now(UTC).date())
            assert actor is not None
            found[part.role] = actor
    return found
