"""Quick guides: what they show is there, what they say is said in three languages; each check on a planted fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine.telling import MOROCCAN, NOW
from flask import Flask

from guides.plan import STEPS, Plan, Planned, Step, address, faults, read_plan, texts
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.language import stigma
from school_protocol.protocol.reader import read_file
from school_protocol.web import create_app

pytestmark = pytest.mark.exhaustive

ROLES = {"reporter", "team_member", "team_coordinator", "head", "directorate", "academy", "data_officer"}
LANGUAGES = ("fr", "ar", "en")
TITLE, TEXT = 60, 190
"""Letters that fit beside each other on two pages."""


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return read_file(MOROCCAN)


@pytest.fixture(scope="module")
def app(protocol: Protocol) -> Iterator[Flask]:
    with throwaway(protocol, MOROCCAN.read_bytes(), NOW) as player:
        yield create_app(player.ctx, testing=True)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan()


def changed(plan: Plan, **changes: object) -> Plan:
    """The plan with the first step of its first guide changed."""
    role, guide = next(iter(plan.guides.items()))
    first = guide.steps[0].model_copy(update=changes)
    return with_guide(plan, role, guide.model_copy(update={"steps": (first, *guide.steps[1:])}))


def with_guide(plan: Plan, role: str, guide: Planned) -> Plan:
    return plan.model_copy(update={"guides": {**plan.guides, role: guide}})


def test_each_role_has_its_guide_and_each_page_is_there(plan: Plan, protocol: Protocol, app: Flask) -> None:
    assert set(plan.guides) >= ROLES
    assert faults(plan, protocol, app) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"page": "desk.nowhere"}, "no page desk.nowhere"),
        ({"page": "cases.show"}, "no page cases.show"),
        ({"page": "cases.act", "case": "listening_running"}, "no page cases.act"),
        ({"page": "cases.show", "case": "no_such_state"}, "no state no_such_state"),
        ({"page": "cases.act", "case": "closed", "act": "no_such_act"}, "no act no_such_act"),
    ],
)
def test_what_is_no_longer_there_is_told(
    plan: Plan, protocol: Protocol, app: Flask, changes: dict[str, object], fault: str
) -> None:
    [told] = faults(changed(plan, **changes), protocol, app)
    assert fault in told


def test_a_role_an_account_or_a_step_that_is_missing_is_told(plan: Plan, protocol: Protocol, app: Flask) -> None:
    guide = plan.guides["head"]
    for role, other, fault in (
        ("no_such_role", guide, "no such role"),
        ("head", guide.model_copy(update={"account": "membre"}), "no account membre"),
        ("head", guide.model_copy(update={"steps": guide.steps[1:]}), f"{STEPS - 1} steps"),
    ):
        assert any(fault in told for told in faults(with_guide(plan, role, other), protocol, app)), fault


def test_every_address_is_the_pages_own(plan: Plan, app: Flask) -> None:
    step: Step = plan.guides["team_member"].steps[2]
    with app.test_request_context():
        assert address(app, step, number="123") == f"/cases/123/acts/{step.act}"


def test_everything_is_said_in_three_languages_and_fits(plan: Plan) -> None:
    said = list(texts(plan))
    assert len(said) == len(plan.wrong) + len(plan.guides) * (1 + 2 * STEPS)
    for place, text in said:
        assert set(text.root) == set(LANGUAGES), place
        for language, words in text.root.items():
            assert words.strip(), place
            assert not stigma(language, words), (place, words)
            assert len(words) <= (TITLE if place.endswith("title") else TEXT), (place, language, len(words))
        assert len(set(text.root.values())) == len(LANGUAGES), f"{place}: two languages say the same"
        assert any("\u0621" <= letter <= "\u064a" for letter in text.root["ar"]), place
