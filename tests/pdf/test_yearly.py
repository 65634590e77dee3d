"""The pages of a school's yearly report: page one by itself, tables that software can follow, the figures inside."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from engine.test_yearly import school

from school_protocol.engine.case_summary import CASES, DANGERS
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Document
from school_protocol.language import Wording
from school_protocol.statistics.presenters import band_said, share_label
from school_protocol.statistics.rules import Band
from school_protocol.statistics.yearly_report import Lines, YearlyPaper, yearly_html, yearly_paper
from school_protocol.statistics.yearly_rules import Figures, Period, Tally, figures, from_data, period

from . import tags
from .archive import not_accessible, not_archival, not_sound
from .printed import pages, squeezed
from .test_papers import ABOVE, SCHOOL

LANGUAGES = ("fr", "ar", "en")
OVER, UNDER_WAY = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
FEWER = {"fr": "moins de 10", "ar": "أقل من 10", "en": "fewer than 10"}
APART = {"fr": "en accès restreint, et ceux", "ar": "ذات الاطلاع المقيد", "en": "Cases under restricted access"}
SIZES = {"large": (4, 80, OVER), "middling": (9, 22, OVER), "few": (1, 3, OVER), "so far": (1, 41, UNDER_WAY)}


@pytest.fixture
def document(moroccan: Protocol) -> Document:
    return next(one for one in moroccan.documents.values() if one.kind == "yearly")


def spoken_of(document: Document, now: datetime) -> Period:
    assert document.yearly
    found = period(document.yearly, 2025, "Africa/Casablanca", now)
    assert found
    return found


def report(moroccan: Protocol, document: Document, seed: int, size: int, now: datetime = OVER) -> YearlyPaper:
    spoken = spoken_of(document, now)
    made = figures(school(moroccan, document, seed, size), is_over=spoken.is_over, training_ends=True)
    return YearlyPaper(moroccan, document, SCHOOL, ABOVE, spoken, made)


@pytest.mark.exhaustive(
    but=(
        "fr-middling",
        "ar-few",
    )
)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_tagged_as_its_pages_say(moroccan: Protocol, document: Document, language: str, size: str) -> None:
    view = report(moroccan, document, *SIZES[size])
    html = yearly_html(view, Wording(language))
    found = tags.faults(yearly_paper(view, Wording(language)), html)
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert "%(" not in html
    assert APART[language] in html, "whatever there is"


@pytest.mark.exhaustive
def test_a_table_without_header_cells_would_be_found(moroccan: Protocol, document: Document) -> None:
    """The planted control: the same page, its row headers made into data."""
    from school_protocol.pdf.rendering import render

    html = yearly_html(report(moroccan, document, 4, 80), Wording("fr"))
    bare = re.sub(r'<th scope="(?:row|col)"([^>]*)>(.*?)</th>', r"<td\1>\2</td>", html)
    assert bare != html
    made = render(bare, title="t", language="fr-FR", identifier="x", moment=OVER, accessible=True)
    assert tags.faults(made, bare)["tables"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_archival_and_accessible(moroccan: Protocol, document: Document, tmp_path: Path, language: str) -> None:
    data = yearly_paper(report(moroccan, document, 4, 80), Wording(language))
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    assert not_sound(data) == []


@pytest.mark.exhaustive(
    but=(
        "en-middling",
        "en-so far",
    )
)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_there_is_to_decide_stands_on_page_one(
    moroccan: Protocol, document: Document, language: str, size: str
) -> None:
    view, wording = report(moroccan, document, *SIZES[size]), Wording(language)
    lines, first = Lines(view, wording), pages(yearly_paper(view, wording))[0]
    assert 1 <= len(lines.sentences()) <= 5
    decisions = list(lines.decisions())
    assert decisions, "certificates run out"
    wanted = [document.title.in_language(language), lines.year, SCHOOL.code, SCHOOL.name(language)]
    wanted += [one.striptags() for one in lines.sentences()]
    wanted += [what.striptags() for what, _about in decisions]
    for text in wanted:
        assert squeezed(text) in first, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_count_but_its_ten_is_on_the_pages(moroccan: Protocol, document: Document, language: str) -> None:
    for seed in range(0, 60, 6):
        lines = Lines(report(moroccan, document, seed, 30), Wording(language))
        rows = [row for _t, _a, rows in lines.tables("cases", "dangers", "referrals", "follow_ups") for row in rows]
        said = [row.count.striptags() for row in (*rows, *lines.totals())]
        assert not [one for one in said if one.isdigit()]
        assert any(FEWER[language] in one.replace("\u00a0", " ") for one in said)


@pytest.mark.exhaustive
def test_schools_of_the_same_figures_have_the_same_pages(moroccan: Protocol, document: Document) -> None:
    """Pages know of the cases nothing but what is printed: hidden counts that differ leave no trace."""
    one, other = report(moroccan, document, 1, 3), report(moroccan, document, 77, 0)
    assert yearly_paper(one, Wording("fr")) == yearly_paper(other, Wording("fr"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_year_with_no_case_or_few_tells_nothing_more(moroccan: Protocol, document: Document, language: str) -> None:
    view = report(moroccan, document, 1, 0)
    lines = Lines(view, Wording(language))
    assert len(lines.sentences()) == 1
    assert len(pages(yearly_paper(view, Wording(language)))) == 1
    assert not list(lines.tables(CASES, DANGERS))


def test_a_year_under_way_says_so_and_up_to_which_term(moroccan: Protocol, document: Document) -> None:
    html = yearly_html(report(moroccan, document, 1, 41, UNDER_WAY), Wording("en"))
    assert "so far: up to the end of “First term”" in html
    assert "40 to 49" in html
    assert not re.search(r"\d\d? (?:January|Jan) 2026", html), "no day"


def attached(data: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return {name: one.get_file().read_bytes() for name, one in pdf.attachments.items()}


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.exhaustive
def test_the_figures_go_with_it_and_hold_nothing_more(moroccan: Protocol, document: Document) -> None:
    for name, (seed, size, now) in SIZES.items():
        view = report(moroccan, document, seed, size, now)
        files = attached(yearly_paper(view, Wording("ar")))
        assert list(files) == ["figures.json"], name
        data = json.loads(files["figures.json"])
        assert from_data(data) == view.figures
        assert (data["format"], data["school"], data["year"]) == ("school-protocol/yearly", SCHOOL.code, 2025)
        assert not [one for one in strings(data) if re.search(r"\d{4}-\d\d-\d\d", one) and one != data["until"]]


@pytest.mark.exhaustive
def test_the_same_figures_give_the_same_bytes(moroccan: Protocol, document: Document) -> None:
    view = report(moroccan, document, 9, 22)
    assert yearly_paper(view, Wording("ar")) == yearly_paper(view, Wording("ar"))


def test_markup_in_a_schools_name_stays_a_name(moroccan: Protocol, document: Document) -> None:
    view = report(moroccan, document, 9, 22)
    bad = replace(view, unit=replace(SCHOOL, names={"fr": '<img src="https://x.invalid">'}))
    assert "<img" not in yearly_html(bad, Wording("fr"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_that_a_definition_can_have_has_a_title(
    moroccan: Protocol, document: Document, language: str
) -> None:
    from school_protocol.statistics.yearly_rules import layout

    lines = Lines(report(moroccan, document, 9, 22), Wording(language))
    assert document.yearly
    for key, _of, rows, _overlaps in layout(moroccan, document.yearly):
        titles = [lines.row_title(key, row) for row in rows]
        assert lines.table_title(key)
        assert all(titles)
        assert len(set(titles)) == len(titles), key


def test_a_count_is_said_by_its_ten(moroccan: Protocol, document: Document) -> None:
    lines = Lines(report(moroccan, document, 9, 22), Wording("en"))
    assert [band_said(lines.w, Band(one)) for one in (0, 20)] == ["fewer than 10", "20 to 29"]
    assert share_label(lines.w, (75, 100)) == "75% or more"
    assert share_label(lines.w, (0, 25)) == "less than 25%"


def test_nobody_is_asked_anything_by_figures_that_call_for_nothing(moroccan: Protocol, document: Document) -> None:
    made = figures(Tally(moroccan, document), is_over=False)
    view = YearlyPaper(moroccan, document, SCHOOL, ABOVE, spoken_of(document, UNDER_WAY), made)
    assert isinstance(made, Figures)
    assert "These figures by themselves call for no decision." in yearly_html(view, Wording("en"))
