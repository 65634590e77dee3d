"""What two tables say together: how many have ended and how they did; all cases and those an overlapping row counts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from school_protocol.domain.closed_choices import CASES, DANGERS, EARLIER, OPEN
from school_protocol.domain.figure_tables import ENDED, TOTALS, Counts, FigureRow, Period, complements
from school_protocol.figures import Key, Release, audit, suppress
from school_protocol.figures.layout import ALL, Layout

from . import worlds
from .attacks import drawn_tight
from .worlds import END, STAGE, District, months, table, tree

CELLS: Mapping[tuple[str, str], int] = {
    (TOTALS, CASES): 366, ("stage", "stage0"): 40, ("stage", "stage1"): 20, ("stage", ENDED): 306,
    ("end", "end0"): 305, ("end", "end1"): 1, ("end", OPEN): 60,
}  # fmt: skip


def one_school() -> Counts:
    """So many that one case alone ended otherwise than all others."""
    above = {"region": "", "school": "region"}
    cells = {cell: dict.fromkeys(above, number) for cell, number in CELLS.items()}
    return Counts("region", Period(("2026-01",)), (STAGE, END), above, {"2026-01": cells}, cells)


def linked(seed: int, lean: tuple[float, ...] = (0.2, 0.4, 0.6)) -> District:
    rng = random.Random(seed)
    tables = (STAGE, END, table("level", 3, months=True), table("kind", 3, overlaps=True, months=True))
    district = District(tree(3, 4), tables, months(3))
    district.fill(rng, [(unit, rng.randint(3, 30)) for unit in district.schools], lean=rng.choice(lean))
    return district


def test_how_many_have_ended_and_how_they_did_are_no_two_things() -> None:
    assert complements((STAGE, END)) == ((("stage", ENDED), ("end", OPEN)),)
    assert complements((STAGE, table("level", 3))) == ()


def test_the_gate_reads_two_tables_together() -> None:
    """The row of those with no end is kept back for the one case that ended otherwise: the other table tells it."""
    counts = one_school()
    told = frozenset(Key("region", "", cell) for cell in (ALL, ("stage", ENDED), ("end", "end0")))
    assert ("end", "end1") in {one.place.cell for one in audit([Release(counts, told)])}
    assert audit([Release(counts, told - {Key("region", "", ("stage", ENDED))})]) == ()


def test_cases_of_an_earlier_version_bind_them_as_far_as_they_go() -> None:
    """One case followed a version that had no outcomes: the two rows are then all cases but one, at least."""
    ends = replace(END, rows=(*END.rows, FigureRow(EARLIER)))
    above = {"region": "", "school": "region"}
    cells = {
        cell: dict.fromkeys(above, number)
        for cell, number in (CELLS | {("end", OPEN): 59, ("end", EARLIER): 1}).items()
    }
    counts = Counts("region", Period(("2026-01",)), (STAGE, ends), above, {"2026-01": cells}, cells)
    assert (Layout(counts).complements, len(Layout(counts).beside)) == ((), 1)
    told = frozenset(Key("region", "", cell) for cell in (ALL, ("stage", ENDED), ("end", "end0")))
    assert ("end", "end1") in {one.place.cell for one in audit([Release(counts, told)])}


def test_nothing_is_told_by_one_table_that_the_other_keeps_back() -> None:
    release = suppress(one_school())
    assert Key("region", "", ("end", "end0")) in release.told
    assert not {Key("region", "", ("stage", ENDED)), Key("region", "", ("end", OPEN))} & release.told


@pytest.mark.parametrize("seed", range(8))
def test_whoever_adds_up_two_tables_finds_nothing_small(seed: int) -> None:
    released: list[Release] = []
    for number in (1, 2, 3):
        released.append(suppress(linked(seed).counts(months=months(number)), released))
    assert not any(drawn_tight(one) for one in released)
    assert audit(released) == ()
    assert sum(len(one.told) for one in released) > 60, "and much is told"


def test_such_districts_would_tell_something_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above looks for is there to be found, where the tables are taken one by one."""
    monkeypatch.setattr(Layout, "beside", ())
    assert any(drawn_tight(suppress(linked(seed).counts())) for seed in range(24))


def test_few_whom_an_overlapping_row_does_not_count_are_not_told_of() -> None:
    for seed in range(12):
        release = suppress(linked(seed).counts())
        assert audit([release]) == ()
        assert not few_beside(release)


def test_the_gate_sees_few_beside_an_overlapping_row() -> None:
    """All but two cases have a danger: both sums side by side say that two have none."""
    above = {"region": "", "school": "region"}
    cells = {
        cell: dict.fromkeys(above, number) for cell, number in {(TOTALS, CASES): 52, (TOTALS, DANGERS): 50}.items()
    }
    counts = Counts("region", Period(("2026-01",)), (), above, {"2026-01": cells}, cells)
    both = frozenset(Key("region", "", (TOTALS, total)) for total in (CASES, DANGERS))
    assert {one.place.cell for one in audit([Release(counts, both)])} == {(TOTALS, DANGERS)}
    assert audit([Release(counts, both - {Key("region", "", (TOTALS, DANGERS))})]) == ()


def few_beside(release: Release) -> list[Key]:
    """Rows that are told beside their total, and leave one to four cases that they do not count."""
    found = []
    for key in release.told:
        one = release.tables.get(key.cell[0])
        of = CASES if key.cell[0] == TOTALS else one.of if one is not None and one.overlaps else None
        total = Key(key.unit, key.month, (TOTALS, of or CASES))
        if of is not None and total in release.told and total != key:
            left = release.counts.at(total.cell, key.unit, key.month) - release.counts.at(key.cell, key.unit, key.month)
            found += [key] if 0 < left < 5 else []
    return found


def test_such_districts_have_few_beside_a_row() -> None:
    """What the test before looks for: a release that tells every count of five and more is caught."""
    counts = linked(1).counts()
    layout = Layout(counts)
    cells = [cell for cells in layout.slabs.values() for cell in cells if not layout.is_silent(cell)]
    every = frozenset(Key(unit, "", cell) for unit in layout.units for cell in cells if layout.at(unit, "", cell) > 4)
    assert few_beside(Release(counts, every))
    assert worlds.END in counts.tables
