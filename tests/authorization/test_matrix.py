"""Every address × everybody × every kind of case answers as the hand-written file says; and the asking sees faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trials import matrix as short_trial
from trials import planted_rights

from authorization.matrix import Matrix
from authorization.planted import every
from authorization.world import World, copied, untypeset
from school_protocol.web import create_app

PARTS = (
    "table", "shut_out", "knocks", "cases", "lists", "registers", "queues", "pupils", "words",
    "shown", "opened", "many", "parts", "own", "schools", "others", "emergencies", "systems",
    "shared", "visited",
)  # fmt: skip


@pytest.fixture(scope="module")
def world(first: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with copied(first, tmp_path_factory.mktemp("may")) as found, untypeset():
        yield found


@pytest.fixture(scope="module")
def matrix(world: World, request: pytest.FixtureRequest) -> Matrix:
    """In brief, but in `--all`."""
    return Matrix(world, brief=not request.config.getoption("all"))


def test_everybody_is_answered_so_about_the_own_case_and_each_kind_to_one_who_sees_it(
    world: World, matrix: Matrix
) -> None:
    """To whoever is asked about least, and of what nobody sees to one of all; `--all` asks everybody about each."""
    sees = dict(matrix.people())
    asked = {person: {"own"} for person in sees}
    for kind in world.cases:
        readers = [one for one in sees if kind in sees[one]] or list(sees)
        for person in sorted(readers, key=lambda one: len(asked[one]))[:1]:
            asked[person].add(kind)
    for person, kinds in asked.items():
        before = matrix.tried
        assert list(matrix.cases(kinds=sorted(kinds), who=person.__eq__)) == []
        assert matrix.tried > before, person


@pytest.mark.exhaustive(
    but=tuple(part for part in PARTS if part not in ("cases", "others", "shared", "knocks", "words"))
)
@pytest.mark.parametrize("part", PARTS)
def test_everything_answers_as_the_file_says(matrix: Matrix, part: str) -> None:
    before = matrix.tried
    assert list(getattr(matrix, part)()) == []
    assert matrix.tried > before


def test_no_part_is_forgotten(world: World) -> None:
    asked: list[str] = []

    class Listening(Matrix):
        def __getattribute__(self, name: str) -> object:
            if name in PARTS:
                asked.append(name)
                return lambda: iter(())
            return super().__getattribute__(name)

    assert list(Listening(world).differences()) == []
    assert set(asked) == set(PARTS)


def test_a_new_address_without_a_row_is_told(world: World) -> None:
    app = world.app
    world.app = create_app(world.ctx, testing=True)
    try:
        world.app.add_url_rule("/cases/<number>/peek", "cases.peek", lambda number: number)
        assert "cases.peek: has no row in the file" in list(Matrix(world).table())
    finally:
        world.app = app


def test_each_planted_fault_can_be_planted_still(world: World) -> None:
    """The clauses that faults change stand in the source; whether they are found is a trial of its own."""
    faults = every()
    names = {fault.name for fault in faults}
    assert len(names) == len(faults) >= 200
    assert {*planted_rights.FEW, *short_trial.PLANTED} <= names, "those of the short trials are some of them"
    for fault in faults:
        with fault.plant():
            pass
