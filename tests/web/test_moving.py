"""The pages of a difference and of the cases that may follow: what is said, what is refused, what happens once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from domain.telling import MOROCCAN, NOW, REPORT
from flask.testing import FlaskClient
from versions import next_version, plain, published
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.domain.protocol import Protocol
from school_protocol.services.opening import open_case
from school_protocol.services.recording import record_act
from school_protocol.services.scripts import Player, throwaway
from school_protocol.storage import directory
from school_protocol.storage import sign_in as browser
from school_protocol.web import create_app

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


SECOND = next_version(DATA, 2, edited)


@dataclass
class Site:
    player: Player
    numbers: list[str]

    def browser(self, who: str, language: str = "en") -> FlaskClient:
        house, actor = self.player.house, self.player.actor(who)
        client = create_app(house, testing=True).test_client()
        with house.directory.writing() as session:
            directory.set_language(session, actor.id, language)
            token = browser.open_web_session(session, actor.id, now=house.now(), user_agent="test")
        client.set_cookie("session", token)
        return client

    def report(self, checked: bool = True) -> str:
        house, head = self.player.house, self.player.actor("head")
        about = [{"slot": "targeted_pupil", "name": "Yasmine Benali"}]
        said = {**REPORT, "what_happened": SECRET, "about_whom": about}
        token = f"t{len(self.numbers)}"
        number = open_case(house, head, "report", said, token=token).number
        if checked:
            record_act(house, head, number, "safety_check", SAFE, expected=None, token=f"c{token}", proven=True)
        self.numbers.append(number)
        return number


@pytest.fixture
def site(moroccan: Protocol) -> Iterator[Site]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        made = Site(player, [])
        made.report()
        made.report(checked=False)
        published(player.house, SECOND)
        yield made


def told(answer: TestResponse) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))
    return re.sub(r"\s+", " ", text)


def form_of(client: FlaskClient, address: str = CASES) -> MultiDict[str, str]:
    """The hidden fields of the page's own form."""
    source = client.get(address).get_data(as_text=True)
    form = next(one for one in re.findall(r"<form.*?</form>", source, re.S) if 'name="number"' in one)
    return MultiDict(
        (re.search(r'name="([^"]+)"', tag)[1], html.unescape(re.search(r'value="([^"]*)"', tag)[1]))  # type: ignore[index]
        for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", form)
    )


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


@pytest.mark.exhaustive
def test_the_preview_says_what_becomes_of_each_case_and_nothing_of_it(site: Site) -> None:
    page = told(site.browser("protocol_admin").get(CASES))
    assert "One case needs a decision" in page
    assert "One case can follow" in page
    assert "Answers in it were given to a question, or chosen from a list, that the new version has no more." in page
    for hidden in (SECRET, "Yasmine", "Safety", "A report"):
        assert hidden not in page


def test_one_press_moves_what_may_and_what_was_decided(site: Site) -> None:
    client = site.browser("protocol_admin")
    sent = form_of(client)
    assert sorted(sent.getlist("number")) == sorted(site.numbers)
    sent["reason"] = "Nouvelle version"
    sent.add("decided", site.numbers[0])
    answer = client.post(CASES, data=sent)
    assert answer.status_code == 303
    page = told(client.get(answer.headers["Location"]))
    assert "2 cases follow the new version from now on." in page
    assert "No open case follows version 1." in page
    head = site.browser("head")
    case = told(head.get(f"/cases/{site.numbers[0]}"))
    assert "The case follows version 2 of the protocol from here on" in case
    assert "Nouvelle version" in case
    again = client.post(CASES, data=sent)
    assert again.status_code == 303
    assert "nothing was done twice" in told(client.get(again.headers["Location"]))


@pytest.mark.exhaustive
def test_what_is_not_ticked_stays(site: Site) -> None:
    client = site.browser("protocol_admin")
    sent = form_of(client)
    sent["reason"] = "x"
    client.post(CASES, data=sent)
    page = told(client.get(CASES))
    assert "One case follows the new version from now on." in page
    assert "One case stays as it is." in page
    assert "One case needs a decision" in page


@pytest.mark.exhaustive
def test_without_a_reason_nothing_moves_and_what_was_ticked_is_kept(site: Site) -> None:
    client = site.browser("protocol_admin")
    sent = form_of(client)
    sent.add("decided", site.numbers[0])
    answer = client.post(CASES, data=sent)
    assert answer.status_code == 422
    assert "An answer is needed here." in told(answer)
    assert f'value="{site.numbers[0]}" checked' in answer.get_data(as_text=True)
    assert "2 open cases follow version 1." in told(client.get(CASES))


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "team_member", "academy", "technical_admin"])
def test_nobody_else_finds_these_pages(site: Site, who: str) -> None:
    client = site.browser(who)
    for address in (DIFFERENCE, CASES):
        assert client.get(address).status_code == 404
    assert site.player.house is not None


@pytest.mark.exhaustive
def test_versions_that_are_none_are_not_found(site: Site) -> None:
    client = site.browser("protocol_admin")
    for pair in ("1/9", "9/2", f"1/{10**12}"):
        assert client.get(f"/protocols/{KEY}/{pair}/difference").status_code == 404
    assert client.get("/protocols/another/1/2/cases").status_code == 404


def test_a_case_that_is_not_of_this_protocol_is_not_found(site: Site) -> None:
    client = site.browser("protocol_admin")
    sent = form_of(client)
    sent["reason"] = "x"
    sent.setlist("number", ["1234567890123"])
    assert client.post(CASES, data=sent).status_code == 404
    sent.setlist("number", ["9" * 2000])
    assert client.post(CASES, data=sent).status_code == 404


def test_an_answer_whose_question_is_gone_is_on_the_page_of_its_entry(site: Site) -> None:
    client = site.browser("protocol_admin")
    sent = form_of(client)
    sent["reason"] = "x"
    sent.add("decided", site.numbers[0])
    client.post(CASES, data=sent)
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
