"""A PDF that somebody hands in: whether it may be kept. It is read, never drawn."""

from __future__ import annotations

from io import BytesIO

import pikepdf

from school_protocol.documents.sealing import scanning

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
    scanning.limited()
    try:
        with pikepdf.open(BytesIO(data)) as document:
            if document.is_encrypted:
                return "encrypted"
            found = scanning.scanned(document, data)
            if found.active or found.files:
                return "active"
            return "" if found.is_whole and len(document.pages) > 0 else "broken"
    except pikepdf.PasswordError:
        return "encrypted"
    except (scanning.TooExpanded, pikepdf.PdfError, ValueError, RuntimeError, OSError, KeyError, TypeError):
        return "broken"
