"""Service of the duty roster: who is on duty now, turns and gaps; each entry is a row of administration."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import ABOVE
from school_protocol.auth.service import ways_of
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Appointment, Permission, Unit
from school_protocol.language import ZONE
from school_protocol.people import repository
from school_protocol.people.models import DutyTurnRow
from school_protocol.people.roster_rules import gaps, is_school_time
from school_protocol.people.teams import ChangeLine, change_line, plain
from school_protocol.storage import administration_log, idempotency
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session


def write_down(
    ctx: AppContext, session: Session, actor: Actor, post: Appointment, kind: Kind, unit: str, sentence: str,
    account: str = "",
) -> None:  # fmt: skip
    """A row of administration about that unit, by the post in which it was done."""
    held = next(
        (
            one
            for one in auth_repository.posts(session, [post.unit], since=today_for(ctx))
            if (one.account.id, one.role) == (actor.id, post.role)
        ),
        None,
    )
    if held is None:
        raise Unseen(unit)
    administration_log.write_entry(
        session,
        Change(
            at=ctx.now(), actor=actor.id, kind=kind, unit=unit, account=account or actor.id, role=post.role,
            appointment=held.id, reason="teams", sentence=sentence,
        ),
    )  # fmt: skip


# ---- who is on duty now --------------------------------------------------------------------------------------------
# Out of school hours, what is urgent goes to them, where they may be told; else to everybody.


def on_duty(
    ctx: AppContext, session: Session, unit: Unit, holders: Collection[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Of these people, each with the place of their role, who is on duty now for a school; nobody in school hours."""
    if not holders or is_school_time(repository.calendar_for(session, unit), ctx.now()):
        return frozenset()
    turns = repository.on_duty(session, {place for _account, place in holders}, ctx.now())
    return frozenset((one.account, one.unit) for one in turns) & frozenset(holders)


# ---- the roster: who is on duty at night and on holidays, and when nobody is ---------------------------------------
# A turn names somebody who holds, in that place, a role that answers for schools from above.

SHOWN = timedelta(days=28)
"""So far ahead gaps are looked for."""
LONGEST = timedelta(days=31)
AHEAD = timedelta(days=366)
LOG = 20


@dataclass(frozen=True, slots=True)
class TurnLine:
    """A turn of duty; whether whoever it is still holds a role there, until its end (else `is_cut`), and is reached."""

    id: str
    name: str
    starts: datetime
    ends: datetime
    is_now: bool
    holds_it: bool
    is_cut: bool
    is_reached: bool
    overlaps: bool = False
    """Whether the same person is on duty by another turn for some of that time."""


@dataclass(frozen=True, slots=True)
class RosterView:
    """The roster of one place."""

    unit: Unit
    turns: tuple[TurnLine, ...]
    gaps: tuple[tuple[datetime, datetime], ...]
    candidates: tuple[tuple[str, str], ...]
    """Who can be on duty: account and name."""
    log: tuple[ChangeLine, ...]
    others: tuple[Unit, ...]
    """Other places whose roster is this person's, too."""


# ---- seeing --------------------------------------------------------------------------------------------------------


def _place(ctx: AppContext, actor: Actor, code: str) -> tuple[Appointment, Unit, tuple[Unit, ...]]:
    """The place with that code, or the first one, whose roster is this person's; raises Unseen."""
    posts = permissions.posts_with(ctx, actor, Permission.keep_roster)
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, [post.unit for post in posts])
    for post in posts:
        if code in ("", units[post.unit].code):
            return post, units[post.unit], tuple(one for one in units.values() if one.id != post.unit)
    raise Unseen(code or "roster")


def see_roster(ctx: AppContext, actor: Actor, code: str = "") -> RosterView:
    """The turns that run or are to come, when nobody is on duty, who could be; raises Unseen."""
    _post, unit, others = _place(ctx, actor, code)
    now = ctx.now()
    with ctx.directory.reading() as session:
        turns = repository.running(session, [unit.id], starts=now, ends=now + AHEAD + LONGEST)
        holders = _holders(ctx, session, unit, actor.language)
        changes = administration_log.changes(
            session, [unit.id], limit=LOG, kinds=[Kind.duty_entered, Kind.duty_withdrawn]
        )
        wanted = {one.account for one in turns} | {who for row in changes for who in (row.actor, row.account)}
        people = auth_repository.accounts(session, wanted)
        calendar = repository.calendar_for(session, unit)
    names = {key: account.name(actor.language) for key, account in people.items()}
    reached = {key for key, account in people.items() if ways_of(ctx, account, urgent=True)}
    until = {one.id: holders[one.account].covers(one) for one in turns if one.account in holders}
    spans = ((one.starts, until[one.id]) for one in turns if one.id in until and one.account in reached)
    found = gaps(calendar, (span for span in spans if span[0] < span[1]), now, now + SHOWN)
    lines = tuple(
        TurnLine(
            one.id, names[one.account], one.starts, one.ends, one.starts <= now,
            holds_it=one.id in until,
            is_cut=one.id in until and until[one.id] < one.ends,
            is_reached=one.account in reached,
            overlaps=any(_overlap(one, other) for other in turns),
        )
        for one in turns
    )  # fmt: skip
    log = tuple(change_line(row, {}, names) for row in changes)
    candidates = tuple((key, name) for name, key in sorted((one.name, key) for key, one in holders.items()))
    return RosterView(unit, lines, found, candidates, log, others)


def _overlap(one: DutyTurnRow, other: DutyTurnRow) -> bool:
    """Whether two turns of one person have some time in common."""
    is_another = one.id != other.id and one.account == other.account
    return is_another and one.starts < other.ends and other.starts < one.ends


@dataclass(frozen=True, slots=True)
class _Holder:
    """Somebody who can be on duty, until the end of their role: None, nobody has said when."""

    name: str
    until: datetime | None

    def covers(self, turn: DutyTurnRow) -> datetime:
        """Until when they are on duty in that turn."""
        return turn.ends if self.until is None else min(turn.ends, self.until)


def _holders(ctx: AppContext, session: Session, unit: Unit, language: str) -> dict[str, _Holder]:
    """Account → whoever can be on duty for that place today."""
    known, today = declared(ctx), today_for(ctx)
    posts = auth_repository.posts(session, [unit.id], since=today)
    above = (one for one in posts if one.role in known and known[one.role][1].sees in ABOVE and one.account.active)
    found: dict[str, _Holder] = {}
    for post in sorted(above, key=lambda one: one.starts):
        name = post.account.name(language)
        until = _midnight(post.ends + timedelta(days=1)) if post.ends is not None else None
        before = found.get(post.account.id)
        if before is None and post.is_current(today):
            found[post.account.id] = _Holder(name, until)
        elif before is not None and before.until is not None and _midnight(post.starts) <= before.until:
            found[post.account.id] = _Holder(name, max(before.until, until) if until else None)
    return found


def _midnight(day: date) -> datetime:
    """When a day begins in the academy's time."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


# ---- changing ------------------------------------------------------------------------------------------------------


def enter(
    ctx: AppContext, actor: Actor, code: str, *, account: str | None, starts: str | None, ends: str | None, token: str
) -> bool:
    """Put somebody on duty; False where an earlier press had done it. Raises Unseen, BadInput."""
    post, unit, _others = _place(ctx, actor, code)

    def change(session: Session) -> None:
        problems: dict[str, tuple[str, ...]] = {}
        if account not in _holders(ctx, session, unit, actor.language):
            problems["account"] = ("unknown_option" if account else "required",)
        first = _moment(starts, "starts", problems)
        last = _moment(ends, "ends", problems)
        now = ctx.now()
        if first and last and last <= first:
            problems["ends"] = ("turn_ends_first",)
        elif first and last and last - first > LONGEST:
            problems["ends"] = (f"turn_too_long:{LONGEST.days}",)
        if last and last <= now:
            problems["ends"] = ("in_the_past",)
        if first and first > now + AHEAD:
            problems["starts"] = ("too_far_ahead",)
        if problems or not account or first is None or last is None:
            raise BadInput(problems)
        if _is_entered(session, unit, account, first, last):
            raise BadInput({"starts": ("turn_entered",)})
        repository.add_duty(session, unit=unit.id, account=account, starts=first, ends=last, by=actor.id, at=now)
        said = _said(first, last)
        write_down(ctx, session, actor, post, Kind.duty_entered, unit.id, said, account)

    return _once(ctx, actor, unit, token, ["duty", unit.id, account, starts, ends], change)


def withdraw(ctx: AppContext, actor: Actor, code: str, turn: str, *, token: str) -> bool:
    """Take a turn back; raises Unseen."""
    post, unit, _others = _place(ctx, actor, code)

    def change(session: Session) -> None:
        found = repository.turn(session, turn)
        if found.unit != unit.id:
            raise Unseen(turn)
        repository.withdraw(session, turn, at=ctx.now())
        said = _said(found.starts, found.ends)
        write_down(ctx, session, actor, post, Kind.duty_withdrawn, unit.id, said, found.account)

    return _once(ctx, actor, unit, token, ["duty-withdraw", turn], change)


def _is_entered(session: Session, unit: Unit, account: str, first: datetime, last: datetime) -> bool:
    """Whether that very turn stands already, whoever entered it."""
    turns = repository.running(session, [unit.id], starts=first, ends=last)
    return any((one.account, one.starts, one.ends) == (account, first, last) for one in turns)


def _said(first: datetime, last: datetime) -> str:
    return plain(" – ".join(f"{one.astimezone(ZONE):%Y-%m-%d %H:%M}" for one in (first, last)))


def _moment(text: str | None, key: str, problems: dict[str, tuple[str, ...]]) -> datetime | None:
    if not (text or "").strip():
        problems[key] = ("required",)
        return None
    try:
        found = datetime.fromisoformat(str(text))
        if found.utcoffset() is None:
            found = found.replace(tzinfo=ZONE)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        problems[key] = ("not_a_moment",)
        return None


def _once(
    ctx: AppContext, actor: Actor, unit: Unit, token: str, said: list[object], change: Callable[[Session], None]
) -> bool:
    press = idempotency.press(ctx.vault, actor.id, token, *said)
    with ctx.realm.writing() as session:
        if idempotency.spent(session, press) is not None:
            return False
        with ctx.directory.writing() as written:
            change(written)
        idempotency.use(session, press, {"unit": unit.code}, at=ctx.now())
    return True
