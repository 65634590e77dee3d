"""`database …` and what an operator mistypes there: a sentence, and nothing made."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from engine.telling import MOROCCAN
from services.conftest import School
from sqlalchemy import make_url, text
from storage.server import EVERYWHERE, served

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.cli.group import main
from school_protocol.config import Settings, shown
from school_protocol.context import SystemClock, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.storage.engines import open_engine

pytestmark = pytest.mark.skipif(EVERYWHERE, reason="both places are named here")
Run = Callable[..., Result]
PASSWORD = "not-for-eyes"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as address:
        yield address


class Database:
    """An empty database, its owner, and a role that serves; every address has a password in it."""

    def __init__(self, server: str) -> None:
        self.name = f"db_{uuid.uuid4().hex[:10]}"
        self.owner, self.site, self.work = self.roles = tuple(f"{one}_{self.name}" for one in ("owner", "site", "work"))
        self.url, self._engine = make_url(server), open_engine(server)
        self._ask(
            *(f"CREATE ROLE {one} LOGIN" for one in self.roles),
            f"CREATE DATABASE {self.name} OWNER {self.owner}",
        )

    def _ask(self, *statements: str) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for one in statements:
                connection.execute(text(one))

    def address(self, role: str) -> str:
        url = self.url.set(database=self.name, username=role, password=PASSWORD, drivername="postgresql")
        return url.render_as_string(hide_password=False)

    def schemas(self) -> set[str]:
        engine = open_engine(self.url.set(database=self.name))
        with engine.connect() as connection:
            found = set(connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|info)'")))
        engine.dispose()
        return found - {"public"}

    def drop(self) -> None:
        self._ask(f"DROP DATABASE {self.name} WITH (FORCE)", *(f"DROP ROLE {one}" for one in self.roles))
        self._engine.dispose()


@pytest.fixture
def database(server: str) -> Iterator[Database]:
    found = Database(server)
    yield found
    found.drop()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "var"))

    def command(*words: str, **environ: str) -> Result:
        for name, value in environ.items():
            monkeypatch.setenv(f"SCHOOL_PROTOCOL_{name}", value)
        done = CliRunner().invoke(main, list(words))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert PASSWORD not in done.output
        return done

    return command


@pytest.fixture
def data(tmp_path: Path, moroccan: Protocol) -> Path:
    clock = TurnableClock(SystemClock().now())
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1)).report()
    ctx.close()
    return tmp_path / "var"


def move(run: Run, source: str, target: str) -> Result:
    return run("database", "move", "--from", source, "--to", target)


@pytest.mark.exhaustive
@pytest.mark.parametrize("mistyped", ["postgres//school", "postgresql:/school", "/var/lib/school", "mysql://h/s", ""])
def test_what_is_no_address_is_moved_to_by_nobody(run: Run, data: Path, tmp_path: Path, mistyped: str) -> None:
    before = sorted(os.listdir(tmp_path))
    done = move(run, "var", mistyped)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "postgresql://" in done.stderr
    assert sorted(os.listdir(tmp_path)) == before
    open_context(Settings(data=data), SystemClock()).close()  # and it is served as before


@pytest.mark.exhaustive
def test_one_that_was_moved_away_takes_writes_again_once_it_is_reopened(
    run: Run, data: Path, database: Database
) -> None:
    assert move(run, str(data), database.address(database.owner)).exit_code == 0
    signed = ("go-live", "withdraw", "cndp", "--reference", "n° 1", "--as", "nobody")
    assert "moved" in run(*signed).stderr
    assert "say --yes" in run("database", "reopen").stderr
    done = run("database", "reopen", "--yes")
    assert (done.exit_code, done.stdout) == (0, "it takes writes again\n"), done.stderr
    assert "moved" not in run(*signed).stderr


@pytest.mark.exhaustive
def test_a_database_by_its_owner_and_what_comes_next_is_said_without_a_password(
    run: Run, data: Path, database: Database
) -> None:
    address = database.address(database.owner)
    done = move(run, str(data), address)
    assert done.exit_code == 0, done.stderr
    assert f"it lies in postgresql://{database.owner}@/{database.name} now" in done.stderr
    assert "database prepare --worker" in done.stderr
    assert "SCHOOL_PROTOCOL_DATABASE_URL" in done.stderr
    assert database.schemas() >= {"realm", "directory"}


@pytest.mark.exhaustive
def test_who_does_not_own_the_database_moves_nothing_there(run: Run, data: Path, database: Database) -> None:
    done = move(run, str(data), database.address(database.site))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "use the owner's address" in done.stderr
    assert database.schemas() == set()


def test_where_nothing_is_nothing_is_moved_and_nothing_is_made(run: Run, tmp_path: Path, database: Database) -> None:
    (tmp_path / "file").touch()
    refused = move(run, database.address(database.owner), database.address(database.owner))
    assert "--from is the folder" in refused.stderr
    for place in ("var", "/nowhere", str(tmp_path / "file")):
        for done in (
            move(run, place, database.address(database.owner)),
            run("database", "reopen", "--yes", DATA=str(tmp_path / place)),
        ):
            assert (done.exit_code, done.stdout) == (1, ""), place
            assert "holds no installation" in done.stderr
    assert os.listdir(tmp_path) == ["file"]
    assert not Path("/nowhere").exists()
    assert database.schemas() == set()


@pytest.mark.files
def test_a_file_that_is_no_database_is_said_to_be_none(run: Run, data: Path, database: Database) -> None:
    (data / "realm.sqlite").write_text("a letter")
    done = move(run, str(data), database.address(database.owner))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: a file of the data is no database, or damaged: restore a backup\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/srv/data"), "/srv/data can't be used by this account"),
        (OSError(30, "Read-only file system", "/srv/data"), "the data can't be used now ([Errno 30] Read-only"),
    ],
)
def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def refuses(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(Path, "mkdir", refuses)
    done = run("journal", "verify")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {said}")
    assert "Traceback" not in done.output


@pytest.mark.exhaustive
def test_a_worker_whose_role_is_not_there_is_named_and_prepare_goes_on_once_it_is(run: Run, database: Database) -> None:
    named = {"DATABASE_URL": database.address(database.site), "DATABASE_OWNER_URL": database.address(database.owner)}
    done = run("database", "prepare", "--worker", "no_such", **named)
    assert done.exit_code == 1
    assert "role no_such does not exist: `createuser no_such`" in done.stderr
    assert database.schemas() == set()
    as_owner = run("database", "prepare", "--worker", database.owner, **named)
    assert (as_owner.exit_code, "owns the tables" in as_owner.stderr) == (1, True)
    done = run("database", "prepare", "--worker", database.work, **named)
    assert done.exit_code == 0, done.stderr
    assert database.schemas() >= {"realm", "directory"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("names_another", [True, False])
def test_who_prepares_without_owning_is_told_the_setting(run: Run, database: Database, names_another: bool) -> None:
    site = database.address(database.site)
    for _twice in range(2):
        done = run("database", "prepare", DATABASE_URL=site, DATABASE_OWNER_URL=site if names_another else "")
        assert done.exit_code == 1
        assert "set SCHOOL_PROTOCOL_DATABASE_OWNER_URL" in done.stderr
        assert "database prepare" not in done.stderr
        done = run("database", "prepare", DATABASE_OWNER_URL=database.address(database.owner))
        assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("/var/lib/x", "/var/lib/x"),
        ("postgresql://a:b@h:5432/s?password=b", "postgresql://a@h:5432/s"),
        ("postgresql+psycopg://a:b/c?d@h/s", "postgresql://a@h/s"),
        ("postgresql:///s?password=b@c", "postgresql:///s"),
        ("postgresql://h/s", "postgresql://h/s"),
    ],
)
def test_a_place_is_shown_without_what_opens_it(place: str, told: str) -> None:
    assert shown(place) == told


def test_where_nothing_was_erased_since_nothing_goes(run: Run, data: Path) -> None:
    assert data.is_dir()
    done = run("database", "returned")
    assert (done.exit_code, done.stdout) == (0, "0 cases erased again; nobody is signed in\n"), done.stderr
