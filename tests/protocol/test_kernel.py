"""The safety kernel: what no definition switches off. Each weakening is refused where it stands, in every shipped
definition; and of a version that was published with it all the same, the engine keeps the line."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from engine.telling import REPORT, Told

from protocol.editing import written
from protocol.mutated import KIVA, MOROCCAN, PHARE, ROOT
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, DefinitionError
from school_protocol.engine.kernel import LINES, contrary, kept
from school_protocol.protocol.reader import read, read_published

Tree = dict[str, Any]
DEFINITIONS = (MOROCCAN, PHARE, KIVA)
OWN = {
    MOROCCAN: {"inform": "inform_guardian", "close": "close", "reporter": "reporter", "above": "directorate"},
    PHARE: {"inform": "inform_guardian", "close": "close", "reporter": "staff_member", "above": "departmental"},
    KIVA: {"inform": "tell_home", "close": "close", "reporter": "adult", "above": "provider"},
}
"""What each definition calls it."""


@lru_cache
def _shipped(definition: str) -> Tree:
    return written(ROOT / "protocol_definitions" / f"{definition}.yaml")


def act_of(tree: Tree, kind: str) -> Tree:
    found: Tree = next(act for act in tree["acts"].values() if act.get("kind") == kind)
    return found


def named_on_hold(tree: Tree, own: dict[str, str]) -> None:
    form = tree["forms"][tree["acts"][own["inform"]]["form"]]
    next(item for item in form["fields"].values() if item["type"] in ("person", "persons"))["even_on_hold"] = "true"


def holds_somebody_else(tree: Tree, _own: dict[str, str]) -> None:
    form = tree["forms"][act_of(tree, "hold")["form"]]
    item = next(item for item in form["fields"].values() if item["type"] == "person")
    item["slots"] = [*item["slots"], "guardian_concerned"]


def lifted_by_one(tree: Tree, _own: dict[str, str]) -> None:
    act_of(tree, "lift_danger")["signatures"] = "1"


def hold_ended_by_one(tree: Tree, _own: dict[str, str]) -> None:
    del act_of(tree, "review_hold")["signatures"]


def exclusion_of_oneself_alone(tree: Tree, _own: dict[str, str]) -> None:
    act_of(tree, "exclude")["effect_when"] = "about_self"


def exclusion_without_effect(tree: Tree, _own: dict[str, str]) -> None:
    act_of(tree, "exclude")["effect_when"] = "not about_self"


def closed_alone(tree: Tree, own: dict[str, str]) -> None:
    del tree["moves"][own["close"]]["distinct"]


def closed_by_reporters(tree: Tree, own: dict[str, str]) -> None:
    tree["moves"][own["close"]]["by"] = [*tree["moves"][own["close"]]["by"], own["reporter"]]


def closed_by_everyone(tree: Tree, own: dict[str, str]) -> None:
    tree["moves"][own["close"]]["by"] = "everyone"


def lifted_by_reporters(tree: Tree, own: dict[str, str]) -> None:
    lift = act_of(tree, "lift_danger")
    lift["by"] = [*lift["by"], own["reporter"]]


def reporter_trains(tree: Tree, own: dict[str, str]) -> None:
    tree["roles"][own["reporter"]]["trains"] = "true"
    for role in tree["roles"].values():
        role.pop("invites", None)  # it would be no plain role, either


def reporter_sees_the_school(tree: Tree, own: dict[str, str]) -> None:
    tree["roles"][own["reporter"]]["sees"] = "unit"


def names_above(tree: Tree, own: dict[str, str]) -> None:
    del tree["roles"][own["above"]]["pseudonymised"]


def names_to_a_seat_above(tree: Tree, own: dict[str, str]) -> None:
    seat = next(seat for seat in tree["seats"].values() if seat.get("acts_as") == own["above"])
    seat["identified"] = "true"


def never_restricted(tree: Tree, _own: dict[str, str]) -> None:
    del tree["restricted_when"]


def restricted_by_nothing(tree: Tree, _own: dict[str, str]) -> None:
    tree["restricted_when"] = "adult_concerned == 'yes' and adult_concerned == 'no'"


def hold_on_anybody(tree: Tree, _own: dict[str, str]) -> None:
    form = tree["forms"][act_of(tree, "hold")["form"]]
    del next(item for item in form["fields"].values() if item["type"] == "person")["slots"]


def exclusion_that_waits(tree: Tree, _own: dict[str, str]) -> None:
    act_of(tree, "exclude")["signatures"] = "2"


def exclusion_in_some_states(tree: Tree, _own: dict[str, str]) -> None:
    act_of(tree, "exclude")["in"] = "open"


def closed_from_the_start_too(tree: Tree, own: dict[str, str]) -> None:
    closed_alone(tree, own)
    former = tree["moves"][own["close"]]["from"]
    tree["moves"][own["close"]]["from"] = ["START", *([former] if isinstance(former, str) else former)]


def closed_beside_what_nobody_did(tree: Tree, own: dict[str, str]) -> None:
    other = next(key for key, act in tree["acts"].items() if act.get("kind") == "note")
    tree["moves"][own["close"]]["distinct"] = [["mover", other]]


WEAKENINGS: dict[Callable[[Tree, dict[str, str]], None], str] = {
    named_on_hold: ".even_on_hold: only these kinds may name somebody whose information is on hold",
    holds_somebody_else: ".guardian: what goes to",
    lifted_by_one: ".signatures: a protection ends by two people",
    hold_ended_by_one: ".signatures: a protection ends by two people",
    exclusion_of_oneself_alone: ".effect_when: who steps aside, or is shut out from above, is out at once",
    exclusion_without_effect: "effect_when must hold of about_self",
    closed_alone: ".distinct: nobody ends a case alone",
    closed_by_reporters: ".by: who sees only what they reported ends no case and approves nothing",
    closed_by_everyone: ".by: who sees only what they reported ends no case and approves nothing: everyone",
    lifted_by_reporters: ".by: who sees only what they reported ends no case and approves nothing",
    reporter_trains: ".trains: who sees only what they reported has no other power",
    reporter_sees_the_school: "somebody must be able to report who sees only that",
    names_above: ".pseudonymised: above the school there are signs in place of names",
    names_to_a_seat_above: ".identified: above the school there are signs in place of names",
    hold_on_anybody: ".slots: a hold is on guardians",
    exclusion_that_waits: ".signatures: stepping aside waits for nothing and nobody",
    exclusion_in_some_states: ".in: stepping aside waits for nothing and nobody",
    closed_from_the_start_too: ".distinct: nobody ends a case alone",
    closed_beside_what_nobody_did: ".distinct: nobody ends a case alone",
    never_restricted: "restricted_when: a report about somebody of the school must be able to open",
    restricted_by_nothing: "restricted_when: a report about somebody of the school must be able to open",
}
"""Each in every definition, and what is said of it."""
INSTEAD = {
    exclusion_without_effect, closed_by_everyone, reporter_sees_the_school, restricted_by_nothing, hold_on_anybody,
    closed_from_the_start_too, closed_beside_what_nobody_did,
}  # fmt: skip
"""Those that take another's place."""


def weakened(definition: str, *edits: Callable[[Tree, dict[str, str]], None]) -> bytes:
    tree = copy.deepcopy(_shipped(definition))
    for edit in edits:
        edit(tree, OWN[definition])
    return json.dumps(tree, ensure_ascii=False).encode()


def in_force(definition: str, *edits: Callable[[Tree, dict[str, str]], None]) -> Protocol:
    """The definition as cases follow it that was published so."""
    return read_published(weakened(definition, *edits), "published")


@pytest.mark.exhaustive(but=("*fi-kiva*",))
@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("edit", WEAKENINGS, ids=lambda edit: edit.__name__)
def test_what_asks_for_the_contrary_is_found_and_a_version_published_with_it_is_followed_without(
    definition: str, edit: Callable[[Tree, dict[str, str]], None]
) -> None:
    asked = read(weakened(definition, edit), "file", kernel=False)
    said = [f"{'.'.join(one.path)}: {one.said}" for one in contrary(asked)]
    assert any(WEAKENINGS[edit] in one for one in said), said
    left = [one for one in contrary(kept(asked)) if one.path != ("restricted_when",)]
    assert [one for one in left if one.instead is not None] == []
    assert not left or edit in (hold_on_anybody, reporter_sees_the_school), "where nothing can stand in its place"


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_all_of_them_are_refused_at_once_each_at_its_line(definition: str) -> None:
    together = [one for one in WEAKENINGS if one not in INSTEAD]
    with pytest.raises(DefinitionError) as refused:
        read(weakened(definition, *together), "file")
    for edit in together:
        said = [fault for fault in refused.value.faults if WEAKENINGS[edit] in fault.message]
        assert said, edit.__name__
        assert all(fault.line for fault in said)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_the_shipped_ones_are_followed_as_they_are_written(definition: str) -> None:
    found = read(weakened(definition), "file")
    assert list(contrary(found)) == []
    assert read_published(weakened(definition), "file") == found


def test_a_version_that_a_check_since_would_refuse_is_followed_all_the_same() -> None:
    def refused(tree: Tree, _own: dict[str, str]) -> None:
        tree["version"] = 2_000_000

    with pytest.raises(DefinitionError, match="versions count"):
        read(weakened(MOROCCAN, refused), "file")
    assert in_force(MOROCCAN, refused).version == 2_000_000


def test_a_version_with_a_document_that_is_issued_no_more_is_followed_without_it() -> None:
    def archive(tree: Tree, _own: dict[str, str]) -> None:
        title = {"fr": "a", "ar": "b", "en": "c"}
        tree["documents"]["archive"] = {"kind": "bundle", "per": "referral", "for": ["head"], "title": title}

    with pytest.raises(DefinitionError, match=r"documents\.archive\.kind"):
        read(weakened(MOROCCAN, archive), "file")
    found, plain = in_force(MOROCCAN, archive), in_force(MOROCCAN)
    assert found.model_copy(update={"digest": plain.digest}) == plain


def test_a_condition_that_is_mistyped_is_said_and_one_that_always_holds_is_taken() -> None:
    def mistyped(tree: Tree, _own: dict[str, str]) -> None:
        tree["restricted_when"] = "adult_concerned < 3"

    with pytest.raises(DefinitionError, match="restricted_when"):
        read(weakened(KIVA, mistyped), "file")

    def always(tree: Tree, _own: dict[str, str]) -> None:
        act_of(tree, "exclude")["effect_when"] = "about_self or not about_self"

    assert read(weakened(KIVA, always), "file")


def test_every_line_says_why_and_is_tried() -> None:
    asked = [read(weakened(KIVA, edit), "file", kernel=False) for edit in WEAKENINGS]
    asked.append(read(weakened(MOROCCAN, joins_without_holds), "file", kernel=False))
    tried = {line for line in LINES if any(list(line(one)) for one in asked)}
    assert tried == set(LINES)
    assert all(line.__doc__ for line in LINES)


# ---- what the engine does with a version that was published so -----------------------------------------------------


def with_parents(protocol: Protocol) -> Told:
    guardians = [{"slot": "guardian", "name": "Mère"}, {"slot": "guardian", "name": "Père"}]
    told = Told(protocol).act(
        "team_member", "report", {**REPORT, "about_whom": [{"slot": "targeted_pupil", "name": "Y."}]}
    )
    return told.act("head", "add_person", persons=guardians)


def informed(told: Told) -> Told:
    return told.act(
        "team_member", "inform_guardian", who="guardian-2", how="phone", result="reached", pupil_wish="agrees"
    )


def test_a_guardian_on_hold_is_told_nothing() -> None:
    told = with_parents(in_force(MOROCCAN, named_on_hold))
    told.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    with pytest.raises(BadInput) as refused:
        informed(told)
    assert [code.partition(":")[0] for code in refused.value.problems["who"]] == ["on_hold"]


def test_the_control_without_the_kernel_they_would_be() -> None:
    protocol = read(weakened(MOROCCAN, named_on_hold), "file", kernel=False)
    told = with_parents(protocol).act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    with pytest.raises(BadInput) as refused:
        informed(told)
    assert "who" not in refused.value.problems, "only the other questions are left open"


def joins_without_holds(tree: Tree, _own: dict[str, str]) -> None:
    tree["moves"]["join"]["carries"] = ["dangers"]
    tree["moves"]["transfer"]["carries"] = "referrals"


def test_whoever_is_held_by_name_is_told_nothing_whatever_their_place_is() -> None:
    def nobody_is_a_guardian_there(tree: Tree, own: dict[str, str]) -> None:
        hold_on_anybody(tree, own)
        del tree["slots"]["guardian"]["guardian"]
        tree["slots"]["reporting_person"]["guardian"] = "true"

    told = with_parents(in_force(MOROCCAN, nobody_is_a_guardian_there))
    told.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    with pytest.raises(BadInput) as refused:
        informed(told)
    assert [code.partition(":")[0] for code in refused.value.problems["who"]] == ["on_hold"]


def test_whoever_can_be_held_is_a_guardian_to_the_engine() -> None:
    assert in_force(MOROCCAN, holds_somebody_else).slots["guardian_concerned"].guardian


def test_holds_and_exclusions_go_along_wherever_a_case_goes() -> None:
    found = in_force(MOROCCAN, joins_without_holds)
    assert {"holds", "exclusions"} <= set(found.moves["join"].carries)
    assert {"holds", "exclusions"} <= set(found.moves["transfer"].carries)
    with pytest.raises(DefinitionError, match=r"moves\.join\.carries: holds and exclusions go along with a case"):
        read(weakened(MOROCCAN, joins_without_holds), "file")


def test_one_person_lifts_no_danger() -> None:
    told = Told(in_force(MOROCCAN, lifted_by_one)).act("team_member", "report", REPORT)
    told.act("team_member", "raise_danger", which_danger="blackmail")
    assert told.case is not None
    told.act("head", "lift_danger", which_danger="blackmail", reason="x")
    assert [life.danger for life in told.case.live_dangers("raised")] == ["blackmail"]


def test_whoever_is_shut_out_from_above_takes_no_part() -> None:
    told = Told(in_force(MOROCCAN, exclusion_without_effect)).act("team_member", "report", REPORT)
    told.act("directorate", "conflict", account="team_coordinator", reason="declares")
    told.act("team_member/2", "conflict", reason="declares")
    assert told.case is not None
    assert set(told.case.exclusions) == {"team_coordinator", "team_member/2"}


def test_a_reporter_ends_nothing() -> None:
    told = Told(in_force(MOROCCAN, closed_by_everyone)).act("team_member", "report", REPORT)
    told.put("closure_proposed", by="team_coordinator")
    assert "not_your_role" in told.refused("reporter", "close")


def test_whoever_proposed_the_end_does_not_make_it() -> None:
    told = Told(in_force(MOROCCAN, closed_alone)).act("team_member", "report", REPORT)
    told.put("closure_proposed", by="head")
    assert "same_person" in told.refused("head", "close")


def test_a_report_that_names_somebody_of_the_school_opens_above_alone() -> None:
    told = Told(in_force(MOROCCAN, never_restricted))
    told.act("reporter", "report", {**REPORT, "about_whom": [{"slot": "staff", "name": "M. X"}]})
    assert told.case is not None
    assert told.case.restricted_seq is not None
