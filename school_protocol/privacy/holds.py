"""Service of holds: erasing a case suspended or taken up again; and the lists of cases whose time runs out.

A hold is an event, by whoever oversees; for a reason, for a year at most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, account_names, keep, load, scope_of
from school_protocol.cases.view_models import CaseHead
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.answers import TEXT_MOST
from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.engine.events import ErasureResumed, ErasureSuspended, Event
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor, Reach, Scope, Unit
from school_protocol.privacy import repository, retention
from school_protocol.privacy.repository import LimitCursor, Listed
from school_protocol.privacy.retention import is_being_erased
from school_protocol.privacy.rules import HOLD_MOST, Given, Limit, Step, is_suspended, limit_of, next_step, supervises
from school_protocol.storage import access_log, idempotency
from school_protocol.storage.engines import Session

SUSPENDED, RESUMED = "retention.suspended", "retention.resumed"
"""Codes under which the accesses are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitView:
    """How long a case is kept, why, and what stands against its end; for whoever may see the case.

    `erase_on`: the first day on which it can be erased as things are. `reason`: why erasing is suspended, in the words
    of whoever did it; empty where this reader reads no words.
    """

    head: CaseHead
    limit: Limit | None
    erase_on: date | None
    suspended: bool
    until: date | None
    by: str
    reason: str
    first: Given | None = None
    second: Given | None = None
    waits: bool = False
    agreed: bool = False
    may_change: bool = False
    first_day: date
    last_day: date
    """The days until which a hold can be placed today."""


def see_limit(ctx: AppContext, actor: Actor, number: str) -> LimitView:
    """How long that case is kept. Raises Unseen."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        return _view(ctx, session, loaded)


def _view(ctx: AppContext, session: Session, loaded: Loaded) -> LimitView:
    today, word = today_for(ctx), loaded.case.erasure
    zone = ZoneInfo(loaded.around.calendar.timezone)
    seeing = Seeing(loaded, account_names(ctx, [word.actor] if word else [], loaded.actor.language))
    looked = retention.look_at(ctx, session, loaded.case_id)
    found = looked.standing if looked else None
    is_held = is_suspended(loaded.case, zone, ctx.now())
    shown = word if is_held and isinstance(word, ErasureSuspended) else None
    return LimitView(
        head=seeing.head(),
        limit=limit_of(loaded.facts),
        erase_on=found.erase_on if found and found.erase_on != repository.NEVER else None,
        suspended=is_held,
        until=date.fromisoformat(shown.until) if shown else None,
        by=seeing.name(shown.actor) if shown else "",
        reason=seeing.masks.by(shown.actor, shown.role)(shown.reason) if shown and not loaded.metadata_only else "",
        first=found.first if found else None,
        second=found.second if found else None,
        waits=bool(found and found.waits and not found.agreed_at),
        agreed=bool(found and found.agreed_at),
        may_change=_role(loaded) is not None,
        first_day=today + timedelta(days=1),
        last_day=today + HOLD_MOST,
    )


def suspend(ctx: AppContext, actor: Actor, number: str, until: str, reason: str, *, token: str) -> datetime:
    """Nobody erases that case until that day is over; pressed twice, it is done once. Returns when it was done.

    Raises Unseen, BadInput by `until` and `reason`, Refused where it is being erased already.
    """
    day, said = _day(until), reason.strip()
    press = idempotency.press(ctx.vault, actor.id, token, number, "suspend", until, said)
    with ctx.realm.writing() as session:
        loaded, role = _loaded(ctx, session, actor, number)
        _check(until, day, said, ctx)
        if (before := idempotency.spent(session, press)) is not None:
            return datetime.fromisoformat(str(before["at"]))
        if is_being_erased(ctx, session, loaded.case_id):
            raise Refused((Reason("being_erased"),))
        assert day is not None
        event = ErasureSuspended(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, until=day.isoformat(), reason=said
        )
        return _kept(ctx, session, loaded, event, SUSPENDED, press)


def resume(ctx: AppContext, actor: Actor, number: str, reason: str, *, token: str) -> datetime:
    """The hold is lifted: two notices at least come before the case is erased, and a fortnight. As `suspend`.

    Raises Refused where no hold stands.
    """
    said = reason.strip()
    press = idempotency.press(ctx.vault, actor.id, token, number, "resume", said)
    with ctx.realm.writing() as session:
        loaded, role = _loaded(ctx, session, actor, number)
        _check_reason(said, {})
        if (before := idempotency.spent(session, press)) is not None:
            return datetime.fromisoformat(str(before["at"]))
        zone = ZoneInfo(loaded.around.calendar.timezone)
        if not is_suspended(loaded.case, zone, loaded.now):
            raise Refused((Reason("not_suspended"),))
        event = ErasureResumed(actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, reason=said)
        return _kept(ctx, session, loaded, event, RESUMED, press)


def _kept(
    ctx: AppContext, session: Session, loaded: Loaded, event: Event, what: str, press: idempotency.Press
) -> datetime:
    """The event, the bar in the database, the access and the press: all of it, or nothing."""
    repository.lock_limits(session, loaded.case_id)
    keep(ctx, session, loaded, [event])
    if retention.write_limit(ctx, session, loaded.case_id) is None:
        repository.bar(session, loaded.case_id, retention.bar_of(ctx, session, loaded.case_id))
    access_log.note(session, case_id=loaded.case_id, account=event.actor, at=ctx.now(), what=what)
    outcome: Mapping[str, Any] = {"at": event.at.isoformat()}
    idempotency.use(session, press, outcome, at=ctx.now())
    return event.at


def _loaded(ctx: AppContext, session: Session, actor: Actor, number: str) -> tuple[Loaded, str]:
    loaded = load(ctx, session, actor, number)
    role = _role(loaded)
    if role is None:
        raise Unseen(number)
    return loaded, role


def _role(loaded: Loaded) -> str | None:
    """The role of a supervisor, if this person holds one here."""
    overseeing = [key for key, role in loaded.protocol.roles.items() if supervises(role)]
    return None if loaded.metadata_only else role_for(loaded.protocol, overseeing, loaded.roles)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        return None


def _check(until: str, day: date | None, said: str, ctx: AppContext) -> None:
    problems: dict[str, tuple[str, ...]] = {}
    today = today_for(ctx)
    if day is None:
        problems["until"] = ("not_a_date" if until.strip() else "required",)
    elif not today < day <= today + HOLD_MOST:
        problems["until"] = ("outside",)
    _check_reason(said, problems)


def _check_reason(said: str, problems: dict[str, tuple[str, ...]]) -> None:
    if not said or len(said) > TEXT_MOST:
        problems["reason"] = (f"too_long:{TEXT_MOST}:{len(said)}" if said else "required",)
    if problems:
        raise BadInput(problems)


# ---- lists of cases whose time runs out: for heads, those who oversee, the data officer, who confirms --------------

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


def may_see_list(ctx: AppContext, actor: Actor) -> bool:
    """Whether this person heads a school, oversees some, or keeps their data."""
    return bool(scope_of_limits(ctx, actor).clauses)


def see_list(ctx: AppContext, actor: Actor, *, after: str | None = None, only_waiting: bool = False) -> LimitList:
    """A page of the cases that this person is told of, the earliest first. Raises Unseen."""
    scope = scope_of_limits(ctx, actor)
    cursor = LimitCursor.parse(after) if after else None
    if not scope.clauses or (after and cursor is None):
        raise Unseen("retention")
    with ctx.realm.reading() as session:
        found, more = repository.listed(
            session, scope, today=today_for(ctx), limit=PAGE, after=cursor, waits=only_waiting or None
        )
        today = retention.today_of(ctx, session)
        is_empty = not (found or after or only_waiting)
        is_behind = is_empty and repository.is_to_look_at(session, scope, today=today_for(ctx))
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, {line.unit for line in found})
    lines = tuple(LimitLine(line.number, units[line.unit], line) for line in found)
    may_agree = bool(_of_keeper(scope).clauses)
    return LimitList(lines, str(more) if more else None, may_agree, today, only_waiting, is_behind)


def agree(ctx: AppContext, actor: Actor, numbers: Collection[str], *, token: str) -> int:
    """Confirm that these cases are erased with the next run; returns how many. Raises Unseen where one is not to be.

    Each is looked at anew: one that was held, reopened or asked about meanwhile is left out, and stays.
    """
    scope = _of_keeper(scope_of_limits(ctx, actor))
    wanted = sorted(set(numbers))
    if not scope.clauses or not wanted:
        raise Unseen("retention")
    press = idempotency.press(ctx.vault, actor.id, token, "erase", *wanted)
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return int(before["count"])
        today, count = retention.today_of(ctx, session), 0
        for number in wanted:
            case_id = index_repository.find_id(session, scope, number, today=today_for(ctx))
            if not case_id:
                raise Unseen(number)
            count += _agree_to(ctx, session, case_id, actor, today)
        idempotency.use(session, press, {"count": count}, at=ctx.now())
        return count


def _agree_to(ctx: AppContext, session: Session, case_id: str, actor: Actor, today: Given) -> bool:
    looked = retention.write_limit(ctx, session, case_id)
    if looked is None or looked.standing.waits is None or looked.standing.agreed_at is not None:
        return False
    found = retention.given(ctx, session, looked.standing, today)
    if next_step(looked.limit, found.first, found.second, True, today, ctx.now()) is not Step.erase:
        return False
    repository.keep_limit(session, replace(found, agreed_at=ctx.now(), agreed_by=actor.id))
    access_log.note(session, case_id=case_id, account=actor.id, at=ctx.now(), what=AGREED)
    return True


def scope_of_limits(ctx: AppContext, actor: Actor) -> Scope:
    """The places over which this person is told of time limits: a seat or a place in a team is none."""
    wanted = {
        role.key
        for protocol in ctx.library.every()
        for role in protocol.roles.values()
        if role.head or supervises(role) or role.sees is ScopeKind.metadata
    }
    held = tuple(one for one in actor.appointments if one.role in wanted)
    scope = scope_of(ctx, replace(actor, appointments=held))
    return Scope(scope.account, tuple(clause for clause in scope.clauses if clause.reach is not Reach.seat))


def _of_keeper(scope: Scope) -> Scope:
    return Scope(scope.account, tuple(clause for clause in scope.clauses if clause.metadata))
