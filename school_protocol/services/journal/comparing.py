"""Whether the rows by which cases are found say what their events say: none of what decides is believed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from school_protocol.domain.dues import read
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.policy import Reader
from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.services.house import House
from school_protocol.services.loading import folded, index_row, referrals_of, surroundings
from school_protocol.storage import cases, index
from school_protocol.storage.engines import Session
from school_protocol.storage.index import IndexRow
from school_protocol.storage.journal import Flaw
from school_protocol.storage.referrals import register

_PLACE = ("number", "protocol", "version", "unit", "province", "region", "opened_at")
_STANDING = ("state", "stage", "level", "ended", "raised", "moved_at", "last_seq")
_SIGHT = ("team_sees", "restricted", "seats")


def differing(house: House, session: Session, case_id: str) -> Iterator[Flaw]:
    """In what the rows of a case, whose chain holds, differ from its events."""
    if cases.is_destroyed(session, case_id):
        return
    try:
        protocol, case = folded(house, session, case_id)
        around = surroundings(house, case.unit)
        facts = read(protocol, case, house.now(), around)
        wanted = index_row(case_id, protocol, case, facts, around)
    except (SchoolProtocolError, KeyError, TypeError, ValueError):
        yield Flaw.unread
        return
    found = index.row_of(session, case_id)
    if found is None:
        yield Flaw.index_gone
        return
    for flaw, names in ((Flaw.index_place, _PLACE), (Flaw.index_standing, _STANDING), (Flaw.index_sight, _SIGHT)):
        if any(_plain(getattr(found, name)) != _plain(getattr(wanted, name)) for name in names):
            yield flaw
    if _slipped_in(protocol, found, wanted, around):
        yield Flaw.index_readers
    if found.exclusions != wanted.exclusions:
        yield Flaw.index_exclusions
    if _is_put_off(found, wanted, house.now()):
        yield Flaw.index_dues
    settled = {one.number: one.settled_at for one in referrals_of(wanted, facts)}
    if {one.number: one.settled_at for one in register.of_case(session, case_id)} != settled:
        yield Flaw.index_referrals


def _plain(value: object) -> object:
    """Seats in any order."""
    return frozenset(value) if isinstance(value, tuple) else value


def _slipped_in(protocol: Protocol, found: IndexRow, wanted: IndexRow, around: Surroundings) -> frozenset[Reader]:
    """Readers whom nothing makes one: not who sees the region, and may have stood in for those who oversee."""
    region = {key for key, role in protocol.roles.items() if role.sees is ScopeKind.region}
    near = {one.id for one in around.people.values() if any(role in region for role, _unit in one.roles)}
    return frozenset(one for one in found.readers - wanted.readers if one.until is not None or one.account not in near)


def _is_put_off(found: IndexRow, wanted: IndexRow, now: datetime) -> bool:
    """Whether something is due later than it is, or not at all: what time alone brought since is no difference."""
    kept = {(due.key, due.subject): due.due_at for due in (*found.dues, *found.planned)}
    keys = {key for key, _subject in kept}
    for due in (*wanted.dues, *wanted.planned):
        at = kept.get((due.key, due.subject))
        if (at is not None and at > due.due_at) or (due.key not in keys and due.due_at > now):
            return True
    return False
