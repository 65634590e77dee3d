"""The page on which an academy holds a case, and what another academy finds there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from services.sharing_region import Region

from school_protocol.auth import repository as auth_repository
from web.test_retention import Desk, desk  # noqa: F401

WHY = "L’académie instruit une plainte."
WORDS = {
    "fr": ("Suspendre l’effacement", "Lever la suspension"),
    "ar": ("تعليق المحو", "رفع التعليق"),
    "en": ("Suspend erasing", "Lift the suspension"),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", list(WORDS))
def test_an_academy_suspends_and_lifts_on_the_page_of_the_case(desk: Desk, language: str) -> None:  # noqa: F811
    number, who = desk.keeping.ended("no_further_action"), "academy"
    account = desk.keeping.school.account(who)
    with desk.keeping.school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
    path, until = f"/cases/{number}/retention", (desk.keeping.today + timedelta(days=90)).isoformat()
    suspends, lifts = WORDS[language]
    assert suspends in desk.page(who, path)
    assert f'href="{path}"' in desk.page(who, f"/cases/{number}/outcomes")
    refused = desk.post(who, path, do="suspend", until="", reason=WHY)
    assert refused.status_code == 422
    assert WHY in refused.get_data(as_text=True), "what was typed stays"
    assert desk.post(who, path, do="suspend", until=until, reason=WHY).status_code == 303
    for reads in (who, "head", "directorate"):
        assert WHY in desk.page(reads, path), reads
    assert lifts in desk.page(who, path)
    desk.keeping.days(89)
    assert not desk.keeping.is_erased(number)
    assert desk.post(who, path, do="resume", reason="Classée").status_code == 303
    assert lifts not in desk.page(who, path)


@pytest.mark.exhaustive(but=("academy R2",))
@pytest.mark.parametrize("who", ["academy R2", "directorate P3", "directorate P2"])
def test_another_academy_finds_neither_the_page_nor_the_form(desk: Desk, who: str) -> None:  # noqa: F811
    Region(desk.keeping.school)
    number = desk.keeping.ended("no_further_action")
    path, until = f"/cases/{number}/retention", (desk.keeping.today + timedelta(days=90)).isoformat()
    nowhere = desk.client(who).get("/cases/1234567890123/retention")
    found = desk.client(who).get(path)
    assert (found.status_code, nowhere.status_code) == (404, 404)
    assert desk.post(who, path, do="suspend", until=until, reason=WHY).status_code == 404
    assert desk.post("academy", path, do="suspend", until=until, reason=WHY).status_code == 303
    assert desk.post(who, path, do="resume", reason=WHY).status_code == 404
    assert WHY in desk.page("academy", path), "it still stands"
    assert number not in desk.page(who, "/retention").replace("\u202f", "").replace("\xa0", "")
