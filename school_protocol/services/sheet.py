"""What is said, gathered from what the product has as it runs: modules, templates, compiled catalogues, definitions.

No sources of translations are needed, and no installation: a sheet can be made wherever the product is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from pydantic import BaseModel

from school_protocol.definitions import read_file
from school_protocol.documents.word_sheet import LOOK, Mark, Row, WordSheet
from school_protocol.domain.protocol import Protocol, Said
from school_protocol.domain.texts import Text
from school_protocol.wording import CATALOGUES, stigma

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
    protocols = [read_file(path) for path in definitions or shipped()]
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


def shipped() -> list[Path]:
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
        marks += _marks(language, one.ids, forms, catalogue.num_plurals if len(one.ids) > 1 else 1)
    group = one.source.partition("/")[2].partition(":")[0]
    return Row(PAGES, group, one.source, said, tuple(marks), one.also)


def _forms(string: object) -> tuple[str, ...]:
    return tuple(str(form) for form in string) if isinstance(string, list | tuple) else (str(string),)


def _marks(language: str, ids: tuple[str, ...], forms: tuple[str, ...], count: int) -> Iterator[Mark]:
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
