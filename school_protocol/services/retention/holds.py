"""Erasing a case suspended, or taken up again: events, by whoever oversees; for a reason, for a year at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from school_protocol.domain.acting import role_for
from school_protocol.domain.answers import TEXT_MOST
from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import BadInput, Refused, Unseen
from school_protocol.domain.events import ErasureResumed, ErasureSuspended, Event
from school_protocol.domain.policy import Actor
from school_protocol.domain.retention import HOLD_MOST, Given, Limit, is_suspended, limit_of, supervises
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, account_names, keep, load, today_for
from school_protocol.services.retention import limits
from school_protocol.services.retention.running import is_being_erased
from school_protocol.services.seeing import Seeing
from school_protocol.services.views import CaseHead
from school_protocol.storage import access, once
from school_protocol.storage import retention as storage
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


def see_limit(house: House, actor: Actor, number: str) -> LimitView:
    """How long that case is kept. Raises Unseen."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        return _view(house, session, loaded)


def _view(house: House, session: Session, loaded: Loaded) -> LimitView:
    today, word = today_for(house), loaded.case.erasure
    zone = ZoneInfo(loaded.around.calendar.timezone)
    seeing = Seeing(loaded, account_names(house, [word.actor] if word else [], loaded.actor.language))
    looked = limits.look_at(house, session, loaded.case_id)
    found = looked.standing if looked else None
    is_held = is_suspended(loaded.case, zone, house.now())
    shown = word if is_held and isinstance(word, ErasureSuspended) else None
    return LimitView(
        head=seeing.head(),
        limit=limit_of(loaded.facts),
        erase_on=found.erase_on if found and found.erase_on != storage.NEVER else None,
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


def suspend(house: House, actor: Actor, number: str, until: str, reason: str, *, token: str) -> datetime:
    """Nobody erases that case until that day is over; pressed twice, it is done once. Returns when it was done.

    Raises Unseen, BadInput by `until` and `reason`, Refused where it is being erased already.
    """
    day, said = _day(house, until), reason.strip()
    press = once.press(house.vault, actor.id, token, number, "suspend", until, said)
    with house.realm.writing() as session:
        loaded, role = _loaded(house, session, actor, number)
        _check(until, day, said, house)
        if (before := once.spent(session, press)) is not None:
            return datetime.fromisoformat(str(before["at"]))
        if is_being_erased(house, session, loaded.case_id):
            raise Refused((Reason("being_erased"),))
        assert day is not None
        event = ErasureSuspended(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, until=day.isoformat(), reason=said
        )
        return _kept(house, session, loaded, event, SUSPENDED, press)


def resume(house: House, actor: Actor, number: str, reason: str, *, token: str) -> datetime:
    """The hold is lifted: two notices at least come before the case is erased, and a fortnight. As `suspend`.

    Raises Refused where no hold stands.
    """
    said = reason.strip()
    press = once.press(house.vault, actor.id, token, number, "resume", said)
    with house.realm.writing() as session:
        loaded, role = _loaded(house, session, actor, number)
        _check_reason(said)
        if (before := once.spent(session, press)) is not None:
            return datetime.fromisoformat(str(before["at"]))
        zone = ZoneInfo(loaded.around.calendar.timezone)
        if not is_suspended(loaded.case, zone, loaded.now):
            raise Refused((Reason("not_suspended"),))
        event = ErasureResumed(actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, reason=said)
        return _kept(house, session, loaded, event, RESUMED, press)


def _kept(house: House, session: Session, loaded: Loaded, event: Event, what: str, press: once.Press) -> datetime:
    """The event, the bar in the database, the access and the press: all of it, or nothing."""
    storage.lock(session, loaded.case_id)
    keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
    if limits.write(house, session, loaded.case_id) is None:
        storage.bar(session, loaded.case_id, limits.bar_of(house, session, loaded.case_id))
    access.note(session, case_id=loaded.case_id, account=event.actor, at=house.now(), what=what)
    outcome: Mapping[str, Any] = {"at": event.at.isoformat()}
    once.use(session, press, outcome, at=house.now())
    return event.at


def _loaded(house: House, session: Session, actor: Actor, number: str) -> tuple[Loaded, str]:
    loaded = load(house, session, actor, number)
    role = _role(loaded)
    if role is None:
        raise Unseen(number)
    return loaded, role


def _role(loaded: Loaded) -> str | None:
    """The role of a supervisor, if this person holds one here."""
    overseeing = [key for key, role in loaded.protocol.roles.items() if supervises(role)]
    return None if loaded.metadata_only else role_for(loaded.protocol, overseeing, loaded.roles)


def _day(house: House, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        return None


def _check(until: str, day: date | None, said: str, house: House) -> None:
    problems: dict[str, tuple[str, ...]] = {}
    today = today_for(house)
    if day is None:
        problems["until"] = ("not_a_date" if until.strip() else "required",)
    elif not today < day <= today + HOLD_MOST:
        problems["until"] = ("outside",)
    if not said or len(said) > TEXT_MOST:
        problems["reason"] = (f"too_long:{TEXT_MOST}:{len(said)}" if said else "required",)
    if problems:
        raise BadInput(problems)


def _check_reason(said: str) -> None:
    if not said or len(said) > TEXT_MOST:
        raise BadInput({"reason": (f"too_long:{TEXT_MOST}:{len(said)}" if said else "required",)})
