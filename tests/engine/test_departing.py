"""What was done although its form warns against it is shown for ever, and a debrief names it."""

from __future__ import annotations

from typing import Any

import pytest

from school_protocol.engine.case_summary import conformance, warning
from school_protocol.engine.deadlines import dues, duties
from school_protocol.engine.decisions import decide
from school_protocol.engine.definition import Protocol
from school_protocol.engine.intents import RecordAct, Undo
from school_protocol.training.debrief import debrief
from school_protocol.training.findings import Kind
from school_protocol.training.scenario import Table

from .telling import NOW, Told, person, reported

WHY = "Il l’avait déjà appris par un voisin"
TOLD: dict[str, Any] = {"who": {"slot": "guardian", "name": "Père"}, "relation": "father", "result": "told"}


def informed(protocol: Protocol, safe: str, **answers: Any) -> Told:
    return reported(protocol).act("team_member", "inform_guardian", {**TOLD, "safe_to_tell": safe, **answers})


def despite(told: Told) -> list[tuple[str, str, bool]]:
    counts = dues(told.facts)
    found = conformance(told.facts, counts, duties(told.facts, counts)).despite
    return [(line.act, line.reason, line.is_corrected) for line in found]


@pytest.mark.parametrize("safe", ["no", "unknown"])
def test_a_guardian_told_although_it_may_not_be_safe_is_a_departure_with_its_reason(
    moroccan: Protocol, safe: str
) -> None:
    told = informed(moroccan, safe, told_despite=WHY)
    assert despite(told) == [("inform_guardian", WHY, False)]
    counts = dues(told.facts)
    (line,) = conformance(told.facts, counts, duties(told.facts, counts)).despite
    assert (line.actor, line.role, line.seq) == ("team_member", "team_member", told.seq)
    assert "not certain that the pupil stays safe" in warning(moroccan, line).in_language("en")


def test_one_told_safely_and_one_not_told_are_none(moroccan: Protocol) -> None:
    assert despite(informed(moroccan, "yes")) == []
    assert despite(informed(moroccan, "no", result="refused")) == []


def test_it_stays_once_the_answer_is_corrected_and_not_once_it_is_taken_back(moroccan: Protocol) -> None:
    told = informed(moroccan, "no", told_despite=WHY)
    seq = told.seq
    record = told.case.record(seq) if told.case else None
    assert record is not None
    changes = {**{key: value for key, value in record.answers.items() if key != "told_despite"}, "safe_to_tell": "yes"}
    told._take(
        "team_member", RecordAct("correction", {"record": str(seq), "what_changes": "x", "reason": "y"}, False, changes)
    )
    assert despite(told) == [("inform_guardian", WHY, True)]
    told = informed(moroccan, "no", told_despite=WHY)
    undo = decide(moroccan, told.case, person(moroccan, "team_member"), told.now, told.around, Undo(told.seq))
    told._keep(undo.events)
    assert despite(told) == []


def test_a_debrief_names_it_among_the_gravest_mistakes(moroccan: Protocol) -> None:
    told = informed(moroccan, "unknown", told_despite=WHY)
    found = debrief(moroccan, None, Table(NOW), {"a": told.facts}, {}, told.now)
    (finding,) = found.of(Kind.despite)
    assert found.errors[0] is finding
    assert (finding.part, finding.key, finding.said, finding.role) == ("acts", "inform_guardian", WHY, "team_member")
    assert any(one.kind == Kind.despite.value for one in found.questions)
    calm = {"a": informed(moroccan, "yes").facts}
    assert not debrief(moroccan, None, Table(NOW), calm, {}, told.now).of(Kind.despite)
