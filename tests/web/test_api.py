"""The API over real stores: by token alone, described by its own document, in the language that is asked for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from flask import Flask
from services.conftest import NAME, School
from services.tokening import drawn
from werkzeug.test import TestResponse

from school_protocol.api import openapi
from school_protocol.api import service as api_service
from school_protocol.case_files.record import bare_schema, whole_schema
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.ui.routing import TOKEN_RIGHTS
from school_protocol.web import create_app
from web.browsing import browser_of
from web.described import BASE, Described, Undescribed

PUBLISHED = Path(__file__).parents[2] / "docs" / "openapi.json"
READ = ("/cases", "/cases/{case}", "/definitions/none", "/figures", "/figures/none", "/figures/none/rows.csv")


@dataclass
class Site:
    school: School
    app: Flask

    def api(self, secret: str = "", language: str = "fr") -> Described:
        return Described(self.app, secret, language)

    def token(self, *rights: str) -> str:
        return drawn(self.school.player, rights=rights or ("cases:read", "figures:read"))[1]

    def path(self, path: str) -> str:
        return path.format(case=self.school.number)


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol) -> Iterator[Site]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    school = School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    school.report()
    yield Site(school, create_app(ctx, testing=True))
    ctx.close()


# ---- what it says of itself ------------------------------------------------------------------------------------------


def test_its_document_is_openapi(site: Site) -> None:
    found = site.api().document
    import openapi_spec_validator  # a second to load: for those who ask

    openapi_spec_validator.validate(found)
    assert found == openapi.document()


def test_the_published_document_is_the_one_that_is_served() -> None:
    """`docs/openapi.json` is written anew with each change: by its own command, see docs/api.md."""
    assert PUBLISHED.read_bytes() == openapi.written()


def test_the_record_stands_in_it_as_its_schema_says(site: Site) -> None:
    response = site.app.test_client().get(f"{BASE}/schema/case-record.json")
    assert (response.mimetype, json.loads(response.data)) == ("application/schema+json", bare_schema())
    record = site.api().document["components"]["schemas"]["CaseRecord"]
    assert record["properties"].keys() == whole_schema()["properties"].keys()


def test_each_address_that_is_read_by_token_is_described(site: Site) -> None:
    rules = [rule for rule in site.app.url_map.iter_rules() if rule.endpoint in TOKEN_RIGHTS]
    routed = {rule.rule.removeprefix(BASE).replace("<", "{").replace(">", "}") for rule in rules}
    assert routed == set(site.api().document["paths"])


# ---- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_cases_and_their_records_are_as_described(site: Site, language: str) -> None:
    api = site.api(site.token(), language)
    page = api.json("/cases")
    (case,) = page["cases"]
    assert (case["number"], page["after"]) == (site.school.number, None)
    assert case["school"]["code"] == "00000A"
    state = site.school.player.protocol.states[case["state"]["key"]]
    assert case["state"]["words"] == state.title.in_language(language)
    response = api.get(f"/cases/{case['number']}")
    record = json.loads(response.data)
    assert record["language"] == response.headers["Content-Language"] == language
    assert 'rel="describedby"' in response.headers["Link"]
    assert NAME not in response.get_data(as_text=True)


def test_a_record_names_its_definition_and_is_a_fraction_of_it(site: Site, moroccan: Protocol) -> None:
    """Whoever reads many cases reads the protocol once."""
    api = site.api(site.token())
    response = api.get(f"/cases/{site.school.number}")
    record = json.loads(response.data)
    assert record["versions"] == [{"version": moroccan.version, "digest": moroccan.digest}]
    definition = api.get(f"/definitions/{moroccan.digest}")
    assert (definition.mimetype, definition.data) == ("application/yaml", MOROCCAN.read_bytes())
    assert len(response.data) < len(definition.data) / 10
    api.get(f"/definitions/{'0' * 64}", 404)
    assert whole_schema()["$id"] != bare_schema()["$id"]


def test_whoever_asks_what_changed_misses_no_entry(site: Site) -> None:
    """What is written moves a case or not: `moved_since` tells of moves alone."""
    api, school = site.api(site.token()), site.school
    school.wait(minutes=30)
    since = school.ctx.now().isoformat().replace("+00:00", "Z")
    assert api.json(f"/cases?changed_since={since}")["cases"] == []
    school.wait(minutes=1)
    school.act("head", "note", text="x")
    (case,) = api.json(f"/cases?changed_since={since}")["cases"]
    assert case["changed_at"] >= since > case["moved_at"]
    assert api.json(f"/cases?moved_since={since}")["cases"] == []


def test_pages_lead_on_by_numbers_and_lose_no_case(site: Site) -> None:
    for _turn in range(4):
        site.school.report()
    api, seen, path = site.api(site.token()), list[str](), "/cases?limit=2&ended=false"
    while path:
        response = api.get(path)
        seen += [one["number"] for one in json.loads(response.data)["cases"]]
        site.school.act("head", "note", text="x")  # what is written meanwhile moves nothing
        link = response.headers.get("Link", "")
        path = link.partition("<")[2].partition(">")[0].removeprefix(BASE)
        assert bool(path) == (json.loads(response.data)["after"] is not None)
    assert len(seen) == 5
    assert seen == sorted(set(seen))
    assert api.json("/cases?limit=5")["after"] is None


@pytest.mark.exhaustive(
    but=(
        "moved_since=2026-11-25-moved_since-bad-parameter",
        "moved_since=2026-11-25T09:00:00-moved_since-bad-parameter",
    )
)
@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("stat=x", "stat", "unknown-parameter"),
        ("access_token=sp_x", "access_token", "unknown-parameter"),
        ("state=a&state=b", "state", "bad-parameter"),
        ("state=", "state", "bad-parameter"),
        ("state=%00", "state", "bad-parameter"),
        ("school=" + "x" * 81, "school", "bad-parameter"),
        ("level=four", "level", "bad-parameter"),
        ("level=-1", "level", "bad-parameter"),
        ("level=٤", "level", "bad-parameter"),
        ("ended=yes", "ended", "bad-parameter"),
        ("limit=0", "limit", "bad-parameter"),
        ("limit=201", "limit", "bad-parameter"),
        ("limit=" + "9" * 30, "limit", "bad-parameter"),
        ("after=12", "after", "bad-parameter"),
        ("moved_since=2026-11-25", "moved_since", "bad-parameter"),
        ("moved_since=2026-11-25T09:00:00", "moved_since", "bad-parameter"),
        ("changed_since=2026-11-25", "changed_since", "bad-parameter"),
        ("due_before=now", "due_before", "bad-parameter"),
    ],
)
def test_what_is_not_understood_is_a_problem_never_passed_over(
    site: Site, query: str, parameter: str, code: str
) -> None:
    found = site.api(site.token()).json(f"/cases?{query}", 400)
    assert (found["parameter"], found["type"].rpartition(":")[2]) == (parameter, code)


def test_filters_reach_the_list(site: Site) -> None:
    api = site.api(site.token())
    for query, there in (
        ("state=report_received", 1), ("state=closed", 0), ("stage=detection", 1), ("school=00000A", 1),
        ("school=00000a", 1), ("school=NOWHERE", 0), ("stage=none", 0), ("ended=false", 1),
        ("level=2", 0), ("ended=true", 0), ("moved_since=2026-11-25T09:00:00Z", 1), ("protocol=other", 0),
        ("moved_since=2026-11-25T10:00:00%2B00:00", 0), ("due_before=2026-11-25T23:00:00Z", 1),
        ("due_before=0001-01-01T00:00:00%2B14:00", 0), ("due_before=9999-12-31T23:59:59-14:00", 1),
        ("moved_since=2026-11-25t09:00:00z", 1), ("after=0000000000000", 1), ("after=9999999999999", 0),
    ):  # fmt: skip
        assert len(api.json(f"/cases?{query}")["cases"]) == there, query


# ---- who -------------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", READ)
def test_without_a_token_nothing_is_read(site: Site, path: str) -> None:
    response = site.api().get(site.path(path), 401)
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="school-protocol"'
    for header in ("Bearer ", "Bearer sp_wrong", "Basic eDp5", site.token(), f"Token {site.token()}", "Bearer"):
        wrong = site.api().get(site.path(path), 401, headers={"Authorization": header})
        assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
        assert wrong.data == response.data


@pytest.mark.parametrize(("right", "open_to"), [("cases:read", "/cases"), ("figures:read", "/figures")])
def test_a_token_reads_what_it_was_made_for(site: Site, right: str, open_to: str) -> None:
    api = site.api(site.token(right))
    for path in READ:
        if path.startswith(open_to) or (right == "cases:read" and path.startswith("/definitions")):
            continue
        response = api.get(site.path(path), 403)
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
    api.get(open_to)


def test_a_token_that_reads_too_often_is_told_when_to_come_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_service, "MOST", 2)
    api = site.api(site.token())
    api.get("/cases")
    api.get("/figures")
    response = api.get("/cases", 429)
    assert 0 < int(response.headers["Retry-After"]) <= 901


# ---- how -------------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_no_cookie_is_looked_at_or_set(site: Site) -> None:
    """Whoever is signed in reads nothing by that, and a token reads as it would without."""
    browser = browser_of(site.app, site.school.ctx, site.school.account("directorate"))
    assert browser.client.get(f"{BASE}/cases").status_code == 401
    secret = {"Authorization": f"Bearer {site.token()}", "Accept-Language": "ar"}
    browser.client.set_cookie("language", "en")
    plain = site.app.test_client().get(f"{BASE}/cases", headers=secret)
    signed = browser.client.get(f"{BASE}/cases", headers=secret)
    assert signed.data == plain.data
    for response in (plain, signed):
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.vary


@pytest.mark.exhaustive
def test_nothing_is_kept_and_no_other_site_reads(site: Site) -> None:
    api = site.api(site.token())
    for path, status in (("/cases", 200), (f"/cases/{site.school.number}", 200), ("/cases/1", 404), ("/figures", 200)):
        response = api.get(path, status, headers={"Origin": "https://elsewhere.example"})
        assert response.headers["Cache-Control"] == "no-store"
        assert {"Accept-Language", "Authorization"} <= set(response.vary)
        assert not [name for name, _value in response.headers if name.startswith("Access-Control-")]


def told(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.mimetype


@pytest.mark.exhaustive
def test_head_reads_and_options_does_not(site: Site) -> None:
    client, secret = site.app.test_client(), {"Authorization": f"Bearer {site.token()}"}
    head = client.head(f"{BASE}/cases", headers=secret)
    assert (told(head), head.data) == ((200, "application/json"), b"")
    assert client.head(f"{BASE}/cases").status_code == 401
    for path in (*READ, "/openapi.json", "/schema/case-record.json"):
        asked = client.options(BASE + site.path(path))
        assert (asked.status_code, asked.data) == (200, b"")
        assert set(asked.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert client.options("/cases/1234567890123").status_code == 405


@pytest.mark.exhaustive
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written(site: Site, method: str) -> None:
    client, secret = site.app.test_client(), {"Authorization": f"Bearer {site.token()}"}
    for path in READ:
        response = getattr(client, method)(BASE + site.path(path), headers=secret, data={"a": "b"})
        assert told(response) == (405, "application/problem+json")
        assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["", "/", "/none", "/cases/", "/cases/1/events", "/../people"])
def test_what_is_not_there_is_a_problem_too(site: Site, path: str) -> None:
    response = site.app.test_client().get(BASE + path, headers={"Accept-Language": "en"})
    assert told(response) == (404, "application/problem+json")
    assert json.loads(response.data)["title"] == "There is nothing here that this token may read."


@pytest.mark.parametrize(("wanted", "spoken"), [("ar-MA,fr;q=0.5", "ar"), ("en", "en"), ("de", "fr"), ("", "fr")])
def test_a_problem_is_said_in_the_language_that_is_asked_for(site: Site, wanted: str, spoken: str) -> None:
    response = site.app.test_client().get(f"{BASE}/cases", headers={"Accept-Language": wanted})
    assert response.headers["Content-Language"] == spoken
    titles = {"fr": "Ce jeton", "ar": "هذا الرمز", "en": "This token"}
    assert json.loads(response.data)["title"].startswith(titles[spoken])


@pytest.mark.exhaustive
def test_what_breaks_is_said_without_a_trace(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = site.token()
    for error, status in ((RuntimeError("zqsecret"), 500), (StorageBusy("zqsecret"), 503)):

        def broken(*_args: Any, error: Exception = error, **_more: Any) -> None:
            raise error

        monkeypatch.setattr(api_service, "read_cases", broken)
        response = site.app.test_client().get(f"{BASE}/cases", headers={"Authorization": f"Bearer {secret}"})
        assert told(response) == (status, "application/problem+json")
        assert b"zqsecret" not in response.data


@pytest.mark.exhaustive
def test_a_record_travels_compressed(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.token()}", "Accept-Encoding": "gzip"}
    response = site.app.test_client().get(f"{BASE}/cases/{site.school.number}", headers=headers)
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(response.data) < len(gzip.decompress(response.data)) / 3


# ---- the check itself ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_wrong_record_status_or_kind_is_told(site: Site) -> None:
    api = site.api(site.token())
    path = f"/cases/{site.school.number}"
    response = api.get(path)
    record = json.loads(response.data)
    record["case"]["people"][0]["massar"] = "G123456789"
    response.set_data(json.dumps(record))
    with pytest.raises(Undescribed, match="massar"):
        api.check(path, response)
    response.content_type = "text/html"
    with pytest.raises(Undescribed, match="text/html"):
        api.check(path, response)
    response.status_code = 418
    with pytest.raises(Undescribed, match="418"):
        api.check(path, response)
