"""The review sheet as a file: archival, tagged, with its figures, and the same bytes for the same copy."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest

from school_protocol.engine import document_rules
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.supervision.remarks import ReviewSheet, review_sheet, review_sheet_html

from . import archive, tags
from .printed import pages, squeezed

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")

DIGEST = hashlib.sha256(b"a copy").hexdigest()
LANGUAGES = ("fr", "ar", "en")


def sheet(protocol: Protocol, **changes: object) -> ReviewSheet:
    document = protocol.documents["case_file"]
    sections = document_rules.sections_of(document).values()
    found = ReviewSheet(
        protocol=protocol, document=document, number="1327902625801",
        unit=Unit("s", UnitKind.school, "01234A", {"fr": "Collège Ibn Khaldoun", "ar": "إعدادية ابن خلدون"}, ()),
        copy=3, profile="supervisor", reader="سلمى العلوي", issued_at=datetime(2026, 11, 25, 9, tzinfo=UTC),
        content_seq=42, content_head="ab" * 32, figures=document_rules.on_paper(DIGEST),
        sections=tuple((str(place), one) for place, one in enumerate(sections, 1)),
        address="https://desk.exemple.ma/cases/1327902625801/remarks/3?figures=x",
    )  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_archival_and_accessible_and_says_which_copy_it_goes_with(
    moroccan: Protocol, tmp_path: Path, language: str
) -> None:
    view = sheet(moroccan)
    data = review_sheet(view, Wording(language))
    assert archive.not_archival(data, tmp_path) == set()
    assert archive.not_accessible(data, tmp_path) == set()
    assert archive.not_sound(data) == []
    assert tags.faults(data, review_sheet_html(view, Wording(language))) == {}
    first = squeezed(pages(data)[0])
    assert squeezed(view.figures) in first
    assert squeezed(view.number) in first
    whole = squeezed("".join(pages(data)))
    for _key, section in view.sections:
        assert squeezed(section.title.in_language(language)) in whole
    with pikepdf.open(BytesIO(data)) as pdf:
        assert len(pdf.pages) <= 4


def test_the_same_copy_gives_the_same_bytes_and_another_other_ones(moroccan: Protocol) -> None:
    wording = Wording("fr")
    assert review_sheet(sheet(moroccan), wording) == review_sheet(sheet(moroccan), wording)
    other = sheet(moroccan, figures=document_rules.on_paper("0" * 64))
    assert review_sheet(other, wording) != review_sheet(sheet(moroccan), wording)


def test_what_somebody_is_called_cannot_become_markup(moroccan: Protocol) -> None:
    html = review_sheet_html(sheet(moroccan, reader="<script>x</script> https://evil.example"), Wording("fr"))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
