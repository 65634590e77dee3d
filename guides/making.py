"""From a plan and pictures to a PDF of two pages; what is due and whom to call come from definition and directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO

import pikepdf
from playwright.sync_api import Browser

from guides.pictures import Demo, pictures
from guides.plan import GuideFault, Plan
from school_protocol.auth import repository as auth_repository
from school_protocol.cases.help import role_guide
from school_protocol.engine.definition import Protocol
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.people.contacts import contact_lines
from school_protocol.protocol.printed_pages import GuideStep, QuickGuide, quick_guide

PAGES = 2
MOST_DUE = 6
MOST_CALLS = 8
SCHOOL = "04127K"
"""The demo's school whose contacts are printed."""


def made(chromium: Browser, shown: Demo, plan: Plan, role: str, language: str) -> bytes:
    """One guide. Raises GuideFault where it can't be made as planned, or isn't two pages."""
    [protocol] = shown.ctx.library.current()
    planned, w = plan.guides[role], Wording(language)
    taken = pictures(chromium, shown, planned, language)
    guide = QuickGuide(
        role=protocol.roles[role].title,
        protocol=protocol.title,
        lead=planned.lead,
        steps=tuple(
            GuideStep(step.title, step.text, picture) for step, picture in zip(planned.steps, taken, strict=True)
        ),
        calls=tuple(_calls(shown, protocol)),
        due=tuple(_due(protocol, role, w)),
        wrong=plan.wrong,
        made_at=shown.ctx.now(),
    )
    data = quick_guide(guide, w)
    count = page_count(data)
    if count != PAGES:
        raise GuideFault(f"the guide of {role} in {language} has {count} pages")
    return data


def page_count(data: bytes) -> int:
    with pikepdf.open(BytesIO(data)) as pdf:
        return len(pdf.pages)


def _calls(shown: Demo, protocol: Protocol) -> Iterable[tuple[Mapping[str, str], str]]:
    with shown.ctx.directory.reading() as session:
        school = auth_repository.unit_coded(session, SCHOOL)
    assert school is not None
    lines = [line for line in contact_lines(shown.ctx, protocol, school.id) if line.phone]
    return [(line.name, line.phone or "") for line in lines[:MOST_CALLS]]


def _due(protocol: Protocol, role: str, w: Wording) -> Iterable[tuple[Text, str]]:
    for one in role_guide(protocol, role).duties[:MOST_DUE]:
        for count in one.counts[:1]:
            yield one.duty.title, w.within(count.deadline.value, count.deadline.unit)


def file_name(role: str, language: str) -> str:
    return f"{role.replace('_', '-')}.{language}.pdf"
