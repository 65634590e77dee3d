"""What is told of counts, and what is kept back so that nothing small can be worked out.

From the top down: of what a unit tells, the units below tell what is great enough. Wherever parts of a told sum are
kept back, they are two at least, and five or more together: the smallest that could be told goes, too. A unit of which
no total is told tells nothing at all. What an earlier release covered is told anew only where it changed by five or
more; and where a sum is told again, as many cases of what changed stay together (`changing.py`). Then the gate is
asked: what it finds is mended by keeping back the least that opens it (`mending.py`). If that has no end, a coarser
plan is taken: a release that isn't of directorates, then of the unit itself alone, without months, without tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import highspy
import numpy as np

from school_protocol.statistics import rules as statistics_rules
from school_protocol.statistics.disclosure.auditing import Audit, Finding, Progress, quiet
from school_protocol.statistics.disclosure.bounding import MUCH, Bounds, Numbers, Program, Reals
from school_protocol.statistics.disclosure.changing import Changes
from school_protocol.statistics.disclosure.layout import ALL, MONTHLY, Layout, Slab, slab_of, without_little_parts
from school_protocol.statistics.disclosure.members import Need
from school_protocol.statistics.disclosure.release import (
    GROUPS,
    SMALL,
    Key,
    NotReleasable,
    Release,
    Said,
    Told,
    said_of,
)
from school_protocol.statistics.disclosure.seeking import Flags
from school_protocol.statistics.disclosure.system import System, begin_alike
from school_protocol.statistics.rules import TOTALS, Cell, Counts, FigureTable

# What goes for a finding of the gate where nothing told mends it: the least of what stands nearest.


class Nearest:
    """The neighbourhoods of one layout, and how often something was found in each."""

    def __init__(self, counts: Counts, layout: Layout) -> None:
        self.counts, self.layout = counts, layout
        self.found_at: Counter[tuple[str, Slab]] = Counter()
        """How often something was found in a table below a unit."""

    def apart(self, found: Iterable[Finding]) -> list[Finding]:
        """One for each table below each unit: what mends one often mends those beside it."""
        first: dict[tuple[str, Slab], Finding] = {}
        for finding in found:
            first.setdefault((self._family(finding), slab_of(finding.place.cell)), finding)
        return list(first.values())

    def _family(self, finding: Finding) -> str:
        """The unit above that of the finding."""
        unit, star, _ = finding.place.unit.partition("*")
        return unit if star else self.counts.above.get(unit, "")

    def goes(self, finding: Finding, release: Release) -> set[Key | Said]:
        """The least of what stands nearest to it; twice as much each time that something is found there again."""
        place = self._family(finding), slab_of(finding.place.cell)
        near = dict.fromkeys(one for group in self._near(finding, release) for one in sorted(group, key=self._price))
        many = 2 ** self.found_at[place]
        self.found_at[place] += 1
        return set(list(near)[:many])

    def _near(self, finding: Finding, release: Release) -> Iterator[set[Key | Said]]:
        """What is told near a finding: in its line, in its table beside it and above; then the totals of these."""
        unit, period, cell = finding.place
        family, slab = self._family(finding), slab_of(cell)
        month = "" if period.endswith("+") else period
        beside = {unit, *self.layout.children.get(family, ())}
        for one in self._totals_up(slab):
            told = {key for key in release.told if slab_of(key.cell) == one}
            cells = (cell,) if one == slab else self.layout.slabs[one]
            yield {key for key in told if key.unit == unit and (key.month == month or key.cell in cells)}
            yield {key for key in told if key.unit in beside and key.month == month and key.cell in cells}
            yield {said for said in release.spoken if said.unit in beside and (said.table, "") == one}
            yield {key for key in told if key.unit == family}
            yield {said for said in release.spoken if said.unit == family and (said.table, "") == one}
        yield {key for key in release.told if slab_of(key.cell) in self._totals_up(slab)}

    def _totals_up(self, slab: Slab) -> list[Slab]:
        """A table, its total, and all cases."""
        found = [slab]
        while (total := self.layout.total(found[-1])) is not None:
            found.append(total)
        return found

    def _price(self, one: Key | Said) -> tuple[int, tuple[object, ...]]:
        """What is lost with it: the smaller, the sooner it goes."""
        value = self.layout.at(one.unit, one.month, one.cell) if isinstance(one, Key) else self.counts.at(ALL, one.unit)
        return value, tuple(one)


# What to keep back so that something found stays open: the least of what is told anew that would
# have to move.
# For each count or change that the gate finds, a world is looked for in which it is far enough from
# what it is: whatever earlier releases told stays, what this one tells may move at a price. What
# moves in the cheapest is kept back.

_NEAR = 1e-6


class Mending:
    """One linear program for all that was found in a system."""

    def __init__(self, system: System, told: Collection[Key], held: Flags) -> None:
        """`told`: what the last release tells; `held`: numbers that may not move but for these."""
        last = len(system.releases) - 1
        before = {
            number
            for release, one in enumerate(system.releases[:-1])
            for key in one.told
            if (number := system.number(release, key)) is not None
        }
        numbers = ((system.number(last, key), key) for key in sorted(told))
        self._keys = {number: key for number, key in numbers if number is not None and number not in before}
        self._system = system
        self._new: Numbers = np.array(sorted(self._keys), dtype=np.int64)
        is_free = ~held
        is_free[self._new] = True
        self._free: Numbers = np.flatnonzero(is_free)
        self._column: Numbers = np.full(len(system.truth), -1, dtype=np.int64)
        self._column[self._free] = np.arange(len(self._free))
        most = max([1, *system.truth.tolist()])
        self._price: Reals = 1.0 + system.truth[self._new] / most
        self._program = self._made(Bounds(system))

    def kept_back(self, needs: Sequence[Need]) -> tuple[set[Key], list[Need]]:
        """What is kept back for all of these together, and those that nothing of it would open."""
        gone: set[int] = set()
        lost = []
        self._watch(needs)
        shut = self._shut()
        self.open = {need.name for need in needs} - {needs[place].name for place in shut}
        self._let_move()
        for place in shut:
            worlds = [world for step in self._steps(place) if (world := self._cheapest(place, step)) is not None]
            moved = min(worlds, key=lambda one: one[0])[1] if worlds else set()
            if not moved:
                lost.append(needs[place])
            gone |= moved
            self._charge(moved)
        return {self._keys[number] for number in gone}, lost

    def _made(self, bounds: Bounds) -> Program:
        """Columns: how far each free number is from what it is; of what is told anew its two sides besides."""
        size, new = len(self._free), len(self._new)
        column = self._column[bounds.numbers]
        rows = np.repeat(np.arange(len(bounds.lows)), np.diff(bounds.starts))
        keep = column >= 0
        ties = np.arange(new)
        row = np.concatenate([rows[keep], *[ties + len(bounds.lows)] * 3])
        at = np.concatenate([column[keep], self._column[self._new], size + ties, size + new + ties])
        value = np.concatenate([bounds.factors[keep].astype(float), np.ones(new), -np.ones(new), np.ones(new)])
        order = np.argsort(row, kind="stable")
        count = len(bounds.lows) + new
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = size + 2 * new, count
        model.col_cost_ = np.concatenate([np.zeros(size), self._price, self._price])
        model.col_lower_ = np.concatenate([-self._system.truth[self._free].astype(float), np.zeros(2 * new)])
        model.col_upper_ = np.full(size + 2 * new, float(MUCH))
        model.row_lower_ = np.concatenate([bounds.lows, np.zeros(new)])
        model.row_upper_ = np.concatenate([bounds.highs, np.zeros(new)])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.searchsorted(row[order], np.arange(count + 1)).astype(np.int32)
        model.a_matrix_.index_ = at[order].astype(np.int32)
        model.a_matrix_.value_ = value[order]
        program = Program()
        for name, option in (("output_flag", False), ("threads", 1), ("random_seed", 1), ("simplex_strategy", 4)):
            program.setOptionValue(name, option)
        program.passModel(model)
        return program

    def _watch(self, needs: Sequence[Need]) -> None:
        """A row for each of them, which binds nothing yet."""
        self._needs, self._terms = needs, []
        self._first = self._program.getNumRow()
        self._low, self._high = np.zeros(len(needs)), np.zeros(len(needs))
        for need in needs:
            terms = [(int(self._column[number]), float(factor)) for number, factor in need.terms]
            self._terms.append(terms := [(column, factor) for column, factor in terms if column >= 0])
            columns, factors = (np.array([one[side] for one in terms]) for side in (0, 1))
            self._program.addRow(-np.inf, np.inf, len(terms), columns.astype(np.int32), factors.astype(float))

    # ---- what is open though nothing told moves --------------------------------------------------------------------

    def _shut(self) -> list[int]:
        """Those that no world opens: looked for many at once, then each by itself."""
        self._hold(0.0)
        waiting = list(range(len(self._needs)))
        for way in (1, -1):
            many = len(waiting) + 1
            while waiting and len(waiting) < many:
                many = len(waiting)
                self._stretch({place: way * self._side(place) for place in waiting})
                waiting = [place for place in waiting if not self._is_met(place)]
        found = []
        for place in waiting:
            for way in (1, -1):
                if not self._is_met(place):
                    self._stretch({place: way})
            if not self._is_met(place):
                found.append(place)
        return found

    def _stretch(self, ways: dict[int, int]) -> None:
        """A world in which these are as far away as they need be, each on its side; held against all of them."""
        program = self._program
        costs = np.zeros(program.getNumCol())
        for place, way in ways.items():
            program.changeRowBounds(self._first + place, *sorted((0.0, float(way * self._needs[place].width))))
            for column, factor in self._terms[place]:
                costs[column] -= factor * way
        self._cost(costs)
        program.run()
        if program.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            values = np.array(program.getSolution().row_value)[self._first :]
            self._low, self._high = np.minimum(self._low, values), np.maximum(self._high, values)
        for place in ways:
            program.changeRowBounds(self._first + place, -np.inf, np.inf)

    def _side(self, place: int) -> int:
        return -1 if self._needs[place].here < 0 else 1

    def _is_met(self, place: int, low: int = 0, high: int = 0) -> bool:
        """Whether it is far enough away, if it goes as far as this at least."""
        low = min(low, int(np.ceil(self._low[place] - _NEAR)))
        high = max(high, int(np.floor(self._high[place] + _NEAR)))
        need = self._needs[place]
        return need.met(need.here + low, need.here + high)

    # ---- what must move --------------------------------------------------------------------------------------------

    def _let_move(self) -> None:
        self._hold(float(MUCH))
        self._cost(np.concatenate([np.zeros(len(self._free)), self._price, self._price]))

    def _charge(self, moved: Collection[int]) -> None:
        """What is kept back anyway moves for nothing from now on."""
        size, new = len(self._free), len(self._new)
        for place in np.flatnonzero(np.isin(self._new, list(moved))).tolist():
            self._program.changeColCost(size + place, 0.0)
            self._program.changeColCost(size + new + place, 0.0)

    def _hold(self, most: float) -> None:
        """What is told anew moves by no more than that."""
        size, many = len(self._free), 2 * len(self._new)
        sides = np.arange(size, size + many, dtype=np.int32)
        self._program.changeColsBounds(many, sides, np.zeros(many), np.full(many, most))

    def _cost(self, costs: Reals) -> None:
        self._program.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)

    def _steps(self, place: int) -> Iterator[int]:
        """How far away it must be at least, on each side."""
        for way in (1, -1):
            for far in range(1, self._needs[place].width + 1):
                if self._is_met(place, *sorted((0, way * far))):
                    yield way * far
                    break

    def _cheapest(self, place: int, step: int) -> tuple[float, set[int]] | None:
        """The price of the cheapest world that is so far away there, and which numbers told anew move in it."""
        program, row = self._program, self._first + place
        program.changeRowBounds(row, float(step), float(step))
        program.run()
        is_found = program.getModelStatus() == highspy.HighsModelStatus.kOptimal
        values = np.array(program.getSolution().col_value)
        price = program.getInfo().objective_function_value
        program.changeRowBounds(row, -np.inf, np.inf)
        if not is_found:
            return None
        moved = np.abs(values[self._column[self._new]]) > _NEAR
        return price, set(self._new[moved].tolist())


FEW = 12
"""Where no more than so many counts are told, one finding is mended at a time."""
SCHOOL_LEAST = statistics_rules.SHARE_LEAST
"""Of so many cases on a school's tables are told; of fewer, its total alone."""
LEFT = 2
"""Where mending leaves less than one in so many of a plan's counts, a coarser plan is tried besides."""
TURNS = 8
"""So often a plan is mended, before a coarser one is taken."""
MENDED = 40_000
"""Of more numbers in all releases together what is nearest goes: one program over everything would take too long."""
EACH, YEAR = 3, 12
"""A release is of all units each three months, and once the school year is over."""
FEW_NUMBERS, MOST_NUMBERS = 5_000, 30_000
"""Of so few numbers in all releases together each release is of all units; of more than so many, none."""
TOP = 99
"""More storeys than there are: the unit itself alone."""


class Plan(NamedTuple):
    """What a release may tell anew: the coarser, the less there is to be found out."""

    floor: int = 0
    """Of units with so many storeys below them, and of the unit itself; nothing is said of any other."""
    rows_by_month: bool = True
    months: bool = True
    tables: bool = True
    totals: bool = True

    def has(self, layout: Layout, unit: str, month: str, table: str) -> bool:
        """Whether a number of that unit, month and table may be told."""
        is_there = self.totals if table == TOTALS else self.tables
        in_month = not month or (self.months if table == TOTALS else self.rows_by_month)
        return is_there and in_month and layout.has(unit)


PLANS = (
    Plan(),
    Plan(MONTHLY),
    Plan(TOP),
    Plan(TOP, rows_by_month=False),
    Plan(TOP, rows_by_month=False, months=False),
    Plan(TOP, rows_by_month=False, months=False, tables=False),
    Plan(TOP, rows_by_month=False, months=False, tables=False, totals=False),
)
"""One after the other, until one passes the gate. The last tells nothing: all is repeated."""


def suppress(counts: Counts, released: Sequence[Release] = (), progress: Progress = quiet) -> Release:
    """What may be told of `counts` beside all that was `released` before, oldest first."""
    return Suppression(without_little_parts(counts), released).run(progress)


class Suppression:
    """One set of tables on its way: what isn't told in one turn is told in none after it."""

    def __init__(self, counts: Counts, released: Sequence[Release]) -> None:
        self.counts = counts
        self.layout = Layout(counts)
        begin_alike([*(Layout(one.counts) for one in released), self.layout])
        self.barred: set[Key | Said] = set()
        self.told: set[Key] = set()
        self.plan = PLANS[0]
        self.allowed: frozenset[Key] | None = None
        """What the turn before told; None: there was none."""
        self.nearest = Nearest(counts, self.layout)
        year = counts.period.months[0]
        self.before = [one for one in released if one.counts.period.months[0] == year]
        self.changes = Changes(self.layout, self.before)

    def _goes_down(self) -> bool:
        """Whether this one is of all units: while there are few numbers, then each three months, and at the end."""
        number = len(self.counts.period.months)
        last = max((len(one.counts.period.months) for one in self.before if not one.floor), default=-EACH)
        self._begin(PLANS[0])
        size = len(System([*self.before, self._calm_release()]).truth)
        return size <= FEW_NUMBERS or (size <= MOST_NUMBERS and (number == YEAR or number - last >= EACH))

    def run(self, progress: Progress) -> Release:
        """By the first plan of which something passes the gate; where little of it does, by whichever tells most."""
        tried: set[tuple[int, frozenset[Key | Said]]] = set()
        best: Release | None = None
        for plan in PLANS if self._goes_down() else PLANS[1:]:
            self._begin(plan)
            first = self._calm_release()
            name = first.floor, first.told | first.spoken
            if name in tried or (best is not None and len(first.told) <= len(best.told)):
                continue
            tried.add(name)
            release = self._passing(progress)
            if release is not None and (best is None or len(release.told) > len(best.told)):
                best = release
                if LEFT * len(best.told) >= len(first.told):
                    break
        if best is None:
            raise NotReleasable("what was issued before can be worked out by itself")
        return best

    def _begin(self, plan: Plan) -> None:
        self.plan, self.barred, self.allowed = plan, set(), None
        self.layout = Layout(self.counts, plan.floor)
        self.changes = Changes(self.layout, self.before)
        self.nearest = Nearest(self.counts, self.layout)

    def _passing(self, progress: Progress) -> Release | None:
        """What passes the gate once it is mended; None where too little of that would do."""
        carried = [one.worlds for one in self.before[-1:] if one.worlds]
        for _turn in range(TURNS):
            release = self._calm_release()
            audit = Audit(System([*self.before, release]), progress, carried)
            found = audit.findings()
            if not found:
                return replace(release, worlds=audit.worlds())
            carried.append(audit.worlds())
            self.barred |= self._mended(audit, found, release)
            self.allowed = release.told
        return None

    def _mended(self, audit: Audit, found: Sequence[Finding], release: Release) -> set[Key | Said]:
        """What goes for what the gate found: the least that must, and where nothing told does, what is nearest."""
        goes: set[Key | Said] = set()
        lost: Sequence[Need] = audit.shut
        if len(audit.system.truth) <= MENDED:
            least, lost = Mending(audit.system, release.told, audit.held).kept_back(audit.shut)
            goes |= least
        places = {need.place for need in lost}
        left = self.nearest.apart(one for one in found if not goes or one.place in places)
        for finding in left[:1] if len(release.told) <= FEW else left:
            goes |= self.nearest.goes(finding, release)
        return goes

    def _calm_release(self) -> Release:
        """What can be told, and tells in no line of few cases by which it changed."""
        while goes := self.changes.too_much((release := self.release()).told) - self.barred:
            self.barred |= goes
        return release

    def release(self) -> Release:
        """What can be told but for what is barred."""
        self.told = set()
        for group in GROUPS:
            self._tell_totals((TOTALS, group))
        for slab in self.layout.slabs:
            if slab[0] != TOTALS and self.layout.tables[slab[0]].kind == "rows":
                self._tell_rows(slab)
        self._tell_months()
        for slab in self.layout.slabs:
            if slab[0] != TOTALS and self.layout.by_month(slab):
                self._tell_rows_by_month(slab)
        spoken = frozenset(self._spoken())
        return Release(self.counts, frozenset(self.told), spoken, dict(self._former(spoken)), self.plan.floor)

    # ---- one cell --------------------------------------------------------------------------------------------------

    def _value(self, key: Key) -> int:
        return self.layout.at(key.unit, key.month, key.cell)

    def _told_before(self, key: Key) -> int | None:
        """What the latest release that told it told."""
        return next((one.at(key.cell, key.unit, key.month) for one in reversed(self.before) if key in one.told), None)

    def _can_be_told(self, key: Key) -> bool:
        value = self._value(key)
        if (
            value <= SMALL
            or self._leaves_few(key)
            or self._is_barred(key)
            or (self.allowed is not None and key not in self.allowed)
        ):
            return False
        base = self._told_before(key)
        if base is None:
            covering = [one for number, one in enumerate(self.before) if self.changes.covers(number, key)]
            if covering and self.layout.is_leaf(key.unit):
                return False
            base = covering[0].counts.at(key.cell, key.unit, key.month) if covering else None
        return base is None or abs(value - base) > SMALL

    def _leaves_few(self, key: Key) -> bool:
        """Whether few cases of its total are none of its own: beside the total it would tell of them."""
        slab = slab_of(key.cell)
        total = self.layout.total(slab) if self.layout.overlaps(slab) else None
        return total is not None and 0 < self._value(key._replace(cell=total)) - self._value(key) <= SMALL

    def _is_barred(self, one: Key | Said) -> bool:
        table = one.cell[0] if isinstance(one, Key) else one.table
        return one in self.barred or not self.plan.has(self.layout, one.unit, one.month, table)

    def _is_open(self, key: Key) -> bool:
        """Whether a reader has it: told now, or told before and the same."""
        return key in self.told or self._told_before(key) == self._value(key)

    # ---- totals and rows -------------------------------------------------------------------------------------------

    def _inner(self) -> Iterator[str]:
        return (unit for unit in self.layout.units if not self.layout.is_leaf(unit))

    def _tell_totals(self, total: Cell) -> None:
        root = Key(self.counts.unit, "", total)
        if self._may_have(root) and self._can_be_told(root):
            self.told.add(root)
        for unit in self._inner():
            key = Key(unit, "", total)
            if self._is_open(key):
                kids = [key._replace(unit=child) for child in self.layout.children[unit]]
                new = {kid for kid in kids if self._may_have(kid) and self._can_be_told(kid)}
                self.told |= new
                self._calm([kids], new)
                if total != ALL:
                    self._calm_beside([kids], ALL, new)

    def _may_have(self, key: Key) -> bool:
        """Whether all cases of that unit are told: a smaller total is not told without."""
        return key.cell == ALL or self._is_open(key._replace(cell=ALL))

    def _tell_rows(self, slab: Slab) -> None:
        total = self.layout.total(slab)
        assert total is not None
        cells = self.layout.slabs[slab]
        self._tell([("", cell) for cell in cells], total, self.layout.units, adds_up=not self.layout.overlaps(slab))

    def _tell_months(self) -> None:
        months = [(month, ALL) for month in self.layout.months] if len(self.layout.months) > 1 else []
        self._tell(months, ALL, list(self._inner()), adds_up=True)

    def _tell(self, slots: Sequence[tuple[str, Cell]], total: Cell, units: Sequence[str], *, adds_up: bool) -> None:
        """Rows, or months, of each unit: of those that the unit above tells."""
        telling = [unit for unit in units if self._tells_tables(unit, total)]
        new: dict[str, set[Key]] = {}
        for unit in telling:
            above = self.counts.above[unit]
            keys = [Key(unit, month, cell) for month, cell in slots]
            new[unit] = {
                key for key in keys if self._can_be_told(key) and (not above or self._is_open(key._replace(unit=above)))
            }
            self.told |= new[unit]
            self._calm([keys] if adds_up else [], new[unit])
        for unit in self._inner():
            self._calm_below(unit, slots, total, adds_up=adds_up)

    def _tells_tables(self, unit: str, total: Cell) -> bool:
        key = Key(unit, "", total)
        return key in self.told and (not self.layout.is_leaf(unit) or self._value(key) >= SCHOOL_LEAST)

    def _calm_below(self, unit: str, slots: Sequence[tuple[str, Cell]], total: Cell, *, adds_up: bool) -> None:
        """The lines of the units below it: each row over all of them, and the rows of each."""
        kids = self.layout.children[unit]
        if not any(Key(kid, month, cell) in self.told for kid in kids for month, cell in slots):
            return
        lines = [
            [Key(kid, month, cell) for kid in kids] for month, cell in slots if self._is_open(Key(unit, month, cell))
        ]
        own = [[Key(kid, month, cell) for month, cell in slots] for kid in kids] if adds_up else []
        new = {key for line in lines for key in line if key in self.told}
        self._calm([*lines, *own], new)
        if not adds_up:
            self._calm_beside(lines, total, new)
        for kid in kids:
            self._drop_orphans(kid, slots)

    def _drop_orphans(self, unit: str, slots: Sequence[tuple[str, Cell]]) -> None:
        """What a unit doesn't tell, those below it don't."""
        for month, cell in slots:
            if not self._is_open(Key(unit, month, cell)):
                for child in self.layout.children[unit]:
                    self.told.discard(Key(child, month, cell))

    def _calm(self, lines: Sequence[Sequence[Key]], new: set[Key]) -> None:
        """Until of each line nothing is kept back, or two parts at least that are five or more together."""
        of: dict[Key, list[int]] = {}
        for number, line in enumerate(lines):
            for key in line:
                of.setdefault(key, []).append(number)
        waiting = dict.fromkeys(range(len(lines)))
        while waiting:
            number = next(iter(waiting))
            kept = [key for key in lines[number] if not self._is_open(key)]
            goes = [key for key in lines[number] if key in new and key in self.told]
            if not kept or (len(kept) > 1 and sum(map(self._value, kept)) > SMALL) or not goes:
                del waiting[number]
                continue
            least = min(goes, key=lambda key: (self._value(key), key))
            self.told.discard(least)
            waiting |= dict.fromkeys(of[least])

    def _calm_beside(self, lines: Sequence[Sequence[Key]], total: Cell, new: set[Key]) -> None:
        """Nor few cases that an overlapping row does not count, of units that keep it back and tell their total."""
        while (least := next(filter(None, (self._least_beside(line, total, new) for line in lines)), None)) is not None:
            self.told.discard(least)
            self._calm(lines, new)

    def _least_beside(self, line: Sequence[Key], total: Cell, new: set[Key]) -> Key | None:
        kept = [key for key in line if not self._is_open(key)]
        totals = [key._replace(cell=total) for key in kept]
        left = sum(map(self._value, totals)) - sum(map(self._value, kept))
        goes = [key for key in line if key in new and key in self.told]
        if not goes or not 0 < left <= SMALL or not all(map(self._is_open, totals)):
            return None
        return min(goes, key=lambda key: (self._value(key), key))

    def _tell_rows_by_month(self, slab: Slab) -> None:
        cells, months = self.layout.slabs[slab], self.layout.months
        for unit in sorted(self._inner(), key=lambda one: self.layout.height[one]):
            grid = [Key(unit, month, cell) for month in months for cell in cells] if len(months) > 1 else []
            if self.layout.height[unit] < MONTHLY or Key(unit, "", ALL) not in self.told:
                continue
            if self.layout.height[unit] > MONTHLY:
                self.told |= {key for key in grid if self._can_be_told(key) and self._is_open_below(key)}
                continue
            open_ones = (key for key in grid if self._is_open(key._replace(month="")))
            new = {key for key in open_ones if self._is_open(key._replace(cell=ALL)) and self._can_be_told(key)}
            self.told |= new
            lines = [[Key(unit, month, cell) for month in months] for cell in cells]
            if not self.layout.overlaps(slab):
                lines += [[Key(unit, month, cell) for cell in cells] for month in months]
            self._calm([line for line in lines if any(key in new for key in line)], new)

    def _is_open_below(self, key: Key) -> bool:
        return all(self._is_open(key._replace(unit=child)) for child in self.layout.children[key.unit])

    # ---- shares and medians, and what is repeated --------------------------------------------------------------------

    def _spoken(self) -> Iterator[Said]:
        for table in self.counts.tables:
            for unit in self.layout.units if table.kind != "rows" and table.rows else ():
                said = Said(unit, "", table.key)
                is_open = not self._is_barred(said) and self._tells_tables(unit, (TOTALS, table.of))
                if is_open and said_of(self.counts, table, said) is not None and self._has_moved(table, unit):
                    yield said

    def _has_moved(self, table: FigureTable, unit: str) -> bool:
        """Whether no release has told it yet, or enough cases are others."""
        said = Said(unit, "", table.key)
        old = next((one.counts for one in reversed(self.before) if said in one.spoken), None)
        cells = [(table.key, row.key) for row in table.rows]
        return old is None or sum(self.counts.at(cell, unit) - old.at(cell, unit) for cell in cells) > SMALL

    def _former(self, spoken: Iterable[Said]) -> Iterator[tuple[Key | Said, Told]]:
        """Whatever was told before of these units and is not told anew."""
        found: dict[Key | Said, Told] = {}
        for one in self.before:
            for key in one.told:
                value = one.at(key.cell, key.unit, key.month)
                if value is not None and key.unit in self.counts.above:
                    found[key] = value
            for said in one.spoken:
                told = one.said(said)
                if told is not None and said.unit in self.counts.above:
                    found[said] = told
        now = self.told | set(spoken)
        return ((key, told) for key, told in found.items() if key not in now)
