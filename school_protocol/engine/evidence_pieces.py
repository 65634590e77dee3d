"""The register of evidence: what a piece is called, whether a file may be kept for it, and where removal is asked next.

A file is never kept where the content is sexual or intimate, or nobody has said that it is not, or while a danger
stands that forbids it; what is there then is locked. Nothing here reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import FileLife, Record
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import Channels, Form, Pieces, Removal
from school_protocol.engine.errors import SchoolProtocolError

REASON_MOST = 500
PIXELS_MOST = 40_000_000
SIDE_MOST = 30_000


class Format(StrEnum):
    """What a file may be, by its content."""

    png = "png"
    jpeg = "jpeg"
    pdf = "pdf"
    txt = "txt"

    @property
    def is_picture(self) -> bool:
        return self in (Format.png, Format.jpeg)

    @property
    def mime(self) -> str:
        return {"png": "image/png", "jpeg": "image/jpeg", "pdf": "application/pdf"}.get(self.value, "text/plain")

    @property
    def suffix(self) -> str:
        return {"jpeg": "jpg"}.get(self.value, self.value)

    @property
    def endings(self) -> frozenset[str]:
        """How the name of such a file ends; a text's own may be any of these."""
        return _ENDINGS[self.value]


_ENDINGS = {
    "png": frozenset({"png"}),
    "jpeg": frozenset({"jpg", "jpeg", "jpe", "jfif"}),
    "pdf": frozenset({"pdf"}),
    "txt": frozenset({"txt", "text", "log", "csv", "md"}),
}


class Purpose(StrEnum):
    """Why a file is opened."""

    understand = "understand"
    compare = "compare"
    removal = "removal"
    authority = "authority"
    other = "other"


class Refusal(StrEnum):
    """Why a file is not taken, or not opened."""

    off = "off"
    not_said = "not_said"
    intimate = "intimate"
    danger = "danger"
    has_file = "has_file"
    closed = "closed"
    not_attested = "not_attested"
    empty = "empty"
    too_large = "too_large"
    unknown_format = "unknown_format"
    moving = "moving"
    too_many_pixels = "too_many_pixels"
    mixed = "mixed"
    broken = "broken"
    active = "active"
    encrypted = "encrypted"
    too_long = "too_long"
    unclean = "unclean"
    not_scanned = "not_scanned"
    shut = "shut"
    gone = "gone"
    not_asked = "not_asked"


class FileRefused(SchoolProtocolError):
    """A file is not taken, or not handed out; `found`: what it is, where that says something."""

    def __init__(self, code: Refusal, found: str = "") -> None:
        self.code = code
        self.found = found
        super().__init__(f"{code.value} {found}".strip())


class FileLost(SchoolProtocolError):
    """A file of the register is not there any more, or not what it was: it is handed to nobody."""


# ---- may a file be kept ----------------------------------------------------------------------------------------------


def against_files(protocol: Protocol, case: Case, form: Form, answers: Mapping[str, Any]) -> Refusal | None:
    """What forbids a file for a piece with these answers, as the case stands now."""
    asked = [field for field in form.fields if field.forbids_files]
    if any(answers.get(field.key) in field.forbids_files for field in asked):
        return Refusal.intimate
    if any(protocol.dangers[life.danger].no_files for life in case.live_dangers() if life.danger in protocol.dangers):
        return Refusal.danger
    if not asked or any(answers.get(field.key) in (None, "") for field in asked):
        return Refusal.not_said
    return None


def is_intimate(form: Form, answers: Mapping[str, Any]) -> bool:
    """Whether an answer says that the content may be sexual or intimate."""
    return any(answers.get(field.key) in field.forbids_files for field in form.fields if field.forbids_files)


def pieces_of(case: Case) -> tuple[Record, ...]:
    """The pieces of a case, in the order of their numbers; those that were taken back are none."""
    return tuple(record for record in case.records if record.kind is ActKind.evidence)


def file_of(case: Case, entry: int) -> FileLife | None:
    """The file that is kept for that piece, if one is."""
    return next((life for life in case.files.values() if life.entry == entry and life.is_there), None)


def files_of(case: Case, entry: int) -> tuple[FileLife, ...]:
    """Every file that was ever kept for that piece, the latest last."""
    return tuple(life for life in case.files.values() if life.entry == entry)


# ---- names -----------------------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[^A-Za-z0-9\u0600-\u06ff]+")
_PART_MOST = 24


def name_of(number: str, piece: int, parts: Iterable[str], captured: datetime | None) -> str:
    """`CASE-PIECEnn-platform-handle-YYYYMMDDThhmm`; `captured` as the academy’s clock says."""
    said = [kept for part in parts if (kept := _PLAIN.sub("", part)[:_PART_MOST])]
    stamp = [captured.strftime("%Y%m%dT%H%M")] if captured is not None else []
    return "-".join([_PLAIN.sub("", number), f"PIECE{piece:02d}", *said, *stamp])


# ---- removal ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for removal; `remind_on`: when to ask again, where an answer is still awaited."""

    place: int
    channel: str
    on: date | None
    reference: str
    result: str
    waits: bool
    remind_on: date | None

    def is_due(self, today: date) -> bool:
        return self.remind_on is not None and self.remind_on <= today


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the removal of one piece's content stands: what was asked, and which channels come next."""

    asked: tuple[Asked, ...]
    next: tuple[str, ...]
    is_removed: bool
    at_once: bool
    """Intimate content: every step is taken without waiting for the one before, and nothing is captured first."""


def standing(rules: Removal, form: Form, answers: Mapping[str, Any], today: date) -> Standing:
    """Where removal stands by what a piece says; a step follows once the one before was refused, or left unanswered."""
    at_once = is_intimate(form, answers)
    asked = tuple(_asked(rules, answers.get(rules.rows) or ()))
    if any(one.result in rules.removed for one in asked):
        return Standing(asked, (), is_removed=True, at_once=at_once)
    return Standing(asked, _next(rules, asked, at_once, today), is_removed=False, at_once=at_once)


def _asked(rules: Removal, rows: Sequence[Mapping[str, Any]]) -> Iterator[Asked]:
    for place, row in enumerate(rows):
        result = str(row.get(rules.result) or "")
        waits, on = not result or result in rules.waits, _day(row.get(rules.asked_on))
        remind = on + timedelta(days=rules.remind_days) if waits and on else None
        channel, reference = str(row.get(rules.channel) or ""), str(row.get(rules.reference) or "")
        yield Asked(place, channel, on, reference, result, waits, remind)


def _next(rules: Removal, asked: Sequence[Asked], at_once: bool, today: date) -> tuple[str, ...]:
    for step in rules.order:
        if step.intimate and not at_once:
            continue
        own = [one for one in asked if one.channel in step.channels]
        if not own:
            return step.channels
        if not at_once and any(one.waits and not one.is_due(today) for one in own):
            return ()
    return ()


def steps_for(rules: Removal, form: Form, answers: Mapping[str, Any]) -> tuple[Channels, ...]:
    """The steps of asking that a piece of this kind takes, in their order."""
    at_once = is_intimate(form, answers)
    return tuple(step for step in rules.order if at_once or not step.intimate)


def with_request(
    rules: Removal, answers: Mapping[str, Any], row: Mapping[str, Any], place: int | None
) -> dict[str, Any]:
    """The answers of a piece with one more request, or with one of them (`place`) said anew."""
    rows = [dict(one) for one in answers.get(rules.rows) or ()]
    if place is None:
        rows.append(dict(row))
    else:
        rows[place] = {**rows[place], **row}
    return {**answers, rules.rows: rows}


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


# ---- something that must not be kept ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Incident:
    """A file that must not be there: by when whom to tell and to ask, and what was done."""

    since: datetime
    tell_by: datetime
    ask_by: datetime
    asked: tuple[tuple[str, datetime], ...]
    destroyed_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.destroyed_at is None


def incident_of(pieces: Pieces, life: FileLife) -> Incident | None:
    """The incident that shutting a file began, if it was shut."""
    if life.shut_at is None:
        return None
    rule = pieces.mistake
    return Incident(
        life.shut_at,
        life.shut_at + timedelta(hours=rule.tell_hours),
        life.shut_at + timedelta(hours=rule.ask_hours),
        tuple(life.asked),
        life.destroyed_at,
    )
