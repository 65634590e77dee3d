"""Verification of a copy: whether a file was handed out and is whole; the verdict in words; how often one may ask."""

from __future__ import annotations

import hmac
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from school_protocol.auth import sign_in_repository
from school_protocol.auth.service import TooManyTries, place_of
from school_protocol.case_files import record as case_files_record
from school_protocol.case_files import repository
from school_protocol.case_files.presenters import document_title
from school_protocol.case_files.record import ID as RECORD_ID
from school_protocol.case_files.record import RecordFault
from school_protocol.case_files.service import code_of, trust_in
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded
from school_protocol.context import AppContext
from school_protocol.engine.errors import DefinitionError, Sealed
from school_protocol.engine.events import DocumentIssued, DocumentRevoked, Event, from_entry
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.presenters import finding_message
from school_protocol.pdf.signing_keys import Trust
from school_protocol.pdf.verdicts import Code, Finding, Verdict
from school_protocol.pdf.verification import DOCUMENT_MOST, verify
from school_protocol.people import attestation_repository
from school_protocol.protocol.reader import read_published
from school_protocol.statistics import repository as statistics_repository
from school_protocol.storage import case_numbers
from school_protocol.storage.engines import Session
from school_protocol.storage.journal import Head

WINDOW, MOST = timedelta(minutes=15), 40
"""So many files from one place in so long: a whole school may stand behind one address."""


def can(ctx: AppContext) -> bool:
    """Whether this installation has an authority by which files can be checked."""
    return ctx.settings.signing_folder is not None


def trust(ctx: AppContext) -> Trust | None:
    """Whom this installation trusts; None where it has no authority. Raises TrustUnreadable."""
    folder = ctx.settings.signing_folder
    return trust_in(folder) if folder is not None else None


def note(ctx: AppContext, address: str) -> None:
    """One more file from the place of that address. Raises TooManyTries."""
    subject = f"verify|{place_of(address)}"
    with ctx.directory.writing() as session:
        if sign_in_repository.attempts_since(session, subject, ctx.now() - WINDOW) >= MOST:
            raise TooManyTries(int(WINDOW.total_seconds()))
        sign_in_repository.note_attempt(session, subject, at=ctx.now())


# ---- by the code on a paper ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HandedOut:
    """What the code of a copy tells: what stands on its paper; that it was taken back, in words, where it was."""

    title: str
    copy: int
    at: datetime
    revoked: str


def by_code(ctx: AppContext, typed: str, wording: Wording) -> HandedOut | None:
    """The copy that bears this code, however it was typed; None where none that is still known here does."""
    signs = re.sub(r"[\W_]", "", "".join(str(unicodedata.decimal(sign, sign)) for sign in typed.upper()))
    number = case_numbers.check_number(signs[: case_numbers.DIGITS])
    with ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number) if number else None
        if number is None or case_id is None:
            return None
        try:
            protocol, case = folded(ctx, session, case_id)
        except Sealed:
            return None
    for event in case.documents:
        made = code_of(ctx, case_id, number, event.document, event.copy).replace("-", "")
        if hmac.compare_digest(made.encode(), signs.encode()):
            document = case.protocol_at(event.seq, protocol).documents.get(event.document)
            gone = " ".join(finding_message(wording, one) for one in _revoked(case.events, event))
            return HandedOut(document_title(wording, document), event.copy, event.at, gone)
    return None


# ---- the check of a file -------------------------------------------------------------------------------------------
# `checked` needs no installation: the file and whom to trust. `asked` adds what the installation that issued it knows.


class Standing(StrEnum):
    """What it comes to."""

    genuine = "genuine"
    """The signature holds, and nothing stands against what it covers."""
    not_trusted = "not_trusted"


@dataclass(frozen=True, slots=True)
class About:
    """What a record says of the document that it is in."""

    number: str
    document: str
    title: str
    profile: str
    language: str
    content: Head


@dataclass(frozen=True, slots=True)
class Checked:
    """One file, checked. `is_asked`: this installation was asked; `is_issued`: it handed out these very bytes."""

    verdict: Verdict
    about: About | None = None
    is_asked: bool = False
    is_issued: bool = False

    @property
    def standing(self) -> Standing:
        return Standing.genuine if self.verdict.is_sound else Standing.not_trusted

    def plain(self) -> dict[str, Any]:
        """The same for JSON, as docs/case-record.md describes it."""
        about = self.about
        return {
            "standing": self.standing.value,
            "asked": self.is_asked,
            "issued": self.is_issued,
            "about": {
                "number": about.number,
                "document": about.document,
                "title": about.title,
                "profile": about.profile,
                "language": about.language,
                "content": {"head": about.content.hash, "number": about.content.seq},
            }
            if about
            else None,
            **self.verdict.plain(),
        }


# ---- the file alone ------------------------------------------------------------------------------------------------


def checked(data: bytes, trust: Trust, moment: datetime, most: int = DOCUMENT_MOST) -> Checked:
    """Signature and record of a file, as of an aware moment, without any installation. Raises nothing."""
    verdict = verify(data, trust, moment, most)
    if not verdict.is_sound or verdict.copy is None:
        return Checked(verdict)
    if verdict.record is None:
        return Checked(_with(verdict, [Finding(Code.NO_RECORD)]))
    return _with_the_record(verdict, verdict.record)


def _with_the_record(verdict: Verdict, record: bytes) -> Checked:
    if _is_of_another_version(record):
        return Checked(_with(verdict, [Finding(Code.RECORD_NEWER)]))
    try:
        told = case_files_record.decoded(record)
        versions = {
            number: read_published(text.encode(), f"record/{number}.yaml")
            for number, text in case_files_record.sources_of(told).items()
        }
        view = case_files_record.view_of(told, versions)
        wording = Wording(told["language"])
    except DefinitionError:  # its own digest holds: a version of the format that is not known here
        return Checked(_with(verdict, [Finding(Code.RECORD_NEWER)]))
    except (RecordFault, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as fault:
        return Checked(_with(verdict, [Finding(Code.RECORD_FALSE, {"problem": str(fault)[:200]})]))
    about = About(
        view.head.number, view.document.key, wording.text(view.document.title), view.profile, wording.language,
        Head(view.content_seq, view.content_head),
    )  # fmt: skip
    return Checked(verdict, about)


def _is_of_another_version(record: bytes) -> bool:
    """Whether it says of itself that it is a record of ours in another form, or of other pages."""
    try:
        told = json.loads(record)
    except (ValueError, RecursionError):
        return False
    family = RECORD_ID.rpartition(":")[0]
    if not isinstance(told, dict) or not str(told.get("schema", "")).startswith(f"{family}:"):
        return False
    return told.get("format") != case_files_record.FORMAT or told.get("layout") != case_files_record.LAYOUT


def _with(verdict: Verdict, found: Iterable[Finding]) -> Verdict:
    return replace(verdict, findings=(*verdict.findings, *found))


# ---- asked of the installation --------------------------------------------------------------------------------------


def asked(ctx: AppContext, found: Checked) -> Checked:
    """What this installation knows of a file besides. Of one that no key of its trust signed, it says nothing at all.

    The very bytes that it handed out are genuine, though this version would write their record otherwise.
    """
    verdict, copy = found.verdict, found.verdict.copy
    signed = replace(verdict, findings=tuple(one for one in verdict.findings if one.code is not Code.RECORD_FALSE))
    if not signed.is_sound or copy is None:
        return found
    if found.about is None and not copy.journal_head:
        return _asked_of_reports(ctx, found, copy.number)
    with ctx.realm.reading() as session:
        place = Head(copy.journal_number, copy.journal_head)
        named = case_numbers.check_number(found.about.number) if found.about else None
        case_id = cases_repository.find_by_number(session, named) if named else repository.case_at(session, place)
        if case_id is None:
            return replace(found, verdict=_with(verdict, [Finding(Code.CASE_UNKNOWN)]), is_asked=True)
        told: list[Finding] = []
        if not all(repository.has_place(session, case_id, one) for one in _places(found, place)):
            told.append(Finding(Code.JOURNAL_DIFFERS))
        try:
            events = _events(ctx, session, case_id)
        except Sealed:
            return replace(found, verdict=_with(verdict, [*told, Finding(Code.CASE_ERASED)]), is_asked=True)
    issued = _issued(events, found)
    told += [Finding(Code.NOT_ISSUED)] if issued is None else _revoked(events, issued)
    if issued is not None and signed != verdict:
        verdict = _with(signed, [Finding(Code.RECORD_NEWER)])
    return replace(found, verdict=_with(verdict, told), is_asked=True, is_issued=issued is not None)


def _asked_of_reports(ctx: AppContext, found: Checked, number: int) -> Checked:
    """Of a copy that is of no case: whether it is a report on figures, or a workshop's certificate, handed out so,
    byte for byte; of a certificate, too, whether it was withdrawn.
    """
    with ctx.directory.reading() as session:
        digest = found.verdict.digest
        figures = statistics_repository
        handed = figures.of_digest(session, digest) or figures.paper_of_digest(session, digest)
        certificate = attestation_repository.of_digest(session, digest) if handed is None else None
    if certificate is not None and certificate[0] == number:
        gone = [Finding(Code.COPY_REVOKED, {"since": certificate[1]})] if certificate[1] else []
        return replace(found, verdict=_with(found.verdict, gone), is_asked=True, is_issued=True)
    if handed is None or handed.copy != number:
        return replace(found, verdict=_with(found.verdict, [Finding(Code.NOT_ISSUED)]), is_asked=True)
    return replace(found, is_asked=True, is_issued=True)


def _places(found: Checked, place: Head) -> tuple[Head, ...]:
    return (place, found.about.content) if found.about else (place,)


def _events(ctx: AppContext, session: Session, case_id: str) -> tuple[Event, ...]:
    return tuple(from_entry(entry) for entry in cases_repository.load_events(session, ctx.vault, case_id))


def _issued(events: Iterable[Event], found: Checked) -> DocumentIssued | None:
    """The handing out of these very bytes, by themselves or in an archive, under the number and content they say."""
    copy, about = found.verdict.copy, found.about
    assert copy is not None
    for event in events:
        if not isinstance(event, DocumentIssued) or found.verdict.digest not in (event.digest, *event.parts):
            continue
        if event.copy == copy.number and (about is None or event.content_head == about.content.hash):
            return event
    return None


def _revoked(events: Iterable[Event], issued: DocumentIssued) -> list[Finding]:
    """When that copy was taken back; why is not for outsiders."""
    return [
        Finding(Code.COPY_REVOKED, {"since": event.at})
        for event in events
        if isinstance(event, DocumentRevoked) and (event.document, event.copy) == (issued.document, issued.copy)
    ]


def unread(size: int, code: Code, /, **details: object) -> Checked:
    """Of a file that was not looked at to its end, and why."""
    return Checked(Verdict(size, "", (Finding(code, details),)))


# ---- a checked file in the reader's words: the verdict first, then whose it is, what was checked and found ---------

_OF_RECORD = frozenset(
    {
        Code.RECORD_MISSING, Code.RECORD_REPEATED, Code.RECORD_UNREADABLE, Code.RECORD_DIFFERS, Code.RECORD_FALSE,
        Code.COPY_MISSING, Code.COPY_REPEATED, Code.COPY_UNREADABLE,
    }
)  # fmt: skip
_OF_CONTEXT = frozenset({Code.CASE_UNKNOWN, Code.JOURNAL_DIFFERS, Code.NOT_ISSUED})


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


def verification_messages(w: Wording, found: Checked) -> CheckedSaid:
    """What is said of whose it is only where the signature holds: of anything else, the file itself would say it."""
    verdict = found.verdict
    return CheckedSaid(
        found.standing,
        _title(w, found),
        tuple(finding_message(w, finding) for finding in verdict.findings),
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
    return found.verdict.signer is not None and against <= {*_OF_RECORD, *_OF_CONTEXT, Code.COPY_REVOKED}


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
    journal = (not codes & _OF_CONTEXT) if found.is_asked and Code.CASE_ERASED not in codes else None
    kept = Code.COPY_REVOKED not in codes if found.is_asked and found.is_issued else None
    return [
        Point(w._("Unchanged since it was signed"), True),
        Point(w._("The record inside is the one that this copy names"), has_record),
        Point(w._("This site handed out this very file, and its journal has the place that the copy names"), journal),
        Point(w._("The copy was not taken back"), kept),
    ]
