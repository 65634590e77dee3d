"""The role that serves the site: it owns nothing, changes no chain and takes no guard away."""

import re

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from trials.tampering_server import PARTS, Server, grant, prepared, refused

from school_protocol.storage import migrate
from school_protocol.storage.engines import Store
from school_protocol.storage.migrate import Part
from school_protocol.storage.postgresql import NotAName, grants
from school_protocol.wiring import WIRING


def accepts(engine: Engine, statement: str) -> bool:
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
            connection.rollback()
    except DBAPIError:
        return False
    return True


@pytest.mark.exhaustive
def test_the_role_that_serves_is_refused_what_it_must_not_do() -> None:
    """With a planted control each: the owner may, without the guards, so that it is the rights that refuse."""
    with prepared() as server:
        for part in PARTS:
            owner = server.engine(part)
            migrate.upgrade(owner, part, WIRING.tables)
            owner.dispose()
        grant(server)
        roles = server.engines(as_role=True)
        statements = [one for one in refused(server) if not one[1].startswith(("INSERT", "UPDATE case_record"))]
        assert len(statements) > 60
        assert [said for part, said in statements if accepts(roles[part], said)] == []
        assert may_be_done_by_the_owner(server) == []
        for part in PARTS:
            migrate.upgrade(roles[part], part, WIRING.tables)  # nothing is to be done: it may start the site
            with roles[part].connect() as connection:
                for table in WIRING.tables[part].tables:
                    connection.execute(text(f'SELECT 1 FROM "{table}" LIMIT 1'))
            roles[part].dispose()


def may_be_done_by_the_owner(server: Server) -> list[str]:
    owner = server.engine("realm")
    try:
        wanted = (
            "ALTER TABLE event DISABLE TRIGGER USER",
            "DROP TRIGGER event_no_change ON event",
            "DROP TABLE event CASCADE",
        )
        return [one for one in wanted if not accepts(owner, one)]
    finally:
        owner.dispose()


@pytest.mark.parametrize("part", PARTS)
def test_every_append_only_table_is_known_to_the_grants(empty: Store, part: Part) -> None:
    """Read from the guards themselves: where no row can be changed nor deleted, no right to do it is given."""
    migrate.upgrade(empty.engine, part, WIRING.tables)
    if empty.engine.dialect.name != "sqlite":
        pytest.skip("reads SQLite's own list of triggers")
    with empty.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    guarded = [
        {table for table, sql in found if re.search(rf"BEFORE {verb} ON", sql) and " WHEN " not in sql}
        for verb in ("UPDATE", "DELETE")
    ]
    growing = guarded[0] & guarded[1]
    assert len(growing) > 3
    for table in growing:
        assert f"GRANT SELECT, INSERT ON public.{table} TO site;" in grants(part, WIRING.tables, "site").splitlines()


@pytest.mark.parametrize("name", ["", "Site", "site; DROP ROLE x", "site\n", "a" * 64, "s-1", "موقع"])
def test_only_plain_names_reach_the_statements(name: str) -> None:
    with pytest.raises(NotAName):
        grants("realm", WIRING.tables, name)
    with pytest.raises(NotAName):
        grants("realm", WIRING.tables, "site", name)
