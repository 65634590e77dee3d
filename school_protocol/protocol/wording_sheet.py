"""The sheet of everything that is said, for reviewers: one row a text, its languages side by side, as a workbook."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from pydantic import BaseModel

from school_protocol.config import CATALOGUES
from school_protocol.engine.definition import Protocol, Said
from school_protocol.engine.texts import N_, Text
from school_protocol.language import Wording, direction_of, html_language, language_name, stigma
from school_protocol.pdf.rendering import template
from school_protocol.protocol.reader import read_file

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
            Column(key, language_name(key), html_language(key),
                   direction_of(key))
            for key in self.languages
        )  # fmt: skip
        return (*own, *(Column(key, name, key, direction) for key, (name, direction) in self.spoken.items()))


def word_sheet_html(sheet: WordSheet, wording: Wording) -> str:
    """One page that needs nothing beside it: to be read in any browser, and printed."""
    return template("word_sheet.html").render(
        sheet=sheet, parts=_parts(sheet), marks=_word_sheet_marks(wording), w=wording,
        _=wording.gettext, ngettext=wording.ngettext,
    )  # fmt: skip


def word_sheet_csv(sheet: WordSheet, wording: Wording) -> str:
    """The same for a spreadsheet; the mark at its beginning tells it that this is UTF-8."""
    out = StringIO()
    writer = csv.writer(out)
    columns, says = sheet.columns(), _word_sheet_marks(wording)
    head = (wording.gettext("Where it stands"), *(column.name for column in columns), wording.gettext("To look at"))
    writer.writerow(head)
    for row in sheet.rows:
        said = ("\n".join(row.said.get(column.key, ())) for column in columns)
        marks = wording.series(f"{mark.language}: {says[mark.kind]}" for mark in row.marks)
        writer.writerow(_unarmed((row.source, *said, marks)))
    return f"\ufeff{out.getvalue()}"


def _word_sheet_marks(wording: Wording) -> dict[str, str]:
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


# ---- texts gathered from modules, templates, compiled catalogues and definitions -----------------------------------
# Neither sources of translations nor an installation is needed.

PAGES = "pages"
SOURCE = "en"
TRANSLATED = ("fr", "ar")
PACKAGE = Path(__file__).resolve().parents[1]

_PLACE = re.compile(r"%\((\w+)\)[sd]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_PLAIN = re.compile("[A-Z]?[a-z]+")
_HOLDS_MESSAGES = (("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2"))


class Asked(NamedTuple):
    """A message, singular first where it counts something, and where it stands first."""

    ids: tuple[str, ...]
    source: str
    also: int = 0


def word_sheet(definitions: Sequence[Path] = ()) -> WordSheet:
    """The sheet of these definitions, or of those that come with the product, and of every page and paper."""
    protocols = [read_file(path) for path in definitions or shipped_sheets()]
    return assembled(asked(), {language: catalogue(language) for language in TRANSLATED}, protocols)


def assembled(messages: Iterable[Asked], said: Mapping[str, Catalog], protocols: Sequence[Protocol]) -> WordSheet:
    rows = [_message(one, said) for one in messages]
    for protocol in protocols:
        rows += _definition(protocol)
    spoken = {key: one for protocol in protocols for key, one in protocol.spoken.items()}
    return WordSheet(
        rows=tuple(rows),
        languages=(SOURCE, *TRANSLATED),
        spoken={key: (one.title.in_language(SOURCE), one.direction) for key, one in spoken.items()},
    )


# ---- pages and papers --------------------------------------------------------------------------------------------


def shipped_sheets() -> list[Path]:
    """The definitions that come with the product: the latest version of each."""
    folder = Path(str(files("school_protocol.protocol_definitions")))
    versions: dict[Path, Path] = {}
    for path in sorted(folder.glob("*/[0-9]*.yaml"), key=lambda path: int(path.stem)):
        versions[path.parent] = path
    return list(versions.values())


def catalogue(language: str) -> Catalog:
    """What is said in a language, as it was compiled: what is unfinished is not in it."""
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.mo").open("rb") as stream:
        return read_mo(stream)


def asked() -> list[Asked]:
    """Every message of the product's modules and templates, in the order of their files."""
    found: dict[tuple[str, ...], list[str]] = {}
    templates = Path(str(files("school_protocol.templates")))
    for folder, name in ((templates, "templates"), (PACKAGE, "school_protocol")):
        for place, line, ids in _extracted(folder):
            if name == "school_protocol" and place.startswith("templates/"):
                continue  # an installed product carries its templates within
            found.setdefault(ids, []).append(f"{name}/{place}:{line}")
    return [Asked(ids, places[0], len(places) - 1) for ids, places in found.items()]


def _extracted(folder: Path) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for place, line, ids, _comments, _context in extract_from_dir(folder, method_map=_HOLDS_MESSAGES):
        yield place, line, (ids,) if isinstance(ids, str) else tuple(ids[:2])


def _message(one: Asked, catalogues: Mapping[str, Catalog]) -> Row:
    said: dict[str, tuple[str, ...]] = {SOURCE: one.ids}
    marks = [Mark(SOURCE, "never", word) for text in one.ids for word in stigma(SOURCE, text)]
    for language, catalogue in catalogues.items():
        found = catalogue.get(one.ids[0])
        said[language] = forms = _forms(found.string) if found else ()
        marks += _sheet_marks(language, one.ids, forms, catalogue.num_plurals if len(one.ids) > 1 else 1)
    group = one.source.partition("/")[2].partition(":")[0]
    return Row(PAGES, group, one.source, said, tuple(marks), one.also)


def _forms(string: object) -> tuple[str, ...]:
    return tuple(str(form) for form in string) if isinstance(string, list | tuple) else (str(string),)


def _sheet_marks(language: str, ids: tuple[str, ...], forms: tuple[str, ...], count: int) -> Iterator[Mark]:
    if not any(form.strip() for form in forms):
        yield Mark(language, "missing")
        return
    if len(forms) < count or not all(form.strip() for form in forms):
        yield Mark(language, "forms")
    elif not values_kept(ids, forms):
        yield Mark(language, "values")
    yield from _looks(language, ids[0], forms)


def _looks(language: str, english: str, forms: Iterable[str]) -> Iterator[Mark]:
    """Not translated at all, the same as the English, or a word that is never said."""
    for form in forms:
        yield from (Mark(language, "never", word) for word in stigma(language, form))
    bare = _PLACE.sub("", english)
    if english in forms and _WORD.search(bare):
        yield Mark(language, "missing" if _is_said(language, bare) else LOOK)


def _is_said(language: str, english: str) -> bool:
    """Whether these are words to translate, and no name; in Arabic a single word is one too."""
    words = english.split()
    return sum(word.islower() for word in words) > 1 or (language == "ar" and all(map(_PLAIN.fullmatch, words)))


def values_kept(ids: tuple[str, ...], forms: tuple[str, ...]) -> bool:
    """Whether a translation neither loses a value nor asks for one that nobody gives."""
    given = [set(_PLACE.findall(one)) for one in ids]
    wanted = [set(_PLACE.findall(form)) for form in forms]
    if any("%" in _PLACE.sub("", form) for form in forms):
        return False
    if len(given) == 1:
        return wanted == given
    # The forms of a count of none, one or two may say it as a word.
    return all(one <= set.union(*given) and given[1] - one <= {"num"} for one in wanted) and wanted[-1] == given[1]


# ---- definitions -------------------------------------------------------------------------------------------------


def _definition(protocol: Protocol) -> Iterator[Row]:
    name = f"{protocol.protocol} {protocol.version}"
    for path, text in texts_of(protocol):
        said = {language: (words,) for language, words in text.root.items()}
        english = text.root.get(SOURCE, "")
        marks = [Mark(SOURCE, "never", word) for word in stigma(SOURCE, english)]
        if not english.strip():
            marks.append(Mark(SOURCE, "missing"))
        for language in TRANSLATED:
            marks += _text_marks(language, english, text.root.get(language, ""))
        for language in protocol.spoken if isinstance(text, Said) else ():
            written = text.root.get(language)
            if written is not None:
                marks += _text_marks(language, english, written)
                marks += (Mark(language, "never", word) for word in stigma("ar", written))
        yield Row(name, path.partition(".")[0], path, said, tuple(marks))


def _text_marks(language: str, english: str, words: str) -> Iterator[Mark]:
    if not words.strip():
        yield Mark(language, "missing")
    else:
        yield from _looks(language, english, (words,))


def texts_of(part: object, path: str = "") -> Iterator[tuple[str, Text]]:
    """Every text of a definition with its place in the file: `acts.note.title`."""
    if isinstance(part, Text):
        yield path, part
    elif isinstance(part, BaseModel):
        for name, field in type(part).model_fields.items():
            yield from texts_of(getattr(part, name), _under(path, field.alias or name))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from texts_of(value, _under(path, str(key)))
    elif isinstance(part, tuple):
        for place, value in enumerate(part):
            key = getattr(value, "key", "")
            yield from texts_of(value, _under(path, key) if key else f"{path}[{place}]")


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
