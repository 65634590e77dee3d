"""Passwords: hashing and comparing them, and what makes weak ones: words taken first, lists of known ones.

The words that people here take first (French, darija, Arabic, people, places, school) stand in `common_words.txt`: the
estimator brings its own lists (thirty thousand known passwords, English, names) and knows nothing of these.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

KEYS = (
    ("²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!"),
    ("²1234567890°+", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!"),
    ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"),
    ("`1234567890-=", "qwertzuiop[]", "asdfghjkl;'", "yxcvbnm,./"),
    ("`1234567890-=", "ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر·ىةوزظ"),
)
"""Keyboards as they are used here, each a row of keys above the other; without what only the shift key gives."""
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "ابجدهوزحطيكلمنسعفصقرشتثخذضظغ")
"""What follows in an alphabet."""


def common_words() -> dict[str, list[str]]:
    """The words that are taken first, by list."""
    text = Path(__file__).with_name("common_words.txt").read_text("utf-8")
    lists = (block.partition(":") for block in text.split("\n\n"))
    return {name: words.split() for name, _colon, words in lists}


# ---- passwords known from elsewhere: a file of hashes that an installation may have --------------------------------
# A line begins with the SHA-1 of a password in capital hexadecimal figures, in order (`HASH:COUNT`). It may be far
# larger than memory: a lookup reads some forty lines.

FIGURES = 40
_LINE_MOST = 200


class ListUnusable(OSError):
    """The list is not there, or is none."""


def is_known(path: Path, password: str) -> bool:
    """Whether that password is on the list. Raises ListUnusable."""
    typed = password.encode("utf-8", "surrogatepass")
    wanted = hashlib.sha1(typed, usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as lines:
            return _find(lines, wanted, path.stat().st_size)
    except OSError as error:
        raise ListUnusable(str(error)) from error


def _find(lines: IO[bytes], wanted: bytes, size: int) -> bool:
    first, end = 0, size
    while first < end:
        middle = (first + end) // 2
        start, found = _line_after(lines, middle)
        if not found or start >= end:
            end = middle
        elif found < wanted:
            first = start + 1
        elif found > wanted:
            end = middle
        else:
            return True
    return _line_at(lines, 0) == wanted


def _line_after(lines: IO[bytes], place: int) -> tuple[int, bytes]:
    """Where the first line that begins at `place` or behind it begins, and its hash; empty at the end."""
    if place:
        lines.seek(place - 1)
        lines.readline(_LINE_MOST)
    else:
        lines.seek(0)
    start = lines.tell()
    return start, _line_at(lines, start)


def _line_at(lines: IO[bytes], start: int) -> bytes:
    lines.seek(start)
    line = lines.readline(_LINE_MOST)
    found = line[:FIGURES]
    if line and (len(found) < FIGURES or not all(one in b"0123456789ABCDEF" for one in found)):
        raise ListUnusable("a line does not begin with forty figures of a hash")
    return found


# ---- how passwords are kept and compared ---------------------------------------------------------------------------
# Which new ones are refused: `password_strength`.

MOST = 1024
"""Bytes at most, in UTF-8."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = BoundedSemaphore(4)


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
