"""One's own due dates, for the calendar of one's phone: moments alone, under an address that only its owner knows.

No case can be told from it, so reading it is no access to one; when it was last read stands on its owner's page. Who
may see what is asked anew at each reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Scope
from school_protocol.services.accounts import actor_of
from school_protocol.services.case_lines import is_written_for
from school_protocol.services.desk import known_of_only, may_find, waited
from school_protocol.services.house import House
from school_protocol.services.identity.administering import OWN, write_down
from school_protocol.services.identity.signing_in import must_prove
from school_protocol.services.identity.throttling import TooManyTries
from school_protocol.services.loading import scope_of, today_for
from school_protocol.storage import directory, index
from school_protocol.storage.administration import Kind
from school_protocol.storage.digests import feeds
from school_protocol.storage.digests.feeds import Feed
from school_protocol.storage.engines import Session
from school_protocol.storage.vault import canonical
from school_protocol.wording import Wording

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


def see_feed(house: House, actor: Actor) -> Feed | None:
    """Whether this person has an address, since when, and when it was last read."""
    with house.directory.reading() as session:
        return feeds.of(session, actor.id)


def open_feed(house: House, actor: Actor, password: str) -> str:
    """A new address: its token, to be shown once; the one before leads nowhere from then on.

    Raises Unseen; BadInput for a wrong password: it lets in whoever knows it, without signing in.
    """
    if not may_find(house, actor):
        raise Unseen("calendar")
    must_prove(house, actor.id, password)
    with house.directory.writing() as session:
        token = feeds.make(session, actor.id, at=house.now())
        write_down(session, house, actor.id, actor.id, Kind.calendar_opened)
    return token


def end_calendar(session: Session, house: House, actor: str, account: str, reason: str) -> None:
    """The address leads nowhere from now on, as all of its owner's sessions end."""
    if feeds.end(session, account):
        write_down(session, house, actor, account, Kind.calendar_shut, reason)


def shut_feed(house: House, actor: Actor) -> None:
    """Without an address: whoever knows it reads nothing any more."""
    with house.directory.writing() as session:
        end_calendar(session, house, actor.id, actor.id, OWN)


# ---- what is read under it -------------------------------------------------------------------------------------------


def read_feed(house: House, token: str) -> Dues:
    """The due dates of whose address this is. Raises Unseen where it is nobody's, or theirs who left; TooManyTries."""
    if len(token) > TOKEN_LONGEST:
        raise Unseen("calendar")
    with house.directory.reading() as people:
        if not feeds.is_known(people, token):  # whoever tries addresses holds up nobody who writes
            raise Unseen("calendar")
    with house.directory.writing() as people:
        found = feeds.read(people, token, at=house.now(), most=MOST, window=WINDOW)
        actor = actor_of(house, found[0].account, people) if found is not None else None
        account = directory.account(people, actor.id) if actor is not None else None
    if found is None or actor is None or account is None or not account.active:
        raise Unseen("calendar")
    if not found[1]:
        raise TooManyTries(int(WINDOW.total_seconds()))
    moments = due_moments(house, actor)
    offered = actor.language in house.settings.languages
    w = Wording(actor.language if offered else house.settings.default_language)
    return Dues(_written(w, moments, house.now()), _mark(w, moments))


def due_moments(house: House, actor: Actor) -> tuple[Moment, ...]:
    """When something is due in the cases that wait for this person, or in which they have a seat: as they see them."""
    scope, today = scope_of(house, actor), today_for(house)
    end = house.now() + AHEAD
    narrowed = index.Filter(ended=False, due_before=end)
    found: set[Moment] = set()
    with house.realm.reading() as session:
        for own in (replace(narrowed, waits_for=waited(house, actor)), replace(narrowed, seat_of=actor.id)):
            for rows in _pages(session, scope, today, own):
                known_of = known_of_only(session, scope, rows, today)
                by_id = {row.case_id: row for row in rows}
                for case_id, due, planned in index.dues_of(session, tuple(by_id), before=end):
                    if case_id not in known_of or (not planned and _is_own(house, by_id[case_id], due, actor)):
                        found.add(_moment(house, actor, case_id, due, planned=planned))
    return tuple(sorted(found, key=lambda one: (one.at, one.uid)))


def _pages(session: Session, scope: Scope, today: date, filter: index.Filter) -> Iterator[tuple[index.IndexRow, ...]]:
    after = None
    for _turn in range(CASES // AT_ONCE):
        page = index.page(session, scope, today=today, limit=AT_ONCE, filter=filter, after=after, urgent_first=False)
        yield page.rows
        after = page.after
        if after is None:
            return


def _is_own(house: House, row: index.IndexRow, due: index.Due, actor: Actor) -> bool:
    protocol = house.library.protocol(row.protocol, row.version)
    return is_written_for(protocol, protocol.deadlines[due.key], actor)


def _moment(house: House, actor: Actor, case_id: str, due: index.Due, *, planned: bool) -> Moment:
    """A keyed hash names it: the same each time, another for each reader, and nothing to whoever has no key."""
    named = canonical([actor.id, case_id, due.key, due.subject, planned])
    uid = house.vault.chain("calendar-uid-v1", named).hex()[:40]
    return Moment(due.due_at.astimezone(UTC), uid, date.fromisoformat(due.subject) if planned else None)


# ---- how it is written (RFC 5545) ------------------------------------------------------------------------------------


def _written(w: Wording, moments: tuple[Moment, ...], now: datetime) -> bytes:
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
