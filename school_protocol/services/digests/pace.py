"""When somebody is told of what can wait: by their own choice, on the school days of where they work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from school_protocol.domain.clock import Calendar
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Unit
from school_protocol.services.accounts import actors_of
from school_protocol.services.house import House
from school_protocol.storage import directory
from school_protocol.storage.digests import choices
from school_protocol.storage.digests.choices import USUAL, Choice, Every
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session
from school_protocol.wording import ZONE

MORNING = time(8)
LONGEST_REST = 3
"""So many days in a row may be without a message that can wait; then it goes out in the holidays too."""
LOOK_AGAIN = timedelta(days=7)
"""When what somebody wants no message of is looked at again: they may want one by then."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one person is told, and the school time of each place in which they work."""

    choice: Choice
    calendars: tuple[Calendar, ...]

    def moment(self, asked_at: datetime) -> datetime | None:
        """From when they are told of what was asked for at `asked_at`; None where they want no message of it.

        What waited already as they chose is told at the first moment of their choice.
        """
        asked_at = max(asked_at, self.choice.chosen_at or asked_at)
        match self.choice.every:
            case Every.at_once:
                return asked_at
            case Every.weekly:
                return next(at for at in self._weekly(asked_at, 0, 7) if at > asked_at)
            case Every.urgent_only:
                return None
            case _:
                return self._digest(asked_at)

    def next(self, now: datetime) -> datetime:
        """When they are told next, or looked at again."""
        return self.moment(now) or now + LOOK_AGAIN

    def told_since(self, now: datetime) -> datetime | None:
        """Since when one message is enough; None where each leaves as it comes."""
        midnight = datetime.combine(_day(now), time(0), ZONE)
        match self.choice.every:
            case Every.at_once:
                return None
            case Every.weekly:
                return max([at for at in self._weekly(now, -7, 0) if at <= now], default=midnight)
            case _:
                return midnight

    def _weekly(self, around: datetime, first: int, last: int) -> list[datetime]:
        """The moments that belong to the chosen day of these weeks: a closed school moves them on, within reason."""
        days = (_day(around) + timedelta(days=count) for count in range(first - LONGEST_REST, last + 1))
        return [self._digest(datetime.combine(day, time(0), ZONE)) for day in days if day.weekday() == self.choice.day]

    def _digest(self, now: datetime) -> datetime:
        return min(next_digest(calendar, now) for calendar in self.calendars or (None,))


def next_digest(calendar: Calendar | None, now: datetime) -> datetime:
    """When what can wait is told, all at once: as the school next opens; in holidays, in the morning."""
    today = _day(now)
    for days in range(LONGEST_REST + 1):
        spans = calendar.spans(today + timedelta(days=days)) if calendar else ()
        if spans and spans[0][0] > now:
            return spans[0][0]
    morning = datetime.combine(today, MORNING, ZONE)
    return morning if morning > now else datetime.combine(today + timedelta(days=1), MORNING, ZONE)


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def paces(house: House, people: Session, accounts: Collection[str], *, near: Unit | None = None) -> Mapping[str, Pace]:
    """The pace of each of these people; `near`: the school whose time holds for who works nowhere."""
    known = directory.accounts(people, accounts)
    chosen = choices.of(people, accounts)
    working = {actor.id: {held.unit for held in actor.appointments} for actor in actors_of(house, known, people)}
    units = directory.units(people, set().union(*working.values()))
    school_time = {key: calendar_of(people, unit) for key, unit in units.items()}
    elsewhere = calendar_of(people, near) if near else None
    found = {}
    for account in accounts:
        own = {school_time.get(unit): None for unit in sorted(working.get(account, ()))}
        calendars = tuple(one for one in own if one) or ((elsewhere,) if elsewhere else ())
        found[account] = Pace(chosen.get(account, USUAL), calendars)
    return found


def pace_of(house: House, people: Session, account: Account, *, near: Unit | None = None) -> Pace:
    """The pace of one person."""
    return paces(house, people, [account.id], near=near)[account.id]


def calendar_of(people: Session, unit: Unit) -> Calendar | None:
    """The school time of a unit, where one is known."""
    try:
        return directory.calendar_for(people, unit)
    except Unseen:
        return None
