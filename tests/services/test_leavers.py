"""Who leaves with open cases: they are counted, and whoever names another is told, and finds them on the desk."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engine.telling import SAFE

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import handing_over, lookup_repository
from school_protocol.context import today_for
from school_protocol.mail import Post
from school_protocol.notifications.service import sweep
from school_protocol.people import stand_ins

from .test_notices import Recorder
from .test_staff import Office
from .test_staff import office as office


def lost(office: Office, who: str) -> list[tuple[str, tuple[str, ...]]]:
    """The cases that nobody carries, as somebody's desk has them."""
    lines = handing_over.see_own(office.ctx, office.school.person(who))
    return [(line.number, tuple(lack.code for lack in line.lacks)) for line in lines]


def test_of_whoever_leaves_the_cases_are_counted_and_those_who_name_another_are_told(office: Office) -> None:
    school, lead = office.school, office.school.account("team_member/2")
    for role in ("head", "team_coordinator"):
        with office.ctx.directory.writing() as session:
            auth_repository.set_address(session, school.account(role), email=f"{role}@college.example", phone=None)
    school.report()
    school.act("head", "name_seat", seat="lead", account=lead)
    sweep(office.ctx, Post(Recorder(), None))
    assert handing_over.count_held(office.ctx, lead, office.here.id) == 1
    assert lost(office, "head") == lost(office, "team_coordinator") == []

    office.ids["lead"] = lead
    office.end("chief", "lead")
    assert lost(office, "head") == lost(office, "team_coordinator") == [(school.number, ("left",))]
    assert lost(office, "team_member") == lost(office, "directorate") == [], (
        "they name nobody; the directorate has a page"
    )
    mail = Recorder()
    school.wait(days=8)
    sweep(office.ctx, Post(mail, None))
    assert {to.partition("@")[0] for to, _letter in mail.sent} >= {"head", "team_coordinator"}

    school.act("head", "name_seat", seat="lead", account=school.account("team_member"))
    assert lost(office, "head") == []


def test_a_last_day_to_come_takes_nothing_away_before_it(office: Office) -> None:
    school, lead = office.school, office.school.account("team_member/2")
    school.report()
    school.act("head", "name_seat", seat="lead", account=lead)
    office.ids["lead"] = lead
    office.end("chief", "lead", 5)
    assert office.actor("lead").left == frozenset()
    assert lost(office, "head") == []
    school.wait(days=6)
    assert lost(office, "head") == [(school.number, ("left",))]


def test_whose_certificate_ends_or_who_is_away_carries_a_case_no_more(office: Office) -> None:
    school, lead = office.school, office.school.account("team_member/2")
    school.report()
    school.act("head", "name_seat", seat="lead", account=lead)
    with office.ctx.directory.writing() as session:
        auth_repository.set_training(
            session, lead, certified=True, trained_until=today_for(office.ctx) + timedelta(days=3)
        )
    school.wait(days=3)
    assert lost(office, "head") == [], "its last day counts"
    school.wait(days=1)
    assert lost(office, "head") == lost(office, "team_coordinator") == [(school.number, ("untrained",))]

    coordinator = school.account("team_coordinator")
    school.act("head", "name_seat", seat="lead", account=coordinator)
    assert lost(office, "head") == []
    stands_in(office, "team_member", coordinator)
    assert lost(office, "head") == [(school.number, ("away",))]
    school.wait(days=20)
    assert lost(office, "head") == [], "back again"


def stands_in(office: Office, who: str, away: str) -> None:
    """For the coordinator, as of today and for ten days."""
    today = today_for(office.ctx)
    chosen = office.school.account(who)
    stand_ins.name_stand_in(
        office.ctx, office.school.person("head"), office.here.code, place=f"team_coordinator.{away}", account=chosen,
        starts=today.isoformat(), ends=(today + timedelta(days=10)).isoformat(), reason="illness", sentence="",
        token=office.school.token(),
    )  # fmt: skip


def test_a_lead_whose_last_day_is_over_leaves_a_case_that_nobody_carries(office: Office) -> None:
    school = office.school
    school.report()
    until = today_for(office.ctx) + timedelta(days=2)
    school.act("team_member", "safety_check", SAFE)
    school.move("team_coordinator", "qualify")
    school.act("head", "name_seat", seat="lead", account=school.account("team_member/2"), until=until.isoformat())
    school.move("team_coordinator", "assign")
    assert lost(office, "head") == []
    school.wait(days=3)
    assert lost(office, "head") == [(school.number, ("empty",))]


def test_where_nobody_heads_the_school_each_case_is_found_by_who_names_its_lead(office: Office) -> None:
    school = office.school
    school.report()
    school.act("head", "name_seat", seat="lead", account=school.account("team_member/2"))
    assert lost(office, "team_coordinator") == []
    office.ids["head"] = school.account("head")
    office.end("chief", "head")
    school.wait(days=1)
    assert lost(office, "team_coordinator") == [(school.number, ("no_head",))]


def test_a_desk_reads_no_case_that_somebody_carries(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that the whole team sees and nobody leads yet, as most are that were just reported."""
    school, read = office.school, []
    ask = lookup_repository.open_cases
    monkeypatch.setattr(
        lookup_repository, "open_cases", lambda *asked, **more: read.append(ask(*asked, **more)) or read[-1]
    )
    school.report()
    assert lost(office, "head") == []
    school.act("head", "name_seat", seat="lead", account=school.account("team_member/2"))
    assert lost(office, "head") == []
    assert read == [(), ()]
    office.ids["lead"] = school.account("team_member/2")
    office.end("chief", "lead")
    assert [number for number, _lacks in lost(office, "head")] == [one.number for one in read[-1]] == [school.number]
