"""Histories to be written again: stories of a definition, played through the use cases at moments drawn by lot."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from school_protocol.domain.clock import Calendar
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.services.loading import folded, reindex, schools_named
from school_protocol.services.scripts import Player, Step, Story, moment, shifted, stories_of, throwaway
from school_protocol.storage import cases, directory, index, stamping
from school_protocol.storage.vault import canonical
from school_protocol.wording import ZONE

WEEKS = 150
"""How far back whole stories may lie: three school years."""
LATELY = 3
"""In how many weeks before now a case under way had its latest step."""
UNDER_WAY = 1 / 4
"""Of the stories played, those that are cut off on the way."""
TRIES = 20
"""How often another moment is drawn where a story doesn't go, at one, as it says."""


class NoHistory(SchoolProtocolError):
    """The definition has no story that can be played."""


@dataclass(frozen=True, slots=True)
class Played:
    """A history, and whom its ids stand for: places by kind, people by what scripts call them."""

    history: stamping.History
    places: Mapping[ScopeKind, str]
    cast: Mapping[str, str]
    """`role` or `role/2` → account."""


def played(
    protocol: Protocol,
    content: bytes,
    calendar: Calendar,
    *,
    plays: int,
    rng: random.Random,
    now: datetime,
    progress: Callable[[int, int], None],
) -> list[Played]:
    """What so many plays of the definition's stories come to, each story in its turn; raises NoHistory for none."""
    stories = [story for _name, story in stories_of(protocol.protocol)]
    found: list[Played] = []
    with _stage(protocol, content, calendar, now) as player:
        for place in range(plays if stories else 0):
            story = stories[place % len(stories)]
            found += _once(player, partial(_drawn, story, rng), now)
            progress(place + 1, plays)
    return _some_ended(found, protocol)


@contextmanager
def _stage(protocol: Protocol, content: bytes, calendar: Calendar, now: datetime) -> Iterator[Player]:
    with throwaway(protocol, content, now) as player:
        with player.house.directory.writing() as session:
            directory.set_calendar(session, player.places[ScopeKind.region], calendar)
        yield player


def _once(player: Player, drawn: Callable[[], tuple[Sequence[Step], int]], now: datetime) -> list[Played]:
    """What a play comes to, tried again at another moment where the story doesn't go; none: it went at none."""
    for _try in range(TRIES):
        steps, weeks = drawn()
        if went := _play(replace(player, numbers={}, played=[], unseen=set()), steps, weeks, now):
            return went
    return []


def _drawn(story: Story, rng: random.Random) -> tuple[Sequence[Step], int]:
    """A story whole, or cut off on the way, and how many weeks ago its last step was."""
    if rng.random() < UNDER_WAY:
        return _cut(story.steps, rng), rng.randrange(LATELY)
    return story.steps, rng.randrange(WEEKS)


def _some_ended(found: list[Played], protocol: Protocol) -> list[Played]:
    if not any(one.history.ended for one in found):
        raise NoHistory(f"{protocol.protocol} has no story whose cases end")
    return found


def whole(
    protocol: Protocol,
    content: bytes,
    calendar: Calendar,
    plan: Sequence[tuple[str, range]],
    *,
    rng: random.Random,
    now: datetime,
) -> list[Played]:
    """What these stories come to, played whole, the last step of each so many weeks ago; one that doesn't go is left.

    Raises NoHistory where none of their cases ends.
    """
    stories, found = dict(stories_of(protocol.protocol)), list[Played]()
    with _stage(protocol, content, calendar, now) as player:
        for name, weeks in plan:
            found += _once(player, partial(_whole, stories[name], weeks, rng), now)
    return _some_ended(found, protocol)


def _whole(story: Story, weeks: range, rng: random.Random) -> tuple[Sequence[Step], int]:
    return story.steps, rng.choice(weeks)


def named(one: Played) -> frozenset[str]:
    """The parts whose people its history names."""
    history = one.history
    told = [f"{history.index}", *(f"{said.header} {said.content}" for said in history.reports)]
    told += [f"{entry.actor} {canonical(entry.body).decode('utf-8', 'replace')}" for entry in history.entries]
    return frozenset(part for part, account in one.cast.items() if any(account in text for text in told))


def _play(player: Player, steps: Sequence[Step], weeks: int, now: datetime) -> list[Played]:
    """The cases of a story as they stand now; none where it doesn't go as it says so many weeks ago."""
    steps = _moved(steps, weeks, now)
    player.watching, player.clock.moment = False, moment(str(steps[0]["at"]), "at")
    found: list[Played] = []
    for step in steps:
        player.play([step])
        if not player.played[-1].went_as_said:
            return []
        name = str(step.get("case", ""))
        if _has_just_ended(player, name):
            at = player.clock.moment
            found += _as_they_stand(player, [name], now)
            player.clock.moment = at
    whole = {one.history.opened.number: len(one.history.entries) for one in found}
    left = [name for name, number in player.numbers.items() if whole.get(number) != _seq(player, name)]
    return [*found, *_as_they_stand(player, left, now)]


def _cut(steps: Sequence[Step], rng: random.Random) -> Sequence[Step]:
    """The steps up to one drawn by lot."""
    return steps[: rng.randrange(2, len(steps))]


def _moved(steps: Sequence[Step], weeks: int, now: datetime) -> list[dict[str, object]]:
    """The steps so many weeks back, the last of them before now: whole weeks, so that days of the week stay."""
    told = [datetime.fromisoformat(str(step["at"])) for step in steps]
    latest = now.astimezone(ZONE).replace(tzinfo=None) - timedelta(hours=1)
    delta = timedelta(weeks=(latest - told[-1]) // timedelta(weeks=1) - weeks)
    return [
        {**shifted(step, delta, delta), "at": (at + delta).isoformat(timespec="minutes")}
        for step, at in zip(steps, told, strict=True)
    ]


def _has_just_ended(player: Player, name: str) -> bool:
    if "StepTaken" not in player.played[-1].events:
        return False
    case_id = player.case_id(name)
    with player.house.realm.reading() as session:
        row = index.row_of(session, case_id) if case_id else None
    return row is not None and row.ended


def _seq(player: Player, name: str) -> int:
    case_id = player.case_id(name)
    with player.house.realm.reading() as session:
        return cases.last_seq(session, case_id) if case_id else 0


def _as_they_stand(player: Player, names: Iterable[str], now: datetime) -> Iterator[Played]:
    """These cases as lists show them now, but those that name another case or another school: it would not be there."""
    cast = {name: actor.id for name, actor in player.actors.items()}
    places = {**player.places, ScopeKind.unit: player.school}
    house, numbers = player.house, set(player.numbers.values())
    player.clock.moment = now
    for name in names:
        case_id, number = player.case_id(name), player.numbers[name]
        if case_id is None:
            continue
        with house.realm.writing() as session:
            reindex(house, session, case_id)
            history = stamping.read(session, house.vault, case_id)
            names_schools = schools_named(*folded(house, session, case_id))
        if not names_schools and not _names(history, numbers - {number}):
            yield Played(history, places, cast)


def _names(history: stamping.History, others: set[str]) -> bool:
    told = b"".join(canonical(entry.body) for entry in history.entries)
    return any(number.encode() in told for number in others)
