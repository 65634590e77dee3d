"""Why a case simply follows, stays or asks for a decision, in the reader's language: never what the case holds."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.domain.moving import Outcome
from school_protocol.services.protocols.moving import CaseLine
from school_protocol.wording import N_, Wording

_CODES: Mapping[str, str] = {
    "unread": N_("It could not be read."),
    "closed": N_("It is closed."),
    "not_newer": N_("It follows this version, or a later one."),
    "gone": N_("Something in it belongs to a part of the protocol that the new version has no more."),
    "other_kind": N_("Something was recorded in it that does something else in the new version."),
    "other_type": N_("Answers in it would be read as something else."),
    "answer_gone": N_(
        "Answers in it were given to a question, or chosen from a list, that the new version has no more."
    ),
    "signatures": N_("An entry waits for signatures, and the new version asks for another number of them."),
    "would_end": N_("The new version takes it for ended where it stands."),
    "held_no_more": N_("A condition that it meets now would be met no more."),
    "due_otherwise": N_("A deadline that runs in it would end otherwise."),
    "late_at_once": N_("A deadline would begin in it that is over already."),
    "follow_ups": N_("Follow-ups that are planned in it would fall on other days."),
    "level": N_("Its assessment would be read otherwise."),
}


def code_said(w: Wording, code: str) -> str:
    """One reason, as a sentence."""
    return w._(_CODES.get(code, code))


def outcome_said(w: Wording, line: CaseLine) -> str:
    """What becomes of a case, or became of it, in a few words."""
    if line.is_moved:
        return w._("Follows the new version")
    return {
        Outcome.moves: w._("Can follow"),
        Outcome.asks: w._("A decision is needed"),
        Outcome.stays: w._("Must stay"),
    }[line.outcome]
