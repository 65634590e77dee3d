"""The academy's own hold on erasure: on cases of its region, until its day is over; another academy has no part."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.exc import DatabaseError

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import load
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.events import ErasureResumed, ErasureSuspended
from school_protocol.privacy import holds
from school_protocol.storage import access_log
from services.conftest import School
from services.retaining import Keeping
from services.sharing_region import Region
from services.test_retention import hold, limit

WHY = "L’académie instruit une plainte."
STRANGERS = ("academy R2", "directorate P3", "directorate P2", "head", "data_officer", "technical_admin")
"""Another academy, a province of it, another province of this academy, and whoever oversees nothing."""


@pytest.fixture
def keeping(school: School) -> Keeping:
    """A case that a fortnight and two notices part from its erasure, in a country of two academies."""
    found = Keeping(school)
    Region(school)
    found.ended("no_further_action")
    found.leap(date(2027, 5, 20))
    return found


def release(keeping: Keeping, who: str, why: str = "Classée.") -> None:
    school = keeping.school
    holds.resume(school.ctx, school.person(who), school.number, why, token=school.token())


def said(keeping: Keeping) -> list[tuple[str, str, str]]:
    """What stands in the case of its erasure: event, role, reason."""
    school = keeping.school
    with school.ctx.realm.reading() as session:
        events = load(school.ctx, session, school.person("directorate"), school.number).events
    return [(type(one).__name__, one.role, one.reason) for one in events if isinstance(one, HELD)]


HELD = (ErasureSuspended, ErasureResumed)


@pytest.mark.exhaustive
def test_an_academy_alone_holds_a_case_until_its_day_is_over_and_not_longer(keeping: Keeping) -> None:
    number, ctx = keeping.school.number, keeping.school.ctx
    hold(keeping, days=60, who="academy", reason=WHY)
    assert said(keeping) == [("ErasureSuspended", "academy", WHY)]
    with ctx.realm.reading() as session:
        assert "retention.suspended" in {
            one.what for one in access_log.access_of_case(session, keeping.case_id(), limit=50)
        }
    last = keeping.today + timedelta(days=60)
    keeping.days(60)
    assert (keeping.today, limit(keeping).suspended, keeping.is_erased(number)) == (last, True, False)
    with pytest.raises(DatabaseError, match="held"), ctx.realm.writing() as session:
        cases_repository.destroy_case(session, ctx.vault, keeping.case_id(), at=ctx.now(), actor="x")
    view = limit(keeping, who="directorate")
    assert (view.until, view.reason) == (last, WHY)
    keeping.days(1)
    assert not limit(keeping).suspended
    assert not keeping.is_erased(number), "the notices come first"
    keeping.days(40)
    assert keeping.is_erased(number)


@pytest.mark.exhaustive
def test_the_control_without_a_hold_it_is_gone_in_the_same_days(keeping: Keeping) -> None:
    number = keeping.school.number
    keeping.days(60)
    assert keeping.is_erased(number)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("places", "lifts"), [("academy", "academy"), ("directorate", "academy"), ("academy", "directorate")]
)
def test_who_oversees_lifts_what_another_of_them_placed(keeping: Keeping, places: str, lifts: str) -> None:
    number = keeping.school.number
    hold(keeping, days=200, who=places, reason=WHY)
    release(keeping, lifts)
    assert said(keeping) == [("ErasureSuspended", places, WHY), ("ErasureResumed", lifts, "Classée.")]
    with pytest.raises(Refused, match="not_suspended"):
        release(keeping, lifts, "Encore.")
    keeping.days(13)
    assert not keeping.is_erased(number)
    keeping.days(40)
    assert keeping.is_erased(number)


@pytest.mark.exhaustive(but=("academy R2",))
@pytest.mark.parametrize("who", STRANGERS)
def test_nobody_from_elsewhere_places_lifts_or_finds_one(keeping: Keeping, who: str) -> None:
    with pytest.raises(Unseen):
        hold(keeping, who=who, reason=WHY)
    hold(keeping, days=200, who="academy", reason=WHY)
    with pytest.raises(Unseen):
        release(keeping, who)
    assert said(keeping) == [("ErasureSuspended", "academy", WHY)]
    if who not in ("head", "data_officer"):
        with pytest.raises(Unseen):
            limit(keeping, who=who)
    assert limit(keeping).suspended


@pytest.mark.exhaustive
def test_an_academy_holds_no_case_in_which_it_takes_no_part(keeping: Keeping) -> None:
    school = keeping.school
    school.report(who="head")
    school.act("directorate", "conflict", account=school.account("academy"), reason="close_relative")
    keeping.step("no_further_action")
    with pytest.raises(Unseen):
        hold(keeping, who="academy", reason=WHY)
    hold(keeping, who="directorate", reason=WHY)
    with pytest.raises(Unseen):
        release(keeping, "academy")
