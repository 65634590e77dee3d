"""The second wall: what the database itself shows whom, whatever a query asks; and that nothing said gets round it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner
from engine.telling import MOROCCAN, NOW
from huey.api import Task
from huey.signals import SIGNAL_ERROR
from rewriting import rewrite
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DBAPIError
from storage.server import EVERYWHERE, served, stop_clock

from school_protocol.auth import sign_in_repository
from school_protocol.auth.models import WebSessionRow
from school_protocol.cases import opening_gate
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.cli.group import main
from school_protocol.config import ROWS, Settings
from school_protocol.context import AppContext, Walled, open_context, refuse_walled
from school_protocol.engine.definition import Protocol
from school_protocol.mail import Post
from school_protocol.ops import doctor
from school_protocol.ops.databases import prepare
from school_protocol.ops.doctor import Asked, Level
from school_protocol.ops.worker import prepare_queue, queue_of
from school_protocol.storage import postgresql, sql
from school_protocol.storage.blobs import FilesElsewhere
from school_protocol.storage.engines import WHOSE, Store, open_engine
from school_protocol.storage.migrate import NotPrepared
from school_protocol.storage.postgresql import NoWall
from school_protocol.storage.sql import TablesInUse
from school_protocol.wiring import WIRING
from services.conftest import School
from services.sharing_region import ABROAD, Region

pytestmark = pytest.mark.skipif(EVERYWHERE, reason="has roles of its own")
COUNT = {name: text(f"SELECT count(*) FROM {name}") for name in postgresql.WALLED}
FORGED = "SELECT 1 FROM case_record WHERE set_config(:whose, :said, true) IS NOT NULL"


@dataclass
class Two:
    """Two schools of two academies with a case each; the same database as pages and as its owner open it."""

    region: Region
    site: Settings
    pages: Store
    owner: Store
    cases: dict[str, str]

    def token(self, who: str) -> str:
        ctx, account = self.region.school.ctx, self.region.person(who).id
        with ctx.directory.writing() as session:
            return sign_in_repository.open_web_session(session, account, now=ctx.now())

    def counted(self, token: str | None) -> dict[str, int]:
        store = self.pages if token is None else self.pages.seen_by(token)
        with store.reading() as session:
            return {name: int(session.scalar(query) or 0) for name, query in COUNT.items()}

    def numbers(self, token: str) -> set[str]:
        with self.pages.seen_by(token).reading() as session:
            return set(session.scalars(text("SELECT number FROM case_index")))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, moroccan: Protocol) -> Iterator[Two]:
    folder: Path = tmp_path_factory.mktemp("walls")
    with served() as address:
        name = uuid.uuid4().hex[:10]
        site, worker = f"site_{name}", f"worker_{name}"
        owner = open_engine(address)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE walls_{name}"))
            for role in (site, worker):
                connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        url = make_url(address).set(database=f"walls_{name}")
        as_owner, as_site, as_worker = (
            one.render_as_string(hide_password=False) for one in (url, url.set(username=site), url.set(username=worker))
        )
        settings = Settings(data=folder / "var", database=as_site)
        clock = TurnableClock(NOW)
        with pytest.raises(NotPrepared, match="database prepare"):
            open_context(settings, clock)
        for _again in range(2):
            assert prepare(settings, as_owner, [worker], make_queue=prepare_queue) == (
                site,
                worker,
            )
        stop_clock(as_owner, NOW)
        ctx = open_context(replace(settings, database=as_worker), clock)
        school = School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1))
        region = Region(school)
        cases = {}
        for who in ("team_member", f"team_member {ABROAD}"):
            region.person(who)
            school.report(who)
            school.seen_by(who)
            cases[who] = school.number
        pages, owns = (
            Store(open_engine(replace(settings, database=one).store_url("realm"))) for one in (as_site, as_owner)
        )
        yield Two(region, settings, pages, owns, cases)
        for one in (pages, owns, ctx):
            one.close()
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"DROP DATABASE walls_{name} WITH (FORCE)"))
        owner.dispose()


@pytest.mark.exhaustive
def test_doctor_says_where_it_does_not_stand(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = two.region.school.ctx
    asked = Asked(ctx.settings, ctx.now())
    for planted, level in ((("event", "report"), Level.wrong), (None, Level.note)):
        monkeypatch.setattr(doctor, "gaps", lambda _connection, planted=planted: planted)
        [found] = doctor.wall(ctx, asked)
        assert found.level is level
        assert "database prepare" in found.do
        assert all(table in found.what for table in planted or ())
    files = replace(ctx, settings=replace(ctx.settings, database=""))
    assert list(doctor.wall(files, asked)) == [], "the control: files have none"


HERE, THERE = "team_member", f"team_member {ABROAD}"


@pytest.mark.exhaustive
def test_each_sees_the_case_of_their_school_and_all_that_is_sealed_of_it(two: Two) -> None:
    here, there = two.counted(two.token(HERE)), two.counted(two.token(THERE))
    assert here["case_index"] == there["case_index"] == 1
    assert min(here[name] for name in ("event", "event_words", "case_key", "object_key", "identity", "access")) > 0
    assert two.numbers(two.token(HERE)) == {two.cases[HERE]}
    assert two.numbers(two.token(THERE)) == {two.cases[THERE]}
    assert two.numbers(two.token("academy")) == {two.cases[HERE]}
    assert two.numbers(two.token("directorate P3")) == {two.cases[THERE]}


def test_control_the_owner_sees_both(two: Two) -> None:
    with two.owner.reading() as session:
        assert {name: session.scalar(query) for name, query in COUNT.items()}["case_index"] == 2
    with two.region.school.ctx.realm.reading() as session:
        assert session.scalar(COUNT["case_index"]) == 2


@pytest.mark.parametrize("token", [None, "", "nobody", "x' OR '1'='1", "\\", "a" * 64, "a\0b", "\udcff", "\u0628"])
def test_without_a_token_that_is_good_nothing_is_there(two: Two, token: str | None) -> None:
    counted = two.counted(token)
    assert {name: counted[name] for name in counted if name != "case_key"} == dict.fromkeys(
        (name for name in postgresql.WALLED if name != "case_key"), 0
    )
    with two.pages.reading() as session:  # keys of what is no case, as reports and drafts have, are no case's
        assert session.scalar(text("SELECT count(*) FROM case_key WHERE case_id IN (SELECT id FROM case_record)")) == 0


@pytest.mark.exhaustive
def test_what_a_statement_says_of_itself_changes_nothing(two: Two) -> None:
    """A predicate that somebody slipped in can set the name; it can't say a token that it never saw."""
    ctx = two.region.school.ctx
    with ctx.directory.reading() as session:
        hashes = session.scalars(text("SELECT encode(token, 'hex') FROM web_session")).all()
        accounts = session.scalars(text("SELECT id FROM account")).all()
    before = two.counted(two.token(HERE))
    for said in (*hashes[:5], *accounts[:5], "*", "postgres", "%"):
        for token in ("", two.token(HERE)):
            with two.pages.seen_by(token).reading() as session:
                session.execute(text(FORGED), {"whose": WHOSE, "said": said})
                found = {name: int(session.scalar(query) or 0) for name, query in COUNT.items()}
            assert found["case_index"] == 0
            assert found["event"] < before["event"]


def test_control_a_token_that_was_seen_does(two: Two) -> None:
    seen = two.token(THERE)
    with two.pages.seen_by("").reading() as session:
        session.execute(text(FORGED), {"whose": WHOSE, "said": seen})
        assert session.scalar(COUNT["case_index"]) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE postgres", "ALTER TABLE event DISABLE ROW LEVEL SECURITY", "DROP POLICY seen ON event",
        "CREATE POLICY mine ON event USING (true)", "CREATE OR REPLACE FUNCTION realm.wall_units() RETURNS text[] "
        "LANGUAGE sql AS $$ SELECT ARRAY['*'] $$", "SELECT * FROM pg_authid", "CREATE TEMP TABLE case_index (n int)",
        "SET row_security = off; SELECT count(*) FROM event",
    ],
)  # fmt: skip
def test_the_wall_can_not_be_taken_away_by_whoever_stands_before_it(two: Two, statement: str) -> None:
    *before, last = statement.split("; ")
    with two.pages.engine.connect() as connection:
        for one in before:
            connection.exec_driver_sql(one)
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql(last)


def test_a_connection_tells_the_next_one_nothing(two: Two) -> None:
    token = two.token(HERE)
    for _time in range(30):
        with two.pages.seen_by(token).reading() as session:
            assert session.scalar(COUNT["case_index"]) == 1
        with two.pages.reading() as session:
            assert session.scalar(COUNT["case_index"]) == 0


@pytest.mark.parametrize(
    "rights", ["SUPERUSER", "BYPASSRLS", "IN ROLE {worker}", "IN ROLE {owner}", None], ids=lambda one: str(one).lower()
)
def test_no_wall_is_said_to_stand_before_a_role_that_sees_through_it(two: Two, rights: str | None) -> None:
    worker = two.region.school.ctx.realm.engine.url.username or ""
    owner = two.owner.engine.url
    name = f"seeing_{uuid.uuid4().hex[:10]}"
    with two.owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        with_rights = (rights or "").format(worker=worker, owner=owner.username)
        connection.execute(text(f"CREATE ROLE {name} LOGIN {with_rights}"))
        site = make_url(two.site.database).set(username=name).render_as_string(hide_password=False)
        with pytest.raises(NoWall, match=name):
            prepare(
                replace(two.site, database=site), owner.render_as_string(hide_password=False),
                [worker] if rights else [worker, name], make_queue=prepare_queue,
            )  # fmt: skip
        connection.execute(text(f"DROP ROLE {name}"))


@pytest.mark.exhaustive
def test_where_files_lie_is_settled_by_whoever_prepares_and_not_by_who_serves_pages(two: Two) -> None:
    worker = two.region.school.ctx.realm.engine.url.username or ""
    owner = two.owner.engine.url.difference_update_query(["options"]).render_as_string(hide_password=False)
    in_rows, clock = replace(two.site, files_in=ROWS), two.region.school.ctx.clock
    with pytest.raises(FilesElsewhere, match="lie in folder"):
        open_context(in_rows, clock)
    for settings in (in_rows, two.site):
        prepare(settings, owner, [worker], make_queue=prepare_queue)
        stop_clock(owner, NOW)
        open_context(settings, clock).close()


def test_a_session_that_awaits_its_second_step_sees_nothing(two: Two) -> None:
    token = two.token(HERE)
    with two.region.school.ctx.directory.writing() as session:
        latest = select(func.max(WebSessionRow.created_at)).scalar_subquery()
        rewrite(session, WebSessionRow, WebSessionRow.created_at == latest, stage="factor")
    assert two.numbers(token) == set()


def test_writing_reaches_no_case_of_others(two: Two) -> None:
    change = text("UPDATE case_index SET version = version RETURNING number")
    with two.pages.seen_by(two.token(HERE)).writing() as session:
        assert set(session.scalars(change)) == {two.cases[HERE]}
    with two.pages.seen_by("").writing() as session:
        assert set(session.scalars(change)) == set()


@pytest.mark.exhaustive
def test_that_cases_have_begun_is_known_before_the_wall_too(two: Two) -> None:
    """Who serves strangers sees no case: that there are some keeps an installation open all the same."""
    assert two.counted("")["case_index"] == 0
    ctx = open_context(replace(two.site, keeps_shut=True), two.region.school.ctx.clock)
    seen = replace(ctx, realm=ctx.realm.seen_by(""))
    assert opening_gate.has_begun(seen)
    assert not opening_gate.is_shut(seen)
    ctx.close()


@pytest.mark.exhaustive
def test_whoever_does_the_house_s_work_is_told_at_once_that_this_role_can_not(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a worker would find nothing to do, for ever."""
    ctx = open_context(two.site, two.region.school.ctx.clock)
    with pytest.raises(Walled):
        refuse_walled(ctx)
    ctx.close()
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(two.site.data))
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATABASE_URL", two.site.database)
    for command in (["worker"], ["serve", "--port", "0"], ["journal", "verify"]):
        found = CliRunner().invoke(main, command)
        assert (found.exit_code, "sees no case without a session" in found.output) == (1, True), found.output


# ---- what the worker does, as its own role ---------------------------------------------------------------------------


def failed_in(ctx: AppContext, log: pytest.LogCaptureFixture) -> dict[str, str]:
    """What goes wrong here as each task of the worker's own is done once: errors, and what warns of one."""
    log.clear()
    failed: dict[str, str] = {}
    queue = queue_of(ctx, Post())

    @queue.signal(SIGNAL_ERROR)  # type: ignore[untyped-decorator]
    def note(_signal: str, task: Task, error: Exception) -> None:
        failed[task.name] = str(error)

    for task in queue._registry.periodic_tasks:
        queue.execute(task)
    queue.storage.flush_queue()
    queue.lead.close()
    warned = {record.getMessage(): record.getMessage() for record in log.records if record.levelno >= logging.WARNING}
    return failed | warned


def test_every_task_of_the_worker_goes_with_the_rights_of_its_role(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    """And none of the owner's: its role owns nothing, and may change no chain."""
    ctx = two.region.school.ctx
    assert failed_in(ctx, caplog) == {}
    assert ctx.realm.engine.url.username != two.owner.engine.url.username


@pytest.mark.exhaustive
def test_the_control_a_task_that_lacks_a_right_is_told(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    ctx = two.region.school.ctx
    worker = ctx.realm.engine.url.username
    with two.owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as owner:
        owner.exec_driver_sql(f"REVOKE ALL ON realm.outbox FROM {worker}")
        failed = failed_in(ctx, caplog)
        owner.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON realm.outbox TO {worker}")
    assert any("ProgrammingError" in said or "permission denied" in said for said in failed.values()), failed


@pytest.mark.exhaustive
def test_doctor_looks_at_everything_as_the_role_of_the_worker(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(database: str | None) -> str:
        monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(two.site.data))
        monkeypatch.setenv("SCHOOL_PROTOCOL_DATABASE_URL", str(database).replace("postgresql+psycopg", "postgresql"))
        said = CliRunner().invoke(main, ["doctor"])
        assert said.exception is None or isinstance(said.exception, SystemExit), said.output
        return said.output

    address = two.region.school.ctx.settings.database
    as_worker = asked(address)
    assert "permission denied" not in as_worker
    assert "could not be looked at" not in as_worker
    for check in ("journal:", "worker:", "backups:", "whole copy of PostgreSQL:"):
        assert check in as_worker


@pytest.fixture
def late(two: Two) -> Iterator[tuple[str, str, str]]:
    """How the owner comes to the database, a role that is to serve its pages from now on, and the one that works."""
    owner = two.owner.engine.url
    address = make_url(two.site.database).set(username=owner.username, password=owner.password)
    site, worker = f"late_{uuid.uuid4().hex[:8]}", make_url(two.region.school.ctx.settings.database).username or ""
    with two.owner.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {site} LOGIN"))
    said = address.render_as_string(hide_password=False)
    yield said, site, worker
    postgresql.prepare(
        said, make_url(two.site.database).username or "", [worker], WIRING.tables, make_queue=lambda: None
    )
    stop_clock(said, NOW)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "fault",
    [
        "ALTER TABLE realm.event DISABLE ROW LEVEL SECURITY", "DROP POLICY seen ON realm.report",
        "DROP POLICY added ON realm.case_index", 'CREATE POLICY "all of it" ON realm.notice FOR SELECT USING (true)',
    ],
)  # fmt: skip
def test_a_gap_is_told_by_its_table_and_mended_as_doctor_says(two: Two, late: tuple[str, str, str], fault: str) -> None:
    address, site, worker = late
    ctx = two.region.school.ctx
    [whole] = doctor.wall(ctx, Asked(ctx.settings, ctx.now()))
    assert whole.level is Level.ok
    with two.owner.engine.begin() as connection:
        connection.exec_driver_sql(fault)
    [found] = doctor.wall(ctx, Asked(ctx.settings, ctx.now()))
    assert found.level is Level.wrong
    assert f"before {fault.partition('realm.')[2].split()[0]}: " in found.what
    postgresql.prepare(address, site, [worker], WIRING.tables, make_queue=lambda: None)
    assert [one.level for one in doctor.wall(ctx, Asked(ctx.settings, ctx.now()))] == [Level.ok]


def may_read(two: Two, role: str) -> bool:
    with two.owner.reading() as session:
        return bool(session.scalar(text("SELECT has_table_privilege(:role, 'event', 'SELECT')"), {"role": role}))


@pytest.mark.exhaustive
def test_no_page_may_read_a_table_whose_wall_does_not_stand_yet(
    two: Two, late: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, site, worker = late
    with monkeypatch.context() as held:
        held.setattr(postgresql, "change_or_give_way", partial(sql.change_or_give_way, patience=0))
        with two.owner.engine.connect() as page, page.begin():
            page.execute(text("SELECT count(*) FROM event"))
            with pytest.raises(TablesInUse, match="run it again"):
                postgresql.prepare(address, site, [worker], WIRING.tables, make_queue=lambda: None)
    assert not may_read(two, site)
    postgresql.prepare(address, site, [worker], WIRING.tables, make_queue=lambda: None)
    assert may_read(two, site)


@pytest.mark.exhaustive
def test_pages_go_on_while_a_wall_is_put_up_anew(two: Two, late: tuple[str, str, str]) -> None:
    """One holds a table on one connection, and asks for it, and for others, on another."""
    address, site, worker = late
    with ThreadPoolExecutor(1) as pool, two.owner.engine.connect() as page:
        page.execute(text("SELECT count(*) FROM event"))
        preparing_it = pool.submit(postgresql.prepare, address, site, [worker], WIRING.tables, make_queue=lambda: None)
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'event'::regclass")
        with two.owner.engine.connect() as other:
            while not other.scalar(waits):
                assert not preparing_it.done()
                other.rollback()
            other.execute(text("SET LOCAL lock_timeout = '20s'"))
            for table in ("case_index", "event", "report"):
                other.execute(COUNT[table])
        assert not preparing_it.done()
        page.rollback()
        preparing_it.result(60)
    assert may_read(two, site)
