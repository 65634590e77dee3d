"""A quick guide for one role: two pages of pictures and sentences, laid out; what they say and show is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from school_protocol.documents import bidi
from school_protocol.documents.rendering import BASE, render, template
from school_protocol.domain.texts import Text
from school_protocol.wording import Wording


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One thing that the role does: a picture of the page on which it does it, as a PNG, and what it is."""

    title: Text
    text: Text
    picture: bytes


@dataclass(frozen=True, slots=True)
class QuickGuide:
    """Everything that one guide prints."""

    role: Text
    protocol: Text
    lead: Text
    steps: tuple[GuideStep, ...]
    """Two beside each other, two rows: one a page."""
    calls: tuple[tuple[Mapping[str, str], str], ...]
    """Whom to call: names by language, and number."""
    due: tuple[tuple[Text, str], ...]
    """What the role sees to, and within which time, said already."""
    wrong: tuple[Text, ...]
    """What to do if something is wrong."""
    made_at: datetime
    notice: Text | None = None


def quick_guide(guide: QuickGuide, wording: Wording) -> bytes:
    """The PDF/A-3a, right to left in Arabic. Raises AddressRefused, DocumentsUnavailable."""
    pictures = {f"{BASE}step-{place}.png": ("image/png", step.picture) for place, step in enumerate(guide.steps, 1)}
    return render(
        _html(guide, wording),
        title=f"{wording.gettext('Quick guide')} – {wording.text(guide.role)}",
        language=wording.html_language,
        identifier=f"{wording.text(guide.role)}|{wording.language}|{guide.made_at}",
        moment=guide.made_at,
        pictures=pictures,
    )


def _html(guide: QuickGuide, wording: Wording) -> str:
    def line(value: object) -> object:
        return bidi.isolated(str(value), wording.direction)

    return template("quick_guide.html").render(
        guide=guide, w=wording, _=wording.gettext, line=line, text=lambda text: line(wording.text(text)),
        code=bidi.code, scheme=BASE,
    )  # fmt: skip
