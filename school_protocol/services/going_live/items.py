"""The go-live list: what has to be so, outside the program, before a real pupil's case is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from school_protocol.domain.phrases import N_


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is signed. `asks`: what the reference says."""

    key: str
    title: str
    why: str
    asks: str


ITEMS = (
    Item(
        "cndp",
        N_("The CNDP has authorised this processing (law 09-08)"),
        N_("Cases hold sensitive data of minors: without its authorisation none may be recorded."),
        N_("Number and date of the authorisation"),
    ),
    Item(
        "hosting",
        N_("The data lie in Morocco, backups too"),
        N_("On machines whose operator is bound by a contract; a transfer abroad needs an authorisation of its own."),
        N_("Host, place and contract"),
    ),
    Item(
        "audit",
        N_("An independent security audit was made, and what it found is mended"),
        N_("By people who did not write the program, on this installation as it will be used."),
        N_("Who made it, date and number of the report"),
    ),
    Item(
        "recovery",
        N_("A recovery copy of the keys was made, tried out, and lies elsewhere"),
        N_("Whoever loses the keys loses every case, for ever. File and code lie apart, neither on this machine."),
        N_("Date of the trial, and who keeps file and code"),
    ),
    Item(
        "drill",
        N_("A backup was restored, as an exercise"),
        N_("A backup that nobody has restored is a hope. The exercise is done anew each week."),
        N_("Date of the exercise"),
    ),
    Item(
        "arabic",
        N_("A teacher has read the Arabic of the pages, forms and letters"),
        N_("Parents and pupils read it: a wrong word can hurt, or be misunderstood in court."),
        N_("Who read it, and which version"),
    ),
    Item(
        "second",
        N_("A second technical administrator is there, and signs in with a second factor"),
        N_("A lost phone is restored by two people: one alone can be locked out on the day when they are needed."),
        N_("Since when"),
    ),
    Item(
        "contacts",
        N_("The emergency numbers and contacts were called, and each is right"),
        N_("They are shown to whoever stands beside a child in danger."),
        N_("When they were called, and by which service"),
    ),
    Item(
        "retention",
        N_("How long cases are kept is decided, and a data officer is named"),
        N_("The program erases by the time limits of the protocol: somebody must have decided them, and confirm."),
        N_("Decision, with its number and date"),
    ),
)  # fmt: skip
KEYS = tuple(item.key for item in ITEMS)
LACKS: Mapping[str, str] = {
    "no_recovery": N_(
        "There is no recovery copy that was made of today’s keys and tried out: whoever has the machine runs “keys "
        "recovery create”, then “keys recovery test”."
    ),
    "no_drill": N_(
        "No backup was restored as an exercise within five weeks: whoever has the machine runs “backup drill”, on "
        "PostgreSQL “database drill”."
    ),
    "no_second": N_(
        "Only one technical administrator of the whole country can sign in with a second step: give a second person "
        "the role, and have them set theirs up."
    ),
    "not_called": N_("Not every number for the whole country is noted as called and found right: see “Contacts”."),
    "no_data_officer": N_("Nobody who can sign in is named data officer of a region, a province or the country."),
    "no_second_step": N_("You sign with a second step: set one up on the page of your account first."),
}
"""What the program itself sees missing, or asks of whoever signs: code → what to do."""
