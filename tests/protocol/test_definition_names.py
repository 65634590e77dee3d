"""What conditions may name."""

from pathlib import Path

import pytest

from school_protocol.engine.conditions import Condition, NameType
from school_protocol.protocol.check_context import answer_types, condition_faults, fact_types, field_types, item_types
from school_protocol.protocol.reader import read_file

SMALL = read_file(Path(__file__).with_name("small.yaml"))


def test_facts() -> None:
    types = fact_types(SMALL)
    assert types.keys() == SMALL.facts.keys()
    assert types["spoke"] == NameType("enum", ("yes", "no", "unknown"))
    assert types["ringing"] == types["size"] == NameType("int")
    assert types["fresh"] == NameType("bool")


def test_answers_that_a_condition_can_read() -> None:
    assert field_types(SMALL, "talk") == {
        "heard": NameType("enum", ("yes", "no", "unknown")),
        "feeling": NameType("int"),
        "places": NameType("multi", ("yard", "class")),
    }
    assert field_types(SMALL, SMALL.forms["letter"]) == {
        "to": NameType("enum", ("gendarmes", "school_doctor")),
        "about": NameType("multi", ("blade", "fight", "need")),
    }


def test_answers_and_what_they_imply() -> None:
    types = answer_types(SMALL, SMALL.forms["letter"])
    assert types.keys() - field_types(SMALL, "letter").keys() == {"role", "external", "judicial", "on_danger"}
    assert "mediator" in types["role"].values
    assert "cosigner" in types["role"].values
    assert answer_types(SMALL, SMALL.forms["talk"]).keys() - field_types(SMALL, "talk").keys() == {"role"}


def test_items_of_a_grid() -> None:
    assert item_types(SMALL.grids["weighing"]) == dict.fromkeys(("price", "times", "temper", "trace"), NameType("int"))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("size > 1 and (fresh or spoke in ('yes', 'no'))", []),
        ("siz > 1", ['fact "siz" is not declared; did you mean "size"?']),
        ("spoke == fresh", ["`spoke` is enum and `fresh` is bool: they cannot be compared"]),
        (
            "fresh in home",
            [
                "`home` is enum: `in` needs a list or several answers",
                "`fresh` is bool: only an enum can be among several answers",
            ],
        ),
        ("1 < 'a'", ["`1` is compared with a constant: one side must be a name"]),
        ("home in 'informed'", ["`in 'informed'`: write a list, such as ('one', 'two')"]),
        (
            "years == 3 or nowhere in size",
            [
                'fact "years" is not declared',
                'fact "nowhere" is not declared',
                "`size` is int: `in` needs a list or several answers",
            ],
        ),
    ],
)
def test_mistakes_in_conditions(condition: str, expected: list[str]) -> None:
    assert condition_faults(Condition(condition), fact_types(SMALL), "fact") == expected
