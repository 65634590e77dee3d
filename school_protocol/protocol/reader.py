"""Reads a definition: from a file's bytes to a checked `Protocol`, or every fault with its line, in plain words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path as FilePath
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from school_protocol.engine.conditions import TOO_DEEP, ConditionError
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError, Fault
from school_protocol.engine.kernel import kept
from school_protocol.engine.texts import N_, Listing, Phrase, Text, cut
from school_protocol.protocol.check_context import (
    LARGEST,
    Declared,
    Entries,
    Finding,
    Items,
    Node,
    Path,
    Scalar,
    Unreadable,
    child,
    follow,
    grow,
    label,
    nearest,
    placed,
    plain,
    suggestion,
)
from school_protocol.protocol.checks import check_definition

INJECTED = frozenset({"key", "digest"})
"""Fields of the model that the reader fills: in a file they are unknown keys."""


_SHOWN = 60


def explain(error: ErrorDetails, loc: Path, path: Path, model: type[BaseModel] = Protocol) -> Phrase:
    """The message for `error`; `loc` is its place in the model, `path` the same place in the file."""
    kind = error["type"]
    if kind == "missing":
        return missing_key(str(path[-1]), path[:-1])
    if kind == "extra_forbidden":
        return unknown_key(str(path[-1]), loc[:-1], path[:-1], model)
    return placed(path, _sentence(kind, error["input"], error, loc, model))


def missing_key(name: str, path: Path) -> Phrase:
    if path:
        return Phrase(N_('missing key "%(name)s" in %(place)s'), name=name, place=label(path))
    return Phrase(N_('missing key "%(name)s"'), name=name)


def unknown_key(name: str, loc: Path, path: Path, model: type[BaseModel] = Protocol) -> Phrase:
    """`loc` is the place in the model where it would be, `path` the same place in the file."""
    like = suggestion(name, keys_at(loc, model))
    if path:
        return Phrase(N_('unknown key "%(name)s" in %(place)s%(like)s'), name=name, place=label(path), like=like)
    return Phrase(N_('unknown key "%(name)s"%(like)s'), name=name, like=like)


def _sentence(kind: str, given: object, error: ErrorDetails, loc: Path, model: type[BaseModel]) -> Phrase:
    context = error.get("ctx", {})
    if isinstance(given, str):
        given = cut(given, _SHOWN)
    if kind in ("enum", "literal_error"):
        return _among(given, str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", "))
    if kind in _WRONG_TYPE:
        written, otherwise = _WRONG_TYPE[kind]
        return Phrase(written, value=given) if written and isinstance(given, str) else Phrase(otherwise)
    if kind in _MAPPING:
        return _mapping(loc, model)
    if kind in _OUT_OF_BOUNDS:
        text, bound = _OUT_OF_BOUNDS[kind]
        return Phrase(text, bound=context[bound])
    why = context.get("error")
    if isinstance(why, ConditionError):
        return why.phrase
    return Phrase(N_("this cannot be taken: %(why)s"), why=error["msg"])


def _among(given: object, expected: list[str]) -> Phrase:
    if not isinstance(given, str | int):
        return Phrase(N_("must be one of %(expected)s"), expected=Listing(expected))
    like = suggestion(str(given), expected)
    text = N_('"%(given)s" is not one of %(expected)s%(like)s')
    return Phrase(text, given=str(given), expected=Listing(expected), like=like)


def _mapping(loc: Path, model: type[BaseModel]) -> Phrase:
    if _is_text(_type_at(loc, model)):
        return Phrase(N_("must be a text in every language, such as %(example)s"), example="{fr: …, ar: …, en: …}")
    return Phrase(MAPPING)


MAPPING = N_("must be a mapping of keys")
_NO_NUMBER = (N_('"%(value)s" is not a whole number'), N_("must be a whole number"))
_NO_TRUTH = (N_('"%(value)s" is neither true nor false'), N_("must be true or false"))
_NO_LIST = ("", N_("must be a list"))
_WRONG_TYPE: Mapping[str, tuple[str, str]] = {
    "int_parsing": _NO_NUMBER,
    "int_type": _NO_NUMBER,
    "int_from_float": _NO_NUMBER,
    "int_parsing_size": _NO_NUMBER,
    "bool_parsing": _NO_TRUTH,
    "bool_type": _NO_TRUTH,
    "string_type": ("", N_("must be plain text")),
    "tuple_type": _NO_LIST,
    "list_type": _NO_LIST,
}
"""What is said of a text that was written, and of anything else."""
_MAPPING = ("dict_type", "mapping_type", "model_type", "model_attributes_type")
_OUT_OF_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": (N_("Input should be greater than or equal to %(bound)s"), "ge"),
    "less_than_equal": (N_("Input should be less than or equal to %(bound)s"), "le"),
}
EXPLAINED = frozenset({"missing", "extra_forbidden", "enum", "literal_error", *_WRONG_TYPE, *_MAPPING, *_OUT_OF_BOUNDS})
"""Pydantic's kinds of error that have words here; besides them, a condition says itself what is wrong with it."""


def keys_at(loc: Path, model: type[BaseModel] = Protocol) -> list[str]:
    """The keys that the model knows at `loc`."""
    found = _type_at(loc, model)
    if not (isinstance(found, type) and issubclass(found, BaseModel)) or _is_text(found):
        return []
    names = (field.alias or name for name, field in found.model_fields.items())
    return [name for name in names if name not in INJECTED or (name == "digest" and found is not Protocol)]


def _type_at(loc: Path, model: type[BaseModel] = Protocol) -> Any:
    found: Any = model
    for step in loc:
        if isinstance(found, type) and issubclass(found, BaseModel) and not _is_text(found):
            fields = ((field.alias or name, field) for name, field in found.model_fields.items())
            found = next((field.annotation for name, field in fields if name == step), None)
        elif get_origin(found) is tuple:
            found = get_args(found)[0]
        else:
            found = get_args(found)[1] if issubclass(get_origin(found) or NoneType, Mapping) else None
        found = _bare(found)
    return found


def _is_text(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, Text)


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    return annotation


# ---- from bytes to a checked `Protocol` ----------------------------------------------------------------------------
# A file is looked at three times: how it is written, what each part may hold (the model), how the parts hang
# together. A part that the model refuses is left out and the rest is still checked; what would only follow from that
# is not reported.

_TRIES = 24
"""How often parts are left out before the rest is given up: what holds a refused part may need it, and so on."""
_MANY = 1000
"""Faults of one kind beyond this are counted, not listed."""
_LONGEST = 400
_Cut = tuple[Node, Node, Path]
"""What holds it, what is left out, and where that stands."""


def read_file(path: FilePath) -> Protocol:
    """The protocol of the file at `path`."""
    with path.open("rb") as stream:
        return read(stream.read(LARGEST + 1), str(path))


@lru_cache(maxsize=8)
def read(data: bytes, file: str, *, kernel: bool = True, checks: bool = True) -> Protocol:
    """The protocol that `data` defines; `file` is its name in messages. Raises DefinitionError with every fault.

    A value that nobody can change: whoever asks again for what was read lately is handed the same. Without `kernel`,
    what asks for the contrary of the safety kernel is no fault; without `checks`, nothing but what can't be read is.
    """
    try:
        root, faults, lost = grow(data)
        protocol = _Reader(root, faults, lost, kernel=kernel, checks=checks).protocol()
    except Unreadable as error:
        raise DefinitionError(file, (error.fault,)) from None
    if faults or protocol is None:
        unique = dict.fromkeys(sorted(faults, key=lambda fault: (fault.line, fault.message)))
        raise DefinitionError(file, tuple(unique))
    return protocol.model_copy(update={"digest": hashlib.sha256(data).hexdigest()})


def read_published(data: bytes, file: str) -> Protocol:
    """A version that cases follow, as the engine follows it: whatever it asks for, the safety kernel holds.

    It was checked before it was published: what is looked for since then keeps no case shut.
    """
    return kept(read(data, file, checks=False))


def lines_of(data: bytes, paths: Iterable[Path]) -> dict[Path, int]:
    """The line on which each of these parts of a readable file begins; a part that is not there has none."""
    root, _faults, _lost = grow(data)
    found = {}
    for path in paths:
        nodes, walked = follow(root, path)
        if len(walked) == len(path):
            found[path] = nodes[-1].line
    return found


class _Reader:
    def __init__(self, root: Entries, faults: list[Fault], lost: set[Path], *, kernel: bool, checks: bool) -> None:
        self.root = root
        self.kernel, self.checks = kernel, checks
        self.faults = faults
        self.declared = Declared(_names(root))
        for path in lost:
            self.declared.lose(path)

    def protocol(self) -> Protocol | None:
        """The model of what can be read; None if nothing can. Faults are added as they are found."""
        for path, node, name in list(_forbidden(self.root, ())):
            self._add(node.nodes[name], unknown_key(name, path, path))
            self._cut([(node, node.nodes[name], (*path, name))])
        for path, holder, listed in list(_lists(self.root, ())):
            self._add(listed, placed(path, Phrase(MAPPING)))
            self._cut([(holder, listed, path)])
        for attempt in range(_TRIES):
            try:
                protocol = Protocol.model_validate(self._values())
            except ValidationError as error:
                self._refused(error, reported=attempt > 0)
                if error.error_count() > _MANY:
                    more = error.error_count() - _MANY
                    self.faults.append(Fault(1, Phrase(N_("%(number)s more faults are not listed"), number=more)))
                    return None
            except RecursionError:
                raise Unreadable(1, TOO_DEEP) from None
            else:
                for finding in check_definition(protocol, self.declared, kernel=self.kernel) if self.checks else ():
                    self._found(finding)
                return protocol
        return None

    def _values(self) -> dict[str, object]:
        values = {key: plain(node) for key, node in self.root.nodes.items()}
        if values.get("format") == "1":
            values["format"] = 1
        documents = values.get("documents")
        if not self.checks and isinstance(documents, dict):
            values["documents"] = {key: one for key, one in documents.items() if not _is_gone(one)}
        return values

    def _add(self, node: Node, message: Phrase) -> None:
        if not node.flawed:
            self.faults.append(Fault(node.line, message.shortened(_LONGEST)))

    def _found(self, finding: Finding) -> None:
        nodes, _ = follow(self.root, finding.path)
        if not any(node.flawed for node in nodes):
            self._add(nodes[-1], placed(_shown(finding.path, nodes) if finding.path else (), finding.message))

    # ---- what the model refuses --------------------------------------------------------------------------------

    def _refused(self, error: ValidationError, *, reported: bool) -> None:
        cuts: list[_Cut] = []
        for details in error.errors(include_url=False)[:_MANY]:
            loc = tuple(details["loc"])
            nodes, walked = follow(self.root, loc)
            if details["type"] == "missing":
                self._missing(loc, nodes, walked, explain(details, loc, (*walked, *loc[-1:])), reported, cuts)
                continue
            if not reported and not any(node.flawed for node in nodes):
                self._add(nodes[-1], explain(details, loc, _shown(walked, nodes)))
            if details["type"] == "extra_forbidden" and len(loc) == 1:
                self.declared.lose((nearest(str(loc[0]), keys_at(())) or "",))
            if len(nodes) > 1:
                cuts.append((nodes[-2], nodes[-1], walked))
        self._cut(cuts)

    def _missing(
        self, loc: Path, nodes: list[Node], walked: Path, message: Phrase, reported: bool, cuts: list[_Cut]
    ) -> None:
        holder = nodes[-1]
        if not reported and not any(node.flawed for node in nodes) and (*walked, loc[-1]) not in self.declared.cut:
            self._add(Scalar("", holder.line if walked else 1), message)
        if walked:
            cuts.append((nodes[-2], holder, walked))
        else:
            name = str(loc[-1])
            self.declared.lose((name,))
            self.root.nodes[name] = _stand_in(name, self.declared.names.get(("languages",), frozenset()))

    def _cut(self, cuts: list[_Cut]) -> None:
        holders: dict[Node, set[Node]] = {}
        for holder, node, path in cuts:
            self.declared.lose(path)
            holders.setdefault(holder, set()).add(node)
        for holder, lost in holders.items():
            if isinstance(holder, Entries):
                holder.nodes = {key: node for key, node in holder.nodes.items() if node not in lost}
            elif isinstance(holder, Items):
                holder.nodes = [node for node in holder.nodes if node not in lost]


def _is_gone(document: object) -> bool:
    """Whether it is of a kind that versions published before may have, and that is issued no more."""
    return isinstance(document, dict) and document.get("kind") == "bundle"


def _shown(path: Path, nodes: list[Node]) -> Path:
    """`path` without the number of an item that is plain text: its line says which one it is."""
    if path and isinstance(path[-1], int) and isinstance(nodes[-1], Scalar):
        return path[:-1]
    return path


def _names(root: Entries) -> dict[Path, frozenset[str]]:
    """What is declared where, as written, before anything is left out."""
    names: dict[Path, frozenset[str]] = {(): frozenset(root.nodes)}
    for part, node in root.nodes.items():
        if isinstance(node, Items):
            names[(part,)] = frozenset(item.text for item in node.nodes if isinstance(item, Scalar))
        if not isinstance(node, Entries):
            continue
        names[(part,)] = frozenset(node.nodes)
        for key, entry in node.nodes.items():
            for inner in ("fields", "items", "levels"):
                found = child(entry, inner)
                if isinstance(found, Entries):
                    names[(part, key, inner)] = frozenset(found.nodes)
    return names


def _forbidden(node: Node, path: Path) -> Iterator[tuple[Path, Entries, str]]:
    """Keys that the model takes from the reader alone, where a file writes them."""
    if isinstance(node, Entries):
        places = {"digest"} if not path else {"key"} if _is_keyed(path) else set()
        for name in places & INJECTED & node.nodes.keys():
            yield path, node, name
        for key, inner in node.nodes.items():
            yield from _forbidden(inner, (*path, key))
    elif isinstance(node, Items):
        for number, inner in enumerate(node.nodes):
            yield from _forbidden(inner, (*path, number))


def _lists(node: Node, path: Path) -> Iterator[tuple[Path, Entries, Items]]:
    """Lists where a form's fields or a field's options are written as a mapping."""
    if not isinstance(node, Entries):
        return
    for key, inner in node.nodes.items():
        here = (*path, key)
        if isinstance(inner, Items):
            is_of_field = here[-3:-2] == ("fields",)
            if here[0] == "forms" and (key in ("fields", "options") if is_of_field else here[2:] == ("fields",)):
                yield here, node, inner
        else:
            yield from _lists(inner, here)


def _is_keyed(path: Path) -> bool:
    """Whether what stands at `path` gets its key from its place in the file."""
    if path[0] == "figures":
        return len(path) == 3 and path[1] in ("tables", "waits")
    if path[0] == "signalement":
        return len(path) == 3 and path[1] in ("orientations", "sheets")
    if len(path) == 2:
        return path[0] not in ("sources", "assessment", "follow_up", "title", "notice")
    return len(path) > 3 and path[-2] in ("fields", "options", "items", "levels", "profiles")


def _stand_in(name: str, languages: frozenset[str]) -> Node:
    """Something the model accepts where a required part of the definition is missing, already reported."""
    if name == "languages":
        return Items(1, [Scalar("fr", 1, flawed=True)], flawed=True)
    if name in ("format", "version", "protocol"):
        return Scalar("1", 1, flawed=True)
    if name in ("title", "notice"):
        return Entries(1, {code: Scalar("–", 1, flawed=True) for code in sorted(languages) or ["fr"]}, flawed=True)
    return Entries(1, flawed=True)
