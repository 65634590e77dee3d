"""Fills a demo with made-up cases: histories that the engine decided, written again under other schools and keys."""

from __future__ import annotations

import multiprocessing
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import marks_of
from school_protocol.context import AppContext
from school_protocol.engine.case_words import first_free, words_by_number
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import ZONE
from school_protocol.notifications.digests import is_demo
from school_protocol.ops import demo, repository
from school_protocol.ops.sample_cases import (
    Made,
    Played,
    School,
    name_of,
    named,
    played,
    schools,
    whole,
    whole_or_cut,
)
from school_protocol.people import school_time
from school_protocol.statistics.rules import path_of
from school_protocol.storage import case_numbers

Progress = Callable[[str, int, int], None]

UNDER_WAY = 1 / 20
"""Of all cases, those that are under way."""
RECENT = timedelta(weeks=5)
"""How long ago the latest event of a case under way lies at most, where there is one so young."""
AT_ONCE = 250
"""Cases of one transaction."""
PLAYS = (12, 48)
"""How many stories are played, at least and at most."""
CASES_A_PLAY = 1_000


class NoSample(SchoolProtocolError):
    """Made-up cases have no place here."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was made."""

    cases: int
    events: int
    schools: int
    histories: int


def sample(
    ctx: AppContext,
    count: int,
    *,
    seed: int,
    password: str,
    progress: Progress,
    places: int | None = None,
    under_way: float = UNDER_WAY,
) -> Sampled:
    """So many more cases in a demo, the same for the same seed but for their keys; all of a batch, or none.

    In so many schools (`places`), or as many as the cases need. `under_way`: which share of them has not ended.
    Raises NoSample where something real could be among them.
    """
    if not is_demo(ctx):
        raise NoSample("made-up cases are for a demo alone: nothing real is to be among them")
    rng = random.Random(f"{seed}")  # noqa: S311 - the same cases for the same seed
    protocol, content = demo.definition()
    plays = min(max(count // CASES_A_PLAY, PLAYS[0]), PLAYS[1])
    found = played(
        protocol, content, school_time.usual(), whole_or_cut(protocol, plays, rng), now=ctx.now(),
        progress=lambda done, total: progress("histories", done, total),
    )  # fmt: skip
    parts = {part for one in found for part in one.cast}
    where = schools(ctx, protocol, parts, count, wanted=places, hashed=hash_password(password))
    made = events = 0
    for batch in _batches(_copies(ctx, found, where, count, rng, under_way)):
        repository.write_sample(ctx.realm, ctx.vault, batch)
        made, events = made + len(batch), events + sum(len(copy.history.entries) for copy in batch)
        progress("cases", made, count)
    return Sampled(made, events, len(where), len(found))


def _batches(copies: Iterator[repository.Copy]) -> Iterator[list[repository.Copy]]:
    while batch := list(islice(copies, AT_ONCE)):
        yield batch


def _copies(
    ctx: AppContext, found: Sequence[Played], places: Sequence[School], count: int, rng: random.Random, share: float
) -> Iterator[repository.Copy]:
    ended, under_way = ([one for one in found if one.history.ended is which] for which in (True, False))
    under_way = [one for one in under_way if ctx.now() - one.history.entries[-1].at < RECENT] or under_way
    kinds = {True: ended, False: under_way}
    weights = {kind: [len(one.history.entries) ** -2.0 for one in some] for kind, some in kinds.items()}
    given, used = numbers(ctx, rng), defaultdict[str, set[str]](set)
    for _case in range(count):
        has_ended = not (under_way and rng.random() < share)
        chosen = rng.choices(kinds[has_ended], weights[has_ended])[0]
        place = rng.choice(places)
        copy = copy_of(chosen, place, next(given), rng, used[place.unit.id])
        if not has_ended:
            used[place.unit.id].add(copy.word)
        yield copy


def numbers(ctx: AppContext, rng: random.Random) -> Iterator[str]:
    """Numbers that no case has."""
    given: set[str] = set()
    while True:
        drawn = {case_numbers.new_number(rng): None for _ in range(AT_ONCE)}
        with ctx.realm.reading() as session:
            taken = cases_repository.taken(session, drawn)
        for number in drawn:
            if number not in taken and number not in given:
                given.add(number)
                yield number


def copy_of(
    chosen: Played, school: School, number: str, rng: random.Random, used: Collection[str] = ()
) -> repository.Copy:
    """That history as a case of this school, about others, by a word that isn't `used`. Its people play the parts that
    the school has."""
    ids = {old: school.places[kind] for kind, old in chosen.places.items()}
    ids |= {account: school.cast[part] for part, account in chosen.cast.items() if part in school.cast}
    people = {
        person.slot_id: _somebody_else(person.values, rng)
        for person in chosen.history.people
        if person.values is not None
    }
    stands_apart = chosen.history.share.path[0] not in chosen.places.values()
    return repository.Copy(
        history=chosen.history,
        number=number,
        word=first_free(words_by_number(number), used),
        ids=ids,
        path=path_of(school.unit, stands_apart=stands_apart),
        people=people,
        marks={slot: marks_of(values) for slot, values in people.items()},
    )


def _somebody_else(values: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    other = dict(values)
    if "name" in other:
        drawn = rng.randrange(10_000)
        other["name"] = f"{name_of(drawn)[rng.choice(('fr', 'ar'))]}-{drawn}"
    if "massar" in other:
        other["massar"] = f"{rng.choice('GJKMR')}{rng.randrange(10**9):09}"
    return other


# ---- ended cases for the figures that a demo shows, in schools in which nothing is open ----------------------------
# A few stories are played whole, and written again as many cases, each so many weeks sooner or later.

TOLD = (("sc4", range(20, 28), 28), ("sc1", range(12, 18), 60), ("sc3", range(32, 40), 20))
"""Which stories are played, how many weeks before a school year each ends, how often each of its cases is written."""
SEASON = {9: 2, 10: 6, 11: 7, 12: 4, 1: 5, 2: 5, 3: 7, 4: 4, 5: 5, 6: 2}
"""How often a case is opened in a month, against the others; in summer none is."""
ROOM = 11
"""So many weeks a school year must have run to hold some of these; else it is the two before it that are told."""
SCHOOLS = (
    demo.Place("04201A", "Collège Ibn Khaldoun", "الثانوية الإعدادية ابن خلدون", "MA-SAL"),
    demo.Place("04202B", "Lycée Al Khansaa", "الثانوية التأهيلية الخنساء", "MA-SAL"),
    demo.Place("04211C", "Collège Al Farabi", "الثانوية الإعدادية الفارابي", "MA-RAB"),
    demo.Place("04212D", "Lycée Ibn Battouta", "الثانوية التأهيلية ابن بطوطة", "MA-RAB"),
    demo.Place("04221E", "Collège Al Wahda", "الثانوية الإعدادية الوحدة", "MA-KEN"),
)
_WEIGHTS = (5, 4, 4, 3, 5)


@dataclass(slots=True)
class Shown:
    """Cases that are still to be written, and where."""

    ctx: AppContext
    copies: list[repository.Copy]

    def write(self, until: datetime) -> int:
        """Those that had ended by then; returns how many."""
        past = [one for one in self.copies if one.ended_at <= until]
        self.copies = [one for one in self.copies if one.ended_at > until]
        repository.write_sample(self.ctx.realm, self.ctx.vault, past)
        return len(past)


@contextmanager
def played_apart(now: datetime) -> Iterator[Connection]:
    """Where the histories of TOLD come out, played by a process of its own meanwhile; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    work = context.Process(target=_play, args=(theirs, TOLD, now), daemon=True)
    work.start()
    theirs.close()
    try:
        yield ours
    finally:
        work.kill()
        work.join()
        ours.close()


def _play(out: Connection, told: Sequence[tuple[str, range, int]], now: datetime) -> None:
    out.send(histories(told, now))


def histories(told: Sequence[tuple[str, range, int]], now: datetime) -> list[tuple[Played, int]]:
    """These stories, as TOLD has them, played, each with how often it is to be written: the same each time."""
    protocol, content = demo.definition()
    rng, since = _rng(), _since(protocol, now)
    found: list[tuple[Played, int]] = []
    for story, weeks, count in told:
        plan = ((story, range(since + weeks.start, since + weeks.stop)),)
        cases = played(protocol, content, school_time.usual(), whole(protocol, plan, rng), now=now)
        found += [(one, count) for one in cases if one.history.ended]
    return found


def shown(
    ctx: AppContext, protocol: Protocol, found: Sequence[tuple[Played, int]], units: Mapping[str, str],
    standing: Mapping[str, dict[str, str]], *, hashed: str,
) -> Shown:  # fmt: skip
    """What such figures are counted from, not yet written. `standing`: by unit, who plays which part there already."""
    rng, since = _rng(), _since(protocol, ctx.now())
    given = numbers(ctx, rng)
    made = Made(ctx, protocol, tuple(sorted({part for one, _count in found for part in named(one)})), hashed)
    made.casts.update(standing)
    places = list(_schools(ctx, made, units))
    copies = [
        replace(copy_of(one, rng.choices(places, _WEIGHTS)[0], next(given), rng), later=later)
        for one, count in found
        for later in _spread(one, count, ctx.now(), since, rng)
    ]
    return Shown(ctx, copies)


def _rng() -> random.Random:
    return random.Random("figures of the demo")  # noqa: S311 - the same cases each time


def _spread(one: Played, count: int, now: datetime, since: int, rng: random.Random) -> list[timedelta]:
    """By how much so many copies lie later, in whole weeks: over the year before and the one that runs, by season."""
    first, last = one.history.opened.opened_at, one.history.entries[-1].at
    oldest = now - timedelta(weeks=since + 52)
    moves = [timedelta(weeks=weeks) for weeks in range(-104, 105)]
    fitting = [move for move in moves if oldest <= first + move and last + move < now]
    return rng.choices(fitting, [SEASON.get((first + move).month, 0) for move in fitting], k=count)


def _since(protocol: Protocol, now: datetime) -> int:
    """How many weeks ago the latest school year began that has run long enough."""
    assert protocol.figures is not None
    today = now.astimezone(ZONE).date()
    begun = (date(year, protocol.figures.begins, 1) for year in (today.year, today.year - 1, today.year - 2))
    return next(weeks for first in begun if (weeks := (today - first).days // 7) >= ROOM)


def _schools(ctx: AppContext, made: Made, units: Mapping[str, str]) -> Iterator[School]:
    with ctx.directory.writing() as session:
        for place in SCHOOLS:
            unit = auth_repository.add_unit(
                session, kind=UnitKind.school, code=place.code, names=place.names, parent=units[place.parent]
            )
            yield made.cast(session, auth_repository.unit(session, unit))
