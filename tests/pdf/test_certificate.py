"""The certificate of a workshop: one page across, archival and accessible, and nothing on it but what it is to say."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pikepdf
import pytest

from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.assemble import assembled, overlay
from school_protocol.pdf.verdicts import Copy
from school_protocol.training.certificates import Certificate, certificate, certificate_html

from . import tags
from .archive import not_accessible, not_archival, not_sound
from .printed import pages, squeezed

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
LANGUAGES = ("fr", "ar", "en")
NAMES = {"fr": "Khadija Benjelloun", "ar": "خديجة بنجلون", "en": "Khadija Benjelloun"}
VIEW = Certificate(
    number="1234 5678 9012 3",
    name="Khadija Benjelloun",
    scenario={"fr": "Le chantage", "ar": "الابتزاز", "en": "The blackmail"},
    protocol={"fr": "Protocole de prise en charge", "ar": "بروتوكول التكفل", "en": "Handling protocol"},
    version=3,
    held_on=date(2026, 11, 26),
    minutes=200,
    valid_until=date(2028, 11, 26),
    academy={"fr": "Académie régionale", "ar": "الأكاديمية الجهوية", "en": "Regional academy"},
    trainer="Youssef Alami",
    attested_at=datetime(2026, 11, 26, 15, tzinfo=UTC),
    address="https://protocole.example.ma/verify",
)


def of(language: str) -> Certificate:
    return replace(VIEW, name=NAMES[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_archival_accessible_and_tagged_as_its_page_says(language: str, tmp_path: Path) -> None:
    view, wording = of(language), Wording(language)
    data = certificate(view, wording)
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    assert not_sound(data) == []
    html = certificate_html(view, wording)
    assert {name: faults for name, faults in tags.faults(data, html).items() if faults} == {}
    assert "%(" not in html


@pytest.mark.parametrize("language", ["fr", "en"])
def test_it_names_the_person_the_workshop_and_until_when(language: str) -> None:
    (page,) = pages(certificate(of(language), Wording(language)))
    w = Wording(language)
    for said in (
        VIEW.number, NAMES[language], VIEW.scenario[language], VIEW.protocol[language], w.day(VIEW.held_on),
        w.day(VIEW.valid_until), VIEW.academy[language], VIEW.trainer, VIEW.address, "20 minutes",
    ):  # fmt: skip
        assert squeezed(said) in page, said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["W" * 120, "خديجة " * 20, "Khadija " * 15, "ⵅⴰⴷⵉⵊⴰ Khadija خديجة"])
def test_the_longest_names_leave_it_one_page_that_lies_across(language: str, name: str) -> None:
    long = dict.fromkeys(LANGUAGES, "Un titre assez long pour deux lignes, ou peut-être trois " * 3)
    view = replace(VIEW, name=name.strip(), scenario=long, protocol=long, academy=long, trainer="T" * 100)
    copy = Copy(1, view.name, view.attested_at, "", 0)
    drawn = overlay(copy, Wording(language), landscape=True)
    data = assembled(certificate(view, Wording(language)), drawn, copy, has_record=False)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert len(pdf.pages) == 1
        width, height = (float(size) for size in list(pdf.pages[0].mediabox)[2:])
    assert width > height


def test_its_stamp_is_as_large_as_on_other_papers() -> None:
    """A stamp for a page that stands would be shrunk on one that lies across."""
    copy = Copy(1, VIEW.name, VIEW.attested_at, "", 0)
    for landscape in (True, False):
        with pikepdf.open(io.BytesIO(overlay(copy, Wording("fr"), landscape=landscape))) as pdf:
            width, height = (float(size) for size in list(pdf.pages[0].mediabox)[2:])
        assert (width > height) is landscape


@pytest.mark.exhaustive
def test_the_same_view_gives_the_same_bytes_and_another_name_others() -> None:
    w = Wording("fr")
    assert certificate(VIEW, w) == certificate(VIEW, w)
    assert certificate(VIEW, w) != certificate(replace(VIEW, name="Autre"), w)


@pytest.mark.parametrize("minutes", [1, 59, 60, 61, 200, 2400])
def test_how_long_it_was_is_told_in_hours_and_minutes(minutes: int) -> None:
    (page,) = pages(certificate(replace(VIEW, minutes=minutes), Wording("en")))
    hours, rest = divmod(minutes, 60)
    assert (squeezed(f"{hours} hour") in page) is bool(hours)
    assert (squeezed(f"{rest} minute") in page) is bool(rest or not hours)


def test_a_name_is_never_markup() -> None:
    html = certificate_html(replace(VIEW, name="<script>x</script>"), Wording("fr"))
    assert "<script>" not in html
