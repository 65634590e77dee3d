"""Where sealed files lie: what can be told of it, and all of them brought somewhere else while the site runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from school_protocol.config import ROWS, Settings
from school_protocol.domain.clock import Clock
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.services.house import House, open_house, refuse_walled
from school_protocol.storage import files
from school_protocol.storage.blobs.blobs import STARTS, Blobs, FilesMisplaced, Standing, keep_at, kept_at
from school_protocol.storage.blobs.choosing import open_blobs
from school_protocol.storage.engines import Session
from school_protocol.storage.files import Named

Progress = Callable[[int, int], None]

_VERSIONED = (
    "the bucket keeps older versions, so that nothing there is ever destroyed: take another one, or suspend versioning "
    "and remove the versions that are there"
)
_PUBLIC = "anybody reads the bucket without saying who they are: make it private"


class NotMoved(SchoolProtocolError):
    """Files can't be brought there; says why."""


@dataclass(frozen=True, slots=True)
class Told:
    """Where files lie, what can be told of the place, how many there are, and how many of those named are not there."""

    address: str
    standing: Standing
    lying: int
    named: int
    missing: int


@dataclass(frozen=True, slots=True)
class Moved:
    """`lost`: files that were missing or altered where they lay; they are told as before."""

    before: str
    after: str
    files: int
    lost: int


def tell(house: House) -> Told:
    """What `doctor` says. Raises FilesAway where names can't be listed."""
    blobs = house.blobs
    standing, lying, named, missing = blobs.standing(), 0, 0, 0
    if standing.fault:
        return Told(blobs.address, standing, 0, 0, 0)
    for start in STARTS:
        there = {one.name for one in blobs.names(start)}
        with house.realm.reading() as session:
            wanted = {one.place for one in files.named(session, start)}
        lying, named, missing = lying + len(there), named + len(wanted), missing + len(wanted - there)
    return Told(blobs.address, standing, lying, named, missing)


def refuse_misplaced(blobs: Blobs, standing: Standing) -> None:
    """Raises FilesMisplaced where what is destroyed would stay, or anybody could fetch what is kept."""
    if standing.versioned:
        raise FilesMisplaced(f"{blobs.address}: {_VERSIONED}")
    if standing.public:
        raise FilesMisplaced(f"{blobs.address}: {_PUBLIC}")


def refuse_versioned(house: House) -> None:
    """The same as the site begins, by one question; one that gets no answer keeps nobody from beginning."""
    if house.blobs.is_versioned():
        raise FilesMisplaced(f"{house.settings.files_in}: {_VERSIONED}")


# ---- moved -----------------------------------------------------------------------------------------------------------


def move(settings: Settings, target: str, clock: Clock, progress: Progress) -> Moved:
    """Copy every file that a row names, compare it by its digest, and have it lie there from then on.

    What was copied stays copied: broken off, it goes on where it was. Nobody keeps a file as it comes to its end; who
    still goes by the settings of before is told to come again. Raises NotMoved, FilesMisplaced, FilesAway.
    """
    with closing(open_house(settings, clock, files_anywhere=True)) as house:
        refuse_walled(house)
        before, after = house.blobs, open_blobs(replace(settings, files_in=target), house.realm)
        if before.address == after.address:
            raise NotMoved(f"files lie in {target} already")
        standing = after.standing()
        if standing.fault:
            raise NotMoved(f"{target} can't be written and read now: {standing.fault}")
        refuse_misplaced(after, standing)
        moving = _Moving(house, before, after)
        with house.realm.reading() as session:
            total = sum(len(files.named(session, start)) for start in STARTS)
        for start in STARTS:
            with house.realm.reading() as session:
                named = files.named(session, start)
            for one in named:
                moving.bring(one)
                progress(len(moving.there), total)
        with house.realm.writing() as session:
            every = {one.place: one for start in STARTS for one in files.named(session, start)}
            for place in every.keys() - moving.there:
                moving.bring_now(session, every[place])
            keep_at(session, after.address)
        lost = len(moving.lost & every.keys())  # others were destroyed in order, meanwhile
        return Moved(before.address, after.address, len(every) - lost, lost)


@dataclass(slots=True)
class _Moving:
    house: House
    before: Blobs
    after: Blobs
    there: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    def bring(self, one: Named) -> None:
        """One file, unless it is there as it should be."""
        with self.house.realm.reading() as session:
            data, found = self._here(session, one), self.after.get(session, one.place)
        self.there.add(one.place)
        if data is None or found == data:
            return
        if found is not None:
            self.after.delete([one.place])
        opened = self.house.realm.writing if self.after.address == ROWS else self.house.realm.reading
        with opened() as session:
            self._put(session, one, data)

    def bring_now(self, session: Session, one: Named) -> None:
        """One that came while the others were brought, as nobody else writes."""
        data = self._here(session, one)
        if data is not None:
            self._put(session, one, data)

    def _here(self, session: Session, one: Named) -> bytes | None:
        data = self.before.get(session, one.place)
        if data is None or (one.digest is not None and hashlib.sha256(data).digest() != one.digest):
            self.lost.add(one.place)
            return None
        return data

    def _put(self, session: Session, one: Named, data: bytes) -> None:
        self.after.put(session, one.case_id, one.place, data)
        if self.after.get(session, one.place) != data:
            raise NotMoved(f"{one.place} is not there as it was here")


def clear(settings: Settings, place: str, clock: Clock) -> int:
    """Destroy what a move left in a place; how many there were. Raises NotMoved for the place that is in use."""
    with closing(open_house(settings, clock, files_anywhere=True)) as house:
        refuse_walled(house)
        with house.realm.reading() as session:
            if kept_at(session) == place:
                raise NotMoved(f"files lie in {place}: nothing is destroyed there")
        blobs = open_blobs(replace(settings, files_in=place), house.realm)
        count = sum(1 for _one in _lying(blobs))
        blobs.clear()
        return count


def _lying(blobs: Blobs) -> Iterator[object]:
    for start in STARTS:
        yield from blobs.names(start)
