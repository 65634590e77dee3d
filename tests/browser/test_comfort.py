"""Without a mouse, on paper, at 400 %, in one's own colours, and out in one tap: each with a control that is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Playwright, expect
from pypdf import PdfReader

from school_protocol.language import Wording
from school_protocol.storage.case_numbers import format_number

from .conftest import CHROMIUM, DESKTOP, FLAGS, LOCALES, Serve, Sit
from .inspector import OTHER, speak
from .person import Person, go_by
from .served import PASSWORD, Served, story

NARROW = (320, 640)
"""1280 pixels at 400 %."""
SMALL_PHONE = (360, 640)
TABLET = (768, 1024)
LANGUAGES = ("fr", "ar")


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """A case on its urgent path with holds, referrals and people; another one that waits for its lead."""
    served = serve("2026-10-05T09:00")
    sc1, sc3 = story("sc1"), story("sc3")
    served.replay([{**step, "case": OTHER} for step in sc1[: [step["do"] for step in sc1].index("name_seat")]])
    until = [step["do"] for step in sc3].index("F3") - 1
    served.replay([step for step in sc3[:until] if step["do"] != "sign"])
    served.replay([{"as": "referent_er", "do": "add_note", "answers": {"text": "كتبت @salma_2009 « ça va » 🙂"}}])
    return served


def pages_of(ctx: Served) -> list[str]:
    """Every main page, and each act's form."""
    case, other = f"/cases/{ctx.number}", f"/cases/{ctx.player.numbers[OTHER]}"
    hold = ctx.latest("guardian_hold")
    return [
        "/", "/?filter=week", "/?filter=ended", "/search", "/reports/new", "/reports/danger", "/words", "/help",
        "/team",
        case, other, f"{case}/chronology", f"{case}/danger", f"{case}/first-minutes", f"{case}/case-file",
        f"{case}/entries/{hold}", f"{case}/moves/mark_sent", f"{case}/moves/close", f"{other}/moves/assign",
        f"{case}/acts/signature?record={hold}", "/cases/1234567890123",
        *(f"{case}/acts/{act}" for act in ctx.protocol.acts),
    ]  # fmt: skip


# ---- 400 % and 200 % -----------------------------------------------------------------------------------------------

BEYOND = """() => {
    const page = document.documentElement, shut = [...document.querySelectorAll("main *, header *")].filter(one => {
        const style = getComputedStyle(one);
        return one.scrollWidth > one.clientWidth + 1 && one.clientWidth && /auto|scroll/.test(style.overflowX)
            && one.tabIndex < 0 && !one.querySelector("a, button, input, select, textarea");
    });
    const out = [...document.querySelectorAll("main *, header *")].filter(one => !one.closest(".scroll, .vh"))
        .map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
        .filter(([, box]) => box.right > innerWidth + .5 || box.left < -.5).map(([text]) => text).slice(0, 4);
    return [page.scrollWidth - innerWidth, shut.map(one => one.className || one.tagName), out];
}"""
"""By how much a page is wider than its window, and what scrolls by itself but not by keyboard."""


def too_wide(page: Page) -> list[Any]:
    beyond, shut, out = page.evaluate(BEYOND)
    return [beyond, shut, out] if beyond > 0 or shut else []


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [NARROW, TABLET], ids=["400 %", "tablet"])
def test_nothing_scrolls_sideways(ctx: Served, sit: Sit, size: tuple[int, int], language: str) -> None:
    speak(ctx, language)
    person = sit(ctx, "team_coordinator", language, size)
    found = {}
    for path in pages_of(ctx):
        person.open(path)
        if wide := too_wide(person.page):
            found[path] = wide
    assert found == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_text_twice_as_large_fits(ctx: Served, sit: Sit, language: str) -> None:
    speak(ctx, language)
    person = sit(ctx, "team_coordinator", language, DESKTOP)
    found = {}
    for path in pages_of(ctx)[:24]:
        person.open(path)
        person.page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
        if wide := too_wide(person.page):
            found[path] = wide
    assert found == {}


OUT_OF_SIGHT = """where => [...document.querySelectorAll(where)].map(one => [one.getBoundingClientRect(), one])
    .filter(([box, one]) => box.left < -.5 || box.right > innerWidth + .5 || !one.checkVisibility())
    .map(([, one]) => one.textContent)"""
ONE_LINE = 64
"""Pixels that the top of a page takes at most, wherever it is read."""


@pytest.mark.exhaustive(but=("head-400 %-fr", "head-phone-ar", "head-desktop-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [NARROW, SMALL_PHONE, DESKTOP], ids=["400 %", "phone", "desktop"])
@pytest.mark.parametrize("role", ["head", "academy"])
def test_the_top_is_one_line_and_holds_every_way(
    ctx: Served, sit: Sit, role: str, size: tuple[int, int], language: str
) -> None:
    """The way out and the danger without opening anything; places in the line, or in the menu of a phone."""
    speak(ctx, language)
    page = (person := sit(ctx, role, language, size)).page
    person.open("/")
    tall = page.evaluate("document.querySelector('header').offsetHeight")
    assert tall <= ONE_LINE
    outside = page.locator("header .exit, header .sos")
    assert outside.count() == (2 if role == "head" else 1)
    assert page.evaluate(OUT_OF_SIGHT, "header .exit, header .sos") == []
    menu, places = page.locator("header .menu summary"), "header .wide nav a" if size is DESKTOP else ".menu nav a"
    assert page.locator(places).count() > 2
    assert bool(page.evaluate(OUT_OF_SIGHT, places)) is (size is not DESKTOP)
    menu.click()
    for each in (places, ".menu .lang button", ".menu .who :is(a, button)"):
        assert page.evaluate(OUT_OF_SIGHT, each) == [], each
    assert too_wide(page) == []


@pytest.mark.exhaustive
def test_the_control_what_is_too_wide_is_found(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", NARROW)
    person.open("/")
    assert not too_wide(person.page)
    person.page.locator("main").evaluate("one => one.insertAdjacentHTML('beforeend', '<p id=w>x</p>')")
    person.page.locator("#w").evaluate("one => { one.style.width = '600px' }")
    assert too_wide(person.page)[0] > 0
    person.page.locator("#w").evaluate(
        """one => { one.style.width = "200px"; one.className = "scroll"; one.append(document.createElement("b"));
            one.lastChild.style.display = "block"; one.lastChild.style.width = "600px" }"""
    )
    assert too_wide(person.page)[1] == ["scroll"]


# ---- paper ---------------------------------------------------------------------------------------------------------

FOLDED = """() => [...document.querySelectorAll("main details:not([open])")]
    .filter(one => !one.closest("[aria-labelledby=acts]"))
    .flatMap(one => [...one.querySelectorAll("p, li, dt, dd, b")])
    .filter(one => !one.children.length && !one.closest(".btn, .vh")).map(one => one.textContent)"""


FOLDED_TITLES = """() => [...document.querySelectorAll("main details:not([open]) > summary")]
    .filter(one => !one.closest("[aria-labelledby=acts]")).map(one => one.innerText)"""
LEADING = """() => [...document.querySelectorAll(".side > p, main p, .side p")].filter(one => one.children.length === 1
    && one.firstElementChild.matches(".side > p > a, a.go") && one.getClientRects().length)
    .map(one => one.textContent.trim())"""
"""Lines that only lead to another page: on paper they would be headings of nothing."""
ARABIC = re.compile("[\u0600-\u06ff\ufb50-\ufeff]")
"""Letters that a typeset page gives back in other forms."""


def printed(page: Page) -> str:
    """The page's sheets as text, without blanks."""
    sheets = [sheet.extract_text() for sheet in PdfReader(BytesIO(page.pdf(format="A4"))).pages]
    return squeezed(
        " ".join(re.sub(f"{place} ?/ ?{len(sheets)}", "", text, count=1) for place, text in enumerate(sheets, 1))
    )


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", ["/cases/{case}", "/?filter=week", "/cases/{case}/acts/minutes", "/words",
                                  "/cases/{case}/first-minutes", "/cases/{case}/chronology",
                                  "/cases/{case}/evidence"])  # fmt: skip
def test_any_page_can_be_printed(ctx: Served, sit: Sit, path: str) -> None:
    """What is folded away is on paper; how to go about, and what leads elsewhere, is not."""
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP)
    person.open(path.format(case=ctx.number))
    text, page = printed(person.page), person.page
    latin = [line for said in page.evaluate(FOLDED) for line in said.split("\n") if not ARABIC.search(line)]
    assert latin or path not in ("/cases/{case}", "/words")
    assert [said for said in latin if squeezed(said) not in text] == []
    if path == "/cases/{case}/evidence":
        assert (leading := page.evaluate(LEADING))
        assert [said for said in leading if squeezed(said) in text] == []
    w = Wording("fr")
    for never in ("Leave quickly", "Skip to content", "Sign out", "Back to the case, recording nothing", "Help"):
        assert squeezed(w._(never)) not in text, never
    assert ctx.url.partition("//")[2] not in text, "an address"
    assert "Imprimé" in text
    assert squeezed(page.locator("h1").inner_text()) in text
    if "{case}" in path:
        assert squeezed(format_number(ctx.number)) in text


@pytest.mark.exhaustive
def test_the_control_what_stays_folded_on_paper_is_missed(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP, True)
    person.open(f"/cases/{ctx.number}")
    folded = [squeezed(one) for one in person.page.evaluate(FOLDED)]
    assert len(folded) > 5
    with_rules = printed(person.page)
    person.page.evaluate("""() => { for (const sheet of document.styleSheets) for (const rule of [...sheet.cssRules])
        if (rule.conditionText === "print" || rule.media?.mediaText === "print") rule.media.mediaText = "speech" }""")
    without = printed(person.page)
    assert [one for one in folded if one not in without]
    assert [one for one in folded if one not in with_rules] == []
    assert squeezed(Wording("fr")._("Leave quickly")) in without


@pytest.mark.exhaustive
def test_a_printed_form_asks_every_question(ctx: Served, sit: Sit) -> None:
    """Questions that hang on another answer are folded on the screen, and asked on paper."""
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP)
    person.open(f"/cases/{ctx.player.numbers[OTHER]}/acts/report_more")
    form = ctx.protocol.form_of("report_more")
    hanging = [item for item in form.fields if item.when is not None]
    text = printed(person.page)
    assert all(squeezed(Wording("fr").text(item.label)) in text for item in form.fields)
    shown = squeezed(person.page.locator("main").inner_text())
    assert not hanging or any(squeezed(Wording("fr").text(item.label)) not in shown for item in hanging)


@pytest.mark.exhaustive
def test_a_folded_part_is_on_paper_whole_or_not_as_a_heading(ctx: Served, sit: Sit) -> None:
    """Where a browser can't open it for paper (`::details-content` is younger than 2025), its heading goes, too."""
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP)
    person.open(f"/cases/{ctx.number}")
    titles = [squeezed(one) for one in person.page.evaluate(FOLDED_TITLES)]
    assert titles
    assert [one for one in titles if one not in printed(person.page)] == []
    person.page.evaluate("""() => { for (const sheet of document.styleSheets) for (const rule of [...sheet.cssRules]) {
        if (rule.media?.mediaText !== "print") continue;
        const old = [...rule.cssRules].find(one => one.conditionText?.includes("details-content"));
        const at = [...rule.cssRules].findIndex(one => one.selectorText?.includes("details-content"));
        if (!old) continue;
        rule.deleteRule(at); rule.insertRule(old.cssRules[0].cssText, rule.cssRules.length); } }""")
    old = printed(person.page)
    assert [one for one in titles if one in old] == []


@pytest.mark.exhaustive
def test_paper_runs_from_right_to_left_too(ctx: Served, sit: Sit) -> None:
    speak(ctx, "ar")
    person = sit(ctx, "team_coordinator", "ar", DESKTOP)
    person.open(f"/cases/{ctx.number}")
    assert squeezed(format_number(ctx.number)) in printed(person.page)
    person.page.emulate_media(media="print")
    box = person.page.locator("h1").evaluate("one => [one.getBoundingClientRect().right, innerWidth]")
    assert box[0] > box[1] / 2
    speak(ctx, "fr")


# ---- keyboard ------------------------------------------------------------------------------------------------------

SEEN = """() => {
    const one = document.activeElement, last = window.last;
    const drawn = style => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 1;
    if (one === document.body || one === document.documentElement) return null;
    window.last = one;
    const box = one.closest(".option");
    const name = one.id || one.getAttribute("href") || one.name || one.textContent.trim().slice(0, 30);
    const own = drawn(getComputedStyle(one)) || drawn(getComputedStyle(one, "::after"));
    const back = Boolean(last) && Boolean(last.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING);
    return [one.tagName + " " + name, own || Boolean(box && drawn(getComputedStyle(box))), back];
}"""
"""Where the focus is, whether it shows, and whether it went back."""
STOPS = """() => {
    const groups = new Set();
    const stops = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    return [...document.querySelectorAll(stops)]
        .filter(one => !one.disabled && one.tabIndex >= 0 && one.checkVisibility({contentVisibilityAuto: true}))
        .filter(one => one.tagName !== "DETAILS").filter(one => {
            if (one.type !== "radio") return true;
            const known = groups.has(one.name); groups.add(one.name); return !known;
        }).length;
}"""


class Keys:
    """Somebody without a mouse: goes from stop to stop, and notes where the focus can't be seen or goes back."""

    def __init__(self, person: Person) -> None:
        self.person, self.page = person, person.page
        self.hidden: list[str] = []
        self.backwards: list[str] = []

    def tab(self) -> str | None:
        self.page.keyboard.press("Tab")
        found = self.page.evaluate(SEEN)
        if found is None:
            return None
        if not found[1]:
            self.hidden.append(f"{self.page.url} {found[0]}")
        if found[2]:
            self.backwards.append(f"{self.page.url} {found[0]}")
        return str(found[0])

    def to(self, what: Locator, most: int = 90) -> None:
        wanted = what.element_handle()
        for _press in range(most):
            self.tab()
            if wanted.evaluate("one => one === document.activeElement"):
                return
        raise AssertionError(f"{what} is out of the keyboard's reach")

    def enter(self) -> None:
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press("Enter")

    def all_stops(self) -> int:
        """From the top of the page to its end; the first leads past the navigation."""
        count = self.page.evaluate(STOPS)
        first = self.tab()
        assert first is not None
        assert first.startswith("A #main"), first
        visited = 1
        while self.tab() is not None and visited <= count:
            visited += 1
        return int(count) - visited


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_from_signing_in_to_what_is_recorded_by_keyboard_alone(ctx: Served, sit: Sit, language: str) -> None:
    speak(ctx, language)
    person = sit(ctx, "team_member", language, DESKTOP, True)
    keys, page = Keys(person), person.page
    page.goto(f"{ctx.url}/sign-in")
    if not page.locator("#username").evaluate("one => one === document.activeElement"):
        keys.to(page.locator("#username"))
    page.keyboard.type("membre")
    keys.to(page.locator("#password"))
    page.keyboard.type(PASSWORD)
    keys.enter()
    keys.to(page.locator(f'main .cases a[href$="{ctx.number}"]').first)
    keys.enter()
    expect(page).to_have_url(f"{ctx.url}/cases/{ctx.number}")
    keys.to(page.locator('main a[href$="/write"]').first)
    keys.enter()
    keys.to(page.locator('main a[href$="/acts/note"]').last)
    keys.enter()
    keys.to(page.locator("#a-text"))
    page.keyboard.type("Écrit au clavier.")
    keys.to(page.locator("main form .actions button").first)
    keys.enter()
    expect(person.said()).to_be_visible()
    assert keys.hidden == []
    assert keys.backwards == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/", "/cases/{case}", "/cases/{case}/acts/minutes", "/cases/{case}/first-minutes"])
def test_every_stop_is_reached_in_order_and_shows(ctx: Served, sit: Sit, language: str, path: str) -> None:
    speak(ctx, language)
    person = sit(ctx, "team_coordinator", language, DESKTOP, True)
    person.open(path.format(case=ctx.number))
    keys = Keys(person)
    assert keys.all_stops() == 0
    assert keys.hidden == []
    assert keys.backwards == []


@pytest.mark.exhaustive
def test_the_control_a_trap_a_leap_and_an_unseen_stop_are_found(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP, True)
    person.open("/")
    person.page.evaluate("""() => {
        const style = new CSSStyleSheet(); style.replaceSync(".exit:focus{outline:0!important}");
        document.adoptedStyleSheets = [style];
        const last = [...document.querySelectorAll("main a")].pop();
        last.addEventListener("keydown", event => { if (event.key === "Tab") event.preventDefault() });
    }""")
    keys = Keys(person)
    assert keys.all_stops() < 0
    assert any("/leave" in one for one in keys.hidden)
    person.open("/search")
    person.page.locator("#q").evaluate("one => { one.tabIndex = 5 }")
    keys = Keys(person)
    for _press in range(3):
        keys.tab()
    assert keys.backwards


# ---- one's own colours ---------------------------------------------------------------------------------------------

BORDER = "one => { const s = getComputedStyle(one); return [parseFloat(s.borderTopWidth), s.borderTopStyle] }"


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_in_forced_colours_nothing_is_told_by_its_ground_alone(ctx: Served, sit: Sit, language: str) -> None:
    speak(ctx, language)
    person = sit(ctx, "team_coordinator", language, DESKTOP)
    page = person.page
    page.emulate_media(forced_colors="active")
    person.open(f"/cases/{ctx.number}")
    for what in ("main .pill", "main .btn", ".danger-btn", ".alert", "a.exit"):
        width, style = page.locator(what).first.evaluate(BORDER)
        assert (width >= 1, style) == (True, "solid"), what
    assert page.locator(".danger-btn").first.evaluate(BORDER)[0] > page.locator("main .btn").first.evaluate(BORDER)[0]
    person.open(f"/cases/{ctx.number}/outcomes")
    assert ringed(page.locator(".rail .current"), "::before")
    assert not ringed(page.locator(".rail .done").first, "::before")
    person.open("/")
    assert ringed(page.locator(".chips [aria-current]"))
    assert not ringed(page.locator(".chips a:not([aria-current])").first)
    person.open("/reports/new")
    go_by(page.locator("main form .actions button").first)
    assert page.locator(".errors").evaluate(BORDER)[0] >= 2
    assert page.locator(".field.bad textarea").first.evaluate(BORDER)[0] >= 2


def ringed(what: Locator, part: str = "") -> bool:
    style, width = what.evaluate(
        f"one => {{ const s = getComputedStyle(one, '{part}' || null); return [s.outlineStyle, s.outlineWidth] }}"
    )
    return style != "none" and float(width.removesuffix("px")) >= 2


@pytest.mark.exhaustive
def test_the_control_without_forced_colours_the_borders_are_not_there(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP)
    person.open(f"/cases/{ctx.number}")
    assert person.page.locator("main .pill").first.evaluate(BORDER)[0] == 0
    person.open(f"/cases/{ctx.number}/outcomes")
    assert not ringed(person.page.locator(".rail .current"), "::before")


@pytest.mark.exhaustive
def test_more_contrast_and_less_motion(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP)
    person.page.emulate_media(contrast="more", reduced_motion="reduce")
    person.open(f"/cases/{ctx.number}")
    assert person.page.locator("main .pill").first.evaluate(BORDER)[0] == 1
    moving = person.page.evaluate("""() => [...document.querySelectorAll("*")].filter(one =>
        parseFloat(getComputedStyle(one).transitionDuration) > 0
        || getComputedStyle(one).animationName !== "none").length""")
    assert moving == 0


# ---- out in one tap ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def as_at_home(engine: Playwright) -> Iterable[Callable[[str], BrowserContext]]:
    """A browser that keeps left pages at hand for going back, as people's own do."""
    browser = engine.chromium.launch(
        executable_path=CHROMIUM, args=list(FLAGS), ignore_default_args=["--disable-back-forward-cache"]
    )

    def make(language: str) -> BrowserContext:
        return browser.new_context(locale=LOCALES[language], java_script_enabled=False)

    yield make
    browser.close()


def told(page: Page, ctx: Served) -> list[str]:
    """What of a case this page says: its number, a name, words, its acts."""
    text = f"{page.title()} {page.locator('body').inner_text()}"
    w = Wording("fr")
    telling = [format_number(ctx.number), ctx.number, "salma_2009"]
    telling += [w.text(one.title) for one in ctx.protocol.dangers.values()]
    return [one for one in telling if one in text]


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", ["/cases/{case}", "/cases/{case}/acts/note", "/cases/{case}/first-minutes"])
def test_after_leaving_quickly_going_back_shows_nothing(
    ctx: Served, as_at_home: Callable[[str], BrowserContext], path: str
) -> None:
    speak(ctx, "fr")
    person = Person(ctx, as_at_home("fr").new_page(), "team_coordinator", "fr")
    page = person.page
    person.open("/")
    person.open(f"/cases/{ctx.number}")
    person.open(path.format(case=ctx.number))
    assert told(page, ctx), "the check sees a case's page"
    go_by(page.locator("a.exit"))
    expect(page.locator("body.blank h1")).to_be_visible()
    for _step in range(3):
        assert told(page, ctx) == [], page.url
        assert "cole" not in page.title() or "/sign-in" in page.url
        page.go_back(wait_until="commit")
        page.wait_for_timeout(300)
    page.goto(f"{ctx.url}/cases/{ctx.number}")
    expect(page.locator("#password")).to_be_visible()
    assert told(page, ctx) == []


@pytest.mark.exhaustive
def test_the_control_a_page_that_may_be_kept_is_seen_when_going_back(
    ctx: Served, as_at_home: Callable[[str], BrowserContext]
) -> None:
    speak(ctx, "fr")
    person = Person(ctx, as_at_home("fr").new_page(), "team_coordinator", "fr")
    page = person.page
    person.open("/")

    def kept(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "cache-control": "max-age=600"})

    page.route(f"**/cases/{ctx.number}", kept)
    person.open(f"/cases/{ctx.number}")
    page.unroute(f"**/cases/{ctx.number}")
    page.route("**/leave", lambda route: route.fulfill(body="<p>date</p>", content_type="text/html"))
    page.goto(f"{ctx.url}/leave")
    page.go_back(wait_until="commit")
    expect(page.locator("h1")).to_be_visible()
    assert told(page, ctx)


@pytest.mark.exhaustive
def test_no_title_says_what_a_case_is_about(ctx: Served, sit: Sit) -> None:
    """Titles stand in the browser's history: no name, no act, no danger; each is said of its page alone."""
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP)
    w, protocol = Wording("fr"), ctx.protocol
    telling = {
        w.text(one.title).lower()
        for one in [
            *protocol.acts.values(),
            *protocol.moves.values(),
            *protocol.dangers.values(),
            *protocol.states.values(),
        ]
    }
    telling |= {"danger", "harcèlement", "signalement", "yasmine", "salma"}
    titles = {}
    for path in pages_of(ctx):
        person.open(path)
        titles[path] = person.page.title()
    assert [(path, title) for path, title in titles.items() if any(one in title.lower() for one in telling)] == []
    assert all(title.partition(" – ")[0].strip() for title in titles.values())
    assert len({titles[path] for path in pages_of(ctx)[:14]}) > 10, "a page is told from the next by its title"
    assert any(one in "Écouter l’élève visé(e) – Protocole École".lower() for one in telling), "the check sees one"


@pytest.mark.exhaustive
def test_every_page_has_the_way_out(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP)
    for path in pages_of(ctx)[:24]:
        person.open(path)
        expect(person.page.locator("a.exit")).to_be_visible()
        assert person.page.locator("a.exit").get_attribute("href") == "/leave"


# ---- the small script, without which every page works ----------------------------------------------------------------


def test_leaving_quickly_takes_the_pages_place_in_the_history(ctx: Served, sit: Sit) -> None:
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP, True)
    page = person.page
    person.open("/search")
    person.open(f"/cases/{ctx.number}/acts/note")
    page.locator("#a-text").fill("À moitié écrit")
    go_by(page.locator("a.exit"))
    expect(page.locator("body.blank h1")).to_be_visible()
    page.go_back()
    assert "/acts/note" not in page.url
    expect(page.locator("#password")).to_be_visible()


@pytest.mark.exhaustive
def test_typed_words_are_not_left_by_a_slip(ctx: Served, sit: Sit) -> None:
    """Asked before the page is left with words in it; not when they are sent, nor where nothing was typed."""
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP, True)
    page, asked = person.page, []

    def answer(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    person.open(f"/cases/{ctx.number}/acts/note")
    page.goto(f"{ctx.url}/")
    assert asked == []
    person.open(f"/cases/{ctx.number}/acts/note")
    page.locator("#a-text").press_sequentially("Des mots")
    page.locator("a.mark").click()
    page.wait_for_url(f"{ctx.url}/")
    assert asked == ["beforeunload"]
    person.open(f"/cases/{ctx.number}/acts/note")
    page.locator("#a-text").press_sequentially("Des mots envoyés")
    go_by(page.locator("main form .actions button").first)
    expect(person.said()).to_be_visible()
    assert asked == ["beforeunload"]


@pytest.mark.exhaustive
def test_nothing_is_asked_on_the_way_to_a_child_in_danger(ctx: Served, sit: Sit) -> None:
    """From a form with words in it; the language of the page is no reason to lose them unasked."""
    speak(ctx, "fr")
    person = sit(ctx, "team_coordinator", "fr", DESKTOP, True)
    page, asked = person.page, []

    def answer(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", answer)
    for path in ("/reports/new", f"/cases/{ctx.number}/acts/note"):
        person.open(path)
        page.locator("main form textarea").first.press_sequentially("Des mots")
        go_by(page.locator("header .sos"))
        assert asked == [], path
    person.open(f"/cases/{ctx.number}/acts/note")
    page.locator("#a-text").press_sequentially("Des mots")
    with page.expect_event("dialog"):
        page.locator("header .menu summary").click()
        page.locator("header button[name=language]").first.click()
    assert asked == ["beforeunload"]
    expect(page.locator("#a-text")).to_have_value("Des mots")


@pytest.mark.exhaustive
@pytest.mark.parametrize(("language", "said"), [("fr", "dans "), ("ar", "خلال ")])
def test_due_times_are_alive_by_the_servers_clock(ctx: Served, sit: Sit, language: str, said: str) -> None:
    speak(ctx, language)
    plain, person = (sit(ctx, "team_coordinator", language, DESKTOP, script, anew=True) for script in (False, True))
    page = person.page
    page.clock.install(time="2031-01-01T00:00:00")
    for one in (plain, person):
        one.open(f"/cases/{ctx.number}")
    soon = page.locator("time[data-left]:not(.late)")
    assert soon.count(), "something is due within a day"
    address = f'time[datetime="{soon.first.get_attribute("datetime")}"]'
    one = page.locator(address).first
    first = one.get_attribute("data-left") or ""
    assert first.startswith(said), "whatever the clock of this computer says"
    left = one.evaluate("one => Date.parse(one.dateTime) - Date.parse(one.dataset.now)")
    page.clock.fast_forward(left - 120_000)
    assert one.get_attribute("data-left") not in (first, None)
    assert "late" not in (one.get_attribute("class") or "")
    page.clock.fast_forward(300_000)
    assert "late" in (one.get_attribute("class") or "")
    page.clock.fast_forward(25 * 3_600_000)
    assert one.get_attribute("data-left") is None
    assert plain.page.locator("time[data-now]").all_inner_texts() == page.locator("time[data-now]").all_inner_texts()
    assert plain.page.locator("time[data-left]").count() == 0
