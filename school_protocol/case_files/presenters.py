"""Presenters of case files: entries, evidence, what a copy leaves out and how the protocol was kept, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from markupsafe import Markup

from school_protocol.case_files.content import CaseFile
from school_protocol.cases.view_models import PersonLine, RecordView, ReferralLine
from school_protocol.engine import name_detection
from school_protocol.engine.case_summary import AskedLine
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import Document, FieldType, FormField, Profile
from school_protocol.engine.events import Put
from school_protocol.engine.evidence_pieces import Format, Purpose, Refusal
from school_protocol.language import ZONE, Wording
from school_protocol.pdf import bidi

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


class Entries:
    """The view's people and entries in the words of one language."""

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

    # ---- saying things ---------------------------------------------------------------------------------------

    def page_count(self) -> Markup:
        """Page x of y: the typesetter counts."""
        page, pages = Markup('<bdi dir="ltr" class="page"></bdi>'), Markup('<bdi dir="ltr" class="pages"></bdi>')
        return self.said(self.w._("Page %(page)s of %(pages)s"), page=page, pages=pages)

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
        """Day and time, the time apart, so that no comma stands between figures of two directions; no time of a day."""
        day, clock = self.w.day(value.astimezone(ZONE)), self.w.clock(value)
        if value.astimezone(ZONE).time() == time(0):
            return Markup('<span class="nowrap">{}</span>').format(self.line(day))
        return Markup('<span class="nowrap">{}</span> <span class="clock">{}</span>').format(
            self.line(day), self.line(clock)
        )

    def person(self, person: PersonLine) -> str:
        """The label, and the name where this profile names such people."""
        return f"{person.label} · {person.name}" if person.name and self.may_name(person) else person.label

    def may_name(self, person: PersonLine) -> bool:
        """A second lock: nobody is named whom the profile doesn't name, whatever the view holds."""
        return self.profile.identities or person.slot.key in self.profile.named

    def identity(self, person: PersonLine) -> list[tuple[str, str]]:
        if not self.may_name(person):
            return []
        said = {"grade": self.w._("Class"), "massar": self.w._("Massar code"), "phone": self.w._("Telephone")}
        return [(said.get(key, key), value) for key, value in person.identity.items() if value]

    def by(self, name: str, role: str) -> Markup:
        spoken = self.line(self.w.role(self.protocol, role))
        return Markup('{} <span class="sub">{} </span>').format(self.line(name), spoken) if name else spoken

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
            if value in (None, "", [], (), {}) or field.type in _NEVER or not self.may_print(field):
                continue
            if not self.profile.acts or field.key in self.profile.acts.get(record.act.key, ()):
                yield field, value

    def may_print(self, field: FormField) -> bool:
        """A second lock: words, and texts that may hold names, stay out of a copy without words in any case.

        What is for figures stays out of every copy but the school's own.
        """
        if field.for_figures and not self.profile.is_for_school:
            return False
        return self.profile.words or not (field.may_name or field.names)

    def answer(self, field: FormField, value: Any) -> Markup:
        if field.type is FieldType.moment:
            return self.when(datetime.fromisoformat(str(value)))
        if field.type is FieldType.long:
            return self.words(str(value))
        said = self.labelled(self.w.answer(self.protocol, field, value, self.names))
        return bidi.quoted(said, self.w.direction) if field.type is FieldType.text else self.line(said)

    def words(self, text: str) -> Markup:
        return bidi.paragraphs(self.labelled(text), self.w.direction, self.w.language)

    def quoted(self, text: str) -> Markup:
        """Somebody's own words within a line."""
        return bidi.quoted(self.labelled(text), self.w.direction)

    def labelled(self, text: str) -> str:
        """A text in which each sign of the case ([EV1]) stands with the name that this copy may show."""
        return "".join(piece for piece, _is_sign in name_detection.shown(text, self.signs))

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
            "copy": w._("Other answers of this entry are left out in this copy."),
            "destroyed": w._("The words of this entry were erased, as the law asks."),
        }
        if record.left_out and record.hidden in (None, "words"):
            return w._("Left out in this copy: %(what)s", what=" · ".join(self._questions(record)))
        hidden = record.hidden or ("" if self.profile.words else "words")
        return None if hidden == "words" and not _may_hold_words(record) else said.get(hidden)

    def _questions(self, record: RecordView) -> Iterator[str]:
        """The questions of which the answers are left out; of a table's column, the table's too."""
        for key in record.left_out:
            name, _, column = key.partition(".")
            field = record.form.by_key[name]
            inner = next((one for one in field.fields if one.key == column), None)
            label = self.w.text(field.label)
            yield f"{label}{self.w.colon(label)} {self.w.text(inner.label)}" if inner is not None else label


def _may_hold_words(record: RecordView) -> bool:
    columns = (column for field in record.form.fields for column in (field, *field.fields))
    return any(field.may_name or field.names for field in columns)


# ---- what became of a file of evidence, and why one is not taken or not opened -------------------------------------


def handled_said(w: Wording, protocol: Protocol, detail: Mapping[str, Any]) -> str:
    """A file was received, shut, asked about or destroyed, as one sentence; never what it shows."""
    piece = detail.get("piece", "")
    match detail.get("step"):
        case "kept":
            return w._("File of piece %(number)s received, and sealed", number=piece)
        case "shut":
            return w._("File of piece %(number)s shut: it must not be kept here. Nobody opens it", number=piece)
        case "asked":
            target = protocol.targets.get(str(detail.get("target", "")))
            named = w.text(target.title) if target is not None else str(detail.get("target", ""))
            return w._("File of piece %(number)s: %(service)s was asked what to do", number=piece, service=named)
        case "destroyed":
            return w._("File of piece %(number)s destroyed, past recovery", number=piece)
    return w._("Something was done with the file of piece %(number)s", number=piece)


def digest_said(w: Wording, detail: Mapping[str, Any]) -> str:
    """Format, bytes and digest of what was received; empty for any other step."""
    if detail.get("step") != "kept" or not detail.get("sha256"):
        return ""
    return w._(
        "Format %(format)s, %(size)s bytes, SHA-256 digest %(digest)s",
        format=str(detail.get("format", "")).upper(), size=detail.get("size", 0), digest=detail["sha256"],
    )  # fmt: skip


def opened_said(w: Wording, detail: Mapping[str, Any]) -> str:
    """A file was opened, and what for."""
    piece, purpose = detail.get("piece", ""), purpose_label(w, str(detail.get("purpose", "")))
    if detail.get("original"):
        return w._("File of piece %(number)s opened as it was received: %(purpose)s", number=piece, purpose=purpose)
    return w._("File of piece %(number)s opened: %(purpose)s", number=piece, purpose=purpose)


def purpose_label(w: Wording, purpose: str) -> str:
    """What a file is opened for."""
    return {
        Purpose.understand: w._("to understand what happened"),
        Purpose.compare: w._("to compare it with what is told"),
        Purpose.removal: w._("to ask for removal"),
        Purpose.authority: w._("to hand it to the police or the prosecutor"),
        Purpose.other: w._("for another reason"),
    }.get(Purpose(purpose) if purpose in set(Purpose) else Purpose.other, purpose)


def format_said(w: Wording, kind: Format) -> str:
    """What a file is."""
    return {
        Format.png: w._("picture (PNG)"),
        Format.jpeg: w._("picture (JPEG)"),
        Format.pdf: w._("document (PDF)"),
        Format.txt: w._("plain text"),
    }[kind]


def refusal_message(w: Wording, code: Refusal, found: str = "") -> str:
    """One or two sentences, for whoever wanted to put a file there or to open one."""
    return _forbidden(w).get(code) or _of_content(w, found).get(code) or _of_state(w)[code]


def _forbidden(w: Wording) -> dict[Refusal, str]:
    return {
        Refusal.intimate: w._(
            "The content is, or may be, sexual or intimate: no file is taken, and none is opened. Do not look, copy "
            "or forward. Describe it in words: “image described by the pupil, not viewed”, where, which account, when."
        ),
        Refusal.danger: w._(
            "A danger stands in this case that forbids any file: none is taken, and none is opened. Describe it in "
            "words, and follow the first minutes."
        ),
        Refusal.not_said: w._(
            "It is not said whether the content is sexual or intimate: no file is taken. Correct the piece first."
        ),
        Refusal.off: w._("Files are not kept here: a description is enough."),
        Refusal.shut: w._("This file was shut: it must not be kept here. Nobody opens it."),
        Refusal.not_asked: w._("Ask the police or the prosecutor first, and note it: then it is destroyed."),
    }


def _of_content(w: Wording, found: str) -> dict[Refusal, str]:
    named = w._("This is another kind of file (%(found)s).", found=found) if found else ""
    only = w._("Only pictures (PNG, JPEG), PDF and text are taken.")
    return {
        Refusal.unknown_format: " ".join(part for part in (named, only) if part),
        Refusal.moving: w._("Videos and moving pictures are not taken. Describe them in words."),
        Refusal.too_many_pixels: w._("The picture is too large. Take a capture of the part that matters."),
        Refusal.mixed: w._(
            "This file holds something else besides: it is not taken. Take a new capture of the screen, and try again."
        ),
        Refusal.broken: w._("This file is damaged, or not what it seems to be. Take a new capture, and try again."),
        Refusal.active: w._("This PDF runs something, or holds another file: it is not taken. Print it to a new PDF."),
        Refusal.encrypted: w._("This PDF is locked with a password: it is not taken."),
        Refusal.too_long: w._("Reading this file took too long: it is not taken."),
        Refusal.empty: w._("Choose a file: nothing came."),
        Refusal.too_large: w._("The file is larger than %(number)s MB.", number=found),
    }


def _of_state(w: Wording) -> dict[Refusal, str]:
    return {
        Refusal.unclean: w._("The virus scanner refused this file. Do not open it, and tell whoever looks after it."),
        Refusal.not_scanned: w._(
            "The virus scanner does not answer, so that no file is taken now. Nothing was kept. Try again later."
        ),
        Refusal.not_attested: w._("Tick the box first: it says what must never be put here."),
        Refusal.has_file: w._("This piece has its file already: register another piece for another file."),
        Refusal.closed: w._("The case takes no new piece now."),
        Refusal.gone: w._("The file is not there any more."),
    }


# ---- what a copy lacks of the case ---------------------------------------------------------------------------------
# Computed from what was dropped, never guessed.

_SIGNS = 8
"""So many signs are still told one by one."""


def document_title(w: Wording, document: Document | None) -> str:
    """What a document is called; None: of a kind that is issued no more."""
    return w.text(document.title) if document else w._("A document that is issued no more")


def parts(view: CaseFile, wording: Wording) -> Iterator[str]:
    """The parts of `This copy leaves out: …`."""
    left = view.left_out
    if left.names:
        told = wording.ngettext("the name of one person", "the names of %(num)d people", len(left.names))
        yield f"{told} ({wording.listed(left.names)})" if len(left.names) <= _SIGNS else told
    if left.words:
        yield wording.ngettext(
            "somebody’s own words in one place", "somebody’s own words in %(num)d places", left.words
        )
    if left.answers:
        yield wording.ngettext("other answers in one entry", "other answers in %(num)d entries", left.answers)
    if left.addresses:
        yield wording.ngettext("one address or account", "%(num)d addresses or accounts", left.addresses)
    if left.entries:
        yield wording.ngettext("one whole entry", "%(num)d whole entries", left.entries)
    if left.sides:
        yield wording.ngettext(
            "one entry that is kept for others in the case",
            "%(num)d entries that are kept for others in the case",
            left.sides,
        )
    if left.decision:
        yield wording._("the team’s decision and its reasons")
    if left.sections:
        titles = [wording.text(view.document.sections[place].title) for place in left.sections]
        yield wording._("these parts: %(titles)s", titles=wording.titles(titles))


def entries_here(wording: Wording, number: int) -> str:
    """How many entries are lacking at this place."""
    return wording.ngettext("One entry is left out in this copy.", "%(num)d entries are left out in this copy.", number)


# ---- what was told without an account and put to a case: within which hour it came, and no more --------------------


def public_report_label(w: Wording, detail: Mapping[str, Any]) -> str:
    """The line of the chronology."""
    hour = datetime.fromisoformat(str(detail["hour"]))
    when = {"day": w.day(hour), "start": w.clock(hour), "end": w.clock(hour + timedelta(hours=1))}
    if detail["how"] == Put.opened:
        return w._("Opened out of a public report that came on %(day)s, between %(start)s and %(end)s", **when)
    if detail["how"] == Put.linked:
        return w._("A public report that came on %(day)s, between %(start)s and %(end)s, was put to this case", **when)
    return w._("A public report that came on %(day)s, between %(start)s and %(end)s, was put to another case", **when)


# ---- how what the protocol asked went ------------------------------------------------------------------------------


def outcome_label(w: Wording, line: AskedLine, as_of: datetime, protocol: Protocol) -> tuple[str, str, str]:
    """Tone, mark and words of how it went, with when no time ran and why."""
    tone, mark, words = _went(w, line, as_of)
    for one in line.pauses:
        since, until = w.day(one.since), w.day(one.until or as_of)
        if one.until is None:
            words = w._("Suspended since %(since)s", since=since)
        else:
            words += " · " + w._("time stopped from %(since)s to %(until)s", since=since, until=until)
        why = protocol.facts.get(protocol.deadlines[line.key].suspended_while or "")
        words = w.pair(words, w.text(why.label)) if why else words
    return tone, mark, words


def _went(w: Wording, line: AskedLine, as_of: datetime) -> tuple[str, str, str]:
    due, done = line.due_at, line.done_at
    if line.outcome == "late" and due and done:
        return "today", "!", w._("Done, %(late)s", late=w.late_by(done - due))
    if line.outcome == "overdue" and due:
        return "late", "×", w._("Not done, %(late)s", late=w.late_by(as_of - due))
    return {
        "kept": ("ok", "✓", w._("Done in time") if due else w._("Done")),
        "late": ("today", "!", w._("Done late")),
        "overdue": ("late", "×", w._("Not done, late")),
        "open": ("soon", "…", w._("Still to be done")),
        "suspended": ("plain", "–", w._("Suspended")),
        "excused": ("plain", "–", w._("Excused, with a reason")),
    }.get(line.outcome, ("plain", "", line.outcome))
