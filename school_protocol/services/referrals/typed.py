"""What is typed of a contact: a number as it is dialled, an address, hours; each box with what is wrong in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from school_protocol.services.directory import ALWAYS, HOLIDAYS
from school_protocol.services.staff.lists import CITY_MOST
from school_protocol.services.teams.changing import plain

NAME_MOST, PHONE_MOST, URL_MOST = 120, 30, 300
HOURS = ("unknown", ALWAYS, "weekdays", "weekdays_and_holidays", "as_before")
"""When somebody answers: not known, day and night, Monday to Friday between two times (resting on public holidays, or
not), or as it was said before."""
WEEKDAYS = ("0", "1", "2", "3", "4")
_PHONE = re.compile(r"\+?[0-9](?:[ .()-]*[0-9]){1,14}")
_TIME = re.compile(r"([01]?[0-9]|2[0-3])(?:[:hH]([0-5][0-9])?)?")
NO_NAMES: Mapping[str, str] = MappingProxyType({})

Problems = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was typed of a contact, as it is kept."""

    names: Mapping[str, str]
    city: Mapping[str, str]
    phone: str
    url: str
    hours: Mapping[str, Any]
    is_verified: bool

    @property
    def shown(self) -> str:
        return self.phone or self.url


def in_order(said: Mapping[str, str | None]) -> list[list[str]]:
    """The same words always in one order, to tell one press from another."""
    return [[key, said[key] or ""] for key in sorted(said)]


def checked(
    said: Mapping[str, str | None], before: Mapping[str, Any], problems: Problems, names: Mapping[str, str] = NO_NAMES
) -> Checked:
    """What was typed, as it is kept; `before`, `names`: the hours and the names as they stood.

    A name that nobody asked about stays. What is wrong is noted by its question.
    """
    names = {key: name for key, name in names.items() if f"name_{key}" not in said}
    for key in ("fr", "ar", "en"):
        name = plain(said.get(f"name_{key}"))
        if len(name) > NAME_MOST:
            problems[f"name_{key}"] = (f"too_long:{NAME_MOST}",)
        if name:
            names[key] = name
    if not names and "name_fr" not in problems:
        problems["name_fr"] = ("required",)
    phone, url = phone_of(said.get("phone")), (said.get("url") or "").strip()
    if phone is None:
        problems["phone"] = ("not_a_phone",)
    if url and not _is_address(url):
        problems["url"] = ("not_a_web_address",)
    if not phone and not url and "phone" not in problems:
        problems["phone"] = ("phone_or_address",)
    hours = _hours(said, before, problems)
    return Checked(names, _city(said, problems), phone or "", url, hours, said.get("verified") == "today")


def _city(said: Mapping[str, str | None], problems: Problems) -> dict[str, str]:
    """The town, as each language writes it."""
    found = {key: plain(said.get(f"city_{key}")) for key in ("fr", "ar")}
    for key, town in found.items():
        if len(town) > CITY_MOST:
            problems[f"city_{key}"] = (f"too_long:{CITY_MOST}",)
    return {key: town for key, town in found.items() if town}


def phone_of(said: str | None) -> str | None:
    """A telephone number as it was typed, in Latin digits: 19, 2511, 0537 71 20 00, +212 …; None: it is none."""
    folded = "".join(
        str(unicodedata.digit(each)) if each.isdigit() and unicodedata.digit(each, None) is not None else each
        for each in plain(said).replace("\u00a0", " ")
    )
    if not folded:
        return ""
    return folded if len(folded) <= PHONE_MOST and _PHONE.fullmatch(folded) else None


def _is_address(url: str) -> bool:
    if len(url) > URL_MOST or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in parts.netloc and "@" not in parts.netloc


def _hours(said: Mapping[str, str | None], before: Mapping[str, Any], problems: Problems) -> Mapping[str, Any]:
    chosen = said.get("hours") or "unknown"
    if chosen not in HOURS:
        problems["hours"] = ("unknown_option",)
    if chosen == ALWAYS:
        return {ALWAYS: True}
    if chosen == "as_before":
        return before
    if not chosen.startswith("weekdays"):
        return {}
    opens, closes = (_time(said.get(key), key, problems) for key in ("opens", "closes"))
    if opens and closes and opens >= closes:
        problems["closes"] = ("closes_first",)
    besides = {HOLIDAYS: True} if chosen == "weekdays_and_holidays" else {}
    return {day: [[opens, closes]] for day in WEEKDAYS} | besides


def _time(said: str | None, key: str, problems: Problems) -> str:
    found = _TIME.fullmatch((said or "").strip())
    if found is None:
        problems[key] = ("not_a_time" if (said or "").strip() else "required",)
        return ""
    return f"{int(found[1]):02}:{found[2] or '00'}"


def spans_of(hours: Mapping[str, Any]) -> tuple[str, str, str]:
    """How a form opens for these hours: which of `HOURS`, and the two times where it is Monday to Friday."""
    if not hours:
        return "unknown", "", ""
    if hours.get(ALWAYS):
        return ALWAYS, "", ""
    monday: Sequence[Sequence[str]] = hours.get(WEEKDAYS[0], ())
    if set(hours) - {HOLIDAYS} == set(WEEKDAYS) and len(monday) == 1 and all(hours[day] == monday for day in WEEKDAYS):
        return "weekdays_and_holidays" if hours.get(HOLIDAYS) else "weekdays", monday[0][0], monday[0][1]
    return "as_before", "", ""
