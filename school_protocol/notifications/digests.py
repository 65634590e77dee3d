"""Service of digests and calendar feeds: when somebody is told of what can wait, and their due dates for a phone.

A feed gives moments alone, under an address that only its owner knows. No case can be told from it, so reading it is no
access to one; when it was last read stands on its owner's page. Who may see what is asked anew at each reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account
from school_protocol.auth.service import OWN, TooManyTries, write_account_change
from school_protocol.auth.sign_in_service import actor_of, actors_of, must_prove
from school_protocol.cases import index_repository
from school_protocol.cases.lists import known_of_only, waited
from school_protocol.cases.loading import may_find, scope_of
from school_protocol.cases.review_lines import is_written_for
from school_protocol.context import AppContext, today_for
from school_protocol.engine.clock import MORNING, Calendar
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, Scope, Unit
from school_protocol.language import ZONE, Wording
from school_protocol.mail import Letter, Post, post_of
from school_protocol.notifications import repository
from school_protocol.notifications.models import CalendarFeedRow, DemoLetterRow
from school_protocol.notifications.repository import USUAL, Choice, Every
from school_protocol.people import repository as people_repository
from school_protocol.storage import sql
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.vault import canonical

AHEAD = timedelta(days=400)
CASES, AT_ONCE = 1_000, 200
"""So many cases are looked through at most, soonest due first; so many at a time."""
WINDOW, MOST = timedelta(minutes=15), 20
"""So often the same address is read in so long."""
TOKEN_LONGEST = 100
READ_ANEW = timedelta(hours=1)
DOMAIN = "school-protocol"


@dataclass(frozen=True, slots=True)
class Dues:
    """A calendar as it is sent. `mark` is another where a date is another; the file says besides when it was made."""

    content: bytes = field(repr=False)
    mark: str


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """When something is due: at a moment, or by the end of a day. `uid` tells it from others, and nothing else."""

    at: datetime
    uid: str
    day: date | None = None


# ---- one's own page --------------------------------------------------------------------------------------------------


def see_feed(ctx: AppContext, actor: Actor) -> CalendarFeedRow | None:
    """Whether this person has an address, since when, and when it was last read."""
    with ctx.directory.reading() as session:
        return repository.feed_of(session, actor.id)


def open_feed(ctx: AppContext, actor: Actor, password: str) -> str:
    """A new address: its token, to be shown once; the one before leads nowhere from then on.

    Raises Unseen; BadInput for a wrong password: it lets in whoever knows it, without signing in.
    """
    if not may_find(ctx, actor):
        raise Unseen("calendar")
    must_prove(ctx, actor.id, password)
    with ctx.directory.writing() as session:
        token = repository.make_feed(session, actor.id, at=ctx.now())
        write_account_change(session, ctx, actor.id, actor.id, Kind.calendar_opened)
    return token


def end_calendar(session: Session, ctx: AppContext, actor: str, account: str, reason: str) -> None:
    """The address leads nowhere from now on, as all of its owner's sessions end."""
    if repository.end_feed(session, account):
        write_account_change(session, ctx, actor, account, Kind.calendar_shut, reason)


def shut_feed(ctx: AppContext, actor: Actor) -> None:
    """Without an address: whoever knows it reads nothing any more."""
    with ctx.directory.writing() as session:
        end_calendar(session, ctx, actor.id, actor.id, OWN)


# ---- what is read under it -------------------------------------------------------------------------------------------


def read_feed(ctx: AppContext, token: str) -> Dues:
    """The due dates of whose address this is. Raises Unseen where it is nobody's, or theirs who left; TooManyTries."""
    if len(token) > TOKEN_LONGEST:
        raise Unseen("calendar")
    with ctx.directory.reading() as people:
        if not repository.is_known(people, token):  # whoever tries addresses holds up nobody who writes
            raise Unseen("calendar")
    with ctx.directory.writing() as people:
        found = repository.read_feed(people, token, at=ctx.now(), most=MOST, window=WINDOW)
        actor = actor_of(ctx, found[0], people) if found is not None else None
        account = auth_repository.account(people, actor.id) if actor is not None else None
    if found is None or actor is None or account is None or not account.active:
        raise Unseen("calendar")
    if not found[1]:
        raise TooManyTries(int(WINDOW.total_seconds()))
    moments = due_moments(ctx, actor)
    offered = actor.language in ctx.settings.languages
    w = Wording(actor.language if offered else ctx.settings.default_language)
    return Dues(_written(w, moments, ctx.now()), _mark(w, moments))


def due_moments(ctx: AppContext, actor: Actor) -> tuple[Moment, ...]:
    """When something is due in the cases that wait for this person, or in which they have a seat: as they see them."""
    scope, today = scope_of(ctx, actor), today_for(ctx)
    end = ctx.now() + AHEAD
    narrowed = index_repository.Filter(ended=False, due_before=end)
    found: set[Moment] = set()
    with ctx.realm.reading() as session:
        for own in (replace(narrowed, waits_for=waited(ctx, actor)), replace(narrowed, seat_of=actor.id)):
            for rows in _pages(session, scope, today, own):
                known_of = known_of_only(session, scope, rows, today)
                by_id = {row.case_id: row for row in rows}
                for case_id, due, planned in index_repository.dues_of(session, tuple(by_id), before=end):
                    if case_id not in known_of or (not planned and _is_own(ctx, by_id[case_id], due, actor)):
                        found.add(_moment(ctx, actor, case_id, due, planned=planned))
    return tuple(sorted(found, key=lambda one: (one.at, one.uid)))


def _pages(
    session: Session, scope: Scope, today: date, filter: index_repository.Filter
) -> Iterator[tuple[index_repository.IndexRow, ...]]:
    after = None
    for _turn in range(CASES // AT_ONCE):
        page = index_repository.page(
            session, scope, today=today, limit=AT_ONCE, filter=filter, after=after, urgent_first=False
        )
        yield page.rows
        after = page.after
        if after is None:
            return


def _is_own(ctx: AppContext, row: index_repository.IndexRow, due: index_repository.Due, actor: Actor) -> bool:
    protocol = ctx.library.protocol(row.protocol, row.version)
    return is_written_for(protocol, protocol.deadlines[due.key], actor)


def _moment(ctx: AppContext, actor: Actor, case_id: str, due: index_repository.Due, *, planned: bool) -> Moment:
    """A keyed hash names it: the same each time, another for each reader, and nothing to whoever has no key."""
    named = canonical([actor.id, case_id, due.key, due.subject, planned])
    uid = ctx.vault.chain("calendar-uid-v1", named).hex()[:40]
    return Moment(due.due_at.astimezone(UTC), uid, date.fromisoformat(due.subject) if planned else None)


# ---- how it is written (RFC 5545) ------------------------------------------------------------------------------------


def _written(w: Wording, moments: tuple[Moment, ...], now: datetime) -> bytes:
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", f"-//School protocol//Due dates//{w.language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", w._("School protocol"))
    calendar.add("refresh-interval", READ_ANEW, parameters={"VALUE": "DURATION"})
    for one in moments:
        event = Event()
        event.add("uid", f"{one.uid}@{DOMAIN}")
        event.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
        event.add("dtstart", one.day or one.at.replace(microsecond=0))
        event.add("summary", w._("School protocol: something is due"))
        event.add("class", "PRIVATE")
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _mark(w: Wording, moments: tuple[Moment, ...]) -> str:
    said = canonical([w.language, [[one.at.isoformat(), one.uid, str(one.day or "")] for one in moments]])
    return hashlib.sha256(said).hexdigest()[:32]


# ---- when somebody is told of what can wait ------------------------------------------------------------------------
# By their own choice, on the school days of where they work.

LONGEST_REST = 3
"""So many days in a row may be without a message that can wait; then it goes out in the holidays too."""
LOOK_AGAIN = timedelta(days=7)
"""When what somebody wants no message of is looked at again: they may want one by then."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one person is told, and the school time of each place in which they work."""

    choice: Choice
    calendars: tuple[Calendar, ...]

    def moment(self, asked_at: datetime) -> datetime | None:
        """From when they are told of what was asked for at `asked_at`; None where they want no message of it.

        What waited already as they chose is told at the first moment of their choice.
        """
        asked_at = max(asked_at, self.choice.chosen_at or asked_at)
        match self.choice.every:
            case Every.at_once:
                return asked_at
            case Every.weekly:
                return next(at for at in self._weekly(asked_at, 0, 7) if at > asked_at)
            case Every.urgent_only:
                return None
            case _:
                return self._digest(asked_at)

    def next(self, now: datetime) -> datetime:
        """When they are told next, or looked at again."""
        return self.moment(now) or now + LOOK_AGAIN

    def told_since(self, now: datetime) -> datetime | None:
        """Since when one message is enough; None where each leaves as it comes."""
        midnight = datetime.combine(_day(now), time(0), ZONE)
        match self.choice.every:
            case Every.at_once:
                return None
            case Every.weekly:
                return max([at for at in self._weekly(now, -7, 0) if at <= now], default=midnight)
            case _:
                return midnight

    def _weekly(self, around: datetime, first: int, last: int) -> list[datetime]:
        """The moments that belong to the chosen day of these weeks: a closed school moves them on, within reason."""
        days = (_day(around) + timedelta(days=count) for count in range(first - LONGEST_REST, last + 1))
        return [self._digest(datetime.combine(day, time(0), ZONE)) for day in days if day.weekday() == self.choice.day]

    def _digest(self, now: datetime) -> datetime:
        return min(next_digest(calendar, now) for calendar in self.calendars or (None,))


def next_digest(calendar: Calendar | None, now: datetime) -> datetime:
    """When what can wait is told, all at once: as the school next opens; in holidays, in the morning."""
    today = _day(now)
    for days in range(LONGEST_REST + 1):
        spans = calendar.spans(today + timedelta(days=days)) if calendar else ()
        if spans and spans[0][0] > now:
            return spans[0][0]
    morning = datetime.combine(today, MORNING, ZONE)
    return morning if morning > now else datetime.combine(today + timedelta(days=1), MORNING, ZONE)


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def paces(
    ctx: AppContext, people: Session, accounts: Collection[str], *, near: Unit | None = None
) -> Mapping[str, Pace]:
    """The pace of each of these people; `near`: the school whose time holds for who works nowhere."""
    known = auth_repository.accounts(people, accounts)
    chosen = repository.choice_of(people, accounts)
    working = {actor.id: {held.unit for held in actor.appointments} for actor in actors_of(ctx, known, people)}
    units = auth_repository.find_units(people, set().union(*working.values()))
    school_time = {key: calendar_of(people, unit) for key, unit in units.items()}
    elsewhere = calendar_of(people, near) if near else None
    found = {}
    for account in accounts:
        own = {school_time.get(unit): None for unit in sorted(working.get(account, ()))}
        calendars = tuple(one for one in own if one) or ((elsewhere,) if elsewhere else ())
        found[account] = Pace(chosen.get(account, USUAL), calendars)
    return found


def pace_of(ctx: AppContext, people: Session, account: Account, *, near: Unit | None = None) -> Pace:
    """The pace of one person."""
    return paces(ctx, people, [account.id], near=near)[account.id]


def calendar_of(people: Session, unit: Unit) -> Calendar | None:
    """The school time of a unit, where one is known."""
    try:
        return people_repository.calendar_for(people, unit)
    except Unseen:
        return None


# ---- the mails of a demo, shown on a page --------------------------------------------------------------------------
# An installation has no such page.


@dataclass(frozen=True, slots=True)
class Shelf:
    """A way out that leads nowhere: what would have left is kept, each letter once."""

    ctx: AppContext

    def carry(self, to: str, letter: Letter) -> None:
        with self.ctx.directory.writing() as session:
            repository.keep_letter(session, to, letter)


def shows_mails(ctx: AppContext) -> bool:
    """Whether mails are shown here: in a demo, which alone bears the mark of one, and only without a mail server."""
    return not ctx.settings.smtp and is_demo(ctx)


def is_demo(ctx: AppContext) -> bool:
    """Whether everything here is made up: so it was marked as it was founded, and no other installation is."""
    with ctx.directory.reading() as session:
        return sql.is_demo(session)


def ways_of(ctx: AppContext) -> Post:
    """The post of this installation: as its settings say, and a demo's mails onto their page."""
    post = post_of(ctx.settings)
    return Post(Shelf(ctx), post.sms) if post.mail is None and shows_mails(ctx) else post


def see_letters(ctx: AppContext, language: str) -> tuple[tuple[str, DemoLetterRow], ...]:
    """The mails of this demo, latest first, each with the name of whom it is to; raises Unseen where this is none."""
    if not shows_mails(ctx):
        raise Unseen("messages")
    with ctx.directory.reading() as session:
        kept = repository.latest_letter(session)
        names = repository.names(session, {one.receiver for one in kept}, language)
    return tuple((names.get(one.receiver, ""), one) for one in kept)
