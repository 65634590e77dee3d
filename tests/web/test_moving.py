"""The pages of a difference, of the open cases and of one that may follow: what is said, refused, done once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, REPORT
from flask.testing import FlaskClient
from services.administering import HOLDS
from versions import next_version, plain, published
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.cases.intake import open_case
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import Player, throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.publishing import draft_process
from school_protocol.publishing import service as publishing_service
from school_protocol.web import create_app
from web.page import read_page

KEY = "ma-cyberharassment"
DATA = plain(MOROCCAN)
FORM = DATA["acts"]["safety_check"]["form"]
SAFE = {"none_seen": True, "safe_now": "yes", "who_stays": "me"}
DIFFERENCE, CASES = f"/protocols/{KEY}/1/2/difference", f"/protocols/{KEY}/1/2/cases"
SECRET = "Ils m’ont appelée « la ferme »"


def edited(data: dict[str, Any]) -> None:
    """A question less, a need more for a step, and a locked deadline made longer."""
    form = data["forms"][FORM]
    form["fields"] = {
        key: field for key, field in form["fields"].items() if key != "who_stays" and "who_stays" not in str(field)
    }
    form["refuses"] = [one for one in form["refuses"] if "who_stays" not in str(one)]
    for source in (one for deadline in data["deadlines"].values() for one in deadline.get("met_by", ())):
        if "who_stays" in source.get("where", ""):
            del source["where"]
    data["states"]["report_received"]["title"]["en"] = "A report <b>came</b> in"


@cache
def second() -> bytes:
    return next_version(DATA, 2, edited)


@dataclass
class Site:
    player: Player
    numbers: list[str]

    def browser(self, who: str, language: str = "en") -> FlaskClient:
        ctx, actor = self.player.ctx, self.player.actor(who)
        client = create_app(ctx, testing=True).test_client()
        with ctx.directory.writing() as session:
            auth_repository.set_language(session, actor.id, language)
            token = sign_in_repository.open_web_session(session, actor.id, now=ctx.now(), user_agent="test")
        client.set_cookie("session", token)
        return client

    def report(self, checked: bool = True) -> str:
        ctx, head = self.player.ctx, self.player.actor("head")
        about = [{"slot": "targeted_pupil", "name": "Yasmine Benali"}]
        said = {**REPORT, "what_happened": SECRET, "about_whom": about}
        token = f"t{len(self.numbers)}"
        number = open_case(ctx, head, "report", said, token=token).number
        if checked:
            record_act(ctx, head, number, "safety_check", SAFE, expected=None, token=f"c{token}", proven=True)
        self.numbers.append(number)
        return number


@pytest.fixture
def site(moroccan: Protocol) -> Iterator[Site]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        made = Site(player, [])
        made.report()
        made.report(checked=False)
        published(player.ctx, second())
        yield made


def told(answer: TestResponse) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))
    return re.sub(r"\s+", " ", text)


def hidden(client: FlaskClient, address: str, action: str = "") -> MultiDict[str, str]:
    """The hidden fields of the form that leads to `action`."""
    source = client.get(address).get_data(as_text=True)
    forms = [one for one in re.findall(r"<form.*?</form>", source, re.S) if f'action="{action or address}"' in one]
    assert forms, (address, action)
    return MultiDict(
        (re.search(r'name="([^"]+)"', tag)[1], html.unescape(re.search(r'value="([^"]*)"', tag)[1]))  # type: ignore[index]
        for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", forms[0])
    )


def case_of(number: str) -> str:
    """The address of one case that may follow."""
    return f"{CASES}/{number}"


def sent(client: FlaskClient, number: str, *accepts: str, reason: str = "Nouvelle version") -> MultiDict[str, str]:
    """The form of one case, filled in."""
    form = hidden(client, case_of(number))
    form["reason"] = reason
    for code in accepts:
        form.add("accepts", code)
    return form


@pytest.mark.exhaustive(but=("ar-*",))
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Form “", ", question “", "taken out", "becomes “A report <b>came</b> in”"]),
        ("fr", ["Situation", "devient", "2 dossiers ouverts suivent la version 1."]),
        ("ar", ["الاستمارة", "حذف", "ملفان مفتوحان"]),
    ],
)
def test_the_difference_is_said_in_words(site: Site, language: str, said: list[str]) -> None:
    answer = site.browser("protocol_admin", language).get(DIFFERENCE)
    assert answer.status_code == 200
    for words in said:
        assert words in told(answer), words
    assert "<b>came</b>" not in answer.get_data(as_text=True), "a text of a file is no HTML"


def test_the_list_says_what_becomes_of_each_case_and_nothing_of_it(site: Site) -> None:
    client = site.browser("protocol_admin")
    checked, unchecked = site.numbers
    pages = [client.get(address) for address in (CASES, case_of(checked), case_of(unchecked))]
    for page in pages:
        read_page(page)
        for words in (SECRET, "Yasmine", "Safety", "A report"):
            assert words not in told(page)
    listed, asks, can = map(told, pages)
    assert "One case needs a decision" in listed
    assert "One case can follow" in listed
    gone = "Answers in it were given to a question, or chosen from a list, that the new version has no more."
    assert gone in listed
    assert f"I have decided: it follows all the same. {gone}" in asks
    assert "I have decided" not in can


def test_one_press_moves_one_case(site: Site) -> None:
    client = site.browser("protocol_admin")
    number, other = site.numbers
    form = sent(client, number, "answer_gone")
    answer = client.post(case_of(number), data=form)
    assert answer.status_code == 303
    page = told(client.get(answer.headers["Location"]))
    assert "The case follows the new version from now on." in page
    assert "One open case follows version 1." in page
    head = site.browser("head")
    case = told(head.get(f"/cases/{number}/chronology"))
    assert "The case follows version 2 of the protocol from here on" in case
    assert "Nouvelle version" in case
    assert "version 2 of the protocol" not in told(head.get(f"/cases/{other}/chronology"))
    again = client.post(case_of(number), data=form)
    assert again.status_code == 303
    assert "nothing was done twice" in told(client.get(again.headers["Location"]))
    form["reason"] = "Une autre raison"
    third = client.post(case_of(number), data=form)
    assert third.status_code == 409
    assert "This page was sent before, with something else in it." in told(third)
    assert "It follows this version, or a later one." in told(third), "two lists were open, and it has moved"


def test_what_is_not_decided_about_stays(site: Site) -> None:
    client = site.browser("protocol_admin")
    form = sent(client, site.numbers[0], "level")
    answer = client.post(case_of(site.numbers[0]), data=form)
    assert answer.status_code == 409
    page = told(answer)
    assert "Nothing was done Answers in it were given to a question" in page
    assert 'value="Nouvelle version"' in answer.get_data(as_text=True), "what was typed is still there"
    assert "2 open cases follow version 1." in told(client.get(CASES))


def test_without_a_reason_nothing_moves_and_what_was_ticked_is_kept(site: Site) -> None:
    client = site.browser("protocol_admin")
    answer = client.post(case_of(site.numbers[0]), data=sent(client, site.numbers[0], "answer_gone", reason=""))
    assert answer.status_code == 422
    assert "An answer is needed here." in told(answer)
    assert 'value="answer_gone" aria-describedby="accepts-hint" checked' in answer.get_data(as_text=True)
    read_page(answer)
    assert "2 open cases follow version 1." in told(client.get(CASES))


@pytest.mark.exhaustive
def test_a_case_that_must_stay_is_listed_with_the_reason_and_can_not_be_pressed(site: Site) -> None:
    def other_kind(data: dict[str, Any]) -> None:
        data["acts"]["safety_check"]["kind"] = "note"

    client = site.browser("protocol_admin")
    published(site.player.ctx, next_version(DATA, 3, other_kind))
    address = f"/protocols/{KEY}/1/3/cases"
    listed = client.get(address)
    assert "One case must stay Something was recorded in it that does something else in the new version." in told(
        listed
    )
    assert f"{address}/{site.numbers[0]}" not in listed.get_data(as_text=True)
    assert f"{address}/{site.numbers[1]}" in listed.get_data(as_text=True), "the control"
    page = client.get(f"{address}/{site.numbers[0]}")
    assert "Must stay" in told(page)
    assert 'name="reason"' not in page.get_data(as_text=True)


def test_what_is_not_there_is_not_found(site: Site) -> None:
    client = site.browser("protocol_admin")
    form, number = sent(client, site.numbers[1]), site.numbers[1]
    for pair in ("1/9", "9/2", f"1/{10**12}"):
        assert client.get(f"/protocols/{KEY}/{pair}/difference").status_code == 404
        assert client.get(f"/protocols/{KEY}/{pair}/cases").status_code == 404
        assert client.get(f"/protocols/{KEY}/{pair}/cases/{number}").status_code == 404
        assert client.post(f"/protocols/{KEY}/{pair}/cases/{number}", data=form).status_code == 404
    assert client.get("/protocols/another/1/2/cases").status_code == 404
    for nobody in ("1234567890123", "9" * 2000):
        assert client.get(case_of(nobody)).status_code == 404
        assert client.post(case_of(nobody), data=form).status_code == 404
    assert client.post(case_of(number), data=form).status_code == 303, "the control"


def test_an_answer_whose_question_is_gone_is_on_the_page_of_its_entry(site: Site) -> None:
    client = site.browser("protocol_admin")
    client.post(case_of(site.numbers[0]), data=sent(client, site.numbers[0], "answer_gone"))
    label = DATA["forms"][FORM]["fields"]["who_stays"]["label"]["en"]
    option = DATA["forms"][FORM]["fields"]["who_stays"]["options"]["me"]
    head = site.browser("head")
    entry = told(head.get(f"/cases/{site.numbers[0]}/entries/3"))
    assert label in entry
    assert option.get("title", option)["en"] in entry
    chronology = head.get(f"/cases/{site.numbers[0]}/chronology")
    assert chronology.status_code == 200
    for language in ("fr", "ar"):
        assert site.browser("head", language).get(f"/cases/{site.numbers[0]}").status_code == 200


@pytest.mark.exhaustive
def test_once_it_is_published_its_page_leads_to_the_cases_of_each_version(site: Site) -> None:
    admin, second = site.browser("protocol_admin"), site.browser("protocol_admin/2")
    site.report(checked=False)
    content = next_version(DATA, 3, edited)
    draft = publishing_service.upload(site.player.ctx, site.player.actor("protocol_admin"), content, "3.yaml")
    report: draft_process.Report = {"proof": draft_process.proof_out(HOLDS), "stories": []}
    publishing_service.work_out(site.player.ctx, lambda _content, _before: report)
    page = f"/protocols/drafts/{draft}"
    assert "/cases" not in admin.get(page).get_data(as_text=True), "nothing is counted of a draft"
    admin.post(f"{page}/propose", data=hidden(admin, page, f"{page}/propose"))
    answer = second.post(f"{page}/agree", data=hidden(second, page, f"{page}/agree"))
    assert answer.status_code == 303
    source = admin.get(page).get_data(as_text=True)
    for old in (1, 2):
        address = f"/protocols/{KEY}/{old}/3/cases"
        assert f'href="{address}"' in source
        assert admin.get(address).status_code == 200
