"""The proof beside an oracle written apart: on small protocols, whole and changed at random, they must agree."""

from __future__ import annotations

from itertools import islice

import pytest

from protocol.oracle import WRITTEN, Compared, Oracle, Small, changed_at_random, compared, small
from school_protocol.proof import properties
from school_protocol.proof.effects import Effects

pytestmark = pytest.mark.exhaustive

SAMPLE = 24
"""Mutants that are looked at."""


@pytest.mark.parametrize("name", WRITTEN)
def test_both_let_a_whole_protocol_pass(name: str) -> None:
    found = compared(small(name))
    assert (found.proof, found.oracle) == ((), ())


@pytest.fixture(scope="module")
def sample() -> list[Compared]:
    return [compared(mutant) for mutant in islice(changed_at_random(seed=11), SAMPLE)]


def test_the_proof_lets_nothing_pass_that_really_happens(sample: list[Compared]) -> None:
    assert not [one for one in sample if one.is_missed]


def test_the_proof_refuses_nothing_that_never_happens(sample: list[Compared]) -> None:
    assert not [one for one in sample if not one.agrees]


def test_the_sample_is_worth_comparing(sample: list[Compared]) -> None:
    assert sum(bool(one.oracle) for one in sample) >= SAMPLE // 5
    assert sum(one.oracle == () for one in sample) >= SAMPLE // 5


# ---- planted: the oracle itself, and a proof that is wrong -----------------------------------------------------------


def changed(name: str, part: str, key: str, **values: object) -> Small:
    spec = WRITTEN[name][0]()
    spec[part][key] |= values
    return small(name, spec, f"{part}.{key} {values}")


FAULTS = {
    "a case ends while a danger stands": (
        changed("leak", "moves", "dismiss", needs=[], **{"from": ["noted", "alarm"]}), "no_end_in_danger",
    ),
    "what must never be as a move is made": (
        changed("leak", "moves", "shut", needs=["quiet", "answered"]), "properties.dry_at_the_end",
    ),
    "nobody can make a move any more": (changed("leak", "acts", "look", **{"in": ["checked"]}), "no_dead_move"),
    "one person ends a case": (changed("leak", "moves", "dismiss", distinct=[]), "four_eyes"),
    "no way leads to an end": (changed("fair", "acts", "stamp", **{"in": ["told"]}), "end_reachable"),
    "one signature is enough": (
        changed("fair", "moves", "agree", needs=[], **{"from": ["heard"]}), "properties.agreed_by_two",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_both_name_a_planted_fault(fault: str) -> None:
    mutant, named = FAULTS[fault]
    found = compared(mutant)
    assert named in (found.oracle or ())
    assert named in {one.rstrip("?") for one in found.proof}


def test_an_unsound_proof_is_missed_out_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where raising a danger changes nothing for the proof, it lets pass what the oracle has seen."""
    mutant, named = FAULTS["a case ends while a danger stands"]
    monkeypatch.setattr(Effects, "raised", lambda self, *, several=False: self.same)
    found = compared(mutant)
    assert named in (found.oracle or ())
    assert named not in {one.rstrip("?") for one in found.proof}


def test_a_blind_proof_is_missed_out_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    mutant, _named = FAULTS["one person ends a case"]
    monkeypatch.setattr(properties, "_takes_two", lambda _subject, _move: True)
    found = compared(mutant)
    assert found.is_missed


def test_the_oracle_says_nothing_where_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol.oracle.MOST", 5)
    found = compared(small("leak"))
    assert found.oracle is None
    assert found.agrees


def test_the_oracle_tells_persons_apart() -> None:
    mutant = small("fair")
    alone = Oracle(mutant.protocol, mutant.answers, alone=True)
    assert {case.state for case in alone.cases} == {"told", "heard"}
