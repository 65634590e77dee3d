"""A pupil, a parent and their receipts, on a phone 360 pixels wide, without a script and without an account.

Each comes from the poster, tells what happens, and comes back with the code for the team's answer.
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
from school_protocol.reports import service as reports_service
from school_protocol.reports.material import Address
from school_protocol.reports.public_door import Gate
from school_protocol.reports.rules import FLOOD

from .conftest import DESKTOP, PHONE, Serve, Sit
from .person import SHAPE, Person, go_by
from .served import Served

Window = Callable[..., BrowserContext]
WORDS = {
    "ar": "واحد البنات كينشرو تصاوري فـgroupe ديال القسم وكيضحكو عليا",
    "fr": "Ma fille reçoit des menaces sur Snapchat depuis deux jours.",
}
ANSWER = {"ar": "شكرا لأنك تكلمت. نحن هنا.", "fr": "Merci de nous avoir prévenus. Nous vous attendons demain."}


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

    def follow(self, name: str) -> None:
        go_by(self.page.get_by_role("link", name=name).first)
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
def house(serve: Serve) -> Served:
    return serve("2026-09-14T11:05", "ar")


def coming(served: Served, window: Window, language: str) -> Stranger:
    door = public_door.renew(served.house, served.player.actor("head"), served.player.school, "public")
    return Stranger(served, window(language, PHONE).new_page(), language, door.code)


def test_a_pupil_tells_in_arabic_and_reads_the_answer(house: Served, sit: Sit, window: Window) -> None:
    pupil = coming(house, window, "ar")
    pupil.open()
    expect(pupil.page.locator("main a[href='tel:19']")).to_be_in_viewport(ratio=1)
    pupil.press(pupil._("Send"))
    expect(pupil.page.locator(".errors")).to_be_focused()
    pupil.write("a-what_happens", WORDS["ar"])
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
    reader = answered(sit, house, "team_member", "ar")
    back = coming(house, window, "ar")
    back.open("/back")
    back.write("receipt", code)
    back.press(back._("Read the answer"))
    expect(back.page.locator("main")).to_contain_text(ANSWER["ar"])
    assert code.replace(" ", "").replace("\n", "") not in back.page.url
    back.press(back._("Do not contact me any more"))
    expect(back.page.locator("main")).to_contain_text(back._("How to reach you is erased."))
    reader.open("/signalements")
    reader.tap(reader.page.locator("main a[href^='/signalements/']:not([href*='addresses'])").last)
    expect(reader.page.locator("main")).to_contain_text(WORDS["ar"])
    expect(reader.page.locator("main")).not_to_contain_text("2AC")


def answered(sit: Sit, served: Served, role: str, language: str) -> Person:
    """Somebody of the team reads the one report there is, and answers."""
    member = sit(served, role, language)
    member.open("/")
    member.tap(member.page.locator("main a[href='/signalements']").first)
    member.tap(member.page.locator("main .case a").first)
    expect(member.page.locator("main")).to_contain_text(WORDS[language])
    member.page.locator("#said").fill(ANSWER[language])
    member.press(member._("Send the answer"))
    expect(member.page.locator("main [role=status]")).to_be_visible()
    assert member.wide == []
    return member


@pytest.mark.exhaustive
def test_a_parent_tells_in_french_and_a_case_is_opened(serve: Serve, sit: Sit, window: Window) -> None:
    served = serve("2026-09-14T11:05", "fr")
    parent = coming(served, window, "ar")
    parent.open()
    go_by(parent.page.get_by_role("link", name="Français"))
    parent.language = "fr"
    parent.look()
    parent.follow(parent._("What happens after I report"))
    assert served.protocol.signalement is not None
    assert served.protocol.signalement.material is not None
    for step in served.protocol.signalement.material.after:
        expect(parent.page.locator("main")).to_contain_text(Wording("fr").text(step.title))
    parent.follow(parent._("Tell what happens"))
    parent.write("a-what_happens", WORDS["fr"])
    parent.choose("danger_now", "unsure")
    parent.choose("adult_concerned", "no")
    parent.say_more()
    parent.choose("to_whom", "my_child")
    parent.write("a-reach_how", "Mme Berrada, 06 00 00 00 00")
    parent.press(parent._("Send"))
    code = parent.code()
    expect(parent.page.locator("main a[href='tel:19']")).to_be_visible()
    lead = sit(served, "team_coordinator", "fr")
    lead.open("/signalements")
    lead.tap(lead.page.locator("main .case a").first)
    expect(lead.page.locator("main .alert.late a[href='tel:19']")).to_be_visible()
    lead.follow(lead._("Open a case"))
    expect(lead.page.locator("textarea[name=a-what_happened]")).to_have_value(WORDS["fr"])
    lead.press(lead._("Open the case"))
    assert "/cases/" in lead.page.url
    parent.open("/back?lang=fr")
    parent.write("receipt", code)
    parent.press(parent._("Read the answer"))
    parent.write("words", "Il y a aussi un faux compte.")
    parent.press(parent._("Send"))
    expect(parent.page.locator("main")).to_contain_text("Il y a aussi un faux compte.")
    assert lead.wide == []


@pytest.mark.exhaustive
def test_one_real_cry_stands_apart_in_a_flood(serve: Serve, sit: Sit, window: Window) -> None:
    served = serve("2026-09-14T11:05", "fr")
    door = public_door.renew(served.house, served.player.actor("head"), served.player.school, "public").code
    for number in range(FLOOD * 4):
        gate, place = Gate(), f"198.51.100.{number}"
        form = reports_service.see_form(served.house, gate, door, address=place)
        answers = {"what_happens": "ha" * (number + 2), "danger_now": "no", "adult_concerned": "no"}
        right = str(form.challenge.answer) if form.challenge else ""
        reports_service.receive(
            served.house, gate, door, answers, token=form.token, address=place, language="fr", solved=right
        )
    child = Stranger(served, window("fr", PHONE).new_page(), "fr", door)
    child.open()
    child.write("a-what_happens", "Ils m’attendent tous les soirs devant l’école, et filment.")
    child.choose("danger_now", "yes")
    child.choose("adult_concerned", "no")
    expect(child.page.locator("label[for=challenge]")).to_be_visible()
    child.write("challenge", solved(child))
    child.press(child._("Send"))
    assert child.code()
    lead = sit(served, "team_coordinator", "fr", PHONE)
    lead.open("/signalements")
    assert lead.page.locator("main .case").count() == 2
    lead.tap(lead.page.locator("main .case a").first)
    expect(lead.page.locator("main")).to_contain_text("Ils m’attendent tous les soirs")
    assert lead.wide == []


def solved(child: Stranger) -> str:
    """What whoever reads or hears the question answers."""
    words = [child._(word) for word in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")]
    asked = re.findall(r"\w+", child.page.locator("label[for=challenge]").inner_text().lower())
    return str(sum([words.index(word) + 1 for word in asked if word in words][:2]))


def test_whoever_leaves_quickly_sees_the_day(house: Served, window: Window) -> None:
    child = coming(house, window, "fr")
    child.open()
    go_by(child.page.get_by_role("link", name=child._("Leave quickly")))
    expect(child.page.locator("h1")).to_contain_text("14")
    assert child.page.context.cookies() == []
    assert child.door not in child.page.url


@pytest.mark.exhaustive
def test_what_the_poster_shows_leads_to_the_page(house: Served, window: Window) -> None:
    child = coming(house, window, "fr")
    address = Address(f"{house.url}/s/{child.door}")
    child.page.goto(f"http://{address.before}{address.code.upper()}")
    expect(child.page.locator("form textarea")).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_axe_finds_nothing(serve: Serve, window: Window, sit: Sit, language: str) -> None:
    served = serve("2026-09-14T11:05", language)
    door = public_door.renew(served.house, served.player.actor("head"), served.player.school, "public").code
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
    return [one["id"] for one in Axe().run(page).response["violations"]]
