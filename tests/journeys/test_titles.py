"""What stored cases are called: in every language of their protocol, naming and judging nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from school_protocol.cases.story_player import Story
from school_protocol.engine.texts import Text
from school_protocol.language import stigma
from school_protocol.protocol.reader import read_file

from .test_stories import STORIES, place, story

SCRIPTS = {"fr": r"[A-Za-zÀ-ÿ]{4}", "ar": r"[\u0621-\u064a]{4}", "en": r"[A-Za-z]{4}"}
SLIPS = {
    "fr": r"'|[^\s\d]:|\S;",
    "ar": r"[',;?]|[\u0660-\u0669]|:(?! )",
    "en": r"'| :",
}
"""What a printer would not set: straight apostrophes, French colons without their space, Latin commas in Arabic."""


def named_in(value: Any) -> Iterator[str]:
    """Every part of every name that somebody typed in a story."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from re.findall(r"[^\W\d_]{3,}", item) if key == "name" else named_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named_in(item)


def faults(told: Story, languages: tuple[str, ...]) -> list[str]:
    """All that is wrong with a title."""
    if not isinstance(told.title, Text):
        return ["one language"]
    said = told.title.root
    names = {part.casefold() for part in named_in(told.steps)}
    found = [f"no {language}" for language in languages if language not in said]
    for language, text in said.items():
        words = {word.casefold() for word in re.findall(r"[^\W\d_]+", text)}
        prefixed = {word[1:] for word in words if word[0] in "والبلك"}
        found += [f"{language}: {one} is somebody" for one in sorted(names & (words | prefixed))]
        found += [f"{language}: {one} judges" for one in stigma(language, text)]
        found += [f"{language}: not its letters"] if not re.search(SCRIPTS[language], text) else []
        found += [f"{language}: {one}" for one in re.findall(SLIPS[language], text)]
    found += ["said twice"] if len(set(said.values())) < len(said) else []
    return found


@pytest.mark.exhaustive(
    only=(
        "ma-cyberharassment/reopening",
        "ma-cyberharassment/sc1",
        "ma-cyberharassment/sc3",
        "ma-cyberharassment/staff_concerned",
        "ma-cyberharassment/transfer",
    )
)
@pytest.mark.parametrize("name", STORIES)
def test_a_title_names_nobody_and_is_said_in_every_language(name: str) -> None:
    languages = read_file(place(name) / "1.yaml").languages
    assert {"fr", "ar", "en"} <= set(languages)
    assert faults(story(name), tuple(languages)) == []


def test_no_two_stories_of_a_protocol_are_called_the_same() -> None:
    for language in SCRIPTS:
        titles = [(place(name), story(name).title_in(language)) for name in STORIES]
        assert len(titles) == len(set(titles))


STEPS = ({"as": "x", "do": "y", "answers": {"who": [{"slot": "pupil", "name": "Imane Ziani"}, {"name": "إيمان"}]}},)
GOOD = {"fr": "Un silence qui dure", "ar": "صمت يدوم", "en": "A lasting silence"}


def test_a_sound_title_has_no_fault() -> None:
    assert faults(Story(Text(GOOD), {}, STEPS), ("fr", "ar", "en")) == []


@pytest.mark.parametrize(
    ("title", "fault"),
    [
        ("Un silence", "one language"),
        ({"fr": "Un silence", "en": "A silence"}, "no ar"),
        ({**GOOD, "fr": "Le silence d’Imane"}, "fr: imane is somebody"),
        ({**GOOD, "ar": "صمت إيمان"}, "ar: إيمان is somebody"),
        ({**GOOD, "ar": "صمت لإيمان"}, "ar: إيمان is somebody"),
        ({**GOOD, "fr": "La victime"}, "fr: victime judges"),
        ({**GOOD, "en": "A bully"}, "en: bully judges"),
        ({**GOOD, "ar": "Un silence long"}, "ar: not its letters"),
        ({**GOOD, "fr": "L'attente longue"}, "fr: '"),
        ({**GOOD, "fr": "Attente: longue"}, "fr: e:"),
        ({**GOOD, "ar": "صمت, ثم كلام"}, "ar: ,"),
        ({**GOOD, "ar": "صمت ٣ أيام"}, "ar: ٣"),
        ({**GOOD, "en": "Un silence qui dure"}, "said twice"),
    ],
)
def test_the_control_a_planted_fault_is_found(title: Any, fault: str) -> None:
    told = Story(title if isinstance(title, str) else Text(title), {}, STEPS)
    assert faults(told, ("fr", "ar", "en")) == [fault]
