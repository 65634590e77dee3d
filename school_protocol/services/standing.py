"""How the installation stands, for whoever watches it: what it lacks to serve, and what waits. It tells of no case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from school_protocol.services.house import STORES, House
from school_protocol.storage import checks, outbox
from school_protocol.storage.engines import Store
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.migrate import Part, standing_of
from school_protocol.storage.moving import is_away


@dataclass(frozen=True, slots=True)
class Standing:
    """`overdue`: for how long the oldest work of the worker waits; `checked`: how long ago the journal was checked.

    None: nothing waits; it never was. `anchored`: the same of the latest anchor.
    """

    overdue: timedelta | None
    waiting: int
    checked: timedelta | None
    faults: int
    anchored: timedelta | None


def lacks(house: House) -> tuple[str, ...]:
    """Which stores can't be served now: no answer, moved away, or tables of a version before."""
    stores: dict[Part, Store] = {"realm": house.realm, "directory": house.directory}
    return tuple(f"{part}: {why}" for part in STORES if (why := _why_not(stores[part], part)))


def _why_not(store: Store, part: Part) -> str:
    """Tables of a later version came while this process ran: as a migration only adds, it goes on until it is ended."""
    try:
        with store.reading() as session:
            if is_away(session.connection()):
                return "moved to another database"
        return "" if standing_of(store, part) in ("current", "newer") else "tables of another version"
    except StorageBusy:
        return "no answer"


def standing(house: House) -> Standing:
    """What waits, and how long ago what comes by itself was done."""
    now = house.now()
    with house.realm.reading() as session:
        waiting, oldest = outbox.waiting(session, now)
        check, anchor = checks.latest(session), checks.latest_anchor(session)
    return Standing(
        now - oldest if oldest else None, waiting, now - check.finished_at if check else None,
        check.faults if check else 0, now - anchor[1] if anchor else None,
    )  # fmt: skip
