"""What a verification found: frozen, and in codes; `saying` has the words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from school_protocol.documents.sealing.copies import Copy


class Code(StrEnum):
    """Each finding's name, in machine-readable answers too."""

    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    NOT_A_PDF = "not_a_pdf"
    ARCHIVE = "archive"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    TOO_MUCH = "too_much"
    JAVASCRIPT = "javascript"
    LAUNCH = "launch"
    ACTIVE = "active"
    FOREIGN_FILE = "foreign_file"

    NOT_SIGNED = "not_signed"
    SEVERAL_SIGNATURES = "several_signatures"
    FOREIGN_SIGNATURE = "foreign_signature"
    SIGNATURE_UNREADABLE = "signature_unreadable"
    ALTERED = "altered"
    ADDED_AFTER = "added_after"
    NOT_WHOLE = "not_whole"
    CONTAINER_ALTERED = "container_altered"

    UNKNOWN_AUTHORITY = "unknown_authority"
    AUTHORITY_OUT_OF_DATE = "authority_out_of_date"
    CERTIFICATE_UNFIT = "certificate_unfit"
    WEAK = "weak"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED_BEFORE = "expired_before"
    EXPIRED = "expired"
    SIGNED_LATER = "signed_later"
    REVOKED = "revoked"
    REVOKED_SINCE = "revoked_since"
    REVOCATION_UNKNOWN = "revocation_unknown"
    TIMESTAMP_BROKEN = "timestamp_broken"
    TIMESTAMP_UNKNOWN = "timestamp_unknown"

    RECORD_MISSING = "record_missing"
    RECORD_REPEATED = "record_repeated"
    RECORD_UNREADABLE = "record_unreadable"
    RECORD_DIFFERS = "record_differs"
    COPY_MISSING = "copy_missing"
    COPY_REPEATED = "copy_repeated"
    COPY_UNREADABLE = "copy_unreadable"

    RECORD_FALSE = "record_false"
    RECORD_NEWER = "record_newer"
    NO_RECORD = "no_record"

    CASE_UNKNOWN = "case_unknown"
    CASE_ERASED = "case_erased"
    JOURNAL_DIFFERS = "journal_differs"
    NOT_ISSUED = "not_issued"
    COPY_REVOKED = "copy_revoked"


WARNINGS = frozenset(
    {
        Code.EXPIRED, Code.SIGNED_LATER, Code.REVOKED_SINCE, Code.REVOCATION_UNKNOWN, Code.TIMESTAMP_UNKNOWN,
        Code.RECORD_NEWER, Code.NO_RECORD, Code.CASE_ERASED,
    }
)  # fmt: skip
"""Findings that leave a document sound."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found; `details`: names, counts and aware moments that its sentence may tell."""

    code: Code
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_warning(self) -> bool:
        return self.code in WARNINGS


@dataclass(frozen=True, slots=True)
class Signer:
    """The certificate that signed, as it names itself. `fingerprint`: SHA-256 in hexadecimal figures."""

    name: str
    issuer: str
    serial: str
    fingerprint: str
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one file. Signer, moments, copy and record are to be believed only if `is_sound`.

    `digest`: SHA-256 of the whole file, for the issuing server to look up; empty where nothing was read.
    `signed_at` is what the signer says; `stamped_at`, what a timestamp authority proves.
    """

    size: int
    digest: str
    findings: tuple[Finding, ...]
    signer: Signer | None = None
    signed_at: datetime | None = None
    stamped_at: datetime | None = None
    copy: Copy | None = None
    record: bytes | None = field(default=None, repr=False)

    @property
    def is_sound(self) -> bool:
        """Whole, unchanged since it was signed, by somebody trusted, with the record that its copy names."""
        return all(finding.is_warning for finding in self.findings)

    @property
    def codes(self) -> tuple[Code, ...]:
        return tuple(finding.code for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """The same for JSON: moments in UTC, the record as its digest."""
        signer = self.signer
        return {
            "sound": self.is_sound,
            "size": self.size,
            "sha256": self.digest,
            "findings": [
                {
                    "code": finding.code.value,
                    "warning": finding.is_warning,
                    "details": {key: _plain(value) for key, value in finding.details.items()},
                }
                for finding in self.findings
            ],
            "signer": {
                "name": signer.name,
                "issuer": signer.issuer,
                "serial": signer.serial,
                "sha256": signer.fingerprint,
                "valid_from": _plain(signer.valid_from),
                "valid_until": _plain(signer.valid_until),
            }
            if signer
            else None,
            "signed_at": _plain(self.signed_at),
            "stamped_at": _plain(self.stamped_at),
            "copy": {
                "number": self.copy.number,
                "reader": self.copy.reader,
                "moment": _plain(self.copy.moment),
                "journal": {"head": self.copy.journal_head, "number": self.copy.journal_number},
                "record_sha256": self.copy.record_digest,
            }
            if self.copy
            else None,
            "record": None if self.record is None else {"sha256": hashlib.sha256(self.record).hexdigest()},
        }


def _plain(value: Any) -> Any:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
