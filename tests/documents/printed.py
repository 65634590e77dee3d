"""What stands on a printed page, as far as it can be read back."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

from pypdf import PdfReader

_ARABIC = re.compile("[\u0600-\u06ff]")
_VOWELS = re.compile("[\u064b-\u0652]")
_MARKS = "[].,:;!?()«»“”\"'’…،؛؟·"


def squeezed(words: str) -> str:
    return re.sub(r"[\s\u2066-\u2069\u200e\u200f]", "", words)


def pages(pdf: bytes) -> list[str]:
    """The text of each page, without any space: lines break where they must."""
    return [squeezed(page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]


def unsaid(text: str, wanted: Iterable[str]) -> list[str]:
    """Titles of which some word is not on a page, the marks around it left aside."""
    text = _VOWELS.sub("", text)
    return [words for words in wanted if not all(_stands(text, word) for word in words.split())]


def _stands(text: str, word: str) -> bool:
    """Whether a word can be read there."""
    bare = _VOWELS.sub("", squeezed(word).strip(_MARKS))
    if bare in text:
        return True
    return bool(_ARABIC.search(bare)) and all(_is_read(text, piece) for piece in re.split(r"[()\[\]«»]", bare))


def _is_read(text: str, piece: str) -> bool:
    """Letters of an Arabic word that are joined are sometimes read back at some other place than the rest of it."""
    cuts = (1, 2, 3) if len(piece) > 3 else ()
    return piece in text or any(piece[:-cut] in text and piece[-cut:] in text for cut in cuts if len(piece) > cut + 1)
