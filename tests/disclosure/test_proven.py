"""What the definition proves of cases is no way to work out few of them from what a release tells."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

import pytest
from engine.telling import Told, reported

from school_protocol.engine.case_summary import (
    ANSWERED,
    AWAITED,
    CASES,
    DANGERS,
    NONE,
    OPEN,
    REFERRALS,
    UNASKED,
    ends_of,
)
from school_protocol.engine.definition import Protocol
from school_protocol.protocol.reader import read_file
from school_protocol.statistics.disclosure.auditing import audit
from school_protocol.statistics.disclosure.layout import ALL
from school_protocol.statistics.disclosure.release import Release
from school_protocol.statistics.disclosure.suppressing import suppress
from school_protocol.statistics.rules import ENDED, TOTALS, Counts, FigureRow, FigureTable, share_of, tables_of

from .proven import NOT, Kind, found_out, kinds_of, shut_out, sources_of
from .worlds import TITLE, Case, District, months, tree

SHIPPED = sorted((Path(__file__).parents[2] / "protocol_definitions").glob("*/1.yaml"))
COURSE = {"stages": "stages", "outcomes": "outcomes"}
"""Tables of where open cases stand and of how cases ended, which no definition has."""


@pytest.fixture(scope="module")
def kinds(moroccan: Protocol) -> frozenset[Kind]:
    return kinds_of(moroccan)


def course_of(protocol: Protocol) -> tuple[FigureTable, ...]:
    rows = {"stages": [*protocol.stages, ENDED], "outcomes": [*ends_of(protocol), OPEN]}
    return tuple(FigureTable(key, TITLE, CASES, "rows", tuple(map(FigureRow, keys))) for key, keys in rows.items())


# ---- of definitions ------------------------------------------------------------------------------------------------


def test_no_row_that_is_told_says_anything_of_another(moroccan: Protocol, kinds: frozenset[Kind]) -> None:
    """A case of any row of one table may be in any row of all others: the definition proves nothing of who is where."""
    every = {tuple(one for one in kind if one[0] not in COURSE) for kind in kinds}
    rows: dict[str, set[str]] = {}
    for source, row in (one for kind in every for one in kind):
        rows.setdefault(source, set()).add(row)
    assert rows.keys() >= set(sources_of(moroccan).values())
    assert len(every) == prod(map(len, rows.values()))


def test_each_of_these_cases_can_come_about(moroccan: Protocol, kinds: frozenset[Kind]) -> None:
    """The walk may take for possible what is not: so each is played by the engine."""
    sources = ("levels", "danger_answers", "referral_answers")
    every = {tuple(dict(kind)[source] for source in sources) for kind in kinds}
    for level, danger, referral in sorted(every):
        cells = dict(share_of(played(moroccan, level, danger, referral).facts).cells - {(TOTALS, CASES)})
        assert tuple(cells.get(source, NOT) for source in sources) == (level, danger, referral)


def played(protocol: Protocol, level: str, danger: str, referral: str) -> Told:
    told = reported(protocol)
    if level != NONE:
        told.put("follow_up_active", level=int(level))
    if referral:
        target = "directorate" if referral == UNASKED else "police"
        told.act("head", "referral", target=target, covers=["need"], channel="call", sent_at=told.now.isoformat())
    if referral == ANSWERED:
        told.act("head", "referral_answer", referral="1", outcome="answered")
    if danger:
        told.act("head", "raise_danger", which_danger="blackmail")
    if danger == ANSWERED:
        told.act("head", "lift_danger", which_danger="blackmail", reason="x")
        told.act("team_coordinator", "signature", record=str(told.seq))
    return told


def test_no_other_definition_tells_figures() -> None:
    """One that does is asked the same."""
    assert [path.parent.name for path in SHIPPED if tables_of(read_file(path))] == ["ma-cyberharassment"]


def test_the_course_of_a_case_says_much(kinds: frozenset[Kind]) -> None:
    """The control: what is closed was assessed, and nothing ends while a danger waits to be passed on."""
    found = shut_out(kinds, {"levels", "danger_answers", "stages", "outcomes"})
    assert (("levels", "~none"), ("outcomes", "closed")) in found
    assert (("danger_answers", "~awaited"), ("outcomes", "closed")) in found
    assert shut_out(kinds, {"levels", "danger_answers"}) == set()


# ---- of releases ---------------------------------------------------------------------------------------------------

ACADEMY = {("closed", "1"): 64, ("closed", "2"): 24, ("closed", "4"): 4, (OPEN, NONE): 8, (OPEN, "3"): 3}
"""How an academy's 103 cases ended, and their levels."""


def academy(kinds: Iterable[Kind], tables: tuple[FigureTable, ...]) -> Counts:
    """Those cases; all that are open are one province's."""
    rng = random.Random(1)
    district = District(tree(3, 4), tables, months(1))
    for (outcome, level), number in ACADEMY.items():
        wanted = {"outcomes": outcome, "levels": level, "danger_answers": NOT, "referral_answers": NOT}
        kind = next(one for one in map(dict, sorted(kinds)) if wanted.items() <= one.items())
        schools = district.schools[:4] if outcome == OPEN else district.schools
        district.cases += [_case(rng.choice(schools), kind, tables) for _ in range(number)]
    return district.counts()


def test_three_cases_of_one_province_are_worked_out_no_more(moroccan: Protocol, kinds: frozenset[Kind]) -> None:
    """Of 103 cases 92 are closed, and 8 have no level: these are none of the 92, so that three are open and have one.

    All that are open are one province's, whose own numbers say so. The gate, which knows no definition, finds nothing.
    """
    sources = {**sources_of(moroccan), **COURSE}
    release = suppress(academy(kinds, told_of(moroccan)))
    assert release.at(("levels", NONE), "region") == 8
    assert found_out([release], kinds, sources) == []

    beside = suppress(academy(kinds, (*told_of(moroccan), *course_of(moroccan))))
    assert (beside.at(ALL, "region"), beside.at(("outcomes", "closed"), "region")) == (103, 92)
    assert audit([beside]) == ()
    found = found_out([beside], kinds, sources)
    assert {(one.unit, one.number) for one in found} == {("region", 3), ("p0", 3)}, "the control"
    assert (("levels", NONE), False, ("outcomes", "closed"), False) in {one[2:6] for one in found}


def drawn(seed: int, kinds: Iterable[Kind], tables: tuple[FigureTable, ...], number: int) -> Counts:
    """An academy's year, of cases that the definition lets be: most have ended, and few are grave; some come late."""
    rng = random.Random(seed)
    every = [dict(kind) for kind in sorted(kinds)]
    district = District(tree(3, 4), tables, months(1))
    for part in range(number):
        for _ in range(rng.randint(100, 140) if part == 0 else rng.randint(8, 30)):
            outcome = rng.choices(("closed", OPEN), (9, 1))[0]
            wanted = {
                "outcomes": outcome,
                "levels": rng.choices(("1", "2", "3", NONE), (7, 3, 1, 0) if outcome == "closed" else (1, 1, 1, 6))[0],
                "danger_answers": rng.choices((NOT, ANSWERED, AWAITED), (6, 3, 0 if outcome == "closed" else 1))[0],
            }
            kind = rng.choice([kind for kind in every if wanted.items() <= kind.items()])
            schools = district.schools[:4] if outcome == OPEN else district.schools
            district.cases.append(_case(rng.choice(schools), kind, tables))
    return district.counts()


def _case(school: str, kind: Mapping[str, str], tables: tuple[FigureTable, ...]) -> Case:
    totals = {CASES, *([DANGERS] if kind["danger_answers"] else []), *([REFERRALS] if kind["referral_answers"] else [])}
    cells = {(one.key, kind[one.key]) for one in tables if kind.get(one.key)}
    return Case(school, months(1)[0], frozenset(totals), frozenset(cells))


def told_of(protocol: Protocol) -> tuple[FigureTable, ...]:
    """What the definition's releases tell of the course of cases."""
    return tuple(one for one in tables_of(protocol) if one.key in sources_of(protocol))


@pytest.mark.exhaustive(but=("0",))
@pytest.mark.parametrize("seed", range(8))
def test_whoever_knows_the_definition_finds_few_of_nothing(
    seed: int, moroccan: Protocol, kinds: frozenset[Kind]
) -> None:
    """Issued three times, with what came in since."""
    issued: list[Release] = []
    for number in (1, 2, 3):
        issued.append(suppress(drawn(seed, kinds, told_of(moroccan), number), issued))
    assert audit(issued) == ()
    assert found_out(issued, kinds, sources_of(moroccan)) == []
    assert sum(len(one.told) for one in issued) > 40, "and much is told"
