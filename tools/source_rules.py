"""Rules of this project's source that no linter has, in one pass: each file is read and parsed once (`./run lint`)."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from school_protocol.cases.case_reader import snake
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.events import EventKind
from school_protocol.protocol.reader import read_file

ROOT = Path(__file__).resolve().parents[1]
LINES_MOST = 800
VAGUE_NAMES = frozenset({"utils", "helpers", "common", "types", "misc", "base"})
CHOSEN_BY_NAME = frozenset({"chronology", "errors", "sections"})
"""Folders of templates that are chosen by an event's, an error's or a section's own name."""
PURE = tuple(
    f"school_protocol/{name}"
    for name in (
        "engine/", "cases/view_models.py", "training/case_timeline.py", "training/debrief.py", "training/findings.py",
        "training/scenario.py",
    )
)  # fmt: skip
"""Besides every `…rules.py`: what touches nothing outside and reads no clock."""
TELLS_A_STORY = frozenset({"school_protocol/ops/demo.py"})
"""Seeds the demo by playing stories on the Moroccan definition: what it names is its script."""
FORMAT_WORDS = frozenset(
    {
        # What the engine does by kind, and the events that say so: the definition may name its acts and forms alike.
        *(kind.value for kind in ActKind),
        *(kind.value for kind in EventKind),
        *(snake(kind.value) for kind in EventKind),
        # Parts of the format, and keys of the model.
        "follow_up",
    }
)
NAMED_PARTS = ("stages", "states", "roles", "seats", "slots", "forms", "acts", "moves", "facts", "needs", "deadlines",
               "duties", "dangers", "targets")  # fmt: skip
IMPURE_NAMES = re.compile(r"\b(datetime\.now|date\.today|time\.time|open\(|os\.|random\.|requests|sqlalchemy|flask)\b")
IMPURE_MODULES = frozenset({"os", "random", "sqlalchemy", "flask", "pathlib", "requests", "time", "socket"})


@dataclass(frozen=True)
class Names:
    """What the definitions call their own, none of which the code may know."""

    identifiers: frozenset[str]
    codes: frozenset[str]
    states: frozenset[str]


@dataclass(frozen=True)
class Module:
    name: str
    text: str
    tree: ast.Module

    def model_words(self) -> Iterator[str]:
        """Fields and functions: Python names, not a definition's."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id
            elif isinstance(node, ast.FunctionDef):
                yield node.name

    def strings(self) -> Iterator[tuple[int, str]]:
        """Every string that is no docstring, with its line."""
        documented = ast.Module | ast.ClassDef | ast.FunctionDef
        docs = {
            id(node.body[0].value)
            for node in ast.walk(self.tree)
            if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                yield node.lineno, node.value

    def imports(self) -> Iterator[tuple[int, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, one.name.partition(".")[0]) for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.lineno, node.module.partition(".")[0]


def names_of(protocols: list[Protocol]) -> Names:
    """Distinctive names are those of several words; distinctive codes hold a number or a stroke."""
    identifiers, codes, states = set[str](), set[str](), set[str]()
    for protocol in protocols:
        states.update(protocol.states)
        codes.update(*protocol.codes.values())
        identifiers.update(*(getattr(protocol, part) for part in NAMED_PARTS))
        identifiers.update(field.key for form in protocol.forms.values() for field in form.fields)
    return Names(
        frozenset(name for name in identifiers if "_" in name),
        frozenset(code for code in codes if re.fullmatch(r"[A-Z]+\d+|[a-z]_\w+", code)),
        frozenset(states),
    )


def faults(root: Path, names: Names) -> list[str]:
    """What stands against the rules below `root`, as FILE:LINE: sentence."""
    modules = [_module(root, path) for path in sorted((root / "school_protocol").rglob("*.py"))]
    templates = {str(path.relative_to(root)): path.read_text() for path in sorted((root / "templates").rglob("*.html"))}
    known = FORMAT_WORDS | {word for module in modules for word in module.model_words()}
    names = Names(names.identifiers - known, names.codes, names.states)
    found = [fault for module in modules for fault in _faults_of(module, names)]
    for name, text in templates.items():
        found += _faults_of_template(name, text, names)
    every = "\n".join([*(module.text for module in modules), *templates.values()])
    found += [f"{name}:1: no page and no other template uses it" for name in templates if not _is_used(name, every)]
    return found


def _module(root: Path, path: Path) -> Module:
    text = path.read_text()
    return Module(str(path.relative_to(root)), text, ast.parse(text))


def _faults_of(module: Module, names: Names) -> Iterator[str]:
    length = module.text.count("\n")
    if length > LINES_MOST:
        yield f"{module.name}:1: {length} lines: what is its one idea?"
    if module.text.strip() and not ast.get_docstring(module.tree):
        yield f"{module.name}:1: it does not say what it is for"
    if Path(module.name).stem in VAGUE_NAMES:
        yield f"{module.name}:1: a name that says nothing: what is it for?"
    for line, text in () if module.name in TELLS_A_STORY else module.strings():
        if text in names.identifiers or text in names.codes:
            yield f"{module.name}:{line}: {text!r} is a definition's: ask the engine what is open"
    yield from _compared_states(module.name, module.text, names)
    if module.name.startswith(PURE) or module.name.endswith("rules.py"):
        yield from _impure(module)


def _impure(module: Module) -> Iterator[str]:
    """Where a module of pure rules reaches outside."""
    for line, name in module.imports():
        if name in IMPURE_MODULES:
            yield f"{module.name}:{line}: a pure module touches nothing outside: {name}"
    for line, text in enumerate(module.text.splitlines(), 1):
        if re.search(r"\b(now|today)\b", text) and IMPURE_NAMES.search(text):
            yield f"{module.name}:{line}: a pure module reads no clock: the time is an argument"


def _faults_of_template(name: str, text: str, names: Names) -> Iterator[str]:
    for quoted in re.finditer(r"""["']([a-z]+(?:_[a-z]+)+)["']""", text):
        if quoted[1] in names.identifiers:
            line = text.count("\n", 0, quoted.start()) + 1
            yield f"{name}:{line}: {quoted[1]!r} is a definition's: a template shows what its view says"
    yield from _compared_states(name, text, names)


def _compared_states(name: str, text: str, names: Names) -> Iterator[str]:
    """It is the engine that says what is open; the one place that knows a name is the definition."""
    states = "|".join(sorted(names.states))
    pattern = re.compile(
        rf"\.(state|stage|level|role|act|move)\.key\s*(==|!=)|\bstate(\.key)?\s*(==|!=|in)\s*[(\[]?[\"']({states})[\"']"
    )
    for line, content in enumerate(text.splitlines(), 1):
        if pattern.search(content):
            yield f"{name}:{line}: compares a name of a definition: ask the engine what is open"


def _is_used(name: str, every: str) -> bool:
    path = Path(name)
    return path.parent.name in CHOSEN_BY_NAME or path.name in every


def definitions() -> list[Protocol]:
    """Those that ship, and one that is deliberately unlike them."""
    shipped = sorted((ROOT / "protocol_definitions").glob("*/[0-9]*.yaml"))
    return [read_file(file) for file in [*shipped, ROOT / "tests" / "protocol" / "small.yaml"]]


def main() -> int:
    found = faults(ROOT, names_of(definitions()))
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
