"""The API asked by schemathesis: with whatever its own document allows, and with what it doesn't."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import schemathesis
from engine.telling import MOROCCAN, NOW
from flask import Flask
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import BaseSchema
from services.conftest import School
from services.figures_issued import a_country
from services.tokening import administrator, ask, drawn

from school_protocol.api import openapi, tokens
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.statistics.models import State
from school_protocol.web import create_app
from web.described import BASE

DOCUMENT = openapi.document()
CASES = [path for path in DOCUMENT["paths"] if not path.startswith("/figures")]
FIGURES = [path for path in DOCUMENT["paths"] if path.startswith("/figures")]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
EACH = settings(
    max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
Known = dict[str, tuple[str, ...]]
"""Identifiers that are there, by the name of the parameter."""


class World:
    """An application, its identifiers, and how a token of it is drawn."""

    def __init__(self, app: Flask, known: Known, token: Callable[[], str]) -> None:
        self.app, self.known, self.token = app, known, token

    def schema(self) -> BaseSchema:
        return schemathesis.openapi.from_wsgi(f"{BASE}/openapi.json", self.app)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, moroccan: Protocol) -> Iterator[World]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path_factory.mktemp("cases")), clock)
    school = School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1))
    school.report()
    known = {
        "case": (school.number,),
        "after": (school.number,),
        "digest": (moroccan.digest,),
        "school": ("00000A",),
        "protocol": (moroccan.protocol,),
        "state": tuple(moroccan.states),
        "stage": tuple(moroccan.stages),
    }
    yield World(create_app(ctx, testing=True), known, lambda: drawn(school.player, rights=("cases:read",))[1])
    ctx.close()


@pytest.fixture(scope="module")
def figures() -> Iterator[World]:
    with a_country() as country:
        assert country.issue("academy", "MA-04").state == State.issued
        chief, release = administrator(country.player, "chief", country.units["MA"]), country.told("MA-04").line.id

        def token() -> str:
            asked = ask(country.ctx, chief, "MA-04", ["figures:read"])
            tokens.agree(country.ctx, country.person("academy"), asked)
            return tokens.draw_token(country.ctx, chief, asked)

        known = {"release": (release,), "after": (release,), "unit": ("MA-04", "MA-SAL", "04001A")}
        yield World(create_app(country.ctx, testing=True), known, token)


def asked(world: World, path: str, mode: GenerationMode) -> dict[int, int]:
    """How often each status was answered; raises what the document does not say. An identifier is one of the world's
    wherever the document can't say which there are."""
    operation, secret, answered = world.schema()[path]["GET"], world.token(), dict[int, int]()

    @EACH
    @given(operation.as_strategy(generation_mode=mode), st.data())
    def ask_one(case: Any, data: st.DataObject) -> None:
        assume([] not in (case.query or {}).values())  # an empty list is no part of an address: nothing is wrong there
        if mode is GenerationMode.POSITIVE:
            for said in (case.query, case.path_parameters):
                for name in [name for name in said or {} if name in world.known]:
                    others = () if name in ("after", "case") else (said[name],)
                    said[name] = data.draw(st.sampled_from((*world.known[name], *others)))
        response = case.call_and_validate(headers={"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"})
        answered[response.status_code] = answered.get(response.status_code, 0) + 1

    ask_one()
    return answered


@pytest.mark.exhaustive
@pytest.mark.parametrize("mode", MODES, ids=["allowed", "not-allowed"])
@pytest.mark.parametrize("path", CASES)
def test_cases_answer_as_described_whatever_is_asked(cases: World, path: str, mode: GenerationMode) -> None:
    answered = asked(cases, path, mode)
    assert (200 in answered) or mode is GenerationMode.NEGATIVE, answered
    assert answered.keys() <= {200, 400, 401, 404}, answered


@pytest.mark.exhaustive
@pytest.mark.parametrize("mode", MODES, ids=["allowed", "not-allowed"])
@pytest.mark.parametrize("path", FIGURES)
def test_figures_answer_as_described_whatever_is_asked(figures: World, path: str, mode: GenerationMode) -> None:
    answered = asked(figures, path, mode)
    assert (200 in answered) or mode is GenerationMode.NEGATIVE, answered
    assert answered.keys() <= {200, 400, 401, 404}, answered


@pytest.mark.exhaustive
def test_the_control_a_key_that_is_said_to_be_any_text_is_told(cases: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was: an empty `protocol` was valid by the document, and refused."""
    planted = json.loads(json.dumps(DOCUMENT))
    for parameter in planted["paths"]["/cases"]["get"]["parameters"][1:]:
        if parameter["name"] == "protocol":
            parameter["schema"] = {"type": "string"}
    monkeypatch.setattr(openapi, "written", lambda: json.dumps(planted).encode())
    monkeypatch.delitem(cases.known, "protocol")
    with pytest.raises(FailureGroup, match=r'Schema-valid request rejected[\s\S]*"parameter":"protocol"'):
        asked(cases, "/cases", GenerationMode.POSITIVE)
