"""What the checks of a definition share: YAML with its lines, declared names with their types, findings with places."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum

import yaml

from school_protocol.engine.conditions import UNKNOWN_NAME, Condition, NameType
from school_protocol.engine.definition import FactType, Grid, Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.errors import Fault
from school_protocol.engine.facts import pointers
from school_protocol.engine.texts import N_, Listing, Phrase, Words, recognised

# A definition's YAML as a tree that knows its lines, where every scalar is still the text that was
# written.
# YAML's own readings are switched off (`no` stays `no`, `12:30` stays `12:30`), and so is what
# would make a file say something else than it shows: anchors, aliases, tags, duplicate keys,
# several documents.

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


# ---- what conditions may name, and with which types: facts, a form's answers, a grid's items -----------------------

ANSWERED = ("yes", "no", "unknown")
NEED = "need"
"""What a referral covers when it is made without a danger."""
PART_OF = {
    FieldType.danger: "dangers",
    FieldType.target: "targets",
    FieldType.seat: "seats",
    FieldType.slot: "slots",
    FieldType.side: "sides",
    FieldType.duty: "duties",
}
"""The types of field whose answer is the key of an entry, each with the part in which that stands."""
NOT_DECLARED = N_('%(what)s "%(name)s" is not declared%(like)s')

_BOOL, _INT = NameType("bool"), NameType("int")


def fact_types(protocol: Protocol) -> Mapping[str, NameType]:
    """The declared facts, as needs and deadlines read them."""
    types: dict[str, NameType] = {}
    for key, fact in protocol.facts.items():
        if fact.type is FactType.bool:
            types[key] = _BOOL
        elif fact.type is FactType.enum:
            types[key] = NameType("enum", fact.values)
        else:
            types[key] = _INT
    return types


def field_types(protocol: Protocol, form: Form | str) -> Mapping[str, NameType]:
    """The answers of a form that a condition can read; free words, dates, people and rows are not among them."""
    return types_of(protocol, (protocol.forms[form] if isinstance(form, str) else form).fields)


def types_of(protocol: Protocol, fields: Iterable[FormField]) -> dict[str, NameType]:
    found = {field.key: _type_of(protocol, field) for field in fields}
    return {key: kind for key, kind in found.items() if kind is not None}


def answer_types(protocol: Protocol, form: Form) -> Mapping[str, NameType]:
    """The answers of a form with what is known besides: who acted, and what a target or what is covered implies."""
    types = {"role": NameType("enum", (*protocol.roles, *protocol.seats)), **field_types(protocol, form)}
    if form.find(FieldType.target):
        types |= {"external": _BOOL, "judicial": _BOOL}
    if form.find(FieldType.covers):
        types["on_danger"] = _BOOL
    if form.find(FieldType.account):
        types["about_self"] = _BOOL
    return types


def item_types(grid: Grid) -> Mapping[str, NameType]:
    return dict.fromkeys(grid.items, _INT)


def condition_faults(condition: Condition, types: Mapping[str, NameType], what: str) -> list[Phrase]:
    """Every mistake of a condition, in words; `what` is the kind of names that it may read."""
    faults = [
        Phrase(NOT_DECLARED, what=what, name=name, like=suggestion(name, types))
        for name in dict.fromkeys(node.id for node in ast.walk(condition.tree) if isinstance(node, ast.Name))
        if name not in types
    ]
    faults += (fault for fault in condition.faults(types) if fault.text != UNKNOWN_NAME)
    for node in ast.walk(condition.tree):
        if isinstance(node, ast.Compare):
            faults += _sides(node.left, node.ops[0], node.comparators[0], types)
    return list(dict.fromkeys(faults))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was probably meant."""
    if len(name) > 80:
        return None
    return next(iter(get_close_matches(name, list(names), 1, 0.7)), None)


def suggestion(name: str, names: Iterable[str]) -> str:
    """What goes behind a sentence about a name that does not exist: a phrase, or nothing."""
    close = nearest(name, names)
    return Phrase(N_('; did you mean "%(name)s"?'), name=close) if close else ""


def _sides(left: ast.expr, op: ast.cmpop, right: ast.expr, types: Mapping[str, NameType]) -> list[Phrase]:
    """Mistakes that lie in both sides together: two names of different types, or no name at all."""
    is_among = isinstance(op, ast.In | ast.NotIn)
    if not isinstance(left, ast.Name) and not isinstance(right, ast.Name):
        text = N_("`%(term)s` is compared with a constant: one side must be a name")
        return [Phrase(text, term=ast.unparse(left))]
    if isinstance(left, ast.Name) and isinstance(right, ast.Name):
        return _two_names(left.id, right.id, types, is_among=is_among)
    if is_among and not isinstance(right, ast.Name | ast.Tuple | ast.List):
        text = N_("`in %(term)s`: write a list, such as %(example)s")
        return [Phrase(text, term=ast.unparse(right), example="('one', 'two')")]
    return []


def _two_names(name: str, other: str, types: Mapping[str, NameType], *, is_among: bool) -> list[Phrase]:
    one, two = types.get(name), types.get(other)
    if one is not None and is_among and one.kind != "enum":
        text = N_("`%(name)s` is %(kind)s: only an enum can be among several answers")
        return [Phrase(text, name=name, kind=one.kind)]
    if one is None or two is None or _of_one(one) == _of_one(two):
        return []
    text = N_("`%(name)s` is %(kind)s and `%(other)s` is %(other_kind)s: they cannot be compared")
    return [Phrase(text, name=name, kind=one.kind, other=other, other_kind=two.kind)]


def _of_one(kind: NameType) -> str:
    """What one answer is, of several that may be given together."""
    return "enum" if kind.kind == "multi" else kind.kind


def _type_of(protocol: Protocol, field: FormField) -> NameType | None:
    if field.type in PART_OF:
        return NameType("enum", field.only or tuple(getattr(protocol, PART_OF[field.type])))
    options = tuple(option.key for option in field.options)
    return {
        FieldType.yes_no: _BOOL,
        FieldType.check: _BOOL,
        FieldType.integer: _INT,
        FieldType.scale: _INT,
        FieldType.tri: NameType("enum", ANSWERED),
        FieldType.choice: NameType("enum", options),
        FieldType.choices: NameType("multi", options),
        FieldType.dangers: NameType("multi", field.only or tuple(protocol.dangers)),
        FieldType.covers: NameType("multi", (*protocol.dangers, NEED)),
    }.get(field.type)


EVERYONE = "everyone"
_LIKES = 300
KINDS: Mapping[str, str] = {
    "stages": N_("stage"),
    "states": N_("state"),
    "roles": N_("role"),
    "seats": N_("seat"),
    "sides": N_("side"),
    "slots": N_("slot"),
    "forms": N_("form"),
    "acts": N_("act"),
    "moves": N_("move"),
    "facts": N_("fact"),
    "needs": N_("need"),
    "deadlines": N_("deadline"),
    "duties": N_("duty"),
    "grids": N_("grid"),
    "dangers": N_("danger"),
    "targets": N_("target"),
    "audiences": N_("audience"),
}
"""One entry of each part that entries elsewhere refer to."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of what a definition says: where, in the file's own keys, and what."""

    path: Path
    message: Phrase


@dataclass(slots=True)
class Declared:
    """What the file declares, parts that were left out included, so that nothing is said to be missing for that."""

    names: Mapping[Path, frozenset[str]] = field(default_factory=dict)
    cut: set[Path] = field(default_factory=set)
    """The places of what was left out."""
    lost_parts: set[str] = field(default_factory=set)
    """Parts that could not be read at all."""
    _touched: set[Path] = field(default_factory=set)

    def lose(self, path: Path) -> None:
        """Something at `path` is left out."""
        self.cut.add(path)
        self._touched |= {path[:1], path[:2]}
        if len(path) == 1:
            self.lost_parts.add(str(path[0]))

    def of(self, *path: str) -> frozenset[str]:
        return self.names.get(path, frozenset())

    def is_whole(self, *path: str) -> bool:
        """Whether nothing at or under `path` (a part, or an entry of one) was left out."""
        return path[0] not in self.lost_parts and path not in self._touched


class Book:
    def __init__(self, protocol: Protocol, declared: Declared) -> None:
        self.protocol = protocol
        self.declared = declared
        self.findings: list[Finding] = []
        self.facts = fact_types(protocol)
        self.facts_read: set[str] = set()
        self.has_unknown_facts = False
        self._likes = 0

    def say(self, path: Path, text: str | Phrase, /, **args: Words) -> None:
        """A finding at `path`: a marked message with what stands in its places, or a phrase that is whole."""
        self.findings.append(Finding(path, phrase(text, args)))

    def is_sound(self, *parts: str) -> bool:
        """Whether nothing was left out of, or is yet found in, these parts: only then do they add up to something."""
        return all(self.declared.is_whole(part) for part in parts) and not any(
            finding.path[0] in parts for finding in self.findings if finding.path
        )

    def levels(self) -> frozenset[int]:
        """The levels of the assessment's grid; of every grid where none is named."""
        assessment = self.protocol.assessment
        form = self.form_of(assessment.act) if assessment else None
        field = form.by_key.get(assessment.field) if form and assessment else None
        grids = [field.grid] if field and field.grid in self.protocol.grids else list(self.protocol.grids)
        written = (level for grid in grids for level in self.declared.of("grids", grid or "", "levels"))
        return frozenset(int(level) for level in written if level.isdecimal())

    def has_level(self, level: int) -> bool:
        """Whether the grid has this level, as far as can be known."""
        return level in self.levels() or not self.declared.is_whole("grids")

    def like(self, name: str, names: Iterable[str]) -> str:
        """A suggestion, as long as there are not too many to be of use."""
        self._likes += 1
        return suggestion(name, names) if self._likes <= _LIKES else ""

    # ---- names ---------------------------------------------------------------------------------------------------

    def refer(self, path: Path, names: Iterable[str], *parts: str, also: Collection[str] = ()) -> None:
        """Each of `names` must be declared in one of `parts`, or be one of the words `also`."""
        for number, name in enumerate(names):
            self.refer_one((*path, number), name, *parts, also=also)

    def refer_one(self, path: Path, name: str | None, *parts: str, also: Collection[str] = ()) -> None:
        known = {*also, *(key for part in parts for key in self.declared.of(part))}
        if name is None or name in known or not self.declared.lost_parts.isdisjoint(parts):
            return
        what = either(Phrase(KINDS[part]) for part in parts)
        self.say(path, NOT_DECLARED, what=what, name=name, like=self.like(name, known))

    def needs(self, path: Path, names: Iterable[str]) -> None:
        """Needs that must hold where no answers are at hand."""
        names = tuple(names)
        self.refer(path, names, "needs")
        self.unpointed(path, names)

    def unpointed(self, path: Path, names: Iterable[str]) -> None:
        """None of these needs is about what answers point at."""
        for number, name in enumerate(names):
            need = self.protocol.needs.get(name)
            if need is not None and pointers(self.protocol, need.when.names):
                text = N_(
                    'need "%(name)s" is about what the answers of an act point at: it goes under needs_when of that act'
                )
                self.say((*path, number), text, name=name)

    def people(self, path: Path, names: Iterable[str], *also: str) -> None:
        self.refer(path, names, "roles", "seats", also=also)

    def form_of(self, act: str | None) -> Form | None:
        """The form of an act, where both could be read."""
        found = self.protocol.acts.get(act or "")
        return self.protocol.forms.get(found.form) if found else None

    def has_fields(self, form: Form) -> bool:
        """Whether a form's fields could be read as such."""
        return ("forms", form.key, "fields") not in self.declared.cut

    def field(self, path: Path, form: Form | None, name: str | None, *types: FieldType) -> FormField | None:
        """The field `name` of `form`, which must exist and be of one of `types`."""
        if form is None or name is None:
            return None
        found = form.by_key.get(name)
        if found is None:
            if name not in self.declared.of("forms", form.key, "fields") and self.has_fields(form):
                text = N_('form "%(form)s" has no field "%(name)s"%(like)s')
                self.say(path, text, form=form.key, name=name, like=self.like(name, form.by_key))
        elif types and found.type not in types:
            text = N_('field "%(name)s" is %(type)s: %(wanted)s is needed here')
            self.say(path, text, name=name, type=found.type.value, wanted=either(types))
            return None
        return found

    # ---- conditions ----------------------------------------------------------------------------------------------

    def over_facts(self, path: Path, condition: Condition | None, *, pointed: bool = False) -> None:
        """A condition over facts; `pointed`: also over those that are about what an act's answers point at."""
        if condition is None:
            return
        for name in () if pointed else sorted(condition.names):
            if pointers(self.protocol, [name]):
                text = N_('fact "%(name)s" is about what the answers of an act point at: only a need can read it')
                self.say(path, text, name=name)
        self.facts_read |= condition.names
        unknown = condition.names - self.facts.keys()
        self.has_unknown_facts |= bool(unknown)
        if not unknown & self.declared.of("facts") and "facts" not in self.declared.lost_parts:
            self._condition(path, condition, self.facts, Phrase(KINDS["facts"]))

    def over_answers(self, path: Path, condition: Condition | None, form: Form | None) -> None:
        if condition is not None and form is not None and self.has_fields(form):
            self._over_fields(path, condition, form, form.fields, answer_types(self.protocol, form))

    def over_form(self, path: Path, condition: Condition | None, form: Form, own: str | None = None) -> None:
        """A condition over the answers of a form; a field's own one over the others."""
        if condition is None:
            return
        if own in condition.names:
            self.say(path, N_("a field cannot hang on its own answer"))
            return
        self._over_fields(path, condition, form, form.fields, field_types(self.protocol, form))

    def _over_fields(
        self, path: Path, condition: Condition, form: Form, fields: Iterable[FormField], types: Mapping[str, NameType]
    ) -> None:
        by_key = {item.key: item for item in fields}
        unreadable = [name for name in sorted(condition.names & by_key.keys()) if name not in types]
        for name in unreadable:
            text = N_('field "%(name)s" is %(type)s: a condition cannot read it')
            self.say(path, text, name=name, type=by_key[name].type.value)
        left_out = (condition.names - by_key.keys() - types.keys()) & self.declared.of("forms", form.key, "fields")
        if not unreadable and not left_out:
            self._condition(path, condition, types, Phrase(N_('form "%(form)s": field'), form=form.key))

    def over_names(self, path: Path, condition: Condition | None, types: Mapping[str, NameType], what: Phrase) -> None:
        if condition is not None:
            self._condition(path, condition, types, what)

    def _condition(self, path: Path, condition: Condition, types: Mapping[str, NameType], what: Phrase) -> None:
        for fault in condition_faults(condition, types, what):
            self.say(path, fault)


def either(words: Iterable[str | Enum]) -> Listing:
    """Words, or the values of enums, as a choice: one, two or three."""
    return Listing((word.value if isinstance(word, Enum) else word for word in words), "or")
