"""The answers that the product must give, as `expected.yaml` says them: ways to addresses, and the status for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from versions import read_yaml

from authorization.world import ROLES

EXPECTED = Path(__file__).with_name("expected.yaml")
METHODS = ("get", "post")
ABSENT = "absent"
ANYONE, EVERYONE = "anyone", "everyone"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to an address: its template, how it is asked, and the status for whom; nobody else gets in."""

    door: str
    method: str
    path: str
    statuses: Mapping[int, frozenset[str]]
    everywhere: bool = False
    typed: Mapping[str, str] = field(default_factory=dict)

    def status(self, who: str) -> int | str:
        """What this person gets; who holds the same role in another unit gets what is said of the role."""
        role = who.partition("@")[0]
        found = (status for status, people in self.statuses.items() if who in people or role in people)
        return next(found, ABSENT)


@dataclass(frozen=True, slots=True)
class Spec:
    """The file of expected answers, read."""

    sees: Mapping[str, Mapping[str, str]]
    reads: Mapping[str, frozenset[str]]
    told: Mapping[str, Any]
    """The blocks that say by themselves what is asked."""
    doors: tuple[Way, ...]
    nested: tuple[Way, ...]
    owned: tuple[Way, ...]
    shared: tuple[tuple[str, Way], ...]
    """Kind of case → ways of cases over several schools, each with those very people, whoever else has their role."""
    places: Mapping[str, tuple[Way, ...]]
    """Kind of school → ways."""
    free: tuple[Way, ...]
    signed_out: Mapping[str, int]
    """Endpoints of `free` that answer somebody who isn't signed in, with the status."""
    asks: Mapping[str, str]
    knocks: Mapping[str, frozenset[str]]
    """What a door asks → for whom it is."""


@lru_cache(maxsize=1)
def expected() -> Spec:
    """What stands in the file."""
    told = read_yaml(EXPECTED)
    groups = {**told["groups"], EVERYONE: ROLES, ANYONE: ROLES}

    def people(named: Any) -> frozenset[str]:
        return frozenset(groups[named] if isinstance(named, str) else named)

    def way(door: str, said: Mapping[Any, Any]) -> Way:
        method = next(one for one in METHODS if one in said)
        statuses = {status: people(named) for status, named in said.items() if isinstance(status, int)}
        return Way(door, method, said[method], statuses, bool(said.get("everywhere")), said.get("typed", {}))

    free = {door: said for door, said in told["free"].items() if any(one in said for one in METHODS)}
    anyone = {
        door: next((one for one, people in said.items() if isinstance(one, int) and people == ANYONE), 0)
        for door, said in free.items()
    }
    return Spec(
        sees=told["sees"],
        told=told,
        reads={word: people(named) for word, named in told["reads"].items()},
        doors=tuple(way(door, one) for door, said in told["doors"].items() for one in said["ways"]),
        nested=tuple(way("nested", one) for one in told["nested"]),
        owned=tuple(way("owned", one) for one in told["owned"]),
        shared=tuple((one["case"], way("shared", one)) for one in told["shared"]["ways"]),
        places=_places(told["places"], way),
        free=tuple(way(door, said) for door, said in free.items()),
        signed_out={**{door: status for door, status in anyone.items() if status},
                    **{door: said["signed_out"] for door, said in free.items() if "signed_out" in said}},
        asks={**{door: said["asks"] for door, said in told["doors"].items()},
              **{door: said["asks"] for door, said in told["free"].items()}},
        knocks={asks: people(named) for asks, named in told["knocks"].items()},
    )  # fmt: skip


def _places(told: Mapping[str, Any], way: Callable[..., Way]) -> dict[str, tuple[Way, ...]]:
    """A door has one way, or several."""
    kinds = ("own", "same_province", "other_province", "other_region")
    ways = [(door, one) for door, said in told.items() for one in (said if isinstance(said, list) else [said])]
    asked = ("get", "post", "typed")
    return {
        kind: tuple(way(door, {**{key: one[key] for key in asked if key in one}, **one[kind]}) for door, one in ways)
        for kind in kinds
    }
