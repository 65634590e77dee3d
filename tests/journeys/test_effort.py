"""What a whole story asks of people, counted: it may become less."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from engine.telling import MOROCCAN

from school_protocol.cases.story_player import effort_of, story_of, throwaway
from school_protocol.engine.definition import Protocol

KEY = "ma-cyberharassment"


@pytest.mark.parametrize(("name", "together", "submissions", "required"), [
    ("sc1", 5, 37, 70),
    pytest.param("sc3", 3, 61, 101, marks=pytest.mark.exhaustive),
    pytest.param("sc4", 9, 40, 81, marks=pytest.mark.exhaustive),
    pytest.param("sc6", 1, 55, 108, marks=pytest.mark.exhaustive),
])  # fmt: skip
def test_submissions_and_required_answers_of_a_story(
    moroccan: Protocol, name: str, together: int, submissions: int, required: int
) -> None:
    with throwaway(moroccan, MOROCCAN.read_bytes(), datetime(2000, 1, 1, tzinfo=UTC)) as player:
        effort = effort_of(moroccan, player.play(story_of(KEY, name).steps))
    assert effort.moves + effort.acts + effort.signatures > effort.submissions
    assert (effort.together, effort.submissions, effort.required) == (together, submissions, required)
