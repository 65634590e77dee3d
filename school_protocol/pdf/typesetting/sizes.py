"""What a style says of all its boxes is worked out once for all of them: lengths, corners, backgrounds."""

from __future__ import annotations

from typing import Any

from school_protocol.pdf.typesetting import Swap

_SIDES = ("left", "right", "top", "bottom")
_ACROSS = ("margin_left", "margin_right", "padding_left", "padding_right", "width", "min_width", "max_width")
_LEAST = ("min_width", "min_height")
_LENGTHS = (*(f"{kind}_{side}" for kind in ("margin", "padding") for side in _SIDES), "width", "min_width", "max_width",
            "height", "min_height", "max_height")  # fmt: skip
_BORDERS = tuple(f"border_{side}_width" for side in _SIDES)
_CORNERS = tuple(f"border_{side}_radius" for side in ("top_left", "top_right", "bottom_right", "bottom_left"))
_SQUARE = dict.fromkeys(_CORNERS, (0, 0))
_FLOATS = ("left", "right", "inline-start", "inline-end")
_IN_FLOW = ("static", "relative")


def swaps() -> list[Swap]:
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
