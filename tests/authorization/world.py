"""One installation for all that asks who may do and see what: four schools, every role, a case of each kind.

Everybody signs in with a real session; every request goes through the whole application.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache, cached_property
from io import BytesIO
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, REPORT, SAFE, SMALL
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from pikepdf import Pdf
from services.evidence_made import SCREENSHOT, png
from sqlalchemy import delete, func, select, update
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from authorization import shared
from school_protocol import context
from school_protocol.auth import passwords, sign_in_repository, sign_in_service
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.case_files.bulk import Wish, begin_bundle
from school_protocol.case_files.models import BulkCaseRow
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.handing_over import leave_at_once
from school_protocol.cases.intake import open_case, raise_from_receipt
from school_protocol.cases.loading import keep, load_by_id
from school_protocol.cases.models import CaseReaderRow, CaseSeatRow
from school_protocol.cases.service import make_move, record_act
from school_protocol.cases.showing import see_case
from school_protocol.cases.story_player import SCHOOL_WEEK, Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.events import (
    AccessLifted,
    DocumentIssued,
    DoorOpened,
    Event,
    EventKind,
    Recorded,
    Remark,
    RemarkKind,
    RemarksAttached,
    from_entry,
)
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.pdf import embedding, rendering
from school_protocol.people import repository as people_repository
from school_protocol.privacy import data_rights
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read
from school_protocol.publishing import handouts
from school_protocol.publishing.service import upload
from school_protocol.storage.models import DirectoryBase, RealmBase
from school_protocol.storage.sql import add_rows
from school_protocol.supervision import referral_repository
from school_protocol.supervision import repository as supervision_repository
from school_protocol.supervision.models import CaseReviewRow
from school_protocol.supervision.referral_repository import CaseReferral
from school_protocol.supervision.repository import Wait
from school_protocol.web import create_app

PASSWORD = "a password of three words"
NAME, MASSAR = "Zineb Tazi-Alaoui", "G123456789"
TOLD, HEARD, ANSWERED = "zqtoldx", "zqheardx", "zqansweredx"
"""Words of the own case: what the report tells, what the targeted pupil said, what the pupil concerned said."""
ROLES = (
    "reporter", "team_member", "team_coordinator", "head", "psychosocial", "directorate", "academy", "trainer",
    "workshop_participant", "protocol_admin", "technical_admin", "data_officer",
)  # fmt: skip
FORMER, COMING = "former", "coming"
"""Somebody whose appointment ended yesterday, or begins tomorrow: `former head`."""
LEFT = ("team_member@left", "academy@left")
"""Made to leave the school at once, with a seat in the own case; now in the role of their name, elsewhere or above."""
ELSEWHERE = {"same_province": "00000B", "other_province": "00000C", "other_region": "00000D"}
HASH = passwords.hash_password(PASSWORD)
WISH = Wish(offer="ma-cyberharassment/school", language="fr")


@dataclass
class Browser:
    """A signed-in browser, which knows its form token."""

    client: FlaskClient
    form_token: str = ""
    shown_to: str = ""

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, typed: Mapping[str, Any]) -> TestResponse:
        sent = MultiDict(typed)
        sent["csrf_token"], sent["shown_to"] = self.form_token, self.shown_to
        return self.client.post(path, data=sent)


@dataclass
class World:
    """The installation, who is in it, and its cases by kind."""

    player: Player
    app: Flask
    schools: dict[str, str] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    others: dict[str, Actor] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)
    pieces: dict[str, int] = field(default_factory=dict)
    """Case → the entry of its piece of evidence, which has a file."""
    exports: dict[str, str] = field(default_factory=dict)
    """Case → a copy of what is kept of somebody, which waits under a request that was answered."""
    secrets: dict[str, str] = field(default_factory=dict)
    """Tokens of other systems, by the name under which the expected answers have them."""
    said: dict[str, str] = field(default_factory=dict)
    """What addresses speak of, by the name under which the expected answers have it."""
    tokens: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def ctx(self) -> AppContext:
        return self.player.ctx

    def actor(self, who: str) -> Actor:
        """Somebody by role, by `role/2`, by `role@school`, by `former role` or `coming role`; read anew each time."""
        known = self.others[who] if who in self.others else self.player.actor(who)
        with self.ctx.directory.reading() as session:
            found = auth_repository.actor(session, known.id, realm=context.REALM, today=self.ctx.now().date())
        return found or known

    def account(self, who: str) -> str:
        return (self.others[who] if who in self.others else self.player.actor(who)).id

    def browser(self, who: str) -> Browser:
        if who not in self.browsers:
            client = self.app.test_client()
            client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
            if who:
                with self.ctx.directory.writing() as session:
                    token = sign_in_repository.open_web_session(session, self.account(who), now=self.ctx.now())
                client.set_cookie("session", token)
            self.browsers[who] = _ready(client)
        return self.browsers[who]

    @contextmanager
    def recognised(self) -> Iterator[None]:
        """Meanwhile each session is looked up once: many requests in a row by the same people, whose roles stay."""
        asking, known = sign_in_service.recognise, dict[str, Actor | None]()

        def once(ctx: AppContext, token: str) -> Actor | None:
            if token not in known:
                known[token] = asking(ctx, token)
            return known[token]

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sign_in_service, "recognise", once)
            yield

    def token(self) -> str:
        return f"token {next(self.tokens)}"

    # ---- steps of a story ------------------------------------------------------------------------------------

    def report(self, name: str, who: str = "team_member", **answers: Any) -> str:
        about = [
            {"slot": "targeted_pupil", "name": NAME, "massar": MASSAR},
            {"slot": "pupil_concerned", "name": "Omar Tahiri"},
        ]
        filled = {**REPORT, "what_happened": TOLD, "about_whom": about, **answers}
        opened = open_case(self.ctx, self.actor(who), "report", filled, token=self.token())
        self.cases[name], self.reports[name] = opened.number, opened.report
        with self.ctx.realm.reading() as session:
            self.ids[name] = cases_repository.find_by_number(session, opened.number) or ""
        return opened.number

    def act(self, name: str, who: str, act: str, /, **answers: Any) -> int:
        return record_act(
            self.ctx, self.actor(who), self.cases[name], act, answers, expected=None, token=self.token(), proven=True
        ).seq

    def move(self, name: str, who: str, move: str) -> None:
        make_move(self.ctx, self.actor(who), self.cases[name], move, expected=None, token=self.token())

    def happen(self, name: str, event: type[Event], who: str, role: str, **said: Any) -> int:
        """Something that other tests play whole stands in the case."""
        with self.ctx.realm.writing() as session:
            loaded = load_by_id(self.ctx, session, self.actor(who), self.ids[name])
            made = event(actor=self.account(who), role=role, at=self.ctx.now(), occurred_at=self.ctx.now(), **said)
            kept = keep(self.ctx, session, loaded, [made]).events[-1]
        return kept.seq

    def by_hand(self) -> None:
        """What no act writes. Seats in a case that is not for most, and in one of another school, stand in the journal.

        The rest is put into the index, and goes whenever a case is indexed anew: the restricted case is open to
        somebody by name, without an end, who has no role in it; seats of one who is no longer there, and that are over.
        """
        for kind, who, seat, by, role in (
            ("excluded", "team_member/2", "substitute", "academy@left", "academy"),
            ("same_province", "team_member/2", "member", "head@same_province", "head"),
        ):
            self.happen(
                kind, Recorded, by, role, act="name_seat", kind=EventKind.seat_named,
                answers={"seat": seat, "account": self.account(who)},
            )  # fmt: skip
        reader = CaseReaderRow(case_id=self.ids["restricted"], account=self.account("academy/2"))
        seats = (
            ("excluded", f"{FORMER} team_member", "lead", None),
            ("own", "team_member/2", "substitute", NOW.date() - timedelta(days=1)),
            ("early", LEFT[0], "substitute", NOW.date() - timedelta(days=1)),
        )
        with self.ctx.realm.writing() as session:
            session.merge(reader)
            for kind, who, seat, until in seats:
                session.merge(CaseSeatRow(case_id=self.ids[kind], account=self.account(who), seat=seat, until=until))
            shared.by_hand(self, session)

    def events(self, name: str) -> list[Event]:
        with self.ctx.realm.reading() as session:
            return [from_entry(one) for one in cases_repository.load_events(session, self.ctx.vault, self.ids[name])]

    @cached_property
    def firsts(self) -> dict[str, str]:
        """Case → the number of the first entry that somebody wrote in it."""
        written = ((name, one.seq) for name in self.cases for one in self.events(name) if isinstance(one, Recorded))
        return {name: str(seq) for name, seq in reversed(tuple(written))}

    def rows(self) -> dict[str, int]:
        """How much both stores hold, table by table."""
        found: dict[str, int] = {}
        for store, base in ((self.ctx.realm, RealmBase), (self.ctx.directory, DirectoryBase)):
            with store.reading() as session:
                tables = base.metadata.sorted_tables
                counted = (select(func.count()).select_from(table).scalar_subquery() for table in tables)
                found |= zip((table.name for table in tables), session.execute(select(*counted)).one(), strict=True)
        return found

    @cached_property
    def absent(self) -> str:
        """A well-formed number that no case has."""
        with self.ctx.realm.reading() as session:
            return cases_repository.free_number(session, random.SystemRandom())


class _Compiled(BytecodeCache):
    """What a template was compiled to, kept for the next application of this process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = _Compiled()


def serving(ctx: AppContext) -> Flask:
    """The application on that installation."""
    app = create_app(ctx, testing=True)
    app.jinja_env.bytecode_cache = COMPILED
    return app


@contextmanager
def untypeset() -> Iterator[None]:
    """What is handed out as a PDF is written, and not set: who gets it is asked here, what it looks like elsewhere.

    The wall's papers are set to be counted: they are left blank. Of a kit's two parts, blank ones, the first stands
    for both: to be joined, they would have to be tagged.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rendering.Typesetter, "set", lambda *_page: blank())
        patched.setattr(handouts, "wall_of", lambda *_told: blank())
        patched.setattr(embedding, "joined", lambda first, _second: first)
        patched.setattr(handouts, "_KEPT", handouts._Kept(handouts.KEPT_MOST))
        yield


@cache
def blank() -> bytes:
    """A PDF of one empty page."""
    kept = BytesIO()
    with Pdf.new() as made:
        made.add_blank_page()
        made.save(kept)
    return kept.getvalue()


def _ready(client: FlaskClient) -> Browser:
    """A browser with the token of its forms, from a page that everybody is shown."""
    page = client.get("/help").get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    owner = re.search(r'name="shown_to" value="([^"]+)"', page)
    return Browser(client, found[1] if found else "", owner[1] if owner else "")


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """An installation in that folder with everybody and everything in it."""
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=folder / "var", evidence_files=True), clock)
    content = MOROCCAN.read_bytes()
    player = prepared(ctx, clock, read(content, str(MOROCCAN)), content)
    world = World(player, serving(ctx))
    try:
        _furnish(world)
        yield world
    finally:
        ctx.close()


@contextmanager
def copied(first: World, folder: Path) -> Iterator[World]:
    """The same installation once more, as it stood when the first one was closed: for a test that changes it."""
    copytree(first.ctx.settings.data, folder / "var")
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=folder / "var", evidence_files=True), clock)
    player = replace(first.player, ctx=ctx, clock=clock)
    try:
        yield replace(first, player=player, app=serving(ctx), browsers={})
    finally:
        ctx.close()


def _furnish(world: World) -> None:
    for role in ROLES:
        world.player.actor(role)
    for more in ("team_member/2", "head/2", "team_coordinator/2", "directorate/2", "academy/2", "psychosocial/2"):
        world.player.actor(more)
    _schools(world)
    for role in ROLES:
        _post(world, f"{FORMER} {role}", role, starts=date(2020, 1, 1))
        _post(world, f"{COMING} {role}", role, starts=NOW.date() + timedelta(days=1))
    for who in LEFT:
        _post(world, who, "team_member", starts=date(2020, 1, 1))
    _another_protocol(world)
    _passwords(world)
    _newcomers(world)
    _cases(world)
    _end_posts(world)
    _leave(world)
    _places(world)
    _jobs(world)
    _referrals(world)
    _reviews(world)
    shared.systems(world)


def _referrals(world: World) -> None:
    """Every case was referred to somebody, as its index says: the register lists those that somebody sees."""
    sent = CaseReferral(number=1, target="police", sent_at=NOW, on_danger=True, awaits=True, chase_at=NOW)
    with world.ctx.realm.writing() as session:
        for case_id in world.ids.values():
            row = index_repository.row_of(session, case_id)
            assert row is not None
            add_rows(session, *referral_repository.rows_of(row, [sent]))


def _reviews(world: World) -> None:
    """Of every case something waits for whoever reviews: the queue lists those that somebody sees."""
    waits = [Wait("urgent", role, NOW) for role in ("directorate", "academy")]
    with world.ctx.realm.writing() as session:
        session.execute(delete(CaseReviewRow))
        for case_id in world.ids.values():
            row = index_repository.row_of(session, case_id)
            assert row is not None
            for beside in supervision_repository.rows_of(row, waits, None):
                add_rows(session, *beside)


def _schools(world: World) -> None:
    """A second school beside the first, one in the next province, one in another region: a reporter and a head each."""
    with world.ctx.directory.writing() as session:
        here = auth_repository.unit(session, world.player.school)
        province, region = here.parents[:2]
        next_province = _unit(session, UnitKind.province, "P2", region)
        far_region = _unit(session, UnitKind.region, "R2", None)
        far_province = _unit(session, UnitKind.province, "P3", far_region)
        people_repository.set_calendar(session, far_region, Calendar(opening=SCHOOL_WEEK))
        above = {"same_province": province, "other_province": next_province, "other_region": far_province}
        for kind, code in ELSEWHERE.items():
            world.schools[kind] = _unit(session, UnitKind.school, code, above[kind])
        world.schools["own"] = world.player.school
    for kind in ELSEWHERE:
        for role in ("team_member", "head"):
            _post(world, f"{role}@{kind}", role, starts=date(2020, 1, 1), unit=world.schools[kind])
    _post(world, "data_officer@province", "data_officer", starts=date(2020, 1, 1), unit=province)
    _post(world, "directorate@other_province", "directorate", starts=date(2020, 1, 1), unit=next_province)
    _post(world, "academy@other_region", "academy", starts=date(2020, 1, 1), unit=far_region)
    _post(world, "directorate@two_posts", "directorate", starts=date(2020, 1, 1), unit=next_province)
    for who in ("directorate@other_region", "directorate@apart"):
        _post(world, who, "directorate", starts=date(2020, 1, 1), unit=far_province)
    _post(world, "technical_admin@region", "technical_admin", starts=date(2020, 1, 1), unit=region)
    with world.ctx.directory.writing() as session:
        auth_repository.appoint(
            session, world.account("directorate@two_posts"), role="team_coordinator", unit=world.schools["own"],
            starts=date(2020, 1, 1),
        )  # fmt: skip


def _another_protocol(world: World) -> None:
    """A second protocol runs in the same school, with somebody who sees the school's cases of it."""
    content = SMALL.read_bytes()
    other = read(content, str(SMALL))
    with world.ctx.directory.writing() as session:
        protocol_repository.publish(
            session, protocol=other.protocol, version=other.version, digest=other.digest, content=content,
            published_at=NOW,
        )  # fmt: skip
    _post(world, "warden", "warden", starts=date(2020, 1, 1), unit=world.player.school)
    _post(world, "delegate", "delegate", starts=date(2020, 1, 1), unit=world.player.places[ScopeKind.province])


def _unit(session: Any, kind: UnitKind, code: str, parent: str | None) -> str:
    return auth_repository.add_unit(session, kind=kind, code=code, names={"fr": f"Unité {code}"}, parent=parent)


def _post(world: World, who: str, role: str, *, starts: date, unit: str = "") -> None:
    place = unit or world.player.places.get(world.player.protocol.roles[role].sees, world.player.school)
    with world.ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username=re.sub(r"\W", "-", who), names={"fr": who}, language="fr", created_at=NOW, certified=True,
            trained_until=date(2099, 12, 31),
        )  # fmt: skip
        sign_in_repository.link(session, "https://one.example", who, account, at=NOW)
        auth_repository.appoint(session, account, role=role, unit=place, starts=starts)
        found = auth_repository.actor(session, account, realm=context.REALM, today=NOW.date())
    assert found is not None
    world.others[who] = found


def _passwords(world: World) -> None:
    with world.ctx.directory.writing() as session:
        for one in (*world.player.actors.values(), *world.others.values()):
            auth_repository.set_password(session, one.id, HASH)


def _newcomers(world: World) -> None:
    """In each school somebody who has no way in yet: to be invited by a printed code."""
    for kind, school in world.schools.items():
        _post(world, f"newcomer@{kind}", "reporter", starts=date(2020, 1, 1), unit=school)


def _leave(world: World) -> None:
    """Whoever left at once holds a new role since: their seat in the own case opens nothing any more."""
    for who in LEFT:
        leave_at_once(
            world.ctx, world.actor("directorate"), "00000A", _post_of(world, who), reason="unreachable",
            sentence="Personne ne répond depuis lundi", token=world.token(),
        )  # fmt: skip
    now = {LEFT[0]: ("team_member", world.schools["same_province"]),
           LEFT[1]: ("academy", world.player.places[ScopeKind.region])}  # fmt: skip
    with world.ctx.directory.writing() as session:
        for who, (role, unit) in now.items():
            auth_repository.appoint(session, world.account(who), role=role, unit=unit, starts=NOW.date())
        auth_repository.appoint(  # a role of another protocol gives nothing here
            session, world.account(LEFT[1]), role="warden", unit=world.schools["own"], starts=NOW.date()
        )  # fmt: skip


def _post_of(world: World, who: str) -> str:
    with world.ctx.directory.reading() as session:
        own = select(AppointmentRow.id).where(AppointmentRow.account == world.account(who))
        return session.scalar(own) or ""


def _jobs(world: World) -> None:
    """In the head's job of many stand two cases that have gone from their sight since, and one without a copy."""
    with world.ctx.realm.writing() as session:
        for place, (kind, state) in enumerate((("excluded", "waiting"), ("restricted", "refused")), start=101):
            row = BulkCaseRow(bulk=world.said["job"], place=place, case_id=world.ids[kind], number=world.cases[kind])
            row.state, row.why = state, "refused" if state == "refused" else ""
            session.add(row)
        session.execute(
            update(BulkCaseRow)
            .where(BulkCaseRow.bulk == world.said["job"], BulkCaseRow.case_id == world.ids["own"])
            .values(state="refused", why="refused")
        )


def _places(world: World) -> None:
    """What addresses speak of beside cases: ids of the own case's parts, and of what somebody began."""
    own, other = world.events("own"), world.events("unassigned")
    member = world.account("team_member/2")
    content = MOROCCAN.read_bytes().replace(b"\nversion: 1\n", b"\nversion: 2\n", 1)
    world.said |= {
        **shared.visited(world),
        "remarked": str(next(one.seq for one in own if isinstance(one, RemarksAttached))),
        "door": str(next(one.seq for one in own if isinstance(one, DoorOpened))),
        "foreign_piece": str(world.pieces["unassigned"]),
        "broken_door": str(next(one.seq for one in world.events("broken") if isinstance(one, DoorOpened))),
        "foreign": str(next(one.seq for one in reversed(other) if isinstance(one, DoorOpened))),
        "copy": "7",
        "first": "2",
        "piece": str(world.pieces["own"]),
        "export": world.exports["own"],
        "person": "targeted_pupil-1",
        "post": _post_of(world, "team_member/2"),
        "draft": upload(world.ctx, world.actor("protocol_admin"), content, "2.yaml"),
        "job": begin_bundle(world.ctx, world.actor("head"), WISH, world.token()).job,
        "report": world.reports["early"],
        "endangered": world.reports["restricted"],
        "raised_by_others": world.reports["broken"],
        "school": "00000A",
        "account": member,
    }
    assert int(world.said["foreign"]) > own[-1].seq, "no number of the own case"


def _end_posts(world: World) -> None:
    """The appointments of those who are former end as of yesterday: what they were seated in stays written."""
    former = [one.id for who, one in world.others.items() if who.startswith(FORMER)]
    with world.ctx.directory.writing() as session:
        ids = session.scalars(select(AppointmentRow.id).where(AppointmentRow.account.in_(former))).all()
        for appointment in ids:
            auth_repository.end_appointment(session, appointment, NOW.date() - timedelta(days=1))


# ---- the cases -----------------------------------------------------------------------------------------------------


def _cases(world: World) -> None:
    """By kind: the own one, on which somebody is assigned; the school's others; those of other places."""
    assigned(world, "own", lead="team_member", support="psychosocial")
    for who in ("team_member", "psychosocial"):
        seat = "member" if who == "team_member" else "support"
        side = {"side": "witnesses"} if seat == "support" else {}
        world.act("own", "head", "name_seat", seat=seat, account=world.account(f"{FORMER} {who}"), **side)
    for who in LEFT:
        world.act("own", "head", "name_seat", seat="member", account=world.account(who))
    assigned(world, "unassigned", lead="team_member/2", support="psychosocial/2")
    about = [{"slot": "targeted_pupil", "name": shared.LEADING}]
    assigned(world, "lead", lead="team_member", support="psychosocial", about_whom=about)
    shared.lead(world)
    world.report("early", "reporter", about_whom=[{"slot": "targeted_pupil", "name": "Salma Idrissi"}])
    for kind in ELSEWHERE:
        world.report(kind, f"team_member@{kind}")
    world.report("restricted", "reporter", adult_concerned="yes")
    shut = [world.account(role) for role in ROLES if role not in ("directorate", "academy")]
    world.report("broken", "reporter", adult_concerned="yes")
    world.report("excluded", "team_member/2", must_not_read=shut)
    world.act("excluded", "directorate", "conflict", account=world.account("academy"), reason="close_relative")
    world.act("excluded", "directorate", "conflict", reason="close_relative")
    _listened(world, "own")
    world.move("own", "team_member", "begin_listening")
    for name, who in (("own", "team_member"), ("unassigned", "team_member/2")):
        _filed(world, name, who)
    _asked_for(world, "own")
    handed_out(world, "own", copies=1)
    handed_out(world, "unassigned", copies=8)
    _opened_for_a_time(world)
    _in_danger(world)
    above = {"restricted": "directorate", "broken": "directorate", "excluded": "academy@left",
             "contributing": "head@same_province", "concerned": "directorate@other_province"}  # fmt: skip
    for name in ("own", "unassigned", "early", "lead", *above, *ELSEWHERE):
        seen_by = above.get(name, f"head@{name}" if name in ELSEWHERE else "head")
        see_case(world.ctx, world.actor(seen_by), world.cases[name])
    world.by_hand()


def assigned(world: World, name: str, *, lead: str, support: str, **answers: Any) -> None:
    """A case beyond its first states: only those who are seated in it see it, and whoever sees the school's cases."""
    world.report(name, "team_member/2", **answers)
    world.act(name, "team_coordinator", "safety_check", **SAFE)
    world.move(name, "team_coordinator", "qualify")
    world.act(name, "team_coordinator", "name_seat", seat="lead", account=world.account(lead))
    world.act(name, "head", "name_seat", seat="support", account=world.account(support), side="targeted")
    world.move(name, "team_coordinator", "assign")


def _opened_for_a_time(world: World) -> None:
    """Names lifted on the own case, and the broken one opened: for one person now, for another until an hour ago."""
    now = world.ctx.now()
    over, open_still, due = (now + timedelta(hours=hours) for hours in (-1, 3, 20))
    for who, until in (("directorate", over), ("directorate/2", open_still)):
        world.happen("own", AccessLifted, who, "directorate", until=until.isoformat(), reason="Un appel")
    moved = ("academy@other_region", open_still)
    for who, until in (("academy", over), ("academy/2", open_still), (f"{FORMER} academy", open_still), moved):
        said = {"until": until.isoformat(), "review_by": due.isoformat(), "reason": "Personne ne répond"}
        world.happen("broken", DoorOpened, who, "academy", **said)


def _in_danger(world: World) -> None:
    """Of the restricted case a danger was raised by its reporter, who does not see it, and one by somebody else.

    Of the broken one, by somebody else alone.
    """
    raise_from_receipt(
        world.ctx, world.actor("reporter"), world.reports["restricted"], "self_harm", token=world.token()
    )
    for kind in ("restricted", "broken"):
        world.act(kind, "directorate", "raise_danger", which_danger="blackmail")


def _listened(world: World, name: str) -> None:
    """Both sides were heard."""
    day = NOW.date().isoformat()
    own = {
        "heard": "targeted_pupil-1", "held_on": day, "listener": world.account("team_member"), "child_view": "given",
        "place": "quiet_office", "language": "french", "information_given": True, "account": HEARD, "frequency": "once",
        "feelings": ["anger"], "wishes": "x", "agrees_guardians_informed": "yes",
    }  # fmt: skip
    world.act(name, "team_member", "listening_target", **own)
    theirs = {
        "mode": "factual", "heard": "pupil_concerned-1", "held_on": day, "listener": world.account("team_coordinator"),
        "age_at_facts": "12", "observed": ANSWERED, "what_can_i_do": "x", "duration_min": "5", "no_accusation": True,
    }  # fmt: skip
    world.act(name, "team_coordinator", "interview_concerned", **theirs)


def _filed(world: World, name: str, who: str) -> None:
    """A piece of evidence with its file."""
    world.pieces[name] = world.act(name, who, "evidence", **SCREENSHOT)
    attach_file(
        world.ctx, world.actor(who), world.cases[name], world.pieces[name], png(), is_attested=True,
        token=world.token(),
    )  # fmt: skip


def _asked_for(world: World, name: str) -> None:
    """Somebody asked for what is kept of them; a copy was asked for, and the answer came before anybody agreed."""
    said = {"request": "access", "requester": "La mère", "identity_checked": "yes"}
    world.act(name, "head", "rights_request", stage="asked", **said)
    world.exports[name] = data_rights.ask_right(
        world.ctx, world.actor("head"), world.cases[name], "targeted_pupil-1", token=world.token()
    )
    world.act(name, "head", "rights_request", stage="answered", answer="Rien de plus.", **said)


def handed_out(world: World, name: str, *, copies: int) -> None:
    """Copies, remarks on the last one, an emergency opening that is over: something to be asked for by number."""
    for number in range(1, copies + 1):
        said = {"document": "case_file", "profile": "supervisor", "language": "fr", "copy": number}
        world.happen(
            name, DocumentIssued, "directorate/2", "directorate", **said, content_head="0" * 64, digest="0" * 64
        )
    remark = Remark(kind=RemarkKind.question, text="Quand ?", awaits=True)
    said = {"document": "case_file", "copy": copies, "digest": "0" * 64, "content_head": "0" * 64}
    world.happen(name, RemarksAttached, "directorate", "directorate", **said, remarks=(remark,) * copies)
    over, due = world.ctx.now() - timedelta(hours=1), world.ctx.now() + timedelta(hours=20)
    for _door in range(copies):
        world.happen(
            name, DoorOpened, "academy/2", "academy", until=over.isoformat(), review_by=due.isoformat(), reason="Urgent"
        )
