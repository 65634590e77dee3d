"""What a place at a table may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_protocol.training.scenario import MOST, fault_of, plain_name

TAKEN = (
    "Bleu", "Fenêtre", "Chaise 3", "l’oiseau", "l'oiseau", "Porte-plume", "M. Bleu", "أزرق", "النافذة", "مقعد 3",
    "المُعلِّمة", "ⴰⵣⴰⵡⴰⵏ", "ⴰⵣⵓⵍ 2", "Azul ⴰⵣⵓⵍ", "أزرق Bleu", "7", "Constance", "Condor",
    "Concorde", "Assistante", "Anne", "Salomé",
)  # fmt: skip
NOT_NAMES = (
    "<b>", "<script>alert(1)", "a<b", "{{7*7}}", "a&b", 'a"b', "a;b", "a/b", "a\\b", "%s", "a=b", "@bleu",
    "😀", "bleu😀", "\u202eeulb", "a\u200bb", "a\ufeffb", "-", "...", "’", "a\x00b", "a\x1bb", "$1", "#1", "a_b",
    "()", "+2",
)  # fmt: skip
HURT = (
    "connard", "CONNARD", "Connard", "connard 2", "le connard", "c0nnard", "con nard", "c.o.n.n.a.r.d", "c-o-n-n-a-r-d",
    "connnnard", "salope", "s4lope", "sal0pe", "SALOPE", "salooope", "حمار", "حـمـار", "حِمَار", "حمااار",
    "يا حمار", "قحبة", "قـحبة", "sal ope", "s a l o p e", "حم ار",
)  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_of_letters_and_figures_is_taken(name: str) -> None:
    assert fault_of(plain_name(name)) == ""


@pytest.mark.parametrize("name", NOT_NAMES)
def test_nothing_that_a_page_could_run_and_nothing_unseen(name: str) -> None:
    assert fault_of(plain_name(name)) == "not_a_name"


@pytest.mark.parametrize("name", HURT)
def test_what_hurts_is_not_taken_however_it_is_written(name: str) -> None:
    assert fault_of(plain_name(name)) == "hurts"


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u00a0"])
def test_there_is_a_name(name: str) -> None:
    assert fault_of(plain_name(name)) == "missing"


def test_a_name_is_short() -> None:
    assert fault_of("b" + "la" * 11 + "c") == ""
    assert len("b" + "la" * 11 + "c") == MOST
    assert fault_of("b" + "la" * 12) == "too_long"
    assert fault_of(plain_name("x" * 100_000)) == "too_long"


def test_one_space_between_words_and_one_way_to_write_a_letter() -> None:
    assert plain_name("  Le \t bleu\n") == "Le bleu"
    assert plain_name("Fene\u0302tre") == plain_name("Fenêtre")


@given(st.text(max_size=60))
def test_whatever_is_typed_is_answered_and_what_is_taken_is_plain(typed: str) -> None:
    name = plain_name(typed)
    fault = fault_of(name)
    assert fault in ("", "missing", "too_long", "not_a_name", "hurts")
    assert plain_name(name) == name
    if not fault:
        assert not set(name) & set('<>&"{}%=;\\/\u202e\u200b\x00')
        assert 0 < len(name) <= MOST
