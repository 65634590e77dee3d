"""The sheet for a family: what to do about one kind of content, who helps, a request ready to copy. It names nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.papers.telling import Answering, Said, fitted
from school_protocol.documents.rendering import render, template
from school_protocol.domain.texts import Text
from school_protocol.wording import Wording

_PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrientationSheet:
    """What is printed. `places` fills the request's places, such as an address; what nobody fills is a line to
    write on."""

    key: str
    title: Text
    steps: tuple[Text, ...]
    school: Mapping[str, str]
    services: tuple[Answering, ...]
    calls: tuple[Answering, ...]
    """Who is called at once in a danger."""
    request: Text | None = None
    places: Mapping[str, str] = field(default_factory=dict, repr=False)
    never: tuple[Text, ...] = ()
    made_at: datetime


def orientation_sheet(view: OrientationSheet, wording: Wording) -> bytes:
    """The PDF/A-3a, one page. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    return fitted(lambda scale: _written(view, wording, scale), 1)


def _written(view: OrientationSheet, wording: Wording, scale: float) -> bytes:
    told = (
        "orientation", view.key, scale, wording.language, sorted(view.school.items()), sorted(view.places.items()),
        view.made_at,
    )  # fmt: skip
    return render(
        orientation_sheet_html(view, wording, scale),
        title=wording.text(view.title),
        language=wording.html_language,
        identifier="|".join(str(part) for part in told),
        moment=view.made_at,
        accessible=True,
    )


def orientation_sheet_html(view: OrientationSheet, wording: Wording, scale: float = 1.0) -> str:
    """The page that the PDF is made of."""
    return template("orientation_sheet.html").render(
        view=view, scale=scale, request=_filled(view, wording), **Said(wording).known()
    )


def _filled(view: OrientationSheet, wording: Wording) -> list[Markup]:
    """The request, paragraph by paragraph."""
    if view.request is None:
        return []
    said = Said(wording)
    called = {
        "address": wording._("address of the page"),
        "account": wording._("name of the account"),
        "platform": wording._("application"),
        "date": wording._("day"),
    }

    def place(name: str) -> Markup:
        if view.places.get(name):
            return bidi.code(view.places[name])
        label = said.line(wording.pair(called[name], "")) if name in called else bidi.code(name)
        return Markup('<span class="blank">[{} ………………………]</span>').format(label)

    def paragraph(words: str) -> Markup:
        pieces = _PLACE.split(words)
        return Markup("").join(place(piece) if at % 2 else said.line(piece) for at, piece in enumerate(pieces))

    return [paragraph(one) for one in wording.text(view.request).split("\n") if one.strip()]
