"""Passwords: how they are kept and compared. Which new ones are refused: `strength`."""

from __future__ import annotations

from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

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
