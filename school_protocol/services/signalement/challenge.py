"""A question in words that keeps machines waiting a little: no picture, no script, read aloud like any sentence."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from school_protocol.domain.answers import plain_text
from school_protocol.domain.numerals import latin
from school_protocol.domain.phrases import N_
from school_protocol.services.house import House
from school_protocol.wording import LOCALES, Wording

LARGEST = 9
WORDS = (
    N_("one"), N_("two"), N_("three"), N_("four"), N_("five"), N_("six"), N_("seven"), N_("eight"), N_("nine"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Challenge:
    """How much are two small numbers together?"""

    one: int
    other: int

    def question(self, w: Wording) -> str:
        """The sentence, in the reader's language."""
        one, other = w._(WORDS[self.one - 1]), w._(WORDS[self.other - 1])
        return w._("How much are %(one)s and %(other)s together? Answer with a figure.", one=one, other=other)

    @property
    def answer(self) -> int:
        return self.one + self.other


def draw() -> Challenge:
    """A question whose answer is one of the figures to nine."""
    answer = 2 + secrets.randbelow(LARGEST - 1)
    one = 1 + secrets.randbelow(answer - 1)
    return Challenge(one, answer - one)


def mark(house: House, nonce: str, answer: int) -> str:
    """What a token carries of the right answer: it says nothing to whoever reads it."""
    return house.vault.chain("signalement-challenge-v1", f"{nonce}|{answer}".encode()).hex()[:32]


def is_solved(house: House, nonce: str, marked: str, typed: str) -> bool:
    """Whether what was typed, a figure or its word in any language of the pages, is the answer."""
    given = number_of(typed)
    return given is not None and secrets.compare_digest(mark(house, nonce, given), marked)


def number_of(typed: str) -> int | None:
    """The number that was typed."""
    text = latin(plain_text(typed)).strip(" .،,").casefold()
    if text.isascii() and text.isdecimal() and len(text) <= 2:
        return int(text)
    for language in LOCALES:
        w = Wording(language)
        for number, word in enumerate(WORDS, 1):
            if text == w._(word).casefold():
                return number
    return None
