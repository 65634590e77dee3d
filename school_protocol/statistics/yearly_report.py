"""The yearly report of a school: who may have it, its figures out of the cases of the school, each copy written down.

Figures don't hang on who asks: a restricted case, or one from which somebody is excluded, is counted for nobody, and
what could tell a single case is not printed for anybody. Cases are read one after the other, by nobody.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import Issued, signed
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import account_names, folded, stood_at, surroundings
from school_protocol.context import AppContext, today_for
from school_protocol.engine import case_summary
from school_protocol.engine.case import Case
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.definition import Deadline, Protocol
from school_protocol.engine.definition_parts import Document, FieldType, Yearly
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import Wording
from school_protocol.pdf import bidi, rendering
from school_protocol.pdf.rendering import Attached, render, template
from school_protocol.pdf.verdicts import FIGURES, Copy
from school_protocol.people import repository as people_repository
from school_protocol.statistics import repository, yearly_rules
from school_protocol.statistics.presenters import Letterhead, band_said, share_label, special_said, year_between
from school_protocol.statistics.release_files import numbered
from school_protocol.statistics.repository import Report
from school_protocol.statistics.rules import BAND
from school_protocol.statistics.yearly_rules import Figures, Period, Table, Tally, add_to, figures
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy

# The pages of a school's yearly report: figures that may be told, in one language; nothing is
# decided here.

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
                self.line(share_label(self.w, found)),
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


YEARS_BACK = 5
"""So many finished years can be asked for, beside the one that runs."""
ATTEMPTS = 5
AT_ONCE = 50
"""So many cases are read in one transaction."""


@dataclass(frozen=True, slots=True)
class Place:
    """A school whose report this person may have: by which document of which protocol, in which role."""

    unit: Unit
    protocol: Protocol
    document: Document
    role: str


@dataclass(frozen=True, slots=True)
class YearLine:
    """A year that can be asked for. `period`: what a report of it speaks of now; None: no term is over yet."""

    year: int
    period: Period | None
    opens_on: date
    """From when on there is something to tell."""


@dataclass(frozen=True, slots=True)
class YearlyOptions:
    place: Place
    years: tuple[YearLine, ...]
    languages: tuple[str, ...]
    missing: str | None
    """What typesetting lacks on this machine."""


# ---- who may have it -----------------------------------------------------------------------------------------------


def has_reports(ctx: AppContext, actor: Actor) -> bool:
    """Whether there is a school whose report this person may have."""
    wanted = {role for _protocol, document in _declared(ctx) for role in document.for_}
    return any(held.role in wanted for held in actor.appointments)


def places(ctx: AppContext, actor: Actor) -> tuple[Place, ...]:
    """The schools whose report this person may have, by code."""
    found: dict[tuple[str, str], Place] = {}
    with ctx.directory.reading() as session:
        for protocol, document in _declared(ctx):
            for held in actor.appointments:
                if held.role in document.for_:
                    for unit in auth_repository.schools_under(session, [held.unit]):
                        found.setdefault((unit.code, document.key), Place(unit, protocol, document, held.role))
    return tuple(found[key] for key in sorted(found))


def place_of(ctx: AppContext, actor: Actor, school: str) -> Place:
    """That one; raises Unseen."""
    found = next((one for one in places(ctx, actor) if one.unit.code == school), None)
    if found is None:
        raise Unseen(school)
    return found


def _declared(ctx: AppContext) -> Iterator[tuple[Protocol, Document]]:
    for protocol in ctx.library.current():
        for document in protocol.documents.values():
            if document.yearly is not None:
                yield protocol, document


# ---- which years ---------------------------------------------------------------------------------------------------


def see_yearly(ctx: AppContext, actor: Actor, school: str) -> YearlyOptions:
    """What can be asked for of that school. Raises Unseen."""
    place = place_of(ctx, actor, school)
    languages = tuple(one for one in ctx.settings.languages if one in place.protocol.languages)
    return YearlyOptions(place, _years(ctx, place), languages, rendering.missing())


def _years(ctx: AppContext, place: Place) -> tuple[YearLine, ...]:
    """The year that runs, and those before it, the latest first."""
    rules, now, timezone = _rules(place), ctx.now(), _timezone(ctx, place.unit)
    running = yearly_rules.year_at(rules, timezone, now)
    return tuple(
        YearLine(year, yearly_rules.period(rules, year, timezone, now), yearly_rules.first_told_on(rules, year))
        for year in range(running, running - YEARS_BACK - 1, -1)
    )


def _rules(place: Place) -> Yearly:
    assert place.document.yearly is not None
    return place.document.yearly


def _timezone(ctx: AppContext, unit: Unit) -> str:
    with ctx.directory.reading() as session:
        return people_repository.calendar_for(session, unit).timezone


# ---- a copy --------------------------------------------------------------------------------------------------------


def issue_yearly(
    ctx: AppContext, actor: Actor, school: str, year: int, language: str, *, token: str | None = None
) -> Issued:
    """One copy, numbered, signed and written down. The first one of a year settles its figures for all that follow.

    Raises Unseen, BadInput for a year that isn't offered, Refused while no term of it is over, SentBefore where that
    press led to a copy already, SealingError where it can't be signed: then nothing was handed out.
    """
    options = see_yearly(ctx, actor, school)
    if language not in options.languages:
        raise Unseen(language)
    line = next((one for one in options.years if one.year == year), None)
    if line is None:
        raise BadInput({"year": ("unknown_option",)})
    if line.period is None:
        raise Refused((Reason("no_term_over"),))
    press = _press(ctx, actor, token or secrets.token_hex(16))
    with ctx.directory.reading() as session:
        _not_again(session, press)
    return _issue(ctx, actor, options.place, line.period, language, press)


def _press(ctx: AppContext, actor: Actor, token: str) -> str:
    return ctx.vault.chain("yearly-press-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()


def _not_again(session: Session, press: str) -> None:
    before = repository.yearly_report_of_press(session, press)
    if before is not None:
        raise SentBefore({"copy": before.copy})


def _issue(ctx: AppContext, actor: Actor, place: Place, period: Period, language: str, press: str) -> Issued:
    unit, now, wording = place.unit, ctx.now(), Wording(language)
    reader = account_names(ctx, [actor.id], language).get(actor.id, "—")
    report = Report(
        actor.realm, unit.id, place.protocol.protocol, place.document.key, year=period.year, until=period.last_day
    )
    counted: Figures | None = None
    for _attempt in range(ATTEMPTS):
        with ctx.directory.reading() as session:
            above = tuple(auth_repository.find_units(session, unit.parents).values())
            before = repository.first_yearly_report(session, report)
            copy = repository.yearly_copies(session, report) + 1
        if before is not None:  # its figures stand, with the version by which they were counted
            protocol = ctx.library.protocol(before.protocol, before.version)
            printed = yearly_rules.from_data(before.figures)
        else:
            counted = counted or count(ctx, place, period)
            protocol, printed = place.protocol, counted
        view = YearlyPaper(protocol, protocol.documents[place.document.key], unit, above, period, printed)
        line = Copy(copy, reader, now, "", 0)
        data = signed(ctx, unit, numbered(yearly_paper(view, wording), line, wording, realm=actor.realm), now, wording)
        with ctx.directory.writing() as session:
            _not_again(session, press)
            if repository.write_yearly_copy(
                session, report, copy, version=protocol.version, language=language, actor=actor.id, role=place.role,
                reader=reader, at=now, digest=hashlib.sha256(data).hexdigest(), figures=yearly_rules.as_data(printed),
                press=press,
            ):  # fmt: skip
                return Issued(f"{unit.code}-{period.year}-{copy}-{language}.pdf", data, copy=copy)
    raise StorageBusy(f"{unit.code}: handed out each time while a copy was being made")


# ---- counting ------------------------------------------------------------------------------------------------------


def count(ctx: AppContext, place: Place, period: Period) -> Figures:
    """What may be told of a school's year, whatever the reader may see."""
    tally = add_up(ctx, place, period)
    return figures(tally, is_over=period.is_over, training_ends=_training_ends(ctx, place, period))


def add_up(ctx: AppContext, place: Place, period: Period) -> Tally:
    """A school's cases as the journal stood at the end, without those that stand apart now: never printed as it is."""
    earlier = [
        one
        for one in ctx.library.every()
        if one.protocol == place.protocol.protocol and one.version != place.protocol.version
    ]
    tally = Tally(place.protocol, place.document, earlier)
    for facts, case in _cases(ctx, place, period):
        tally.take(facts, case)
    with ctx.realm.reading() as session:
        key = (place.unit.id, place.protocol.protocol, place.document.key, period.year, period.last_day)
        share = repository.erased_sum(session, key)
    if share is not None:
        add_to(tally, share)
    return tally


def _cases(ctx: AppContext, place: Place, period: Period) -> Iterator[tuple[Facts, Case]]:
    """One case after the other, as each stood at the end of the period and as it is now; nobody's name is opened."""
    around = surroundings(ctx, place.unit.id)
    with ctx.realm.reading() as session:
        ids = repository.case_ids(session, place.unit.id, place.protocol.protocol, period.starts, period.ends)
    for first in range(0, len(ids), AT_ONCE):
        with ctx.realm.reading() as session:
            for case_id in ids[first : first + AT_ONCE]:
                if not cases_repository.is_destroyed(session, case_id):
                    _protocol, case = folded(ctx, session, case_id)
                    yield stood_at(ctx, case, period.ends, around), case


def _training_ends(ctx: AppContext, place: Place, period: Period) -> bool:
    """Whether a certificate of somebody who needs one here runs out before the end of the school year that follows."""
    today = today_for(ctx)
    limit = yearly_rules.ends_on(_rules(place), period.year + 1)
    trained = {key for key, role in place.protocol.roles.items() if role.trained}
    with ctx.directory.reading() as session:
        posts = auth_repository.posts(session, [place.unit.id], since=today)
    held: Mapping[str, date | None] = {
        post.account.id: post.account.trained_until
        for post in posts
        if post.role in trained and post.is_current(today) and post.account.certified
    }
    return any(until is not None and until < limit for until in held.values())
