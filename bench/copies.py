"""Rows of copies: issuing one whose pages are made ahead, peers, many at once, a page beside typesetting."""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.baselines import plain_text
from bench.measuring import Work, pairs, wall
from bench.prepared import MOVER, ROOT, Prepared
from school_protocol.case_files import pages as case_files_pages
from school_protocol.case_files.prepare_process import Crew
from school_protocol.case_files.service import academy_of, issue_case_file, signed
from school_protocol.context import AppContext
from school_protocol.language import Wording
from school_protocol.pdf.assemble import assembled, overlay
from school_protocol.pdf.rendering import render
from school_protocol.pdf.signing_keys import Validity, make_authority
from school_protocol.pdf.verdicts import Copy

PROFILE = "school"
FILES = 8
"""Case files of one sample of many at once."""
REQUESTS = 120


def has(module: str) -> bool:
    """Whether a peer is installed."""
    return importlib.util.find_spec(module) is not None


# ---- one copy ------------------------------------------------------------------------------------------------------


@contextmanager
def issuing(ctx: Prepared, language: str) -> Iterator[Callable[[], bytes]]:
    """Gives what issues a signed copy of the long case: its pages made ahead, the rows put back after each sample."""
    _keys(ctx)
    actor = ctx.player.actor(MOVER)

    def issue() -> bytes:
        return issue_case_file(ctx.ctx, actor, ctx.number, PROFILE, language).data

    with ctx.put_back() as back:
        issue()
        try:
            yield issue
        finally:
            back()


def _keys(ctx: Prepared) -> None:
    """An authority of the installation's own, and the key of its academy."""
    now = ctx.ctx.now()
    academy = academy_of(ctx.ctx, ctx.loaded(MOVER).around.unit)
    validity = Validity(now - timedelta(days=365), now + timedelta(days=3650))
    folder = ctx.ctx.settings.data / "signing"
    if not folder.is_dir():
        make_authority(folder, "Root", {academy.code: "Academy"}, validity)


def where_it_goes(ctx: Prepared, language: str, pages: bytes) -> str:
    """Milliseconds of the steps of one copy."""
    loaded, w = ctx.loaded(MOVER), Wording(language)
    copy = Copy(1, "Reader", loaded.now, "0" * 64, 1)
    drawn = overlay(copy, w)
    whole = assembled(pages, drawn, copy, has_record=False)
    steps: dict[str, Callable[[], object]] = {
        "load": lambda: ctx.loaded(MOVER),
        "draw the stamp": lambda: overlay(copy, w),
        "lay it on, attach": lambda: assembled(pages, drawn, copy, has_record=False),
        "sign": lambda: signed(ctx.ctx, loaded.around.unit, whole, loaded.now, w),
    }
    return ", ".join(f"{name} {median(_taken(step) for _ in range(9)) * 1000:.0f} ms" for name, step in steps.items())


def _taken(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def text_of(page: Path) -> list[plain_text.Block]:
    return plain_text.blocks_of(page)


# ---- many at once --------------------------------------------------------------------------------------------------


def typeset(ctx: AppContext, html: str) -> int:
    """The page of one case file set as PDF, by a process of its own; how long it is."""
    made = render(html, title="T", language="fr", identifier="x", moment=ctx.now(), accessible=True)
    return len(made)


def page_of(ctx: Prepared) -> str:
    return case_files_pages.case_file_html(ctx.file, Wording("fr"))


@dataclass(slots=True)
class Many:
    """So many case files by so many processes, which are warm."""

    html: str
    crew: Crew
    now: datetime

    def __call__(self) -> None:
        threads = [threading.Thread(target=self._some) for _hand in range(self.crew.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _some(self) -> None:
        for _file in range(FILES // self.crew.size):
            self.crew.do(typeset, self.html, now=self.now)


@contextmanager
def crew_of(ctx: Prepared, size: int) -> Iterator[Crew]:
    """Processes that find the work of this file."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))
    try:
        with Crew(ctx.ctx.settings, size) as crew:
            yield crew
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def two_against_one(ctx: Prepared, most: int) -> Any:
    """Seconds on the wall of the same files by two processes, and by one."""
    with crew_of(ctx, 2) as two, crew_of(ctx, 1) as one:
        html, now = page_of(ctx), ctx.ctx.now()
        return pairs(Work(Many(html, two, now)), Work(Many(html, one, now)), clock=wall, most=most)


def page_beside(ctx: Prepared, ask: Callable[[], bytes], most: int) -> list[tuple[float, float]]:
    """The 95th of a hundred requests, in seconds, while one process typesets, and while none does; in turns."""
    found = []
    with crew_of(ctx, 1) as crew:
        html, now = page_of(ctx), ctx.ctx.now()
        crew.do(typeset, html, now=now)
        for _turn in range(most):
            stopped = threading.Event()
            thread = threading.Thread(target=_stream, args=(html, now, crew, stopped))
            thread.start()
            beside = slow(ask)
            stopped.set()
            thread.join()
            found.append((beside, slow(ask)))
    return found


def _stream(html: str, now: datetime, crew: Crew, stopped: threading.Event) -> None:
    while not stopped.is_set():
        crew.do(typeset, html, now=now)


def slow(ask: Callable[[], bytes]) -> float:
    """Seconds of the 95th of a hundred."""
    return quantiles([_taken(ask) for _ in range(REQUESTS)], n=20)[-1]
