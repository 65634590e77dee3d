"""Presenters of figures: a release in the words of one language, for pages, reports and sheets; how far one is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from school_protocol.case_files.letter_pages import plain_cell
from school_protocol.engine import case_summary
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.statistics.models import FigureJobRow, State
from school_protocol.statistics.rules import (
    ENDED,
    GROUPS,
    MORE,
    TOTALS,
    WHOLE,
    Band,
    Cell,
    Changed,
    FigureRow,
    FigureTable,
    Told,
    UnitFigures,
)

FORMER = "*"
"""Beside a count that an earlier release told, and this one repeats."""
_BETWEEN = {"fr": ";", "ar": ";"}
"""What parts columns for spreadsheets in these languages, where a comma stands in numbers."""
STEPS = 20
"""How finely the length of a bar is told."""
COLUMNS = (
    "unit", "unit_name", "from", "until", "month", "table", "table_title", "row", "row_title", "what", "value",
    "upper", "withheld", "as_before",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is shown: `number` None: withheld; how long its bar is, in twentieths of the longest."""

    title: str
    said: str
    number: int | None = None
    bar: int = 0
    is_former: bool = False
    """An earlier release's."""


@dataclass(frozen=True, slots=True)
class TableLines:
    """A table that is told: what it is of, the rows that are told, the others by title, and it month by month."""

    key: str
    title: str
    about: str
    rows: tuple[Line, ...]
    left: tuple[str, ...] = ()
    """Rows that are not told."""
    months: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Title of a row, and what is said of each month."""


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
        return f"{self.w._('Figures')} {year_between(self.told.line.year)}"

    @property
    def period(self) -> str:
        """From which month to which."""
        months = self.told.line.months
        first, last = month_label(self.w, months[0]), month_label(self.w, months[-1])
        return first if first == last else self.w._("%(first)s to %(last)s", first=first, last=last)

    @property
    def has_former(self) -> bool:
        """Whether a count is repeated as an earlier release told it."""
        return any(one.told["former"] for one in (self.unit, *self.told.children))

    @property
    def is_all_former(self) -> bool:
        """Whether this unit is told nothing but what was told before: then no count bears a mark."""
        cells = [key for rows in self.unit.told["cells"].values() for row in rows.values() for key in row]
        return bool(cells) and len(self.unit.told["former"]) == len(cells)

    @property
    def is_told(self) -> bool:
        """Whether anything is told of this unit."""
        return self.unit.at((TOTALS, case_summary.CASES)) is not None

    def unit_name(self, one: UnitFigures) -> str:
        name = self.w.text(one.unit.names)
        if not one.is_own_part:
            return name
        own = {
            UnitKind.province: self.w._("The directorate itself"),
            UnitKind.region: self.w._("The academy itself"),
        }
        return own.get(one.unit.kind, self.w._("At no place below"))

    # ---- tables --------------------------------------------------------------------------------------------------

    def totals(self) -> tuple[Line, ...]:
        return tuple(self._line(total_label(self.w, one), (TOTALS, one)) for one in GROUPS)

    def tables(self) -> tuple[TableLines, ...]:
        """The tables of which something is told."""
        return tuple(self._table(one) for one in self.told.tables if one.kind == "rows" and self.tells(one))

    def not_told(self) -> tuple[str, ...]:
        """The others, by title."""
        found = [self.w.text(one.title) for one in self.told.tables if not self.tells(one)]
        return tuple(dict.fromkeys(found))

    def shares(self) -> tuple[Line, ...]:
        """In which share of cases each deadline was met in time."""
        found = ((one, self.unit.share(one.key)) for one in self.told.tables if one.kind == "share")
        return tuple(
            Line(self.w.text(one.title), share_label(self.w, share), None, share[0] * STEPS // 100)
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
        if all(number is None for number in numbers):
            return ()
        longest = max(number or 0 for number in numbers)
        return tuple(self._line(month_label(self.w, month), cell, month, longest) for month in months)

    def month_titles(self) -> tuple[str, ...]:
        return tuple(month_label(self.w, month, short=True) for month in self.told.line.months)

    def children(self) -> tuple[tuple[UnitFigures, str, str], ...]:
        """Those right below of which the cases are told, by code, with name and number: nothing is ranked."""
        cell = (TOTALS, case_summary.CASES)
        found = ((one, one.at(cell)) for one in self.told.children)
        return tuple(
            (one, self.unit_name(one), self._said(number, is_former=one.is_former(cell)))
            for one, number in found
            if number is not None
        )

    @property
    def children_left(self) -> int:
        """Of how many of them nothing is told."""
        return len(self.told.children) - len(self.children())

    def _table(self, table: FigureTable) -> TableLines:
        longest = max((self.unit.at((table.key, row.key)) or 0 for row in table.rows), default=0)
        rows = tuple(
            self._line(self.row_title(table, row), (table.key, row.key), longest=longest) for row in table.rows
        )
        told = tuple(row for row in rows if row.number is not None)
        left = tuple(row.title for row in rows if row.number is None)
        months = tuple(self._by_month(table))
        return TableLines(table.key, self.w.text(table.title), self.about(table), told, left, months)

    def _line(self, title: str, cell: Cell, month: str = WHOLE, longest: int = 0) -> Line:
        number = self.unit.at(cell, month)
        is_former = self.unit.is_former(cell, month)
        return Line(title, self._said(number, is_former=is_former), number, _bar(number, longest), is_former)

    def _by_month(self, table: FigureTable) -> Iterator[tuple[str, tuple[str, ...]]]:
        months = self.told.line.months if table.months else ()
        for row in table.rows:
            found = [self._line("", (table.key, row.key), month) for month in months]
            if any(one.number is not None for one in found):
                yield self.row_title(table, row), tuple("–" if one.number is None else one.said for one in found)

    def tells(self, table: FigureTable) -> bool:
        """Whether anything of that table is told of this unit: of how many nothing is recorded says nothing alone."""
        match table.kind:
            case "share":
                return self.unit.share(table.key) is not None
            case "times":
                return self.unit.median(table.key) is not None
            case _:
                rows = (row.key for row in table.rows if row.key != case_summary.NONE)
                return any(self.unit.at((table.key, row)) is not None for row in rows)

    # ---- one figure ----------------------------------------------------------------------------------------------

    def count_label(self, cell: Cell) -> str:
        """The count of the whole period, or that it is not told."""
        return self._line("", cell).said

    def share_label(self, table: FigureTable) -> str:
        """In which share of cases a deadline was met in time, or that it is not told."""
        share = self.unit.share(table.key)
        return share_label(self.w, share) if share is not None else self.w._("not told")

    def median_said(self, table: FigureTable) -> str:
        """How long it took in half of the cases, or that it is not told."""
        row = self.unit.median(table.key)
        return self.class_label(table, row) if row is not None else self.w._("not told")

    # ---- saying things -------------------------------------------------------------------------------------------

    def _said(self, number: int | None, *, is_former: bool = False) -> str:
        if number is None:
            return self.w._("not told")
        return f"{number} {FORMER}" if is_former and not self.is_all_former else str(number)

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
        return {**special, case_summary.NONE: self.w._("Not recorded"), ENDED: self.w._("Ended")}[row.key]

    def class_label(self, table: FigureTable, key: str) -> str:
        """A class of a wait, as a time."""
        assert table.unit is not None
        if key == MORE:
            last = next(row.key for row in reversed(table.rows) if row.key != MORE)
            return self.w._("longer than this: %(within)s", within=self.w.within(int(last), table.unit))
        return self.w.within(int(key), table.unit) if int(key) else self.w._("on the same day")

    def changed(self, one: Changed) -> Line:
        """A count that is told otherwise than in the release before."""
        title = total_label(self.w, one.row.key) if one.table is None else self.row_title(one.table, one.row)
        table = "" if one.table is None else self.w.text(one.table.title)
        said = self.w._("%(before)s, now %(now)s", before=self._said(one.before), now=self._said(one.now))
        return Line(self.w.pair(table, title) if table else title, said)


def _bar(number: int | None, longest: int) -> int:
    return 0 if not number or not longest else max(1, number * STEPS // longest)


def year_between(year: int) -> str:
    """The school year that begins then."""
    return f"{year}–{year + 1}"


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


def previous_text(w: Wording, *, is_all: bool) -> str:
    """What the mark beside a count means, or that all counts are those of an earlier release."""
    if is_all:
        return w._(
            "These numbers stood already in an earlier release, and are repeated so that nothing small can be worked "
            "out: they may no longer be exact, and sums may differ."
        )
    return w._(
        "%(mark)s Taken over from an earlier release, so that nothing small can be worked out: it may no longer be "
        "exact, and sums may differ.",
        mark=FORMER,
    )


# ---- as rows -------------------------------------------------------------------------------------------------------


def figure_rows(told: Told, wording: Wording) -> Iterator[Mapping[str, str | int | bool | None]]:
    """Every cell of the unit, by the keys of COLUMNS; then the totals of those right below it."""
    lines = Lines(told, wording)
    for month in (WHOLE, *told.line.months):
        for total in GROUPS:
            said = (TOTALS, wording._("Totals"), total, total_label(wording, total))
            yield _row(lines, told.unit, month, said, number=told.unit.at((TOTALS, total), month))
        for table in told.tables:
            if month == WHOLE or table.months:
                yield from _rows_of(lines, table, month)
    for one in told.children:
        said = (TOTALS, wording._("Totals"), case_summary.CASES, total_label(wording, case_summary.CASES))
        yield _row(lines, one, WHOLE, said, number=one.at((TOTALS, case_summary.CASES)))


def _rows_of(lines: Lines, table: FigureTable, month: str) -> Iterator[Mapping[str, str | int | bool | None]]:
    unit, title = lines.unit, lines.w.text(table.title)
    match table.kind:
        case "rows":
            for row in table.rows:
                said = (table.key, title, row.key, lines.row_title(table, row))
                yield _row(lines, unit, month, said, number=unit.at((table.key, row.key), month))
        case "share":
            share = unit.share(table.key, month) or (None, None)
            yield _row(lines, unit, month, (table.key, title, "", ""), "share", number=share[0], upper=share[1])
        case "times":
            key = unit.median(table.key, month)
            within = lines.class_label(table, key) if key is not None else ""
            told = _row(lines, unit, month, (table.key, title, key or "", within), "median")
            yield {**told, "withheld": key is None}


def _row(
    lines: Lines, unit: UnitFigures, month: str, said: tuple[str, str, str, str], what: str = "count", *,
    number: int | None = None, upper: int | None = None,
) -> dict[str, str | int | bool | None]:  # fmt: skip
    months = lines.told.line.months
    values = (
        unit.code, lines.unit_name(unit), months[0], months[-1], month or None, *said, what, number, upper,
        number is None, what == "count" and unit.is_former((said[0], said[2]), month),
    )  # fmt: skip
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


def _cell(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def header_label(w: Wording) -> tuple[str, ...]:
    """The columns in words."""
    return (
        w._("Code"), w._("Place"), w._("From"), w._("Until"), w._("Month"), w._("Table"), w._("Title of the table"),
        w._("Row"), w._("Title of the row"), w._("What is told"), w._("Value"), w._("Up to"), w._("Withheld"),
        w._("As issued before"),
    )  # fmt: skip


# ---- figures that are being worked out, or were not issued ---------------------------------------------------------


def step_label(w: Wording, state: str) -> str:
    """What is being done."""
    said = {
        "counting": w._("Cases are being counted."),
        "choosing": w._("It is being worked out which figures can be told."),
        "checking": w._("It is being checked that no small figure can be worked out."),
    }
    return said.get(state, said["counting"])


def job_said(w: Wording, job: FigureJobRow, year: str) -> str:
    """What its page is headed with: figures that are being worked out, that are issued, or that are not."""
    if job.is_running:
        return w._("Issuing figures %(year)s", year=year)
    if job.state == State.issued:
        return w._("Figures %(year)s", year=year)
    return w._("Figures %(year)s: not issued", year=year)


def fault_message(w: Wording, code: str) -> str:
    """Why nothing was issued."""
    said = {
        "gate": w._("Something small could have been worked out of these figures: they were not issued."),
        "not_releasable": w._(
            "Beside what was issued before, nothing new can be told without something small being worked out: the "
            "figures issued before stand."
        ),
        "too_few": w._("There are too few cases: nothing could be told of them."),
        "as_before": w._("What can be told is what the last release tells already: it stands."),
        "not_allowed": w._("Whoever asked for them may not issue figures here any more."),
    }
    return said.get(
        code, w._("They could not be worked out. Whoever looks after the server finds the reason in the log.")
    )
