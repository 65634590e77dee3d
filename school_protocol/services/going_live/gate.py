"""Whether cases may be opened here at all: asked wherever one begins, and nowhere else.

What has begun is never shut: an installation that holds a case or a public report, from before the list was asked for
or since, takes further ones whatever becomes of the list. Demos, workshops and laptops hold nobody real.
"""

from __future__ import annotations

from weakref import WeakSet

from school_protocol.domain.errors import NotOpenYet
from school_protocol.services.going_live.items import KEYS
from school_protocol.services.house import REALM, House
from school_protocol.storage import administration, cases
from school_protocol.storage.administration import Change, Kind
from school_protocol.storage.digests import letters
from school_protocol.storage.engines import Engine, Session
from school_protocol.storage.signalement import reports

LIST = "go-live"
"""By what rows of `administration` about the list are found."""
PEOPLE = 2
"""How many sign each item."""
_begun: WeakSet[Engine] = WeakSet()
"""Directories of installations that have begun, or are demos: neither ever ends, so it is asked once a process."""


def refuse_unopened(house: House) -> None:
    """Raises NotOpenYet where nothing about real pupils is taken yet."""
    if is_shut(house):
        raise NotOpenYet(
            "this installation isn't open yet: its go-live list is not signed; `school-protocol go-live show` says "
            "what is missing, and who signs"
        )


def is_shut(house: House) -> bool:
    """Whether no case is opened here, and no report taken."""
    if not is_asked(house) or has_begun(house):
        return False
    with house.directory.reading() as session:
        return bool(missing(session))


def is_asked(house: House) -> bool:
    """Whether the list is asked for: of the real realm of an installation."""
    return house.settings.keeps_shut and house.name == REALM


def has_begun(house: House) -> bool:
    """Whether a case or a report came here already, or all is made up anyway."""
    if house.directory.engine in _begun:
        return True
    with house.realm.reading() as session:
        has_begun = cases.any_opened(session) or reports.any_came(session)
    if not has_begun:
        with house.directory.reading() as session:
            has_begun = letters.is_demo(session)
    if has_begun:
        _begun.add(house.directory.engine)
    return has_begun


def is_live(house: House) -> bool:
    """Whether real cases are here, or may come now: one has begun, or every item is signed; never in a demo."""
    with house.directory.reading() as session:
        if letters.is_demo(session):
            return False
        if not missing(session):
            return True
    return has_begun(house)


def signatures(session: Session) -> dict[str, dict[str, Change]]:
    """Item → who signed it since it was last taken back, each with their entry."""
    found: dict[str, dict[str, Change]] = {}
    for change in administration.of_draft(session, LIST):
        if change.kind is Kind.go_live_signed:
            found.setdefault(change.reason, {}).setdefault(change.actor, change)
        else:
            found.pop(change.reason, None)
    return found


def missing(session: Session) -> tuple[str, ...]:
    """The items that fewer than two people have signed."""
    found = signatures(session)
    return tuple(key for key in KEYS if len(found.get(key, ())) < PEOPLE)
