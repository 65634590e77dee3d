"""A store is made once and brought along; what another version wrote is left alone."""

import lzma
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import DatabaseError

from school_protocol.statistics import repository
from school_protocol.statistics.models import FigureJobRow, FigureKeyRow, FigureReleaseRow
from school_protocol.storage import migrate
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import Part, UnknownTables
from school_protocol.wiring import WIRING

PARTS: tuple[Part, ...] = ("directory", "realm")
FORMER: tuple[tuple[Part, str], ...] = (("directory", "0025"), ("realm", "0024"))
"""Stores of SQLite as the version made them that the migration after it leaves."""


@pytest.mark.parametrize("part", PARTS)
def test_upgrading_again_does_nothing(empty: Store, part: Part) -> None:
    assert migrate.standing_of(empty, part) == "none"
    for _ in range(2):
        migrate.upgrade(empty.engine, part, WIRING.tables)
        assert migrate.standing_of(empty, part) == "current"


@pytest.mark.parametrize(
    ("revision", "words"), [("9999", "a later version wrote here"), ("0001", "an earlier one wrote here")]
)
def test_what_another_version_wrote_is_left_alone(empty: Store, revision: str, words: str) -> None:
    migrate.upgrade(empty.engine, "realm", WIRING.tables)
    with empty.engine.begin() as connection:
        connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{revision}'"))
    with pytest.raises(UnknownTables, match=f"revision {revision}.*{words}"):
        migrate.upgrade(empty.engine, "realm", WIRING.tables)
    assert migrate.revision_of(empty.engine) == revision


@pytest.mark.exhaustive
def test_two_that_start_at_once_migrate_once(url: tuple[str, str | None]) -> None:
    def start(_: int) -> bool:
        engine = open_engine(url[0], schema=url[1])
        migrate.upgrade(engine, "realm", WIRING.tables)
        found = migrate.standing_of(Store(engine), "realm") == "current"
        engine.dispose()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(start, range(4)))


def tables_of(engine: Engine) -> dict[str, Any]:
    """Columns, indexes and constraints of each table, in no order."""
    found = inspect(engine)
    return {
        name: (
            {one["name"]: (str(one["type"]), one["nullable"]) for one in found.get_columns(name)},
            {one["name"]: one["column_names"] for one in found.get_indexes(name)},
            {one["name"]: one["sqltext"] for one in found.get_check_constraints(name)},
            found.get_pk_constraint(name),
        )
        for name in found.get_table_names()
    }


def former(folder: Path, part: Part, revision: str) -> Engine:
    """The store, as it was."""
    kept = Path(__file__).with_name("former") / f"{part}-{revision}.sqlite.xz"
    (folder / "former.sqlite").write_bytes(lzma.decompress(kept.read_bytes()))
    return open_engine(f"sqlite:///{folder / 'former.sqlite'}")


@pytest.mark.files
@pytest.mark.parametrize(("part", "revision"), FORMER)
def test_a_store_that_stands_comes_to_the_same_tables_as_a_new_one(tmp_path: Path, part: Part, revision: str) -> None:
    engines = [former(tmp_path, part, revision), open_engine(f"sqlite:///{tmp_path / 'new.sqlite'}")]
    assert migrate.revision_of(engines[0]) == revision
    for engine in engines:
        migrate.upgrade(engine, part, WIRING.tables)
    assert tables_of(engines[0]) == tables_of(engines[1])
    for engine in engines:
        engine.dispose()


@pytest.mark.files
def test_figures_of_before_noise_stay_as_rows_and_open_no_more(tmp_path: Path) -> None:
    """One was issued, and stands before everybody; another was being worked out."""
    engine = former(tmp_path, "directory", "0025")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM figure_key")).scalar() == 2
    migrate.upgrade(engine, "directory", WIRING.tables)
    with Store(engine).reading() as session:
        assert session.scalars(select(FigureKeyRow)).all() == []
        jobs = session.execute(select(FigureJobRow.id, FigureJobRow.state, FigureJobRow.sealed)).all()
        assert sorted(map(tuple, jobs)) == [("done", "issued", None), ("waiting", "stopped", None)]
        row = session.scalars(select(FigureReleaseRow)).one()
        assert (row.quarter, row.drawing) == (None, None)
        assert repository.covering(session, row.unit) == repository.public(session) == ()
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text("UPDATE figure_release SET quarter = 1"))
    engine.dispose()
