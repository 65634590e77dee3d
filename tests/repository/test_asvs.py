"""The table of the ASVS is whole, says each requirement's level, and names tests and places that are there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "asvs.md").read_text("utf-8")
STATES = ("holds", "not applicable", "of the installation", "open")
RELEASE = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3", "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223",
    "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222", "10.6": "22",
    "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23", "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}  # fmt: skip
"""Of version 5.0.0: section → the level of each of its requirements, in their order."""
LEVELS = {f"{key}.{place}": int(level) for key, said in RELEASE.items() for place, level in enumerate(said, 1)}
CHAPTERS = range(1, 18)
LEVEL_3_LEAST = 24

_ROW = re.compile(rf"^\| (\d+\.\d+\.\d+) \| (\d) \| (.+?) \| ({'|'.join(STATES)}) \| (.+) \|$", re.MULTILINE)
_COUNT = re.compile(r"^\| (?:V(\d+) .+?|(all)) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_PLACE = re.compile(r"`(school_protocol/[\w/.]+\.(?:py|js))(?:::(\w+))?`")
_QUOTED = re.compile(r"(operations|security|inventories)\.md “(.+?)”")


class Row(NamedTuple):
    id: str
    level: int
    asks: str
    state: str
    shown: str

    @property
    def chapter(self) -> int:
        return int(self.id.split(".")[0])


def rows(page: str) -> list[Row]:
    return [Row(key, int(level), asks, state, shown) for key, level, asks, state, shown in _ROW.findall(page)]


@cache
def names_in(path: str) -> frozenset[str]:
    """What a module defines, at any depth; nothing of a file that is not there."""
    file = ROOT / path
    if not file.is_file() or file.suffix != ".py":
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


@cache
def text_of(name: str) -> str:
    return " ".join((ROOT / "docs" / f"{name}.md").read_text("utf-8").split())


def faults(page: str) -> list[str]:
    """What is wrong with the table."""
    found = rows(page)
    return [*_of_ids(found), *_of_counts(page, found), *(fault for row in found for fault in _of_row(row))]


def _of_ids(found: list[Row]) -> Iterator[str]:
    seen = Counter(row.id for row in found)
    yield from (f"{key} stands {count} times" for key, count in seen.items() if count > 1)
    yield from (f"{key} is none of the release" for key in seen if key not in LEVELS)
    yield from (f"{key} is missing" for key, level in LEVELS.items() if level < 3 and key not in seen)
    yield from (f"{row.id} is of level {LEVELS[row.id]}" for row in found if LEVELS.get(row.id, row.level) != row.level)
    if sum(row.level == 3 and row.state == "holds" for row in found) < LEVEL_3_LEAST:
        yield f"fewer than {LEVEL_3_LEAST} of level 3 hold"


def _of_counts(page: str, found: list[Row]) -> Iterator[str]:
    said = {key or whole: tuple(map(int, counts)) for key, whole, *counts in _COUNT.findall(page)}
    for key in (*map(str, CHAPTERS), "all"):
        own = [row for row in found if key in ("all", str(row.chapter))]
        states = Counter(row.state for row in own)
        if said.get(key) != (len(own), *(states[state] for state in STATES)):
            yield f"the count of {key} is {len(own)}: {dict(states)}"


def _of_row(row: Row) -> Iterator[str]:
    tests, places, quoted = _TEST.findall(row.shown), _PLACE.findall(row.shown), _QUOTED.findall(row.shown)
    yield from (f"{row.id}: no {path}::{name}" for path, name in tests if name not in names_in(path))
    for path, name in places:
        if not (ROOT / path).is_file() or (name and name not in names_in(path)):
            yield f"{row.id}: no {path} {name}"
    yield from (f"{row.id}: {name}.md doesn’t say “{text}”" for name, text in quoted if text not in text_of(name))
    if row.shown.count("::test_") != len(tests) or row.shown.count("`school_protocol/") != len(places):
        yield f"{row.id}: something is named that isn’t understood"
    if row.shown.count("“") - len(quoted) > row.shown.count("(“"):
        yield f"{row.id}: something is quoted from nowhere"
    if row.state == "holds" and not (tests or places or quoted):
        yield f"{row.id}: nothing shows that it holds"
    if row.state == "of the installation" and not quoted:
        yield f"{row.id}: no line says what whoever installs must do"
    if row.state == "open" and len(row.shown) < 15:
        yield f"{row.id}: what is missing isn’t said"


def test_the_release_is_the_whole_one() -> None:
    assert Counter(LEVELS.values()) == {1: 70, 2: 183, 3: 92}
    assert {int(key.split(".")[0]) for key in LEVELS} == set(CHAPTERS)


def test_nothing_is_wrong_with_the_table() -> None:
    assert faults(PAGE) == []


def test_enough_is_looked_at() -> None:
    named = _TEST.findall(PAGE)
    assert len(rows(PAGE)) > 300
    assert len(named) > 250
    assert len(set(named)) > 150


@pytest.mark.parametrize(
    ("was", "planted", "told"),
    [
        (r"\| 1\.2\.4 \|.*\n", "", "1.2.4 is missing"),
        (r"(\| 1\.2\.4 \|.*\n)", r"\1\1", "1.2.4 stands 2 times"),
        (r"\| 1\.2\.4 \| 1 \|", "| 1.2.4 | 2 |", "1.2.4 is of level 1"),
        (r"\| 1\.2\.4 \|", "| 1.2.44 |", "1.2.44 is none of the release"),
        (r"test_odd_addresses_are_answered", "test_odd_addresses_are_lost", "1.4.2: no tests/web/test_attacks.py::"),
        (r"tests/web/test_attacks\.py::test_odd", "tests/web/attacks.py::test_odd", "1.4.2: no tests/web/attacks.py::"),
        (r"passwords\.py::_HASHER", "passwords.py::_HASHED", "11.4.2: no school_protocol/auth/passwords"),
        (r"“TLS in front”", "“TLS behind”", "12.1.1: security.md doesn’t say “TLS behind”"),
        (r"(\| 12\.1\.1 \|.* \| of the installation \|).*", r"\1 somehow |", "12.1.1: no line says"),
        (r"(\| 2\.3\.4 \|.* \| holds \|).*", r"\1 surely |", "2.3.4: nothing shows that it holds"),
        (r"(\| 6\.3\.3 \|.* \| open \|).*", r"\1 yes |", "6.3.3: what is missing isn’t said"),
        (r"\| all \| \d+ \|", "| all | 1 |", "the count of all is"),
        (r"(\| \d+\.\d+\.\d+ \| 3 \|.*) \| holds \|", r"\1 | open |", "fewer than 24 of level 3 hold"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_told(was: str, planted: str, told: str) -> None:
    page, count = re.subn(was, planted, PAGE)
    assert count > 0
    assert any(fault.startswith(told) for fault in faults(page)), faults(page)
