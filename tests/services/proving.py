"""People of a throwaway installation who prove who they are: by password, phone, slip and passkey."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import second_factor, sign_in_repository, sign_in_service
from school_protocol.auth.passkeys import Site
from school_protocol.auth.passwords import hash_password
from school_protocol.auth.sign_in_service import Visitor, recognise
from school_protocol.cases.story_player import Player
from school_protocol.context import AppContext
from school_protocol.engine.visibility import Actor
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Kind

PASSWORD = "un cartable bleu sur le toit"
SITE = Site("localhost", "http://localhost")


@dataclass
class People:
    """`home` is a browser that has signed in before, `away` one that never has."""

    player: Player

    @property
    def ctx(self) -> AppContext:
        return self.player.ctx

    def actor(self, who: str) -> Actor:
        return self.player.actor(who)

    def username(self, who: str) -> str:
        account = self.actor(who).id
        with self.ctx.directory.reading() as session:
            found = auth_repository.account(session, account)
        assert found is not None
        return found.username

    def give_password(self, who: str, password: str = PASSWORD) -> None:
        account, hashed = self.actor(who).id, hash_password(password)
        with self.ctx.directory.writing() as session:
            auth_repository.set_password(session, account, hashed)

    def give_phone(self, who: str) -> str:
        """A phone that has shown nothing yet; returns its seed."""
        seed, account = second_factor.draw_seed(), self.actor(who).id
        with self.ctx.directory.writing() as session:
            sign_in_repository.keep_seed(session, self.ctx.vault, account, seed, step=0, at=self.ctx.now())
        return seed

    def code(self, seed: str, away: int = 0) -> str:
        return second_factor.code_at(seed, second_factor.step_at(self.ctx.now()) + away)

    def enter(self, who: str, password: str = PASSWORD, **visitor: str) -> str | None:
        return sign_in_service.sign_in(self.ctx, self.username(who), password, Visitor(**visitor))

    def is_in(self, token: str | None) -> bool:
        """Whether that token opens pages."""
        return token is not None and recognise(self.ctx, token) is not None

    def wait(self, **delay: float) -> None:
        self.player.clock.advance(timedelta(**delay))

    def log(self, who: str) -> list[tuple[Kind, str, str]]:
        """What was written down about somebody's ways in: what, by whom, why; oldest first."""
        units = [held.unit for held in self.actor(who).appointments]
        with self.ctx.directory.reading() as session:
            found = administration_log.changes(session, units, limit=500, kinds=administration_log.OF_IDENTITY)
        about = [one for one in found if one.account == self.actor(who).id]
        about.sort(key=lambda one: (one.at, list(Kind).index(one.kind)))
        return [(one.kind, one.actor, one.reason) for one in about]
