"""The pages about people, over real stores: who finds them, what they refuse, what ends at once in an open browser."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, REPORT
from flask import Flask
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files import bulk
from school_protocol.cases.intake import open_case
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.language import ZONE, Wording
from school_protocol.people import import_repository, imports
from school_protocol.people import repository as people_repository
from school_protocol.ui import forms as ui_forms
from school_protocol.web import create_app
from web.browsing import Browser, browser_of

TODAY = NOW.astimezone(ZONE).date()
PEOPLE = ("head", "team_coordinator", "team_member", "directorate")
LIST = "identifiant;nom;fonction;établissement;attestation jusqu'au\r\n"


def bring(browser: Browser, content: str, status: int = 303) -> str:
    sent = {"csrf_token": browser.csrf(), "file": (io.BytesIO(content.encode()), "liste.csv")}
    response = browser.client.post("/people/lists", data=sent, content_type="multipart/form-data")
    assert response.status_code == status, response.get_data(as_text=True)
    return response.headers.get("Location", response.get_data(as_text=True))


@dataclass
class Site:
    player: Player
    app: Flask
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def ctx(self) -> Any:
        return self.player.ctx

    def account(self, who: str) -> str:
        return self.ids[who] if who in self.ids else self.player.actor(who).id

    def browser(self, who: str) -> Browser:
        return browser_of(self.app, self.ctx, self.account(who))

    def named(self, username: str) -> auth_repository.Account:
        with self.ctx.directory.reading() as session:
            found = auth_repository.account_named(session, username)
        assert found is not None
        return found


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol) -> Iterator[Site]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
    for who in PEOPLE:
        player.actor(who)
    found = Site(player, create_app(ctx, testing=True))
    admin = next(role.key for role in moroccan.roles.values() if role.administers)
    with ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username="chief", names={"fr": "Chef Admin"}, language="fr", created_at=NOW
        )
        unit = auth_repository.unit(session, player.school)
        auth_repository.appoint(session, account, role=admin, unit=unit.parents[-1], starts=date(2020, 1, 1))
        found.ids["chief"] = account
    yield found
    ctx.close()


def test_only_who_administers_finds_the_pages(site: Site) -> None:
    paths = ["/people", "/people/new", "/people/certificates", "/people/lists", f"/people/{site.account('head')}"]
    for who in PEOPLE:
        client = site.browser(who).client
        assert "/people" not in client.get("/").get_data(as_text=True)
        assert {client.get(path).status_code for path in paths} == {404}
    chief = site.browser("chief")
    assert 'href="/people"' in chief.client.get("/").get_data(as_text=True)
    for path in paths:
        chief.open(path)


def test_every_page_reads_well_in_every_language(site: Site) -> None:
    batch = bring(site.browser("chief"), LIST + "nadia;Nadia;declarant;00000A;\r\nx;;declarant;00000A;\r\n")
    head = site.account("head")
    with site.ctx.directory.reading() as session:
        post = people_repository.held(session, [head])[head][0].id
    for language in ("fr", "ar", "en"):
        with site.ctx.directory.writing() as session:
            auth_repository.set_language(session, site.ids["chief"], language)
        one = site.browser("chief")
        for path in (
            "/people", "/people?unit=00000A", "/people/new", "/people/certificates", "/people/lists", batch,
            f"{batch}?verdict=refused", f"/people/{head}", f"/people/{head}/appointments/new",
            f"/people/{head}/appointments/{post}/end", f"/people/{head}/address", f"/people/{head}/certificate",
            f"/people/{head}/closing", f"/people/{site.ids['chief']}",
        ):  # fmt: skip
            assert one.open(path).lang.startswith(language)


def test_a_person_is_added_certified_appointed_and_closed(site: Site) -> None:
    chief = site.browser("chief")
    chief.open("/people/new")
    chief.send(422, username="نادية")
    assert "Nadia" not in chief.form.get("a-name_fr", "")
    chief.send(409, username="nadia", name_fr="Nadia El Fassi", role="team_member", unit="00000A")
    assert chief.form["a-name_fr"] == "Nadia El Fassi", "what was typed is still there"
    answer = chief.send(username="nadia", name_fr="Nadia El Fassi", role="reporter", unit="00000A")
    person = answer.headers["Location"]
    page = chief.open(person)
    assert "Nadia El Fassi" in page.text
    chief.open(f"{person}/certificate")
    chief.send(issued=(TODAY - timedelta(days=9)).isoformat(), until=(TODAY + timedelta(days=30)).isoformat())
    assert "Nadia El Fassi" in chief.open("/people/certificates").text
    chief.open(f"{person}/appointments/new")
    chief.send(role="team_member", unit="00000A", reason="takes_up")
    chief.open(f"{person}/closing")
    chief.send(reason="retired")
    assert not site.named("nadia").active
    chief.open(f"{person}/closing")
    chief.send(reason="returned")
    assert site.named("nadia").active


def test_nobody_opens_a_form_about_themselves(site: Site) -> None:
    chief = site.browser("chief")
    own = f"/people/{site.ids['chief']}"
    for path in ("address", "certificate", "closing", "appointments/new"):
        assert chief.client.get(f"{own}/{path}").status_code == 404
        assert chief.client.post(f"{own}/{path}", data={"csrf_token": chief.csrf()}).status_code == 404


# ---- lists ---------------------------------------------------------------------------------------------------------


def test_a_list_is_looked_at_then_applied_then_handed_out(site: Site) -> None:
    chief = site.browser("chief")
    path = bring(chief, LIST + "nadia;Nadia El Fassi;declarant;00000A;\r\n")
    page = chief.open(path)
    assert "Nadia El Fassi" in page.text
    assert "nadia" not in chief.open("/people").text
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', chief.client.get(path).get_data(as_text=True))
    assert digest is not None
    chief.press(f"{path}/confirm", 409, digest="0" * 64)
    chief.press(f"{path}/confirm", digest=digest[1])
    chief.press(f"{path}/confirm", digest=digest[1])
    assert "nadia" in chief.open("/people").text
    csv = chief.client.get(f"{path}/lines")
    assert csv.headers["Content-Type"].startswith("text/csv")
    slips = chief.press(f"{path}/slips", 200).get_data(as_text=True)
    assert slips.count('class="slip"') == 1
    assert "Nadia El Fassi" in slips
    chief.press("/people/slips", 200, unit="00000A")
    chief.press("/people/slips", 404, unit="99999Z")


def test_a_list_with_a_refused_line_offers_no_button_and_says_how_to_go_on(site: Site) -> None:
    chief = site.browser("chief")
    lines = LIST + "nadia;Nadia El Fassi;declarant;00000A;\r\n"
    good, path = bring(chief, lines), bring(chief, lines + "omar;=1+1;declarant;00000A;\r\n")
    assert f'action="{good}/confirm"' in chief.client.get(good).get_data(as_text=True), "the control"
    brought = chief.open("/people/lists").text
    assert brought.count("Refusé") == brought.count("À confirmer") == 1
    page = chief.open(path)
    assert "/confirm" not in page.html
    assert "Une ligne est refusée\N{NO-BREAK SPACE}: rien de cette liste ne peut être appliqué" in page.text
    assert "Ligne 3" in page.text
    with site.ctx.directory.reading() as session:
        found = import_repository.batch(session, path.rpartition("/")[2])
    assert found is not None
    answer = chief.press(f"{path}/confirm", 409, digest=found.digest)
    assert "appliquée en entier ou pas du tout" in answer.get_data(as_text=True)
    assert "nadia" not in chief.open("/people").text
    csv = chief.client.get(f"{path}/lines?verdict=refused").get_data().decode("utf-8-sig")
    assert "'=1+1" in csv
    assert "nadia" not in csv


@pytest.mark.exhaustive(but=("",))
@pytest.mark.parametrize("content", ["", "a;b\n1;2", 'username\n"broken', "username\n\0"])
def test_what_is_no_list_is_said_on_the_page(site: Site, content: str) -> None:
    chief = site.browser("chief")
    page = bring(chief, content, 422)
    assert 'role="alert"' in page
    assert imports.see_imports(site.ctx, _actor(site, "chief")) == ()
    chief.press("/people/lists", 422)


# ---- leaving ends access at once -----------------------------------------------------------------------------------


def test_an_open_browser_of_somebody_who_was_ended_gets_nothing_more(site: Site) -> None:
    """A page, a half-filled form, a download, the files of a running job: each is refused from the next request on."""
    ctx, member = site.ctx, site.player.actor("team_member")
    head = site.player.actor("head")
    opened = open_case(ctx, site.player.actor("team_coordinator"), "report", REPORT, token="t1")
    record_act(
        ctx, head, opened.number, "name_seat", {"seat": "lead", "account": member.id}, expected=None, token="t2",
        proven=True,
    )  # fmt: skip
    asked = bulk.see_options(ctx, head).offers[0].key
    wish = bulk.Wish(offer=asked, language="fr", schools=(), ended=False, first="", last="")
    job = bulk.begin_bundle(ctx, head, wish, "t3")
    case = f"/cases/{opened.number}"
    victims = {"team_member": site.browser("team_member"), "head": site.browser("head")}
    assert victims["team_member"].client.get(case).status_code == 200
    assert opened.number in names_in(victims["head"].client.get(f"/case-files/{job.job}/files")), "the control"
    typing = victims["team_member"]
    typing.open(f"{case}/acts/note")
    chief = site.browser("chief")
    for who in victims:
        with ctx.directory.reading() as session:
            post = people_repository.held(session, [site.account(who)])[site.account(who)][-1].id
        chief.open(f"/people/{site.account(who)}/appointments/{post}/end")
        chief.send(last_day=TODAY.isoformat(), reason="moved")
    refused = {
        case: victims["team_member"], f"{case}/case-file": victims["team_member"], "/": victims["team_member"],
        f"/case-files/{job.job}": victims["head"], f"/case-files/{job.job}/files": victims["head"],
    }  # fmt: skip
    for path, one in refused.items():
        answer = one.client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/sign-in"), path
    answer = typing.client.post(typing.at, data={**typing.form.to_dict(), "a-text": "half-filled"})
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/sign-in")
    assert ui_forms.find_draft(ctx, member.id, f"{case}/acts/note"), "what was typed is sealed for its owner"
    again = site.browser("team_member")
    assert again.client.get(case).status_code == 404, "a new session opens nothing either"
    assert site.browser("head").client.get(f"/case-files/{job.job}/files").status_code == 404


def names_in(answer: TestResponse) -> str:
    """What a ZIP says of cases: its names and its list, without the gaps in their numbers."""
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as files:
        said = " ".join(
            [*files.namelist(), *(files.read(name).decode("utf-8", "replace") for name in files.namelist())]
        )
    return re.sub(r"[\s\u200e\u2066\u2069-]", "", said)


def _actor(site: Site, who: str) -> Any:
    with site.ctx.directory.reading() as session:
        return auth_repository.actor(session, site.account(who), realm="main", today=TODAY)


@pytest.mark.exhaustive
def test_a_code_of_no_place_shows_the_list_and_says_so(site: Site) -> None:
    chief = site.browser("chief")
    page = chief.open("/people?unit=99999z", 404)
    assert "Aucun lieu que vous administrez ne porte le code 99999Z" in page.text
    assert "team_member" in page.text
    assert 'value="99999Z"' in page.html
    assert 'href="#unit"' in page.html
    assert site.browser("head").client.get("/people?unit=99999Z").status_code == 404
    odd = chief.open("/people?unit=00000A&after=" + "x" * 300, 404)
    assert "Aucun lieu" not in odd.text, "that place is theirs; it is the page that is none"


def test_whoever_changes_an_address_is_warned_before_and_told_who_can_after(site: Site) -> None:
    chief, head = site.browser("chief"), site.account("head")
    with site.ctx.directory.writing() as session:
        auth_repository.set_password(session, head, "x")
    page = f"/people/{head}/address"
    assert "faites d’abord nommer un(e) autre" in chief.open(page).text
    chief.send(303, name_fr="Tête", language="fr", email="autre@ecole.example")
    refused = chief.press(f"/account/others/{head}", 409, do="new-password").get_data(as_text=True)
    assert "Un autre administrateur de son unité le peut" in refused
    assert f"à partir du {day(site)}" in refused.replace("\u00a0", " ")


def day(site: Site) -> str:
    """When the thirty days end, as it is written."""
    return Wording("fr").moment(site.ctx.now() + timedelta(days=30))


@pytest.mark.exhaustive(
    but=(
        "ar-False-spoken0",
        "fr-False-spoken1",
    )
)
@pytest.mark.parametrize(
    ("language", "has_password", "spoken"),
    [("ar", False, ["ar-MA"]), ("fr", False, ["fr", "ar-MA"]), ("fr", True, ["fr"]), ("ar", True, ["ar-MA"])],
)
def test_a_slip_speaks_the_language_of_whom_it_is_for(
    site: Site, language: str, has_password: bool, spoken: list[str]
) -> None:
    """Not that of who prints it. Who never came in, and has what all are given, has chosen none."""
    head = site.account("head")
    with site.ctx.directory.writing() as session:
        auth_repository.set_language(session, site.ids["chief"], "en")
        auth_repository.set_language(session, head, language)
        if has_password:
            auth_repository.set_password(session, head, "x")
    do = "new-password" if has_password else "invite"
    html = site.browser("chief").press(f"/account/others/{head}", 200, do=do).get_data(as_text=True)
    slip = html[html.index('class="card slip"') : html.index("</section>")]
    assert list(dict.fromkeys(re.findall(r'lang="([^"]+)"', slip))) == spoken
    assert ("Adresse du site" in slip) is ("fr" in spoken)
    assert ("عنوان الموقع" in slip) is ("ar-MA" in spoken)
    assert "Address of the site" not in slip
    if not has_password:
        sheet = site.browser("chief").press("/people/slips", 200, unit="00000A").get_data(as_text=True)
        with site.ctx.directory.reading() as session:
            held = auth_repository.account(session, head)
        assert held is not None
        of_head = next(part for part in sheet.split('class="slip"') if held.username in part)
        assert ("Adresse du site" in of_head) is ("fr" in spoken)
        assert "Address of the site" not in of_head
