"""Who is told that reports wait at a school: one row an hour for a person and a way, however many came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from school_protocol.storage.signalement.order import touch
from school_protocol.storage.signalement.tables import PublicNoticeRow
from school_protocol.storage.tables import new_id
from school_protocol.storage.told import Channel, State


@dataclass(frozen=True, slots=True)
class Kept:
    """One message that waits."""

    id: str
    unit: str
    account: str
    channel: Channel
    urgent: bool
    hour: datetime
    attempts: int


def ask(
    session: Session,
    *,
    unit: str,
    account: str,
    channel: Channel,
    urgent: bool,
    hour: datetime,
    due: datetime,
    is_told_again: bool = False,
) -> bool:
    """Ask that somebody be told; False where that was asked for within this hour. Without a way: that nobody could.

    `is_told_again`: once more, by a message of its own, as soon as the one before has left.
    """
    touch(session, unit, hour=hour)
    same = select(PublicNoticeRow).where(
        PublicNoticeRow.unit == unit, PublicNoticeRow.account == account, PublicNoticeRow.channel == channel.value,
        PublicNoticeRow.urgent.is_(urgent), PublicNoticeRow.hour == hour,
    )  # fmt: skip
    before = session.scalar(same)
    if before is not None:
        if not is_told_again or before.state in (State.waiting.value, State.no_address.value):
            return False
        session.delete(before)
        session.flush()
    state = State.no_address if channel is Channel.none else State.waiting
    session.add(
        PublicNoticeRow(id=new_id(), unit=unit, account=account, channel=channel.value, urgent=urgent, hour=hour,
                        due=due, state=state.value, attempts=0)
    )  # fmt: skip
    session.flush()
    return True


def due(session: Session, channel: Channel, hour: datetime, *, limit: int) -> tuple[Kept, ...]:
    """What is to be sent by that way now, urgent ones first."""
    query = (
        select(PublicNoticeRow)
        .where(
            PublicNoticeRow.state == State.waiting.value, PublicNoticeRow.channel == channel.value,
            PublicNoticeRow.due <= hour,
        )
        .order_by(PublicNoticeRow.urgent.desc(), PublicNoticeRow.hour, PublicNoticeRow.id)
        .limit(limit)
    )  # fmt: skip
    return tuple(
        Kept(row.id, row.unit, row.account, Channel(row.channel), row.urgent, row.hour, row.attempts)
        for row in session.scalars(query)
    )


def put_off(session: Session, notice: str, until: datetime) -> None:
    """Try again from that hour on."""
    _touch(session, notice)
    values = {"due": until, "attempts": PublicNoticeRow.attempts + 1}
    session.execute(update(PublicNoticeRow).where(PublicNoticeRow.id == notice).values(values))


def _touch(session: Session, notice: str) -> None:
    row = session.get(PublicNoticeRow, notice)
    if row is not None:
        touch(session, row.unit, hour=row.hour)


def settle(session: Session, notice: str, state: State) -> None:
    """It is done with."""
    _touch(session, notice)
    session.execute(update(PublicNoticeRow).where(PublicNoticeRow.id == notice).values(state=state.value))


def forget(session: Session, before: datetime) -> None:
    """Delete what was asked for before that hour."""
    session.execute(delete(PublicNoticeRow).where(PublicNoticeRow.hour < before))
