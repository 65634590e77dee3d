"""Files that may become a version of a protocol: their bytes, where each stands, and what was worked out about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from school_protocol.cases.models import CaseIndexRow
from school_protocol.engine.errors import Fault, Unseen
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.models import DefinitionDraftRow, DefinitionRow
from school_protocol.storage.models import is_genuine, new_id

FILE_MOST = 120


class DraftState(StrEnum):
    uploaded = "uploaded"
    proposed = "proposed"
    published = "published"
    withdrawn = "withdrawn"


OPEN = (DraftState.uploaded, DraftState.proposed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionDraft:
    """A file that somebody brought. `protocol` is empty and `version` 0 where the file can't be read as one."""

    id: str
    protocol: str
    version: int
    digest: str
    content: bytes = field(repr=False)
    file: str
    account: str
    at: datetime
    state: DraftState
    faults: tuple[Fault, ...]
    base: str
    report: Mapping[str, Any] | None = field(repr=False)
    proposed_at: datetime | None
    agreed_by: str | None
    settled_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def add(
    session: Session,
    *,
    protocol: str,
    version: int,
    digest: str,
    content: bytes,
    file: str,
    account: str,
    at: datetime,
    faults: Sequence[Fault],
    base: str,
) -> str:
    """Keep the bytes that somebody brought; returns the draft's id."""
    row = DefinitionDraftRow(
        id=new_id(),
        protocol=protocol,
        version=version,
        digest=digest,
        content=content,
        file=file[:FILE_MOST],
        account=account,
        at=at,
        state=DraftState.uploaded.value,
        faults=[[fault.line, fault.message] for fault in faults],
        base=base,
    )
    session.add(row)
    session.flush()
    return row.id


def draft(session: Session, draft_id: str) -> DefinitionDraft:
    """The draft with that id; raises Unseen."""
    row = session.get(DefinitionDraftRow, draft_id, populate_existing=True)
    if row is None:
        raise Unseen(draft_id)
    return _draft(row)


def for_change(session: Session, draft_id: str) -> DefinitionDraft:
    """The draft, and nobody else changes it until this transaction ends."""
    query = select(DefinitionDraftRow).where(DefinitionDraftRow.id == draft_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise Unseen(draft_id)
    return _draft(row)


def open_with(session: Session, digest: str, account: str) -> str | None:
    """An open draft of the same bytes, brought by the same person."""
    query = select(DefinitionDraftRow.id).where(
        DefinitionDraftRow.digest == digest,
        DefinitionDraftRow.account == account,
        DefinitionDraftRow.state.in_([state.value for state in OPEN]),
    )
    return session.scalars(query.limit(1)).one_or_none()


def drafts(session: Session, states: Collection[DraftState], *, limit: int) -> tuple[DefinitionDraft, ...]:
    """Drafts in these states, newest first, without their bytes."""
    query = select(DefinitionDraftRow).where(DefinitionDraftRow.state.in_([state.value for state in states]))
    query = query.options(defer(DefinitionDraftRow.content)).order_by(DefinitionDraftRow.at.desc())
    return tuple(_draft(row, b"") for row in session.scalars(query.limit(limit)))


def published_from(session: Session) -> dict[tuple[str, int], DefinitionDraft]:
    """Protocol and version → the draft that became it, without its bytes."""
    found = drafts(session, [DraftState.published], limit=10_000)
    return {(each.protocol, each.version): each for each in found}


# ---- worked out ----------------------------------------------------------------------------------------------------


def to_work_out(session: Session, *, now: datetime, left_since: datetime) -> tuple[str, ...]:
    """Ids of open drafts that can be read and about which nothing is worked out yet, or is being; oldest first."""
    query = select(DefinitionDraftRow.id).where(
        DefinitionDraftRow.state.in_([state.value for state in OPEN]),
        DefinitionDraftRow.protocol != "",
        DefinitionDraftRow.report.is_(None),
        or_(DefinitionDraftRow.taken_at.is_(None), DefinitionDraftRow.taken_at < left_since),
        DefinitionDraftRow.at <= now,
    )
    return tuple(session.scalars(query.order_by(DefinitionDraftRow.at)))


def take(session: Session, draft_id: str, *, now: datetime, left_since: datetime) -> bool:
    """Whether this worker is the one that works it out."""
    free = or_(DefinitionDraftRow.taken_at.is_(None), DefinitionDraftRow.taken_at < left_since)
    statement = update(DefinitionDraftRow).where(
        DefinitionDraftRow.id == draft_id,
        DefinitionDraftRow.report.is_(None),
        DefinitionDraftRow.state.in_([state.value for state in OPEN]),
        free,
    )
    return _changed(session, statement.values(taken_at=now))


def stay(session: Session, draft_id: str, *, now: datetime) -> None:
    """Whoever works it out is still at it."""
    statement = update(DefinitionDraftRow).where(
        DefinitionDraftRow.id == draft_id, DefinitionDraftRow.taken_at.is_not(None)
    )
    _changed(session, statement.values(taken_at=now))


def keep_report(session: Session, draft_id: str, report: Mapping[str, Any], *, base: str) -> bool:
    """Keep what was worked out against that base; False where the draft was settled or looks at another one by now."""
    statement = update(DefinitionDraftRow).where(
        DefinitionDraftRow.id == draft_id,
        DefinitionDraftRow.base == base,
        DefinitionDraftRow.state.in_([state.value for state in OPEN]),
    )
    return _changed(session, statement.values(report=dict(report), taken_at=None))


def compare_with(session: Session, draft_id: str, base: str) -> bool:
    """Look at the draft anew, against the version that is current now; it is not proposed any more."""
    return _change(
        session,
        draft_id,
        OPEN,
        base=base,
        report=None,
        taken_at=None,
        state=DraftState.uploaded.value,
        proposed_at=None,
    )


# ---- settled -------------------------------------------------------------------------------------------------------


def propose(session: Session, draft_id: str, *, at: datetime) -> bool:
    """Ask a second person to agree; False where it does not wait for that."""
    return _change(session, draft_id, [DraftState.uploaded], state=DraftState.proposed.value, proposed_at=at)


def withdraw(session: Session, draft_id: str, *, at: datetime) -> bool:
    """It won't be a version; False where it is settled already."""
    return _change(session, draft_id, OPEN, state=DraftState.withdrawn.value, settled_at=at)


def publish(session: Session, found: DefinitionDraft, *, agreed_by: str, at: datetime) -> bool:
    """The version that a proposed draft becomes, as the current one; False where another was published meanwhile.

    All or nothing: the caller's transaction holds both rows, and what its database refuses leaves neither.
    """
    if current_digest(session, found.protocol, locked=True) != found.base:
        return False
    values = {"state": DraftState.published.value, "agreed_by": agreed_by, "settled_at": at}
    try:
        with session.begin_nested():
            if not _change(session, found.id, [DraftState.proposed], **values):
                return False
            protocol_repository.publish(
                session,
                protocol=found.protocol,
                version=found.version,
                digest=found.digest,
                content=found.content,
                published_at=at,
            )
    except IntegrityError:
        return False
    return True


def current_digest(session: Session, protocol: str, *, locked: bool = False) -> str:
    """The digest of the version under which cases open now; empty where there is none."""
    query = select(DefinitionRow.digest).where(DefinitionRow.protocol == protocol, DefinitionRow.is_current.is_(True))
    return session.scalars(query.with_for_update() if locked else query).one_or_none() or ""


def latest_version(session: Session, protocol: str) -> int:
    """The highest version that was ever published; 0 for none."""
    return session.scalar(select(func.max(DefinitionRow.version)).where(DefinitionRow.protocol == protocol)) or 0


def _change(session: Session, draft_id: str, states: Collection[DraftState], **values: Any) -> bool:
    """False where it stands elsewhere by now, or somebody without the keys wrote where it stands."""
    row = session.get(DefinitionDraftRow, draft_id, with_for_update=True, populate_existing=True)
    if row is None or row.state not in states or not is_genuine(session, DefinitionDraftRow, row):
        return False
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return True


def _changed(session: Session, statement: Any) -> bool:
    found: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(found.rowcount) == 1


def _draft(row: DefinitionDraftRow, content: bytes | None = None) -> DefinitionDraft:
    return DefinitionDraft(
        id=row.id,
        protocol=row.protocol,
        version=row.version,
        digest=row.digest,
        content=row.content if content is None else content,
        file=row.file,
        account=row.account,
        at=row.at,
        state=DraftState(row.state),
        faults=tuple(Fault(line, message) for line, message in row.faults),
        base=row.base,
        report=row.report,
        proposed_at=row.proposed_at,
        agreed_by=row.agreed_by,
        settled_at=row.settled_at,
    )


# ---- open cases that follow a version ------------------------------------------------------------------------------


def open_on_version(
    session: Session, protocol: str, version: int, *, limit: int, after: str = ""
) -> list[tuple[str, str]]:
    """Id and number of the open cases that follow that version, by their id; `after` is the last one known."""
    query = select(CaseIndexRow.case_id, CaseIndexRow.number).where(
        CaseIndexRow.protocol == protocol,
        CaseIndexRow.version == version,
        CaseIndexRow.ended.is_(False),
        CaseIndexRow.case_id > after,
    )
    return [(row.case_id, row.number) for row in session.execute(query.order_by(CaseIndexRow.case_id).limit(limit))]


def count_open(session: Session, protocol: str, version: int) -> int:
    """How many open cases follow that version."""
    follows = (CaseIndexRow.protocol == protocol, CaseIndexRow.version == version, CaseIndexRow.ended.is_(False))
    return session.scalar(select(func.count()).select_from(CaseIndexRow).where(*follows)) or 0
