"""The debrief of a table, from what it played: by a script, or live; and what a page or a paper shows of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from school_protocol.documents.papers.debrief import TableDebrief, TrainerDebrief, table_debrief, trainer_debrief
from school_protocol.documents.papers.debrief_lines import told
from school_protocol.documents.papers.debrief_spread import SpreadTold, spread_told
from school_protocol.documents.papers.debrief_told import DebriefTold, MomentTold
from school_protocol.domain.debriefing import debrief
from school_protocol.domain.facts import Facts
from school_protocol.domain.findings import Debrief
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.scenario import Scenario
from school_protocol.domain.spread import compare
from school_protocol.domain.staging import Attempt, Table
from school_protocol.services.workshops.tables import Playing
from school_protocol.wording import Wording

# ---- worked out ----------------------------------------------------------------------------------------------------


def from_playing(playing: Playing) -> Debrief:
    """What is to be said of a table that a script has played so far."""
    cases = {name: playing.facts_of(name) for name in playing.player.numbers}
    return from_table(playing.player.protocol, playing.scenario, playing.table, cases, playing.attempts, playing.now)


def from_table(
    protocol: Protocol,
    scenario: Scenario | None,
    table: Table,
    cases: Mapping[str, Facts],
    attempts: Mapping[str, Sequence[Attempt]],
    ended: datetime,
) -> Debrief:
    """The same of any table: its cases by name, each with its facts at `ended`; what was refused, by case."""
    return debrief(protocol, cases, begun=table.begun, ended=ended, scenario=scenario, table=table, attempts=attempts)


# ---- shown ---------------------------------------------------------------------------------------------------------


def shown(found: Debrief, language: str, names: Mapping[str, str] | None = None) -> DebriefTold:
    """All lines of a table's debrief; `names`: accounts by what they are called at the table."""
    return told(found, Wording(language), names)


def side_by_side(tables: Mapping[str, Debrief], language: str) -> SpreadTold:
    """Tables by their names, beside each other; none: nothing."""
    first = next(iter(tables.values()), None)
    if first is None:
        return SpreadTold((), ())
    return spread_told(compare(tables), first.protocol, Wording(language))


@dataclass(frozen=True, slots=True)
class Frame:
    """Step `number` of `of` of a replay: what has happened, the latest line last, and the one that is looked at."""

    number: int
    of: int
    now: MomentTold
    before: tuple[MomentTold, ...]
    """The lines just before it, at most `BEFORE`."""


BEFORE = 3


def replay(lines: DebriefTold) -> Iterator[Frame]:
    """The line of time, step by step, with how the case stood after each."""
    moments = lines.moments
    for place, moment in enumerate(moments):
        yield Frame(place + 1, len(moments), moment, moments[max(place - BEFORE, 0) : place])


def frame(lines: DebriefTold, number: int) -> Frame | None:
    """Step `number`, from 1; None where there is no such step."""
    return next((one for one in replay(lines) if one.number == number), None)


# ---- on paper ------------------------------------------------------------------------------------------------------


def table_paper(
    found: Debrief, table: str, language: str, as_of: datetime, names: Mapping[str, str] | None = None
) -> bytes:
    """A table's PDF. Raises DocumentsUnavailable."""
    return table_debrief(TableDebrief(table, found, as_of, names or {}), Wording(language))


def trainer_paper(
    tables: Mapping[str, Debrief], workshop: str, language: str, as_of: datetime, empty: Sequence[str] = ()
) -> bytes:
    """The trainer's PDF, of one table at least; `empty`: what those are called where nobody sat.

    Raises DocumentsUnavailable.
    """
    return trainer_debrief(TrainerDebrief(tables, as_of, workshop, empty), Wording(language))
