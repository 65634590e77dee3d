"""The pages of what is kept of one person of a case, for that person; with the same as data inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.rendering import Attached, render, template
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Act, Protocol, Slot
from school_protocol.domain.texts import Text
from school_protocol.wording import Wording

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
