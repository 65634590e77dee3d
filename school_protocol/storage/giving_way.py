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
"""How long one lock is waited for, as a rule: less than PostgreSQL's deadlock_timeout, at which it may end a page."""
LONG_EVERY = 3
"""Each third try waits longer than that: only then does the server send away its own autovacuum."""
PATIENCE_SECONDS = 60.0
"""From the first refusal on."""
_PAUSE_SECONDS = 0.3
"""Between two tries: time for those who waited behind the first one."""
_IN_USE = ("55P03", "40P01")
"""PostgreSQL's words for: somebody holds it; two hold what the other one wants."""
_TRY = "try"
_LONG = text("SELECT ceil(setting::numeric * 1.3) FROM pg_settings WHERE name = 'deadlock_timeout'")


class TablesInUse(StorageBusy):
    """Tables could not be changed since somebody held one of them at each try: this change left nothing behind."""


def change(engine: Engine, do: Callable[[Connection], _T], *, patience: float = PATIENCE_SECONDS) -> _T:
    """What `do` returns, in a transaction that is begun anew as often as a table is in use. Raises TablesInUse.

    `do` says `shortly` once it is to wait no longer than others can bear.
    """
    until, tried = None, 0
    while True:
        tried += 1
        try:
            with engine.execution_options(purpose=WRITING, **{_TRY: tried}).begin() as connection:
                return do(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") not in _IN_USE:
                raise
            until = until or time.monotonic() + patience
            if time.monotonic() > until and tried >= LONG_EVERY:
                raise TablesInUse(
                    f"tables are in use: somebody held one of them at each of {tried} tries. This step left nothing "
                    "behind, those before it stand: run it again. If that does not help, end what holds them "
                    "(pg_stat_activity names it)"
                ) from error
        time.sleep(_PAUSE_SECONDS)


def shortly(connection: Connection) -> None:
    """From here on this transaction waits for a lock no longer than others can bear."""
    if connection.dialect.name != "postgresql":
        return
    tried = connection.get_execution_options().get(_TRY, 1)
    wait = int(connection.scalar(_LONG) or 0) if tried % LONG_EVERY == 0 else round(LOCK_SECONDS * 1000)
    connection.execute(text(f"SET LOCAL lock_timeout = {wait}"))
