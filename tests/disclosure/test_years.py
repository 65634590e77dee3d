"""A school year under way, issued month after month: what grows by five is told, and nothing small is found."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest

from disclosure.attacks import ALL, told_too_soon
from disclosure.worlds import Case, District, months, table, tree
from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.statistics.disclosure.auditing import Audit, audit
from school_protocol.statistics.disclosure.changing import Changes
from school_protocol.statistics.disclosure.layout import Layout, without_little_parts
from school_protocol.statistics.disclosure.release import Key, Release
from school_protocol.statistics.disclosure.suppressing import PLANS, Mending, Suppression, suppress
from school_protocol.statistics.disclosure.system import System
from school_protocol.statistics.rules import Counts

TABLES = (
    table("level", 3, months=True),
    table("kind", 3, overlaps=True),
    table("danger", 3, of=DANGERS, overlaps=True),
    table("answer", 2, of=REFERRALS),
)
ROOT = Key("region", "", ALL)


def year(seed: int, number: int = 4) -> Iterator[Counts]:
    """Thirty new cases a month, at schools of all sizes, and three late ones of the months before."""
    rng = random.Random(seed)
    district = District(tree(3, 5), TABLES, months(number))
    weights = [rng.expovariate(1) for _ in district.schools]
    for place, month in enumerate(district.months):
        past = district.months[:place]
        district.cases += [district.draw(rng, rng.choices(district.schools, weights)[0], month) for _ in range(30)]
        for _ in range(3 if past else 0):
            school = rng.choices(district.schools, weights)[0]
            district.cases.append(district.draw(rng, school, rng.choice(past)))
        yield district.counts(months=district.months[: place + 1])


def issued(every: Iterator[Counts]) -> list[Release]:
    releases: list[Release] = []
    for counts in every:
        releases.append(suppress(counts, releases))
    return releases


@cache
def issued_year(seed: int, number: int = 4) -> tuple[Release, ...]:
    return tuple(issued(year(seed, number)))


def own_totals(releases: Sequence[Release]) -> list[bool]:
    return [ROOT in one.told for one in releases]


def barring_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look at what changed; of what is found goes what stands nearest, until nothing is left."""
    monkeypatch.setattr("school_protocol.statistics.disclosure.members._is_one", lambda _pool: False)
    monkeypatch.setattr(Changes, "too_much", lambda _changes, _told: set())
    monkeypatch.setattr(Mending, "kept_back", lambda _mending, needs: (set(), list(needs)))
    monkeypatch.setattr("school_protocol.statistics.disclosure.suppressing.PLANS", (PLANS[0], PLANS[-1]))
    monkeypatch.setattr("school_protocol.statistics.disclosure.suppressing.TURNS", 18)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [1, 4])
def test_each_month_of_a_year_tells_the_academys_totals_and_tables(seed: int) -> None:
    releases = issued_year(seed)

    assert own_totals(releases) == [True] * 4
    assert all({key.cell[0] for key in one.told if key.unit == "region"} >= {"level", "kind"} for one in releases)
    assert told_too_soon(releases) == []
    assert audit(releases) == ()


@pytest.mark.exhaustive
def test_barring_what_stands_nearest_tells_nothing_in_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    new = issued_year(1)
    barring_the_nearest(monkeypatch)
    old = issued(year(1))

    assert own_totals(new) == [True] * 4
    assert own_totals(old) == [True, False, True, True]
    assert not old[1].told


# ---- plans, ever coarser ---------------------------------------------------------------------------------------------


def by_plan(seed: int, number: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Release], Release]:
    """Two months as they are issued, and a third under that plan alone."""
    *_, now = year(seed, 3)
    before = list(issued_year(seed, 2))
    monkeypatch.setattr("school_protocol.statistics.disclosure.suppressing.PLANS", (PLANS[number],))
    return before, suppress(now, before)


@pytest.mark.exhaustive(
    but=(
        "3",
        "5",
        "6",
    )
)
@pytest.mark.parametrize("number", range(len(PLANS)))
def test_each_plan_passes_the_gate(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before, release = by_plan(3, number, monkeypatch)
    is_last = number == len(PLANS) - 1

    assert audit([*before, release]) == ()
    assert (ROOT in release.told) != is_last
    assert bool(release.told | release.spoken) != is_last
    layout = Layout(release.counts)
    assert all(PLANS[number].has(layout, key.unit, key.month, key.cell[0]) for key in release.told)


@pytest.mark.exhaustive
def test_a_coarser_plan_tells_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [by_plan(3, number, monkeypatch)[1].told for number in range(len(PLANS))]

    assert len(told[0]) > len(told[1]) >= len(told[2]) > len(told[-2]) > len(told[-1]) == 0
    assert {key.unit for key in told[1]} == {"region"}
    assert {key.cell[0] for key in told[-2]} == {"~totals"}


@pytest.mark.exhaustive
def test_a_plan_that_does_not_pass_leaves_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds the directorates' numbers forever still gets those of the academy."""
    findings = Audit.findings

    def strict(self: Audit) -> object:
        last = self.system.releases[-1]
        return findings(self) or tuple(one for one in FOUND if any(key.unit == "p0" for key in last.told))

    *_, now = year(3, 3)
    before = list(issued_year(3, 2))
    FOUND = audit([Release(now, frozenset({Key("p0s0", "", ALL)}) | before[0].told)])[:1]
    monkeypatch.setattr(Suppression, "_mended", lambda *_: set())
    monkeypatch.setattr(Audit, "findings", strict)
    release = suppress(now, before)

    assert FOUND
    assert ROOT in release.told
    assert {key.unit for key in release.told} == {"region"}


@pytest.mark.exhaustive
def test_where_one_program_would_be_too_great_what_is_nearest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("school_protocol.statistics.disclosure.suppressing.MENDED", 0)
    monkeypatch.setattr(Mending, "kept_back", lambda *_: pytest.fail("a program over everything"))
    releases = issued(year(1, 2))

    assert own_totals(releases) == [True] * 2
    assert audit(releases) == ()


# ---- what changed, line by line --------------------------------------------------------------------------------------


def of_months(*numbers: int) -> Counts:
    """So many cases in each month, at three schools alike."""
    above = tree(1, 3)
    cases = [
        Case(f"p0s{one % 3}", month, frozenset({CASES}), frozenset())
        for month, number in zip(months(len(numbers)), numbers, strict=True)
        for one in range(number)
    ]
    return District(above, (), months(len(numbers)), cases).counts()


def test_one_late_case_keeps_the_new_month_back_and_not_the_sum() -> None:
    """Else the sum less the new month says that there was one."""
    before = [suppress(of_months(30, 30))]
    late = of_months(31, 30, 30)
    release = suppress(late, before)

    assert release.at(ALL, "region") == 91
    assert Key("region", "2026-03", ALL) not in release.told
    assert audit([*before, release]) == ()
    found = audit([*before, replace(release, told=release.told | {Key("region", "2026-03", ALL)})])
    assert {(one.place.period, one.low, one.high) for one in found if one.is_change} >= {("2026-01", 1, 1)}


def test_a_new_month_is_told_where_nothing_came_in_late_or_enough_did() -> None:
    for numbers in ((30, 30, 30), (33, 33, 30), (36, 30, 30)):
        before = [suppress(of_months(30, 30))]
        assert Key("region", "2026-03", ALL) in suppress(of_months(*numbers), before).told


@pytest.mark.exhaustive
def test_the_look_at_lines_spares_the_gate_its_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, now = year(1, 3)
    before = list(issued_year(1, 2))
    counts = without_little_parts(now)
    seen = len(audit([*before, Suppression(counts, before)._calm_release()]))
    monkeypatch.setattr(Changes, "too_much", lambda _changes, _told: set())

    assert len(audit([*before, Suppression(counts, before)._calm_release()])) > 2 * seen


# ---- what is kept back for what was found ----------------------------------------------------------------------------


def planted(*told: str, **schools: int) -> Audit:
    """Of a directorate's schools these are told, though others are small."""
    cases = [
        Case(f"p0{name}", "2026-01", frozenset({CASES}), frozenset()) for name in schools for _ in range(schools[name])
    ]
    above = {"region": "", "p0": "region"} | {f"p0{name}": "p0" for name in schools}
    release = Release(District(above, (), months(1), cases).counts(), frozenset(Key(unit, "", ALL) for unit in told))
    gate = Audit(System([release]))
    gate.findings()
    return gate


def test_the_least_that_opens_what_was_found_is_kept_back() -> None:
    gate = planted("region", "p0", "p0s1", "p0s2", s0=3, s1=12, s2=14)
    goes, lost = Mending(gate.system, gate.system.releases[0].told, gate.held).kept_back(gate.shut)

    assert len(gate.shut) > 0
    assert lost == []
    assert goes == {Key("p0s1", "", ALL)}


def test_nothing_is_kept_back_of_what_is_open() -> None:
    gate = planted("region", "p0", "p0s2", s0=3, s1=12, s2=14)

    needs = [need for need in gate.ranges.needs if not need.is_zero]
    assert len(needs) == 1
    assert gate.shut == ()
    assert Mending(gate.system, gate.system.releases[0].told, gate.held).kept_back(needs) == (set(), [])


# ---- a school that told its total ------------------------------------------------------------------------------------


def with_referral(cases: int, referrals: int, *, told: bool) -> Release:
    """A school that told all its cases once; of them, few were referred."""
    every = [
        Case(unit, "2026-01", frozenset({CASES, *([REFERRALS] if one < many else [])}), frozenset())
        for unit, number, many in (("p0s0", cases, referrals), ("p0s1", 20, 9), ("p0s2", 4, 0))
        for one in range(number)
    ]
    counts = District(tree(1, 3), (), months(1), every).counts()
    keys = {ROOT, Key("p0", "", ALL), Key("region", "", (ALL[0], REFERRALS))}
    return Release(counts, frozenset(keys | ({Key("p0s0", "", ALL)} if told else set())))


def test_what_a_school_referred_stays_open_once_its_total_has_grown() -> None:
    """Its count may be any up to its cases, though these are not told again."""
    before = with_referral(7, 1, told=True)

    assert audit([before]) == ()
    grown = replace(with_referral(11, 1, told=False), told=frozenset({ROOT}))
    assert [one for one in audit([before, grown]) if one.place.cell[1] == REFERRALS] == []
    # where the others have none that it could have instead, it is found
    few = with_referral(7, 1, told=True)
    only = replace(few, told=few.told | {Key("p0s1", "", ALL), Key("p0s1", "", (ALL[0], REFERRALS))})
    assert [one for one in audit([only]) if one.place.cell[1] == REFERRALS]
