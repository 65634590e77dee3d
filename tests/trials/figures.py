"""Districts made up, their figures issued, late cases counted, figures issued again and again: nothing small is found.

Each set is attacked by the gate, which looks at all releases together, and by attacks that know nothing of the product:
bounds drawn tighter line by line, and of tiny districts all worlds that look the same. What is refused, or tells
nothing anew though enough has changed, is counted: a page that says nothing is no success.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from disclosure.attacks import ALL, Shape, drawn_tight, narrow, told_too_soon
from disclosure.test_suppress import kept, later, primary_only
from disclosure.worlds import District, busy, drawn, months, table

from school_protocol.statistics.disclosure.auditing import audit
from school_protocol.statistics.disclosure.release import NotReleasable, Release
from school_protocol.statistics.disclosure.suppressing import suppress
from trials.frame import Outcome, Size, Trial

SETS = {Size.short: 6, Size.whole: 300}
PLANTED = {Size.short: 2, Size.whole: 40}
FEW = 0.05
"""So small a share may be refused, or say nothing anew."""
TINY = Shape({"region": "", "p": "region", "a": "p", "b": "p", "c": "p"}, greatest=11)


@dataclass
class Tally:
    """What became of all the sets."""

    releases: int = 0
    refused: int = 0
    due: int = 0
    """How often a whole district's cases had changed by five or more since they were told."""
    silent: int = 0
    """And how often this was not told."""
    faults: list[str] = field(default_factory=list)

    def all_faults(self) -> tuple[str, ...]:
        found = list(self.faults)
        if self.refused > FEW * self.releases:
            found.append(f"{self.refused} of {self.releases} releases were refused")
        if self.silent > FEW * self.due:
            found.append(f"{self.silent} of {self.due} releases say nothing anew of their district")
        return tuple(found)


def figures(size: Size, _folder: Path) -> Outcome:
    """So many sets, each issued three times."""
    tally = Tally()
    for seed in range(SETS[size]):
        _issue(seed, tally)
    planted = [len(audit(releases)) > 0 for seed in range(PLANTED[size]) for releases in _planted(seed)]
    unit = f"linked sets of tables ({tally.releases} releases, {tally.refused} refused)"
    return Outcome(SETS[size], unit, tally.all_faults(), len(planted), sum(planted))


def _issue(seed: int, tally: Tally) -> None:
    rng = random.Random(seed)
    district = (drawn(seed), busy(seed, provinces=2, schools=3), _tiny(rng))[seed % 3]
    releases: list[Release] = []
    for late in (0, rng.choice((1, 2, 4)), rng.choice((6, 20, 60))):
        district = later(district, rng, late) if late else district
        tally.releases += 1
        try:
            release = suppress(district.counts(), releases)
        except NotReleasable:
            tally.refused += 1
            continue
        _tally_news(district, [*releases, release], tally)
        releases.append(release)
    tally.faults += [f"set {seed}: {fault}" for fault in _faults(seed, releases)]


def _tally_news(district: District, releases: list[Release], tally: Tally) -> None:
    """Whether what has changed enough is told."""
    number = len(district.cases)
    told = [one.at(ALL, "region") for one in releases[:-1] if one.told]
    first = releases[0].counts.at(ALL, "region") if len(releases) > 1 else -number
    base = next((one for one in reversed(told) if one is not None), first)
    if number > 4 and abs(number - base) > 4:
        tally.due += 1
        tally.silent += releases[-1].at(ALL, "region") != number


def _tiny(rng: random.Random) -> District:
    found = District(TINY.above, (table("level", 2),), months(1))
    found.fill(rng, [(school, rng.randrange(11)) for school in TINY.schools], lean=rng.choice((0.4, 1.0)))
    return found


def _faults(seed: int, releases: list[Release]) -> Iterator[str]:
    yield from (f"{one.place} is found" for one in audit(releases))
    yield from (f"{key} is bounded" for one in releases for key in drawn_tight(one))
    yield from (f"{key} changed by few" for key in told_too_soon(releases))
    if seed % 3 == 2:
        yield from (f"{key} is the same in all worlds" for key in narrow(TINY.worlds(releases[0]), releases[0].counts))


def _planted(seed: int) -> Iterator[list[Release]]:
    """Only what is small goes; what was kept back for its sake is put back; a late case is simply added."""
    district = busy(seed)
    first = suppress(district.counts())
    yield [primary_only(district.counts())]
    yield from ([replace(first, told=first.told | {key})] for key in kept(first))
    late = replace(district, cases=[*district.cases, district.draw(random.Random(seed), "p0s0", district.months[0])])
    yield [first, Release(late.counts(), first.told)]


TRIALS = (
    Trial(
        "figures",
        "figures issued again and again: no small count can be worked out of them, and next to none is refused",
        SETS[Size.whole],
        figures,
    ),
)
