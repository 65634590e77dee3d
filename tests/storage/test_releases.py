"""Releases of figures as they are kept: for good, beside those that each is looked at with; one worked on at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, literal, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.errors import Sealed, Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.statistics import repository
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.models import (
    DisclosedFigureRow,
    FigurePaperRow,
    FigurePublicRow,
    FigureReleaseRow,
    State,
)
from school_protocol.statistics.repository import UnitRelease
from school_protocol.storage import case_keys
from school_protocol.storage.engines import Session, Store
from school_protocol.storage.vault import Vault
from storage.conftest import NOW

pytestmark = pytest.mark.postgresql
EMPTY: dict[str, Any] = {"cells": {}, "shares": {}, "medians": {}, "former": []}


class Kept:
    """A directory with a few places, and the shortest way to a release of one."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self.store, self.vault = store, vault
        self.units: dict[str, str] = {}
        with store.writing() as session:
            for code, kind, above in (
                ("MA", UnitKind.country, ""), ("R1", UnitKind.region, "MA"), ("R2", UnitKind.region, "MA"),
                ("P1", UnitKind.province, "R1"), ("P2", UnitKind.province, "R1"), ("P3", UnitKind.province, "R2"),
            ):  # fmt: skip
                self.units[code] = auth_repository.add_unit(
                    session, kind=kind, code=code, names={"fr": code}, parent=self.units.get(above)
                )
            self.account = auth_repository.add_account(
                session, username="x", names={"fr": "X"}, language="fr", created_at=NOW, password_hash=""
            )
        self.written = 0

    def issue(
        self, root: str, *below: str, months: tuple[str, ...] = ("2026-09",), edition: int = 1
    ) -> FigureReleaseRow:
        self.written += 1
        release = f"release-{root}-{self.written}"
        self.columns = {
            "id": release, "protocol": "p", "version": 1, "definition": "d" * 64, "unit": self.units[root],
            "year": 2026, "edition": edition, "months": list(months), "counted_at": NOW,
            "issued_at": NOW + timedelta(hours=self.written), "actor": self.account, "role": "r", "former": None,
            "tables": [],
        }  # fmt: skip
        told = [UnitRelease(self.units.get(code, code), "", EMPTY) for code in (root, *below)]
        with self.store.writing() as session:
            repository.make_key(session, self.vault, release)
            sealed = repository.seal(session, self.vault, release, {"secret": root})
            assert repository.write_release(session, told, **self.columns, sealed=sealed)
            return repository.release(session, release)

    def beside(self, *codes: str, months: tuple[str, ...] = ("2026-09",)) -> list[str]:
        with self.store.reading() as session:
            found = repository.beside(session, "p", {self.units.get(code, code) for code in codes}, months)
        return [one.id for one in found]


@pytest.fixture
def kept(directory: Store, tmp_path: Path) -> Kept:
    return Kept(directory, Vault.open(tmp_path / "keys", create=True))


def test_it_is_opened_under_its_own_key_alone(kept: Kept) -> None:
    one, other = kept.issue("P1", "school"), kept.issue("P2")
    with kept.store.reading() as session:
        sealed = repository.sealed_release(session, one.id)
        assert repository.open_sealed(session, kept.vault, one.id, sealed) == {"secret": "P1"}
        with pytest.raises(Sealed):
            repository.open_sealed(session, kept.vault, other.id, sealed)
    assert case_keys.rotate(kept.store, kept.vault) == 2
    with kept.store.writing() as session:
        assert repository.open_sealed(session, kept.vault, one.id, sealed) == {"secret": "P1"}
        repository.drop_key(session, one.id)
        with pytest.raises(Unseen):
            repository.open_sealed(session, kept.vault, one.id, sealed)


def test_nothing_of_it_is_ever_changed_or_taken_away(kept: Kept) -> None:
    one = kept.issue("P1")
    with kept.store.writing() as session:
        repository.set_public(session, one.id, is_public=True, actor=kept.account, at=NOW)
        paper = {"release": one.id, "unit": one.unit, "copy": 1, "language": "fr", "actor": kept.account, "at": NOW,
                 "digest": "d" * 64}  # fmt: skip
        assert repository.write_paper(session, **paper, press="p" * 64)
        assert not repository.write_paper(session, **paper, press="q" * 64), "its number is given"
    models: tuple[Any, ...] = (FigureReleaseRow, DisclosedFigureRow, FigurePublicRow, FigurePaperRow)
    for model in models:
        changed = {"role": "another"} if model is FigureReleaseRow else {"release": one.id}
        for statement in (delete(model), update(model).values(**changed)):
            with pytest.raises((DatabaseError, IntegrityError), match="append-only"), kept.store.writing() as session:
                session.execute(statement)
        if kept.store.engine.dialect.name == "postgresql":
            truncate = text(f"TRUNCATE {model.__tablename__} CASCADE")
            with pytest.raises(DatabaseError, match="append-only"), kept.store.writing() as session:
                session.execute(truncate)


def test_a_number_is_given_once(kept: Kept) -> None:
    one = kept.issue("P1")
    with kept.store.writing() as session:
        assert not repository.write_release(session, [], **{**kept.columns, "id": "another"}, sealed=b"x")
        assert getattr(repository.last_edition(session, "p", one.unit, 2026), "id", "") == one.id
        assert repository.last_edition(session, "p", one.unit, 2025) is None


@pytest.mark.exhaustive
def test_what_can_be_put_together_is_found_by_whatever_way(kept: Kept) -> None:
    first, second, south = kept.issue("P1", "s1"), kept.issue("P2", "s2"), kept.issue("P3", "s3")
    assert kept.beside("P1", "s1") == [first.id], "nothing joins the two provinces yet"
    region = kept.issue("R1", "P1", "P2", "s1", "s2")
    assert kept.beside("P1", "s1") == [first.id, second.id, region.id], "by way of what was told of the region"
    assert kept.beside("P3") == [south.id]
    assert kept.beside("P1", months=("2025-09",)) == []
    country = kept.issue("MA", "R1", "R2", "P1", "P2", "P3", "s1", "s2", "s3", months=("2026-09", "2026-10"))
    assert kept.beside("P3") == [first.id, second.id, south.id, region.id, country.id]
    assert kept.beside("P3", months=("2026-10",)) == [country.id]
    assert kept.beside("new", "s1") == kept.beside("P1"), "a school that came under another province is the same school"


@pytest.mark.exhaustive
def test_a_unit_reads_what_covers_it(kept: Kept) -> None:
    one, other = kept.issue("P1", "s1"), kept.issue("R1", "P1", "s1")
    with kept.store.reading() as session:
        assert [found.id for found in repository.covering(session, "s1")] == [other.id, one.id]
        assert [found.id for found in repository.covering(session, kept.units["R1"])] == [other.id]
        assert repository.covering(session, "s2") == ()
        assert repository.told_of_release(session, one.id, kept.units["R1"]) is None
        with pytest.raises(Unseen):
            repository.release(session, "nothing")


def test_the_latest_word_on_the_page_for_everybody_counts(kept: Kept) -> None:
    one, other = kept.issue("P1"), kept.issue("P2")
    with kept.store.writing() as session:
        for is_public in (True, False, True):
            assert repository.set_public(session, one.id, is_public=is_public, actor=kept.account, at=NOW)
            assert not repository.set_public(session, one.id, is_public=is_public, actor=kept.account, at=NOW)
            assert repository.public_ids(session) == ({one.id} if is_public else frozenset())
        repository.set_public(session, other.id, is_public=True, actor=kept.account, at=NOW)
        assert [found.id for found in repository.public(session)] == [other.id, one.id]


def test_of_two_who_put_it_there_at_once_the_second_changes_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept.issue("P1")
    with kept.store.writing() as session:
        assert repository.set_public(session, one.id, is_public=True, actor=kept.account, at=NOW)
        monkeypatch.setattr(repository, "public_ids", lambda _session: frozenset())  # as before the first one's commit
        monkeypatch.setattr(repository, "func", Before())
        assert not repository.set_public(session, one.id, is_public=True, actor=kept.account, at=NOW)
        monkeypatch.undo()
        assert repository.public_ids(session) == {one.id}


class Before:
    """Counts as they were before any row."""

    def count(self) -> Any:
        return literal(0)


@pytest.mark.exhaustive
def test_what_lists_releases_reads_no_sealed_counts(kept: Kept) -> None:
    one = kept.issue("P1", "s1")
    read = list[str]()
    event.listen(kept.store.engine, "before_cursor_execute", lambda *said: read.append(said[2]))
    with kept.store.reading() as session:
        assert [row.id for row in repository.covering(session, "s1")] == [one.id]
        assert kept.beside("P1") == [one.id]
        assert repository.release(session, one.id).edition == one.edition
    assert not [said for said in read if "sealed" in said]
    with kept.store.reading() as session:
        assert repository.sealed_release(session, one.id)
    assert [said for said in read if "sealed" in said]


# ---- jobs ----------------------------------------------------------------------------------------------------------


def ask(kept: Kept, session: Session, job: str, code: str, hours: int = 0) -> None:
    statistics_repository.add_job(
        session, job, protocol="p", unit=kept.units[code], year=2026, account=kept.account, role="r",
        at=NOW + timedelta(hours=hours), press=job.ljust(64, "x"),
    )  # fmt: skip


def test_one_is_worked_on_at_a_time_the_first_asked_for_first(kept: Kept) -> None:
    with kept.store.writing() as session:
        ask(kept, session, "later", "P2", 1)
        ask(kept, session, "first", "P1")
        taken = statistics_repository.take_next(session, now=NOW)
        assert taken is not None
        assert (taken.id, taken.tries) == ("first", 1)
        assert statistics_repository.take_next(session, now=NOW + statistics_repository.LEASE) is None
        assert statistics_repository.go_on(session, "first", done=1, total=9, now=NOW + statistics_repository.LEASE)
        assert statistics_repository.take_next(session, now=NOW + 2 * statistics_repository.LEASE) is None, (
            "its worker has just said something"
        )
        again = statistics_repository.take_next(session, now=NOW + 3 * statistics_repository.LEASE)
        assert again is not None
        assert (again.id, again.tries, again.done) == ("first", 2, 1)
        assert statistics_repository.settle_job(session, "first", State.issued, at=NOW)
        following = statistics_repository.take_next(session, now=NOW)
        assert following is not None
        assert following.id == "later"


def test_what_was_stopped_goes_on_no_more(kept: Kept) -> None:
    with kept.store.writing() as session:
        ask(kept, session, "job", "P1")
        assert statistics_repository.set_state(session, "job", State.choosing, b"counts", now=NOW)
        assert statistics_repository.sealed_of(session, "job") == b"counts"
        assert statistics_repository.settle_job(session, "job", State.stopped, at=NOW)
        assert statistics_repository.sealed_of(session, "job") is None
        assert not statistics_repository.settle_job(session, "job", State.issued, at=NOW)
        assert not statistics_repository.go_on(session, "job", done=1, total=1, now=NOW)
        assert not statistics_repository.set_state(session, "job", State.checking, b"x", now=NOW)
        assert statistics_repository.take_next(session, now=NOW) is None
        found = statistics_repository.latest_job(session, "p", kept.units["P1"])
        assert found is not None
        assert found.state == State.stopped
        ask(kept, session, "again", "P1", -1)
        running = statistics_repository.latest_job(session, "p", kept.units["P1"])
        assert running is not None
        assert running.id == "again", "what runs comes before what was"
