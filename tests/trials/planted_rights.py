"""Faults in what decides who may do and see what: the matrix tells each of them."""

from __future__ import annotations

import logging
from pathlib import Path

from authorization.matrix import Matrix
from authorization.planted import Fault, by_name, every
from authorization.world import opened

from trials.frame import Outcome, Size, Trial

FEW = (
    "cases.show asks anyone", "cases.copies is not in the table", "yearly.index asks anyone",
    "_not_excluded: return not_(excluded.correlate(CaseIndexRow)) → return CaseIndexRow.case_id.is_not(None)",
    "_one: , where_visible(scope, today) → nothing",
    "_admitted: if not clause.sees_restricted → if False", "_admitted: if clause.only_team_states → if False",
    "_current: return _POSTS.starts <= today, in_time, → return in_time,",
)  # fmt: skip


def run(size: Size, folder: Path) -> Outcome:
    """Each fault that nothing tells is a fault of the matrix, by its name."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        faults = every() if size is Size.whole else [by_name(name) for name in FEW]
        with opened(folder) as world:
            matrix = Matrix(world, counts=False)
            survivors = tuple(f"nothing tells: {fault.name}" for fault in faults if _survives(fault, matrix))
    finally:
        logging.disable(before)
    return Outcome(matrix.tried, "answers", survivors, len(faults), len(faults) - len(survivors))


def _survives(fault: Fault, matrix: Matrix) -> bool:
    return fault.found(matrix) is None


TRIALS = (Trial("planted-rights", "faults in rights, each told by the matrix", 1_000, run),)
