"""Pages of many cases at once, of a draft's preview, and of a new protocol: who, once, two at once, meanwhile."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from domain.telling import MOROCCAN, NOW, SMALL
from flask import Flask
from flask.testing import FlaskClient
from services.administering import HOLDS, Desk, desk_of
from versions import next_version, published
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.definitions import read
from school_protocol.domain.protocol import Protocol
from school_protocol.services.protocols import examining, passages, publishing
from school_protocol.services.scripts import throwaway
from school_protocol.services.showing import see_case
from school_protocol.web import create_app
from tests.web.page import read_page
from tests.web.test_moving import DATA, KEY, SECOND, SECRET, Site, edited, told
from tests.web.test_protocols import FIRST, Person

WHO, OTHER = "protocol_admin", "protocol_admin/2"
PAIR = f"/protocols/{KEY}/1/2"
THIRD = next_version(DATA, 3, edited)


@pytest.fixture
def site(moroccan: Protocol) -> Iterator[Site]:
    """Nine open cases: with seven of them the second version needs a decision."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        made = Site(player, [])
        for number in range(9):
            made.report(checked=number < 7)
        published(player.house, SECOND)
        yield made


@pytest.fixture
def admin(site: Site) -> FlaskClient:
    return site.browser(WHO)


def go_on(site: Site) -> None:
    while passages.go_through(site.player.house):
        pass


def hidden(client: FlaskClient, address: str, action: str = "") -> MultiDict[str, str]:
    """The hidden fields of the form that leads to `action`."""
    source = client.get(address).get_data(as_text=True)
    forms = [one for one in re.findall(r"<form.*?</form>", source, re.S) if f'action="{action or address}"' in one]
    assert forms, (address, action)
    return MultiDict(
        (re.search(r'name="([^"]+)"', tag)[1], html.unescape(re.search(r'value="([^"]*)"', tag)[1]))  # type: ignore[index]
        for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", forms[0])
    )


def press(client: FlaskClient, page: str, action: str, **data: str) -> TestResponse:
    return client.post(action, data=MultiDict([*hidden(client, page, action).items(multi=True), *data.items()]))


def looked(site: Site, client: FlaskClient) -> str:
    """The address of a look that is done."""
    answer = press(client, f"{PAIR}/cases", f"{PAIR}/look")
    assert answer.status_code == 303
    go_on(site)
    return str(answer.headers["Location"])


def moving(client: FlaskClient, look: str, **data: str) -> str:
    answer = press(client, look, f"{look}/move", **{"reason": "Nouvelle version", **data})
    assert answer.status_code == 303, told(answer)
    return str(answer.headers["Location"])


def versions(site: Site) -> list[int]:
    """Which version each case follows."""
    house, head = site.player.house, site.player.actor("head")
    return [see_case(house, head, number).head.protocol.version for number in site.numbers]


# ---- the way -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(only=("en-said0",))
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["2 cases follow the new version", "7 cases need a decision", "(in 7 cases)", "It is done"]),
        ("fr", ["C’est terminé", "2 dossiers suivent la nouvelle version", "7 dossiers demandent une décision"]),
        ("ar", ["انتهى", "ملفان يتبعان النسخة الجديدة", "7 ملفات يلزم فيها قرار"]),
    ],
)
def test_all_are_looked_at_then_moved_and_the_page_says_how_far_it_is(
    site: Site, language: str, said: list[str]
) -> None:
    client = site.browser(WHO, language)
    move = moving(client, looked(site, client))
    waiting = client.get(move)
    assert '<progress id="how-far" value="0" max="9">' in waiting.get_data(as_text=True)
    read_page(waiting)
    go_on(site)
    done = client.get(move)
    read_page(done)
    assert "<progress" not in done.get_data(as_text=True)
    for words in said:
        assert words in told(done), words
    assert sorted(versions(site)) == [1] * 7 + [2] * 2


@pytest.mark.exhaustive
def test_how_far_it_is_is_read_anew_each_time_and_without_a_script(
    site: Site, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "SLICE", 4)
    move = moving(admin, looked(site, admin), accepts="answer_gone")
    for gone in (0, 4, 8):
        page = admin.get(move)
        assert f"{gone} of 9 cases" in told(page)
        assert f'value="{gone}" max="9"' in page.get_data(as_text=True)
        assert f'href="{move}"' in page.get_data(as_text=True), "a plain link looks again"
        assert "http-equiv" not in page.get_data(as_text=True)
        assert "Open cases of this version are being moved" in told(admin.get(f"{PAIR}/cases"))
        passages.go_through(site.player.house)
    go_on(site)
    assert "9 cases follow the new version" in told(admin.get(move))
    assert versions(site) == [2] * 9


@pytest.mark.exhaustive
def test_a_decision_is_made_by_reason(site: Site, admin: FlaskClient) -> None:
    look = looked(site, admin)
    page = admin.get(look).get_data(as_text=True)
    assert re.findall(r'name="accepts" value="([^"]+)"', page) == ["answer_gone"]
    moving(admin, look, accepts="answer_gone")
    go_on(site)
    assert versions(site) == [2] * 9


@pytest.mark.exhaustive
def test_no_page_says_what_a_case_holds(site: Site, admin: FlaskClient) -> None:
    look = looked(site, admin)
    move = moving(admin, look, reason="Nommer personne")
    go_on(site)
    for address in (look, move, f"{PAIR}/cases"):
        page = told(admin.get(address))
        for words in (SECRET, "Yasmine", "Nommer personne"):
            assert words not in page
    for address in (look, move):
        page = admin.get(address).get_data(as_text=True)
        assert not any(number in page for number in site.numbers), "no case is named where all are meant"


def test_it_is_stopped_and_says_by_whom(site: Site, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "SLICE", 1)
    move = moving(admin, looked(site, admin), accepts="answer_gone")
    passages.go_through(site.player.house)
    second = site.browser(OTHER)
    answer = press(second, move, f"{move}/stop")
    assert answer.status_code == 303
    page = told(second.get(move))
    assert "Stopped. What has moved stays moved." in page
    assert re.search(r"Stopped by \S", page)
    assert "1 of 9 cases" in page
    go_on(site)
    assert sorted(versions(site)) == [1] * 8 + [2]
    again = admin.post(f"{move}/stop", data=hidden(admin, f"{PAIR}/cases", f"{PAIR}/look"))
    assert again.status_code == 303
    assert "It had come to its end before." in told(admin.get(move))


@pytest.mark.exhaustive
def test_a_worker_that_was_killed_is_made_up_for(
    site: Site, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = moving(admin, looked(site, admin), accepts="answer_gone")
    real, left = passages.follow, [4]

    def dies(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(passages, "follow", dies)
    with pytest.raises(KeyboardInterrupt):
        passages.go_through(site.player.house)
    monkeypatch.undo()
    assert "4 of 9 cases" in told(admin.get(move)), "the page says what was kept"
    site.player.clock.advance(passages.LEASE * 2)
    go_on(site)
    page = told(site.browser(WHO).get(move))
    assert "9 cases follow the new version" in page
    assert versions(site) == [2] * 9


# ---- who, how often ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "team_member", "academy", "technical_admin"])
def test_nobody_else_finds_these_pages(site: Site, admin: FlaskClient, who: str) -> None:
    look = looked(site, admin)
    draft = publishing.upload(site.player.house, site.player.actor(WHO), THIRD, "3.yaml")
    client = site.browser(who)
    token = hidden(client, "/", "/language")
    for address in (f"{PAIR}/look", f"{look}/move", f"{look}/stop", f"/protocols/drafts/{draft}/cases"):
        assert client.post(address, data={**token, "reason": "x"}).status_code == 404, address
    for address in (look, f"/protocols/drafts/{draft}"):
        assert client.get(address).status_code == 404, address
    assert admin.get(look).status_code == 200, "the control"
    go_on(site)
    assert versions(site) == [1] * 9


@pytest.mark.exhaustive
def test_nobody_signed_in_is_asked_who_they_are(site: Site, admin: FlaskClient) -> None:
    look = looked(site, admin)
    stranger = create_app(site.player.house, testing=True).test_client()
    assert stranger.get(look).status_code == 302
    assert "/sign-in" in stranger.get(look).headers["Location"]


def test_pressed_twice_it_is_one_passage(site: Site, admin: FlaskClient) -> None:
    look = looked(site, admin)
    sent = hidden(admin, look, f"{look}/move")
    sent["reason"] = "Nouvelle version"
    first, second = (admin.post(f"{look}/move", data=sent) for _time in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert "This was begun already: nothing is done twice." in told(admin.get(second.headers["Location"]))
    sent["reason"] = "Une autre raison"
    third = admin.post(f"{look}/move", data=sent)
    assert third.status_code == 409
    assert "This page was sent before, with something else in it." in told(third)
    fresh = hidden(admin, f"{PAIR}/cases", f"{PAIR}/look")
    assert admin.post(f"{PAIR}/look", data=fresh).headers["Location"] != first.headers["Location"]


def test_of_two_administrators_one_is_told(site: Site, admin: FlaskClient) -> None:
    look = looked(site, admin)
    second = site.browser(OTHER)
    sent = hidden(second, look, f"{look}/move")
    move = moving(admin, look)
    answer = second.post(f"{look}/move", data={**sent, "reason": "Moi aussi", "accepts": "answer_gone"})
    assert answer.status_code == 409
    page = told(answer)
    assert re.search(r"Cases of this protocol are being moved already: .+ began it\.", page)
    assert f'href="{move}"' in answer.get_data(as_text=True)
    assert 'value="Moi aussi"' in answer.get_data(as_text=True), "what was typed is still there"
    assert 'value="answer_gone" aria-describedby="accepts-hint" checked' in answer.get_data(as_text=True)
    go_on(site)
    assert sorted(versions(site)) == [1] * 7 + [2] * 2
    done = second.post(f"{look}/move", data={**sent, "reason": "Moi aussi", "accepts": "answer_gone"})
    assert done.status_code == 303, "the control: once the first is done, a refused form goes through"


@pytest.mark.exhaustive
def test_without_a_reason_nothing_begins(site: Site, admin: FlaskClient) -> None:
    look = looked(site, admin)
    answer = press(admin, look, f"{look}/move", accepts="answer_gone")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "An answer is needed here." in told(answer)
    assert 'aria-describedby="accepts-hint" checked' in page
    read_page(answer)
    go_on(site)
    assert versions(site) == [1] * 9


def test_what_is_not_there_is_not_found(site: Site, admin: FlaskClient) -> None:
    token = hidden(admin, f"{PAIR}/cases", f"{PAIR}/look")
    assert admin.get("/protocols/passages/nothing").status_code == 404
    for address in (
        "/protocols/passages/nothing/move", "/protocols/passages/nothing/stop", "/protocols/drafts/nothing/cases",
        f"/protocols/{KEY}/2/1/look", f"/protocols/{KEY}/1/9/look", f"/protocols/{KEY}/1/{10**12}/look",
        "/protocols/another/1/2/look",
    ):  # fmt: skip
        assert admin.post(address, data=token).status_code == 404, address


# ---- a draft's preview -----------------------------------------------------------------------------------------------


def drafted(site: Site, content: bytes = THIRD) -> str:
    draft = publishing.upload(site.player.house, site.player.actor(WHO), content, "3.yaml")
    publishing.work_out(site.player.house, lambda _content, _before: REPORT)
    return f"/protocols/drafts/{draft}"


REPORT: examining.Report = {"proof": examining.proof_out(HOLDS), "stories": []}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["9 open cases follow version 1.", "Some cases can follow", "Some cases need a decision"]),
        ("fr", ["9 dossiers ouverts suivent la version 1.", "Quelques dossiers peuvent suivre"]),
        ("ar", ["9 ملفات مفتوحة تتبع النسخة 1.", "بعض الملفات يلزم فيها قرار"]),
    ],
)  # fmt: skip
def test_before_it_is_published_a_draft_says_what_becomes_of_the_cases(
    site: Site, language: str, said: list[str]
) -> None:
    client = site.browser(WHO, language)
    draft = drafted(site)
    waiting = client.get(draft)
    read_page(waiting)
    assert "<progress" in waiting.get_data(as_text=True)
    go_on(site)
    page = client.get(draft)
    read_page(page)
    for words in said:
        assert words in told(page), words
    for words in (SECRET, "Yasmine"):
        assert words not in told(page)
    assert not any(number in page.get_data(as_text=True) for number in site.numbers)


@pytest.mark.exhaustive
def test_cases_in_two_versions_have_a_line_each(site: Site, admin: FlaskClient) -> None:
    for _number in range(5):
        site.report(checked=False)
    draft = drafted(site)
    go_on(site)
    page = told(admin.get(draft))
    assert "9 open cases follow version 1." in page
    assert "5 open cases follow version 2. 5 cases can follow" in page


@pytest.mark.exhaustive
def test_a_draft_with_faults_shows_no_case(site: Site, admin: FlaskClient) -> None:
    draft = drafted(site, THIRD.replace(b"format:", b"fromat:"))
    go_on(site)
    page = admin.get(draft)
    assert "open-cases" not in page.get_data(as_text=True)
    token = hidden(admin, draft, f"{draft}/withdraw")
    answer = admin.post(f"{draft}/cases", data=token)
    assert answer.status_code == 409


@pytest.mark.exhaustive
def test_it_is_counted_again_once_for_two_who_ask(site: Site, admin: FlaskClient) -> None:
    draft = drafted(site)
    go_on(site)
    site.report(checked=False)
    site.player.clock.advance(passages.LEASE)
    second = site.browser(OTHER)
    sent = hidden(second, draft, f"{draft}/cases")
    assert press(admin, draft, f"{draft}/cases").status_code == 303
    answer = second.post(f"{draft}/cases", data=sent)
    assert answer.status_code == 409
    assert "The open cases are being counted already." in told(answer)
    go_on(site)
    assert "One open case follows version 2." in told(admin.get(draft))


@pytest.mark.exhaustive
def test_a_draft_that_changes_meanwhile_is_counted_anew(site: Site, admin: FlaskClient) -> None:
    """Another version is published while it waits; then it is compared with that one, and counted anew."""
    fourth = next_version(DATA, 4, edited)
    draft = drafted(site, fourth)
    go_on(site)
    assert "9 open cases follow version 1." in told(admin.get(draft))
    published(site.player.house, THIRD)
    for _number in range(5):
        site.report(checked=False)
    assert press(admin, draft, f"{draft}/again").status_code == 303
    assert "Being counted" in told(admin.get(draft)), "what was counted before is shown no more"
    go_on(site)
    assert "5 open cases follow version 3." in told(admin.get(draft))


@pytest.mark.exhaustive
def test_a_draft_that_was_withdrawn_meanwhile_is_counted_no_more(site: Site, admin: FlaskClient) -> None:
    draft = drafted(site)
    go_on(site)
    sent = hidden(admin, draft, f"{draft}/cases")
    publishing.withdraw(site.player.house, site.player.actor(WHO), draft.rpartition("/")[2])
    answer = admin.post(f"{draft}/cases", data=sent)
    assert answer.status_code == 409
    assert "It is settled already" in told(answer)
    assert "open-cases" not in admin.get(draft).get_data(as_text=True)


@pytest.mark.exhaustive
def test_once_it_is_published_its_page_leads_to_the_cases_of_each_version(site: Site, admin: FlaskClient) -> None:
    for _number in range(2):
        site.report(checked=False)
    draft = drafted(site)
    press(admin, draft, f"{draft}/propose")
    second = site.browser(OTHER)
    answer = press(second, draft, f"{draft}/agree", digest=read(THIRD, "x").digest)
    assert answer.status_code == 303
    page = admin.get(draft).get_data(as_text=True)
    for old in (1, 2):
        address = f"/protocols/{KEY}/{old}/3/cases"
        assert f'href="{address}"' in page
        assert admin.get(address).status_code == 200


# ---- a protocol that is new ------------------------------------------------------------------------------------------

NEW = SMALL.read_bytes().replace(b"protocol: lost-things\n", b"protocol: zebra-things\n")
TAKING = SMALL.read_bytes().replace(b"protocol: lost-things\n", b"protocol: able-things\n")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desk_of(FIRST) as made:
        yield made


@pytest.fixture
def app(desk: Desk) -> Flask:
    return create_app(desk.house, testing=True)


def person(app: Flask, desk: Desk, name: str = "first", language: str = "en") -> Person:
    return Person(app, desk, desk.administrator(name).id, language)


@pytest.mark.exhaustive(but=("ar-said2",))
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["A new protocol", "none is in force that it could be compared with", "there is nothing to play"]),
        ("fr", ["Un nouveau protocole", "aucune n’est en vigueur", "il n’y a rien à jouer"]),
        ("ar", ["بروتوكول جديد", "لا توجد نسخة معمول بها", "لا شيء لتجريبه"]),
    ],
)
def test_a_first_version_goes_from_a_file_to_the_cases(app: Flask, desk: Desk, language: str, said: list[str]) -> None:
    first, second = person(app, desk, "first", language), person(app, desk, "second", "en")
    draft = first.uploaded(NEW)
    desk.work_out()
    page = first.get(draft)
    read_page(page)
    for words in said:
        assert words in told(page), words
    assert first.post(f"{draft}/propose", draft).status_code == 303
    assert first.post(f"{draft}/agree", draft, digest=read(NEW, "x").digest).status_code == 409
    assert second.post(f"{draft}/agree", draft, digest=read(NEW, "x").digest).status_code == 303
    page = second.read("/protocols")
    assert "Whoever holds one of its roles opens cases under it from now on." in page
    assert [(one.protocol, one.version) for one in desk.house.library.current()] == [
        ("lost-things", 1), ("zebra-things", 1),
    ]  # fmt: skip
    assert second.post(f"{draft}/agree", draft, digest=read(NEW, "x").digest).status_code == 409, "pressed twice"
    again = second.get(draft)
    read_page(again)
    assert "A new protocol" in told(again)


@pytest.mark.exhaustive
def test_nobody_else_uploads_a_protocol(app: Flask, desk: Desk) -> None:
    warden = Person(app, desk, desk.person("a warden", "warden").id)
    token = hidden(warden.client, "/", "/language")
    assert warden.client.post("/protocols/upload", data=token).status_code == 404
    assert person(app, desk).upload(NEW).status_code == 303


def test_a_protocol_that_would_take_reports_away_says_so(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(TAKING)
    desk.work_out()
    assert "would report under this one from then on" in first.read(draft)
    assert first.post(f"{draft}/propose", draft).status_code == 409


@pytest.mark.exhaustive
def test_who_could_do_something_by_it_is_said(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(NEW)
    page = first.read(draft)
    assert "Reports under “ Lost things and mediation ” already" in re.sub(r"[\u2068\u2069]", "", page)


def test_stored_cases_are_held_against_their_own_stories(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(NEW)
    lines = [
        {"story": "a", "title": "A", "steps": 3},
        {"story": "b", "title": "B", "steps": 3, "step": 2, "as": "surv", "do": "ring", "how": "taken"},
        {
            "story": "c",
            "title": "C",
            "steps": 3,
            "step": 2,
            "as": "surv",
            "do": "ring",
            "how": "problems",
            "fields": [],
        },
        {"story": "d", "title": "D", "steps": 3, "step": 1, "as": "surv", "do": "ring", "how": "refused", "needs": []},
    ]
    publishing.work_out(desk.house, lambda _content, _before: {**REPORT, "stories": lines})
    page = first.read(draft)
    for words in (
        "As its story says, in all 3 steps.", "Its story says that it is refused, and it goes through.",
        "Its form takes other answers.", "It is refused.", "each is compared with what its own story says",
    ):  # fmt: skip
        assert words in page, words
    assert "before" not in page.partition("Stored cases, played on it")[2].partition("This draft")[0]


def test_the_control_a_further_version_is_compared(app: Flask, desk: Desk) -> None:
    first = person(app, desk)
    draft = first.uploaded(FIRST.replace(b"version: 1\n", b"version: 2\n"))
    lines = [{"story": "a", "title": "A", "steps": 3}]
    publishing.work_out(desk.house, lambda _content, _before: {**REPORT, "stories": lines})
    page = first.read(draft)
    assert "A new protocol" not in page
    assert "Against version 1, under which cases open now." in page
    assert "As before, in all 3 steps." in page
