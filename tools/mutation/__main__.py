"""Draws a sample of mutants, notes what each test calls, and asks the tests that call it to notice each mutant.

./run mutate draw SAMPLE --count 120 --seed 1     a new sample (--but OTHER: none of those)
./run mutate reach FOLDER [pytest arguments]      runs the tests, notes which functions each of them calls
./run mutate judge SAMPLE --reach FOLDER          the tests that call each mutant (--quick: those of the quick suite)
./run mutate say SAMPLE                           what was noticed, and by whom alone
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from .calls import FOLDER, ROOT, Called, read
from .mutants import Mutant, draw

MINUTES = 3
"""How long one mutant may take."""
SECONDS_OF_TESTS = 30.0
"""How much of tests, by what they took untouched, a mutant is tried with at most."""
ENOUGH = 2
"""A second test that notices tells that the first is not alone."""
LEFT_BEHIND = (".git", ".venv", "var", "build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__")


class NotAsked(Exception):
    """Tests were not found by their names, or gave no answer in time: nothing is known."""


def main() -> int:
    parser = argparse.ArgumentParser("./run mutate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    drawing = verbs.add_parser("draw")
    drawing.add_argument("sample", type=Path)
    drawing.add_argument("--count", type=int, default=120)
    drawing.add_argument("--seed", type=int, default=1)
    drawing.add_argument("--but", type=Path)
    reaching = verbs.add_parser("reach")
    reaching.add_argument("folder", type=Path)
    reaching.add_argument("pytest", nargs=argparse.REMAINDER)
    judging = verbs.add_parser("judge")
    judging.add_argument("sample", type=Path)
    judging.add_argument("--reach", type=Path, required=True)
    judging.add_argument("--quick", action="store_true")
    judging.add_argument("--jobs", type=int, default=1)
    saying = verbs.add_parser("say")
    saying.add_argument("sample", type=Path)
    asked = parser.parse_args()
    match asked.verb:
        case "draw":
            but = frozenset(mutant for mutant, _row in _read(asked.but)) if asked.but else frozenset()
            _write(asked.sample, [(mutant, {}) for mutant in draw(asked.count, asked.seed, but)])
        case "reach":
            return _reach(asked.folder, asked.pytest)
        case "judge":
            _judge(asked.sample, asked.reach, "quick" if asked.quick else "all", asked.jobs)
        case "say":
            _say(asked.sample)
    return 0


def _read(sample: Path) -> list[tuple[Mutant, dict[str, Any]]]:
    fields = Mutant.__dataclass_fields__
    return [
        (Mutant(**{key: row[key] for key in fields}), {key: one for key, one in row.items() if key not in fields})
        for row in json.loads(sample.read_text())
    ]


def _write(sample: Path, rows: list[tuple[Mutant, dict[str, Any]]]) -> None:
    """Whole or not at all, whoever is killed."""
    lines = [json.dumps({**mutant.as_data(), **row}, ensure_ascii=False) for mutant, row in rows]
    unfinished = sample.with_suffix(".part")
    unfinished.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    unfinished.replace(sample)


def _reach(folder: Path, arguments: list[str]) -> int:
    """The tests, each process of them and each that they start noting what is called."""
    if sys.version_info < (3, 12):
        print("This needs Python 3.12 or later (sys.monitoring).", file=sys.stderr)
        return 2
    purelib = Path(next(path for path in sys.path if path.endswith("site-packages")))
    hook = purelib / "_reach.pth"
    hook.write_text(
        f"import os, sys; '{FOLDER}' in os.environ and 'PYTEST_CURRENT_TEST' in os.environ and "
        f"(sys.path.append({str(ROOT)!r}), __import__('tools.mutation.calls').mutation.calls.begin_in_child())\n"
    )
    try:
        environment = {**os.environ, FOLDER: str(folder.absolute()), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "pytest", "-p", "tools.mutation.reach", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    finally:
        hook.unlink()


def _judge(sample: Path, reach: Path, suite: str, jobs: int) -> None:
    """Goes on where it was interrupted: a mutant that has an answer of this suite keeps it."""
    rows = _read(sample)
    called = read(reach)
    known = _collected(suite)
    if not called or not known:
        raise SystemExit(f"{reach} holds no test that was run, or no test is found now: nothing can be asked")
    writing = Lock()
    copies: Queue[Path] = Queue()
    with TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        for number in range(jobs):
            copy = Path(folder) / str(number)
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND), symlinks=True)
            (copy / ".venv").symlink_to(ROOT / ".venv")
            copies.put(copy)

        def ask(mutant: Mutant, row: dict[str, Any]) -> None:
            copy = copies.get()
            try:
                first = [test for found in row.values() for test in found["killed_by"]]
                row[suite] = _asked(copy, mutant, _tests(called, mutant, known, first), suite)
            except NotAsked as error:
                print(f"{suite}: not asked, {error}: {mutant.id}", flush=True)
                return
            finally:
                copies.put(copy)
            print(f"{suite}: {row[suite]} {mutant.id}", flush=True)
            with writing:
                _write(sample, rows)

        for _mutant, row in rows:
            if suite == "all" and row.get("quick", {}).get("killed_by"):
                row.setdefault("all", row["quick"])  # the quick suite is part of it
        for waiting in [pool.submit(ask, mutant, row) for mutant, row in rows if suite not in row]:
            waiting.result()


def _collected(suite: str) -> set[str]:
    """The tests of a suite, as pytest finds them now."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *(["--all"] if suite == "all" else [])]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    # A stroke in a parameter is taken for a path: such a test cannot be asked for by its name.
    return {line for line in said.splitlines() if "::" in line and "/" not in line.partition("[")[2]}


def _tests(called: list[Called], mutant: Mutant, known: set[str], first: list[str]) -> list[str]:
    """Those that call the function: whoever noticed it before, then the nearest of each file, as time allows."""
    found = [one for one in called if one.test in known and (mutant.file, mutant.function) in one.functions]
    rank: dict[str, int] = {}
    ordered = []
    for one in sorted(found, key=lambda one: one.distance):
        file = one.test.partition("::")[0]
        rank[file] = rank.get(file, -1) + 1
        ordered.append((one.test not in first, rank[file] // 3, one.distance, one))
    chosen, spent = [], 0.0
    for *_key, one in sorted(ordered, key=lambda row: row[:3]):
        if chosen and spent + one.seconds > SECONDS_OF_TESTS:
            continue
        chosen.append(one.test)
        spent += one.seconds
    return chosen[:200]


def _asked(copy: Path, mutant: Mutant, tests: list[str], suite: str) -> dict[str, Any]:
    if not tests:
        return {"killed_by": [], "tried": 0, "seconds": 0}
    file = copy / "school_protocol" / mutant.file
    source = file.read_text()
    began = time.monotonic()
    try:
        _put(file, mutant.applied(source))
        killers = _killers(copy, tests, suite)
    except LookupError as gone:
        return {"killed_by": [], "tried": 0, "seconds": 0, "gone": str(gone)}
    finally:
        _put(file, source)
    if killers and (broken := _killers(copy, [one for one in killers if "::" in one] or tests, suite)):
        raise NotAsked(f"{broken[0]} fails in the untouched copy, too")
    return {"killed_by": killers, "tried": len(tests), "seconds": round(time.monotonic() - began)}


def _put(file: Path, source: str) -> None:
    """With what was compiled of the former: two changes within a second are not told apart by their time."""
    file.write_text(source)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def _killers(copy: Path, tests: list[str], suite: str) -> list[str]:
    listed = copy / ".asked"
    listed.write_text("\n".join(tests))
    command = [
        sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "--no-header", f"--maxfail={ENOUGH}", "--timeout=60",
        "-p", "no:cacheprovider", *(["--all"] if suite == "all" else []), f"@{listed}",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    environment.pop(FOLDER, None)
    try:
        ran = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=MINUTES * 60, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotAsked(f"no answer within {MINUTES} minutes") from None
    if killers := _named(ran.stdout):
        return killers
    said = ran.stdout + ran.stderr
    if ran.returncode == 4 and "while loading conftest" not in said:
        raise NotAsked("; ".join(line for line in said.splitlines() if line.startswith("ERROR: not found")))
    return [] if ran.returncode in (0, 5) else [f"exit {ran.returncode}"]


def _named(said: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", said, re.MULTILINE)))


def _say(sample: Path) -> None:
    rows = _read(sample)
    suites = sorted({suite for _mutant, row in rows for suite in row})
    for suite in suites:
        answers = [(mutant, row[suite]) for mutant, row in rows if suite in row]
        killed = [found for _mutant, found in answers if found["killed_by"]]
        print(f"{suite}: {len(killed)} of {len(answers)} noticed")
        for mutant, found in answers:
            if not found["killed_by"]:
                print(f"    not noticed ({found['tried']} tests): {mutant.id}")
            elif len(found["killed_by"]) == 1:
                print(f"    by one alone: {found['killed_by'][0]}: {mutant.id}")


if __name__ == "__main__":
    sys.exit(main())
