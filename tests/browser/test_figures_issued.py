"""Figures issued and reissued, in French at a desk, in Arabic on a phone; put before everybody; axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect
from services.figures_issued import CASES_OF, PLACES, POSTS, YEAR, Country, furnish

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.prepare_process import Here
from school_protocol.statistics.releases import go_on

from .conftest import DESKTOP, PHONE, Serve, Sit
from .person import Person, go_by
from .served import Served, _hashed

pytestmark = pytest.mark.exhaustive

SALE = "/figures/ma-cyberharassment/MA-SAL"
SCHOOLS = ("04001A", "04002B", "04003C")
ALL = sum(CASES_OF[code] for code in SCHOOLS)
SIZES = {"fr": DESKTOP, "ar": PHONE}
SPOKEN = {"fr": ("fr", "en"), "ar": ("ar",)}
AXE = Axe()


@pytest.fixture(scope="module", params=list(SIZES))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def house(serve: Serve, language: str) -> Served:
    """Three schools of one directorate, their cases counted; nothing is issued yet."""
    served = serve("2026-11-25T10:00", language)
    country = Country(served.player, tokens=count())
    furnish(country, password_hash=_hashed())
    for code in SCHOOLS:
        country.count_in(code, CASES_OF[code])
    for who in POSTS:
        served.usernames[f"figures {who}"] = f"figures_{who}"  # type: ignore[index]
    speak(served, language)
    return served


def speak(served: Served, language: str) -> None:
    with served.house.directory.writing() as session:
        for who in POSTS:
            account = auth_repository.account_named(session, f"figures_{who}")
            assert account is not None
            auth_repository.set_language(session, account.id, language)


def country_of(served: Served) -> Country:
    found = Country(served.player)
    with served.house.directory.reading() as session:
        for who in POSTS:
            account = auth_repository.account_named(session, f"figures_{who}")
            assert account is not None
            found.people[who] = account.id
        for code in SCHOOLS:
            unit = auth_repository.unit_coded(session, code)
            assert unit is not None
            found.units[code] = unit.id
    return found


def worked(served: Served) -> None:
    """What the worker does meanwhile."""
    while go_on(served.house, Here(served.house)):
        pass


def issue(person: Person) -> None:
    """From the menu to the figures that are issued."""
    person.page.goto(f"{person.served.url}/")
    person.open("/figures")
    person.press(person._("Issue these figures"))
    expect(person.page.locator("progress")).to_be_visible()
    expect(person.page.locator("main")).to_contain_text(person._("Cases are being counted."))
    worked(person.served)
    person.follow(person._("Look again"))
    person.follow(person._("Read them"))


def figure(person: Person, title: str) -> str:
    """What stands beside a row of the first table."""
    row = person.page.locator("[aria-labelledby=totals] tr", has_text=title)
    return row.locator(".figure").inner_text()


def opened(person: Person) -> str:
    return figure(person, person._("Cases opened"))


def test_figures_are_issued_read_and_issued_again(house: Served, sit: Sit, language: str) -> None:
    province = sit(house, "figures directorate", language, SIZES[language])
    school = PLACES["04001A"][list(SIZES).index(language) + 2]
    province.open("/figures")
    expect(province.page.locator("main")).to_contain_text(province._("No figures of this place were issued yet."))
    issue(province)
    assert opened(province) == str(ALL)
    expect(province.page.locator("[aria-labelledby=which]")).to_contain_text("Directorate")
    expect(province.page.locator("[aria-labelledby=below]")).to_contain_text(school)
    province.follow(school)
    assert opened(province) == str(CASES_OF["04001A"])

    head = sit(house, "figures head", language, PHONE)
    head.open("/figures")
    assert opened(head) == str(CASES_OF["04001A"])
    assert not head.page.get_by_role("button", name=head._("Issue these figures")).count()

    house.turn_to("2026-11-27T10:00")
    country_of(house).count_in("04001A", 40, seed=5)
    province.open(SALE)
    assert opened(province) == str(ALL), "frozen, whatever is counted meanwhile"
    issue(province)
    assert opened(province) == str(ALL + 40)
    changed = province.page.locator("[aria-labelledby=changed]")
    expect(changed).to_contain_text(province._("Cases opened"))
    expect(changed).to_contain_text(province._("%(before)s, now %(now)s", before=ALL, now=ALL + 40))
    province.tap(changed.get_by_role("link"))
    assert opened(province) == str(ALL)
    assert province.wide == head.wide == []


def test_figures_put_before_everybody_and_taken_away(
    house: Served, sit: Sit, window: Callable[..., BrowserContext], language: str
) -> None:
    province = sit(house, "figures directorate", language, SIZES[language])
    province.open(SALE)
    province.press(province._("Put them there"))
    expect(province.said()).to_contain_text(province._("These figures are on the page for everybody now."))
    visitor = window("ar", PHONE)
    page = visitor.new_page()
    page.goto(f"{house.url}/campaign")
    assert page.url == f"{house.url}/campaign/ar"
    expect(page.locator("main")).to_contain_text("المديرية الإقليمية بسلا")
    rounded = page.locator("[aria-labelledby=totals] .figure").first.inner_text()
    assert rounded == str((ALL + 40 + 2) // 5 * 5)
    assert visitor.cookies() == []
    go_by(page.get_by_role("link", name="Français"))
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert visitor.cookies() == []
    province.press(province._("Take them from there"))
    page.reload()
    expect(page.locator("main")).to_contain_text("Aucun chiffre n’est encore affiché ici.")


def test_axe_finds_nothing(house: Served, sit: Sit, language: str) -> None:
    """With an earlier school year issued too, so that two stand side by side."""
    country = country_of(house)
    country.count_in("04001A", 31, seed=9, month="2025-11")
    country.issue("directorate", "MA-SAL", year=YEAR - 1)
    spoilt = []
    for spoken in SPOKEN[language]:
        speak(house, spoken)
        for size in (PHONE, DESKTOP):
            person = sit(house, "figures directorate", spoken, size, True)
            for path in ("/figures", f"{SALE}/years", f"/campaign/{spoken}"):
                person.open(path)
                assert path != f"{SALE}/years" or person.page.locator("main table").count()
                found = AXE.run(person.page).response["violations"]
                spoilt += [(path, one["id"], node["html"][:160]) for one in found for node in one["nodes"][:2]]
            assert person.wide == []
    assert spoilt == []
