"""Who is on duty out of school hours, and when nobody is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from school_protocol.engine.clock import Calendar

ReviewTurn = tuple[datetime, datetime]
"""From when until when somebody is on duty."""


def is_school_time(calendar: Calendar, moment: datetime) -> bool:
    """Whether a moment lies between the first opening and the last closing of a school day."""
    hours = _hours(calendar, moment)
    return hours is not None and hours[0] <= moment < hours[1]


def gaps(calendar: Calendar, turns: Iterable[ReviewTurn], starts: datetime, ends: datetime) -> tuple[ReviewTurn, ...]:
    """When nobody is on duty between two moments; nothing of it begins, ends or lies in school time."""
    found = (_trimmed(calendar, gap) for gap in _uncovered(turns, starts, ends))
    return tuple(gap for gap in found if gap[0] < gap[1])


def _uncovered(turns: Iterable[ReviewTurn], starts: datetime, ends: datetime) -> Iterator[ReviewTurn]:
    at = starts
    for first, last in sorted(turns):
        if first >= ends:
            break
        if first > at:
            yield at, first
        at = max(at, last)
    if at < ends:
        yield at, ends


def _trimmed(calendar: Calendar, gap: ReviewTurn) -> ReviewTurn:
    starts, ends = gap
    first, last = _hours(calendar, starts), _hours(calendar, ends)
    if first is not None and first[0] <= starts < first[1]:
        starts = first[1]
    if last is not None and last[0] < ends <= last[1]:
        ends = last[0]
    return starts, ends


def _hours(calendar: Calendar, moment: datetime) -> ReviewTurn | None:
    """From the first opening to the last closing of that day; None where the school stays shut."""
    spans = calendar.spans(calendar.local(moment).date())
    return (spans[0][0], spans[-1][1]) if spans else None
