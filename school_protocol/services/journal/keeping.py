"""What is done about the journal by itself: accesses closed each hour, an anchor each day, a check each night."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from school_protocol.post import Carrier, Letter, Post, Undelivered, Unreachable
from school_protocol.services.house import House
from school_protocol.services.journal.verifying import Verdict, stores_of, verify
from school_protocol.storage import access_chain, administration, anchoring, anchors, checks, erased
from school_protocol.storage.anchors import Anchor, AnchorsBusy, AnchorUnwritable
from school_protocol.storage.checks import Check
from school_protocol.storage.directory import Account
from school_protocol.storage.errors import StorageBusy
from school_protocol.wording import ZONE, Wording

HOUR = timedelta(hours=1)
NIGHT = time(2)
"""When the check of the night begins, in the country's time."""

_log = logging.getLogger(__name__)


# ---- accesses --------------------------------------------------------------------------------------------------------


def close_accesses(house: House) -> int:
    """Close what was read since the last time, batch by batch; returns how many accesses that were."""
    closed = 0
    while True:
        with house.realm.writing(together=True) as session:
            rows = access_chain.close(session, house.vault, at=house.now())
        closed += rows
        if rows < access_chain.BATCH:
            return closed


def _close_is_due(house: House) -> bool:
    """An hour after the last time; at once where that seems to lie ahead, as the clock was set back."""
    with house.realm.reading() as session:
        head = access_chain.head(session)
    return head is None or not timedelta(0) <= house.now() - head.closed_at < HOUR


# ---- anchors ---------------------------------------------------------------------------------------------------------


def take_anchor(house: House, post: Post, *, resumes: str = "") -> Anchor:
    """Close what was read, write an anchor of all chains, and mail its head where an address is set.

    `resumes`: why the database may be older than the anchors before, such as a restored backup. Raises AnchorsBusy,
    AnchorUnwritable, and ErasedUnreadable where the list of erased cases was touched.
    """
    close_accesses(house)
    erased.read(house.settings.data, house.vault)
    folder = house.settings.anchors_folder
    try:
        anchor = anchoring.take(stores_of(house), folder, at=house.now(), resumes=resumes)
    except OSError as error:
        raise AnchorUnwritable(f"no anchor can be written in {folder}: {error.strerror or error}") from error
    _mail_anchor(house, post, anchor)
    if other := house.settings.anchors_copy:
        try:
            anchors.copy(folder, other)
        except OSError as error:
            raise AnchorUnwritable(f"no anchor can be copied to {other}: {error.strerror or error}") from error
    return anchor


def _anchor_is_due(house: House) -> bool:
    """Once on each day, by the date alone: a clock that jumps costs an anchor, never many days."""
    with house.realm.reading() as session:
        latest = checks.latest_anchor(session)
    return latest is None or latest[1].astimezone(ZONE).date() != house.now().astimezone(ZONE).date()


def _mail_anchor(house: House, post: Post, anchor: Anchor) -> None:
    """The number and digest of an anchor: enough to know it again, and nothing about anybody."""
    to = house.settings.anchor_mail
    if not to:
        return
    w = Wording(house.settings.default_language)
    said = w._("Anchor %(number)s of the journal", number=anchor.number)
    keep = w._("Keep this message: it proves later that nothing written before it was changed or taken away.")
    text = f"{said}\n\nSHA-256 {anchor.digest}\n\n{keep}\n"
    letter = Letter(f"anchor-{anchor.number}-{anchor.digest[:16]}", house.now(), w.html_language, said, text)
    _carry(post.mail, to, letter)


def _carry(carrier: Carrier | None, to: str, letter: Letter) -> bool:
    if carrier is None:
        return False
    try:
        carrier.carry(to, letter)
    except (Unreachable, Undelivered):
        _log.warning("a message about the journal was not taken", exc_info=True)
        return False
    return True


# ---- the check of the night ------------------------------------------------------------------------------------------


def check_by_night(house: House, *, can_anchor: bool = True) -> Verdict:
    """Check everything, and keep what came of it; that no anchor can be written counts as a fault of its own."""
    verdict = verify(house)
    keep_verdict(house, verdict, can_anchor=can_anchor)
    return verdict


def keep_verdict(house: House, verdict: Verdict, *, can_anchor: bool = True) -> Check:
    """Keep what came of a check, in numbers and codes."""
    first = verdict.breaks[0] if verdict.breaks else None
    said = f"{first.chain.value} {first.case_id} {first.seq} {first.flaw.value}" if first else ""
    said = said or ("" if can_anchor else checks.NO_ANCHOR)
    with house.realm.writing() as session:
        return checks.keep(
            session, started_at=verdict.started_at, finished_at=verdict.finished_at, events=verdict.events,
            faults=verdict.faults + (not can_anchor), first_fault=said,
        )  # fmt: skip


def _check_is_due(house: House) -> bool:
    """Once from each night on, by the date alone."""
    now = house.now().astimezone(ZONE)
    with house.realm.reading() as session:
        latest = checks.latest(session)
    begun = latest.started_at.astimezone(ZONE) if latest else None
    return begun is None or (_night_of(begun) != _night_of(now))


def _night_of(moment: datetime) -> object:
    """The day whose night it was; before the night's hour, the day before."""
    return moment.date() if moment.time() >= NIGHT else moment.date() - timedelta(days=1)


def tell_of_faults(house: House, post: Post) -> int:
    """Tell whoever administers the installation that the latest check found something; returns how many were told.

    Tried again until somebody was reached. The message names nothing and nobody.
    """
    with house.realm.reading() as session:
        latest = checks.latest(session)
    if latest is None or latest.passed or latest.told_at is not None:
        return 0
    told = [person for person in _administrators(house) if person.email and _tell(house, post, person, latest)]
    if told:
        with house.realm.writing() as session:
            checks.told(session, latest, house.now())
    else:
        _log.error("the journal does not hold, and nobody who administers this installation could be told")
    return len(told)


def _administrators(house: House) -> tuple[Account, ...]:
    roles = {key for one in house.library.every() for key, role in one.roles.items() if role.administers}
    today = house.now().astimezone(ZONE).date()
    with house.directory.reading() as session:
        return administration.holders_anywhere(session, roles, today)


def _tell(house: House, post: Post, person: Account, check: Check) -> bool:
    offered = person.language in house.settings.languages
    w = Wording(person.language if offered else house.settings.default_language)
    can_anchor = check.first_fault != checks.NO_ANCHOR
    lines = [
        w._("The check of the night found something that must be looked into today."),
        w._("On the server, “school-protocol journal verify” says what.")
        if can_anchor
        else w._("On the server, “school-protocol doctor” says what."),
        w._("A machine sent it: nobody reads an answer."),
    ]
    subject = w._("Urgent: look at the installation")
    letter = Letter(f"check-{check.id}-{person.id}", house.now(), w.html_language, subject, "\n\n".join(lines) + "\n")
    return _carry(post.mail, person.email or "", letter)


# ---- what the worker rings for ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """What one ring did."""

    closed: int = 0
    anchor: Anchor | None = None
    can_anchor: bool = True
    """Not where one was due and could not be written."""


def keep_on(house: House, post: Post) -> Kept:
    """Close accesses and take an anchor where it is time; what can't be done now is done at the next ring."""
    try:
        closed = close_accesses(house) if _close_is_due(house) else 0
    except StorageBusy:
        return Kept()
    try:
        anchor = take_anchor(house, post) if _anchor_is_due(house) else None
    except (StorageBusy, AnchorsBusy):
        return Kept(closed)
    except erased.ErasedUnreadable as error:
        _log.error("no anchor is taken: %s", error)  # the check says so, too: it must not be held up by this
        return Kept(closed)
    except AnchorUnwritable as error:
        _log.error("%s", error)
        return Kept(closed, can_anchor=False)
    return Kept(closed, anchor)


def check_on(house: House, post: Post) -> Verdict | None:
    """The check of the night where it is time; and tell whoever has to know."""
    verdict = None
    if _check_is_due(house):
        verdict = check_by_night(house, can_anchor=keep_on(house, post).can_anchor)
    tell_of_faults(house, post)
    return verdict
