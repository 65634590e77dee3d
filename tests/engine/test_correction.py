"""A correction erases nothing, and what is decided later reads what it says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.telling import MINUTES, Told, minuted, reported, weighed
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.intents import RecordAct

GRID = {"scores": {"nature": "0", "place": "0"}, "incomplete_reason": "x"}
AGREED = {**MINUTES, "level": "2"}


def correct(told: Told, seq: int, changes: dict[str, Any]) -> Told:
    answers = {"record": str(seq), "what_changes": "x", "reason": "y"}
    told._take("team_coordinator", RecordAct("correction", answers, False, changes))
    return told


@pytest.fixture
def assessing(moroccan: Protocol) -> Told:
    return reported(moroccan).put("assessment_running")


def test_a_corrected_mark_changes_the_interval_of_levels(assessing: Told) -> None:
    grid = next(iter(assessing.protocol.grids.values()))
    lowest = dict.fromkeys(grid.items, "0")
    highest = {key: str(len(item.anchors) - 1) for key, item in grid.items.items()}
    seq = assessing.act("team_member", "assessment_grid", {"scores": lowest}).seq
    assert assessing.case is not None
    record = assessing.case.record(seq)
    assert record is not None
    assert (record.derived["score"]["low_level"], record.derived["score"]["high_level"]) == (1, 1)
    correct(assessing, seq, {"scores": highest})
    record = assessing.case.record(seq)
    assert record is not None
    assert (record.derived["score"]["low_level"], record.derived["score"]["high_level"]) == (4, 4)
    assert record.corrections == [seq + 1]
    assert assessing.events[seq - 1].answers["scores"] == dict.fromkeys(lowest, 0)  # type: ignore[attr-defined]


def test_what_was_signed_is_signed_again_once_it_is_corrected(assessing: Told) -> None:
    seq = minuted(assessing).seq
    assessing.act("team_member", "signature", {"record": str(seq)})
    assert assessing.facts["minutes_signatures"] == 2
    correct(assessing, seq, {**AGREED, "offence_question": "yes"})
    assert assessing.facts["minutes_signatures"] == 0
    assert assessing.facts["offence"] == "none"
    for who in ("team_member", "team_coordinator"):
        assessing.act(who, "signature", {"record": str(seq)})
    assert assessing.facts["offence"] == "yes"


def test_what_is_wrong_with_the_changes_is_said_apart(assessing: Told) -> None:
    seq = minuted(assessing).seq
    with pytest.raises(BadInput) as refused:
        correct(assessing, seq, {**AGREED, "offence_question": "perhaps", "reason": "z"})
    assert set(refused.value.problems) == {"changes.offence_question", "changes.reason"}


def test_a_correction_names_nobody_new(assessing: Told) -> None:
    with pytest.raises(Refused):
        correct(assessing, 2, {**assessing.events[1].answers, "about_whom": [{"slot": "witness", "name": "N."}]})  # type: ignore[attr-defined]


def test_a_grid_stays_once_minutes_took_its_level_but_its_words_may_be_put_right(assessing: Told) -> None:
    """Minutes of level 2 on a grid that was corrected to 3 would agree with nothing."""
    minuted(assessing)
    assert assessing.case is not None
    grid = assessing.case.records_of("assessment_grid")[0]
    correct(assessing, grid.seq, {**grid.answers, "override_reason": "Mieux dit"})
    with pytest.raises(Refused, match="grid_rested_on"):
        correct(assessing, grid.seq, {**grid.answers, "override": "3"})
    weighed(assessing, "3")
    newer = assessing.case.records_of("assessment_grid")[-1]
    correct(assessing, newer.seq, {**newer.answers, "override": "2"})


# ---- contradictions ------------------------------------------------------------------------------------------------


def test_what_contradicted_itself_before_may_stay_but_not_begin(moroccan: Protocol) -> None:
    """An entry written before the definition refused it is still put right in its other answers."""
    lenient = moroccan.model_copy(
        update={"forms": {key: form.model_copy(update={"refuses": ()}) for key, form in moroccan.forms.items()}}
    )
    said = {"dangers": ["blackmail"], "safe_now": "yes", "who_stays": "not_needed"}
    told = reported(lenient).act("head", "safety_check", said)
    assert told.case is not None
    seq = told.case.records_of("safety_check")[0].seq
    told.protocol = moroccan
    correct(told, seq, {**said, "safe_now": "no"})
    with pytest.raises(BadInput) as refused:
        correct(told, seq, {**said, "dangers": ["blackmail", "grooming"]})
    assert refused.value.problems == {"changes.who_stays": ("refused:safety_check:0",)}
    correct(told, seq, {**said, "who_stays": "me"})
    with pytest.raises(BadInput):
        correct(told, seq, said)
