"""Whether a file is a copy that was handed out, whole and as it was: from the file alone, or asked of its house, too.

`checked` needs no installation: the file and whom to trust. `asked` adds what the house that issued it knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from school_protocol.definitions import read_published
from school_protocol.documents import record as records
from school_protocol.documents.record import RecordFault
from school_protocol.documents.sealing.trust import Trust
from school_protocol.documents.sealing.verdicts import Code, Finding, Verdict
from school_protocol.documents.sealing.verifying import MOST, verify
from school_protocol.domain.errors import DefinitionError, Sealed
from school_protocol.domain.events import DocumentIssued, DocumentRevoked, Event, from_entry
from school_protocol.services.house import House
from school_protocol.storage import cases, copies, yearly
from school_protocol.storage.engines import Session
from school_protocol.storage.figures import releases
from school_protocol.storage.journal import Head
from school_protocol.storage.workshops import attested
from school_protocol.wording import Wording


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
    """One file, checked. `is_asked`: this house was asked; `is_issued`: it handed out these very bytes."""

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


def checked(data: bytes, trust: Trust, moment: datetime, most: int = MOST) -> Checked:
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
        told = records.decoded(record)
        versions = {
            number: read_published(text.encode(), f"record/{number}.yaml")
            for number, text in records.sources_of(told).items()
        }
        view = records.view_of(told, versions)
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
    family = records.whole.ID.rpartition(":")[0]
    if not isinstance(told, dict) or not str(told.get("schema", "")).startswith(f"{family}:"):
        return False
    return told.get("format") != records.FORMAT or told.get("layout") != records.LAYOUT


def _with(verdict: Verdict, found: Iterable[Finding]) -> Verdict:
    return replace(verdict, findings=(*verdict.findings, *found))


# ---- asked of the house --------------------------------------------------------------------------------------------


def asked(house: House, found: Checked) -> Checked:
    """What this house knows of a file besides. Of one that no key of its trust signed, it says nothing at all.

    The very bytes that it handed out are genuine, though this version would write their record otherwise.
    """
    verdict, copy = found.verdict, found.verdict.copy
    signed = replace(verdict, findings=tuple(one for one in verdict.findings if one.code is not Code.RECORD_FALSE))
    if not signed.is_sound or copy is None:
        return found
    if found.about is None and not copy.journal_head:
        return _asked_of_reports(house, found, copy.number)
    with house.realm.reading() as session:
        place = Head(copy.journal_number, copy.journal_head)
        named = cases.check_number(found.about.number) if found.about else None
        case_id = cases.find_by_number(session, named) if named else copies.case_at(session, place)
        if case_id is None:
            return replace(found, verdict=_with(verdict, [Finding(Code.CASE_UNKNOWN)]), is_asked=True)
        told: list[Finding] = []
        if not all(copies.has_place(session, case_id, one) for one in _places(found, place)):
            told.append(Finding(Code.JOURNAL_DIFFERS))
        try:
            events = _events(house, session, case_id)
        except Sealed:
            return replace(found, verdict=_with(verdict, [*told, Finding(Code.CASE_ERASED)]), is_asked=True)
    issued = _issued(events, found)
    told += [Finding(Code.NOT_ISSUED)] if issued is None else _revoked(events, issued)
    if issued is not None and signed != verdict:
        verdict = _with(signed, [Finding(Code.RECORD_NEWER)])
    return replace(found, verdict=_with(verdict, told), is_asked=True, is_issued=issued is not None)


def _asked_of_reports(house: House, found: Checked, number: int) -> Checked:
    """Of a copy that is of no case: whether it is a report on figures, or a workshop's certificate, handed out so,
    byte for byte; of a certificate, too, whether it was withdrawn.
    """
    with house.directory.reading() as session:
        digest = found.verdict.digest
        handed = yearly.of_digest(session, digest) or releases.paper_of_digest(session, digest)
        certificate = attested.of_digest(session, digest) if handed is None else None
    if certificate is not None and certificate[0] == number:
        gone = [Finding(Code.COPY_REVOKED, {"since": certificate[1]})] if certificate[1] else []
        return replace(found, verdict=_with(found.verdict, gone), is_asked=True, is_issued=True)
    if handed is None or handed.copy != number:
        return replace(found, verdict=_with(found.verdict, [Finding(Code.NOT_ISSUED)]), is_asked=True)
    return replace(found, is_asked=True, is_issued=True)


def _places(found: Checked, place: Head) -> tuple[Head, ...]:
    return (place, found.about.content) if found.about else (place,)


def _events(house: House, session: Session, case_id: str) -> tuple[Event, ...]:
    return tuple(from_entry(entry) for entry in cases.load(session, house.vault, case_id))


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
