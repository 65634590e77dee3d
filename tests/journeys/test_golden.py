"""Copies as they were last looked at: pages, bookmarks and every line with its place in the tree.

`KEEP_GOLDEN=1` writes them anew; then look at the difference, and at the pages. Where pages say something else, or
elsewhere, LAYOUT of the record is another number from the first copy on that is handed out: copies that were handed
out before would be taken for forged ones. `KEEP_LAYOUT=1` says that none has left under this number.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from difflib import unified_diff
from pathlib import Path

import pytest
from pdf.tree import Tag, read_tags, squeezed
from pypdf import PdfReader

from school_protocol.case_files.record import LAYOUT
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded
from school_protocol.engine.case_words import said
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering
from school_protocol.protocol.reader import read

from .test_stories import DEFINITION
from .test_supervisor_copies import issued, played

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")

FOLDER = Path(__file__).with_name("golden")
COPIES = (
    ("sc1", "supervisor", "fr"),
    ("sc1", "family", "ar"),
    ("sc3", "school", "ar"),
    ("sc3", "authority", "fr"),
    ("sc4", "supervisor", "en"),
    ("joining", "supervisor", "ar"),
)
_ROWS, _LINES = ("TR",), ("H1", "H2", "H3", "H4", "P", "Caption", "Lbl", "LBody", "Figure")


@pytest.fixture(scope="module")
def until() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def outline(data: bytes, hidden: dict[str, str]) -> str:
    """What a copy says, a line each: its pages, its bookmarks, then the tree; `hidden`: what differs each time."""
    found = read_tags(data)
    lines = [f"title: {found.title}", f"language: {found.language}", f"pages: {found.pages}"]
    lines += [f"bookmark {depth}: {title}" for depth, title in found.bookmarks]
    lines += _told(found.root)
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    for value, name in hidden.items():
        text = text.replace(value, name)
    return re.sub(r"\b(?:[0-9a-f]{64}|[0-9a-f]{16})\b", "HASH", text)


def _told(tag: Tag, language: str = "") -> Iterator[str]:
    if tag.role in _ROWS:
        cells = (f"{'#' if cell.role == 'TH' else ''}{_line(cell)}" for cell in tag.tags)
        yield "| " + " | ".join(cells) + " |"
    elif tag.role in _LINES:
        spoken = f" ({tag.language})" if tag.language != language else ""
        yield f"{tag.role}{spoken}: {_line(tag)}" + (f" [{tag.alt}]" if tag.alt else "")
    else:
        if tag.role in ("Table", "L", "Sect"):
            yield f"-- {tag.role}"
        for kid in tag.tags:
            yield from _told(kid, language or tag.language)


def _line(tag: Tag) -> str:
    """Its text, a space where a line ends: so that it says the same wherever lines break."""
    said, last = "", None
    for place, piece in _pieces(tag):
        said += piece if place in (None, last) or last is None else f" {piece}"
        last = place or last
    return re.sub(r"\s+", " ", said).strip()


def _pieces(tag: Tag) -> Iterator[tuple[tuple[int, float] | None, str]]:
    """Each piece of its text with the page and the height of its line."""
    lines = iter(tag.lines)
    if tag.actual:
        yield None, tag.actual
        return
    for kid in tag.kids:
        if isinstance(kid, str):
            yield next(lines) if kid.strip() else None, kid
        else:
            yield from _pieces(kid)


def told(until: ExitStack, protocol: Protocol, name: str, profile: str, language: str) -> tuple[bytes, str]:
    player = played(protocol, name, until)
    number = next(iter(player.numbers.values()))
    [chosen] = [one.profiles[profile] for one in protocol.documents.values() if profile in one.profiles]
    data = issued(player, number, chosen, language)
    numbers = dict.fromkeys(player.numbers.values(), "NUMBER")
    with player.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number) or ""
        word = said(folded(player.ctx, session, case_id)[1].word)[language]
    return data, outline(
        data, {**numbers, f"P: {word} · ": "P: WORD · ", protocol.digest: "DIGEST", protocol.digest[:8]: "DIGEST"}
    )


@pytest.mark.exhaustive(but=("joining-supervisor-ar",))
@pytest.mark.parametrize(("name", "profile", "language"), COPIES)
def test_a_copy_is_as_it_was_last_looked_at(
    moroccan: Protocol, until: ExitStack, name: str, profile: str, language: str
) -> None:
    data, found = told(until, moroccan, name, profile, language)
    kept = FOLDER / f"{name}-{profile}-{language}.txt"
    if os.environ.get("KEEP_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        kept.write_text(found, "utf-8")
    difference = unified_diff(kept.read_text("utf-8").splitlines(), found.splitlines(), "kept", "now", lineterm="", n=1)
    assert list(difference) == []
    extracted = squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages))
    headings = [squeezed(line.split(": ", 1)[1]) for line in found.splitlines() if re.match(r"H[1-3]\b", line)]
    assert len(headings) > 5
    assert [one for one in headings if one not in extracted and "NUMBER" not in one] == []


def test_every_kept_copy_is_looked_at() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {"-".join(one) for one in COPIES}


def digest(texts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(texts)).hexdigest()


def test_other_pages_have_another_number() -> None:
    kept, now = FOLDER / "LAYOUT", f"{LAYOUT} {digest(path.read_bytes() for path in sorted(FOLDER.glob('*.txt')))}"
    former = kept.read_text("utf-8").split() if kept.exists() else ["0", ""]
    if os.environ.get("KEEP_LAYOUT") or int(former[0]) < LAYOUT:
        kept.write_text(now + "\n", "utf-8")
    assert kept.read_text("utf-8").split() == now.split(), "raise LAYOUT in case_files/record.py"
    assert digest([b"one"]) != digest([b"another"])


def test_another_word_is_found(moroccan: Protocol, until: ExitStack) -> None:
    """The control: one word of the definition, and the copy is another."""
    title = "Points à vérifier"
    assert title in DEFINITION.decode()
    changed = DEFINITION.decode().replace(title, "Points à revoir").encode()
    protocol = read(changed, "changed")
    player = played(protocol, "joining", until, changed)
    number = next(iter(player.numbers.values()))
    [chosen] = [one.profiles["supervisor"] for one in protocol.documents.values() if "supervisor" in one.profiles]
    said = outline(issued(player, number, chosen, "fr"), {})
    assert "Points à revoir" in said
    assert title not in said
