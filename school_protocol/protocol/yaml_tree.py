"""A definition's YAML as a tree that knows its lines, where every scalar is still the text that was written.

YAML's own readings are switched off (`no` stays `no`, `12:30` stays `12:30`), and so is what would make a file say
something else than it shows: anchors, aliases, tags, duplicate keys, several documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from school_protocol.engine.errors import Fault
from school_protocol.engine.texts import N_, Listing, Phrase, Words, recognised

LARGEST = 2 * 1024 * 1024
DEEPEST = 20
MANY = 100_000
"""Values in one file: several times as many as the largest protocol holds."""
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")

Path = tuple[str | int, ...]


class Unreadable(Exception):
    """The bytes cannot be read further: one fault, and nothing after it can be trusted."""

    def __init__(self, line: int, text: str | Phrase, /, **args: Words) -> None:
        self.fault = Fault(line, phrase(text, args))
        super().__init__(self.fault.message)


@dataclass(eq=False, slots=True)
class Scalar:
    text: str
    line: int
    flawed: bool = False
    """Already reported: whatever else is found wrong with it is a consequence."""


@dataclass(eq=False, slots=True)
class Items:
    line: int
    nodes: list[Node] = field(default_factory=list)
    flawed: bool = False


@dataclass(eq=False, slots=True)
class Entries:
    line: int
    nodes: dict[str, Node] = field(default_factory=dict)
    flawed: bool = False


Node = Scalar | Items | Entries


def grow(data: bytes) -> tuple[Entries, list[Fault], set[Path]]:
    """The tree of `data`, the faults of its writing, and the paths from which something had to be left out."""
    grower = _Grower(_decoded(data))
    return grower.document(), grower.faults, grower.lost


def plain(node: Node) -> object:
    """The tree as dicts, lists and texts."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return {key: plain(item) for key, item in node.nodes.items()}


def child(node: Node, step: str | int) -> Node | None:
    """What lies under `step`; a number finds the n-th entry of a mapping, too."""
    if isinstance(node, Entries):
        if isinstance(step, str):
            return node.nodes.get(step)
        return list(node.nodes.values())[step] if step < len(node.nodes) else None
    if isinstance(node, Items) and isinstance(step, int) and step < len(node.nodes):
        return node.nodes[step]
    return None


def follow(root: Node, path: Sequence[str | int]) -> tuple[list[Node], Path]:
    """The nodes along `path` as far as it goes, the root first, and that path in the file's own keys."""
    nodes, walked = [root], []
    for step in path:
        found = child(nodes[-1], step)
        if found is None:
            break
        parent = nodes[-1]
        walked.append(list(parent.nodes)[step] if isinstance(parent, Entries) and isinstance(step, int) else step)
        nodes.append(found)
    return nodes, tuple(walked)


def label(path: Path) -> str:
    """A path in words: `moves.assign.needs`, `facts.heard.from[2]` (counted from one)."""
    words = ""
    for step in path:
        words += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if words else step
    return words


def phrase(text: str | Phrase, args: Mapping[str, Words]) -> Phrase:
    """A marked message with what stands in it; one that is whole already stays so."""
    return text if isinstance(text, Phrase) else Phrase(text, **args)


def placed(path: Path, fault: Phrase) -> Phrase:
    """A fault with its place in front."""
    return Phrase(N_("%(place)s: %(fault)s"), place=label(path), fault=fault) if path else fault


def _decoded(data: bytes) -> str:
    if len(data) > LARGEST:
        raise Unreadable(1, N_("the file is larger than %(size)s MiB"), size=LARGEST // 1024 // 1024)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(data.count(b"\n", 0, error.start) + 1, N_("the file is not UTF-8 text")) from None
    text = text.removeprefix("\ufeff")
    found = _UNWANTED.search(text)
    if found:
        raise Unreadable(text.count("\n", 0, found.start()) + 1, _unwanted(found[0]))
    return text


def _unwanted(character: str) -> Phrase:
    return Phrase(N_("unwanted character %(code)s"), code=f"U+{ord(character):04X}")


class _Grower:
    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self.lost: set[Path] = set()
        self._count = 0
        self._events = self._read(text)

    @staticmethod
    def _read(text: str) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = Listing(recognised(part, _NOT_YAML) for part in (error.context, error.problem) if part)
            line = min(mark.line + 1, text.count("\n") + 1) if mark else 1
            raise Unreadable(line, N_("not YAML: %(why)s"), why=said) from None
        except yaml.YAMLError as error:
            raise Unreadable(1, N_("not YAML: %(why)s"), why=str(error).splitlines()[0]) from None

    def document(self) -> Entries:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise Unreadable(_line(event), N_("a second document begins here: one file holds one definition"))
                if event.tags:
                    self._fault(event, (), N_("tags are not used in definitions"))
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, (), None)
        if root is None:
            raise Unreadable(1, N_("the file is empty"))
        if not isinstance(root, Entries):
            raise Unreadable(root.line, N_("a definition is a mapping of keys"))
        return root

    def _fault(self, event: yaml.Event, path: Path, text: str | Phrase, /, **args: Words) -> None:
        self.faults.append(Fault(_line(event), placed(path, phrase(text, args))))

    def _node(self, event: yaml.NodeEvent, path: Path, line: int | None) -> Node:
        """The node that `event` begins; `line` is that of its key, where it has one."""
        self._count += 1
        if self._count > MANY:
            raise Unreadable(_line(event), N_("more than %(most)s values"), most=MANY)
        if isinstance(event, yaml.AliasEvent):
            text = N_("aliases are not used in definitions: write %(alias)s out")
            self._fault(event, path, text, alias=f"*{event.anchor}")
            return Scalar("", line or _line(event), flawed=True)
        if event.anchor is not None:
            text = N_("anchors are not used in definitions: remove %(anchor)s")
            self._fault(event, path, text, anchor=f"&{event.anchor}")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            self._fault(event, path, N_("tags are not used in definitions: remove %(tag)s"), tag=_tag(event.tag))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path, line)
        if len(path) >= DEEPEST:
            raise Unreadable(_line(event), N_("nested more than %(most)s deep"), most=DEEPEST)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, path, line)
        return self._entries(event, path, line)

    def _scalar(self, event: yaml.ScalarEvent, path: Path, line: int | None) -> Scalar:
        scalar = Scalar(event.value, line or _line(event))
        found = _UNWANTED.search(event.value)
        if found:
            self._fault(event, path, _unwanted(found[0]))
        elif not event.value.strip():
            self.faults.append(Fault(scalar.line, placed(path, Phrase(N_("empty value")))))
        else:
            return scalar
        scalar.text, scalar.flawed = "", True
        return scalar

    def _items(self, event: yaml.Event, path: Path, line: int | None) -> Items:
        items = Items(line or _line(event))
        for inner in self._until(yaml.SequenceEndEvent):
            items.nodes.append(self._node(inner, (*path, len(items.nodes)), None))
        return items

    def _entries(self, event: yaml.Event, path: Path, line: int | None) -> Entries:
        entries = Entries(line or _line(event))
        for key in self._until(yaml.MappingEndEvent):
            start = _line(key)
            if not isinstance(key, yaml.ScalarEvent):
                raise Unreadable(start, placed(path, Phrase(N_("a key is plain text"))))
            if key.anchor is not None or key.tag is not None:
                self._fault(key, path, N_("a key takes neither anchor nor tag"))
            name = key.value
            if _UNWANTED.search(name) or not name.strip():
                self._fault(key, path, N_("a key is empty or holds an unwanted character"))
                self.lost.add(path)
                self._node(self._next(), (*path, "?"), start)
                continue
            twin = entries.nodes.get(name)
            node = self._node(self._next(), (*path, name), start)
            if twin is None:
                entries.nodes[name] = node
            else:
                self._fault(key, (), _duplicate(path), name=name, place=label(path), line=twin.line)
                self.lost.add((*path, name))
        return entries

    def _next(self) -> yaml.NodeEvent:
        event = next(self._events)
        assert isinstance(event, yaml.NodeEvent)
        return event

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.NodeEvent]:
        for event in self._events:
            if isinstance(event, end):
                return
            assert isinstance(event, yaml.NodeEvent)
            yield event


def _line(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


def _duplicate(path: Path) -> str:
    if path:
        return N_('duplicate key "%(name)s" in %(place)s (first on line %(line)s)')
    return N_('duplicate key "%(name)s" (first on line %(line)s)')


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


_NOT_YAML = (
    N_("while parsing a block collection"),
    N_("while parsing a block mapping"),
    N_("while parsing a block node"),
    N_("while parsing a flow mapping"),
    N_("while parsing a flow node"),
    N_("while parsing a flow sequence"),
    N_("while parsing a node"),
    N_("while parsing a quoted scalar"),
    N_("while scanning a block scalar"),
    N_("while scanning a plain scalar"),
    N_("while scanning a quoted scalar"),
    N_("while scanning a simple key"),
    N_("while scanning a tag"),
    N_("while scanning an alias"),
    N_("while scanning an anchor"),
    N_("while scanning for the next token"),
    N_("block sequence entries are not allowed in this context"),
    N_("mapping keys are not allowed in this context"),
    N_("mapping values are not allowed in this context"),
    N_("could not find expected ':'"),
    N_("did not find expected ',' or ']'"),
    N_("did not find expected ',' or '}'"),
    N_("did not find expected '-' indicator"),
    N_("did not find expected <document start>"),
    N_("did not find expected alphabetic or numeric character"),
    N_("did not find expected comment or line break"),
    N_("did not find expected hexdecimal number"),
    N_("did not find expected key"),
    N_("did not find expected node content"),
    N_("did not find expected whitespace or line break"),
    N_("found a tab character that violates indentation"),
    N_("found a tab character where an indentation space is expected"),
    N_("found an indentation indicator equal to 0"),
    N_("found character that cannot start any token"),
    N_("found invalid Unicode character escape code"),
    N_("found undefined tag handle"),
    N_("found unexpected ':'"),
    N_("found unexpected document indicator"),
    N_("found unexpected end of stream"),
    N_("found unknown escape character"),
)
"""What libyaml says of a text that is no YAML, directives apart: what it says of those stays in its own words."""
