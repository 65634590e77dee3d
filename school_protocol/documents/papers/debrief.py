"""The debrief of a workshop as PDF: a table's own, and the trainer's with all tables side by side.

Every page says that it is an exercise, in both languages of the schools, whatever the reader's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.papers.debrief_lines import told
from school_protocol.documents.papers.debrief_spread import spread_told
from school_protocol.documents.papers.debrief_told import DebriefTold, QuestionTold
from school_protocol.documents.rendering import render, template
from school_protocol.documents.sealing import stamping
from school_protocol.domain.findings import Debrief
from school_protocol.domain.spread import compare
from school_protocol.wording import Wording

MARK = ("FORMATION", "تدريب")
"""What stands across every page."""


@dataclass(frozen=True, slots=True)
class TableDebrief:
    """What a table takes home: `table` is what it is called, `names` accounts by what they are called there."""

    table: str
    debrief: Debrief
    as_of: datetime
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainerDebrief:
    """All tables by their names, in order; one at least. `empty`: the names of those where nobody sat."""

    tables: Mapping[str, Debrief]
    as_of: datetime
    workshop: str = ""
    empty: Sequence[str] = ()


def table_debrief(view: TableDebrief, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    title = f"{wording._('Debrief')} · {view.table}"
    return _made(table_debrief_html(view, wording), title, view.as_of, wording)


def trainer_debrief(view: TrainerDebrief, wording: Wording) -> bytes:
    """The PDF/A-3a, wide. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    title = f"{wording._('Debrief of all tables')} · {view.workshop}".removesuffix(" · ")
    return _made(trainer_debrief_html(view, wording), title, view.as_of, wording, is_wide=True)


def table_debrief_html(view: TableDebrief, wording: Wording) -> str:
    """The pages that a table's PDF is made of."""
    lines = told(view.debrief, wording, view.names)
    return template("debrief.html").render(view=view, told=lines, **_words(wording))


def trainer_debrief_html(view: TrainerDebrief, wording: Wording) -> str:
    """The pages that the trainer's PDF is made of."""
    lines = {name: told(one, wording) for name, one in view.tables.items()}
    first = next(iter(view.tables.values()))
    spread = spread_told(compare(view.tables), first.protocol, wording)
    return template("debrief_tables.html").render(
        view=view, tables=lines, first=next(iter(lines.values())), spread=spread,
        questions=tuple(_together(lines)), **_words(wording),
    )  # fmt: skip


def _words(wording: Wording) -> dict[str, Any]:
    def line(value: object) -> Markup:
        return bidi.isolated(str(value), wording.direction)

    return {
        "w": wording, "_": wording.gettext, "ngettext": wording.ngettext, "line": line, "code": bidi.code,
        "mark": line(" · ".join(MARK)),
    }  # fmt: skip


def _together(lines: Mapping[str, DebriefTold]) -> Iterator[tuple[QuestionTold, tuple[str, ...]]]:
    """Each question once, with the tables that it is for."""
    asked: dict[str, QuestionTold] = {}
    tables: dict[str, list[str]] = {}
    for name, one in lines.items():
        for question in one.questions:
            asked.setdefault(question.says, question)
            tables.setdefault(question.says, []).append(name)
    for says, question in asked.items():
        yield question, tuple(dict.fromkeys(tables[says]))


def _made(html: str, title: str, moment: datetime, wording: Wording, *, is_wide: bool = False) -> bytes:
    pages = render(
        html, title=title, language=wording.html_language, identifier=f"debrief|{title}|{moment.isoformat()}",
        moment=moment, accessible=True,
    )  # fmt: skip
    drawn = render(
        template("debrief_mark.html").render(mark=MARK, wide=is_wide), title=MARK[0], language="fr",
        identifier=f"debrief-mark|{is_wide}", moment=moment,
    )  # fmt: skip
    return stamping.stamped(pages, drawn)
