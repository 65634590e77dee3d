"""The copy's line on every page: what it says, that all else stays, that it is an artifact, the same bytes."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from school_protocol.language import Wording
from school_protocol.pdf.assemble import overlay
from school_protocol.pdf.embedding import stamped
from school_protocol.pdf.verdicts import NotSealable, StampUnfit

from .printed import squeezed
from .sealed import COPY, RECORD_BYTES, ROOT, drawn, findings_of_pdfa, opened, prepared, saved

LANGUAGES = ("fr", "ar", "en")
TAGS = ("BDC", "BMC", "DP", "MP", "EMC")


def texts(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def tree(node: pikepdf.Object, depth: int = 0) -> list[tuple[int, str, str]]:
    """The tag tree, as kinds, marks and alternative texts: without the numbers of its objects."""
    if not isinstance(node, pikepdf.Dictionary):
        return [(depth, "mark", str(node))]
    told = [(depth, str(node.get("/S")), f"{node.get('/Alt')}|{node.get('/Lang')}|{node.get('/MCID')}")]
    below = node.get("/K", [])
    for one in below if isinstance(below, pikepdf.Array) else [below]:
        told += tree(one, depth + 1)
    return told


def operators(stream: pikepdf.Object) -> list[str]:
    return [str(item.operator) for item in pikepdf.parse_content_stream(stream)]


# ---- what it says --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_line_names_the_copy_its_reader_and_the_moment(language: str) -> None:
    [text] = texts(drawn(language))
    for wanted in (str(COPY.number), "M. Alaoui, AREF", "25/11/2026", "10:41"):
        assert squeezed(wanted) in squeezed(text)
    assert "FORMATION" not in text


def test_the_watermark_is_there_if_it_is_asked_for() -> None:
    assert "FORMATION" in texts(drawn("fr", "FORMATION"))[0]
    assert "تدريب" in texts(drawn("ar", "تدريب"))[0]


def test_what_a_reader_is_called_is_printed_as_text() -> None:
    named = replace(COPY, reader="<img src='file:///etc/passwd'> {{ 7*7 }} \u202eحسن")
    [text] = texts(overlay(named, Wording("fr")))
    assert squeezed("<img src='file:///etc/passwd'> {{ 7*7 }}") in squeezed(text)


def test_a_long_name_stays_on_its_page() -> None:
    drawing = overlay(replace(COPY, reader="Direction provinciale de Casablanca-Anfa " * 6), Wording("fr"))
    with opened(drawing) as overlaid:
        assert len(overlaid.pages) == 1
    stamped(prepared(), drawing)


# ---- on every page, and nothing else -------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_it_stands_on_every_page_after_all_that_was_there(language: str) -> None:
    before, after = texts(prepared(language)), texts(stamped(prepared(language), drawn(language, "FORMATION")))
    assert len(before) == len(after) > 2
    for was, now in zip(before, after, strict=True):
        assert squeezed(now).startswith(squeezed(was))
        added = squeezed(now)[len(squeezed(was)) :]
        assert "25/11/2026" in added
        assert "FORMATION" in added


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_tags_bookmarks_metadata_and_the_record_stay(language: str) -> None:
    with opened(prepared(language)) as was, opened(stamped(prepared(language), drawn(language))) as now:
        assert tree(now.Root.StructTreeRoot) == tree(was.Root.StructTreeRoot)
        assert len(tree(was.Root.StructTreeRoot)) > 300
        assert now.Root.Metadata.read_bytes() == was.Root.Metadata.read_bytes()
        assert dict(now.docinfo) == dict(was.docinfo)
        assert [page.obj.get("/StructParents") for page in now.pages] == [
            page.obj.get("/StructParents") for page in was.pages
        ]
        with now.open_outline() as one, was.open_outline() as other:
            assert [item.title for item in one.root] == [item.title for item in other.root]
        assert now.attachments["record.json"].get_file().read_bytes() == RECORD_BYTES
        for page, same in zip(now.pages, was.pages, strict=True):
            assert same.obj.Contents.read_bytes() in b"".join(part.read_bytes() for part in page.obj.Contents)


def test_it_is_an_artifact_and_ties_itself_to_no_tag() -> None:
    with opened(drawn()) as overlaid:
        assert "BDC" in operators(overlaid.pages[0].obj)  # a tagged PDF itself
    with opened(stamped(prepared(), drawn())) as document:
        forms = set()
        for page in document.pages:
            last = page.obj.Contents[-1]
            assert operators(last) == ["Q", "BDC", "q", "cm", "Do", "Q", "EMC"]
            [_, marks, *_rest] = pikepdf.parse_content_stream(last)
            assert str(marks.operands[0]) == "/Artifact"
            assert dict(marks.operands[1]) == {"/Type": "/Pagination", "/Subtype": "/Watermark"}
            form = page.resources.XObject["/StampOfTheCopy"]
            forms.add(form.objgen)
            assert not set(operators(form)) & set(TAGS)
            assert "/StructParents" not in form
        assert len(forms) == 1


@pytest.mark.exhaustive
def test_it_stays_what_it_was_for_an_archive(tmp_path: Path) -> None:
    before = findings_of_pdfa(prepared(), tmp_path)
    assert findings_of_pdfa(stamped(prepared(), drawn("fr", "FORMATION")), tmp_path) == before
    with opened(prepared()) as document:
        document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("1"))
        assert findings_of_pdfa(saved(document), tmp_path) != before


# ---- the same bytes ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_same_copy_gives_the_same_bytes_anywhere() -> None:
    first = stamped(prepared(), drawn())
    assert stamped(prepared(), drawn()) == first
    assert stamped(prepared(), overlay(replace(COPY, number=4), Wording("fr"))) != first
    script = (
        "import sys; from tests.pdf.sealed import drawn, prepared; "
        "from school_protocol.pdf.embedding import stamped; "
        "sys.stdout.buffer.write(stamped(prepared(), drawn()))"
    )
    other = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    assert other.stdout == first


# ---- pages of other shapes, and bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_it_lies_upright_within_a_page_of_any_shape(turned: int) -> None:
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(400, 300))
        page.obj.Rotate = turned
        plain = saved(document)
    page_of = PdfReader(io.BytesIO(stamped(plain, drawn()))).pages[0]
    found: list[tuple[float, float, float, float]] = []

    def seen(text: str, _cm: list[float], matrix: list[float], _font: object, _size: float) -> None:
        if text.strip():
            found.append((matrix[4], matrix[5], matrix[0], matrix[1]))

    page_of.extract_text(visitor_text=seen)
    assert "Alaoui" in page_of.extract_text()
    with opened(stamped(plain, drawn())) as document:
        [_q, _marks, _save, placed, *_rest] = pikepdf.parse_content_stream(document.pages[0].obj.Contents[-1])
        a, b, _c, _d, x, y = (float(figure) for figure in placed.operands)
    assert (abs(a) < 1e-4) == (turned in (90, 270)), "turned back by as much as the page is turned"
    assert 0 <= x <= 400
    assert 0 <= y <= 300
    assert (a, b) != (0, 0)


def test_pages_without_content_or_with_several_streams_take_it() -> None:
    with pikepdf.new() as document:
        document.add_blank_page()
        page = document.add_blank_page()
        page.obj.Contents = pikepdf.Array([document.make_stream(b"q "), document.make_stream(b"Q ")])
        plain = saved(document)
    with opened(stamped(plain, drawn())) as document:
        assert [len(page.obj.Contents) for page in document.pages] == [3, 4]


def two_pages() -> bytes:
    with opened(drawn()) as document:
        document.pages.append(document.pages[0])
        return saved(document)


@pytest.mark.parametrize("what", ["nothing", "a head", "a ZIP", "two pages"])
def test_an_overlay_that_is_none_is_refused(what: str) -> None:
    overlays = {"nothing": b"", "a head": b"%PDF-1.7\n", "a ZIP": b"PK\x03\x04", "two pages": two_pages()}
    with pytest.raises(StampUnfit):
        stamped(prepared(), overlays[what])


def locked(password: str) -> bytes:
    with opened(prepared()) as document:
        target = io.BytesIO()
        document.save(target, encryption=pikepdf.Encryption(owner="owner", user=password))
        return target.getvalue()


@pytest.mark.parametrize("what", ["nothing", "a head", "half", "an open lock", "a lock"])
def test_a_document_that_cannot_be_stamped_is_refused(what: str) -> None:
    documents = {
        "nothing": b"",
        "a head": b"%PDF-1.7\n",
        "half": prepared()[: len(prepared()) // 2],
        "an open lock": locked(""),
        "a lock": locked("secret"),
    }
    with pytest.raises(NotSealable):
        stamped(documents[what], drawn())


def test_nothing_is_stamped_twice() -> None:
    with pytest.raises(NotSealable, match="already"):
        stamped(stamped(prepared(), drawn()), drawn())
