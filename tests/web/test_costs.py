"""What a page asks of the database doesn't grow with the cases of the same schools.

Statements, and steps of SQLite's own machine: counted, not timed, the same on any machine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from repository.test_docs import OPERATIONS
from sqlalchemy import Engine, event, func, select

from school_protocol.auth.sign_in_service import actor_named, begin_session
from school_protocol.cases import index_repository, lists
from school_protocol.cases.models import CaseIndexRow
from school_protocol.cases.story_player import TurnableClock, stories_of
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.ops import demo, fixture_copy, sample_cases
from school_protocol.ops.fixture_copy import sample
from school_protocol.storage.engines import Store
from school_protocol.web import create_app
from tools import weight

pytestmark = pytest.mark.files

NOW = datetime(2026, 11, 25, 13, 40, tzinfo=UTC)
PASSWORD = "essai-essai-essai-12"
FEW, MORE, SCHOOLS = 200, 1_800, 12
STEP = 100
"""Instructions of SQLite's machine that are counted as one."""
STATEMENTS_MORE = 4
"""What a list asks besides, that was empty."""
STATEMENTS_MOST = 100
"""Of one page, beginning and end of each transaction among them."""
OPENS_CASES = frozenset({"/team/hand-over"})
"""It opens every case that it prints, thirty at most."""
GROWS = {
    "/team": "reads all open cases of the schools below, for those that nobody carries",
    "/retention": "asks whether any case that has ended was never looked at",
}
"""Of a directorate and an academy."""
HEAD = "50000s-head"
SCHOOL = ("50000s-team-member", HEAD)
PEOPLE = (*SCHOOL, "esp-01-directorate", "es-01-academy")
ROOM = 1.5
"""How much more a page may take with ten times the cases: what a list shows fills up to its page."""
FIXED = 60
"""Steps that don't count: those of a page that asks next to nothing."""


@dataclass
class Meter:
    """Statements and steps since it was last set back."""

    statements: int = 0
    steps: int = 0
    said: list[str] = field(default_factory=list)

    def back(self) -> None:
        self.statements = self.steps = 0
        self.said.clear()


@dataclass
class Cost:
    status: int
    statements: int
    steps: int


@dataclass
class Country:
    ctx: AppContext
    app: Flask
    meter: Meter
    few: dict[tuple[str, str], Cost] = field(default_factory=dict)
    more: dict[tuple[str, str], Cost] = field(default_factory=dict)
    looked_at: dict[str, str] = field(default_factory=dict)
    """Who looks → the number of the case whose pages are counted, both times."""

    def client(self, username: str) -> Any:
        actor = actor_named(self.ctx, username)
        assert actor is not None
        with self.ctx.directory.writing() as session:
            token = begin_session(session, self.ctx, actor.id, factor_proven=True)
        client = self.app.test_client()
        client.set_cookie("session", token)
        return client

    def costs(self) -> dict[tuple[str, str], Cost]:
        found = {}
        for username in PEOPLE:
            client = self.client(username)
            for path in [*self.pages(), *self.cases_of(username)]:
                if not self.few:
                    client.get(path)  # what is compiled or remembered the first time
                found[username, path] = self.cost(client, path)
        return found

    def cost(self, client: Any, path: str) -> Cost:
        self.meter.back()
        answer = client.get(path)
        return Cost(answer.status_code, self.meter.statements, self.meter.steps)

    def pages(self) -> list[str]:
        """Every page whose address says it all."""
        rules = (rule for rule in self.app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments)
        return sorted(rule.rule for rule in rules if not rule.rule.startswith(("/static", "/metrics", "/sign")))

    def cases_of(self, username: str) -> list[str]:
        """Each of the pages of the first case that this person sees."""
        actor = actor_named(self.ctx, username)
        assert actor is not None
        if username not in self.looked_at:
            lines = lists.see_desk(self.ctx, actor, filter="open").lines
            if not lines:
                return []
            self.looked_at[username] = lines[0].number
        number = self.looked_at[username]
        rules = (
            rule
            for rule in self.app.url_map.iter_rules()
            if "GET" in (rule.methods or ()) and rule.arguments == {"number"}
        )
        return sorted(rule.rule.replace("<number>", number).replace("<string:number>", number) for rule in rules)


def _silent(*_step: object) -> None:
    pass


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    meter = Meter()

    def counted(*_arguments: object) -> None:
        meter.statements += 1

    def watched(connection: sqlite3.Connection, _record: object) -> None:
        def step() -> None:
            meter.steps += 1

        connection.set_progress_handler(step, STEP)

    event.listen(Engine, "connect", watched)
    event.listen(Engine, "before_cursor_execute", counted)
    told = [(name, story) for name, story in stories_of("ma-cyberharassment") if name in ("reopening", "sc4")]
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(fixture_copy, "PLAYS", (4, 4))
            patched.setattr(sample_cases, "stories_of", lambda _protocol: told)
            settings, clock = Settings(data=tmp_path_factory.mktemp("country")), TurnableClock(NOW)
            demo.prepare(settings, reset=False, password=PASSWORD, say=lambda _line: None, clock=clock, told=False)
            ctx = open_context(settings, clock)
            found = Country(ctx, create_app(ctx), meter)
            sample(ctx, FEW, seed=1, password=PASSWORD, progress=_silent, places=SCHOOLS, under_way=0.8)
            found.few = found.costs()
            sample(ctx, MORE, seed=2, password=PASSWORD, progress=_silent, places=SCHOOLS, under_way=0.8)
            found.more = found.costs()
            yield found
            ctx.close()
    finally:
        event.remove(Engine, "connect", watched)
        event.remove(Engine, "before_cursor_execute", counted)


def _dearer(few: dict[tuple[str, str], Cost], more: dict[tuple[str, str], Cost]) -> list[str]:
    """Pages that ask more of the database in the larger country."""
    return [
        f"{key}: {cost} → {more[key]}"
        for key, cost in few.items()
        if not (key[1] in OPENS_CASES or (key[1] in GROWS and key[0] not in SCHOOL)) and _asks_more(cost, more[key])
    ]


def _asks_more(few: Cost, more: Cost) -> bool:
    return more.statements > few.statements + STATEMENTS_MORE or more.steps > few.steps * ROOM + FIXED


@pytest.mark.exhaustive
def test_no_page_takes_more_with_ten_times_the_cases(measured: Country) -> None:
    found = _dearer(measured.few, measured.more)
    assert not found, "\n".join(found)
    told = [key for key, cost in measured.few.items() if cost.status == 200]
    assert len(told) > 150
    assert {path for who, path in told if who == HEAD} & {"/", "/search", "/team", "/referrals"}
    assert measured.few.keys() <= measured.more.keys()
    assert {key: cost.status for key, cost in measured.few.items()} == {
        key: measured.more[key].status for key in measured.few
    }
    assert {who for who, path in told if path.startswith("/cases/")} == set(PEOPLE)


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", GROWS)
def test_a_page_that_is_let_grow_does_and_is_named_in_the_docs(measured: Country, path: str) -> None:
    assert [
        who for who in PEOPLE if who not in SCHOOL and _asks_more(measured.few[who, path], measured.more[who, path])
    ]
    limits = OPERATIONS.partition("## How large, and on what it was tried")[2]
    assert f"`{path}`" in limits


@pytest.mark.exhaustive
def test_no_page_asks_a_hundred_times(measured: Country) -> None:
    asked = {
        key: cost.statements
        for key, cost in measured.more.items()
        if cost.statements > STATEMENTS_MOST
        and not (key[1] in OPENS_CASES or (key[1] in GROWS and key[0] not in SCHOOL))
    }
    assert asked == {}


@pytest.mark.exhaustive
def test_a_question_for_each_line_is_seen(measured: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: lines of a list looked up one by one, as many as there are cases of a region."""
    page = index_repository.page

    def one_by_one(session: Any, *arguments: Any, **options: Any) -> Any:
        for case_id in session.scalars(select(CaseIndexRow.case_id)).all():
            session.execute(select(CaseIndexRow.number).where(CaseIndexRow.case_id == case_id))
        return page(session, *arguments, **options)

    monkeypatch.setattr(index_repository, "page", one_by_one)
    _planted_is_found(measured)


@pytest.mark.exhaustive
def test_a_scan_is_seen(measured: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: all cases counted, for a page of twenty-five."""
    page = index_repository.page

    def counting(session: Any, *arguments: Any, **options: Any) -> Any:
        session.scalar(select(func.count()).select_from(CaseIndexRow).where(CaseIndexRow.stage != ""))
        return page(session, *arguments, **options)

    monkeypatch.setattr(index_repository, "page", counting)
    _planted_is_found(measured)


def _planted_is_found(measured: Country) -> None:
    key = (PEOPLE[0], "/")
    assert _dearer({key: measured.few[key]}, {key: measured.cost(measured.client(key[0]), "/")})


ASKED_MOST = {"a list": 8, "a case page": 9, "a posted note": 25, "a pupil's report": 30}
"""Statements, each transaction's beginning aside."""


def test_four_requests_ask_few_statements() -> None:
    with weight.played() as (app, player):
        asked = {what: statements for what, (_files, statements) in weight.flows(app, player)}
    assert asked.keys() == ASKED_MOST.keys()
    assert {what: many for what, many in asked.items() if many > ASKED_MOST[what]} == {}


def test_the_control_what_is_not_cached_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "cache_at", lambda _store, _mark: {})
    with weight.played() as (app, player):
        asked = {what: statements for what, (_files, statements) in weight.flows(app, player)}
    assert all(many > ASKED_MOST[what] for what, many in asked.items()), asked
