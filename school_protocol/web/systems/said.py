"""What is said of tokens, in the reader's language: where one stands, what it reads, what was done and read."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.services.teams.changing import Obstacle
from school_protocol.wording import N_, Wording

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


def right(w: Wording, right: str) -> str:
    """What a token may read."""
    return w.gettext(_RIGHTS[right])


def step(w: Wording, kind: str) -> str:
    """What was done about a token."""
    return w.gettext(_STEPS[kind])


def read(w: Wording, what: str) -> str:
    """What was read by a token."""
    return w.gettext(_READ[what])


def obstacle(w: Wording, one: Obstacle) -> str:
    """Why that can't be done now, as one sentence."""
    return w.gettext(_OBSTACLES[one.code])
