"""What a style says of a property is looked up where it says something, and known where it doesn't."""

from __future__ import annotations

from typing import Any

from school_protocol.pdf.typesetting import Swap

_SPECIAL = frozenset({"float", "display", "position", "page"})
_BORDERS = {f"border_{side}_width": f"border_{side}_style" for side in ("top", "right", "bottom", "left")}
_NONE = ("none", "hidden")


def swaps() -> list[Swap]:
    """What says the value of a property, or a colour, for the first time."""
    from weasyprint import css
    from weasyprint.css import functions
    from weasyprint.css.computed_values import PHYSICAL_FUNCTIONS
    from weasyprint.css.properties import INHERITED, INITIAL_NOT_COMPUTED, INITIAL_VALUES, Dimension
    from weasyprint.draw import color

    stock, stock_math = css.ComputedStyle.__missing__, functions.check_math
    ways = ("ltr", "rtl")
    logical = {named(block="ttb", inline=way) for named in PHYSICAL_FUNCTIONS.values() for way in ways}
    special = _SPECIAL | INITIAL_NOT_COMPUTED
    plain = {key for key in INITIAL_VALUES if key not in special and not key.startswith(("text_decoration_", "__"))}
    inherited = plain & INHERITED - PHYSICAL_FUNCTIONS.keys()
    initial = {key: INITIAL_VALUES[key] for key in plain - INHERITED}
    sides = PHYSICAL_FUNCTIONS.keys()

    def says_by_line(style: Any) -> bool:
        """Whether it says something of a side as the beginning or the end of a line."""
        known = style.__dict__.get("by_line")
        if known is None:
            known = style.__dict__["by_line"] = not logical.isdisjoint(style.cascaded)
        told: bool = known
        return told

    def missing(style: Any, key: str) -> Any:
        if key in style.cascaded or (key in sides and says_by_line(style)):
            return stock(style, key)
        if key in initial:
            value = style[key] = initial[key]
            return value
        if key in inherited and style.parent_style is not None:
            value = style[key] = style.parent_style[key]
            return value
        if key in _BORDERS and style[_BORDERS[key]] in _NONE:
            style[key] = 0
            return 0
        return stock(style, key)

    simple = frozenset({str, int, float, bool, type(None), Dimension})

    def check_math(token: Any) -> Any:
        return None if token.__class__ in simple else stock_math(token)

    def get_color(style: Any, key: str) -> Any:
        value = style[key]
        return style["color"] if value.__class__ is str and value == "currentcolor" else value

    return [
        Swap(css.ComputedStyle, "__missing__", missing),
        Swap(functions, "check_math", check_math),
        Swap(color, "get_color", get_color),
    ]
