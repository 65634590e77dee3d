"""Wrong scenarios: each fault is told with its line, in the reader's language; a right one has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError, Fault
from school_protocol.engine.texts import Listing, Phrase
from school_protocol.language import Wording
from school_protocol.protocol.presenters import fault_line
from school_protocol.protocol.reader import read_file
from school_protocol.training.scenario_reader import check_scenario, located, read_scenario
from school_protocol.training.table_play import prove
from training.faults import PLAYED, STATIC

pytestmark = pytest.mark.files  # scenarios are proven on copies of SQLite files, wherever rooms lie

FILE = "found_phone.yaml"
TEXT = Path(__file__).with_name(FILE).read_text("utf-8")
SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"
LANGUAGES = ("fr", "ar")
ASIDE = re.compile("[\u2066-\u2069]")


@cache
def small() -> Protocol:
    return read_file(SMALL)


def edited(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


@cache
def faults(name: str) -> tuple[Fault, ...]:
    """What is found wrong; a wrong scenario that can be read is played only where its fault is seen by playing."""
    old, new, _line, _message = (STATIC | PLAYED)[name]
    data = edited(old, new).encode()
    try:
        scenario = read_scenario(data, FILE)
    except DefinitionError as error:
        return error.faults
    if name in PLAYED:
        return prove(scenario, data, small(), SMALL.read_bytes())
    return located(data, check_scenario(scenario, small()))


def phrases(words: object) -> Iterator[str]:
    if isinstance(words, Phrase):
        yield words.text
        for one in words.args.values():
            yield from phrases(one)
    elif isinstance(words, Listing):
        for item in words.items:
            yield from phrases(item)


@pytest.mark.exhaustive(
    only=(
        "an_answer_is_missing",
        "comes_too_late",
        "never_comes",
        "no_such_case",
        "not_refused",
        "refused_on_the_way",
        "trap_out_of_reach",
        "witness_refused",
        "witness_too_early",
        "wrong_end",
    )
)
@pytest.mark.parametrize("name", [*STATIC, *PLAYED])
def test_a_wrong_scenario_is_told_with_its_line(name: str) -> None:
    old, new, where, message = (STATIC | PLAYED)[name]
    text = edited(old, new)
    line = text.count("\n", 0, text.index(where)) + 1
    found = [fault_line(Wording("en"), FILE, fault) for fault in faults(name)]
    assert found
    assert found[0].startswith(f"{FILE}:{line}: {message}")
    assert len(found) == 1


@pytest.mark.exhaustive(
    only=(
        "an_answer_is_missing-*",
        "comes_too_late-*",
        "never_comes-*",
        "no_such_case-*",
        "not_refused-*",
        "refused_on_the_way-*",
        "trap_out_of_reach-*",
        "witness_refused-*",
        "witness_too_early-*",
        "wrong_end-*",
        "*-fr",
        "*-en",
    )
)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*STATIC, *PLAYED])
def test_it_is_told_in_the_readers_language(name: str, language: str) -> None:
    w = Wording(language)
    for fault in faults(name):
        for text in phrases(fault.message):
            assert w._(text).replace("\u00a0", " ") != text or not re.search("[a-z]{3} [a-z]{2}", text)
        assert fault_line(w, FILE, fault) != fault_line(Wording("en"), FILE, fault)


@pytest.mark.parametrize(
    ("language", "name", "said"),
    [
        ("fr", "refused_on_the_way", "« start_looking » est refusé ici : Personne n’est chargé de la recherche."),
        ("ar", "refused_on_the_way", "«start_looking» مرفوض هنا: لا أحد مكلف بالبحث."),
        ("fr", "clock_back", "l’horloge est remise en arrière : elle marquait 2026-11-23T10:00"),
        ("ar", "comes_too_late", "لا يأتي أبدا: لا في المسار المنتظر، ولا في مثال"),
    ],
)
def test_the_engine_says_why_in_the_readers_language(language: str, name: str, said: str) -> None:
    [fault] = faults(name)
    line = ASIDE.sub("", fault_line(Wording(language), FILE, fault)).replace("\u00a0", " ")
    assert said in line


def test_there_are_many_kinds() -> None:
    assert len(STATIC) + len(PLAYED) >= 60


@pytest.mark.exhaustive
def test_the_right_one_has_no_fault() -> None:
    data = TEXT.encode()
    assert prove(read_scenario(data, FILE), data, small(), SMALL.read_bytes()) == ()
