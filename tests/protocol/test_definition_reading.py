"""How a definition is written: what the reader takes, what it refuses, and with which lines."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN
from versions import read_yaml

from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read, read_file

SMALL = Path(__file__).with_name("small.yaml")
TEXT = SMALL.read_text("utf-8")
ADDED = read_yaml(SMALL.with_name("added_faults.yaml"))
CASES = read_yaml(SMALL.with_name("faults.yaml")) + ADDED["cases"]


def faults(text: str | bytes) -> list[str]:
    """What is said about `text`, written FILE:LINE: message."""
    with pytest.raises(DefinitionError) as caught:
        read(text if isinstance(text, bytes) else text.encode(), "small.yaml")
    assert [fault.line for fault in caught.value.faults] == sorted(fault.line for fault in caught.value.faults)
    return str(caught.value).split("\n")


def changed(*changes: tuple[str, str], base: str = TEXT) -> str:
    text = base
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def text_of(case: dict[str, Any]) -> str:
    """The file of a case of the tables: what is added to the small definition, changed, and cut out of it."""
    base = case.get("base", "small")
    text = MOROCCAN.read_text("utf-8") if base == "moroccan" else TEXT
    if base in ADDED["bases"]:
        addition = ADDED["bases"][base]
        text = changed(*addition.get("changes", ())).rstrip("\n") + addition.get("append", "\n")
    text = changed(*case.get("changes", ()), base=text)
    if "change" in case:
        text = changed((case["change"], case["into"]), base=text)
    for start, until in case.get("cut", ()):
        begin = text.index(start)
        text = text[:begin] + text[text.index(until, begin) :]
    return text


def at(text: str, where: str, message: str) -> str:
    assert text.count(where) == 1, where
    return f"small.yaml:{text.count(chr(10), 0, text.index(where)) + 1}: {message}"


def meant(name: str) -> str:
    return f'; did you mean "{name}"?'


def test_the_unchanged_file_loads() -> None:
    protocol = read_file(SMALL)
    assert protocol.digest == hashlib.sha256(SMALL.read_bytes()).hexdigest()
    assert [stage.key for stage in protocol.stages.values()] == ["noting", "searching", "settling"]
    assert protocol.initial.key == "noted"
    assert protocol.grids["weighing"].maximum == 10
    assert [field.key for field in protocol.forms["reply"].fields] == ["letter", "settled"]
    assert protocol.forms["slip"].by_key["kind"].options[1].hint is not None
    assert protocol.forms["look_back"].by_key["on"].type is FieldType.moment
    assert protocol.moves["sound"].notify[1].when is not None
    assert protocol.facts["spoke"].values == ("yes", "no", "unknown")


def test_a_summary_needs_a_text_without_names_and_its_writers_word() -> None:
    kind = ("jot: {kind: note, form: jotting", "jot: {kind: summary, form: jotting")
    words, named = (
        'words: {type: long, required: true, label: {fr: "Note"',
        "words: {type: long, nameless: true, required: true",
    )
    sure = "sure: {type: check, %slabel: {fr: a, ar: b, en: c}}\n      "
    good = changed(kind, (words, sure % "required: true, " + named + ', label: {fr: "Note"'))
    assert read(good.encode(), "small.yaml").forms["jotting"].by_key["words"].may_name is False
    bad = changed(kind, (words, sure % "" + named + ', label: {fr: "Note"'))
    said = "acts.jot.form: whoever writes a summary must tick that it names nobody"
    assert faults(bad) == [at(bad, "jot: {kind: summary", said)]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, marks=[pytest.mark.exhaustive] if case.get("slow") else (), id=case["faults"][0]["says"][:60]
        )
        for case in CASES
    ],
)
def test_each_fault_has_its_line_and_its_words(case: dict[str, Any]) -> None:
    text = text_of(case)
    assert faults(text) == [at(text, fault["where"], fault["says"]) for fault in case["faults"]]


def test_all_faults_are_said_at_once() -> None:
    text = changed(
        ("  X: {fr", "  X: {fr: a, ar: b, en: c}\n  X: {fr"),
        ("working: true", "working: perhaps"),
        ("code: OBJ-1", "cod: OBJ-1"),
        ('title: {fr: "Accueil", ar: "الاستقبال", en: "Noting"}', 'title: {fr: "Accueil", en: "Noting"}'),
        ("sees: receipt", "sees: recieved"),
        ("kind: note, form: jotting", "kind: note, form: joting, colour: red"),
        ("value: 24, unit: clock_hours, max: 48", "value: 72, unit: clock_hours, max: 48"),
        ('when: "marks_known >= 3"', 'when: "mark_known >= 3"'),
        ('when: "stamped", met_by: stamp', "when: \"stamped == 'yes'\", met_by: stamp"),
    )
    kinds = "none, receipt, assigned, unit, province, region, metadata"
    assert faults(text) == [
        at(text, "cod: OBJ", 'unknown key "cod"; did you mean "code"?'),
        at(text, "working: perhaps", 'working: "perhaps" is neither true nor false'),
        at(text, 'X: {fr: "Ex', 'duplicate key "X" in sources (first on line 12)'),
        at(text, "noting: {title", 'stages.noting.title: missing language "ar"'),
        at(text, "anybody: {code", f'roles.anybody.sees: "recieved" is not one of {kinds}'),
        at(text, "jot: {kind", 'acts.jot.form: form "joting" is not declared; did you mean "jotting"?'),
        at(text, "jot: {kind", 'unknown key "colour" in acts.jot'),
        at(
            text, "weighed: {when", 'needs.weighed.when: fact "mark_known" is not declared; did you mean "marks_known"?'
        ),
        at(text, "  stamped: {when", "needs.stamped.when: `stamped` is bool: 'yes' is neither True nor False"),
        at(text, "letter_due: {value", "deadlines.letter_due.value: 72 is more than its max, 48, which the law fixes"),
    ]


def test_what_follows_from_a_part_left_out_is_not_said() -> None:
    """The fact is refused, so nothing can be said of the need that reads it, nor of the act that feeds it."""
    text = changed(("ringing: {type: count, dangers", "ringing: {type: number, dangers"))
    assert faults(text) == [
        at(text, "ringing: {type", 'facts.ringing.type: "number" is not one of bool, enum, int, count')
    ]
    text = changed(("\ngrids:\n", "\ngridz:\n"))
    assert faults(text) == [at(text, "gridz:", 'unknown key "gridz"; did you mean "grids"?')]


def test_what_answers_point_at_is_read_where_there_are_answers() -> None:
    pointed = "is about what the answers of an act point at"
    words = "{fr: x, ar: x, en: x}"
    text = changed(
        ("  fresh: {", f"  over: {{type: bool, fallen_due: reply_chase, label: {words}}}\n  fresh: {{"),
        ("  quiet: {", f"  over: {{when: over, sentence: {words}}}\n  quiet: {{"),
        ("by: warden, needs: talked", "by: warden, needs: [talked, over], needs_when: [{when: 'True', needs: over}]"),
        ("needs: keeper_trained, title", "needs: [keeper_trained, over], title"),
        ('chase_reply: {met_by: hear_back, deadlines: reply_chase, when: "letters_open > 0"',
         'chase_reply: {met_by: hear_back, deadlines: reply_chase, when: "over"'),
        ("checks: [home_told, posted", "checks: [home_told, over, posted"),
        ('effect_when: "settled"', 'effect_when: "settled", needs_when: [{when: "settled", needs: over}]'),
    )  # fmt: skip
    below = f'need "over" {pointed}: it goes under needs_when of that act'
    assert faults(text) == [
        at(text, "wrap_up: {form", f"acts.wrap_up.needs: {below}"),
        at(
            text, "wrap_up: {form",
            'acts.wrap_up.needs_when[1].needs: form "wrap" has no field of type referral, which need "over" is about',
        ),
        at(text, "start_looking: {c", f"moves.start_looking.needs: {below}"),
        at(text, "chase_reply: {met", f'duties.chase_reply.when: fact "over" {pointed}: only a need can read it'),
        at(text, "checks: [home_told", f"documents.dossier.checks: {below}"),
    ]  # fmt: skip


def test_a_missing_part_is_said_once() -> None:
    start, end = TEXT.index("\nfacts:"), TEXT.index("\nneeds:")
    assert faults(TEXT[:start] + TEXT[end:]) == ['small.yaml:1: missing key "facts"']


def test_a_new_language_is_wanted_everywhere() -> None:
    said = faults(changed(("languages: [fr, ar, en]", "languages: [fr, ar, en, zgh]")))
    assert len(said) > 150
    assert all(line.endswith(': missing language "zgh"') for line in said)


SYNTAX = {
    "open bracket": ("a: 1\nb: [1\nc: 2\n", "3: not YAML: "),
    "indentation": ("a: b\n  c: d\n", "2: not YAML: "),
    "tab": ("a: b\n\tc: d\n", "2: not YAML: "),
    "two documents": ("a: b\n---\nc: d\n", "2: a second document begins here: one file holds one definition"),
    "empty": ("", "1: the file is empty"),
    "only a comment": ("# nothing\n", "1: the file is empty"),
    "a list": ("- a\n", "1: a definition is a mapping of keys"),
    "a word": ("word\n", "1: a definition is a mapping of keys"),
    "not UTF-8": (b"a: b\nc: \xff\xfe\n", "2: the file is not UTF-8 text"),
    "NUL": ("a: b\nc: d\0\n", "2: unwanted character U+0000"),
    "control character": ("a: b\nc: \x1b[31m\n", "2: unwanted character U+001B"),
    "line separator": ("a: b\nc: d\u2028e\n", "2: unwanted character U+2028"),
    "too large": (b"#" * (2 * 1024 * 1024 + 1), "1: the file is larger than 2 MiB"),
    "too deep": ("a:\n  " + "[" * 25 + "]" * 25, "2: nested more than 20 deep"),
    "too many values": ("a:\n" + "- x\n" * 100_000, "100000: more than 100000 values"),
    "far too deep": ("{a: " * 200_000, "1: n"),
    "a key that is a list": ("? [a]\n: b\n", "1: a key is plain text"),
    "lone surrogate": ('a: "\\ud800"\n', "1: "),
}


@pytest.mark.parametrize(("data", "expected"), SYNTAX.values(), ids=SYNTAX.keys())
def test_what_cannot_be_read_is_one_fault(data: str | bytes, expected: str) -> None:
    said = faults(data)
    assert said[0].startswith(f"small.yaml:{expected}")
    if "surrogate" not in expected:
        assert len([line for line in said if "missing key" not in line]) == 1


WRITING = [
    ("working: &w true", "working: anchors are not used in definitions: remove &w"),
    ("working: *w", "working: aliases are not used in definitions: write *w out"),
    ("working: !!bool true", "working: tags are not used in definitions: remove !!bool"),
    (
        "working: !!python/object:os.system true",
        "working: tags are not used in definitions: remove !!python/object:os.system",
    ),
    ("working: ! true", "working: tags are not used in definitions: remove !"),
    ("working:", "working: empty value"),
    ('working: ""', "working: empty value"),
    ("working: ' '", "working: empty value"),
    ('working: "\\0"', "working: unwanted character U+0000"),
    ("working: ~", 'working: "~" is neither true nor false'),
]


@pytest.mark.parametrize(("written", "expected"), WRITING)
def test_yaml_that_would_say_something_else_than_it_shows(written: str, expected: str) -> None:
    text = changed(("working: true", written))
    assert faults(text) == [at(text, written, expected)]


def test_scalars_stay_what_was_written() -> None:
    text = changed(
        ('fr: "Objets disparus et médiation"', "fr: no"), ('fr: "Exemple pour les essais."', "fr: 12:30"),
        ("code: OBJ-1", "code: 007"), ("working: true", "working: no"),
    )  # fmt: skip
    protocol = read(text.encode(), "small.yaml")
    assert protocol.title.in_language("fr") == "no"
    assert protocol.notice.in_language("fr") == "12:30"
    assert protocol.code == "007"
    assert protocol.working is False


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + TEXT.encode(), TEXT.replace("\n", "\r\n").encode()])
def test_byte_order_marks_and_line_ends_of_other_systems_do_no_harm(data: bytes) -> None:
    assert read(data, "small.yaml").protocol == "lost-things"


def test_a_field_may_be_called_key() -> None:
    text = changed(("      seat: {type: seat, required", "      key: {type: seat, required"))
    assert "key" in read(text.encode(), "small.yaml").forms["chair"].by_key


@pytest.mark.exhaustive
def test_very_many_faults_are_counted() -> None:
    said = faults("\n".join(f"key_{number}: x" for number in range(20_000)))
    assert len(said) == 1001
    assert said[0] == "small.yaml:1: 19016 more faults are not listed"


@pytest.mark.parametrize(
    "condition",
    ["not " * 600 + "keeper_ready", "not " * 5000 + "keeper_ready", "(" * 500 + "keeper_ready" + ")" * 500],
)
def test_conditions_that_nobody_could_read_are_refused(condition: str) -> None:
    text = changed(('when: "keeper_ready"', f'when: "{condition}"'))
    said = faults(text)
    assert len(said) == 1
    assert said[0].startswith(at(text, "keeper_trained: {when", "needs.keeper_trained.when: "))
    assert len(said[0]) < 500
