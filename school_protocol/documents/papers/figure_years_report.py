"""School years side by side on paper, in one language: the lines of the page and of its sheets."""

from __future__ import annotations

from dataclasses import dataclass

from school_protocol.documents import bidi
from school_protocol.documents.papers.figure_lines import former_said
from school_protocol.documents.papers.figure_report import Letterhead
from school_protocol.documents.papers.figure_sheets import withheld_said
from school_protocol.documents.papers.figure_years import YearLines
from school_protocol.documents.rendering import render, template
from school_protocol.domain.figure_releases import Told
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.wording import Wording


@dataclass(frozen=True, slots=True)
class YearsReport:
    """One release a school year of one unit, the earliest first, one at least. `places`: those above, nearest first."""

    told: tuple[Told, ...]
    protocol: Protocol
    places: tuple[Unit, ...]


def years_report(view: YearsReport, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    code, last = view.told[-1].unit.code, max(one.line.issued_at for one in view.told)
    return render(
        years_report_html(view, wording),
        title=f"{wording._('School years side by side')} {code}",
        language=wording.html_language,
        identifier="|".join(("figure-years", code, *(one.line.id for one in view.told), wording.language)),
        moment=last,
        accessible=True,
    )


def years_report_html(view: YearsReport, wording: Wording) -> str:
    """The pages that the PDF is made of."""
    letterhead, w = Letterhead(view.protocol, view.places, wording), wording
    first, last = view.told[0].line, view.told[-1].line
    return template("figure_years.html").render(
        view=view, lines=YearLines(view.told, w), letterhead=letterhead, w=w, _=w.gettext, line=letterhead.line,
        text=letterhead.text, code=bidi.code, unit=view.told[-1].unit,
        span=f"{first.year}–{last.year + 1}", withheld=withheld_said(w), former=former_said(w, is_all=False),
    )  # fmt: skip
