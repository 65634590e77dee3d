"""What poster, leaflet and orientation sheet share: who answers, the address and its picture, full pages."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import segno
from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.domain.texts import Text
from school_protocol.wording import Wording

SIZES = (1.3, 1.2, 1.12, 1.06, 1.0, 0.94, 0.88, 0.82, 0.76, 0.7, 0.62, 0.54, 0.46, 0.4)
"""How far the letters of a paper may be made larger or smaller, so that it keeps its pages and fills them."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Somebody who can be called or written to, as the directory has them on the day of printing."""

    names: Mapping[str, str]
    phone: str = ""
    url: str = ""
    hours: Mapping[str, Any] = field(default_factory=dict)
    """When somebody answers: `always`, or spans by weekday; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Address:
    """The whole address of a school's page: what a phone reads, and what a child types."""

    whole: str

    @property
    def before(self) -> str:
        """All that stands before the code, as one types it."""
        return self.whole.partition("://")[2].rpartition("/")[0] + "/"

    @property
    def code(self) -> str:
        return self.whole.rpartition("/")[2]

    def picture(self, title: str) -> Markup:
        """What a phone reads, as an SVG of paths; a quarter of it may be torn or scribbled over."""
        drawn = segno.make(self.whole, error="q", micro=False)
        out = io.BytesIO()
        drawn.save(
            out, kind="svg", xmldecl=False, svgns=True, nl=False, border=4, dark="#000", light="#fff", title=title,
            svgclass="qr", lineclass=None, omitsize=True,
        )  # fmt: skip
        return Markup(out.getvalue().decode())  # noqa: S704 - segno draws paths and escapes the title


class Said:
    """What the templates of these papers ask: texts in the words of one language."""

    def __init__(self, wording: Wording) -> None:
        self.w = wording

    def line(self, value: object) -> Markup:
        return bidi.isolated(str(value), self.w.direction)

    def site(self, url: str) -> Markup:
        """An address as one types it."""
        return bidi.code(url.partition("://")[2].rstrip("/") or url)

    def text(self, text: Text | Mapping[str, str]) -> Markup:
        return self.line(self.w.text(text))

    def when(self, one: Answering) -> str:
        """At which hours somebody answers; nothing where that is not known, or too much for a line."""
        if one.hours.get("always"):
            return self.w._("day and night")
        days = {*map(str, range(5))}
        spans = one.hours.get("0", ())
        if set(one.hours) - {"holidays"} != days or any(one.hours[day] != spans for day in days):
            return ""
        said = self.w.comma.join(f"{opens}–{closes}" for opens, closes in spans)
        return f"{self.w._('Monday to Friday')}{self.w.comma}{said}"

    def known(self) -> dict[str, Any]:
        """What each of these templates is handed."""
        return {
            "w": self.w, "_": self.w.gettext, "line": self.line, "text": self.text, "when": self.when,
            "code": bidi.code, "site": self.site,
        }  # fmt: skip


def fitted(written: Callable[[float], bytes], pages: int, sizes: Iterable[float] = SIZES) -> bytes:
    """The paper with the largest letters that keep it to so many pages, else with the smallest."""
    made = b""
    for size in sizes:
        made = written(size)
        if _count(made) <= pages:
            break
    return made


def _count(data: bytes) -> int:
    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as pdf:
        return len(pdf.pages)
