"""Work on case files in processes of their own: niced, so that no page is slower, and renewed before they grow.

Such a process opens its own context, learns typesetting once, and ends with whoever started it: all that it is told
and answers goes through its pipes, nothing through a disk.
"""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Protocol, TypeVar

from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.errors import SchoolProtocolError

T = TypeVar("T")
SECONDS = 180.0
"""How long one piece of work may take, unless whoever starts the processes says otherwise."""
PIECES = 100
"""How many a process does before another takes its place."""
MEMORY = 400
"""MiB that one may hold before another takes its place."""
NICE = 10
_LENGTH = 8


class Broken(SchoolProtocolError):
    """The work was not done: the process met an error, whose kind this names, or was stopped."""


class Stopped(Broken):
    """The process ended, or said nothing for too long: that says nothing of the work."""


class Hands(Protocol):
    """Whoever does a piece of work: `size` pieces at a time."""

    @property
    def size(self) -> int: ...

    def do(self, work: Callable[..., T], *told: Any, now: datetime) -> T:
        """`work(installation, *told)`, at that moment. Raises Broken."""


@dataclass(frozen=True, slots=True)
class Here:
    """Does it in this process, one at a time."""

    ctx: AppContext
    size: int = 1

    def do(self, work: Callable[..., T], *told: Any, now: datetime) -> T:
        try:
            return work(replace(self.ctx, clock=_At(now)), *told)
        except Exception as error:
            raise Broken(type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class _At:
    moment: datetime

    def now(self) -> datetime:
        return self.moment


class Crew:
    """So many processes, each started when it is first needed. Any thread may hand work out."""

    def __init__(self, settings: Settings, size: int, *, seconds: float = SECONDS) -> None:
        self.size = size
        self._settings = settings
        self._seconds = seconds
        self._free: SimpleQueue[_Process | None] = SimpleQueue()
        for _one in range(size):
            self._free.put(None)

    def do(self, work: Callable[..., T], *told: Any, now: datetime) -> T:
        process = self._free.get()
        try:
            process = process or _Process(self._settings, self._seconds)
            answer: T = process.do(work, told, now)
        except Broken:
            _end(process)
            process = None
            raise
        else:
            if process.is_worn:
                _end(process)
                process = None
            return answer
        finally:
            self._free.put(process)

    def close(self) -> None:
        """Every process that is free ends; another is started when there is work again."""
        for _one in range(self.size):
            _end(self._free.get())
            self._free.put(None)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def spare_cores() -> int:
    """All cores but one, at least one."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def _end(process: _Process | None) -> None:
    if process is not None:
        process.end()


class _Process:
    def __init__(self, settings: Settings, seconds: float) -> None:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._done = 0
        self._memory = 0
        self._seconds = seconds
        self._tell(settings)

    @property
    def is_worn(self) -> bool:
        return self._done >= PIECES or self._memory > MEMORY

    def do(self, work: Callable[..., T], told: tuple[Any, ...], now: datetime) -> T:
        self._tell((work, told, now))
        how, answer, self._memory = self._heard()
        self._done += 1
        if how == "broken":
            raise Broken(answer)
        done: T = answer
        return done

    def _tell(self, value: Any) -> None:
        try:
            assert self._process.stdin is not None
            _write(self._process.stdin, value)
        except OSError:
            raise Stopped("ended") from None

    def _heard(self) -> Any:
        end = time.monotonic() + self._seconds
        return pickle.loads(self._read(int.from_bytes(self._read(_LENGTH, end), "big"), end))  # noqa: S301 - our own

    def _read(self, wanted: int, end: float) -> bytes:
        assert self._process.stdout is not None
        number, found, heard = self._process.stdout.fileno(), bytearray(), select.poll()
        heard.register(number, select.POLLIN)
        while len(found) < wanted:
            if not heard.poll(max(0.0, end - time.monotonic()) * 1000):
                raise Stopped("too long")
            part = os.read(number, wanted - len(found))
            if not part:
                raise Stopped("ended")
            found += part
        return bytes(found)

    def end(self) -> None:
        """It is told to end, and made to where it doesn't at once."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _write(pipe: IO[bytes], value: Any) -> None:
    data = memoryview(pickle.dumps(value))
    data = memoryview(len(data).to_bytes(_LENGTH, "big") + bytes(data))
    while data:
        data = data[pipe.write(data) or 0 :]


# ---- in that process -----------------------------------------------------------------------------------------------


def main() -> None:
    """Do what is told, one piece after another, until nobody tells anything any more."""
    os.nice(NICE)
    told, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    settings = _read_from(told)
    if settings is None:
        return
    ctx: AppContext | None = None
    while (asked := _read_from(told)) is not None:
        work, arguments, now = asked
        try:
            ctx = ctx or open_context(settings, _At(now))
            answer = ("done", work(replace(ctx, clock=_At(now)), *arguments), _memory())
        except Exception as error:
            answer = ("broken", type(error).__name__, _memory())
        _write(answers, answer)


def _read_from(pipe: IO[bytes]) -> Any:
    length = pipe.read(_LENGTH)
    return pickle.loads(pipe.read(int.from_bytes(length, "big"))) if len(length) == _LENGTH else None  # noqa: S301


def _memory() -> int:
    """MiB that this process holds now; 0 where the system doesn't say."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0
    return int(status.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main()
