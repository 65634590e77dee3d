"""School years side by side: what each year's latest release tells of a place, on a page and in sheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from zipfile import ZipFile

import pytest
from flask import Flask
from pdf.printed import pages, squeezed
from services.figures_issued import CASES_OF, QUARTER, WHOLE_YEAR, YEAR, Country, a_country

from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.statistics import release_files
from school_protocol.statistics.models import State
from school_protocol.statistics.release_files import ABSENT, YearLines, years_xlsx
from school_protocol.statistics.rules import CASES, TOTALS, ReleasePeriod, Told
from school_protocol.web import create_app
from web.test_figures_pages import PATH, client

SALE = {code: CASES_OF[code] for code in ("04001A", "04002B", "04003C")}
BEFORE = {"04001A": 31, "04002B": 22}


@pytest.fixture(scope="module")
def country() -> Iterator[Country]:
    with a_country(SALE, days=300) as found:
        for code, number in BEFORE.items():
            found.count_in(code, number, seed=9, month="2025-11")
        for period in (ReleasePeriod(YEAR - 1), QUARTER, WHOLE_YEAR):
            assert found.issue("directorate", "MA-SAL", period).state == State.issued
            found.wait(minutes=1)
        yield found


def year_lines(country: Country) -> list[Told]:
    """The two years, the earliest first; not the quarter."""
    lines = [line for line in country.lines("MA-SAL") if not line.period.quarter]
    return [country.told("MA-SAL", line.id) for line in reversed(lines)]


@pytest.fixture(scope="module")
def app(country: Country) -> Flask:
    return create_app(country.ctx, testing=True)


def cells(html: str, title: str) -> list[str]:
    plain = re.sub(r"</?bdi[^>]*>", "", html)
    found = re.search(rf'<th scope="row">{title}</th>(.*?)</tr>', plain)
    assert found, title
    return re.findall(r"<td>(.*?)</td>", found[1])


@pytest.mark.exhaustive
def test_each_year_stands_in_a_column_as_it_was_issued(app: Flask, country: Country) -> None:
    html = client(app, country, "directorate").get(f"{PATH}/years").get_data(as_text=True)
    assert cells(html, "Dossiers ouverts pendant la période") == [
        str(one.unit.at((TOTALS, CASES))) for one in reversed(year_lines(country))
    ]
    assert re.findall(r'<th scope="col"><bdi[^>]*>(\d+–\d+)', html)[:2] == ["2026–2027", "2025–2026"], (
        "the latest stands first"
    )
    assert f'href="{PATH}/years"' in client(app, country, "directorate").get(PATH).get_data(as_text=True)


def test_of_a_school_there_are_no_years(app: Flask, country: Country) -> None:
    page = client(app, country, "directorate").get("/figures/ma-cyberharassment/04003C/years").get_data(as_text=True)
    assert "Aucun chiffre d’une année scolaire entière" in page
    assert "<table" not in page


def test_a_table_that_a_year_had_not_says_so(app: Flask, country: Country) -> None:
    first, last = year_lines(country)
    cells = {table: rows for table, rows in first.unit.told["cells"].items() if table != "levels"}
    unit = replace(first.unit, told={**first.unit.told, "cells": cells})
    older = Told(first.line, tuple(one for one in first.tables if one.key != "levels"), unit, first.children)
    by_title = {table.title: table for table in YearLines([older, last], Wording("en")).tables()}
    levels = by_title["Highest level of severity"]
    assert {said[1] for _title, said in levels.rows} == {ABSENT}
    assert any(said[0].isdigit() for _title, said in levels.rows)
    assert {said[1] for _title, said in by_title["How the school learned of it"].rows} != {ABSENT}


def test_a_year_between_of_which_nothing_was_issued_is_said(country: Country) -> None:
    """Else two columns side by side would read as years that follow one another."""
    first, last = year_lines(country)
    later = replace(last, line=replace(last.line, period=ReleasePeriod(YEAR + 1)))
    lines = YearLines([first, later], Wording("fr"))
    assert lines.years == ("2027–2028", "2026–2027", "2025–2026")
    assert [one is None for _year, one in lines.columns] == [False, True, False]
    for table in lines.tables():
        assert {said[1] for _row, said in table.rows} == {"rien d’arrêté"}
    assert (
        "rien d’arrêté"
        in ZipFile(io.BytesIO(years_xlsx([first, later], Wording("fr")))).read("xl/sharedStrings.xml").decode()
    )


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_sheets_have_every_year(app: Flask, country: Country, kind: str) -> None:
    answer = client(app, country, "directorate").get(f"{PATH}/years/{kind}")
    assert answer.headers["Content-Disposition"] == f"attachment; filename=MA-SAL-2025-2027.fr.{kind}"
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")), delimiter=";"))
        assert {row[2] for row in rows[1:]} == {"2025-09", "2026-09"}
    else:
        text = ZipFile(io.BytesIO(answer.get_data())).read("xl/sharedStrings.xml").decode()
        assert "2025–2026" in text
        assert "2026–2027" in text


def test_the_same_lines_are_handed_out_as_a_document(app: Flask, country: Country) -> None:
    visitor = client(app, country, "directorate")
    assert f'href="{PATH}/years/pdf"' in visitor.get(f"{PATH}/years").get_data(as_text=True)
    answer = visitor.get(f"{PATH}/years/pdf")
    assert answer.headers["Content-Disposition"] == "attachment; filename=MA-SAL-2025-2027.fr.pdf"
    said = "".join(pages(answer.get_data()))
    for table in YearLines(year_lines(country), Wording("fr")).tables():
        for row, values in table.rows:
            assert squeezed(row + "".join(values)) in said, row
    assert squeezed("Édition 1, arrêtée le 21 sept. 2027") in said


def test_without_a_typesetter_the_page_says_so(app: Flask, country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_args: object, **_kwargs: object) -> bytes:
        raise rendering.DocumentsUnavailable

    monkeypatch.setattr(rendering, "missing", lambda: "pango")
    monkeypatch.setattr(release_files, "render", unavailable)
    visitor = client(app, country, "directorate")
    page = visitor.get(f"{PATH}/years").get_data(as_text=True)
    assert f"{PATH}/years/pdf" not in page
    assert f"{PATH}/years/csv" in page
    assert visitor.get(f"{PATH}/years/pdf").headers["Location"] == f"{PATH}/years"


def test_years_are_for_who_reads_the_place(app: Flask, country: Country) -> None:
    for path in (f"{PATH}/years", f"{PATH}/years/csv", f"{PATH}/years/pdf"):
        assert client(app, country, "rabat").get(path).status_code == 404
        assert client(app, country, "head").get(path).status_code == 404
        assert client(app, country, "academy").get(path).status_code == 200
    assert client(app, country, "directorate").get(f"{PATH}/years/html").status_code == 404
    nothing = client(app, country, "academy").get("/figures/ma-cyberharassment/MA-RAB/years")
    assert nothing.status_code == 200
    assert "Aucun chiffre" in nothing.get_data(as_text=True)
    none = client(app, country, "academy").get("/figures/ma-cyberharassment/MA-RAB/years/pdf")
    assert none.status_code == 404
