"""How often somebody wants to be told of what can wait."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.storage.digests.tables import DigestChoiceRow


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


def of(session: Session, accounts: Collection[str]) -> dict[str, Choice]:
    """What each of these people chose; whoever chose nothing isn't named."""
    query = select(DigestChoiceRow).where(DigestChoiceRow.account.in_(accounts))
    rows = session.scalars(query) if accounts else ()
    return {row.account: Choice(Every(row.every), row.day, row.chosen_at) for row in rows}


def accounts(session: Session, every: Every) -> tuple[str, ...]:
    """Who chose to be told that often."""
    return tuple(session.scalars(select(DigestChoiceRow.account).where(DigestChoiceRow.every == every.value)))


def keep(session: Session, account: str, choice: Choice, *, at: datetime) -> None:
    """Keep what somebody chose, in the place of what they chose before."""
    session.merge(DigestChoiceRow(account=account, every=choice.every.value, day=choice.day, chosen_at=at))
    session.flush()
