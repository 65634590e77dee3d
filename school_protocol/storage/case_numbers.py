"""Case numbers: twelve random digits and a check digit, said over the phone and typed without error."""

from __future__ import annotations

import random
import re
import unicodedata

DIGITS = 13
_GROUP = re.compile(r"\d+")
_APART_MOST = 4
"""So many signs at most stand between two groups of one number."""

_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
"""A quasigroup without fixed pairs: any single wrong digit, or two neighbours swapped, changes the result."""


def new_number(rng: random.Random) -> str:
    """Twelve digits that `rng` draws, and their check digit."""
    drawn = "".join(str(rng.randrange(10)) for _ in range(DIGITS - 1))
    return drawn + check_digit(drawn)


def format_number(number: str) -> str:
    """As it is printed and said: `1234 5678 9012 3`."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def check_number(text: str) -> str | None:
    """The thirteen digits that somebody typed, in any script, with spaces or hyphens; None if they can't be right."""
    if len(text) > 100:
        return None
    kept = [character for character in text if not _is_between(character)]
    digits = [unicodedata.decimal(character, None) for character in kept]
    if len(digits) != DIGITS or None in digits:
        return None
    number = "".join(str(digit) for digit in digits)
    return number if check_digit(number) == "0" else None


def numbers_in(text: str) -> tuple[str, ...]:
    """The case numbers that stand in a text, as they are printed: whole groups of digits whose check digit is right."""
    groups = list(_GROUP.finditer(text))
    found = (_number_from(text, groups[start : start + DIGITS]) for start in range(len(groups)))
    return tuple(dict.fromkeys(format_number(number) for number in found if number))


def _number_from(text: str, groups: list[re.Match[str]]) -> str | None:
    """The number that begins with the first of these groups."""
    typed = ""
    for before, group in zip([None, *groups], groups, strict=False):
        if before is not None and not _are_near(text[before.end() : group.start()]):
            return None
        typed += group[0]
        if len(typed) >= DIGITS:
            return check_number(typed)
    return None


def _are_near(between: str) -> bool:
    return len(between) <= _APART_MOST and not any(character.isalnum() for character in between)


def _is_between(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Pd", "Cf"} or character in "\N{MINUS SIGN}.·/"


def check_digit(digits: str) -> str:
    """The digit that, put behind `digits`, shows any single wrong one and any two neighbours that changed places."""
    found = "0"
    for digit in digits:
        found = _DAMM[int(found)][int(digit)]
    return found
