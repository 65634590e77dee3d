"""Rights of a PostgreSQL role that serves the site and owns nothing: it can't alter a chain, nor take a guard away."""

from __future__ import annotations

import re
from collections.abc import Sequence

from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.storage.guards import APPEND_ONLY
from school_protocol.storage.migrate import VERSION_TABLE, Part, Tables

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
