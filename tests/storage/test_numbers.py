"""Case numbers: every single slip of the finger is caught."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_protocol.storage.case_numbers import check_number, format_number, new_number, numbers_in

numbers = st.integers().map(lambda seed: new_number(random.Random(seed)))


@given(numbers)
def test_a_number_passes_its_own_check(number: str) -> None:
    assert len(number) == 13
    assert check_number(number) == number
    assert check_number(format_number(number)) == number


@given(numbers, st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_caught(number: str, place: int, shift: int) -> None:
    wrong = (int(number[place]) + shift) % 10
    assert check_number(f"{number[:place]}{wrong}{number[place + 1 :]}") is None


@given(numbers, st.integers(0, 11))
def test_two_neighbours_swapped_are_caught(number: str, place: int) -> None:
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert swapped == number or check_number(swapped) is None


@given(numbers, st.integers(0, 12))
def test_a_digit_too_few_or_too_many_is_caught(number: str, place: int) -> None:
    assert check_number(number[:place] + number[place + 1 :]) is None
    assert check_number(number[:place] + number[place] + number[place:]) is None


@given(numbers, st.sampled_from([0x0660, 0x06F0, 0xFF10]))
def test_any_digits_are_read(number: str, zero: int) -> None:
    assert check_number("".join(chr(zero + int(digit)) for digit in number)) == number


@pytest.mark.parametrize("form", ["{} {} {} {}", "{}-{}-{}-{}", "\u2068{}\u2069 {}\u202f{}\u2011{}\n", "  {}{}{}{} "])
def test_what_people_put_between_is_read_over(form: str) -> None:
    number = new_number(random.Random(1))
    assert check_number(form.format(*format_number(number).split())) == number


def test_groups_of_four() -> None:
    assert format_number("1234567890123") == "1234 5678 9012 3"


@given(st.text())
def test_anything_else_is_none(text: str) -> None:
    found = check_number(text)
    assert found is None or len(found) == 13


def test_a_pasted_novel_is_none() -> None:
    assert check_number("1" * 100_000) is None


@pytest.mark.parametrize(
    "said", ["Vu {}.", "رقم {}، انتهى", "le 23/11/2026, salle 2 : {} (a)", "{}", "n°{}\n3 élèves", "12 {} 4"]
)
@pytest.mark.parametrize("between", ["", " ", "-", " . ", "\u2069 \u2068"])
def test_a_number_is_found_in_a_text(said: str, between: str) -> None:
    number = new_number(random.Random(7))
    typed = between.join(format_number(number).split())
    assert format_number(number) in numbers_in(said.format(typed))
    assert format_number(number) in numbers_in(
        said.format(typed.translate({48 + each: 0x660 + each for each in range(10)}))
    )


@pytest.mark.parametrize(
    "said",
    ["", "Le 23/11/2026 à 14:30", "0661 22 33 44", "1234 5678 9012", "12345678901234567", "1234 ici 5678 9012 3"],
)
def test_what_is_no_number_is_not_found(said: str) -> None:
    assert numbers_in(said) == ()


@given(numbers, st.integers(0, 12), st.integers(1, 9))
def test_a_wrong_number_is_not_found(number: str, place: int, shift: int) -> None:
    wrong = f"{number[:place]}{(int(number[place]) + shift) % 10}{number[place + 1 :]}"
    assert numbers_in(f"Vu {format_number(wrong)}.") == ()


@given(st.text())
def test_any_text_can_be_looked_through(text: str) -> None:
    assert all(check_number(found) for found in numbers_in(text))
