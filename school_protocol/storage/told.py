"""What was told to whom: ids, keys and moments only. A row that waits is also the work of delivering it.

Each row stands once for its case, cause, role, person and channel, whoever tries to keep it, however often.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from school_protocol.storage.index_tables import CaseIndexRow
from school_protocol.storage.placing import add_new
from school_protocol.storage.tables import NoticeRow, new_id

LEASE = timedelta(minutes=5)
"""How long what was handed out to be sent is handed out to nobody else."""
NOBODY = ""
"""Stands for the account where a role had nobody who could be told."""


class Channel(StrEnum):
    """The ways in which a message goes out; `none` where there is no way."""

    mail = "mail"
    sms = "sms"
    none = "none"


class State(StrEnum):
    """What became of a notice. `withheld`: whoever it was for may not know of the case any more, or it is over."""

    waiting = "waiting"
    delivered = "delivered"
    no_address = "no_address"
    withheld = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice to one person on one channel; `attempts` counts the present one."""

    id: str
    case_id: str
    cause: str
    role: str
    account: str
    channel: Channel
    urgent: bool
    at: datetime
    state: State
    settled_at: datetime | None
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A notice to be kept: it waits until `due_at` unless its state says that nothing can be sent.

    `due_at`: where this person is told at another time than others are.
    """

    role: str
    account: str = NOBODY
    channel: Channel = Channel.none
    state: State = State.no_address
    due_at: datetime | None = None


def keep(
    session: Session,
    case_id: str,
    cause: str,
    tellings: Iterable[Telling],
    *,
    urgent: bool,
    at: datetime,
    due_at: datetime,
) -> int:
    """Keep what is told for one cause; returns how many of them were new."""
    return sum(_keep(session, case_id, cause, telling, urgent, at, due_at) for telling in tellings)


def _keep(
    session: Session, case_id: str, cause: str, telling: Telling, urgent: bool, at: datetime, due_at: datetime
) -> bool:
    return add_new(
        session,
        NoticeRow,
        id=new_id(),
        case_id=case_id,
        cause=cause,
        role=telling.role,
        account=telling.account,
        channel=telling.channel.value,
        urgent=urgent,
        at=at,
        due_at=telling.due_at or due_at,
        attempts=0,
        state=telling.state.value,
        settled_at=None if telling.state is State.waiting else at,
    )


def causes(session: Session, case_id: str) -> frozenset[str]:
    """For which causes somebody was told in this case, or nobody could be."""
    return frozenset(session.scalars(select(NoticeRow.cause).where(NoticeRow.case_id == case_id).distinct()))


def of_case(session: Session, case_id: str) -> tuple[Notice, ...]:
    """Everything told in a case, the first first."""
    query = select(NoticeRow).where(NoticeRow.case_id == case_id).order_by(NoticeRow.at, NoticeRow.id)
    return tuple(_notice(row) for row in session.scalars(query))


# ---- the work of delivering ----------------------------------------------------------------------------------------


def take(session: Session, now: datetime, channel: Channel, *, lease: timedelta = LEASE) -> tuple[Notice, ...]:
    """What one person is to be told now on one channel, of one kind: the urgent first, then who waited longest.

    It comes back after `lease` unless it is settled. Whoever meets another worker at the first row waits for it, so
    that one person's notices are never shared out among several messages.
    """
    due = (NoticeRow.state == State.waiting.value, NoticeRow.due_at <= now, NoticeRow.channel == channel.value)
    order = (NoticeRow.urgent.desc(), NoticeRow.due_at, NoticeRow.id)
    first = session.scalars(select(NoticeRow).where(*due).order_by(*order).limit(1).with_for_update()).first()
    if first is None:
        return ()
    together = select(NoticeRow).where(*due, NoticeRow.account == first.account, NoticeRow.urgent.is_(first.urgent))
    rows = session.scalars(together.order_by(NoticeRow.due_at, NoticeRow.id).with_for_update()).all()
    for row in rows:
        row.attempts += 1
        row.due_at = now + lease
    session.flush()
    return tuple(_notice(row) for row in rows)


def is_due(session: Session, now: datetime, channel: Channel) -> bool:
    """Whether somebody is to be told something now on that channel."""
    due = (NoticeRow.state == State.waiting.value, NoticeRow.due_at <= now, NoticeRow.channel == channel.value)
    return session.scalar(select(NoticeRow.id).where(*due).limit(1)) is not None


def settle(session: Session, ids: Collection[str], state: State, *, at: datetime) -> None:
    """Say what became of these notices: they won't be handed out again."""
    waiting = (NoticeRow.id.in_(ids), NoticeRow.state == State.waiting.value)
    session.execute(update(NoticeRow).where(*waiting).values(state=state.value, settled_at=at))


def revive(session: Session, account: str, channels: Sequence[Channel], *, since: datetime, at: datetime) -> None:
    """Urgent notices that found no address of this person since then: they wait again, on the ways that there are."""
    query = select(NoticeRow).where(
        NoticeRow.account == account,
        NoticeRow.state == State.no_address.value,
        NoticeRow.urgent.is_(True),
        NoticeRow.at >= since,
    )
    for row in session.scalars(query).all() if channels else ():
        if row.channel in channels:  # it waited for an address that was taken away
            row.state, row.settled_at, row.due_at, row.attempts = State.waiting.value, None, at, 0
            session.flush()
        telling = [
            Telling(role=row.role, account=account, channel=channel, state=State.waiting) for channel in channels
        ]
        keep(session, row.case_id, row.cause, telling, urgent=True, at=row.at, due_at=at)


def put_off(session: Session, ids: Collection[str], until: datetime) -> None:
    """These were not delivered: hand them out again from `until`."""
    waiting = (NoticeRow.id.in_(ids), NoticeRow.state == State.waiting.value)
    session.execute(update(NoticeRow).where(*waiting).values(due_at=until))


def look_again(session: Session, account: str, *, at: datetime) -> None:
    """What can wait and isn't being sent is handed out anew at `at`: this person chose when they are told."""
    waiting = (NoticeRow.state == State.waiting.value, NoticeRow.account == account, NoticeRow.urgent.is_(False))
    session.execute(update(NoticeRow).where(*waiting, NoticeRow.due_at > at + LEASE).values(due_at=at))


def drop_what_is_over(session: Session, account: str, *, but: str, at: datetime) -> None:
    """What can wait, asked for before its case ended, is told to this person no more, save in the role `but`."""
    ended = select(CaseIndexRow.case_id).where(
        CaseIndexRow.case_id == NoticeRow.case_id, CaseIndexRow.ended.is_(True), CaseIndexRow.moved_at > NoticeRow.at
    )
    calm = (NoticeRow.account == account, NoticeRow.state == State.waiting.value, NoticeRow.urgent.is_(False))
    stale = update(NoticeRow).where(*calm, NoticeRow.role != but, ended.exists())
    session.execute(stale.values(state=State.withheld.value, settled_at=at))


def was_gathered_since(session: Session, account: str, moment: datetime, *, now: datetime) -> bool:
    """Whether this person has got a message that was not urgent since then; one dated ahead of `now` doesn't count."""
    query = select(NoticeRow.id).where(
        NoticeRow.account == account,
        NoticeRow.settled_at.between(moment, now),
        NoticeRow.state == State.delivered.value,
        NoticeRow.urgent.is_(False),
    )
    return session.scalar(query.limit(1)) is not None


def waiting(session: Session) -> dict[Channel, int]:
    """How many notices wait on each channel."""
    query = select(NoticeRow.channel, func.count()).where(NoticeRow.state == State.waiting.value)
    return {Channel(channel): count for channel, count in session.execute(query.group_by(NoticeRow.channel))}


def waiting_calmly(session: Session, accounts: Collection[str]) -> int:
    """How many notices wait by mail for these people that are not urgent."""
    calm = (
        NoticeRow.state == State.waiting.value,
        NoticeRow.urgent.is_(False),
        NoticeRow.channel == Channel.mail.value,
    )
    query = select(NoticeRow.account, func.count()).where(*calm).group_by(NoticeRow.account)
    wanted = frozenset(accounts)
    return sum(count for account, count in session.execute(query) if account in wanted) if wanted else 0


def _notice(row: NoticeRow) -> Notice:
    return Notice(
        id=row.id,
        case_id=row.case_id,
        cause=row.cause,
        role=row.role,
        account=row.account,
        channel=Channel(row.channel),
        urgent=row.urgent,
        at=row.at,
        state=State(row.state),
        settled_at=row.settled_at,
        attempts=row.attempts,
    )
