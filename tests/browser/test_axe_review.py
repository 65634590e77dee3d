"""Pages of those above the school, and what they say at its place: axe finds nothing, and they are light."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.events import Remark, RemarkKind
from school_protocol.notifications import repository as notifications_repository
from school_protocol.people.invitations import invite
from school_protocol.supervision import review

from .conftest import DESKTOP, PHONE, Serve
from .inspector import Inspect, Inspector, is_fine
from .person import go_by
from .served import Served, Step, story

pytestmark = pytest.mark.exhaustive

SIZES = {"fr": DESKTOP, "ar": PHONE}
FIELD = "account"
ASKED = "من رافق [EV1]؟ Qui l’a accompagné(e) ?"


def steps_until(name: str, last: str, at: str) -> list[Step]:
    """The steps of a story up to the first `last` at that moment, which is done too."""
    steps = story(name)
    place = next(place for place, one in enumerate(steps) if one["do"] == last and one["at"] == at)
    return steps[: place + 1]


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """A closing at a grave level that waits for the visa; observed on the whole, on an entry, on a question of it, and
    on a form that is missing."""
    served = serve("2026-09-14T11:04")
    served.replay(steps_until("sc6", "t_prop_close", "2026-12-18T11:00"))
    served.turn_to("2026-12-18T14:00")
    entry = int(served.latest("listening_target"))
    for place in ({}, {"entry": entry}, {"entry": entry, "field": FIELD}, {"act": "head_visa"}):
        remark = Remark(kind=RemarkKind.complete, text=ASKED, awaits=True, **place)  # type: ignore[arg-type]
        review.observe(served.ctx, served.player.actor("directorate"), served.number, remark, expected=None)
    _invited(served)
    return served


def _invited(served: Served) -> None:
    """Somebody whose link waits, in an installation that shows its mails, so that the list can be pressed."""
    with served.ctx.directory.writing() as session:
        notifications_repository.mark_as_demo(session, at=served.ctx.now())
        school = auth_repository.unit(session, served.player.school).code
    invite(
        served.ctx, served.player.actor("academy"), unit=school, roles=["reporter"], name_fr="Salma Bennani",
        name_ar=None, email="salma@ecole.example", language="fr", certified_until=None, token="an invitation",
    )  # fmt: skip


def refused(inspector: Inspector, path: str, name: str) -> None:
    """The form of that page, sent as it is: what is missing is said."""
    inspector.visit(path)
    go_by(inspector.page.locator("main form.card .actions button[type=submit]").first)
    expect(inspector.page.locator("main .errors")).to_be_visible()
    inspector.look(f"{name}, 422")


@pytest.mark.parametrize("language", list(SIZES))
def test_pages_of_a_review(ctx: Served, inspect: Inspect, language: str) -> None:
    case, entry = f"/cases/{ctx.number}", ctx.latest("listening_target")
    province = inspect("directorate", language, SIZES[language])
    province.visit("/review", case, f"{case}/conformance", f"{case}/remarks", f"{case}/entries/{entry}")
    refused(province, f"{case}/review/observe?about={entry}.{FIELD}", "observe")
    expect(province.page.locator("main #about")).to_have_value(f"{entry}.{FIELD}")
    refused(province, f"{case}/review/refuse", "refuse")
    head = inspect("head", language, SIZES[language])
    head.visit(case, f"{case}/remarks", f"{case}/entries/{entry}", f"{case}/acts/head_visa")
    for path in (case, f"{case}/entries/{entry}"):
        head.visit(path)
        box = head.page.locator("main .observed form").first
        go_by(box.get_by_role("button"))
        expect(head.page.locator("main .observed .error")).to_be_visible()
        head.look(f"{path}, 422")
    is_fine(ctx, province, head)


@pytest.mark.parametrize("language", list(SIZES))
def test_pages_of_referrals_and_contacts(ctx: Served, inspect: Inspect, language: str) -> None:
    province = inspect("directorate", language, SIZES[language])
    province.visit("/referrals", "/referrals?show=silent", "/referrals?show=settled")
    academy = inspect("academy", language, SIZES[language])
    academy.visit(
        "/review",
        f"/cases/{ctx.number}/review/examined",
        "/referrals",
        "/contacts",
        "/invitations/new",
        "/invitations",
    )
    expect(academy.page.locator("main form[action$='/resend']")).to_have_count(1)
    refused(academy, "/invitations/new", "an invitation")
    refused(academy, "/contacts/new", "a contact")
    is_fine(ctx, province, academy)
