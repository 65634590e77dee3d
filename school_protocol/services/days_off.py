"""On which days who answers a telephone rests: public holidays, and where the school itself is closed.

Feasts that follow the moon are reckoned beforehand, and may fall a day away: there an academy's own calendar decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

import holidays

from school_protocol.domain.clock import Calendar

COUNTRY = "MA"
"""Whose public holidays are meant, as whose time it is."""
_LANGUAGES = {"fr": "fr", "ar": "ar", "en": "en_US"}
_RECKONED = "(estimated)"
_DAY = timedelta(days=1)


def named(year: int, language: str) -> Mapping[date, str]:
    """The public holidays of a year by name, in a language that they are known in."""
    return _named(year, _LANGUAGES.get(language, "fr"))


def is_public_holiday(day: date, calendar: Calendar | None) -> bool:
    """Whether offices rest that day; `calendar`: the academy's, where one is known."""
    if day in _fixed(day.year):
        return True
    reckoned = _reckoned(day.year)
    if calendar is None:
        return day in reckoned
    return day in calendar.closed and not reckoned.isdisjoint((day - _DAY, day, day + _DAY))


@lru_cache(maxsize=16)
def _named(year: int, language: str) -> Mapping[date, str]:
    return dict(holidays.country_holidays(COUNTRY, years=year, language=language))


@lru_cache(maxsize=8)
def _fixed(year: int) -> frozenset[date]:
    found = _named(year, _LANGUAGES["en"])
    return frozenset(day for day, said in found.items() if any(_RECKONED not in one for one in said.split("; ")))


@lru_cache(maxsize=8)
def _reckoned(year: int) -> frozenset[date]:
    """Of that year, and of the days beside it."""
    return frozenset(
        day for each in (year - 1, year, year + 1) for day, said in _named(each, _LANGUAGES["en"]).items()
        if _RECKONED in said
    )  # fmt: skip
