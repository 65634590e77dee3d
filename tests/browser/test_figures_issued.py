"""Figures that were issued, on their own page, by year and before everybody: axe finds nothing."""

from __future__ import annotations

from itertools import count

import pytest
from playwright.sync_api import expect
from services.figures_issued import CASES_OF, POSTS, WHOLE_YEAR, YEAR, Country, furnish

from school_protocol.auth import repository as auth_repository
from school_protocol.statistics.rules import ReleasePeriod

from .conftest import DESKTOP, PHONE, Serve
from .inspector import LANGUAGES, Inspect, is_fine
from .served import Served, _hashed

pytestmark = pytest.mark.exhaustive

SALE = "/figures/ma-cyberharassment/MA-SAL"
SCHOOLS = ("04001A", "04002B", "04003C")


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """Three schools of one directorate; the figures of two school years are issued, and stand before everybody."""
    served = serve("2027-10-25T10:00")
    country = Country(served.player, tokens=count())
    furnish(country, password_hash=_hashed())
    for code in SCHOOLS:
        country.count_in(code, CASES_OF[code])
    country.count_in("04001A", 31, seed=9, month="2025-11")
    for period in (ReleasePeriod(YEAR - 1), WHOLE_YEAR):
        country.issue("directorate", "MA-SAL", period)
    for who in POSTS:
        served.usernames[f"figures {who}"] = f"figures_{who}"  # type: ignore[index]
    return served


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing(ctx: Served, inspect: Inspect, language: str) -> None:
    with ctx.ctx.directory.writing() as session:
        account = auth_repository.account_named(session, "figures_directorate")
        assert account is not None
        auth_repository.set_language(session, account.id, language)
    for size in (PHONE, DESKTOP):
        person = inspect("figures directorate", language, size)
        person.visit("/figures", f"{SALE}/years", f"/campaign/{language}/method")
        expect(person.page.locator("main table")).not_to_have_count(0)
        person.visit(f"/campaign/{language}")
        is_fine(ctx, person)
