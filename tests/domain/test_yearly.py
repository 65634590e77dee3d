"""A school's year: which cases and days are of it, what they add up to, and that nothing hidden can be worked out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

import pytest

from school_protocol.domain.protocol import Document, Protocol
from school_protocol.domain.withholding import LEAST, TABLE_LEAST, Band, Sign, Told, told
from school_protocol.domain.yearly import (
    CASES,
    EARLIER,
    MISSED,
    OPEN,
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
FAR = 400
"""More than any count here."""


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
    """Everything printed, as equations over whole numbers; each is searched for a solution by itself, exactly."""

    def __init__(self, printed: Figures) -> None:
        self.printed = printed

    def left(self, table: Table, row: int) -> set[int]:
        """The values below FAR that a hidden count can have, with all that is printed staying true."""
        total = self.printed.totals[table.of]
        assert isinstance(total, int)
        wanted = range(LEAST) if table.rows[row][1] is Sign.few else range(LEAST, total + 1)
        cells = [value for _key, value in table.rows]
        return {value for value in wanted if self._is_possible(cells, row, value, total, table.overlaps)}

    def _is_possible(self, cells: list[Told], row: int, value: int, total: int, overlaps: bool) -> bool:
        spans = [self._span(cell, total) for cell in cells]
        beliefs = [(total, FAR * len(cells))] if overlaps else [(total, total)]
        if overlaps and not any(self._solve(spans, 0, low, high) for low, high in beliefs):
            beliefs = [(0, FAR * len(cells))]  # the page shows that some case stands nowhere
        spans[row] = range(value, value + 1)
        return any(self._solve(spans, 0, low, high) for low, high in beliefs)

    @staticmethod
    def _span(cell: Told, total: int) -> range:
        if isinstance(cell, int):
            return range(cell, cell + 1)
        return range(LEAST) if cell is Sign.few else range(LEAST, total + 1)

    def _solve(self, spans: list[range], at: int, low: int, high: int) -> bool:
        """Whether numbers from the spans, from `at` on, add up to something between low and high."""
        least, most = sum(one[0] for one in spans[at:]), sum(one[-1] for one in spans[at:])
        if high < least or low > most:
            return False
        if at == len(spans):
            return True
        return any(self._solve(spans, at + 1, low - one, high - one) for one in spans[at])


def with_the_others(printed: Figures) -> Iterator[Table]:
    """Each part of the cases beside the cases that are not of it: these aren't printed, and follow from it."""
    cases = printed.totals[CASES]
    for key, of in printed.totals.items():
        if key != CASES and isinstance(cases, int) and isinstance(of, Sign) and cases >= TABLE_LEAST:
            others = Sign.few if of is Sign.withheld else Sign.withheld
            yield Table(f"without {key}", CASES, (("with", of), ("without", others)))


def found_out(printed: Figures) -> Iterator[str]:
    """Hidden counts of which fewer than five values are left."""
    attack = Attack(printed)
    for table in (*printed.tables, *with_the_others(printed)):
        for row, (key, cell) in enumerate(table.rows):
            if isinstance(cell, Sign) and len(left := attack.left(table, row)) < LEAST:
                yield f"{table.key}.{key}: one of {sorted(left)}"


def test_nothing_hidden_can_be_worked_out_of_any_school(moroccan: Protocol, document: Document) -> None:
    hidden = shown = 0
    for seed in range(SCHOOLS):
        printed = figures(school(moroccan, document, seed), is_over=True)
        assert list(found_out(printed)) == [], seed
        cells = [cell for table in printed.tables for _key, cell in table.rows]
        hidden += sum(isinstance(cell, Sign) for cell in cells)
        shown += sum(isinstance(cell, int) for cell in cells)
    assert hidden > 1000
    assert shown > 1000


def test_hiding_what_is_small_and_nothing_else_is_broken_by_the_same_attack(
    moroccan: Protocol, document: Document
) -> None:
    """The planted control: tables as they would be without the rest of the rule."""
    broken = 0
    for seed in range(SCHOOLS):
        tally = school(moroccan, document, seed)
        made = figures(tally, is_over=True)
        assert document.yearly
        naive = tuple(
            Table(key, of, tuple((row, told(tally.counts.tables.get(key, Counter())[row])) for row in rows), overlaps)
            for key, of, rows, overlaps in layout(moroccan, document.yearly)
            if isinstance(made.totals[of], int)
        )
        broken += any(found_out(Figures(made.totals, naive, {}, None)))
    assert broken > SCHOOLS / 3


def numbers_in(printed: Figures) -> Iterator[int]:
    cells = [*printed.totals.values(), *(cell for table in printed.tables for _key, cell in table.rows)]
    yield from (cell for cell in cells if isinstance(cell, int))


@pytest.mark.parametrize("seed", range(0, SCHOOLS, 7))
def test_no_count_below_five_is_printed(moroccan: Protocol, document: Document, seed: int) -> None:
    printed = figures(school(moroccan, document, seed), is_over=True)
    assert all(number >= LEAST for number in numbers_in(printed))


def test_a_year_without_a_case_reads_like_one_with_four(moroccan: Protocol, document: Document) -> None:
    told_of = [as_data(figures(school(moroccan, document, 5, size), is_over=True)) for size in (0, 1, 3)]
    assert [one["totals"] for one in told_of] == [
        {CASES: "few", **dict.fromkeys(TOTALS[1:], "withheld")},
    ] * 3
    assert all(row["rows"] is None for one in told_of for row in one["tables"])
    assert told_of[0]["asked"] == [0], "that few reports may hide many is said"


def test_schools_that_print_the_same_are_asked_to_decide_the_same(moroccan: Protocol, document: Document) -> None:
    alike: dict[str, set[tuple[int, ...]]] = {}
    for seed in range(SCHOOLS):
        printed = figures(school(moroccan, document, seed), is_over=True)
        alike.setdefault(repr({**as_data(printed), "asked": 0}), set()).add(printed.asked)
    assert all(len(one) == 1 for one in alike.values())
    assert len(alike) > SCHOOLS / 2


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
    assert "follow_ups" in with_rows(moroccan, document, {"follow_ups": {"~held": 20, MISSED: 7}})
    assert "follow_ups" not in with_rows(moroccan, document, {"follow_ups": {"~held": 20, MISSED: 4}})


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
