"""Each row has its file and each file its row: looked after by a job, and by whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from school_protocol.services.evidence.opening import raise_alarm
from school_protocol.services.house import House
from school_protocol.storage import files
from school_protocol.storage.blobs.blobs import refuse_elsewhere_in
from school_protocol.storage.files import Alarm
from school_protocol.wording import ZONE

NIGHT = time(3, 40)
"""From when on, in the country's time, the files of that night are looked at."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: `lost` files are missing or altered, `fresh` of them were not known; `strays` are removed."""

    lost: int
    fresh: int
    strays: int


def sweep_files(house: House, *, night: int | None = None) -> Swept:
    """Every row's file is read and compared; what no row names and is a day old is removed.

    `night`: its number, where a part of what is dear to read is enough. Raises FilesElsewhere, FilesAway.
    """
    store, started_at = house.blobs, house.now()
    refuse_elsewhere_in(house.realm, store)
    lost = files.faults(house.realm, store, night=night)
    strays = files.remove_strays(house.realm, store, house.now())
    if lost:
        with house.realm.reading() as session:
            gone = files.unnamed(session, [fault.place for fault in lost])
        lost = tuple(fault for fault in lost if fault.place not in gone)
    fresh = sum(raise_alarm(house, fault) for fault in lost)
    with house.realm.writing() as session:
        files.swept(session, started_at, house.now())
    return Swept(len(lost), fresh, strays)


def sweep_on(house: House) -> Swept | None:
    """The look of the night where it is still to come, by the date alone; None where it was done.

    One that was cut off, or that a busy worker missed, is made up for at the next ring.
    """
    with house.realm.reading() as session:
        latest = files.last_sweep(session)
    if latest is not None and _night_of(latest) == _night_of(house.now()):
        return None
    return sweep_files(house, night=_night_of(house.now()).toordinal())


def _night_of(moment: datetime) -> date:
    """The day whose night it was; before the night's hour, the day before."""
    here = moment.astimezone(ZONE)
    return here.date() if here.time() >= NIGHT else here.date() - timedelta(days=1)


def file_alarms(house: House) -> tuple[Alarm, ...]:
    """What was found missing or altered, the latest first."""
    with house.realm.reading() as session:
        return files.alarms(session)
