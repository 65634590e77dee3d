"""Figures that were issued, on their own page, by year and before everybody: axe finds nothing."""

from __future__ import annotations

from itertools import count

import pytest
from axe_playwright_python.sync_playwright import Axe
from services.figures_issued import CASES_OF, POSTS, YEAR, Country, furnish

from school_protocol.auth import repository as auth_repository

from .conftest import DESKTOP, PHONE, Serve, Sit
from .served import Served, _hashed

pytestmark = pytest.mark.exhaustive

SALE = "/figures/ma-cyberharassment/MA-SAL"
SCHOOLS = ("04001A", "04002B", "04003C")
AXE = Axe()


@pytest.fixture(scope="module")
def house(serve: Serve) -> Served:
    """Three schools of one directorate; the figures of two school years are issued, and stand before everybody."""
    served = serve("2026-11-25T10:00")
    country = Country(served.player, tokens=count())
    furnish(country, password_hash=_hashed())
    for code in SCHOOLS:
        country.count_in(code, CASES_OF[code])
    country.count_in("04001A", 31, seed=9, month="2025-11")
    for year in (YEAR - 1, YEAR):
        country.issue("directorate", "MA-SAL", year=year)
    for who in POSTS:
        served.usernames[f"figures {who}"] = f"figures_{who}"  # type: ignore[index]
    return served


def speak(served: Served, language: str) -> None:
    with served.house.directory.writing() as session:
        account = auth_repository.account_named(session, "figures_directorate")
        assert account is not None
        auth_repository.set_language(session, account.id, language)


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_axe_finds_nothing(house: Served, sit: Sit, language: str) -> None:
    speak(house, language)
    spoilt = []
    for size in (PHONE, DESKTOP):
        person = sit(house, "figures directorate", language, size, True)
        for path in ("/figures", f"{SALE}/years", f"/campaign/{language}"):
            person.open(path)
            assert path != f"{SALE}/years" or person.page.locator("main table").count()
            found = AXE.run(person.page).response["violations"]
            spoilt += [(path, one["id"], node["html"][:160]) for one in found for node in one["nodes"][:2]]
        assert person.wide == []
    assert spoilt == []
