"""A page of the people or places of a whole country costs what the page holds, not what the country does.

Steps of SQLite's own machine: counted, not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow, AppointmentRow, UnitRow
from school_protocol.engine.visibility import UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.storage.engines import Session, Store
from storage.conftest import NOW

pytestmark = pytest.mark.files
TODAY, PAGE, STEP = NOW.date(), 10, 20
ASKED: dict[str, Callable[[Session, str], object]] = {
    "people": lambda session, top: people_repository.people(session, [top], limit=PAGE),
    "places": lambda session, top: people_repository.places(session, [top], limit=PAGE),
}


def filled(directory: Store) -> str:
    with directory.writing() as session:
        top = auth_repository.add_unit(session, kind=UnitKind.country, code="MA", names={"fr": "Maroc"})
        region = auth_repository.add_unit(session, kind=UnitKind.region, code="R", names={"fr": "R"}, parent=top)
    grow(directory, region, 0, 60)
    return top


def grow(directory: Store, region: str, first: int, last: int) -> None:
    """So many more schools, each with somebody."""
    span = [f"{one:05}" for one in range(first, last)]
    with directory.writing() as session:
        session.execute(insert(UnitRow), [
            {"id": f"s{one}", "kind": "school", "code": f"{one}A", "names": {"fr": one}, "parent": region}
            for one in span
        ])  # fmt: skip
        session.execute(insert(AccountRow), [
            {"id": f"a{one}", "username": f"p{one}", "names": {"fr": one}, "language": "fr", "created_at": NOW,
             "certified": True, "trained_until": TODAY + timedelta(days=900)} for one in span
        ])  # fmt: skip
        session.execute(insert(AppointmentRow), [
            {"id": f"h{one}", "account": f"a{one}", "role": "member", "unit": f"s{one}", "starts": date(2020, 1, 1)}
            for one in span
        ])  # fmt: skip


def steps(directory: Store, top: str, ask: Callable[[Session, str], object]) -> int:
    counted = 0

    def step() -> None:
        nonlocal counted
        counted += 1

    with directory.reading() as session:
        driven = session.connection().connection.driver_connection
        assert driven is not None
        driven.set_progress_handler(step, STEP)
        try:
            ask(session, top)
        finally:
            driven.set_progress_handler(None, 0)
    return counted


@pytest.mark.parametrize("name", ASKED)
def test_ten_times_the_schools_take_no_more(directory: Store, name: str) -> None:
    top = filled(directory)
    few = steps(directory, top, ASKED[name])
    with directory.reading() as session:
        region = auth_repository.unit_coded(session, "R")
    assert region is not None
    grow(directory, region.id, 60, 600)
    assert few > 0
    assert steps(directory, top, ASKED[name]) <= few * 1.3
    # The control: as part of a country with another top, all below are listed before the first is shown.
    with directory.writing() as session:
        auth_repository.add_unit(session, kind=UnitKind.country, code="XX", names={"fr": "XX"})
    assert steps(directory, top, ASKED[name]) > few * 3
