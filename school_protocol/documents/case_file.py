"""The case file: one record laid out for one reader, as the definition's document says; nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.model import CaseFile, CheckLine, GridLine, SummaryLine
from school_protocol.documents.rendering import Attached, render, template
from school_protocol.documents.sealing.copies import RECORD
from school_protocol.domain import naming, scoring
from school_protocol.domain.conformance import AskedLine
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.lines import DangerLine, EventView, FollowUpLine, PersonLine, RecordView, ReferralLine
from school_protocol.domain.protocol import ActKind, Grid, Profile, Protocol
from school_protocol.wording import ZONE, Wording

_CHOSEN = frozenset({FieldType.choice, FieldType.yes_no, FieldType.tri})
"""Answers that say something by themselves on the cover: never free text, never a person."""

_POINTERS = frozenset(
    {FieldType.danger, FieldType.dangers, FieldType.target, FieldType.person, FieldType.persons, FieldType.seat}
)
"""Answers that tell what an entry of the chronology is about."""

_WHOLE = frozenset({FieldType.long, FieldType.rows})
_SHORT = 60
"""Letters of an answer that still fits half a line."""
_BRIEF = 700
"""Letters of an entry that is kept on one page, a row counted as fifty."""

_PLACE = re.compile(r"%\((\w+)\)s")

Answer = tuple[FormField, Markup, Markup]
"""Field, label, answer."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an entry: pairs of label and answer, two or one a row, or, without any, a table of its own."""

    rows: tuple[tuple[Answer, ...], ...] | None
    field: FormField | None = None
    label: Markup | None = None
    is_signed: bool = False


_NEVER = frozenset({FieldType.signature, FieldType.grid})
"""Shown elsewhere: with the signatures, and in the grid's own table."""


def case_file(view: CaseFile, wording: Wording, record: bytes) -> bytes:
    """The PDF/A-3a with its record inside, before anybody is handed a copy: the same view gives the same bytes.

    Raises AddressRefused, DocumentsUnavailable.
    """
    told = (view.head.number, view.content_head, view.profile, wording.language, view.as_of)
    return render(
        case_file_html(view, wording),
        title=Pages(view, wording).title,
        language=wording.html_language,
        identifier="|".join(str(part) for part in told),
        moment=view.as_of,
        accessible=True,
        files=(Attached(RECORD, record, wording._("The record: what the pages show, as data")),),
    )


def case_file_html(view: CaseFile, wording: Wording) -> str:
    """The page that the PDF is made of."""
    pages = Pages(view, wording)
    return template("case_file.html").render(
        view=view, pages=pages, w=wording, _=wording.gettext, ngettext=wording.ngettext,
        line=pages.line, said=pages.said, text=pages.text, day=pages.day, when=pages.when, code=bidi.code,
    )  # fmt: skip


class Pages:
    """What the template asks: the view's parts in the words of one language."""

    LONG = 500
    """Letters of an answer that may go on over a page."""

    def __init__(self, view: CaseFile, wording: Wording) -> None:
        self.view = view
        self.w = wording
        self.protocol: Protocol = view.head.protocol
        self.profile: Profile = view.shown_as
        self.names: Mapping[str, str] = {**view.names, **{person.id: self.person(person) for person in view.people}}
        self.signs: Mapping[str, str] = {person.label: self.person(person) for person in view.people}
        self.every_record: Mapping[int, RecordView] = {
            **{event.seq: event.record for event in view.events if event.record is not None},
            **{record.seq: record for record in view.records},
        }
        """Those of the chronology too: a referral's own record need not stand in any section."""
        self.sections = tuple(
            section
            for section in view.document.sections
            if section.kind not in ("decision", "checks") and (section.kind != "summary" or view.summary is not None)
        )

    @property
    def comma(self) -> str:
        return self.w.comma.strip()

    @property
    def title(self) -> str:
        return f"{self.w.text(self.view.document.title)} {self.view.head.number}"

    # ---- saying things ---------------------------------------------------------------------------------------

    def line(self, value: object) -> Markup:
        """A text of any origin within a line of this language."""
        return bidi.isolated(str(value), self.w.direction)

    def text(self, text: Any) -> Markup:
        """A text of the definition or the directory, marked where it is not in this language."""
        said = self.line(self.w.text(text))
        known = getattr(text, "root", text)
        if not isinstance(known, Mapping) or not known or known.get(self.w.language):
            return said
        return Markup('<span lang="{}">{}</span>').format(next(iter(known)), said)

    def said(self, message: str, **parts: Markup) -> Markup:
        """A translated message whose `%(name)s` places are filled with markup."""
        pieces = _PLACE.split(message)
        return Markup("").join(parts[piece] if place % 2 else self.line(piece) for place, piece in enumerate(pieces))

    def day(self, value: date | str) -> Markup:
        return Markup('<span class="nowrap">{}</span>').format(self.line(self.w.day(value)))

    def when(self, value: datetime) -> Markup:
        """Day and time, the time apart, so that no comma stands between figures of two directions."""
        day, clock = self.w.day(value.astimezone(ZONE)), self.w.clock(value)
        return Markup('<span class="nowrap">{}</span> <span class="clock">{}</span>').format(
            self.line(day), self.line(clock)
        )

    def person(self, person: PersonLine) -> str:
        """The label, and the name where this profile is an identified one."""
        return f"{person.label} · {person.name}" if person.name and self.profile.identities else person.label

    def identity(self, person: PersonLine) -> list[tuple[str, str]]:
        if not self.profile.identities:
            return []
        said = {"grade": self.w._("Class"), "massar": self.w._("Massar code"), "phone": self.w._("Telephone")}
        return [(said.get(key, key), value) for key, value in person.identity.items() if value]

    def by(self, name: str, role: str) -> Markup:
        spoken = self.line(self.w.role(self.protocol, role))
        return Markup('{}<span class="sub">{}</span>').format(self.line(name), spoken) if name else spoken

    # ---- the cover -------------------------------------------------------------------------------------------

    @property
    def decision_title(self) -> Markup:
        section = next((section for section in self.view.document.sections if section.kind == "decision"), None)
        return self.text(section.title) if section else self.line(self.w._("The decision"))

    @property
    def checks_title(self) -> Markup:
        section = next((section for section in self.view.document.sections if section.kind == "checks"), None)
        return self.text(section.title) if section else self.line(self.w._("Checks"))

    def decided(self) -> list[tuple[Markup, Markup]]:
        """What the deciding record says in so many choices: no name, no free text."""
        record = self.view.decision
        if record is None:
            return []
        fields = [
            field for field in record.form.fields if field.type in _CHOSEN and not self._repeats_level(record, field)
        ]
        return [(self.text(field.label), self.answer(field, value)) for field, value in self._answered(record, fields)]

    def _repeats_level(self, record: RecordView, field: FormField) -> bool:
        """Whether the field is a choice of level, answered as the level that stands on the cover anyhow."""
        levels = self.grid.levels if self.grid else {}
        is_level = bool(field.options) and {option.key for option in field.options} <= {str(level) for level in levels}
        level = self.view.head.level
        return is_level and level is not None and str(record.answers.get(field.key)) == level.key

    def level(self) -> Markup:
        """The level's short name and its title; where the script is not the code's, its number, as the texts say it."""
        level = self.view.head.level
        if level is None:
            return Markup("")
        short = level.key if self.w.direction == "rtl" else level.short
        return Markup("{} · {}").format(self.line(short), self.text(level.title))

    def level_reasons(self) -> list[Markup]:
        """How the level came, without the score."""
        w, detail = self.w, self.view.grid_detail
        said = {
            "maximum": w._("Some items are not known: the highest level that they allow counts."),
            "override": w._("The team chose another level than the grid’s, and wrote why."),
            "recurrence": w._("The same was seen here before within the year: the level is raised."),
            "reopening": w._("The case was reopened: the level is above the former one."),
            "danger": w._("A danger stands: the level follows from it."),
        }
        reasons = [self.line(said[reason]) for reason in detail.get("reasons", ()) if reason in said]
        return [*self.floors()[:2], *reasons] or [self.line(w._("As the grid gives it."))]

    def checks(self) -> Iterator[tuple[CheckLine, Markup, Markup]]:
        """Each check, its name, and what is missing where it is not met."""
        used: set[str] = set()
        for check in self.view.checks:
            name = self._check_name(check, used)
            lacking = self.protocol.needs[check.key].sentence if check.part == "needs" and not check.is_met else None
            yield check, self.line(name), self.text(lacking)

    def _check_name(self, check: CheckLine, used: set[str]) -> str:
        if check.part != "needs":
            return self.w.text(getattr(self.protocol, check.part)[check.key].title)
        need = self.protocol.needs[check.key]
        if need.title is not None:
            return self.w.text(need.title)
        facts = [self.w.text(fact.label) for key, fact in self.protocol.facts.items() if key in need.when.names]
        acts = [self.w.text(self.protocol.acts[act].title) for act in need.met_by]
        name = next((name for name in [*facts, *acts] if name not in used), check.key)
        used.add(name)
        return name

    def counts(self) -> list[tuple[int, str, str]]:
        """Figures of the cover: number, tone, words."""
        kept = self.view.conformance
        figures = [
            (kept.count("kept"), "ok", self.w._("in time")),
            (kept.count("late"), "today", self.w._("done late")),
            (kept.count("overdue"), "late", self.w._("late now")),
            (kept.count("open"), "soon", self.w._("still open")),
            (len(kept.departures), "plain", self.w._("departures")),
        ]
        return [(number, tone if number else "none", words) for number, tone, words in figures]

    def page_count(self) -> Markup:
        """Page x of y: the typesetter counts."""
        page, pages = Markup('<bdi dir="ltr" class="page"></bdi>'), Markup('<bdi dir="ltr" class="pages"></bdi>')
        return self.said(self.w._("Page %(page)s of %(pages)s"), page=page, pages=pages)

    def first_of(self, items: list[Markup], most: int = 3) -> Markup:
        shown = Markup(" · ").join(items[:most])
        return shown if len(items) <= most else Markup("{} …").format(shown)

    def overdue(self) -> list[Markup]:
        """What is late now, people by their label alone: the cover names no one."""
        labels = {person.id: person.label for person in self.view.people}
        return [self.asked(line, labels) for line in self.view.conformance.asked if line.outcome == "overdue"]

    # ---- conformance -----------------------------------------------------------------------------------------

    def asked(self, line: AskedLine, names: Mapping[str, str] | None = None) -> Markup:
        title = self.text(getattr(self.protocol, line.part)[line.key].title)
        return Markup("{} · {}").format(title, self.subject(line.subject, names)) if line.subject else title

    def subject(self, subject: str, names: Mapping[str, str] | None = None) -> Markup:
        """What a count is about: a danger, a person, a day, or the number of a referral."""
        if subject in self.protocol.dangers:
            return self.text(self.protocol.dangers[subject].title)
        names = self.names if names is None else names
        if subject in names:
            return self.line(names[subject])
        if subject.isdigit():
            return self.line(self.w._("no. %(number)s", number=subject))
        return self.day(subject) if _is_day(subject) else self.line(subject)

    def outcome(self, line: AskedLine) -> tuple[str, str, str]:
        """Tone, mark and words of how it went."""
        w, due, done = self.w, line.due_at, line.done_at
        if line.outcome == "late" and due and done:
            return "today", "!", w._("Done, %(late)s", late=w.late_by(done - due))
        if line.outcome == "overdue" and due:
            return "late", "×", w._("Not done, %(late)s", late=w.late_by(self.view.as_of - due))
        return {
            "kept": ("ok", "✓", w._("Done in time") if due else w._("Done")),
            "late": ("today", "!", w._("Done late")),
            "overdue": ("late", "×", w._("Not done, late")),
            "open": ("soon", "…", w._("Still to be done")),
            "suspended": ("plain", "–", w._("Suspended")),
            "excused": ("plain", "–", w._("Excused, with a reason")),
        }.get(line.outcome, ("plain", "", line.outcome))

    # ---- records ---------------------------------------------------------------------------------------------

    def records_of(self, acts: Iterable[str]) -> list[RecordView]:
        wanted = set(acts)
        return [record for record in self.view.records if record.act.key in wanted]

    def record_number(self, seq: int) -> RecordView | None:
        return self.every_record.get(seq)

    def replies(self, referral: ReferralLine) -> list[RecordView]:
        """Entries that answer this referral."""
        return [
            record
            for record in self.every_record.values()
            if record.act.kind is ActKind.answer_referral and self._points_at(record, str(referral.number))
        ]

    def _points_at(self, record: RecordView, number: str) -> bool:
        field = record.form.find(FieldType.referral)
        return field is not None and str(record.answers.get(field.key)) == number

    def answers(self, record: RecordView, without: Iterable[str] = ()) -> list[Answer]:
        """Field, label and answer of all that may be printed, in the form's order."""
        left_out = {FieldType(name) for name in without}
        fields = [field for field in record.form.fields if field.type not in left_out]
        return [
            (field, self.text(field.label), self.answer(field, value))
            for field, value in self._answered(record, fields)
        ]

    def laid_out(self, record: RecordView, without: Iterable[str] = ()) -> Iterator[tuple[Answer, ...]]:
        """The same in rows: short answers two by two, long ones alone."""
        waiting: list[Answer] = []
        for found in self.answers(record, without):
            if found[0].type in _WHOLE or len(found[2].striptags()) > _SHORT:
                if waiting:
                    yield tuple(waiting)
                    waiting = []
                yield (found,)
                continue
            waiting.append(found)
            if len(waiting) == 2:
                yield tuple(waiting)
                waiting = []
        if waiting:
            yield tuple(waiting)

    def parts(self, record: RecordView, without: Iterable[str] = ()) -> Iterator[Part]:
        """The same in pieces: an answer that is a table stands between them, and signatures close the last."""
        waiting: list[tuple[Answer, ...]] = []
        for row in self.laid_out(record, without):
            field, label, _answer = row[0]
            if field.type is not FieldType.rows:
                waiting.append(row)
                continue
            if waiting:
                yield Part(tuple(waiting))
                waiting = []
            yield Part(None, field, label)
        is_signed = bool(record.signatures or record.signatures_wanted)
        if waiting or is_signed:
            yield Part(tuple(waiting), is_signed=is_signed)

    def is_brief(self, record: RecordView) -> bool:
        """Whether an entry is short enough to be kept on one page."""
        said = [answer.striptags() for _field, _label, answer in self.answers(record)]
        return sum(len(answer) + 50 for answer in said) < _BRIEF

    def _answered(self, record: RecordView, fields: Iterable[FormField]) -> Iterator[tuple[FormField, Any]]:
        for field in fields:
            value = record.answers.get(field.key)
            if value not in (None, "", [], (), {}) and field.type not in _NEVER and self.may_print(field):
                yield field, value

    def may_print(self, field: FormField) -> bool:
        """A second lock: words, and texts that may hold names, stay out of a copy without words in any case."""
        return self.profile.words or not (field.may_name or field.names)

    def answer(self, field: FormField, value: Any) -> Markup:
        if field.type is FieldType.moment:
            return self.when(datetime.fromisoformat(str(value)))
        if field.type is FieldType.long:
            return self.words(str(value))
        return self.line(self.labelled(self.w.answer(self.protocol, field, value, self.names)))

    def words(self, text: str) -> Markup:
        return bidi.paragraphs(self.labelled(text), self.w.direction, self.w.language)

    def labelled(self, text: str) -> str:
        """A text in which each sign of the case ([EV1]) stands with the name that this copy may show."""
        return "".join(piece for piece, _is_sign in naming.shown(text, self.signs))

    def rows(self, field: FormField, rows: Iterable[Mapping[str, Any]]) -> tuple[list[FormField], list[list[Markup]]]:
        """Columns that are filled somewhere, and the cells."""
        rows = list(rows)
        columns = [
            column
            for column in field.fields
            if self.may_print(column) and any(row.get(column.key) not in (None, "", []) for row in rows)
        ]
        return columns, [[self._cell(column, row.get(column.key)) for column in columns] for row in rows]

    def _cell(self, column: FormField, value: Any) -> Markup:
        return self.answer(column, value) if value not in (None, "", []) else Markup("–")

    def left_out(self, record: RecordView) -> str | None:
        """What of this entry is not in this copy, in words."""
        w = self.w
        said = {
            "side": w._("This entry is kept for others in the case."),
            "words": w._("Somebody’s own words are not part of this copy."),
            "destroyed": w._("The words of this entry were erased, as the law asks."),
        }
        hidden = record.hidden or ("" if self.profile.words else "words")
        return None if hidden == "words" and not _may_hold_words(record) else said.get(hidden)

    # ---- chronology ------------------------------------------------------------------------------------------

    def happened(self, event: EventView) -> Markup:
        """One event as one line."""
        w, detail = self.w, event.detail
        if event.record is not None:
            return self._with_pointers(event.record)
        if event.kind == "step_taken":
            return self.text(_declared(self.protocol.moves, detail.get("move")).title)
        if event.kind == "document_issued":
            named = self._issued(str(detail.get("document", "")), str(detail.get("profile", "")))
            return self.line(w._("Copy %(copy)s issued: %(profile)s", copy=detail.get("copy", ""), profile=named))
        if event.kind == "document_revoked":
            return self.line(w._("Copy %(copy)s taken back", copy=detail.get("copy", "")))
        if event.kind == "case_joined":
            return self.line(w._("Another case was joined to this one: %(number)s", number=detail.get("other", "")))
        if event.kind == "entry_retracted":
            taken = w._("Entry %(number)s taken back by its writer", number=detail.get("entry", ""))
            return Markup("{} · {}").format(
                self.line(taken), self.text(_declared(self.protocol.acts, detail.get("act")).title)
            )
        if event.kind == "version_changed":
            moved = w._("The case follows version %(version)s of the protocol from here on", version=detail["version"])
            return self.line(moved)
        said = {"case_opened": w._("The case was opened"), "case_seen": w._("The team has read it")}
        return self.line(said.get(event.kind, event.kind))

    def _issued(self, document: str, profile: str) -> str:
        """What was handed out: the case file by whom it is for, any other document by its own title."""
        found = self.protocol.documents.get(document)
        if found is None:
            return document
        return self.w.text(found.profiles[profile].title if profile in found.profiles else found.title)

    def arrival(self, event: EventView) -> Markup | None:
        """Where a step led to."""
        target = event.detail.get("target") if event.kind == "step_taken" else None
        return self.text(_declared(self.protocol.states, target).title) if target is not None else None

    def reason(self, event: EventView) -> str:
        return self.labelled(str(event.detail.get("reason") or ""))

    def _with_pointers(self, record: RecordView) -> Markup:
        pointed = [field for field in record.form.fields if field.type in _POINTERS]
        said = [self.answer(field, value) for field, value in self._answered(record, pointed)]
        if record.taken_back is not None:
            at = self.w._("Taken back by its writer at %(time)s", time=self.w.clock(record.taken_back))
            said = [self.line(at), *said]
        title = self.text(record.act.title)
        return Markup("{} · {}").format(title, Markup(" · ").join(said)) if said else title

    # ---- the grid --------------------------------------------------------------------------------------------

    @property
    def grid(self) -> Grid | None:
        grids = self.protocol.grids
        found: Grid | None = grids.get(str(self.view.grid_detail.get("grid"))) or next(iter(grids.values()), None)
        return found

    def floors(self) -> list[Markup]:
        """Sentences of the floors that hold."""
        if self.grid is None or not self.view.grid:
            return []
        known = {line.item: line.score for line in self.view.grid if line.score is not None}
        return [self.text(self.grid.floors[number].sentence) for number in scoring.score(self.grid, known).floors]

    def pips(self, line: GridLine) -> list[str]:
        """One pip a point that the item can give: had, possible, or neither."""
        assert self.grid is not None
        item = self.grid.items[line.item]
        most = item.weight * (len(item.anchors) - 1)
        return ["had"] * line.low + ["may"] * (line.high - line.low) + ["not"] * (most - line.high)

    # ---- the summary -----------------------------------------------------------------------------------------

    def summary_state(self, summary: SummaryLine) -> Markup:
        """Who confirmed it, by role, and when; whether the case went on since."""
        if summary.at is None:
            return self.line(self.w._("No summary was confirmed yet."))
        who, when = self.line(self.w.role(self.protocol, summary.role)), self.when(summary.at)
        if summary.stands:
            return self.said(self.w._("Confirmed by: %(role)s, %(moment)s"), role=who, moment=when)
        return self.said(
            self.w._("Confirmed by: %(role)s, %(moment)s. The case has moved on since."), role=who, moment=when
        )

    # ---- states in words -------------------------------------------------------------------------------------

    def danger_state(self, danger: DangerLine) -> tuple[str, str]:
        return {
            "raised": ("late", self.w._("Stands, not referred yet")),
            "referred": ("today", self.w._("Referred")),
            "lifted": ("ok", self.w._("Lifted")),
        }.get(danger.state, ("plain", danger.state))

    def referral_state(self, referral: ReferralLine) -> tuple[str, str]:
        return {
            "open": ("today", self.w._("No answer yet")),
            "acknowledged": ("soon", self.w._("Receipt confirmed")),
            "settled": ("ok", self.w._("Settled")),
        }.get(referral.state, ("plain", referral.state))

    def follow_up_state(self, line: FollowUpLine) -> tuple[str, str]:
        return {
            "held": ("ok", self.w._("Held")),
            "missed": ("late", self.w._("Missed")),
            "planned": ("soon", self.w._("Planned")),
        }.get(line.state, ("plain", line.state))

    def duty_state(self, state: str) -> tuple[str, str]:
        return {
            "due": ("soon", self.w._("To be done")),
            "done": ("ok", self.w._("Done")),
            "excused": ("plain", self.w._("Excused, with a reason")),
            "suspended": ("plain", self.w._("Suspended")),
        }.get(state, ("plain", state))

    def covered(self, referral: ReferralLine) -> Markup:
        """What a referral is about."""
        dangers = self.protocol.dangers
        named = [
            dangers[item].title if item in dangers else self.w._("a need without a danger") for item in referral.covers
        ]
        return Markup(" · ").join(self.text(name) for name in named)


def _declared(known: Mapping[str, Any], value: Any) -> Any:
    return known[value] if isinstance(value, str) else value


def _may_hold_words(record: RecordView) -> bool:
    columns = (column for field in record.form.fields for column in (field, *field.fields))
    return any(field.may_name or field.names for field in columns)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
