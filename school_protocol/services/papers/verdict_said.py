"""A checked file in the reader's words: the verdict first, then whose it is, what was checked, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from school_protocol.documents import bidi
from school_protocol.documents.sealing.saying import finding_said
from school_protocol.documents.sealing.verdicts import Code
from school_protocol.services.papers.verifying import Checked, Standing
from school_protocol.wording import Wording

_OF_RECORD = frozenset(
    {
        Code.RECORD_MISSING, Code.RECORD_REPEATED, Code.RECORD_UNREADABLE, Code.RECORD_DIFFERS, Code.RECORD_FALSE,
        Code.COPY_MISSING, Code.COPY_REPEATED, Code.COPY_UNREADABLE,
    }
)  # fmt: skip
_OF_HOUSE = frozenset({Code.CASE_UNKNOWN, Code.JOURNAL_DIFFERS, Code.NOT_ISSUED})


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was checked: true, not true, or not to be told here."""

    words: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class CheckedSaid:
    """Title, a sentence for each finding, pairs of what and who, and what was checked."""

    standing: Standing
    title: str
    lines: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    points: tuple[Point, ...]


def checked_said(w: Wording, found: Checked) -> CheckedSaid:
    """What is said of whose it is only where the signature holds: of anything else, the file itself would say it."""
    verdict = found.verdict
    return CheckedSaid(
        found.standing,
        _title(w, found),
        tuple(finding_said(w, finding) for finding in verdict.findings),
        tuple(_facts(w, found)) if _is_signed(found) else (),
        tuple(_points(w, found)) if _is_signed(found) else (),
    )


def _title(w: Wording, found: Checked) -> str:
    if Code.COPY_REVOKED in found.verdict.codes:
        return w._("This copy was taken back: it is not to be relied on.")
    match found.standing:
        case Standing.genuine:
            return w._("This copy is genuine and complete.")
        case Standing.not_trusted:
            return w._("This file is not to be trusted.")


def _is_signed(found: Checked) -> bool:
    """Whether all that stands against it, if anything does, was found behind a signature that holds."""
    against = {one.code for one in found.verdict.findings if not one.is_warning}
    return found.verdict.signer is not None and against <= {*_OF_RECORD, *_OF_HOUSE, Code.COPY_REVOKED}


def _facts(w: Wording, found: Checked) -> list[tuple[str, str]]:
    verdict, copy = found.verdict, found.verdict.copy
    facts = []
    if found.about is not None:
        facts.append((w._("Document"), found.about.title))
    if verdict.signer is not None:
        facts.append((w._("Signed by"), verdict.signer.name))
    if verdict.stamped_at is not None:
        facts.append((w._("Signed before (timestamp)"), w.moment(verdict.stamped_at)))
    elif verdict.signed_at is not None:
        facts.append((w._("Signed at (by the signer’s own clock)"), w.moment(verdict.signed_at)))
    if copy is not None:
        facts.append((w._("Copy number"), str(copy.number)))
        facts.append((w._("Made out to"), bidi.plain(copy.reader)))
    return facts


def _points(w: Wording, found: Checked) -> list[Point]:
    codes = set(found.verdict.codes)
    has_record = None if Code.NO_RECORD in codes else not codes & _OF_RECORD
    if has_record and Code.RECORD_NEWER in codes:
        has_record = None
    journal = (not codes & _OF_HOUSE) if found.is_asked and Code.CASE_ERASED not in codes else None
    kept = Code.COPY_REVOKED not in codes if found.is_asked and found.is_issued else None
    return [
        Point(w._("Unchanged since it was signed"), True),
        Point(w._("The record inside is the one that this copy names"), has_record),
        Point(w._("This site handed out this very file, and its journal has the place that the copy names"), journal),
        Point(w._("The copy was not taken back"), kept),
    ]
