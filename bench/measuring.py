"""How a ratio is measured: figure and baseline in alternating pairs of one run; the median of the pairs' ratios."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

PAIRS = 5

Clock = Callable[[], float]


def own_cpu() -> float:
    """Seconds of processor time that this process has used: a busy machine stretches them little."""
    return time.process_time()


def wall() -> float:
    """Seconds on the wall: for work that other processes do."""
    return time.perf_counter()


def children_cpu() -> float:
    """Seconds of processor time that finished child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_with(parent: int) -> Clock:
    """Seconds of processor time of this process and of the children of another one: of a database that it asks.

    Those that have ended count too: that other one keeps what they took.
    """

    def clock() -> float:
        return own_cpu() + ended_cpu(parent) + sum(on_cpu(child) for child in children(parent))

    return clock


def whole_cpu(process: int) -> float:
    """Seconds of processor time of a process and of those that it has started."""
    return on_cpu(str(process)) + sum(on_cpu(child) for child in children(process))


def children(parent: int) -> list[str]:
    """The processes that another one has started, in whichever thread."""
    found: list[str] = []
    for listed in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            found += listed.read_text("ascii").split()
    return found


def megabytes(process: str) -> float:
    """Resident memory of a process; nothing of one that has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def on_cpu(process: str) -> float:
    """Seconds of processor time of a process, as its clock ticks; nothing of one that has ended."""
    return _ticks(process, 11)


def ended_cpu(parent: int) -> float:
    """Seconds of processor time of the processes that one has started and that have ended."""
    return _ticks(str(parent), 13)


def _ticks(process: str, first: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    except FileNotFoundError:  # it has ended meanwhile
        return 0.0
    return (int(fields[first]) + int(fields[first + 1])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Work:
    """Something to time: called `times` times in a sample; `after` each call, untimed, what must be put back."""

    call: Callable[[], object]
    times: int = 1
    after: Callable[[], object] | None = None

    def seconds(self, clock: Clock) -> float:
        """Mean seconds of one call."""
        call = self.call
        if self.after is None:
            start = clock()
            for _ in range(self.times):
                call()
            return (clock() - start) / self.times
        spent = 0.0
        for _ in range(self.times):
            start = clock()
            call()
            spent += clock() - start
            self.after()
        return spent / self.times


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of figure and baseline (medians), and the median of the ratios of the pairs."""

    figure: float
    baseline: float
    ratio: float
    ratios: tuple[float, ...] = field(default=())


def pairs(figure: Work, baseline: Work, *, clock: Clock = own_cpu, most: int = PAIRS) -> Measured:
    """Both in turns, after one warm-up of each; every other pair begins with the baseline."""
    for work in (figure, baseline):
        Work(work.call, 1, work.after or _nothing).seconds(clock)
    samples: list[tuple[float, float]] = []
    for turn in range(most):
        gc.collect()
        if turn % 2:
            second = baseline.seconds(clock)
            samples.append((figure.seconds(clock), second))
        else:
            first = figure.seconds(clock)
            samples.append((first, baseline.seconds(clock)))
    ratios = tuple(one / other for one, other in samples)
    return Measured(
        median(one for one, _other in samples), median(other for _one, other in samples), median(ratios), ratios
    )


def _nothing() -> None:
    pass
