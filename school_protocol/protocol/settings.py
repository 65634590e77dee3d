"""What a definition lets be changed in a form: which figures and texts, within what, and the file with them changed.

`rewritten` touches nothing but the scalars it is asked to: every other byte of the file, comments too, stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import yaml

from school_protocol.engine.definition import Deadline, Level, Protocol, Words
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.texts import N_, Text
from school_protocol.protocol.check_context import Book, Path, grow, plain

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Part(StrEnum):
    """Settings that stand on one page."""

    deadlines = "deadlines"
    follow_up = "follow_up"
    levels = "levels"
    words = "words"
    forms = "forms"


@dataclass(frozen=True, slots=True)
class Setting:
    """One figure, list of days or text that can be changed; `path` is its place in the file."""

    part: Part
    path: Path
    value: int | tuple[int, ...] | str
    least: int = 0
    most: int | None = None
    language: str = ""
    """Of a text: the language in which it is written there."""
    also: Path = ()
    """What ends where this begins: it is set to one less."""
    fixed: tuple[int, ...] = ()
    """Days that have to stay."""

    @property
    def key(self) -> str:
        """Its name in a form."""
        return "-".join(str(step) for step in self.path)


Value = int | tuple[int, ...] | str
MOST = 10_000
"""The largest figure of a deadline or a schedule."""


class CannotRewrite(SchoolProtocolError):
    """The file can't be changed in that place without changing something else."""


# ---- what can be changed -----------------------------------------------------------------------------------------


def settings(protocol: Protocol, part: Part) -> tuple[Setting, ...]:
    """The settings of one part, in the order of the file."""
    found = {
        Part.deadlines: _deadlines,
        Part.follow_up: _follow_up,
        Part.levels: _levels,
        Part.words: _words,
        Part.forms: _forms,
    }
    return tuple(found[part](protocol))


def locked(protocol: Protocol) -> tuple[Deadline, ...]:
    """Deadlines that are no setting, because the law or a child's safety fixes them."""
    return tuple(deadline for deadline in protocol.deadlines.values() if deadline.lock)


def _deadlines(protocol: Protocol) -> Iterator[Setting]:
    for key, deadline in protocol.deadlines.items():
        if not deadline.editable or deadline.lock:
            continue
        path: Path = ("deadlines", key)
        if deadline.value:
            most = deadline.max if deadline.max is not None else MOST
            yield Setting(Part.deadlines, (*path, "value"), deadline.value, 1, most)
        for number, step in enumerate(deadline.steps):
            yield Setting(Part.deadlines, (*path, "steps", number, "after"), step.after, 0, MOST)


def _follow_up(protocol: Protocol) -> Iterator[Setting]:
    levels = protocol.follow_up.levels if protocol.follow_up else {}
    for level, schedule in levels.items():
        if schedule.editable:
            path: Path = ("follow_up", "levels", str(level), "days")
            yield Setting(Part.follow_up, path, schedule.days, 0, MOST, fixed=schedule.roll.fixed)


def _levels(protocol: Protocol) -> Iterator[Setting]:
    for key, grid in protocol.grids.items():
        path: Path = ("grids", key, "levels")
        for (below, lower), (above, upper) in pairwise(grid.levels.items()):
            if lower.editable and upper.editable:
                yield Setting(
                    Part.levels, (*path, str(above), "low"), upper.low, lower.low + 1, upper.high,
                    also=(*path, str(below), "high"),
                )  # fmt: skip


def _words(protocol: Protocol) -> Iterator[Setting]:
    for key, words in protocol.words.items():
        if words.editable:
            for path, text in _texts_of(words):
                yield from _languages(Part.words, ("words", key, *path), text)


def _texts_of(words: Words) -> Iterator[tuple[Path, Text]]:
    yield ("title",), words.title
    if words.hint:
        yield ("hint",), words.hint
    yield from ((("say", number), said) for number, said in enumerate(words.say))
    yield from ((("never", number), said) for number, said in enumerate(words.never))
    if words.text:
        yield ("text",), words.text
    yield from ((("fills", name), text) for name, text in words.fills.items())


def _forms(protocol: Protocol) -> Iterator[Setting]:
    for key, form in protocol.forms.items():
        if form.editable and form.intro:
            yield from _languages(Part.forms, ("forms", key, "intro"), form.intro)


def _languages(part: Part, path: Path, text: Text) -> Iterator[Setting]:
    for language, said in text.root.items():
        yield Setting(part, (*path, language), said, language=language)


# ---- what a file must say for that -------------------------------------------------------------------------------


def check(book: Book) -> None:
    protocol = book.protocol
    for key, deadline in protocol.deadlines.items():
        if deadline.editable and deadline.lock:
            book.say(
                ("deadlines", key, "editable"), N_("what is locked for %(lock)s is no setting"), lock=deadline.lock
            )
    for key, form in protocol.forms.items():
        if form.editable and form.intro is None and book.declared.is_whole("forms", key):
            book.say(("forms", key, "editable"), N_("only the intro of a form can be changed, and it has none"))
    for key, grid in protocol.grids.items():
        _check_levels(book, ("grids", key, "levels"), grid.levels)


def _check_levels(book: Book, path: Path, levels: Mapping[int, Level]) -> None:
    places = list(levels.items())
    for place, (number, level) in enumerate(places):
        beside = [*places[max(0, place - 1) : place], *places[place + 1 : place + 2]]
        if level.editable and beside and not any(other.editable for _number, other in beside):
            text = N_("a level is bounded by its neighbours: one of them must be editable, too")
            book.say((*path, str(number), "editable"), text)


# ---- the file with them changed ----------------------------------------------------------------------------------


def rewritten(content: bytes, changes: Mapping[Path, Value]) -> bytes:
    """The file with these scalars changed and every other byte as it was. Raises CannotRewrite."""
    text = content.decode("utf-8")
    start = len(text) - len(text.removeprefix("\ufeff"))
    body = text[start:]
    root = yaml.compose(body, Loader=_LOADER)
    edits = sorted((_edit(body, _found(root, path), value) for path, value in changes.items()), reverse=True)
    new = body
    for begins, ends, written in edits:
        new = new[:begins] + written + new[ends:]
    result = (text[:start] + new).encode("utf-8")
    if plain(grow(result)[0]) != _wanted(content, changes):
        raise CannotRewrite("something else would change")
    return result


def _found(node: yaml.Node | None, path: Path) -> yaml.Node:
    """The node at `path`."""
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step] if step < len(node.value) else None
        else:
            node = None
    if node is None:
        raise CannotRewrite(f"nothing stands at {path}")
    return node


def _edit(body: str, node: yaml.Node, value: Value) -> tuple[int, int, str]:
    """Where in the text something is replaced, and by what."""
    last = node
    while isinstance(last, yaml.SequenceNode) and not last.flow_style and last.value:
        last = last.value[-1]
    begins, ends = node.start_mark.index, last.end_mark.index
    ends = begins + len(body[begins:ends].rstrip())
    if isinstance(value, int):
        return begins, ends, str(value)
    if isinstance(value, tuple):
        return begins, ends, f"[{', '.join(map(str, value))}]"
    style = node.style if isinstance(node, yaml.ScalarNode) else None
    return begins, ends, _block(body, node, value) if style == "|" else json.dumps(value, ensure_ascii=False)


def _block(body: str, node: yaml.Node, value: str) -> str:
    """A text of several lines, written as such where it was before and where it can be."""
    lines = value.removesuffix("\n").split("\n")
    column = _indent(body, node)
    if not column or not lines[0].strip() or lines[0][0] in " \t" or value.endswith("\n\n"):
        return json.dumps(value, ensure_ascii=False)
    header = "|" if value.endswith("\n") else "|-"
    return "\n".join([header, *(f"{' ' * column}{line}" if line else "" for line in lines)])


def _indent(body: str, node: yaml.Node) -> int:
    """How far the lines of a block are moved in; 0 where it says so itself."""
    first, _, rest = body[node.start_mark.index : node.end_mark.index].partition("\n")
    lines = [line for line in rest.split("\n") if line.strip()]
    if first.strip() not in ("|", "|-", "|+") or not lines:
        return 0
    return len(lines[0]) - len(lines[0].lstrip(" "))


def _wanted(content: bytes, changes: Mapping[Path, Value]) -> object:
    """The plain values that the changed file must hold."""
    values = plain(grow(content)[0])
    for path, value in changes.items():
        holder: Any = values
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = [str(one) for one in value] if isinstance(value, tuple) else str(value)
    return values
