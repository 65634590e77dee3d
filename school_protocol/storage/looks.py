"""Which case files are to be made ahead: said by what was asked for lately, index rows and what was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session

from school_protocol.storage.bulk_tables import PaperLookRow
from school_protocol.storage.index_tables import CaseIndexRow
from school_protocol.storage.paper_tables import AskedPaperRow
from school_protocol.storage.placing import add_new
from school_protocol.storage.tables import EventRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for lately of cases like this one, as the case stands after event `seq`."""

    case_id: str
    account: str
    document: str
    profile: str
    language: str
    seq: int
    tries: int = 0
    """How often it was begun since the case last moved, and did not come to its end."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        return self.case_id, self.account, self.document, self.profile, self.language


def wanted(
    session: Session, *, asked_since: datetime, quiet_since: datetime, now: datetime, limit: int
) -> Sequence[Wanted]:
    """Open cases that nobody has written to since `quiet_since`, with what is to be looked at in them now.

    Those that failed before come last, then what was asked for first: latest first.
    """
    look, asked, case = PaperLookRow, AskedPaperRow, CaseIndexRow
    seen = and_(
        look.case_id == case.case_id, look.account == asked.account, look.document == asked.document,
        look.profile == asked.profile, look.language == asked.language,
    )  # fmt: skip
    tries = func.coalesce(look.tries, 0)
    query = (
        select(
            case.case_id, asked.account, asked.document, asked.profile, asked.language, case.last_seq, tries, look.seq
        )
        .join(case, and_(case.unit == asked.unit, case.ended.is_(False)))
        .join(EventRow, and_(EventRow.case_id == case.case_id, EventRow.seq == case.last_seq))
        .outerjoin(look, seen)
        .where(asked.at >= asked_since, EventRow.at <= quiet_since)
        .where(or_(look.case_id.is_(None), look.seq != case.last_seq, look.until <= now))
        .order_by(tries, asked.at.desc(), case.case_id, asked.account, asked.document, asked.profile, asked.language)
        .limit(limit)
    )
    return [
        Wanted(case_id, account, document, profile, language, seq, tried if looked == seq else 0)
        for case_id, account, document, profile, language, seq, tried, looked in session.execute(query)
    ]


def begin(session: Session, one: Wanted, until: datetime) -> bool:
    """Whether this worker is the one that looks; nobody else does before `until`, and it counts as a try till `end`."""
    row = session.get(PaperLookRow, one.key, with_for_update=True, populate_existing=True)
    before = row.tries if row is not None and row.seq == one.seq else 0
    if before != one.tries:
        return False
    if row is None:
        return _is_first(session, one, until)
    row.seq, row.until, row.tries = one.seq, until, one.tries + 1
    session.flush()
    return True


def _is_first(session: Session, one: Wanted, until: datetime) -> bool:
    """Whether nobody began to look at the same moment: a row that isn't there yet can't be locked."""
    case_id, account, document, profile, language = one.key
    return add_new(
        session, PaperLookRow, case_id=case_id, account=account, document=document, profile=profile,
        language=language, seq=one.seq, until=until, tries=one.tries + 1,
    )  # fmt: skip


def end(session: Session, one: Wanted, until: datetime, *, failed: bool = False) -> None:
    """It was looked at: nothing is to be done before `until`, unless the case moves."""
    row = session.get(PaperLookRow, one.key, populate_existing=True)
    if row is not None and row.seq == one.seq:
        row.until, row.tries = until, row.tries if failed else 0
        session.flush()


def forget(session: Session, one: Wanted) -> None:
    """It was not looked at after all: the next one to come does."""
    case_id, account, document, profile, language = one.key
    row = PaperLookRow
    session.execute(
        delete(row).where(
            row.case_id == case_id, row.account == account, row.document == document, row.profile == profile,
            row.language == language,
        )
    )  # fmt: skip


def drop_looks(session: Session, before: datetime) -> None:
    """Forget what was due before that moment and was not looked at: its case ended, or nobody asks any more."""
    session.execute(delete(PaperLookRow).where(PaperLookRow.until < before))
