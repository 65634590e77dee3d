"""Pages of copies of many cases: for whom, what is typed wrong, pressed twice, how far it is, the ZIP, and deleting."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from handing import hand_out_as
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.case_files import bulk, prepared
from school_protocol.case_files.prepare_process import Here
from school_protocol.case_files.prepared import LIST
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from web.page import read_page
from web.test_moving import KEY, Site, hidden, told

ADDRESS = "/case-files"
CHOSEN = {"offer": f"{KEY}/school", "language": "fr", "which": "open"}


@pytest.fixture
def site(moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("school_protocol.pdf.rendering.missing", lambda: None)
    hand_out_as(monkeypatch, lambda view, _wording: f"%PDF {view.head.number}".encode())
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        made = Site(player, [])
        for _case in range(3):
            made.report()
        yield made


@pytest.fixture
def head(site: Site) -> FlaskClient:
    return site.browser("head")


def asked(client: FlaskClient, fields: Any = None, **changes: str) -> TestResponse:
    kept = fields if fields is not None else hidden_of_the_form(client)
    return client.post(ADDRESS, data=MultiDict([*kept.items(multi=True), *{**CHOSEN, **changes}.items()]))


def hidden_of_the_form(client: FlaskClient) -> MultiDict[str, str]:
    source = client.get(ADDRESS).get_data(as_text=True)
    form = next(one for one in re.findall(r"<form.*?</form>", source, re.S) if 'name="offer"' in one)
    tags = re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", form)
    named = (re.search(r'name="([^"]+)" value="([^"]*)"', tag) for tag in tags)
    return MultiDict((found[1], found[2]) for found in named if found)


def job_of(answer: TestResponse) -> str:
    assert answer.status_code == 303, told(answer)
    return str(answer.headers["Location"])


def work(site: Site, seconds: float = 3600.0) -> None:
    bulk.go_on(site.player.ctx, Here(site.player.ctx), seconds)


def pressed(client: FlaskClient, page: str, action: str) -> TestResponse:
    return client.post(action, data=hidden(client, page, action))


@pytest.mark.exhaustive
def test_from_the_desk_to_the_zip(site: Site, head: FlaskClient) -> None:
    assert f'href="{ADDRESS}"' in head.get("/").get_data(as_text=True)
    read_page(head.get(ADDRESS))
    job = job_of(asked(head))
    page = head.get(job)
    read_page(page)
    assert "0 of 3 cases" in told(page)
    work(site)
    page = head.get(job)
    read_page(page)
    assert "3 copies made" in told(page)
    answer = head.get(f"{job}/files")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    assert sorted(archive.namelist()) == sorted([*(f"{number}-1-fr.pdf" for number in site.numbers), LIST])
    assert "3 copies" in told(head.get(ADDRESS))
    answer = pressed(head, job, f"{job}/delete")
    assert answer.status_code == 303
    assert head.get(job).status_code == 404
    assert head.get(f"{job}/files").status_code == 404


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_pages_are_in_the_readers_language_and_direction(site: Site, language: str) -> None:
    client = site.browser("head", language)
    page = read_page(client.get(ADDRESS))
    assert (page.lang[:2], page.dir) == (language, "rtl" if language == "ar" else "ltr")
    job = job_of(asked(client))
    for step in range(2):
        page = read_page(client.get(job))
        assert page.dir == ("rtl" if language == "ar" else "ltr"), step
        assert "copies made" not in page.text
        work(site)


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["team_member", "data_officer", "protocol_admin"])
def test_others_find_neither_the_link_nor_the_page(site: Site, head: FlaskClient, who: str) -> None:
    job = job_of(asked(head))
    work(site)
    client = site.browser(who)
    assert ADDRESS not in client.get("/").get_data(as_text=True)
    for address in (ADDRESS, job, f"{job}/files"):
        assert client.get(address).status_code == 404
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").get_data(as_text=True))
    assert token is not None
    for action in (ADDRESS, f"{job}/stop", f"{job}/delete"):
        assert client.post(action, data={"csrf_token": token[1], **CHOSEN}).status_code == 404
    assert head.get(job).status_code == 200


@pytest.mark.exhaustive
def test_a_job_is_not_shown_to_a_colleague_who_may_ask_for_their_own(site: Site, head: FlaskClient) -> None:
    job = job_of(asked(head))
    other = site.browser("team_coordinator")
    assert other.get(ADDRESS).status_code == 200
    assert other.get(job).status_code == 404
    assert other.get("/case-files/nothing").status_code == 404


@pytest.mark.exhaustive
def test_pressed_twice_it_is_one_job_and_another_one_waits(site: Site, head: FlaskClient) -> None:
    fields = hidden_of_the_form(head)
    first = job_of(asked(head, fields))
    assert job_of(asked(head, fields)) == first
    fields["token"] = "another"
    refused = asked(head, fields)
    assert refused.status_code == 409
    assert first in refused.get_data(as_text=True)
    read_page(refused)
    work(site)
    assert job_of(asked(head)) != first


@pytest.mark.exhaustive
def test_sent_again_with_something_else_in_it_is_refused(site: Site, head: FlaskClient) -> None:
    fields = hidden_of_the_form(head)
    asked(head, fields)
    answer = asked(head, fields, language="ar")
    assert answer.status_code == 409
    assert "sent before" in told(answer)


@pytest.mark.exhaustive(but=("changes5-schools-No case that you see is like this.",))
@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"offer": "x/y"}, "offer", "Choose one of these."),
        ({"language": "<b>"}, "language", "Choose one of these."),
        ({"codes": "99999Z 123"}, "schools", "A code is not that of a school here."),
        ({"first": "2026-13-01"}, "first", "This is not a day."),
        ({"first": "2026-03-02", "last": "2026-03-01"}, "last", "This day is before the first one."),
        ({"which": "ended"}, "schools", "No case that you see is like this."),
    ],
)
def test_what_is_typed_wrong_is_said_beside_it_and_kept(
    site: Site, head: FlaskClient, changes: dict[str, str], field: str, said: str
) -> None:
    answer = asked(head, **changes)
    assert answer.status_code == 422
    page = read_page(answer)
    assert page.title.startswith("Please check:")
    assert told(answer).count(said) == 2
    assert field in page.ids
    for name, value in changes.items():
        if name in ("first", "last"):
            assert f'name="{name}" type="date" value="{value}"' in answer.get_data(as_text=True)


def test_what_it_waits_for_and_what_was_refused_are_said_in_words(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = site.browser("team_coordinator")
    job = job_of(asked(client, offer=f"{KEY}/supervisor"))
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "issue_one", lambda *_told: bulk.Made(trouble="full"))
        work(site)
    assert "No room is left on the disk" in told(client.get(job))
    work(site)
    page = client.get(job)
    read_page(page)
    assert "3 cases without a copy" in told(page)
    assert told(page).count("The summary without names must be confirmed first") == 3
    assert f'href="/cases/{site.numbers[0]}"' in page.get_data(as_text=True)
    assert "Fetch the ZIP" not in told(page)


@pytest.mark.exhaustive
def test_stopped_it_says_so(site: Site, head: FlaskClient) -> None:
    job = job_of(asked(head))
    answer = pressed(head, job, f"{job}/stop")
    assert answer.status_code == 303
    assert "You stopped it" in told(head.get(job))
    work(site)
    assert "3 cases left" in told(head.get(job))


@pytest.mark.exhaustive(but=("ar-*",))
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "one copy is being made still"),
        ("fr", "un exemplaire est en cours de préparation"),
        ("ar", "ما زالت نسخة قيد الإعداد"),
    ],
)
def test_deleted_while_a_copy_is_made_it_says_that_it_is_not(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    client = site.browser("head", language)
    job = job_of(asked(client))
    made, answers = bulk.issue_one, list[str]()

    def meanwhile(*asked_for: Any) -> bulk.Made:
        if not answers:
            pressed(client, job, f"{job}/stop")
            answers.append(told(client.post(f"{job}/delete", data=tokens(client), follow_redirects=True)))
        return made(*asked_for)

    monkeypatch.setattr(bulk, "issue_one", meanwhile)
    work(site)
    assert said in answers[0]
    page = client.get(job)
    read_page(page)
    assert f'href="{job}/files"' in page.get_data(as_text=True), "that copy is there"
    assert pressed(client, job, f"{job}/delete").status_code == 303
    assert client.get(job).status_code == 404


def tokens(client: FlaskClient) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").get_data(as_text=True))
    assert found is not None
    return {"csrf_token": found[1]}


@pytest.mark.exhaustive
def test_of_a_case_that_one_is_excluded_from_the_page_says_nothing(site: Site) -> None:
    client = site.browser("team_coordinator")
    job = job_of(asked(client, offer=f"{KEY}/supervisor"))
    work(site)
    page = client.get(job)
    assert f'href="/cases/{site.numbers[0]}"' in page.get_data(as_text=True)
    record_act(
        site.player.ctx, site.player.actor("team_coordinator"), site.numbers[0], "conflict",
        {"reason": "close_relative"}, expected=None, token="away", proven=True,
    )  # fmt: skip
    page = client.get(job)
    read_page(page)
    assert site.numbers[0] not in page.get_data(as_text=True)
    assert "2 cases without a copy" in told(page)


@pytest.mark.exhaustive
def test_without_a_typesetter_the_page_says_what_is_missing(
    site: Site, head: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = hidden_of_the_form(head)
    monkeypatch.setattr("school_protocol.pdf.rendering.missing", lambda: "apt-get install libpango-1.0-0")
    answer = asked(head, fields)
    assert answer.status_code == 200
    assert "apt-get install libpango-1.0-0" in told(answer)


# ---- the page of one case file -------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_case_files_page_says_which_copies_are_ready(
    site: Site, head: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/cases/{site.numbers[0]}/case-file"
    page = head.get(address)
    assert "it takes some seconds" in told(page)
    assert "handed out at once" not in told(page)
    monkeypatch.setattr(prepared, "ready", lambda *_any: frozenset({("school", "ar")}))
    page = head.get(address)
    read_page(page)
    assert "Ready, handed out at once: School’s copy (confidential) (العربية)." in told(page)
