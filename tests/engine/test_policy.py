"""Who may see a case: scopes, restriction, seats, exclusions. Deny by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from engine.telling import NOW, person
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import (
    Actor,
    Appointment,
    Clause,
    Place,
    Reach,
    Reader,
    RoleSight,
    Scope,
    chain,
    may_break,
    may_see,
    visible,
)

PLACE = Place(
    protocol="ma-cyberharassment", unit="school", province="province", region="region", team_sees=False,
    restricted=False, seats=frozenset(), excluded=frozenset(),
)  # fmt: skip


def sights(protocol: Protocol) -> list[RoleSight]:
    return [RoleSight(protocol.protocol, role.key, role.sees.value, role.oversees) for role in protocol.roles.values()]


def sees(definition: Protocol, who: str, /, **changes: Any) -> bool:
    return may_see(visible(person(definition, who), sights(definition)), replace(PLACE, **changes))


NAMED = frozenset({Reader("academy")})
TABLE: list[tuple[str, dict[str, Any], bool]] = [
    # the coordinator and the head see their school's cases, wherever these stand
    ("team_coordinator", {}, True),
    ("head", {}, True),
    ("head", {"unit": "another"}, False),
    # the team sees what the whole team sees, and what it is seated for
    ("team_member", {}, False),
    ("team_member", {"team_sees": True}, True),
    ("team_member", {"team_sees": True, "unit": "another"}, False),
    ("team_member", {"seats": frozenset({"team_member"})}, True),
    ("team_member", {"seats": frozenset({"team_member/2"})}, False),
    # support is invited, nothing else
    ("psychosocial", {"team_sees": True}, False),
    ("psychosocial", {"seats": frozenset({"psychosocial"})}, True),
    # province and region
    ("directorate", {"unit": "another"}, True),
    ("directorate", {"province": "another"}, False),
    ("academy", {"province": "another"}, True),
    ("academy", {"region": "another"}, False),
    # a restricted case opens to the directorate alone, and to whom it seats
    ("directorate", {"restricted": True}, True),
    ("academy", {"restricted": True}, False),
    ("head", {"restricted": True}, False),
    ("team_coordinator", {"restricted": True}, False),
    ("team_member", {"restricted": True, "team_sees": True}, False),
    ("team_member", {"restricted": True, "seats": frozenset({"team_member"})}, True),
    # an exclusion shuts out whoever it is, whatever they hold
    ("head", {"excluded": frozenset({"head"})}, False),
    ("directorate", {"excluded": frozenset({"directorate"})}, False),
    ("team_member", {"seats": frozenset({"team_member"}), "excluded": frozenset({"team_member"})}, False),
    ("head", {"excluded": frozenset({"head"}), "readers": frozenset({Reader("head")})}, False),
    # whom somebody named as a reader
    ("academy", {"restricted": True, "readers": frozenset({Reader("academy")})}, True),
    ("academy", {"restricted": True, "readers": frozenset({Reader("directorate")})}, False),
    ("academy", {"restricted": True, "region": "another", "readers": frozenset({Reader("academy")})}, False),
    ("academy", {"restricted": True, "excluded": frozenset({"academy"}), "readers": NAMED}, False),
    ("head", {"restricted": True, "readers": frozenset({Reader("head")})}, False),
    # no case content
    ("reporter", {"team_sees": True}, False),
    ("data_officer", {"team_sees": True}, True),
    # one posted in the school knows nothing of a restricted case, one above it does
    ("data_officer", {"restricted": True}, False),
    ("data_officer", {"restricted": True, "unit": "below", "province": "school"}, True),
    ("data_officer", {"excluded": frozenset({"data_officer"})}, False),
    ("data_officer", {"province": "another", "region": "another", "unit": "another"}, False),
    ("technical_admin", {"team_sees": True}, False),
    ("protocol_admin", {"team_sees": True}, False),
    ("trainer", {"team_sees": True}, False),
    # another definition's case
    ("head", {"protocol": "lost-things"}, False),
    ("team_member", {"protocol": "lost-things", "seats": frozenset({"team_member"})}, False),
]


@pytest.mark.parametrize(("who", "changes", "expected"), TABLE)
def test_who_sees_what(moroccan: Protocol, who: str, changes: dict[str, Any], expected: bool) -> None:
    assert sees(moroccan, who, **changes) is expected


def test_every_role_stands_in_the_table(moroccan: Protocol) -> None:
    assert {who for who, *_rest in TABLE} >= set(moroccan.roles) - {"workshop_participant"}


def test_nobody_sees_anything_by_default() -> None:
    assert visible(Actor("x", "main", "X", ()), []) == Scope("x", ())
    assert not may_see(Scope("x", ()), PLACE)


def test_a_role_of_no_definition_opens_nothing(moroccan: Protocol) -> None:
    stranger = Actor("x", "main", "X", (Appointment("king", "school", date(2020, 1, 1)),))
    assert not may_see(visible(stranger, sights(moroccan)), PLACE)


def test_whoever_oversees_a_region_sees_its_restricted_cases(moroccan: Protocol) -> None:
    """Else a definition whose overseer sits at the region would have cases that nobody can open."""
    regional = [RoleSight(moroccan.protocol, "academy", "region", True)]
    scope = visible(person(moroccan, "academy"), regional)
    assert may_see(scope, replace(PLACE, restricted=True))


def test_an_appointment_has_its_days() -> None:
    held = Appointment("head", "school", date(2026, 9, 1), date(2026, 12, 31))
    days = [date(2026, 8, 31), date(2026, 9, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [held.is_current(day) for day in days] == [False, True, True, False]


def test_a_role_holds_in_its_unit_only() -> None:
    actor = Actor("x", "main", "X", (Appointment("head", "one", date(2020, 1, 1)), Appointment("reporter", "two",
                  date(2020, 1, 1))))  # fmt: skip
    assert actor.roles_in(["two"]) == ("reporter",)


def test_scopes_say_no_more_than_they_need(moroccan: Protocol) -> None:
    scope = visible(person(moroccan, "team_member"), sights(moroccan))
    assert scope.clauses == (
        Clause("ma-cyberharassment", Reach.seat, sees_restricted=True),
        Clause("ma-cyberharassment", Reach.unit, "school", only_team_states=True),
    )


def test_what_is_open_for_a_time_is_over_to_the_moment(moroccan: Protocol) -> None:
    scope = visible(person(moroccan, "academy"), sights(moroccan), NOW)
    for hours, is_open in ((1, True), (0, False), (-1, False)):
        place = replace(PLACE, restricted=True, readers=frozenset({Reader("academy", NOW + timedelta(hours=hours))}))
        assert may_see(scope, place) is is_open
        assert not may_see(replace(scope, now=None), place), "nothing that is open for a time, where nobody asks when"


def test_a_seat_opens_nothing_to_whoever_was_made_to_leave(moroccan: Protocol) -> None:
    place = replace(PLACE, seats=frozenset({"team_member"}), number="123")
    for left, sees_it in ((frozenset[str](), True), (frozenset({"123"}), False)):
        actor = replace(person(moroccan, "team_member"), left=left)
        assert may_see(visible(actor, sights(moroccan)), place) is sees_it


def test_parts_of_a_scope_hold_what_they_say(moroccan: Protocol) -> None:
    officer, head, above = (
        visible(person(moroccan, who), sights(moroccan)) for who in ("data_officer", "head", "academy")
    )
    both = replace(officer, clauses=(*officer.clauses, *head.clauses))
    assert [one.is_metadata for one in (officer, head, both)] == [True, False, False]
    assert {one.reach for one in both.of_content().clauses} == {Reach.seat, Reach.unit}
    assert [{one.reach for one in scope.in_school().clauses} for scope in (head, above)] == [
        {Reach.seat, Reach.unit}, {Reach.seat},
    ]  # fmt: skip
    assert [[one.reach for one in scope.overseeing()] for scope in (officer, head, above)] == [[], [], [Reach.region]]


def test_who_may_open_in_an_emergency(moroccan: Protocol) -> None:
    """Whoever answers for the school from above, to whom it is closed, and who isn't shut out."""
    shut = replace(PLACE, restricted=True)
    for who, place, may in (
        ("academy", shut, True),
        ("academy", PLACE, False),
        ("academy", replace(shut, excluded=frozenset({"academy"})), False),
        ("academy", replace(shut, region="another"), False),
        ("head", shut, False),
    ):
        actor = person(moroccan, who)
        held = chain(actor, sights(moroccan), place)
        assert may_break(visible(actor, sights(moroccan)), place, held) is may
