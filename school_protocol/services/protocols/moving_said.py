"""Why a case simply follows, stays or asks for a decision, in the reader's language: never what the case holds."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.definitions.saying import part_said
from school_protocol.domain.moving import Ground, Outcome
from school_protocol.domain.protocol import Protocol
from school_protocol.services.protocols.moving import CaseLine, PartLine
from school_protocol.services.protocols.tallies import FEW, Count, How
from school_protocol.wording import N_, Wording

_CODES: Mapping[str, str] = {
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


def ground_said(w: Wording, old: Protocol, new: Protocol, line: PartLine) -> str:
    """A part of the protocol that keeps cases back, and how many."""
    number = in_cases(w, FEW if line.number is None else Count(line.number))
    return w.pair(place_said(w, old, new, line.ground), number)


def place_said(w: Wording, old: Protocol, new: Protocol, ground: Ground) -> str:
    """A part of the protocol that keeps cases back."""
    path = ("forms", *_field_path(ground.key)) if ground.part == "fields" else (ground.part, ground.key)
    return part_said(w, old, new, path)


def _field_path(key: str) -> tuple[str, ...]:
    """`talk.heard` → `talk.fields.heard`, as a difference names it."""
    form, *rest = key.split(".")
    return (form, *(step for each in rest for step in ("fields", each)))


def in_cases(w: Wording, count: Count) -> str:
    """In how many cases; empty where that is left open."""
    match count.how:
        case How.exact:
            return w.ngettext("in one case", "in %(num)d cases", count.number)
        case How.few:
            return w._("in fewer than five cases")
        case _:
            return ""


def count_said(w: Wording, outcome: str, count: Count) -> str:
    """How many cases can follow, must stay and so on, in a few words."""
    number = count.number
    match count.how:
        case How.exact:
            return _exactly(w, outcome, number)
        case How.least:
            return w._("%(cases)s, at least", cases=_exactly(w, outcome, number))
        case How.few:
            return w._("%(cases)s, fewer than five", cases=_some(w, outcome))
        case How.some:
            return _some(w, outcome)


def _exactly(w: Wording, outcome: str, number: int) -> str:
    return {
        "moved": w.ngettext("One case follows the new version", "%(num)d cases follow the new version", number),
        "moves": w.ngettext("One case can follow", "%(num)d cases can follow", number),
        "asks": w.ngettext("One case needs a decision", "%(num)d cases need a decision", number),
        "stays": w.ngettext("One case must stay", "%(num)d cases must stay", number),
        "unread": w.ngettext("One case could not be read", "%(num)d cases could not be read", number),
    }[outcome]


def _some(w: Wording, outcome: str) -> str:
    return {
        "moves": w._("Some cases can follow"),
        "asks": w._("Some cases need a decision"),
        "stays": w._("Some cases must stay"),
        "unread": w._("Some cases could not be read"),
    }[outcome]


def stopped_said(w: Wording, why: str, by: str) -> str:
    """Why cases are gone through no further."""
    if why == "asked":
        return w._("Stopped by %(name)s.", name=by)
    return {
        "not_allowed": w._("It stopped by itself: whoever began it may publish no protocols any more."),
        "no_reason": w._("It stopped by itself: the reason that was typed is kept no longer."),
    }.get(why, why)
