"""Whether a file is what an academy issued, told from its bytes alone, without a server and without the network.

Revocation is told from a list (CRL) that whoever verifies was given, see `Trust`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from school_protocol.pdf.signing_keys import Trust
from school_protocol.pdf.verdicts import Code, Finding, Verdict

DOCUMENT_MOST = 64 * 1024 * 1024
"""Bytes of a file, unless whoever asks says otherwise."""

_PDF, _ARCHIVE = b"%PDF-", (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def verify(data: bytes, trust: Trust, moment: datetime, most: int = DOCUMENT_MOST) -> Verdict:
    """What is found of a file as of an aware moment. Raises nothing, whatever the file."""
    if len(data) > most:
        return Verdict(len(data), "", (Finding(Code.TOO_LARGE, {"size": len(data), "most": most}),))
    digest = hashlib.sha256(data).hexdigest()
    if not data.startswith(_PDF):
        code = Code.ARCHIVE if data.startswith(_ARCHIVE) else Code.NOT_A_PDF
        return Verdict(len(data), digest, (Finding(code),))
    from school_protocol.pdf.examination import examine  # loads pikepdf and pyHanko, once

    try:
        return examine(data, digest, trust, moment)
    except Exception as problem:  # a file that nobody foresaw must still get its answer
        return Verdict(len(data), digest, (Finding(Code.UNREADABLE, {"problem": type(problem).__name__}),))
