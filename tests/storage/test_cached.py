"""What is read of the directory is cached between pages, and never once somebody has changed it."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

import school_protocol
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.notifications import repository as notifications_repository
from school_protocol.people import repository as people_repository
from school_protocol.protocol import repository as protocol_repository
from school_protocol.reports import repository as reports_repository
from school_protocol.storage import administration_log, engines
from school_protocol.storage.engines import Engine, Session, Store
from school_protocol.storage.migrate import CACHED, Part
from school_protocol.storage.models import DirectoryBase
from storage.conftest import NOW

TODAY = NOW.date()
OF_A_PAGE = {"folded", "names_in", "came_in"}
"""They ask a realm, of which nothing is cached beyond a page."""
OF_VERSIONS = {"_listed"}
"""It reads the definitions that `_versions` finds, whose bytes never change."""


def school(session: Session) -> str:
    return auth_repository.topmost(session)[0].id


def member(session: Session) -> dict[str, auth_repository.Account]:
    found = auth_repository.account_named(session, "membre")
    return {found.id: found} if found else {}


ASKED: dict[str, Callable[[Session], Any]] = {
    "accounts": lambda session: auth_repository.accounts(session, ["a"]),
    "actors": lambda session: auth_repository.actors(session, member(session), realm="main", today=TODAY),
    "_left_by": lambda session: auth_repository.left_by(session, ["a"], today=TODAY),
    "_holders": lambda session: auth_repository.holders(session, ["u"], today=TODAY),
    "find_units": lambda session: auth_repository.find_units(session, ["u"]),
    "_posts": lambda session: auth_repository.posts(session, [school(session)], since=TODAY),
    "_last_day_of_role": lambda session: auth_repository.last_day_of_role(session, ["u"], ["head"]),
    "contacts_of": lambda session: people_repository.contacts_of(session, school(session)),
    "city_of": lambda session: people_repository.city_of(session, "u"),
    "_calendar_along": lambda session: people_repository._calendar_along(session, ("u",)),
    "_changes": lambda session: administration_log.changes(session, ["u"], limit=3),
    "_versions": protocol_repository.definition_versions,
    "_choice_of": lambda session: notifications_repository.choice_of(session, ["a"]),
    "door": lambda session: reports_repository.door(session, "code"),
}


@pytest.fixture
def directory(url: tuple[str, str | None], make_tables: Callable[[Engine, Part], None]) -> Iterator[Store]:
    store = Store(engines.open_engine(url[0], schema=url[1]), caches=True)
    make_tables(store.engine, "directory")
    with store.writing() as session:
        unit = auth_repository.add_unit(session, kind=UnitKind.school, code="01234A", names={"fr": "école"})
        account = auth_repository.add_account(
            session, username="membre", names={"fr": "Nadia"}, language="fr", created_at=NOW
        )
        auth_repository.appoint(session, account, role="member", unit=unit, starts=TODAY)
    yield store
    store.close()


def page(store: Store, ask: Callable[[Session], Any], said: list[str] | None = None) -> tuple[Any, list[str]]:
    """What a page finds, and what it asked of the database to know it (`said`, where it fails)."""
    said = [] if said is None else said

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith("BEGIN") and "directory_version" not in statement:
            said.append(statement)

    engines.share_readings()
    event.listen(store.engine, "before_cursor_execute", executed)
    try:
        with store.reading() as session:
            found = ask(session)
    finally:
        event.remove(store.engine, "before_cursor_execute", executed)
        engines.end_readings()
    return found, said


def names(store: Store) -> list[str]:
    found, _said = page(store, lambda session: auth_repository.holders(session, [school(session)], today=TODAY))
    return [one.account.name("fr") for one in found]


def version(store: Store) -> object:
    with store.reading() as session:
        return session.scalar(engines.DIRECTORY_VERSION)


def test_the_next_page_asks_nothing_anew(directory: Store) -> None:
    first, asked = page(directory, lambda session: auth_repository.holders(session, [school(session)], today=TODAY))
    again, asked_again = page(directory, lambda session: auth_repository.find_units(session, [first[0].unit]))
    assert (len(asked), asked_again) == (3, [])
    assert list(again) == [first[0].unit]


def test_what_others_changed_is_asked_anew(directory: Store, url: tuple[str, str | None]) -> None:
    other = Store(engines.open_engine(url[0], schema=url[1]))
    assert names(directory) == ["Nadia"]
    with other.writing() as session:
        auth_repository.set_active(session, next(iter(member(session))), False)
    assert names(directory) == []
    other.close()


SHUT_OUT = """
import sys
from school_protocol.auth import repository
from school_protocol.storage.engines import Store, open_engine
store = Store(open_engine(sys.argv[1], schema=sys.argv[2] or None))
with store.writing() as session:
    repository.set_active(session, repository.account_named(session, "membre").id, False)
"""


@pytest.mark.exhaustive(but=("postgresql",))
@pytest.mark.postgresql
def test_whom_another_process_shuts_out_is_shut_out_at_the_next_page(
    directory: Store, url: tuple[str, str | None]
) -> None:
    with directory.writing() as session:
        token = sign_in_repository.open_web_session(session, next(iter(member(session))), now=NOW)

    def who(session: Session) -> list[str]:
        found = sign_in_repository.web_session(session, token, now=NOW)
        actor = auth_repository.actor(session, found.account, realm="main", today=TODAY) if found else None
        return [actor.name] if actor else []

    assert [page(directory, who)[0] for _page in range(2)] == [["Nadia"]] * 2
    subprocess.run([sys.executable, "-c", SHUT_OUT, url[0], url[1] or ""], check=True)
    assert page(directory, who)[0] == []
    assert names(directory) == []


def test_the_control_without_the_version_they_would_stay(directory: Store) -> None:
    assert names(directory) == ["Nadia"]
    with directory.engine.begin() as connection:
        for name in triggers(directory, "account"):
            connection.execute(text(f"DROP TRIGGER {name}" + (" ON account" if is_server(directory) else "")))
    with directory.writing() as session:
        auth_repository.set_active(session, next(iter(member(session))), False)
    assert names(directory) == ["Nadia"]


@pytest.mark.exhaustive(but=("sqlite-*", "postgresql-unit"))
@pytest.mark.postgresql
@pytest.mark.parametrize("table", CACHED)
def test_each_kind_of_change_of_each_table_gives_another_version(directory: Store, table: str) -> None:
    if not is_server(directory):
        assert triggers(directory, table) == {f"{table}_new_version_{verb}" for verb in ("insert", "update", "delete")}
        return
    before = version(directory)
    with directory.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} SELECT * FROM {table} WHERE false"))
    assert version(directory) != before
    assert triggers(directory, table) == {f"{table}_new_version"}


def triggers(store: Store, table: str) -> set[str]:
    """Those that give the directory another version."""
    said = (
        "SELECT tgname FROM pg_trigger WHERE tgrelid = CAST(:name AS regclass) AND NOT tgisinternal"
        if is_server(store)
        else "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name"
    )
    with store.reading() as session:
        return {
            name for name in session.scalars(text(said), {"name": table}) if name.startswith(f"{table}_new_version")
        }


def is_server(store: Store) -> bool:
    return store.engine.dialect.name == "postgresql"


def test_each_change_of_an_account_does(directory: Store) -> None:
    versions = [version(directory)]
    for change in (
        lambda session: auth_repository.set_language(session, next(iter(member(session))), "ar"),
        lambda session: session.execute(text("DELETE FROM appointment")),
        lambda session: session.execute(text("DELETE FROM account")),
    ):
        with directory.writing() as session:
            change(session)
        versions.append(version(directory))
    assert len(set(versions)) == 4


def test_what_is_cached_is_asked_of_these_tables_alone(directory: Store) -> None:
    source = {one: one.read_text("utf-8") for one in (Path(school_protocol.__file__).parent).rglob("*.py")}
    decorated = {name for one in source.values() for name in re.findall(r"@cached\ndef (\w+)", one)}
    by_hand = {
        re.findall(r"^ *def (\w+)", said[:found.start()], re.MULTILINE)[-1]
        for path, said in source.items()
        if path.name != "engines.py"
        for found in re.finditer(r"cache_of\(session", said)
    }  # fmt: skip
    assert decorated | by_hand == ASKED.keys() | OF_A_PAGE | OF_VERSIONS
    known = set(DirectoryBase.metadata.tables)
    for name, ask in ASKED.items():
        said: list[str] = []
        with suppress(Unseen):
            page(directory, ask, said)
        asked = {table for one in said for table in re.findall(r"(?:FROM|JOIN|,) (\w+)", one)} & known
        assert asked, name
        assert asked <= {*CACHED}, name
