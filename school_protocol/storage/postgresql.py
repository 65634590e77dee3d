"""A PostgreSQL database made ready by its owner: schemas, tables, what each role may do there; row-level security."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial

from sqlalchemy import Connection, Engine, text

from school_protocol.config import QUEUE, in_schema, role_of, training_schema
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage import case_keys
from school_protocol.storage.engines import WHOSE, Store, open_engine
from school_protocol.storage.migrate import (
    APPEND_ONLY,
    DIRECTORY_VERSION_TABLE,
    ROOM_PARTS,
    VERSION_TABLE,
    Part,
    Tables,
    make_schema,
    upgrade,
)
from school_protocol.storage.sql import change_or_give_way, shortly

# PostgreSQL rights and row-level security: a role that serves the site and owns nothing, rows only
# for their readers.
# Such a role can't alter a chain, nor take a guard away.

_LOCKED = {"case_record": "version"}
"""Rows that are locked as somebody writes to a case: PostgreSQL asks for the right to change a column. The guard on the
table refuses any change all the same."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class NotAName(SchoolProtocolError):
    """What was said is no plain name of a role or schema."""


def grants(part: Part, tables: Tables, role: str, schema: str = "public", *, purged: bool = False) -> str:
    """The statements, for psql, that give `role` what the program needs of the tables of `part` in `schema`.

    `purged`: of the store of workshops, where every row may go.
    """
    check_names(role, schema)
    return "\n".join(_lines(part, sorted(tables[part].tables), role, schema, purged)) + "\n"


def queue_grants(role: str, schema: str) -> str:
    """The same of the schema in which the worker's queue lies: rows alone."""
    check_names(role, schema)
    return (
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;\n"
        f"GRANT USAGE ON SCHEMA {schema} TO {role};\n"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};\n"
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};\n"
    )


def check_names(*names: str) -> None:
    """Raises NotAName where one is anything else than a plain name."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise NotAName(f"{name!r}: small letters, figures and underscores, at most 63")


def _lines(part: Part, tables: Sequence[str], role: str, schema: str, purged: bool) -> list[str]:
    return [
        f"-- Run as the owner of the tables, after `migrate`; {role} must own nothing and be a member of no owner.",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role};",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role};",
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;",
        f"REVOKE CREATE ON SCHEMA {schema} FROM {role};",
        "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;",
        f"GRANT USAGE ON SCHEMA {schema} TO {role};",
        *_rows(part, tables, role, schema, purged),
    ]


def _rows(part: Part, tables: Sequence[str], role: str, schema: str, purged: bool) -> list[str]:
    lines = [f"GRANT SELECT ON {schema}.{VERSION_TABLE} TO {role};"]
    for table in tables:
        rights = "SELECT, INSERT" if table in APPEND_ONLY[part] and not purged else "SELECT, INSERT, UPDATE, DELETE"
        lines.append(f"GRANT {rights} ON {schema}.{table} TO {role};")
        if table in _LOCKED:
            lines.append(f"GRANT UPDATE ({_LOCKED[table]}) ON {schema}.{table} TO {role};")
    if part == "directory":
        lines.append(f"GRANT SELECT, UPDATE ON {schema}.{DIRECTORY_VERSION_TABLE} TO {role};")
    if part == "room":
        lines.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};")
    if part == "realm":
        lines.append(f"GRANT USAGE ON SEQUENCE {schema}.access_place TO {role};")
        # Rows of public reports that were written anew leave none behind (PostgreSQL 17 and later know this right).
        swept = ", ".join(f"{schema}.{table}" for table in tables if table.startswith("public_"))
        lines.append(
            "DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN "
            f"EXECUTE 'GRANT MAINTAIN ON {swept} TO {role}'; END IF; END $$;"
        )
    return lines


# ---- row-level security: rows of a case are there only for whoever's session the database finds --------------------
# Each transaction of a page says with which token it goes on; the database lets through the cases of that account's
# units, of those below, and those given by name. It is wider than what `engine.visibility` allows. The product's own
# roles (messages, time limits, commands) see all.

OF_CASE = (
    "event", "event_words", "case_key", "object_key", "identity", "identity_mark", "kept_file", "kept_blob", "access",
)  # fmt: skip
"""Tables with a `case_id`: all that is sealed of a case, who read it; also what is no case yet, and nobody's."""

OF_INDEX = (
    "access_export", "bulk_case", "case_due", "case_exclusion", "case_figure", "case_known", "case_look", "case_reader",
    "case_referral", "case_request", "case_retention", "case_review", "case_seat", "case_waiting", "document_copy",
    "door_review", "file_alarm", "handed_paper", "notice", "paper_look", "prepared_paper", "review_state",
)  # fmt: skip
"""Tables with a `case_id`, of cases that have an index row: where each stands, who is in it, papers made of it."""

WALLED = ("case_index", *OF_CASE, *OF_INDEX, "report")
"""Tables of the realm that stand behind it. Reports are those of one's units, and one's own."""

_COUNTS = "counts that name no case"
_OWN_WORK = "the product's own work: when it was done, where things lie"
_STRANGERS = (
    "strangers tell a school something, without a session, and put those of two days in another order as they do"
)
OPEN = {
    "access_batch": "hashes of the journal",
    "anchor_taken": "hashes of the journal",
    "anchored_head": "hashes of the journal",
    "asked_paper": "which kind of paper somebody asks for; no case",
    "bulk": "that copies were asked for; its cases stand behind the wall",
    "case_record": "a number, a place and a protocol: a number is drawn once in the country",
    "draft": "sealed; a form that was shown to somebody else than who sends it is kept for whom it was shown to",
    "erasure_bar": "until when an erased case's number is kept from coming back",
    "figure_counter": _COUNTS,
    "figure_frozen": _COUNTS,
    "figure_share": "sealed counts of an erased case, which nobody's unit finds any more",
    "file_sweep": _OWN_WORK,
    "files_at": _OWN_WORK,
    "journal_check": _OWN_WORK,
    "outbox": "ids alone, for the worker",
    "outgoing_letter": "a number follows all before it, whoever sees their cases; each case stands behind the wall",
    "public_message": _STRANGERS,
    "public_notice": _STRANGERS,
    "public_report": _STRANGERS,
    "report_tally": _COUNTS,
    "public_trace": _STRANGERS,
    "public_twin": _STRANGERS,
    "retention_day": _OWN_WORK,
    "retention_share": _COUNTS,
    "review_choice": "how somebody set their queue",
    "tombstone": "hashes of the journal",
    "used_token": "that a form was sent, and where it led, in ids",
}
"""Tables of the realm that don't, each with why."""

_OF_PAGES, _WORKED = ("seen", "changed", "destroyed", "added"), "worked"
"""What whoever serves pages may do with rows of each, and whoever works."""


def build(engine: Engine, site: str, workers: Sequence[str], *, realm: str, directory: str) -> None:
    """Put the wall up before the role `site`, as the owner of the tables; put up anew where it stands.

    Table after table, each in a transaction of its own: none is held while another one is waited for. Raises
    TablesInUse.
    """
    for step in steps(site, workers, realm=realm, directory=directory):
        change_or_give_way(engine, partial(_take, step))


def steps(site: str, workers: Sequence[str], *, realm: str, directory: str) -> list[list[str]]:
    """The statements that put it up: what is looked up, then of each table."""
    check_names(site, *workers, realm, directory)
    return [_functions(site, realm, directory), *(_before(table, site, workers, realm) for table in WALLED)]


def _take(statements: Sequence[str], connection: Connection) -> None:
    shortly(connection)
    for statement in statements:
        connection.exec_driver_sql(statement)


def is_before(connection: Connection) -> bool:
    """Whether whoever is connected sees what its token allows, and nothing without one."""
    if connection.dialect.name != "postgresql":
        return False
    found = connection.scalar(
        text(
            "SELECT row_security_active(event.oid) AND has_function_privilege(looks.oid, 'EXECUTE') "
            "FROM pg_class AS event JOIN pg_proc AS looks ON looks.pronamespace = event.relnamespace "
            "WHERE event.relname = 'event' AND looks.proname = 'wall_units' "
            "AND event.relnamespace = to_regnamespace(current_schema())"
        )
    )
    return bool(found)


def gaps(connection: Connection) -> tuple[str, ...] | None:
    """Tables before which it does not stand whole; None where none was ever put up."""
    if connection.dialect.name != "postgresql":
        return None
    asked = text(
        "SELECT relname, relrowsecurity, array(SELECT polname::text FROM pg_policy WHERE polrelid = pg_class.oid) "
        "FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()) AND relname = ANY(:walled)"
    )
    found = {
        name: (is_on, {*named} - {_WORKED}) for name, is_on, named in connection.execute(asked, {"walled": [*WALLED]})
    }
    if not any(named for _is_on, named in found.values()):
        return None
    return tuple(table for table in WALLED if found.get(table) != (True, {*_OF_PAGES}))


def _before(table: str, site: str, workers: Sequence[str], realm: str) -> list[str]:
    name, every = f"{realm}.{table}", ", ".join((site, *workers))
    through = _through(table).format(realm=realm, table=table)
    worked = f"CREATE POLICY {_WORKED} ON {name} FOR ALL TO {', '.join(workers)} USING (true) WITH CHECK (true)"
    return [
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        _NONE_LEFT.format(name=name),
        f"CREATE POLICY seen ON {name} FOR SELECT TO {site} USING ({through})",
        f"CREATE POLICY changed ON {name} FOR UPDATE TO {site} USING ({through}) WITH CHECK (true)",
        f"CREATE POLICY destroyed ON {name} FOR DELETE TO {site} USING ({through})",
        f"CREATE POLICY added ON {name} FOR INSERT TO {every} WITH CHECK (true)",
        *([worked] if workers else []),
    ]


_NONE_LEFT = """
DO $$ DECLARE one name; BEGIN
    FOR one IN SELECT polname FROM pg_policy WHERE polrelid = '{name}'::regclass LOOP
        EXECUTE 'DROP POLICY ' || quote_ident(one) || ' ON {name}';
    END LOOP;
END $$
"""
"""Policies that somebody else added go too: each lets more through."""


def _through(table: str) -> str:
    """Which rows of that table whoever asks finds there."""
    if table == "case_index":
        return _INDEXED
    if table == "report":
        return f"unit = ANY ({_ONCE.format(name='wall_below')}) OR reporter = ANY ({_ACCOUNTS}) OR {_SEEN_CASE}"
    if table == "notice":
        return f"{_SEEN_CASE} OR account = ANY ({_ACCOUNTS})"
    return f"{_SEEN_CASE} OR {{realm}}.wall_unplaced({{table}}.case_id)" if table in OF_CASE else _SEEN_CASE


_ONCE = "(SELECT {{realm}}.{name}())::text[]"
"""What a function finds, asked once a statement and not once a row."""
_UNITS_SEEN, _ACCOUNTS = _ONCE.format(name="wall_units"), _ONCE.format(name="wall_accounts")
_INDEXED = (
    f"unit = ANY ({_UNITS_SEEN}) OR province = ANY ({_UNITS_SEEN}) OR region = ANY ({_UNITS_SEEN}) "
    f"OR {_UNITS_SEEN} @> ARRAY['*'] OR case_id = ANY ({_ONCE.format(name='wall_cases')})"
)
_SEEN_CASE = "EXISTS (SELECT 1 FROM {realm}.case_index WHERE case_index.case_id = {table}.case_id)"
_ACCOUNTS_FOUND = """
    SELECT coalesce(array_agg(account.id), '{{}}') FROM {directory}.account WHERE active AND id IN (
        SELECT account FROM {directory}.web_session
            WHERE token = sha256(convert_to(current_setting('{setting}', true), 'UTF8'))
            AND stage = 'full' AND (expires_at > (SELECT {realm}.wall_moment())) IS NOT FALSE
        UNION ALL SELECT account FROM {directory}.calendar_feed
            WHERE hashed = sha256('calendar\\000'::bytea || convert_to(current_setting('{setting}', true), 'UTF8'))
    )
"""
_POSTS = """
    SELECT coalesce(array_agg(DISTINCT unit), '{{}}') FROM {directory}.appointment
    WHERE account = ANY ((SELECT {realm}.wall_accounts())::text[])
    AND (starts <= (SELECT {realm}.wall_day()) + 1) IS NOT FALSE
    AND (ends IS NULL OR (ends >= (SELECT {realm}.wall_day()) - 1) IS NOT FALSE)
    AND NOT EXISTS (
        SELECT 1 FROM {directory}.administration AS log WHERE log.withdraws AND log.appointment = appointment.id
    )
"""
_UNITS = """
    SELECT coalesce(array_agg(CASE WHEN kind = 'country' THEN '*' ELSE id END), '{{}}') FROM {directory}.unit
    WHERE id = ANY ((SELECT {realm}.wall_posts())::text[]) OR id IN (
        SELECT unit FROM {directory}.api_token
        WHERE ended_at IS NULL AND (ends >= (SELECT {realm}.wall_day()) - 1) IS NOT FALSE
        AND hashed = sha256(decode(substring(current_setting('{setting}', true) FROM '^[0-9a-f]{{64}}$'), 'hex'))
    )
"""
_BELOW = """
    SELECT coalesce(array_agg(school.id), '{{}}') FROM {directory}.unit AS school
    LEFT JOIN {directory}.unit AS above ON above.id = school.parent
    WHERE ARRAY[school.id, school.parent, above.parent]::text[] && (SELECT {realm}.wall_units())::text[]
    OR (SELECT {realm}.wall_units())::text[] @> ARRAY['*']
"""
_CASES = """
    SELECT coalesce(array_agg(DISTINCT case_id), '{{}}') FROM (
        SELECT case_id FROM {realm}.case_seat WHERE account = ANY ((SELECT {realm}.wall_accounts())::text[])
            AND (until IS NULL OR (until >= (SELECT {realm}.wall_day()) - 1) IS NOT FALSE)
        UNION ALL SELECT case_id FROM {realm}.case_reader
            WHERE account = ANY ((SELECT {realm}.wall_accounts())::text[])
            AND (until IS NULL OR (until > (SELECT {realm}.wall_moment())) IS NOT FALSE)
        UNION ALL SELECT case_id FROM {realm}.case_request
            WHERE place = ANY ((SELECT {realm}.wall_accounts())::text[])
        UNION ALL SELECT case_id FROM {realm}.report
            WHERE reporter = ANY ((SELECT {realm}.wall_accounts())::text[]) AND case_id IS NOT NULL
        UNION ALL SELECT case_id FROM {realm}.case_known WHERE place = ANY ((SELECT {realm}.wall_posts())::text[])
    ) AS given
"""
_UNPLACED = "SELECT NOT EXISTS (SELECT 1 FROM {realm}.case_index WHERE case_id = wanted)"
_LOOKED_UP = (
    ("wall_moment()", "timestamptz", "SELECT now()"),
    ("wall_day()", "date", "SELECT ({realm}.wall_moment() AT TIME ZONE 'UTC')::date"),
    ("wall_accounts()", "text[]", _ACCOUNTS_FOUND),
    ("wall_posts()", "text[]", _POSTS),
    ("wall_units()", "text[]", _UNITS),
    ("wall_below()", "text[]", _BELOW),
    ("wall_cases()", "text[]", _CASES),
    ("wall_unplaced(wanted text)", "boolean", _UNPLACED),
)
"""What only the owner may look up. Each has a search path of its own, so that nothing can stand in its way.

Sessions and appointments end by the clock of the database, with a day of grace on either side of a day: midnight is not
the same for all. A database that says no moment ends none.
"""


def _functions(site: str, realm: str, directory: str) -> list[str]:
    places = {"realm": realm, "directory": directory, "setting": WHOSE}
    found = []
    for name, answers, body in _LOOKED_UP:
        found += [
            f"CREATE OR REPLACE FUNCTION {realm}.{name} RETURNS {answers} LANGUAGE sql STABLE SECURITY DEFINER "
            f"SET search_path = pg_catalog, pg_temp AS $body${body.format(**places)}$body$",
            f"REVOKE ALL ON FUNCTION {realm}.{name} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {realm}.{name} TO {site}",
        ]
    return found


PARTS: tuple[Part, ...] = ("directory", "realm")


class NotOwner(SchoolProtocolError):
    """The role that is to make schemas and tables may not."""


class NoRole(SchoolProtocolError):
    """A role that is to serve is none of the server's."""


class NoWall(SchoolProtocolError):
    """The role that serves pages would see every case all the same."""


_MAY_MAKE = """
    SELECT bool_and(CASE WHEN pg_namespace.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                    ELSE has_schema_privilege(pg_namespace.oid, 'CREATE') END)
    FROM unnest(CAST(:names AS text[])) AS wanted (name) LEFT JOIN pg_namespace ON nspname = wanted.name
"""


def may_make(database: str) -> bool:
    """Whether the role of this address may make the tables of an installation there. Raises StorageBusy."""
    with closing(Store(open_engine(database))) as store, store.reading() as session:
        return bool(session.scalar(text(_MAY_MAKE), {"names": list(PARTS)}))


def _refuse_absent(database: str, roles: Sequence[str]) -> None:
    """Raises NoRole for the first of the roles that isn't there; makes none: whoever runs the server does."""
    check_names(*roles)
    with closing(Store(open_engine(database))) as store, store.reading() as session:
        there = set(session.scalars(text("SELECT rolname FROM pg_roles")))
    for role in roles:
        if role not in there:
            raise NoRole(f"role {role} does not exist: `createuser {role}`")


def holds_rows(database: str) -> bool:
    """Whether an installation lies there already."""
    with ExitStack() as opened:
        stores = [opened.enter_context(closing(Store(open_engine(in_schema(database, part))))) for part in PARTS]
        return any(map(case_keys.holds_data, stores))


def clear(database: str) -> None:
    """Take away all that an installation keeps there, by whoever owns it. Raises TablesInUse."""

    def do(connection: Connection) -> None:
        shortly(connection)
        for schema in (*PARTS, *map(training_schema, ROOM_PARTS), QUEUE):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))

    with _opened(database) as engine:
        change_or_give_way(engine, do)


def prepare(
    database: str, site: str, workers: Sequence[str], tables: Tables, *, make_queue: Callable[[], None]
) -> None:
    """Bring every schema of `database` up to date and give roles what the program needs; as often as one likes.

    `database` is opened as the owner. `site` serves pages, behind a wall where `workers` do the rest (see `walls`).
    `make_queue` makes the tables of the worker's queue. Raises NotOwner where the address is not the owner's, NoRole
    where one of the roles is not there, NoWall where `site` would see through the wall, TablesInUse.
    """
    if not may_make(database):
        raise NotOwner(f"the role {role_of(database)} owns neither the tables nor the database")
    roles = tuple(dict.fromkeys(name for name in (site, *workers) if name))
    is_walled = bool(site and workers)
    _refuse_absent(database, roles)
    if role_of(database) in roles:
        raise NotOwner(f"{role_of(database)} owns the tables: a role that serves or works is another one")
    if is_walled:
        _refuse_seeing_through(database, site, workers)
    for part in PARTS:
        with _opened(in_schema(database, part)) as engine:
            upgrade(engine, part, tables)
            if part == "realm" and is_walled:  # before it may read a table that is new
                build(engine, site, workers, realm="realm", directory="directory")
            _say(engine, [grants(part, tables, role, part) for role in roles])
    for part in ROOM_PARTS:
        schema = training_schema(part)
        with _opened(in_schema(database, schema)) as engine:
            upgrade(engine, part, tables, purged=True)
            _say(engine, [grants(part, tables, role, schema, purged=True) for role in roles])
    with _opened(in_schema(database, QUEUE)) as engine:
        with engine.begin() as connection:
            make_schema(connection)
        make_queue()
        _say(engine, [queue_grants(role, QUEUE) for role in roles])


@contextmanager
def _opened(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    try:
        yield engine
    finally:
        engine.dispose()


def _say(engine: Engine, grants: Sequence[str]) -> None:
    with engine.begin() as connection:
        for statement in "\n".join(grants).splitlines():
            connection.execute(text(statement))


_THROUGH = """
    SELECT role.rolsuper OR role.rolbypassrls OR pg_has_role(role.oid, current_user, 'MEMBER')
        OR EXISTS (SELECT 1 FROM pg_roles AS worker WHERE worker.rolname = ANY (:workers)
                   AND pg_has_role(role.oid, worker.oid, 'MEMBER'))
    FROM pg_roles AS role WHERE role.rolname = :site
"""


def _refuse_seeing_through(database: str, site: str, workers: Sequence[str]) -> None:
    """Raises NoWall where the role of the pages is, or may become, one for which no wall stands."""
    with _opened(database) as engine, engine.connect() as connection:
        sees = connection.scalar(text(_THROUGH), {"site": site, "workers": list(workers)})
    if sees:
        raise NoWall(
            f"the role {site} serves pages, and would see every case: it must not be a superuser, have BYPASSRLS, be "
            "one of the workers, or be a member of one of them or of the owner"
        )
