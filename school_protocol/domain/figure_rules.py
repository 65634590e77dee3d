"""What a definition says of the academy's figures: its tables, shares and waits, who reads them and who issues them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from school_protocol.domain.clock import Unit
from school_protocol.domain.texts import Keys, Model, Text

RowSource = Literal[
    "stages", "levels", "outcomes", "answers", "dangers", "danger_answers", "targets", "referral_answers"
]
"""What the rows of a table are: where open cases stand, the highest level, how cases ended, the answers to a question,
dangers and whether each was passed on or lifted, services told and whether they answered."""
UNTOLD: frozenset[RowSource] = frozenset({"stages", "outcomes"})
"""Neither counted nor told, though earlier versions ask for them: a definition proves who can have ended, so that these
rows and others tell together of few (of 103 cases 92 closed and 8 without a level: 3 are open and have one)."""


class CountedTable(Model):
    key: str = ""
    title: Text
    rows: RowSource
    act: str | None = None
    """Of `answers`: the act whose form asks."""
    field: str | None = None
    """Of `answers`: the question, one of closed choice."""
    months: bool = False
    """Told month by month, too."""


class Moment(Model):
    """The first time that one of these was recorded, or entered."""

    acts: Keys = ()
    states: Keys = ()


class Wait(Model):
    """How long it took from one moment to another, told as a median."""

    key: str = ""
    title: Text
    since: Moment | None = None
    """Without it: since the case was opened."""
    until: Moment
    unit: Unit
    classes: tuple[int, ...]
    """Upper bounds, rising: of each case only its class is counted."""


class FigureRules(Model):
    begins: int = Field(ge=1, le=12)
    """The month with whose first day the school year begins."""
    reads: Keys = ()
    """Roles that read the figures of the unit in which they are held."""
    issues: Keys = ()
    """Roles that issue the figures of the unit in which they are held, and of all below it."""
    tables: Mapping[str, CountedTable] = {}
    in_time: Keys = ()
    """Deadlines of which the share of cases is told in which it was met in time."""
    waits: Mapping[str, Wait] = {}
    public: Keys = ()
    """Tables that may stand on a page for everybody."""
