"""Fills a demo with made-up cases: histories that the engine decided, written again under schools, people and keys."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from school_protocol.domain.contributing import path_of
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.services import demo, school_time
from school_protocol.services.accounts import hash_password
from school_protocol.services.digests.shown import is_demo
from school_protocol.services.house import House
from school_protocol.services.loading import marks_of
from school_protocol.services.sampling.country import School, name_of, schools
from school_protocol.services.sampling.histories import Played, played
from school_protocol.storage import cases, stamping

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
    house: House,
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
    if not is_demo(house):
        raise NoSample("made-up cases are for a demo alone: nothing real is to be among them")
    rng = random.Random(f"{seed}")  # noqa: S311 - the same cases for the same seed
    protocol, content = demo.definition()
    plays = min(max(count // CASES_A_PLAY, PLAYS[0]), PLAYS[1])
    found = played(
        protocol, content, school_time.usual(), plays=plays, rng=rng, now=house.now(),
        progress=lambda done, total: progress("histories", done, total),
    )  # fmt: skip
    parts = {part for one in found for part in one.cast}
    where = schools(house, protocol, parts, count, wanted=places, hashed=hash_password(password))
    made = events = 0
    for batch in _batches(_copies(house, found, where, count, rng, under_way)):
        stamping.write(house.realm, house.vault, batch)
        made, events = made + len(batch), events + sum(len(copy.history.entries) for copy in batch)
        progress("cases", made, count)
    return Sampled(made, events, len(where), len(found))


def _batches(copies: Iterator[stamping.Copy]) -> Iterator[list[stamping.Copy]]:
    while batch := list(islice(copies, AT_ONCE)):
        yield batch


def _copies(
    house: House, found: Sequence[Played], places: Sequence[School], count: int, rng: random.Random, share: float
) -> Iterator[stamping.Copy]:
    ended, under_way = ([one for one in found if one.history.ended is which] for which in (True, False))
    under_way = [one for one in under_way if house.now() - one.history.entries[-1].at < RECENT] or under_way
    kinds = {True: ended, False: under_way}
    weights = {kind: [len(one.history.entries) ** -2.0 for one in some] for kind, some in kinds.items()}
    given = numbers(house, rng)
    for _case in range(count):
        has_ended = not (under_way and rng.random() < share)
        chosen = rng.choices(kinds[has_ended], weights[has_ended])[0]
        yield copy_of(chosen, rng.choice(places), next(given), rng)


def numbers(house: House, rng: random.Random) -> Iterator[str]:
    """Numbers that no case has."""
    given: set[str] = set()
    while True:
        drawn = {cases.new_number(rng): None for _ in range(AT_ONCE)}
        with house.realm.reading() as session:
            taken = cases.taken(session, drawn)
        for number in drawn:
            if number not in taken and number not in given:
                given.add(number)
                yield number


def copy_of(chosen: Played, school: School, number: str, rng: random.Random) -> stamping.Copy:
    """That history as a case of this school, about others. Its people play the parts that the school has."""
    ids = {old: school.places[kind] for kind, old in chosen.places.items()}
    ids |= {account: school.cast[part] for part, account in chosen.cast.items() if part in school.cast}
    people = {
        person.slot_id: _somebody_else(person.values, rng)
        for person in chosen.history.people
        if person.values is not None
    }
    stands_apart = chosen.history.share.path[0] not in chosen.places.values()
    return stamping.Copy(
        history=chosen.history,
        number=number,
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
