"""Passwords that are known from elsewhere: a file of hashes that an installation may have, looked up where it lies.

A line begins with the SHA-1 of a password in capital hexadecimal figures, and the lines are in order, as breached
passwords are handed out (`HASH:COUNT`). It may be far larger than memory: a lookup reads some forty lines.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

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
