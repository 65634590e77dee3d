"""The latest figures of each school year side by side, in the words of one language: as a page and as sheets."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import xlsxwriter

from school_protocol.documents.papers.figure_lines import (
    Lines,
    figures_list,
    former_said,
    total_said,
    year_between,
)
from school_protocol.documents.papers.figure_sheets import MARKED, PLAIN, rows_written, sheet_of, withheld_said, written
from school_protocol.domain.figure_releases import GROUPS, Told
from school_protocol.domain.figure_tables import TOTALS, Cell, FigureTable
from school_protocol.wording import Wording

ABSENT = "–"
"""In a year whose figures had no such line."""


@dataclass(frozen=True, slots=True)
class YearsTable:
    """A table with one column a school year; each row: its title, and what each year tells."""

    title: str
    about: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    left: tuple[str, ...] = ()
    """Rows of which no year tells anything."""


class YearLines:
    """The same unit in several releases, one a school year, given from the earliest on. At least one.

    Columns begin with the latest year, so that a narrow page shows it; a year between of which nothing was issued has
    one, too.
    """

    def __init__(self, told: Sequence[Told], wording: Wording) -> None:
        self.w = wording
        self.each = tuple(Lines(one, wording) for one in reversed(told))
        by_year = {one.told.line.year: one for one in self.each}
        self.columns = tuple(
            (year_between(year), by_year.get(year)) for year in range(max(by_year), min(by_year) - 1, -1)
        )
        """Each school year with what is told of it; None: nothing was issued."""

    @property
    def years(self) -> tuple[str, ...]:
        return tuple(year for year, _lines in self.columns)

    @property
    def latest(self) -> Lines:
        return self.each[0]

    @property
    def has_former(self) -> bool:
        """Whether a count is repeated as an earlier release told it."""
        return any(one.unit.told["former"] and not one.is_all_former for one in self.each)

    def tables(self) -> tuple[YearsTable, ...]:
        """The totals and every table of which some year tells something, by the layout of the latest that has it."""
        layouts, w = self._layouts(), self.w
        totals = [(total_said(w, one), self._counts((TOTALS, one))) for one in GROUPS]
        found = [self._table(w._("At a glance"), "", totals)]
        for table in (one for one in layouts if one.kind == "rows" and self._tells(one)):
            found.append(self._table(w.text(table.title), self.latest.about(table), self._rows(table)))
        in_time = [(w.text(one.title), self._shares(one)) for one in layouts if one.kind == "share"]
        waits = [(w.text(one.title), self._medians(one)) for one in layouts if one.kind == "times"]
        found += [self._table(w._("Done in time"), "", in_time), self._table(w._("How long it took"), "", waits)]
        return tuple(one for one in found if one.rows)

    def _table(self, title: str, about: str, rows: Iterable[tuple[str, tuple[str, ...]]]) -> YearsTable:
        told, left, nothing = [], [], {ABSENT, self.w._("not told"), self.w._("nothing issued")}
        for row, said in rows:
            if nothing.issuperset(said):
                left.append(row)
            else:
                told.append((row, said))
        return YearsTable(title, about, tuple(told), tuple(left))

    def _layouts(self) -> tuple[FigureTable, ...]:
        """Every table that any of them has, as the latest one has it."""
        found = {table.key: table for lines in reversed(self.each) for table in lines.told.tables}
        latest = [table.key for table in self.latest.told.tables]
        return tuple(found[key] for key in (*latest, *(key for key in found if key not in latest)))

    def _rows(self, table: FigureTable) -> Iterator[tuple[str, tuple[str, ...]]]:
        rows = {row.key: row for lines in reversed(self.each) for one in _same(lines, table) for row in one.rows}
        order = [row.key for row in table.rows]
        for key in (*order, *(key for key in rows if key not in order)):
            yield self.latest.row_title(table, rows[key]), self._counts((table.key, key))

    def _counts(self, cell: Cell) -> tuple[str, ...]:
        return self._each(lambda lines: lines.count_said(cell) if _has(lines, cell) else ABSENT)

    def _shares(self, table: FigureTable) -> tuple[str, ...]:
        return self._each(lambda lines: lines.share_said(table) if _same(lines, table) else ABSENT)

    def _medians(self, table: FigureTable) -> tuple[str, ...]:
        """Each in the classes that its own year had."""
        return self._each(lambda lines: next((lines.median_said(one) for one in _same(lines, table)), ABSENT))

    def _tells(self, table: FigureTable) -> bool:
        return any(lines.tells(one) for lines in self.each for one in _same(lines, table))

    def _each(self, said: Callable[[Lines], str]) -> tuple[str, ...]:
        """What each year says, or that nothing was issued of it."""
        return tuple(said(lines) if lines is not None else self.w._("nothing issued") for _year, lines in self.columns)


def _same(lines: Lines, table: FigureTable) -> tuple[FigureTable, ...]:
    """That table as this release has it, or nothing."""
    return tuple(one for one in lines.told.tables if one.key == table.key)


def _has(lines: Lines, cell: Cell) -> bool:
    return cell[0] == TOTALS or any(
        row.key == cell[1] for table in lines.told.tables if table.key == cell[0] for row in table.rows
    )


def years_csv(told: Sequence[Told], wording: Wording) -> bytes:
    """Every cell of every year as a list: its first and last month say which year it is of."""
    return figures_list(told, wording)


def years_xlsx(told: Sequence[Told], wording: Wording) -> bytes:
    """One sheet, a column a school year; from the right to the left in Arabic."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, dict(PLAIN))
    bold, marked = book.add_format({"bold": True}), book.add_format(MARKED)
    lines, w = YearLines(told, wording), wording
    sheet = sheet_of(book, w, w._("School years side by side"))
    unit = lines.latest.unit
    head = [(lines.latest.unit_name(unit), unit.code), (withheld_said(w), "")]
    if lines.has_former:
        head.append((former_said(w, is_all=False), ""))
    row = rows_written(sheet, 0, head, marked)
    for table in lines.tables():
        written(sheet, row + 1, 0, table.title, bold)
        for column, year in enumerate(lines.years, 1):
            written(sheet, row + 1, column, year, bold)
        row = rows_written(sheet, row + 2, [(title, *said) for title, said in table.rows], marked, is_said=True)
    book.close()
    return out.getvalue()
