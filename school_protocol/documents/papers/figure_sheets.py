"""A release as a workbook for a spreadsheet: the same lines as its page, one sheet a subject; nothing in it reckons."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from school_protocol.documents.papers.figure_lines import (
    COLUMNS,
    FORMER,
    Lines,
    figure_rows,
    former_said,
    header_said,
    year_said,
)
from school_protocol.documents.papers.register import plain_cell
from school_protocol.domain.figure_releases import Told
from school_protocol.wording import Wording

_WIDE, _NARROW = 52, 16
PLAIN = {
    "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
}  # fmt: skip
MARKED = {"num_format": f'0" {FORMER}"'}
"""How a number that is repeated shows its mark, and stays a number."""


def figures_xlsx(told: Told, wording: Wording) -> bytes:
    """The workbook; from the right to the left in Arabic. The same release gives the same cells."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, dict(PLAIN))
    lines = Lines(told, wording)
    book.set_properties({"title": lines.title, "created": told.line.issued_at.astimezone(UTC).replace(tzinfo=None)})
    _Sheets(book, lines, book.add_format({"bold": True}), book.add_format(MARKED)).write()
    book.close()
    return out.getvalue()


class Former(int):
    """A number that an earlier release told, and this one repeats."""


class _Sheets:
    def __init__(self, book: xlsxwriter.Workbook, lines: Lines, bold: Format, marked: Format) -> None:
        self.book, self.lines, self.w, self.bold, self.marked = book, lines, lines.w, bold, marked

    def write(self) -> None:
        self._first(self._sheet(self.w._("Figures")))
        self._months(self._sheet(self.w._("Month by month")))
        self._all(self._sheet(self.w._("All lines")))

    def _sheet(self, name: str) -> Worksheet:
        return sheet_of(self.book, self.w, name)

    def _first(self, sheet: Worksheet) -> None:
        """Which figures these are, and every table that is told."""
        lines, w = self.lines, self.w
        told = lines.told.line
        head: list[Sequence[str | int]] = [
            (lines.unit_name(lines.unit), lines.unit.code),
            (w._("School year %(year)s", year=year_said(told)), lines.period),
            (w._("Release"), told.number),
            (w._("When issued"), w.moment(told.issued_at)),
            (w._("Counted on"), w.moment(told.counted_at)),
            (w._("Digest of the protocol"), told.definition),
            (withheld_said(w), ""),
        ]
        if lines.has_former:
            head.append((former_said(w, is_all=lines.is_all_former), ""))
        row = rows_written(sheet, 0, head, self.marked)
        parts = [(w._("Totals"), lines.totals()), *((one.title, one.rows) for one in lines.tables())]
        parts += [(w._("Done in time"), lines.shares()), (w._("In half of the cases"), lines.medians())]
        for title, found in parts:
            if found:
                written(sheet, row + 1, 0, title, self.bold)
                rows = [(one.title, one.said if one.number is None else _number(one.said)) for one in found]
                row = rows_written(sheet, row + 2, rows, self.marked)
        below = [(name, one.code, _number(said)) for one, name, said in lines.children()]
        if below:
            written(sheet, row + 1, 0, w._("Cases opened, by place"), self.bold)
            row = rows_written(sheet, row + 2, below, self.marked)
        if lines.not_told():
            written(sheet, row + 1, 0, w._("Not told"), self.bold)
            rows_written(sheet, row + 2, [(title,) for title in lines.not_told()], self.marked)

    def _months(self, sheet: Worksheet) -> None:
        lines, w = self.lines, self.w
        for column, month in enumerate(lines.month_titles(), 1):
            written(sheet, 0, column, month, self.bold)
        months = [(w._("Cases opened"), *(_number(one.said) for one in lines.months()))]
        row = rows_written(sheet, 1, months, self.marked)
        for table in lines.tables():
            if table.months:
                written(sheet, row + 1, 0, table.title, self.bold)
                rows = [(title, *map(_number, said)) for title, said in table.months]
                row = rows_written(sheet, row + 2, rows, self.marked)

    def _all(self, sheet: Worksheet) -> None:
        """Every cell, withheld ones too, for whoever reckons on."""
        for column, name in enumerate(header_said(self.w)):
            written(sheet, 0, column, name, self.bold)
        rows = ([row[column] for column in COLUMNS] for row in figure_rows(self.lines.told, self.w))
        rows_written(sheet, 1, ([_told(value) for value in row] for row in rows), self.marked)


def sheet_of(book: xlsxwriter.Workbook, w: Wording, name: str) -> Worksheet:
    """A sheet whose first column is wide, in the direction of the language."""
    sheet = book.add_worksheet(name[:31])
    if w.direction == "rtl":
        sheet.right_to_left()
    sheet.set_column(0, 0, _WIDE)
    sheet.set_column(1, len(COLUMNS), _NARROW)
    return sheet


def withheld_said(w: Wording) -> str:
    """Why a figure may be missing."""
    return w._("Not told: fewer than five, or kept back so that nothing can be worked out.")


def rows_written(
    sheet: Worksheet, first: int, rows: Iterable[Sequence[str | int]], marked: Format, *, is_said: bool = False
) -> int:
    """The rows, one below the other; returns the next free one. `is_said`: numbers come as they are said on a page.

    `marked`: how a number of an earlier release shows its mark.
    """
    for cells in rows:
        for column, cell in enumerate(cells):
            value = _number(cell) if is_said and column and isinstance(cell, str) else cell
            if isinstance(value, int):
                sheet.write_number(first, column, value, marked if isinstance(value, Former) else None)
            else:
                written(sheet, first, column, value)
        first += 1
    return first


def written(sheet: Worksheet, row: int, column: int, value: str, form: Format | None = None) -> None:
    """A text stays one, whatever it begins with."""
    sheet.write_string(row, column, plain_cell(value), form)


def _number(said: str) -> str | int:
    plain = said.removesuffix(f" {FORMER}")
    if not (plain.isascii() and plain.isdigit()):
        return said
    return int(plain) if plain == said else Former(plain)


def _told(value: str | int | bool | None) -> str | int:
    if isinstance(value, bool):
        return int(value)
    return "" if value is None else value
