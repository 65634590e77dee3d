"""What goes for a finding of the gate where nothing told mends it: the least of what stands nearest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from school_protocol.statistics.disclosure.auditing import Finding
from school_protocol.statistics.disclosure.layout import ALL, Layout, Slab, slab_of
from school_protocol.statistics.disclosure.release import Key, Release, Said
from school_protocol.statistics.rules import Counts


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
