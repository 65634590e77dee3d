"""Remarks on copies in words: what each asks for, what it is on; for pages, papers and the review sheet alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.domain.events import EventKind, RemarkKind
from school_protocol.domain.lines import EventView, RemarkLine
from school_protocol.domain.protocol import Act, Protocol
from school_protocol.domain.remarks import section_of
from school_protocol.domain.texts import Text
from school_protocol.wording import ZONE, Wording

if TYPE_CHECKING:
    from school_protocol.documents.case_file import Pages


def kind_said(w: Wording, kind: str) -> str:
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


def settled_said(w: Wording, detail: Mapping[str, Any]) -> str:
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
        kind=pages.line(kind_said(w, one["kind"])),
        about=pages.line(about),
        copy=event.detail["copy"],
        awaits=one["awaits"],
        text=_words(pages, w._("Written for others in this case.") if one["is_hidden"] else one["text"]),
        by=Markup(" · ").join([pages.line(name), pages.line(w.role(protocol, role))]),
        on=_day(datetime.fromisoformat(paper["at"]) if paper else event.at),
        settled_on=_day(settled.at) if settled else None,
        sentence=_words(pages, settled.detail["sentence"] if settled else ""),
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def _words(pages: Pages, text: str) -> Markup:
    return bidi.paragraphs(pages.labelled(text), pages.w.direction, pages.w.language)
