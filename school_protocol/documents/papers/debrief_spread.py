"""Tables beside each other, in the words of one language: a column for each, the spread last, nothing averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from school_protocol.documents.papers.debrief_told import VERDICTS, duration_said
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.reliving import Verdict
from school_protocol.domain.spread import Row, Spread, Value
from school_protocol.wording import N_, Wording


@dataclass(frozen=True, slots=True)
class CellTold:
    said: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class RowTold:
    """`spread` is empty where it says nothing; `differs`: whether the tables do not all say the same."""

    title: str
    cells: tuple[CellTold, ...]
    spread: str
    differs: bool


@dataclass(frozen=True, slots=True)
class SectionTold:
    title: str
    rows: tuple[RowTold, ...]
    has_spread: bool


@dataclass(frozen=True, slots=True)
class SpreadTold:
    tables: tuple[str, ...]
    sections: tuple[SectionTold, ...]


_SECTIONS = (
    (("items", "grids", "levels"), N_("The grid, table by table")),
    (("measures",), N_("How long it took")),
    (("duties",), N_("Duties")),
    (("dangers",), N_("Dangers raised, since the beginning")),
    (("traps",), N_("Traps")),
)


def spread_told(spread: Spread, protocol: Protocol, wording: Wording) -> SpreadTold:
    """The comparison in that language; a section without rows is left out."""
    teller = _Teller(protocol, wording)
    sections = []
    for parts, title in _SECTIONS:
        rows = tuple(teller.row(row) for row in spread.of(*parts))
        if rows:
            sections.append(SectionTold(wording._(title), rows, any(row.spread for row in rows)))
    return SpreadTold(spread.tables, tuple(sections))


class _Teller:
    def __init__(self, protocol: Protocol, wording: Wording) -> None:
        self.protocol, self.w = protocol, wording

    def row(self, row: Row) -> RowTold:
        cells = tuple(self.cell(row, value) for value in row.values)
        return RowTold(self.title(row), cells, " · ".join(self.apart(row)), row.distinct > 1)

    def title(self, row: Row) -> str:
        w = self.w
        if row.part == "levels":
            return w._("Level")
        return w._("Points, at most") if row.part == "grids" else w.text(row.title)

    def cell(self, row: Row, value: Value) -> CellTold:
        w = self.w
        if isinstance(value, Verdict):
            said, tone = VERDICTS[value]
            return CellTold(w._(said), tone)
        if isinstance(value, bool):
            return CellTold(w._("Fell into it"), "late") if value else CellTold(w._("Avoided"), "ok")
        if isinstance(value, timedelta):
            return CellTold(duration_said(w, value))
        if value is None:
            return CellTold(w._("Not seen"), "late") if row.part == "dangers" else CellTold("–")
        return CellTold(str(value))

    def apart(self, row: Row) -> Iterator[str]:
        """How far the tables lie apart, and how many levels they found."""
        w = self.w
        if isinstance(row.spread, timedelta):
            yield duration_said(w, row.spread)
        elif row.spread is not None:
            yield str(row.spread)
        if row.part == "levels" and row.distinct:
            yield w.ngettext("%(num)d level", "%(num)d different levels", row.distinct)
