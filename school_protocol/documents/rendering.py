"""HTML to PDF/A-3a: one warm typesetter for the process, and no door to the network or the disk.

WeasyPrint and the system's pango are loaded at the first page, never at import: without them the site runs, and
`missing` says what to install.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from school_protocol.documents import fonts
from school_protocol.domain.errors import SchoolProtocolError

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

TEMPLATES = Path(str(files("school_protocol.templates"))) / "documents"
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
        return "The documents' typeface is not built. python -m school_protocol.documents.fonts"
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
    html: str, *, title: str, language: str, identifier: str, moment: datetime, pictures: Assets | None = None
) -> bytes:
    """The PDF/A-3a of a whole page; the same input, the same bytes. Raises AddressRefused, DocumentsUnavailable.

    `pictures` are this document's own, at addresses of our scheme.
    """
    return _typesetter().set(
        html, title=title, language=language, identifier=identifier, moment=moment, pictures=pictures or {}
    )


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

    def __init__(self, assets: Assets) -> None:
        from weasyprint import CSS
        from weasyprint.text.fonts import FontConfiguration

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

    def set(
        self, html: str, *, title: str, language: str, identifier: str, moment: datetime, pictures: Assets | None = None
    ) -> bytes:
        from weasyprint.urls import FatalURLFetchingError

        with self._lock, _collector_paused():
            self._fetcher.refused.clear()
            self._fetcher.pictures = pictures or {}
            try:
                written = self._written(html, title, language, identifier, moment, {} if pictures else self._images)
            except FatalURLFetchingError as refusal:
                raise AddressRefused(str(refusal)) from None
            finally:
                self._fetcher.pictures = {}
            if self._fetcher.refused:
                raise AddressRefused(self._fetcher.refused[0])
        return written

    def _written(
        self, html: str, title: str, language: str, identifier: str, moment: datetime, images: dict[str, Any]
    ) -> bytes:
        """The page and its layout are gone as this ends: the collector has nothing of them to walk."""
        from weasyprint import HTML

        page = HTML(string=html, base_url=BASE, url_fetcher=self._fetcher)
        document = page.render(font_config=self._fonts, stylesheets=[self._styles], cache=images, **_KIND)
        document.metadata.title, document.metadata.lang = title, language
        document.metadata.created = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        digest = hashlib.sha256(identifier.encode()).hexdigest()[:32]
        written = document.write_pdf(pdf_identifier=digest.encode(), **_KIND)
        assert isinstance(written, bytes)
        return written


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
