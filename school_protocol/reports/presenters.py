"""What pages say of public reports: where one stands, hours, languages, what was done with one."""

from __future__ import annotations

from datetime import timedelta

from school_protocol.engine.texts import N_
from school_protocol.language import html_language, language_name
from school_protocol.reports.service import SENTENCES, SENTENCES_ABOVE, BackView, Standing
from school_protocol.ui.rendering import wording

DONE = {
    "read": N_("read it"),
    "skimmed": N_("saw the first words of it"),
    "answered": N_("answered"),
    "oriented": N_("told who can help"),
    "proposed": N_("proposed to close it as sent to annoy"),
    "closed": N_("closed it"),
    "released": N_("said that no adult of the school is part of it"),
    "to_verify": N_("marked it to be verified"),
    "verified": N_("verified it"),
    "taken_up_again": N_("took it up again"),
    "linked": N_("put it to a case"),
    "opened": N_("opened a case"),
}
"""What was done with one, as it is kept."""


CHILD = {
    "required": N_("We need an answer from you here."),
    "unknown_option": N_("Choose one of the answers."),
    "not_asked": N_("This box goes with another answer. Move your words, or empty the box."),
    "too_long": N_("This is too long: %(most)s letters at most. Later you can add the rest with your code."),
    "too_many_messages": N_("There are many messages here already. Talk with an adult whom you trust."),
}
"""What is wrong with an answer, in the words of a child."""
_LOOK = N_("Look at this answer once more.")


def childs(code: str) -> str:
    """The code of a problem, so that it is said in the words of a child."""
    key, _, most = code.partition(":")
    words = wording()._(CHILD.get(key, _LOOK))
    return f"said:{words % {'most': most.partition(':')[0]} if most else words}"


def status_label(view: BackView) -> str:
    """Where it stands, as its reporter may know: by the definition's own words where the school reads nothing."""
    w, voice = wording(), view.voice
    own = {Standing.in_hand: voice.in_hand, Standing.over: voice.over} if voice else {}
    if voice and view.read_there:
        own[Standing.read] = voice.read
    if view.standing in own:
        return w.text(own[view.standing])
    return w._((SENTENCES_ABOVE if view.above else SENTENCES)[view.standing])


def answers_said(view: BackView) -> tuple[str, str]:
    """Who answers: of the school, and above it."""
    w, rules = wording(), view.protocol.signalement
    above = w.text(rules.above.name) if rules is not None and rules.above else w._("Answer")
    return w._("The school’s team"), above


def known() -> dict[str, object]:
    """What each of these templates asks for; of when something came, the hour is all that is known."""
    return {
        "hour_after": lambda hour: hour + timedelta(hours=1),
        "language_name": language_name,
        "html_language": html_language,
        "traces_said": {what: wording()._(said) for what, said in DONE.items()},
    }
