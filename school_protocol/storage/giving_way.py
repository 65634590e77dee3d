"""Tables changed beneath people who go on working: locks are waited for shortly, else all is let go and tried again.

On PostgreSQL a change that waits has every page wait behind it, and a page that holds one table on one connection and
asks for the next on another can hold it up for good: the database sees no deadlock there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from school_protocol.storage.engines import WRITING
from school_protocol.storage.errors import StorageBusy

_T = TypeVar("_T")
LOCK_SECONDS = 0.5
"""How long one lock is waited for: less than PostgreSQL's deadlock_timeout, so that it is no page that is ended."""
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.3
"""Between two tries: time for those who waited behind the first one."""
_IN_USE = ("55P03", "40P01")
"""PostgreSQL's words for: somebody holds it; two hold what the other one wants."""


class TablesInUse(StorageBusy):
    """Tables could not be changed since somebody held one of them all the time: nothing was changed."""


def change(engine: Engine, do: Callable[[Connection], _T], *, patience: float = PATIENCE_SECONDS) -> _T:
    """What `do` returns, in a transaction that is begun anew as often as a table is in use. Raises TablesInUse."""
    until = time.monotonic() + patience
    while True:
        try:
            with engine.execution_options(purpose=WRITING).begin() as connection:
                return do(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") not in _IN_USE:
                raise
            if time.monotonic() > until:
                raise TablesInUse(
                    f"somebody has kept tables in use for {patience:g} seconds: nothing was changed. Run it again; if "
                    "that does not help, end what holds them (pg_stat_activity names it)"
                ) from error
        time.sleep(_PAUSE_SECONDS)


def shortly(connection: Connection) -> None:
    """From here on this transaction waits for a lock no longer than others can bear."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {round(LOCK_SECONDS * 1000)}"))
