"""A PDF that somebody hands in: whether it may be kept. It is read, never drawn."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from itertools import islice
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from school_protocol.pdf import bidi, signature_check
from school_protocol.pdf.embedding import Attached, TooMuch, Unread, dictionaries, files_of
from school_protocol.pdf.signature_check import Misplaced, Placed, Trusted, Unfit, examined
from school_protocol.pdf.signing_keys import Trust
from school_protocol.pdf.verdicts import (
    COPY,
    COPY_MOST,
    FIGURES,
    RECORD,
    RECORD_MOST,
    Code,
    Copy,
    CopyUnreadable,
    Finding,
    Verdict,
    read_copy,
)

# What a PDF from anybody contains: active content, files, signatures. Nothing of it is run, little
# is unpacked.

_FLATE_MOST, _ITEMS_MOST, _FILTERS_MOST = 64 * 1024 * 1024, 1_000_000, 3

_ACTIONS = {
    "/JavaScript": Code.JAVASCRIPT,
    "/Launch": Code.LAUNCH,
    **dict.fromkeys(
        ("/SubmitForm", "/ImportData", "/GoToR", "/GoToE", "/Rendition", "/Movie", "/Sound", "/RichMediaExecute"),
        Code.ACTIVE,
    ),
}
"""Kinds of action (`/S`) → what they are told as."""

_KEYS = {"/JS": Code.JAVASCRIPT, "/JavaScript": Code.JAVASCRIPT, "/XFA": Code.ACTIVE, "/AA": Code.ACTIVE}

_PLAYERS = frozenset({"/RichMedia", "/3D", "/Movie", "/Sound", "/Screen"})
"""Annotations (`/Subtype`) that play something."""

_SCANNING_NAMES = "|".join(
    re.escape(name[1:]) for name in (*_ACTIONS, *_KEYS, *_PLAYERS, "/EF", "/RF", "/Sig", "/ByteRange")
)
_WORTH = re.compile(rf"/(?:{_SCANNING_NAMES})(?![A-Za-z0-9])".encode())
"""Objects that are worth a walk: words of a text may look the same."""

_LZW = re.compile(("/" + "".join(f"(?:{letter}|#(?i:{ord(letter):x}))" for letter in "LZWDecode")).encode())
"""A packing that PDF/A forbids, and that no limit holds; its name may be written in figures."""

_STREAMS_MOST = 32
_STREAM = re.compile(rb"stream\r?\n")


class TooExpanded(Exception):
    """The file unpacks to more than it may."""


@dataclass(slots=True)
class Found:
    """What was seen. `held` signatures are those that a field holds; `loose` ones lie in the file all the same."""

    active: set[Code] = field(default_factory=set)
    files: list[Attached] = field(default_factory=list)
    held: list[Dictionary] = field(default_factory=list)
    loose: int = 0
    is_whole: bool = True
    """False: some part could not be read."""


@lru_cache(maxsize=1)
def limited() -> None:
    """Bound what a file may unpack to. The limits hold for the whole process, for whoever reads a PDF in it."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=_FLATE_MOST,
        run_length_max_memory=_FLATE_MOST,
        png_max_memory=_FLATE_MOST,
        tiff_max_memory=_FLATE_MOST,
        parser_max_container_size=_ITEMS_MOST,
        max_stream_filters=_FILTERS_MOST,
    )


def scanned(document: Pdf, data: bytes) -> Found:
    """Every object of the document, reachable or not. Raises TooExpanded, and what damage makes pikepdf raise."""
    if _LZW.search(data):
        raise TooExpanded
    found, signatures, held = Found(), set[tuple[int, int]](), dict[tuple[int, int], Dictionary]()
    for part in document.objects:
        for inner in _worth(part):
            found.active |= set(_active(inner))
            found.files += files_of(inner)
            if Name.ByteRange in inner:
                signatures.add(inner.objgen)
            value = inner.get(Name.V)
            if inner.get(Name.FT) == Name.Sig and isinstance(value, Dictionary):
                held[value.objgen] = value
    found.held, found.loose = list(held.values()), len(signatures - held.keys())
    warnings = " ".join(str(one) for one in document.get_warnings())
    if "limit exceeded" in warnings:
        raise TooExpanded
    found.is_whole = not warnings
    return found


def expands(data: bytes) -> bool:
    """Whether a file that could not be opened holds a stream, or streams in all, of more than may be unpacked."""
    total = 0
    for found in islice(_STREAM.finditer(data), _STREAMS_MOST):
        try:
            size = len(zlib.decompressobj().decompress(memoryview(data)[found.end() :], _FLATE_MOST + 1))
        except zlib.error:
            continue
        total += size
        if size > _FLATE_MOST or total > 4 * _FLATE_MOST:
            return True
    return False


def _worth(part: Any) -> Iterator[Any]:
    if isinstance(part, Stream):
        part = part.stream_dict
    if isinstance(part, Dictionary | Array) and _WORTH.search(part.unparse(resolved=True)):
        yield from dictionaries(part)


def _active(inner: Any) -> Iterator[Code]:
    yield from (_KEYS[key] for key in inner if key in _KEYS)
    kind = inner.get(Name.S)
    if isinstance(kind, Name) and str(kind) in _ACTIONS:
        yield _ACTIONS[str(kind)]
    subtype = inner.get(Name.Subtype)
    if isinstance(subtype, Name) and str(subtype) in _PLAYERS:
        yield Code.ACTIVE
    if Name.EF in inner and Name.RF in inner:
        yield Code.FOREIGN_FILE


_TAIL = 1024


def fault_of_pdf(data: bytes) -> str:
    """Why a PDF is not taken: `broken`, `encrypted`, `active`, `mixed`; empty where nothing was found against it.

    `active`: a script, an action, or another file inside. `mixed`: something stands before or after the PDF itself.
    """
    if not data.startswith(b"%PDF-"):
        return "mixed"
    if b"%%EOF" not in data[-_TAIL:]:
        return "broken"
    after = data[data.rindex(b"%%EOF") + 5 :]
    if after.strip(b"\r\n\t \0"):
        return "mixed"
    limited()
    try:
        with pikepdf.open(BytesIO(data)) as document:
            if document.is_encrypted:
                return "encrypted"
            found = scanned(document, data)
            if found.active or found.files:
                return "active"
            return "" if found.is_whole and len(document.pages) > 0 else "broken"
    except pikepdf.PasswordError:
        return "encrypted"
    except (TooExpanded, pikepdf.PdfError, ValueError, RuntimeError, OSError, KeyError, TypeError):
        return "broken"


# One file, examined: every finding is told, not only the first; what cannot be read is told as what
# it was.


def examine(data: bytes, digest: str, trust: Trust, moment: datetime) -> Verdict:
    """What is found of a file that begins like a PDF. May raise what a file that nobody foresaw makes others raise."""
    limited()
    return _Examination(data, trust, moment).verdict(digest)


_NAME, _NAMES = 60, 5
"""Letters of a foreign file's name that are told, and names."""

_BROKEN = frozenset({Code.ALTERED, Code.CONTAINER_ALTERED})


class _Examination:
    def __init__(self, data: bytes, trust: Trust, moment: datetime) -> None:
        self.data, self.trust, self.moment = data, trust, moment
        self.findings: dict[Code, Finding] = {}
        self.trusted = Trusted(())
        self.signed_at: datetime | None = None
        self.copy: Copy | None = None
        self.record: bytes | None = None

    def verdict(self, digest: str) -> Verdict:
        try:
            with pikepdf.open(BytesIO(self.data), attempt_recovery=False, suppress_warnings=True) as document:
                self._document(document)
        except TooExpanded:
            self._expanded()
        except pikepdf.PasswordError:
            self._tell(Code.ENCRYPTED)
        except Exception:  # whatever damage makes its reader raise, want of memory among it
            self._damaged()
        return Verdict(
            len(self.data),
            digest,
            tuple(self.findings.values()),
            self.trusted.signer,
            self.signed_at,
            self.trusted.stamped_at,
            self.copy,
            self.record,
        )

    def _tell(self, code: Code, **details: object) -> None:
        self.findings.setdefault(code, Finding(code, details))

    def _expanded(self) -> None:
        """One damaged figure is enough to make a file unpack to too much: a signature in it tells that it was."""
        signature = signature_check.earliest(signature_check.in_raw(self.data))
        if signature is not None:
            self._signature(signature)
        self._tell(Code.TOO_MUCH)

    def _damaged(self) -> None:
        """What can be said of a file that is no PDF any more."""
        if b"/Encrypt" in self.data and not list(signature_check.in_raw(self.data)):
            self._tell(Code.ENCRYPTED)
        elif not self._raw():
            self._tell(Code.TOO_MUCH if expands(self.data) else Code.UNREADABLE)

    def _document(self, document: pikepdf.Pdf) -> None:
        if document.is_encrypted:
            self._tell(Code.ENCRYPTED)
            return
        found = scanned(document, self.data)
        for code in sorted(found.active):
            self._tell(code)
        self._signatures(found)
        self._files(found.files)
        if not (found.is_whole or self.findings):
            self._tell(Code.UNREADABLE)

    # ---- the signature -----------------------------------------------------------------------------------------

    def _signatures(self, found: Found) -> None:
        if not found.held:
            if not self._raw():
                self._tell(Code.NOT_SIGNED)
            return
        if len(found.held) + found.loose > 1:
            self._tell(Code.SEVERAL_SIGNATURES)
        try:
            signature = signature_check.earliest([signature_check.placed(one) for one in found.held])
        except Misplaced:
            self._tell(Code.SIGNATURE_UNREADABLE)
            return
        assert signature is not None
        if signature.is_pades:
            self.signed_at = signature.signed_at
            self._signature(signature)
        else:
            self._tell(Code.FOREIGN_SIGNATURE)

    def _signature(self, signature: Placed) -> None:
        try:
            taken = signature_check.taken(self.data, signature)
        except Unfit:
            self._tell(Code.CONTAINER_ALTERED)
            return
        self.trusted = examined(taken.der, taken.signed, self.trust, self.moment, signature.signed_at)
        for finding in self.trusted.findings:
            self.findings.setdefault(finding.code, finding)
        if _BROKEN.isdisjoint(self.findings):
            if not taken.is_whole:
                self._tell(Code.NOT_WHOLE)
            elif taken.has_more:
                self._tell(Code.ADDED_AFTER)

    def _raw(self) -> bool:
        """Whether a signature still lies in a file that shows none; then it is told as altered, or as added to."""
        signature = signature_check.earliest(signature_check.in_raw(self.data))
        if signature is not None:
            self._signature(signature)
        elif signature_check.PADES.encode() not in self.data:
            return False
        if Code.ADDED_AFTER not in self.findings:
            self.findings = {Code.ALTERED: Finding(Code.ALTERED)}
        return True

    # ---- the files inside --------------------------------------------------------------------------------------

    def _files(self, files: list[Attached]) -> None:
        foreign = sorted({file.name for file in files} - {RECORD, COPY, FIGURES})
        if foreign:
            self._tell(Code.FOREIGN_FILE, names=", ".join(bidi.plain(name)[:_NAME] for name in foreign[:_NAMES]))
        copy = self._file(files, COPY, COPY_MOST, "copy")
        if copy is not None:
            try:
                self.copy = read_copy(copy)
            except CopyUnreadable:
                self._tell(Code.COPY_UNREADABLE)
        if self.copy is not None and not self.copy.record_digest and all(file.name != RECORD for file in files):
            return  # a letter: it names no record, and carries none
        self.record = self._file(files, RECORD, RECORD_MOST, "record")
        if self.record is not None and self.copy is not None:
            digest = hashlib.sha256(self.record).hexdigest()
            if digest != self.copy.record_digest:
                self._tell(Code.RECORD_DIFFERS)

    def _file(self, files: list[Attached], name: str, most: int, told: str) -> bytes | None:
        """The bytes of the one file of that name; `told`: how the codes about it begin."""
        named = [file for file in files if file.name == name]
        if len(named) != 1:
            self._tell(Code(f"{told}_repeated" if named else f"{told}_missing"))
            return None
        try:
            return named[0].read(most)
        except TooMuch:
            self._tell(Code.TOO_MUCH)
        except Unread:
            self._tell(Code(f"{told}_unreadable"))
        return None
