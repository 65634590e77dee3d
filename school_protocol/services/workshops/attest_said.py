"""What is said of lines that are entered after a workshop, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.services.staff import said
from school_protocol.services.staff.lists import Unreadable
from school_protocol.services.teams.changing import Obstacle
from school_protocol.services.workshops.attended import ABSENT, ATTENDED, PASSED, Judged
from school_protocol.storage.workshops.attested import Attestation
from school_protocol.wording import N_, Wording

_RESULTS: Mapping[str, str] = {
    PASSED: N_("Attended and passed"),
    ATTENDED: N_("Attended, did not pass"),
    ABSENT: N_("Did not attend"),
}
_PROBLEMS: Mapping[str, str] = {
    "no_name": N_("The name is missing."),
    "formula": N_("A cell begins with a sign that a spreadsheet reckons with."),
    "unknown_result": N_("It is not understood whether this person attended and passed: write yes or no."),
    "not_of_the_academy": N_("Nobody of your academy has this user name."),
    "own": N_("Nobody attests for themselves."),
    "closed": N_("This account is closed."),
    "attested_already": N_("This person was entered for this workshop already."),
    "twice": N_("This person stands twice in the list."),
}
_OBSTACLES: Mapping[str, str] = {
    "not_ended": N_("The workshop has not ended yet: end it first."),
    "changed_meanwhile": N_("Something changed meanwhile: look at the lines once more, then confirm them."),
    "lines_refused": N_("All lines are entered together, or none: mend those that are refused, or leave them out."),
    "withdrawn_already": N_("This was withdrawn already."),
}


def result(w: Wording, key: str) -> str:
    """Whether somebody attended and passed; what was written, where that is not understood."""
    return w.gettext(_RESULTS[key]) if key in _RESULTS else key


def result_of(w: Wording, one: Attestation) -> str:
    """The same of what was attested."""
    return result(w, PASSED if one.passed else ATTENDED if one.attended else ABSENT)


def problems(w: Wording, one: Judged) -> tuple[str, ...]:
    """Why a line is not taken."""
    return tuple(_problem(w, code) for code in one.problems)


def _problem(w: Wording, code: str) -> str:
    name, _, most = code.partition(":")
    if name == "too_long":
        return w._("The name is longer than %(most)s letters.", most=most)
    return w.gettext(_PROBLEMS[name])


def obstacle(w: Wording, one: Obstacle) -> str:
    """Why something can't be done now, as one sentence."""
    return w.gettext(_OBSTACLES[one.code])


def unreadable(w: Wording, error: Unreadable) -> str:
    """Why nothing of a list can be read."""
    if error.code == "no_heading":
        return w._("The first line doesn’t say what the columns are: one must be called “name”.")
    return said.unreadable(w, error)
