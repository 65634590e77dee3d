"""What is said of figures that are being worked out, or were not issued."""

from __future__ import annotations

from school_protocol.storage.figures.jobs import Job, State
from school_protocol.wording import Wording


def step_said(w: Wording, state: str) -> str:
    """What is being done."""
    said = {
        "counting": w._("Cases are being counted."),
        "choosing": w._("It is being worked out which figures can be told."),
        "checking": w._("It is being checked that no small figure can be worked out."),
    }
    return said.get(state, said["counting"])


def job_said(w: Wording, job: Job, year: str) -> str:
    """What its page is headed with: figures that are being worked out, that are issued, or that are not."""
    if job.is_running:
        return w._("Issuing figures %(year)s", year=year)
    if job.state is State.issued:
        return w._("Figures %(year)s", year=year)
    return w._("Figures %(year)s: not issued", year=year)


def fault_said(w: Wording, code: str) -> str:
    """Why nothing was issued."""
    said = {
        "gate": w._("Something small could have been worked out of these figures: they were not issued."),
        "not_releasable": w._(
            "Beside what was issued before, nothing new can be told without something small being worked out: the "
            "figures issued before stand."
        ),
        "too_few": w._("There are too few cases: nothing could be told of them."),
        "as_before": w._("What can be told is what the last release tells already: it stands."),
        "not_allowed": w._("Whoever asked for them may not issue figures here any more."),
    }
    return said.get(
        code, w._("They could not be worked out. Whoever looks after the server finds the reason in the log.")
    )
