"""What a colleague without right, a curious supervisor, a thief of a session or a chance press may try: nothing gives.

Two schools under two provinces, a real installation, real sessions; every request goes through the whole application.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest
from engine.telling import MOROCCAN, NOW, REPORT
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol import context
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.cases import index_repository, loading, showing
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.intake import open_case
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import SCHOOL_WEEK, Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine import errors
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FormField
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.reports import public_door
from school_protocol.storage.engines import Session
from school_protocol.storage.models import RealmBase
from school_protocol.ui import middleware, routing
from school_protocol.web import create_app

NAME, SURNAME, MASSAR, WORDS = "Zineb", "Tazi-Alaoui", "G123456789", "ils l’ont appelée « la ferme »"
SEEING = ("team_member", "team_coordinator", "head", "directorate", "academy")
FORM = "application/x-www-form-urlencoded"
HOSTILE = (
    "a\x00b\x07c\x1b[31m", "\u202egnp.exe\u202c \u2066x\u2069 \u200b\u200f\ufeff", "<script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}%(x)s %s {0} ${7*7}", "'; DROP TABLE events; --", "😀🏳️‍🌈👩‍👩‍👧‍👦 e\u0301\u0327",
    "٣٤٥ سمعت كلاما", "=cmd|' /C calc'!A0", "../../../etc/passwd", "\r\nSet-Cookie: x=1", "9" * 400,
)  # fmt: skip


@dataclass
class World:
    """An installation with two schools, one case in each, and whoever signs in."""

    player: Player
    app: Flask
    elsewhere: dict[str, Actor]
    own: str = ""
    foreign: str = ""
    absent: str = ""
    tokens: Any = field(default_factory=lambda: count(1))
    signed_in: dict[str, Browser] = field(default_factory=dict)

    @property
    def ctx(self) -> AppContext:
        return self.player.ctx

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
        with self.ctx.directory.writing() as session:
            token = sign_in_repository.open_web_session(session, account, now=self.ctx.now())
        client = self.app.test_client()
        client.set_cookie("session", token)
        return Browser(client, token)

    def token(self) -> str:
        return f"token {next(self.tokens)}"

    def report(self, who: str = "team_member", **answers: Any) -> str:
        about = [{"slot": "targeted_pupil", "name": f"{NAME} {SURNAME}", "massar": MASSAR}]
        filled = {**REPORT, "what_happened": WORDS, "about_whom": about, **answers}
        return open_case(self.ctx, self.person(who), "report", filled, token=self.token()).number

    def act(self, number: str, who: str, act: str, **answers: Any) -> int:
        done = record_act(
            self.ctx, self.person(who), number, act, answers, expected=None, token=self.token(), proven=True
        )
        return done.seq

    def rows(self) -> dict[str, int]:
        """How much the realm holds, table by table."""
        with self.ctx.realm.reading() as session:
            tables = RealmBase.metadata.sorted_tables
            return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


@dataclass
class Browser:
    client: FlaskClient
    token: str
    form_token: str = ""
    shown_to: str = ""

    def csrf(self) -> str:
        if not self.form_token:
            page = self.client.get("/account").get_data(as_text=True)
            found = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert found is not None
            self.form_token = found[1]
            owner = re.search(r'name="shown_to" value="([^"]+)"', page)
            self.shown_to = owner[1] if owner else ""
        return self.form_token

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, data: Mapping[str, Any] | None = None, *, csrf: str | None = None) -> TestResponse:
        typed = MultiDict(data or {})
        typed["csrf_token"] = self.csrf() if csrf is None else csrf
        typed.setdefault("shown_to", self.shown_to)
        return self.client.post(path, data=typed)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, moroccan: Protocol) -> Iterator[World]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path_factory.mktemp("attacked") / "var"), clock)
    player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
    with ctx.directory.writing() as session:
        region = auth_repository.add_unit(session, kind=UnitKind.region, code="R2", names={"fr": "Autre académie"})
        province = auth_repository.add_unit(
            session, kind=UnitKind.province, code="P2", names={"fr": "Autre province"}, parent=region
        )
        school = auth_repository.add_unit(
            session, kind=UnitKind.school, code="00000B", names={"fr": "Autre école"}, parent=province
        )
        people_repository.set_calendar(session, region, Calendar(opening=SCHOOL_WEEK))
        there = {}
        for role in ("team_member", "head"):
            account = auth_repository.add_account(
                session, username=f"other-{role}", names={"fr": f"autre {role}"}, language="fr", created_at=NOW
            )
            auth_repository.appoint(session, account, role=role, unit=school, starts=date(2020, 1, 1))
            there[f"other {role}"] = account
    with ctx.directory.reading() as session:
        found = {
            name: auth_repository.actor(session, account, realm=context.REALM, today=NOW.date())
            for name, account in there.items()
        }
    world = World(player, create_app(ctx, testing=True), {k: v for k, v in found.items() if v is not None})
    world.own, world.foreign = world.report(), world.report("other team_member")
    with ctx.realm.reading() as session:
        world.absent = cases_repository.free_number(session, random.SystemRandom())
    yield world
    ctx.close()


# ---- who may knock where -------------------------------------------------------------------------------------------

WAYS: Mapping[str, tuple[str, ...]] = {
    "cases.show": ("",),
    "cases.part": ("/people", "/outcomes", "/write"),
    "cases.chronology": ("/chronology", "/chronology?before=2"),
    "cases.word": ("/word",),
    "cases.entry": ("/entries/2", "/entries/999"),
    "cases.undo": ("/entries/2/undo", "/entries/999/undo"),
    "cases.act": ("/acts/note", "/acts/name_seat", "/acts/correction?record=2", "/acts/made-up"),
    "cases.move": ("/moves/qualify", "/moves/made-up"),
    "cases.danger": ("/danger",),
    "cases.told": ("/told",),
    "cases.first_minutes": ("/first-minutes",),
    "cases.case_file": ("/case-file",),
    "cases.letters": ("/letters",),
    "cases.copies": ("/copies",),
    "cases.revoke": ("/copies",),
    "cases.retention": ("/retention",),
    "cases.rights": ("/rights",),
    "cases.evidence": ("/evidence",),
    "cases.sight": ("/sight",),
    "cases.readings": ("/sight/readings",),
    "cases.names": ("/sight/names",),
    "cases.end_opened": ("/sight/2/end",),
    "cases.door": ("/sight/doors/2",),
    "cases.evidence_file": ("/evidence/2/file", "/evidence/999/file"),
    "cases.open_file": ("/evidence/2/open", "/evidence/999/open"),
    "cases.evidence_mistake": ("/evidence/2/mistake",),
    "cases.removal": ("/evidence/2/removal",),
    "cases.remarks": ("/remarks",),
    "cases.remark": ("/remarks/1", "/remarks/999"),
    "cases.review_sheet": ("/remarks/1/sheet",),
    "cases.settle_remark": ("/remarks/2/0/settled",),
    "sharing.answer": ("/asked/2", "/asked/999"),
    "sharing.contribution": ("/contributions/2", "/contributions/999"),
    "review.conformance": ("/conformance",),
    "review.observe": ("/review/observe", "/review/observe?entry=2"),
    "review.send": ("/review/send",),
    "review.end": ("/review/examined",),
    "review.refuse": ("/review/refuse",),
    "cases.letter": ("/letters/marsad_sheet", "/letters/guardians_notice", "/letters/made-up"),
    "protocols.case": ("/protocols/ma-cyberharassment/1/2/cases/{number}",),
}
"""Every endpoint that takes a case's number, and how it is knocked at: what follows its page's address, or a whole one.

Who publishes sees which numbers there are; that nobody else does, at a published pair, is asked in `test_moving`.
"""


def address_of(number: str, way: str) -> str:
    return way.format(number=number) if "{number}" in way else f"/cases/{number}{way}"


TYPED = {
    "a-text": "x", "danger": "blackmail", "reason": "x", "profile": "school", "language": "fr", "a-seat": "lead",
    "token": "one", "expected": "99",
}  # fmt: skip
ROLES = (
    *SEEING, "reporter", "psychosocial", "trainer", "workshop_participant", "protocol_admin", "technical_admin",
    "data_officer", "other head",
)  # fmt: skip


def answer(response: TestResponse, number: str) -> tuple[Any, ...]:
    """A response without what differs each time: the number asked for, the form's token."""
    body = response.get_data(as_text=True).replace(number, "NUMBER")
    body = re.sub(r'name="(csrf_token|shown_to)" value="[^"]+"', "", body)
    kept = {name: value.replace(number, "NUMBER") for name, value in response.headers if name != "Set-Cookie"}
    return response.status_code, body, kept


@pytest.mark.exhaustive(but=("other head",))
@pytest.mark.parametrize("who", ["other head", "psychosocial"])
def test_a_hidden_case_costs_the_work_that_an_absent_one_costs(world: World, who: str) -> None:
    """Else time would tell which number there is."""
    visitor = world.browser(who)
    visitor.get("/account")  # what is noted of a visit once a day
    for ways in WAYS.values():
        for way in ways:
            asked = [asked_of_stores(world, visitor, address_of(number, way)) for number in (world.own, world.absent)]
            assert asked[0] == asked[1] != [], way


def test_the_control_work_for_a_hidden_one_alone_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    find = index_repository.find_id

    def looks_again(session: Session, scope: Any, number: str, **more: Any) -> str | None:
        found = find(session, scope, number, **more)
        if cases_repository.find_by_number(session, number):
            cases_repository.last_seq(session, number)
        return found

    monkeypatch.setattr(index_repository, "find_id", looks_again)
    visitor = world.browser("psychosocial")
    asked = [asked_of_stores(world, visitor, f"/cases/{number}") for number in (world.own, world.absent)]
    assert asked[0] != asked[1]


def asked_of_stores(world: World, visitor: Browser, path: str) -> list[str]:
    """The statements of a request, but how a connection is set."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("PRAGMA"):
            said.append(statement)

    stores = (world.ctx.realm.engine, world.ctx.directory.engine)
    for engine in stores:
        event.listen(engine, "before_cursor_execute", note)
    try:
        assert visitor.get(path).status_code in (404, 405)
    finally:
        for engine in stores:
            event.remove(engine, "before_cursor_execute", note)
    return said


def knocks(app: Flask) -> list[tuple[str, str]]:
    """Method and path for each way to each endpoint that takes a number."""
    rules = [rule for rule in app.url_map.iter_rules() if "number" in rule.arguments]
    return [
        (method, path)
        for rule in rules
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
        for path in WAYS.get(rule.endpoint, ())
    ]


def differences(world: World, role: str, foreign: str) -> list[str]:
    """Where a case that is somebody else's answers otherwise than one that nobody opened, or leaves a trace."""
    found = []
    person = world.browser(role)
    person.csrf()
    before = world.rows()
    for method, path in knocks(world.app):
        answers = []
        for number in (foreign, world.absent):
            address = address_of(number, path)
            response = person.post(address, TYPED) if method == "POST" else person.get(address)
            answers.append(answer(response, number))
        if answers[0] != answers[1] or answers[0][0] != 404:
            found.append(f"{method} {path}: {answers[0][0]}, {answers[1][0]}")
    return found + [name for name, rows in world.rows().items() if rows != before[name]]


def test_every_endpoint_with_a_number_is_knocked_at(world: World) -> None:
    taking = {rule.endpoint for rule in world.app.url_map.iter_rules() if "number" in rule.arguments}
    assert taking == set(WAYS)


@pytest.mark.exhaustive
@pytest.mark.parametrize("role", ROLES)
def test_somebody_elses_case_is_as_one_that_nobody_opened(world: World, role: str) -> None:
    foreign = world.own if role == "other head" else world.foreign
    assert differences(world, role, foreign) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("role", sorted(set(ROLES) - {*SEEING, "data_officer", "other head"}))
def test_who_sees_no_case_does_not_see_the_own_schools(world: World, role: str) -> None:
    assert differences(world, role, world.own) == []


@pytest.mark.parametrize("role", SEEING)
def test_who_sees_the_case_sees_it(world: World, role: str) -> None:
    assert world.browser(role).get(f"/cases/{world.own}").status_code == 200


def test_a_door_left_open_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: cases are loaded by number alone, whoever asks."""

    def careless(ctx: AppContext, session: Any, actor: Actor, number: str) -> loading.Loaded:
        case_id = cases_repository.find_by_number(session, number)
        if case_id is None:
            raise errors.Unseen(number)
        return loading.load_by_id(ctx, session, actor, case_id)

    monkeypatch.setattr(showing, "load", careless)
    found = differences(world, "reporter", world.foreign)
    assert any("/chronology" in line for line in found)
    assert "access" in found


def test_a_route_without_permission_answers_as_an_unknown_address(world: World) -> None:
    """The control of the table: it opens nothing, and the table's own test names it."""
    app = create_app(world.ctx, testing=True)
    app.add_url_rule("/cases/<number>/peek", "cases.peek", lambda number: f"secret {number}")
    client = app.test_client()
    client.set_cookie("session", world.browser("head").token)
    assert client.get(f"/cases/{world.own}/peek").status_code == 404
    assert {rule.endpoint for rule in app.url_map.iter_rules()} - set(routing.PERMISSIONS) == {"cases.peek"}


# ---- forms that are not ours ---------------------------------------------------------------------------------------


def unsafe_ways(world: World) -> list[str]:
    """An address for each rule that takes a form."""
    values = {
        "number": world.own, "act": "note", "move": "qualify", "report": "x", "seq": 2, "school": "00000A", "post": "x",
        "key": "x", "old": 1, "new": 2, "draft": "x", "part": "deadlines", "entry": "x", "version": 1,
        "document": "referral_letter", "protocol": "ma-cyberharassment",
        "copy": 1, "place": 0, "job": "x", "batch": "x", "token": "x", "account": "x", "handle": "x", "contact": "x",
        "system": "x", "item": "cndp",
        "visit": "x", "turn": "x", "release": "x", "attestation": "x", "workshop": "x", "upload": "x",
        "scenario": "found_phone",
        "kind": "public",
        "code": public_door.renew(world.ctx, world.person("head"), world.player.school, "public").code,
    }  # fmt: skip
    rules = [rule for rule in world.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    rules = [
        rule for rule in rules if not rule.endpoint.startswith("room.")
    ]  # absent at the host: see tests/authorization
    with world.app.test_request_context():
        return [url_for(rule.endpoint, **{key: values[key] for key in rule.arguments}) for rule in rules]


def is_for_strangers(path: str) -> bool:
    """Whether that form knows nobody, and carries a token of its own: without it, it is shown again."""
    return path.startswith("/s/")


@pytest.mark.exhaustive
@pytest.mark.parametrize("forged", ["", "stolen", "garbage", "سسس"])
def test_a_form_without_our_token_does_nothing(world: World, forged: str) -> None:
    """Nothing is recorded; what was typed may wait as a draft, for the same person."""
    token = world.browser("team_member").csrf() if forged == "stolen" else forged
    head = world.fresh("head")
    before = world.rows()
    for path in unsafe_ways(world):
        response = head.post(path, TYPED, csrf=token)
        assert response.status_code in ((422,) if is_for_strangers(path) else (302, 400)), path
        assert response.headers.get("Location", path) in (path, "/"), path
    after = world.rows()
    assert {name for name in after if after[name] != before[name]} <= {"draft"}
    assert head.get("/").status_code == 200, "nobody was signed out"


@pytest.mark.exhaustive(
    but=(
        "site2",
        "site3",
    )
)
@pytest.mark.parametrize(
    "site",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_from_another_site_does_nothing(world: World, site: dict[str, str]) -> None:
    head = world.browser("head")
    before = world.rows()
    for path in unsafe_ways(world):
        response = head.client.post(path, data={**TYPED, "csrf_token": head.csrf()}, headers=site)
        assert response.status_code == 400, path
    assert world.rows() == before


def test_a_proxy_that_hands_on_another_host_is_told_which_on_the_page_and_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.browser("head").client
    sent = {"headers": {"Origin": "https://school.example:8443", "Host": "school.example"}, "data": {"a": "b"}}
    with caplog.at_level("WARNING"):
        page = client.post("/reports/new", **sent)
    assert page.status_code == 400
    told = page.get_data(as_text=True)
    assert "school.example:8443" in told
    assert "son serveur mandataire transmet un autre hôte" in told
    assert "school.example:8443, and was sent to school.example:" in caplog.text
    hostile = client.post("/reports/new", headers={"Origin": "https://<b>x</b>.example"}, data={"a": "b"})
    assert "<b>x</b>" not in hostile.get_data(as_text=True)
    own = client.post("/reports/new", headers={"Origin": "http://localhost"}, data={"a": "b"})
    assert "serveur mandataire" not in own.get_data(as_text=True), "the control: an old form of this site"


@pytest.mark.parametrize("host", ["x:99999", "", "é.example", "x:", "[::1", "a b", "x:-1", "a" * 300])
def test_a_name_under_which_no_site_can_be_opened_is_refused(world: World, host: str) -> None:
    for client in (world.app.test_client(), world.browser("head").client):
        for path in ("/sign-in", "/", "/help"):
            assert client.get(path, headers={"Host": host}).status_code == 400, path


def test_an_address_that_is_none_is_of_no_site(world: World) -> None:
    head = world.fresh("head")
    typed = {**TYPED, "csrf_token": head.csrf()}
    assert head.client.post("/search", data=typed, headers={"Origin": "http://["}).status_code == 400
    assert head.client.get("/", headers={"Referer": "http://["}).status_code == 200


@pytest.mark.exhaustive(but=("1-application*", "body5*", "--b*"))
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"1", "application/json", {415}),
        (b"[1]", "application/json", {415}),
        (b'{"token": 1}', "application/json", {415}),
        (b"", "text/plain", {415}),
        (b"a=" + b"x" * (middleware.FORM + 1), FORM, {413}),
        (b"a=1&" * 30_000, FORM, {302, 400, 413}),
        (b"\xff\xfe=\xff&a-text=%ED%A0%80&%00=%00", FORM, {302, 400}),
        (b"--b\r\nbroken", "multipart/form-data; boundary=b", {400}),
        (b"x", "multipart/form-data", {400}),
    ],
)
def test_what_is_no_form_is_refused_in_words(world: World, body: bytes, kind: str, status: set[int]) -> None:
    head = world.browser("head")
    for path in unsafe_ways(world):
        response = head.client.post(path, data=body, content_type=kind)
        takes_files = {400} if path == "/verify" else set()  # of files it takes more, and finds no token
        shown_again = {422} if is_for_strangers(path) and status & {302, 400} else set()
        assert response.status_code in status | takes_files | shown_again, path


@pytest.mark.parametrize(
    "path",
    [
        "/cases/{huge}",
        "/cases/{own}/entries/{huge}",
        "/cases/{own}/entries/9223372036854775808",
        "/cases/{own}/entries/-1",
        "/cases/{own}/chronology?before={huge}",
        "/cases/{own}/chronology?before=-5",
        "/?after={huge}",
        "/?after=x~y",
        "/?after=0001-01-01T00:00:00%2B14:00~a",
        "/?after=9999-12-31T23:59:59-14:00~a",
        "/?filter=%00",
        "/search?q=%00",
        "/reports/{huge}/receipt",
        "/reports/%00/receipt",
        "/cases/{own}/acts/%00",
        "/cases/{own}/moves/%F0%9F%98%80",
        "/cases/%D9%A1%D9%A2%D9%A3",
        "/cases/{own}/acts/correction?record={huge}",
        "/cases/{own}/acts/correction?record=%00",
        "/cases/{own}/acts/referral_answer?referral=-1",
        "/cases/{own}/acts/taken_over?person=%F0%9F%98%80&danger=x",
    ],
)
def test_odd_addresses_are_answered(world: World, path: str) -> None:
    response = world.browser("head").get(path.format(own=world.own, huge="9" * 60))
    assert response.status_code in (200, 404)


# ---- hostile texts -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_every_field_of_every_form_takes_hostile_text(world: World) -> None:
    """No field of any form, whatever stands in it, and however often, ends in an error or in live markup."""
    number, rng = world.report(), random.Random(3)
    for act in world.protocol.acts.values():
        who = world.browser("head" if "head" in act.by else "team_coordinator")
        fields = world.protocol.form_of(act).fields
        for text in rng.sample(HOSTILE, 3):
            typed = MultiDict[str, str]({"token": text, "expected": text, "password": text})
            for item in fields:
                spread(typed, item, f"a-{item.key}", text)
            response = who.post(f"/cases/{number}/acts/{act.key}", typed)
            assert response.status_code in (303, 409, 422), (act.key, text, response.status_code)
            assert "<script>alert" not in response.get_data(as_text=True), act.key


def spread(typed: MultiDict[str, str], item: FormField, name: str, text: str) -> None:
    """The text in every place of a question, in its rows and its new people, twice."""
    for place in (name, f"{name}-{text[:20]}", f"{name}-{10**30}-x", f"{name}-new-{10**30}-name"):
        typed.add(place, text)
        typed.add(place, "again")
    for part in ("slot", "name", "grade", "massar", "phone"):
        typed.add(f"{name}-new-0-{part}", text)
    for column in item.fields:
        typed.add(f"{name}-0-{column.key}", text)


@pytest.mark.exhaustive
def test_long_texts_in_arabic_are_kept_whole(world: World) -> None:
    number = world.report()
    head = world.browser("head")
    long = "سلام " * 19_999 + "آخر"
    assert head.post(f"/cases/{number}/acts/note", {"a-text": long, "expected": "9"}).status_code == 303
    assert "آخر" in head.get(f"/cases/{number}/entries/3").get_data(as_text=True)
    too_long = head.post(f"/cases/{number}/acts/note", {"a-text": "س" * 100_001, "expected": "9"})
    assert too_long.status_code == 422
    assert "س" * 100_001 in too_long.get_data(as_text=True), "nothing that was typed is lost"


def test_markup_and_templates_stay_text_everywhere(world: World) -> None:
    bad = "<img src=x onerror=alert(1)>{{ 7*191 }}{% raw %}%(x)s ${7*191}"
    number = world.report(what_happened=bad, about_whom=[{"slot": "targeted_pupil", "name": bad}])
    world.act(number, "head", "note", text=bad)
    world.act(number, "head", "name_seat", seat="lead", account=world.person("team_member").id, reason=bad)
    head = world.browser("head")
    pages = [
        "",
        "/chronology",
        "/entries/2",
        "/entries/3",
        "/entries/4",
        "/acts/inform_guardian",
        "/acts/correction?record=3",
    ]
    for path in pages:
        shown = head.get(f"/cases/{number}{path}").get_data(as_text=True)
        assert "<img" not in shown
        assert str(7 * 191) not in re.sub(r"\d{6,}", "", shown)
    clash = head.post(f"/cases/{number}/acts/add_person", {"a-persons-new-0-name": bad, "expected": "1"})
    assert "<img" not in clash.get_data(as_text=True)
    found = head.post("/search", {"q": bad})
    assert "<img" not in found.get_data(as_text=True)


# ---- hidden fields, pressed again, two at once ---------------------------------------------------------------------


@pytest.mark.parametrize(("expected", "status"), [("-1", 409), ("x", 409), ("1e9", 409), ("٣", 409), ("9" * 31, 409)])
def test_a_tampered_number_counts_as_nothing_seen(world: World, expected: str, status: int) -> None:
    number = world.report()
    world.act(number, "head", "note", text="somebody else's")
    typed = {"a-first_seen_on": "2026-11-20", "expected": expected}
    assert world.browser("head").post(f"/cases/{number}/acts/report_more", typed).status_code == status


@pytest.mark.parametrize("token", ["", "x" * 5_000, "\x00", "سسس", "../../x"])
def test_odd_tokens_record_once_each(world: World, token: str) -> None:
    number = world.report()
    head = world.browser("head")
    for _press in range(2):
        sent = head.post(f"/cases/{number}/acts/note", {"a-text": "once", "token": token, "expected": "9"})
        assert sent.status_code == 303
    noted = world.browser("head").get(f"/cases/{number}/entries/4").status_code
    assert noted == (404 if token else 200), "without any token each press stands for itself"


def test_a_token_is_good_for_its_own_account_alone(world: World) -> None:
    number = world.report()
    typed = {"a-text": "mine", "token": "shared", "expected": "9"}
    for who in ("head", "team_coordinator"):
        assert world.browser(who).post(f"/cases/{number}/acts/note", typed).status_code == 303
    assert "mine" in world.browser("head").get(f"/cases/{number}/entries/4").get_data(as_text=True)


def test_the_same_press_from_many_threads_records_once(world: World) -> None:
    number = world.report()
    typed = {"a-text": "pressed by an impatient hand", "token": "impatient", "expected": "9"}
    people = [world.fresh("head") for _thread in range(6)]
    for person in people:
        person.csrf()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: one.post(f"/cases/{number}/acts/note", typed).status_code, people))
    assert set(answers) <= {303, 503}
    assert 303 in answers
    events = world.browser("head").get(f"/cases/{number}/chronology").get_data(as_text=True)
    assert events.count("impatient hand") == 1


def test_two_people_move_the_same_case_once(world: World) -> None:
    number = world.report()
    world.act(number, "head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    people = [world.fresh("head"), world.fresh("team_coordinator")]
    for person in people:
        person.csrf()
    typed = {"reason": "", "expected": "99"}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one.post(f"/cases/{number}/moves/qualify", typed).status_code, people))
    assert sorted(answers) == [303, 409]


# ---- sessions, drafts, ways out ------------------------------------------------------------------------------------


def test_signed_out_means_out_at_once(world: World) -> None:
    person = world.fresh("head")
    person.csrf()
    thief = world.app.test_client()
    thief.set_cookie("session", person.token)
    assert thief.get(f"/cases/{world.own}").status_code == 200
    person.post("/sign-out")
    before = world.rows()
    assert thief.get(f"/cases/{world.own}").status_code == 302
    again = thief.post(f"/cases/{world.own}/acts/note", data={"a-text": "x", "csrf_token": person.form_token})
    assert again.status_code == 302
    assert world.rows() == before


def test_a_closed_account_is_out_at_once(world: World) -> None:
    person = world.fresh("head/3")
    typed = {"a-text": "x", "expected": "9"}
    assert person.post(f"/cases/{world.own}/acts/note", typed).status_code == 303
    with world.ctx.directory.writing() as session:
        auth_repository.set_active(session, world.person("head/3").id, False)
    before = world.rows()["event"]
    assert person.get("/").status_code == 302
    assert person.post(f"/cases/{world.own}/acts/note", {**typed, "token": "z"}).status_code == 302
    assert world.rows()["event"] == before


@pytest.mark.exhaustive
def test_who_is_excluded_posts_from_an_old_page_in_vain(world: World) -> None:
    number = world.report()
    head = world.browser("head")
    head.get(f"/cases/{number}/acts/note")
    world.act(number, "team_coordinator", "conflict", account=world.person("head").id, reason="reporter_said")
    assert differences(world, "head", number) == []


@pytest.mark.exhaustive
def test_a_bystander_of_a_restricted_case_does_not_see_it(world: World) -> None:
    number = world.report(adult_concerned="yes")
    for who in ("head", "team_coordinator", "team_member", "academy"):
        assert differences(world, who, number) == [], who


def test_a_draft_is_its_owners_alone(world: World) -> None:
    """Kept when the form was refused for its token: for who sent it, at that address, once."""
    head = world.fresh("head")
    head.csrf()
    path = f"/cases/{world.own}/acts/note"
    assert head.post(path, {"a-text": "half a thought"}, csrf="old").status_code == 302
    for who in ("team_coordinator", "team_member", "directorate"):
        assert "half a thought" not in world.browser(who).get(path).get_data(as_text=True)
    assert "half a thought" in head.get(path).get_data(as_text=True)
    head.post(path, {"a-text": "half a thought", "expected": "99"})
    assert "half a thought" not in head.get(path).get_data(as_text=True)


def test_a_page_left_open_by_a_colleague_is_never_the_next_ones_draft(world: World) -> None:
    """Samira leaves a page open; Nadia signs in on that browser and sends it: its words wait for Samira."""
    samira, nadia = world.fresh("head"), world.fresh("team_coordinator")
    path, words = f"/cases/{world.own}/acts/note", "what only the head should read"
    left = {"a-text": words, "shown_to": "", "csrf_token": samira.csrf()}
    left["shown_to"] = samira.shown_to
    answered = nadia.post(path, left, csrf=left["csrf_token"])
    assert answered.status_code == 400
    assert words not in answered.get_data(as_text=True)
    assert words not in nadia.get(path).get_data(as_text=True)
    assert words in samira.get(path).get_data(as_text=True)


def test_a_danger_tapped_on_a_page_that_is_too_old_says_that_it_is_not_raised(world: World) -> None:
    member = world.fresh("team_member")
    member.csrf()
    for path in (f"/cases/{world.own}/danger", "/reports/danger"):
        before = world.rows()["event"]
        answered = member.post(path, {"danger": "blackmail", "token": "t"}, csrf="old")
        assert (answered.status_code, answered.location) == (302, path)
        assert "Rien n’a été enregistré" in member.get(path).get_data(as_text=True)
        assert world.rows()["event"] == before


@pytest.mark.parametrize("mark", ["", "ImEi", "ImEi.x", "a" * 5000])
def test_nobody_plants_a_draft_with_a_made_up_mark(world: World, mark: str) -> None:
    before = world.rows()["draft"]
    nadia = world.fresh("team_coordinator")
    nadia.csrf()
    path = f"/cases/{world.own}/acts/note"
    assert nadia.post(path, {"a-text": "planted", "shown_to": mark}, csrf="old").status_code == 400
    assert world.rows()["draft"] == before


@pytest.mark.parametrize(
    "wanted",
    [
        "//elsewhere.example",
        "/\\elsewhere.example",
        "https://elsewhere.example",
        "/\t/x.example",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_led_to_another_site(world: World, wanted: str) -> None:
    head = world.browser("head")
    assert head.get(f"/sign-in?{urlencode({'next': wanted})}").location == "/"
    assert head.post("/language", {"language": "fr", "next": wanted}).location == "/"


# ---- what is handed out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "profile"),
    [
        ("directorate", "school"),
        ("academy", "school"),
        ("team_member", "school"),
        ("team_member", "supervisor"),
        ("directorate", "made-up"),
        ("directorate", ""),
    ],
)
def test_a_copy_that_is_not_theirs_is_not_handed_out(world: World, who: str, profile: str) -> None:
    before = world.rows()
    typed = {"profile": profile, "language": "fr"}
    assert world.browser(who).post(f"/cases/{world.own}/case-file", typed).status_code in (404, 422)
    assert world.rows()["document_copy"] == before["document_copy"]


def test_a_receipt_is_its_reporters_alone(world: World) -> None:
    opened = open_case(world.ctx, world.person("reporter"), "report", {**REPORT}, token=world.token())
    path = f"/reports/{opened.report}"
    assert world.browser("reporter").get(f"{path}/receipt").status_code == 200
    for who in ("head", "team_coordinator", "directorate", "other head"):
        theirs = world.browser(who)
        absent = answer(theirs.get("/reports/aaaaaaaaaaaaaaaaaaaaaaaaaa/receipt"), "x")
        assert answer(theirs.get(f"{path}/receipt"), "x") == absent
        assert theirs.post(f"{path}/danger", {"danger": "blackmail"}).status_code == 404
        assert theirs.post(f"{path}/acts/told_by_voice", TYPED).status_code == 404


def test_a_case_of_another_school_can_not_be_joined(world: World) -> None:
    typed = {"a-other": world.foreign, "a-reason": "x", "expected": "99"}
    gone = {**typed, "a-other": world.absent}
    head = world.browser("head")
    answers = [head.post(f"/cases/{world.own}/acts/name_joined", sent) for sent in (typed, gone)]
    first, second = (answer(one, sent["a-other"]) for one, sent in zip(answers, (typed, gone), strict=True))
    assert first[0] == second[0] == 422
    assert re.sub(r'name="token" value="[^"]+"', "", first[1]) == re.sub(r'name="token" value="[^"]+"', "", second[1])


def test_a_colleague_of_another_school_can_not_be_seated(world: World) -> None:
    typed = {"a-seat": "lead", "a-account": world.person("other head").id, "expected": "99"}
    assert world.browser("head").post(f"/cases/{world.own}/acts/name_seat", typed).status_code == 422
