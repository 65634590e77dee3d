"""Who is of a school's team: whoever heads it or reads its cases there, by role or by the role that a seat acts as."""

from __future__ import annotations

import pytest

from school_protocol.engine.actors import in_team
from school_protocol.engine.definition import Protocol


@pytest.mark.parametrize(
    ("name", "is_of_it"),
    [
        ("team_member", True), ("team_coordinator", True), ("head", True), ("lead", True), ("member", True),
        ("substitute", True), ("acting_head", True), ("directorate", False), ("academy", False),
        ("acting_directorate", False), ("protocol_admin", False), ("technical_admin", False), ("data_officer", False),
        ("trainer", False), ("reporter", False), ("support", False), ("nobody", False),
    ],
)  # fmt: skip
def test_the_team_is_whoever_heads_the_school_or_reads_its_cases_there(
    moroccan: Protocol, name: str, is_of_it: bool
) -> None:
    assert in_team(moroccan, name) is is_of_it


def test_a_seat_that_acts_as_no_role_is_not_of_the_team(moroccan: Protocol) -> None:
    seat = moroccan.seats["lead"].model_copy(update={"acts_as": None})
    assert not in_team(moroccan.model_copy(update={"seats": {**moroccan.seats, "lead": seat}}), "lead")
