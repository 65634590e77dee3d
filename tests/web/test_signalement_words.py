"""What the pages say to a child who told something, and to the staff who read it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from html import unescape

import pytest
from werkzeug.datastructures import MultiDict

from school_protocol.cases.loading import load
from school_protocol.engine.clock import Calendar, Hours
from school_protocol.people import repository as people_repository
from school_protocol.reports import public_door
from school_protocol.reports import routes as reports_routes

from .page import Page
from .test_signalement import TOLD, School, only, school, token_of, waiting  # noqa: F401

WEEK = {day: (Hours(time(8, 30), time(18)),) for day in range(6)}
FORMAL = re.compile(r"\b(?:vous|votre|vos|veuillez|\w+ez)\b(?!-moi)", re.IGNORECASE)
"""French that is said to an adult."""
NEZ = {"chez", "assez", "nez"}


TO_US = ("rendez-vous", "venez me voir", "appelez ou écrivez-moi")
"""What a child says to the school, and a word that only sounds so."""


def shown(html: str) -> str:
    return " ".join(unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)).split())


def formal_in(html: str) -> list[str]:
    said = shown(html)
    for one in TO_US:
        said = said.replace(one, "")
    return [word for word in FORMAL.findall(said) if word.lower() not in NEZ]


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (datetime(2026, 11, 25, 10, tzinfo=UTC), None),
        (datetime(2026, 11, 25, 22, tzinfo=UTC), "vendredi 27 novembre à 08:30"),
        (datetime(2026, 11, 26, 10, tzinfo=UTC), "vendredi 27 novembre à 08:30"),
    ],
)
def test_the_page_says_until_when_the_school_is_closed(school: School, day: datetime, said: str | None) -> None:  # noqa: F811
    with school.ctx.directory.writing() as session:
        closed = frozenset({date(2026, 11, 26)})
        people_repository.set_calendar(session, school.player.school, Calendar(opening=WEEK, closed=closed))
    school.clock.turn_to(day)
    for path in ("", "/after"):
        html = shown(school.stranger().get(f"/s/{school.code}{path}?lang=fr").get_data(as_text=True))
        assert ("école est fermée maintenant" in html) is (said is not None), path
        assert said is None or said in html


@pytest.mark.parametrize(("language", "said"), [
    ("fr", ("Ici, il nous faut ta réponse", "Rien de ce que tu as écrit n’est perdu")),
    ("ar", ("نحتاج هنا إلى جوابك", "ما كتبته ما زال كله هنا")),
    ("en", ("We need an answer from you here", "Nothing that you wrote is lost")),
])  # fmt: skip
def test_what_is_missing_is_said_as_one_speaks_to_a_child(school: School, language: str, said: tuple[str, str]) -> None:  # noqa: F811
    client, code = school.stranger(), school.code
    form = client.get(f"/s/{code}?lang={language}").get_data(as_text=True)
    answer = client.post(f"/s/{code}/sent?lang={language}", data={"token": token_of(form), "a-danger_now": "maybe"})
    assert answer.status_code == 422
    html = unescape(answer.get_data(as_text=True))
    assert all(one in html for one in said)
    assert [one for one in Page(html).criticise() if "without its token" not in one] == [], "nobody is known here"
    if language == "fr":
        assert formal_in(html) == []


def test_a_colleague_is_spoken_to_as_an_adult(school: School) -> None:  # noqa: F811
    code = public_door.renew(school.ctx, school.player.actor("head"), school.player.school, "staff").code
    client = school.stranger()
    form = client.get(f"/s/{code}?lang=fr").get_data(as_text=True)
    answer = client.post(f"/s/{code}/sent?lang=fr", data={"token": token_of(form)})
    assert "Tout ce que vous avez écrit" in unescape(answer.get_data(as_text=True))
    assert f"/s/{code}/after" not in form
    assert client.get(f"/s/{code}/after?lang=fr").status_code == 303, "what happens afterwards speaks to a pupil"


def test_no_page_for_children_speaks_to_an_adult(school: School) -> None:  # noqa: F811
    """Looked for where it stands: on the page for colleagues."""
    receipt = school.tell(**{"a-danger_now": "yes"})
    client, code = school.stranger(), school.code
    pages = {path: client.get(f"/s/{code}{path}?lang=fr") for path in ("", "/back", "/after")}
    pages["thread"] = client.post(f"/s/{code}/thread?lang=fr", data={"receipt": receipt})
    pages["wrong code"] = client.post(f"/s/{code}/thread?lang=fr", data={"receipt": "1"})
    pages["nothing said"] = client.post(f"/s/{code}/add?lang=fr", data={"receipt": receipt, "words": " "})
    pages["too long"] = client.post(f"/s/{code}/add?lang=fr", data={"receipt": receipt, "words": "a" * 5000})
    pages["old"] = client.post(f"/s/{code}/sent?lang=fr", data=TOLD)
    pages["no such address"] = client.get("/s/rimokalu?lang=fr")
    found = {path: formal_in(answer.get_data(as_text=True)) for path, answer in pages.items()}
    assert {path: words for path, words in found.items() if words} == {}
    staff = public_door.renew(school.ctx, school.player.actor("head"), school.player.school, "staff").code
    assert formal_in(client.get(f"/s/{staff}?lang=fr").get_data(as_text=True)) != []


def test_a_case_that_opens_offers_signs_for_names(school: School) -> None:  # noqa: F811
    school.tell(**{"a-what_happens": "Imane Lahlou pleure tous les jours."})
    staff = school.staff("team_coordinator")
    report = only(staff)
    staff.open(f"/signalements/{report}/open")
    named = {"about_whom-new-0-name": "Imane Lahlou", "about_whom-new-0-slot": "targeted_pupil"}
    staff.send(422, **named)
    assert staff.form.getlist("looked"), "it was shown"
    answer = staff.client.post(staff.at, data=MultiDict([*staff.form.items(multi=True), ("naming", "tokens")]))
    assert answer.status_code == 303
    number = answer.location.rpartition("/")[2]
    with school.ctx.realm.reading() as session:
        case = load(school.ctx, session, school.player.actor("team_coordinator"), number).case
    assert case.records[0].answers["what_happened"] == "[EV1] pleure tous les jours."


def test_the_page_of_what_was_told_leads_to_the_reference_of_a_service(school: School) -> None:  # noqa: F811
    school.tell()
    staff = school.staff("team_coordinator")
    report = only(staff)
    staff.open(f"/signalements/{report}/open")
    number = staff.send().location.rpartition("/")[2]
    html = staff.client.get(f"/cases/{number}/told").get_data(as_text=True)
    assert f'href="/cases/{number}/acts/referral"' in html
    assert "/acts/referral_answer" not in html, "nothing is awaited"
    chronology = unescape(staff.client.get(f"/cases/{number}/chronology").get_data(as_text=True))
    assert "Ouvert à partir d’un signalement sans compte" in chronology
    school.tell(**{"a-what_happens": "Encore"})
    other = next(one for one in waiting(staff) if one != report)
    staff.press(f"/signalements/{other}/link", number=number)
    chronology = unescape(staff.client.get(f"/cases/{number}/chronology").get_data(as_text=True))
    assert "a été joint à ce dossier" in chronology
    assert "Il relève d’un autre dossier" in unescape(staff.client.get(f"/signalements/{other}").get_data(as_text=True))


@pytest.mark.exhaustive
def test_what_happens_afterwards_leads_to_the_figures_where_some_are_for_everybody(
    school: School,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, path = school.stranger(), f"/s/{school.code}/after?lang=ar"
    assert "/campaign/" not in client.get(path).get_data(as_text=True)
    monkeypatch.setattr(reports_routes, "has_public", lambda _ctx: True)
    assert 'href="/campaign/ar" rel="noreferrer"' in client.get(path).get_data(as_text=True)
    assert "/campaign/" not in client.get(f"/s/{school.code}?lang=ar").get_data(as_text=True), "its title says too much"
