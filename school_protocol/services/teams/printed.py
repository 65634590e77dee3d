"""The codes to sign in that were printed for the people of a school: who, for whom, when, used or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.teams.team import place_of
from school_protocol.storage import administration, directory
from school_protocol.storage.administration import Change, Kind

SHOWN_FOR = timedelta(days=90)
LISTED = 40
_USED_BY = {
    Kind.invited: Kind.invitation_accepted,
    Kind.password_code_made: Kind.password_set,
    Kind.restoration_agreed: Kind.factors_restored,
}


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One code. `kind`: what it was for; `used_at`: None as long as nobody has used it, or another took its place."""

    kind: str
    by: str
    name: str
    at: datetime
    used_at: datetime | None


def see_codes(house: House, actor: Actor, school: str) -> tuple[CodeLine, ...]:
    """For whoever oversees the school, the codes of 90 days, newest first; nothing for others. Raises Unseen."""
    here = place_of(house, actor, school)
    if not here.oversees:
        return ()
    since = house.now() - SHOWN_FOR
    with house.directory.reading() as session:
        found = administration.changes(session, [here.unit.id], limit=LISTED, kinds=tuple(_USED_BY))
        printed = [one for one in found if one.at >= since]
        about = {one.account for one in printed}
        rows = [
            one
            for account in about
            for one in administration.about(session, account, kinds=(*_USED_BY, *_USED_BY.values()), limit=200)
        ]
        people = directory.accounts(session, about | {one.actor for one in printed})
    names = {key: one.name(actor.language) for key, one in people.items()}
    return tuple(
        CodeLine(one.kind.value, names.get(one.actor, "—"), names.get(one.account, "—"), one.at, _used(one, rows))
        for one in printed
    )


def _used(printed: Change, rows: Iterable[Change]) -> datetime | None:
    """When that code was used: after it was printed, and before the next one of its kind was."""
    same = [one for one in rows if one.account == printed.account and one.at >= printed.at]
    ends = [one.at for one in same if one.kind is printed.kind and one.at > printed.at]
    used = [one.at for one in same if one.kind is _USED_BY[printed.kind] and not (ends and one.at > min(ends))]
    return min(used, default=None)
