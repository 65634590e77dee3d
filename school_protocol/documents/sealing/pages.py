"""The pages of a signed file beside its record: what `reading` finds of them, as findings."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import pikepdf

from school_protocol.documents.reading.comparing import Difference, differences
from school_protocol.documents.reading.derived import Derived, derived
from school_protocol.documents.sealing.copies import Copy
from school_protocol.documents.sealing.overlays import overlay_html
from school_protocol.documents.sealing.verdicts import Code, Finding
from school_protocol.wording import HTML_LANGUAGE, Wording

_CODES: Mapping[str, Code] = {
    "text": Code.PAGES_DIFFER, "added": Code.PAGES_ADDED, "hidden": Code.PAGES_HIDE, "foreign": Code.PAGES_FOREIGN,
    "unreadable": Code.PAGES_UNREADABLE,
}  # fmt: skip


def pages_findings(data: bytes, copy: Copy, page: str, wording: Wording) -> tuple[Finding, ...]:
    """How the file's pages depart from the HTML `page` and from the line of the copy; one finding of each kind."""
    return _findings(data, copy, derived(page), wording)


def letter_findings(data: bytes, copy: Copy) -> tuple[Finding, ...]:
    """The same of a file without a record: only what lies on and around its pages can be told."""
    with pikepdf.open(BytesIO(data)) as pdf:
        spoken = str(pdf.Root.get("/Lang", ""))
    language = next((key for key, known in HTML_LANGUAGE.items() if known == spoken), "fr")
    return _findings(data, copy, None, Wording(language))


def _findings(data: bytes, copy: Copy, page: Derived | None, wording: Wording) -> tuple[Finding, ...]:
    stamp = derived(overlay_html(copy, wording)).spoken
    told: dict[Code, Finding] = {}
    for one in differences(data, page, stamp):
        code = _CODES[one.kind]
        told.setdefault(code, Finding(code, _details(one)))
    return tuple(told.values())


def _details(one: Difference) -> dict[str, object]:
    details: dict[str, object] = {"page": one.page or "–", "found": one.found or "–"}
    if one.kind == "text":
        details |= {"after": one.after or "–", "wanted": one.wanted or "–"}
    return details
