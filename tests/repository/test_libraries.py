"""Each library that the program imports is declared, each that is declared is used, and why stands in one table."""

from __future__ import annotations

import ast
import configparser
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OURS = "school_protocol"
TABLE = (ROOT / "docs" / "inventories.md").read_text("utf-8").split("**Why each is there**")[1].split("\n\n")[1]
BY_NAME = ("tzdata", "psycopg", "fontpkg-ibm-plex-sans-arabic")
"""What others than an import load: Python, SQLAlchemy by the address, the typeface's files by their name."""
SCALE = frozenset({"boto3", "botocore", "gunicorn", "psycopg"})


def asked(option: str, section: str = "options") -> list[str]:
    read = configparser.ConfigParser(interpolation=None)
    read.read(ROOT / "setup.cfg")
    return read[section][option].split("\n")[1:]


def of_program() -> list[str]:
    return [*asked("install_requires"), *asked("scale", "options.extras_require")]


def of_makers() -> list[str]:
    read = [line for extra in ("build", "test", "bench", "dev") for line in asked(extra, "options.extras_require")]
    here = {Requirement(line).name for line in of_program()}
    return [line for line in read if Requirement(line).name not in here]


def blamed(tmp_path: Path, program: list[str]) -> set[tuple[str, str]]:
    """What deptry finds in the program, each as its code and the library."""
    for name, lines in (("program", program), ("makers", of_makers())):
        (tmp_path / name).write_text("\n".join(lines))
    said = tmp_path / "said.json"
    command = [sys.executable, "-m", "deptry", OURS, "--config", str(tmp_path / "none.toml"), "-o", str(said)]
    command += ["-rf", str(tmp_path / "program"), "-rfd", str(tmp_path / "makers"), "-kf", OURS, "-kf", "templates"]
    command += ["-kf", "protocol_definitions", "--per-rule-ignores", f"DEP002={'|'.join(BY_NAME)}"]
    (tmp_path / "none.toml").touch()
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return {(one["error"]["code"], one["module"]) for one in json.loads(said.read_text())}


@pytest.mark.exhaustive
def test_what_is_imported_is_declared_and_what_is_declared_is_used(tmp_path: Path) -> None:
    assert blamed(tmp_path, of_program()) == set()


@pytest.mark.exhaustive
def test_the_control_one_that_is_taken_away_or_added_is_told(tmp_path: Path) -> None:
    fewer = [line for line in of_program() if not line.startswith(("icalendar", "segno"))]
    found = blamed(tmp_path, [*fewer, "pypdf"])
    assert {(code, module) for code, module in found if code != "DEP004"} == {
        ("DEP003", "icalendar"), ("DEP003", "segno"), ("DEP002", "pypdf"),
    }  # fmt: skip


def reasons(table: str) -> dict[str, str]:
    rows = (re.fullmatch(r"\| `([^`]+)` \| (.+) \|", line) for line in table.splitlines()[2:])
    return {canonicalize_name(row[1]): row[2] for row in rows if row}


def test_each_library_of_the_program_has_its_reason_and_no_other() -> None:
    assert reasons(TABLE).keys() == {canonicalize_name(Requirement(line).name) for line in of_program()}
    assert "segno" not in reasons(TABLE.replace("| `segno` |", "| |"))


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


def test_what_is_left_out_and_what_only_some_run_is_not_in_every_installation() -> None:
    locked = {path.stem: re.findall(r"^([\w.-]+)(?:\[.*\])?==", path.read_text("utf-8"), re.M)
              for path in (ROOT / "requirements").glob("*.lock")}  # fmt: skip
    left_out = (ROOT / "requirements" / "left-out.txt").read_text("utf-8").split("\n")[1:-1]
    assert left_out == ["oscrypto"]
    assert not set(left_out) & {name for names in locked.values() for name in names}
    assert set(locked["scale"]) >= SCALE
    assert not SCALE & set(locked["runtime"])
    assert {"flask", "pyhanko", "aiohttp"} <= set(locked["runtime"])


def early(text: str, module: str = "") -> set[str]:
    """What of `scale` a module imports before anything is called, though nothing but the program needs it."""
    if module and module not in at_once():
        return set()
    return SCALE & {whole.split(".")[0] for whole, is_later in imports(text) if not is_later}


@pytest.mark.exhaustive
def test_nothing_of_scale_is_loaded_with_the_program() -> None:
    files = sorted((ROOT / OURS).rglob("*.py"))
    named = {
        str(path.relative_to(ROOT)).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in files
    }
    assert {name: found for name, path in named.items() if (found := early(path.read_text("utf-8"), name))} == {}


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("import boto3", {"boto3"}),
        ("from botocore.errors import ClientError", {"botocore"}),
        ("def put():\n    import boto3.session", set()),
        ("if TYPE_CHECKING:\n    import gunicorn", set()),
    ],
)
def test_the_control_one_that_is_loaded_at_once_is_named(planted: str, found: set[str]) -> None:
    assert early(planted) == found
    assert early("import gunicorn", "school_protocol.cli.serve_processes") == set()
    assert early("import gunicorn", "school_protocol.cli.group") == {"gunicorn"}
