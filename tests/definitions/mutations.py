"""One change to small.yaml per check, with exactly what the reader says: (old, new, [(where, message), …]).

`where` is a piece of text that stands once in the changed file: its line is the line of the fault.
"""

from __future__ import annotations

Case = tuple[str, str, list[tuple[str, str]]]

WRITING: dict[str, Case] = {
    "duplicate key": ("  X: {fr", "  X: {fr: a, ar: b, en: c}\n  X: {fr", []),
}
