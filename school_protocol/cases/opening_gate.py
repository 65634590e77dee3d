"""The go-live gate: the list that is signed before real pupils' cases are taken, and whether one may open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakSet

from school_protocol.cases import lookup_repository, repository
from school_protocol.context import REALM, AppContext
from school_protocol.engine.errors import NotOpenYet
from school_protocol.engine.texts import N_
from school_protocol.storage import administration_log, sql
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Engine, Session

# ---- the items of the list: what has to be so, outside the program -------------------------------------------------


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


# ---- the gate: asked wherever a case begins, and nowhere else ------------------------------------------------------
# What has begun is never shut: an installation that holds a case or a public report takes further ones whatever
# becomes of the list. Demos, workshops and laptops hold nobody real.

LIST = "go-live"
"""By what rows of `administration` about the list are found."""
PEOPLE = 2
"""How many sign each item."""
_begun: WeakSet[Engine] = WeakSet()
"""Directories of installations that have begun, or are demos: neither ever ends, so it is asked once a process."""


def refuse_unopened(ctx: AppContext) -> None:
    """Raises NotOpenYet where nothing about real pupils is taken yet."""
    if is_shut(ctx):
        raise NotOpenYet(
            "this installation isn't open yet: its go-live list is not signed; `school-protocol go-live show` says "
            "what is missing, and who signs"
        )


def is_shut(ctx: AppContext) -> bool:
    """Whether no case is opened here, and no report taken."""
    if not is_asked(ctx) or has_begun(ctx):
        return False
    with ctx.directory.reading() as session:
        return bool(missing(session))


def is_asked(ctx: AppContext) -> bool:
    """Whether the list is asked for: of the real realm of an installation."""
    return ctx.settings.keeps_shut and ctx.name == REALM


def has_begun(ctx: AppContext) -> bool:
    """Whether a case or a report came here already, or all is made up anyway."""
    if ctx.directory.engine in _begun:
        return True
    with ctx.realm.reading() as session:
        has_begun = repository.any_opened(session) or lookup_repository.any_kept(session)
    if not has_begun:
        with ctx.directory.reading() as session:
            has_begun = sql.is_demo(session)
    if has_begun:
        _begun.add(ctx.directory.engine)
    return has_begun


def is_live(ctx: AppContext) -> bool:
    """Whether real cases are here, or may come now: one has begun, or every item is signed; never in a demo."""
    with ctx.directory.reading() as session:
        if sql.is_demo(session):
            return False
        if not missing(session):
            return True
    return has_begun(ctx)


def signatures(session: Session) -> dict[str, dict[str, Change]]:
    """Item → who signed it since it was last taken back, each with their entry."""
    found: dict[str, dict[str, Change]] = {}
    for change in administration_log.of_draft(session, LIST):
        if change.kind is Kind.go_live_signed:
            found.setdefault(change.reason, {}).setdefault(change.actor, change)
        else:
            found.pop(change.reason, None)
    return found


def missing(session: Session) -> tuple[str, ...]:
    """The items that fewer than two people have signed."""
    found = signatures(session)
    return tuple(key for key in KEYS if len(found.get(key, ())) < PEOPLE)
