"""Files of a release of figures: PDF reports and spreadsheets, of one release or of school years side by side."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import Issued, academy_of, signed
from school_protocol.cases.loading import account_names
from school_protocol.context import REALM, AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SentBefore, Unseen
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.assemble import assembled, overlay
from school_protocol.pdf.rendering import Attached, render, template
from school_protocol.pdf.verdicts import FIGURES, Copy
from school_protocol.statistics import repository
from school_protocol.statistics.method_note import COUNTS, SOURCES, sections, table_rows
from school_protocol.statistics.models import FigurePaperRow
from school_protocol.statistics.presenters import (
    COLUMNS,
    Letterhead,
    Lines,
    figure_rows,
    figures_list,
    header_label,
    noise_text,
    period_label,
    plain_cell,
    total_label,
    year_between,
)
from school_protocol.statistics.releases import place_of, see_told, see_years
from school_protocol.statistics.rules import GROUPS, TOTALS, Cell, FigureTable, Told
from school_protocol.storage.store_errors import StorageBusy

if TYPE_CHECKING:
    import xlsxwriter
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

# ---- a workbook for a spreadsheet: one sheet a subject; nothing in it reckons --------------------------------------

_WIDE, _NARROW = 52, 16
PLAIN = {
    "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
}  # fmt: skip


def figures_xlsx(told: Told, wording: Wording) -> bytes:
    """The workbook; from the right to the left in Arabic. The same release gives the same cells."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, dict(PLAIN))
    lines = Lines(told, wording)
    book.set_properties({"title": lines.title, "created": told.line.issued_at.astimezone(UTC).replace(tzinfo=None)})
    _Sheets(book, lines, book.add_format({"bold": True})).write()
    book.close()
    return out.getvalue()


class _Sheets:
    def __init__(self, book: xlsxwriter.Workbook, lines: Lines, bold: Format) -> None:
        self.book, self.lines, self.w, self.bold = book, lines, lines.w, bold

    def write(self) -> None:
        self._first(self._sheet(self.w._("Figures")))
        self._all(self._sheet(self.w._("All lines")))

    def _sheet(self, name: str) -> Worksheet:
        return worksheet_of(self.book, self.w, name)

    def _first(self, sheet: Worksheet) -> None:
        """Which figures these are, and every table that is told."""
        lines, w = self.lines, self.w
        told = lines.told.line
        head: list[Sequence[str | int]] = [
            (lines.unit_name(lines.unit), lines.unit.code),
            (period_label(w, told.period), lines.period),
            (w._("Release"), told.number),
            (w._("When issued"), w.moment(told.issued_at)),
            (w._("Counted on"), w.moment(told.counted_at)),
            (w._("Digest of the protocol"), told.definition),
            (noise_text(w), ""),
        ]
        row = rows_written(sheet, 0, head)
        parts = [(w._("Totals"), lines.totals()), *((one.title, one.rows) for one in lines.tables())]
        parts += [(w._("Done in time"), lines.shares()), (w._("In half of the cases"), lines.medians())]
        parts += [(w._("Cases opened, month by month"), lines.months())]
        for title, found in parts:
            if found:
                written(sheet, row + 1, 0, title, self.bold)
                rows = [(one.title, one.said if one.number is None else one.number) for one in found]
                row = rows_written(sheet, row + 2, rows)
        below = [(name, one.code, _number(said)) for one, name, said in lines.children()]
        if below:
            written(sheet, row + 1, 0, w._("Cases opened, by place"), self.bold)
            row = rows_written(sheet, row + 2, below)
        if lines.not_told():
            written(sheet, row + 1, 0, w._("Too few cases"), self.bold)
            rows_written(sheet, row + 2, [(title,) for title in lines.not_told()])

    def _all(self, sheet: Worksheet) -> None:
        """Every number, for whoever reckons on."""
        for column, name in enumerate(header_label(self.w)):
            written(sheet, 0, column, name, self.bold)
        rows = ([row[column] for column in COLUMNS] for row in figure_rows(self.lines.told, self.w))
        rows_written(sheet, 1, (["" if value is None else value for value in row] for row in rows))


def worksheet_of(book: xlsxwriter.Workbook, w: Wording, name: str) -> Worksheet:
    """A sheet whose first column is wide, in the direction of the language."""
    sheet = book.add_worksheet(name[:31])
    if w.direction == "rtl":
        sheet.right_to_left()
    sheet.set_column(0, 0, _WIDE)
    sheet.set_column(1, len(COLUMNS), _NARROW)
    return sheet


def rows_written(sheet: Worksheet, first: int, rows: Iterable[Sequence[str | int]], *, is_said: bool = False) -> int:
    """The rows, one below the other; returns the next free one. `is_said`: numbers come as they are said on a page."""
    for cells in rows:
        for column, cell in enumerate(cells):
            value = _number(cell) if is_said and column and isinstance(cell, str) else cell
            if isinstance(value, int):
                sheet.write_number(first, column, value)
            else:
                written(sheet, first, column, value)
        first += 1
    return first


def written(sheet: Worksheet, row: int, column: int, value: str, form: Format | None = None) -> None:
    """A text stays one, whatever it begins with."""
    sheet.write_string(row, column, plain_cell(value), form)


def _number(said: str) -> str | int:
    return int(said) if said.isascii() and said.isdigit() else said


FORMAT, VERSION = "school-protocol/figures", 2


@dataclass(frozen=True, slots=True)
class FigureReport:
    """Everything that a report prints. `places`: the units above, nearest first; `by`: who issued the figures."""

    told: Told
    protocol: Protocol
    places: tuple[Unit, ...]
    by: str


def figure_report(view: FigureReport, wording: Wording) -> bytes:
    """The PDF/A-3a, with its figures as JSON inside. The same view gives the same bytes.

    Raises AddressRefused, DocumentsUnavailable.
    """
    told = view.told
    data = json.dumps(_data(told, wording), ensure_ascii=False, indent=1).encode()
    return render(
        report_html(view, wording),
        title=f"{Lines(told, wording).title} {told.unit.code}",
        language=wording.html_language,
        identifier="|".join(("figures", told.line.id, told.unit.code, wording.language, data.decode())),
        moment=told.line.issued_at,
        accessible=True,
        files=(Attached(FIGURES, data, wording._("The figures of these pages")),),
    )


def report_html(view: FigureReport, wording: Wording) -> str:
    """The page that the PDF is made of."""
    printed = _Printed(view, wording)
    return template("figures.html").render(
        view=view, printed=printed, lines=printed.lines, w=wording, _=wording.gettext, ngettext=wording.ngettext,
        line=printed.line, text=printed.text, code=bidi.code, period=period_label(wording, view.told.line.period),
        noise=noise_text(wording), sections=sections(wording), counts=COUNTS, rows=table_rows(), sources=SOURCES,
    )  # fmt: skip


class _Printed(Letterhead):
    """What the template asks beside the lines themselves."""

    def __init__(self, view: FigureReport, wording: Wording) -> None:
        super().__init__(view.protocol, view.places, wording)
        self.view, self.lines = view, Lines(view.told, wording)


def _data(told: Told, wording: Wording) -> dict[str, Any]:
    line = told.line
    return {
        "format": FORMAT,
        "version": VERSION,
        "protocol": {"key": line.protocol, "version": line.version, "sha256": line.definition},
        "unit": told.unit.code,
        "release": {"of": line.unit.code, "year": line.year, "quarter": line.period.quarter, "number": line.number},
        "months": list(line.months),
        "counted_at": line.counted_at.isoformat(),
        "issued_at": line.issued_at.isoformat(),
        "language": wording.language,
        "rows": list(figure_rows(told, wording)),
    }


# ---- the latest figures of each school year side by side, as a page and as sheets ----------------------------------

ABSENT = "–"
"""In a year whose figures had no such line."""


@dataclass(frozen=True, slots=True)
class YearsTable:
    """A table with one column a school year; each row: its title, and what each year tells."""

    title: str
    about: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]


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

    def tables(self) -> tuple[YearsTable, ...]:
        """The totals and every table that some year tells, by the layout of the latest that has it."""
        layouts, w = self._layouts(), self.w
        totals = [(total_label(w, one), self._counts((TOTALS, one))) for one in GROUPS]
        found = [self._table(w._("At a glance"), "", totals)]
        for table in (one for one in layouts if one.kind == "rows" and self._tells(one)):
            found.append(self._table(w.text(table.title), self.latest.about(table), self._rows(table)))
        in_time = [(w.text(one.title), self._shares(one)) for one in layouts if one.kind == "share"]
        waits = [(w.text(one.title), self._medians(one)) for one in layouts if one.kind == "times"]
        found += [self._table(w._("Done in time"), "", in_time), self._table(w._("How long it took"), "", waits)]
        return tuple(one for one in found if one.rows)

    def _table(self, title: str, about: str, rows: Iterable[tuple[str, tuple[str, ...]]]) -> YearsTable:
        return YearsTable(title, about, tuple(rows))

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
        return self._each(lambda lines: ABSENT if (number := lines.unit.at(cell)) is None else str(number))

    def _shares(self, table: FigureTable) -> tuple[str, ...]:
        return self._each(lambda lines: lines.share_label(table) if _same(lines, table) else ABSENT)

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


def years_csv(told: Sequence[Told], wording: Wording) -> bytes:
    """Every cell of every year as a list: its first and last month say which year it is of."""
    return figures_list(told, wording)


def years_xlsx(told: Sequence[Told], wording: Wording) -> bytes:
    """One sheet, a column a school year; from the right to the left in Arabic."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, dict(PLAIN))
    bold = book.add_format({"bold": True})
    lines, w = YearLines(told, wording), wording
    sheet = worksheet_of(book, w, w._("School years side by side"))
    unit = lines.latest.unit
    head = [(lines.latest.unit_name(unit), unit.code), (noise_text(w), "")]
    row = rows_written(sheet, 0, head)
    for table in lines.tables():
        written(sheet, row + 1, 0, table.title, bold)
        for column, year in enumerate(lines.years, 1):
            written(sheet, row + 1, column, year, bold)
        row = rows_written(sheet, row + 2, [(title, *said) for title, said in table.rows], is_said=True)
    book.close()
    return out.getvalue()


# ---- school years side by side on paper ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class YearsReport:
    """One release a school year of one unit, the earliest first, one at least. `places`: those above, nearest first."""

    told: tuple[Told, ...]
    protocol: Protocol
    places: tuple[Unit, ...]


def years_report(view: YearsReport, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    code, last = view.told[-1].unit.code, max(one.line.issued_at for one in view.told)
    return render(
        years_report_html(view, wording),
        title=f"{wording._('School years side by side')} {code}",
        language=wording.html_language,
        identifier="|".join(("figure-years", code, *(one.line.id for one in view.told), wording.language)),
        moment=last,
        accessible=True,
    )


def years_report_html(view: YearsReport, wording: Wording) -> str:
    """The pages that the PDF is made of."""
    letterhead, w = Letterhead(view.protocol, view.places, wording), wording
    first, last = view.told[0].line, view.told[-1].line
    return template("figure_years.html").render(
        view=view, lines=YearLines(view.told, w), letterhead=letterhead, w=w, _=w.gettext, line=letterhead.line,
        text=letterhead.text, code=bidi.code, unit=view.told[-1].unit,
        span=f"{first.year}–{last.year + 1}", noise=noise_text(w),
    )  # fmt: skip


# ---- one copy of one unit of one release: numbered, signed and written down ----------------------------------------

ATTEMPTS = 5
CSV, XLSX = "csv", "xlsx"
SHEETS = {CSV: "text/csv", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
"""Sheets that are handed out, with what they are."""


def release_sheet(ctx: AppContext, actor: Actor, protocol: str, code: str, release: str, kind: str) -> Issued:
    """A release as a sheet, in this person's language: it names nobody, and no copy is counted. Raises Unseen."""
    told = _release_told(ctx, actor, protocol, code, release)
    if kind not in SHEETS:
        raise Unseen(kind)
    wording = Wording(actor.language)
    data = figures_list([told], wording) if kind == CSV else figures_xlsx(told, wording)
    return Issued(_name(told, f"{wording.language}.{kind}"), data, copy=0)


def years_sheet(ctx: AppContext, actor: Actor, protocol: str, code: str, kind: str) -> Issued:
    """School years side by side as a file, in this person's language: one of SHEETS, or a PDF; no copy is counted.

    Raises Unseen, also where none was issued, and DocumentsUnavailable.
    """
    view = see_years(ctx, actor, protocol, code)
    if not view.told:
        raise Unseen(kind)
    unit, wording = view.place.unit, Wording(actor.language)
    name = f"{unit.code}-{view.told[0].line.year}-{view.told[-1].line.year + 1}.{wording.language}.{kind}"
    match kind:
        case "csv":
            return Issued(name, years_csv(view.told, wording), copy=0)
        case "xlsx":
            return Issued(name, years_xlsx(view.told, wording), copy=0)
        case "pdf":
            latest = view.told[-1].line
            version = ctx.library.protocol(protocol, latest.version)
            return Issued(name, years_report(YearsReport(view.told, version, _above(ctx, unit)), wording), copy=0)
    raise Unseen(kind)


def issue_report(
    ctx: AppContext, actor: Actor, protocol: str, code: str, release: str, language: str, *, token: str
) -> Issued:
    """One copy of the report on a unit.

    Raises Unseen, SentBefore where that press led to a copy already, SealingError where it can't be signed.
    """
    told = _release_told(ctx, actor, protocol, code, release)
    if language not in ctx.settings.languages:
        raise Unseen(language)
    press = ctx.vault.chain("figure-paper-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()
    wording, now = Wording(language), ctx.now()
    view = FigureReport(
        told, ctx.library.protocol(protocol, told.line.version), _above(ctx, told.unit.unit),
        account_names(ctx, [told.line.by], language).get(told.line.by, "—"),
    )  # fmt: skip
    pages = figure_report(view, wording)
    reader = account_names(ctx, [actor.id], language).get(actor.id, "—")
    for _attempt in range(ATTEMPTS):
        with ctx.directory.reading() as session:
            _not_again(repository.release_of_press(session, press))
            copy = repository.release_copies(session, release, told.unit.unit.id) + 1
        whole = numbered(pages, Copy(copy, reader, now, "", 0), wording)
        data = _signed(ctx, told.unit.unit, whole, wording)
        with ctx.directory.writing() as session:
            _not_again(repository.release_of_press(session, press))
            if repository.write_paper(
                session, release=release, unit=told.unit.unit.id, copy=copy, language=language, actor=actor.id, at=now,
                digest=hashlib.sha256(data).hexdigest(), press=press,
            ):  # fmt: skip
                return Issued(_name(told, f"{copy}-{language}.pdf"), data, copy=copy)
    raise StorageBusy(f"{code}: handed out each time while a copy was being made")


def numbered(pages: bytes, line: Copy, wording: Wording, *, realm: str = REALM) -> bytes:
    """These pages as one copy, which says whose it is; in a workshop marked as one for training."""
    watermark = "" if realm == REALM else wording._("TRAINING")
    about = wording._("What belongs to this copy alone")
    return assembled(pages, overlay(line, wording, watermark), line, about, has_record=False)


def _release_told(ctx: AppContext, actor: Actor, protocol: str, code: str, release: str) -> Told:
    place = place_of(ctx, actor, protocol, code)
    told = see_told(ctx, place.unit, release)
    if told.line.protocol != protocol:
        raise Unseen(release)
    return told


def _signed(ctx: AppContext, unit: Unit, data: bytes, wording: Wording) -> bytes:
    """In the name of its academy; what is of no academy goes unsigned, unless the installation has a key for it."""
    folder = ctx.settings.signing_folder
    signer = academy_of(ctx, unit)
    if folder is not None and signer.kind is not UnitKind.region and not (folder / f"{signer.code}.pem").is_file():
        return data
    return signed(ctx, unit, data, ctx.now(), wording)


def _not_again(before: FigurePaperRow | None) -> None:
    if before is not None:
        raise SentBefore({"copy": before.copy})


def _above(ctx: AppContext, unit: Unit) -> tuple[Unit, ...]:
    with ctx.directory.reading() as session:
        return tuple(auth_repository.find_units(session, unit.parents).values())


def _name(told: Told, end: str) -> str:
    return f"{told.unit.code}-{told.line.period.key}-{told.line.number}-{end}"
