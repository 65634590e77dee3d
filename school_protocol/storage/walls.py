"""A second wall on PostgreSQL: rows of a case are there only for whoever's session the database itself finds there.

Whoever serves pages says with which token each transaction goes on. The database looks it up, among rows that the
asking statement can't change by saying something else, and lets through the cases of the units where that account is
appointed, of those below them, and those it was given by name. It is wider than what `policy` allows: what a query
forgets to ask still stops here. Roles that do the house's own work (messages, time limits, commands) see all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from school_protocol.storage.engines import WHOSE
from school_protocol.storage.grants import check_names

WALLED = (
    "case_index", "event", "event_words", "case_key", "object_key", "identity", "identity_mark", "kept_file",
    "kept_blob", "access",
)  # fmt: skip
"""Tables of the realm with a `case_id` that stand behind it: all that is sealed of a case, and who read it."""


def build(connection: Connection, site: str, workers: Sequence[str], *, realm: str, directory: str) -> None:
    """Put the wall up before the role `site`, as the owner of the tables; put up anew where it stands."""
    check_names(site, *workers, realm, directory)
    for statement in _statements(site, workers, realm, directory):
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


def _statements(site: str, workers: Sequence[str], realm: str, directory: str) -> Iterator[str]:
    yield from _functions(site, realm, directory)
    every = ", ".join((site, *workers))
    for table in WALLED:
        name = f"{realm}.{table}"
        yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
        for policy in ("seen", "changed", "destroyed", "added", "worked"):
            yield f"DROP POLICY IF EXISTS {policy} ON {name}"
        through = _OF_INDEX.format(realm=realm) if table == "case_index" else _OF_CASE.format(realm=realm, table=table)
        yield f"CREATE POLICY seen ON {name} FOR SELECT TO {site} USING ({through})"
        yield f"CREATE POLICY changed ON {name} FOR UPDATE TO {site} USING ({through}) WITH CHECK (true)"
        yield f"CREATE POLICY destroyed ON {name} FOR DELETE TO {site} USING ({through})"
        yield f"CREATE POLICY added ON {name} FOR INSERT TO {every} WITH CHECK (true)"
        if workers:
            yield f"CREATE POLICY worked ON {name} FOR ALL TO {', '.join(workers)} USING (true) WITH CHECK (true)"


_OF_INDEX = (
    "unit = ANY ((SELECT {realm}.wall_units())::text[]) OR province = ANY ((SELECT {realm}.wall_units())::text[]) "
    "OR region = ANY ((SELECT {realm}.wall_units())::text[]) OR (SELECT {realm}.wall_units())::text[] @> ARRAY['*'] "
    "OR case_id = ANY ((SELECT {realm}.wall_cases())::text[])"
)
_OF_CASE = (
    "EXISTS (SELECT 1 FROM {realm}.case_index WHERE case_index.case_id = {table}.case_id) "
    "OR {realm}.wall_unplaced({table}.case_id)"
)
_ACCOUNT = """
    SELECT account FROM {directory}.web_session
        WHERE token = sha256(convert_to(current_setting('{setting}', true), 'UTF8'))
        AND stage = 'full'
    UNION ALL SELECT account FROM {directory}.calendar_feed
        WHERE hashed = sha256('calendar\\000'::bytea || convert_to(current_setting('{setting}', true), 'UTF8'))
"""
_UNITS = """
    SELECT coalesce(array_agg(CASE WHEN kind = 'country' THEN '*' ELSE id END), '{{}}') FROM {directory}.unit
    WHERE id IN (
        SELECT unit FROM {directory}.appointment WHERE account IN ({account})
        UNION ALL SELECT unit FROM {directory}.api_token WHERE ended_at IS NULL
        AND hashed = sha256(decode(substring(current_setting('{setting}', true) FROM '^[0-9a-f]{{64}}$'), 'hex'))
    )
"""
_CASES = """
    SELECT coalesce(array_agg(DISTINCT case_id), '{{}}') FROM (
        SELECT case_id FROM {realm}.case_seat WHERE account IN ({account})
        UNION ALL SELECT case_id FROM {realm}.case_reader WHERE account IN ({account})
        UNION ALL SELECT case_id FROM {realm}.case_request WHERE place IN ({account})
        UNION ALL SELECT case_id FROM {realm}.report WHERE reporter IN ({account}) AND case_id IS NOT NULL
        UNION ALL SELECT case_id FROM {realm}.case_known JOIN {directory}.appointment
            ON appointment.unit = case_known.place WHERE appointment.account IN ({account})
    ) AS given
"""
_UNPLACED = "SELECT NOT EXISTS (SELECT 1 FROM {realm}.case_index WHERE case_id = wanted)"
_LOOKED_UP = (
    ("wall_units()", "text[]", _UNITS),
    ("wall_cases()", "text[]", _CASES),
    ("wall_unplaced(wanted text)", "boolean", _UNPLACED),
)
"""What only the owner may look up. Each has a search path of its own, so that nothing can stand in its way."""


def _functions(site: str, realm: str, directory: str) -> Iterator[str]:
    places = {"realm": realm, "directory": directory, "setting": WHOSE}
    for name, answers, body in _LOOKED_UP:
        said = body.format(**places, account=_ACCOUNT.format(**places))
        yield (
            f"CREATE OR REPLACE FUNCTION {realm}.{name} RETURNS {answers} LANGUAGE sql STABLE SECURITY DEFINER "
            f"SET search_path = pg_catalog, pg_temp AS $body${said}$body$"
        )
        yield f"REVOKE ALL ON FUNCTION {realm}.{name} FROM PUBLIC"
        yield f"GRANT EXECUTE ON FUNCTION {realm}.{name} TO {site}"
