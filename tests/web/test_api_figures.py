"""Figures by token: those of its place that were issued, as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from services.figures_issued import Country, a_country
from services.tokening import administrator, ask

from school_protocol.api import tokens
from school_protocol.language import Wording
from school_protocol.statistics import releases
from school_protocol.statistics.models import State
from school_protocol.statistics.presenters import COLUMNS, figures_csv
from school_protocol.web import create_app
from web.described import Described, Undescribed

OVER = {"MA-04": "academy", "MA-07": "south", "MA-SAL": "directorate", "MA-RAB": "rabat"}


@dataclass
class Site:
    country: Country
    release: str
    app: Any

    def api(self, code: str, language: str = "fr") -> Described:
        """Asked with a token of that place."""
        country = self.country
        chief = administrator(country.player, "chief", country.units["MA"])
        token = ask(country.ctx, chief, code, ["figures:read"])
        tokens.agree(country.ctx, country.person(OVER[code]), token)
        return Described(self.app, tokens.draw_token(country.ctx, chief, token), language)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_country() as country:
        assert country.issue("academy", "MA-04").state == State.issued
        told = country.told("MA-04")
        yield Site(country, told.line.id, create_app(country.ctx, testing=True))


@pytest.mark.parametrize("code", ["MA-04", "MA-SAL", "MA-RAB"])
def test_a_release_is_listed_for_each_place_of_which_it_tells(site: Site, code: str) -> None:
    page = site.api(code).json("/figures")
    (line,) = page["releases"]
    assert (line["id"], line["unit"]["code"], line["is_latest"], line["former"]) == (site.release, "MA-04", True, None)
    assert page["after"] is None
    assert "by" not in line


@pytest.mark.exhaustive
def test_a_release_of_elsewhere_is_not_there(site: Site) -> None:
    api = site.api("MA-07")
    assert api.json("/figures")["releases"] == []
    told = {api.get(f"/figures/{one}", 404).data for one in (site.release, "none")}
    assert len(told) == 1
    api.get(f"/figures/{site.release}/rows.csv", 404)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("code", "language"), [("MA-SAL", "fr"), ("MA-04", "ar"), ("MA-04", "en")])
def test_figures_are_told_as_the_release_tells_them(site: Site, code: str, language: str) -> None:
    found = site.api(code, language).json(f"/figures/{site.release}")
    assert (found["unit"]["code"], found["release"]["quarter"]) == (code, 1)
    told = releases.see_told(site.country.ctx, site.country.unit(code), site.release)
    rows = [row for row in found["rows"] if row["what"] == "count"]
    assert all(tuple(row) == COLUMNS for row in rows)
    counts = {(row["unit"], row["table"], row["row"], row["month"]): row for row in rows}
    assert len(counts) >= 3 + len(told.children)
    seen = {one.code: one for one in (told.unit, *told.children)}
    for (unit, table, row, month), line in counts.items():
        assert line["value"] == seen[unit].at((table, row), month or ""), line
        assert line["value"] is not None
    assert {line["unit"] for line in found["rows"]} == {code, *(one.code for one in told.children)}


def test_the_same_as_csv(site: Site) -> None:
    api = site.api("MA-04")
    response = api.get(f"/figures/{site.release}/rows.csv?unit=MA-SAL")
    told = releases.see_told(site.country.ctx, site.country.unit("MA-SAL"), site.release)
    assert response.data == figures_csv(told, Wording("fr"))
    assert response.headers["Content-Disposition"] == "attachment; filename=figures.csv"
    rows = list(csv.reader(io.StringIO(response.data.decode("utf-8-sig")), delimiter=","))
    assert len(rows[0]) == len(COLUMNS)
    assert len(rows) - 1 == len(api.json(f"/figures/{site.release}?unit=MA-SAL")["rows"])


@pytest.mark.exhaustive
def test_a_median_is_a_class_and_no_number(site: Site) -> None:
    found = site.api("MA-04", "en").json(f"/figures/{site.release}")
    told = [row for row in found["rows"] if row["what"] == "median"]
    assert told
    assert all(row["row"] and row["row_title"] and row["value"] is None for row in told)
    described = site.api("MA-04").document["components"]["schemas"]["FigureRow"]
    assert "`value` is null" in described["description"]


@pytest.mark.parametrize(
    ("token", "unit", "status"),
    [
        ("MA-04", "MA-SAL", 200), ("MA-04", "04001A", 404), ("MA-04", "ma-sal", 200), ("MA-04", "MA-MAR", 404),
        ("MA-04", "MA", 404), ("MA-SAL", "MA-SAL", 200), ("MA-SAL", "MA-RAB", 404), ("MA-SAL", "MA-04", 404),
        ("MA-SAL", "04004D", 404), ("MA-SAL", "NOWHERE", 404), ("MA-SAL", "%00", 400),
    ],
)  # fmt: skip
def test_a_token_reads_of_its_place_and_of_what_lies_below(site: Site, token: str, unit: str, status: int) -> None:
    api = site.api(token)
    api.get(f"/figures/{site.release}?unit={unit}", status)
    api.get(f"/figures/{site.release}/rows.csv?unit={unit}", status)


@pytest.mark.exhaustive
def test_many_releases_come_a_page_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    line = site.country.told("MA-04").line
    every = tuple(replace(line, id=f"{place:032x}") for place in range(5))
    monkeypatch.setattr(releases, "releases_covering", lambda _ctx, _unit: every)
    api, path, seen = site.api("MA-04"), "/figures?limit=2", list[str]()
    while path:
        response = api.get(path)
        seen += [one["id"] for one in json.loads(response.data)["releases"]]
        path = response.headers.get("Link", "").partition("<")[2].partition(">")[0].removeprefix("/api/v1")
    assert seen == [one.id for one in every]
    problem = json.loads(api.get("/figures?after=unknown", 400).data)
    assert (problem["type"].rpartition(":")[2], problem["parameter"]) == ("bad-parameter", "after")


@pytest.mark.exhaustive
def test_a_wrong_figure_is_told(site: Site) -> None:
    api = site.api("MA-SAL")
    response = api.get(f"/figures/{site.release}")
    for change in ({"value": "12"}, {"what": "sum"}, {"pupil": "x"}):
        page = json.loads(response.data)
        page["rows"][0] |= change
        response.set_data(json.dumps(page))
        with pytest.raises(Undescribed):
            api.check(f"/figures/{site.release}", response)
