"""Addresses of schools for reports: drawn, found, ended."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from school_protocol.storage.signalement.tables import PublicDoorRow

CONSONANTS, VOWELS = "bdfgjklmnprstvz", "aeiou"
"""What is read alike in French, in English and to whoever writes Arabic in Latin letters."""
SYLLABLES = 4
LENGTH = 2 * SYLLABLES
_RUDE = ("bite", "duk", "fes", "fuk", "kak", "kon", "kul", "kus", "nik", "pede", "pip", "pis", "put", "sal", "seks",
         "tab", "tiz", "zeb", "zob", "zam")  # fmt: skip
"""What no school wants on its wall: an address in which one of these is heard isn't given out."""


@dataclass(frozen=True, slots=True)
class KeptDoor:
    """A school's address."""

    code: str
    unit: str
    kind: str
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    ended_by: str | None


def make(session: Session, *, unit: str, kind: str, by: str, at: datetime) -> KeptDoor:
    """A new address for a school; the one of that kind that stood is ended."""
    query = select(PublicDoorRow).where(
        PublicDoorRow.unit == unit, PublicDoorRow.kind == kind, PublicDoorRow.ended_at.is_(None)
    )
    for row in session.scalars(query.with_for_update()):
        row.ended_at, row.ended_by = at, by
    session.flush()
    code = _free(session)
    row = PublicDoorRow(code=code, unit=unit, kind=kind, made_at=at, made_by=by, ended_at=None, ended_by=None)
    session.add(row)
    session.flush()
    return _door(row)


def plain(text: str) -> str | None:
    """A code as it was typed, without what it is grouped by; None where it can't be one."""
    code = "".join(char for char in text.strip().lower() if char not in "-. ")
    sounds = (CONSONANTS, VOWELS) * SYLLABLES
    fits = len(code) == LENGTH and all(char in known for char, known in zip(code, sounds, strict=True))
    return code if fits else None


def end(session: Session, code: str, *, by: str, at: datetime) -> None:
    """The address leads nowhere any more."""
    row = session.get(PublicDoorRow, code, with_for_update=True)
    if row is not None and row.ended_at is None:
        row.ended_at, row.ended_by = at, by
        session.flush()


def _free(session: Session) -> str:
    while True:
        code = "".join(secrets.choice(CONSONANTS) + secrets.choice(VOWELS) for _ in range(SYLLABLES))
        if not any(rude in code for rude in _RUDE) and session.get(PublicDoorRow, code) is None:
            return code


def door(session: Session, code: str) -> KeptDoor | None:
    """The address with that code, ended or not."""
    row = session.get(PublicDoorRow, code)
    return None if row is None else _door(row)


def of_unit(session: Session, unit: str) -> tuple[KeptDoor, ...]:
    """Every address that a school ever had, those that stand first, then the latest."""
    query = select(PublicDoorRow).where(PublicDoorRow.unit == unit)
    rows = session.scalars(query.order_by(PublicDoorRow.ended_at.is_not(None), PublicDoorRow.made_at.desc()))
    return tuple(_door(row) for row in rows)


def _door(row: PublicDoorRow) -> KeptDoor:
    return KeptDoor(row.code, row.unit, row.kind, row.made_at, row.made_by, row.ended_at, row.ended_by)
