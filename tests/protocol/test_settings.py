"""What a definition lets be changed in a form, and the file with it changed: nothing else in it differs."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from engine.telling import MOROCCAN

from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol import settings as protocol_settings
from school_protocol.protocol.check_context import Path as Place
from school_protocol.protocol.reader import read, read_file
from school_protocol.protocol.settings import CannotRewrite, Part, Value, rewritten, settings

CONTENT = MOROCCAN.read_bytes()
PROTOCOL = read_file(MOROCCAN)
SMALL = Path(__file__).with_name("small.yaml").read_text("utf-8")
LETTER = "letter_due: {value: 24, unit: clock_hours, max: 48, lock: law"


def changed_lines(before: bytes, after: bytes) -> list[str]:
    lines = difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=0)
    return [line for line in lines if line.startswith("+") and not line.startswith("+++")]


def test_there_are_settings_of_every_part() -> None:
    assert all(settings(PROTOCOL, part) for part in Part)


def test_what_is_locked_is_no_setting() -> None:
    offered = {setting.path[1] for setting in settings(PROTOCOL, Part.deadlines)}
    fixed = {deadline.key for deadline in protocol_settings.locked(PROTOCOL)}
    assert fixed
    assert not fixed & offered
    assert not {key for key, deadline in PROTOCOL.deadlines.items() if deadline.lock} - fixed


def test_a_ceiling_is_the_most_that_can_be_set() -> None:
    most = {setting.path[1]: setting.most for setting in settings(PROTOCOL, Part.deadlines)}
    for key, deadline in PROTOCOL.deadlines.items():
        if deadline.max is not None and key in most:
            assert most[key] == deadline.max
    assert protocol_settings.MOST in most.values()


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", list(Part))
def test_each_setting_alone_changes_its_own_line_and_nothing_else(part: Part) -> None:
    found = settings(PROTOCOL, part)
    for setting in found[:: max(1, len(found) // 4)]:
        value = setting.value
        new: Value = value + 1 if isinstance(value, int) else (*value, 300) if isinstance(value, tuple) else f"{value}!"
        after = rewritten(CONTENT, {setting.path: new})
        lines = changed_lines(CONTENT, after)
        assert len(lines) == 1 or isinstance(value, str), setting.path
        assert after != CONTENT
        assert rewritten(after, {setting.path: value}).count(b"\n") == CONTENT.count(b"\n")


def test_changed_nothing_it_is_the_same_file() -> None:
    assert rewritten(CONTENT, {}) == CONTENT


TEXTS = [
    "simple", "with: a colon", "# no comment", "«  » ’ ؟", 'a "quoted" word', "back\\slash", "two\nlines", "- a dash",
    "no", "12:30", "{a: b}", "&anchor *alias !tag", "ends with a line\n", "tab\there",
]  # fmt: skip
PLACES: list[tuple[str, Place]] = [
    ('a: {b: "old", c: 1} # kept\n', ("a", "b")),
    ("a: {b: old, c: 1} # kept\n", ("a", "b")),
    ("a:\n  b: old # kept\n  c: 1\n", ("a", "b")),
    ("a:\n  b: 'old'\n", ("a", "b")),
    ("a:\n  b: |\n    old\n    text\n\n  # kept\n  c: 1\n", ("a", "b")),
    ("a:\n  b: |-\n    old\n    text\n", ("a", "b")),
    ("a:\n  b: >\n    old\n    text\n  c: x\n", ("a", "b")),
    ("é: ؟\r\na:\r\n  b: old\r\n", ("a", "b")),
    ("\ufeffa:\n  - {b: x}\n  - {b: old}\n", ("a", 1, "b")),
    ("a:\n  b:\n    old text\n    goes on\n", ("a", "b")),
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("file", "place"), PLACES)
def test_any_text_in_any_way_of_writing(file: str, place: Place, text: str) -> None:
    after = rewritten(file.encode(), {place: text}).decode()
    assert ("# kept" in file) == ("# kept" in after)
    assert after.startswith("\ufeff") == file.startswith("\ufeff")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a: [1, 2] # kept\nb: 1\n", "a: [3, 40] # kept\nb: 1\n"),
        ("a:\n  - 1\n  - 2 # kept\n# too\nb: 1\n", "a:\n  [3, 40] # kept\n# too\nb: 1\n"),
    ],
)
def test_a_list_of_days_in_any_way_of_writing(file: str, expected: str) -> None:
    assert rewritten(file.encode(), {("a",): (3, 40)}).decode() == expected


@pytest.mark.parametrize("place", [("x",), ("a", "x"), ("a", "b", "c"), ("d", 7)])
def test_what_is_not_there_is_not_changed(place: Place) -> None:
    with pytest.raises(CannotRewrite):
        rewritten(b"a: {b: 1}\nd: [1]\n", {place: 2})


def faults(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        read(text.encode(), "small.yaml")
    return str(caught.value).split("\n")


@pytest.mark.parametrize("lock", ["law", "safety"])
def test_editable_and_lock_exclude_each_other_with_the_line(lock: str) -> None:
    assert SMALL.count(LETTER) == 1
    text = SMALL.replace(LETTER, LETTER.replace("lock: law", f"editable: true, lock: {lock}"))
    line = text[: text.index("letter_due: {")].count("\n") + 1
    said = f"deadlines.letter_due.editable: what is locked for {lock} is no setting"
    assert faults(text) == [f"small.yaml:{line}: {said}"]
    read(SMALL.replace(LETTER, LETTER.replace("lock: law", "editable: true")).encode(), "control")


def test_a_level_that_stands_alone_cannot_be_editable() -> None:
    text = SMALL.replace("low: 0,", "editable: true, low: 0,", 1)
    assert text != SMALL
    [said] = faults(text)
    assert said.endswith("a level is bounded by its neighbours: one of them must be editable, too")


def test_a_form_without_an_intro_has_nothing_to_change() -> None:
    form = next(form for form in read(SMALL.encode(), "x").forms.values() if form.intro is None)
    text = SMALL.replace(f"\n  {form.key}:\n", f"\n  {form.key}:\n    editable: true\n", 1)
    assert text != SMALL
    [said] = faults(text)
    assert f"forms.{form.key}.editable: only the intro of a form can be changed, and it has none" in said
