"""Tampering on PostgreSQL: by the role that serves the site, and by the owner with the guards taken away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.journaling import Kept, entry, told
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError
from storage.server import served

from school_protocol.context import open_context
from school_protocol.ops.journal_checks import verify
from school_protocol.storage.engines import open_engine
from school_protocol.storage.journal import Chain, Flaw
from school_protocol.storage.migrate import Part
from school_protocol.storage.postgresql import grants
from school_protocol.wiring import WIRING
from trials.frame import Outcome

PARTS: tuple[Part, ...] = ("realm", "directory")
GROWING = {
    "realm": ("event", "case_record", "tombstone", "access", "access_batch", "anchor_taken"),
    "directory": ("administration", "administration_link"),
}


@dataclass
class Server:
    """One schema a part, owned by somebody else than `role`, which serves the site."""

    address: str
    name: str

    @property
    def role(self) -> str:
        return f"serves_{self.name}"

    def schema(self, part: Part) -> str:
        return f"{part}_{self.name}"

    def engine(self, part: Part, *, as_role: bool = False) -> Engine:
        address = make_url(self.address)
        return open_engine(address.set(username=self.role) if as_role else address, schema=self.schema(part))

    def engines(self, *, as_role: bool = False) -> dict[str, Engine]:
        return {part: self.engine(part, as_role=as_role) for part in PARTS}


@contextmanager
def prepared() -> Iterator[Server]:
    with served() as address:
        server = Server(address, uuid.uuid4().hex[:10])
        owner = open_engine(address)
        with owner.begin() as connection:
            connection.execute(text(f"CREATE ROLE {server.role} LOGIN"))
            for part in PARTS:
                connection.execute(text(f"CREATE SCHEMA {server.schema(part)}"))
        try:
            yield server
        finally:
            with owner.begin() as connection:
                for part in PARTS:
                    connection.execute(text(f"DROP SCHEMA {server.schema(part)} CASCADE"))
                connection.execute(text(f"DROP OWNED BY {server.role}"))
                connection.execute(text(f"DROP ROLE {server.role}"))
            owner.dispose()


def grant(server: Server) -> None:
    """As the command says it."""
    for part in PARTS:
        engine = server.engine(part)
        with engine.begin() as connection:
            for statement in grants(part, WIRING.tables, server.role, server.schema(part)).splitlines():
                connection.execute(text(statement))
        engine.dispose()


def refused(server: Server) -> Iterator[tuple[Part, str]]:
    """What the role that serves the site must not be able to do."""
    for part in PARTS:
        for table in GROWING[part]:
            column = {"administration": "reason", "case_record": "unit"}.get(table)
            column = column or {"event": "actor", "access": "account", "tombstone": "actor"}.get(table, "seq")
            yield part, f"UPDATE {table} SET {column} = {column}"
            yield part, f"DELETE FROM {table}"
            yield part, f"TRUNCATE {table} CASCADE"
            yield part, f"ALTER TABLE {table} DISABLE TRIGGER USER"
            yield part, f"ALTER TABLE {table} OWNER TO {server.role}"
            yield part, f"DROP TABLE {table} CASCADE"
        yield part, "SET session_replication_role = replica"
        yield part, f"SET ROLE {_owner(server)}"
        yield part, f"SET SESSION AUTHORIZATION {_owner(server)}"
        yield part, f"ALTER ROLE {server.role} SUPERUSER"
        yield part, "CREATE TABLE aside (n int)"
        yield part, "CREATE TEMP TABLE aside (n int)"
    yield "realm", "UPDATE case_record SET version = 2"
    yield "realm", "DROP TRIGGER event_no_change ON event"
    yield "realm", "DROP TRIGGER access_follows ON access"
    yield (
        "realm",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    )
    yield "realm", "DROP FUNCTION refuse_change() CASCADE"
    yield "realm", "SELECT setval('access_place', 1)"
    yield "realm", "INSERT INTO event SELECT * FROM event ON CONFLICT (case_id, seq) DO UPDATE SET actor = 'x'"
    yield (
        "realm",
        (
            "INSERT INTO access (id, case_id, account, at, what, reason, place) "
            "SELECT 'x', case_id, account, at, what, reason, 0 FROM access LIMIT 1"
        ),
    )
    yield (
        "realm",
        (
            "INSERT INTO event SELECT case_id, seq + 2, kind, actor, role, at, occurred_at, sealed, body_commitment, "
            "NULL, hash, hash FROM event ORDER BY seq DESC LIMIT 1"
        ),
    )
    yield (
        "directory",
        "INSERT INTO administration_link SELECT seq + 5, NULL, hash, hash FROM administration_link LIMIT 1",
    )
    yield "directory", "UPDATE schema_revision SET version_num = '0001'"


def _owner(server: Server) -> str:
    return make_url(server.address).username or "postgres"


A = "(SELECT case_id FROM case_key ORDER BY case_id LIMIT 1)"
FOUND: tuple[tuple[Part, str, Chain, Flaw], ...] = (
    ("realm", f"UPDATE event SET actor = 'other' WHERE seq = 2 AND case_id = {A}", Chain.case, Flaw.altered),
    ("realm", f"UPDATE event SET sealed = '\\x01' WHERE seq = 2 AND case_id = {A}", Chain.case, Flaw.body),
    ("realm", f"DELETE FROM event WHERE seq = 2 AND case_id = {A}", Chain.case, Flaw.missing),
    ("realm", "DELETE FROM event WHERE seq >= 3", Chain.case, Flaw.cut_off),
    ("realm", "TRUNCATE event CASCADE", Chain.case, Flaw.no_events),
    ("realm", "TRUNCATE case_record CASCADE", Chain.case, Flaw.case_removed),
    ("realm", "UPDATE access SET account = 'other' WHERE place = 3", Chain.access, Flaw.altered),
    ("realm", "DELETE FROM access WHERE place = 3", Chain.access, Flaw.missing),
    (
        "realm",
        "DELETE FROM access_batch WHERE seq = (SELECT max(seq) FROM access_batch)",
        Chain.access_batch,
        Flaw.cut_off,
    ),
    ("realm", "TRUNCATE anchor_taken, access_batch", Chain.access_batch, Flaw.cut_off),
    (
        "directory",
        "UPDATE administration SET reason = 'other' WHERE reason = 'third'",
        Chain.administration,
        Flaw.altered,
    ),
    ("directory", "DELETE FROM administration_link WHERE seq = 2", Chain.administration, Flaw.missing),
    ("directory", "TRUNCATE administration_link", Chain.administration, Flaw.cut_off),
)
"""What the owner can do, and what of it must be named."""


def on_postgresql(folder: Path) -> Outcome:
    """Refusals to the role, what it must still be able to do, and what is found of the owner's own tampering."""
    faults: list[str] = []
    tried = 0
    with prepared() as server:
        owners = server.engines()
        kept = told(folder / "data", owners)
        grant(server)
        for part, statement in refused(server):
            tried += 1
            if not _is_refused(server, part, statement):
                faults.append(f"{server.role} may: {statement}")
        faults += _hindered(kept, server)
        for part, statement, chain, flaw in FOUND:
            tried += 1
            with _tampered(owners[part], f"aside_{server.name}", statement):
                named = {(one.chain, one.flaw) for one in verify(kept.ctx).breaks}
            if (chain, flaw) not in named:
                faults.append(f"{statement}: named {sorted(f'{c.value} {f.value}' for c, f in named)}")
        for engine in owners.values():
            engine.dispose()
    return Outcome(tried, "ways", tuple(faults), 0, 0)


def _is_refused(server: Server, part: Part, statement: str) -> bool:
    engine = server.engine(part, as_role=True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
            connection.rollback()
    except DBAPIError:
        return True
    finally:
        engine.dispose()
    return False


def _hindered(kept: Kept, server: Server) -> Iterator[str]:
    """The role does the day's work: it opens the stores, writes, reads, administers, takes an anchor, verifies."""
    engines = server.engines(as_role=True)
    owners = kept.ctx
    kept.ctx = open_context(owners.settings, kept.clock, engines)
    try:
        kept.append("a", entry())
        kept.read("a", "b")
        kept.administer("sixth")
        kept.anchor()
        if not (verdict := verify(kept.ctx)).holds:
            yield f"what {server.role} wrote does not hold: {verdict.breaks}"
    except DBAPIError as error:
        yield f"{server.role} can't do its work: {error.orig}"
    finally:
        kept.ctx = owners
        for engine in engines.values():
            engine.dispose()


@contextmanager
def _tampered(engine: Engine, aside: str, statement: str) -> Iterator[None]:
    """Done by the owner with the guards away; undone afterwards by a copy of every row."""
    schema_tables = text("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
    with engine.begin() as connection:
        tables = list(connection.scalars(schema_tables))
        connection.exec_driver_sql(f"CREATE SCHEMA {aside}")
        for table in tables:
            connection.exec_driver_sql(f'CREATE TABLE {aside}."{table}" AS SELECT * FROM "{table}"')
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(statement)
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for table in tables:
                connection.exec_driver_sql(f'DELETE FROM "{table}"')
                connection.exec_driver_sql(f'INSERT INTO "{table}" SELECT * FROM {aside}."{table}"')
            connection.exec_driver_sql(f"DROP SCHEMA {aside} CASCADE")
