"""A review or a closure that is late: whoever owes it is reminded, those above are told, and nobody reads of what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.language import ZONE
from school_protocol.protocol.reader import read
from school_protocol.supervision.remarks import settle_remark
from school_protocol.supervision.review import ask_review, end_review
from services.conftest import School
from services.reviewing import ASKS, closing, observes
from services.test_notices import STAFF, Watched

DANGER_WORDS = r"danger|suicid|harc[eè]l|violence|خطر|انتحار|تحرش|تنمر|victim|élève|pupil|تلميذ|report|signal|تبليغ"
OWED = ("directorate", "academy", "head")
REMINDED = [(26, "directorate"), (1, "directorate"), (2, "directorate"), (3, "academy")]
"""Asked on Wednesday 25, reminded on the morning of the fifth school day (Saturday is one), late from its evening."""


@pytest.fixture
def watched(moroccan: Protocol) -> Iterator[Watched]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield Watched(School(player, count(1))).known(*STAFF).opened()


def days(watched: Watched, number: int = 14) -> list[tuple[int, str]]:
    """On which days of that month which of those who may owe something got a mail, over so many days."""
    found = []
    for _day in range(number * 4):
        watched.school.wait(hours=6)
        watched.sweep()
        letters = [letter for _to, letter in watched.mail.sent]
        assert not [one for one in letters if re.search(DANGER_WORDS, one.subject + one.text, re.IGNORECASE)]
        assert not [one for one in letters if watched.school.number in one.subject + one.text]
        found += [(watched.now.astimezone(ZONE).day, who) for who in watched.told() if who in OWED]
    return found


def sent_for_review(watched: Watched) -> None:
    school = watched.school
    ask_review(school.ctx, school.person("team_coordinator"), school.number, token=school.token())


@pytest.mark.exhaustive
def test_whoever_is_to_review_is_reminded_the_day_before_and_once_it_is_late_and_then_the_academy(
    watched: Watched,
) -> None:
    sent_for_review(watched)
    assert days(watched) == REMINDED


@pytest.mark.exhaustive
def test_the_control_without_these_steps_nobody_is_told(moroccan: Protocol) -> None:
    text = MOROCCAN.read_text("utf-8")
    before = next(line for line in text.splitlines() if line.startswith("  review_answer:"))
    without = text.replace(before, re.sub(r"steps: \[.*?\], editable", "editable", before)).encode()
    assert without != text.encode()
    with throwaway(read(without, "1.yaml"), without, NOW) as player:
        watched = Watched(School(player, count(1))).known(*STAFF).opened()
        sent_for_review(watched)
        assert days(watched) == REMINDED[:1]


@pytest.mark.exhaustive
def test_a_review_that_is_done_in_time_reminds_nobody_and_neither_does_one_that_waits_for_the_team(
    watched: Watched,
) -> None:
    school = watched.school
    sent_for_review(watched)
    assert days(watched, 3) == REMINDED[:1]
    end_review(
        school.ctx, school.person("directorate"), school.number, expected=school.last_seq(), token=school.token()
    )
    assert days(watched) == []
    observes(school, replace(ASKS, entry=0))
    assert {who for _day, who in days(watched)} == {"head"}, "it is the team that is told, once"


@pytest.mark.exhaustive
def test_the_academy_that_asked_something_is_the_one_that_is_reminded(watched: Watched) -> None:
    school = watched.school
    done = observes(school, replace(ASKS, entry=0), who="academy")
    assert days(watched, 3) == [(26, "head")]
    settle_remark(school.ctx, school.person("head"), school.number, done.seq, 1, "Dit le 12.", token=school.token())
    assert days(watched) == [(4, "academy"), (5, "academy"), (7, "academy")]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("level", "told"),
    [
        (1, [(26, "head"), (1, "head"), (3, "directorate")]),
        (
            3,
            [
                (26, "directorate"), (26, "head"),
                (1, "directorate"), (1, "head"), (2, "directorate"), (3, "academy"), (3, "directorate"), (5, "academy"),
            ],
        ),
    ],
)  # fmt: skip
def test_a_closure_that_nobody_decides_rises_from_the_head_and_at_the_graver_levels_to_the_academy(
    watched: Watched, level: int, told: list[tuple[int, str]]
) -> None:
    """The morning after, those are told whose visa is asked of them alone."""
    closing(watched.school, level)
    assert days(watched, 20) == told


def test_the_moment_by_which_it_is_due_stays_the_fifth_school_day(watched: Watched) -> None:
    """Steps beside a value warn before and after it, and move it nowhere."""
    sent_for_review(watched)
    line = watched.school.seen_by("directorate").review
    assert line is not None
    assert line.due_at is not None
    assert line.due_at.astimezone(ZONE).day == 1
    watched.school.wait(days=5)
    again = watched.school.seen_by("directorate").review
    assert again is not None
    assert again.due_at == line.due_at
