"""The pages of a school's yearly report: figures that may be told, in one language; nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from school_protocol.engine import case_summary
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.definition import Deadline, Protocol
from school_protocol.engine.definition_parts import Document, Yearly
from school_protocol.engine.form_model import FieldType
from school_protocol.engine.visibility import Unit
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import Attached, render, template
from school_protocol.pdf.verdicts import FIGURES
from school_protocol.statistics import yearly_rules
from school_protocol.statistics.presenters import Letterhead, band_said, share_said, special_said, year_between
from school_protocol.statistics.rules import BAND
from school_protocol.statistics.yearly_rules import Figures, Period, Table

FORMAT, VERSION = "school-protocol/yearly", 1
_TOGETHER = 3
"""More rows than these that are all fewer than ten stand together in one."""
_LISTED = 8
"""More than these are not named one by one."""
_SENTENCES = 5


@dataclass(frozen=True, slots=True)
class YearlyPaper:
    """Everything that a report prints."""

    protocol: Protocol
    document: Document
    unit: Unit
    places: tuple[Unit, ...]
    """The units above the school, nearest first."""
    period: Period
    figures: Figures

    @property
    def rules(self) -> Yearly:
        assert self.document.yearly is not None
        return self.document.yearly


def yearly_paper(view: YearlyPaper, wording: Wording) -> bytes:
    """The PDF/A-3a, with its figures as JSON inside. The same view gives the same bytes.

    Raises AddressRefused, DocumentsUnavailable.
    """
    lines = Lines(view, wording)
    data = json.dumps(lines.data(), ensure_ascii=False, indent=1).encode()
    return render(
        yearly_html(view, wording),
        title=lines.title,
        language=wording.html_language,
        identifier="|".join(("yearly", view.unit.code, str(view.period), wording.language, data.decode())),
        moment=view.period.ends,
        accessible=True,
        files=(Attached(FIGURES, data, wording._("The figures of these pages")),),
    )


def yearly_html(view: YearlyPaper, wording: Wording) -> str:
    """The page that the PDF is made of."""
    lines = Lines(view, wording)
    return template("yearly.html").render(
        view=view, lines=lines, w=wording, _=wording.gettext, line=lines.line, text=lines.text,
        code=bidi.code,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table as it is laid out: its title, what is printed, and how long its bar is, in percent."""

    title: Markup
    count: Markup
    bar: int = 0


class Lines(Letterhead):
    """What the template asks: the report's parts in the words of one language."""

    def __init__(self, view: YearlyPaper, wording: Wording) -> None:
        super().__init__(view.protocol, view.places, wording)
        self.view = view
        self.figures = view.figures

    @property
    def title(self) -> str:
        return f"{self.w.text(self.view.document.title)} {self.year}"

    @property
    def year(self) -> str:
        return year_between(self.view.period.year)

    # ---- page one ------------------------------------------------------------------------------------------------

    def span(self) -> Markup:
        """Of which time it speaks: a year, or its terms so far."""
        if self.view.period.is_over:
            return self.line(self.w._("School year %(year)s", year=self.year))
        last = self.view.rules.terms[self.view.period.terms - 1]
        said = self.w._(
            "School year %(year)s, so far: up to the end of “%(term)s”", year=self.year, term=self.w.text(last.title)
        )
        return self.line(said)

    def sentences(self) -> tuple[Markup, ...]:
        """What the figures say: at most five sentences, out of what is printed and nothing else."""
        return tuple(self.line(one) for one in list(self._sentences())[:_SENTENCES])

    def _sentences(self) -> Iterator[str]:
        w, found = self.w, self.figures
        cases = found.totals[CASES]
        if not self.view.period.is_over:
            yield w._("Cases opened so far: %(count)s.", count=band_said(self.w, cases))
            yield w._("The tables come once the year is over: two reports of one year must not tell a single case.")
            return
        if not cases.low:
            yield w._("Fewer than 10 cases were opened in the year, or none. Of so few nothing more is told.")
            return
        yield w._("Cases opened in the year: %(count)s.", count=band_said(self.w, cases))
        still = found.row("outcome", case_summary.OPEN)
        if still is not None:
            yield w._("Still open at its end: %(count)s.", count=band_said(self.w, still))
        waited = self.view.protocol.deadlines.get(self.view.rules.waiting or "")
        if found.wait is not None and waited is not None:
            yield w._(
                "%(what)s: half of the time %(within)s.",
                what=w.text(waited.title), within=w.within(found.wait + 1, waited.unit),
            )  # fmt: skip
        yield from self._dangers()
        missed = found.row("follow_ups", case_summary.MISSED)
        if missed is not None and missed.low:
            yield w._("Cases in which a planned follow-up was not held: %(number)s.", number=band_said(self.w, missed))

    def _dangers(self) -> Iterator[str]:
        raised, answered = (
            self.figures.totals[case_summary.DANGERS],
            self.figures.row("danger_ends", case_summary.ANSWERED),
        )
        if not raised.low:
            return
        if answered is not None:
            yield self.w._(
                "Cases with a danger: %(raised)s; every danger passed on or lifted: in %(answered)s.",
                raised=band_said(self.w, raised),
                answered=band_said(self.w, answered),
            )
        else:
            yield self.w._("Cases with a danger: %(raised)s.", raised=band_said(self.w, raised))

    def decisions(self) -> Iterator[tuple[Markup, Markup | None]]:
        """What there may be to decide, and which deadlines it is about."""
        for number in self.figures.asked:
            asked = self.view.rules.decisions[number]
            late = [self._deadline(key) for key in asked.deadlines if yearly_rules.is_late(self.figures, key)]
            about = self.w.titles(self.w.text(one.title) for one in late)
            yield self.text(asked.text), self.line(about) if about else None

    def _deadline(self, key: str) -> Deadline:
        return self.view.protocol.deadlines[key]

    # ---- tables --------------------------------------------------------------------------------------------------

    def totals(self) -> tuple[Row, ...]:
        names = {
            CASES: self.w._("Cases opened"),
            case_summary.DANGERS: self.w._("with a danger raised"),
            case_summary.REFERRALS: self.w._("with a referral"),
            yearly_rules.FOLLOW_UPS: self.w._("with follow-ups held or missed"),
            yearly_rules.DEPARTURES: self.w._("with a step made without a condition, and the reason"),
        }
        return tuple(
            Row(self.line(names[key]), self.line(band_said(self.w, one))) for key, one in self.figures.totals.items()
        )

    def tables(self, *of: str) -> Iterator[tuple[Markup, Markup, tuple[Row, ...]]]:
        """Of these totals: each table that is shown, with its title, what its rows are of, and its rows."""
        for one in self.figures.tables:
            if one.of in of and one.rows:
                yield self.table_title(one.key), self._about(one), self._rows(one)

    def not_shown(self) -> str:
        """The tables that are not shown, by title."""
        return self.w.titles(self._title(one.key) for one in self.figures.tables if not one.rows)

    def table_title(self, key: str) -> Markup:
        return self.line(self._title(key))

    def _title(self, key: str) -> str:
        w = self.w
        known = {
            "outcome": w._("How the cases stood at the end"),
            "level": w._("Highest level reached"),
            "dangers": w._("Dangers raised"),
            "danger_ends": w._("What became of the dangers"),
            "referrals": w._("Referrals by service"),
            "answers": w._("Answers to referrals"),
            "follow_ups": w._("Follow-ups"),
            "departures": w._("Steps made without a condition"),
        }
        act, _, field = key.partition(".")
        counted = next((one for one in self.view.rules.counts if (one.act, one.field) == (act, field)), None)
        return w.text(counted.title) if counted else known[key]

    def _about(self, table: Table) -> Markup:
        if table.overlaps:
            return self.line(self.w._("One case may stand in several lines: they do not add up."))
        return Markup("")

    def _rows(self, table: Table) -> tuple[Row, ...]:
        most = max((one.low for _key, one in table.rows), default=0) or BAND
        few = [key for key, one in table.rows if not one.low]
        joined = len(few) > _TOGETHER
        rows = [
            Row(
                self.line(self.row_title(table.key, key)),
                self.line(band_said(self.w, one)),
                one.low * 100 // most,
            )
            for key, one in table.rows
            if not joined or one.low
        ]
        if joined:
            titles = self.w.series(self.row_title(table.key, key).rstrip(".") for key in few)
            if len(few) > _LISTED:
                titles = self.w._("Each of the other lines (%(number)s)", number=len(few))
            rows.append(Row(self.line(titles), self.line(self.w._("fewer than %(number)s each", number=BAND))))
        return tuple(rows)

    def row_title(self, table: str, key: str) -> str:
        w = self.w
        none = w._("Not assessed") if table == "level" else w._("No answer")
        special = {
            **special_said(w, is_danger=table == "danger_ends"),
            case_summary.NONE: none,
            case_summary.HELD: w._("All held so far"),
            case_summary.MISSED: w._("One or more not held"),
        }
        return special.get(key) or self._named(table, key)

    def _named(self, table: str, key: str) -> str:
        protocol, w = self.view.protocol, self.w
        match table:
            case "outcome":
                return w.text(protocol.states[key].title)
            case "level":
                return self._level(key)
            case "dangers":
                return w.text(protocol.dangers[key].title)
            case "referrals":
                return w.text(protocol.targets[key].title)
            case "departures":
                need = protocol.needs[key]
                return w.text(need.title or need.sentence)
        counted = next(one for one in self.view.rules.counts if f"{one.act}.{one.field}" == table)
        question = yearly_rules.field_of(protocol, counted)
        if question.type in (FieldType.yes_no, FieldType.tri):
            return w.yes_no(key)
        return next(w.text(option.title) for option in question.options if option.key == key)

    def _level(self, key: str) -> str:
        levels = next(grid.levels for grid in self.view.protocol.grids.values() if int(key) in grid.levels)
        level = levels[int(key)]
        return f"{level.code} · {self.w.text(level.title)}" if level.code else self.w.text(level.title)

    def times(self) -> tuple[tuple[Markup, Markup, Markup, int], ...]:
        """Deadlines of which something is told: title, how long, share in time, and its bar."""
        return tuple(
            (
                self.text(self._deadline(key).title),
                self.line(self._limit(key)),
                self.line(share_said(self.w, found)),
                found[0],
            )
            for key, found in self.figures.times.items()
            if found
        )

    def untold_times(self) -> str:
        """Deadlines of which nothing is told, by title."""
        return self.w.titles(
            self.w.text(self._deadline(key).title) for key, found in self.figures.times.items() if not found
        )

    def _limit(self, key: str) -> str:
        deadline = self._deadline(key)
        return self.w.within(deadline.value, deadline.unit) if deadline.value else "–"

    def notes(self) -> Sequence[Markup]:
        """How to read it, and what was done so that nobody is recognised."""
        w = self.w
        said = [
            w._(
                "Counted are the cases opened in this time, as the journal stood at its end; those erased since "
                "count still, by numbers alone."
            ),
            w._(
                "Cases under restricted access, and those from which somebody stands aside, are not counted on this "
                "paper."
            ),
            w._("Figures go by tens, so that no single case can be told from them; “fewer than 10” may be none."),
            w._("Shares are told in steps, and only of 20 or more. These figures rank nobody: few cases are no merit."),
            w._("No pupil, no family and no member of staff can be found in this report."),
        ]
        return [self.line(one) for one in said]

    # ---- the same for other systems ------------------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """The figures as they are printed, with their titles: nothing that is not on the pages."""
        view, period = self.view, self.view.period
        told = yearly_rules.as_data(view.figures)
        for table in told["tables"]:
            table["title"] = self._title(table["key"])
            for row in table["rows"] or ():
                row["title"] = self.row_title(table["key"], row["key"])
        return {
            "format": FORMAT,
            "version": VERSION,
            "protocol": {"key": view.protocol.protocol, "version": view.protocol.version},
            "school": view.unit.code,
            "year": period.year,
            "until": period.last_day.isoformat(),
            "is_over": period.is_over,
            "language": self.w.language,
            **told,
        }
