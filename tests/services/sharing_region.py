"""Schools at three distances from that of `School`: in its province, in another of its academy, in another academy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.cases import sharing
from school_protocol.cases.service import Done, record_act
from school_protocol.cases.sharing import RequestLine, RequestView
from school_protocol.cases.story_player import SCHOOL_WEEK
from school_protocol.engine.clock import Calendar
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.people import repository as people_repository
from services.conftest import School

NEAR, FAR, ABROAD = "04131R", "05131S", "06131T"
"""Codes of three schools: same province, other province, other academy."""


@dataclass
class Region:
    """The school, the others, and whoever heads or oversees them."""

    school: School
    actors: dict[str, Actor] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ctx = self.school.ctx
        with ctx.directory.writing() as session:
            province = auth_repository.units_of_kind(session, UnitKind.province)[0].id
            academy = auth_repository.units_of_kind(session, UnitKind.region)[0].id
            other = self._unit(session, UnitKind.province, "P2", academy)
            second = self._unit(session, UnitKind.region, "R2", None)
            people_repository.set_calendar(session, second, Calendar(opening=SCHOOL_WEEK))
            third = self._unit(session, UnitKind.province, "P3", second)
            for code, above in ((NEAR, province), (FAR, other), (ABROAD, third)):
                unit = self._unit(session, UnitKind.school, code, above)
                for role in ("head", "team_member", "team_coordinator"):
                    self._person(session, f"{role} {code}", role, unit)
            for name, role, unit in (
                ("directorate P2", "directorate", other), ("directorate P3", "directorate", third),
                ("academy R2", "academy", second),
            ):  # fmt: skip
                self._person(session, name, role, unit)

    def _unit(self, session: Any, kind: UnitKind, code: str, above: str | None) -> str:
        self.units[code] = auth_repository.add_unit(session, kind=kind, code=code, names={"fr": code}, parent=above)
        return self.units[code]

    def _person(self, session: Any, name: str, role: str, unit: str) -> None:
        ctx = self.school.ctx
        account = auth_repository.add_account(
            session, username=name.replace(" ", "."), names={"fr": name}, language="fr", created_at=ctx.now(),
            certified=True, trained_until=date(2099, 12, 31), password_hash="chosen",
            email=f"{name.replace(' ', '.').lower()}@a.example",
        )  # fmt: skip
        auth_repository.appoint(session, account, role=role, unit=unit, starts=date(2020, 1, 1))
        self.school.player.actors[name] = self.actors[name] = Actor(account, ctx.name, name, ())

    def person(self, name: str) -> Actor:
        """Somebody by name, in the offices that they hold today."""
        if name not in self.actors:
            return self.school.person(name)
        with self.school.ctx.directory.reading() as session:
            found = actor_of(self.school.ctx, self.actors[name].id, session)
        assert found is not None
        self.school.player.actors[name] = found
        return found

    def act(self, who: str, number: str, act: str, /, **answers: Any) -> Done:
        """What somebody of any school records in that case."""
        ctx, token = self.school.ctx, self.school.token()
        return record_act(ctx, self.person(who), number, act, answers, expected=None, token=token, proven=True)

    def request(self, who: str, number: str, seq: int) -> RequestView:
        return sharing.see_request(self.school.ctx, self.person(who), number, seq)

    def answer(self, who: str, number: str, seq: int, **answers: Any) -> None:
        view = self.request(who, number, seq)
        self.act(who, number, view.act.act.key, **answers, **view.fixed)

    def waits_for(self, name: str) -> tuple[RequestLine, ...]:
        return sharing.waiting_for(self.school.ctx, self.person(name))

    def reach(self, who: str) -> None:
        """Messages reach that person of the school."""
        account = self.school.account(who)
        with self.school.ctx.directory.writing() as session:
            auth_repository.set_address(session, account, email=f"{who}@a.example", phone=None)

    def wait(self, **delay: float) -> None:
        self.school.player.clock.advance(timedelta(**delay))
