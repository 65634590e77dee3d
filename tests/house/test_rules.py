"""Rules of the house: read from the source itself, each with a message that teaches."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from domain.telling import NOW, ROOT, SMALL
from jinja2 import nodes

from school_protocol.definitions import read_file
from school_protocol.domain.events import EVENT_OF_ACT, EventKind
from school_protocol.domain.policy import Permission
from school_protocol.domain.protocol import ActKind, Protocol
from school_protocol.services.scripts import throwaway
from school_protocol.services.seeing import snake
from school_protocol.web import create_app
from school_protocol.web.access import PERMISSIONS, SAFE_METHODS

SOURCE = sorted((ROOT / "school_protocol").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SHIPPED = sorted((ROOT / "protocol_definitions").glob("*/[0-9]*.yaml"))
DEFINITIONS = [*SHIPPED, SMALL]
MODULES = [path for path in SOURCE if path.name != "env.py" or "migrations" not in path.parts]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---- no protocol in the code ---------------------------------------------------------------------------------------

FORMAT_WORDS = {
    # What the engine does by kind, and the events that say so: the definition may name its acts and forms alike.
    *(kind.value for kind in ActKind),
    *(kind.value for kind in EventKind),
    *(snake(kind.value) for kind in EventKind),
    # Parts of the format, and keys of the model.
    "follow_up",
}
TELLS_A_STORY = {"school_protocol/services/demo.py"}
"""Seeds the demo by playing stories on the Moroccan definition: what it names is its script."""
RULES = [path for path in SOURCE if str(path.relative_to(ROOT)) not in TELLS_A_STORY]


def identifiers(protocol: Protocol) -> set[str]:
    """Distinctive names of a definition: those of several words."""
    parts = ("stages", "states", "roles", "seats", "slots", "forms", "acts", "moves", "facts", "needs", "deadlines",
             "duties", "dangers", "targets")  # fmt: skip
    named = {key for part in parts for key in getattr(protocol, part)}
    named |= {field.key for form in protocol.forms.values() for field in form.fields}
    return {name for name in named if "_" in name}


def model_words() -> set[str]:
    """Fields of the format's own model, and of the views and rows: Python names, not a definition's."""
    found: set[str] = set()
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
            elif isinstance(node, ast.FunctionDef):
                found.add(node.name)
    return found


def strings(path: Path) -> Iterator[str]:
    """Every string of a module that is no docstring."""
    tree = ast.parse(path.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda path: path.parent.name)
def test_no_name_of_a_definition_stands_in_the_code(file: Path) -> None:
    wanted = identifiers(read_file(file)) - FORMAT_WORDS - model_words()
    assert len(wanted) > 20, "there is something to look for"
    found = {(name_of(path), text) for path in RULES for text in strings(path) if text in wanted}
    assert not found, "a protocol is data: ask the engine what is open, or give the definition a word for it"


@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda path: path.parent.name)
def test_no_name_of_a_definition_stands_in_a_template(file: Path) -> None:
    wanted = identifiers(read_file(file)) - FORMAT_WORDS - model_words()
    found = set()
    for path in TEMPLATES:
        quoted = re.findall(r"""["']([a-z]+(?:_[a-z]+)+)["']""", path.read_text())
        found |= {(name_of(path), text) for text in quoted if text in wanted}
    assert not found, "a template shows what its view says; it knows no state, role or act"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.parent.name)
def test_no_code_of_a_definition_stands_in_the_code(file: Path) -> None:
    protocol = read_file(file)
    codes = {code for part in protocol.codes.values() for code in part} - {"T", "P", "D"}
    codes = {code for code in codes if re.fullmatch(r"[A-Z]+\d+|[a-z]_\w+", code)}
    assert len(codes) > 40
    found = {(name_of(path), text) for path in RULES for text in strings(path) if text in codes}
    assert not found


def test_nobody_compares_a_states_name() -> None:
    """It is the engine that says what is open; the one place that knows a name is the definition."""
    states = "|".join(sorted({key for file in DEFINITIONS for key in read_file(file).states}))
    pattern = re.compile(
        rf"\.(state|stage|level|role|act|move)\.key\s*(==|!=)|\bstate(\.key)?\s*(==|!=|in)\s*[(\[]?[\"']({states})[\"']"
    )
    found = [
        f"{name_of(path)}:{number}"
        for path in [*SOURCE, *TEMPLATES]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


# ---- events and their partials -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(EventKind), ids=lambda kind: kind.value)
def test_every_event_has_its_partial(kind: EventKind) -> None:
    assert (ROOT / "templates" / "cases" / "chronology" / f"{snake(kind.value)}.html").is_file()


def test_every_partial_is_of_an_event() -> None:
    partials = {path.stem for path in (ROOT / "templates" / "cases" / "chronology").glob("*.html")}
    assert partials == {snake(kind.value) for kind in EventKind}


def test_every_kind_of_act_has_its_event_and_every_event_is_in_the_past() -> None:
    assert set(EVENT_OF_ACT) == set(ActKind)
    irregular = {"CaseSeen", "ReferralSent", "VisaGiven", "FollowUpHeld", "SchoolTold", "StepTaken", "ChildTakenOver",
                 "CorrectionMade"}  # fmt: skip
    assert {kind.value for kind in EventKind if not kind.value.endswith("ed")} == irregular


# ---- templates -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app() -> Iterator[object]:
    protocol = read_file(SMALL)
    with throwaway(protocol, SMALL.read_bytes(), NOW) as player:
        yield create_app(player.house, testing=True)


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_template_compiles_and_every_page_has_a_title(app: object, path: Path) -> None:
    environment = app.jinja_env  # type: ignore[attr-defined]
    name = str(path.relative_to(ROOT / "templates"))
    if name.startswith("documents/"):
        return  # papers have a room, and tests, of their own
    source = path.read_text()
    tree = environment.parse(source)
    environment.compile(source, name)
    extends = [node.template.value for node in tree.find_all(nodes.Extends) if isinstance(node.template, nodes.Const)]
    if extends == ["base.html"] and path.stem != "base":
        titles = [block for block in tree.find_all(nodes.Block) if block.name == "title"]
        assert titles, f"{name} extends base.html and gives no title"


def test_every_template_is_used() -> None:
    text = "\n".join(path.read_text() for path in [*SOURCE, *TEMPLATES])
    unused = []
    for path in TEMPLATES:
        name = str(path.relative_to(ROOT / "templates"))
        if path.parent.name in ("chronology", "errors", "sections"):
            continue  # chosen by the event's, the error's or the section's own name
        if name not in text and path.name not in text:
            unused.append(name)
    assert unused == []


# ---- routes --------------------------------------------------------------------------------------------------------


def test_every_route_has_exactly_one_permission(app: object) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}  # type: ignore[attr-defined]
    assert endpoints == set(PERMISSIONS), "an endpoint stands once in web/access.py, with what it asks"
    assert set(PERMISSIONS.values()) <= set(Permission)


def test_no_unsafe_route_works_without_its_token(app: object) -> None:
    client = app.test_client()  # type: ignore[attr-defined]
    tried = 0
    for rule in app.url_map.iter_rules():  # type: ignore[attr-defined]
        for method in rule.methods - SAFE_METHODS - {"OPTIONS"}:
            address = re.sub(r"<[^>]+>", "x", rule.rule)
            answer = client.open(address, method=method, data={"x": "y"})
            assert answer.status_code in (302, 303, 400, 403, 404, 413), (rule.endpoint, answer.status_code)
            if answer.status_code in (302, 303):
                assert "/sign-in" in answer.headers["Location"] or answer.headers["Location"] != address
            tried += 1
    assert tried > 5


def test_addresses_are_kebab_case(app: object) -> None:
    for rule in app.url_map.iter_rules():  # type: ignore[attr-defined]
        plain = re.sub(r"<[^>]+>", "", rule.rule)
        assert re.fullmatch(r"[a-z0-9/-]*(\.(ics|json|csv))?", plain), rule.rule  # programs ask for these endings


# ---- modules -------------------------------------------------------------------------------------------------------

LONGER: dict[str, str] = {}
"""Files of more than 800 lines, each with the reason why it is one."""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    if not path.read_text().strip():
        return
    assert ast.get_docstring(ast.parse(path.read_text())), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("path", SOURCE, ids=name_of)
def test_no_module_eats_the_house(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 800 or name_of(path) in LONGER, f"{name_of(path)} has {lines} lines: what is its one idea?"


@pytest.mark.parametrize("path", SOURCE, ids=name_of)
def test_no_room_is_called_by_what_it_is_not(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "common", "types", "misc", "base"}


def test_the_domain_reads_no_clock_and_touches_nothing() -> None:
    forbidden = re.compile(r"\b(datetime\.now|date\.today|time\.time|open\(|os\.|random\.|requests|sqlalchemy|flask)\b")
    found = []
    for path in (ROOT / "school_protocol" / "domain").glob("*.py"):
        with path.open("rb") as stream:
            for token in tokenize.tokenize(stream.readline):
                if token.type is tokenize.NAME and token.string in ("now", "today") and forbidden.search(token.line):
                    found.append(f"{path.name}:{token.start[0]}")
        found += [
            f"{path.name}: {name}"
            for name in re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
            if name in ("os", "random", "sqlalchemy", "flask", "pathlib", "requests", "time", "socket")
        ]
    assert found == []


def test_every_setting_is_documented() -> None:
    docs = ROOT / "docs" / "operations.md"
    named = {
        name
        for path in [*SOURCE, ROOT / "run"]
        for name in re.findall(r"SCHOOL_PROTOCOL_[A-Z_]+[A-Z]", path.read_text())
    }
    assert named
    assert {name for name in named if name not in docs.read_text()} == set(), "docs/operations.md lists every setting"
