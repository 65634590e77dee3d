"""Codes as people type and read them: digits in any script, groups, letters that can't be taken for another."""

from __future__ import annotations

import secrets
import unicodedata

from school_protocol.services.house import House

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1."""
DIGITS = 12


def draw_digits() -> str:
    """A code that is printed on a slip: twelve digits in groups of four."""
    digits = "".join(secrets.choice("0123456789") for _place in range(DIGITS))
    return "-".join(digits[start : start + 4] for start in range(0, DIGITS, 4))


def draw_letters() -> str:
    """A recovery code: ten letters and digits in two groups, 49 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _place in range(5)) for _group in range(2))


def plain_code(typed: str) -> str:
    """A code without groups, in small letters and ASCII digits, however it was typed."""
    kept = (_plain_character(one) for one in unicodedata.normalize("NFKC", typed[:100]).casefold())
    return "".join(kept)


def _plain_character(one: str) -> str:
    digit = unicodedata.decimal(one, None)
    if digit is not None:
        return str(digit)
    return one if one.isascii() and one.isalpha() else ""


def hashed(house: House, purpose: str, *parts: str) -> bytes:
    """The keyed hash by which a code is recognised; without the keys, a stolen database tells none of them."""
    return house.vault.chain(f"{purpose}-v1", "\0".join(parts).encode("utf-8", "surrogatepass"))
