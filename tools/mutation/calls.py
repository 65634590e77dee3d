"""Which functions of the product a process calls (sys.monitoring); on the standard library alone: children load it."""

from __future__ import annotations

import atexit
import os
import sqlite3
import sys
from array import array
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = str(ROOT / "school_protocol") + os.sep
FOLDER = "SCHOOL_PROTOCOL_REACH"
"""The environment variable with the folder that each process writes its file into."""

Key = tuple[str, int, str]


class Reach:
    """What the process calls, until it is taken; `known` numbers each function."""

    def __init__(self) -> None:
        self.known: dict[Key, int] = {}
        self.called: set[int] = set()
        self.rows: list[tuple[str, float, str, bytes]] = []
        self.shared: dict[int, set[int]] = {}
        self.outcome = "passed"

    def begin(self) -> None:
        monitoring = sys.monitoring
        monitoring.use_tool_id(monitoring.PROFILER_ID, "reach")
        monitoring.register_callback(monitoring.PROFILER_ID, monitoring.events.PY_START, self.enter)
        monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.PY_START)

    def enter(self, code: CodeType, _offset: int) -> object:
        if code.co_filename.startswith(PRODUCT):
            key = (code.co_filename[len(PRODUCT) :], code.co_firstlineno, code.co_qualname)
            self.called.add(self.known.setdefault(key, len(self.known)))
        return sys.monitoring.DISABLE

    def take(self) -> set[int]:
        """What was called since the last time; from now on each function counts anew."""
        found, self.called = self.called, set()
        sys.monitoring.restart_events()
        return found

    def note(self, test: str, seconds: float, outcome: str, called: set[int]) -> None:
        self.rows.append((test, seconds, outcome, array("I", sorted(called)).tobytes()))
        if len(self.rows) >= 200:
            self.write()

    def write(self) -> None:
        file = Path(os.environ[FOLDER]) / f"{os.getpid()}.db"
        with sqlite3.connect(file) as kept:
            kept.execute("CREATE TABLE IF NOT EXISTS called (test TEXT, seconds REAL, outcome TEXT, functions BLOB)")
            kept.execute(
                "CREATE TABLE IF NOT EXISTS function (id INTEGER PRIMARY KEY, file TEXT, line INTEGER, name TEXT)"
            )
            kept.executemany("INSERT INTO called VALUES (?, ?, ?, ?)", self.rows)
            functions = [(number, *key) for key, number in self.known.items()]
            kept.executemany("INSERT OR REPLACE INTO function VALUES (?, ?, ?, ?)", functions)
        self.rows.clear()


reach = Reach()


def begin_in_child() -> None:
    """In a process that a test starts: what it calls counts for that test. A process that is killed tells nothing."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    if not test:
        return
    reach.begin()

    def end() -> None:
        with suppress(sqlite3.Error, OSError):
            reach.note(test, 0.0, "child", reach.called)
            reach.write()

    atexit.register(end)


@dataclass(frozen=True)
class Called:
    """What one test called, as (file, function), and what it took."""

    test: str
    seconds: float
    functions: frozenset[tuple[str, str]]

    @property
    def distance(self) -> float:
        """How much else a test is about: the fewer functions it calls and the less it takes, the nearer it is."""
        return self.seconds + len(self.functions) / 1000


def read(folder: Path) -> list[Called]:
    """What each test that passed called, in its own process and in those that it started."""
    seconds: dict[str, float] = {}
    functions: dict[str, set[tuple[str, str]]] = {}
    left_out = set()
    for file in sorted(path for path in folder.glob("*.db") if path.stat().st_size):  # some end as they begin
        with sqlite3.connect(file) as kept:
            found = kept.execute("SELECT id, file, name FROM function")
            names = {number: (path, name.partition(".<locals>")[0]) for number, path, name in found}
            for test, took, outcome, called in kept.execute("SELECT * FROM called"):
                seconds[test] = seconds.get(test, 0) + took
                functions.setdefault(test, set()).update(names[one] for one in array("I", called))
                if outcome not in ("passed", "child"):
                    left_out.add(test)
    return [Called(test, seconds[test], frozenset(functions[test])) for test in functions if test not in left_out]
