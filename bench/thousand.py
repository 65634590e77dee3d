"""So many case files in one job, by a worker that is killed on the way: copies a case, seconds, memory, a page beside.

`python -m bench.thousand [CASES]` (1,000 take about half an hour on two cores, most of it to tell the cases).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from zipfile import ZipFile

from flask.testing import FlaskClient
from sqlalchemy import func, select

from bench.prepared import MOVER, Prepared, prepare, story_steps
from school_protocol.services.house import SystemClock
from school_protocol.services.papers.bulk import Wish, begin, see_job
from school_protocol.services.papers.bulk_files import LIST, zipped
from school_protocol.storage.tables import EventRow
from school_protocol.web import create_app

CASES = 1_000
STEPS = 9
"""Steps of the story that each case has gone through."""
KILLED_AT = 1 / 3
PAGES = 12
"""Requests of one sample of a page."""
LONGEST = 3 * 3600.0


@dataclass(slots=True)
class Seen:
    """What was measured while the job ran."""

    megabytes: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)


def main(cases: int = CASES) -> dict[str, Any]:
    """The figures of one job over so many cases."""
    with prepare(short_cases=0) as prepared:
        began = time.monotonic()
        tell(prepared, cases)
        said: dict[str, Any] = {"cases": cases + 1, "told_seconds": round(time.monotonic() - began)}
        prepared.house = replace(prepared.house, clock=SystemClock())
        prepared.app = create_app(prepared.house)
        client = prepared.client(MOVER)
        alone = [_page(client, prepared) for _ in range(120)]
        said.update(_worked(prepared, client), page_alone_ms=_spread(alone))
        said.update(_fetched(prepared, said["job"]))
        said["copies_a_case"] = _copies(prepared)
    said.pop("job")
    return said


def tell(prepared: Prepared, cases: int) -> None:
    """So many cases more, each as far as the first steps of the story lead."""
    steps = story_steps()[:STEPS]
    for place in range(cases):
        prepared.player.play([{**step, "case": f"case {place}"} for step in steps])
        if place and place % 100 == 0:
            print(f"… {place} cases told", file=sys.stderr, flush=True)


def _page(client: FlaskClient, prepared: Prepared) -> float:
    began = time.perf_counter()
    answer = client.get(f"/cases/{prepared.number}")
    assert answer.status_code == 200, answer.status
    return (time.perf_counter() - began) * 1000


def _worked(prepared: Prepared, client: FlaskClient) -> dict[str, Any]:
    actor = prepared.player.actor(MOVER)
    wish = Wish(offer=f"{prepared.protocol.protocol}/school", language="fr")
    job = begin(prepared.house, actor, wish, "bench").job
    began, seen, killed_at = time.monotonic(), Seen(), None
    with _worker(prepared.folder) as worker:
        while (state := see_job(prepared.house, actor, job)).is_running and time.monotonic() - began < LONGEST:
            if killed_at is None and state.done >= state.total * KILLED_AT:
                _kill(worker[0])
                worker[0] = _started(prepared.folder)
                killed_at = state.done
            seen.megabytes.append(_megabytes(worker[0].pid))
            seen.pages += [_page(client, prepared) for _ in range(PAGES)]
            time.sleep(2)
    took = time.monotonic() - began
    end = see_job(prepared.house, actor, job)
    fifth = max(1, len(seen.megabytes) // 5)
    return {
        "job": job,
        "job_seconds": round(took),
        "done": end.done,
        "refused": end.refused,
        "killed_after": killed_at,
        "megabytes_first_fifth": round(max(seen.megabytes[:fifth])),
        "megabytes_last_fifth": round(max(seen.megabytes[-fifth:])),
        "megabytes_most": round(max(seen.megabytes)),
        "page_beside_ms": _spread(seen.pages),
    }


@contextmanager
def _worker(folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    held = [_started(folder)]
    try:
        yield held
    finally:
        _kill(held[0])


def _started(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "school_protocol.cli", "worker"]
    environ = {**os.environ, "SCHOOL_PROTOCOL_DATA": str(folder)}
    return subprocess.Popen(command, env=environ, start_new_session=True, stdout=subprocess.DEVNULL)


def _kill(worker: subprocess.Popen[bytes]) -> None:
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def _megabytes(group: int) -> float:
    """Resident memory of every process of that group."""
    pages = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(path.name)) == group:
                pages += int((path / "statm").read_text().split()[1])
        except (OSError, ProcessLookupError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _spread(taken: list[float]) -> dict[str, float]:
    return {"median": round(median(taken), 1), "p95": round(quantiles(taken, n=20)[-1], 1), "requests": len(taken)}


def _fetched(prepared: Prepared, job: str) -> dict[str, Any]:
    path, began = prepared.folder / "all.zip", time.monotonic()
    with path.open("wb") as file:
        for part in zipped(prepared.house, prepared.player.actor(MOVER), job):
            file.write(part)
    with ZipFile(path) as archive:
        names = archive.namelist()
        broken = archive.testzip()
    return {
        "zip_files": len([name for name in names if name != LIST]),
        "zip_megabytes": round(path.stat().st_size / 2**20),
        "zip_seconds": round(time.monotonic() - began),
        "zip_broken": broken,
    }


def _copies(prepared: Prepared) -> dict[str, int]:
    """How many cases have how many copies."""
    with prepared.house.realm.reading() as session:
        each = select(func.count().label("copies")).select_from(EventRow).where(EventRow.kind == "DocumentIssued")
        copies = each.group_by(EventRow.case_id).subquery()
        query = select(copies.c.copies, func.count()).group_by(copies.c.copies)
        return {str(number): cases for number, cases in session.execute(query)}


if __name__ == "__main__":
    print(json.dumps(main(*(int(one) for one in sys.argv[1:])), indent=2))
