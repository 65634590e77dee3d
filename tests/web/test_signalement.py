"""A school's address in front of strangers, and what the staff does with what was told there: whole, page by page."""

from __future__ import annotations

import gzip
import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from engine.telling import MOROCCAN, NOW
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, text
from werkzeug.test import TestResponse

from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.people import repository as people_repository
from school_protocol.reports import public_door
from school_protocol.reports.routes import GATE
from school_protocol.reports.rules import FLOOD
from school_protocol.storage import master_keys
from school_protocol.ui import sessions
from school_protocol.ui.rendering import LAST_RESORT
from school_protocol.web import create_app

from .browsing import Browser, browser_of
from .page import Page

WORDS = "Ils m’attendent dehors <b>http://example.com/x</b>"
TOLD = {"a-what_happens": WORDS, "a-danger_now": "no", "a-adult_concerned": "no"}
PLACE = "203.0.113.77"
WEIGHT = 30 * 1024
"""Bytes of a page and its style sheet, compressed."""
STATIC = Path(sessions.__file__).parents[1] / "web" / "static"


@dataclass
class School:
    """An installation whose school has an address, and whoever stands before it."""

    ctx: AppContext
    player: Player
    app: Flask
    clock: TurnableClock
    places: int = 0
    signed_in: dict[str, Browser] = field(default_factory=dict)

    @property
    def code(self) -> str:
        head = self.player.actor("head")
        return public_door.renew(self.ctx, head, self.player.school, "public").code

    def stranger(self, place: str = "") -> FlaskClient:
        """A browser that knows nobody, each in a place of its own where none is named."""
        self.places += 1
        client = self.app.test_client()
        client.environ_base["REMOTE_ADDR"] = place or f"198.51.{self.places // 250}.{self.places % 250}"
        return client

    def tell(self, client: FlaskClient | None = None, **answers: str) -> str:
        """Tell something; the code of the receipt."""
        client, code = client or self.stranger(), self.code
        form = client.get(f"/s/{code}?lang=fr").get_data(as_text=True)
        sent = {"token": token_of(form), **TOLD, **answers}
        if 'name="challenge"' in form:
            sent["challenge"] = solved(form)
        answer = client.post(f"/s/{code}/sent?lang=fr", data=sent)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return receipt_of(answer)

    def staff(self, role: str, language: str = "fr") -> Browser:
        return browser_of(self.app, self.ctx, self.player.actor(role).id, language)


def token_of(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def receipt_of(answer: TestResponse) -> str:
    found = re.search(r'code-big"><bdi dir="ltr">([\d ]+)<', answer.get_data(as_text=True))
    assert found is not None
    return found[1]


def solved(page: str) -> str:
    """The answer to the question in words."""
    words = [Wording("fr")._(word) for word in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")]
    asked = re.search(r'<label for="challenge">(.*?)<', page)
    assert asked is not None
    said = [words.index(word) + 1 for word in re.findall(r"\w+", asked[1]) if word in words]
    return str(sum(said[:2]))


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
    with ctx.directory.writing() as session:
        for place, (number, target) in enumerate((("19", "police"), ("177", "police"), ("2511", "child_line"))):
            added = people_repository.add_contact(
                session, target=target, names={"fr": f"Ligne {number}"}, phone=number, hours={"always": True},
                position=place,
            )  # fmt: skip
            people_repository.verify_contact(session, added, on=NOW.date(), by="x")
        people_repository.add_contact(session, target="rescue", names={"fr": "Jamais vérifié"}, phone="0500 11 22 33")
    yield School(ctx, player, create_app(ctx, testing=True), clock)
    ctx.close()


def public(answer: TestResponse, status: int = 200) -> Page:
    """A page for strangers, after complaining about all that it owes to them."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.headers.getlist("Set-Cookie") == []
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    html = answer.get_data(as_text=True)
    page = Page(html)
    token_is_ours = [one for one in page.criticise() if not one.startswith("a form without its token")]
    assert token_is_ours == []
    assert "csrf_token" not in html
    assert "<script" not in html
    assert page.title in {"Informations", "معلومات", "Information"}, "a title that says nothing"
    return page


# ---- before a stranger ----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_every_page_for_strangers_knows_nobody_and_says_nothing(school: School, language: str) -> None:
    client, code = school.stranger(), school.code
    asked = f"?lang={language}"
    form = client.get(f"/s/{code}{asked}")
    page = public(form)
    assert page.lang.startswith(language)
    assert page.dir == ("rtl" if language == "ar" else "ltr")
    token = token_of(form.get_data(as_text=True))
    public(client.post(f"/s/{code}/sent{asked}", data={"token": token}), 422)
    receipt = receipt_of(sent := client.post(f"/s/{code}/sent{asked}", data={"token": token, **TOLD}))
    public(sent)
    public(client.get(f"/s/{code}/back{asked}"))
    public(client.post(f"/s/{code}/thread{asked}", data={"receipt": "1"}), 422)
    public(client.post(f"/s/{code}/thread{asked}", data={"receipt": receipt}))
    public(client.post(f"/s/{code}/add{asked}", data={"receipt": receipt, "words": "encore"}))
    public(client.post(f"/s/{code}/add{asked}", data={"receipt": receipt, "words": ""}), 422)
    public(client.post(f"/s/{code}/withdraw{asked}", data={"receipt": receipt}))
    public(client.get(f"/s/{code}/after{asked}"))
    public(client.get(f"/s/none{asked}"), 404)
    public(
        client.post(f"/s/{code}/sent{asked}", data="x" * 100_000, content_type="application/x-www-form-urlencoded"), 413
    )
    public(client.post(f"/s/{code}/sent{asked}", json={}), 415)
    public(client.post(f"/s/{code}/sent{asked}", data=TOLD, headers={"Sec-Fetch-Site": "cross-site"}), 400)
    assert receipt not in client.get(f"/s/{code}{asked}").get_data(as_text=True)


def test_numbers_come_first_and_a_tap_calls(school: School) -> None:
    html = school.stranger().get(f"/s/{school.code}?lang=fr").get_data(as_text=True)
    calls = re.findall(r'href="tel:(\w+)"', html)
    assert calls[:3] == ["19", "177", "2511"]
    assert html.index('href="tel:19"') < html.index("<textarea")
    assert "2512" not in html


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_page_is_light(school: School, language: str) -> None:
    client, code = school.stranger(), school.code
    style = gzip.compress((STATIC / "school.css").read_bytes())
    for path in (f"/s/{code}", f"/s/{code}/back", f"/s/{code}/after", "/s/none"):
        body = client.get(f"{path}?lang={language}", headers={"Accept-Encoding": "gzip"}).get_data()
        assert len(body) + len(style) < WEIGHT, path
    assert len(style) > 5_000


@pytest.mark.exhaustive
def test_nothing_typed_is_lost_and_words_stay_words(school: School) -> None:
    client, code = school.stranger(), school.code
    token = token_of(client.get(f"/s/{code}?lang=fr").get_data(as_text=True))
    html = client.post(f"/s/{code}/sent?lang=fr", data={"token": token, "a-what_happens": WORDS}).get_data(as_text=True)
    assert WORDS in unescape(html)
    assert "<b>http" not in html
    assert "example.com" not in "".join(re.findall(r'href="([^"]*)"', html))
    again = client.post(f"/s/{code}/sent?lang=fr", data={"token": "garbage", **TOLD, "a-not_for": "M. Planté"})
    assert again.status_code == 422
    assert "M. Planté" in unescape(again.get_data(as_text=True))
    assert '<details class="more-asked" open>' in again.get_data(as_text=True)


def test_the_receipt_comes_back_and_reads_the_answer(school: School) -> None:
    receipt, code = school.tell(), school.code
    staff = school.staff("team_member")
    report = only(staff)
    staff.open(f"/signalements/{report}")
    staff.press(f"/signalements/{report}/answer", said="Merci d’avoir parlé. <i>Viens</i>", token="t")
    client = school.stranger()
    html = client.post(f"/s/{code}/thread?lang=fr", data={"receipt": receipt.replace(" ", "-")}).get_data(as_text=True)
    assert "Merci d’avoir parlé. &lt;i&gt;Viens&lt;/i&gt;" in html
    assert school.player.actor("team_member").name not in html, "the team answers, no one of it"
    assert receipt.replace(" ", "") not in html.replace('value="' + receipt.replace(" ", "") + '"', "")


@pytest.mark.exhaustive
def test_somebody_signed_in_is_a_stranger_there(school: School) -> None:
    member = school.staff("team_member")
    html = member.client.get(f"/s/{school.code}?lang=fr").get_data(as_text=True)
    assert school.player.actor("team_member").name not in html
    control = member.client.get("/").get_data(as_text=True)
    assert "/sign-out" in control or "sign_in" in control or school.player.actor("team_member").name in control


@pytest.mark.exhaustive
def test_the_control_a_cookie_would_be_seen(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "knows_nobody", lambda: False)
    client = school.stranger()
    answer = client.get(f"/s/{school.code}?lang=fr")
    assert answer.headers.getlist("Set-Cookie") != [], "form token of a session"


@pytest.mark.exhaustive
def test_logs_name_no_place(school: School, caplog: pytest.LogCaptureFixture) -> None:
    client, code = school.stranger(PLACE), school.code
    with caplog.at_level(logging.DEBUG):
        school.tell(client)
        client.get("/s/none")
        client.post(f"/s/{code}/sent", json={})
        client.post(f"/s/{code}/thread", data={"receipt": "1"})
        client.post(f"/s/{code}/sent", data=TOLD, headers={"Sec-Fetch-Site": "cross-site"})
    assert PLACE not in caplog.text
    with caplog.at_level(logging.DEBUG):
        client.get("/cases/none")
        client.post("/sign-in", json={})
    assert PLACE in caplog.text, "the control: elsewhere whoever was refused is named by place"


@pytest.mark.exhaustive
def test_no_place_is_in_any_row_or_file(school: School, tmp_path: Path) -> None:
    school.tell(school.stranger(PLACE))
    stores = (school.ctx.realm, school.ctx.directory)
    for store in stores:
        with store.reading() as session:
            names = inspect(session.connection()).get_table_names()
            for name in names:
                rows = session.execute(text(f'SELECT * FROM "{name}"')).all()
                assert PLACE not in repr(rows), name
    files = [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not [path for path in files if PLACE.encode() in path.read_bytes()]
    assert not [path for path in files if WORDS.encode() in path.read_bytes()], "sealed"
    (tmp_path / "var" / "planted.log").write_text(f"{PLACE} {WORDS}")
    assert PLACE.encode() in (tmp_path / "var" / "planted.log").read_bytes(), "the control"


def test_many_from_one_place_are_asked_a_question_in_words(school: School) -> None:
    client = school.stranger(PLACE)
    for _report in range(public_door.ASKED_PLACE):
        school.tell(client)
    code = school.code
    form = client.get(f"/s/{code}?lang=fr").get_data(as_text=True)
    assert 'name="challenge"' in form
    assert "<img" not in form
    wrong = client.post(f"/s/{code}/sent?lang=fr", data={"token": token_of(form), **TOLD, "challenge": "12"})
    assert wrong.status_code == 422
    html = wrong.get_data(as_text=True)
    assert WORDS in unescape(html)
    right = client.post(f"/s/{code}/sent?lang=fr", data={"token": token_of(html), **TOLD, "challenge": solved(html)})
    assert right.status_code == 200
    assert 'name="challenge"' not in school.stranger().get(f"/s/{code}?lang=fr").get_data(as_text=True)


@pytest.mark.exhaustive
def test_guessing_ends(school: School) -> None:
    client, code = school.stranger(PLACE), school.code
    receipt = school.tell()
    digits = receipt.replace(" ", "")
    wrong = [client.post(f"/s/{code}/thread", data={"receipt": guess}).status_code for guess in guesses(digits)]
    assert set(wrong) == {422, 429}
    last = client.post(f"/s/{code}/thread", data={"receipt": receipt})
    assert (last.status_code, int(last.headers["Retry-After"]) > 0) == (429, True)
    assert school.stranger().post(f"/s/{code}/thread", data={"receipt": receipt}).status_code == 200


def guesses(digits: str) -> Iterator[str]:
    """Codes that could be: each has its check digit, and is nobody's."""
    from school_protocol.reports.rules import DRAWN, with_check

    for number in range(public_door.TRIES_PLACE + 5):
        yield with_check(f"{(int(digits[:DRAWN]) + number + 1) % 10**DRAWN:0{DRAWN}d}")


def test_a_renewed_address_says_so_and_points_to_nobody(school: School) -> None:
    receipt, old = school.tell(), school.code
    public_door.renew(school.ctx, school.player.actor("head"), school.player.school, "public", former=old)
    answer = school.stranger().get(f"/s/{old}?lang=fr")
    public(answer, 410)
    html = answer.get_data(as_text=True)
    assert school.code not in html
    assert "Collège" not in html
    assert school.stranger().post(f"/s/{old}/sent?lang=fr", data=TOLD).status_code == 410
    assert school.stranger().post(f"/s/{old}/thread?lang=fr", data={"receipt": receipt}).status_code == 200


def test_languages_are_links_and_a_sent_page_leads_to_the_form(school: School) -> None:
    client, code = school.stranger(), school.code
    html = client.get(f"/s/{code}?lang=fr").get_data(as_text=True)
    assert f'href="/s/{code}?lang=ar"' in html
    sent = client.post(f"/s/{code}/sent?lang=fr", data={"token": "x"}).get_data(as_text=True)
    assert f'href="/s/{code}?lang=ar"' in sent
    thread = client.post(f"/s/{code}/thread?lang=fr", data={"receipt": "1"}).get_data(as_text=True)
    assert f'href="/s/{code}/back?lang=ar"' in thread
    assert client.get(f"/s/{code}/sent?lang=ar").location == f"/s/{code}?lang=ar"
    by_browser = client.get(f"/s/{code}", headers={"Accept-Language": "ar-MA,ar;q=0.9"}).get_data(as_text=True)
    assert 'dir="rtl"' in by_browser.split("<head>")[0]


def test_the_way_out_shows_the_day_and_clears_what_was_kept(school: School) -> None:
    answer = school.stranger().get("/s/out")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert answer.headers.getlist("Set-Cookie") == []
    assert "2026" in answer.get_data(as_text=True)


def test_what_breaks_is_told_calmly_and_without_a_cookie(
    school: School, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = school.stranger(PLACE)

    def broken(*_args: object, **_known: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("school_protocol.reports.service.see_form", broken)
    public(client.get(f"/s/{school.code}?lang=fr"), 500)
    assert "RuntimeError" in caplog.text
    assert PLACE not in caplog.text
    monkeypatch.setattr("school_protocol.reports.routes.show", broken)
    answer = client.get(f"/s/{school.code}?lang=fr")
    assert (answer.status_code, answer.get_data(as_text=True)) == (500, LAST_RESORT)


@pytest.mark.exhaustive
def test_an_installation_without_public_reports_has_no_such_page(
    school: School, small: Protocol, tmp_path: Path
) -> None:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "other"), clock)
    assert master_keys is not None
    player = prepared(ctx, clock, small, (Path(__file__).parents[1] / "protocol" / "small.yaml").read_bytes())
    app = create_app(ctx, testing=True)
    assert app.test_client().get(f"/s/{school.code}").status_code == 404
    someone = next(iter(player.protocol.roles))
    browser = browser_of(app, ctx, player.actor(someone).id)
    assert browser.client.get("/signalements").status_code == 404
    assert 'href="/signalements"' not in browser.client.get("/").get_data(as_text=True)
    ctx.close()


def test_each_application_counts_by_itself(school: School) -> None:
    assert isinstance(school.app.extensions[GATE], public_door.Gate)
    assert create_app(school.ctx, testing=True).extensions[GATE] is not school.app.extensions[GATE]


# ---- the staff -----------------------------------------------------------------------------------------------------


def only(staff: Browser) -> str:
    found = re.findall(r'href="/signalements/(\w{26})"', staff.client.get("/signalements").get_data(as_text=True))
    assert len(set(found)) == 1
    return str(found[0])


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_every_page_of_the_staff(school: School, language: str) -> None:
    school.tell(**{"a-danger_now": "unsure", "a-reach_how": "Salma"})
    school.tell()
    staff = school.staff("team_coordinator", language)
    staff.open("/signalements")
    report = re.findall(r'href="/signalements/(\w{26})"', staff.client.get("/signalements").get_data(as_text=True))[0]
    page = staff.open(f"/signalements/{report}")
    assert WORDS in page.text
    staff.open(f"/signalements/{report}/open")
    staff.open("/signalements/addresses")
    assert 'href="/signalements"' in staff.client.get("/").get_data(as_text=True)


@pytest.mark.exhaustive
def test_urgent_ones_stand_first_and_the_desk_says_what_waits(school: School) -> None:
    school.tell()
    school.tell(**{"a-danger_now": "yes"})
    staff = school.staff("team_member")
    html = staff.client.get("/signalements").get_data(as_text=True)
    first = html.index("Peut-être un danger")
    assert first < html.rindex("Pas encore lu")
    assert WORDS not in unescape(html), "a list shows no words"
    assert "2 signalements reçus" in unescape(staff.client.get("/").get_data(as_text=True)).replace("\u00a0", " ")


def test_a_case_is_opened_out_of_one_and_holds_it(school: School) -> None:
    school.tell(**{"a-to_whom": "me", "a-what_happens": f"{WORDS}{' mot' * 120} fin"})
    staff = school.staff("team_coordinator")
    report = only(staff)
    page = staff.open(f"/signalements/{report}/open")
    assert WORDS in page.text
    answer = staff.send()
    assert answer.location.startswith("/cases/")
    number = answer.location.rsplit("/", 1)[1]
    assert "mot mot fin" in staff.open(f"/cases/{number}/told").text, "all of it"
    assert f'href="/cases/{number}/told"' in staff.client.get(f"/cases/{number}/outcomes").get_data(as_text=True)
    assert number in staff.client.get(f"/signalements/{report}").get_data(as_text=True)
    assert staff.client.get(f"/signalements/{report}/open").status_code == 303, "it is open already"
    second = school.tell()
    assert second
    other = next(one for one in waiting(staff) if one != report)
    staff.press(f"/signalements/{other}/link", number=number)
    assert staff.open(f"/cases/{number}/told").text.count("Ils m’attendent") == 2


def waiting(staff: Browser) -> list[str]:
    html = staff.client.get("/signalements").get_data(as_text=True).partition("<main")[2].split("<details")[0]
    return re.findall(r'href="/signalements/(\w{26})"', html)


def test_what_is_refused_is_said_and_words_stay(school: School) -> None:
    school.tell()
    staff = school.staff("team_coordinator")
    report = only(staff)
    for path, sent, said in (
        ("answer", {"said": " "}, "Une réponse est nécessaire"),
        ("link", {"number": "1234"}, ""),
        ("orient", {"orientation": "made-up"}, ""),
        ("close", {"why": "made-up"}, ""),
    ):
        answer = staff.press(f"/signalements/{report}/{path}", 422, **sent)
        html = unescape(answer.get_data(as_text=True))
        assert 'class="error"' in html, path
        assert said in html
        assert Page(html).criticise() == [], path
    assert 'value="1234"' in staff.press(f"/signalements/{report}/link", 422, number="1234").get_data(as_text=True)


def test_not_for_us_tells_whoever_wrote_who_can_help(school: School) -> None:
    receipt = school.tell()
    staff = school.staff("team_coordinator")
    report = only(staff)
    staff.press(f"/signalements/{report}/orient", orientation="content_online")
    rules = school.player.protocol.signalement
    assert rules is not None
    html = school.stranger().post(f"/s/{school.code}/thread?lang=fr", data={"receipt": receipt}).get_data(as_text=True)
    assert Wording("fr").text(rules.orientations["content_online"].sentence) in unescape(html)
    staff.press(f"/signalements/{report}/again")
    assert report in waiting(staff)
    staff.press(f"/signalements/{report}/close", why="abusive")
    assert report in waiting(staff), "a second person closes it"
    school.staff("head").press(f"/signalements/{report}/close", why="abusive")
    staff.press(f"/signalements/{report}/verify", **{"to-verify": "no"})
    assert report not in waiting(staff)
    html = school.stranger().post(f"/s/{school.code}/thread?lang=fr", data={"receipt": receipt}).get_data(as_text=True)
    assert "abus" not in unescape(html).lower(), "whoever wrote isn't told why"


@pytest.mark.exhaustive
def test_two_at_once_are_told_that_somebody_was_faster(school: School) -> None:
    school.tell()
    staff, other = school.staff("team_coordinator"), school.staff("team_member")
    report = only(staff)
    other.press(f"/signalements/{report}/orient", orientation="content_online")
    answer = staff.press(f"/signalements/{report}/orient", 409, orientation="offence")
    assert "entre-temps" in unescape(answer.get_data(as_text=True))


def test_a_flood_is_one_line_that_is_closed_at_once_and_one_real_cry_stands_apart(school: School) -> None:
    """Only what the page knew of is closed: what came in between stays."""
    for number in range(FLOOD + 4):
        school.tell(**{"a-what_happens": f"{'ha' * (number + 2)}"})
    school.tell(**{"a-danger_now": "yes", "a-reach_how": "Salma 2AC", "a-to_whom": "me"})
    staff = school.staff("team_coordinator")
    html = staff.client.get("/signalements").get_data(as_text=True)
    crowd = re.findall(r'href="/signalements/(\w{26})/crowd"', html)
    assert len(crowd) == 1
    assert len(waiting(staff)) == 1
    staff.open(f"/signalements/{crowd[0]}/crowd")
    known = staff.client.get(f"/signalements/{crowd[0]}/crowd").get_data(as_text=True)
    ids = re.search(r'name="ids" value="([^"]+)"', known)
    assert ids is not None
    assert len(ids[1].split()) == FLOOD + 4
    school.tell(**{"a-what_happens": "hahaha"})
    refused = staff.press(f"/signalements/{crowd[0]}/crowd", ids=ids[1])
    assert refused.location.endswith("/crowd")
    staff.press(f"/signalements/{crowd[0]}/crowd", ids=ids[1], why="mistaken")
    left = staff.client.get("/signalements").get_data(as_text=True).partition("<main")[2].split("<details")[0]
    assert len(set(re.findall(r'href="/signalements/(\w{26})', left))) == 2, "the real one, and the one that came later"


# ---- the address, and what is printed ------------------------------------------------------------------------------


def test_the_head_makes_renews_and_ends_the_address(school: School) -> None:
    head = school.staff("head")
    assert "Il n’y en a pas encore" in head.open("/signalements/addresses").text
    head.press("/signalements/addresses", school="00000A", kind="staff", former="")
    html = head.client.get("/signalements/addresses").get_data(as_text=True)
    found = re.search(r'href="/s/(\w+)"', html)
    assert found is not None
    assert "<svg" in html
    assert school.stranger().get(f"/s/{found[1]}?lang=fr").status_code == 200
    assert "sans compte" in school.stranger().get(f"/s/{found[1]}?lang=fr").get_data(as_text=True)
    head.press("/signalements/addresses", school="00000A", kind="staff", former=found[1])
    assert school.stranger().get(f"/s/{found[1]}").status_code == 410
    second = re.search(r'href="/s/(\w+)"', head.client.get("/signalements/addresses").get_data(as_text=True))
    assert second is not None
    head.press("/signalements/addresses/end", school="00000A", code=second[1])
    assert school.stranger().get(f"/s/{second[1]}").status_code == 410
    assert "0500 11 22 33" in head.open("/signalements/addresses").text, "a number that nobody verified is named"


@pytest.mark.exhaustive
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_poster_leaflet_and_sheets_are_handed_out(school: School) -> None:
    from pdf.printed import pages, squeezed

    code = school.code
    head = school.staff("head")
    for language in ("fr", "ar"):
        for size, wide in (("A4", 595), ("A5", 420)):
            asked = f"/signalements/addresses/public/poster?school=00000A&size={size}&language={language}"
            data = head.client.get(asked).get_data()
            (page,) = pages(data)
            assert code in page
            assert "2511" in page
            assert "0500112233" not in page, "never verified: on no paper"
            with pikepdf.open(io.BytesIO(data)) as pdf:
                assert round(float(pdf.pages[0].mediabox[2])) == wide
        leaflet = head.client.get(f"/signalements/addresses/public/leaflet?school=00000A&language={language}")
        assert len(pages(leaflet.get_data())) == 2
    assert head.client.get("/signalements/addresses/public/poster?school=00000A&size=A3").status_code == 404
    assert head.client.get("/signalements/addresses/staff/poster?school=00000A").status_code == 404
    assert head.client.get("/signalements/addresses/public/poster?school=00000B").status_code == 404
    school.tell()
    staff = school.staff("team_coordinator")
    report = only(staff)
    rules = school.player.protocol.signalement
    assert rules is not None
    for key, sheet in rules.sheets.items():
        for language in ("fr", "ar"):
            answer = staff.client.get(f"/signalements/{report}/sheets/{key}?language={language}")
            (page,) = pages(answer.get_data())
            if language == "fr":
                assert squeezed(Wording("fr").text(sheet.title)) in page
    assert staff.client.get(f"/signalements/{report}/sheets/made-up").status_code == 404


@pytest.mark.exhaustive
def test_answers_typed_are_any(school: School) -> None:
    """What a machine may send: nothing of it breaks a page, or is taken for markup."""
    client, code = school.stranger(), school.code
    hostile: dict[str, Any] = {"a-what_happens": "\u202e<script>alert(1)</script>{{ 7*7 }}\x00" * 40}
    token = token_of(client.get(f"/s/{code}").get_data(as_text=True))
    answer = client.post(f"/s/{code}/sent?lang=fr", data={"token": token, **TOLD, **hostile})
    assert answer.status_code == 200
    staff = school.staff("team_member")
    html = staff.client.get(f"/signalements/{only(staff)}").get_data(as_text=True)
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html
    for odd in ("٠" * 17, "9" * 400, "' OR 1=1", "\x00"):
        assert client.post(f"/s/{code}/thread", data={"receipt": odd}).status_code == 422
