"""Open cases of a version gone through by the worker: what is asked for, how far it is, what came of it in numbers.

Of one subject one passage runs at a time: the database says so. Why cases move is kept sealed until it is settled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from school_protocol.domain.errors import Unseen
from school_protocol.storage import once
from school_protocol.storage.definition_drafts import OPEN
from school_protocol.storage.placing import add_new
from school_protocol.storage.tables import DefinitionDraftRow, PassageRow, new_id
from school_protocol.storage.vault import Vault

_KEY = "passage"


class Kind(StrEnum):
    look = "look"
    move = "move"


class State(StrEnum):
    running = "running"
    done = "done"
    stopped = "stopped"


Tally = Mapping[str, Mapping[str, Any]]
"""Version → how many there were (`total`), how many came out how, and `reasons` and `parts`, each with its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One passage through the open cases of a version, or of every one before `to_version`."""

    id: str
    kind: Kind
    subject: str
    protocol: str
    from_version: int | None
    to_version: int
    draft: str | None
    base: str
    accepts: frozenset[str]
    account: str
    begun_at: datetime
    state: State
    tally: Tally = field(repr=False)
    at_version: int
    after: str
    settled_at: datetime | None
    stopped_by: str | None
    why: str

    @property
    def place(self) -> tuple[int, str]:
        """The last case that was gone through."""
        return self.at_version, self.after


def add(
    session: Session,
    *,
    kind: Kind,
    subject: str,
    protocol: str,
    to_version: int,
    account: str,
    at: datetime,
    tally: Tally,
    from_version: int | None = None,
    draft: str | None = None,
    base: str = "",
    accepts: Iterable[str] = (),
) -> str | None:
    """Ask for a passage; returns its id, or None where one of the same kind and subject is running."""
    passage_id = new_id()
    is_new = add_new(
        session, PassageRow, id=passage_id, kind=kind.value, subject=subject, protocol=protocol,
        from_version=from_version, to_version=to_version, draft=draft, base=base, accepts=sorted(accepts),
        account=account, begun_at=at, state=State.running.value, tally=dict(tally), at_version=0, after="", why="",
    )  # fmt: skip
    return passage_id if is_new else None


def passage(session: Session, passage_id: str) -> Passage:
    """The passage with that id; raises Unseen."""
    row = session.get(PassageRow, passage_id, populate_existing=True)
    if row is None:
        raise Unseen(passage_id)
    return _passage(row)


def for_change(session: Session, passage_id: str) -> Passage:
    """The passage, and nobody else goes on with it or stops it until this transaction ends; raises Unseen."""
    query = select(PassageRow).where(PassageRow.id == passage_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise Unseen(passage_id)
    return _passage(row)


def running(session: Session, kind: Kind, subject: str) -> Passage | None:
    """The one that runs."""
    query = select(PassageRow).where(
        PassageRow.kind == kind.value, PassageRow.subject == subject, PassageRow.state == State.running.value
    )
    row = session.scalars(query).one_or_none()
    return _passage(row) if row else None


def latest_of_draft(session: Session, draft: str, base: str) -> Passage | None:
    """The latest look from a draft, compared with that version."""
    query = select(PassageRow).where(PassageRow.draft == draft, PassageRow.base == base)
    row = session.scalars(query.order_by(PassageRow.begun_at.desc(), PassageRow.id.desc()).limit(1)).one_or_none()
    return _passage(row) if row else None


def recent(session: Session, protocol: str, from_version: int, to_version: int, *, limit: int) -> tuple[Passage, ...]:
    """Passages between two published versions, newest first."""
    query = select(PassageRow).where(
        PassageRow.protocol == protocol,
        PassageRow.from_version == from_version,
        PassageRow.to_version == to_version,
        PassageRow.draft.is_(None),
    )
    rows = session.scalars(query.order_by(PassageRow.begun_at.desc(), PassageRow.id.desc()).limit(limit))
    return tuple(map(_passage, rows))


# ---- going on ------------------------------------------------------------------------------------------------------


def waiting(session: Session, *, left_since: datetime) -> tuple[str, ...]:
    """Ids of the passages that run and that nobody is at; what moves cases first, then the oldest."""
    query = select(PassageRow.id).where(PassageRow.state == State.running.value, _free(left_since))
    order = case((PassageRow.kind == Kind.move.value, 0), else_=1)
    return tuple(session.scalars(query.order_by(order, PassageRow.begun_at, PassageRow.id)))


def take(session: Session, passage_id: str, *, now: datetime, left_since: datetime) -> bool:
    """Whether this worker is the one that goes on with it."""
    statement = _running(passage_id).where(_free(left_since))
    return _changed(session, statement.values(taken_at=now))


def go_on(session: Session, passage_id: str, *, place: tuple[int, str], tally: Tally, now: datetime) -> None:
    """Keep how far it is; the lease of whoever is at it begins anew."""
    version, after = place
    _changed(session, _running(passage_id).values(at_version=version, after=after, tally=_plain(tally), taken_at=now))


def leave(session: Session, passage_id: str) -> None:
    """Nobody is at it any more: the next worker goes on."""
    _changed(session, _running(passage_id).values(taken_at=None))


def settle(
    session: Session, passage_id: str, *, at: datetime, why: str = "", by: str | None = None, tally: Tally | None = None
) -> bool:
    """It is done, or stopped where `why` is a code; False where it was settled before. The reason is destroyed."""
    state = State.stopped if why else State.done
    values: dict[str, Any] = {
        "state": state.value, "settled_at": at, "taken_at": None, "why": why, "stopped_by": by if why else None,
    }  # fmt: skip
    if tally is not None:
        values["tally"] = _plain(tally)
    changed = _changed(session, _running(passage_id).values(values))
    once.drop_draft(session, passage_id, _KEY)
    return changed


def _running(passage_id: str) -> Any:
    return update(PassageRow).where(PassageRow.id == passage_id, PassageRow.state == State.running.value)


def _free(left_since: datetime) -> Any:
    return or_(PassageRow.taken_at.is_(None), PassageRow.taken_at < left_since)


def _changed(session: Session, statement: Any) -> bool:
    found: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(found.rowcount) == 1


def _plain(tally: Tally) -> dict[str, Any]:
    return {version: dict(counted) for version, counted in tally.items()}


# ---- why, sealed ---------------------------------------------------------------------------------------------------


def keep_reason(session: Session, vault: Vault, passage_id: str, reason: str, *, at: datetime) -> None:
    """Seal the reason under a key of its own: somebody typed it."""
    once.keep_draft(session, vault, passage_id, _KEY, {"reason": reason}, at=at)


def reason(session: Session, vault: Vault, passage_id: str) -> str:
    """The reason of a passage that runs; empty where it is gone."""
    found = once.draft(session, vault, passage_id, _KEY)
    return str(found.answers["reason"]) if found else ""


# ---- drafts of definitions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenDraft:
    """A draft that can be read, as far as a passage asks."""

    id: str
    protocol: str
    version: int
    base: str
    account: str


def open_drafts(session: Session) -> tuple[OpenDraft, ...]:
    """Drafts without faults that are not settled, oldest first; `session` is the directory's."""
    row = DefinitionDraftRow
    query = select(row.id, row.protocol, row.version, row.base, row.account).where(
        row.protocol != "", row.state.in_([state.value for state in OPEN])
    )
    return tuple(OpenDraft(*found) for found in session.execute(query.order_by(row.at, row.id)))


def looked_from(session: Session, drafts: Collection[str]) -> frozenset[tuple[str, str]]:
    """Of which of these drafts, against which version, a look was asked for."""
    query = select(PassageRow.draft, PassageRow.base).where(PassageRow.draft.in_(drafts))
    return frozenset((draft, base) for draft, base in session.execute(query) if draft)


def _passage(row: PassageRow) -> Passage:
    accepts: Sequence[str] = row.accepts
    return Passage(
        id=row.id,
        kind=Kind(row.kind),
        subject=row.subject,
        protocol=row.protocol,
        from_version=row.from_version,
        to_version=row.to_version,
        draft=row.draft,
        base=row.base,
        accepts=frozenset(accepts),
        account=row.account,
        begun_at=row.begun_at,
        state=State(row.state),
        tally=row.tally,
        at_version=row.at_version,
        after=row.after,
        settled_at=row.settled_at,
        stopped_by=row.stopped_by,
        why=row.why,
    )
