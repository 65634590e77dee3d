"""The page on scenarios: every key is explained and marked where required, and its example goes as it says."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from school_protocol.language import Wording
from school_protocol.protocol.presenters import fault_line
from school_protocol.protocol.reader import read as read_protocol
from school_protocol.training import scenario
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import prove

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "scenario-format.md").read_text("utf-8")
BLOCK = re.compile(r"^```yaml(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMPLETE = next(text for kind, text in BLOCK.findall(PAGE) if kind == "complete")
PROTOCOL = next(
    text for kind, text in BLOCK.findall((DOCS / "protocol-format.md").read_text("utf-8")) if kind == "complete"
)
OWN = {name: kind for name, kind in vars(scenario).items() if getattr(kind, "__module__", "") == scenario.__name__}
MODELS = {name: kind for name, kind in OWN.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}
WORDS = {name: kind for name, kind in OWN.items() if isinstance(kind, type) and issubclass(kind, Enum)}


def explained(name: str) -> dict[str, bool]:
    """What the page explains of a model or list of words: key → whether it is marked as required."""
    [line] = re.findall(rf"^- `{name}`: (.*)$", PAGE, re.MULTILINE)
    return {key: bool(mark) for key, mark in re.findall(r"\*\*`(\w+)`\*\*(\\\*)?", line)}


def test_models_and_words_are_found() -> None:
    assert len(MODELS) == 10
    assert set(WORDS) == {"Difficulty", "InjectKind"}


@pytest.mark.parametrize("name", MODELS)
def test_every_key_is_explained_and_marked_where_required(name: str) -> None:
    fields = {field.alias or key: field.is_required() for key, field in MODELS[name].model_fields.items()}
    assert explained(name) == {key: required for key, required in fields.items() if key != "digest"}


@pytest.mark.parametrize("name", WORDS)
def test_every_word_is_explained(name: str) -> None:
    assert set(explained(name)) == {word.value for word in WORDS[name]}


def test_the_example_goes_as_it_says() -> None:
    data, content = COMPLETE.encode(), PROTOCOL.encode()
    assert prove(read_scenario(data, "found.yaml"), data, read_protocol(content, "accidents.yaml"), content) == ()


@pytest.mark.parametrize("excerpt", [text for kind, text in BLOCK.findall(PAGE) if not kind])
def test_each_excerpt_is_of_the_example(excerpt: str) -> None:
    assert all(line in COMPLETE.splitlines() for line in excerpt.splitlines())


def test_the_fault_shown_is_what_is_said() -> None:
    cut = "    - {advance: 10m, as: nurse, do: weigh, answers: {marks: {pain: 0, walks: 0}}}\n"
    data, content = COMPLETE.replace(cut, "").encode(), PROTOCOL.encode()
    [fault] = prove(read_scenario(data, "found.yaml"), data, read_protocol(content, "accidents.yaml"), content)
    said = fault_line(Wording("en"), "found.yaml", fault)
    assert f"```\n{said}\n```" in PAGE
