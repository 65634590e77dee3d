"""Scenarios that are too large, lead astray or play for ever: refused in words, within seconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError, Fault
from school_protocol.language import Wording
from school_protocol.protocol.presenters import fault_line
from school_protocol.protocol.reader import read as read_protocol
from school_protocol.training import scenario_library, scenario_reader, table_play
from school_protocol.training.scenario import Scenario
from school_protocol.training.scenario_library import (
    find_scenario,
    read_uploaded,
    shipped_protocol,
    shipped_scenarios,
)
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import PROVING_MOST, Bound, prove
from training.kits import SHIPPED

pytestmark = pytest.mark.files  # scenarios are proven on copies of SQLite files, wherever rooms lie

FILE = "found_phone.yaml"
TEXT = Path(__file__).with_name(FILE).read_text("utf-8")
SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"
PAGE = (Path(__file__).parents[2] / "docs" / "scenario-format.md").read_text("utf-8")
SIGN = "  talked: {act: meet}\n"
INJECT = '  mother_calls: {kind: parent_call, from: owner, to: warden, at: 2h, text: {fr: "La mère appelle."'
STEP = "    - {advance: 5m, as: warden, do: give_chair"


def at_hand(_key: str, _version: int) -> tuple[Protocol, bytes]:
    content = SMALL.read_bytes()
    return read_protocol(content, SMALL.name), content


def edited(old: str, new: str) -> bytes:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new).encode()


def many(line: str, number: int, name: str = "") -> str:
    """A line so many times, each under a name of its own."""
    return "".join(line.replace(name, f"{name}{place}") if name else line for place in range(number))


def injects(number: int) -> bytes:
    line = '  rings: {kind: news, to: everyone, at: 2h, text: {fr: "A", ar: "ا", en: "A"}}\n'
    return edited(INJECT, many(line, number, "rings") + INJECT)


TOO_MUCH: dict[str, tuple[Callable[[], bytes], str]] = {
    "injects": (lambda: injects(3000), "injects: 3004 stand here, at most 60 may"),
    "signs": (
        lambda: edited(SIGN, SIGN + many("  more: {act: meet}\n", 100, "more")),
        "signs: 106 stand here, at most 80 may",
    ),
    "steps": (
        lambda: edited(STEP, "    - {advance: 1m}\n" * 200 + STEP),
        "path.steps: 204 stand here, at most 150 may",
    ),
    "steps of a witness": (
        lambda: edited('{steps: [{at: "2026-11-27T10:00"}]}', f"{{steps: [{'{advance: 1m}, ' * 30}{{advance: 1m}}]}}"),
        "injects.rumour.witness.steps: 31 stand here, at most 20 may",
    ),
    "cases": (
        lambda: edited(STEP, "".join(f"    - {{advance: 1m, case: c{n}}}\n" for n in range(9)) + STEP),
        "path.steps: 9 cases are named, at most 5 may be",
    ),
    "versions": (
        lambda: edited("versions: [1]", f"versions: [{', '.join(map(str, range(1, 5000)))}]"),
        "versions: 4999 stand here, at most 10 may",
    ),
    "a giant text": (
        lambda: edited("Un téléphone a disparu.", "x" * 100_000),
        "story.fr: 100000 characters stand here, at most 2000 may",
    ),
    "a giant answer": (
        lambda: edited('own_words: "In the yard."', f'own_words: "{"y" * 5000}"'),
        "path.steps[1].answers.own_words: 5000 characters stand here, at most 2000 may",
    ),
    "a card that fits no card": (
        lambda: edited("Où elle l’a laissé.", "z" * 601),
        "cast.owner.knows.fr: 601 characters stand here, at most 600 may",
    ),
    "a long duration": (
        lambda: edited("at: 2h,", f"at: {'9d' * 1500},"),
        "injects.mother_calls.at: 3000 characters stand here, at most 2000 may",
    ),
    "a giant file": (
        lambda: TEXT.encode() + b"#" * 300_000,
        "the file is larger than 256 KiB",
    ),
}
ASTRAY = (
    "../../../etc", "..", "/etc/passwd", "a/b", "a\\\\b", "lost-things/../lost-things", "Lost-Things", "x.yaml",
    "%2e%2e", "x" * 65, "ⅼost",
)  # fmt: skip


def refused(data: bytes) -> tuple[Fault, ...]:
    """The faults of a file of which nothing was built, however much stands in it."""
    with patch.object(Scenario, "model_validate", side_effect=AssertionError("it was looked at")) as built:
        with pytest.raises(DefinitionError) as raised:
            read_scenario(data, FILE)
        built.assert_not_called()
    return raised.value.faults


def said_in(language: str, faults: tuple[Fault, ...]) -> list[str]:
    return [fault_line(Wording(language), FILE, fault) for fault in faults]


# ---- how it is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_refused_before_it_is_looked_at(name: str) -> None:
    make, message = TOO_MUCH[name]
    assert message in [str(fault.message) for fault in refused(make())]


@pytest.mark.exhaustive(
    but=(
        "fr-injects",
        "fr-steps of a witness",
        "fr-a giant text",
        "fr-a long duration",
        "ar-signs",
        "ar-cases",
        "ar-a giant answer",
    )
)
@pytest.mark.parametrize("name", TOO_MUCH)
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_it_is_said_in_the_readers_language(name: str, language: str) -> None:
    make, message = TOO_MUCH[name]
    [said, *_more] = said_in(language, refused(make()))
    assert message not in said
    assert not re.search(r"stand here|may be|larger than", said)
    assert re.search("admis|dépasse" if language == "fr" else "الحد الأقصى|يتجاوز", said)


@pytest.mark.parametrize("name", ASTRAY)
def test_a_protocol_is_a_plain_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    monkeypatch.setattr(scenario_library, "_folder", lambda: looked.append(name))
    faults = refused(edited("protocol: lost-things", f'protocol: "{name}"'))
    assert "is not a name: small letters, digits and hyphens" in faults[0].message
    assert faults[0].message.startswith("protocol: ")
    outcome = read_uploaded(edited("protocol: lost-things", f'protocol: "{name}"'), FILE)
    assert isinstance(outcome, tuple)
    assert shipped_protocol(name, 1) is None
    assert looked == [], "nothing was looked for"


def test_what_nests_without_end_is_refused() -> None:
    assert refused(edited("Le calme.", "Le calme.") + b"more: " + b"[" * 50_000)
    assert refused(b"a: {" * 5000)


# ---- how long it plays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "{advance: 5m, as: warden, do: give_chair",
            "{advance: 99999d, as: warden, do: give_chair",
            "400 days at most",
        ),
        ('{at: "2026-11-27T10:00"}', '{at: "2027-12-29T10:00"}', "400 days at most"),
        ("at: 2h,", "at: 500d,", "400 days at most"),
        ("delay: 30m", "delay: 9999d", "400 days at most"),
        ('begins: "2026-11-23T09:00"', 'begins: "0001-01-01T00:00"', "a year is one from 2000 to 2100"),
        ('at: "2026-11-23T10:20"', 'at: "9999-12-31T23:59"', "a year is one from 2000 to 2100"),
    ],
)
def test_a_story_lasts_a_school_year_at_most(old: str, new: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, played = edited(old, new), list[object]()
    monkeypatch.setattr(table_play, "seated", lambda *told: played.append(told))
    content = SMALL.read_bytes()
    faults = prove(read_scenario(data, FILE), data, read_protocol(content, SMALL.name), content)
    assert played == [], "it was not played"
    assert message in " ".join(fault.message for fault in faults)


def test_time_in_small_steps_is_added_up() -> None:
    """Many waits, none of which is too long."""
    data = edited(STEP, "    - {advance: 90d}\n" * 6 + STEP)
    scenario = read_scenario(data, FILE)
    content = SMALL.read_bytes()
    faults = prove(scenario, data, read_protocol(content, SMALL.name), content)
    places = [fault.message.split(":")[0] for fault in faults if "400 days" in fault.message]
    assert places == ["path.steps[7].advance", "path.steps[8].advance"]


@pytest.mark.exhaustive
def test_as_many_moments_as_it_needs_are_enough_and_one_less_is_not() -> None:
    """The same on every machine, each time; its branches count, too."""
    data, content = TEXT.encode(), SMALL.read_bytes()
    scenario, protocol, needed = read_scenario(data, FILE), read_protocol(content, SMALL.name), Bound(PROVING_MOST)
    assert prove(scenario, data, protocol, content, bound=needed) == ()
    assert needed.met > len(scenario.path.steps) + sum(len(one.steps) for _part, _key, one in scenario.witnesses())
    assert prove(scenario, data, protocol, content, bound=Bound(needed.met)) == ()
    one_less = Bound(needed.met - 1)
    [fault] = prove(scenario, data, protocol, content, bound=one_less)
    assert f"it has more than {needed.met - 1} moments to play" in fault.message
    assert one_less.met == needed.met, "it stopped at once"


# ---- at hand -------------------------------------------------------------------------------------------------------


def test_those_that_are_shipped_are_found_by_name() -> None:
    assert tuple(one.scenario for one in shipped_scenarios()) == SHIPPED
    for name in SHIPPED:
        assert find_scenario(name) is not None
        assert read_scenario(scenario_library.content_of(name), name).scenario == name
    assert find_scenario("../class-group") is None
    assert find_scenario("nobody") is None


def test_shipped_versions_of_protocols_are_found() -> None:
    found = shipped_protocol("ma-cyberharassment", 1)
    assert found is not None
    assert found[0].protocol == "ma-cyberharassment"
    assert shipped_protocol("ma-cyberharassment", 99) is None
    assert shipped_protocol("ma-cyberharassment", -1) is None
    assert shipped_protocol("nobody", 1) is None


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_protocol_that_is_not_at_hand_is_said(language: str) -> None:
    faults = read_uploaded(TEXT.encode(), FILE)
    assert isinstance(faults, tuple)
    [said] = said_in(language, faults)
    assert "lost-things" in said


@pytest.mark.exhaustive
def test_what_is_brought_is_read_and_proven() -> None:
    wrong = edited("ends: looking", "ends: noted")
    for data in (b"\xff\xfe", b"", wrong):
        assert isinstance(read_uploaded(data, FILE, at_hand), tuple)
    found = read_uploaded(TEXT.encode(), FILE, at_hand)
    assert isinstance(found, Scenario)
    assert found.scenario == "found-phone"


# ---- said to whoever writes one ------------------------------------------------------------------------------------


def test_the_page_on_scenarios_says_the_limits() -> None:
    part = PAGE.split("## Limits")[1].split("## ")[0]
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", part, re.MULTILINE))
    assert f"{scenario_reader.LARGEST // 1024} KiB" in rows.values()
    names = ("cast", "signs", "injects", "traps", "debrief", "aims", "versions", "languages")
    assert set(names) == set(scenario_reader.PARTS)
    assert rows[", ".join(f"`{name}`" for name in names)] == ", ".join(
        str(scenario_reader.PARTS[name]) for name in names
    )
    assert f"{scenario_reader.STEPS}; {scenario_reader.WITNESS}; {scenario_reader.CASES}" in rows.values()
    assert any(
        value.startswith(f"{scenario_reader.WORDS} characters; {scenario_reader.ON_A_CARD},") for value in rows.values()
    )
    assert any(f"{scenario_reader.LONGEST.days} days" in value for value in rows.values())
    assert any(f"from {scenario_reader.YEARS[0]} to {scenario_reader.YEARS[-1]}" in value for value in rows.values())
    assert f"{table_play.PROVING_MOST}; {table_play.PLAYING_MOST}" in rows.values()


@pytest.mark.parametrize("name", SHIPPED)
def test_those_that_are_shipped_are_far_from_the_limits(name: str) -> None:
    scenario = read_scenario(scenario_library.content_of(name), name)
    for part, most in scenario_reader.PARTS.items():
        if part != "languages":
            assert 2 * len(getattr(scenario, part)) <= most, part
    assert 2 * len(scenario.path.steps) <= scenario_reader.STEPS
    assert len(scenario_library.content_of(name)) * 4 <= scenario_reader.LARGEST
