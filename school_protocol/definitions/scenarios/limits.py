"""How large a scenario may be: what is larger is refused before anything of it is looked at, or played.

A scenario comes from whoever writes one. These limits are several times what the largest that is shipped needs, and
keep what follows (reading, playing, printing) within seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from school_protocol.definitions.book import Finding
from school_protocol.definitions.tree import Entries, Items, Node, Path, Scalar
from school_protocol.domain.phrases import N_, Phrase

LARGEST = 256 * 1024
"""Bytes of the file."""
WORDS = 2_000
"""Characters of one text or answer."""
ON_A_CARD = 600
"""Characters of one text of a card: it is printed large, on a quarter of a page."""
LONGEST = timedelta(days=400)
"""From the opening to the last moment: a school year, and some weeks."""
YEARS = range(2000, 2101)
CASES = 5
"""Cases of one table."""
PARTS: Mapping[str, int] = {
    "languages": 6, "versions": 10, "aims": 10, "cast": 24, "signs": 80, "injects": 60, "traps": 40, "debrief": 60,
}  # fmt: skip
STEPS = 150
"""Steps of the expected path."""
WITNESS = 20
"""Steps of one witness."""

_TOO_MANY = N_("%(found)s stand here, at most %(most)s may")
_TOO_LONG = N_("%(found)s characters stand here, at most %(most)s may")


def too_much(root: Entries) -> Iterator[Finding]:
    """What there is too much of, each with its place."""
    for part, most in PARTS.items():
        yield from _many((part,), root.nodes.get(part), most)
    yield from _many(("path", "steps"), _at(root, "path", "steps"), STEPS)
    for part in ("injects", "traps"):
        for key, entry in _entries(root.nodes.get(part)):
            place: Path = (part, key, "witness", "steps")
            yield from _many(place, _at(entry, "witness", "steps"), WITNESS)
    yield from _cases(root)
    yield from _long((), root, WORDS)


def _cases(root: Entries) -> Iterator[Finding]:
    steps = _at(root, "path", "steps")
    named = (_at(step, "case") for step in (steps.nodes if isinstance(steps, Items) else ()))
    cases = {node.text for node in named if isinstance(node, Scalar)}
    if len(cases) > CASES:
        said = Phrase(N_("%(found)s cases are named, at most %(most)s may be"), found=len(cases), most=CASES)
        yield Finding(("path", "steps"), said)


def _many(path: Path, node: Node | None, most: int) -> Iterator[Finding]:
    if isinstance(node, Items | Entries) and len(node.nodes) > most:
        yield Finding(path, Phrase(_TOO_MANY, found=len(node.nodes), most=most))


def _long(path: Path, node: Node, most: int) -> Iterator[Finding]:
    if isinstance(node, Scalar):
        if len(node.text) > most:
            yield Finding(path, Phrase(_TOO_LONG, found=len(node.text), most=most))
    elif isinstance(node, Items):
        for place, one in enumerate(node.nodes):
            yield from _long((*path, place), one, most)
    else:
        for key, one in node.nodes.items():
            yield from _long((*path, key), one, ON_A_CARD if path[:1] == ("cast",) and len(path) >= 2 else most)


def _entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    if isinstance(node, Entries):
        yield from node.nodes.items()


def _at(node: Node | None, *path: str) -> Node | None:
    for step in path:
        node = node.nodes.get(step) if isinstance(node, Entries) else None
    return node
