"""A difference in words: every change is said in every language, by titles wherever there are titles."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protocol.editing import before, edits, hundred, moroccan, understood
from protocol.test_difference import SMALL, TEXT, parsed
from school_protocol.engine.definition import Protocol
from school_protocol.engine.texts import KEYED
from school_protocol.language import Wording
from school_protocol.protocol.difference import Change, difference
from school_protocol.protocol.presenters import _ATTRIBUTES, _PARTS, _POINTING, _WITHIN, change_label, plain, sentence

LANGUAGES = ("fr", "ar", "en")


@pytest.fixture(scope="module", autouse=True)
def cleared() -> Iterator[None]:
    yield
    hundred.cache_clear()


def said(language: str, before: Protocol, after: Protocol) -> list[str]:
    w = Wording(language)
    found = [sentence(w, change_label(w, before, after, change)) for change in difference(before, after)]
    return [re.sub("[\u2068\u2069]", "", line.replace("\u00a0", " ")) for line in found]


def small(edit: Callable[[dict[str, Any]], Any]) -> tuple[Protocol, Protocol]:
    data = copy.deepcopy(SMALL)
    edit(data)
    before, after = understood(copy.deepcopy(SMALL)), understood(data)
    assert before is not None
    assert after is not None
    return before, after


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_edit_is_said_in_every_language(language: str) -> None:
    for edit, after in hundred():
        for line in said(language, before(), after):
            assert line.strip(), edit.what
            assert line.count("%(") <= str(edit.written).count("%(") * 2, edit.what  # a letter has places of its own
            assert "None" not in line, edit.what


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_word_of_a_difference_is_translated(language: str) -> None:
    w, same = Wording(language), []
    for words in (*_PARTS.values(), *_WITHIN.values(), *_ATTRIBUTES.values()):
        if w._(words) == words:
            same.append(words)
    allowed = {
        "introduction",
        "stage",
        "text",
        "type",
        "urgent",
        "questions",
        "dangers",
        "condition",
        "copies",
        "situations",
    }
    allowed |= {"Document “%(title)s”", "Danger “%(title)s”", "Condition “%(title)s”", "Service “%(title)s”"}
    assert set(same) <= (allowed if language == "fr" else set())


def test_every_part_with_entries_has_a_name() -> None:
    assert set(KEYED) <= set(_PARTS)
    assert {part for parts in _POINTING.values() for part in parts} <= set(Protocol.model_fields)


FIRST = "tell_home"


def test_a_step_that_asks_more_is_said_as_a_sentence() -> None:
    move = next(key for key, one in SMALL["moves"].items() if isinstance(one.get("needs"), list))
    other = next(key for key in SMALL["needs"] if key not in SMALL["moves"][move]["needs"])
    before, after = small(lambda data: data["moves"][move]["needs"].append(other))
    title, need = before.moves[move].title, before.needs[other]
    asked = need.title or need.sentence
    for language, words in (
        ("fr", f"Étape « {title.root['fr']} » : demande en plus : {asked.root['fr']}"),
        ("en", f"Step “{title.root['en']}”: asks besides: {asked.root['en']}"),
        ("ar", f"الخطوة «{title.root['ar']}»: يُشترط إضافة إلى ذلك: {asked.root['ar']}"),
    ):
        assert said(language, before, after) == [words.replace("\u00a0", " ")]


def test_a_time_is_said_with_its_unit() -> None:
    key = next(key for key, one in SMALL["deadlines"].items() if one.get("unit") == "school_days")
    before, after = small(lambda data: data["deadlines"][key].update(value="9"))
    (line,) = said("en", before, after)
    assert "within 9 school days instead of within" in line


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("states", {"fr": "suppression", "en": "taken out", "ar": "حذف"}),
        ("forms", {"fr": "suppression", "en": "taken out", "ar": "حذف"}),
    ],
)
def test_what_is_taken_out_is_named_by_its_title(part: str, words: dict[str, str]) -> None:
    key = next(iter(SMALL[part]))
    before, after = small(lambda data: data[part].pop(key))
    title = getattr(before, part)[key].title
    for language, word in words.items():
        (line,) = said(language, before, after)
        assert title.root[language].replace("\u00a0", " ") in line
        assert line.endswith(word)


def test_a_question_and_an_answer_stand_in_their_form() -> None:
    form, field = next(
        (form, field)
        for form, one in moroccan()["forms"].items()
        for field, said in one["fields"].items()
        if said.get("options")
    )
    data = copy.deepcopy(moroccan())
    option = next(iter(data["forms"][form]["fields"][field]["options"]))
    del data["forms"][form]["fields"][field]["options"][option]
    after = understood(data)
    assert after is not None
    (line,) = said("en", before(), after)
    assert line.startswith("Form “")
    assert ", question “" in line
    assert ", answer “" in line
    assert line.endswith("taken out")


def test_what_loosens_is_said() -> None:
    before, after = small(lambda data: data["needs"].update(x={"when": "size > 1", "lock": "law", "sentence": TEXT}))
    (line,) = said("fr", after, before)
    assert line.endswith("(assouplit ce que la loi fixe)")


def test_a_value_that_runs_the_other_way_is_kept_apart_in_arabic() -> None:
    before, after = small(lambda data: data.update(code="ABC"))
    w = Wording("ar")
    (change,) = difference(before, after)
    assert "\u2068ABC\u2069" in change_label(w, before, after, change).what


def test_a_change_can_be_written_as_json() -> None:
    some = edits(SMALL, seed=1, wanted=20)
    changes: list[Change] = [change for _edit, after in some for change in difference(parsed(SMALL), after)]
    again = json.loads(json.dumps([plain(change) for change in changes], ensure_ascii=False))
    assert [one["path"] for one in again] == [change.place for change in changes]
    assert all(one["before"] is not None or one["after"] is not None for one in again)
