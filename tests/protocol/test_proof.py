"""The proof: what holds of the shipped definitions, and what it says of ones in which something was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from school_protocol.cases.story_player import throwaway
from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.proof.answer_space import Domain, turning_points
from school_protocol.proof.presenters import result_label, script_of, with_lines
from school_protocol.proof.prove import prove
from school_protocol.proof.state_space import Proof, Result, Verdict
from school_protocol.protocol.reader import read

ROOT = Path(__file__).parents[2] / "protocol_definitions"
SHIPPED = sorted(path.parent.name for path in ROOT.glob("*/1.yaml"))
Raw = dict[str, Any]


def raw_of(name: str) -> Raw:
    found: Raw = yaml.load((ROOT / name / "1.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)
    return found


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(raw: Mapping[str, Any]) -> bytes:
    return yaml.dump(dict(raw), Dumper=_Plain, allow_unicode=True, sort_keys=False).encode()


@pytest.mark.exhaustive(only=("ma-cyberharassment",))
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_definition_is_proven(name: str) -> None:
    proof = prove(read((ROOT / name / "1.yaml").read_bytes(), name))
    assert [(result.property, result.subject) for result in proof.faults] == []
    assert proof.combinations > 0
    asked = {result.property for result in proof.results}
    assert asked >= {"end_reachable", "no_end_in_danger", "four_eyes", "urgent_everywhere", "waiting_has_deadline"}


@pytest.mark.exhaustive
def test_a_need_that_nothing_can_meet_leaves_a_dead_move() -> None:
    raw = raw_of("ma-cyberharassment")
    raw["needs"]["heard_or_offered"]["when"] = "child_view == 'none' and child_view != 'none'"
    faults = prove(read(written(raw), "mutant"), only=frozenset({"no_dead_move"})).faults
    assert "begin_listening:listening_planned" in {fault.subject for fault in faults}


# ---- stories -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed_without_visa() -> tuple[Protocol, bytes, Result]:
    raw = raw_of("ma-cyberharassment")
    raw["moves"]["close"]["needs"].remove("visa_head")
    content = written(raw)
    protocol = read(content, "mutant")
    proof = prove(protocol, only=frozenset({"properties.closed_with_visa"}))
    [fault] = with_lines(proof, protocol, content).faults
    return protocol, content, fault


def test_a_story_is_what_the_engine_did(closed_without_visa: tuple[Protocol, bytes, Result]) -> None:
    _protocol, _content, fault = closed_without_visa
    assert fault.verdict is Verdict.failed
    assert fault.story is not None
    assert fault.story.replayed
    assert fault.story.state == "closed"
    assert fault.story.facts["visa_head"] is False
    assert fault.story.beats[-1].do == "close"


def test_a_story_can_be_rehearsed_and_arrives_at_the_fault(closed_without_visa: tuple[Protocol, bytes, Result]) -> None:
    protocol, content, fault = closed_without_visa
    assert fault.story is not None
    steps = yaml.load(script_of(fault.story), Loader=yaml.BaseLoader)
    with throwaway(protocol, content, datetime(2000, 1, 1, tzinfo=UTC)) as player:
        played = player.play(steps)
    assert [one.step for one in played if not one.went_as_said] == []
    assert played[-1].state == "closed"
    sound = (ROOT / "ma-cyberharassment" / "1.yaml").read_bytes()
    with throwaway(read(sound, "sound"), sound, datetime(2000, 1, 1, tzinfo=UTC)) as player:
        refused = [one for one in player.play(steps) if not one.went_as_said]
    assert refused, "the sound definition refuses what the story does"


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_story_is_told_in_words_with_its_lines(
    closed_without_visa: tuple[Protocol, bytes, Result], language: str
) -> None:
    protocol, content, fault = closed_without_visa
    w = Wording(language)
    said = result_label(w, protocol, fault, "mutant.yaml")
    title = w.text(protocol.moves["close"].title)
    assert title in said.subject
    assert title in said.beats[-1].sentence
    assert w.text(protocol.states["closed"].title) in said.ending
    line = next(number for number, text in enumerate(content.decode().splitlines(), 1) if text == "  close:")
    assert any(place in (f"mutant.yaml:{line}", f"mutant.yaml:{line + 1}") for place in said.places), said.places


# ---- limits, and how numbers are cut -------------------------------------------------------------------------------


def test_what_a_limit_leaves_open_is_not_proven() -> None:
    protocol = read((ROOT / "ma-cyberharassment" / "1.yaml").read_bytes(), "x")
    few = prove(protocol, combinations=10)
    assert not few.holds
    assert {result.verdict for result in few.faults} == {Verdict.not_proven}
    hasty = prove(protocol, steps=100)
    assert not hasty.holds
    assert all(result.verdict is Verdict.not_proven for result in hasty.faults)


def test_only_held_results_make_a_proof() -> None:
    held = Result("x", Verdict.held)
    assert Proof((held,), 1, 0.0).holds
    assert not Proof((held, replace(held, verdict=Verdict.not_proven)), 1, 0.0).holds


def cases() -> Iterator[tuple[str, set[int]]]:
    yield "n >= 3", {3}
    yield "n > 3", {4}
    yield "n < 3", {3}
    yield "n <= 3", {4}
    yield "n == 3", {3, 4}
    yield "n in (1, 5)", {1, 2, 5, 6}
    yield "3 <= n", {3}
    yield "3 < n", {4}
    yield "not (n >= 3) or m == 2", {3}


@pytest.mark.parametrize(("condition", "points"), list(cases()))
def test_numbers_are_cut_where_their_meaning_changes(condition: str, points: set[int]) -> None:
    parsed = Condition(condition)
    assert turning_points(parsed, "n") == points
    domain = Domain((0, *sorted(points)))
    for number in range(10):
        stands_for = domain.values[domain.index(number)]
        for other in (0, 2):
            assert parsed.truth({"n": number, "m": other}) == parsed.truth({"n": stands_for, "m": other}), number


def test_a_domain_keeps_what_is_not_recorded_apart() -> None:
    domain = Domain((None, 0, 10))
    assert (domain.index(None), domain.index(0), domain.index(9), domain.index(10), domain.index(99)) == (0, 1, 1, 2, 2)
    assert domain.members(domain.mask([None, 12])) == (None, 10)
    with pytest.raises(ValueError, match="none of"):
        Domain((False, True)).index("yes")
