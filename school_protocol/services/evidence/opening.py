"""A file of evidence handed to somebody: for a reason that is kept, checked each time, never shown in a page."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.domain import evidence as rules
from school_protocol.domain.errors import BadInput, SchoolProtocolError, Sealed, Unseen
from school_protocol.domain.events import FileOpened
from school_protocol.domain.evidence import FileLost, FileRefused, Format, Purpose, Refusal
from school_protocol.domain.parts import FileLife
from school_protocol.domain.policy import Actor
from school_protocol.services.evidence.at_hand import AtHand, piece_at
from school_protocol.services.house import House
from school_protocol.services.loading import keep, load
from school_protocol.services.showing import seeing_of
from school_protocol.storage import access, files, once
from school_protocol.storage.engines import Session
from school_protocol.storage.files import DERIVATIVE, ORIGINAL, Fault

ECHO = timedelta(minutes=2)
"""So long a form pressed twice is one opening: a download that broke off is handed out once more."""

_log = logging.getLogger(__name__)


class OpenedBefore(SchoolProtocolError):
    """That form opened the file a while ago: it is opened again by a new form, and written down again."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed out; `name` says the piece and nothing of what it shows."""

    name: str
    format: Format
    data: bytes


def open_file(
    house: House, actor: Actor, number: str, entry: int, *, original: bool, purpose: str, reason: str, token: str
) -> Handed:
    """What was made of the piece's file, or the file itself (`original`); the opening is an event with its reason.

    Every handing out is an access, a second press of the form too. Raises Unseen, FileRefused where it is locked,
    BadInput (`purpose`, `reason`), OpenedBefore, FilesAway, FileLost where it is missing or altered: an alarm is kept
    then.
    """
    with house.realm.writing(together=True) as session:
        loaded = load(house, session, actor, number)
        piece = piece_at(loaded, seeing_of(house, loaded), entry)
        role, life = piece.opening_role(original=original), piece.file
        if role is None or life is None:
            raise Unseen(f"{number}/{entry}")
        _check_open(piece, life)
        said = _checked(purpose, reason)
        press = once.press(house.vault, actor.id, token, number, "open", entry, original, purpose, said)
        before: once.Outcome | None = once.spent(session, press)
        if before is not None and not _is_echo(house, before):
            raise OpenedBefore(f"{number}/{entry}")
        found = _content(house, session, piece, life, ORIGINAL if original else DERIVATIVE)
        if not isinstance(found, Fault):
            if before is None:
                event = FileOpened(
                    actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, file=life.id, entry=entry,
                    piece=piece.number, original=original, purpose=purpose, reason=said,
                )  # fmt: skip
                before = _kept(house, session, piece, event, press)
            what = "file.original" if original else "file.derivative"
            reason = str(before["seq"])
            access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what=what, reason=reason)
    if isinstance(found, Fault):
        raise_alarm(house, found)
        raise FileLost(f"{number}/{entry}: {found.what}")
    return Handed(f"{number}-{piece.number:02d}.{Format(life.format).suffix}", Format(life.format), found)


def _kept(house: House, session: Session, piece: AtHand, event: FileOpened, press: once.Press) -> once.Outcome:
    """The opening as an event, and the press used up; returns where that press led."""
    loaded = piece.loaded
    (kept,) = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
    outcome = {"seq": kept.seq, "raised": False, "number": loaded.case.number, "at": house.now().isoformat()}
    once.use(session, press, outcome, at=house.now())
    return outcome


def _is_echo(house: House, before: once.Outcome) -> bool:
    """Whether that press was just now."""
    at = before.get("at")
    return at is not None and house.now() - datetime.fromisoformat(str(at)) <= ECHO


def raise_alarm(house: House, fault: Fault) -> bool:
    """Keep that a file is missing or altered, and say it in the log; False where it was known, or is meant to be."""
    with house.realm.writing() as session:
        is_new = files.alarm(session, fault, at=house.now())
    if is_new:
        _log.error("a file of evidence is %s: see the alarms of files", fault.what)
    return is_new


def _checked(purpose: str, reason: str) -> str:
    said, problems = reason.strip(), dict[str, tuple[str, ...]]()
    if purpose not in set(Purpose):
        problems["purpose"] = ("required",)
    if not said:
        problems["reason"] = ("required",)
    elif len(said) > rules.REASON_MOST:
        problems["reason"] = (f"too_long:{rules.REASON_MOST}:{len(said)}",)
    if problems:
        raise BadInput(problems)
    return said


def _check_open(piece: AtHand, life: FileLife) -> None:
    """A file that was shut, or that an answer or a danger forbids by now, is opened by nobody."""
    if life.shut_at is not None:
        raise FileRefused(Refusal.shut)
    if (refusal := piece.against()) is not None:
        raise FileRefused(refusal)


def _content(house: House, session: Session, piece: AtHand, life: FileLife, part: str) -> bytes | Fault:
    case_id = piece.loaded.case_id
    if part not in files.parts_of(session, case_id, life.id):
        if part == DERIVATIVE and files.parts_of(session, case_id, life.id):
            raise Unseen(f"nothing was made of file {life.id}")
        return Fault(case_id, life.id, "missing")
    try:
        found = files.open_part(session, house.vault, house.blobs, case_id, life.id, part)
    except Sealed:
        return Fault(case_id, life.id, "altered")
    if part == ORIGINAL and isinstance(found, bytes) and hashlib.sha256(found).hexdigest() != life.sha256:
        return Fault(case_id, life.id, "altered")
    return found
