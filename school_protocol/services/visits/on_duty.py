"""Who is on duty now: out of school hours, what is urgent goes to them, where they may be told; else to everybody."""

from __future__ import annotations

from collections.abc import Collection

from school_protocol.domain.policy import Unit
from school_protocol.domain.roster import is_school_time
from school_protocol.services.house import House
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.visits import duty


def on_duty(
    house: House, session: Session, unit: Unit, holders: Collection[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Of these people, each with the place of their role, who is on duty now for a school; nobody in school hours."""
    if not holders or is_school_time(directory.calendar_for(session, unit), house.now()):
        return frozenset()
    turns = duty.on_duty(session, {place for _account, place in holders}, house.now())
    return frozenset((one.account, one.unit) for one in turns) & frozenset(holders)
