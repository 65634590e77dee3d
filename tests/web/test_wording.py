"""Small words and marks, as each language writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask, g

from school_protocol.cases.presenters import subject_of
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.texts import Text
from school_protocol.language import Wording

from .conftest import NOW

THIN = "\u00a0"


@pytest.mark.parametrize(
    ("language", "pair", "asked", "series", "moment"),
    [
        ("fr", f"Lieu{THIN}: cour", "Où ? cour", f"a{THIN}; b", "25 nov. 2026, 10:41"),
        ("ar", "Lieu: cour", "Où ? cour", "a؛ b", "25 نونبر 2026، 10:41"),
        ("en", "Lieu: cour", "Où ? cour", "a; b", "25 Nov 2026, 10:41"),
    ],
)
def test_marks_between_things(language: str, pair: str, asked: str, series: str, moment: str) -> None:
    w = Wording(language)
    assert (w.pair("Lieu", "cour"), w.pair("Où ?", "cour"), w.series("ab")) == (pair, asked, series)
    assert w.moment(NOW) == moment
    assert w.colon("أين؟") == w.colon("Relu.") == ""


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "Il faut ici un jour entre le 1er oct. 2026 et le 27 nov. 2027."),
        ("en", "A day between 1 Oct 2026 and 27 Nov 2027 is needed here."),
    ],
)
def test_a_day_in_a_problem_is_said_as_pages_say_days(language: str, said: str) -> None:
    assert Wording(language).problem("day_between:2026-10-01:2027-11-27") == said


def test_the_first_of_a_month_is_said_as_each_language_says_it() -> None:
    first, other = date(2027, 2, 1), date(2027, 2, 11)
    assert [Wording(one).day(first) for one in ("fr", "ar", "en")] == ["1er fév. 2027", "1 فبراير 2027", "1 Feb 2027"]
    assert Wording("fr").dated(first, "EEEE d MMMM") == "lundi 1er février"
    assert Wording("fr").moment(datetime(2027, 2, 1, 9, 5, tzinfo=UTC)) == "1er fév. 2027, 10:05"
    assert Wording("fr").day(other) == "11 fév. 2027"
    assert Wording("fr").day(date(2001, 1, 21)) == "21 jan. 2001"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Où ? Dit : « non » ; vite !", f"Où{THIN}? Dit{THIN}: «{THIN}non{THIN}»{THIN}; vite{THIN}!"),
        ("À 10:30, rien", "À 10:30, rien"),
        (f"Où{THIN}?", f"Où{THIN}?"),
    ],
)
def test_french_marks_stay_with_their_word(written: str, said: str) -> None:
    text = Text.model_validate({"fr": written, "ar": "x ؟", "en": "x ?"})
    assert Wording("fr").text(text) == Wording("fr").text({"fr": written}) == said
    assert Wording("en").text(text) == "x ?"
    assert Wording("fr").text(written) == written  # somebody's own words are left alone


@pytest.mark.parametrize(
    ("language", "said"), [("fr", f"Un{THIN}: 2{THIN}; Deux{THIN}: 1"), ("ar", "واحد: 2؛ اثنان: 1")]
)
def test_lines_of_a_table_are_said_in_the_readers_marks(small: Protocol, language: str, said: str) -> None:
    label = [{"fr": "Un", "ar": "واحد", "en": "One"}, {"fr": "Deux", "ar": "اثنان", "en": "Two"}]
    fields = [{"key": str(number), "type": "integer", "label": one} for number, one in enumerate(label)]
    item = FormField.model_validate({"key": "rows", "type": "rows", "label": label[0], "fields": fields})
    assert item.type is FieldType.rows
    assert Wording(language).answer(small, item, [{"0": 2, "1": 1}], {}) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [("fr", "Un, Deux et Trois"), ("ar", "واحد، اثنان وأكثر، ثلاثة"), ("en", "One, Two and Three")],
)
def test_chosen_titles_do_not_run_into_each_other(small: Protocol, language: str, said: str) -> None:
    titles = [("Un", "واحد", "One"), ("Deux", "اثنان وأكثر", "Two"), ("Trois", "ثلاثة", "Three")]
    options = [
        {"key": str(number), "title": dict(zip(("fr", "ar", "en"), one, strict=True))}
        for number, one in enumerate(titles)
    ]
    label = {"fr": "Quoi", "ar": "ماذا", "en": "What"}
    item = FormField.model_validate({"key": "what", "type": "choices", "label": label, "options": options})
    assert Wording(language).answer(small, item, ["0", "1", "2"], {}) == said


def test_what_a_count_is_about(app: Flask, protocol: Protocol) -> None:
    danger = next(iter(protocol.dangers.values()))
    with app.test_request_context():
        g.wording = Wording("ar")
        assert subject_of(protocol, "2026-12-02") == "2 دجنبر 2026"
        assert subject_of(protocol, danger.key) == danger.title.in_language("ar")
        assert (subject_of(protocol, "3"), subject_of(protocol, "EC1")) == ("3", "EC1")
