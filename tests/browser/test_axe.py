"""Every kind of page, in each language: axe finds nothing, it is light, and a keyboard is enough."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from school_protocol.web import error_pages

from .conftest import DESKTOP, PHONE, Serve, Sit
from .inspector import LANGUAGES, OTHER, Inspect, Inspector, is_fine, speak
from .person import go_by
from .served import Served, story

COMPLEX = ("support_plan", "minutes", "assessment_grid", "listening_target", "referral", "evidence", "safety_check")


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """One case on its urgent path, with holds, referrals and a record to be signed; one that waits for its lead."""
    served = serve("2026-10-05T09:00")
    sc1, sc3 = story("sc1"), story("sc3")
    served.replay([{**step, "case": OTHER} for step in sc1[: [step["do"] for step in sc1].index("name_seat")]])
    until = [step["do"] for step in sc3].index("F3") - 1
    served.replay([step for step in sc3[:until] if step["do"] != "sign"])
    served.replay([{"as": "referent_er", "do": "add_note", "answers": {"text": "كتبت @salma_2009 « ça va » 🙂"}}])
    danger = {"which_danger": "T01"}
    served.replay([{"as": "declarant", "do": "raise_trigger", "case": "raised", "answers": danger}])
    return served


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_page(ctx: Served, inspect: Inspect, language: str) -> None:
    case, other = f"/cases/{ctx.number}", f"/cases/{ctx.player.numbers[OTHER]}"
    team = inspect("team_coordinator", language)
    sign_in(team)
    team.visit("/", "/?filter=ended", "/search", "/reports/new", "/reports/danger", "/cases/1234567890123", "/language")
    helped = f"/help/{ctx.protocol.protocol}/{ctx.protocol.version}"
    team.visit("/help", f"{helped}/people", f"{helped}/steps", f"{helped}/roles/team_coordinator")
    team.visit(case, f"{case}/chronology", f"{case}/danger", f"{case}/first-minutes", f"{case}/case-file")
    hold = ctx.latest("guardian_hold")
    team.visit(f"{case}/entries/{hold}", f"{case}/acts/signature?record={hold}")
    team.visit(f"{case}/moves/mark_sent", f"{case}/moves/close", f"{other}/moves/assign")
    expect(team.page.locator("fieldset.group textarea")).not_to_have_count(0)
    refusals(team, other, f"{case}/acts/signature?record={hold}")
    conflict(ctx, team, other)
    leave(team)
    supervisor = inspect("directorate", language, DESKTOP)
    supervisor.visit("/", case)
    reporter = inspect("reporter", language)
    receipts(reporter)
    is_fine(ctx, team, supervisor, reporter)


def sign_in(inspector: Inspector) -> None:
    """The first page; what it says of a wrong password; and in."""
    page = inspector.page
    page.goto(f"{inspector.person.served.url}/sign-in")
    inspector.look("sign-in")
    page.locator("#username").fill("referent")
    page.locator("#password").fill("autre chose")
    go_by(page.locator("main form:has(#password) button"))
    expect(page.get_by_role("alert")).to_be_visible()
    inspector.look("sign-in, refused")
    inspector.person.sign_in()


def refusals(inspector: Inspector, case: str, sign: str) -> None:
    """A form that lacks an answer; a signature without its password."""
    page = inspector.page
    for path, name in (
        ("/reports/new", "report, 422"),
        (f"{case}/acts/evidence", "evidence, 422"),
        (sign, "sign, 409"),
    ):
        inspector.person.open(path)
        go_by(page.locator("main form .actions button").first)
        expect(page.locator(".errors")).to_be_visible()
        inspector.look(name)


def conflict(ctx: Served, inspector: Inspector, case: str) -> None:
    """Both versions of two people."""
    page = inspector.page
    inspector.person.open(f"{case}/acts/report_more")
    note = {"text": "رأيت @kenza_x في الساحة 🙂"}
    ctx.replay([{"as": "membre_er", "do": "add_note", "case": OTHER, "answers": note}])
    more = {"violence_types": ["cyberharassment", "exclusion"], "platforms": ["whatsapp"], "content_online": "yes"}
    inspector.person.fill(ctx.protocol.acts["report_more"], more)
    go_by(page.locator("main form .actions button").first)
    expect(page.locator(".versus")).to_be_visible()
    inspector.look("conflict")


def receipts(inspector: Inspector) -> None:
    """What a reporter has of a report and of a danger, and what they may note though they don't see the case."""
    inspector.visit("/")
    page = inspector.page
    addresses = [one.get_attribute("href") or "" for one in page.locator("main .list a.go").all()]
    assert len(addresses) == 2
    inspector.visit(*addresses)
    for address in addresses:
        inspector.person.open(address)
        acts = [one.get_attribute("href") or "" for one in page.locator("[aria-labelledby=then] a.go").all()]
        inspector.visit(*acts)
    assert sum("/acts/" in address for address in inspector.weights) > 1


def leave(inspector: Inspector) -> None:
    go_by(inspector.page.locator("a.exit"))
    inspector.look("leave")
    inspector.page.goto(inspector.person.served.url)
    expect(inspector.page.locator("#password")).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form(ctx: Served, inspect: Inspect, language: str) -> None:
    """Each act's form once, in turn in each language; the most complex ones in all."""
    turn = LANGUAGES.index(language)
    acts = [key for place, key in enumerate(ctx.protocol.acts) if place % 3 == turn or key in COMPLEX]
    team = inspect("team_coordinator", language, (PHONE, DESKTOP, PHONE)[turn])
    team.visit(*(f"/cases/{ctx.number}/acts/{act}" for act in acts))
    is_fine(ctx, team)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_an_error(ctx: Served, inspect: Inspect, language: str) -> None:
    """As they are shown to anybody: 404 and 409 beside those that a browser can't easily be made to get."""
    stranger = inspect("reporter", language)
    with ctx.app.test_request_context("/", headers={"Accept-Language": language}):
        bodies = {status: error_pages.page(status).get_data() for status in error_pages.PAGES}
        bodies[0] = error_pages.page(400, "web/old_form.html").get_data()
    stranger.page.route(
        "**/error/*",
        lambda route: route.fulfill(
            status=200, content_type="text/html; charset=utf-8", body=bodies[int(route.request.url.rpartition("/")[2])]
        ),
    )
    for status in bodies:
        stranger.page.goto(f"{ctx.url}/error/{status}")
        stranger.look(f"error {status}")
    assert len(bodies) > 8
    assert stranger.spoilt == []
    assert stranger.person.wide == []


@pytest.mark.exhaustive(but=("/cases/{case}",))
@pytest.mark.parametrize("path", ["/", "/cases/{case}", "/cases/{case}/first-minutes", "/cases/{case}/acts/minutes"])
def test_the_dark_keeps_its_contrasts(ctx: Served, inspect: Inspect, path: str) -> None:
    team = inspect("team_coordinator", "ar")
    team.page.emulate_media(color_scheme="dark")
    team.visit(path.format(case=ctx.number))
    is_fine(ctx, team)


@pytest.mark.exhaustive
def test_the_control_a_spoilt_page_is_found(inspect: Inspect) -> None:
    """The eye sees: a picture without words, a box without a label, grey on grey, and 400 pixels on a phone."""
    team = inspect("team_coordinator", "fr")
    team.person.open("/")
    team.page.locator("main").evaluate(
        """main => main.insertAdjacentHTML("beforeend",
        '<img src="/static/icon.svg"><input name="x"><p class="bad" lang="xx-">gris</p><div id="w">large</div>')"""
    )
    team.page.locator("p.bad").evaluate("one => { one.style.color = '#bbb'; one.style.background = '#ccc' }")
    team.page.locator("#w").evaluate("one => { one.style.width = '400px' }")
    team.look("spoilt")
    assert {one.rule for one in team.spoilt} >= {"image-alt", "label", "color-contrast"}
    assert team.person.wide


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_keyboard_is_enough(ctx: Served, sit: Sit, language: str) -> None:
    """The first key leads past the top of the page; the tabulator gets to the button; space and enter do the rest."""
    speak(ctx, language)
    person = sit(ctx, "team_member", language, DESKTOP)
    page = person.page
    person.open(f"/cases/{ctx.number}/acts/note")
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    expect(page.locator("a.skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert reach(page, "#a-text") <= 5
    page.keyboard.type("Écrit au clavier.")
    assert reach(page, "main form .actions button") <= 3
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")
    expect(person.said()).to_be_visible()


@pytest.mark.exhaustive
def test_the_danger_is_raised_by_keyboard(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_member", "fr", DESKTOP)
    page = person.page
    person.open("/reports/new")
    assert reach(page, "header .sos") <= 9
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")
    page.locator("main").focus()
    assert reach(page, "main .callnow a") <= 2
    assert reach(page, "main .choose button") <= 4


def reach(page: Page, wanted: str, most: int = 40) -> int:
    """Presses of the tabulator until the focus is there."""
    what = page.locator(wanted).first
    for presses in range(1, most + 1):
        page.keyboard.press("Tab")
        if what.evaluate("one => one === document.activeElement"):
            return presses
    raise AssertionError(f"{wanted} is out of the keyboard's reach")
