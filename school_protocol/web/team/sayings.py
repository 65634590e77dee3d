"""What the pages of a team say of reasons, changes and refusals, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.services.teams.changing import Obstacle
from school_protocol.wording import Wording


def reasons(w: Wording) -> Mapping[str, str]:
    """Why somebody is away, is back, leaves, or left at once: code → words."""
    return {
        "illness": w._("On sick leave"),
        "leave": w._("On leave"),
        "mission": w._("On a mission or in training"),
        "vacant": w._("The post is vacant"),
        "returned": w._("Whoever was away is back"),
        "replaced": w._("Somebody else takes over"),
        "cannot": w._("The stand-in can’t go on"),
        "moved": w._("Moves to another school"),
        "retired": w._("Retires"),
        "other_duties": w._("Takes on other duties"),
        "absence": w._("Is away for long"),
        "unreachable": w._("Can’t be reached any more"),
        "not_working": w._("Doesn’t work at the school any more"),
        "takes_up": w._("Takes up this post"),
        "replaces": w._("Replaces somebody"),
        "correction": w._("To put an entry right"),
        "list": w._("From a list that was brought in"),
        "other": w._("Another reason"),
    }


def obstacle(w: Wording, one: Obstacle) -> str:
    """Why a change can't be made now, as one sentence."""
    starts, ends = w.day(one.starts) if one.starts else "", w.day(one.ends) if one.ends else ""
    match one.code:
        case "stands_in_for_self":
            return w._("Nobody stands in for themselves: choose another person.")
        case "beyond_own_stand_in":
            return w._("You stand in yourself: you can’t name anybody beyond your own last day. Ask whoever named you.")
        case "holds_it_already":
            if not ends:
                return w._("%(name)s holds this role here already.", name=one.name)
            return w._(
                "%(name)s holds this role here already, from %(starts)s to %(ends)s.",
                name=one.name,
                starts=starts,
                ends=ends,
            )
        case "overlaps":
            return w._(
                "%(name)s stands in already, from %(starts)s to %(ends)s. Choose other days, or end that first.",
                name=one.name,
                starts=starts,
                ends=ends,
            )
        case "untrained":
            renew = w._("Whoever administers accounts enters a new certificate.")
            if not ends:
                lacks = w._("This role asks for a current training certificate: %(name)s has none.", name=one.name)
                return f"{lacks} {renew}"
            short = w._(
                "This role asks for a training certificate that is current on every day: that of %(name)s is good "
                "until %(ends)s.",
                name=one.name,
                ends=ends,
            )
            return f"{short} {renew}"
        case "from_above":
            return w._("A role that administers accounts is given from a unit above this school.")
        case "ends_before":
            return w._("This appointment ends on %(ends)s already: choose a day before that.", ends=ends)
    return w._("A place in an open case is held until somebody else has it: hand over these cases first.")


def codes(w: Wording) -> Mapping[str, str]:
    """What a printed code was for."""
    return {
        "invited": w._("Invitation"),
        "password_code_made": w._("A forgotten password"),
        "restoration_agreed": w._("A lost second step"),
    }


def change(w: Wording, kind: str) -> str:
    """What was changed, for the history."""
    match kind:
        case "stand_in_named":
            return w._("Stand-in named")
        case "stand_in_ended":
            return w._("Stand-in ended early")
        case "leaving":
            return w._("Leaves the team")
        case "left":
            return w._("Left the team")
        case "appointed":
            return w._("Appointed")
        case "appointment_ends":
            return w._("Last day said")
        case "appointment_ended":
            return w._("Appointment ended at once")
    return w._("Left at once")
