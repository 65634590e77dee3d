"""No story and no scenario that is shipped says what cannot be: of days, hours and ages in its answers and words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import yaml

from school_protocol.cases.story_player import duration
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FormField
from school_protocol.ops.demo import SCENES
from school_protocol.protocol.reader import read_file

from .test_stories import MOROCCAN, ROOT, STORIES

MONTHS = (
    ("janvier", "january", "يناير"), ("février", "february", "فبراير"), ("mars", "march", "مارس"),
    ("avril", "april", "أبريل"), ("mai", "may", "ماي"), ("juin", "june", "يونيو"), ("juillet", "july", "يوليوز"),
    ("août", "august", "غشت"), ("septembre", "september", "شتنبر"), ("octobre", "october", "أكتوبر"),
    ("novembre", "november", "نونبر"), ("décembre", "december", "دجنبر"),
)  # fmt: skip
WEEKDAYS = (
    ("lundi", "monday", "الاثنين"), ("mardi", "tuesday", "الثلاثاء"), ("mercredi", "wednesday", "الأربعاء"),
    ("jeudi", "thursday", "الخميس"), ("vendredi", "friday", "الجمعة"), ("samedi", "saturday", "السبت"),
    ("dimanche", "sunday", "الأحد"),
)  # fmt: skip
MONTH_OF = {name: number for number, names in enumerate(MONTHS, 1) for name in names}
WEEKDAY_OF = {name: number for number, names in enumerate(WEEKDAYS) for name in names}
WORDS_TOO = {"mars", "mai", "march", "may", "ماي"}
"""Months that are words as well: only beside a day."""
DAY = re.compile(rf"(\d{{1,2}})(?:er)?\s(?:de\s)?({'|'.join(MONTH_OF)})\b", re.IGNORECASE)
MONTH = re.compile(rf"\b\w?({'|'.join(set(MONTH_OF) - WORDS_TOO)})\b", re.IGNORECASE)
WEEKDAY = re.compile(rf"\b({'|'.join(WEEKDAY_OF)})\b", re.IGNORECASE)
CLOCK = re.compile(r"\b(\d{1,2})(?::| h )(\d{2})\b")
YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
AGE = re.compile(r"(\d+) (?:ans|years old|سنة)\b")
ISO = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?")
PLANNED = {"until", "due_on", "next_on", "next_follow_up", "next_meeting", "next_check", "again_on",
           "shared_concern_start_on", "shared_concern_end_on"}  # fmt: skip
"""Answers that speak of what is to come."""
BEFORE = {"since_on", "first_seen_on", "shown_at", "captured_at", "occurred_at", "seen_at"}
"""Answers that speak of the facts themselves, which are older than what a school does about them."""
NOT_TOLD = ("note", "at", "as", "do", "expect", "case", "written_at", "written_by")
SCENARIOS = sorted(path.stem for path in (ROOT / "scenarios").glob("*.yaml"))


@dataclass(frozen=True)
class Told:
    """One answer or text of a story: when it was written, under which question, what it says."""

    at: datetime
    name: str
    said: str

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%dT%H:%M} {self.name}: {self.said}"


def walked(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walked(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walked(name, inner)
    elif isinstance(value, str):
        yield name, value


def timed(steps: list[dict[str, Any]]) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Each step with its moment."""
    at = datetime.fromisoformat(steps[0]["at"])
    for step in steps:
        at = datetime.fromisoformat(step["at"]) if "at" in step else at + duration(step.get("advance", "0m"), "")
        yield at, step


def told(steps: list[dict[str, Any]]) -> list[Told]:
    return [
        Told(at, name, said)
        for at, step in timed(steps)
        for name, said in walked("", {key: value for key, value in step.items() if key not in NOT_TOLD})
    ]


def days_in(text: str, year: int) -> list[date]:
    return [date(year, MONTH_OF[month.lower()], int(day)) for day, month in DAY.findall(text)]


def impossible(steps: list[dict[str, Any]]) -> Iterator[str]:
    """What cannot be so, in answers and words of one story."""
    first = datetime.fromisoformat(steps[0]["at"])
    for one in told(steps):
        if ISO.fullmatch(one.said):
            moment = datetime.fromisoformat(one.said)
            latest = one.at if "T" in one.said else one.at.replace(hour=0, minute=0)
            if moment > latest and one.name not in PLANNED:
                yield f"later than the entry itself: {one}"
            if moment.date() < first.date() and one.name not in BEFORE:
                yield f"before the report: {one}"
        elif any(day > one.at.date() for day in days_in(one.said, one.at.year)):
            yield f"words that know a later day: {one}"
    yield from _ages(steps)


def _ages(steps: list[dict[str, Any]]) -> Iterator[str]:
    """An age is told of the one pupil whom a story is about; limits of the law stand in other words."""
    ages = {age for one in told(steps) for age in AGE.findall(one.said) if "moins de" not in one.said}
    if len(ages) > 1:
        yield f"an age that contradicts itself: {sorted(ages)}"


def written_early(protocol: Protocol, steps: list[dict[str, Any]]) -> Iterator[str]:
    """What no letter can say yet: the “reference received”, as one form asks for it; and answers from before it."""
    sent: list[str] = []
    for at, step in timed(steps):
        act = protocol.acts.get(protocol.resolve("acts", step.get("do", "")))
        answers = step.get("answers") or {}
        if act is None or step.get("expect") == "refused":
            continue
        fields = protocol.form_of(act).by_key if act.form else {}
        if act.kind is ActKind.refer:
            sent.append(str(answers.get("sent_at", "")))
            if protocol.protocol == MOROCCAN and _is_letter(fields, answers) and answers.get("reference"):
                yield f"{at}: a letter with the reference that it is yet to get: {answers['reference']}"
        if act.kind is ActKind.answer_referral and str(answers.get("referral", "")).isdecimal():
            number = int(answers["referral"])
            if number <= len(sent) and str(answers.get("answered_at", "9")) < sent[number - 1]:
                yield f"{at}: answered before it was sent"


def _is_letter(fields: Any, answers: dict[str, Any]) -> bool:
    chosen: list[FormField] = [one for one in fields.values() if any(option.written for option in one.options)]
    return any(option.written and answers.get(one.key) == option.key for one in chosen for option in one.options)


def dated(steps: list[dict[str, Any]]) -> Iterator[str]:
    """Words that tell a day or an hour: false as soon as the story is played at another time."""
    for one in told(steps):
        if not ISO.fullmatch(one.said) and any(
            pattern.search(one.said) for pattern in (DAY, MONTH, WEEKDAY, CLOCK, YEAR)
        ):
            yield f"a day or an hour in words: {one}"


def steps_of(name: str) -> list[dict[str, Any]]:
    folder, _, key = name.partition("/")
    steps: list[dict[str, Any]] = yaml.load((ROOT / folder / "stories" / f"{key}.yaml").read_bytes(), yaml.BaseLoader)[
        "steps"
    ]
    return steps


def scenario(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    whole = yaml.load((ROOT / "scenarios" / f"{name}.yaml").read_bytes(), yaml.BaseLoader)
    return whole, [{**whole["opening"], "at": whole["opening"]["begins"], "begins": ""}, *whole["path"]["steps"]]


@pytest.mark.parametrize("name", STORIES)
def test_nothing_in_a_story_contradicts_its_days(name: str) -> None:
    protocol = read_file(ROOT / name.partition("/")[0] / "1.yaml")
    assert [*impossible(steps_of(name)), *written_early(protocol, steps_of(name))] == []


@pytest.mark.parametrize("name", [name for name in STORIES if name.startswith(MOROCCAN)])
def test_a_story_that_the_demo_moves_in_time_tells_no_day_in_words(name: str) -> None:
    assert list(dated(steps_of(name))) == []


def test_the_demo_moves_no_other_story() -> None:
    assert {f"{MOROCCAN}/{scene.story}" for scene in SCENES} <= set(STORIES)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_in_a_scenario_contradicts_its_calendar(name: str, moroccan: Protocol) -> None:
    whole, steps = scenario(name)
    begins = datetime.fromisoformat(whole["opening"]["begins"])
    assert [*impossible(steps), *written_early(moroccan, steps), *misread(whole, begins)] == []


def misread(whole: dict[str, Any], begins: datetime) -> Iterator[str]:
    """What is read out as it begins, what a card knows, what comes at a set hour."""
    for text in whole["story"].values():
        weekday, clock = WEEKDAY.search(text), CLOCK.search(text)
        if weekday and WEEKDAY_OF[weekday[1].lower()] != begins.weekday():
            yield f"begins on another day: {text}"
        if clock and abs(begins - begins.replace(hour=int(clock[1]), minute=int(clock[2]))) > timedelta(minutes=5):
            yield f"begins at another hour: {text}"
    for card in whole["cast"].values():
        for text in card["knows"].values():
            if any(day > begins.date() for day in days_in(text, begins.year)):
                yield f"knows a later day: {text}"
    for inject in whole["injects"].values():
        for text in inject["text"].values():
            clock = CLOCK.match(text)
            if clock and "at" in inject:
                at = begins + duration(inject["at"], "")
                if (int(clock[1]), int(clock[2])) != (at.hour, at.minute):
                    yield f"comes at {at:%H:%M}: {text}"


# ---- planted -------------------------------------------------------------------------------------------------------


def planted(**answers: Any) -> list[dict[str, Any]]:
    return [{"at": "2026-10-05T09:50", "do": "F1"}, {"at": "2026-10-06T10:00", "do": "F11", "answers": answers}]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"sent_at": "2026-10-06T10:01"}, "later than the entry itself"),
        ({"held_on": "2026-10-07"}, "later than the entry itself"),
        ({"held_on": "2026-10-04"}, "before the report"),
        ({"summary": "Une lettre du 14 octobre."}, "words that know a later day"),
        ({"summary": "كتبت رسالة وداع يوم 14 أكتوبر"}, "words that know a later day"),
        ({"summary": "Une élève de 13 ans.", "words": "Elle a 14 ans."}, "an age that contradicts itself"),
    ],
)
def test_what_cannot_be_is_found(answers: dict[str, str], why: str) -> None:
    [found] = impossible(planted(**answers))
    assert found.startswith(why)


@pytest.mark.parametrize(
    "words", ["Onze messages le 4 octobre.", "Hier à 14 h 15.", "دابا نهار الجمعة", "فشهر شتنبر", "Registre 12/2026"]
)
def test_a_day_in_words_is_found(words: str) -> None:
    assert len(list(dated(planted(summary=words)))) == 1


def test_what_may_be_is_not(moroccan: Protocol) -> None:
    steps = planted(
        target="parquet", channel="letter", sent_at="2026-10-06T09:55", next_on="2026-10-20", since_on="2026-09-14"
    )
    assert [*impossible(steps), *written_early(moroccan, steps), *dated(steps)] == []


def test_a_letter_that_knows_its_answer_is_found(moroccan: Protocol) -> None:
    early = planted(channel="letter", sent_at="2026-10-06T09:55", reference="114")
    answer = {"at": "2026-10-07T10:00", "do": "F12", "answers": {"referral": "1", "answered_at": "2026-10-06T09:00"}}
    found = list(written_early(moroccan, [*early, answer]))
    assert ["reference" in found[0], "before it was sent" in found[1]] == [True, True]
    assert len(found) == 2
