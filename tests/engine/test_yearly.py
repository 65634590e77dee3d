"""A school's year: which cases and days are of it, what they add up to, and that nothing hidden can be worked out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

import pytest

from school_protocol.engine.case_summary import CASES, EARLIER, MISSED, OPEN
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Document
from school_protocol.statistics.rules import BAND, LEAST, Band, banded
from school_protocol.statistics.yearly_rules import (
    TOTALS,
    Figures,
    Table,
    Tally,
    as_data,
    figures,
    from_data,
    layout,
    period,
    year_at,
)

CASABLANCA = "Africa/Casablanca"
SCHOOLS = 300


@pytest.fixture
def document(moroccan: Protocol) -> Document:
    return next(one for one in moroccan.documents.values() if one.kind == "yearly")


# ---- the year ------------------------------------------------------------------------------------------------------


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "terms", "last"),
    [
        (at(2027, 1, 31, 12), 0, None),
        (at(2027, 1, 31, 23), 1, date(2027, 1, 31)),
        (at(2027, 8, 31, 12), 1, date(2027, 1, 31)),
        (at(2027, 9, 1), 2, date(2027, 8, 31)),
        (at(2030, 1, 1), 2, date(2027, 8, 31)),
    ],
)
def test_a_report_goes_up_to_the_last_term_that_is_over(
    document: Document, now: datetime, terms: int, last: date | None
) -> None:
    assert document.yearly
    found = period(document.yearly, 2026, CASABLANCA, now)
    assert (found.terms if found else 0, found.last_day if found else None) == (terms, last)
    if found:
        assert found.starts == at(2026, 8, 31, 23)
        assert found.is_over == (terms == 2)


def test_the_year_begins_on_the_first_of_september_there(document: Document) -> None:
    assert document.yearly
    assert year_at(document.yearly, CASABLANCA, at(2026, 8, 31, 22, 59)) == 2025
    assert year_at(document.yearly, CASABLANCA, at(2026, 8, 31, 23)) == 2026


# ---- made-up schools -----------------------------------------------------------------------------------------------


def school(protocol: Protocol, document: Document, seed: int, size: int | None = None) -> Tally:
    """A year in which anything may have happened, from no case at all to some eighty."""
    rng = random.Random(seed)
    tally = Tally(protocol, document)
    cases = size if size is not None else rng.choice((0, 1, 3, 6, 9, 12, 13, 15, 18, 22, 30, 41, 80))
    totals = {
        CASES: cases,
        **{one: rng.choice((0, 2, cases - 1, cases, rng.randrange(cases + 1))) for one in TOTALS[1:]},
    }
    totals = {key: max(0, min(cases, number)) for key, number in totals.items()}
    tally.counts.cases = cases
    tally.counts.totals.update({key: number for key, number in totals.items() if key != CASES})
    assert document.yearly
    for key, of, rows, overlaps in layout(protocol, document.yearly):
        liked = [rng.random() ** rng.choice((1, 4, 12)) + 1e-9 for _ in rows]
        for _ in range(totals[of]):
            least = 0 if of == CASES else 1  # whatever has none of them is not among those
            chosen = set(rng.choices(rows, liked, k=rng.randrange(least, 4))) if overlaps else rng.choices(rows, liked)
            for row in chosen:
                tally.counts.add(key, row)
    for deadline in document.yearly.deadlines:
        tally.counts.times[deadline] = Counter(kept=rng.randrange(cases + 1), late=rng.randrange(cases + 1))
    tally.counts.waits.update(rng.randrange(30) for _ in range(cases))
    return tally


class Attack:
    """Everything printed, as inequalities over whole numbers: which totals and which rows stay possible, exactly.

    A total is that of all its tables at once; a row is what its table leaves with the totals that stay.
    """

    def __init__(self, printed: Figures) -> None:
        self.totals = {key: set(range(one.low, one.high + 1)) for key, one in printed.totals.items()}
        self.tables = [one for one in printed.tables if one.rows]
        for table in self.tables:
            self.totals[table.of] &= self._totals_of(table)
        least = {key: min(left, default=0) for key, left in self.totals.items()}
        most = max(self.totals[CASES], default=-1)
        self.totals[CASES] = {one for one in self.totals[CASES] if one >= max(least.values())}
        self.totals |= {key: {one for one in left if one <= most} for key, left in self.totals.items()}

    def _totals_of(self, table: Table) -> set[int]:
        low, high = sum(one.low for _key, one in table.rows), sum(one.high for _key, one in table.rows)
        if table.overlaps:
            low = max(one.low for _key, one in table.rows)
        return {one for one in self.totals[table.of] if low <= one <= high}

    def left(self, table: Table, row: int) -> set[int]:
        """The values that a row can have, with all that is printed staying true."""
        band, others = table.rows[row][1], [one for at, (_key, one) in enumerate(table.rows) if at != row]
        low, high = sum(one.low for one in others), sum(one.high for one in others)
        return {
            value
            for value in range(band.low, band.high + 1)
            for total in self.totals[table.of]
            if value <= total and total <= value + high and (table.overlaps or value + low <= total)
        }


def found_out(printed: Figures, least: int = LEAST) -> Iterator[str]:
    """Counts of which fewer than five values are left."""
    attack = Attack(printed)
    yield from (f"{key}: one of {sorted(left)}" for key, left in attack.totals.items() if len(left) < least)
    for table in attack.tables:
        for row, (key, _cell) in enumerate(table.rows):
            if len(left := attack.left(table, row)) < least:
                yield f"{table.key}.{key}: one of {sorted(left)}"


def test_nothing_can_be_worked_out_of_any_school(moroccan: Protocol, document: Document) -> None:
    few = many = 0
    for seed in range(SCHOOLS):
        printed = figures(school(moroccan, document, seed), is_over=True)
        assert list(found_out(printed)) == [], seed
        cells = [cell for table in printed.tables for _key, cell in table.rows]
        few += sum(not cell.low for cell in cells)
        many += sum(cell.low > 0 for cell in cells)
    assert few > 1000
    assert many > 500


def test_tables_that_are_always_shown_are_broken_by_the_same_attack(moroccan: Protocol, document: Document) -> None:
    """The planted control: forty cases, each of which stands in another of five rows, are nine each at most."""
    rows = tuple((str(one), Band(0)) for one in range(5))
    made = figures(school(moroccan, document, 5, 40), is_over=True)
    naive = Figures(made.totals, (Table("x", CASES, rows),), {}, None)
    assert list(found_out(naive)) == []
    ninety = {**made.totals, CASES: Band(90)}
    more = tuple((str(one), Band(0)) for one in range(10))
    assert len(list(found_out(Figures(ninety, (Table("x", CASES, more),), {}, None)))) > 10


def test_whoever_knows_some_of_the_cases_cannot_count_the_others(moroccan: Protocol, document: Document) -> None:
    """A head counts 7 in his list, or 12: eight and thirteen cases read as seven and twelve do."""
    for own in (0, 7, 8, 12, 18, 33):
        told_of = [figures(school(moroccan, document, 5, size), is_over=True).totals[CASES] for size in (own, own + 1)]
        assert told_of[0] == told_of[1]
        assert sum(banded(one) == told_of[0] for one in range(own, 99)) >= 2


def numbers_in(printed: Figures) -> Iterator[int]:
    told_of = as_data(printed)
    yield from (one["from"] for one in told_of["totals"].values())
    yield from (row["count"]["from"] for table in told_of["tables"] for row in table["rows"] or ())


@pytest.mark.parametrize("seed", range(0, SCHOOLS, 7))
def test_no_count_but_its_ten_is_printed(moroccan: Protocol, document: Document, seed: int) -> None:
    printed = figures(school(moroccan, document, seed), is_over=True)
    assert all(number % BAND == 0 for number in numbers_in(printed))


def test_a_year_without_a_case_reads_like_one_with_nine(moroccan: Protocol, document: Document) -> None:
    told_of = [as_data(figures(school(moroccan, document, 5, size), is_over=True)) for size in (0, 1, 9)]
    assert [one["totals"] for one in told_of] == [
        {key: {"from": 0, "to": 9} for key in TOTALS},
    ] * 3
    assert all(row["rows"] is None for one in told_of for row in one["tables"])
    assert told_of[0]["asked"] == [0], "that few reports may hide many is said"


def test_schools_that_print_the_same_are_asked_to_decide_the_same(moroccan: Protocol, document: Document) -> None:
    alike: dict[str, set[tuple[int, ...]]] = {}
    for seed in range(SCHOOLS):
        printed = figures(school(moroccan, document, seed), is_over=True)
        alike.setdefault(repr({**as_data(printed), "asked": 0}), set()).add(printed.asked)
    assert all(len(one) == 1 for one in alike.values())
    assert len(alike) > SCHOOLS / 4


def test_a_year_under_way_tells_totals_by_tens_and_nothing_else(moroccan: Protocol, document: Document) -> None:
    printed = figures(school(moroccan, document, 1, 41), is_over=False)
    assert all(isinstance(one, Band) for one in printed.totals.values())
    assert printed.totals[CASES] == Band(40)
    assert (printed.tables, set(printed.times.values()), printed.wait) == ((), {None}, None)


def test_what_is_kept_is_what_was_printed(moroccan: Protocol, document: Document) -> None:
    for seed, is_over in ((1, True), (2, False), (4, True)):
        printed = figures(school(moroccan, document, seed, 41), is_over=is_over, training_ends=True)
        assert from_data(as_data(printed)) == printed


# ---- what is asked -------------------------------------------------------------------------------------------------


def with_rows(moroccan: Protocol, document: Document, rows: Mapping[str, Mapping[str, int]]) -> set[str]:
    tally = school(moroccan, document, 3, 60)
    tally.counts.times.clear()
    for table, counts in rows.items():
        tally.counts.tables[table] = Counter(counts)
        tally.counts.totals[table] = sum(counts.values())
    assert document.yearly
    asked = figures(tally, is_over=True).asked
    return {document.yearly.decisions[number].about for number in asked}


def test_missed_follow_ups_are_to_be_decided_on_where_the_page_shows_them(
    moroccan: Protocol, document: Document
) -> None:
    assert "follow_ups" in with_rows(moroccan, document, {"follow_ups": {"~held": 20, MISSED: 10}})
    assert "follow_ups" not in with_rows(moroccan, document, {"follow_ups": {"~held": 20, MISSED: 9}})


def test_delays_are_to_be_decided_on_below_three_quarters(moroccan: Protocol, document: Document) -> None:
    assert document.yearly
    tally = school(moroccan, document, 3, 60)
    for kept, asked in ((48, False), (44, True)):
        tally.counts.times.clear()
        tally.counts.times["safety_check"] = Counter(kept=kept, late=60 - kept)
        about = [document.yearly.decisions[one].about for one in figures(tally, is_over=True).asked]
        assert ("late" in about) is asked


# ---- versions ------------------------------------------------------------------------------------------------------


def test_choices_of_an_earlier_version_have_a_row_where_there_were_any(moroccan: Protocol, document: Document) -> None:
    assert document.yearly
    state = next(state for state in moroccan.states.values() if state.ended)
    former = moroccan.model_copy(
        update={"states": {**moroccan.states, "gone": state.model_copy(update={"key": "gone"})}}
    )
    rows = {key: row for key, _of, row, _overlaps in layout(moroccan, document.yearly, [former])}
    assert EARLIER in rows["outcome"]
    assert EARLIER not in rows["level"]
    assert OPEN in rows["outcome"]
    assert all(EARLIER not in row for _key, _of, row, _overlaps in layout(moroccan, document.yearly, [moroccan]))
