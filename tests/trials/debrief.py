"""Tables played with errors planted by chance: the debrief names what an onlooker noted, and nothing else.

The planted faults are debriefs worked out wrongly: one that forgets lateness, one that blames everybody, and so
on. Each must be found out on the tables that were played.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from training.planting import SHIPPED, Made, walked

from school_protocol.training import case_timeline, debrief
from school_protocol.training.case_timeline import Fate
from school_protocol.training.findings import Kind
from trials.frame import Outcome, Size, Trial

TABLES = {Size.short: 2, Size.whole: 26}
TO_THE_END = {Size.short: 0, Size.whole: 4}


def _forgets(fate: Fate) -> Callable[[], AbstractContextManager[Any]]:
    """A debrief that takes such counts for met in time."""
    real = case_timeline._Walk._count

    def count(self: Any, life: Any) -> Any:
        found = real(self, life)
        return replace(found, fate=Fate.kept) if found.fate is fate else found

    return lambda: patch.object(case_timeline._Walk, "_count", count)


def _blames(kind: Kind) -> Callable[[], AbstractContextManager[Any]]:
    """A debrief that says of every refusal that it was of that kind."""
    return lambda: patch.object(debrief, "_kinds", lambda *_all: iter((kind,)))


def _hears_no_refusal() -> AbstractContextManager[Any]:
    return patch.object(debrief, "_kinds", lambda *_all: iter(()))


def _knows_only_the_end() -> AbstractContextManager[Any]:
    """Looks at the case as it stands at its end alone, as a list of what is due does."""
    real = case_timeline._Walk._look

    def look(self: Any, now: Any, group: Any) -> Any:
        return real(self, now, group) if now == self.facts.now and not group else ()

    return patch.object(case_timeline._Walk, "_look", look)


def _names_no_departure() -> AbstractContextManager[Any]:
    real = debrief._Debriefing._find

    def find(self: Any, draft: Any, finding: Any) -> None:
        if finding.kind is not Kind.departure:
            real(self, draft, finding)

    return patch.object(debrief._Debriefing, "_find", find)


PLANTED: tuple[Callable[[], AbstractContextManager[Any]], ...] = (
    _hears_no_refusal,
    _blames(Kind.wrong_role),
    _forgets(Fate.late),
    _forgets(Fate.left_out),
    _blames(Kind.wrong_order),
    _names_no_departure,
    _knows_only_the_end,
)
"""Debriefs worked out wrongly."""


def run(size: Size, _folder: Path) -> Outcome:
    """So many tables of each scenario; then the same tables debriefed wrongly."""
    made = [
        one
        for path in SHIPPED
        for one in walked(path, 2027, TABLES[size], to_the_end=TO_THE_END[size], plain=size is Size.whole)
    ]
    faults = [fault for one in made for fault in one.faults()]
    planted = PLANTED[:2] if size is Size.short else PLANTED
    found = sum(_is_found_out(made, wrongly) for wrongly in planted)
    errors = sum(one.noted.total() for one in made)
    clean = sum(not one.noted for one in made)
    unit = f"tables with {errors} errors in all ({clean} without any)"
    return Outcome(len(made), unit, tuple(faults), len(planted), found)


def _is_found_out(made: Sequence[Made], wrongly: Callable[[], AbstractContextManager[Any]]) -> bool:
    with wrongly():
        return any(one.faults() for one in made)


TRIALS = (Trial("debrief", "the debrief of a table names what went wrong there, and nothing else", 100, run),)
