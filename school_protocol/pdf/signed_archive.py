"""A bundle: files in one ZIP, with a manifest that names each by its digest and that the academy has signed.

Its form is one and only: nothing is compressed, every date is the moment of issuing, the entries stand in the
manifest's order. So whoever verifies packs what was found once more, and any other byte anywhere is told.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from io import BytesIO
from typing import Any

import rfc8785

from school_protocol.pdf.signing import TimestampAuthority
from school_protocol.pdf.signing_keys import SigningKey, Trust
from school_protocol.pdf.verdicts import Code, Finding, Signer

MANIFEST, SIGNATURE = "manifest.json", "manifest.p7s"
FORMAT, VERSION = "school-protocol/bundle", 1
MOST, FILES_MOST, MANIFEST_MOST = 256 * 1024 * 1024, 500, 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,2}")
"""Names of ours: no drive, no dots that lead out, nothing that a shell or another system would read otherwise."""
_LOCAL = struct.Struct("<4s22xHH")
_FIRST, _EMPTY = b"PK\x03\x04", b"PK\x05\x06"
_ENCRYPTED = 0x1


class Fault(StrEnum):
    """What is wrong with a bundle beside its signature."""

    TOO_LARGE = "too_large"
    NOT_A_ZIP = "not_a_zip"
    UNREADABLE = "unreadable"
    TOO_MANY = "too_many"
    ENCRYPTED = "encrypted"
    COMPRESSED = "compressed"
    REPEATED = "repeated"
    UNSAFE_NAME = "unsafe_name"
    NO_MANIFEST = "no_manifest"
    NO_SIGNATURE = "no_signature"
    MANIFEST_UNREADABLE = "manifest_unreadable"
    MANIFEST_ALTERED = "manifest_altered"
    FILE_ALTERED = "file_altered"
    FILE_MISSING = "file_missing"
    FILE_ADDED = "file_added"
    FILE_RENAMED = "file_renamed"
    PACKED_OTHERWISE = "packed_otherwise"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing found: a fault of the bundle, with the file that it is about, or a finding about its signature."""

    code: str
    name: str = ""
    other: str = ""
    """Of a renamed file: the name that it has now."""
    finding: Finding | None = None

    @property
    def is_warning(self) -> bool:
        return self.finding is not None and self.finding.is_warning


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A file of a bundle. `what` it is, by language."""

    name: str
    data: bytes
    media_type: str
    what: Mapping[str, str]

    def as_listed(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "size": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "type": self.media_type,
            "what": dict(self.what),
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself: of which case, which copy, for whom, when, by whom, at which journal head."""

    case: str
    copy: int
    issued_at: datetime
    issued_by: str
    issued_for: str
    journal_head: str
    journal_number: int
    files: tuple[Mapping[str, Any], ...]

    def as_json(self) -> bytes:
        """manifest.json, canonical (RFC 8785): the same manifest, the same bytes."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "case": self.case,
                "copy": self.copy,
                "issued": {
                    "at": f"{self.issued_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                    "by": self.issued_by,
                    "for": self.issued_for,
                },
                "journal": {"head": self.journal_head, "number": self.journal_number},
                "files": [dict(one) for one in self.files],
            }
        )


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """What was found of a bundle; its signer, moments and manifest are to be believed only if `is_sound`."""

    size: int
    digest: str
    found: tuple[Found, ...]
    manifest: Manifest | None = None
    signer: Signer | None = None
    stamped_at: datetime | None = None
    names: tuple[str, ...] = field(default=())

    @property
    def is_sound(self) -> bool:
        """Signed by somebody trusted, every file there as it was listed, and nothing else."""
        return all(one.is_warning for one in self.found)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(one.code for one in self.found)

    def plain(self) -> dict[str, Any]:
        """The same for JSON; moments in UTC."""
        manifest = self.manifest
        return {
            "sound": self.is_sound,
            "size": self.size,
            "sha256": self.digest,
            "findings": [
                {"code": one.code, "warning": one.is_warning, "name": one.name, "other": one.other}
                for one in self.found
            ],
            "signer": {"name": self.signer.name, "issuer": self.signer.issuer, "sha256": self.signer.fingerprint}
            if self.signer
            else None,
            "stamped_at": f"{self.stamped_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.stamped_at else None,
            "manifest": json.loads(manifest.as_json()) if manifest else None,
        }


# ---- making ----------------------------------------------------------------------------------------------------------


def bundled(
    manifest: Manifest, files: Sequence[BundleFile], key: SigningKey, authority: TimestampAuthority | None = None
) -> bytes:
    """The ZIP with its manifest signed. Raises CertificateNotYetValid, CertificateExpired, TimestampRefused."""
    from school_protocol.pdf.signing import signed_apart

    told = manifest.as_json()
    signature = signed_apart(told, key, manifest.issued_at, authority)
    named = {one.name: one.data for one in files}
    return packed({MANIFEST: told, SIGNATURE: signature, **named}, manifest.issued_at)


def packed(files: Mapping[str, bytes], moment: datetime) -> bytes:
    """A ZIP of these files in their order. Same files, same moment: same bytes."""
    at = moment.astimezone(UTC)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (max(at.year, 1980), at.month, at.day, at.hour, at.minute, at.second))
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, data)
    return out.getvalue()


# ---- verifying -------------------------------------------------------------------------------------------------------


def verify_bundle(data: bytes, trust: Trust, moment: datetime) -> BundleVerdict:
    """What is found of a bundle as of an aware moment, without a server or the network. Raises nothing."""
    if len(data) > MOST:
        return BundleVerdict(len(data), "", (Found(Fault.TOO_LARGE),))
    digest = hashlib.sha256(data).hexdigest()
    if not data.startswith((_FIRST, _EMPTY)):
        return BundleVerdict(len(data), digest, (Found(Fault.NOT_A_ZIP),))
    try:
        return _Verifying(data, digest, trust, moment).verdict()
    except Exception:  # whatever a file that nobody foresaw makes its readers raise
        return BundleVerdict(len(data), digest, (Found(Fault.UNREADABLE),))


class _Verifying:
    def __init__(self, data: bytes, digest: str, trust: Trust, moment: datetime) -> None:
        self.data, self.digest, self.trust, self.moment = data, digest, trust, moment
        self.manifest: Manifest | None = None
        self.signer: Signer | None = None
        self.stamped_at: datetime | None = None

    def verdict(self) -> BundleVerdict:
        with zipfile.ZipFile(BytesIO(self.data)) as archive:
            entries = archive.infolist()
        found, names = list(_not_to_be_opened(entries)), tuple(one.filename for one in entries)
        if not found:
            files = {one.filename: _content(self.data, one) for one in entries}
            found = list(self._compared(files))
            is_told = any(not one.is_warning for one in found)
            if not is_told and (self.manifest is None or packed(files, self.manifest.issued_at) != self.data):
                found.append(Found(Fault.PACKED_OTHERWISE))
        return BundleVerdict(
            len(self.data), self.digest, tuple(found), self.manifest, self.signer, self.stamped_at, names
        )

    def _compared(self, files: Mapping[str, bytes]) -> Iterator[Found]:
        for name, fault in ((MANIFEST, Fault.NO_MANIFEST), (SIGNATURE, Fault.NO_SIGNATURE)):
            if name not in files:
                yield Found(fault)
                return
        self.manifest = _read_manifest(files[MANIFEST])
        is_altered = False
        for finding in self._signature(files[MANIFEST], files[SIGNATURE]):
            is_altered = is_altered or finding.code is Code.ALTERED
            code = Fault.MANIFEST_ALTERED if finding.code is Code.ALTERED else finding.code
            yield Found(code.value, finding=finding)
        if is_altered:
            return  # what an altered manifest lists says nothing of the files
        if self.manifest is None:
            yield Found(Fault.MANIFEST_UNREADABLE)
            return
        yield from _differences(self.manifest, files)

    def _signature(self, told: bytes, signature: bytes) -> tuple[Finding, ...]:
        from school_protocol.pdf.signature_check import examined  # loads pyHanko, once

        signed_at = self.manifest.issued_at if self.manifest else None
        known = examined(signature, told, self.trust, self.moment, signed_at)
        self.signer, self.stamped_at = known.signer, known.stamped_at
        return known.findings


def _not_to_be_opened(entries: Sequence[zipfile.ZipInfo]) -> Iterator[Found]:
    """What no bundle has: then nothing of it is read."""
    if len(entries) > FILES_MOST:
        yield Found(Fault.TOO_MANY)
        return
    seen: set[str] = set()
    for one in entries:
        name = _shown(one.orig_filename)
        if not _NAME.fullmatch(one.orig_filename):
            yield Found(Fault.UNSAFE_NAME, name)
        if one.filename.lower() in seen:
            yield Found(Fault.REPEATED, name)
        seen.add(one.filename.lower())
        if one.flag_bits & _ENCRYPTED:
            yield Found(Fault.ENCRYPTED, name)
        elif one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
            yield Found(Fault.COMPRESSED, name)


def _content(data: bytes, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry as they stand, whatever its check sum says. Raises ValueError, struct.error."""
    mark, name, extra = _LOCAL.unpack_from(data, entry.header_offset)
    start = entry.header_offset + _LOCAL.size + name + extra
    if mark != _FIRST or start + entry.file_size > len(data):
        raise ValueError(entry.filename)
    return data[start : start + entry.file_size]


def _differences(manifest: Manifest, files: Mapping[str, bytes]) -> Iterator[Found]:
    """What is not there as it was listed: altered, gone, under another name, or there and not listed."""
    listed = {str(one["name"]): str(one["sha256"]) for one in manifest.files}
    strange = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name not in listed}
    for own in (MANIFEST, SIGNATURE):
        strange.pop(own, None)
    for name, digest in listed.items():
        if name in files:
            if hashlib.sha256(files[name]).hexdigest() != digest:
                yield Found(Fault.FILE_ALTERED, name)
            continue
        renamed = next((other for other, known in strange.items() if known == digest), None)
        if renamed is None:
            yield Found(Fault.FILE_MISSING, name)
        else:
            del strange[renamed]
            yield Found(Fault.FILE_RENAMED, name, renamed)
    yield from (Found(Fault.FILE_ADDED, name) for name in strange)


def _read_manifest(data: bytes) -> Manifest | None:
    """What `Manifest.as_json` wrote; None where it is none of this format."""
    if len(data) > MANIFEST_MOST:
        return None
    try:
        told = json.loads(data)
        if (told["format"], told["version"]) != (FORMAT, VERSION):
            return None
        files = tuple({key: one[key] for key in ("name", "size", "sha256", "type", "what")} for one in told["files"])
        return Manifest(
            case=str(told["case"]),
            copy=int(told["copy"]),
            issued_at=datetime.strptime(told["issued"]["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
            issued_by=str(told["issued"]["by"]),
            issued_for=str(told["issued"]["for"]),
            journal_head=str(told["journal"]["head"]),
            journal_number=int(told["journal"]["number"]),
            files=files,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None


def _shown(name: str) -> str:
    """A name that somebody else chose, fit to be shown."""
    return "".join(one if one.isprintable() else "?" for one in name)[:100]
