"""What docs/operations.md has one type is run by a test, or is said there to be untried: `operations.yaml` says which.

A line that stands in no row there fails by its words; so does a row whose line is gone, or whose test is, or runs
something else.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from programs import needs, where_is
from trials.frame import every
from versions import read_yaml

from repository.operations import documented, in_blocks, in_the_table, in_the_text
from repository.test_deploy import COMPOSE, DIRECTIVES, UNITS, refused, services
from repository.test_docs import COMMANDS, OPERATIONS, PLAIN_WORDS

ROOT = Path(__file__).parents[2]
TABLE: Mapping[str, Any] = read_yaml(Path(__file__).with_name("operations.yaml"))
TAKES = {"documented", "block_of", "in_blocks", "in_the_text", "OPERATIONS", "DOCS"}
"""By one of these a test has the line out of the document."""
UNTRIED = ("docker compose", "systemctl", "systemd-run", "useradd")


# ---- the table -----------------------------------------------------------------------------------------------------


def command_of(line: str) -> str:
    """The command of the table that a line of running text calls, or a group of them; empty where it calls none."""
    words = line.removeprefix("school-protocol ").split()
    called = line.startswith("school-protocol ")
    found = ""
    for number in range(1, len(words) + 1):
        said = " ".join(words[:number])
        if any(f"{one} ".startswith(f"school-protocol {said} ") for one in COMMANDS):
            found = said
    return found if called or " " in found or found not in PLAIN_WORDS else ""


def unlisted(text: str) -> list[str]:
    """Lines that stand in no row."""
    known = {*TABLE["lines"], *TABLE["otherwise"], *TABLE["untried"], *TABLE["no_commands"]}
    lines = [line for line in in_blocks(text) if line not in known]
    lines += [line for line in in_the_text(text) if line not in known and not command_of(line)]
    return lines + [f"school-protocol {one}" for one in in_the_table(text) if one not in TABLE["commands"]]


def test_each_line_of_the_document_is_listed() -> None:
    assert len(in_blocks()) > 25
    assert len(in_the_table()) > 80
    assert unlisted(OPERATIONS) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("```\npg_ctl stop -D TARGET   # at the end\n```\n", "pg_ctl stop -D TARGET"),
        ("Then `systemctl restart\n  school-protocol` it.", "systemctl restart school-protocol"),
        ("| `school-protocol keys burn NUMBER` | destroys one |", "school-protocol keys burn"),
        ("Say `pg_ctl stop -D TARGET`.", "pg_ctl stop -D TARGET"),
    ],
)
def test_the_control_one_that_is_not_is_named(planted: str, found: str) -> None:
    assert unlisted(f"{OPERATIONS}\n{planted}\n") == [found]


def test_each_row_is_of_a_line_that_stands_there() -> None:
    stand = {*in_blocks(), *in_the_text()}
    rows = (*TABLE["lines"], *TABLE["otherwise"], *TABLE["untried"], *TABLE["no_commands"])
    assert [row for row in rows if row not in stand] == []
    assert sorted(TABLE["commands"]) == sorted(in_the_table())


# ---- the tests that it names ---------------------------------------------------------------------------------------


@cache
def parts(file: str) -> dict[str, ast.AST]:
    """What a module of tests defines, by name: functions, classes, and what is assigned."""
    found: dict[str, ast.AST] = {}
    for node in ast.parse((ROOT / file).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    return found


def reached(file: str, test: str) -> dict[str, ast.AST]:
    """A test, and all of its module that it names, fixtures too."""
    known, found, waiting = parts(file), {}, [test]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found[name] = known[name]
            for node in ast.walk(known[name]):
                waiting += [node.id] if isinstance(node, ast.Name) else [node.arg] if isinstance(node, ast.arg) else []
    return found


def said(node: ast.AST) -> Iterator[list[str]]:
    """The words of each list of a part, and of what is handed to each call, in order."""
    for one in ast.walk(node):
        items = one.args if isinstance(one, ast.Call) else getattr(one, "elts", None)
        if items:
            words: list[str] = []
            for item in items:
                match item:
                    case ast.Constant(value=str(text)):
                        words += text.split()
                    case _:
                        words.append("…")
            yield words


def runs(file: str, test: str, command: str) -> bool:
    """Whether a test says the words of a command: at once, or its first ones where the last are handed to."""
    lists = [words for node in reached(file, test).values() for words in said(node)]
    words = command.split()
    for cut in range(len(words)):
        first, last = words[:cut], words[cut:]
        begins = cut == 0 or any(one[at : at + cut + 1] == [*first, "…"] for one in lists for at in range(len(one)))
        if begins and any(
            one[at : at + len(last)] == last for one in lists for at in ([0] if cut else range(len(one)))
        ):
            return True
    return False


def faults_of(kind: str, row: str, test: str) -> str:
    file, _mark, name = test.partition("::")
    is_there = (ROOT / file).is_file() and isinstance(parts(file).get(name), ast.FunctionDef)
    if not (is_there and name.startswith("test_")):
        return "there is no such test"
    if kind == "commands" and not runs(file, name, row):
        return "it doesn't say these words"
    names = {getattr(node, "id", "") for part in reached(file, name).values() for node in ast.walk(part)}
    if kind in ("lines", "untried") and not names & TAKES:
        return "it doesn't take the line from the document"
    return ""


KINDS = ("lines", "otherwise", "untried", "commands")
ROWS = [(kind, row, str(test)) for kind in KINDS for row, test in TABLE[kind].items()]


@pytest.mark.parametrize(("kind", "row", "test"), ROWS, ids=[row for _kind, row, _test in ROWS])
def test_each_row_names_a_test_that_runs_it(kind: str, row: str, test: str) -> None:
    assert faults_of(kind, row, test) == ""


@pytest.mark.parametrize(
    ("kind", "row", "test"),
    [
        ("lines", "curl", "tests/web/test_watch_asked.py::test_it_was"),
        ("lines", "curl", "tests/cli/test_people.py::test_the_first_administrator_then_everybody_by_somebody"),
        ("commands", "users close", "tests/cli/test_people.py::test_two_people_restore_a_factor"),
        ("commands", "keys retire", "tests/cli/test_journal.py::kept"),
    ],
)
def test_the_control_one_that_runs_something_else_is_found(kind: str, row: str, test: str) -> None:
    assert faults_of(kind, row, test)


# ---- what nobody ran -----------------------------------------------------------------------------------------------


def test_the_document_says_what_is_untried() -> None:
    [passage] = re.findall(r"So the lines on this page that begin with (.*?)\nare \*\*untried\*\*", OPERATIONS)
    assert set(re.findall(r"`([^`]+)`", passage)) == set(UNTRIED)
    ours = "/opt/school-protocol/bin/school-protocol "  # what `systemctl edit` is given
    assert [row for row in TABLE["untried"] if not row.startswith((*UNTRIED, ours))] == []
    rows = (*TABLE["lines"], *TABLE["otherwise"])
    assert [row for row in rows if row.startswith(UNTRIED)] == []


def helped(program: str, *words: str) -> str:
    return subprocess.run([where_is(program), *words], capture_output=True, text=True, check=True).stdout


@needs("useradd")
def test_an_account_is_made_by_an_option_that_is_there() -> None:
    _program, option, name = shlex.split(documented("useradd "))
    assert re.search(rf" {option}\b", helped("useradd", "--help"))
    assert f"User={name}\n" in UNITS["school-protocol.service"]


@needs("systemctl")
def test_systemctl_knows_what_it_is_asked() -> None:
    words = {line.split()[1] for line in in_the_text() if line.startswith("systemctl ")}
    assert words == {"--failed", "edit"}
    told = helped("systemctl", "--help")
    assert [word for word in words if not re.search(rf"^  +{word}\b", told, re.MULTILINE)] == []


def added() -> dict[str, str]:
    """What `systemctl edit` is to add, by unit."""
    ours = documented("/opt/school-protocol/bin/school-protocol serve")
    [file] = re.findall(r"`systemctl edit school-protocol-worker` adds `(EnvironmentFile=[^`]+)`", OPERATIONS)
    assert "`systemctl edit school-protocol` clears `ExecStart=` and sets it to `" in OPERATIONS
    return {
        "school-protocol.service": f"[Service]\nExecStart=\nExecStart={ours}\n",
        "school-protocol-worker.service": f"[Service]\n{file}\n",
    }


def verified(folder: Path, unit: str, addition: str) -> list[str]:
    """What systemd says of a unit with such an addition, by its name."""
    here = {"/opt/school-protocol/bin/school-protocol": where_is("true")}
    for name, text in {**UNITS, f"{unit}.d/override.conf": addition}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text.replace(*next(iter(here.items()))))
    command = [where_is("systemd-analyze"), "verify", "--man=no", str(folder / unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return [line for line in told.splitlines() if str(folder) in line or "school-protocol" in line]


@needs("systemd-analyze")
@pytest.mark.parametrize("unit", added())
def test_what_is_added_to_units_is_read_by_systemd(tmp_path: Path, unit: str) -> None:
    addition = added()[unit]
    assert verified(tmp_path, unit, addition) == []
    _program, *words = shlex.split(documented("/opt/school-protocol/bin/school-protocol serve"))
    assert refused(words) == ""
    planted = {"ExecStart=\n": "", "EnvironmentFile=/": "EnvironmentFiles=/"}
    wrong = addition
    for one, other in planted.items():
        wrong = wrong.replace(one, other, 1)
    assert verified(tmp_path, unit, wrong) != [], "the control"


@needs("systemd-run")
def test_a_command_by_hand_is_read_by_systemd_run() -> None:
    line = documented("systemd-run ")
    options, _mark, command = line.partition(" /opt/school-protocol/bin/school-protocol ")
    program, *words = shlex.split(options)
    helped(program, *words, "--help")  # it reads every option before it helps
    with pytest.raises(subprocess.CalledProcessError):
        helped(program, "--no-such-option", *words, "--help")
    properties = [word.partition("=")[0] for before, word in pairwise(words) if before == "-p"]
    assert properties
    assert set(properties) <= DIRECTIVES["Service"]
    assert refused(shlex.split(command)) == ""


COMPOSE_TAKES = {"build": set(), "up": {"-d"}, "exec": {"-u"}, "run": {"--rm"}}
"""Commands of docker compose, and those of their options that the document uses."""


def asked_of_compose(line: str) -> list[str]:
    """What is wrong with a line that calls docker compose."""
    found = []
    for part in line.split(" && "):
        words = shlex.split(part)
        if words[:4] != ["docker", "compose", "-f", "deploy/compose.yaml"]:
            return [part]
        verb, *rest = words[4:]
        options = [word for word in rest if word.startswith("-") and word in (COMPOSE_TAKES.get(verb) or set())]
        rest = [word for word in rest if word not in options]
        user = rest.pop(0) if "-u" in options else "postgres"
        named, *command = rest or [""]
        found += [f"no command {verb}"] if verb not in COMPOSE_TAKES else []
        found += [f"no service {named}"] if named and named not in services() else []
        found += [f"no account {user}"] if user != "postgres" else []
        found += [refused(command)] if verb == "run" and refused(command) else []
        is_there = verb != "exec" or f":{command[1]}:ro" in COMPOSE
        found += [f"{command[1]} is not there"] if not is_there else []
    return found


def test_compose_is_asked_for_what_its_file_has() -> None:
    lines = [line for line in (*in_blocks(), *in_the_text()) if line.startswith("docker compose -f")]
    assert len(lines) == 3
    assert [fault for line in lines for fault in asked_of_compose(line)] == []
    base = "docker compose -f deploy/compose.yaml"
    assert asked_of_compose(f"{base} up -D") == ["no service -D"]
    assert asked_of_compose(f"{base} build web-9") == ["no service web-9"]
    assert asked_of_compose(f"{base} exec -u postgres database sh /etc/x.sh") == ["/etc/x.sh is not there"]
    assert asked_of_compose(f"{base} run --rm worker database copie x") != []


# ---- what is asked of ./run ----------------------------------------------------------------------------------------


def test_what_run_is_asked_for_is_there() -> None:
    text = (ROOT / "run").read_text("utf-8")
    verbs = set(re.findall(r"^(\w+)\) ", text, re.MULTILINE)) | set(re.findall(r"^(\w+)\)$", text, re.MULTILINE))
    asked = [line.split() for line in TABLE["otherwise"] if line.startswith("./run ")]
    assert len(asked) > 5
    assert {words[1] for words in asked} <= verbs
    assert {words[2] for words in asked if words[1] == "trials"} <= set(every())
    assert '"$bin/school-protocol" definitions check' in text, "CI runs it"
