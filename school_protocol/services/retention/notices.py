"""The notices before a case is erased: to its head and the data officer, without content, by the ways of all messages.

A notice counts from the day on which it was given: all its messages have left, or found no way. Where they have not
left after a week, the notice stands on the page of time limits alone: a human who reads it there may go on, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.domain.retention import Given, Step
from school_protocol.services.house import House
from school_protocol.storage import outbox, told
from school_protocol.storage.engines import Session
from school_protocol.storage.retention import Standing
from school_protocol.storage.told import State
from school_protocol.wording import ZONE

PATIENCE = timedelta(days=7)
_LETTER = {Step.first_notice: "f", Step.second_notice: "s", Step.confirm: "c"}


def receivers(protocol: Protocol, step: Step) -> tuple[str, ...]:
    """The roles that are told: who heads a school, and who keeps the data; a list to confirm is for the latter."""
    keeping = tuple(key for key, role in protocol.roles.items() if role.sees is ScopeKind.metadata)
    if step is Step.confirm:
        return keeping
    return (*(key for key, role in protocol.roles.items() if role.head), *keeping)


def ask(session: Session, protocol: Protocol, found: Standing, step: Step, asked_at: datetime) -> None:
    """Ask for the messages of one step, in the transaction that writes down that they were asked for.

    `asked_at` is what is written down with it: by its day they are found again, though midnight lie between.
    """
    for place, to in enumerate(receivers(protocol, step)):
        outbox.put_once(
            session,
            f"{_LETTER[step]}{place}{_mark(found.case_id, asked_at)}",
            "notify",
            {"case": found.case_id, "to": to, "move": step.value, "urgent": False},
            at=asked_at,
        )


def _mark(case_id: str, asked_at: datetime) -> str:
    """How the name of a message ends: of which case it is, and on which day it was asked for."""
    return _ending(case_id, asked_at.astimezone(ZONE).date())


def _ending(case_id: str, day: date) -> str:
    return f"-{case_id}-{day:%y%m%d}"


def given(house: House, session: Session, found: Standing, today: Given) -> Standing:
    """The same, with the notices that were given by now."""
    if found.first is None and found.first_asked_at is not None:
        by_page = _by_page(house, session, found, Step.first_notice)
        if by_page is not None:
            return replace(found, first=today, first_by_page=by_page)
    elif found.second is None and found.second_asked_at is not None:
        by_page = _by_page(house, session, found, Step.second_notice)
        if by_page is not None:
            return replace(found, second=today, second_by_page=by_page)
    return found


def _by_page(house: House, session: Session, found: Standing, step: Step) -> bool | None:
    """False: messages reached whom they could. True: for some or all it stands on the page alone. None: too early.

    Who chose to get none, or whose mail does not leave, is waited for a week.
    """
    asked_at = found.first_asked_at if step is Step.first_notice else found.second_asked_at
    assert asked_at is not None
    states = [one.state for one in _told(session, found.case_id, step, asked_at)]
    if State.delivered in states and State.waiting not in states:
        return False
    if states and (State.waiting not in states or house.now() - asked_at >= PATIENCE):
        return State.waiting in states or State.delivered not in states
    return None


def is_word_asked_for(session: Session, found: Standing) -> bool:
    """Whether the message that asks for a confirmation has reached somebody: else silence says nothing."""
    if found.waits is None:
        return False
    days = (found.waits.on, found.waits.on + timedelta(days=1))  # a run may go on past midnight
    ends = tuple(_ending(found.case_id, day) for day in days)
    return any(
        one.state is State.delivered
        for one in told.of_case(session, found.case_id)
        if one.cause.startswith(f"move:{_LETTER[Step.confirm]}") and one.cause.endswith(ends)
    )


def _told(session: Session, case_id: str, step: Step, asked_at: datetime) -> Iterator[told.Notice]:
    """What became of the messages that were asked for then."""
    beginning, end = f"move:{_LETTER[step]}", _mark(case_id, asked_at)
    for one in told.of_case(session, case_id):
        if one.cause.startswith(beginning) and one.cause.endswith(end):
            yield one
