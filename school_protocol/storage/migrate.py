"""Migrations, run by the program itself, all or nothing; triggers that let nobody rewrite what was appended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from pathlib import Path
from sqlite3 import complete_statement
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Engine, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

from school_protocol.config import version
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage.engines import Store
from school_protocol.storage.sql import change_or_give_way, shortly

if TYPE_CHECKING:
    from alembic.config import Config

# What a database refuses by itself: rows that are only added to are never changed, deleted or
# replaced; and what else of a store its models don't say (`migrations/*/guards.*.sql`).

APPEND_ONLY = {
    "directory": (
        "administration", "administration_link", "api_read", "attestation_copy", "certificate", "figure_paper",
        "figure_public", "figure_release", "figure_told", "visit_entry", "yearly_report",
    ),
    "realm": ("access", "access_batch", "anchor_taken", "case_record", "event", "tombstone"),
    "room": (),
}  # fmt: skip
CACHED = (
    "account", "administration", "appointment", "calendar", "contact", "definition", "digest_choice", "openid",
    "public_door", "unit",
)  # fmt: skip
"""Tables of the directory that readers keep in memory (`engines.cached`): any change there is another version of it."""
_FOLDER = Path(__file__).parent / "migrations"
_REFUSE = """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_TABLE_NAME || ' is append-only';
END
$body$"""

DIRECTORY_VERSION_TABLE = "directory_version"
_NEW_VERSION = """CREATE FUNCTION new_directory_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$ BEGIN
    UPDATE directory_version SET version = gen_random_uuid();
    RETURN NULL;
END
$$"""


def statements(dialect: str, part: str, metadata: MetaData, *, purged: bool = False) -> Iterator[str]:
    """In the order in which they are said to a new store; `purged`: without those that keep a row for ever."""
    growing = () if purged else APPEND_ONLY[part]
    if dialect == "postgresql" and growing:
        yield _REFUSE
    for name in growing:
        yield from _of_server(name) if dialect == "postgresql" else _of_file(metadata, name)
    if part == "directory":
        yield from versioning(dialect)
    file = _FOLDER / part / f"guards.{dialect}.sql"
    if file.exists():
        script = file.read_text("utf-8")
        yield from [script] if dialect == "postgresql" else _one_by_one(script)


def _of_server(name: str) -> Iterator[str]:
    for what, when, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        of_each = f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
        yield f"CREATE TRIGGER {name}_no_{what} BEFORE {when} ON {name} {of_each}"


def _of_file(metadata: MetaData, name: str) -> Iterator[str]:
    """SQLite has no TRUNCATE, and an INSERT that replaces the row with its key."""
    same = " AND ".join(f"{one.name} = NEW.{one.name}" for one in metadata.tables[name].primary_key)
    there = f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {same}) "  # noqa: S608 (names of our own tables)
    for what, when, only in (("no_update", "UPDATE", ""), ("no_delete", "DELETE", ""), ("again", "INSERT", there)):
        yield (
            f"CREATE TRIGGER {name}_{what} BEFORE {when} ON {name} {only}"
            f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
        )


def versioning(dialect: str) -> Iterator[str]:
    """A version that no other state of the directory ever has: not after a restore, nor after what came to nothing."""
    if dialect == "postgresql":
        yield "CREATE TABLE directory_version (version uuid NOT NULL)"
        yield "INSERT INTO directory_version VALUES (gen_random_uuid())"
        yield _NEW_VERSION
        for name in CACHED:
            yield (
                f"CREATE TRIGGER {name}_new_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {name} "
                "FOR EACH STATEMENT EXECUTE FUNCTION new_directory_version()"
            )
        return
    yield "CREATE TABLE directory_version (version BLOB NOT NULL)"
    yield "INSERT INTO directory_version VALUES (randomblob(16))"
    for name, verb in product(CACHED, ("INSERT", "UPDATE", "DELETE")):
        anew = "BEGIN UPDATE directory_version SET version = randomblob(16); END"
        yield f"CREATE TRIGGER {name}_new_version_{verb.lower()} AFTER {verb} ON {name} {anew}"


def _one_by_one(script: str) -> Iterator[str]:
    """All of a script at once would end SQLite's transaction."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if complete_statement(held):
            yield held
            held = ""


Part = Literal["directory", "realm", "room"]
ROOM_PARTS: tuple[Part, ...] = ("directory", "realm", "room")
"""Those of the store of workshops."""
Tables = Mapping[Part, MetaData]
"""Those of all packages, by the part of an installation in which they lie."""

VERSION_TABLE = "schema_revision"
_LOCK = 7_241_002_026
"""PostgreSQL's advisory lock for one migration at a time."""
_NOT_ALLOWED = ("42501", "3F000")
"""Its words for: you may not; there is no such schema."""


class NotPrepared(SchoolProtocolError):
    """Tables are missing or of another version, and this role of the database may not make them."""


class UnknownTables(SchoolProtocolError):
    """Tables that another version of the program made: this one doesn't know what they hold."""


def upgrade(engine: Engine, part: Part, tables: Tables, *, purged: bool = False) -> None:
    """Make a store's tables with what guards them, or bring them up to date; does nothing where they are.

    `purged`: rows go with the workshop that they are of, so that none is guarded as only added to. On PostgreSQL the
    first schema of the search path is made where it is missing. Raises NotPrepared, UnknownTables, TablesInUse.
    """
    found = _refuse_unknown(engine, part)
    if found == revisions(part)[-1]:
        return
    if engine.dialect.name != "postgresql":
        _bring(engine, part, tables[part], purged)
        return
    try:
        _bring(engine, part, tables[part], purged)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") not in _NOT_ALLOWED:
            raise
        raise NotPrepared(
            f"the tables of the {part} are missing or of another version, and the role that serves the site may not "
            "make them: run `school-protocol database prepare` with the address of the role that owns them"
        ) from error


def _refuse_unknown(engine: Engine, part: Part) -> str | None:
    found, known = revision_of(engine), revisions(part)
    if found is not None and found not in known:
        told = (
            f"the tables of the {part} are of revision {found}, which version {version()} of the program doesn't know: "
        )
        if found > known[-1]:
            raise UnknownTables(
                f"{told}a later version wrote here. Install that one again, or restore a backup from before it"
            )
        raise UnknownTables(f"{told}an earlier one wrote here. Go on with that one, or begin in a new folder")
    return found


def _bring(engine: Engine, part: Part, metadata: MetaData, purged: bool) -> None:
    from alembic import command  # loaded where there is something to bring along

    def do(connection: Connection) -> None:
        _alone(connection)
        if connection.dialect.name == "postgresql":
            make_schema(connection)
        if revision_on(connection) is not None:
            command.upgrade(_config(part, connection), "head")
            return
        metadata.create_all(connection, checkfirst=False)
        for statement in statements(connection.dialect.name, part, metadata, purged=purged):
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        command.stamp(_config(part, connection), "head")

    change_or_give_way(engine, do)


def _alone(connection: Connection) -> None:
    """To the end of the transaction nobody else migrates; for that it waits as long as it takes, for tables shortly."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    shortly(connection)


def make_schema(connection: Connection) -> None:
    """The schema of the address, where it names one that is not there."""
    wanted = str(connection.scalar(text("SELECT split_part(current_setting('search_path'), ',', 1)"))).strip(' "')
    if wanted not in ("$user", ""):
        there = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
        if connection.scalar(there, {"name": wanted}) is None:
            quoted = connection.dialect.identifier_preparer.quote(wanted)
            connection.execute(text(f"CREATE SCHEMA {quoted}"))


def revision_of(engine: Engine) -> str | None:
    """The revision that a store is at; None for one without tables."""
    with engine.connect() as connection:
        return revision_on(connection)


def revision_on(connection: Connection) -> str | None:
    """The same, asked on a connection that is open already."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 (a table of our own)
    return found.scalar_one_or_none()


@lru_cache
def revisions(part: Part) -> tuple[str, ...]:
    """Every revision, the first one first: the numbers that the names of their files begin with."""
    return tuple(sorted(file.name.partition("_")[0] for file in (_FOLDER / part / "versions").glob("[0-9]*.py")))


def standing_of(store: Store, part: Part) -> str:
    """`current`, `older`, `newer` (of a program that isn't this one) or `none`; brings nothing along."""
    with store.reading() as session:
        found = revision_on(session.connection())
    known = revisions(part)
    if found is None:
        return "none"
    return "current" if found == known[-1] else "newer" if found > known[-1] else "older"


def run_on_given_connection(context: Any) -> None:
    """What both `env.py` do."""
    context.configure(
        connection=context.config.attributes["connection"],
        version_table=VERSION_TABLE,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def _config(part: Part, connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER / part).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
