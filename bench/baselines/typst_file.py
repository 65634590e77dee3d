"""Frozen. The text of a case file set with typst: the lower bound, compiled code that neither signs nor archives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import typst

Block = tuple[str, str, tuple[tuple[str, ...], ...]]

_HEAD = '#set page(paper: "a4", margin: 20mm)\n#set text(font: "IBM Plex Sans Arabic", size: 9pt)\n'


def set_text(blocks: Sequence[Block], fonts: Path, folder: Path) -> Callable[[], bytes]:
    """What compiles the text, written once as a typst file; `fonts` holds the cut typeface."""
    source = folder / "case_file.typ"
    source.write_text(_HEAD + "\n".join(_written(block) for block in blocks), "utf-8")

    def compiled() -> bytes:
        written = typst.compile(str(source), font_paths=[str(fonts)])
        assert isinstance(written, bytes)
        return written

    return compiled


def _written(block: Block) -> str:
    kind, text, rows = block
    if kind == "table":
        most = max(len(row) for row in rows)
        cells = ", ".join(_said(cell) for row in rows for cell in (*row, *[""] * (most - len(row))))
        return f"#table(columns: {most}, stroke: 0.4pt, {cells})\n"
    if kind == "p":
        return f"#par({_said(text)})\n" if text else ""
    return f"#heading(level: {kind[1:]}, {_said(text)})\n"


def _said(text: str) -> str:
    """As a string, so that nothing in it is taken for markup."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'text("{quoted}")'
