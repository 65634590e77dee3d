"""The cases whose time runs out: for heads, for those who oversee, and for the data officer, who confirms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Reach, Scope, Unit
from school_protocol.domain.protocol import ScopeKind
from school_protocol.domain.retention import Given, Step, next_step, supervises
from school_protocol.services.house import House
from school_protocol.services.loading import scope_of, today_for
from school_protocol.services.retention import limits, notices
from school_protocol.storage import access, directory, index, once
from school_protocol.storage import retention as storage
from school_protocol.storage.engines import Session
from school_protocol.storage.retention import Cursor, Listed

PAGE = 50
AGREED = "retention.agreed"
"""The code under which the access is kept."""


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A case of the list, by number and school alone."""

    number: str
    unit: Unit
    found: Listed

    @property
    def waits(self) -> bool:
        return self.found.standing.waits is not None and self.found.standing.agreed_at is None


@dataclass(frozen=True, slots=True)
class LimitList:
    """A page of them. `may_agree`: whether this person confirms; `waits`: how many of the page wait for that."""

    lines: tuple[LimitLine, ...]
    after: str | None
    may_agree: bool
    today: Given
    only_waiting: bool = False
    is_behind: bool = False
    """Nothing is listed here though some case of these places has ended: the next run of the hour looks at it."""

    @property
    def waits(self) -> int:
        return sum(line.waits for line in self.lines)


def may_see_list(house: House, actor: Actor) -> bool:
    """Whether this person heads a school, oversees some, or keeps their data."""
    return bool(scope_of_limits(house, actor).clauses)


def see_list(house: House, actor: Actor, *, after: str | None = None, only_waiting: bool = False) -> LimitList:
    """A page of the cases that this person is told of, the earliest first. Raises Unseen."""
    scope = scope_of_limits(house, actor)
    cursor = Cursor.parse(after) if after else None
    if not scope.clauses or (after and cursor is None):
        raise Unseen("retention")
    with house.realm.reading() as session:
        found, more = storage.listed(
            session, scope, today=today_for(house), limit=PAGE, after=cursor, waits=only_waiting or None
        )
        today = limits.today_of(house, session)
        is_empty = not (found or after or only_waiting)
        is_behind = is_empty and storage.is_to_look_at(session, scope, today=today_for(house))
    with house.directory.reading() as session:
        units = directory.units(session, {line.unit for line in found})
    lines = tuple(LimitLine(line.number, units[line.unit], line) for line in found)
    may_agree = bool(_of_keeper(scope).clauses)
    return LimitList(lines, str(more) if more else None, may_agree, today, only_waiting, is_behind)


def agree(house: House, actor: Actor, numbers: Collection[str], *, token: str) -> int:
    """Confirm that these cases are erased with the next run; returns how many. Raises Unseen where one is not to be.

    Each is looked at anew: one that was held, reopened or asked about meanwhile is left out, and stays.
    """
    scope = _of_keeper(scope_of_limits(house, actor))
    wanted = sorted(set(numbers))
    if not scope.clauses or not wanted:
        raise Unseen("retention")
    press = once.press(house.vault, actor.id, token, "erase", *wanted)
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return int(before["count"])
        today, count = limits.today_of(house, session), 0
        for number in wanted:
            case_id = index.find_id(session, scope, number, today=today_for(house))
            if not case_id:
                raise Unseen(number)
            count += _agree_to(house, session, case_id, actor, today)
        once.use(session, press, {"count": count}, at=house.now())
        return count


def _agree_to(house: House, session: Session, case_id: str, actor: Actor, today: Given) -> bool:
    looked = limits.write(house, session, case_id)
    if looked is None or looked.standing.waits is None or looked.standing.agreed_at is not None:
        return False
    found = notices.given(house, session, looked.standing, today)
    if next_step(looked.limit, found.first, found.second, True, today, house.now()) is not Step.erase:
        return False
    storage.keep(session, replace(found, agreed_at=house.now(), agreed_by=actor.id))
    access.note(session, case_id=case_id, account=actor.id, at=house.now(), what=AGREED)
    return True


def scope_of_limits(house: House, actor: Actor) -> Scope:
    """The places over which this person is told of time limits: a seat or a place in a team is none."""
    wanted = {
        role.key
        for protocol in house.library.every()
        for role in protocol.roles.values()
        if role.head or supervises(role) or role.sees is ScopeKind.metadata
    }
    held = tuple(one for one in actor.appointments if one.role in wanted)
    scope = scope_of(house, replace(actor, appointments=held))
    return Scope(scope.account, tuple(clause for clause in scope.clauses if clause.reach is not Reach.seat))


def _of_keeper(scope: Scope) -> Scope:
    return Scope(scope.account, tuple(clause for clause in scope.clauses if clause.metadata))
