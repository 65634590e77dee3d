"""Administration under one chain: linked as it is written, begun once over what was there, never forked."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.visibility import UnitKind
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Store
from school_protocol.storage.journal import Break, Chain, Flaw
from school_protocol.storage.models import AdministrationLinkRow, AdministrationRow
from school_protocol.storage.store_errors import KeysUnusable
from school_protocol.storage.vault import Vault
from storage.conftest import NOW


class Office:
    """A directory with somebody in it, whose changes are written down."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.vault = store, Vault.open(folder / "keys", create=True)
        with store.writing() as session:
            self.unit = auth_repository.add_unit(session, kind=UnitKind.school, code="00001A", names={"fr": "É"})
            self.person = auth_repository.add_account(
                session, username="someone", names={"fr": "Q"}, language="fr", created_at=NOW
            )
            self.post = auth_repository.appoint(session, self.person, role="r", unit=self.unit, starts=date(2026, 1, 1))

    def begin(self, *, links_older: bool = True) -> int:
        self.store.under(self.vault)
        return administration_log.begin_chain(self.store, self.vault, links_older=links_older)

    def change(self, reason: str, minutes: int = 0) -> Change:
        return Change(
            at=NOW + timedelta(minutes=minutes), actor=self.person, kind=Kind.leaving, unit=self.unit,
            account=self.person, role="r", reason=reason, appointment=self.post, ends=date(2027, 1, 1),
        )  # fmt: skip

    def write(self, *reasons: str) -> None:
        with self.store.writing() as session:
            for reason in reasons:
                administration_log.write_entry(session, self.change(reason))

    def linked(self) -> list[str]:
        query = select(AdministrationRow.reason).join(AdministrationLinkRow)
        with self.store.reading() as session:
            return list(session.scalars(query.order_by(AdministrationLinkRow.seq)))

    def breaks(self) -> list[Break]:
        with self.store.reading() as session:
            return list(administration_log.verify(session, self.vault))


@pytest.fixture
def office(directory: Store, tmp_path: Path) -> Office:
    return Office(directory, tmp_path)


@pytest.mark.postgresql
def test_each_change_is_linked_as_its_transaction_ends(office: Office) -> None:
    assert office.begin() == 0
    office.write("first", "second")
    office.write("third")
    assert office.linked() == ["first", "second", "third"]
    assert office.breaks() == []


def test_without_its_key_nothing_is_written(office: Office) -> None:
    with pytest.raises(KeysUnusable):
        office.write("first")
    assert office.linked() == []


def test_what_was_there_before_is_linked_once(office: Office) -> None:
    """Rows of an older database, which knew no chain: in their order, at the first start and at no other."""
    with office.store.writing() as session:
        for place, reason in enumerate(("late", "early")):
            fields = {name: getattr(office.change(reason, 10 - place), name) for name in Change.__slots__}
            row = {**fields, "kind": "leaving", "withdraws": False, "id": f"row-{place}"}
            session.execute(insert(AdministrationRow).values(row))
    assert office.begin() == 2
    assert office.linked() == ["early", "late"]
    assert office.begin() == 0
    office.write("after")
    assert office.breaks() == []
    with office.store.writing() as session:
        fields = {name: getattr(office.change("slipped in"), name) for name in Change.__slots__}
        session.execute(insert(AdministrationRow).values({**fields, "kind": "left", "withdraws": True, "id": "x"}))
    assert office.begin() == 0, "a row that came later is not linked by starting again"
    assert office.breaks() == [Break("", 4, Flaw.inserted, Chain.administration)]


def test_where_anchors_know_of_a_chain_it_begins_with_nothing(office: Office) -> None:
    office.begin()
    office.write("first")
    fields = {name: getattr(office.change("other"), name) for name in Change.__slots__}
    with office.store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE administration_link DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER administration_link_no_delete"))
        connection.execute(text("DELETE FROM administration_link"))
        connection.execute(insert(AdministrationRow).values({**fields, "kind": "left", "withdraws": True, "id": "x"}))
    assert office.begin(links_older=False) == 0
    assert [one.flaw for one in office.breaks()] == [Flaw.inserted, Flaw.inserted]


@pytest.mark.postgresql
def test_writers_at_once_fork_nothing(office: Office) -> None:
    office.begin()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda place: office.write(f"w{place}"), range(24)))
    assert sorted(office.linked()) == sorted(f"w{place}" for place in range(24))
    assert office.breaks() == []


@pytest.mark.postgresql
def test_what_is_rolled_back_leaves_no_link(office: Office) -> None:
    office.begin()
    with suppress(ZeroDivisionError), office.store.writing() as session:
        administration_log.write_entry(session, office.change("never"))
        raise ZeroDivisionError
    with office.store.writing() as session:
        with suppress(ZeroDivisionError), session.begin_nested():
            administration_log.write_entry(session, office.change("taken back"))
            raise ZeroDivisionError
        administration_log.write_entry(session, office.change("kept"))
        with session.begin_nested():
            administration_log.write_entry(session, office.change("kept, too"))
        administration_log.write_entry(session, office.change("at last"))
    assert office.linked() == ["kept", "kept, too", "at last"]
    assert office.breaks() == []


@pytest.mark.postgresql
def test_links_only_grow(office: Office) -> None:
    office.begin()
    office.write("first")
    for statement in (
        "UPDATE administration_link SET hash = prev_hash",
        "DELETE FROM administration_link",
        "INSERT INTO administration_link SELECT seq + 7, NULL, hash, hash FROM administration_link WHERE seq = 0",
    ):
        with pytest.raises(IntegrityError, match=r"append-only|must follow"), office.store.writing() as session:
            session.execute(text(statement))
    assert office.breaks() == []
