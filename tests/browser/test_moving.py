"""Pages of cases that may follow another version, by axe, in three languages: difference, list, one case, drafts."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect
from services.administering import HOLDS
from services.test_moving_versions import without_a_question
from versions import next_version, plain, published

from school_protocol.auth import repository as auth_repository
from school_protocol.context import REALM
from school_protocol.publishing import draft_process, move_case
from school_protocol.publishing import service as publishing_service

from .conftest import DESKTOP, PHONE, Serve, Sit
from .inspector import Inspector, is_fine, speak
from .person import go_by
from .served import DEFINITIONS, Served, story
from .served import _hashed as hashed

pytestmark = pytest.mark.exhaustive

DATA = plain(DEFINITIONS / "1.yaml")
FIRST, SECOND = "administrator/1", "administrator/2"
KEY = "ma-cyberharassment"
PAIR = f"/protocols/{KEY}/1/2"
REPORT: draft_process.Report = {
    "proof": draft_process.proof_out(HOLDS),
    "stories": [{"story": "sc1", "title": "Le groupe de la classe", "steps": 12}],
}


def shorter(data: dict[str, object]) -> None:
    """A question less, so that a decision is needed; an act of another kind, so that cases must stay."""
    without_a_question(data)
    data["undo_minutes"] = "5"


def without_notes(data: dict[str, object]) -> None:
    data["acts"]["note"]["kind"] = "note"  # type: ignore[index]


def administrator(ctx: Served, name: str, username: str, language: str) -> None:
    role = next(role.key for role in ctx.protocol.roles.values() if role.publishes)
    with ctx.ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username=username, names={"fr": username, "ar": username}, language=language,
            created_at=ctx.clock.now(), password_hash=hashed(),
        )  # fmt: skip
        auth_repository.appoint(session, account, role=role, unit=ctx.player.school, starts=date(2000, 1, 1))
        actor = auth_repository.actor(session, account, realm=REALM, today=datetime.now(UTC).date())
    assert actor is not None
    ctx.player.actors[name] = actor
    ctx.usernames = {**ctx.usernames, name: username}


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """Six cases, five of them checked; a second version, and a draft of the third; a draft of a new protocol."""
    served = serve("2026-10-05T09:00")
    for name, username in ((FIRST, "protocole"), (SECOND, "protocole2")):
        administrator(served, name, username, "fr")
    sc1 = story("sc1")
    checked = [step["do"] for step in sc1].index("name_seat")
    for number in range(6):
        until = checked if number < 5 else 1
        served.replay([{**step, "case": f"case {number}"} for step in sc1[:until]])
    published(served.ctx, next_version(DATA, 2, shorter))
    return served


@pytest.fixture
def drafts(ctx: Served) -> tuple[str, str]:
    """The addresses of two drafts that were worked out and looked from: of a third version, of a new protocol."""
    actor = ctx.player.actors[FIRST]
    phare = (DEFINITIONS.parent / "fr-phare" / "1.yaml").read_bytes()
    ids = [
        publishing_service.upload(ctx.ctx, actor, content, "protocole.yaml")
        for content in (next_version(DATA, 3, shorter, without_notes), phare)
    ]
    publishing_service.work_out(ctx.ctx, lambda _content, _before: REPORT)
    return f"/protocols/drafts/{ids[0]}", f"/protocols/drafts/{ids[1]}"


def numbers(ctx: Served, outcome: str) -> list[str]:
    """The cases of which that would become."""
    listed = move_case.see_open_cases(ctx.ctx, ctx.player.actors[FIRST], KEY, 1, 2)
    return [line.number for line in listed.of(outcome)]


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_axe_finds_nothing_on_any_of_these_pages(ctx: Served, drafts: tuple[str, str], sit: Sit, language: str) -> None:
    speak(ctx, language)
    asks, can = (f"{PAIR}/cases/{numbers(ctx, outcome)[0]}" for outcome in ("asks", "moves"))
    for size, scheme in ((PHONE, "light"), (DESKTOP, "dark")):
        person = Inspector(sit(ctx, FIRST, language, size, True))
        person.page.emulate_media(color_scheme=scheme)
        person.visit("/protocols", f"{PAIR}/difference", f"{PAIR}/cases", asks, can, *drafts)
        refused(person, asks)
        is_fine(ctx, person)
        person.page.close()


def refused(person: Inspector, address: str) -> None:
    """The form without a reason."""
    page = person.page
    person.person.open(address)
    page.locator("#reason").evaluate("one => one.removeAttribute('required')")
    go_by(page.locator("main form.stack button"))
    expect(page.locator(".errors")).to_be_visible()
    person.look(f"{address}, 422")


def test_the_control_a_bar_without_a_name_is_found(ctx: Served, drafts: tuple[str, str], sit: Sit) -> None:
    speak(ctx, "fr")
    person = Inspector(sit(ctx, FIRST, "fr", PHONE, True))
    person.person.open(drafts[0])
    person.page.locator("main").evaluate(
        """main => main.insertAdjacentHTML("beforeend", '<div role="progressbar" aria-valuenow="3"></div>')"""
    )
    person.look("spoilt")
    assert {one.rule for one in person.spoilt} == {"aria-progressbar-name"}
    person.page.close()
