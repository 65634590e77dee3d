"""The slowest parts of WeasyPrint in our hand while a document is set: the same pages in about half the time.

Each is a function of WeasyPrint's own, under its name and with its arguments, that remembers what it found: what a
style says of all its boxes, how a text is shaped, how an object of the PDF is written. They are pinned, as WeasyPrint
is, to one of its majors; outside of `in_our_hand`, its functions are its own.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple

from school_protocol.pdf import text_encoding


class Swap(NamedTuple):
    """A function or method of WeasyPrint's, by the module or class that has it, and ours in its place."""

    owner: Any
    name: str
    ours: Any


_ONE_AT_A_TIME = Lock()


@contextmanager
def in_our_hand() -> Iterator[None]:
    """While this lasts, WeasyPrint works with our functions; what they remember is forgotten as it ends.

    One at a time in a process, and never one in another.
    """
    with _ONE_AT_A_TIME:
        taken: list[tuple[Any, str, Any]] = []
        try:
            for swap in _swaps():
                for owner, name in _who_knows(swap.owner, swap.name):
                    taken.append((owner, name, vars(owner)[name]))
                    setattr(owner, name, swap.ours)
            yield
        finally:
            for owner, name, stock in reversed(taken):
                setattr(owner, name, stock)


def _swaps() -> list[Swap]:
    """All of them, with a memory of their own."""
    return [*_shaping(Memory()), *_sheets(), *_sizes(), *_writing()]


@lru_cache(maxsize=64)
def _who_knows(owner: Any, name: str) -> tuple[tuple[Any, str], ...]:
    """Everywhere in WeasyPrint that a function is known by name: other modules have taken it from its own."""
    if not isinstance(owner, ModuleType):
        return ((owner, name),)
    stock = vars(owner)[name]
    modules = [module for key, module in sorted(sys.modules.items()) if key.partition(".")[0] == "weasyprint"]
    return tuple((module, at) for module in modules for at, known in vars(module).items() if known is stock)


# ---- text becomes glyphs once --------------------------------------------------------------------------------------
# A line that was shaped is not shaped again where it is measured anew, or drawn.

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
        self.spaces: dict[int, Any] = {}
        """A space, as each look shows it."""
        self.kept = 0

    def look(self, style: Any) -> int:
        """The same number for all styles that show a text in the same way."""
        known = style.__dict__.get("look")
        if known is None:
            said = repr([style[key] for key in _LOOKS])
            known = style.__dict__["look"] = self.looks.setdefault(said, len(self.looks))
        number: int = known
        return number


def _shaping(memory: Memory) -> list[Swap]:
    """What measures, breaks and draws text, with that memory."""
    from weasyprint.draw import text as drawn
    from weasyprint.text import line_break

    stock = {name: getattr(line_break, name) for name in ("split_first_line", "strut")}
    layout = _layout(memory, line_break)

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

    def strut(style: Any) -> Any:
        found = style.__dict__.get("strut")
        if found is None:
            found = style.__dict__["strut"] = stock["strut"](style)
        return found

    return [
        Swap(line_break, "split_first_line", split_first_line),
        Swap(line_break, "strut", strut),
        Swap(line_break, "Layout", layout),
        Swap(drawn, "draw_first_line", text_encoding.drawing(drawn.draw_first_line)),
    ]


def _layout(memory: Memory, line_break: Any) -> Any:
    """WeasyPrint's layout of a line, with one context for all of a look, and its glyphs kept until it is drawn."""
    from weasyprint.text.ffi import ffi, gobject, pango
    from weasyprint.text.fonts import get_font_description

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
        return (*memory.contexts[key], get_font_description(style), attributes)

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


# ---- WeasyPrint's own sheet ----------------------------------------------------------------------------------------

_UNUSED = re.compile(
    r"^::(?:footnote|note)-[^\n]*\n|^ +@(?:footnote|note-area|left-\w+|right-\w+|(?:top|bottom)-(?:left|right)[\w-]*)"
    r" [^\n]*\n",
    re.MULTILINE,
)
"""Rules of WeasyPrint's own sheet that no document of ours needs: notes, and margins but those above and below."""
_OF_ALL = re.compile(r"^::marker ", re.MULTILINE)


def _sheets() -> list[Swap]:
    """What names WeasyPrint's own sheet."""
    from weasyprint import HTML

    stock = HTML._ua_stylesheets

    def sheets(page: Any, forms: bool = False) -> list[Any]:
        return stock(page, forms) if forms else [_sheet()]

    return [Swap(HTML, "_ua_stylesheets", sheets)]


@lru_cache(maxsize=1)
def _sheet() -> Any:
    """WeasyPrint's own sheet without what is unused: most of its rules are asked of every element."""
    from weasyprint import CSS
    from weasyprint.css.counters import CounterStyle
    from weasyprint.html import UA

    text, unused = _UNUSED.subn("", UA)
    text, markers = _OF_ALL.subn("li::marker ", text)
    assert (unused, markers) == (21, 1), (unused, markers)
    return CSS(string=text, counter_style=CounterStyle())


# ---- what a style says of all its boxes ----------------------------------------------------------------------------
# It is worked out once for all of them: lengths, corners, backgrounds.

_SIDES = ("left", "right", "top", "bottom")
_LEAST = ("min_width", "min_height")
_LENGTHS = (*(f"{kind}_{side}" for kind in ("margin", "padding") for side in _SIDES), "width", "min_width", "max_width",
            "height", "min_height", "max_height")  # fmt: skip
_BORDERS = tuple(f"border_{side}_width" for side in _SIDES)
_CORNERS = tuple(f"border_{side}_radius" for side in ("top_left", "top_right", "bottom_right", "bottom_left"))
_SQUARE = dict.fromkeys(_CORNERS, (0, 0))
_IN_FLOW = ("static", "relative")


def _sizes() -> list[Swap]:
    """What gives boxes their lengths and their backgrounds, and says how they are placed."""
    from weasyprint.formatting_structure import boxes
    from weasyprint.layout import background, percent

    stock = percent.resolve_percentages
    stock_radii, stock_background = percent.resolve_radii_percentages, background.layout_box_backgrounds

    def resolve_percentages(box: Any, containing_block: Any) -> None:
        style = box.style
        known = style.__dict__.get("lengths")
        if known is None:
            known = style.__dict__["lengths"] = _lengths(style)
        if known is _HANGS_ON_MORE:
            stock(box, containing_block)
            return
        fixed, borders, is_collapsed, is_border_box = known
        used = box.__dict__
        used.update(fixed)
        if is_collapsed:  # a table's borders may have been settled between its cells
            used.update({name: width for name, width in borders.items() if name not in used})
        else:
            used.update(borders)
        if is_border_box:
            percent.adjust_box_sizing(box, "width")
            percent.adjust_box_sizing(box, "height")

    def resolve_radii_percentages(box: Any) -> None:
        style = box.style
        is_square = style.__dict__.get("square")
        if is_square is None:
            is_square = style.__dict__["square"] = all((0, "px") in style[corner] for corner in _CORNERS)
        if is_square:
            box.__dict__.update(_SQUARE)
        else:
            stock_radii(box)

    def layout_box_backgrounds(
        page: Any, box: Any, get_image_from_uri: Any, layout_children: bool = True, style: Any = None
    ) -> None:
        own = box.style
        is_bare = own.__dict__.get("bare")
        if is_bare is None:
            is_bare = own.__dict__["bare"] = _is_bare(own)
        if not is_bare or style is not None or box is page:
            stock_background(page, box, get_image_from_uri, layout_children, style)
            return
        resolve_radii_percentages(box)
        box.background = None
        if layout_children:
            for child in box.all_children():
                layout_box_backgrounds(page, child, get_image_from_uri)

    def is_in_normal_flow(box: Any) -> bool:
        style = box.style
        return style["float"] == "none" and style["position"] in _IN_FLOW

    return [
        Swap(percent, "resolve_percentages", resolve_percentages),
        Swap(percent, "resolve_radii_percentages", resolve_radii_percentages),
        Swap(background, "layout_box_backgrounds", layout_box_backgrounds),
        Swap(boxes.Box, "is_in_normal_flow", is_in_normal_flow),
    ]


_HANGS_ON_MORE = object()


def _lengths(style: Any) -> Any:
    """Used lengths, widths of the borders, whether the table may give others, whether borders are within the width."""
    from weasyprint.css.functions import check_math

    fixed: dict[str, Any] = {}
    for name in _LENGTHS:
        value = style[name]
        if value is not None and value != "auto":
            if check_math(value) or getattr(value, "unit", None) in (None, "%"):
                return _HANGS_ON_MORE
            value = value.value
        fixed[name] = 0 if value == "auto" and name in _LEAST else value
    borders = {name: style[name] for name in _BORDERS}
    is_collapsed, sizing = style["border_collapse"] == "collapse", style["box_sizing"]
    return fixed, borders, is_collapsed, sizing != "content-box"


def _is_bare(style: Any) -> bool:
    """Whether nothing is painted behind a box of that style."""
    from weasyprint.draw.color import get_color

    return (
        style["border_image_source"][0] == "none"
        and style["mask_border_source"][0] == "none"
        and style["visibility"] != "hidden"
        and all(kind == "none" for kind, _value in style["background_image"])
        and get_color(style, "background_color").alpha == 0
        and not style["box_shadow"]
    )


# ---- a PDF is written down once ------------------------------------------------------------------------------------
# WeasyPrint turns each of its objects into bytes, and deflates them, twice.

_LEVEL = 6
"""Of deflating: nine takes twice as long for one hundredth less."""


def _writing() -> list[Swap]:
    """What writes streams and whole files."""
    from weasyprint.pdf import pydyf

    stock, dictionary, to_bytes = pydyf.PDF.write, pydyf.Dictionary, pydyf._to_bytes

    class Written(pydyf.Object):  # type: ignore[misc]
        """An object of a PDF that has its bytes."""

        data = b""

        def __init__(self, one: Any) -> None:
            self.number, self.offset, self.generation, self.free = one.number, one.offset, one.generation, one.free
            self.compressible = one.compressible
            self.data = one.data if one.free != "f" else b""

        compressible = False

    def data(stream: Any) -> bytes:
        known: bytes | None = stream.__dict__.get("known")
        if known is not None:
            return known
        content = b"\n".join([item if type(item) is bytes else to_bytes(item) for item in stream.stream])
        extra = dictionary(stream.extra.copy())
        if stream.compress:
            extra["Filter"] = "/FlateDecode"
            content = _profile(content) if "N" in extra and "Type" not in extra else zlib.compress(content, _LEVEL)
        extra["Length"] = len(content)
        written = b"\n".join((extra.data, b"stream", content, b"endstream"))
        if extra.get("Type") in ("/ObjStm", "/XRef"):
            stream.known = written
        return written

    def write(pdf: Any, output: Any, version: Any = b"1.7", identifier: Any = False, compress: bool = False) -> None:
        pdf.objects = [Written(one) for one in pdf.objects]
        stock(pdf, output, version, identifier, compress)

    return [Swap(pydyf.Stream, "data", property(data)), Swap(pydyf.PDF, "write", write)]


@lru_cache(maxsize=2)
def _profile(content: bytes) -> bytes:
    """The profile of its colours, which is in every file."""
    return zlib.compress(content, _LEVEL)
