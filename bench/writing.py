"""Thirty-two people who write at once on SQLite: how long their moves take as the product keeps them, and hastier."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

from bench.measuring import Measured, Work, wall
from bench.prepared import DEFINITION, MOVER, story_steps
from school_protocol.cases import service as cases_service
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.visibility import Actor
from school_protocol.protocol.reader import read
from school_protocol.storage.engines import open_engine

if TYPE_CHECKING:
    from bench.rows import Workshop

WRITERS = 32
BURSTS = 5
"""So often each of them moves a case in a sample; every case is put back in between."""
MOVE, BEFORE = "t_qualify", ("F1", "F2")
"""What everybody does at once, and what lies behind each case by then."""
SAID = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


def at_once(shop: Workshop) -> tuple[Measured, str]:
    """Seconds on the wall of a move of each of so many at once: kept as the product keeps it, and with NORMAL."""
    with tempfile.TemporaryDirectory(prefix="school-protocol-bench-") as name, ExitStack() as stack:
        first = Path(name) / "own"
        cases, actor = _told(first)
        shutil.copytree(first, Path(name) / "hasty")
        own = stack.enter_context(_crowd(first, cases, actor))
        hasty = stack.enter_context(_crowd(Path(name) / "hasty", cases, actor, synchronous="NORMAL"))
        found = shop.pairs(Work(own, BURSTS, own.back), Work(hasty, BURSTS, hasty.back), wall)
        notes = _notes(own, hasty, Path(name))
    one = (found.figure / WRITERS, found.baseline / WRITERS)
    return Measured(*one, found.ratio, found.ratios), notes


def _notes(own: Crowd, hasty: Crowd, folder: Path) -> str:
    refused = [*own.refused, *hasty.refused]
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(own.waited) + len(hasty.waited)} moves failed: {set(refused)}")
    late = sorted(own.waited)[int(len(own.waited) * 0.95)]
    return (
        f"{own.synchronous} against {hasty.synchronous}; {len(own.waited)} and {len(hasty.waited)} moves, {WRITERS} at "
        f"once, no error; the 95th of 100 waited {late:.2f} s; {kind_of_disk(folder)}, fsync {_flushing(folder):.2f} ms"
    )


def _told(folder: Path) -> tuple[tuple[str, ...], Actor]:
    """So many cases of one school, each as far as the move; their numbers, and who makes it."""
    content = DEFINITION.read_bytes()
    clock = TurnableClock(datetime(2000, 1, 1, tzinfo=UTC))
    with closing(open_context(Settings(data=folder), clock)) as ctx:
        player = prepared(ctx, clock, read(content, DEFINITION.name), content)
        steps = [step for step in story_steps()[:5] if step["do"] in BEFORE]
        for place in range(WRITERS):
            player.play([{**step, "case": f"case {place}"} for step in steps])
        wrong = [one for one in player.played if not one.went_as_said]
        if wrong:
            raise RuntimeError(f"the story did not go as it says: {wrong[:1]}")
        return tuple(player.numbers.values()), player.actor(MOVER)


@dataclass
class Crowd:
    """So many threads over one installation, each with a case of its own; called, each moves at the same moment."""

    ctx: AppContext
    cases: tuple[str, ...]
    actor: Actor
    move: str
    synchronous: str
    back: Callable[[], None]
    pool: ThreadPoolExecutor
    waited: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __call__(self) -> None:
        together = threading.Barrier(len(self.cases))
        list(self.pool.map(lambda number: self._moved(number, together), self.cases))

    def _moved(self, number: str, together: threading.Barrier) -> None:
        together.wait()
        began = time.perf_counter()
        try:
            cases_service.make_move(self.ctx, self.actor, number, self.move, expected=None, token=f"at once {number}")
        except Exception as error:
            self.refused.append(f"{type(error).__name__}: {error}")
        self.waited.append(time.perf_counter() - began)


@contextmanager
def _crowd(folder: Path, cases: tuple[str, ...], actor: Actor, synchronous: str = "") -> Iterator[Crowd]:
    """An installation as the product opens it; `synchronous` says otherwise how it waits for the disk."""
    settings, clock = Settings(data=folder), TurnableClock(datetime(2026, 10, 5, 9, 45, tzinfo=UTC))
    engines = {name: open_engine(settings.store_url(name)) for name in ("directory", "realm")}
    if synchronous:
        for engine in engines.values():
            event.listen(engine, "connect", lambda connection, _record: _said(connection, synchronous))
    ctx = open_context(settings, clock, engines)
    protocol = ctx.library.current()[0]
    try:
        with ThreadPoolExecutor(len(cases)) as pool, _put_back(folder / "realm.sqlite") as back:
            with engines["realm"].connect() as connection:
                kept = SAID[connection.execute(text("PRAGMA synchronous")).scalar_one()]
            yield Crowd(ctx, cases, actor, protocol.resolve("moves", MOVE), kept, back, pool)
    finally:
        ctx.close()


def _said(connection: Any, synchronous: str) -> None:
    connection.execute(f"PRAGMA synchronous = {synchronous}")


@contextmanager
def _put_back(file: Path) -> Iterator[Callable[[], None]]:
    """Gives what puts the store back as it is now, with nothing left in its log."""
    with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(f"{file}.before")) as kept:
        live.backup(kept)

        def back() -> None:
            kept.backup(live)
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        yield back


# ---- the disk --------------------------------------------------------------------------------------------------------


def kind_of_disk(folder: Path) -> str:
    """What the folder lies on, as the system calls it."""
    real, found = str(folder.resolve()), ("", "unknown", "")
    for line in Path("/proc/self/mounts").read_text("utf-8").splitlines():
        device, where, kind = line.split()[:3]
        if (real == where or real.startswith(where.rstrip("/") + "/")) and len(where) >= len(found[2]):
            found = (device, kind, where)
    return f"{found[1]} on {found[0]}"


def _flushing(folder: Path) -> float:
    """Milliseconds until a page that was written is on the disk."""
    taken = []
    with (folder / "page").open("wb", buffering=0) as file:
        for _page in range(30):
            file.write(b"\0" * 4096)
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken) * 1e3
