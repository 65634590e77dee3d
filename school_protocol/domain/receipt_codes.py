"""The code with which somebody comes back to what they told: sixteen digits that nobody guesses, and one that checks.

Seventeen digits, read out in groups. The last one (Damm's) finds any one digit that is wrong, and any two neighbours
that changed places, before anything is looked for.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from school_protocol.domain.numerals import latin

DRAWN = 16
LENGTH = DRAWN + 1
_GROUPS = (4, 4, 4, 5)
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip


def with_check(drawn: str) -> str:
    """The code made of sixteen drawn digits."""
    return drawn + _left_over(drawn)


def in_groups(code: str) -> str:
    """As it is shown and printed: `4821 0093 7715 20468`."""
    parts, rest = [], code
    for length in _GROUPS:
        parts.append(rest[:length])
        rest = rest[length:]
    return " ".join(parts)


def typed(text: str) -> str | None:
    """The code that was typed, however it was grouped and in whatever digits; None where it can't be one."""
    digits = "".join(char for char in latin(text) if char not in " \t\r\n\u00a0\u202f-.‐–")
    if len(digits) != LENGTH or not (digits.isascii() and digits.isdecimal()) or _left_over(digits) != "0":
        return None
    return digits


def _left_over(digits: str) -> str:
    interim = "0"
    for digit in digits:
        interim = _DAMM[int(interim)][int(digit)]
    return interim


def hour_of(moment: datetime) -> datetime:
    """The hour in which a moment lies: all that is kept of when somebody told something."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_before(moment: datetime, hours: int) -> datetime:
    """An hour that lies so many hours back."""
    return hour_of(moment) - timedelta(hours=hours)


def months_before(moment: datetime, months: int) -> datetime:
    """The hour so many months back; where that month is shorter, on its last day."""
    hour = hour_of(moment)
    year, month = divmod(hour.year * 12 + hour.month - 1 - months, 12)
    return hour.replace(year=year, month=month + 1, day=min(hour.day, monthrange(year, month + 1)[1]))
