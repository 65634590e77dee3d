"""The mails that a demo shows in the place of sending them; and the mark by which a demo is known."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from school_protocol.storage import directory
from school_protocol.storage.digests.tables import DemoLetterRow, DemoMarkRow
from school_protocol.storage.tables import AccountRow

MOST = 100
"""So many are kept: the oldest go."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail that would have left."""

    id: str
    receiver: str
    at: datetime
    language: str
    subject: str
    text: str


def mark_as_demo(session: Session, *, at: datetime) -> None:
    """Say that everything here is made up."""
    if not is_demo(session):
        session.add(DemoMarkRow(id=1, made_at=at))
        session.flush()


def is_demo(session: Session) -> bool:
    """Whether everything here is made up."""
    return session.get(DemoMarkRow, 1) is not None


def keep(session: Session, letter: Shown) -> None:
    """Keep a mail once, however often it is brought."""
    if session.get(DemoLetterRow, letter.id) is not None:
        return
    session.add(
        DemoLetterRow(
            id=letter.id, receiver=letter.receiver, at=letter.at, language=letter.language, subject=letter.subject,
            text=letter.text,
        )
    )  # fmt: skip
    session.flush()
    newest = select(DemoLetterRow.id).order_by(DemoLetterRow.at.desc(), DemoLetterRow.id.desc()).limit(MOST)
    session.execute(delete(DemoLetterRow).where(DemoLetterRow.id.not_in(session.scalars(newest).all())))


def latest(session: Session) -> tuple[Shown, ...]:
    """Every mail that is kept, latest first."""
    query = select(DemoLetterRow).order_by(DemoLetterRow.at.desc(), DemoLetterRow.id.desc())
    return tuple(
        Shown(row.id, row.receiver, row.at, row.language, row.subject, row.text) for row in session.scalars(query)
    )


def names(session: Session, addresses: Collection[str], language: str) -> dict[str, str]:
    """Whose addresses these are, by name."""
    ids = session.scalars(select(AccountRow.id).where(AccountRow.email.in_(addresses))).all() if addresses else ()
    known = directory.accounts(session, ids)
    return {account.email: account.name(language) for account in known.values() if account.email}
