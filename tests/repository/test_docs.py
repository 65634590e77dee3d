"""The docs say everything that can be set, called or written in a definition; their examples are true."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from pydantic import BaseModel

from school_protocol.cases import story_player
from school_protocol.cli.group import main
from school_protocol.engine import definition, definition_parts
from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.definition import Act, ActKind, Fold, ScopeKind
from school_protocol.engine.definition_parts import FieldType, Section
from school_protocol.engine.errors import DefinitionError
from school_protocol.engine.texts import Named
from school_protocol.ops.doctor_work import BEFORE, CHECKS
from school_protocol.protocol.checks import RESERVED
from school_protocol.protocol.form_checks import NEEDED
from school_protocol.protocol.reader import read

ROOT = Path(__file__).parents[2]
FORMAT = (ROOT / "docs" / "protocol-format.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")

MODELS = {
    name: found
    for model in (definition, definition_parts)
    for name, found in vars(model).items()
    if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == model.__name__
}
FROM_THE_READER = {"key", "root"}
"""Fields of the model that nobody writes, beside the digest of the whole file."""

_ROWS = re.compile(r"^\| `(\w+)` \|.*\n\| -.*\n((?:\|.*\n)+)", re.MULTILINE)
_LINES = re.compile(r"^- `(\w+)`: (.*)$", re.MULTILINE)
_BLOCKS = re.compile(r"^```yaml(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# ---- what the page explains ----------------------------------------------------------------------------------------


def explained() -> dict[str, dict[str, bool]]:
    """What is explained of each model or list of words: name → whether it is marked as required."""
    found: dict[str, dict[str, bool]] = {}
    for name, rows in _ROWS.findall(FORMAT):
        cells = " ".join(row.split("|")[1] for row in rows.splitlines())
        found.setdefault(name, {}).update(_marked(r"`(\w+)`(\\\*)?", cells))
    for name, line in _LINES.findall(FORMAT):
        found.setdefault(name, {}).update(_marked(r"\*\*`(\w+)`\*\*(\\\*)?", line))
    return found


def _marked(pattern: str, text: str) -> dict[str, bool]:
    return {word: bool(star) for word, star in re.findall(pattern, text)}


def own_keys(found: type[BaseModel]) -> dict[str, bool]:
    """The keys that a file may write, without those that all named entries share: key → whether it is required."""
    shared = set(Named.model_fields) if issubclass(found, Named) and found is not Named else set()
    return {
        field.alias or name: field.is_required()
        for name, field in found.model_fields.items()
        if name not in shared | FROM_THE_READER and (found, name) != (definition.Protocol, "digest")
    }


EXPLAINED = explained()
KEYED = sorted(name for name, found in MODELS.items() if own_keys(found))


def test_the_models_are_found() -> None:
    assert len(KEYED) > 35
    assert {"Protocol", "Act", "Move", "Fact", "Deadline"} <= set(KEYED)


@pytest.mark.parametrize("name", KEYED)
def test_every_key_of_a_definition_is_explained_and_marked_where_required(name: str) -> None:
    assert EXPLAINED.get(name) == own_keys(MODELS[name])


@pytest.mark.parametrize("words", [FieldType, ActKind, Fold, ScopeKind, TimeUnit])
def test_every_word_of_a_list_is_explained(words: type[Enum]) -> None:
    assert set(EXPLAINED.get(words.__name__, {})) == {word.value for word in words}


def test_every_word_of_a_script_is_explained() -> None:
    assert set(EXPLAINED["script"]) == story_player._STEP


def test_each_kind_of_act_says_which_fields_it_needs() -> None:
    said: dict[str, set[str]] = {}
    table = next(rows for name, rows in _ROWS.findall(FORMAT) if name == "ActKind")
    for row in table.splitlines():
        kinds, fields = (set(re.findall(r"`(\w+)`", cell)) for cell in row.split("|")[1:3])
        said |= dict.fromkeys(kinds, fields)
    needed = {kind.value: {one.value for group in NEEDED.get(kind, ()) for one in group} for kind in ActKind}
    assert said == needed


def literals(found: type[BaseModel]) -> Iterator[str]:
    """Every word that a key of this model takes from a closed list."""
    waiting: list[Any] = [field.annotation for field in found.model_fields.values()]
    while waiting:
        for part in get_args(waiting.pop()):
            if isinstance(part, str):
                yield part
            else:
                waiting.append(part)


@pytest.mark.parametrize("name", KEYED)
def test_every_word_that_a_key_takes_stands_on_the_page(name: str) -> None:
    assert not [word for word in literals(MODELS[name]) if f"`{word}`" not in FORMAT]


def test_closed_lists_are_found() -> None:
    assert {"safety", "team"} <= set(literals(Act))
    assert "conformance" in set(literals(Section))


def test_words_that_are_not_free_are_named() -> None:
    assert not [word for word in sorted(RESERVED) if f"`{word}`" not in FORMAT]


# ---- the examples --------------------------------------------------------------------------------------------------


def blocks(kind: str) -> list[str]:
    return [text for found, text in _BLOCKS.findall(FORMAT) if found == kind]


EXCERPTS = blocks("")
[COMPLETE] = blocks("complete")
[SCRIPT] = blocks("script")


def plain(text: str) -> Any:
    """Every scalar as the text that was written, as definitions are read."""
    return yaml.load(text, Loader=yaml.BaseLoader)


def laid_over(below: Any, above: Any) -> Any:
    """`above` where it says something, `below` elsewhere; mappings with nothing in common are not mixed."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping) and below.keys() & above.keys()):
        return deepcopy(above)
    return {key: laid_over(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}}


class Written(yaml.SafeDumper):
    """Writes no aliases, as definitions have none."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def test_every_block_of_yaml_is_one_of_the_known_kinds() -> None:
    assert {kind for kind, _text in _BLOCKS.findall(FORMAT)} == {"", "complete", "script"}
    assert FORMAT.count("```yaml") == len(_BLOCKS.findall(FORMAT))


def test_the_complete_example_has_no_fault() -> None:
    assert read(COMPLETE.encode(), "accidents.yaml").protocol == "school-accidents"


@pytest.mark.exhaustive(
    but=(
        "acts0",
        "dangers",
        "deadlines0",
        "follow_up",
        "format",
        "forms",
        "grids",
        "properties",
        "states",
    )
)
@pytest.mark.parametrize("excerpt", EXCERPTS, ids=[text.split(":", 1)[0] for text in EXCERPTS])
def test_each_excerpt_fits_into_the_complete_example(excerpt: str) -> None:
    whole = laid_over(plain(COMPLETE), plain(excerpt))
    read(yaml.dump(whole, Dumper=Written, allow_unicode=True, sort_keys=False).encode(), "accidents.yaml")


@pytest.mark.exhaustive
def test_the_script_goes_as_it_says() -> None:
    content = COMPLETE.encode()
    steps = plain(SCRIPT)
    with story_player.throwaway(read(content, "accidents.yaml"), content, datetime(2000, 1, 1, tzinfo=UTC)) as player:
        played = player.play(steps)
    assert len(played) == len(steps)
    assert [one.step for one in played if not one.went_as_said] == []
    assert {one.state for one in played} == {"noted", "urgent", "watched", "closed"}


def test_the_faults_shown_are_those_that_are_said() -> None:
    text = COMPLETE
    for old, new in (
        (', en: "Care"}', "}"),
        ("home_told, well]", "home_tld, well]"),
        ('"marks >= 2"', "\"mark >= '2'\""),
        ("value: 1, unit: clock_hours, max: 1", "value: 4, unit: clock_hours, max: 1"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    with pytest.raises(DefinitionError) as caught:
        read(text.encode(), "accidents.yaml")
    assert f"```\n{caught.value}\n```" in FORMAT


# ---- running it ----------------------------------------------------------------------------------------------------


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands(main, "school-protocol"))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_is_documented_with_its_options(path: str) -> None:
    [line] = re.findall(rf"^\| `({path}(?: [^`|]*)?)` \| [^|]+ \|$", OPERATIONS, re.MULTILINE)
    said = set(re.findall(r"--[\w-]+", line))
    assert said == {max(one.opts, key=len) for one in COMMANDS[path].params if isinstance(one, click.Option)}


def test_no_command_is_documented_that_is_not_there() -> None:
    said = re.findall(r"^\| `(school-protocol(?: [a-z][a-z-]*)+)", OPERATIONS, re.MULTILINE)
    assert sorted(said) == sorted(COMMANDS)


def quoted(text: str) -> list[tuple[str, list[str]]]:
    """Commands in running text and examples, with the options that stand beside them; not the rows of the table."""
    said = re.sub(r"^\| `school-protocol .*$", "", text, flags=re.MULTILINE)
    groups = {path.split()[1] for path in COMMANDS}
    found = []
    for span in re.findall(r"`([^`\n]+)`|^((?:school-protocol|\./run cli) .+)$", said, re.MULTILINE):
        words = (span[0] or span[1]).split("#")[0].removeprefix("school-protocol ").removeprefix("./run cli ").split()
        if words and words[0] in groups and (words[0] not in PLAIN_WORDS or len(words) > 1):
            path = "school-protocol " + " ".join(takewhile(lambda word: re.fullmatch(r"[a-z][a-z-]*", word), words))
            found.append((path, [word.partition("=")[0] for word in words if word.startswith("--")]))
    return found


PLAIN_WORDS = {"keys", "signing", "files", "worker", "retention"}
"""Words that are names of folders or groups as well."""


def not_there(text: str) -> list[str]:
    """What a text quotes that no command is, or that no command takes."""
    found = []
    for said, options in quoted(text):
        shorter = (said.rsplit(" ", cut)[0] for cut in range(said.count(" ")))
        path = next((one for one in shorter if one in COMMANDS), "")
        is_group = any(one.startswith(f"{said} ") for one in COMMANDS)
        known = {opt for one in COMMANDS[path].params for opt in one.opts} if path else set()
        if not (path or is_group) or not set(options) <= known:
            found.append(" ".join((said, *options)))
    return found


def test_every_command_that_the_text_quotes_is_there_with_those_options() -> None:
    assert len(quoted(OPERATIONS)) > 40
    assert not_there(OPERATIONS) == []


def test_a_command_that_is_not_there_is_found() -> None:
    """The control of the one above."""
    said = (
        "Run `school-protocol backup undo`, `keys rotate --fast`, `doctor --deep`, then `go-live withdraw cndp --as X`."
    )
    assert not_there(said) == ["school-protocol backup undo", "school-protocol keys rotate --fast"]


def test_every_measurement_and_check_is_explained() -> None:
    stood = (ROOT / "school_protocol" / "ops" / "routes.py").read_text("utf-8")
    names = {f"school_protocol_{name}" for name in re.findall(r'\("(work_\w+|journal_\w+)", "[A-Z]', stood)}
    names |= {"school_protocol_answers_total", "school_protocol_answer_seconds"}
    assert len(names) == 7
    assert set(re.findall(r"^\| `(school_protocol_\w+)` \|", OPERATIONS, re.MULTILINE)) == names
    rows = re.search(r"^\| check \|.*\n\| -.*\n((?:\|.*\n)+)", OPERATIONS, re.MULTILINE)
    assert rows is not None
    said = {name for row in rows[1].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert said == {one.__name__ for one in (*BEFORE, *CHECKS)} - {"place"} | {"opening"}


def settings() -> set[str]:
    """Every environment variable of ours that something reads."""
    places = [ROOT / "run", ROOT / "setup.cfg", ROOT / "setup.py", ROOT / "pyproject.toml"]
    for folder in ("school_protocol", "tests", "bench", "guides", "tools", ".ci"):
        places += [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", "", ".sh", ".toml")]
    texts = (path.read_text("utf-8") for path in places if path.is_file() and path != Path(__file__))
    return {name for text in texts for name in re.findall(r"\bSCHOOL_PROTOCOL_[A-Z][A-Z_]*[A-Z]\b", text)}


def test_every_setting_is_documented_and_none_besides() -> None:
    found = settings()
    assert "SCHOOL_PROTOCOL_DATA" in found
    said = set(re.findall(r"^\| `(SCHOOL_PROTOCOL_\w+)` \|", OPERATIONS, re.MULTILINE))
    assert said == found


# ---- words ---------------------------------------------------------------------------------------------------------


def test_each_word_of_the_glossary_stands_once_in_three_languages() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line[:2] == "| "]
    words = [row for row in rows if row[0] not in ("English", "---")]
    assert len(words) > 90
    assert all(len(row) == 4 and all(row) for row in words)
    assert len({row[0] for row in words}) == len(words)
    assert all(re.search("[\u0621-\u064a]", row[2]) for row in words if row[2] != "–")
