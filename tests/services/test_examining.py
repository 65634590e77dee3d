"""How stored cases stand in the report on a draft: called as their files call them, in every language."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from engine.telling import ROOT

from school_protocol.cases.story_player import Story, story_of
from school_protocol.proof.state_space import Proof
from school_protocol.publishing import draft_process
from services.administering import HOLDS

KIVA = (ROOT / "protocol_definitions" / "fi-kiva" / "1.yaml").read_bytes()
NAME = "screened_out"


def held(_protocol: object) -> Proof:
    return HOLDS


def line_of(monkeypatch: pytest.MonkeyPatch, told: Story) -> draft_process.Report:
    """What a report keeps of one stored case, and gives back."""
    monkeypatch.setattr(draft_process, "stories_of", lambda _protocol: [(NAME, told)])
    (line,) = json.loads(json.dumps(draft_process.examined(KIVA, None, held)["stories"]))
    return dict(line)


@pytest.mark.exhaustive
def test_a_title_is_kept_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    told = story_of("fi-kiva", NAME)
    line = line_of(monkeypatch, told)
    assert line == {
        "story": NAME,
        "title": {language: told.title_in(language) for language in ("fr", "ar", "en")},
        "steps": len(told.steps),
    }
    assert len(set(line["title"].values())) == 3


@pytest.mark.parametrize(("title", "kept"), [("Un titre", "Un titre"), ("", NAME)])
def test_a_plain_title_is_kept_as_it_is_and_where_none_is_the_files_name(
    monkeypatch: pytest.MonkeyPatch, title: str, kept: str
) -> None:
    told = replace(story_of("fi-kiva", NAME), title=title)
    assert line_of(monkeypatch, replace(told, steps=told.steps[:1]))["title"] == kept


def test_the_control_a_step_that_goes_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = story_of("fi-kiva", NAME)
    place = next(number for number, step in enumerate(told.steps) if "expect" not in step)
    steps = [{**step, "expect": "refused"} if number == place else step for number, step in enumerate(told.steps)]
    line = line_of(monkeypatch, replace(told, steps=tuple(steps)))
    assert (line["step"], line["how"]) == (place + 1, "taken")
