"""PDF pages of the case file: one record laid out for one reader, as the definition says; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from school_protocol.case_files import presenters
from school_protocol.case_files.content import CaseFile, CheckLine, GridLine, SummaryLine
from school_protocol.case_files.front import MOST_DANGERS, Front, Refusal
from school_protocol.case_files.home_pages import HomePages
from school_protocol.case_files.presenters import outcome_label, public_report_label
from school_protocol.cases.view_models import DutyLine, EventView, FollowUpLine, RecordView, ReferralLine, RemarkLine
from school_protocol.engine import case_summary
from school_protocol.engine.actors import in_team
from school_protocol.engine.case_summary import AskedLine
from school_protocol.engine.definition import Act, Grid, Protocol
from school_protocol.engine.definition_parts import FieldType, FormField, Section
from school_protocol.engine.document_rules import section_of
from school_protocol.engine.events import EventKind, RemarkKind
from school_protocol.engine.texts import Text
from school_protocol.language import ZONE, Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import Attached, render, template
from school_protocol.pdf.verdicts import RECORD

# ---- remarks on copies in words: what each asks for, what it is on -------------------------------------------------


def kind_label(w: Wording, kind: str) -> str:
    """What a remark asks for."""
    return {
        RemarkKind.question.value: w._("A question"),
        RemarkKind.complete.value: w._("To be completed"),
        RemarkKind.correct.value: w._("To be corrected"),
        RemarkKind.information.value: w._("For information"),
    }.get(kind, kind)


def as_told(line: RemarkLine) -> Mapping[str, Any]:
    """The place of a remark as the chronology tells of it."""
    question = line.part.root if line.part is not None else None
    return {
        "missing": line.on if line.act else {} if line.is_hidden and not line.entry else None,
        "question": question,
        "section": line.section,
        "entry": line.entry,
    }


def about_said(w: Wording, protocol: Protocol, document: str, one: Mapping[str, Any]) -> str:
    """What a remark is on: an entry or a question of it, a form that is missing, a section, or the whole file."""
    missing, question = one.get("missing"), one.get("question")
    if missing is not None:
        title = w.text(missing.title if isinstance(missing, Act) else missing)
        return w._("A form that is missing: %(title)s", title=title) if title else w._("A form that is missing")
    entry, section = one["entry"], one["section"]
    if entry:
        said = w._("Entry %(number)s", number=entry)
        return f"{said} · {w.text(Text(question))}" if question else said
    if not section:
        return w._("The file as a whole")
    found = section_of(protocol, document, section)
    return w.text(found.title) if found is not None else section


def attached_said(w: Wording, detail: Mapping[str, Any]) -> str:
    """Remarks that came, as one line."""
    count, copy = len(detail.get("remarks", ())), detail.get("copy", "")
    said = w._("Supervisors’ remarks on copy %(copy)s: %(count)s", copy=copy, count=count)
    if copy == 0:
        said = w.ngettext("An observation of the supervision", "%(num)d observations of the supervision", count)
    awaited = detail.get("awaited", 0)
    return said if not awaited else f"{said} · {w.ngettext('one to answer', '%(num)d to answer', awaited)}"


def settled_label(w: Wording, detail: Mapping[str, Any]) -> str:
    """A remark that was dealt with, as one line."""
    return w._(
        "Remark %(remark)s of entry %(entry)s was dealt with",
        remark=detail.get("remark", ""),
        entry=detail.get("attached", ""),
    )


@dataclass(frozen=True, slots=True)
class RemarkRow:
    """One remark as the case file prints it. `number`: entry that it came with, and its place there."""

    number: Markup
    kind: Markup
    about: Markup
    copy: int
    awaits: bool
    text: Markup
    by: Markup
    role: Markup
    on: date
    settled_on: date | None
    sentence: Markup


def rows(pages: Pages) -> list[RemarkRow]:
    """Every remark that came before these pages were made, with what became of it."""
    view = pages.view
    settled = {
        (event.detail["attached"], event.detail["remark"]): event
        for event in reversed(view.events)
        if event.kind == EventKind.remark_settled.name
    }
    came = (event for event in view.events if event.kind == EventKind.remarks_attached.name)
    return [
        _row(pages, event, place, one, settled.get((event.seq, place)))
        for event in came
        for place, one in enumerate(event.detail["remarks"], 1)
    ]


def _row(pages: Pages, event: EventView, place: int, one: Mapping[str, Any], settled: EventView | None) -> RemarkRow:
    w, protocol, paper = pages.w, pages.protocol, event.detail["paper"]
    about = about_said(w, protocol, event.detail["document"], one)
    name, role = (paper["name"], paper["role"]) if paper else (event.actor, event.role)
    return RemarkRow(
        number=bidi.code(f"{event.seq}.{place}"),
        kind=pages.line(kind_label(w, one["kind"])),
        about=pages.line(about),
        copy=event.detail["copy"],
        awaits=one["awaits"],
        text=_words(pages, w._("Written for others in this case.") if one["is_hidden"] else one["text"]),
        by=Markup(" · ").join([pages.line(name), pages.line(w.role(protocol, role))]),
        role=pages.line(w.role(protocol, role)),
        on=_day(datetime.fromisoformat(paper["at"]) if paper else event.at),
        settled_on=_day(settled.at) if settled else None,
        sentence=_words(pages, settled.detail["sentence"] if settled else ""),
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def _words(pages: Pages, text: str) -> Markup:
    return bidi.paragraphs(pages.labelled(text), pages.w.direction, pages.w.language)


_CHOSEN = frozenset({FieldType.choice, FieldType.yes_no, FieldType.tri})
"""Answers that say something by themselves on the cover: never free text, never a person."""


def case_file(view: CaseFile, wording: Wording, record: bytes) -> bytes:
    """The PDF/A-3a with its record inside, before anybody is handed a copy: the same view gives the same bytes.

    Raises AddressRefused, DocumentsUnavailable.
    """
    reader = view.reader.id if view.reader is not None else ""
    told = (view.head.number, view.content_head, view.profile, reader, wording.language, view.as_of)
    pages = Pages(view, wording)
    return render(
        case_file_html(view, wording),
        title=HomePages(view, wording).title if view.home else pages.title,
        language=wording.html_language,
        identifier="|".join(str(part) for part in told),
        moment=view.as_of,
        pictures={Front.FELT: ("image/svg+xml", pages.felt_line())} if pages.felt_series() and not view.home else {},
        accessible=True,
        files=(Attached(RECORD, record, wording._("The record: what the pages show, as data")),),
    )


def case_file_html(view: CaseFile, wording: Wording) -> str:
    """The page that the PDF is made of."""
    pages: Pages | HomePages = HomePages(view, wording) if view.home else Pages(view, wording)
    return template("home.html" if view.home else "case_file.html").render(
        view=view, pages=pages, w=wording, _=wording.gettext, ngettext=wording.ngettext,
        line=pages.line, said=pages.said, text=pages.text, day=pages.day, when=pages.when, code=bidi.code,
    )  # fmt: skip


def _joined_said(w: Wording, detail: Mapping[str, Any]) -> str:
    number = detail.get("other", "")
    if detail.get("contributes"):
        return w._("This case contributes to case %(number)s, which another school leads", number=number)
    return w._("Another case was joined to this one: %(number)s", number=number)


_SAID: Mapping[str, Callable[[Wording, Mapping[str, Any]], str]] = {
    "document_revoked": lambda w, detail: w._("Copy %(copy)s taken back", copy=detail.get("copy", "")),
    "file_opened": presenters.opened_said,
    "public_report_placed": public_report_label,
    "erasure_suspended": lambda w, detail: w._(
        "Erasing suspended until %(day)s", day=w.day(str(detail.get("until", "")))
    ),
    "erasure_resumed": lambda w, _detail: w._("Suspension of erasing lifted"),
    "remarks_attached": attached_said,
    "remark_settled": settled_label,
    "case_joined": _joined_said,
    "version_changed": lambda w, detail: w._(
        "The case follows version %(version)s of the protocol from here on", version=detail["version"]
    ),
    "case_opened": lambda w, _detail: w._("The case was opened"),
    "word_chosen": lambda w, detail: w._("The case is called “%(word)s” from here on", word=w.text(detail["word"])),
    "access_lifted": lambda w, _detail: w._("Names were lifted for a time"),
    "access_ended": lambda w, _detail: w._("What was opened for a time was closed"),
    "door_opened": lambda w, _detail: w._("The case was opened in an emergency"),
    "door_reviewed": lambda w, _detail: w._("The emergency opening was reviewed"),
    "review_asked": lambda w, _detail: w._("The case waits to be reviewed"),
    "review_ended": lambda w, _detail: w._("The case was examined, and nothing more is asked"),
}
"""Kinds of event, each with what is said of one from its detail alone."""


_IN_FULL = ("records", "evidence", "grid")
"""Kinds of sections that are forms in full: they stand in the annex alone."""


class Pages(Front):
    """What the template asks: the view's parts in the words of one language."""

    @property
    def title(self) -> str:
        return f"{self.w.text(self.view.document.title)} {self.view.head.number}"

    # ---- what is left out ------------------------------------------------------------------------------------

    def has(self, kind: str) -> bool:
        """Whether sections of that kind stand in this copy."""
        return self.profile.has(kind)

    def leaves_out(self) -> list[Markup]:
        """What this copy lacks, part by part."""
        return [self.line(part) for part in presenters.parts(self.view, self.w)]

    def lacking(self, section: Section) -> Markup | None:
        """How many of a section's entries are left out of this copy."""
        place = self.view.document.sections.index(section)
        number = self.view.left_out.within.get(str(place))
        return None if number is None else self.line(presenters.entries_here(self.w, number))

    def named(self) -> list[Markup]:
        """The people whom this copy names, where it names some and not others."""
        return [self.line(self.person(one)) for one in self.view.people if one.name and self.may_name(one)]

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

    def asked_apart(self) -> tuple[list[AskedLine], int]:
        """What the protocol asked and what did not simply go well; and how many others were all done in time."""
        apart = [line for line in self.view.conformance.asked if line.outcome != "kept" or line.pauses]
        return apart, len(self.view.conformance.asked) - len(apart)

    def duties_apart(self) -> tuple[list[DutyLine], int]:
        """Duties that are not simply done, and how many others are."""
        apart = [line for line in self.view.duties if line.state != "done"]
        return apart, len(self.view.duties) - len(apart)

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
        return outcome_label(self.w, line, self.view.as_of, self.protocol)

    # ---- chronology ------------------------------------------------------------------------------------------

    def happened(self, event: EventView) -> Markup:
        """One event as one line."""
        detail = event.detail
        if event.record is not None:
            return self.told(event.record)
        match event.kind:
            case "step_taken":
                return self._step(detail)
            case "document_issued":
                named = self._issued(str(detail.get("document", "")), str(detail.get("profile", "")))
                said = self.w._("Copy %(copy)s issued: %(profile)s", copy=detail.get("copy", ""), profile=named)
                return self.line(said)
            case "file_handled":
                return self._file(detail)
            case "entry_retracted":
                taken = self.w._("Entry %(number)s taken back by its writer", number=detail.get("entry", ""))
                title = self.text(_declared(self.protocol.acts, detail.get("act")).title)
                return Markup("{} · {}").format(self.line(taken), title)
            case "case_seen":
                return self.line(self._seen(event.role))
        said_of = _SAID.get(event.kind)
        return self.line(said_of(self.w, detail) if said_of is not None else event.kind)

    def _step(self, detail: Mapping[str, Any]) -> Markup:
        title = self.text(_declared(self.protocol.moves, detail.get("move")).title)
        gone = self.line(self.w._("Taken back with the danger that made it"))
        return Markup("{} · {}").format(title, gone) if detail.get("taken_back") else title

    def _seen(self, role: str) -> str:
        if in_team(self.protocol, role):
            return self.w._("The team has read it")
        return self.w._("Somebody above the school has read it")

    def _file(self, detail: Mapping[str, Any]) -> Markup:
        """What became of a file; of one that was received, its digest too."""
        said = self.line(presenters.handled_said(self.w, self.protocol, detail))
        digest = presenters.digest_said(self.w, detail)
        return Markup("{} · {}").format(said, self.line(digest)) if digest else said

    def _issued(self, document: str, profile: str) -> str:
        """What was handed out: the case file by whom it is for, any other document by its own title."""
        found = self.protocol.documents.get(document)
        if found is not None and profile in found.profiles:
            return self.w.text(found.profiles[profile].title)
        return presenters.document_title(self.w, found)

    def arrival(self, event: EventView) -> Markup | None:
        """Where a step led to."""
        target = event.detail.get("target") if event.kind == "step_taken" else None
        return self.text(_declared(self.protocol.states, target).title) if target is not None else None

    def reason(self, event: EventView) -> Markup:
        return self.quoted(str(event.detail.get("reason") or ""))

    def _observed(self) -> Iterator[Refusal]:
        """Remarks that await an answer, and what was answered."""
        for one in self.remarks():
            if not one.awaits:
                continue
            by = self._dated(one.role, self.w.dated(one.on, "d MMM"))
            answered = one.sentence or self.line(self.w._("Dealt with"))
            state = ("ok", self.w._("Dealt with")) if one.settled_on else ("late", self.w._("To be answered"))
            what = Markup("{} · {}").format(one.kind, one.about)
            answer = answered if one.settled_on else self.line(self.w._("No answer yet"))
            yield Refusal(what, by, answer, state[0], self.line(state[1]))

    # ---- sections and annex ----------------------------------------------------------------------------------

    def printed(self) -> list[Section]:
        """The sections between page one and the annex, but empty ones and those that stand elsewhere in full."""
        told = {id(section) for section in self.empty_ones()}
        elsewhere = set(_IN_FULL)
        if self.profile.has("conformance"):
            elsewhere.add("duties")
        if len(self.view.dangers) <= MOST_DANGERS:
            elsewhere.add("dangers")
        return [one for one in self.sections if one.kind not in elsewhere and id(one) not in told]

    def empty_ones(self) -> list[Section]:
        """Sections of this copy under which nothing stands: told in one line."""
        held = {
            "dangers": self.view.dangers, "referrals": self.view.referrals, "follow_ups": self.view.follow_ups,
            "remarks": self.remarks(), "grid": self.view.grid, "evidence": self.view.evidence,
        }  # fmt: skip
        return [
            one
            for one in self.sections
            if self.profile.has(one.kind) and one.kind in held and not held[one.kind] and not self.lacking(one)
        ]

    def annex(self) -> list[Section]:
        """The sections whose forms are printed in full, at the end."""
        full = (*_IN_FULL, "follow_ups", "referrals")
        empty = {id(section) for section in self.empty_ones()}
        return [
            one for one in self.sections if one.kind in full and self.profile.has(one.kind) and id(one) not in empty
        ]

    def missing_ones(self) -> list[Section]:
        """Sections that this copy doesn't have."""
        return [one for one in self.sections if not self.profile.has(one.kind)]

    def remarks(self) -> list[RemarkRow]:
        """What was remarked on copies, with what became of it."""
        return rows(self)

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
        return [self.text(self.grid.floors[number].sentence) for number in case_summary.score(self.grid, known).floors]

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
            "missed": ("late", self.w._("Not done, late")),
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


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
