"""Scenarios that trainers brought: kept, checked, offered in place of the one before, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session, defer

from school_protocol.domain.errors import Unseen
from school_protocol.storage.tables import new_id
from school_protocol.storage.workshops.tables import UploadRow

FILE_MOST = 120


class UploadState(StrEnum):
    waiting = "waiting"
    refused = "refused"
    ready = "ready"
    replaced = "replaced"
    withdrawn = "withdrawn"


WERE_READY = (UploadState.ready, UploadState.replaced, UploadState.withdrawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file. `scenario`, `version`, `title` and `minutes` are known once it was found to be playable."""

    id: str
    account: str | None
    file: str
    content: bytes = field(repr=False)
    digest: str
    at: datetime
    state: UploadState
    settled_at: datetime | None
    scenario: str
    version: int
    title: Mapping[str, str]
    minutes: int
    faults: tuple[tuple[int, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What a playable file says of itself."""

    scenario: str
    version: int
    title: Mapping[str, str]
    minutes: int


def add(session: Session, *, account: str | None, file: str, content: bytes, digest: str, at: datetime) -> str:
    """Keep a file that is to be checked; returns its id."""
    row = UploadRow(
        id=new_id(), account=account, file=file[:FILE_MOST], content=content, digest=digest, at=at,
        state=UploadState.waiting.value, taken_at=None, settled_at=None, scenario="", version=0, title={}, minutes=0,
        faults=[],
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def find(session: Session, upload: str) -> Upload | None:
    """The upload with that id."""
    row = session.get(UploadRow, upload, populate_existing=True)
    return None if row is None else _upload(row)


def of_account(session: Session, account: str | None, *, limit: int) -> tuple[Upload, ...]:
    """What one trainer brought, or what was brought to a laptop, latest first, without the bytes."""
    query = select(UploadRow).where(_of(account)).options(defer(UploadRow.content))
    rows = session.scalars(query.order_by(UploadRow.at.desc(), UploadRow.id).limit(limit))
    return tuple(_upload(row, b"") for row in rows)


def same(session: Session, account: str | None, digest: str) -> str | None:
    """The file of the same bytes, of the same trainer, that waits or is offered."""
    query = select(UploadRow.id).where(
        _of(account), UploadRow.digest == digest,
        UploadRow.state.in_([UploadState.waiting.value, UploadState.ready.value]),
    )  # fmt: skip
    return session.scalars(query.order_by(UploadRow.at.desc()).limit(1)).one_or_none()


def count(session: Session, account: str | None, state: UploadState) -> int:
    """How many files of one trainer stand so."""
    query = select(func.count()).where(_of(account), UploadRow.state == state.value)
    return session.scalar(query) or 0


def with_digest(session: Session, digest: str) -> Upload | None:
    """Any file of these bytes that was once found to be playable."""
    query = select(UploadRow).where(
        UploadRow.digest == digest, UploadRow.state.in_([state.value for state in WERE_READY])
    )
    row = session.scalars(query.order_by(UploadRow.at).limit(1)).one_or_none()
    return None if row is None else _upload(row)


# ---- checked -------------------------------------------------------------------------------------------------------


def take(session: Session, *, now: datetime, left_since: datetime) -> str | None:
    """The file that has waited longest and that nobody is checking, from now on taken by the caller; or None."""
    free = or_(UploadRow.taken_at.is_(None), UploadRow.taken_at < left_since)
    waits = (UploadRow.state == UploadState.waiting.value, free)
    query = select(UploadRow.id).where(*waits).order_by(UploadRow.at, UploadRow.id)
    for upload in session.scalars(query.limit(20)).all():
        taken: Any = session.execute(update(UploadRow).where(UploadRow.id == upload, *waits).values(taken_at=now))
        if taken.rowcount == 1:
            return str(upload)
    return None


def refuse(session: Session, upload: str, faults: Sequence[tuple[int, Any]], *, at: datetime) -> bool:
    """It can't be played, for these reasons; False where it waits no more."""
    values = {"state": UploadState.refused.value, "settled_at": at, "faults": [list(one) for one in faults]}
    return _settle(session, upload, UploadState.waiting, values)


def before(session: Session, account: str | None, scenario: str) -> tuple[int, frozenset[str]]:
    """The highest version that this trainer ever had of a scenario (0: none), and the digests of that version."""
    query = select(UploadRow.version, UploadRow.digest).where(
        _of(account), UploadRow.scenario == scenario, UploadRow.state.in_([state.value for state in WERE_READY])
    )
    found = [(version, digest) for version, digest in session.execute(query)]
    most = max((version for version, _digest in found), default=0)
    return most, frozenset(digest for version, digest in found if version == most)


def offer(session: Session, upload: Upload, told: Told, *, at: datetime) -> bool:
    """It can be played: it stands in the trainer's list, in place of an earlier one of that name."""
    values = {
        "state": UploadState.ready.value, "settled_at": at, "scenario": told.scenario, "version": told.version,
        "title": dict(told.title), "minutes": told.minutes,
    }  # fmt: skip
    if not _settle(session, upload.id, UploadState.waiting, values):
        return False
    earlier = update(UploadRow).where(
        _of(upload.account), UploadRow.scenario == told.scenario, UploadRow.id != upload.id,
        UploadRow.state == UploadState.ready.value,
    )  # fmt: skip
    session.execute(earlier.values(state=UploadState.replaced.value))
    return True


def withdraw(session: Session, upload: str, *, at: datetime) -> bool:
    """It is offered no more; False where it was not."""
    return _settle(session, upload, UploadState.ready, {"state": UploadState.withdrawn.value, "settled_at": at})


def drop_refused(session: Session, account: str | None, *, keep: int) -> None:
    """Files of this trainer that were refused go, but for the latest."""
    refused = (_of(account), UploadRow.state == UploadState.refused.value)
    latest = select(UploadRow.id).where(*refused).order_by(UploadRow.at.desc(), UploadRow.id).limit(keep)
    session.execute(delete(UploadRow).where(*refused, UploadRow.id.not_in(list(session.scalars(latest)))))


def _settle(session: Session, upload: str, state: UploadState, values: Mapping[str, Any]) -> bool:
    done: Any = session.execute(
        update(UploadRow).where(UploadRow.id == upload, UploadRow.state == state.value).values(dict(values))
    )
    return int(done.rowcount) == 1


def _of(account: str | None) -> ColumnElement[bool]:
    return UploadRow.account.is_(None) if account is None else UploadRow.account == account


def _upload(row: UploadRow, content: bytes | None = None) -> Upload:
    return Upload(
        id=row.id, account=row.account, file=row.file, content=row.content if content is None else content,
        digest=row.digest, at=row.at, state=UploadState(row.state), settled_at=row.settled_at, scenario=row.scenario,
        version=row.version, title=dict(row.title), minutes=row.minutes,
        faults=tuple((line, said) for line, said in row.faults),
    )  # fmt: skip


def own(session: Session, account: str | None, upload: str) -> Upload:
    """A file that this trainer brought. Raises Unseen: another's is absent."""
    found = find(session, upload)
    if found is None or found.account != account:
        raise Unseen(upload)
    return found
