"""The poster of a school's address: one page, A4 or A5, read by a child who walks past it. No case is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from school_protocol.documents.papers.telling import Address, Answering, Said, fitted
from school_protocol.documents.rendering import render, template
from school_protocol.domain.texts import Text
from school_protocol.wording import Wording


class Size(StrEnum):
    a4 = "A4"
    a5 = "A5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """What is printed: the definition's sentences, the school, and who can be called at once."""

    school: Mapping[str, str]
    address: Address
    motto: Text
    call: Text
    """One line to the child: what this is about."""
    promise: Text
    adult: Text | None = None
    """Who reads where an adult of the school is part of it."""
    hours: Text
    calls: tuple[Answering, ...]
    made_at: datetime


def poster(view: Poster, wording: Wording, size: Size) -> bytes:
    """The PDF/A-3a, one page. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    return fitted(lambda scale: _written(view, wording, size, scale), 1)


def _written(view: Poster, wording: Wording, size: Size, scale: float) -> bytes:
    told = ("poster", view.address.whole, size, scale, wording.language, sorted(view.school.items()), view.made_at)
    return render(
        poster_html(view, wording, size, scale),
        title=wording.text(view.motto),
        language=wording.html_language,
        identifier="|".join(str(part) for part in told),
        moment=view.made_at,
        accessible=True,
    )


def poster_html(view: Poster, wording: Wording, size: Size, scale: float = 1.0) -> str:
    """The page that the PDF is made of."""
    picture = view.address.picture(wording._("Picture of this address, for a phone’s camera"))
    return template("poster.html").render(
        view=view, size=size.value, scale=scale, picture=picture, **Said(wording).known()
    )
