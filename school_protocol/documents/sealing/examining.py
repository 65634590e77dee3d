"""One file, examined: every finding is told, not only the first; what cannot be read is told as what it was."""

from __future__ import annotations

import hashlib
from datetime import datetime
from io import BytesIO

import pikepdf

from school_protocol.documents import bidi
from school_protocol.documents.sealing import placing, scanning
from school_protocol.documents.sealing.attaching import Attached, TooMuch, Unread
from school_protocol.documents.sealing.container import Unfit
from school_protocol.documents.sealing.copies import COPY, COPY_MOST, FIGURES, RECORD, RECORD_MOST, Copy, read_copy
from school_protocol.documents.sealing.errors import CopyUnreadable
from school_protocol.documents.sealing.placing import Misplaced, Placed
from school_protocol.documents.sealing.trust import Trust
from school_protocol.documents.sealing.trusting import Trusted, examined
from school_protocol.documents.sealing.verdicts import Code, Finding, Verdict


def examine(data: bytes, digest: str, trust: Trust, moment: datetime) -> Verdict:
    """What is found of a file that begins like a PDF. May raise what a file that nobody foresaw makes others raise."""
    scanning.limited()
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
        except scanning.TooExpanded:
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
        signature = placing.earliest(placing.in_raw(self.data))
        if signature is not None:
            self._signature(signature)
        self._tell(Code.TOO_MUCH)

    def _damaged(self) -> None:
        """What can be said of a file that is no PDF any more."""
        if b"/Encrypt" in self.data and not list(placing.in_raw(self.data)):
            self._tell(Code.ENCRYPTED)
        elif not self._raw():
            self._tell(Code.TOO_MUCH if scanning.expands(self.data) else Code.UNREADABLE)

    def _document(self, document: pikepdf.Pdf) -> None:
        if document.is_encrypted:
            self._tell(Code.ENCRYPTED)
            return
        found = scanning.scanned(document, self.data)
        for code in sorted(found.active):
            self._tell(code)
        self._signatures(found)
        self._files(found.files)
        if not (found.is_whole or self.findings):
            self._tell(Code.UNREADABLE)

    # ---- the signature -----------------------------------------------------------------------------------------

    def _signatures(self, found: scanning.Found) -> None:
        if not found.held:
            if not self._raw():
                self._tell(Code.NOT_SIGNED)
            return
        if len(found.held) + found.loose > 1:
            self._tell(Code.SEVERAL_SIGNATURES)
        try:
            signature = placing.earliest([placing.placed(one) for one in found.held])
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
            taken = placing.taken(self.data, signature)
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
        signature = placing.earliest(placing.in_raw(self.data))
        if signature is not None:
            self._signature(signature)
        elif placing.PADES.encode() not in self.data:
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
