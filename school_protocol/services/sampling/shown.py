"""Ended cases for the figures that a demo shows: made-up schools of its own academy, in which nothing is open.

A few stories are played whole, in the school year that runs and in the one before, and written again as many cases.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from school_protocol.domain.policy import UnitKind
from school_protocol.domain.protocol import Protocol
from school_protocol.services import demo, school_time
from school_protocol.services.house import House
from school_protocol.services.sampling.country import Made, School
from school_protocol.services.sampling.filling import copy_of, numbers
from school_protocol.services.sampling.histories import Played, named, whole
from school_protocol.storage import directory, stamping
from school_protocol.wording import ZONE

BEFORE = (("sc4", range(20, 28)), ("sc1", range(12, 18)), ("sc3", range(32, 40)))
"""Which stories are played in the year before, and how many weeks before that year's end each has its last step."""
LATELY = (("sc4", range(3, 5)), ("sc1", range(1, 2)))
"""Which are played in the year that runs, and how many weeks ago each had its last step."""
ROOM = 11
"""So many weeks a school year must have run to hold these; else it is the two before it that are told."""
COPIES = range(16, 40)
"""How often a case that ended is written again."""
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

    house: House
    found: list[Played]
    schools: Sequence[School]
    rng: random.Random
    given: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.given = numbers(self.house, self.rng)

    def write(self, until: datetime) -> int:
        """Those that had ended by then; returns how many."""
        past = [one for one in self.found if one.history.entries[-1].at <= until]
        self.found = [one for one in self.found if one not in past]
        chosen = [one for one in past for _copy in range(self.rng.choice(COPIES))]
        copies = [
            copy_of(one, self.rng.choices(self.schools, _WEIGHTS)[0], next(self.given), self.rng) for one in chosen
        ]
        stamping.write(self.house.realm, self.house.vault, copies)
        return len(copies)


def shown(
    house: House, protocol: Protocol, content: bytes, units: Mapping[str, str], standing: Mapping[str, dict[str, str]],
    *, hashed: str,
) -> Shown:  # fmt: skip
    """What such figures are counted from, not yet written. `standing`: by unit, who plays which part there already."""
    rng = random.Random("figures of the demo")  # noqa: S311 - the same cases each time
    since = _since(protocol, house.now())
    plan = (*((story, range(since + weeks.start, since + weeks.stop)) for story, weeks in BEFORE), *LATELY)
    found = whole(protocol, content, school_time.usual(), plan, rng=rng, now=house.now())
    ended = [one for one in found if one.history.ended]
    made = Made(house, protocol, tuple(sorted({part for one in ended for part in named(one)})), hashed)
    made.casts.update(standing)
    return Shown(house, ended, list(_schools(house, made, units)), rng)


def _since(protocol: Protocol, now: datetime) -> int:
    """How many weeks ago the latest school year began that has run long enough."""
    assert protocol.figures is not None
    today = now.astimezone(ZONE).date()
    begun = (date(year, protocol.figures.begins, 1) for year in (today.year, today.year - 1, today.year - 2))
    return next(weeks for first in begun if (weeks := (today - first).days // 7) >= ROOM)


def _schools(house: House, made: Made, units: Mapping[str, str]) -> Iterator[School]:
    with house.directory.writing() as session:
        for place in SCHOOLS:
            unit = directory.add_unit(
                session, kind=UnitKind.school, code=place.code, names=place.names, parent=units[place.parent]
            )
            yield made.cast(session, directory.unit(session, unit))
