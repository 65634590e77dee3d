"""Kits for the tests: each scenario's path is walked once, each PDF is made once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pdf.printed import pages

from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.protocol import printed_pages
from school_protocol.protocol.reader import read as read_protocol
from school_protocol.training import workshop_pages
from school_protocol.training.kit import walked
from school_protocol.training.scenario import Scenario
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.workshop_pages import Kit

ROOT = Path(__file__).parents[2]
SHIPPED = ("blackmail", "class-group", "online-game", "silence")
UNSEEN = "found_phone"
LANGUAGES = ("fr", "ar", "en")
MOMENT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)


@cache
def scenario_of(name: str) -> tuple[Scenario, bytes, Protocol, bytes]:
    """A scenario and its bytes, its protocol and its bytes."""
    shipped = ROOT / "protocol_definitions"
    place = shipped / "scenarios" / f"{name}.yaml" if name in SHIPPED else Path(__file__).with_name(f"{name}.yaml")
    data = place.read_bytes()
    scenario = read_scenario(data, place.name)
    of_protocol = shipped / scenario.protocol / "1.yaml" if name in SHIPPED else ROOT / "tests/protocol/small.yaml"
    content = of_protocol.read_bytes()
    return scenario, data, read_protocol(content, of_protocol.name), content


@cache
def view_of(name: str) -> Kit:
    scenario, _data, protocol, content = scenario_of(name)
    return walked(protocol, content, scenario, MOMENT)


@cache
def own_pages(name: str, language: str) -> list[str]:
    """The text of each page of a kit that is made without its blank forms."""
    return pages(made(replace(view_of(name), forms=()), language))


@cache
def printed(name: str, language: str) -> bytes:
    return made(view_of(name), language)


def made(view: Kit, language: str) -> bytes:
    return workshop_pages.kit(view, Wording(language))


def set_and_written(view: Kit, language: str) -> tuple[bytes, str]:
    """The PDF, and the page that it was made of, its blank forms behind the rest."""
    kept: list[str] = []

    def keeping(module: Any) -> Any:
        stock = module.render

        def render(html: str, **about: Any) -> bytes:
            kept.append(html)
            return bytes(stock(html, **about))

        return render

    with pytest.MonkeyPatch.context() as patched:
        for module in (workshop_pages, printed_pages):
            patched.setattr(module, "render", keeping(module))
        data = made(view, language)
    whole, blank, _mark = kept
    start, end = blank.index("<main>") + len("<main>"), blank.index("</main>")
    return data, whole.replace("</main>", blank[start:end] + "</main>")
