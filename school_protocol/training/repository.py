"""Repository of workshops: the list, debriefs that stay, printed kits, scenarios that trainers brought.

Debriefs are compressed, and read one workshop at a time.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session, defer

from school_protocol.engine.errors import Unseen
from school_protocol.storage.models import new_id
from school_protocol.storage.sql import add_new
from school_protocol.training.models import DebriefRow, KitRow, UploadRow, WorkshopRow


@dataclass(frozen=True, slots=True)
class Kept:
    """A workshop's debriefs: the file that was played, that of its protocol where nobody published it, the tables."""

    at: datetime
    scenario: bytes = field(repr=False)
    protocol: bytes | None = field(repr=False)
    tables: Mapping[str, str] = field(repr=False)
    """Table → its debrief, as JSON."""


def keep_debrief(session: Session, workshop: str, kept: Kept) -> None:
    """Keep the debriefs of a workshop, in place of what was kept of it before."""
    row = session.get(DebriefRow, workshop) or DebriefRow(workshop=workshop)
    row.at, row.scenario = kept.at, zlib.compress(kept.scenario, 9)
    row.tables = zlib.compress(json.dumps(dict(kept.tables)).encode(), 9)
    row.protocol = zlib.compress(kept.protocol, 9) if kept.protocol is not None else None
    session.add(row)
    session.flush()


def has_debrief(session: Session, workshop: str) -> bool:
    """Whether debriefs of a workshop are kept."""
    return session.scalar(select(DebriefRow.workshop).where(DebriefRow.workshop == workshop)) is not None


def find_debrief(session: Session, workshop: str) -> Kept | None:
    """The debriefs that are kept of a workshop."""
    row = session.get(DebriefRow, workshop)
    if row is None:
        return None
    protocol = zlib.decompress(row.protocol) if row.protocol is not None else None
    return Kept(row.at, zlib.decompress(row.scenario), protocol, json.loads(zlib.decompress(row.tables)))


# ---- printed kits: asked for once each, made by whoever takes them, kept for a while -------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a kit is made of: the scenario's file, the digest of its protocol's, the language."""

    id: str
    scenario: bytes = field(repr=False)
    protocol: str
    language: str


def ask(session: Session, wanted: Wanted, *, at: datetime) -> None:
    """It is to be made, unless it is there or waits already; one that could not be made is tried anew."""
    values = {"asked_at": at, "taken_at": None, "settled_at": None, "data": None}
    told = {"id": wanted.id, "scenario": wanted.scenario, "protocol": wanted.protocol, "language": wanted.language}
    if not add_new(session, KitRow, **told, **values):
        failed = (KitRow.id == wanted.id, KitRow.settled_at.is_not(None), KitRow.data.is_(None))
        session.execute(update(KitRow).where(*failed).values(values))


def stands(session: Session, kit: str) -> tuple[bool, bool] | None:
    """Whether it is settled, and whether it was made; None: nobody asked for it."""
    query = select(KitRow.settled_at.is_not(None), KitRow.data.is_not(None)).where(KitRow.id == kit)
    found = session.execute(query).one_or_none()
    return None if found is None else (bool(found[0]), bool(found[1]))


def data_of(session: Session, kit: str) -> bytes | None:
    """The PDF, once it was made."""
    return session.scalar(select(KitRow.data).where(KitRow.id == kit))


def has_work(session: Session, *, before: datetime) -> bool:
    """Whether one waits, or one that was settled before then is to go."""
    query = select(KitRow.id).where(or_(KitRow.settled_at.is_(None), KitRow.settled_at < before)).limit(1)
    return session.scalar(query) is not None


def take_kits(session: Session, *, now: datetime, left_since: datetime) -> Wanted | None:
    """The one that has waited longest and that nobody is making, from now on taken by the caller; or None."""
    waits = (KitRow.settled_at.is_(None), or_(KitRow.taken_at.is_(None), KitRow.taken_at < left_since))
    for row in session.scalars(select(KitRow).where(*waits).order_by(KitRow.asked_at, KitRow.id).limit(20)).all():
        wanted = Wanted(row.id, row.scenario, row.protocol, row.language)
        taken: Any = session.execute(update(KitRow).where(KitRow.id == row.id, *waits).values(taken_at=now))
        if taken.rowcount == 1:
            return wanted
    return None


def settle(session: Session, kit: str, data: bytes | None, *, at: datetime) -> None:
    """It was made; None: it can't be."""
    session.execute(update(KitRow).where(KitRow.id == kit).values(settled_at=at, data=data))


def drop_outdated(session: Session, before: datetime) -> None:
    """Those that were made, or not to be made, before then go."""
    session.execute(delete(KitRow).where(KitRow.settled_at < before))


# ---- the list: found by code or trainer, ended, purged -------------------------------------------------------------


def add_workshop(session: Session, workshop: WorkshopRow) -> None:
    """Put a workshop on the list."""
    session.add(workshop)
    session.flush()


def find_workshop(session: Session, workshop: str) -> WorkshopRow | None:
    """The workshop with that id."""
    return session.get(WorkshopRow, workshop)


def counts_of(session: Session, workshops: Collection[str], protocol: str) -> tuple[Mapping[str, Any], ...]:
    """What is kept of those with these ids that were played on that protocol."""
    mine = WorkshopRow.id.in_(list(workshops)), WorkshopRow.protocol == protocol
    return tuple(kept or {} for kept in session.scalars(select(WorkshopRow.kept).where(*mine)))


def with_code(session: Session, code: str) -> WorkshopRow | None:
    """The workshop to which that code leads, or once led."""
    return session.scalar(select(WorkshopRow).where(WorkshopRow.code == code))


def of_trainer(session: Session, trainer: str | None, *, limit: int) -> tuple[WorkshopRow, ...]:
    """The workshops of one trainer, or a laptop's, latest first."""
    mine = WorkshopRow.trainer.is_(None) if trainer is None else WorkshopRow.trainer == trainer
    query = select(WorkshopRow).where(mine).order_by(WorkshopRow.created_at.desc(), WorkshopRow.id).limit(limit)
    return tuple(session.scalars(query))


def standing(session: Session) -> tuple[str, ...]:
    """The ids of those whose rooms have not been purged."""
    return tuple(session.scalars(select(WorkshopRow.id).where(WorkshopRow.purged_at.is_(None))))


def to_purge(session: Session, now: datetime) -> tuple[WorkshopRow, ...]:
    """Those whose time is over."""
    query = select(WorkshopRow).where(WorkshopRow.purged_at.is_(None), WorkshopRow.purge_at <= now)
    return tuple(session.scalars(query.order_by(WorkshopRow.purge_at, WorkshopRow.id)))


def with_debriefs(session: Session, protocol: str, *, since: datetime) -> tuple[WorkshopRow, ...]:
    """Those on one protocol that ended since then, with what is kept of them."""
    query = select(WorkshopRow).where(
        WorkshopRow.protocol == protocol, WorkshopRow.ended_at >= since, or_(WorkshopRow.kept.is_not(None))
    )
    return tuple(session.scalars(query.order_by(WorkshopRow.ended_at, WorkshopRow.id)))


def end_workshop(session: Session, workshop: str, kept: Mapping[str, Any], *, at: datetime) -> None:
    """It is over: what is kept of it stands from now on."""
    row = session.get_one(WorkshopRow, workshop)
    row.ended_at, row.kept = row.ended_at or at, dict(kept)
    session.flush()


def purged(session: Session, workshop: str, *, at: datetime) -> None:
    """Its room is gone."""
    row = session.get_one(WorkshopRow, workshop)
    row.ended_at, row.purged_at = row.ended_at or at, at
    session.flush()


# ---- scenarios that trainers brought: kept, checked, offered in place of the one before, withdrawn -----------------

FILE_MOST = 120


class UploadState(StrEnum):
    waiting = "waiting"
    refused = "refused"
    ready = "ready"
    replaced = "replaced"
    withdrawn = "withdrawn"


WERE_READY = (UploadState.ready, UploadState.replaced, UploadState.withdrawn)


@dataclass(frozen=True, slots=True)
class Told:
    """What a playable file says of itself."""

    scenario: str
    version: int
    title: Mapping[str, str]
    minutes: int


def add_upload(session: Session, *, account: str | None, file: str, content: bytes, digest: str, at: datetime) -> str:
    """Keep a file that is to be checked; returns its id."""
    row = UploadRow(
        id=new_id(), account=account, file=file[:FILE_MOST], content=content, digest=digest, at=at,
        state=UploadState.waiting.value, taken_at=None, settled_at=None, scenario="", version=0, title={}, minutes=0,
        faults=[],
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def find_upload(session: Session, upload: str) -> UploadRow | None:
    """The upload with that id."""
    return session.get(UploadRow, upload, populate_existing=True)


def of_account(session: Session, account: str | None, *, limit: int) -> tuple[UploadRow, ...]:
    """What one trainer brought, or what was brought to a laptop, latest first, without the bytes."""
    query = select(UploadRow).where(_of(account)).options(defer(UploadRow.content))
    return tuple(session.scalars(query.order_by(UploadRow.at.desc(), UploadRow.id).limit(limit)))


def same(session: Session, account: str | None, digest: str) -> str | None:
    """The file of the same bytes, of the same trainer, that waits or is offered."""
    query = select(UploadRow.id).where(
        _of(account), UploadRow.digest == digest,
        UploadRow.state.in_([UploadState.waiting.value, UploadState.ready.value]),
    )  # fmt: skip
    return session.scalars(query.order_by(UploadRow.at.desc()).limit(1)).one_or_none()


def count_uploads(session: Session, account: str | None, state: UploadState) -> int:
    """How many files of one trainer stand so."""
    query = select(func.count()).where(_of(account), UploadRow.state == state.value)
    return session.scalar(query) or 0


def with_digest(session: Session, digest: str) -> UploadRow | None:
    """Any file of these bytes that was once found to be playable."""
    query = select(UploadRow).where(UploadRow.digest == digest, UploadRow.state.in_(WERE_READY))
    return session.scalars(query.order_by(UploadRow.at).limit(1)).one_or_none()


# ---- checked -------------------------------------------------------------------------------------------------------


def take_upload(session: Session, *, now: datetime, left_since: datetime) -> str | None:
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
        _of(account), UploadRow.scenario == scenario, UploadRow.state.in_(WERE_READY)
    )
    found = [(version, digest) for version, digest in session.execute(query)]
    most = max((version for version, _digest in found), default=0)
    return most, frozenset(digest for version, digest in found if version == most)


def offer(session: Session, upload: UploadRow, told: Told, *, at: datetime) -> bool:
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


def own(session: Session, account: str | None, upload: str) -> UploadRow:
    """A file that this trainer brought. Raises Unseen: another's is absent."""
    found = find_upload(session, upload)
    if found is None or found.account != account:
        raise Unseen(upload)
    return found
