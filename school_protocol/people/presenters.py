"""Presenters of people, teams and lists: reasons, changes, refusals, what becomes of a line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from school_protocol.engine.texts import N_
from school_protocol.language import Wording, language_name
from school_protocol.people.import_repository import Line, Verdict
from school_protocol.people.spreadsheets import Unreadable
from school_protocol.people.staff_list import Roles
from school_protocol.people.teams import Obstacle

_REASONS: Mapping[str, str] = {
    "illness": N_("On sick leave"),
    "leave": N_("On leave"),
    "mission": N_("On a mission or in training"),
    "vacant": N_("The post is vacant"),
    "replaced": N_("Somebody else takes over"),
    "cannot": N_("The stand-in can’t go on"),
    "takes_up": N_("Takes up this post"),
    "replaces": N_("Replaces somebody"),
    "correction": N_("To put an entry right"),
    "moved": N_("Moves to another school"),
    "retired": N_("Retires"),
    "other_duties": N_("Takes on other duties"),
    "absence": N_("Is away for long"),
    "not_working": N_("Doesn’t work at the school any more"),
    "unreachable": N_("Can’t be reached any more"),
    "returned": N_("Whoever was away is back"),
    "certificate": N_("Certificate seen"),
    "list": N_("From a list that was brought in"),
    "workshop": N_("Passed a workshop"),
    "not_passed": N_("Did not pass, or was not there"),
    "by_command": N_("By command, on the server"),
    "invitation": N_("Invited into the team"),
    "by_mail": N_("Invitation sent by mail"),
    "invitation_withdrawn": N_("Invitation withdrawn"),
    "other": N_("Another reason"),
}

_CHANGES: Mapping[str, str] = {
    "account_created": N_("Account created"),
    "account_changed": N_("Name or language changed"),
    "address_changed": N_("E-mail or telephone changed"),
    "account_closed": N_("Account closed"),
    "account_opened": N_("Account opened again"),
    "account_known": N_("Linked to the ministry’s account"),
    "appointed": N_("Appointed"),
    "appointment_ends": N_("Last day said"),
    "appointment_ended": N_("Appointment ended at once"),
    "certificate_seen": N_("Certificate seen"),
    "certificate_withdrawn": N_("Certificate of a workshop withdrawn"),
    "stand_in_named": N_("Stand-in named"),
    "stand_in_ended": N_("Stand-in ended early"),
    "leaving": N_("Leaves the team"),
    "left": N_("Left the team"),
    "left_at_once": N_("Left at once"),
}

_OBSTACLES: Mapping[str, str] = {
    "own_rights": N_("Nobody changes their own rights: ask another administrator."),
    "closed": N_("This account is closed: open it again first."),
    "not_closed": N_("This account is open already."),
    "not_of_this_place": N_("This role isn’t held in a place of this kind (school, province or region)."),
    "from_the_top": N_("Only whoever administers the whole installation gives this role."),
    "from_above": N_(
        "A role that administers accounts is given from a unit above this one, or at the top by whoever runs the "
        "server (“school-protocol users import”)."
    ),
    "from_the_academy": N_("Trainers are appointed by the academy: ask whoever administers accounts there."),
    "holds_it_already": N_("This person holds this role here already."),
    "administers_or_carries": N_(
        "Whoever administers accounts reads no case: this role doesn’t go with one that this person holds."
    ),
    "untrained": N_(
        "This role asks for a current training certificate. Whoever administers accounts can enter one: the new "
        "certificate first, then the role."
    ),
    "works_elsewhere": N_(
        "This person works outside your units, too: only whoever administers all of them can change this."
    ),
    "changed_meanwhile": N_("Something changed meanwhile: look at the new preview, then confirm it."),
    "lines_refused": N_(
        "A list is applied whole or not at all, and lines of this one are refused: mend them in your sheet, then "
        "bring it in again."
    ),
    "no_mail": N_(
        "This installation sends no mail: ask whoever administers accounts to print an invitation for this person."
    ),
    "not_ready": N_("This list isn’t read to its end yet."),
    "nothing_to_apply": N_("Nothing in this list is new or different: there is nothing to confirm."),
    "confirmed_already": N_("This list was confirmed already."),
    "not_yours_any_more": N_("Whoever brought this list doesn’t administer accounts any more: nothing was done."),
}

_LINES: Mapping[str, str] = {
    "unknown_kind": N_("The kind is not understood: school, province, region or person"),
    "no_code": N_("The code is missing"),
    "not_gresa": N_("A GRESA code has six characters, digits and capital letters"),
    "not_a_code": N_("The code may have Latin letters, digits and hyphens only"),
    "code_twice": N_("This code stands in the list already"),
    "no_name": N_("The name is missing"),
    "unknown_level": N_("This level is not known: write primary, lower or upper secondary"),
    "level_of_no_school": N_("A level is said of schools alone"),
    "no_parent": N_("The code of the place above is missing"),
    "unknown_parent": N_("The place above is known neither here nor in the list"),
    "wrong_parent": N_("The place above is of the wrong kind: a school belongs to a province, a province to a region"),
    "kind_stays": N_("This code is known as a place of another kind"),
    "parent_stays": N_("This place belongs to another one: a list doesn’t move it"),
    "not_your_unit": N_("This place is not one of those that you administer"),
    "required": N_("The user name is missing"),
    "not_a_username": N_("A user name has Latin letters, digits, dots and hyphens only"),
    "username_twice": N_("An earlier line says something else of the same user name, or says the same role again"),
    "role_and_unit": N_("A role and a place go together: one of them is missing"),
    "unknown_unit": N_("This place is known neither here nor in the list"),
    "unknown_language": N_("This language is not offered here"),
    "not_a_date": N_("A day is not understood: write it as 25/11/2026"),
    "ends_before_it_starts": N_("The last day comes before the first"),
    "in_the_past": N_("The last day is over already"),
    "not_an_address": N_("The e-mail address is not complete"),
    "not_a_phone": N_("The telephone number is not understood"),
    "not_a_number": N_("The telephone number is not understood"),
    "works_elsewhere_unseen": N_("This user name is taken by somebody whom you don’t administer"),
}

_FIELDS: Mapping[str, str] = {
    "name_fr": N_("name in French"),
    "name_ar": N_("name in Arabic"),
    "language": N_("language"),
    "email": N_("e-mail"),
    "phone": N_("telephone"),
    "certified_until": N_("certified until"),
    "appointment": N_("role"),
    "starts": N_("first day"),
    "ends": N_("last day"),
    "kind": N_("kind of place"),
    "parent": N_("belongs to"),
    "level": N_("level of the school"),
    "city": N_("town or commune"),
}
_LEVELS: Mapping[str, str] = {
    "primary": N_("Primary school"),
    "lower": N_("Lower secondary school"),
    "upper": N_("Upper secondary school"),
}

_KINDS: Mapping[str, str] = {
    "school": N_("School"),
    "province": N_("Provincial directorate"),
    "region": N_("Academy"),
}

_VERDICTS: Mapping[Verdict, str] = {
    Verdict.new: N_("New"),
    Verdict.changed: N_("Changed"),
    Verdict.unchanged: N_("Unchanged"),
    Verdict.refused: N_("Refused"),
}

_UNREADABLE: Mapping[str, str] = {
    "too_large": N_("The file is too large: at most %(detail)s MiB."),
    "encoding": N_("The letters of this file can’t be read. In Excel, save it as “CSV UTF-8”."),
    "letters_lost": N_(
        "The Arabic letters of this file became question marks as it was saved: nothing was read. "
        "In Excel, save the sheet as “CSV UTF-8” and choose it again."
    ),
    "not_a_list": N_("This is not a list: save the sheet as CSV first."),
    "too_many_lines": N_("The list is too long: at most %(detail)s lines. Bring it in several files."),
    "breaks_off": N_("The file breaks off at line %(detail)s: a quotation mark isn’t closed, it seems."),
    "empty": N_("There is no line below the headings."),
    "heading_twice": N_("Two columns say the same: %(detail)s."),
    "no_heading": N_(
        "The first line doesn’t say what the columns are. A list of places needs “code”, one of people “user name”."
    ),
}


def reason(w: Wording, code: str) -> str:
    """Why something was changed."""
    return w.gettext(_REASONS[code]) if code in _REASONS else ""


def change_label(w: Wording, kind: str) -> str:
    """What was changed."""
    return w.gettext(_CHANGES[kind]) if kind in _CHANGES else kind


def staff_obstacle(w: Wording, one: Obstacle) -> str:
    """Why a change can't be made now, as one sentence."""
    return w.gettext(_OBSTACLES[one.code])


def fault(w: Wording, code: str) -> str:
    """Why a list was read anew, or given up; empty: it was not."""
    return w.gettext(_OBSTACLES[code]) if code in _OBSTACLES else ""


def unreadable(w: Wording, error: Unreadable) -> str:
    """Why nothing of a list can be read."""
    return w.gettext(_UNREADABLE[error.code]) % {"detail": error.detail}


def verdict(w: Wording, one: Verdict) -> str:
    return w.gettext(_VERDICTS[one])


def named(w: Wording, one: Line) -> str:
    """How whoever, or whatever, a line is about is called in the reader's script, else as it can be."""
    names = [one.cells.get(f"name_{key}", "") for key in (("ar", "fr") if w.direction == "rtl" else ("fr", "ar"))]
    return names[0] or names[1]


def cells(one: Line) -> tuple[str, ...]:
    """The cells by which a line is known: user name or code, role, place."""
    found = (one.cells.get("username") or one.cells.get("code"), one.cells.get("role"), one.cells.get("unit"))
    return tuple(cell for cell in found if cell)


def line(w: Wording, roles: Roles, one: Line) -> tuple[str, ...]:
    """What becomes of a line: every problem, every change from what to what, or all that a new one writes."""
    if one.verdict is Verdict.refused:
        return tuple(_problem(w, roles, str(code)) for code in one.said)
    if one.verdict is Verdict.new:
        return tuple(w.pair(_field(w, name), _value(w, roles, name, str(new))) for name, _old, new in one.said)
    return tuple(_changed(w, roles, *said) for said in one.said)


def as_text(w: Wording, roles: Roles, one: Line) -> str:
    """The same on one line, the verdict first."""
    said = line(w, roles, one)
    return w.pair(verdict(w, one.verdict), "; ".join(said)) if said else verdict(w, one.verdict)


def _problem(w: Wording, roles: Roles, said: str) -> str:
    code, _, detail = said.partition(":")
    if code == "unknown_role":
        known = dict.fromkeys(w.text(role.title) for _protocol, role in roles.values())
        return w._("No published protocol has this role. Write one of these: %(roles)s", roles=" · ".join(known))
    if code == "formula":
        return w._("A cell begins with a sign that a spreadsheet reckons with (%(column)s)", column=_field(w, detail))
    if code == "too_long":
        return w._("A cell is longer than %(most)s characters", most=detail)
    if code == "day_between":
        first, _, last = detail.partition(":")
        return w._(
            "A day is out of range: from %(first)s to %(last)s", first=w.day(_day(first)), last=w.day(_day(last))
        )
    if code == "already_since":
        return w._("This role is held already, since %(day)s: leave the first day empty", day=w.day(_day(detail)))
    if code == "certificate_earlier":
        return w._("A certificate until %(day)s is known already", day=w.day(_day(detail)))
    message = _LINES.get(code) or _OBSTACLES.get(code)
    return w.gettext(message).removesuffix(".") if message else code


def _changed(w: Wording, roles: Roles, name: str, before: Any, after: Any) -> str:
    old, new = (_value(w, roles, name, str(value)) for value in (before, after))
    if w.direction == "rtl":  # the direction of a value doesn't reach the arrow beside it
        old, new = f"\u2068{old}\u2069", f"\u2068{new}\u2069"
    return w._("%(what)s: %(old)s → %(new)s", what=_field(w, name), old=old, new=new)


def _field(w: Wording, name: str) -> str:
    return w.gettext(_FIELDS[name]) if name in _FIELDS else name


def _value(w: Wording, roles: Roles, name: str, value: str) -> str:
    if not value:
        return "–"
    if name in ("starts", "ends", "certified_until"):
        return w.day(_day(value))
    if name in ("level", "kind"):
        return w.gettext({**_LEVELS, **_KINDS}[value])
    if name == "parent":
        code, french, arabic = value.split("\n")
        return f"{arabic if w.direction == 'rtl' else french} ({code})"
    if name == "language":
        return language_name(value)
    if name == "appointment":
        role, _, unit = value.partition("@")
        return f"{w.role(roles[role][0], role)} ({unit})" if role in roles else value
    return value


def _day(text: str) -> date:
    return date.fromisoformat(text)


# ---- what the pages of a team say ----------------------------------------------------------------------------------


def team_obstacle(w: Wording, one: Obstacle) -> str:
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
