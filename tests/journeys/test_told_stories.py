"""Every shipped story in five lines, at each of its moments: one line each, and nobody's name or words."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from school_protocol.cases.loading import folded
from school_protocol.cases.story_lines import ROOM, told
from school_protocol.cases.story_player import Player
from school_protocol.engine.case import Case, fold
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.story import MOST, LineKind, StoryLine, StoryView, point_answers, story
from school_protocol.language import Wording

from .test_stories import STORIES
from .test_supervisor_copies import definition_of, played

LANGUAGES = ("fr", "ar", "en")


def lines_of(protocol: Protocol, case: Case, view: StoryView | None = None) -> tuple[StoryLine, ...]:
    view, now = view or StoryView(), case.last_at
    assert now is not None
    return story(protocol, case, now + timedelta(days=1), view, point_answers(protocol, case, view))


def cases_of(player: Player) -> list[Case]:
    with player.ctx.realm.reading() as session:
        return [folded(player.ctx, session, player.case_id(case) or "")[1] for case in player.numbers]


@pytest.mark.exhaustive(but=("fi-kiva/talks", "ma-cyberharassment/sc4"))
@pytest.mark.parametrize("name", STORIES)
def test_each_line_has_room_at_every_moment_of_a_story(name: str) -> None:
    protocol, content = definition_of(name)
    with ExitStack() as until:
        cases = cases_of(played(protocol, name, until, content))
    for whole in cases:
        events, earlier = list(whole.events), set[tuple[str, str]]()
        for count in range(1, len(events) + 1):
            lines = lines_of(protocol, fold(protocol, events[:count]))
            assert 1 <= len(lines) <= MOST
            assert lines[0].kind == LineKind.reported
            for language in LANGUAGES:
                said = {(language, one.text) for one in told(Wording(language), protocol, lines)} - earlier
                assert [text for _language, text in said if len(text) > ROOM[language] or "%(" in text] == []
                earlier |= said
        _tells_no_words(protocol, whole, [text for _language, text in earlier])


def _tells_no_words(protocol: Protocol, case: Case, said: list[str]) -> None:
    """Nothing that somebody typed stands in a line."""
    typed = {
        str(record.answers[field.key]).strip()
        for record in case.records
        for field in protocol.form_of(record.act).fields
        if field.type in (FieldType.text, FieldType.long) and record.answers.get(field.key)
    }
    assert [one for one in typed if len(one) > 5 and any(one in line for line in said)] == []


@pytest.mark.exhaustive
def test_what_the_critical_case_is_told_as() -> None:
    protocol, content = definition_of("ma-cyberharassment/sc6")
    with ExitStack() as until:
        [case] = cases_of(played(protocol, "ma-cyberharassment/sc6", until, content))
    lines = told(Wording("en"), protocol, lines_of(protocol, case))
    assert [line.kind for line in lines] == ["reported", "danger", "level", "followed", "ended"]
    danger, level, followed, ended = (line.text for line in lines[1:])
    assert "suicidal thoughts" in danger
    assert "rescue" in danger
    assert level.startswith("Level 4 (critical): ")
    assert "EV1" in level
    assert "9 follow-ups held; safety felt from 3 to 9" in followed
    assert ended.startswith("Closed: resolved")


@pytest.mark.exhaustive
def test_what_a_reader_may_not_see_is_in_no_line() -> None:
    protocol, content = definition_of("ma-cyberharassment/sc6")
    with ExitStack() as until:
        [case] = cases_of(played(protocol, "ma-cyberharassment/sc6", until, content))
    nothing = StoryView(lambda _record: None, lambda _person: False, dangers=False, referrals=False, level=False)
    assert [line.kind for line in lines_of(protocol, case, nothing)] == ["reported", "ended"]
    own = StoryView(shows=lambda person: person.startswith("targeted_pupil"))
    said = " ".join(line.text for line in told(Wording("en"), protocol, lines_of(protocol, case, own)))
    assert "EV1" in said
    assert "EC1" not in said
    assert "T1" not in said
