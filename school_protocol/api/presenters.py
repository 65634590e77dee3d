"""Form and wording of the pages on API tokens: how one is asked for, where it stands, what it read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Unit
from school_protocol.language import Wording
from school_protocol.people.forms import TeamForm, spec_of, team_form
from school_protocol.people.teams import Obstacle
from school_protocol.ui.fields import Day, Line, Offered, OneOf, Posted, Question, Several
from school_protocol.ui.routing import Right

# ---- what is said of tokens, in the reader's language --------------------------------------------------------------

_STANDINGS: Mapping[str, tuple[str, str]] = {
    "asked": (N_("Waits for somebody to agree"), "soon"),
    "agreed": (N_("Agreed: waits to be drawn"), "soon"),
    "lapsed": (N_("Nobody went on within a week"), "later"),
    "good": (N_("In service"), "ok"),
    "over": (N_("Good no longer"), "later"),
    "ended": (N_("Token ended"), "later"),
}
_RIGHTS: Mapping[str, str] = {
    "cases:read": N_("Cases under signs: where each stands, and its record without names or anybody’s words"),
    "figures:read": N_("Figures that were issued"),
}
_STEPS: Mapping[str, str] = {
    "token_asked": N_("Asked for"),
    "token_agreed": N_("Agreed to"),
    "token_drawn": N_("Token drawn"),
    "token_ended": N_("Token ended"),
}
_READ: Mapping[str, str] = {
    "api.cases": N_("the list of cases"),
    "api.case": N_("a case"),
    "api.definition": N_("a protocol’s definition"),
    "api.releases": N_("the list of figures"),
    "api.release": N_("figures"),
    "api.release_csv": N_("figures"),
}
_OBSTACLES: Mapping[str, str] = {
    "two_people": N_("Somebody else must agree: whoever asked doesn’t."),
    "one_hand": N_(
        "One of you two made the other’s account or way in within 30 days: somebody else must agree, so that it is "
        "two people’s act."
    ),
    "token_asked": N_("Nobody has agreed to it yet."),
    "token_agreed": N_("It was agreed to already."),
    "token_drawn": N_(
        "The token was drawn already, and is shown once only. If it is lost, end it and ask for another."
    ),
    "token_ended": N_("This token has ended already."),
    "token_over": N_("Its last day is over: ask for another one."),
    "token_lapsed": N_("Nobody went on with it within a week: end it, and ask for another one."),
}


def standing(w: Wording, standing: str) -> tuple[str, str]:
    """Where a token stands, and the tone of that."""
    words, tone = _STANDINGS[standing]
    return w.gettext(words), tone


def right_said(w: Wording, right: str) -> str:
    """What a token may read."""
    return w.gettext(_RIGHTS[right])


def step(w: Wording, kind: str) -> str:
    """What was done about a token."""
    return w.gettext(_STEPS[kind])


def read_said(w: Wording, what: str) -> str:
    """What was read by a token."""
    return w.gettext(_READ[what])


def obstacle(w: Wording, one: Obstacle) -> str:
    """Why that can't be done now, as one sentence."""
    return w.gettext(_OBSTACLES[one.code])


USUAL = timedelta(days=180)


def token_form(w: Wording, posted: Posted | None, units: Sequence[Unit], today: date) -> TeamForm:
    """What other system, of which place, what it reads, until when, what for."""
    rights = [Offered(right.value, right_said(w, right.value)) for right in Right]
    questions: dict[str, Question] = {
        "name": Line(
            w._("Which system?"), spec=spec_of("name"), w=w,
            hint=w._("As those who read this page call it. Name nobody."),
        ),
        "unit": _place(w, units),
        "rights": Several(w._("What may it read?"), options=rights, spec=spec_of("rights", "choices"), w=w),
        "ends": Day(
            w._("Until which day?"), spec=spec_of("ends", "date"), w=w,
            hint=w._("A year ahead at most: then it is asked for anew."),
        ),
        "purpose": Line(
            w._("What for?"), spec=spec_of("purpose"), w=w,
            hint=w._(
                "One sentence, 200 characters at most, for whoever agrees. Say nothing of a case: it is kept for good."
            ),
        ),
    }  # fmt: skip
    only = {"unit": units[0].code} if len(units) == 1 else {}
    return team_form(questions, posted, {"ends": (today + USUAL).isoformat(), **only})


def _place(w: Wording, units: Sequence[Unit]) -> Question:
    if not units:
        hint = w._("The code of the province or of the region.")
        return Line(w._("Of which place?"), spec=spec_of("unit", "school"), w=w, hint=hint)
    options = [Offered(unit.code, unit.code, name=unit.name(w.language)) for unit in units]
    return OneOf(w._("Of which place?"), options=options, spec=spec_of("unit", "choice"), w=w)
