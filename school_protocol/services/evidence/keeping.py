"""A file put to a piece of evidence: examined in memory, sealed, and kept with its event, or wholly absent.

Whether it may be kept is asked before a byte of it is looked at, and again inside the transaction that keeps it: what
an answer or a danger forbids meanwhile never reaches the disk, sealed or not.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import FileHandled, FileStep
from school_protocol.domain.evidence import FileRefused, Format, Refusal
from school_protocol.domain.policy import Actor
from school_protocol.services.evidence import clamd
from school_protocol.services.evidence.apart import examined_apart
from school_protocol.services.evidence.at_hand import check_may_attach, piece_at
from school_protocol.services.evidence.examining import Examined
from school_protocol.services.house import House, take_away
from school_protocol.services.loading import keep, load
from school_protocol.services.recording import Done
from school_protocol.services.showing import seeing_of
from school_protocol.services.witness import tell_file
from school_protocol.storage import access, files, once
from school_protocol.storage.files import DERIVATIVE, ORIGINAL

MEGABYTE = 1024 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept(Done):
    """What a press kept, and what it was taken for by its content; None: an earlier press kept it."""

    format: Format | None = None


def most_of(house: House) -> int:
    """The largest file that is taken, in bytes."""
    return house.settings.evidence_megabytes * MEGABYTE


def check_may(house: House, actor: Actor, number: str, entry: int) -> None:
    """Whether a file may be put to this piece, before anything of it is read. Raises Unseen, FileRefused."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        check_may_attach(house, piece_at(loaded, seeing_of(house, loaded), entry))


def attach_file(
    house: House, actor: Actor, number: str, entry: int, data: bytes, *, is_attested: bool, token: str
) -> Kept:
    """Keep a file for the piece that `entry` registered; pressed twice, it is kept once.

    Raises Unseen, FileRefused with the reason, StorageFull, FilesAway, SentBefore.
    """
    try:
        return _attached(house, actor, number, entry, data, is_attested=is_attested, token=token)
    except (FileRefused, Unseen) as error:
        tell_file(house, actor, number, error)
        raise


def _attached(
    house: House, actor: Actor, number: str, entry: int, data: bytes, *, is_attested: bool, token: str
) -> Kept:
    digest = hashlib.sha256(data).hexdigest()
    press = once.press(house.vault, actor.id, token, number, "file", entry, digest)
    if (before := _kept_before(house, press)) is not None:
        return before
    check_may(house, actor, number, entry)
    if not is_attested:
        raise FileRefused(Refusal.not_attested)
    found = _examined(house, data)
    parts = {ORIGINAL: data} | ({DERIVATIVE: found.derivative} if found.derivative is not None else {})
    places: list[str] = []
    try:
        with house.realm.writing(together=True) as session:
            loaded = load(house, session, actor, number)  # held from here on: a press at the same time comes after
            if (again := once.spent(session, press)) is not None:
                return Kept.again(again)
            piece = piece_at(loaded, seeing_of(house, loaded), entry)
            role = check_may_attach(house, piece)
            file_id = files.keep(
                session, house.vault, house.blobs, loaded.case_id, parts, at=house.now(), places=places
            )
            event = FileHandled(
                actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, file=file_id, entry=entry,
                piece=piece.number, step=FileStep.kept, sha256=digest, size=len(data), format=found.format.value,
            )  # fmt: skip
            (kept,) = keep(
                house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around
            )
            access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what="file.kept")
            once.use(session, press, {"seq": kept.seq, "raised": False, "number": number}, at=house.now())
            return Kept(kept.seq, number=number, format=found.format)
    except BaseException:
        _tidy(house, places)
        raise


def _kept_before(house: House, press: once.Press) -> Kept | None:
    with house.realm.reading() as session:
        before = once.spent(session, press)
    return Kept.again(before) if before is not None else None


def _examined(house: House, data: bytes) -> Examined:
    if not data:
        raise FileRefused(Refusal.empty)
    if len(data) > most_of(house):
        raise FileRefused(Refusal.too_large, str(house.settings.evidence_megabytes))
    if house.settings.clamav:
        _check_clean(house.settings.clamav, data)
    return examined_apart(data)


def _check_clean(address: str, data: bytes) -> None:
    try:
        is_clean = clamd.is_clean(address, data)
    except clamd.NotScanned as error:
        _log.error("the virus scanner gave no clean bill: %s", error)
        raise FileRefused(Refusal.not_scanned) from error
    if not is_clean:
        _log.warning("the virus scanner refused a file of evidence")
        raise FileRefused(Refusal.unclean)


def _tidy(house: House, places: Sequence[str]) -> None:
    """Remove what no row names, where that can be known now; else the sweep does it."""
    if not places:
        return
    try:
        with house.realm.reading() as session:
            stray = files.unnamed(session, places)
    except Exception as error:
        _log.warning("files of a transaction that failed are left to the sweep: %s", type(error).__name__)
    else:
        take_away(house, stray)
