"""What the case says of its deadlines is what an independent reading of its chronology says, in histories at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from protocol.chronology import Noted, computed, contradictions
from protocol.walking import Walk
from school_protocol.engine import deadlines
from school_protocol.engine.definition import Protocol
from school_protocol.engine.facts import Facts


def differences(protocol: Protocol, seed: int, steps: int, seen: Counter[str]) -> Iterator[tuple[int, set[Noted]]]:
    walk = Walk(protocol, seed)
    for _happened in walk.steps(steps):
        pass
    if walk.case is not None:
        seen.update(f"{one[0]} {one[3]}" for one in computed(walk.facts))
        if contradicted := contradictions(walk.facts):
            yield seed, contradicted


@pytest.mark.parametrize("part", [0, *(pytest.param(one, marks=pytest.mark.exhaustive) for one in range(1, 84))])
def test_a_reading_by_hand_says_the_same(moroccan: Protocol, part: int) -> None:
    """Twelve histories; with `--all` a thousand and eight."""
    seen: Counter[str] = Counter()
    found = [one for seed in range(part * 12, part * 12 + 12) for one in differences(moroccan, seed, 60, seen)]
    assert found == []
    assert len({one.partition(" ")[0] for one in seen if one.endswith("met")}) > 6, "there was much to read"


def test_rules_that_are_broken_are_seen(moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: whatever is recorded is about everybody, and happened as it was typed."""
    monkeypatch.setattr(deadlines, "_about", lambda *_any: True)
    monkeypatch.setattr(Facts, "happened_at", lambda _self, record, *, ended=False: record.at)
    found = [one for seed in range(6) for _seed, one in differences(moroccan, seed, 60, Counter())]
    assert {"others_listened", "guardians_informed"} <= {noted[0] for one in found for noted in one}
