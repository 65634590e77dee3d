"""What stands on a printed page, as far as it can be read back."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

from pypdf import PdfReader

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import case_file
from school_protocol.language import Wording

_MARKS = "[].,:;!?()«»“”\"'’…،؛؟·"


def squeezed(words: str) -> str:
    return re.sub(r"[\s\u2066-\u2069\u200e\u200f]", "", words)


def pages(pdf: bytes) -> list[str]:
    """The text of each page, without any space: lines break where they must."""
    return [squeezed(page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]


def unsaid(text: str, wanted: Iterable[str]) -> list[str]:
    """Titles of which some word is not on a page, the marks around it left aside."""
    return [words for words in wanted if not all(squeezed(word).strip(_MARKS) in text for word in words.split())]


def case_pdf(view: CaseFile, wording: Wording, record: bytes = b'{"case": "made up"}') -> bytes:
    """The case file of a view, with a record that says nothing of it."""
    return case_file(view, wording, record)
