"""The proof: what holds of the shipped definitions, and what it says of ones in which something was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
from school_protocol.proof.presenters import result_said, script_of, with_lines
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


# ---- one thing left out --------------------------------------------------------------------------------------------


def without(key: str, need: str) -> Callable[[Raw], None]:
    def edit(raw: Raw) -> None:
        move = raw["moves"][key]
        needs = move["needs"] if isinstance(move["needs"], list) else [move["needs"]]
        move["needs"] = [one for one in needs if one != need]

    return edit


def changed(part: str, key: str, **what: Any) -> Callable[[Raw], None]:
    return lambda raw: raw[part][key].update(what)


def gone(part: str, key: str, name: str) -> Callable[[Raw], None]:
    return lambda raw: raw[part][key].pop(name)


def not_from(key: str, state: str) -> Callable[[Raw], None]:
    def edit(raw: Raw) -> None:
        raw["moves"][key]["from"] = [one for one in raw["moves"][key]["from"] if one != state]

    return edit


def both(*edits: Callable[[Raw], None]) -> Callable[[Raw], None]:
    def edit(raw: Raw) -> None:
        for one in edits:
            one(raw)

    return edit


def in_danger(state: str, move: str) -> Callable[[Raw], None]:
    """A danger raised there stays there, and the move no longer asks about it."""
    return both(not_from("urgent", state), without(move, "nothing_raised"))


IMPOSSIBLE = "child_view == 'none' and child_view != 'none'"
LEFT_OUT: tuple[tuple[str, Callable[[Raw], None], str, str], ...] = (
    ("a danger at dismissal", in_danger("report_received", "dismiss"), "no_end_in_danger", "dismiss"),
    ("a danger at transfer", in_danger("plan_active", "transfer"), "no_end_in_danger", "transfer"),
    ("the head's visa", without("close", "visa_head"), "properties.closed_with_visa", "close"),
    ("news since the proposal", without("close", "nothing_new"), "properties.closed_with_own_view", "close"),
    (
        "two who sign", changed("needs", "minutes_signed", when="minutes_signatures >= 1"),
        "properties.validated_by_two", "validate_assessment",
    ),
    (
        "the law's question", without("activate_plan", "offence_settled"),
        "properties.plan_with_settled_offence", "activate_plan",
    ),
    ("the urgent path from the plan", not_from("urgent", "plan_active"), "urgent_everywhere", "plan_active"),
    (
        "the deadline of escalation", changed("deadlines", "escalation_waits", start=[{"entered": "plan_active"}]),
        "waiting_has_deadline", "escalation_to_send",
    ),
    ("two persons at transfer", gone("moves", "transfer", "distinct"), "four_eyes", "transfer"),
    ("the safety check", without("assign", "checked"), "properties.assigned_checked", "assign"),
    (
        "whatever would meet a need", changed("needs", "heard_or_offered", when=IMPOSSIBLE),
        "no_dead_move", "begin_listening:listening_planned",
    ),
    (
        "what is awaited", without("return_after_lift", "nothing_awaited_after_end"),
        "properties.closed_referrals_settled", "no_further_action",
    ),
)  # fmt: skip


@pytest.mark.exhaustive(but=("the safety check",))
@pytest.mark.parametrize(("what", "edit", "name", "about"), LEFT_OUT, ids=[one[0] for one in LEFT_OUT])
def test_what_is_left_out_is_refused_by_its_name(
    moroccan: Protocol, what: str, edit: Callable[[Raw], None], name: str, about: str
) -> None:
    sound = prove(moroccan, only=frozenset({name}))
    raw = raw_of("ma-cyberharassment")
    edit(raw)
    protocol = read(written(raw), "mutant")
    faults = prove(protocol, only=frozenset({name})).faults
    assert about in {fault.subject for fault in faults if fault.property == name}, [
        (one.property, one.subject, one.verdict) for one in faults
    ]
    assert {one.verdict for one in sound.results if one.property == name} == {Verdict.held}


# ---- stories -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed_without_visa() -> tuple[Protocol, bytes, Result]:
    raw = raw_of("ma-cyberharassment")
    without("close", "visa_head")(raw)
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
    said = result_said(w, protocol, fault, "mutant.yaml")
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
