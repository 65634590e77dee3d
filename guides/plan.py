"""What a guide shows and says: data beside a definition, checked against it, against the demo and against the pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from flask import Flask
from pydantic import Field
from werkzeug.routing import BuildError

from school_protocol.engine.definition import Protocol
from school_protocol.engine.texts import Model, Text
from school_protocol.ops.demo import PEOPLE

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "protocol_definitions" / "ma-cyberharassment"
DEFINITION, PLAN = FOLDER / "1.yaml", FOLDER / "guides.yaml"
STEPS = 4


class GuideFault(Exception):
    """A guide that can't be made as it is planned; the message says which and why."""


class Page(Model):
    """Which page is shown: an endpoint, what its address holds, and what stands at the top of the picture."""

    page: str
    with_: Mapping[str, str] = Field(default={}, alias="with")
    case: str | None = None
    """A case in this state, the first that the role sees."""
    act: str | None = None
    receipt: bool = False
    """The first receipt of a reporter."""
    show: str = "main"
    """A selector: the picture begins there."""


class Step(Page):
    title: Text
    text: Text


class Planned(Model):
    """The guide of one role, and the account of the demo whose pages it shows."""

    account: str
    lead: Text
    steps: tuple[Step, ...]


class Plan(Model):
    wrong: tuple[Text, ...]
    guides: Mapping[str, Planned]


def read_plan(path: Path = PLAN) -> Plan:
    return Plan.model_validate(yaml.load(path.read_text("utf-8"), Loader=yaml.SafeLoader))


def faults(plan: Plan, protocol: Protocol, app: Flask) -> list[str]:
    """Everything that a plan names and that isn't there, without opening a single page."""
    return [
        f"{role}: {fault}" for role, guide in plan.guides.items() for fault in _of_guide(role, guide, protocol, app)
    ]


def texts(plan: Plan) -> Iterator[tuple[str, Text]]:
    """Every text of a plan, with its place."""
    yield from ((f"wrong[{place}]", text) for place, text in enumerate(plan.wrong))
    for role, guide in plan.guides.items():
        yield f"{role}.lead", guide.lead
        for place, step in enumerate(guide.steps, 1):
            yield f"{role}.{place}.title", step.title
            yield f"{role}.{place}.text", step.text


def _of_guide(role: str, guide: Planned, protocol: Protocol, app: Flask) -> Iterator[str]:
    if role not in protocol.roles:
        yield "the definition has no such role"
    if not any((person.username, person.role) == (guide.account, role) for person in PEOPLE):
        yield f"the demo has no account {guide.account} of this role"
    if len(guide.steps) != STEPS:
        yield f"{len(guide.steps)} steps, where {STEPS} fill two pages"
    for place, step in enumerate(guide.steps, 1):
        if step.case is not None and step.case not in protocol.states:
            yield f"step {place}: no state {step.case}"
        if step.act is not None and step.act not in protocol.acts:
            yield f"step {place}: no act {step.act}"
        try:
            with app.test_request_context():
                address(app, step, number="1", receipt="r")
        except BuildError as error:
            yield f"step {place}: no page {step.page}: {str(error).splitlines()[0]}"


def address(app: Flask, step: Page, *, number: str = "", receipt: str = "") -> str:
    """The address of the page that a step shows. Within a request or its like."""
    values: dict[str, Any] = dict(step.with_)
    if step.case is not None:
        values["number"] = number
    if step.act is not None:
        values["act"] = step.act
    if step.receipt:
        values["report"] = receipt
    return app.url_for(step.page, **values)
