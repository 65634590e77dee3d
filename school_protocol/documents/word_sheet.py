"""The sheet of everything that is said: one row a text, its languages side by side, for those who review the words."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby

from school_protocol.documents.rendering import template
from school_protocol.wording import HTML_LANGUAGE, LANGUAGE_NAMES, N_, RIGHT_TO_LEFT, Wording

MARKS: Mapping[str, str] = {
    "missing": N_("not translated"),
    "forms": N_("a form of the plural is missing"),
    "values": N_("a value is lost or made up"),
    "never": N_("a word that is never said"),
    "same": N_("the same as in English: on purpose?"),
}
LOOK = "same"
"""The one mark that is no gap: a name may be the same in two languages."""


@dataclass(frozen=True, slots=True)
class Mark:
    language: str
    kind: str
    detail: str = ""

    @property
    def is_gap(self) -> bool:
        return self.kind != LOOK


@dataclass(frozen=True, slots=True)
class Row:
    """One text: from where, in each language (every form of a plural), and what is to be looked at."""

    part: str
    group: str
    source: str
    said: Mapping[str, tuple[str, ...]]
    marks: tuple[Mark, ...] = ()
    also: int = 0
    """In how many other places it stands."""

    @property
    def gaps(self) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.marks if mark.is_gap)


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    name: str
    html: str
    direction: str


@dataclass(frozen=True, slots=True)
class WordSheet:
    """Every row, and in which languages: English first, then those that are translated, then those that are spoken."""

    rows: tuple[Row, ...]
    languages: tuple[str, ...]
    spoken: Mapping[str, tuple[str, str]]
    """Language → its name and direction."""

    @property
    def gaps(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.gaps)

    def columns(self) -> tuple[Column, ...]:
        own = (
            Column(key, LANGUAGE_NAMES.get(key, key), HTML_LANGUAGE.get(key, key),
                   "rtl" if key in RIGHT_TO_LEFT else "ltr")
            for key in self.languages
        )  # fmt: skip
        return (*own, *(Column(key, name, key, direction) for key, (name, direction) in self.spoken.items()))


def word_sheet_html(sheet: WordSheet, wording: Wording) -> str:
    """One page that needs nothing beside it: to be read in any browser, and printed."""
    return template("word_sheet.html").render(
        sheet=sheet, parts=_parts(sheet), marks=_marks(wording), w=wording,
        _=wording.gettext, ngettext=wording.ngettext,
    )  # fmt: skip


def word_sheet_csv(sheet: WordSheet, wording: Wording) -> str:
    """The same for a spreadsheet; the mark at its beginning tells it that this is UTF-8."""
    out = StringIO()
    writer = csv.writer(out)
    columns, says = sheet.columns(), _marks(wording)
    head = (wording.gettext("Where it stands"), *(column.name for column in columns), wording.gettext("To look at"))
    writer.writerow(head)
    for row in sheet.rows:
        said = ("\n".join(row.said.get(column.key, ())) for column in columns)
        marks = wording.series(f"{mark.language}: {says[mark.kind]}" for mark in row.marks)
        writer.writerow(_unarmed((row.source, *said, marks)))
    return f"\ufeff{out.getvalue()}"


def _marks(wording: Wording) -> dict[str, str]:
    return {kind: wording.gettext(words) for kind, words in MARKS.items()}


def _unarmed(cells: Sequence[str]) -> Iterator[str]:
    """No cell that a spreadsheet would take for a formula."""
    return (f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell for cell in cells)


def _parts(sheet: WordSheet) -> list[tuple[str, list[tuple[str, list[Row], list[Column]]]]]:
    """By part and group, each group with the languages that something of it is said in."""
    return [
        (part, [_group(sheet, group, list(rows)) for group, rows in groupby(within, key=lambda row: row.group)])
        for part, within in groupby(sheet.rows, key=lambda row: row.part)
    ]


def _group(sheet: WordSheet, name: str, rows: list[Row]) -> tuple[str, list[Row], list[Column]]:
    spoken = {key for row in rows for key in row.said}
    return name, rows, [one for one in sheet.columns() if one.key in sheet.languages or one.key in spoken]
