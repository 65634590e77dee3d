"""Keys of an installation: none is made where data is, no other one is taken, none that is missed goes unsaid."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from storage.test_keys_masters import command

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.ops import key_rotation
from school_protocol.ops.key_rotation import TooEarly
from school_protocol.storage import case_keys, master_keys
from school_protocol.storage.store_errors import KeysUnusable
from services.conftest import School


class Place:
    """An installation with a case, opened and left as commands do."""

    def __init__(self, data: Path, protocol: Protocol, **settings: str) -> None:
        self.settings = Settings(data=data, **settings)  # type: ignore[arg-type]
        self.clock = TurnableClock(NOW)
        self.ctx = self.open()
        self.school = School(prepared(self.ctx, self.clock, protocol, MOROCCAN.read_bytes()), count(1))
        self.school.report()
        self.close()

    def open(self, *, with_lost: bool = False) -> AppContext:
        self.ctx = open_context(self.settings, self.clock, with_lost=with_lost)
        return self.ctx

    def close(self) -> None:
        self.ctx.close()

    def reads(self) -> bool:
        ctx = self.open()
        with ctx.realm.reading() as session:
            case_id = cases_repository.find_by_number(session, self.school.number)
            assert case_id is not None
            folded(ctx, session, case_id)
        self.close()
        return True


@pytest.fixture
def place(tmp_path: Path, moroccan: Protocol) -> Iterator[Place]:
    found = Place(tmp_path / "var", moroccan)
    yield found
    found.close()


# ---- not made anew, not another's ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_there", [True, False])
def test_where_data_is_no_key_is_made(place: Place, is_there: bool) -> None:
    """As when the volume of the keys is not mounted: its place is empty, or not even there."""
    away = place.settings.data.with_name("volume")
    place.settings.keys.rename(away)
    if is_there:
        place.settings.keys.mkdir(mode=0o700)
    with pytest.raises(KeysUnusable, match=r"holds data, and .* holds no key"):
        place.open()
    assert list(place.settings.data.glob("keys/*.key")) == []
    shutil.rmtree(place.settings.keys, ignore_errors=True)
    away.rename(place.settings.keys)
    assert place.reads()


def test_a_house_that_was_opened_once_and_holds_nothing_makes_no_other_keys(tmp_path: Path) -> None:
    """Its chain of administration has begun under the first ones."""
    settings = Settings(data=tmp_path)
    ctx = open_context(settings, TurnableClock(NOW))
    ctx.close()
    shutil.rmtree(settings.keys)
    with pytest.raises(KeysUnusable, match="holds no key"):
        open_context(settings, TurnableClock(NOW))


def test_a_command_s_keys_are_not_enough(tmp_path: Path, moroccan: Protocol) -> None:
    found = Place(tmp_path / "var", moroccan, key_command=command(tmp_path))
    shutil.rmtree(found.settings.keys)
    with pytest.raises(KeysUnusable, match="holds no key"):
        found.open()


def test_keys_of_another_house_are_refused(place: Place, tmp_path: Path) -> None:
    shutil.rmtree(place.settings.keys)
    master_keys.create(place.settings.keys, with_master=True)
    with pytest.raises(KeysUnusable, match="not those that this data was written with"):
        place.open()


# ---- missing masters -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_without_the_master_key_that_rows_name_nothing_is_written_under_an_older_one(place: Place) -> None:
    key_rotation.rotate(place.open())
    place.close()
    newest = place.settings.keys / "master-2.key"
    newest.rename(newest.with_name("away"))
    with pytest.raises(KeysUnusable, match="master key 2 is missing from the ring"):
        place.open()
    assert key_rotation.status(place.open(with_lost=True)).lost == {
        2: sum(key_rotation.status(place.ctx).lost.values())
    }
    place.close()
    newest.with_name("away").rename(newest)
    assert place.reads()


def test_a_master_key_that_is_lost_for_good_is_given_up_and_the_rest_opens(place: Place) -> None:
    ctx = place.open()
    first = place.school.number
    ctx.vault.add_master()
    place.school.report()
    place.close()
    (place.settings.keys / "master-1.key").unlink()
    with pytest.raises(KeysUnusable, match="keys give-up"):
        place.open()
    ctx = place.open(with_lost=True)
    with pytest.raises(KeysUnusable, match="not lost"):
        key_rotation.give_up(ctx, 2)
    assert key_rotation.give_up(ctx, 1) > 0
    place.close()
    assert place.reads(), "what the other key wraps"
    place.school.number = first
    with pytest.raises(Exception, match="master key 1"):
        place.reads()
    ctx = place.open()
    key_rotation.rotate(ctx)
    assert set(key_rotation.status(ctx).wraps) == {1, 3}, "what can be opened is turned"


# ---- retired ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["files", "command"])
def test_a_key_is_retired_only_a_while_after_the_ring_was_turned(tmp_path: Path, moroccan: Protocol, kind: str) -> None:
    settings = {"key_command": command(tmp_path)} if kind == "command" else {}
    found = Place(tmp_path / "var", moroccan, **settings)
    ctx = found.open()
    found.clock.advance(timedelta(days=9))
    key_rotation.rotate(ctx)
    for wait in (timedelta(), key_rotation.SETTLED - timedelta(seconds=1)):
        found.clock.advance(wait)
        with pytest.raises(TooEarly):
            key_rotation.retire(ctx)
    found.clock.advance(timedelta(seconds=1))
    assert key_rotation.retire(ctx) == (1,)
    found.close()


def test_a_ring_that_somebody_else_turned_is_noted_as_it_is_first_seen(tmp_path: Path) -> None:
    assert case_keys.note_turned(tmp_path, 1, NOW) == NOW
    later = NOW + timedelta(days=3)
    assert case_keys.note_turned(tmp_path, 1, later) == NOW
    assert case_keys.note_turned(tmp_path, 2, later) == later
    (tmp_path / case_keys.RING_NOTE).write_text("{")
    assert case_keys.note_turned(tmp_path, 2, later + timedelta(days=1)) == later + timedelta(days=1)


def test_the_note_holds_no_key(place: Place) -> None:
    kept = replace(case_keys.turned(place.settings.data), given_up=frozenset())
    assert kept == case_keys.Turned(1, NOW)
    assert len((place.settings.data / case_keys.RING_NOTE).read_bytes()) < 120
