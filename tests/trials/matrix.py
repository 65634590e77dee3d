"""Who may do and see what: every address × everybody × every kind of case, against answers written by hand."""

from __future__ import annotations

import logging
from pathlib import Path

from authorization.matrix import Matrix
from authorization.planted import by_name
from authorization.world import opened

from trials.frame import Outcome, Size, Trial

PLANTED = ("cases.show is not in the table", "_one: , where_visible(scope, today) → nothing")
"""The controls: the asking itself is shown to see a door that is gone, and lists that are open to everybody."""


def run(size: Size, folder: Path) -> Outcome:
    """The short form asks for the pages of cases alone."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with opened(folder) as world:
            matrix = Matrix(world)
            parts = matrix.differences() if size is Size.whole else matrix.cases(["cases.show"], ("own", "early"))
            faults = tuple(parts)
            found = sum(fault.found(Matrix(world, counts=False)) is not None for fault in map(by_name, PLANTED))
    finally:
        logging.disable(before)
    return Outcome(matrix.tried, "answers", faults, len(PLANTED), found)


TRIALS = (Trial("matrix", "who may do and see what, as written by hand", 4_000, run),)
