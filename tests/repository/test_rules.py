"""Rules that the application itself is asked; those of its source: `tools/source_rules.py`, and here their control."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from unittest.mock import patch

import pytest
from engine.telling import NOW, ROOT, SMALL
from flask import Flask
from jinja2 import nodes

import school_protocol
from school_protocol.cases.case_reader import snake
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.events import EVENT_OF_ACT, EventKind
from school_protocol.engine.visibility import Permission
from school_protocol.protocol.reader import read_file
from school_protocol.ui import routing
from school_protocol.ui.routing import PERMISSIONS, Pages
from school_protocol.web import create_app
from school_protocol.web.endpoint_guard import SAFE_METHODS
from tools.source_rules import FORMAT_WORDS, TELLS_A_STORY, Names, definitions, faults, names_of

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

# ---- the control of the rules of the source -------------------------------------------------------------------------

NAMES = Names(frozenset({"hear_child"}), frozenset({"EV1"}), frozenset({"looking"}))
SOUND = {"school_protocol/sound.py": '"""Sound."""\nPAGES = ("used.html", "named.html")\n', "templates/used.html": ""}
FAULTS = {
    ("school_protocol/utils.py", '"""Short."""\n'): ":1: a name that says nothing: what is it for?",
    ("school_protocol/long.py", '"""Long."""\n' + "x = 1\n" * 800): ":1: 801 lines: what is its one idea?",
    ("school_protocol/silent.py", "x = 1\n"): ":1: it does not say what it is for",
    ("school_protocol/act.py", '"""On hear_child."""\nx = "hear_child"\n'): (
        ":2: 'hear_child' is a definition's: ask the engine what is open"
    ),
    ("school_protocol/code.py", '"""On EV1."""\nx = "EV1"\n'): (
        ":2: 'EV1' is a definition's: ask the engine what is open"
    ),
    ("school_protocol/state.py", '"""A page."""\nx = case.state == "looking"\n'): (
        ":2: compares a name of a definition: ask the engine what is open"
    ),
    ("school_protocol/people/roster_rules.py", '"""A rule."""\nimport time\n'): (
        ":2: a pure module touches nothing outside: time"
    ),
    ("school_protocol/engine/clock.py", '"""A rule."""\nnow = time.time()\n'): (
        ":2: a pure module reads no clock: the time is an argument"
    ),
    ("templates/named.html", "{% if view.hears('hear_child') %}{% endif %}"): (
        ":1: 'hear_child' is a definition's: a template shows what its view says"
    ),
    ("templates/unused.html", ""): ":1: no page and no other template uses it",
}


@pytest.mark.parametrize(("name", "text"), FAULTS, ids=str)
def test_what_breaks_a_rule_of_the_source_is_named_by_file_and_line(tmp_path: Path, name: str, text: str) -> None:
    for file, content in {**SOUND, "templates/named.html": "", name: text}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(content)

    assert faults(tmp_path, NAMES) == [name + FAULTS[name, text]]


def test_what_tells_a_story_may_name_it(tmp_path: Path) -> None:
    [story] = TELLS_A_STORY
    (tmp_path / story).parent.mkdir(parents=True)
    (tmp_path / story).write_text('"""A story."""\nx = "hear_child"\n')

    assert faults(tmp_path, NAMES) == []


@pytest.mark.parametrize("protocol", definitions(), ids=lambda protocol: protocol.protocol)
def test_there_is_something_of_each_definition_to_look_for(protocol: Protocol) -> None:
    names = names_of([protocol])
    assert len(names.identifiers - FORMAT_WORDS) > 20
    assert len(names.codes) > 40 or protocol.protocol == read_file(SMALL).protocol


# ---- events and their partials -------------------------------------------------------------------------------------


def test_every_event_has_its_partial_and_every_partial_its_event() -> None:
    partials = {path.stem for path in (ROOT / "templates" / "cases" / "chronology").glob("*.html")}
    assert partials == {snake(kind.value) for kind in EventKind}


def test_every_kind_of_act_has_its_event_and_every_event_is_in_the_past() -> None:
    assert set(EVENT_OF_ACT) == set(ActKind)
    irregular = {"CaseSeen", "ReferralSent", "VisaGiven", "FollowUpHeld", "SchoolTold", "StepTaken", "ChildTakenOver",
                 "CorrectionMade", "WordChosen"}  # fmt: skip
    assert {kind.value for kind in EventKind if not kind.value.endswith("ed")} == irregular


# ---- templates -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app() -> Iterator[object]:
    protocol = read_file(SMALL)
    with throwaway(protocol, SMALL.read_bytes(), NOW) as player:
        yield create_app(player.ctx, testing=True)


def test_every_template_compiles_and_every_page_has_a_title(app: object) -> None:
    environment = app.jinja_env  # type: ignore[attr-defined]
    untitled = []
    for path in TEMPLATES:
        name = str(path.relative_to(ROOT / "templates"))
        if name.startswith("documents/"):
            continue  # papers have tests of their own
        source = path.read_text()
        tree = environment.parse(source)
        environment.compile(tree, name, raw=True)
        extended = [
            node.template.value for node in tree.find_all(nodes.Extends) if isinstance(node.template, nodes.Const)
        ]
        titles = [block for block in tree.find_all(nodes.Block) if block.name == "title"]
        if extended == ["ui/base.html"] and path.stem != "base" and not titles:
            untitled.append(name)
    assert untitled == []


# ---- routes --------------------------------------------------------------------------------------------------------


def test_every_route_has_exactly_one_permission(app: object) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}  # type: ignore[attr-defined]
    assert endpoints == set(PERMISSIONS), "each route says what it asks (ui/routing.py)"
    assert set(PERMISSIONS.values()) <= set(Permission)


def test_every_module_with_pages_is_registered_once(app: Flask) -> None:
    names = [one.name for one in walk_packages(school_protocol.__path__, "school_protocol.") if "routes" in one.name]
    made = {part for name in names for part in vars(import_module(name)).values() if isinstance(part, Pages)}
    assert made == set(app.blueprints.values())


def test_the_control_pages_registered_twice_or_not_at_all_are_noticed() -> None:
    def page() -> str:
        return ""

    first, second = (Pages("planted", __name__, part=part, asks=Permission.anyone) for part in ("first", "second"))
    found = Flask(__name__)
    with patch.object(routing, "PERMISSIONS", {}) as asked:
        first.add_url_rule("/first", "page", page)
        assert set(asked) == {"planted.page"}
        found.register_blueprint(first)
        assert found.view_functions["planted.page"] is page
        with pytest.raises(ValueError, match="already registered"):
            found.register_blueprint(first)
        second.add_url_rule("/second", "page", lambda: "")
        with pytest.raises(AssertionError, match="overwriting an existing endpoint"):
            found.register_blueprint(second)


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
    of_others = {"/.well-known/security.txt", "/robots.txt"}  # where RFC 9116 and search engines look
    for rule in app.url_map.iter_rules():  # type: ignore[attr-defined]
        plain = re.sub(r"<[^>]+>", "", rule.rule)
        # programs ask for these endings
        assert rule.rule in of_others or re.fullmatch(r"[a-z0-9/-]*(\.(ics|json|csv))?", plain), rule.rule
