"""Files of stories and scripts: what they hold, and what is wrong with them, by line."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from engine.telling import ROOT

from school_protocol.cases.story_player import ScriptError, Story, read_story, stories_of, story_of
from school_protocol.engine.texts import Text

SOUND = """\
title: {fr: "Un titre", ar: "عنوان", en: "A title"}
ends: {"": closed, other: joined}
steps:
  - {at: "2026-11-02T08:45", as: member, do: report, answers: {what: no, who: [{slot: pupil, name: Amal}]}}
  - {advance: 1d}
  - {case: other, as: head, do: close, depart: {told: "Rien"}, expect: refused, note: "Pas encore."}
"""


def read(text: str | bytes) -> Story:
    return read_story(text if isinstance(text, bytes) else text.encode(), "told.yaml")


def test_a_story_has_its_title_its_ends_and_its_steps() -> None:
    told = read(SOUND)
    assert isinstance(told.title, Text)
    assert [told.title_in(language) for language in ("fr", "ar", "en", "zgh")] == [
        "Un titre", "عنوان", "A title", "Un titre",
    ]  # fmt: skip
    assert told.ends == {"": "closed", "other": "joined"}
    assert [step.get("do") for step in told.steps] == ["report", None, "close"]
    assert told.steps[0]["answers"]["what"] == "no", "a word as it was written"
    with pytest.raises(FrozenInstanceError):
        told.title = ""  # type: ignore[misc]


def test_a_plain_title_and_one_end_stay_readable() -> None:
    told = read(SOUND.replace('{fr: "Un titre", ar: "عنوان", en: "A title"}', '"Un titre"').replace(
        '{"": closed, other: joined}', "closed"
    ))  # fmt: skip
    assert told.title == "Un titre"
    assert {told.title_in(language) for language in ("fr", "ar", "en")} == {"Un titre"}
    assert told.ends == {"": "closed"}


@pytest.mark.parametrize("text", ["- {as: a, do: b}\n", "steps: [{as: a, do: b}]\n", "[{as: a, do: b}]"])
def test_bare_steps_are_a_script(text: str) -> None:
    assert read(text) == Story("", {}, ({"as": "a", "do": "b"},))


def test_what_is_written_once_and_used_twice_is_read() -> None:
    told = read("- {as: a, do: b, answers: &same {c: d}}\n- {as: a, do: e, answers: *same}\n")
    assert [step["answers"] for step in told.steps] == [{"c": "d"}, {"c": "d"}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1: the file is empty"),
        ("# nothing\n", "1: the file is empty"),
        ("steps: [\n  {as: a, do: b}\n", "3: not YAML"),
        (b"steps: [{as: a, do: b, note: \xff}]", "1: not YAML"),
        ("--- [{do: a}]\n--- [{do: b}]\n", "2: not YAML"),
        ("closed", "1: a script is a list of steps, or has one under `steps`"),
        ('title: "T"\nends: closed\n', "1: there are no `steps`"),
        (SOUND.replace("ends:", "end:"), "2: unknown word 'end'"),
        (SOUND.replace("ends:", "title:"), "2: 'title' stands there twice"),
        (SOUND.replace("do: close", "as: close"), "6: 'as' stands there twice"),
        (SOUND.replace("slot: pupil, name", "name: pupil, name"), "4: 'name' stands there twice"),
        (SOUND.replace("do: close", "dos: close"), "6: step 3: unknown word 'dos'"),
        (SOUND.replace("{advance: 1d}", "advance"), "5: step 2: a step has words"),
        (SOUND.replace("do: close", "do: [close]"), "6: step 3: `do` is one text"),
        (SOUND.replace('{told: "Rien"}', "told"), "6: step 3: `depart` has an entry for each need"),
        ("title: T\nsteps: []\n", "2: `steps` is a list with a step in it"),
        ("title: T\nsteps: {as: a}\n", "2: `steps` is a list with a step in it"),
        (SOUND.replace('"عنوان"', '""'), "1: `title` is one text, or one in each language"),
        (SOUND.replace('"عنوان"', "[a]"), "1: `title` is one text, or one in each language"),
        ("title:\nsteps: [{do: a}]\n", "1: `title` is one text, or one in each language"),
        ("title: {}\nsteps: [{do: a}]\n", "1: `title` is one text, or one in each language"),
        (SOUND.replace("other: joined", "other: [joined]"), "2: `ends` is a state, or one for each case"),
        ("- {[a]: b}\n", "1: what stands before a colon is one text"),
    ],
)
def test_a_fault_is_said_with_its_line(text: str | bytes, fault: str) -> None:
    with pytest.raises(ScriptError) as refused:
        read(text)
    assert str(refused.value).startswith(f"told.yaml:{fault}")
    assert "\n" not in str(refused.value)


def test_the_stories_beside_a_protocol_are_those_of_its_folder() -> None:
    for folder in (ROOT / "protocol_definitions").glob("*/stories"):
        found = dict(stories_of(folder.parent.name))
        assert list(found) == sorted(path.stem for path in folder.glob("*.yaml"))
        assert {name: story_of(folder.parent.name, name) for name in found} == found
    assert list(stories_of("no-such-protocol")) == []
    with pytest.raises(ScriptError, match="ma-cyberharassment has no story 'sc99'"):
        story_of("ma-cyberharassment", "sc99")
