"""Text becomes glyphs once: a line that was shaped is not shaped again where it is measured anew, or drawn."""

from __future__ import annotations

from typing import Any

from school_protocol.pdf.typesetting import Swap

_PARAGRAPHS = frozenset("\n\r\u0085\u2028\u2029\t")
_ALL = 0xFFFFFFFF
"""Where an attribute ends that is true of all of a text."""
KEPT_MOST = 20_000
"""Lines whose glyphs are kept until they are drawn: about 60 MB. In a longer document, the rest are shaped anew."""
_LOOKS = (
    "font_family", "font_size", "font_style", "font_stretch", "font_weight", "font_kerning", "font_variant_ligatures",
    "font_variant_position", "font_variant_caps", "font_variant_numeric", "font_variant_alternates",
    "font_variant_east_asian", "font_feature_settings", "font_variation_settings", "font_language_override", "lang",
    "direction", "white_space", "letter_spacing", "word_spacing", "overflow_wrap", "word_break", "tab_size",
    "text_decoration_line", "hyphens", "hyphenate_character", "hyphenate_limit_chars", "hyphenate_limit_zone",
)  # fmt: skip
"""All that a text's shape and its lines hang on."""


class Memory:
    """What is known of the texts of one document."""

    def __init__(self) -> None:
        self.looks: dict[str, int] = {}
        self.contexts: dict[tuple[Any, ...], Any] = {}
        self.whole: dict[tuple[Any, ...], Any] = {}
        """Texts that fit into one line, with what is known of it."""
        self.lines: dict[tuple[Any, ...], Any] = {}
        self.breaks: dict[tuple[str, str], bool] = {}
        self.spaces: dict[int, Any] = {}
        """A space, as each look shows it."""
        self.fonts: dict[int, Any] = {}
        self.kept = 0

    def look(self, style: Any) -> int:
        """The same number for all styles that show a text in the same way."""
        known = style.__dict__.get("look")
        if known is None:
            said = repr([style[key] for key in _LOOKS])
            known = style.__dict__["look"] = self.looks.setdefault(said, len(self.looks))
        number: int = known
        return number


def swaps(memory: Memory) -> list[Swap]:
    """What measures and breaks text, with that memory."""
    from weasyprint.text import fonts, line_break

    stock = {name: getattr(line_break, name) for name in ("split_first_line", "can_break_text", "strut")}
    description = fonts.get_font_description
    layout = _layout(memory, line_break, description)

    def split_first_line(
        text: str, style: Any, context: Any, max_width: float | None, justification_spacing: float,
        is_line_start: bool = True, minimum: bool = False,
    ) -> Any:  # fmt: skip
        look = memory.look(style)
        whole = memory.whole.get((look, text, justification_spacing))
        if whole is not None and (max_width is None or whole[3] <= max_width):
            return whole
        key = (look, text, max_width, justification_spacing, is_line_start, minimum)
        found = memory.lines.get(key)
        if found is None:
            found = stock["split_first_line"](
                text, style, context, max_width, justification_spacing, is_line_start, minimum
            )
            shaped, length, rest = found[:3]
            if rest is None:
                if length == len(text.encode()):
                    memory.whole[look, text, justification_spacing] = found
            elif rest > length and not text.encode()[length:rest].strip(b" "):
                shaped.space = space(style, look)
            memory.lines[key] = found
        return found

    def space(style: Any, look: int) -> Any:
        if look not in memory.spaces:
            made = memory.spaces[look] = layout(style)
            made.is_kept = True
            made.set_text(" ")
        return memory.spaces[look]

    def can_break_text(text: str, lang: str) -> bool:
        key = (text, lang)
        if key not in memory.breaks:
            memory.breaks[key] = stock["can_break_text"](text, lang)
        return memory.breaks[key]

    def strut(style: Any) -> Any:
        found = style.__dict__.get("strut")
        if found is None:
            found = style.__dict__["strut"] = stock["strut"](style)
        return found

    return [
        Swap(line_break, "split_first_line", split_first_line),
        Swap(line_break, "can_break_text", can_break_text),
        Swap(line_break, "strut", strut),
        Swap(line_break, "Layout", layout),
    ]


def _layout(memory: Memory, line_break: Any, description: Any) -> Any:
    """WeasyPrint's layout of a line, with one context for all of a look, and its glyphs kept until it is drawn."""
    from weasyprint.text.ffi import ffi, gobject, pango

    def context_of(style: Any) -> Any:
        """Context, language, font and attributes; None where a style asks for what is rare."""
        if style["text_decoration_line"] != "none" or style["letter_spacing"] != "normal" or style["word_spacing"]:
            return None
        named = [style[key] for key in _LOOKS if key.startswith("font_variant") or key == "font_kerning"]
        if any(value not in ("normal", "auto") for value in named) or style["font_feature_settings"] != "normal":
            return None
        if style["font_language_override"] != "normal":
            return None
        key = (style.font_config, style["direction"], style["lang"])
        if key not in memory.contexts:
            memory.contexts[key] = new_context(style)
        attributes = ffi.gc(pango.pango_attr_list_new(), pango.pango_attr_list_unref)
        if style["overflow_wrap"] in ("anywhere", "break-word"):
            whole = pango.pango_attr_insert_hyphens_new(False)
            whole.start_index, whole.end_index = 0, _ALL
            pango.pango_attr_list_change(attributes, whole)
        return (*memory.contexts[key], description(style), attributes)

    def new_context(style: Any) -> tuple[Any, Any]:
        made = ffi.gc(pango.pango_font_map_create_context(style.font_config.font_map), gobject.g_object_unref)
        pango.pango_context_set_round_glyph_positions(made, False)
        pango.pango_context_set_base_dir(made, line_break.PANGO_DIRECTION[style["direction"]])
        if not style["lang"]:
            return made, pango.pango_language_get_default()
        language = pango.pango_language_from_string(style["lang"].encode())
        pango.pango_context_set_language(made, language)
        return made, language

    class Layout(line_break.Layout):  # type: ignore[misc]
        ascent = underline_position = strikethrough_position = None
        space: Any = None
        """The space at which the line was broken, which is neither in it nor in the next."""
        is_ours = is_kept = False

        def setup(self, style: Any) -> None:
            known = style.__dict__.get("shaped_by", style)
            if known is style:
                known = style.__dict__["shaped_by"] = context_of(style)
            known = None if self.justification_spacing else known
            self.is_ours = known is not None
            if known is None:
                super().setup(style)
                return
            context, self.language, font, attributes = known
            self.style, self.first_line_direction = style, 0
            self.layout = ffi.gc(pango.pango_layout_new(context), gobject.g_object_unref)
            pango.pango_layout_set_auto_dir(self.layout, False)
            pango.pango_layout_set_font_description(self.layout, font)
            pango.pango_layout_set_attributes(self.layout, attributes)

        def set_text(self, text: str, justify: bool = False) -> None:
            if self.is_ours and _PARAGRAPHS.isdisjoint(text):
                self.text = text
                # as it will be drawn, so that it is not shaped anew for that
                pango.pango_layout_set_single_paragraph_mode(self.layout, True)
                pango.pango_layout_set_text(self.layout, text.encode().replace(b"\x00", b""), -1)
            else:
                pango.pango_layout_set_single_paragraph_mode(self.layout, False)
                super().set_text(text, justify)

        def deactivate(self) -> None:
            self.is_kept = self.is_kept or (not self.justification_spacing and memory.kept < KEPT_MOST)
            if self.is_kept:
                memory.kept += 1
            else:
                super().deactivate()

        def reactivate(self, style: Any) -> None:
            if not self.is_kept:
                super().reactivate(style)

    return Layout
