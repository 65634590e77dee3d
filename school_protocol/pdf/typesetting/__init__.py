"""The slowest parts of WeasyPrint in our hand while a document is set: the same pages in about half the time.

Each is a function of WeasyPrint's own, under its name and with its arguments, that remembers what it found: what a
style says of all its boxes, how a text is shaped, how an object of the PDF is written. They are pinned, as WeasyPrint
is, to one of its majors; outside of `in_our_hand`, its functions are its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple


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
    from school_protocol.pdf.typesetting import drawing, shaping, sizes, styles, writing

    memory = shaping.Memory()
    return [*shaping.swaps(memory), *drawing.swaps(memory), *styles.swaps(), *sizes.swaps(), *writing.swaps()]


@lru_cache(maxsize=64)
def _who_knows(owner: Any, name: str) -> tuple[tuple[Any, str], ...]:
    """Everywhere in WeasyPrint that a function is known by name: other modules have taken it from its own."""
    if not isinstance(owner, ModuleType):
        return ((owner, name),)
    stock = vars(owner)[name]
    modules = [module for key, module in sorted(sys.modules.items()) if key.partition(".")[0] == "weasyprint"]
    return tuple((module, at) for module in modules for at, known in vars(module).items() if known is stock)
