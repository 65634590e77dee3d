"""Who leaves with open cases: they are counted, and whoever names another is told, and finds them on the desk."""

from __future__ import annotations

from school_protocol.post import Post
from school_protocol.services.notices import sweep
from school_protocol.services.teams import orphans
from school_protocol.storage import directory

from .test_notices import Recorder
from .test_staff import Office
from .test_staff import office as office


def lost(office: Office, who: str) -> list[tuple[str, tuple[str, ...]]]:
    """The cases that nobody carries, as somebody's desk has them."""
    lines = orphans.see_own(office.house, office.school.person(who))
    return [(line.number, tuple(lack.code for lack in line.lacks)) for line in lines]


def test_of_whoever_leaves_the_cases_are_counted_and_those_who_name_another_are_told(office: Office) -> None:
    school, lead = office.school, office.school.account("team_member/2")
    for role in ("head", "team_coordinator"):
        with office.house.directory.writing() as session:
            directory.set_address(session, school.account(role), email=f"{role}@college.example", phone=None)
    school.report()
    school.act("head", "name_seat", seat="lead", account=lead)
    sweep(office.house, Post(Recorder(), None))
    assert orphans.count_held(office.house, lead, office.here.id) == 1
    assert lost(office, "head") == lost(office, "team_coordinator") == []

    office.ids["lead"] = lead
    office.end("chief", "lead")
    assert lost(office, "head") == lost(office, "team_coordinator") == [(school.number, ("left",))]
    assert lost(office, "team_member") == lost(office, "directorate") == [], (
        "they name nobody; the directorate has a page"
    )
    mail = Recorder()
    school.wait(days=8)
    sweep(office.house, Post(mail, None))
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
