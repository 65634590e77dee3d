"""What is said about how people prove who they are: problems, refusals, and browsers in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from school_protocol.auth.access_codes import INVITATION, PASSWORD, Slip
from school_protocol.language import Wording


def problem(w: Wording, code: str) -> str:
    """Why something typed was not taken."""
    kind, _, figure = code.partition(":")
    if kind == "too_short":
        return w.ngettext(
            "Use %(num)d character at least: a few words that only you would put together.",
            "Use %(num)d characters at least: a few words that only you would put together.",
            int(figure),
        )
    if kind == "too_many_tries":
        return w.ngettext(
            "Too many wrong passwords were typed. None is read for one second more.",
            "Too many wrong passwords were typed. None is read for %(num)d seconds more.",
            int(figure),
        )
    weak: Mapping[str, str] = {
        "easy_to_guess": w._("The same few signs come again and again: it is quickly guessed."),
        "says_who_you_are": w._("It is made of your name, your user name or your school: others know them."),
        "a_place": w._("It is little more than the name of a school or a town: these are tried early."),
        "a_number": w._("It is little more than a number or a date, such as stand in papers: others know it."),
        "keys_in_a_row": w._("These keys or letters follow one another: such rows are tried early."),
        "common": w._("Many people choose this, or nearly this: it is tried first."),
    }
    if kind in weak:
        way_out = w._("Put together four words or more that don’t belong together.")
        return f"{weak[kind]} {way_out}"
    said: Mapping[str, str] = {
        "too_long": w._("This is too long to be kept."),
        "same_as_before": w._("This is your password already: choose another one."),
        "not_the_same": w._("The two are not the same: write the new password twice."),
        "wrong_password": w._("This is not your password. Check the language of the keyboard and the capitals."),
        "wrong_code": w._(
            "This code is not right, or was used already. Wait for the next one, and check the clock of the phone."
        ),
        "wrong_slip": w._(
            "This user name and this code do not go together, or the code was used or is too old. Check them, or ask "
            "for a new code."
        ),
        "wrong_passkey": w._("The answer of this device could not be taken. Please try again."),
        "too_old": w._("This page was open for too long: a new picture is shown. Scan it again."),
        "required": w._("Write something here."),
    }
    return said.get(kind, said["required"])


def refusal(w: Wording, code: str, ends: datetime | None = None) -> str:
    """Why something can't be done now; `ends`: from when it can."""
    said: Mapping[str, str] = {
        "last_factor": w._("Your role asks for a second step: set another one up first, then take this one away."),
        "no_such_factor": w._("There is no second step to take away."),
        "too_many_passkeys": w._("Ten passkeys are kept already: take one away first."),
        "has_password": w._("This person has a password already: print a code for a new one instead."),
        "has_no_password": w._("This person has no password yet: print an invitation instead."),
        "not_asked": w._("Nobody asks for this any more."),
        "asked_already": w._("Somebody else asked for this already: agree to it, or withdraw it first."),
        "level_above": w._(
            "This code isn’t yours to print now. Ask whoever oversees the school, or whoever administers accounts."
        ),
        "one_hand": w._(
            "Whoever asked and you are too close for this: one of you made the other’s account, appointed them or "
            "printed a code for them, or the same person printed one for both, in the last 30 days. "
            "Somebody else agrees."
        ),
        "moved_by_you": w._(
            "You, or somebody whose account you made or who made yours, changed the e-mail or the telephone of this "
            "person in the last 30 days: somebody else prints the "
            "code, so that the message which tells them of it can’t be led astray. Another administrator of their unit "
            "can, and for the team of a school its head or whoever oversees it; you can again from %(moment)s.",
            moment=w.moment(ends) if ends else "–",
        ),
        "two_people_needed": w._("Two different people are needed: somebody else must agree."),
    }
    return said.get(code, said["not_asked"])


@dataclass(frozen=True, slots=True)
class SlipLabel:
    """What stands on a slip, in one language."""

    language: str
    direction: str
    title: str
    name: str
    username: str
    code: str = field(repr=False)
    until: str
    until_when: str
    site: str
    how: str


def slip(w: Wording, found: Slip) -> SlipLabel:
    """The words of a slip; `w` is the voice of whom it is for, not of who prints it."""
    titles = {INVITATION: w._("Your invitation"), PASSWORD: w._("A new password")}
    how = w._("Write your user name and this code, then choose a password that you alone know. It is good once.")
    if found.purpose not in titles:
        how = w._("Sign in with your password, choose “The phone is lost”, and write this code. It is good once.")
    silent = w._("Tell it to nobody.")
    return SlipLabel(
        language=w.html_language, direction=w.direction, title=titles.get(found.purpose, w._("A new second step")),
        name=w._("For"), username=w._("User name"), code=w._("Code of the slip"), until=w._("Good until"),
        until_when=w.moment(found.expires_at), site=w._("Address of the site"),
        how=f"{how} {silent}",
    )  # fmt: skip


_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
    ("Macintosh", "Mac"), ("CrOS", "Chromebook"), ("Linux", "Linux"),
)  # fmt: skip
_BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip


def device(w: Wording, agent: str) -> str:
    """A browser's own words as one says it: “Chrome, Windows”."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return w.comma.join(part for part in (browser, system) if part) or w._("A browser that doesn’t say its name")
