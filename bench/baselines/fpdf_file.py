"""Frozen. The text of a case file set with fpdf2: neither tagged nor archival."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import FontFace

Block = tuple[str, str, tuple[tuple[str, ...], ...]]

_SIZES = {"h1": 20, "h2": 13, "h3": 10, "h4": 9, "p": 9}


def set_text(blocks: Sequence[Block], fonts: Path) -> bytes:
    """The PDF; `fonts` holds the cut typeface in two weights."""
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(True, margin=20)
    pdf.add_font("Plex", "", str(fonts / "plex-400.ttf"))
    pdf.add_font("Plex", "B", str(fonts / "plex-600.ttf"))
    pdf.add_page()
    for kind, text, rows in blocks:
        if kind == "table":
            _table(pdf, rows)
        elif text:
            pdf.set_font("Plex", "B" if kind != "p" else "", _SIZES[kind])
            pdf.multi_cell(0, _SIZES[kind] * 0.5, text, new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def _table(pdf: FPDF, rows: Sequence[Sequence[str]]) -> None:
    pdf.set_font("Plex", "", 8.5)
    most = max(len(row) for row in rows)
    with pdf.table(
        first_row_as_headings=False, line_height=4.3, headings_style=FontFace(emphasis="BOLD"), text_align="LEFT"
    ) as table:
        for row in rows:
            cells = table.row()
            for cell in (*row, *[""] * (most - len(row))):
                cells.cell(cell)
