"""Each library that the program imports comes with its installation: the tests of the wheel borrow the tests' own."""

from __future__ import annotations

import ast
import configparser
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OURS = "school_protocol"
DISTRIBUTIONS: Mapping[str, list[str]] = metadata.packages_distributions()


def asked(option: str, section: str = "options") -> list[str]:
    read = configparser.ConfigParser(interpolation=None)
    read.read(ROOT / "setup.cfg")
    return read[section][option].split("\n")[1:]


@cache
def brought(section: str, option: str) -> frozenset[str]:
    """Every distribution that comes with these, and with what they ask for in turn."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in asked(option, section)]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if (name, extra) not in found:
                found.add((name, extra))
                further = (Requirement(line) for line in metadata.requires(name) or ())
                waiting += [line for line in further if line.marker is None or line.marker.evaluate({"extra": extra})]
    return frozenset(name for name, _extra in found)


def imports(text: str) -> Iterator[tuple[str, bool]]:
    """The name of each import that is done, whole, and whether it is done only as something is called."""
    tree = ast.parse(text)
    later = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    never = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module), *(f"{node.module}.{one.name}" for one in node.names)]
        yield from ((name, id(node) in later) for name in names if id(node) not in never)


@cache
def at_once() -> frozenset[str]:
    """Modules of the program that another one imports as it is itself imported."""
    texts = (path.read_text("utf-8") for path in (ROOT / OURS).rglob("*.py"))
    return frozenset(name for text in texts for name, is_later in imports(text) if not is_later)


def lacking(text: str, module: str = "") -> set[str]:
    """What a module imports that nobody gets who installs the program; one that is loaded later may ask for `scale`."""
    here, scale = brought("options", "install_requires"), brought("options.extras_require", "scale")
    found = set()
    is_loaded_later = bool(module) and module not in at_once()
    for whole, is_later in imports(text):
        name = whole.split(".")[0]
        if name != OURS and name not in sys.stdlib_module_names:
            by = {canonicalize_name(one) for one in DISTRIBUTIONS.get(name, ())}
            found |= set() if by & (here | scale if is_later or is_loaded_later else here) else {name}
    return found


@pytest.mark.exhaustive
def test_each_import_is_of_a_library_that_is_installed_with_it() -> None:
    files = sorted((ROOT / OURS).rglob("*.py"))
    read = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files}
    known = {name for text in read.values() for name, _later in imports(text)}
    assert {"flask", "sqlalchemy", "yaml", "boto3"} <= known
    assert {name: found for name, text in read.items() if (found := lacking(text, named(name)))} == {}


def named(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.mark.exhaustive
def test_the_control_a_module_that_is_loaded_with_the_program_may_import_less() -> None:
    assert lacking("import gunicorn", "school_protocol.cli.processes") == set()
    assert lacking("import gunicorn", "school_protocol.cli.group") == {"gunicorn"}


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("import pytest", {"pytest"}),
        ("from hypothesis.strategies import text", {"hypothesis"}),
        ("import no_such_library", {"no_such_library"}),
        ("import boto3", {"boto3"}),
        ("def put():\n    import boto3.session", set()),
        ("def put():\n    import pypdf", {"pypdf"}),
        ("import os, flask, werkzeug\nfrom . import pytest", set()),
        ("if TYPE_CHECKING:\n    import pytest", set()),
    ],
)
def test_the_control_another_is_named(planted: str, found: set[str]) -> None:
    assert lacking(planted) == found
