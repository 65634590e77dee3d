"""The closed language of conditions: three-valued, typed, and nothing but comparisons of names and constants."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from school_protocol.engine import conditions
from school_protocol.engine.conditions import Condition, ConditionError, NameType

SOMETIMES = [True, False, None]

# ---- three values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", SOMETIMES)
@pytest.mark.parametrize("other", SOMETIMES)
def test_and_or_not_follow_kleene(one: bool | None, other: bool | None) -> None:
    values = {"a": one, "b": other}
    pair = [one, other]
    expected_and = False if False in pair else None if None in pair else True
    expected_or = True if True in pair else None if None in pair else False
    assert Condition("a and b").truth(values) is expected_and
    assert Condition("a or b").truth(values) is expected_or
    assert Condition("not a").truth(values) is (None if one is None else not one)


@pytest.mark.parametrize(
    "source",
    ["n > 0", "n == 0", "n != 0", "n in (1, 2)", "n not in (1, 2)", "word == 'x'", "'x' in many", "flag", "not flag"],
)
def test_what_was_not_recorded_is_never_silently_false(source: str) -> None:
    condition = Condition(source)
    assert condition.truth({}) is None
    assert not condition.holds({})
    assert condition.unknown({}) == tuple(condition.names)


def test_unknown_names_only_what_keeps_it_undecided_in_the_order_of_writing() -> None:
    condition = Condition("b and (c or a) and b")
    assert condition.unknown({"c": True}) == ("b", "a")
    assert condition.unknown({"b": False}) == (), "it is decided: false"


@pytest.mark.parametrize(
    ("source", "values", "truth"),
    [
        ("level in (1, 2) or (level == 3 and visa)", {"level": 3, "visa": True}, True),
        ("level in (1, 2) or (level == 3 and visa)", {"level": 3}, None),
        ("level in (1, 2) or (level == 3 and visa)", {"level": 4}, False),
        ("'yard' in places", {"places": ("yard", "class")}, True),
        ("'yard' not in places", {"places": ()}, True),
        ("places", {"places": ("yard",)}, True),
        ("not places", {"places": ()}, True),
        ("not places", {"places": ("yard", "class")}, False),
        ("not places", {}, None),
        ("heard != 'yes'", {"heard": "unknown"}, True),
        ("1 <= n", {"n": 0}, False),
        ("True", {}, True),
    ],
)
def test_values_are_compared(source: str, values: dict[str, Any], truth: bool | None) -> None:
    assert Condition(source).truth(values) is truth


# ---- what is not in the language -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "open('/etc/passwd')",
        "raised()",
        "case.level > 1",
        "case['level'] > 1",
        "level is None",
        "level is not None",
        "0 < level < 4",
        "level + 1 > 2",
        "-level < 0",
        "level == 1.5",
        "level == None",
        "level == b'1'",
        "level in [x for x in (1, 2)]",
        "level in {1, 2}",
        "level in (1, other)",
        "lambda: True",
        "flag if other else third",
        "(level := 4) > 3",
        "f'{level}' == '1'",
        "*level",
        "level == (1, 2)",
        "__import__('os')",
        "1",
        "'words'",
        "level",
        "",
        "level >",
        "level; flag",
        "level\x00",
        "(" * 5000 + "level" + ")" * 5000,
    ],
)
def test_anything_else_is_refused(source: str) -> None:
    if source == "level":
        assert Condition(source).names == {"level"}
        return
    with pytest.raises(ConditionError):
        Condition(source)


def test_a_deep_nest_is_refused_and_never_crashes() -> None:
    for depth in (50, 500, 5_000):
        source = "not " * depth + "a"
        try:
            condition = Condition(source)
        except (ConditionError, RecursionError):
            continue
        assert condition.truth({"a": True}) is (depth % 2 == 0)


# ---- types at load ------------------------------------------------------------------------------------------------

TYPES = {
    "flag": NameType("bool"),
    "level": NameType("int"),
    "heard": NameType("enum", ("yes", "no")),
    "places": NameType("multi", ("yard", "class")),
}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("level", "compare it"),
        ("heard", "compare it"),
        ("flag == 'yes'", "neither True nor False"),
        ("flag > True", "order"),
        ("level == 'high'", "not a whole number"),
        ("level == True", "not a whole number"),
        ("heard == 'maybe'", "no value 'maybe'"),
        ("heard == 1", "not one of its values"),
        ("heard < 'yes'", "order"),
        ("heard in ('yes', 'perhaps')", "no value 'perhaps'"),
        ("places == 'yard'", "several answers"),
        ("'attic' in places", "no value 'attic'"),
        ("'x' in level", "needs a list"),
        ("levle > 1", "unknown name"),
    ],
)
def test_faults_of_type_are_told_in_words(source: str, says: str) -> None:
    faults = Condition(source).faults(TYPES)
    assert any(says in fault for fault in faults), faults


@pytest.mark.parametrize(
    "source", ["flag", "not flag", "not places", "level >= 2", "heard in ('yes', 'no')", "'yard' in places"]
)
def test_what_is_well_typed_has_no_fault(source: str) -> None:
    assert Condition(source).faults(TYPES) == []


def test_every_fault_is_told_at_once() -> None:
    assert len(Condition("level == 'a' and heard == 'b' and nobody").faults(TYPES)) == 3


def test_renaming_changes_names_and_constants_and_nothing_else() -> None:
    condition = Condition("not (level >= 2 and heard in ('yes', 'no')) or 'yard' in places")
    renamed = Condition(condition.renamed({"level": "n", "heard": "h", "places": "p"}, {"yes": "y", "yard": "q"}))
    for values in ({"level": 3, "heard": "yes", "places": ("yard",)}, {"level": 3, "heard": "no", "places": ()}, {}):
        other = {
            {"level": "n", "heard": "h", "places": "p"}[name]: {"yes": "y"}.get(value, value)  # type: ignore[arg-type]
            if isinstance(value, str)
            else tuple({"yard": "q"}.get(one, one) for one in value)
            if isinstance(value, tuple)
            else value
            for name, value in values.items()
        }
        assert condition.truth(values) is renamed.truth(other)


# ---- against a naive evaluator --------------------------------------------------------------------------------------

VALUES = st.fixed_dictionaries(
    {
        "flag": st.sampled_from(SOMETIMES),
        "level": st.none() | st.integers(0, 4),
        "heard": st.none() | st.sampled_from(["yes", "no"]),
        "places": st.none() | st.lists(st.sampled_from(["yard", "class"]), unique=True).map(tuple),
    }
)
LEAVES = st.one_of(
    st.just("flag"),
    st.builds("level {} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(0, 4)),
    st.builds("{} {} level".format, st.integers(0, 4), st.sampled_from(["<", ">=", "=="])),
    st.builds("heard {} 'yes'".format, st.sampled_from(["==", "!="])),
    st.sampled_from(["heard in ('yes', 'no')", "heard not in ('no',)", "'yard' in places", "'class' not in places"]),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=8,
)


def naive(source: str, values: dict[str, Any]) -> bool | None:
    """Truth by trying every completion of what is unknown at each comparison: no code in common with the engine's."""

    def truth(node: ast.AST) -> bool | None:
        if isinstance(node, ast.BoolOp):
            parts = [truth(value) for value in node.values]
            decisive = not isinstance(node.op, ast.And)
            return decisive if decisive in parts else None if None in parts else not decisive
        if isinstance(node, ast.UnaryOp):
            inner = truth(node.operand)
            return None if inner is None else not inner
        names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        if any(values[name] is None for name in names):
            return None
        return bool(eval(compile(ast.Expression(node), "condition", "eval"), {"__builtins__": {}}, dict(values)))

    return truth(ast.parse(source, mode="eval").body)


@pytest.mark.exhaustive
@settings(max_examples=400)
@given(CONDITIONS, VALUES)
def test_the_engine_agrees_with_a_naive_evaluator(source: str, values: dict[str, Any]) -> None:
    condition = Condition(source)
    assert condition.truth(values) is naive(source, values)
    assert condition.holds(values) is (naive(source, values) is True)
    assert bool(condition.unknown(values)) is (naive(source, values) is None)


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_and_nothing_is_run(source: str) -> None:
    try:
        condition = Condition(source)
    except ConditionError:
        return
    condition.truth({})
    condition.faults({})


def test_numbers_are_those_a_name_is_compared_with_and_the_next() -> None:
    condition = Condition("(level == 1 and days >= 14) or days >= 30 or level < 4")
    assert condition.numbers("days") == (14, 15, 30, 31)
    assert condition.numbers("level") == (1, 2, 4, 5)
    assert condition.numbers("nothing") == ()


def test_trees_are_made_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else threads that read definitions at once break, now and then, with a SystemError."""
    parse, seen = ast.parse, list[bool]()

    def noted(*said: Any, **more: Any) -> ast.AST:
        seen.append(conditions._ONE_AT_A_TIME.locked())
        return parse(*said, **more)

    monkeypatch.setattr(ast, "parse", noted)
    Condition("a == 1").renamed({"a": "b"}, {})
    assert seen == [True, True]
