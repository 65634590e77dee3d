"""Data classes of sealing: copy.json, verdicts and findings in codes, and the errors of signing and verifying."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import rfc8785

from school_protocol.engine.errors import SchoolProtocolError

# ---- errors: why a document could not be sealed --------------------------------------------------------------------
# Each has a code; `pdf.presenters.error_said` has its words. Each class says when it is raised.


class SealingError(SchoolProtocolError):
    """A document could not be sealed; `code` says why."""

    code = "sealing"


class KeyLost(SealingError):
    """No key file stands there, or it may not be read."""

    code = "key_lost"


class KeyUnreadable(SealingError):
    """The file holds no key, or no certificate, that can be read."""

    code = "key_unreadable"


class PassphraseWrong(SealingError):
    """The passphrase is missing, or does not open the key."""

    code = "passphrase_wrong"


class KeyMismatch(SealingError):
    """The key belongs to none of the certificates beside it."""

    code = "key_mismatch"


class KeyUnsuited(SealingError):
    """Neither P-256 nor RSA from 2048 bits, or a certificate that is not for signing."""

    code = "key_unsuited"


class KeyExists(SealingError):
    """A key file stands there already: nothing was overwritten."""

    code = "key_exists"


class CertificateNotYetValid(SealingError):
    """The certificate's time has not come."""

    code = "certificate_not_yet_valid"


class CertificateExpired(SealingError):
    """The certificate's time is over."""

    code = "certificate_expired"


class TimestampRefused(SealingError):
    """The timestamp authority gave no answer, or none that holds."""

    code = "timestamp_refused"


class TrustUnreadable(SealingError):
    """What should be a trusted certificate, or a list of revoked ones, is neither."""

    code = "trust_unreadable"


class NotSealable(SealingError):
    """No PDF, an encrypted one, one that is signed already, or one without its record."""

    code = "not_sealable"


class StampUnfit(SealingError):
    """The overlay is no PDF of exactly one page."""

    code = "stamp_unfit"


class FileExists(SealingError):
    """A file of that name is attached already."""

    code = "file_exists"


class CopyUnreadable(SealingError):
    """What should be copy.json cannot be read, or is of another version."""

    code = "copy_unreadable"


RECORD, COPY = "record.json", "copy.json"
"""Names of the two attached files: what the pages show, and what this copy adds."""

FIGURES = "figures.json"
"""Beside copy.json in a yearly report, which has no record: its figures, as its pages print them."""

RECORD_MOST, COPY_MOST = 32 * 1024 * 1024, 64 * 1024
"""Bytes of each, unpacked."""

FORMAT, VERSION = "school-protocol/copy", 1

_DIGEST = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a document. `journal_head`: hash of the chain at `journal_number`, as the pages print it.

    `record_digest`: SHA-256 of record.json in hexadecimal figures; empty where the document carries no record.
    """

    number: int
    reader: str
    moment: datetime
    journal_head: str
    journal_number: int
    record_digest: str = ""

    def as_json(self) -> bytes:
        """copy.json, canonical (RFC 8785): the same copy, the same bytes."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "number": self.number,
                "reader": self.reader,
                "moment": f"{self.moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "journal": {"head": self.journal_head, "number": self.journal_number},
                "record": {"name": RECORD, "sha256": self.record_digest} if self.record_digest else None,
            }
        )


def read_copy(data: bytes) -> Copy:
    """What `Copy.as_json` wrote. Raises CopyUnreadable."""
    try:
        told = json.loads(data)
        if (told["format"], told["version"]) != (FORMAT, VERSION):
            raise CopyUnreadable(f"format {told['format']!r}, version {told['version']!r}")
        return _copy(told)
    except CopyUnreadable:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as problem:
        raise CopyUnreadable(type(problem).__name__) from None


def _copy(told: Any) -> Copy:
    record, journal = told["record"], told["journal"]
    return Copy(
        number=_of(int, told["number"]),
        reader=_of(str, told["reader"]),
        moment=datetime.strptime(told["moment"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
        journal_head=_of(str, journal["head"]),
        journal_number=_of(int, journal["number"]),
        record_digest="" if record is None else _digest(record),
    )


def _of(kind: type[_T], value: Any) -> _T:
    if type(value) is not kind:
        raise CopyUnreadable(f"not of type {kind.__name__}")
    return value


def _digest(record: Any) -> str:
    digest = _of(str, record["sha256"])
    if record["name"] != RECORD or not _DIGEST.fullmatch(digest):
        raise CopyUnreadable("record")
    return digest


# ---- what a verification found: frozen, and in codes; `pdf.presenters` has the words -------------------------------


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
