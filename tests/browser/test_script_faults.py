"""No script of a page stands in the way of another: a fault in one is seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext

from .conftest import Serve, faults_of
from .served import Served

PLANTED = "const said = 1;"


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    return serve("2026-10-05T09:55")


def test_the_scripts_of_the_sign_in_page_run_beside_each_other(
    ctx: Served, window: Callable[..., BrowserContext]
) -> None:
    context = window(script=True)
    told = faults_of(context)
    page = context.new_page()
    page.goto(f"{ctx.url}/sign-in")
    assert page.locator("script[src]").count() == 2
    assert told == []


@pytest.mark.exhaustive
def test_the_control_two_that_call_something_alike_are_told(ctx: Served, chromium: Browser) -> None:
    context = chromium.new_context()
    told = faults_of(context)
    page = context.new_page()
    page.route("**/planted-*.js", lambda route: route.fulfill(body=PLANTED, content_type="text/javascript"))
    page.route(
        "**/planted",
        lambda route: route.fulfill(
            body="<script src='/planted-1.js'></script><script src='/planted-2.js'></script>", content_type="text/html"
        ),
    )
    page.goto(f"{ctx.url}/planted")
    context.close()
    assert len(told) == 1
    assert "said" in told[0]
