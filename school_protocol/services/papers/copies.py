"""What handing out any document of a case leaves behind: its number, the event, the access, the press, the copy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from school_protocol.documents.sealing.assembling import assembled
from school_protocol.documents.sealing.copies import Copy
from school_protocol.documents.sealing.overlays import overlay
from school_protocol.domain.errors import SentBefore
from school_protocol.domain.events import DocumentIssued
from school_protocol.services.house import REALM, House
from school_protocol.services.loading import Loaded, keep
from school_protocol.services.papers.signing import signed
from school_protocol.storage import access, cases, journal, once, papers
from school_protocol.storage.engines import Session
from school_protocol.wording import Wording

ATTEMPTS = 5
"""How often a document is made anew because somebody wrote meanwhile."""
KEPT = timedelta(days=1)
"""How long a copy is kept for whoever presses again."""


@dataclass(frozen=True, slots=True)
class Issued:
    name: str
    data: bytes
    copy: int


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed out: which document, in which profile or about what, to whom, of which content."""

    document: str
    profile: str
    language: str
    copy: int
    reader: str
    role: str
    content_head: str
    note: str
    """The code under which the access is kept."""
    graves: int
    """How often something of the case had been destroyed when it was read."""
    at_seq: int = 0
    """Number of the latest event that its pages know of; 0: of the case as it is handed out."""
    as_of: datetime | None = None
    """The moment of which its pages speak; None: that of handing it out."""
    stamped: str = ""
    """To whom its pages say that it goes, where that is less than `reader`, which the register keeps."""
    about: str = ""
    """For whom a case file was made, as the case knows them: `self`, a unit's id, `referral-2`, a person's id."""


def watermark(house: House, wording: Wording) -> str:
    """What stands across each page of a paper of a workshop; nothing on others."""
    return "" if house.name == REALM else wording._("TRAINING")


def copied(
    house: House, loaded: Loaded, handed: Handed, head: journal.Head, pages: bytes, *, has_record: bool
) -> bytes:
    """The pages with what belongs to this copy on them, signed by the academy where it has a key."""
    wording = Wording(handed.language)
    copy = Copy(handed.copy, handed.stamped or handed.reader, loaded.now, head.hash, head.seq)
    about_copy = wording._("What belongs to this copy alone")
    whole = assembled(pages, overlay(copy, wording, watermark(house, wording)), copy, about_copy, has_record=has_record)
    return signed(house, loaded.around.unit, whole, loaded.now, wording)


def is_current(session: Session, loaded: Loaded, handed: Handed) -> bool:
    """Whether nothing was written or destroyed, and no copy of it handed out, since it was made."""
    copy = cases.copies(session, loaded.case_id, handed.document) + 1
    now = (copy, cases.last_seq(session, loaded.case_id), cases.graves(session, loaded.case_id))
    return now == (handed.copy, loaded.case.last_seq, handed.graves)


def hand_out(
    house: House,
    session: Session,
    loaded: Loaded,
    handed: Handed,
    laid: papers.Laid,
    press: once.Press,
    parts: Iterable[bytes] = (),
) -> None:
    """Number the copy, record the event and the access, use the press up, keep the copy for whoever presses again.

    `parts`: the files in it that are copies by themselves.
    """
    cases.next_copy(session, loaded.case_id, handed.document)
    event = DocumentIssued(
        actor=loaded.actor.id,
        role=handed.role,
        at=loaded.now,
        occurred_at=loaded.now,
        document=handed.document,
        profile=handed.profile,
        language=handed.language,
        copy=handed.copy,
        content_head=handed.content_head,
        digest=hashlib.sha256(laid.data).hexdigest(),
        reader=handed.reader,
        at_seq=handed.at_seq or loaded.case.last_seq,
        as_of=handed.as_of.isoformat() if handed.as_of else "",
        about=handed.about,
        parts=tuple(hashlib.sha256(one).hexdigest() for one in parts),
    )
    (kept,) = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
    access.note(session, case_id=loaded.case_id, account=loaded.actor.id, at=house.now(), what=handed.note)
    once.use(session, press, {"copy": handed.copy, "seq": kept.seq}, at=house.now())
    until = loaded.now + KEPT
    papers.keep_copy(session, house.vault, loaded.case_id, handed.document, handed.copy, laid, until=until)


def handed_before(
    house: House, session: Session, loaded: Loaded, document: str, before: Mapping[str, Any]
) -> tuple[bytes, int]:
    """The copy that this press handed out before; raises SentBefore where it is kept no longer."""
    data = papers.kept_copy(session, house.vault, house.blobs, loaded.case_id, document, before["copy"])
    if data is None:
        raise SentBefore(before)
    return data, int(before["copy"])
