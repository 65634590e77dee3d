"""Presenters of privacy: the copy of what is kept of one person as pages, and why somebody sees or read a case."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from school_protocol.engine.definition import Act, Protocol, Slot
from school_protocol.engine.texts import N_, Text
from school_protocol.engine.visibility import Unit
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import Attached, render, template
from school_protocol.privacy.access_report import ReadingLine, Why

FORMAT, VERSION = "school-protocol/access", 1
FILE = "access.json"
_IDENTITY = ("name", "massar", "grade", "phone", "relation")


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One entry about the person: what was done, when, and what was answered, by question."""

    seq: int
    act: Act
    at: datetime
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AccessCopy:
    """Everything that such a copy prints. `sign`: what stands for the person where names don't; it is not printed.

    `others`: how many entries mention the person besides, and tell of others or of what was said in confidence.
    """

    number: str
    unit: Unit
    protocol: Protocol
    sign: str
    slot: Slot
    identity: Mapping[str, Any]
    kept: Text | None
    until: date | None
    as_of: datetime
    entries: tuple[AccessEntry, ...]
    others: int
    copies: tuple[tuple[Text, datetime], ...]


def access_copy(view: AccessCopy, wording: Wording) -> bytes:
    """The PDF/A-3a, its data inside as JSON. Raises AddressRefused, DocumentsUnavailable."""
    data = json.dumps(as_data(view, wording), ensure_ascii=False, indent=1).encode()
    return render(
        access_html(view, wording),
        title=wording._("What is kept of you"),
        language=wording.html_language,
        identifier="|".join(("access", view.number, view.sign, wording.language, data.decode())),
        moment=view.as_of,
        accessible=True,
        files=(Attached(FILE, data, wording._("The same as data")),),
    )


def access_html(view: AccessCopy, wording: Wording) -> str:
    """The page that the PDF is made of."""

    def line(said: object) -> Markup:
        return bidi.isolated(bidi.plain(str(said)), wording.direction)

    return template("access_copy.html").render(
        view=view,
        w=wording,
        _=wording.gettext,
        ngettext=wording.ngettext,
        line=line,
        text=lambda said: line(wording.text(said)),
        words=lambda said: bidi.paragraphs(said, wording.direction),
        code=bidi.code,
        identity=identity_lines(view, wording),
    )


def identity_lines(view: AccessCopy, wording: Wording) -> list[tuple[str, str]]:
    """What is known of the person themselves, with its headings."""
    titles = {
        "name": wording._("Name"),
        "massar": wording._("Massar code"),
        "grade": wording._("Class"),
        "phone": wording._("Phone"),
        "relation": wording._("Relation to the pupil"),
    }
    known = [key for key in (*_IDENTITY, *view.identity) if view.identity.get(key)]
    return [(titles.get(key, key), str(view.identity[key])) for key in dict.fromkeys(known)]


def as_data(view: AccessCopy, wording: Wording) -> dict[str, Any]:
    """The same for other systems: nothing that is not on the pages."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "case": view.number,
        "school": view.unit.code,
        "protocol": {"key": view.protocol.protocol, "version": view.protocol.version},
        "as_of": view.as_of.isoformat(),
        "language": wording.language,
        "person": {"place": wording.text(view.slot.title), "identity": dict(view.identity)},
        "kept": {
            "rule": wording.text(view.kept) if view.kept else None,
            "until": view.until.isoformat() if view.until else None,
        },
        "entries": [
            {
                "entry": entry.seq,
                "act": wording.text(entry.act.title),
                "at": entry.at.isoformat(),
                "answers": [{"question": asked, "answer": said} for asked, said in entry.lines],
            }
            for entry in view.entries
        ],
        "other_entries": view.others,
        "copies": [{"document": wording.text(title), "at": at.isoformat()} for title, at in view.copies],
    }


# ---- why somebody sees a case, and what somebody read of it --------------------------------------------------------

_WHY: Mapping[str, str] = {
    "school": N_("%(role)s, in this school"),
    "province": N_("%(role)s: oversees this school’s province"),
    "region": N_("%(role)s: oversees this school’s region"),
    "metadata": N_("%(role)s: protects the data of this school"),
    "stands_in": N_("%(role)s: nobody who oversees this school may take part"),
    "awaited": N_("has never signed in so far"),
}
_READ: Mapping[str, str] = {
    "case": N_("the page of the case"),
    "chronology": N_("the chronology"),
    "danger": N_("the first minutes of a danger"),
    "search": N_("found it by a pupil’s name or code"),
    "visit_pack": N_("a visit pack, which counts it and doesn’t name it"),
    "request": N_("what it asks of another school"),
    "contribution": N_("what it tells the school that leads"),
    "handed_over": N_("handed a pupil’s name over to the school that accepted"),
    "hand_over": N_("the list of open cases, to hand over"),
    "api": N_("the record, by another system"),
    "file": N_("issued a copy of the case file"),
    "bundle": N_("issued an archive"),
    "letter": N_("issued a letter or a notice"),
    "copy": N_("took a copy back"),
    "remarks": N_("remarks on copies"),
    "sight": N_("who can see it, and who has read it"),
    "names": N_("had names lifted"),
    "door": N_("an emergency opening"),
}


def sight_said(w: Wording, protocol: Protocol, why: Why) -> str:
    """One reason for which somebody sees the case."""
    role = w.role(protocol, why.role) if why.role else ""
    if why.kind in _WHY:
        return w._(_WHY[why.kind], role=role)
    if why.kind == "seat":
        return _seat(w, protocol, why, role)
    moment = w.moment(why.until) if isinstance(why.until, datetime) else ""
    return w._("%(role)s: opened it in an emergency, until %(moment)s", role=role, moment=moment)


def _seat(w: Wording, protocol: Protocol, why: Why, role: str) -> str:
    said = w._("Seat in this case: %(seat)s", seat=role)
    if why.side and why.side in protocol.sides:
        side = w._("for one side alone: %(side)s", side=w.text(protocol.sides[why.side].title))
        said = w.comma.join([said, side])
    if isinstance(why.until, str):
        said = w.comma.join([said, w._("until %(day)s", day=w.day(date.fromisoformat(why.until)))])
    return said


def reading_said(w: Wording, protocol: Protocol, line: ReadingLine, *, is_metadata: bool = False) -> str:
    """What was read, by its code; a form by its title, for whoever may know which forms are filled in."""
    if line.kind == "entry":
        return w._("entry %(number)s", number=line.key)
    if line.kind == "act":
        act = protocol.acts.get(line.key)
        shown = act is not None and not is_metadata
        return w._("the form “%(title)s”", title=w.text(act.title)) if act and shown else w._("a form")
    found = _READ.get(line.kind)
    return w._(found) if found else w._("another page")


def globals_of(wording: Callable[[], Wording]) -> Mapping[str, Callable[..., object]]:
    """What templates call."""
    return {
        "sight_said": lambda protocol, why: sight_said(wording(), protocol, why),
        "reading_said": lambda head, line: reading_said(wording(), head.protocol, line, is_metadata=head.metadata_only),
    }
