"""Each trial in its short form: nothing fails, and the fault planted for it is found."""

from pathlib import Path

import pytest

from trials.frame import Outcome, Size, Trial, every
from trials.rolling import NoHistory


@pytest.mark.exhaustive(
    only=(
        "backups",
        "bad-inputs",
        "debrief",
        "disk",
        "erasure",
        "headers",
        "leading",
        "matrix",
        "nodes",
        "planted-rights",
        "planted-words",
        "rolling",
        "soak",
        "uploads",
        "walk",
        "weakenings",
    )
)
@pytest.mark.parametrize("trial", every().values(), ids=lambda trial: trial.name)
def test_short_form_holds(trial: Trial, tmp_path: Path) -> None:
    try:
        outcome = trial.run(Size.short, tmp_path)
    except NoHistory:
        pytest.skip("the history of the program isn't here")

    assert outcome.faults == ()
    assert outcome.planted == outcome.found > 0
    assert outcome.tried > 0


def test_outcome_that_tried_nothing_or_missed_its_fault_does_not_hold() -> None:
    sound = Outcome(tried=3, unit="presses", faults=(), planted=1, found=1)

    assert sound.holds
    assert not Outcome(0, "presses", (), 1, 1).holds
    assert not Outcome(3, "presses", (), 0, 0).holds
    assert not Outcome(3, "presses", (), 2, 1).holds
    assert not Outcome(3, "presses", ("lost",), 1, 1).holds
