"""Anchors of the stores: taken, compared with the stores; and what each check of the journal found."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from school_protocol.storage import access_log, administration_log, anchors
from school_protocol.storage.anchors import Anchor, AnchorUnreadable, CaseHead
from school_protocol.storage.engines import Store
from school_protocol.storage.journal import WHOLE_CASE, Break, Chain, Flaw, link_hash, moment_text
from school_protocol.storage.models import (
    AccessBatchRow,
    AccessRow,
    AnchoredHeadRow,
    AnchorTakenRow,
    CaseRecordRow,
    EventRow,
    JournalCheckRow,
    TombstoneRow,
    new_id,
)
from school_protocol.storage.vault import Vault, canonical

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Stores:
    """What an anchor is taken of: the two stores and the keys; `erased` reads the erased cases' ids in their order."""

    realm: Store
    directory: Store
    vault: Vault
    erased: Callable[[], Sequence[str]]


@dataclass(slots=True)
class _Count:
    cases: int = 0
    events: int = 0


# ---- taking ----------------------------------------------------------------------------------------------------------


def take_anchor(stores: Stores, folder: Path, *, at: datetime, resumes: str = "") -> Anchor:
    """Write the next anchor. Raises AnchorsBusy.

    With `resumes`, it says why the database may be older than the anchors before it, and holds the head of every case.
    """
    with anchors.held(folder):
        last = _latest(folder, stores.vault)
        number = _next_number(stores, folder, last)
        _adopt(stores, folder, last)
        erased = stores.erased()
        is_full = bool(resumes) or last is None or last.number + 1 != number
        with stores.realm.reading() as session:
            count = _Count()
            moved = _moved(session, stores.vault, count, is_full=is_full)
            entries = anchors.write_heads(folder, number, moved)
            said = _said_of_cases(session, count) | _said_of_accesses(session)
        with stores.directory.reading() as session:
            link = administration_log.head(session)
        said |= {
            "format": anchors.FORMAT,
            "number": number,
            "at": moment_text(at),
            "before": last.digest if last is not None and last.number + 1 == number else None,
            "heads": {"lines": entries.lines, "digest": entries.digest, "full": is_full},
            "administration": {"seq": link.seq, "hash": link.hash} if link else None,
            "erased": {"count": len(erased), "digest": _digest(erased)},
            "resumes": resumes or None,
        }
        anchor = anchors.write(folder, stores.vault, said)
        _keep(stores, folder, anchor)
        return anchor


def _latest(folder: Path, vault: Vault) -> Anchor | None:
    """The latest anchor that is as it was written."""
    for number in sorted(anchors.numbers(folder), reverse=True):
        try:
            anchor = anchors.read(folder, number, vault=vault)
        except AnchorUnreadable:
            continue
        if anchor.number == number:
            return anchor
    return None


def _next_number(stores: Stores, folder: Path, last: Anchor | None) -> int:
    """After the latest one, in the folder or in the database; a file that lies there is never written over."""
    with stores.realm.reading() as session:
        taken = session.scalar(select(func.max(AnchorTakenRow.seq))) or 0
    number = max(taken, last.number if last else 0) + 1
    while not anchors.is_free(folder, number):
        number += 1
    return number


def _adopt(stores: Stores, folder: Path, last: Anchor | None) -> None:
    """Anchors that were written, but not noted: the process ended between the two."""
    with stores.realm.writing() as session:
        taken = session.scalar(select(func.max(AnchorTakenRow.seq))) or 0
        for number in range(taken + 1, (last.number if last else 0) + 1):
            try:
                anchor = anchors.read(folder, number, vault=stores.vault)
            except AnchorUnreadable:
                continue
            _note(session, anchor)


def _note(session: Session, anchor: Anchor) -> None:
    row = {"seq": anchor.number, "at": anchor.at, "file_digest": bytes.fromhex(anchor.digest)}
    session.execute(insert(AnchorTakenRow).values(row))


def _moved(session: Session, vault: Vault, count: _Count, *, is_full: bool) -> Iterator[CaseHead]:
    """The heads that the anchor before doesn't hold, by case id; counts all of them on the way."""
    latest = select(EventRow.case_id, func.max(EventRow.seq).label("seq")).group_by(EventRow.case_id).subquery()
    query = (
        select(EventRow.case_id, EventRow.seq, EventRow.hash, AnchoredHeadRow.keyed)
        .join(latest, (latest.c.case_id == EventRow.case_id) & (latest.c.seq == EventRow.seq))
        .outerjoin(AnchoredHeadRow, AnchoredHeadRow.case_id == EventRow.case_id)
        .order_by(EventRow.case_id)
    )
    for row in session.execute(query, execution_options={"yield_per": 1000}):
        count.cases += 1
        count.events += row.seq
        head = CaseHead(row.case_id, row.seq, row.hash.hex())
        if is_full or row.keyed is None or not hmac.compare_digest(row.keyed, _keyed(vault, head)):
            yield head


def _keyed(vault: Vault, head: CaseHead) -> bytes:
    """What says that an anchor holds this head: nobody without the key can have a case left out."""
    return vault.chain("anchored-v1", canonical(list(head)))


def _said_of_cases(session: Session, count: _Count) -> dict[str, Any]:
    graves = select(func.count()).select_from(TombstoneRow)
    return {
        "cases": {
            "count": count.cases,
            "events": count.events,
            "erased": session.scalar(graves.where(TombstoneRow.seq == WHOLE_CASE)) or 0,
            "tombstones": session.scalar(graves) or 0,
        }
    }


def _said_of_accesses(session: Session) -> dict[str, Any]:
    head = access_log.head(session)
    return {"access": {"seq": head.seq, "hash": head.hash, "last": head.last_place} if head else None}


def _digest(ids: Sequence[str]) -> str:
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()


def _keep(stores: Stores, folder: Path, anchor: Anchor) -> None:
    """Note that it was taken, and what it holds, a slice at a time: breaking off makes the next one larger."""
    with stores.realm.writing() as session:
        _note(session, anchor)
    heads = anchors.read_heads(folder, anchor)
    while some := list(islice(heads, _AT_ONCE)):
        rows = [
            {"case_id": head.case_id, "seq": head.seq, "hash": bytes.fromhex(head.hash),
             "keyed": _keyed(stores.vault, head)}
            for head in some
        ]  # fmt: skip
        with stores.realm.writing() as session:
            session.execute(delete(AnchoredHeadRow).where(AnchoredHeadRow.case_id.in_([head.case_id for head in some])))
            session.execute(insert(AnchoredHeadRow), rows)


# ---- comparing -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Comparison:
    """What comparing looked at: `anchors`, `heads`, and the latest anchor that says why the database may be older."""

    anchors: int = 0
    heads: int = 0
    resumed: Anchor | None = field(default=None)


def compare(stores: Stores, folder: Path, seen: Comparison) -> Iterator[Break]:
    """Every break of the anchors themselves, and every place where the stores don't hold what an anchor does."""
    sound, breaks = anchors.check(folder, vault=stores.vault)
    yield from breaks
    yield from _taken(stores.realm, folder, sound, {one.seq for one in breaks})
    seen.anchors = len(sound)
    seen.resumed = next((anchor for anchor in reversed(sound) if anchor.resumes), None)
    since = [anchor for anchor in sound if seen.resumed is None or anchor.number >= seen.resumed.number]
    for anchor in since:
        yield from _compare_cases(stores, folder, anchor, seen)
    yield from _compare_accesses(stores, since)
    yield from _compare_administration(stores, since)
    yield from _compare_erased(stores, sound)


def _taken(realm: Store, folder: Path, sound: Sequence[Anchor], broken: set[int]) -> Iterator[Break]:
    """Anchors that the database knows of, and that are gone or others."""
    digests = {anchor.number: anchor.digest for anchor in sound}
    query = select(AnchorTakenRow.seq, AnchorTakenRow.file_digest).order_by(AnchorTakenRow.seq)
    with realm.reading() as session:
        rows = session.execute(query).all()
    there = set(anchors.numbers(folder))  # after the rows: one may be taken meanwhile
    for seq, digest in rows:
        if seq not in there and seq not in broken:
            yield Break("", seq, Flaw.missing, Chain.anchors)
        elif seq in digests and digests[seq] != digest.hex():
            yield Break("", seq, Flaw.rewritten, Chain.anchors)


def _compare_cases(stores: Stores, folder: Path, anchor: Anchor, seen: Comparison) -> Iterator[Break]:
    heads = anchors.read_heads(folder, anchor)
    while some := list(islice(heads, _AT_ONCE)):
        seen.heads += len(some)
        with stores.realm.reading() as session:
            wanted = {(head.case_id, head.seq): head.hash for head in some}
            for head in _differing(session, wanted):
                yield from _why(session, stores.vault, head)


def _differing(session: Session, wanted: dict[tuple[str, int], str]) -> list[CaseHead]:
    """Those that the store doesn't hold at that number with that hash."""
    query = select(EventRow.case_id, EventRow.seq, EventRow.hash).where(
        EventRow.case_id.in_({case_id for case_id, _seq in wanted}),
        EventRow.seq.in_({seq for _case_id, seq in wanted}),
    )
    there = {(row.case_id, row.seq): row.hash.hex() for row in session.execute(query)}
    return [CaseHead(*place, own) for place, own in wanted.items() if there.get(place) != own]


def _why(session: Session, vault: Vault, head: CaseHead) -> Iterator[Break]:
    """What became of a head that isn't there; what the case's own chain shows is left to it."""
    event = session.get(EventRow, (head.case_id, head.seq))
    if event is not None:
        if hmac.compare_digest(event.hash, link_hash(vault, event)):
            yield Break(head.case_id, head.seq, Flaw.rewritten)
        return
    last = session.scalar(select(func.max(EventRow.seq)).where(EventRow.case_id == head.case_id)) or 0
    if not last and session.get(CaseRecordRow, head.case_id) is None:
        yield Break(head.case_id, 0, Flaw.case_removed)
    elif last < head.seq:
        yield Break(head.case_id, last + 1, Flaw.cut_off)


def _compare_accesses(stores: Stores, since: Sequence[Anchor]) -> Iterator[Break]:
    with stores.realm.reading() as session:
        last = access_log.head(session)
        for anchor in since:
            said = anchor.said["access"]
            if said is None:
                continue
            if last is None or last.seq < said["seq"]:
                yield Break("", last.seq + 1 if last else 1, Flaw.cut_off, Chain.access_batch)
                return
            row = session.get(AccessBatchRow, said["seq"])
            if row is not None and row.hash.hex() != said["hash"] and access_log.holds(stores.vault, row):
                yield Break("", said["seq"], Flaw.rewritten, Chain.access_batch)
                return


def _compare_administration(stores: Stores, since: Sequence[Anchor]) -> Iterator[Break]:
    with stores.directory.reading() as session:
        last = administration_log.head(session)
        for anchor in since:
            said = anchor.said["administration"]
            if said is None:
                continue
            if last is None or last.seq < said["seq"]:
                yield Break("", last.seq + 1 if last else 0, Flaw.cut_off, Chain.administration)
                return
            own = administration_log.hash_of(session, said["seq"])
            if own is not None and own != said["hash"] and administration_log.holds(session, stores.vault, said["seq"]):
                yield Break("", said["seq"], Flaw.rewritten, Chain.administration)
                return


def _compare_erased(stores: Stores, sound: Sequence[Anchor]) -> Iterator[Break]:
    """The list of erased cases begins as each anchor knew it, and each case that an anchor knew of lies buried.

    A case that is listed since then may be about to be erased.
    """
    erased = stores.erased()
    for anchor in sound:
        said = anchor.said["erased"]
        if len(erased) < said["count"] or _digest(erased[: said["count"]]) != said["digest"]:
            yield Break("", anchor.number, Flaw.erased_list, Chain.anchors)
            break
    ids = iter(erased[: sound[-1].said["erased"]["count"]] if sound else ())
    while some := list(islice(ids, _AT_ONCE)):
        with stores.realm.reading() as session:
            there = select(CaseRecordRow.id).where(CaseRecordRow.id.in_(some))
            buried = select(TombstoneRow.case_id).where(TombstoneRow.case_id.in_(some), TombstoneRow.seq == WHOLE_CASE)
            back = set(session.scalars(there)) - set(session.scalars(buried))
        for case_id in sorted(back):
            yield Break(case_id, WHOLE_CASE, Flaw.came_back)


# ---- checks of the journal: what they read, in numbers, and what came of each --------------------------------------

NO_ANCHOR = "anchors unwritable"
"""As the first fault of a check: the chains hold, and no anchor can be written."""


def keep_check(
    session: Session, *, started_at: datetime, finished_at: datetime, events: int, faults: int, first_fault: str
) -> JournalCheckRow:
    """Keep what came of a check."""
    row = JournalCheckRow(
        id=new_id(), started_at=started_at, finished_at=finished_at, events=events, faults=faults,
        first_fault=first_fault[:200], told_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def checks_told(session: Session, check: JournalCheckRow, at: datetime) -> None:
    """Administrators were told of a check."""
    session.get_one(JournalCheckRow, check.id).told_at = at


def latest_check(session: Session, *, passed: bool = False) -> JournalCheckRow | None:
    """The latest check, or the latest that found nothing."""
    query = select(JournalCheckRow).order_by(JournalCheckRow.finished_at.desc(), JournalCheckRow.id).limit(1)
    if passed:
        query = query.where(JournalCheckRow.faults == 0)
    return session.scalars(query).first()


def counted(session: Session, case_ids: Sequence[str]) -> tuple[int, int]:
    """How many events these cases have, and how many of them were erased."""
    events = select(func.count()).select_from(EventRow).where(EventRow.case_id.in_(case_ids))
    graves = select(func.count()).select_from(TombstoneRow)
    graves = graves.where(TombstoneRow.case_id.in_(case_ids), TombstoneRow.seq == WHOLE_CASE)
    return session.scalar(events) or 0, session.scalar(graves) or 0


def closed_accesses(session: Session) -> int:
    """How many accesses lie in closed batches."""
    closed = select(func.max(AccessBatchRow.last_place)).scalar_subquery()
    return session.scalar(select(func.count()).select_from(AccessRow).where(AccessRow.place <= closed)) or 0


def open_accesses(session: Session) -> int:
    """How many accesses no batch holds yet."""
    closed = select(func.coalesce(func.max(AccessBatchRow.last_place), 0)).scalar_subquery()
    return session.scalar(select(func.count()).select_from(AccessRow).where(AccessRow.place > closed)) or 0


def latest_anchor(session: Session) -> tuple[int, datetime] | None:
    """The number of the latest anchor that was taken, and when."""
    row = session.scalars(select(AnchorTakenRow).order_by(AnchorTakenRow.seq.desc()).limit(1)).first()
    return (row.seq, row.at) if row else None
