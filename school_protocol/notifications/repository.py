"""Repository of notifications: choices, calendar addresses, a demo's mails, what was told, what the sweep looks at."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, or_, select, union, update
from sqlalchemy.orm import Session

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow, Channel
from school_protocol.cases.index_repository import NEVER_DUE
from school_protocol.cases.models import CaseDueRow, CaseIndexRow, CaseLookRow, CaseReferralRow
from school_protocol.mail import Letter
from school_protocol.notifications.models import CalendarFeedRow, DemoLetterRow, DigestChoiceRow, NoticeRow
from school_protocol.storage.engines import cached
from school_protocol.storage.models import DemoMarkRow, is_genuine, new_id
from school_protocol.storage.sql import add_new, is_demo


class Every(StrEnum):
    """How often. What is urgent leaves at once, whichever of these is chosen."""

    at_once = "at_once"
    school_days = "school_days"
    weekly = "weekly"
    urgent_only = "urgent_only"


@dataclass(frozen=True, slots=True)
class Choice:
    """How often, and on which day of the week (Monday 0) where it is once a week."""

    every: Every = Every.school_days
    day: int = 0
    chosen_at: datetime | None = field(default=None, compare=False)


USUAL = Choice()


def choice_of(session: Session, accounts: Collection[str]) -> dict[str, Choice]:
    """What each of these people chose; whoever chose nothing isn't named."""
    return _choice_of(session, tuple(sorted(accounts)))


@cached
def _choice_of(session: Session, accounts: tuple[str, ...]) -> dict[str, Choice]:
    query = select(DigestChoiceRow).where(DigestChoiceRow.account.in_(accounts))
    rows = session.scalars(query) if accounts else ()
    return {row.account: Choice(Every(row.every), row.day, row.chosen_at) for row in rows}


def accounts(session: Session, every: Every) -> tuple[str, ...]:
    """Who chose to be told that often."""
    return tuple(session.scalars(select(DigestChoiceRow.account).where(DigestChoiceRow.every == every.value)))


def keep_choice(session: Session, account: str, choice: Choice, *, at: datetime) -> None:
    """Keep what somebody chose, in the place of what they chose before."""
    session.merge(DigestChoiceRow(account=account, every=choice.every.value, day=choice.day, chosen_at=at))
    session.flush()


# ---- addresses of calendars: one a person, kept as a hash ----------------------------------------------------------


def make_feed(session: Session, account: str, *, at: datetime) -> str:
    """A new address in the place of the one before; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    session.merge(
        CalendarFeedRow(account=account, hashed=_hashed(token), made_at=at, read_at=None, counted_from=at, reads=0)
    )
    session.flush()
    return token


def end_feed(session: Session, account: str) -> bool:
    """Take somebody's address away; whether there was one."""
    row = session.get(CalendarFeedRow, account)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def feed_of(session: Session, account: str) -> CalendarFeedRow | None:
    """Since when somebody has an address, and when it was last read."""
    return session.get(CalendarFeedRow, account)


def is_known(session: Session, token: str) -> bool:
    """Whether this is somebody's address."""
    return session.scalar(select(CalendarFeedRow.account).where(CalendarFeedRow.hashed == _hashed(token))) is not None


def read_feed(session: Session, token: str, *, at: datetime, most: int, window: timedelta) -> tuple[str, bool] | None:
    """Whose address this is, and whether it may be read once more now: `most` times in a window. None: nobody's."""
    found = select(CalendarFeedRow).where(CalendarFeedRow.hashed == _hashed(token)).with_for_update()
    row = session.scalars(found).first()
    if row is None or not is_genuine(session, CalendarFeedRow, row):
        return None
    if not row.counted_from <= at < row.counted_from + window:
        row.counted_from, row.reads = at, 0
    if row.reads >= most:
        return row.account, False
    row.reads += 1
    row.read_at = at
    session.flush()
    return row.account, True


def _hashed(token: str) -> bytes:
    return hashlib.sha256(b"calendar\0" + token.encode("utf-8", "surrogatepass")).digest()


# ---- the mails that a demo shows, and the mark by which a demo is known --------------------------------------------

MOST = 100
"""So many are kept: the oldest go."""


def mark_as_demo(session: Session, *, at: datetime) -> None:
    """Say that everything here is made up."""
    if not is_demo(session):
        session.add(DemoMarkRow(id=1, made_at=at))
        session.flush()


def keep_letter(session: Session, receiver: str, letter: Letter) -> None:
    """Keep a mail once, however often it is brought."""
    if session.get(DemoLetterRow, letter.id) is not None:
        return
    session.add(
        DemoLetterRow(
            id=letter.id, receiver=receiver, at=letter.at, language=letter.language, subject=letter.subject,
            text=letter.text,
        )
    )  # fmt: skip
    session.flush()
    newest = select(DemoLetterRow.id).order_by(DemoLetterRow.at.desc(), DemoLetterRow.id.desc()).limit(MOST)
    session.execute(delete(DemoLetterRow).where(DemoLetterRow.id.not_in(session.scalars(newest).all())))


def latest_letter(session: Session) -> tuple[DemoLetterRow, ...]:
    """Every mail that is kept, latest first."""
    return tuple(session.scalars(select(DemoLetterRow).order_by(DemoLetterRow.at.desc(), DemoLetterRow.id.desc())))


def names(session: Session, addresses: Collection[str], language: str) -> dict[str, str]:
    """Whose addresses these are, by name."""
    ids = session.scalars(select(AccountRow.id).where(AccountRow.email.in_(addresses))).all() if addresses else ()
    known = auth_repository.accounts(session, ids)
    return {account.email: account.name(language) for account in known.values() if account.email}


# ---- what was told to whom: ids, keys and moments only -------------------------------------------------------------
# A row that waits is also the work of delivering it. It stands once for its case, cause, role, person and channel.

LEASE = timedelta(minutes=5)
"""How long what was handed out to be sent is handed out to nobody else."""
NOBODY = ""
"""Stands for the account where a role had nobody who could be told."""


class State(StrEnum):
    """What became of a notice. `withheld`: whoever it was for may not know of the case any more, or it is over."""

    waiting = "waiting"
    delivered = "delivered"
    no_address = "no_address"
    withheld = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDraft:
    """A notice to be kept: it waits until `due_at` unless its state says that nothing can be sent.

    `due_at`: where this person is told at another time than others are.
    """

    role: str
    account: str = NOBODY
    channel: Channel = Channel.none
    state: State = State.no_address
    due_at: datetime | None = None


def keep_notice(
    session: Session,
    case_id: str,
    cause: str,
    tellings: Iterable[NoticeDraft],
    *,
    urgent: bool,
    at: datetime,
    due_at: datetime,
) -> int:
    """Keep what is told for one cause; returns how many of them were new."""
    return sum(_keep(session, case_id, cause, telling, urgent, at, due_at) for telling in tellings)


def _keep(
    session: Session, case_id: str, cause: str, telling: NoticeDraft, urgent: bool, at: datetime, due_at: datetime
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


def notices_of_case(session: Session, case_id: str) -> tuple[NoticeRow, ...]:
    """Everything told in a case, the first first."""
    query = select(NoticeRow).where(NoticeRow.case_id == case_id)
    return tuple(session.scalars(query.order_by(NoticeRow.at, NoticeRow.id)))


# ---- the work of delivering ----------------------------------------------------------------------------------------


def take_notice(
    session: Session, now: datetime, channel: Channel, *, lease: timedelta = LEASE
) -> tuple[NoticeRow, ...]:
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
    return tuple(rows)


def is_due(session: Session, now: datetime, channel: Channel) -> bool:
    """Whether somebody is to be told something now on that channel."""
    due = (NoticeRow.state == State.waiting.value, NoticeRow.due_at <= now, NoticeRow.channel == channel.value)
    return session.scalar(select(NoticeRow.id).where(*due).limit(1)) is not None


def settle_notice(session: Session, ids: Collection[str], state: State, *, at: datetime) -> None:
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
            NoticeDraft(role=row.role, account=account, channel=channel, state=State.waiting) for channel in channels
        ]
        keep_notice(session, row.case_id, row.cause, telling, urgent=True, at=row.at, due_at=at)


def put_off_notice(session: Session, ids: Collection[str], until: datetime) -> None:
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


def waiting_notices(session: Session) -> dict[Channel, int]:
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


# ---- which cases the sweep has to look at --------------------------------------------------------------------------
# Said by index rows alone, so that few cases are opened each minute.


def to_look_at(session: Session, deadlines: Collection[str], now: datetime, *, limit: int) -> list[str]:
    """Cases in which one of these deadlines runs, or a service is silent, and that moved on since they were looked at.

    So too those whose moment came.
    """
    running = select(CaseDueRow.case_id).where(CaseDueRow.planned.is_(False), CaseDueRow.key.in_(deadlines))
    silent = select(CaseReferralRow.case_id).where(CaseReferralRow.awaits, CaseReferralRow.order_at <= now)
    found = union(running, silent).subquery()
    query = (
        select(found.c.case_id)
        .outerjoin(CaseLookRow, CaseLookRow.case_id == found.c.case_id)
        .where(or_(CaseLookRow.case_id.is_(None), CaseLookRow.next_at <= now))
        .order_by(found.c.case_id)
        .limit(limit)
    )
    return list(session.scalars(query))


def looked(session: Session, case_id: str, last_seq: int, next_at: datetime | None) -> None:
    """The case was looked at as it stood after event `last_seq`; look again at `next_at`, or once it moves on.

    Nothing is kept where it has moved on already.
    """
    found = select(CaseIndexRow.last_seq).where(CaseIndexRow.case_id == case_id).with_for_update()
    if session.scalar(found) == last_seq:
        session.merge(CaseLookRow(case_id=case_id, next_at=next_at or NEVER_DUE))
        session.flush()


def open_cases(session: Session, *, after: str, limit: int) -> list[str]:
    """Cases that have not ended, by id, from after the last one of the page before."""
    query = select(CaseIndexRow.case_id).where(CaseIndexRow.case_id > after, CaseIndexRow.ended.is_(False))
    return list(session.scalars(query.order_by(CaseIndexRow.case_id).limit(limit)))


def put_off_watch(session: Session, case_id: str, until: datetime) -> None:
    """The case could not be looked at: try again from `until`."""
    if session.get(CaseIndexRow, case_id) is not None:
        session.merge(CaseLookRow(case_id=case_id, next_at=until))
        session.flush()
