"""Files made ahead, after many cases have moved at once: how soon they are fresh again, by a worker on one core."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from bench.copies import PROFILE
from bench.outcomes import Outcome, Skipped
from bench.prepared import MOVER, Prepared, prepare, tell
from school_protocol.case_files.models import PreparedPaperRow
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.models import CaseIndexRow
from school_protocol.ops.worker import make_ahead_once

if TYPE_CHECKING:
    from bench.rows import Workshop

CASES, SHARE = 40, 0.95
SECONDS = 2
"""A file may take at most so long, counted from when the worker begins until so many of them are fresh."""
MINUTE = 60
LOOKS = 0.1


def fresh_again(shop: Workshop) -> Outcome:
    """Seconds a file on the wall, on one core, from what the worker is rung for until 95 of 100 are fresh."""
    with _told(shop) as found, _one_core():
        cases = len(found.player.numbers)
        issue_case_file(found.ctx, found.player.actor(MOVER), found.number, PROFILE, "fr")
        _make_all(found)
        taken = [_turn(found, cases) for _again in range(min(shop.most, 3))]
    ratios = tuple(one / SECONDS for one in taken)
    quiet = found.ctx.settings.quiet.total_seconds()
    notes = (
        f"{cases} cases written to while nothing was made, until {SHARE:.0%} of the files are fresh; before it begins "
        f"the worker lets a case be quiet for {quiet:.0f} s and looks once a minute: at worst "
        f"{median(taken) + (quiet + MINUTE) / cases:.2f} s a file with both"
    )
    return Outcome(median(taken), SECONDS, median(ratios), ratios, notes)


@contextmanager
def _told(shop: Workshop) -> Iterator[Prepared]:
    """So many cases of one school; the few at hand where a bench is only tried out."""
    if shop.hurry:
        yield shop.ctx
        return
    with prepare(short_cases=0) as found:
        tell(found, CASES - 1)
        yield found


def _turn(found: Prepared, cases: int) -> float:
    note = {"as": MOVER, "do": "add_note", "answers": {"text": "Rien de nouveau."}}
    found.player.play([{**note, "case": name} for name in found.player.numbers])
    found.player.clock.advance(found.ctx.settings.quiet + timedelta(seconds=1))
    if _fresh(found):
        raise RuntimeError("a file is fresh though its case was written to")
    worker, began = threading.Thread(target=_make_all, args=(found,)), time.perf_counter()
    worker.start()
    try:
        while _fresh(found) < SHARE * cases:
            if not worker.is_alive() and _fresh(found) < SHARE * cases:
                raise RuntimeError(f"{_fresh(found)} of {cases} files are fresh, and nothing is left to be made")
            time.sleep(LOOKS)
        return (time.perf_counter() - began) / cases
    finally:
        worker.join()


def _make_all(found: Prepared) -> None:
    """What the worker does when it is rung, and rings itself for as long as something is left."""
    while make_ahead_once(found.ctx):
        pass


def _fresh(found: Prepared) -> int:
    """How many files are those of their case as it stands."""
    paper, case = PreparedPaperRow, CaseIndexRow
    is_fresh = and_(paper.case_id == case.case_id, paper.content_seq == case.last_seq)
    with found.ctx.realm.reading() as session:
        return session.scalar(select(func.count()).select_from(case).join(paper, is_fresh)) or 0


@contextmanager
def _one_core() -> Iterator[None]:
    """This process, and those that it starts, keep to one core."""
    if not hasattr(os, "sched_setaffinity"):
        raise Skipped("a process can't be kept to one core here")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
