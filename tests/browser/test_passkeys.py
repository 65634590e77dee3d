"""A passkey in a real browser, with the device that the browser pretends to have: it opens the desk alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .conftest import PHONE, Serve, Sit
from .person import Person, go_by
from .served import PASSWORD, Served

DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def give_device(page: Page, **unlike: bool) -> None:
    """A phone's own passkey store, as the browser's protocol for tests makes one."""
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **unlike}})


def at_its_name(served: Served) -> str:
    """Browsers keep no passkey for a number: the same site by its name."""
    return served.url.replace("127.0.0.1", "localhost")


def add_passkey(person: Person, url: str) -> None:
    page = person.page
    page.goto(f"{url}/sign-in?next=/account/passkeys/new")
    person.sign_in()
    page.locator("#password").fill(PASSWORD)
    go_by(page.locator("main form button").first)
    page.locator("#name").fill("Mon téléphone")
    page.locator("form.passkey button").click()


def test_a_passkey_is_added_and_opens_the_desk_alone(serve: Serve, sit: Sit) -> None:
    served = serve("2026-10-05T09:00")
    url, head = at_its_name(served), sit(served, "head", size=PHONE, script=True)
    give_device(head.page)
    add_passkey(head, url)
    expect(head.page.locator(".codes li")).to_have_count(10)
    head.page.goto(f"{url}/account")
    expect(head.page.locator("main")).to_contain_text("Mon téléphone")
    go_by(head.page.locator("form[action='/account/sessions/end-all'] button"))
    expect(head.page).to_have_url(f"{url}/sign-in")
    head.page.locator("form.passkey button").click()
    expect(head.page).to_have_url(f"{url}/")
    head.look()


@pytest.mark.exhaustive
def test_a_device_that_asks_for_nothing_is_refused_in_words(serve: Serve, sit: Sit) -> None:
    served = serve("2026-10-05T09:00")
    url, head = at_its_name(served), sit(served, "head", script=True)
    give_device(head.page, hasUserVerification=False, isUserVerified=False)
    add_passkey(head, url)
    expect(head.page.locator("[data-failed]")).to_be_visible()
    expect(head.page.locator(".codes")).to_have_count(0)


@pytest.mark.exhaustive
def test_without_a_script_nothing_speaks_of_passkeys_in_the_way(serve: Serve, sit: Sit) -> None:
    served = serve("2026-10-05T09:00")
    head = sit(served, "head")
    head.page.goto(f"{served.url}/sign-in")
    expect(head.page.locator("form.passkey")).to_be_hidden()
    head.sign_in()


@pytest.mark.exhaustive
def test_a_supervisor_passes_the_second_step(serve: Serve, sit: Sit) -> None:
    served = serve("2026-10-05T09:00")
    for _time in range(2):
        supervisor = sit(served, "directorate", anew=True)
        supervisor.types_again = True
        supervisor.open("/account")
        expect(supervisor.page).to_have_url(f"{served.url}/account")
