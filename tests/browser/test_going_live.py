"""Before real cases: a member is told that the desk is not open yet, an administrator signs the list, a case begins."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from signing_off import another, make_ready

from school_protocol.cases.opening_gate import KEYS
from school_protocol.ops import going_live

from .conftest import DESKTOP, PHONE, Serve, Sit
from .inspector import LANGUAGES, Inspector, is_fine, speak
from .person import go_by

pytestmark = pytest.mark.exhaustive

START = "2026-10-05T09:00"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_is_signed_and_a_case_begins(serve: Serve, sit: Sit, language: str) -> None:
    ctx = serve(START, keeps_shut=True)
    speak(ctx, language)
    member = Inspector(sit(ctx, "team_member", language, PHONE, True))
    member.visit("/", "/reports/new", "/reports/danger")
    told = member.page.locator("main")
    expect(told).to_contain_text(member.person._("This installation is not open yet"))
    expect(told.locator("a[href^='tel:']")).not_to_have_count(0)
    expect(told.locator("form")).to_have_count(0)

    administrator = ctx.player.actors["technical_admin"]
    colleague = another(ctx.ctx, administrator)
    make_ready(ctx.ctx, administrator, colleague)
    chief = Inspector(sit(ctx, "technical_admin", language, DESKTOP, True))
    chief.visit("/go-live")
    go_by(chief.page.locator("main form button").first)
    chief.look("nothing typed")
    expect(chief.page.locator("main .error")).to_have_count(1)
    for place, key in enumerate(KEYS):
        chief.page.locator(f"#{key}-reference").fill(f"n° {place}/2026")
        with chief.page.expect_navigation(wait_until="load"):
            chief.page.locator(f"#{key}-reference").press("Enter")
    chief.look("all signed by one")
    for key in KEYS:
        going_live.sign(ctx.ctx, colleague, key, "vu")
    chief.visit("/go-live")
    chief.look("all signed by two")
    everything = chief.person._("Everything is signed: cases can be opened.")
    expect(chief.page.get_by_text(everything)).to_be_visible()

    member.visit("/reports/danger")
    go_by(member.page.locator("main form button").first)
    expect(member.page).to_have_url(re.compile(r"/cases/\d+"))
    is_fine(ctx, member, chief)
