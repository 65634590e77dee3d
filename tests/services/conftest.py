"""A throwaway installation: the Moroccan protocol, one school below a province and a region, people by role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, REPORT

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.intake import Opened, open_case
from school_protocol.cases.service import Done, make_move, record_act
from school_protocol.cases.showing import see_case
from school_protocol.cases.story_player import Player, throwaway
from school_protocol.cases.view_models import CaseView
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor

NAME, MASSAR, WORDS = "Yasmine Benali", "G123456789", "Ils m’ont appelée « la ferme »"
ABOUT = [
    {"slot": "targeted_pupil", "name": NAME, "massar": MASSAR},
    {"slot": "pupil_concerned", "name": "Omar T."},
]


@dataclass
class School:
    """Steps of a story, each a use case; people are named by role (`head`, `team_member/2`)."""

    player: Player
    tokens: Any
    number: str = ""

    @property
    def ctx(self) -> AppContext:
        return self.player.ctx

    def person(self, who: str) -> Actor:
        return self.player.actor(who)

    def account(self, who: str) -> str:
        return self.person(who).id

    def report(self, who: str = "team_member", **answers: Any) -> Opened:
        filled = {**REPORT, "what_happened": WORDS, "about_whom": ABOUT, **answers}
        opened = open_case(self.ctx, self.person(who), "report", filled, token=self.token())
        self.number = opened.number
        return opened

    def act(self, who: str, act: str, answers: dict[str, Any] | None = None, /, **more: Any) -> Done:
        expected, token = more.pop("expected", None), more.pop("token", None) or self.token()
        paper = more.pop("paper", None)
        return record_act(
            self.ctx, self.person(who), self.number, act, {**(answers or {}), **more}, expected=expected, token=token,
            proven=True, paper=paper,
        )  # fmt: skip

    def move(self, who: str, move: str, *, reason: str = "", expected: int | None = None, token: str = "") -> Done:
        return make_move(
            self.ctx, self.person(who), self.number, move, reason=reason, expected=expected,
            token=token or self.token(),
        )  # fmt: skip

    def seen_by(self, who: str) -> CaseView:
        return see_case(self.ctx, self.person(who), self.number)

    def is_seen_by(self, who: str) -> bool:
        try:
            self.seen_by(who)
        except Unseen:
            return False
        return True

    def token(self) -> str:
        return f"token {next(self.tokens)}"

    def wait(self, **delay: float) -> None:
        self.player.clock.advance(timedelta(**delay))

    def last_seq(self) -> int:
        with self.ctx.realm.reading() as session:
            found = cases_repository.find_by_number(session, self.number)
            return cases_repository.last_seq(session, found) if found else 0


@pytest.fixture
def school(moroccan: Protocol) -> Iterator[School]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield School(player, count(1))
