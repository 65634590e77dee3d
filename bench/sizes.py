"""The same pages in countries of a thousand, a hundred thousand and a million cases.

The first thousand are made by `sample`: real cases, which open. The others are their rows once more, copied by the
database itself under ids, numbers, schools and people of their own: in the same tables, and never opened.
PostgreSQL is asked as a site asks it: by a role behind the wall, under the token of whoever is signed in.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask.testing import FlaskClient
from sqlalchemy import Table, create_engine, make_url, text

from bench.measuring import Clock, Work, own_cpu
from bench.outcomes import Outcome
from bench.region import served
from school_protocol.auth.sign_in_service import actor_named, begin_session
from school_protocol.cases import index_check_repository, lists
from school_protocol.cases import repository as cases_repository
from school_protocol.config import Settings
from school_protocol.context import AppContext, SystemClock, open_context
from school_protocol.engine.visibility import Actor
from school_protocol.ops import demo, sample_cases, worker
from school_protocol.ops.databases import prepare
from school_protocol.ops.fixture_copy import sample
from school_protocol.storage import case_numbers, postgresql
from school_protocol.storage.engines import Store
from school_protocol.storage.models import RealmBase
from school_protocol.web import create_app
from school_protocol.wiring import WIRING

if TYPE_CHECKING:
    from bench.rows import Workshop

SIZES = (1_000, 100_000, 1_000_000)
OWN = 60
"""Cases of the school whose pages are measured, besides those that fall to it by lot."""
SCHOOL = "50000s"
COORDINATOR = f"{SCHOOL}-team-coordinator"
SITE, WORKER = "site", "worker"
PASSWORD = "measured-measured-measured"
_COPIED = (
    "case_record", "case_key", "case_index", "event", "object_key", "event_words", "identity", "identity_mark",
    "report", "figure_share",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sized:
    """A country of that many cases, and two people who are signed in: of a school, and of the academy above it."""

    ctx: AppContext
    team: FlaskClient
    academy: FlaskClient
    token: str
    number: str
    pupil: str
    clock: Clock

    def list(self) -> object:
        return self._get(self.team, "/")

    def queue(self) -> object:
        return self._get(self.academy, "/")

    def case(self) -> object:
        return self._get(self.team, f"/cases/{self.number}")

    def search(self) -> object:
        """The cases of a pupil, by name, within one's own school."""
        ctx = replace(self.ctx, realm=self.ctx.realm.seen_by(self.token))
        found = lists.find_by_pupil(ctx, _somebody_named(self.ctx, COORDINATOR), self.pupil)
        if self.number not in {line.number for line in found}:
            raise RuntimeError("the pupil was not found")
        return found

    @staticmethod
    def _get(client: FlaskClient, path: str) -> object:
        answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
        return answer.data


def sized(ask: Callable[[Sized], object], *, server: bool = False) -> Callable[[Workshop], Outcome]:
    """What a page takes with a million cases beside a thousand, on the same kind of database; what it takes between."""

    def measure(shop: Workshop) -> Outcome:
        few, some, many = countries(shop, server=server)
        times = 40 if server else 10  # the server's clock ticks a hundred times a second
        works = [Work(partial(ask, one), times) for one in (few, some, many)]
        between = shop.pairs(works[1], works[0], many.clock)
        found = shop.pairs(works[2], works[0], many.clock)
        notes = f"{between.figure * 1e3:.1f} ms ({between.ratio:.2f} ×) with {SIZES[1]:,} cases"
        notes += ", behind the wall" if server else ""
        return Outcome(found.figure * 1e3, found.baseline * 1e3, found.ratio, found.ratios, notes)

    return measure


def countries(shop: Workshop, *, server: bool) -> tuple[Sized, ...]:
    """The three, made when the first row asks for them; small ones where a bench is only tried out."""
    made: dict[bool, tuple[Sized, ...]] = shop.countries
    if server not in made:
        made[server] = shop.stack.enter_context(_filled(100 if shop.hurry else 1, server=server))
    return made[server]


@contextmanager
def _filled(share: int, *, server: bool) -> Iterator[tuple[Sized, ...]]:
    with (
        tempfile.TemporaryDirectory(prefix="school-protocol-bench-") as name,
        served() if server else _by_itself() as db,
    ):
        url, clock = db
        first = Settings(data=Path(name) / "first", database=_database(url, "first") if url else "")
        _genuine(first, SIZES[0] // min(share, 10))
        with ExitStack() as open_contexts:
            entered: list[Sized] = []
            opened: tuple[str, str] | None = None
            for size in SIZES:
                own = Path(name) / f"of-{size}"
                shutil.copytree(first.data, own)
                settings = replace(first, data=own, database=_database(url, f"of_{size}", "first") if url else "")
                grown = _grown(settings, size // share)
                opened = opened or _somebody(grown)
                region = _region(grown)
                grown.close()
                ctx = open_context(_behind_the_wall(settings), SystemClock())
                open_contexts.callback(ctx.close)
                entered.append(_entered(ctx, clock, region, *opened))
            yield tuple(entered)


@contextmanager
def _by_itself() -> Iterator[tuple[str, Clock]]:
    yield "", own_cpu


def _database(url: str, name: str, template: str = "") -> str:
    """The address of a new database, a copy of another one where that is named."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else "")))
    engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)


def _behind_the_wall(settings: Settings) -> Settings:
    """The same installation as who serves pages opens it; as it is, where it lies in SQLite."""
    if not settings.database:
        return settings
    owner = create_engine(settings.database, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        there = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
        for role in {SITE, WORKER} - there:
            connection.execute(text(f"CREATE ROLE {role} LOGIN"))
    owner.dispose()
    as_site = replace(settings, database=make_url(settings.database).set(username=SITE).render_as_string(False))
    prepare(as_site, settings.database, [WORKER], make_queue=worker.prepare_queue)
    site = create_engine(as_site.store_url("realm"))
    with site.connect() as connection:
        if not postgresql.is_before(connection):
            raise RuntimeError("no wall stands before the site")
    site.dispose()
    return as_site


def _genuine(settings: Settings, cases: int) -> None:
    """The places and people of a whole country; cases of all by lot, and of one school some that are under way."""
    if settings.database:
        postgresql.prepare(settings.database, "", (), WIRING.tables, make_queue=lambda: worker.prepare_queue(settings))
    demo.prepare(settings, reset=False, password=PASSWORD, say=silent, told=False)
    with closing(open_context(settings, SystemClock())) as ctx:
        whole = sample_cases.SCHOOLS if cases == SIZES[0] else 24
        sample(ctx, cases - OWN, seed=1, password=PASSWORD, progress=silent, places=whole)
        sample(ctx, OWN, seed=2, password=PASSWORD, progress=silent, places=1, under_way=1.0)


def silent(*_said: object) -> None:
    pass


# ---- grown -----------------------------------------------------------------------------------------------------------


def _grown(settings: Settings, cases: int) -> AppContext:
    """The installation opened, its cases copied until there are so many."""
    ctx = open_context(settings, SystemClock())
    with ctx.realm.writing() as session:
        there = session.scalar(text("SELECT count(*) FROM case_record")) or 0
        _lay_out(ctx, session)
        for table in _tables():
            session.execute(
                text(f"CREATE TABLE {_first(table)} AS SELECT * FROM {table.name} t WHERE {_is_real(table)}")
            )
    with _without_guards(ctx.realm):
        for copy in range(1, cases // there):
            with ctx.realm.writing() as session:
                if settings.database:
                    session.execute(text("SET LOCAL session_replication_role = replica"))
                for table in _tables():
                    session.execute(text(_once_more(table, copy, ctx.realm)))
    with ctx.realm.writing() as session:
        for table in _tables():
            session.execute(text(f"DROP TABLE {_first(table)}"))
    if ctx.realm.engine.dialect.name == "postgresql":  # an SQLite file keeps no statistics where it is used
        with ctx.realm.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return ctx


@contextmanager
def _without_guards(store: Store) -> Iterator[None]:
    """SQLite's triggers look at each row; what is copied was let through by them once. PostgreSQL has a word for it."""
    if store.engine.dialect.name != "sqlite":
        yield
        return
    with store.writing() as session:
        made = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _sql in made:
            session.execute(text(f'DROP TRIGGER "{name}"'))
    yield
    with store.writing() as session:
        for _name, sql in made:
            session.execute(text(sql))


def _tables() -> list[Table]:
    tables = RealmBase.metadata.tables
    hanging = [table.name for table in index_check_repository.tables()]
    return [tables[name] for name in dict.fromkeys((*_COPIED, *hanging))]


def _lay_out(ctx: AppContext, session: Any) -> None:
    """Schools in a row, and who plays which part in each: what a copy is moved along."""
    with ctx.directory.reading() as kept:
        schools = kept.execute(
            text(
                "SELECT school.id, province.id, region.id FROM unit school "
                "JOIN unit province ON province.id = school.parent JOIN unit region ON region.id = province.parent "
                "WHERE school.code LIKE '5____S' ORDER BY school.code"
            )
        ).all()
        people = kept.execute(
            text(
                "SELECT id, substr(username, 8), lower(substr(username, 1, 6)) FROM account "
                "WHERE username LIKE '5____s-%'"
            )
        ).all()
        codes = kept.execute(text("SELECT lower(code), id FROM unit WHERE code LIKE '5____S'")).all()
    row = {unit: place for place, (unit, _province, _region) in enumerate(schools)}
    where = {code: row[unit] for code, unit in codes}
    session.execute(
        text("CREATE TABLE bench_place (unit TEXT PRIMARY KEY, province TEXT, region TEXT, place INT UNIQUE)")
    )
    session.execute(
        text("CREATE TABLE bench_person (account TEXT PRIMARY KEY, part TEXT, place INT, UNIQUE (part, place))")
    )
    session.execute(
        text("INSERT INTO bench_place VALUES (:unit, :province, :region, :place)"),
        [{"unit": one[0], "province": one[1], "region": one[2], "place": row[one[0]]} for one in schools],
    )
    session.execute(
        text("INSERT INTO bench_person VALUES (:account, :part, :place)"),
        [{"account": account, "part": part, "place": where[code]} for account, part, code in people],
    )


def _first(table: Table) -> str:
    """Where the first rows of a table lie meanwhile: nobody looks for them among the copies."""
    return f"bench_{table.name}"


def _key(table: Table) -> str:
    return "id" if table.name == "case_record" else "case_id"


def _is_real(table: Table) -> str:
    """Whether a row is of a case whose id a copy's can't be."""
    key = _key(table)
    return f"length(t.{key}) = 26 AND t.{key} NOT LIKE '0%' AND t.{key} NOT LIKE '1%'"


def _once_more(table: Table, copy: int, store: Store) -> str:
    """The statement that copies the first rows of a table, seven schools further along each time."""
    columns = [column.name for column in table.columns]
    moved = "(SELECT count(*) FROM bench_place)"
    fields, joins = dict.fromkeys(columns, ""), ""
    fields |= {name: f"t.{name}" for name in columns}
    key = _key(table)
    fields[key] = f"'{copy:04}' || substr(t.{key}, 5)"
    if "number" in columns and table.name in ("case_record", "case_index"):
        fields["number"] = f"'x{copy:03}' || substr(t.number, 5)"
    if "unit" in columns:
        joins += (
            f" JOIN bench_place p ON p.unit = t.unit JOIN bench_place q ON q.place = (p.place + {copy * 7}) % {moved}"
        )
        fields |= {name: f"q.{name}" for name in ("unit", "province", "region") if name in columns}
    if table.name == "case_seat":
        joins += (
            " LEFT JOIN bench_person p ON p.account = t.account"
            f" LEFT JOIN bench_person q ON q.part = p.part AND q.place = (p.place + {copy * 7}) % {moved}"
        )
        fields["account"] = "coalesce(q.account, t.account)"
    if table.name == "identity_mark":
        drawn = f"sha256(t.mark || '{copy}'::bytea)"
        fields["mark"] = drawn if store.engine.dialect.name == "postgresql" else "randomblob(32)"
    if table.name == "report":
        fields["id"] = f"'{copy:04}' || substr(t.id, 5)"
    given = ", ".join(fields.values())
    return f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {given} FROM {_first(table)} t{joins}"


# ---- entered ---------------------------------------------------------------------------------------------------------


def _region(ctx: AppContext) -> str:
    """The code of the academy above the school that is measured."""
    with ctx.realm.reading() as session:
        region = session.scalar(text("SELECT region FROM bench_place WHERE place = 0"))
    with ctx.directory.reading() as session:
        return str(session.scalar(text("SELECT lower(code) FROM unit WHERE id = :id"), {"id": region}))


def _entered(ctx: AppContext, clock: Clock, region: str, number: str, pupil: str) -> Sized:
    app = create_app(ctx)
    clients, tokens = [], []
    for username in (COORDINATOR, f"{region}-academy"):
        account = _somebody_named(ctx, username).id
        with ctx.directory.writing() as session:
            tokens.append(begin_session(session, ctx, account, factor_proven=True))
        client = app.test_client()
        client.set_cookie("session", tokens[-1])
        clients.append(client)
    return Sized(ctx, clients[0], clients[1], tokens[0], number, pupil, clock)


def _somebody_named(ctx: AppContext, username: str) -> Actor:
    actor = actor_named(ctx, username)
    assert actor is not None
    return actor


def _somebody(ctx: AppContext) -> tuple[str, str]:
    """A case under way that the coordinator sees and that opens, and the name of somebody in it."""
    for line in lists.see_desk(ctx, _somebody_named(ctx, COORDINATOR), filter="open").lines:
        number = case_numbers.check_number(line.number)  # a copy's is none
        with ctx.realm.reading() as session:
            case_id = cases_repository.find_by_number(session, number) if number else None
            people = cases_repository.load_identities(session, ctx.vault, case_id) if case_id else ()
        named = [one.values["name"] for one in people if one.values and "name" in one.values]
        if number and named:
            return number, str(named[0])
    raise RuntimeError("the coordinator sees no case with somebody in it")
