"""Pages over several schools, of teams that are visited and of other systems: axe finds nothing, they are light."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from playwright.sync_api import expect
from services.conftest import NAME, School
from services.sharing_region import FAR, NEAR, Region
from services.tokening import administrator, ask, drawn

from school_protocol.auth import repository as auth_repository
from school_protocol.people import roster
from school_protocol.supervision import visit_service

from .conftest import DESKTOP, PHONE, Serve
from .inspector import LANGUAGES, Inspect, Inspector, is_fine
from .person import go_by
from .served import Served, _hashed

pytestmark = pytest.mark.exhaustive

STARTS = "2026-11-25T10:00"
QUESTION = "Des élèves de chez vous administrent-ils ce groupe ?"
ADMIN = "chief"
"""Whoever administers the accounts of the region."""


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """A case that leads over two schools, and whose transfer is asked for; a visit, a night on duty, a token."""
    served = serve(STARTS)
    region = Region(School(served.player, count(1)))
    school = region.school
    school.report()
    served.adopt(school.number)
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    for code in (NEAR, FAR):
        school.act("directorate", "ask_contribution", school=code, adult_concerned="no", asked=QUESTION)
    school.act("head", "transfer", receiving_school=NEAR, summary="Depuis octobre.", measures="Un adulte référent.")
    _visited(served)
    served.player.actors[ADMIN] = administrator(served.player, ADMIN)
    ask(served.ctx, served.player.actors[ADMIN], _code(served, 0))
    drawn(served.player)
    with served.ctx.directory.writing() as session:
        names = {name: actor.id for name, actor in served.player.actors.items()}
        for name, account in auth_repository.accounts(session, names.values()).items():
            auth_repository.set_password(session, name, _hashed())
            who = next(one for one, known in names.items() if known == account.id)
            served.usernames[who] = account.username  # type: ignore[index]
    return served


def _code(served: Served, storey: int) -> str:
    """Of the school's province, or its region."""
    with served.ctx.directory.reading() as session:
        above = auth_repository.unit(session, auth_repository.unit(session, served.player.school).parents[storey])
    return above.code


def _school(served: Served) -> str:
    with served.ctx.directory.reading() as session:
        return auth_repository.unit(session, served.player.school).code


def _visited(served: Served) -> None:
    who, day = served.player.actor("academy"), served.ctx.now().date()
    action = {"what": "Former une troisième personne", "who": "Le directeur"}
    late, ahead = ({**action, "by": (day + timedelta(days=days)).isoformat()} for days in (0, 30))
    said = {
        "held_on": day.isoformat(),
        "came": "Deux superviseures",
        "remarks": "L’équipe a un local.\nElle se réunit.",
    }
    visit_service.record(served.ctx, who, _school(served), actions=[late, ahead], token="a visit", **said)
    keeper, now = served.player.actor("directorate"), served.ctx.now()
    roster.enter(
        served.ctx, keeper, "", account=keeper.id, starts=now.isoformat(),
        ends=(now + timedelta(hours=12)).isoformat(), token="a night",
    )  # fmt: skip


def press(inspector: Inspector, where: str) -> None:
    go_by(inspector.page.locator(where).first)


def asked(ctx: Served, inspector: Inspector) -> str:
    """The address of what is asked, as the list leads there."""
    inspector.visit("/", "/from-schools")
    return inspector.page.locator("main a.go[href*='/asked/']").first.get_attribute("href") or ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_over_several_schools(ctx: Served, inspect: Inspect, language: str) -> None:
    there = inspect(f"head {NEAR}", language)
    way = asked(ctx, there)
    there.visit(way)
    expect(there.page.locator("body")).not_to_contain_text(NAME)
    there.page.locator("main [name=a-answer][value=refused]").check()
    press(there, "main form .actions button")
    expect(there.page.locator(".errors")).to_be_visible()
    there.look("answer, 422")
    above = inspect("directorate P2", language, DESKTOP)
    above.visit(asked(ctx, above))
    here, case = inspect("team_coordinator", language), f"/cases/{ctx.number}"
    here.visit(f"{case}/outcomes")
    told = here.page.locator("main a[href*='/contributions/']").get_attribute("href")
    expect(here.page.locator("[aria-labelledby=contributions] li")).to_have_count(2)
    here.visit(str(told))
    settles = ctx.protocol.acts["settle_contribution"].key
    here.visit(f"{case}/acts/{settles}")
    asks = inspect("directorate", language)
    asks.visit(f"{case}/acts/ask_contribution", "/review")
    is_fine(ctx, there, above, here, asks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_whoever_answers_second(ctx: Served, inspect: Inspect, language: str) -> None:
    """Their form is open as somebody else answers; what they typed is shown, and nothing is recorded."""
    school = School(ctx.player, count(LANGUAGES.index(language) * 100 + 1000))
    school.number = ctx.number
    seq = school.act("head", "transfer", receiving_school=NEAR, summary="Depuis octobre.", measures="Un référent.").seq
    late = inspect(f"head {NEAR}", language, (PHONE, DESKTOP, PHONE)[LANGUAGES.index(language)])
    late.visit(f"/cases/{ctx.number}/asked/{seq}")
    late.page.locator("main [name=a-answer][value=refused]").check()
    late.page.locator("main [name=a-reason]").fill("La classe est pleine.")
    school.act("head", "transfer", receiving_school=FAR, summary="Depuis octobre.", measures="Un référent.")
    press(late, "main form .actions button")
    expect(late.page.locator("main .quote")).to_have_text("La classe est pleine.")
    expect(late.page.locator("main [role=alert]")).to_be_visible()
    late.look("answered")
    is_fine(ctx, late)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_of_teams_visits_and_duty(ctx: Served, inspect: Inspect, language: str) -> None:
    team = f"/teams/schools/{_school(ctx)}"
    size = (PHONE, DESKTOP, PHONE)[LANGUAGES.index(language)]
    above = inspect("directorate", language, size)
    above.visit(
        "/teams", "/teams?lack=few&level=upper", "/teams?place=ZZZ", "/teams/visits", "/teams/visits?since=hier"
    )
    above.visit(team, f"{team}/figures", f"{team}/visits/new", f"{team}/pack", "/teams/duty")
    press(above, "main form.card .actions button, main form .actions button")
    expect(above.page.locator(".errors")).to_be_visible()
    above.look("duty, 422")
    above.visit(team)
    wrote = inspect("academy", language, size)
    wrote.visit(team)
    right = wrote.page.locator(f"main a[href^='{team}/visits/']:not([href$=new])").first.get_attribute("href")
    wrote.visit(str(right))
    head = inspect("head", language)
    head.visit(team)
    is_fine(ctx, above, wrote, head)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_of_other_systems(ctx: Served, inspect: Inspect, language: str) -> None:
    size = (DESKTOP, PHONE, PHONE)[LANGUAGES.index(language)]
    asks = inspect(ADMIN, language, size)
    asks.visit("/systems", "/systems?show=over", "/systems/new")
    press(asks, "main form .actions button")
    expect(asks.page.locator(".errors")).to_be_visible()
    asks.look("ask for a token, 422")
    asks.visit("/systems")
    ways = asks.page.locator("main a[href^='/systems/']:not([href$=new])").evaluate_all(
        "found => found.map(one => one.getAttribute('href'))"
    )
    agrees = inspect("directorate", language, PHONE)
    agrees.visit("/systems", *ways)
    asks.visit(*ways)
    is_fine(ctx, asks, agrees)
    one = ask(ctx.ctx, ctx.player.actors[ADMIN], _code(ctx, 0), name=f"Pilotage {language}")
    agrees.visit(f"/systems/{one}")
    press(agrees, f"main form[action='/systems/{one}/agree'] button")
    asks.visit(f"/systems/{one}")
    press(asks, f"main form[action='/systems/{one}/draw'] button")
    expect(asks.page.locator("main .address code")).to_contain_text("sp_")
    asks.look("the token, shown once")
    is_fine(ctx, asks, agrees)
