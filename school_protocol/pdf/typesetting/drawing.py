"""Plain lines of text are drawn from their glyphs in one go, and alike ones alike."""

from __future__ import annotations

from typing import Any

from school_protocol.pdf import text_encoding
from school_protocol.pdf.typesetting import Swap
from school_protocol.pdf.typesetting.shaping import Memory


def swaps(memory: Memory) -> list[Swap]:
    """What draws lines of text and finds their fonts, with that memory."""
    import weasyprint.draw.text as text
    from weasyprint.pdf.stream import Stream
    from weasyprint.text.ffi import ffi

    stock, add_font = text.draw_first_line, Stream.add_font

    def font_of(stream: Any, pango_font: Any) -> Any:
        address = int(ffi.cast("intptr_t", pango_font))
        if address not in memory.fonts:
            memory.fonts[address] = add_font(stream, pango_font)
        return memory.fonts[address]

    return [
        Swap(text, "draw_first_line", text_encoding.drawing(stock)),
        Swap(Stream, "add_font", font_of),
    ]
