"""Presenters of figures: a release in the words of one language, for pages, reports and sheets; how far one is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from school_protocol.engine import case_summary
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.statistics.models import FigureJobRow, State
from school_protocol.statistics.rules import (
    GROUPS,
    MORE,
    TOTALS,
    WHOLE,
    Band,
    Cell,
    FigureRow,
    FigureTable,
    ReleasePeriod,
    Told,
    UnitFigures,
)

_BETWEEN = {"fr": ";", "ar": ";"}
"""What parts columns for spreadsheets in these languages, where a comma stands in numbers."""
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a text for a formula, full-width signs among it."""
STEPS = 20
"""How finely the length of a bar is told."""
COLUMNS = (
    "unit", "unit_name", "from", "until", "month", "table", "table_title", "row", "row_title", "what", "value",
    "upper", "about",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is shown: `number` None: no count; how long its bar is, in twentieths of the longest."""

    title: str
    said: str
    number: int | None = None
    bar: int = 0


@dataclass(frozen=True, slots=True)
class TableLines:
    """A table that is told: what it is of, and its rows."""

    key: str
    title: str
    about: str
    rows: tuple[Line, ...]


class Letterhead:
    """Who stands at the head of a paper about a place, and how a line of its pages is written."""

    def __init__(self, protocol: Protocol, places: Sequence[Unit], wording: Wording) -> None:
        self.protocol, self.places, self.w = protocol, places, wording

    def line(self, value: object) -> Markup:
        return bidi.isolated(str(value), self.w.direction)

    def text(self, text: Any) -> Markup:
        return self.line(self.w.text(text))

    def above(self) -> Iterator[Markup]:
        """The places above, from the top."""
        declared = self.protocol.letterhead
        yield from (self.text(one) for one in declared)
        places = [one for one in reversed(self.places) if not (declared and one.kind is UnitKind.country)]
        yield from (self.text(one.names) for one in places)


class Lines:
    """What pages, reports and sheets ask of a release as one unit reads it."""

    def __init__(self, told: Told, wording: Wording) -> None:
        self.told, self.w = told, wording
        self.unit = told.unit

    # ---- which figures these are ---------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        return f"{self.w._('Figures')} {period_label(self.w, self.told.line.period)}"

    @property
    def period(self) -> str:
        """From which month to which."""
        months = self.told.line.months
        first, last = month_label(self.w, months[0]), month_label(self.w, months[-1])
        return first if first == last else self.w._("%(first)s to %(last)s", first=first, last=last)

    def unit_name(self, one: UnitFigures) -> str:
        return self.w.text(one.unit.names)

    # ---- tables --------------------------------------------------------------------------------------------------

    def totals(self) -> tuple[Line, ...]:
        return tuple(self._line(total_label(self.w, one), (TOTALS, one)) for one in GROUPS)

    def tables(self) -> tuple[TableLines, ...]:
        """The tables of counts that are told of such a unit and period."""
        return tuple(self._table(one) for one in self.told.tables if one.kind == "rows" and self.tells(one))

    def not_told(self) -> tuple[str, ...]:
        """Shares and medians that too few cases stand behind, by title; nothing where no table is told at all."""
        found = [one for one in self.told.tables if one.kind != "rows" and not self.tells(one)]
        return tuple(dict.fromkeys(self.w.text(one.title) for one in found)) if self.tables() else ()

    def shares(self) -> tuple[Line, ...]:
        """In which share of cases each deadline was met in time."""
        found = ((one, self.unit.share(one.key)) for one in self.told.tables if one.kind == "share")
        return tuple(
            Line(self.w.text(one.title), share_told(self.w, share), None, share[0] * STEPS // 100)
            for one, share in found
            if share is not None
        )

    def medians(self) -> tuple[Line, ...]:
        """How long it took in half of the cases."""
        found = ((one, self.unit.median(one.key)) for one in self.told.tables if one.kind == "times")
        return tuple(Line(self.w.text(one.title), self.class_label(one, row)) for one, row in found if row is not None)

    def months(self) -> tuple[Line, ...]:
        """All cases, month by month; none where no month is told."""
        cell, months = (TOTALS, case_summary.CASES), self.told.line.months
        numbers = [self.unit.at(cell, month) for month in months]
        if any(number is None for number in numbers):
            return ()
        longest = max(number or 0 for number in numbers)
        return tuple(self._line(month_label(self.w, month), cell, month, longest) for month in months)

    def children(self) -> tuple[tuple[UnitFigures, str, str], ...]:
        """Those right below, by code, with name and number of cases: nothing is ranked."""
        cell = (TOTALS, case_summary.CASES)
        return tuple((one, self.unit_name(one), str(one.at(cell))) for one in self.told.children)

    def _table(self, table: FigureTable) -> TableLines:
        longest = max((self.unit.at((table.key, row.key)) or 0 for row in table.rows), default=0)
        rows = tuple(
            self._line(self.row_title(table, row), (table.key, row.key), longest=longest) for row in table.rows
        )
        return TableLines(table.key, self.w.text(table.title), self.about(table), rows)

    def _line(self, title: str, cell: Cell, month: str = WHOLE, longest: int = 0) -> Line:
        number = self.unit.at(cell, month)
        return Line(title, str(number), number, _bar(number, longest))

    def tells(self, table: FigureTable) -> bool:
        """Whether that table is told of this unit."""
        match table.kind:
            case "share":
                return self.unit.share(table.key) is not None
            case "times":
                return self.unit.median(table.key) is not None
            case _:
                return any(self.unit.at((table.key, row.key)) is not None for row in table.rows)

    # ---- one figure ----------------------------------------------------------------------------------------------

    def share_label(self, table: FigureTable) -> str:
        """In which share of cases a deadline was met in time, or that these are too few."""
        share = self.unit.share(table.key)
        return share_told(self.w, share) if share is not None else self.w._("too few cases")

    def median_said(self, table: FigureTable) -> str:
        """How long it took in half of the cases, or that these are too few."""
        row = self.unit.median(table.key)
        return self.class_label(table, row) if row is not None else self.w._("too few cases")

    # ---- saying things -------------------------------------------------------------------------------------------

    def about(self, table: FigureTable) -> str:
        """What its rows are of, where they are not simply of all cases."""
        said = []
        if table.of == case_summary.DANGERS:
            said.append(self.w._("Of the cases with a danger."))
        if table.of == case_summary.REFERRALS:
            said.append(self.w._("Of the cases with a referral."))
        if table.overlaps:
            said.append(self.w._("One case may stand in several lines: they do not add up."))
        return " ".join(said)

    def row_title(self, table: FigureTable, row: FigureRow) -> str:
        if row.title is not None:
            return self.w.text(row.title)
        if table.kind == "times":
            return self.class_label(table, row.key)
        if not row.key.startswith("~"):
            return self.w.yes_no(row.key)
        special = special_said(self.w, is_danger=table.of == case_summary.DANGERS)
        return {**special, case_summary.NONE: self.w._("Not recorded")}[row.key]

    def class_label(self, table: FigureTable, key: str) -> str:
        """A class of a wait, as a time."""
        assert table.unit is not None
        if key == MORE:
            last = next(row.key for row in reversed(table.rows) if row.key != MORE)
            return self.w._("longer than this: %(within)s", within=self.w.within(int(last), table.unit))
        return self.w.within(int(key), table.unit) if int(key) else self.w._("on the same day")


def _bar(number: int | None, longest: int) -> int:
    return 0 if not number or not longest else max(1, number * STEPS // longest)


def year_between(year: int) -> str:
    """The school year that begins then."""
    return f"{year}–{year + 1}"


def period_label(w: Wording, period: ReleasePeriod) -> str:
    """A school year, or which quarter of it, within a line of any direction."""
    year = f"\u2066{year_between(period.year)}\u2069"
    if not period.quarter:
        return year
    said = {
        1: w._("%(year)s, first quarter", year=year),
        2: w._("%(year)s, second quarter", year=year),
        3: w._("%(year)s, third quarter", year=year),
        4: w._("%(year)s, fourth quarter", year=year),
    }
    return said[period.quarter]


def month_label(w: Wording, month: str, *, short: bool = False) -> str:
    day = date(int(month[:4]), int(month[5:]), 1)
    return w.dated(day, "LLL y" if short else "LLLL y")


def total_label(w: Wording, total: str) -> str:
    said = {
        case_summary.CASES: w._("Cases opened"),
        case_summary.DANGERS: w._("with a danger raised"),
        case_summary.REFERRALS: w._("with a referral"),
    }
    return said[total]


def band_said(w: Wording, band: Band) -> str:
    """A count by its ten."""
    if not band.low:
        return w._("fewer than %(number)s", number=band.high + 1)
    return w._("%(low)s to %(high)s", low=band.low, high=band.high)


def special_said(w: Wording, *, is_danger: bool) -> dict[str, str]:
    """Rows for which no definition has a title; of dangers, or else of referrals."""
    answered = w._("Every danger passed on or lifted") if is_danger else w._("Answered, nothing awaited")
    return {
        case_summary.OPEN: w._("Still open"),
        case_summary.EARLIER: w._("A choice of an earlier version of the protocol"),
        case_summary.ANSWERED: answered,
        case_summary.AWAITED: w._("A danger still to be passed on") if is_danger else w._("An answer is awaited"),
        case_summary.UNASKED: w._("No answer is expected"),
    }


def share_label(w: Wording, share: tuple[int, int]) -> str:
    low, high = w.percent(share[0]), w.percent(share[1])
    if share[1] == 100:
        return w._("%(low)s or more", low=low)
    if share[0] == 0:
        return w._("less than %(high)s", high=high)
    return w._("%(low)s to %(high)s", low=low, high=high)


def share_told(w: Wording, share: tuple[int, int, int]) -> str:
    """A share of a release, and between which two it lies."""
    told, low, high = (w.percent(one) for one in share)
    return w._("about %(share)s (%(low)s to %(high)s)", share=told, low=low, high=high)


def noise_text(w: Wording) -> str:
    """What everybody must know who reads such a number."""
    return w._(
        "Each number bears a little noise, so that it tells of nobody: 95 of 100 are at most 4 off, none is more than "
        "10. Where 0 or a small number stands, there may be some cases or none; sums differ by 3 on average."
    )


# ---- as rows -------------------------------------------------------------------------------------------------------


def figure_rows(told: Told, wording: Wording) -> Iterator[Mapping[str, str | int | None]]:
    """Everything that is told of the unit, by the keys of COLUMNS; then the totals of those right below it."""
    lines = Lines(told, wording)
    months = (WHOLE, *told.line.months)
    for total in GROUPS:
        said = (TOTALS, wording._("Totals"), total, total_label(wording, total))
        for month in months:
            number = told.unit.at((TOTALS, total), month)
            if number is not None:
                yield _row(lines, told.unit, said, "count", number, month=month)
    for table in told.tables:
        yield from _rows_of(lines, table)
    for one in told.children:
        said = (TOTALS, wording._("Totals"), case_summary.CASES, total_label(wording, case_summary.CASES))
        yield _row(lines, one, said, "count", one.at((TOTALS, case_summary.CASES)))


def _rows_of(lines: Lines, table: FigureTable) -> Iterator[Mapping[str, str | int | None]]:
    unit, title = lines.unit, lines.w.text(table.title)
    if not lines.tells(table):
        return
    match table.kind:
        case "rows":
            for row in table.rows:
                said = (table.key, title, row.key, lines.row_title(table, row))
                yield _row(lines, unit, said, "count", unit.at((table.key, row.key)))
        case "share":
            about, low, high = unit.share(table.key) or (None, None, None)
            yield _row(lines, unit, (table.key, title, "", ""), "share", low, high, about)
        case "times":
            key = unit.median(table.key) or ""
            yield _row(lines, unit, (table.key, title, key, lines.class_label(table, key)), "median")


def _row(
    lines: Lines, unit: UnitFigures, said: tuple[str, str, str, str], what: str, value: int | None = None,
    upper: int | None = None, about: int | None = None, *, month: str = WHOLE,
) -> dict[str, str | int | None]:  # fmt: skip
    months = lines.told.line.months
    values = (unit.code, lines.unit_name(unit), months[0], months[-1], month or None, *said, what, value, upper, about)
    return dict(zip(COLUMNS, values, strict=True))


def figures_csv(told: Told, wording: Wording) -> bytes:
    """The same as a list for programs: UTF-8 with its mark, commas between; nothing in it is reckoned as a formula."""
    return _csv([told], wording, COLUMNS, ",")


def figures_list(told: Sequence[Told], wording: Wording) -> bytes:
    """The lists of releases, one after the other, for a spreadsheet in the language of whoever takes them."""
    return _csv(told, wording, header_label(wording), _BETWEEN.get(wording.language, ","))


def _csv(told: Sequence[Told], wording: Wording, header: Sequence[str], between: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=between, lineterminator="\r\n")
    writer.writerow([plain_cell(name) for name in header])
    for row in (row for one in told for row in figure_rows(one, wording)):
        writer.writerow([plain_cell(_cell(row[column])) for column in COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def plain_cell(cell: str) -> str:
    """A cell that is read as text: an apostrophe before what would be reckoned."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell


def _cell(value: str | int | None) -> str:
    return "" if value is None else str(value)


def header_label(w: Wording) -> tuple[str, ...]:
    """The columns in words."""
    return (
        w._("Code"), w._("Place"), w._("From"), w._("Until"), w._("Month"), w._("Table"), w._("Title of the table"),
        w._("Row"), w._("Title of the row"), w._("What is told"), w._("Value"), w._("Up to"), w._("Approximately"),
    )  # fmt: skip


# ---- figures that are being worked out, or were not issued ---------------------------------------------------------


def job_said(w: Wording, job: FigureJobRow) -> str:
    """What its page is headed with: figures that are being worked out, that are issued, or that are not."""
    year = period_label(w, ReleasePeriod(job.year, job.quarter or 0))
    if job.is_running:
        return w._("Issuing figures %(year)s", year=year)
    if job.state == State.issued:
        return w._("Figures %(year)s", year=year)
    return w._("Figures %(year)s: not issued", year=year)


def fault_message(w: Wording, code: str) -> str:
    """Why nothing was issued."""
    said = {
        "as_before": w._("They are told already, and what was told once is not told again."),
        "not_allowed": w._("Whoever asked for them may not issue figures here any more."),
    }
    return said.get(
        code, w._("They could not be worked out. Whoever looks after the server finds the reason in the log.")
    )
