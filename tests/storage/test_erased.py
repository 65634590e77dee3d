"""The list of erased cases outside the database, and what an erased case leaves in it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, select

from school_protocol.case_files import repository as case_files_repository
from school_protocol.cases import index_repository, lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.engine.errors import Sealed, Unseen
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import backups, idempotency, journal
from school_protocol.storage.backups import Erased, ErasedUnreadable
from school_protocol.storage.case_numbers import format_number
from school_protocol.storage.vault import Vault
from school_protocol.wiring import WIRING
from storage.conftest import NOW, Realm, entry
from storage.test_index import row as index_row


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "keys", create=True)


def lines(folder: Path) -> list[str]:
    return (folder / backups.FILE).read_text().splitlines()


def test_each_case_is_noted_once_in_order(vault: Vault, tmp_path: Path) -> None:
    for case_id in ("a", "b", "a", "c", "b"):
        backups.note(tmp_path, vault, case_id, NOW)
    assert backups.read_erased(tmp_path, vault) == tuple(Erased(one, NOW) for one in "abc")
    assert (tmp_path / backups.FILE).stat().st_mode & 0o077 == 0


def test_nothing_erased_is_an_empty_list(vault: Vault, tmp_path: Path) -> None:
    assert backups.read_erased(tmp_path, vault) == ()


def test_many_at_once_lose_nothing(vault: Vault, tmp_path: Path) -> None:
    names = [f"case-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: backups.note(tmp_path, vault, one, NOW), names))
    assert {one.case_id for one in backups.read_erased(tmp_path, vault)} == set(names)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_crash_cut_short_is_written_again(vault: Vault, tmp_path: Path, cut: int) -> None:
    for case_id in ("a", "b"):
        backups.note(tmp_path, vault, case_id, NOW)
    path = tmp_path / backups.FILE
    path.write_bytes(path.read_bytes()[:-cut])
    assert [one.case_id for one in backups.read_erased(tmp_path, vault)] == ["a"]
    for case_id in ("b", "c"):
        backups.note(tmp_path, vault, case_id, NOW)
    assert [one.case_id for one in backups.read_erased(tmp_path, vault)] == ["a", "b", "c"]


def test_a_line_that_was_touched_taken_away_or_moved_is_found(vault: Vault, tmp_path: Path) -> None:
    for case_id in ("a", "b", "c"):
        backups.note(tmp_path, vault, case_id, NOW)
    whole = lines(tmp_path)
    changed = json.dumps({**json.loads(whole[1]), "case": "x"})
    other = Vault.open(tmp_path / "other keys", create=True)
    backups.note(tmp_path / "other", other, "b", NOW)
    for spoilt in (
        [whole[0], changed, whole[2]],
        [whole[0], whole[2]],
        [whole[1], whole[0], whole[2]],
        [*whole, "{}"],
        [*whole, "nonsense"],
        [*whole, *lines(tmp_path / "other")],
    ):
        (tmp_path / backups.FILE).write_text("\n".join(spoilt) + "\n")
        with pytest.raises(ErasedUnreadable):
            backups.read_erased(tmp_path, vault)
        with pytest.raises(ErasedUnreadable):
            backups.note(tmp_path, vault, "d", NOW)


def test_lists_are_merged(vault: Vault, tmp_path: Path) -> None:
    backups.note(tmp_path / "here", vault, "a", NOW)
    for case_id in ("a", "b"):
        backups.note(tmp_path / "there", vault, case_id, NOW - timedelta(days=1))
    assert backups.merge(tmp_path / "here", vault, backups.read_erased(tmp_path / "there", vault)) == 1
    assert [one.case_id for one in backups.read_erased(tmp_path / "here", vault)] == ["a", "b"]


# ---- the case itself -------------------------------------------------------------------------------------------------


def furnished(realm: Realm) -> str:
    """A case with something in every table that this test can fill by the storage room's own doors."""
    case_id = realm.open_case(entry(words={"w": "secret"}))
    with realm.store.writing() as session:
        number = cases_repository.opened(session, case_id).number
        cases_repository.keep_identities(
            session, realm.vault, case_id, slot_id="P1", slot="pupil", values={"name": "N"}, marks=["N"]
        )
        index_repository.write(session, index_row(case_id, number=number))
        report = lookup_repository.receive(
            session, realm.vault, unit="u", received_at=NOW, channel="c", content={"t": "secret"}
        )
        lookup_repository.settle_report(session, report, lookup_repository.ReportStatus.opened, case_id)
        case_files_repository.keep_copy(
            session, realm.vault, case_id, "file", 1, case_files_repository.Laid(b"pages"), NOW + timedelta(days=1)
        )
        idempotency.keep_draft(session, realm.vault, "a", f"/cases/{number}/acts/x", {"t": "secret"}, at=NOW)
        idempotency.keep_draft(
            session, realm.vault, "a", f"/cases/{format_number(number).replace(' ', '-')}/x", {}, at=NOW
        )
    return case_id


def mentions(realm: Realm, case_id: str) -> set[str]:
    """Tables with a row that has the case's id or number in any column."""
    found = set()
    with realm.store.reading() as session:
        number = cases_repository.opened(session, case_id).number
        wanted = {case_id, number, format_number(number).replace(" ", "-")}
        for table in WIRING.tables["realm"].sorted_tables:
            for row in session.execute(select(table)):
                if any(one in str(value) for value in row for one in wanted):
                    found.add(table.name)
    return found


def test_an_erased_case_is_mentioned_only_where_it_is_said(realm: Realm) -> None:
    case_id, other = furnished(realm), furnished(realm)
    before = mentions(realm, case_id)
    assert {"case_key", "object_key", "event_words", "identity", "identity_mark", "report", "case_index", "draft",
            "handed_paper"} < before  # fmt: skip
    with realm.store.writing() as session:
        privacy_repository.erase_case(session, realm.vault, case_id, at=NOW, actor="officer")
    assert mentions(realm, case_id) <= privacy_repository._STAYS | {"tombstone"}
    assert mentions(realm, other) == before
    with realm.store.reading() as session:
        assert journal.verify_all(session, realm.vault) == []
        with pytest.raises(Sealed):
            cases_repository.load_events(session, realm.vault, case_id)
    assert realm.load(other)[0].words == {"w": "secret"}


def test_erasing_again_changes_nothing(realm: Realm) -> None:
    case_id = furnished(realm)
    for day in (0, 5):
        with realm.store.writing() as session:
            privacy_repository.erase_case(session, realm.vault, case_id, at=NOW + timedelta(days=day), actor="officer")
    with realm.store.reading() as session:
        assert [grave.at for grave in journal._graves(session, case_id)] == [NOW]
        assert journal.verify_all(session, realm.vault) == []


def test_a_case_that_never_was_cant_be_erased(realm: Realm) -> None:
    with pytest.raises(Unseen), realm.store.writing() as session:
        privacy_repository.erase_case(session, realm.vault, "none", at=NOW, actor="officer")


def test_every_table_of_a_case_is_emptied_or_said_to_stay() -> None:
    of_a_case = {table.name for table in WIRING.tables["realm"].sorted_tables if "case_id" in table.c}
    emptied = {table.name for table in privacy_repository.emptied()}
    staying = {table.name for table in WIRING.tables["realm"].sorted_tables if privacy_repository._stays(table)}
    assert emptied | staying >= of_a_case
    assert not emptied & staying
    assert all(_holds_no_content(WIRING.tables["realm"].tables[name]) for name in staying - {"event", "anchored_head"})


def _holds_no_content(table: Table) -> bool:
    return not {"sealed", "wrapped", "mark"} & set(table.c.keys())


def test_a_list_that_cannot_be_read_says_so_in_a_sentence(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / backups.FILE).mkdir()
    with pytest.raises(ErasedUnreadable, match=rf"{backups.FILE} can’t be read \(Is a directory\): let the account"):
        backups.read_erased(tmp_path, vault)
