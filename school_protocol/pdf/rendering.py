"""HTML to PDF/A-3a with WeasyPrint: one warm typesetter for the process, no door to the network or the disk.

WeasyPrint and the system's pango are loaded at the first page, never at import: without them the site runs, and
`missing` says what to install.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import hashlib
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from school_protocol.config import CATALOGUES
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.pdf import fonts, tags, text_encoding
from school_protocol.pdf.typesetting import in_our_hand

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration


# ---- stand-ins: a letter that no typeface has is shown as its number in a frame ------------------------------------
# It is seen, and can be taken out again as the letter that was written; and the archive's rule that no glyph is
# missing holds.

FAMILY = "Stand-in"

_DIGITS = [
    "757555557",
    "262222227",
    "717174447",
    "717171117",
    "555571111",
    "744471117",
    "744475557",
    "711111111",
    "757575557",
    "757571117",
    "757575555",
    "656565556",
    "744444447",
    "655555556",
    "744464447",
    "744464444",
]
"""The sixteen digits: nine rows of three dots, a row an octal number."""
_EM, _DOT = 1000, 40
_SPACES = " \u00a0\u202f"
"""A space beside a letter is set in that letter's typeface."""
_MADE = 3786912000
"""The first second of 2024, as fonts count them: no font tells when it was made."""


def font_for(characters: Iterable[str]) -> bytes:
    """A TrueType font that shows each of `characters` as its number in a frame; the same ones, the same bytes."""
    from fontTools.fontBuilder import FontBuilder

    shown = {ord(one): f"u{ord(one):05X}" for one in sorted({*characters, *_SPACES})}
    order = [".notdef", *shown.values()]
    builder = FontBuilder(_EM, isTTF=True)
    builder.font.recalcTimestamp = False
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(shown)
    widths = {name: (_width(code), 0) for code, name in shown.items()}
    builder.setupGlyf({".notdef": _drawn(0), **{name: _drawn(code) for code, name in shown.items()}})
    builder.setupHorizontalMetrics({".notdef": (_width(0xFFFF), 0), **widths})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.updateHead(created=_MADE, modified=_MADE)
    written = io.BytesIO()
    builder.save(written)
    return written.getvalue()


def _rows(code: int) -> tuple[str, str]:
    digits = f"{code:04X}" if code <= 0xFFFF else f"{code:06X}"
    return digits[: len(digits) // 2], digits[len(digits) // 2 :]


def _width(code: int) -> int:
    if unicodedata.category(chr(code)).startswith("Z"):
        return _EM // 4
    return (4 * len(_rows(code)[0]) + 5) * _DOT


def _drawn(code: int) -> Any:
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    if code and not unicodedata.category(chr(code)).startswith("Z"):
        width, bottom, top = _width(code) - 2 * _DOT, -4 * _DOT, 20 * _DOT
        for left, low, wide, high in (
            (_DOT, bottom, width, _DOT),
            (_DOT, top, width, _DOT),
            (_DOT, bottom, _DOT, top - bottom),
            (width, bottom, _DOT, top - bottom),
        ):
            _box(pen, left, low, wide, high)
        for row, digits in enumerate(reversed(_rows(code))):
            for place, digit in enumerate(digits):
                _digit(pen, _DIGITS[int(digit, 16)], (4 * place + 3) * _DOT, (11 * row - 2) * _DOT)
    return pen.glyph()


def _digit(pen: Any, rows: str, left: int, bottom: int) -> None:
    for row, dots in enumerate(reversed(rows)):
        for place in range(3):
            if int(dots) & (4 >> place):
                _box(pen, left + place * _DOT, bottom + row * _DOT, _DOT, _DOT)


def _box(pen: Any, left: int, bottom: int, width: int, height: int) -> None:
    pen.moveTo((left, bottom))
    pen.lineTo((left, bottom + height))
    pen.lineTo((left + width, bottom + height))
    pen.lineTo((left + width, bottom))
    pen.closePath()


TEMPLATES = Path(str(files("school_protocol.templates"))) / "pdf"
STYLES = "document.css"
BASE = "asset:"
"""Scheme of our own assets. A relative address finds nothing under it, and is refused like any other."""

_LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
_WEIGHTS = (400, 600)
_KIND = {"pdf_variant": "pdf/a-3a"}
_SECOND = '"DejaVu Sans"'
"""Comes with fontconfig on Debian; has the signs, Tifinagh and other scripts that ours lacks."""
_KNOWN = ("Plex", "DejaVu", FAMILY)

Assets = Mapping[str, tuple[str, bytes]]
"""Address → media type and bytes."""


def template(name: str) -> Template:
    """A document's template; what it asks for and nobody gives it is an error."""
    return _environment().get_template(name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class DocumentError(SchoolProtocolError):
    """A document cannot be made."""


class DocumentsUnavailable(DocumentError):
    """Something that typesetting needs is not installed; the message says what."""


class AddressRefused(DocumentError):
    """A document asked for something that is not ours: nothing was fetched, nothing was made."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"a document asked for {address[:80]}")


_PAGES = ("pdf", "case_files")
"""The packages whose code makes pages."""


@lru_cache(maxsize=8)
def ink(language: str) -> str:
    """A digest of all that makes the pages of a document in that language, but for the case itself."""
    made_by = [*sorted(TEMPLATES.rglob("*.*")), *_font_files()]
    made_by += sorted((CATALOGUES / language).rglob("*.mo"))
    made_by += sorted(path for name in _PAGES for path in (Path(__file__).parents[1] / name).rglob("*.py"))
    told = hashlib.sha256()
    for path in made_by:
        told.update(path.read_bytes() if path.is_file() else b"")
    return told.hexdigest()


def missing() -> str | None:
    """What stands in the way of making documents here, as one line with the command that mends it; None if nothing."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as problem:
        absent = [package for library, package in _LIBRARIES.items() if not _loads(library)]
        if absent:
            packages = " ".join(absent)
            return f"Missing system packages: {packages}. sudo apt-get install -y --no-install-recommends {packages}"
        return f"WeasyPrint cannot be loaded: {str(problem).strip().splitlines()[0]}"
    if not all(path.is_file() for path in _font_files()):
        return "The documents' typeface is not built. python -m school_protocol.pdf.fonts"
    return None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _font_files() -> list[Path]:
    return [fonts.DEFAULT_FOLDER / f"plex-{weight}.ttf" for weight in _WEIGHTS]


def render(
    html: str,
    *,
    title: str,
    language: str,
    identifier: str,
    moment: datetime,
    pictures: Assets | None = None,
    accessible: bool = False,
    files: tuple[Attached, ...] = (),
) -> bytes:
    """The PDF/A-3a of a whole page; the same input, the same bytes. Raises AddressRefused, DocumentsUnavailable.

    `pictures` are this document's own, at addresses of our scheme. `accessible`: its page is made so that PDF/UA-1
    can be claimed too, which it is, unless something in it stands against it. `files` go with it.
    """
    about = _About(title, language, identifier, moment, accessible, files)
    return _typesetter().set(html, about, pictures or {})


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside a document, as data of what the pages show."""

    name: str
    data: bytes
    description: str


@dataclass(frozen=True, slots=True)
class _About:
    """What a PDF says of itself."""

    title: str
    language: str
    identifier: str
    moment: datetime
    accessible: bool
    files: tuple[Attached, ...] = ()

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.identifier.encode()).hexdigest()[:32].encode()


@lru_cache(maxsize=1)
def _typesetter() -> Typesetter:
    obstacle = missing()
    if obstacle is not None:
        raise DocumentsUnavailable(obstacle)
    atexit.register(_typesetter.cache_clear)  # its fonts are let go while there is still what frees them
    return Typesetter(own_assets())


def own_assets() -> dict[str, tuple[str, bytes]]:
    """The typeface and the stylesheet: all that a document may ask for."""
    assets = {f"{BASE}{path.name}": ("font/ttf", path.read_bytes()) for path in _font_files()}
    assets[f"{BASE}{STYLES}"] = ("text/css", (TEMPLATES / STYLES).read_bytes())
    return assets


class Typesetter:
    """Fonts and styles prepared once. Pango's font maps are not safe between threads: one page at a time."""

    def __init__(self, assets: Assets, *, ended: bool = False) -> None:
        from weasyprint import CSS
        from weasyprint.text.fonts import FontConfiguration

        self._assets, self._ended = assets, ended
        self._lock = Lock()
        self._fetcher = locked_fetcher(assets)
        self._fonts: FontConfiguration = FontConfiguration()
        self._styles: CSS = CSS(
            string=assets[f"{BASE}{STYLES}"][1].decode(),
            base_url=BASE,
            url_fetcher=self._fetcher,
            font_config=self._fonts,
        )
        self._images: dict[str, Any] = {}

    def set(self, html: str, about: _About, pictures: Assets) -> bytes:
        from weasyprint.urls import FatalURLFetchingError

        with self._lock, _collector_paused():
            self._fetcher.refused.clear()
            self._fetcher.pictures = pictures
            try:
                with in_our_hand():
                    written, strange = self._written(html, about, {} if pictures else self._images)
            except FatalURLFetchingError as refusal:
                raise AddressRefused(str(refusal)) from None
            finally:
                self._fetcher.pictures = {}
            if self._fetcher.refused:
                raise AddressRefused(self._fetcher.refused[0])
            return self._with_stand_ins(strange).set(html, about, pictures) if strange and not self._ended else written

    def _with_stand_ins(self, strange: str) -> Typesetter:
        """One that has all that this one has, and a glyph for each of these letters."""
        styles = self._assets[f"{BASE}{STYLES}"][1].decode()
        styles += f"@font-face {{ font-family: {FAMILY}; src: url({BASE}stand-in.ttf) }}"
        styles += f"html {{ font-family: Plex, {_SECOND}, {FAMILY} }}"
        added = {
            f"{BASE}{STYLES}": ("text/css", styles.encode()),
            f"{BASE}stand-in.ttf": ("font/ttf", font_for(strange)),
        }
        return Typesetter({**self._assets, **added}, ended=True)

    def _written(self, html: str, about: _About, images: dict[str, Any]) -> tuple[bytes, str]:
        """The PDF, and the letters in it that none of our typefaces has.

        The page and its layout are gone as this ends: the collector has nothing of them to walk.
        """
        from weasyprint import HTML, Attachment

        page = HTML(string=html, base_url=BASE, url_fetcher=self._fetcher)
        document = page.render(font_config=self._fonts, stylesheets=[self._styles], cache=images, **_KIND)
        document.metadata.title, document.metadata.lang = about.title, about.language
        document.metadata.created = f"{about.moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        document.metadata.attachments += [
            Attachment(
                file_obj=io.BytesIO(one.data), name=one.name, description=one.description, relationship="Data",
                created=about.moment, modified=about.moment,
            )
            for one in about.files
        ]  # fmt: skip

        def finish(document: Any, pdf: Any) -> None:
            text_encoding.show_aliases(pdf, document.fonts.values())
            if about.accessible:
                tags.claim(pdf)

        with _our_tags(page.etree_element):
            written = document.write_pdf(pdf_identifier=about.digest, finisher=finish, **_KIND)
        assert isinstance(written, bytes)
        return written, _strange(document.fonts.values())


@contextmanager
def _our_tags(root: Any) -> Iterator[None]:
    """While a PDF is written, its tree is made by `tags`."""
    import weasyprint.pdf as pdf

    stock = pdf.add_tags
    pdf.add_tags = lambda made, document, _version, streams: tags.add_tags(made, document, streams, root)
    try:
        yield
    finally:
        pdf.add_tags = stock


def _strange(used: Iterable[Any]) -> str:
    """Letters that a PDF shows with no typeface, or with one that another machine may not have."""
    found: set[str] = set()
    for font in used:
        found.update(map(chr, font.missing))
        if not font.family.startswith(_KNOWN):
            letters = "".join(font.to_unicode.values())
            found.update(letter for letter in letters if unicodedata.category(letter) != "Cf")
    return "".join(sorted(found))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No hunt for reference cycles while a document is set: its boxes live to the end anyhow, and it costs a fifth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def locked_fetcher(assets: Assets) -> Any:
    """A fetcher that hands out `assets` from memory, refuses everything else, and remembers what it `refused`."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class LockedFetcher(URLFetcher):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(allowed_protocols=(), allow_redirects=False, fail_on_errors=True)
            self.refused: list[str] = []
            self.pictures: Assets = {}

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
            if url in assets or url in self.pictures:
                kind, data = assets.get(url) or self.pictures[url]
                return URLFetcherResponse(url, data, {"Content-Type": kind})
            self.refused.append(url)
            raise FatalURLFetchingError(url[:80])

    return LockedFetcher()
