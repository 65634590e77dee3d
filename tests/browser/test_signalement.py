"""A pupil and their receipt, on a phone 360 pixels wide, without a script and without an account.

They come from the poster, tell what happens, and come back with the code for the team's answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from school_protocol.language import Wording
from school_protocol.reports import public_door

from .conftest import DESKTOP, PHONE, Serve, Sit
from .person import SHAPE, Person, go_by
from .served import Served

Window = Callable[..., BrowserContext]
WORDS = "واحد البنات كينشرو تصاوري فـgroupe ديال القسم وكيضحكو عليا"
ANSWER = "شكرا لأنك تكلمت. نحن هنا."


@dataclass
class Stranger:
    """Somebody whom the school doesn't know, with a telephone."""

    served: Served
    page: Page
    language: str
    door: str

    def _(self, message: str, **values: object) -> str:
        return Wording(self.language)._(message, **values)

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.served.url}/s/{self.door}{path}")
        self.look()

    def press(self, name: str) -> None:
        go_by(self.page.locator("main").get_by_role("button", name=name, exact=True))
        self.look()

    def look(self) -> None:
        """Nothing sticks out sideways, the language runs as it runs, the title says nothing, and no cookie is there."""
        beyond, direction = self.page.evaluate(SHAPE)
        assert beyond == 0, self.page.url
        assert direction == Wording(self.language).direction
        assert self.page.title() == self._("Information")
        assert self.page.context.cookies() == []

    def choose(self, question: str, answer: str) -> None:
        self.page.locator(f"[name='a-{question}'][value='{answer}']").check()

    def write(self, name: str, words: str) -> None:
        self.page.locator(f"[name='{name}']").fill(words)

    def say_more(self) -> None:
        self.page.locator("details.more-asked > summary").click()

    def code(self) -> str:
        return self.page.locator(".code-big").inner_text()


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    return serve("2026-09-14T11:05", "ar")


def coming(served: Served, window: Window, language: str) -> Stranger:
    door = public_door.renew(served.ctx, served.player.actor("head"), served.player.school, "public")
    return Stranger(served, window(language, PHONE).new_page(), language, door.code)


def test_a_pupil_tells_in_arabic_and_reads_the_answer(ctx: Served, sit: Sit, window: Window) -> None:
    pupil = coming(ctx, window, "ar")
    pupil.open()
    expect(pupil.page.locator("main a[href='tel:19']")).to_be_in_viewport(ratio=1)
    pupil.press(pupil._("Send"))
    expect(pupil.page.locator(".errors")).to_be_focused()
    pupil.write("a-what_happens", WORDS)
    pupil.choose("danger_now", "no")
    pupil.choose("adult_concerned", "no")
    pupil.say_more()
    pupil.choose("intimate_image", "yes")
    pupil.choose("reach", "discreetly")
    pupil.write("a-reach_how", "سلمى، 2AC، وقت الاستراحة")
    pupil.press(pupil._("Send"))
    code = pupil.code()
    assert re.fullmatch(r"[\d\s]{17,24}", code)
    expect(pupil.page.locator("main")).to_contain_text(pupil._("About the intimate image"))
    reader = answered(sit, ctx)
    back = coming(ctx, window, "ar")
    back.open("/back")
    back.write("receipt", code)
    back.press(back._("Read the answer"))
    expect(back.page.locator("main")).to_contain_text(ANSWER)
    assert code.replace(" ", "").replace("\n", "") not in back.page.url
    back.press(back._("Do not contact me any more"))
    expect(back.page.locator("main")).to_contain_text(back._("How to reach you is erased."))
    reader.open("/signalements")
    reader.tap(reader.page.locator("main a[href^='/signalements/']:not([href*='addresses'])").last)
    expect(reader.page.locator("main")).to_contain_text(WORDS)
    expect(reader.page.locator("main")).not_to_contain_text("2AC")


def answered(sit: Sit, served: Served) -> Person:
    """Somebody of the team reads the one report there is, and answers."""
    member = sit(served, "team_member", "ar")
    member.open("/")
    member.tap(member.page.locator("main a[href='/signalements']").first)
    member.tap(member.page.locator("main .case a").first)
    expect(member.page.locator("main")).to_contain_text(WORDS)
    member.page.locator("#said").fill(ANSWER)
    member.press(member._("Send the answer"))
    expect(member.page.locator("main [role=status]")).to_be_visible()
    assert member.wide == []
    return member


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_axe_finds_nothing(serve: Serve, window: Window, sit: Sit, language: str) -> None:
    served = serve("2026-09-14T11:05", language)
    door = public_door.renew(served.ctx, served.player.actor("head"), served.player.school, "public").code
    page = window(language, PHONE, script=True).new_page()
    base = f"{served.url}/s/{door}"
    for path in ("", "/back", "/after", "x"):
        page.goto(f"{base}{path}?lang={language}")
        assert faults(page) == [], path
    page.goto(f"{base}?lang={language}")
    go_by(page.locator("main form button[type=submit]"))
    assert faults(page) == []
    page.locator("[name='a-what_happens']").fill("x")
    page.locator("[name='a-danger_now'][value='yes']").check()
    page.locator("[name='a-adult_concerned'][value='no']").check()
    go_by(page.locator("main form button[type=submit]"))
    code = page.locator(".code-big").inner_text()
    assert faults(page) == []
    page.goto(f"{base}/back?lang={language}")
    page.locator("[name=receipt]").fill(code)
    go_by(page.locator("main form button[type=submit]"))
    assert faults(page) == []
    served.clock.turn_to(served.clock.now() + timedelta(minutes=1))
    head = sit(served, "head", language, DESKTOP, script=True)
    for path in ("/signalements", "/signalements/addresses"):
        head.open(path)
        assert faults(head.page) == [], path
    head.open("/signalements")
    head.tap(head.page.locator("main .case a").first)
    assert faults(head.page) == []
    head.page.evaluate("document.querySelector('main h1').outerHTML = '<img src=x>'")
    assert faults(head.page) != [], "the control"


def faults(page: Page) -> list[str]:
    beyond, _direction = page.evaluate(SHAPE)
    return [one["id"] for one in Axe().run(page).response["violations"]] + (["too wide"] if beyond > 0 else [])
