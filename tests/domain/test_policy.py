"""Who may see a case: scopes, restriction, seats, exclusions. Deny by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.telling import person
from school_protocol.domain.policy import (
    Actor,
    Appointment,
    Clause,
    Place,
    Reach,
    Reader,
    RoleSight,
    Scope,
    may_see,
    visible,
)
from school_protocol.domain.protocol import Protocol

PLACE = Place(
    protocol="ma-cyberharassment", unit="school", province="province", region="region", team_sees=False,
    restricted=False, seats=frozenset(), excluded=frozenset(),
)  # fmt: skip


def sights(protocol: Protocol) -> list[RoleSight]:
    return [RoleSight(protocol.protocol, role.key, role.sees.value, role.oversees) for role in protocol.roles.values()]


def sees(definition: Protocol, who: str, /, **changes: Any) -> bool:
    return may_see(visible(person(definition, who), sights(definition)), replace(PLACE, **changes))


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
