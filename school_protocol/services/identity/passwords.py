"""Passwords: how they are kept and compared, and which new ones are refused. No rule asks for signs or capitals."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from school_protocol.services.identity.first_guesses import ROWS, WORDS

LEAST, MOST = 12, 1024
"""Characters at least; bytes at most, in UTF-8."""
FEW = 5
"""So many different characters are needed."""
REST = 6
"""So much must be left of a password once what everybody knows of its owner is taken away."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = BoundedSemaphore(4)
_LEET = str.maketrans("013457@$!€", "oieastasie")


def hash_password(password: str) -> str:
    """argon2id, with its own salt."""
    with _AT_ONCE:
        return _HASHER.hash(_bytes(password)[:MOST])


def stretched(code: str, salt: bytes) -> bytes:
    """A code of few bits, at the cost of a password: 32 bytes, the same for the same salt."""
    with _AT_ONCE:
        return hash_secret_raw(
            code.encode(), salt, time_cost=_HASHER.time_cost, memory_cost=_HASHER.memory_cost,
            parallelism=_HASHER.parallelism, hash_len=32, type=_HASHER.type,
        )  # fmt: skip


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("a password that nobody has")


def matches(kept: str | None, password: str) -> bool:
    """Compare at the same cost whether the account exists or not; more than was ever kept is never right."""
    typed = _bytes(password)
    try:
        with _AT_ONCE:
            _HASHER.verify(kept or _nobody(), typed[:MOST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None and len(typed) <= MOST


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


# ---- new ones --------------------------------------------------------------------------------------------------------


def problem_of(password: str, about: Iterable[str] = ()) -> str | None:
    """Why a new password is refused, as a code; None for one that is taken. `about`: what others know of its owner."""
    if len(password) < LEAST:
        return f"too_short:{LEAST}"
    if len(_bytes(password)) > MOST:
        return f"too_long:{MOST}"
    if len(password) > 64:
        return None  # nobody's first guess
    plain = _plain(password)
    if len(set(plain)) < FEW or _is_repeated(plain):
        return "easy_to_guess"
    if _is_about(plain, about):
        return "says_who_you_are"
    word = plain.strip("0123456789@$!€")
    forms = {_letters(plain), _letters(plain.translate(_LEET)), _letters(word.translate(_LEET))}
    return "common" if any(_is_common(form) for form in forms) else None


def _plain(text: str) -> str:
    """Without case, accents, vowel signs, spaces and signs that are only typed between words."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in decomposed if not unicodedata.combining(one) and (one.isalnum() or one in "@$!€"))


def _letters(plain: str) -> str:
    return "".join(one for one in plain if one.isalnum())


def _is_repeated(plain: str) -> bool:
    return any(plain == (plain[:size] * len(plain))[: len(plain)] for size in range(1, 5))


def _is_about(plain: str, about: Iterable[str]) -> bool:
    words = {word for text in about for word in map(_plain, text.split()) if len(word) >= 4}
    words |= {_plain(text) for text in about if len(_plain(text)) >= 4}
    rest = plain
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != plain and sum(one.isalpha() for one in rest) < REST


def _is_common(form: str) -> bool:
    """Whether at most three words of the list, digits, and walks over the keyboard make it up entirely."""
    if not form:
        return True
    fewest: list[int | None] = [0, *[None] * len(form)]
    """How few words of the list the form up to here can be cut into; None: it can't."""
    for end in range(1, len(form) + 1):
        ways = [
            before + (piece in WORDS)
            for start in range(max(0, end - 24), end)
            if (before := fewest[start]) is not None and _is_piece(piece := form[start:end])
        ]
        fewest[end] = min(ways, default=None)
    last = fewest[-1]
    return last is not None and last <= 3


def _is_piece(piece: str) -> bool:
    if piece in WORDS or piece.isdigit():
        return True
    return len(piece) >= 3 and any(piece in row or piece[::-1] in row for row in ROWS)
