"""Releases of figures as they are kept: for good, each drawn once; one worked on at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, literal, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.errors import Unseen
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
from school_protocol.statistics.rules import ReleasePeriod
from school_protocol.storage.engines import Session, Store
from school_protocol.storage.vault import Vault
from storage.conftest import NOW

QUARTER = ReleasePeriod(2026, 1)


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

    def issue(self, root: str, *below: str, quarter: int | None = 1, **changed: Any) -> FigureReleaseRow:
        self.written += 1
        release = f"release-{root}-{self.written}"
        self.columns = {
            "id": release, "protocol": "p", "version": 1, "definition": "d" * 64, "unit": self.units[root],
            "year": 2026, "quarter": quarter, "edition": 1, "drawing": 1, "months": ["2026-09"], "counted_at": NOW,
            "issued_at": NOW + timedelta(hours=self.written), "actor": self.account, "role": "r", "former": None,
            "tables": [], "sealed": b"", **changed,
        }  # fmt: skip
        empty = {"cells": {}, "shares": {}, "medians": {}, "drawn_in": release}
        told = [UnitRelease(self.units.get(code, code), "", empty) for code in (root, *below)]
        with self.store.writing() as session:
            assert repository.write_release(session, told, **self.columns)
            return repository.release(session, release)

    def drawn(self, *codes: str, period: ReleasePeriod = QUARTER) -> list[tuple[str, str]]:
        """Release and unit."""
        with self.store.reading() as session:
            found = repository.drawn(session, "p", {self.units.get(code, code) for code in codes}, period)
        return [(issued.id, told.unit) for issued, told in found]


@pytest.fixture
def kept(directory: Store, tmp_path: Path) -> Kept:
    return Kept(directory, Vault.open(tmp_path / "keys", create=True))


@pytest.mark.postgresql
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


@pytest.mark.postgresql
def test_a_number_is_given_once(kept: Kept) -> None:
    one = kept.issue("P1")
    with kept.store.writing() as session:
        assert not repository.write_release(session, [], **{**kept.columns, "id": "another", "quarter": 2})
        assert not repository.write_release(session, [], **{**kept.columns, "id": "another", "edition": 2}), (
            "the same period is drawn once"
        )
        assert repository.write_release(session, [], **{**kept.columns, "id": "another", "edition": 2, "drawing": 2})
        assert getattr(repository.last_edition(session, "p", one.unit, 2026), "id", "") == "another"
        assert repository.last_edition(session, "p", one.unit, 2025) is None


def test_what_was_drawn_of_a_unit_and_period_is_found_and_what_was_withdrawn(kept: Kept) -> None:
    one, other = kept.issue("P1", "s1"), kept.issue("P1", quarter=0, edition=2)
    assert kept.drawn("P1", "P2") == [(one.id, kept.units["P1"])]
    assert kept.drawn("P1", period=ReleasePeriod(2026)) == [(other.id, kept.units["P1"])]
    assert kept.drawn("P1", period=ReleasePeriod(2025, 1)) == []
    again = kept.issue("P1", edition=3, drawing=2, former=one.id)
    assert kept.drawn("P1") == [(one.id, kept.units["P1"]), (again.id, kept.units["P1"])]
    with kept.store.reading() as session:
        assert repository.replaced(session, [one.id, other.id, again.id]) == {one.id}


def test_what_is_repeated_is_not_drawn_there(kept: Kept) -> None:
    one, region = kept.issue("P1"), kept.issue("R1")
    with kept.store.writing() as session:
        told = {"cells": {}, "shares": {}, "medians": {}, "drawn_in": one.id}
        session.add(DisclosedFigureRow(release=region.id, unit=kept.units["P1"], above=kept.units["R1"], told=told))
    assert kept.drawn("P1") == [(one.id, kept.units["P1"])]


def test_a_release_of_before_is_told_no_more(kept: Kept) -> None:
    one = kept.issue("P1", "s1", quarter=None, drawing=None)
    with kept.store.writing() as session:
        repository.set_public(session, one.id, is_public=True, actor=kept.account, at=NOW)
        assert repository.covering(session, "s1") == ()
        assert repository.public(session) == ()
        assert repository.release(session, one.id).edition == 1, "it is there still, as the journal says"


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


@pytest.mark.postgresql
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


# ---- jobs ----------------------------------------------------------------------------------------------------------


def ask(kept: Kept, session: Session, job: str, code: str, hours: int = 0) -> None:
    statistics_repository.add_job(
        session, job, QUARTER, protocol="p", unit=kept.units[code], again=False, account=kept.account, role="r",
        asked_at=NOW + timedelta(hours=hours), press=job.ljust(64, "x"),
    )  # fmt: skip


@pytest.mark.postgresql
def test_one_is_worked_on_at_a_time_the_first_asked_for_first(kept: Kept) -> None:
    with kept.store.writing() as session:
        ask(kept, session, "later", "P2", 1)
        ask(kept, session, "first", "P1")
        taken = statistics_repository.take_next(session, now=NOW)
        assert taken is not None
        assert (taken.id, taken.tries) == ("first", 1)
        assert statistics_repository.take_next(session, now=NOW + statistics_repository.LEASE) is None
        again = statistics_repository.take_next(session, now=NOW + 2 * statistics_repository.LEASE)
        assert again is not None
        assert (again.id, again.tries) == ("first", 2)
        assert statistics_repository.settle_job(session, "first", State.issued, at=NOW)
        following = statistics_repository.take_next(session, now=NOW)
        assert following is not None
        assert following.id == "later"


def test_what_was_stopped_goes_on_no_more(kept: Kept) -> None:
    with kept.store.writing() as session:
        ask(kept, session, "job", "P1")
        assert statistics_repository.settle_job(session, "job", State.stopped, at=NOW)
        assert not statistics_repository.settle_job(session, "job", State.issued, at=NOW)
        assert statistics_repository.take_next(session, now=NOW) is None
        found = statistics_repository.latest_job(session, "p", kept.units["P1"])
        assert found is not None
        assert found.state == State.stopped
        ask(kept, session, "again", "P1", -1)
        running = statistics_repository.latest_job(session, "p", kept.units["P1"])
        assert running is not None
        assert running.id == "again", "what runs comes before what was"
