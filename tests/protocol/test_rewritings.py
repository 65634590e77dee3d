"""What keeps the meaning of a definition keeps what is proven of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from protocol.mutated import ACCIDENTS, KIVA, MOROCCAN, PHARE, data_of, mutants_of, understood
from protocol.mutating import inside_out, rewritings, spelt_out, turned
from protocol.test_mutants import EXPECTED
from school_protocol.engine.conditions import Condition
from school_protocol.proof.prove import prove
from school_protocol.proof.state_space import Proof, Verdict


@pytest.mark.exhaustive(only=("fr-phare", "fi-kiva"))
@pytest.mark.parametrize("definition", [ACCIDENTS, KIVA, PHARE], ids=lambda one: one.replace("/1", ""))
def test_rewritings_that_keep_the_meaning_keep_the_verdicts(definition: str) -> None:
    expected = _verdicts(prove(understood(data_of(definition))))
    for name, data in rewritings(data_of(definition), seed=4):
        assert data != data_of(definition), name
        assert _verdicts(prove(understood(data))) == expected, name


def test_a_fault_stays_a_fault_however_it_is_said() -> None:
    edits = ("needs.looked_in: lock gone", "deadlines.waits: gone", "moves.alert: not from noted")
    for name in edits:
        data = mutants_of(ACCIDENTS)[name].of(data_of(ACCIDENTS))
        expected = _verdicts(prove(understood(data)))
        assert any(verdict is not Verdict.held for _, verdict in expected)
        for _said, rewritten in rewritings(data, seed=5):
            assert _verdicts(prove(understood(rewritten))) == expected


@pytest.mark.exhaustive
def test_the_moroccan_protocol_turned_inside_out_is_proven_as_well() -> None:
    asked = [name for definition, name in EXPECTED if definition == MOROCCAN]
    for name, data in rewritings(data_of(MOROCCAN), seed=6):
        if name != "ids renamed":  # the names of its properties, too
            assert prove(understood(data), only=asked).holds, name


def _verdicts(proof: Proof) -> Counter[tuple[str, Verdict]]:
    """Property and verdict, whatever things are called."""
    return Counter((one.property.partition(".")[0], one.verdict) for one in proof.results)


@pytest.mark.parametrize("rewritten", [inside_out, turned, spelt_out])
def test_a_condition_said_otherwise_is_true_of_the_same(rewritten: Callable[[str], str]) -> None:
    for source in ("a and not b", "n >= 3 or (a and n != 1)", "x in ('p', 'q') and n > 0", "not (n <= 2) or b"):
        one, other = Condition(source), Condition(rewritten(source))
        for a in (None, False, True):
            for n in (None, 0, 1, 2, 3, 4):
                for x in (None, "p", "q", "r"):
                    values = {"a": a, "b": a, "n": n, "x": x}
                    assert one.truth(values) is other.truth(values), (source, other.source, values)
