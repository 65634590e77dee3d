"""Words that are ready: shown where they are needed, in the right languages, and never over what somebody typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from repository.test_catalogues import stigma
from werkzeug.datastructures import MultiDict

from school_protocol.cases import desk_routes
from school_protocol.cases.story_player import Player
from school_protocol.cases.view_models import ActView, Choices
from school_protocol.config import Settings
from school_protocol.engine.definition import Protocol, Said, Words
from school_protocol.language import Wording
from school_protocol.ui.fields import Posted

from ..conftest import Accounts
from ..page import form_token, read_page
from .browser import SignIn

PANEL = re.compile(r'<details class="card words"( open)?><summary><h2>([^<]*)</h2>')
SPOKEN = "ary"


@pytest.fixture
def protocol(small: Protocol) -> Protocol:
    return small


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Of an installation without English."""
    return replace(settings, languages=("fr", "ar"))


@pytest.fixture
def case(player: Player) -> str:
    """A case in which a danger stands."""
    answers = {"what": "Une montre", "kind": "other", "whose": [{"slot": "owner", "name": "Amal"}]}
    number = player.play([{"as": "warden", "do": "write_slip", "answers": answers}])[-1].number
    player.play([{"as": "warden", "do": "ring", "answers": {"which": "blade"}}])
    return number


def html_of(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    read_page(answer)
    return answer.get_data(as_text=True)


def tagged(html: str, language: str, direction: str) -> str:
    """Everything that the page says in that language."""
    found = re.findall(rf'<(ul|p)[^>]* lang="{language}" dir="{direction}">(.*?)</\1>', html, re.DOTALL)
    return unescape("\n".join(inner for _tag, inner in found))


def sentences(one: Words) -> Iterator[Said]:
    yield from (*one.say, *one.never, *((one.text,) if one.text else ()))


# ---- where they are shown ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_an_act_shows_its_words_and_one_without_shows_none(protocol: Protocol, sign_in: SignIn, case: str) -> None:
    client, shown = sign_in("warden"), {}
    for act in protocol.acts.values():
        answer = client.get(f"/cases/{case}/acts/{act.key}")
        if answer.status_code != 200:
            continue
        html = unescape(answer.get_data(as_text=True))
        shown[act.key] = bool(PANEL.search(html))
        assert shown[act.key] == bool(protocol.words_for(act.key)), act.key
        for one in protocol.words_for(act.key):
            assert all(Wording("fr").text(text) in html for text in sentences(one))
            assert all(text.root[SPOKEN] in html for text in sentences(one) if SPOKEN in text.root)
    assert shown["meet"]
    assert shown["post"]
    assert not shown["weigh"]
    assert not shown["tell_home"]


def test_the_first_minutes_begin_with_the_words_of_the_danger(protocol: Protocol, sign_in: SignIn, case: str) -> None:
    html = unescape(html_of(sign_in("warden"), f"/cases/{case}/first-minutes"))
    titles = [(bool(is_open), title) for is_open, title in PANEL.findall(html)]
    asked = protocol.words["blade_words"], protocol.words["kind_words"]
    assert titles == [(not place, Wording("fr").text(one.title)) for place, one in enumerate(asked)]
    assert [one.key for one in protocol.words_of_first_minutes(["fight"])] == ["kind_words"], "not of another danger"
    assert html.index('class="firsts"') < html.index('class="card words"')


def test_every_act_with_words_of_the_moroccan_protocol_is_one_that_people_open(moroccan: Protocol) -> None:
    for one in moroccan.words.values():
        assert one.acts or one.dangers or one.first_minutes, f"{one.key} is shown nowhere but on the page of all words"
        assert all(moroccan.acts[act].in_ != ("START",) for act in one.acts)


# ---- languages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "others"), [("fr", ["ar-MA"]), ("ar", ["fr"])])
def test_each_language_is_marked_and_the_readers_own_comes_first(
    language: str, others: list[str], protocol: Protocol, sign_in: SignIn, case: str
) -> None:
    html = html_of(sign_in("warden", language), f"/cases/{case}/acts/meet")
    panel = html[PANEL.search(html).start() : html.index('<form class="card"')]  # type: ignore[union-attr]
    marks = list(dict.fromkeys(re.findall(r'<(?:ul|p)[^>]* lang="([^"]+)" dir="(ltr|rtl)">', panel)))
    own = Wording(language)
    directions = {"ar-MA": "rtl", "fr": "ltr"}
    assert marks == [
        (own.html_language, own.direction), (SPOKEN, "rtl"), *((other, directions[other]) for other in others)
    ]  # fmt: skip
    one = protocol.words["kind_words"]
    assert one.say[0].root[SPOKEN] in tagged(panel, SPOKEN, "rtl")
    assert one.say[1].root["ar"] not in tagged(panel, SPOKEN, "rtl"), "what is not written in it is not said in another"
    assert one.say[1].root["ar"] in tagged(panel, "ar-MA", "rtl")
    folded = panel.index('<details class="tongue">')
    assert folded > panel.index(f'lang="{SPOKEN}"')
    assert one.say[0].root["en"] not in panel, "English is not a language of this installation"


def test_each_sentence_is_selected_whole() -> None:
    style = (Path(desk_routes.__file__).parents[1] / "web" / "static" / "school.css").read_text("utf-8")
    assert re.search(r"\.ready\{user-select:all;", style)


def test_what_never_to_say_is_not_made_ready_to_copy(sign_in: SignIn, protocol: Protocol) -> None:
    html = unescape(html_of(sign_in("warden"), "/words?whole=1"))
    ready = "\n".join(re.findall(r'class="ready[^>]*>(.*?)</', html, re.DOTALL))
    one = protocol.words["kind_words"]
    assert one.say[0].root["fr"] in ready
    assert "Tu aurais dû" in html
    assert "Tu aurais dû" not in ready


# ---- the page of them all ------------------------------------------------------------------------------------------


def test_all_words_stand_on_one_page_by_audience(sign_in: SignIn, protocol: Protocol) -> None:
    html = unescape(html_of(sign_in("mediator"), "/words?whole=1"))
    for one in protocol.words.values():
        for text in (*sentences(one), *one.fills.values()):
            assert Wording("fr").text(text) in html
    places = [html.index(f'<h2 id="{audience}-1"') for audience in protocol.audiences]
    assert places == sorted(places)
    assert "<details" not in html.partition("<main")[2], "a fold would be missing on paper"
    folded = unescape(html_of(sign_in("mediator"), "/words"))
    assert folded.count('<details class="fold">') == len(protocol.words)
    assert 'href="/words?whole=1"' in folded


def test_a_stranger_to_the_definition_finds_none_and_nobody_sees_it_signed_out(
    app: Flask, sign_in: SignIn, people: Accounts, player: Player
) -> None:
    client = sign_in("mediator")
    cookie = client.get_cookie("session")
    assert cookie is not None
    people.live[cookie.value] = replace(player.actor("mediator"), appointments=())
    assert 'class="ready' not in html_of(client, "/words")
    assert app.test_client().get("/words").status_code in (302, 303)


@pytest.mark.exhaustive
def test_the_desk_and_the_case_lead_there(sign_in: SignIn, case: str) -> None:
    client = sign_in("warden")
    for address in ("/", f"/cases/{case}/write"):
        assert 'href="/words"' in html_of(client, address)


# ---- beginning a form from them ------------------------------------------------------------------------------------


def typed(html: str, name: str = "a-words") -> str:
    found = re.search(rf'<textarea[^>]* name="{name}"[^>]*>(.*?)</textarea>', html, re.DOTALL)
    assert found is not None
    return unescape(found[1]).strip()


@pytest.mark.exhaustive
def test_an_address_fills_an_empty_form_in_the_readers_language(protocol: Protocol, sign_in: SignIn, case: str) -> None:
    at = f"/cases/{case}/acts/post"
    text = protocol.words["note_start"].fills["words"]
    assert typed(html_of(sign_in("warden"), at)) == ""
    for language in ("fr", "ar"):
        assert typed(html_of(sign_in("warden", language), f"{at}?words=note_start")) == Wording(language).text(text)
    for other in ("kind_words", "nothing", ""):
        assert typed(html_of(sign_in("warden"), f"{at}?words={other}")) == "", "these fill in nothing here"


def test_the_button_sends_what_is_typed_along_and_fills_only_what_is_empty(
    protocol: Protocol, sign_in: SignIn, case: str
) -> None:
    client, at = sign_in("warden"), f"/cases/{case}/acts/post"
    opened = client.get(at)
    html = opened.get_data(as_text=True)
    button = re.search(r'<button[^>]* name="more" value="" formaction="([^"]+)">', html)
    assert button is not None
    assert button[1] == "?words=note_start"
    assert html.index('class="vh" tabindex="-1"', html.index('<form class="card"')) < button.start(), "Enter records"
    sent = MultiDict({"csrf_token": form_token(opened), "more": "", "a-to": "gendarmes"})
    for said, expected in (
        ("Déjà écrit.", "Déjà écrit."),
        ("  ", Wording("fr").text(protocol.words["note_start"].fills["words"])),
    ):
        answer = client.post(f"{at}{button[1]}", data=MultiDict({**sent, "a-words": said}))
        assert answer.status_code == 200
        shown = answer.get_data(as_text=True)
        assert typed(shown) == expected
        assert re.search(r'value="gendarmes"[^>]* checked', shown), "what was chosen stays"


def test_what_is_recorded_is_never_filled_in_unseen(app: Flask, protocol: Protocol, sign_in: SignIn) -> None:
    act = protocol.acts["post"]
    view = ActView(protocol, act, protocol.form_of(act), None, Choices())
    sent = Posted({"a-words": ""})
    with app.test_request_context("/x?words=note_start", method="POST", data={"a-words": ""}):
        assert desk_routes.topped(view, sent) is sent
        assert desk_routes.begun(view).prefill == {}
    with app.test_request_context("/x?words=note_start"):
        assert desk_routes.topped(view, None) is None
        assert desk_routes.topped(view, Posted({"a-words": "Brouillon"}))["a-words"] == "Brouillon"  # type: ignore[index]
        assert desk_routes.topped(view, sent)["a-words"]  # type: ignore[index]
        assert sent["a-words"] == "", "what was typed is left as it was"


# ---- what the Moroccan words say -----------------------------------------------------------------------------------


def test_what_is_spoken_labels_nobody(moroccan: Protocol) -> None:
    found = [text.root[SPOKEN] for one in moroccan.words.values() for text in sentences(one) if SPOKEN in text.root]
    assert len(found) > 90
    assert not [said for said in found if stigma("ar", said)]


def test_whatever_is_said_to_people_is_said_in_the_language_that_they_speak(moroccan: Protocol) -> None:
    """Sentences, notices and messages; what staff read among themselves needs none."""
    silent = {one.key for one in moroccan.words.values() for text in sentences(one) if SPOKEN not in text.root}
    assert all(moroccan.words[key].for_ == list(moroccan.audiences)[-1] for key in silent)


def test_no_number_to_call_stands_in_the_words(moroccan: Protocol) -> None:
    """Numbers are living data: an old definition would show a dead one."""
    for one in moroccan.words.values():
        for text in (*sentences(one), *one.fills.values(), *((one.hint,) if one.hint else ())):
            for said in text.root.values():
                assert not re.search(r"\d{3,}|\+212", said.replace("09-08", "")), said


def test_a_child_is_never_promised_secrecy_and_is_told_before_the_parents(moroccan: Protocol) -> None:
    told = [
        one
        for one in moroccan.words.values()
        if any("avant de" in said.root["fr"] and "tes parents" in said.root["fr"] for said in one.say)
    ]
    assert {"first_words", "listening", "despair", "intimate", "without_blame"} <= {one.key for one in told}
    first = moroccan.words["first_words"]
    assert any("secret" in said.root["fr"] and "danger" in said.root["fr"] for said in first.say)
    for one in moroccan.words.values():
        assert not [said.root["fr"] for said in one.say if re.search(r"\bpourquoi\b[^»]*\?", said.root["fr"], re.I)], (
            one.key
        )
        assert not [said.root["fr"] for said in one.say if "promets" in said.root["fr"]], one.key
