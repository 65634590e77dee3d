"""A name typed into a long text: the form comes back once with a sign in its place; one press on either way saves."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from engine.telling import NOW, REPORT, SAFE
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.cases.form_pages import LOOKED_MOST
from school_protocol.cases.intake import open_case
from school_protocol.cases.loading import load
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import Player
from school_protocol.engine.answers import LONG_MOST
from school_protocol.engine.events import Recorded, StepTaken
from school_protocol.web import create_app

from ..filled import filled
from ..page import Page

NAME, OTHER = "Yasmine Benali", "إلياس القادري"
TYPED = "Yasmine va mieux.\r\nRevoir demain."
TOKENS, WRITTEN = {"naming": "tokens"}, {"naming": "written"}


class Browser:
    """A signed-in browser: it opens a page, fills in its form, presses one of its buttons."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.html = self.at = ""
        self.form: MultiDict[str, str] = MultiDict()

    def open(self, path: str) -> Page:
        return self._read(self.client.get(path), 200)

    def type(self, **typed: Any) -> None:
        for name, value in typed.items():
            self.form.setlist(f"a-{name}", [value])

    def press(self, status: int, button: dict[str, str] | None = None) -> Page | None:
        response = self.client.post(self.at, data=MultiDict([*self.form.items(multi=True), *(button or {}).items()]))
        assert response.status_code == status, response.get_data(as_text=True)
        return None if status == 303 else self._read(response, status)

    def _read(self, response: Any, status: int) -> Page:
        assert response.status_code == status, response.get_data(as_text=True)
        self.html, self.at = response.get_data(as_text=True), response.request.path
        page = Page(self.html)
        assert [found for found in page.criticise() if (found, page.lang) != ("None", "en")] == []
        self.form = filled(self.html, self.at) or filled(self.html)
        return page

    @property
    def buttons(self) -> list[str]:
        """The two ways on that are seen, in their order."""
        return re.findall(r'<button type="submit" class="btn[^"]*" name="naming" value="(\w+)"', self.html)

    @property
    def on_enter(self) -> str:
        """What a form's first button sends: that is what the Enter key presses."""
        form = self.html[self.html.index('class="card" method="post"') :]
        return re.findall(r"<button [^>]*>", form)[0]


class Site:
    def __init__(self, player: Player) -> None:
        self.player, self.ctx = player, player.ctx
        self.app = create_app(self.ctx)
        self.app.config["TESTING"] = True
        self.tokens = count(1)
        self.number = self.report()

    def report(self) -> str:
        people = [{"slot": "targeted_pupil", "name": NAME}, {"slot": "pupil_concerned", "name": OTHER}]
        answers = {**REPORT, "about_whom": people}
        return open_case(self.ctx, self.player.actor("team_member"), "report", answers, token=self.token()).number

    def token(self) -> str:
        return f"token {next(self.tokens)}"

    def act(self, who: str, act: str, **answers: Any) -> int:
        actor, token = self.player.actor(who), self.token()
        return record_act(self.ctx, actor, self.number, act, answers, expected=None, token=token, proven=True).seq

    def browser(self, who: str, language: str = "fr") -> Browser:
        account = self.player.actor(who).id
        with self.ctx.directory.writing() as session:
            auth_repository.set_language(session, account, language)
            token = sign_in_repository.open_web_session(session, account, now=self.ctx.now())
        client = self.app.test_client()
        client.set_cookie("session", token)
        return Browser(client)

    def recorded(self, act: str, who: str = "team_coordinator") -> list[Recorded]:
        with self.ctx.realm.reading() as session:
            events = load(self.ctx, session, self.player.actor(who), self.number).events
        return [event for event in events if isinstance(event, Recorded) and event.act == act]

    def notes(self) -> list[str]:
        return [str(event.answers["text"]) for event in self.recorded("note")]


@pytest.fixture
def start() -> datetime:
    return NOW


@pytest.fixture
def site(player: Player) -> Site:
    return Site(player)


def named(site: Site, who: str = "head", language: str = "fr", typed: str = TYPED) -> Browser:
    """Somebody who has written a note in which a pupil is named, and pressed Record."""
    found = site.browser(who, language)
    found.open(f"/cases/{site.number}/acts/note")
    found.type(text=typed)
    found.press(422)
    return found


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_form_comes_back_with_the_text_as_it_would_read(site: Site, language: str) -> None:
    head = named(site, language=language)
    page = Page(head.html)
    assert page.dir == ("rtl" if language == "ar" else "ltr")
    assert site.notes() == []
    assert head.form["a-text"] == TYPED
    assert "[EV1] va mieux." in page.text
    assert page.text.count("Yasmine") >= 2
    assert head.buttons == ["tokens", "written"]
    assert 'name="naming" value="tokens"' in head.on_enter
    assert 'id="a-text-named"' in head.html
    assert re.search(r'<textarea id="a-text"[^>]*aria-describedby="[^"]*a-text-named', head.html)


@pytest.mark.exhaustive
def test_one_press_puts_the_sign_and_saves_and_a_second_press_records_nothing(site: Site) -> None:
    head = named(site)
    head.press(303, TOKENS)
    assert site.notes() == ["[EV1] va mieux.\nRevoir demain."]
    head.press(303, TOKENS)
    assert len(site.notes()) == 1


def test_going_back_for_the_other_button_records_nothing_twice(site: Site) -> None:
    head = named(site)
    head.press(303, TOKENS)
    head.press(409, WRITTEN)
    assert len(site.notes()) == 1


@pytest.mark.exhaustive
def test_other_words_are_looked_at_again_the_same_names_are_not(site: Site) -> None:
    head = named(site)
    head.type(text=f"{TYPED} إلياس aussi.")
    page = head.press(422, WRITTEN)
    assert page is not None
    assert "[EC1]" in page.text
    head.type(text=f"{TYPED} إلياس aussi, corrigé.")
    head.press(303, WRITTEN)
    assert site.notes() == [f"{TYPED} إلياس aussi, corrigé.".replace("\r", "")]


@pytest.mark.exhaustive
def test_a_sign_is_shown_with_its_name_to_whoever_may_read_it(site: Site) -> None:
    done = site.act("head", "nameless_summary", summary="[EV1] va mieux, [ZZ9] non.", names_nobody="true")
    for who, said in (("head", f"[EV1 · {NAME}]"), ("directorate", "[EV1]")):
        reader = site.browser(who, "ar")
        reader.open(f"/cases/{site.number}/entries/{done}")
        assert f"<bdi>{said}</bdi> va mieux, [ZZ9] non." in reader.html
        reader.open(f"/cases/{site.number}/chronology")
        assert f"<bdi>{said}</bdi> va mieux" in reader.html


@pytest.mark.exhaustive
def test_a_report_names_people_on_the_same_page(site: Site) -> None:
    member = site.browser("team_member")
    member.open("/reports/new")
    answers = {"what_happened": "Imane pleure.", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
    member.type(**answers, **{"about_whom-new-0-name": "Imane Lahlou", "about_whom-new-0-slot": "targeted_pupil"})
    page = member.press(422)
    assert page is not None
    assert "[EV1] pleure." in page.text
    first = member.client.post(member.at, data=MultiDict([*member.form.items(multi=True), *TOKENS.items()]))
    again = member.client.post(member.at, data=MultiDict([*member.form.items(multi=True), *TOKENS.items()]))
    assert first.location == again.location != f"/cases/{site.number}"
    site.number = first.location.rpartition("/")[2]
    assert [event.answers["what_happened"] for event in site.recorded("report")] == ["[EV1] pleure."]


@pytest.mark.parametrize("danger", ["yes", "unsure"])
def test_a_report_that_speaks_of_danger_waits_for_nothing(site: Site, danger: str) -> None:
    member = site.browser("team_member")
    member.open("/reports/new")
    options = [option for option in site.player.protocol.forms["report"].by_key["danger_now"].options if option.urgent]
    assert len(options) == 2
    wanted = options[0 if danger == "yes" else 1].key
    answers = {"what_happened": "Imane pleure.", "danger_now": wanted, "adult_concerned": "no", "how_it_came": "seen"}
    member.type(**answers, **{"about_whom-new-0-name": "Imane Lahlou", "about_whom-new-0-slot": "targeted_pupil"})
    member.press(303)


@pytest.mark.exhaustive
def test_nothing_of_the_first_minutes_waits(site: Site) -> None:
    site.act("team_member", "raise_danger", which_danger="self_harm")
    head = site.browser("head")
    head.open(f"/cases/{site.number}/acts/safety_check")
    protocol = site.player.protocol
    form = protocol.form_of("safety_check")
    texts = [item for item in form.fields if item.may_name and item.when is None]
    assert protocol.acts["safety_check"].first_minutes
    head.type(**{item.key: "Yasmine" for item in texts}, none_seen="yes", safe_now="yes", who_stays="me")
    head.press(303)
    assert len(site.recorded("safety_check")) == 1


def test_a_moves_reason_is_looked_at_too(site: Site) -> None:
    head = site.browser("head")
    site.act("head", "safety_check", **SAFE)
    head.open(f"/cases/{site.number}/moves/qualify")
    head.form.setlist("reason", ["Pour Yasmine"])
    page = head.press(422)
    assert page is not None
    assert "Pour [EV1]" in page.text
    head.press(303, TOKENS)
    with site.ctx.realm.reading() as session:
        events = load(site.ctx, session, site.player.actor("head"), site.number).events
    [step] = [event for event in events if isinstance(event, StepTaken)]
    assert step.reason == "Pour [EV1]"


@pytest.mark.exhaustive
def test_a_correction_is_asked_about_its_own_words_alone(site: Site) -> None:
    seq = site.act("head", "note", text="Yasmine est venue.")
    head = site.browser("head")
    head.open(f"/cases/{site.number}/acts/correction?record={seq}")
    head.type(what_changes="La date", reason="Erreur de jour")
    head.form.setlist("c-text", ["Yasmine est venue."])
    head.press(303)
    head.open(f"/cases/{site.number}/acts/correction?record={seq}")
    head.type(what_changes="La date", reason="Erreur de jour")
    head.form.setlist("c-text", ["Yasmine est venue hier."])
    page = head.press(422)
    assert page is not None
    assert "[EV1] est venue hier." in page.text
    head.press(303, TOKENS)
    assert site.recorded("correction")[-1].derived["changes"]["text"] == "[EV1] est venue hier."


@pytest.mark.exhaustive
def test_a_summary_with_a_name_is_refused_at_its_box(site: Site) -> None:
    head = site.browser("head")
    head.open(f"/cases/{site.number}/acts/nameless_summary?then=case-file")
    head.type(summary="Yasmine va mieux.", names_nobody="yes")
    page = head.press(422)
    assert page is not None
    assert 'id="a-summary-problem"' in head.html
    assert "[EV1]" in page.text
    assert head.buttons == []
    head.type(summary="[EV1] va mieux.", names_nobody="yes")
    response = head.client.post(head.at, data=head.form)
    assert response.location == f"/cases/{site.number}/case-file"


@pytest.mark.exhaustive
def test_the_page_of_copies_asks_for_the_summary_first(site: Site) -> None:
    head, path = site.browser("head"), f"/cases/{site.number}/case-file"
    head.open(path)
    way = f'href="/cases/{site.number}/acts/nameless_summary?then=case-file"'
    assert way in head.html
    assert re.search(r'value="school" checked', head.html)
    head.form.setlist("profile", ["supervisor"])
    page = head.press(409)
    assert page is not None
    assert way in head.html
    site.act("head", "nameless_summary", summary="[EV1] va mieux.", names_nobody="true")
    head.open(path)
    assert way not in head.html
    directorate = site.browser("directorate")
    directorate.open(path)
    assert "nameless_summary" not in directorate.html


# ---- what never waits, and what is said first ----------------------------------------------------------------------


PASSWORD = "mot de passe du test"
AGAIN = "Tapez de nouveau votre mot de passe pour signer."


def with_password(site: Site, who: str) -> Browser:
    account = site.player.actor(who).id
    with site.ctx.directory.writing() as session:
        auth_repository.set_password(session, account, hash_password(PASSWORD))
    return site.browser(who)


@pytest.mark.exhaustive
def test_holding_something_back_from_a_guardian_waits_for_nothing(site: Site) -> None:
    site.act("head", "add_person", persons=[{"slot": "guardian", "name": "Samira Lahlou"}])
    member = with_password(site, "team_member")
    member.open(f"/cases/{site.number}/acts/guardian_hold")
    member.type(guardian="guardian-1", reason="risk_if_told", words="Yasmine a peur de Samira.")
    member.form["password"] = PASSWORD
    member.press(303)
    [hold] = site.recorded("guardian_hold")
    assert hold.answers["words"] == "Yasmine a peur de Samira."


@pytest.fixture
def listened(site: Site) -> Browser:
    """Somebody who has written down what a pupil said, named another one and typed their password."""
    member = with_password(site, "team_coordinator")
    member.open(f"/cases/{site.number}/acts/listening_target")
    protocol = site.player.protocol
    said = {"child_view": "declined", "view_reason": "Yasmine ne veut pas.", "information_given": "yes"}
    place = protocol.form_of("listening_target").by_key["place"].options[0].key
    member.type(**said, held_on=NOW.date().isoformat(), listener=site.player.actor("team_coordinator").id, place=place)
    member.form["password"] = PASSWORD
    return member


@pytest.mark.exhaustive
def test_a_signature_is_not_lost_in_silence(site: Site, listened: Browser) -> None:
    page = listened.press(422)
    assert page is not None
    assert AGAIN in page.text
    assert PASSWORD not in listened.html
    page = listened.press(422, TOKENS)
    assert page is not None
    assert site.recorded("listening_target") == []
    assert re.search(rf'<p class="error" id="password-again"><strong>{AGAIN}', listened.html)
    assert listened.form["a-view_reason"] == "[EV1] ne veut pas."
    assert listened.buttons == []
    listened.form["password"] = PASSWORD
    listened.press(303)
    [recorded] = site.recorded("listening_target")
    assert recorded.derived.get("signed")
    assert recorded.answers["view_reason"] == "[EV1] ne veut pas."


@pytest.mark.exhaustive
def test_who_was_told_may_still_record_without_a_signature(site: Site, listened: Browser) -> None:
    listened.press(422)
    listened.press(422, WRITTEN)
    listened.press(303)
    [recorded] = site.recorded("listening_target")
    assert "signed" not in recorded.derived


@pytest.mark.exhaustive
def test_where_no_password_was_typed_none_is_asked_for_again(site: Site, listened: Browser) -> None:
    listened.form["password"] = ""
    page = listened.press(422)
    assert page is not None
    assert AGAIN not in page.text
    listened.press(303, TOKENS)


@pytest.mark.exhaustive
@pytest.mark.parametrize("is_raised", [True, False])
def test_a_report_in_a_case_whose_danger_is_known_is_asked_about(site: Site, is_raised: bool) -> None:
    site.act("team_member", "raise_danger", which_danger="self_harm")
    if not is_raised:
        site.number = site.report()
    member = site.browser("team_member")
    member.open(f"/cases/{site.number}/acts/report" if is_raised else "/reports/new")
    urgent = next(one.key for one in site.player.protocol.forms["report"].by_key["danger_now"].options if one.urgent)
    answers = {"what_happened": "Imane pleure.", "danger_now": urgent, "adult_concerned": "no", "how_it_came": "seen"}
    member.type(**answers, **{"about_whom-new-0-name": "Imane Lahlou", "about_whom-new-0-slot": "targeted_pupil"})
    page = member.press(422 if is_raised else 303)
    assert page is None or "[EV2] pleure." in page.text


@pytest.mark.exhaustive
def test_missing_answers_are_said_before_names(site: Site) -> None:
    head = site.browser("head")
    head.open(f"/cases/{site.number}/acts/conflict")
    head.type(words="Je connais Yasmine.")
    head.press(422)
    assert head.buttons == []
    assert "a-reason-problem" in head.html
    assert "a-words-named" not in head.html
    assert head.form.getlist("looked") == []
    head.type(reason="declares")
    head.press(422)
    assert head.buttons == ["tokens", "written"]
    head.press(303, TOKENS)
    [recorded] = site.recorded("conflict", who="directorate")
    assert recorded.answers["words"] == "Je connais [EV1]."


@pytest.mark.exhaustive
def test_more_names_than_a_page_remembers_do_not_ask_for_ever(site: Site) -> None:
    typed = " ".join(f"yasmine_{number}" for number in range(LOOKED_MOST + 50))
    head = named(site, typed=typed)
    assert len(head.form.getlist("looked")) == LOOKED_MOST
    head.press(303, WRITTEN)
    assert site.notes() == [typed]


@pytest.mark.exhaustive
def test_a_sign_does_not_say_in_which_direction_a_text_runs(site: Site) -> None:
    head = named(site, typed="Yasmine بكت اليوم", language="ar")
    assert '<p class="quote" dir="auto"><bdi>[EV1]</bdi> بكت اليوم</p>' in head.html


# ---- a reason has an end -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_reason_is_as_long_as_an_answer_may_be_and_comes_back_whole(site: Site) -> None:
    head = site.browser("head")
    site.act("head", "safety_check", **SAFE)
    head.open(f"/cases/{site.number}/moves/qualify")
    head.form["reason"] = "a" * (LONG_MOST + 1)
    head.press(422)
    assert head.form["reason"] == "a" * (LONG_MOST + 1)
    assert re.search(r'<textarea id="reason"[^>]*aria-describedby="[^"]*reason-problem" aria-invalid="true"', head.html)
    assert 'href="#reason"' in head.html
    assert 'id="reason-problem"' in head.html
    head.form["reason"] = "a" * LONG_MOST
    head.press(303)


def test_so_is_the_reason_for_going_on_without_a_need(site: Site) -> None:
    head = site.browser("head")
    site.act("head", "safety_check", **SAFE)
    head.open(f"/cases/{site.number}/moves/qualify")
    head.press(303)
    head.open(f"/cases/{site.number}/moves/assign")
    head.form["without-lead_trained"] = "a" * (LONG_MOST + 1)
    head.press(422)
    assert head.form["without-lead_trained"] == "a" * (LONG_MOST + 1)
    assert 'href="#without-lead_trained"' in head.html
    assert 'id="without-lead_trained-problem"' in head.html
    assert 'id="reason-problem"' not in head.html
    head.form["without-lead_trained"] = "Personne ici"
    head.press(303)
