"""Which acts can still meet a need: never one that the record contradicts."""

from __future__ import annotations

from typing import Any

import pytest

from school_protocol.engine.case import Case
from school_protocol.engine.deadlines import read
from school_protocol.engine.decisions import acts_that_meet
from school_protocol.engine.definition import Protocol
from school_protocol.engine.facts import Supposing

from .telling import NOW, surroundings


class Said(Supposing):
    """Facts of a case, some of them said."""

    @property
    def protocol(self) -> Protocol:
        return self.facts.protocol


@pytest.mark.parametrize(("need", "said", "able"), [
    ("offence_settled", {"offence": "uncertain"}, ("minutes", "light_path", "referral", "no_referral")),
    ("offence_settled", {"offence": "yes"}, ("minutes", "light_path", "referral")),
    ("child_view", {"child_view": "none"}, ("listening_target", "follow_up", "closing")),
    ("child_view", {"child_view": "declined", "child_view_offers": 2},
     ("listening_target", "follow_up", "closing", "directorate_visa")),
    ("stable_long", {"level": 2, "pupil_left": False, "child_view": "given"}, ("follow_up",)),
    ("stable_long", {"level": 2, "pupil_left": True, "child_view": "given"}, ("follow_up", "directorate_visa")),
    ("shared_concern_eligible", {"level": 3}, ("listening_target", "support_plan", "head_visa", "directorate_visa")),
])  # fmt: skip
def test_acts_that_can_meet_a_need(moroccan: Protocol, need: str, said: Any, able: tuple[str, ...]) -> None:
    around = surroundings(moroccan)
    facts = Said(read(moroccan, Case(unit=around.unit.id), NOW, around), said)
    assert acts_that_meet(facts, moroccan.needs[need]) == able  # type: ignore[arg-type]
