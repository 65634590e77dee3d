"""Chromium, an installation at an address, and people before it. Pages are read without JavaScript unless asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from .inspector import Inspect, Inspector, speak
from .person import Person
from .served import Served, serving

CHROMIUM = os.environ.get("SCHOOL_PROTOCOL_CHROMIUM", "/usr/bin/chromium")
# Some processes fewer: the tests' pages come from one place, and need not be kept from one another.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--in-process-gpu", "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
)  # fmt: skip
LOCALES = {"fr": "fr-MA", "ar": "ar-MA", "en": "en-GB"}
DESKTOP, PHONE = (1280, 800), (360, 740)
PATIENCE = 60_000
"""Milliseconds: the machine may be busy."""

Serve = Callable[..., Served]
Sit = Callable[..., Person]


@pytest.fixture(scope="session")
def engine() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(engine: Playwright) -> Iterator[Browser]:
    browser = engine.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def until() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def serve(until: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """`serve(start, language)`: an installation of its own; `keeps_shut=True` where the go-live list is asked for."""

    def open_context(start: str, language: str = "fr", **more: bool) -> Served:
        folder: Path = tmp_path_factory.mktemp("ctx")
        return until.enter_context(serving(folder, start, language, **more))

    return open_context


def faults_of(context: BrowserContext) -> list[str]:
    """Faults of scripts on any page of that window, from now on: the page would go on without them, and say nothing."""
    told: list[str] = []
    context.on("weberror", lambda fault: told.append(f"{fault.page.url if fault.page else ''}: {fault.error}"))
    return told


def _refuse(told: list[str]) -> None:
    assert told == []


@pytest.fixture(scope="module")
def window(chromium: Browser, until: ExitStack) -> Callable[..., BrowserContext]:
    """`window(language, size, script)`: a browser window that knows nobody."""

    def make(language: str = "fr", size: tuple[int, int] = DESKTOP, script: bool = False) -> BrowserContext:
        width, height = size
        made = chromium.new_context(
            viewport={"width": width, "height": height},
            locale=LOCALES[language],
            java_script_enabled=script,
            reduced_motion="reduce",
            has_touch=size == PHONE,
            is_mobile=size == PHONE,
        )
        made.set_default_timeout(PATIENCE)
        until.callback(_refuse, faults_of(made))
        until.callback(made.close)
        return made

    return make


@pytest.fixture(scope="module")
def sit(window: Callable[..., BrowserContext]) -> Sit:
    """`sit(served, role)`: this person, at a new tab of the browser of theirs; `anew=True` gives them another one."""
    theirs: dict[Hashable, BrowserContext] = {}

    def make(
        served: Served, role: str, language: str = "fr", size: tuple[int, int] = DESKTOP, script: bool = False,
        *, anew: bool = False,
    ) -> Person:  # fmt: skip
        whose = (served.url, role, language, size, script)
        if not anew and whose not in theirs:
            theirs[whose] = window(language, size, script)
        context = window(language, size, script) if anew else theirs[whose]
        return Person(served, context.new_page(), role, language)

    return make


@pytest.fixture
def inspect(request: pytest.FixtureRequest, sit: Sit) -> Iterator[Inspect]:
    """People of this module's installation, each before axe, reading one language."""
    made: list[Inspector] = []

    def make(role: str, language: str, size: tuple[int, int] = PHONE) -> Inspector:
        ctx: Served = request.getfixturevalue("ctx")
        speak(ctx, language)
        made.append(Inspector(sit(ctx, role, language, size, True)))
        return made[-1]

    yield make
    for one in made:
        one.page.close()
