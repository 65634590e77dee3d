"""Words by which cases are told apart: a closed list, none of it anybody's name."""

from __future__ import annotations

import re

import pytest

from school_protocol.engine.case import fold
from school_protocol.engine.case_words import (
    WORDS,
    first_free,
    looked_for,
    said,
    unnamed,
    word_of_number,
    words_by_number,
)
from school_protocol.engine.definition import Protocol
from school_protocol.engine.events import CaseOpened, WordChosen, from_entry, to_entry
from school_protocol.engine.name_detection import fold as folded

from .telling import NOW, SCHOOL

FIRST_NAMES = """
    Olivier Olive Jasmin Jasmine Iris Rose Violette Anis Basile Ambre Jade Perle Coraline Corail Melissa Garance
    Clémence Cerise Prune Myrtille Capucine Cannelle Lilas Luna Stella Nour Amal Noor Rim Rym Nada Nassim
    Najma Chams Qamar Kamar Yacout Marjane Fayrouz Loulou Warda Yasmine Zahra Mouine Sakina Hanae Hana Salma
    ندى نسيم نجمة شمس قمر ياقوت مرجان فيروز لؤلؤة وردة ياسمين زهرة معين هناء سلمى نور أمل ريم ربيع مطر بدر هلال
"""


def test_each_has_three_texts_that_no_other_one_has() -> None:
    assert 100 <= len(WORDS) <= 150
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)?", key) for key in WORDS)
    for language in ("fr", "ar", "en"):
        texts = [folded(word[language]) for word in WORDS.values()]
        assert len(set(texts)) == len(texts)
        assert all(len(word[language]) <= 16 for word in WORDS.values())
    assert all(looked_for(text) == key for key, word in WORDS.items() for text in word.values())


@pytest.mark.parametrize("name", FIRST_NAMES.split())
def test_none_is_a_first_name(name: str) -> None:
    assert looked_for(name) is None
    assert unnamed(WORDS, [name]) == list(WORDS)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("boussole", "compass"), ("BOUSSOLE", "compass"), ("بوصلة", "compass"), ("البوصله", "compass"),
        ("Compass 2", "compass-2"), ("بوصلة ٢", "compass-2"), ("cerf volant", "kite"), ("echiquier", "chessboard"),
        ("", None), ("2", None), ("Yasmine", None), ("1234 5678 9012 3", None),
    ],
)  # fmt: skip
def test_one_is_found_in_any_language_and_spelling(typed: str, word: str | None) -> None:
    assert looked_for(typed) == word


def test_the_first_that_nobody_has_is_given_then_numbered_ones() -> None:
    order = ["compass", "saffron", "kite"]
    assert first_free(order, ()) == "compass"
    assert first_free(order, {"compass"}) == "saffron"
    assert first_free(order, {*order}) == "compass-2"
    assert first_free(order, {*order, "compass-2", "saffron-2", "kite-2"}) == "compass-3"
    assert said("compass-2") == {"fr": "Boussole 2", "ar": "بوصلة 2", "en": "Compass 2"}


@pytest.mark.parametrize("name", ["Boussole Amrani", "Amina BOUSSOLE", "بوصلة العلوي", "Compass"])
def test_one_that_is_a_name_in_the_case_is_not_given(name: str) -> None:
    assert first_free(["compass", "kite"], (), ["Yasmine Benali", name]) == "kite"
    assert first_free(["compass", "kite"], {"kite"}, [name]) == "kite-2"


def test_a_case_that_was_given_none_has_the_same_one_always() -> None:
    found = {word_of_number(f"{number:013}") for number in range(400)}
    assert len(found) > 80
    assert word_of_number("1234567890123") == word_of_number("1234567890123") == words_by_number("1234567890123")[0]
    assert said(None, "1234567890123") == said("of a later list", "1234567890123")
    assert said(None, "1234567890123") == said(word_of_number("1234567890123"))


def test_it_is_of_the_opening_until_another_one_is_chosen(moroccan: Protocol) -> None:
    header = {"actor": "x", "at": NOW, "occurred_at": NOW}
    opened = CaseOpened(
        seq=1, role="head", protocol=moroccan.protocol, version=moroccan.version, digest="", number="1234567890123",
        unit=SCHOOL.id, state=moroccan.initial.key, word="compass", **header,
    )  # fmt: skip
    chosen = WordChosen(seq=2, role="lead", word="kite", **header)
    assert from_entry(to_entry(moroccan, chosen)) == chosen
    assert from_entry(to_entry(moroccan, opened)) == opened
    assert fold(moroccan, [opened]).word == "compass"
    assert fold(moroccan, [opened, chosen]).word == "kite"
    before = to_entry(moroccan, opened)
    kept = {name: value for name, value in before.body.items() if name != "word"}
    former = from_entry(type(before)(**{**{one: getattr(before, one) for one in before.__slots__}, "body": kept}))
    assert fold(moroccan, [former]).word == word_of_number("1234567890123")
