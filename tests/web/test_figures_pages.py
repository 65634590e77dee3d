"""Pages of figures: what they say before, while and after figures are issued; files; the page for everybody."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pdf.printed import pages
from services.figures_issued import CASES_OF, PROTOCOL, QUARTER, WHOLE_YEAR, Country, a_country
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.statistics import noise, release_files, releases, repository
from school_protocol.statistics.models import FigureJobRow, State
from school_protocol.statistics.noise import TABLE
from school_protocol.statistics.presenters import COLUMNS, figure_rows
from school_protocol.statistics.rules import ReleasePeriod
from school_protocol.web import create_app

SALE = {code: CASES_OF[code] for code in ("04001A", "04002B", "04003C")}
PATH, ACADEMY = "/figures/ma-cyberharassment/MA-SAL", "/figures/ma-cyberharassment/MA-04"


@pytest.fixture(scope="module")
def country() -> Iterator[Country]:
    """The first quarter of an academy is issued, then the year of one of its directorates."""
    with a_country(SALE, days=300) as found:
        assert found.issue("academy", "MA-04").state == State.issued
        found.wait(minutes=1)
        assert found.issue("directorate", "MA-SAL", WHOLE_YEAR).state == State.issued
        yield found


@pytest.fixture(scope="module")
def app(country: Country) -> Flask:
    return create_app(country.ctx, testing=True)


@pytest.fixture
def release(country: Country) -> str:
    return country.told("MA-SAL").line.id


def client(app: Flask, country: Country, who: str) -> FlaskClient:
    with country.ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, country.people[who], now=country.ctx.now())
    found = app.test_client()
    found.set_cookie("session", token)
    return found


def post(found: FlaskClient, path: str, **typed: str) -> TestResponse:
    """Sent as the page sends it."""
    html = found.get(PATH).get_data(as_text=True)
    hidden = {name: re.search(f'name="{name}" value="([^"]+)"', html) for name in ("csrf_token", "shown_to", "token")}
    return found.post(path, data={**{name: one[1] for name, one in hidden.items() if one}, **typed})


@pytest.mark.exhaustive
def test_a_menu_leads_there_whoever_may_and_nobody_else(app: Flask, country: Country) -> None:
    for who, has in (("directorate", True), ("head", True), ("member", False), ("trainer", False)):
        html = client(app, country, who).get("/account").get_data(as_text=True)
        assert ('href="/figures"' in html) is has, who
        assert client(app, country, who).get("/figures").status_code == (302 if has else 404)


def test_it_is_said_what_the_numbers_bear_and_nothing_is_ranked(app: Flask, country: Country) -> None:
    html = client(app, country, "academy").get(ACADEMY).get_data(as_text=True)
    assert "95 sur 100 s’écartent de 4 au plus" in html
    assert 'href="/campaign/fr/method"' in html
    assert re.findall(r"/figures/ma-cyberharassment/(MA-\w+)/\w+\"><bdi", html) == ["MA-RAB", "MA-SAL"]
    assert not re.search(r'aria-labelledby="below".*?class="b\d', html, re.DOTALL), "no bars beside places"


def test_of_a_school_nothing_is_published(app: Flask, country: Country) -> None:
    html = client(app, country, "head").get("/figures/ma-cyberharassment/04001A").get_data(as_text=True)
    assert "Aucun chiffre d’un établissement n’est publié" in html
    assert "<table" not in html


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_anybody_reads_how_figures_are_protected_with_the_whole_table(app: Flask, language: str) -> None:
    answer = app.test_client().get(f"/campaign/{language}/method")
    html = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert all(str(chance) in html for row in TABLE for chance in row)
    assert "HMAC-SHA256" in html
    assert "Set-Cookie" not in answer.headers
    assert app.test_client().get("/campaign/de/method").status_code == 404


def columns_of(html: str) -> list[str]:
    return re.findall(r'<th scope="col">([^<]+)</th>', html)


def test_no_column_is_headed_by_the_title_above_it(app: Flask, country: Country) -> None:
    html = client(app, country, "academy").get(ACADEMY).get_data(as_text=True)
    titles = re.findall(r"<h2[^>]*>([^<]+)</h2>", html)
    columns = columns_of(html)
    assert len(columns) > 6
    assert not set(titles) & set(columns)
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)
    heads = {columns_of(one)[0] for one in tables if re.search(r'<th scope="row"><bdi[^>]*>septembre \d{4}', one)}
    assert heads == {"Mois"}, "rows of months are no kinds of things"


TRUE, TOLD = 7_333, 7_334
"""A total that no other number is like, and with a noise that is not 0."""


@pytest.mark.exhaustive
def test_no_page_file_or_paper_says_what_was_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setattr(noise, "told", lambda _key, _address, count: count + 1)
    with a_country({"04001A": TRUE}, days=300) as big:
        for period in (QUARTER, WHOLE_YEAR):
            big.issue("academy", "MA-04", period)
            big.wait(minutes=1)
        ctx, academy, line = big.ctx, big.person("academy"), big.lines("MA-04")[0]
        releases.set_public(ctx, academy, line.id, is_public=True)
        site = create_app(ctx, testing=True)
        mine = client(site, big, "academy")
        paths = [f"{ACADEMY}/{one.id}{end}" for one in big.lines("MA-04") for end in ("", "/sheets/csv")]
        paths += [ACADEMY, PATH, f"{ACADEMY}/years", f"{ACADEMY}/years/csv", "/campaign/fr", "/figures"]
        said = [mine.get(path, follow_redirects=True).get_data(as_text=True) for path in paths]
        # the last page of a report is the table of noise: nothing but digits
        made = release_files.issue_report(ctx, academy, PROTOCOL, "MA-04", line.id, "fr", token="t")
        said += [*pages(made.data)[:-1], json.dumps(list(figure_rows(big.told("MA-04"), Wording("fr"))))]
        book = release_files.release_sheet(ctx, academy, PROTOCOL, "MA-04", line.id, "xlsx")
        with ZipFile(io.BytesIO(book.data)) as found:
            said += [found.read(name).decode() for name in found.namelist()]
        assert not [one for one in (*said, caplog.text) if str(TRUE) in one]
        assert sum(str(TOLD) in one for one in said) > 10, "what is told is told everywhere"


def test_a_press_leads_to_the_job_and_a_second_one_to_the_same(app: Flask, country: Country) -> None:
    mine = client(app, country, "directorate")
    first = post(mine, f"{PATH}/issue", period="2026-Q2")
    assert first.status_code == 303
    second = post(mine, f"{PATH}/issue", period="2026-Q2")
    assert second.headers["Location"] == first.headers["Location"]
    page = mine.get(first.headers["Location"]).get_data(as_text=True)
    assert "<h1>Chiffres \u20662026–2027\u2069, deuxième trimestre, en cours d’établissement</h1>" in page
    assert post(mine, f"{first.headers['Location']}/stop").status_code == 303
    assert "aucun chiffre n’a été arrêté" in mine.get(first.headers["Location"]).get_data(as_text=True)
    for wrong in ("1999", "2026", "2026-Q1", "2026-Q5", "2026-Q٢", ""):
        assert post(mine, f"{PATH}/issue", period=wrong).status_code == 422, wrong
    assert post(mine, f"{PATH}/issue", period="2026-Q1", again="yes").status_code == 422, "the academy told it"
    assert client(app, country, "rabat").get(first.headers["Location"]).status_code == 404


def refused(country: Country) -> FigureJobRow:
    """Asked for below; somebody above was before."""
    country.wait(minutes=1)
    mine = country.ask("directorate", "MA-SAL", ReleasePeriod(2026, 3))
    with country.ctx.directory.writing() as session:
        repository.settle_job(session, mine, State.refused, at=country.ctx.now(), fault="as_before")
    return country.job(mine)


def test_why_nothing_was_issued_is_said(app: Flask, country: Country) -> None:
    job = refused(country)
    mine = client(app, country, "directorate")
    assert "déjà communiqués" in mine.get(f"/figures/issuing/{job.id}").get_data(as_text=True)
    figures = mine.get(PATH).get_data(as_text=True)
    aside = re.search(r'<section[^>]*aria-labelledby="issue".*?</section>', figures, re.DOTALL)
    assert aside, "what it says stands beside the years that can be asked for"
    assert f"/figures/issuing/{job.id}" in aside[0]
    assert "\u20662026–2027\u2069, troisième trimestre" in aside[0], "of which quarter it was"
    assert f"/figures/issuing/{job.id}" not in figures.replace(aside[0], ""), "no warning above another year’s figures"


def test_a_page_about_a_job_is_headed_by_what_came_of_it(app: Flask, country: Country, release: str) -> None:
    mine = client(app, country, "directorate")
    for job, said in (
        (release, "Chiffres \u20662026–2027\u2069"),
        (refused(country).id, "Chiffres \u20662026–2027\u2069, troisième trimestre : non arrêtés"),
    ):
        page = mine.get(f"/figures/issuing/{job}").get_data(as_text=True).replace("\xa0", " ")
        assert f"<h1>{said}</h1>" in page
        assert "en cours" not in page


@pytest.mark.parametrize(("kind", "begins"), [("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")])
def test_sheets_are_files(app: Flask, country: Country, release: str, kind: str, begins: bytes) -> None:
    answer = client(app, country, "directorate").get(f"{PATH}/{release}/sheets/{kind}")
    assert answer.status_code == 200
    assert answer.get_data().startswith(begins)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=MA-SAL-2026-")
    for path in (PATH, "/figures/ma-cyberharassment/04001A"):
        assert client(app, country, "head").get(f"{path}/{release}/sheets/{kind}").status_code == 404


@pytest.mark.parametrize(("language", "between"), [("fr", ";"), ("ar", ";"), ("en", ",")])
def test_a_list_opens_in_columns_in_the_spreadsheet_of_its_language(
    app: Flask, country: Country, release: str, language: str, between: str
) -> None:
    with country.ctx.directory.writing() as session:
        auth_repository.set_language(session, country.people["directorate"], language)
    try:
        answer = client(app, country, "directorate").get(f"{PATH}/{release}/sheets/csv")
    finally:
        with country.ctx.directory.writing() as session:
            auth_repository.set_language(session, country.people["directorate"], "fr")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")), delimiter=between))
    assert {len(row) for row in rows} == {len(COLUMNS)}


def test_wrong_figures_are_withdrawn_by_whoever_issued_them(app: Flask, country: Country) -> None:
    """Once; the page of those that were withdrawn says so."""
    country.wait(minutes=1)
    first = country.issue("rabat", "MA-RAB", WHOLE_YEAR).id
    mine, path = client(app, country, "rabat"), "/figures/ma-cyberharassment/MA-RAB"
    assert 'name="again"' in mine.get(path).get_data(as_text=True)
    assert 'name="again"' not in client(app, country, "academy").get(path).get_data(as_text=True)
    html = mine.get(path).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(csrf_token|shown_to|token)" value="([^"]+)"', html))
    answer = mine.post(f"{path}/issue", data={**hidden, "period": "2026", "again": "yes"})
    assert answer.status_code == 303
    while releases.go_on(country.ctx):
        pass
    page = mine.get(path).get_data(as_text=True)
    assert "remplace l’édition 1, retirée" in page
    assert 'name="again"' not in page
    assert "Ces chiffres ont été retirés" in mine.get(f"{path}/{first}").get_data(as_text=True)


@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_a_report_is_handed_out_once_a_press(app: Flask, country: Country, release: str) -> None:
    mine = client(app, country, "directorate")
    html = mine.get(PATH).get_data(as_text=True)
    hidden = {name: re.search(f'name="{name}" value="([^"]+)"', html) for name in ("csrf_token", "shown_to", "token")}
    data = {**{name: one[1] for name, one in hidden.items() if one}, "language": "fr"}
    answer = mine.post(f"{PATH}/{release}/report", data=data)
    assert answer.status_code == 200
    assert answer.get_data().startswith(b"%PDF")
    assert mine.post(f"{PATH}/{release}/report", data=data).status_code == 409
    for language in ("", "de"):
        assert mine.post(f"{PATH}/{release}/report", data={**data, "language": language}).status_code == 404


def test_the_page_for_everybody_knows_nobody(app: Flask, country: Country, release: str) -> None:
    """The same bytes for whoever is signed in and whoever is not; no cookie; it may be kept for minutes."""
    releases.set_public(country.ctx, country.person("directorate"), release, is_public=True)
    try:
        stranger, mine = app.test_client(), client(app, country, "directorate")
        for path in ("/campaign/fr", f"/campaign/ar/{release}", "/campaign/en"):
            one, other = stranger.get(path), mine.get(path)
            assert one.status_code == 200
            assert one.get_data() == other.get_data()
            assert "Set-Cookie" not in one.headers
            assert "Set-Cookie" not in other.headers
            assert one.headers["Cache-Control"] == "public, max-age=600"
            assert "X-Robots-Tag" not in one.headers
            assert not {"Cookie"} & set(other.vary)
            html = one.get_data(as_text=True)
            assert "04001A" not in html, "schools are not there"
            assert "<form" not in html
            assert "Directorate" not in html, "nor who issued it"
        assert 'href="/campaign/fr"' in stranger.get("/sign-in").get_data(as_text=True)
        assert stranger.get("/campaign/de").status_code == 404
        assert stranger.get("/campaign/de").headers["X-Robots-Tag"] == "noindex, nofollow"
    finally:
        releases.set_public(country.ctx, country.person("directorate"), release, is_public=False)
    assert "/campaign" not in stranger.get("/sign-in").get_data(as_text=True), "there is nothing to be led to"
    assert stranger.get(f"/campaign/fr/{release}").status_code == 404
    assert "Directorate" not in stranger.get("/campaign/fr").get_data(as_text=True)
