"""A throwaway demo behind an address, and pictures of its pages as somebody signed in sees them on a telephone."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from waitress.server import create_server

from guides.plan import GuideFault, Planned, Step, address
from school_protocol.auth.sign_in_service import actor_named
from school_protocol.cases.lists import see_desk
from school_protocol.config import Settings
from school_protocol.context import AppContext, SystemClock, open_context
from school_protocol.engine.visibility import Actor
from school_protocol.ops import demo
from school_protocol.web import create_app

PASSWORD = "guides-guides-guides"
WIDTH, HEIGHT, SCALE = 360, 620, 2
LOCALES = {"fr": "fr-MA", "ar": "ar-MA", "en": "en-GB"}
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")
PATIENCE = 20_000
BLANK = 6_000
"""A PNG of a page has more bytes than this; one of nothing has fewer."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo, served."""

    ctx: AppContext
    app: Flask
    url: str


@contextmanager
def served_demo(say: demo.Say) -> Iterator[Demo]:
    """A demo of its own in a folder that is gone afterwards, on a port that is free."""
    with tempfile.TemporaryDirectory(prefix="school-protocol-guides-") as name:
        settings = Settings(data=Path(name) / "demo")
        demo.prepare(settings, reset=False, password=PASSWORD, say=say)
        ctx = open_context(settings, SystemClock())
        app = create_app(ctx)
        server = create_server(app, host="127.0.0.1", port=0, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield Demo(ctx, app, f"http://127.0.0.1:{server.effective_port}")
        finally:
            server.close()
            thread.join(timeout=5)
            ctx.close()


@contextmanager
def browser() -> Iterator[Browser]:
    path = os.environ.get("SCHOOL_PROTOCOL_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield found
        finally:
            found.close()


def pictures(chromium: Browser, shown: Demo, guide: Planned, language: str) -> list[bytes]:
    """One picture a step, in order. Raises GuideFault where a page, a case or a part of a page is not there."""
    context = chromium.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=SCALE,
        locale=LOCALES[language],
        java_script_enabled=False,
        reduced_motion="reduce",
        color_scheme="light",
        is_mobile=True,
        has_touch=True,
    )
    context.set_default_timeout(PATIENCE)
    try:
        page = context.new_page()
        _sign_in(page, shown, guide.account, language)
        return [_picture(page, shown, guide, step, language) for step in guide.steps]
    finally:
        context.close()


def _sign_in(page: Page, shown: Demo, account: str, language: str) -> None:
    page.goto(f"{shown.url}/sign-in")
    page.fill("#username", account)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    _second_step(page, shown, account)
    page.wait_for_url(f"{shown.url}/")
    choice = page.locator(f'button[name="language"][value="{language}"]')
    if choice.count():
        choice.click()
        page.wait_for_load_state()


def _second_step(page: Page, shown: Demo, account: str) -> None:
    """The code of the phone, for those whose role asks for one."""
    if urlsplit(page.url).path != "/sign-in/code":
        return
    code, seconds = demo.code_of(shown.ctx.settings, account)
    time.sleep(seconds)
    page.fill("#code", code)
    page.press("#code", "Enter")


def _picture(page: Page, shown: Demo, guide: Planned, step: Step, language: str) -> bytes:
    actor = actor_named(shown.ctx, guide.account)
    assert actor is not None
    number = _case_in(shown.ctx, actor, step.case) if step.case else ""
    receipt = _receipt_of(shown.ctx, actor) if step.receipt else ""
    with shown.app.test_request_context():
        path = address(shown.app, step, number=number, receipt=receipt)
    answer = page.goto(shown.url + path)
    if answer is None or answer.status != 200:
        raise GuideFault(f"{guide.account}: {step.page} answers {answer.status if answer else 'nothing'}")
    if urlsplit(page.url).path != urlsplit(path).path:
        raise GuideFault(f"{guide.account}: {step.page} leads to {urlsplit(page.url).path}")
    said: Any = page.evaluate("document.documentElement.lang")
    if not str(said).startswith(language):
        raise GuideFault(f"{guide.account}: {step.page} is in {said}, not in {language}")
    place = page.locator(step.show)
    if not place.count():
        raise GuideFault(f"{guide.account}: {step.page} has no {step.show}")
    place.first.evaluate("part => window.scrollTo(0, part.getBoundingClientRect().top + window.scrollY - 12)")
    page.evaluate("document.fonts.ready.then(() => true)")
    taken = page.screenshot()
    if len(taken) < BLANK:
        raise GuideFault(f"{guide.account}: {step.page} shows nothing")
    return taken


def _case_in(ctx: AppContext, actor: Actor, state: str) -> str:
    after: str | None = None
    while True:
        desk = see_desk(ctx, actor, filter="open", after=after)
        for line in desk.lines:
            if line.state.key == state:
                return line.number
        after = desk.after
        if after is None:
            raise GuideFault(f"{actor.name} sees no case of the demo in {state}")


def _receipt_of(ctx: AppContext, actor: Actor) -> str:
    desk = see_desk(ctx, actor, filter="open", after=None)
    if not desk.receipts:
        raise GuideFault(f"{actor.name} has reported nothing in the demo")
    return desk.receipts[0].report
