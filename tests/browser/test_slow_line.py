"""A report on a cheap phone over a line of 400 ms and 50 kbit/s: five answers, few pages, few bytes.

What is asserted is counted: answers, pages, bytes. The time is only said: run with `-s` to read it.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import PHONE, Serve, Sit
from .person import Person

LINE = {"offline": False, "latency": 400, "downloadThroughput": 50_000 / 8, "uploadThroughput": 50_000 / 8}
MOST_BYTES = 60_000
MOST_PAGES = 3
SAID = {"fr": "On se moque d’elle dans le groupe de la classe.", "ar": "كيضحكو عليها فالكروب ديال القسم."}


class Line:
    """What travels, by what it is; fonts are kept by the browser and counted apart."""

    def __init__(self, person: Person) -> None:
        self.wire = person.page.context.new_cdp_session(person.page)
        self.kinds: dict[str, str] = {}
        self.bytes: dict[str, int] = {}
        self.wire.on("Network.responseReceived", self._named)
        self.wire.on("Network.loadingFinished", self._weighed)
        self.wire.send("Network.enable")

    def slow_down(self) -> None:
        self.bytes.clear()
        self.wire.send("Network.emulateNetworkConditions", LINE)

    def _named(self, event: dict[str, Any]) -> None:
        self.kinds[event["requestId"]] = event["type"]

    def _weighed(self, event: dict[str, Any]) -> None:
        kind = self.kinds.get(event["requestId"], "Other")
        self.bytes[kind] = self.bytes.get(kind, 0) + int(event["encodedDataLength"])

    @property
    def without_fonts(self) -> int:
        return sum(size for kind, size in self.bytes.items() if kind != "Font")


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_report_over_a_slow_line(serve: Serve, sit: Sit, language: str) -> None:
    ctx = serve("2026-10-05T09:55", language)
    teacher = sit(ctx, "reporter", language, PHONE)
    teacher.open("/")
    line = Line(teacher)
    line.slow_down()
    teacher.count_anew()
    teacher.visited.clear()
    began = time.perf_counter()
    teacher.open("/reports/new")
    form = ctx.protocol.form_of(ctx.protocol.acts["report"])
    teacher.say(teacher.label("report", "what_happened"), SAID[language])
    teacher.say(teacher._("Name"), "Yasmine B.")
    no = teacher._("No")
    for key in ("danger_now", "adult_concerned"):
        teacher.pick(teacher.label("report", key), no)
    known = form.by_key["how_it_came"]
    teacher.pick(teacher.label("report", "how_it_came"), teacher.w.text(known.options[0].title))
    teacher.press(teacher._("Record the report"))
    expect(teacher.page.locator("h1")).to_have_text(teacher._("Your report"))
    took = time.perf_counter() - began
    print(f"\n{language}: {took:.1f} s, {len(teacher.visited)} pages, {line.bytes}")
    assert teacher.answers == 5
    assert len(teacher.visited) <= MOST_PAGES
    assert 2_000 < line.without_fonts < MOST_BYTES


@pytest.mark.exhaustive
def test_a_heavy_page_is_noticed(serve: Serve, sit: Sit) -> None:
    """The control: the same pages, sent without compression, weigh more than they may."""
    ctx = serve("2026-10-05T09:55")
    teacher = sit(ctx, "reporter", "fr", PHONE)
    teacher.open("/")
    teacher.page.set_extra_http_headers({"Accept-Encoding": "identity"})
    line = Line(teacher)
    line.slow_down()
    for _time in range(2):
        teacher.open("/reports/new")
    assert line.without_fonts > MOST_BYTES / 3
