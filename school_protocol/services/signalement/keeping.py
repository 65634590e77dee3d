"""What becomes of public reports by themselves: erased once their time is over, and put in another order each hour."""

from __future__ import annotations

from datetime import datetime

from school_protocol.domain.receipt_codes import hour_of, hours_before, months_before
from school_protocol.services.house import House
from school_protocol.storage.signalement import mixing, reports

LATELY = 48
"""Hours that are mixed each time: those of a worker that was away for a day, too."""
BATCH = 500


def mix_lately(house: House) -> int:
    """Put what came lately in an order that is drawn, so that neither rows nor files tell which came first."""
    return mixing.mix(house.realm, hours_before(house.now(), LATELY))


def clean(house: House) -> None:
    """Nothing of how rows lay before is left in the database, where that could not be seen to as they were written."""
    mixing.clean(house.realm)


def erase_over(house: House, base: datetime, *, left_since: datetime) -> int:
    """Delete, with their keys, those without a case whose months are over by `base`; how many.

    And those that were read and left since `left_since`. What belongs to a case goes with the case. No list of them is
    kept outside the database: after a restore the same months are over.
    """
    with house.realm.reading() as session:
        versions = reports.versions(session)
    done = 0
    for protocol, version in versions:
        rules = house.library.protocol(protocol, version).signalement
        assert rules is not None
        before = months_before(base, rules.keeps)
        while True:
            with house.realm.writing() as session:
                found = reports.over(
                    session, protocol, version, settled_before=before, came_before=hour_of(left_since), limit=BATCH
                )
                done += reports.erase(session, found)
            if len(found) < BATCH:
                break
    return done
