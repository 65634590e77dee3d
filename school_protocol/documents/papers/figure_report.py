"""The pages of a release of figures, for one unit, in one language; nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.papers.figure_lines import Lines, figure_rows, former_said, month_said, year_said
from school_protocol.documents.papers.figure_sheets import withheld_said
from school_protocol.documents.rendering import Attached, render, template
from school_protocol.documents.sealing.copies import FIGURES
from school_protocol.domain.figure_releases import Told
from school_protocol.domain.policy import Unit, UnitKind
from school_protocol.domain.protocol import Protocol
from school_protocol.wording import Wording

FORMAT, VERSION = "school-protocol/figures", 1


@dataclass(frozen=True, slots=True)
class FigureReport:
    """Everything that a report prints. `places`: the units above, nearest first; `by`: who issued the figures."""

    told: Told
    protocol: Protocol
    places: tuple[Unit, ...]
    by: str


def figure_report(view: FigureReport, wording: Wording) -> bytes:
    """The PDF/A-3a, with its figures as JSON inside. The same view gives the same bytes.

    Raises AddressRefused, DocumentsUnavailable.
    """
    told = view.told
    data = json.dumps(_data(told, wording), ensure_ascii=False, indent=1).encode()
    return render(
        report_html(view, wording),
        title=f"{Lines(told, wording).title} {told.unit.code}",
        language=wording.html_language,
        identifier="|".join(("figures", told.line.id, told.unit.code, wording.language, data.decode())),
        moment=told.line.issued_at,
        accessible=True,
        files=(Attached(FIGURES, data, wording._("The figures of these pages")),),
    )


def report_html(view: FigureReport, wording: Wording) -> str:
    """The page that the PDF is made of."""
    printed = _Printed(view, wording)
    return template("figures.html").render(
        view=view, printed=printed, lines=printed.lines, w=wording, _=wording.gettext, ngettext=wording.ngettext,
        line=printed.line, text=printed.text, code=bidi.code, year=year_said(view.told.line),
        withheld=withheld_said(wording), former=former_said(wording, is_all=printed.lines.is_all_former),
    )  # fmt: skip


class Letterhead:
    """What stands above figures of a place, and how a line of their pages is written."""

    def __init__(self, protocol: Protocol, places: Sequence[Unit], wording: Wording) -> None:
        self.protocol, self.places, self.w = protocol, places, wording

    def line(self, value: object) -> Markup:
        return bidi.isolated(str(value), self.w.direction)

    def text(self, text: Any) -> Markup:
        return self.line(self.w.text(text))

    def above(self) -> Iterator[Markup]:
        declared = self.protocol.letterhead
        yield from (self.text(one) for one in declared)
        places = [one for one in reversed(self.places) if not (declared and one.kind is UnitKind.country)]
        yield from (self.text(one.names) for one in places)


class _Printed(Letterhead):
    """What the template asks beside the lines themselves."""

    def __init__(self, view: FigureReport, wording: Wording) -> None:
        super().__init__(view.protocol, view.places, wording)
        self.view, self.lines = view, Lines(view.told, wording)

    def months(self) -> tuple[Markup, ...]:
        return tuple(self.line(month_said(self.w, month, short=True)) for month in self.view.told.line.months)


def _data(told: Told, wording: Wording) -> dict[str, Any]:
    """Nothing that is not told."""
    line = told.line
    return {
        "format": FORMAT,
        "version": VERSION,
        "protocol": {"key": line.protocol, "version": line.version, "sha256": line.definition},
        "unit": told.unit.code,
        "release": {"of": line.unit.code, "year": line.year, "number": line.number},
        "months": list(line.months),
        "counted_at": line.counted_at.isoformat(),
        "issued_at": line.issued_at.isoformat(),
        "language": wording.language,
        "rows": list(figure_rows(told, wording)),
    }
