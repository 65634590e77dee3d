"""Background work of public reports: erased once their time is over, reordered each hour, risen where nobody looks."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import Channel
from school_protocol.auth.repository import Account, Holder
from school_protocol.auth.service import ways_of
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.context import REALM, AppContext, today_for
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition_parts import Rise
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Unit
from school_protocol.mail import Carrier, Letter, Post, Undelivered, Unreachable, wording_of
from school_protocol.notifications.digests import paces
from school_protocol.notifications.repository import State
from school_protocol.people import repository as people_repository
from school_protocol.people.roster import on_duty
from school_protocol.people.roster_rules import is_school_time
from school_protocol.reports import repository
from school_protocol.reports.models import PublicNoticeRow
from school_protocol.reports.public_door import reads, rules_of
from school_protocol.reports.repository import PublicHeader
from school_protocol.reports.rules import URGENT_MOST, hour_of, hours_before, months_before, steps_due, told_by
from school_protocol.storage.engines import Session

LATELY = 48
"""Hours that are mixed each time: those of a worker that was away for a day, too."""
BATCH = 500


def mix_lately(ctx: AppContext) -> int:
    """Put what came lately in an order that is drawn, so that neither rows nor files tell which came first."""
    return repository.mix_since(ctx.realm, hours_before(ctx.now(), LATELY))


def clean(ctx: AppContext) -> None:
    """Nothing of how rows lay before is left in the database, where that could not be seen to as they were written."""
    repository.clean(ctx.realm)


def erase_over(ctx: AppContext, base: datetime, *, left_since: datetime) -> int:
    """Delete, with their keys, those without a case whose months are over by `base`; how many.

    And those that were read and left since `left_since`. What belongs to a case goes with the case. No list of them is
    kept outside the database: after a restore the same months are over.
    """
    with ctx.realm.reading() as session:
        versions = repository.versions(session)
    done = 0
    for protocol, version in versions:
        rules = ctx.library.protocol(protocol, version).signalement
        assert rules is not None
        before = months_before(base, rules.keeps)
        while True:
            with ctx.realm.writing() as session:
                found = repository.over(
                    session, protocol, version, settled_before=before, came_before=hour_of(left_since), limit=BATCH
                )
                done += repository.erase(session, found)
            if len(found) < BATCH:
                break
    return done


# ---- rising: by the steps of the protocol, in the school's time, each told once ------------------------------------
# Messages say that something waits at a school: one an hour for a person, however many came. Of when they were asked
# for the hour alone is kept; an urgent one leaves within the minute all the same.

TRIES = 3
"""So often a message is tried within an hour; then again within the next."""
LAST_TRY = 48
"""After so many tries a message is given up: the page says the same."""
KEPT_DAYS = 30
_log = logging.getLogger(__name__)


def rise(ctx: AppContext, post: Post) -> int:
    """Whatever is due now: steps told, messages sent; how many messages left. Cut off anywhere, it goes on."""
    if ctx.name != REALM:
        return 0
    _look(ctx)
    with ctx.realm.writing() as session:
        repository.forget_receipt_notice(session, hours_before(ctx.now(), KEPT_DAYS * 24))
    ways = ((Channel.sms, post.sms), (Channel.mail, post.mail))
    return sum(_deliver(ctx, channel, carrier) for channel, carrier in ways if carrier is not None)


# ---- who is told -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Due:
    """A report that has risen: how far, and who is told of it now."""

    header: PublicHeader
    step: int
    accounts: tuple[Account, ...]


def _look(ctx: AppContext) -> None:
    after = ""
    while True:
        with ctx.realm.reading() as session:
            found = repository.waiting_public_reports(session, after=after, limit=BATCH)
            due = _due(ctx, session, found)
        if due:
            _write(ctx, due)
        if len(found) < BATCH:
            return
        after = found[-1].id


def rise_now(ctx: AppContext, session: Session, report: str) -> None:
    """The first step of what comes in, in the transaction that keeps it: how far it rose tells it from no other then.

    One that belongs to a case is left to the worker, who sees who sits in it.
    """
    header = repository.find_public_report(session, report)
    if header is not None and header.waits is not None and header.case_id is None:
        for one in _due(ctx, session, [header]):
            _tell(session, ctx, one, header, _moments(ctx, [one]))


def _due(ctx: AppContext, session: Session, found: Sequence[PublicHeader]) -> list[_Due]:
    with ctx.directory.reading() as people:
        places = _Places(ctx, people)
        return [one for header in found if (one := places.due(session, header)) is not None]


class _Places:
    """The schools of one look: their time and their people, read once."""

    def __init__(self, ctx: AppContext, people: Session) -> None:
        self.ctx = ctx
        self.people = people
        self.today = today_for(ctx)
        self._units: dict[str, tuple[Unit, Calendar | None, tuple[Holder, ...]]] = {}

    def due(self, session: Session, header: PublicHeader) -> _Due | None:
        """How far a report has risen by now, and who was not told yet; None where that is no further than before."""
        assert header.waits is not None
        unit, calendar, holders = self._unit(header.unit)
        _protocol, rules = rules_of(self.ctx, header)
        steps = rules.steps(restricted=header.restricted, urgent=header.urgent)
        if calendar is None:
            step = len(steps) if header.step else 1
        else:
            step = steps_due(calendar, steps, header.waits, self.ctx.now())
        step = self._readable(session, header, unit, steps, step, holders)
        if step <= header.step:
            return None
        roles = {role for one in steps[header.step : step] for role in one.tell}
        risen = replace(header, step=step)
        told = [one for one in holders if one.role in roles]
        if header.urgent and not header.restricted and header.step == 0 and calendar is not None:
            told += self._besides(unit, calendar, holders, rules.out_of_hours)
        wanted = {one.account.id: one.account for one in self._on_duty(unit, told, is_urgent=header.urgent)}
        allowed = [account for account in wanted.values() if self._reads(session, account, risen, unit)]
        return _Due(header, step, tuple(allowed))

    def _readable(
        self,
        session: Session,
        header: PublicHeader,
        unit: Unit,
        steps: Sequence[Rise],
        step: int,
        holders: Sequence[Holder],
    ) -> int:
        """The step from which somebody reads it: where everybody so far is barred, or nobody is there, one further."""
        for further in range(step, len(steps) + 1):
            roles = told_by(steps, further)
            people = {one.account.id: one.account for one in holders if one.role in roles and one.has_way_in}
            if any(self._reads(session, one, replace(header, step=further), unit) for one in people.values()):
                return further
        return step

    def _besides(
        self, unit: Unit, calendar: Calendar, holders: Iterable[Holder], roles: Collection[str]
    ) -> list[Holder]:
        """Whoever is told at once of what is urgent while the school is closed."""
        if is_school_time(calendar, self.ctx.now()):
            return []
        return [one for one in holders if one.role in roles]

    def _on_duty(self, unit: Unit, told: Sequence[Holder], *, is_urgent: bool) -> list[Holder]:
        """Of each place above the school whoever is on duty; where nobody is, everybody."""
        if not is_urgent:
            return list(told)
        above = {(one.account.id, one.unit) for one in told if one.unit != unit.id and self._reached(one)}
        serving = on_duty(self.ctx, self.people, unit, above)
        places = {place for _account, place in serving}
        return [one for one in told if one.unit not in places or (one.account.id, one.unit) in serving]

    def _reached(self, holder: Holder) -> bool:
        return holder.has_way_in and bool(ways_of(self.ctx, holder.account, urgent=True))

    def _reads(self, session: Session, account: Account, header: PublicHeader, unit: Unit) -> bool:
        actor = actor_of(self.ctx, account.id, self.people)
        return actor is not None and reads(self.ctx, session, actor, header, unit)

    def _unit(self, unit_id: str) -> tuple[Unit, Calendar | None, tuple[Holder, ...]]:
        if unit_id not in self._units:
            unit = auth_repository.unit(self.people, unit_id)
            try:
                calendar = people_repository.calendar_for(self.people, unit)
            except Unseen:
                calendar = None
            found = auth_repository.holders(self.people, (unit.id, *unit.parents), today=self.today)
            self._units[unit_id] = unit, calendar, found
        return self._units[unit_id]


def _write(ctx: AppContext, due: Sequence[_Due]) -> None:
    """The steps and who is told, together; what somebody looked at meanwhile rises no further."""
    moments = _moments(ctx, due)
    with ctx.realm.writing() as session:
        known = {one.id: one for one in repository.several(session, [one.header.id for one in due], hold=True)}
        for one in due:
            now = known.get(one.header.id)
            if now is None or now != one.header:
                continue
            _tell(session, ctx, one, now, moments)


def _tell(
    session: Session, ctx: AppContext, one: _Due, now: PublicHeader, moments: Mapping[tuple[str, str], datetime]
) -> None:
    """A report rises, and whoever reads it from there is to be told."""
    hour = hour_of(ctx.now())
    tells_again = now.urgent and repository.came_in(session, now.unit, hour) <= URGENT_MOST
    repository.change_public_report(session, replace(now, step=one.step))
    if not one.accounts:
        _log.error("a public report rises, and nobody is there to be told: see `school-protocol doctor`")
    for account in one.accounts:
        for channel in ways_of(ctx, account, urgent=now.urgent) or (Channel.none,):
            repository.ask_receipt_notice(
                session, unit=now.unit, account=account.id, channel=channel, urgent=now.urgent, hour=hour,
                due=hour if now.urgent else moments.get((now.unit, account.id), hour), is_told_again=tells_again,
            )  # fmt: skip


def _moments(ctx: AppContext, due: Sequence[_Due]) -> dict[tuple[str, str], datetime]:
    """When each is told of what can wait, by their own choice, to the hour."""
    found: dict[tuple[str, str], datetime] = {}
    asked = hour_of(ctx.now())
    with ctx.directory.reading() as people:
        for unit_id in {one.header.unit for one in due if not one.header.urgent}:
            accounts = {each.id for one in due if one.header.unit == unit_id for each in one.accounts}
            chosen = paces(ctx, people, accounts, near=auth_repository.unit(people, unit_id))
            found |= {(unit_id, key): hour_of(pace.next(asked)) for key, pace in chosen.items()}
    return found


# ---- how -------------------------------------------------------------------------------------------------------------


def _deliver(ctx: AppContext, channel: Channel, carrier: Carrier) -> int:
    left = 0
    now = hour_of(ctx.now())
    with ctx.realm.reading() as session:
        waiting = repository.due_receipt_notices(session, channel, now, limit=BATCH)
    for one in waiting:
        try:
            left += _deliver_one(ctx, carrier, one)
        except (Undelivered, Unreachable) as error:
            _log.warning("a message about public reports was put off: %s", type(error).__name__)
            _put_off(ctx, one, now)
            if isinstance(error, Unreachable):
                return left
    return left


def _put_off(ctx: AppContext, one: PublicNoticeRow, now: datetime) -> None:
    attempts = one.attempts + 1
    with ctx.realm.writing() as session:
        if attempts >= LAST_TRY:
            repository.settle_receipt_notice(session, one.id, State.withheld)
        else:
            repository.put_off_receipt_notice(session, one.id, now + timedelta(hours=0 if attempts % TRIES else 1))


def _deliver_one(ctx: AppContext, carrier: Carrier, one: PublicNoticeRow) -> int:
    """One message, if something waits still that this person reads."""
    with ctx.directory.reading() as people:
        account = auth_repository.account(people, one.account)
        unit = auth_repository.unit(people, one.unit)
        actor = actor_of(ctx, one.account, people) if account is not None else None
    with ctx.realm.reading() as session:
        waiting = repository.waiting_at(session, [one.unit]) if actor is not None else ()
        is_wanted = actor is not None and any(
            (each.urgent or not one.urgent) and reads(ctx, session, actor, each, unit) for each in waiting
        )
    to = account and (account.email if one.channel == Channel.mail.value else account.phone)
    state = State.delivered if is_wanted and to else State.withheld if not is_wanted else State.no_address
    if account is not None and to and is_wanted:
        carrier.carry(to, _letter(ctx, account, one))
    with ctx.realm.writing() as session:
        repository.settle_receipt_notice(session, one.id, state)
    return int(state is State.delivered)


def _letter(ctx: AppContext, account: Account, one: PublicNoticeRow) -> Letter:
    """It names no school and no report; its date is the hour."""
    w = wording_of(ctx.settings, account.language)
    if one.urgent:
        subject = w._("Urgent: open the desk now")
        lines = [w._("Urgent: open the desk now, or call the school.")]
    else:
        subject = w._("A message for the school waits")
        lines = [w._("Somebody has told the school something: it waits to be read on the desk.")]
    lines += [ctx.settings.address] if ctx.settings.address else []
    is_mail = one.channel == Channel.mail.value
    if is_mail:
        lines.append(w._("This message says no more on purpose: the rest is read on the desk, signed in."))
        lines.append(w._("A machine sent it: nobody reads an answer."))
    text = "\n\n".join(lines) + "\n" if is_mail else "\n".join(lines)
    return Letter(one.id, one.hour, w.html_language, subject, text)
