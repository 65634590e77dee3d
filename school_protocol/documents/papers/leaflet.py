"""The leaflet for pupils and parents: A4 across, both sides, folded once to four pages of A5. No case is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from school_protocol.documents.papers.telling import Address, Answering, Said, fitted
from school_protocol.documents.rendering import render, template
from school_protocol.domain.protocol import Deadline
from school_protocol.domain.texts import Text
from school_protocol.wording import Wording


@dataclass(frozen=True, slots=True)
class AfterStep:
    """One thing that happens after somebody has reported; within the definition's own time, where it has one."""

    title: Text
    text: Text | None = None
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaflet:
    """What is printed: the definition's sentences, the school, and who can be called."""

    school: Mapping[str, str]
    address: Address
    motto: Text
    call: Text
    promise: Text
    adult: Text | None = None
    """Who reads where an adult of the school is part of it."""
    hours: Text
    what: Text
    """What cyberharassment is, in a child's words."""
    do: tuple[Text, ...]
    never: tuple[Text, ...]
    family: tuple[Text, ...]
    """What parents can do."""
    after: tuple[AfterStep, ...]
    calls: tuple[Answering, ...]
    made_at: datetime


def leaflet(view: Leaflet, wording: Wording) -> bytes:
    """The PDF/A-3a, two pages. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    return fitted(lambda scale: _written(view, wording, scale), 2)


def _written(view: Leaflet, wording: Wording, scale: float) -> bytes:
    told = ("leaflet", view.address.whole, scale, wording.language, sorted(view.school.items()), view.made_at)
    return render(
        leaflet_html(view, wording, scale),
        title=wording.text(view.motto),
        language=wording.html_language,
        identifier="|".join(str(part) for part in told),
        moment=view.made_at,
        accessible=True,
    )


def leaflet_html(view: Leaflet, wording: Wording, scale: float = 1.0) -> str:
    """The pages that the PDF is made of."""
    picture = view.address.picture(wording._("Picture of this address, for a phone’s camera"))
    return template("leaflet.html").render(
        view=view, scale=scale, picture=picture, within=lambda one: wording.within(one.value, one.unit),
        **Said(wording).known(),
    )  # fmt: skip
