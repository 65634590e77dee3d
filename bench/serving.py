"""Pages over HTTP: `school-protocol serve` as it comes, and gunicorn over the same site and the same data."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench.copies import has
from bench.measuring import Measured, Work, wall, whole_cpu
from bench.outcomes import Skipped
from bench.prepared import READER, ROOT, Prepared
from bench.room import await_port, free_port
from school_protocol.auth.sign_in_service import begin_session
from school_protocol.config import settings_from
from school_protocol.context import SystemClock, open_context
from school_protocol.ui import middleware
from school_protocol.web import create_app

if TYPE_CHECKING:
    from bench.rows import Workshop

BROWSERS, PAGES = 8, 30
"""How many ask at once, each over one connection; how many pages each of them asks for in a sample."""
EMBEDDED = ("-m", "school_protocol.cli", "serve", "--no-worker", "--port", "{port}")
GUNICORN = (
    "-m", "gunicorn", "--config", "python:bench.baselines.gunicorn_threads", "--bind", "127.0.0.1:{port}",
    "bench.serving:site()",
)  # fmt: skip


def site() -> Any:
    """The site as `serve` has it, for a server of whoever asks."""
    settings = settings_from(os.environ)
    return middleware.behind(create_app(open_context(settings, SystemClock())), settings.trusted_proxy)


def embedded_beside_gunicorn(shop: Workshop) -> tuple[Measured, str]:
    """Seconds on the wall of a list page: of the embedded server, and of gunicorn."""
    if not has("gunicorn"):
        raise Skipped("gunicorn is not installed: pip install .[scale]")
    with ExitStack() as stack:
        both = [stack.enter_context(started(shop.ctx, line)) for line in (EMBEDDED, GUNICORN)]
        cookie, pages = signed_in(shop.ctx), max(2, PAGES // 10) if shop.hurry else PAGES
        crowds = [Crowd(port, cookie, pages) for port, _process in both]
        for crowd in crowds:
            crowd()
        before = [whole_cpu(process) for _port, process in both]
        found = shop.pairs(*map(Work, crowds), clock=wall)
        asked = BROWSERS * pages * (shop.most + 1)
        used = [(whole_cpu(one[1]) - was) / asked * 1e3 for one, was in zip(both, before, strict=True)]
    each = BROWSERS * pages
    rates = " and ".join(f"{each / seconds:.0f}" for seconds in (found.figure, found.baseline))
    notes = (
        f"{rates} pages a second, {used[0]:.1f} and {used[1]:.1f} ms of a processor each; {BROWSERS} browsers at once, "
        "one process of 8 threads each, SQLite"
    )
    return Measured(found.figure / each, found.baseline / each, found.ratio, found.ratios), notes


def processor_of_a_page(shop: Workshop) -> float:
    """Milliseconds of a processor that the embedded server takes for a list page while eight browsers ask."""
    with started(shop.ctx, EMBEDDED) as (port, process):
        pages = max(2, PAGES // 10) if shop.hurry else PAGES
        crowd = Crowd(port, signed_in(shop.ctx), pages)
        crowd()
        before = whole_cpu(process)
        for _time in range(shop.most):
            crowd()
        return (whole_cpu(process) - before) / (BROWSERS * pages * shop.most) * 1e3


@contextmanager
def served(ctx: Prepared, line: Sequence[str]) -> Iterator[int]:
    """A server over that installation in a process of its own; its port."""
    with started(ctx, line) as (port, _process):
        yield port


@contextmanager
def started(ctx: Prepared, line: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The same; its port, and which process it is."""
    port = free_port()
    command = [sys.executable, *(part.replace("{port}", str(port)) for part in line)]
    environ = os.environ | {"SCHOOL_PROTOCOL_DATA": str(ctx.folder)}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=ROOT, env=environ, **quiet)
    try:
        await_port(port)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(40)


def signed_in(prepared: Prepared) -> str:
    """What a browser sends of somebody who is signed in now."""
    ctx = replace(prepared.ctx, clock=SystemClock())
    with ctx.directory.writing() as session:
        token = begin_session(session, ctx, prepared.player.actor(READER).id, factor_proven=True)
    return f"session={token}"


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many browsers; called, each asks for one page after the other, all at once."""

    port: int
    cookie: str
    pages: int
    path: str = "/"

    def __call__(self) -> None:
        faults: list[str] = []
        threads = [threading.Thread(target=self._one, args=(faults,)) for _browser in range(BROWSERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise RuntimeError(f"{len(faults)} answers were no good: {sorted(set(faults))[:3]}")

    def _one(self, faults: list[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            for _page in range(self.pages):
                connection.request("GET", self.path, headers={"Cookie": self.cookie})
                answer = connection.getresponse()
                page = answer.read()
                if answer.status != 200 or b'href="/cases/' not in page:
                    faults.append(f"status {answer.status}, {len(page)} bytes")
        except OSError as error:
            faults.append(type(error).__name__)
        finally:
            connection.close()
