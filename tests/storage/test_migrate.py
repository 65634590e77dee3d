"""A store is made once and brought along; what another version wrote is left alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from school_protocol.storage import migrate
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.migrate import Part, UnknownTables

PARTS: tuple[Part, ...] = ("directory", "realm")


@pytest.mark.parametrize("part", PARTS)
def test_upgrading_again_does_nothing(empty: Store, part: Part) -> None:
    assert migrate.standing_of(empty, part) == "none"
    for _ in range(2):
        migrate.upgrade(empty.engine, part)
        assert migrate.standing_of(empty, part) == "current"


@pytest.mark.parametrize(
    ("revision", "words"), [("9999", "a later version wrote here"), ("0001", "an earlier one wrote here")]
)
def test_what_another_version_wrote_is_left_alone(empty: Store, revision: str, words: str) -> None:
    migrate.upgrade(empty.engine, "realm")
    with empty.engine.begin() as connection:
        connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{revision}'"))
    with pytest.raises(UnknownTables, match=f"revision {revision}.*{words}"):
        migrate.upgrade(empty.engine, "realm")
    assert migrate.revision_of(empty.engine) == revision


@pytest.mark.exhaustive
def test_two_that_start_at_once_migrate_once(url: tuple[str, str | None]) -> None:
    def start(_: int) -> bool:
        engine = open_engine(url[0], schema=url[1])
        migrate.upgrade(engine, "realm")
        found = migrate.standing_of(Store(engine), "realm") == "current"
        engine.dispose()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(start, range(4)))
