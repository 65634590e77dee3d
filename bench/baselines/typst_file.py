"""Frozen. The text of a case file set with typst: the lower bound, compiled code that neither signs nor archives.

typst remembers, for as long as its process lives, what it has set of a text: so each time every text is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import typst

UNSEEN = "\u200b"
"""A sign that takes no place: so many of them tell the text of one time from that of another."""
Block = tuple[str, str, tuple[tuple[str, ...], ...]]

_HEAD = '#set page(paper: "a4", margin: 20mm)\n#set text(font: "IBM Plex Sans Arabic", size: 9pt)\n'


def set_text(blocks: Sequence[Block], fonts: Path, folder: Path) -> Callable[[], bytes]:
    """What compiles the text, never the same twice; `fonts` holds the cut typeface."""
    source, times = folder / "case_file.typ", count(1)

    def compiled() -> bytes:
        mark = UNSEEN * next(times)
        source.write_text(_HEAD + "\n".join(_written(block, mark) for block in blocks), "utf-8")
        written = typst.compile(str(source), font_paths=[str(fonts)])
        assert isinstance(written, bytes)
        return written

    return compiled


def _written(block: Block, mark: str) -> str:
    kind, text, rows = block
    if kind == "table":
        most = max(len(row) for row in rows)
        cells = ", ".join(_said(cell + mark) for row in rows for cell in (*row, *[""] * (most - len(row))))
        return f"#table(columns: {most}, stroke: 0.4pt, {cells})\n"
    if kind == "p":
        return f"#par({_said(text + mark)})\n" if text else ""
    return f"#heading(level: {kind[1:]}, {_said(text + mark)})\n"


def _said(text: str) -> str:
    """As a string, so that nothing in it is taken for markup."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'text("{quoted}")'
