"""The site in several processes under one that stands by: each opens its own context, and ends after what it has begun.

A new version comes in without a request lost: SIGHUP lets the processes go one after the other, each once its answers
are sent, while the next ones, with the code that lies there by then, take what comes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

THREADS = 8
GRACE_SECONDS = 30
"""So long a process that is to end goes on with the answers that it has begun."""
STUCK_SECONDS = 120
"""After so long without a sign of life a process is replaced."""


class _Site(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, Any], open_site: Callable[[], Any]) -> None:
        self._options, self._open_site = options, open_site
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._open_site()


def serve_in_processes(open_site: Callable[[], Any], *, host: str, port: int, processes: int) -> None:
    """Serve until told to end; `open_site` is called once in each process."""
    options = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": processes,
        "worker_class": "gthread",
        "threads": THREADS,
        "graceful_timeout": GRACE_SECONDS,
        "timeout": STUCK_SECONDS,
        "loglevel": "warning",
        "forwarded_allow_ips": "",
        "child_exit": _forget,
    }
    _Site(options, open_site).run()


@contextmanager
def measured_together() -> Iterator[Path]:
    """A folder in which the processes put what each measured, as long as the one above them lives."""
    folder, above = Path(tempfile.mkdtemp(prefix="school-protocol-measured-")), os.getpid()
    try:
        yield folder
    finally:
        if os.getpid() == above:  # a process of its own comes this way, too, as it ends
            shutil.rmtree(folder, ignore_errors=True)


def _forget(_arbiter: Any, worker: Any) -> None:
    """What a process measured stays counted; what it alone held, as how much is under way, goes with it."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
