"""Somebody who reads a release with the definition beside it: what it proves of cases binds one table to another.

Written apart from the gate: it is asked which cases there can be (by the proof of definitions), and of each release how
many of these there are at least and at most (by linear programs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, pairwise, product
from typing import NamedTuple

import numpy as np
from highspy import HighsModelStatus

from school_protocol.engine.case_summary import (
    ANSWERED,
    AWAITED,
    CASES,
    DANGERS,
    NONE,
    OPEN,
    REFERRALS,
    UNASKED,
    levels_of,
)
from school_protocol.engine.definition import ActKind, Fact, Protocol
from school_protocol.proof.reachability import Explorer, Node
from school_protocol.proof.subject import Limits, Subject
from school_protocol.statistics.disclosure.bounding import Program
from school_protocol.statistics.disclosure.release import Release
from school_protocol.statistics.rules import ENDED, TOTALS

NOT = ""
"""In place of a row: the case is none of that table's total, or has no answer."""
GIVEN = "~given"
"""In place of a row: there is an answer."""
SMALL = range(1, 5)
MOST = 1e5
"""No unit has so many cases."""

Kind = tuple[tuple[str, str], ...]
"""What a case is: of each source of rows the row in which it stands."""


# ---- which cases there can be --------------------------------------------------------------------------------------


def kinds_of(protocol: Protocol) -> frozenset[Kind]:
    """Every kind that the definition doesn't shut out."""
    found: set[Kind] = set()
    for state, was_assessed, values in _reached(protocol):
        has_danger, has_referral = values["x_danger"] > 0, values["x_referred"]
        if (values["raised"] > 0 and not has_danger) or (values["x_awaited"] > 0 and not has_referral):
            continue
        ended = protocol.states[state].ended
        sources: dict[str, Sequence[str]] = {
            "stages": (ENDED if ended else protocol.states[state].stage,),
            "outcomes": (state if ended else OPEN,),
            "levels": levels_of(protocol) if was_assessed else (NONE,),
            "danger_answers": ((AWAITED if values["raised"] > 0 else ANSWERED) if has_danger else NOT,),
            "referral_answers": (
                (AWAITED,) if values["x_awaited"] > 0 else (ANSWERED, UNASKED) if has_referral else (NOT,)
            ),
        }
        sources |= {act: (GIVEN, NOT) if values[f"x_{act}"] else (NOT,) for act in _asking(protocol)}
        found |= {tuple(zip(sources, rows, strict=True)) for rows in product(*sources.values())}
    return frozenset(found)


def _asking(protocol: Protocol) -> tuple[str, ...]:
    """The acts of which a table counts answers, but for those that are open whenever a case is: these say nothing."""
    tables = protocol.figures.tables.values() if protocol.figures else ()
    acts = dict.fromkeys(one.act for one in tables if one.act)
    return tuple(act for act in acts if not {"open", "any"} & set(protocol.acts[act].in_))


def _reached(protocol: Protocol) -> Iterator[tuple[str, bool, Mapping[str, int]]]:
    """State, whether it was ever assessed, facts: of all that a case can come to, by the proof's own walk.

    What the definition says must never be in a state is proven elsewhere.
    """
    refers = [act.key for act in protocol.acts_of(ActKind.refer)]
    more = {
        "x_danger": {"type": "count", "initial": "0", "dangers": {"states": ["raised", "referred", "lifted"]}},
        "x_awaited": {"type": "count", "initial": "0", "open_referrals": True},
        "x_referred": {"type": "bool", "initial": "false", "fold": "ever", "from": [{"act": one} for one in refers]},
    } | {
        f"x_{act}": {"type": "bool", "initial": "false", "fold": "ever", "from": [{"act": act}]}
        for act in _asking(protocol)
    }
    facts = {
        key: Fact.model_validate({"key": key, "label": dict.fromkeys(protocol.languages, key), **fact})
        for key, fact in more.items()
    }
    level = protocol.assessment.fact if protocol.assessment else ""
    known = {one for one in ("raised", "open_referrals", level) if one}
    subject = Subject(protocol.model_copy(update={"facts": {**protocol.facts, **facts}}), Limits())
    explorer = subject.explorer(frozenset({*facts, *known}))
    explorer.explore()
    nevers = [one for one in protocol.properties.values() if one.never is not None and one.in_]
    for node, was_assessed in _with_past(explorer, level):
        values = explorer.world.values(node.places)
        if not any(one.never and node.state in one.in_ and one.never.truth(values) for one in nevers):
            yield node.state, was_assessed, values


def _with_past(explorer: Explorer, level: str) -> set[tuple[Node, bool]]:
    """All that is reached, each with whether a level was ever decided on the way: it is counted from then on."""

    def has_level(node: Node) -> bool:
        return bool(level) and explorer.world.values(node.places)[level] > 0

    found = {(node, has_level(node)) for node, link in explorer.reached.items() if link.source is None}
    waiting = list(found)
    while waiting:
        node, before = waiting.pop()
        new = {(after, before or has_level(after)) for after, _link in explorer.successors(node)} - found
        found |= new
        waiting += new
    return found


def shut_out(every: Iterable[Kind], sources: Collection[str]) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """Rows of two of these sources in both of which no case can stand."""
    kinds = [dict(kind) for kind in every]
    found = set()
    for one, other in combinations(sorted(sources), 2):
        there = {(kind[one], kind[other]) for kind in kinds}
        rows, others = ({pair[place] for pair in there} for place in (0, 1))
        found |= {((one, row), (other, beside)) for row, beside in set(product(rows, others)) - there}
    return found


# ---- how many there are of each -------------------------------------------------------------------------------------


class Found(NamedTuple):
    """So many cases of a unit and month stand in (or not in) one row, and in (or not in) another."""

    unit: str
    month: str
    row: tuple[str, str]
    is_in: bool
    other: tuple[str, str]
    is_in_other: bool
    number: int


def found_out(releases: Sequence[Release], kinds: Iterable[Kind], sources: Mapping[str, str]) -> list[Found]:
    """What is known exactly, and is small: of one release, or by how much it has changed from one to a later one.

    `sources`: of each table that counts rows of a case's course, which.
    """
    each = [_Reading(release, kinds, sources).exact() for release in releases]
    found = [Found(*name, number) for one in each for name, number in one.items() if number in SMALL]
    for before, after in pairwise(each):
        changes = ((name, after[name] - before[name]) for name in before.keys() & after.keys())
        found += [Found(*name, change) for name, change in changes if abs(change) in SMALL]
    return found


Asked = tuple[tuple[str, str], bool, tuple[str, str], bool]


class _Reading:
    """One release as a system: how many cases there are of each class, of each unit, or of its silent ones, and month.

    Kinds that no told cell tells apart are one class: within it a case may be of any.
    """

    def __init__(self, release: Release, kinds: Iterable[Kind], sources: Mapping[str, str]) -> None:
        self.above, self.months = release.counts.above, release.counts.period.months
        counted = {(TOTALS, CASES): lambda _kind: True}
        counted |= {
            (TOTALS, total): partial(_is_of, (source, NOT), False)
            for total, source in ((DANGERS, "danger_answers"), (REFERRALS, "referral_answers"))
        }
        counted |= {
            (key, row.key): partial(_is_of, (sources[key], row.key), True)
            for key, one in release.tables.items()
            if key in sources
            for row in one.rows
        }
        told = {key: release.counts.at(key.cell, key.unit, key.month) for key in release.told}
        self.told = {key: number for key, number in told.items() if key.cell in counted}
        cells = sorted({key.cell for key in self.told})
        classes: dict[tuple[bool, ...], list[Kind]] = {}
        for kind in kinds:
            classes.setdefault(tuple(counted[cell](kind) for cell in cells), []).append(kind)
        self.size = len(classes)
        self.counts_in = {cell: np.array([one[place] for one in classes]) for place, cell in enumerate(cells)}
        self.every = sorted({row for kind in kinds for row in kind if row[1] != NOT})
        self.rows = [np.array([[row in kind for row in self.every] for kind in one]) for one in classes.values()]
        self.places = {place: number for number, place in enumerate(self._places())}
        self.program = self._program()

    def _places(self) -> Iterator[tuple[str, str]]:
        """Units that are told anything, those above them, and of each the rest; their months where any is told."""
        above = self.above
        units = {key.unit for key in self.told} | {unit for unit in above if not above[unit]}
        for unit in list(units):
            while unit := above[unit]:
                units.add(unit)
        for unit in sorted(units):
            yield unit, ""
            if any(key.unit == unit and key.month for key in self.told):
                yield from ((unit, month) for month in self.months)
        yield from ((f"{unit}*", "") for unit in sorted({above[unit] for unit in units} - {""}))

    def _columns(self, place: tuple[str, str]) -> np.ndarray:
        return self.places[place] * self.size + np.arange(self.size)

    def _program(self) -> Program:
        program = Program()
        program.setOptionValue("output_flag", False)
        size = len(self.places) * self.size
        program.addVars(size, np.zeros(size), np.full(size, MOST))
        for key, number in self.told.items():
            columns = self._columns((key.unit, key.month))[self.counts_in[key.cell]]
            program.addRow(number, number, len(columns), columns.astype(np.int32), np.ones(len(columns)))
        for whole, parts in self._sums():
            for columns in zip(self._columns(whole), *map(self._columns, parts), strict=True):
                factors = np.array([-1.0, *[1.0] * len(parts)])
                program.addRow(0, 0, len(columns), np.array(columns, dtype=np.int32), factors)
        return program

    def _sums(self) -> Iterator[tuple[tuple[str, str], list[tuple[str, str]]]]:
        above = self.above
        for unit, month in self.places:
            if not month and (f"{unit}*", "") in self.places:
                below = [place for place in self.places if not place[1] and above.get(place[0]) == unit]
                yield (unit, ""), [*below, (f"{unit}*", "")]
        for unit in {unit for unit, month in self.places if month}:
            yield (unit, ""), [place for place in self.places if place[0] == unit and place[1]]

    def exact(self) -> dict[tuple[str, str, *Asked], int]:
        """How many there are, of every two rows of different sources, where it can be no other number."""
        alike: dict[tuple[bytes, bytes], list[Asked]] = {}
        for asked, surely, maybe in self._asked():
            alike.setdefault((surely.tobytes(), maybe.tobytes()), []).append(asked)
        samples = np.array([self._solved(cost) for cost in self._costs()]).reshape(-1, len(self.places), self.size)
        found = {}
        for classes, every in alike.items():
            surely, maybe = map(np.frombuffer, classes)
            spread = (samples @ maybe).max(axis=0) - (samples @ surely).min(axis=0)
            for place, number in self.places.items():
                if spread[number] < 0.5 and "*" not in place[0]:
                    low, high = self._end(number, surely, 1), self._end(number, maybe, -1)
                    if np.ceil(low - 1e-6) == np.floor(high + 1e-6):
                        found |= {(*place, *asked): round(low) for asked in every}
        return found

    def _asked(self) -> Iterator[tuple[Asked, np.ndarray, np.ndarray]]:
        """Of each two rows the classes of which all cases are in both (or not in), and those of which some may be."""
        every = self.every
        pairs = [pair for pair in combinations(range(len(every)), 2) if every[pair[0]][0] != every[pair[1]][0]]
        for (one, other), is_in, is_in_other in product(pairs, (True, False), (True, False)):
            both = [(rows[:, one] == is_in) & (rows[:, other] == is_in_other) for rows in self.rows]
            surely, maybe = (np.array([op(each) for each in both], dtype=float) for op in (np.all, np.any))
            if maybe.any():
                yield (every[one], is_in, every[other], is_in_other), surely, maybe

    def _costs(self) -> Iterator[np.ndarray]:
        """Directions in which worlds lie apart: what is the same in all of them is asked for by itself."""
        rng, size = np.random.default_rng(1), len(self.places) * self.size
        for one in range(self.size):
            for way in (1.0, -1.0):
                cost = rng.normal(size=size) / 10
                cost[one :: self.size] += way
                yield cost

    def _solved(self, cost: np.ndarray) -> np.ndarray:
        self.program.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
        self.program.run()
        assert self.program.getModelStatus() == HighsModelStatus.kOptimal
        return np.array(self.program.getSolution().col_value)

    def _end(self, place: int, classes: np.ndarray, way: int) -> float:
        cost = np.zeros((len(self.places), self.size))
        cost[place] = way * classes
        return way * float(cost.ravel() @ self._solved(cost.ravel()))


def _is_of(row: tuple[str, str], wanted: bool, kind: Kind) -> bool:
    return (row in kind) == wanted


def sources_of(protocol: Protocol) -> dict[str, str]:
    """Of each table of the definition that counts a case's course, which rows it has."""
    tables = protocol.figures.tables if protocol.figures else {}
    return {key: one.rows for key, one in tables.items() if one.rows not in ("answers", "dangers", "targets")}
