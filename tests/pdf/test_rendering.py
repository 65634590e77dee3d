"""The typesetter: what it fetches, what it says when it cannot work, the same bytes for the same page."""

import builtins
import ctypes
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pikepdf
import pytest
from pypdf import PdfReader

from school_protocol.pdf import rendering
from school_protocol.pdf.rendering import AddressRefused, DocumentsUnavailable, missing, render

MOMENT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)


def page(body: str) -> str:
    return f'<!DOCTYPE html><html lang="fr"><head><title>T</title></head><body>{body}</body></html>'


def made(body: str, identifier: str = "one") -> bytes:
    return render(page(body), title="Dossier <1>", language="fr", identifier=identifier, moment=MOMENT)


def test_title_language_and_moment() -> None:
    with pikepdf.open(io.BytesIO(made("<h2>Chapitre</h2><p>Texte</p>"))) as pdf:
        assert str(pdf.docinfo["/Title"]) == "Dossier <1>"
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261125094100")
        assert str(pdf.Root.Lang) == "fr"
        assert bool(pdf.Root.MarkInfo.Marked)
        assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)
        with pdf.open_outline() as outline:
            assert [item.title for item in outline.root] == ["Chapitre"]


def test_the_same_page_gives_the_same_bytes() -> None:
    first = made("<p>Un</p>")
    made("<p>Autre, avec d’autres lettres: عربية</p>")
    assert made("<p>Un</p>") == first
    assert made("<p>Un</p>", "two") != first


@pytest.mark.exhaustive
def test_another_process_gives_the_same_bytes() -> None:
    script = "import sys; from tests.pdf.test_rendering import made; sys.stdout.buffer.write(made('<p>Un</p>'))"
    root = Path(__file__).parents[2]
    other = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, check=True)
    assert other.stdout == made("<p>Un</p>")


@contextmanager
def _listening() -> Iterator[tuple[str, list[str]]]:
    """An address on this machine, and the paths that were asked of it."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/svg+xml")
            self.end_headers()
            self.wfile.write(b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>")

        def log_message(self, *_args: Any) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


VECTORS = [
    '<img src="{}/a.svg">',
    '<link rel="stylesheet" href="{}/a.css">',
    "<style>@import url({}/a.css);</style>",
    '<style>@font-face {{ font-family: X; src: url({}/a.ttf) }}</style><p style="font-family:X">x</p>',
    '<p style="background: url({}/a.png)">x</p>',
    '<object data="{}/a.svg"></object>',
    '<embed src="{}/a.svg">',
    '<ul style="list-style-image: url({}/a.png)"><li>x</li></ul>',
    '<link rel="attachment" href="{}/a.txt">',
    '<base href="{}/"><img src="a.svg">',
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{}/a.svg" width="9" height="9"/></svg>',
]


@pytest.mark.exhaustive
@pytest.mark.parametrize("vector", VECTORS)
def test_no_door_to_the_network(vector: str) -> None:
    with _listening() as (address, asked):
        with pytest.raises(AddressRefused):
            made(vector.format(address))
        assert asked == []
    assert made("<p>ok</p>").startswith(b"%PDF")  # the typesetter works on


@pytest.mark.exhaustive
def test_the_stock_fetcher_would_have_gone_there() -> None:
    from weasyprint import HTML

    reached = 0
    for vector in VECTORS:
        with _listening() as (address, asked):
            HTML(string=page(vector.format(address))).write_pdf()
            reached += bool(asked)
    assert reached == len(VECTORS)


def test_no_door_to_the_disk(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for address in (secret.as_uri(), "file:///etc/passwd", "secret.txt", "../secret.txt"):
        with pytest.raises(AddressRefused):
            made(f'<img src="{address}">')
        with pytest.raises(AddressRefused):
            made(f'<link rel="attachment" href="{address}">')
    from weasyprint import HTML

    with pikepdf.open(
        io.BytesIO(HTML(string=page(f'<link rel="attachment" href="{secret.as_uri()}">')).write_pdf())
    ) as pdf:
        assert len(pdf.attachments) == 1  # the stock fetcher reads it


def test_no_data_address() -> None:
    with pytest.raises(AddressRefused):
        made("<img src=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E\">")


def test_nothing_is_missing_here() -> None:
    assert missing() is None


@pytest.fixture
def no_pango(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A machine on which WeasyPrint finds none of its libraries."""
    kept = builtins.__import__

    def refusing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return kept(name, *args, **kwargs)

    def nothing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(builtins, "__import__", refusing)
    monkeypatch.setattr(ctypes, "CDLL", nothing)
    rendering._typesetter.cache_clear()
    yield monkeypatch
    rendering._typesetter.cache_clear()


def test_without_pango_it_says_what_to_install(no_pango: pytest.MonkeyPatch) -> None:
    said = missing()
    assert said is not None
    assert "\n" not in said
    assert "apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in said
    with pytest.raises(DocumentsUnavailable, match="libpango"):
        made("<p>x</p>")


def test_without_one_package_it_names_that_one(no_pango: pytest.MonkeyPatch) -> None:
    def one(name: str) -> None:
        if "harfbuzz" in name:
            raise OSError(name)

    no_pango.setattr(ctypes, "CDLL", one)
    assert missing() == (
        "Missing system packages: libharfbuzz-subset0. "
        "sudo apt-get install -y --no-install-recommends libharfbuzz-subset0"
    )


def test_weasyprint_itself_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    said = missing()
    assert said is not None
    assert said.startswith("WeasyPrint cannot be loaded: ")


def test_fonts_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rendering.fonts, "DEFAULT_FOLDER", tmp_path)
    assert missing() == "The documents' typeface is not built. python -m school_protocol.pdf.fonts"


def test_importing_the_room_loads_no_weasyprint() -> None:
    script = "import sys, school_protocol.case_files.pages; sys.exit('weasyprint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_pages_are_read_back_with_their_letters() -> None:
    text = (
        PdfReader(io.BytesIO(made('<p dir="rtl" lang="ar">بروتوكول الأولى، لا إله، المدرسة</p><p>Œuvre à l’école</p>')))
        .pages[0]
        .extract_text()
    )
    assert "بروتوكول الأولى، لا إله" in text
    assert "المدرسة" in text
    assert "Œuvre à l’école" in text
