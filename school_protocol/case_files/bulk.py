"""Service of bulk copies: the case files of many cases, asked for by one person, made by workers, fetched as one ZIP.

Each is issued as any copy is: the same checks, a number of its own, an event of its case. How far a job is lies in the
database; a copy is tied to its job by a press that is the same however often it is begun, so that a worker may be
killed anywhere and no case has two.
"""

from __future__ import annotations

import errno
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.case_files import repository
from school_protocol.case_files.copy_scope import NOBODY_TO_TELL, document_of, profiles_of
from school_protocol.case_files.models import BulkCaseRow, BulkRow
from school_protocol.case_files.prepare_process import Broken, Hands
from school_protocol.case_files.printing import eyes_of
from school_protocol.case_files.repository import CaseState, Choice, Seen, State
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.loading import Loaded, as_it_stood, load, scope_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import role_for, roles_of
from school_protocol.engine.definition import Protocol, ScopeKind
from school_protocol.engine.definition_parts import Document, Profile
from school_protocol.engine.errors import BadInput, Conflict, Refused, Sealed, SentBefore, Unseen
from school_protocol.engine.events import DocumentIssued
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.language import ZONE
from school_protocol.pdf.rendering import DocumentError, DocumentsUnavailable
from school_protocol.pdf.verdicts import FileExists, NotSealable, SealingError, StampUnfit, TimestampRefused
from school_protocol.storage import idempotency
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import KeysUnusable, StorageBusy, StorageFull

# ---- which cases of a job its person is told of --------------------------------------------------------------------
# Whose eyes a copy was made for: nobody else gets it, not even the same person in another role.


def seen_now(ctx: AppContext, actor: Actor) -> Seen:
    """The cases that are told of: those whose content this person sees now."""
    return Seen(scope_of(ctx, actor).of_content(), today_for(ctx))


def sight_now(loaded: Loaded, profile: str, copy: int) -> str:
    """For whose eyes that copy would be made now (a digest); empty where this person may not hand it out."""
    issued = _issued(loaded, copy)
    chosen = next((one for one in profiles_of(loaded) if one.key == profile), None)
    if issued is None or chosen is None:
        return ""
    return eyes_of(loaded, chosen, issued.about)


def sight_then(loaded: Loaded, profile: str, copy: int) -> str:
    """For whose eyes it was made; empty where that was for another role than this person holds by now."""
    issued = _issued(loaded, copy)
    if issued is None:
        return ""
    then = as_it_stood(loaded, issued)
    then.roles = roles_of(then.protocol, then.case, then.actor, then.around, then.facts.today)
    chosen = next((one for one in profiles_of(then) if one.key == profile), None)
    if chosen is None or issued.role != then.roles[0]:
        return ""
    return eyes_of(then, chosen, issued.about)


def _issued(loaded: Loaded, copy: int) -> DocumentIssued | None:
    document = document_of(loaded).key
    return next((one for one in loaded.case.documents if (one.document, one.copy) == (document, copy)), None)


MOST = 5_000
"""Cases of one job."""
SCHOOLS_SHOWN = 40
"""Schools that are offered one by one; of more, codes are typed."""
KEPT = timedelta(days=1)
"""How long copies are kept after the last of them was made."""
LONGEST = timedelta(days=7)
"""A job that has not come to its end by then is gone, with what it has made."""
LEASE = timedelta(minutes=4)
"""After so long without a case, whoever was at it is gone."""
SLICE = 10.0
"""Seconds of one job before whoever asks the worker to stop has their turn."""
TRIES = 2
RECENT = 10

_WHOLE_PLACES = frozenset({ScopeKind.unit, ScopeKind.province, ScopeKind.region})
_log = logging.getLogger(__name__)


class BulkRefused(Refused):
    """A job that can't begin: another one of this person's runs, `other`."""

    def __init__(self, other: str) -> None:
        self.other = other
        super().__init__(())


# ---- who may ask, and for what -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """Copies that this person may hand out, by a role that sees a whole school, province or region.

    None of those that are made out to one reader of one case.
    """

    protocol: Protocol
    profile: Profile

    @property
    def key(self) -> str:
        return f"{self.protocol.protocol}/{self.profile.key}"


@dataclass(frozen=True, slots=True)
class Options:
    offers: tuple[Offer, ...]
    languages: tuple[str, ...]
    schools: tuple[Unit, ...]
    """Those that can be chosen one by one; none where there are too many: then codes are typed."""
    jobs: tuple[Job, ...]

    @property
    def many(self) -> bool:
        return not self.schools


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for, and how far it is."""

    bulk: BulkRow
    protocol: Protocol
    profile: Profile | None
    done: int
    refused: int
    waiting: int
    lines: tuple[BulkCaseRow, ...] = ()
    """Cases that were refused, the first of them."""

    @property
    def total(self) -> int:
        return self.done + self.refused + self.waiting

    @property
    def is_running(self) -> bool:
        return self.bulk.state == State.running


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for: `offer` as its key; `schools` by code, none: all; days, both inclusive, of the last move."""

    offer: str
    language: str
    schools: tuple[str, ...] = ()
    ended: bool = False
    first: str = ""
    last: str = ""


def may_ask(ctx: AppContext, actor: Actor) -> bool:
    """Whether any copy of many cases is for this person."""
    return any(True for _offer in _offers(ctx, actor))


def _offers(ctx: AppContext, actor: Actor) -> Iterator[Offer]:
    for protocol in ctx.library.current():
        held = [
            each.role
            for each in actor.appointments
            if each.role in protocol.roles and protocol.roles[each.role].sees in _WHOLE_PLACES
        ]
        document = _case_file(protocol)
        for profile in document.profiles.values() if document else ():
            if profile.reader not in NOBODY_TO_TELL and role_for(protocol, profile.for_, held) is not None:
                yield Offer(protocol, profile)


def _case_file(protocol: Protocol) -> Document | None:
    return next((each for each in protocol.documents.values() if each.is_case_file), None)


def see_options(ctx: AppContext, actor: Actor) -> Options:
    """What this person may ask for, and what they asked for lately. Raises Unseen where it is nothing."""
    offers = tuple(_offers(ctx, actor))
    if not offers:
        raise Unseen("bulk")
    schools = _schools(ctx, actor)
    with ctx.realm.reading() as session:
        found = repository.of_account(session, actor.id, limit=RECENT)
        counted = [repository.counts(session, each.id, seen_now(ctx, actor)) for each in found]
    spoken = {language for offer in offers for language in offer.protocol.languages}
    return Options(
        offers,
        tuple(one for one in ctx.settings.languages if one in spoken),
        schools if len(schools) <= SCHOOLS_SHOWN else (),
        tuple(_job(ctx, each, number) for each, number in zip(found, counted, strict=True)),
    )


def _schools(ctx: AppContext, actor: Actor) -> tuple[Unit, ...]:
    """The schools in which this person holds a role, or that lie below a unit in which they do."""
    found: dict[str, Unit] = {}
    with ctx.directory.reading() as session:
        waiting = list(auth_repository.find_units(session, [held.unit for held in actor.appointments]).values())
        while waiting and len(found) <= SCHOOLS_SHOWN:
            unit = waiting.pop()
            if unit.kind is UnitKind.school:
                found[unit.id] = unit
            else:
                waiting.extend(auth_repository.children(session, unit.id))
    return tuple(sorted(found.values(), key=lambda unit: unit.code))


# ---- asking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    job: str
    repeated: bool = False


def begin_bundle(ctx: AppContext, actor: Actor, wish: Wish, token: str) -> Begun:
    """Ask for copies of many cases: those that this person sees now. Pressed twice, it is one job.

    Raises Unseen where it is not for this person, BadInput by field, BulkRefused where another job runs.
    """
    offer = next((one for one in _offers(ctx, actor) if one.key == wish.offer), None)
    if offer is None and not may_ask(ctx, actor):
        raise Unseen("bulk")
    choice = _choice(ctx, offer, wish)
    assert offer is not None
    said = (wish.offer, wish.language, sorted(wish.schools), wish.ended, wish.first, wish.last)
    press = idempotency.press(ctx.vault, actor.id, token, "bulk", *said)
    document = _case_file(offer.protocol)
    assert document is not None
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return Begun(before["job"], repeated=True)
        if (other := repository.running(session, actor.id)) is not None:
            raise BulkRefused(other)
        scope = scope_of(ctx, actor).of_content()
        found = repository.choose(session, scope, choice, today=today_for(ctx), limit=MOST + 1)
        if len(found) > MOST:
            raise BadInput({"schools": ("too_many_cases",)})
        if not found:
            raise BadInput({"schools": ("no_case",)})
        made = repository.add(
            session, account=actor.id, protocol=offer.protocol.protocol, profile=offer.profile.key,
            language=wish.language, chosen={"schools": sorted(wish.schools), "ended": wish.ended, "first": wish.first,
            "last": wish.last, "document": document.key}, cases=found, at=ctx.now(), until=ctx.now() + LONGEST,
        )  # fmt: skip
        if made is None:
            raise BulkRefused(repository.running(session, actor.id) or "")
        idempotency.use(session, press, {"job": made}, at=ctx.now())
    return Begun(made)


def _choice(ctx: AppContext, offer: Offer | None, wish: Wish) -> Choice:
    """The wish as cases can be chosen by. Raises BadInput with every problem, by field."""
    problems: dict[str, tuple[str, ...]] = {}
    if offer is None:
        problems["offer"] = ("choice",)
    elif wish.language not in offer.protocol.languages or wish.language not in ctx.settings.languages:
        problems["language"] = ("choice",)
    units = _units(ctx, wish.schools)
    if units is not None and len(units) < len(set(wish.schools)):
        problems["schools"] = ("unknown_school",)
    first, last = (_day(field, problems) for field in (("first", wish.first), ("last", wish.last)))
    if first and last and first > last:
        problems["last"] = ("before_first",)
    if problems:
        raise BadInput(problems)
    assert offer is not None
    return Choice(
        protocol=offer.protocol.protocol, units=units, ended=wish.ended,
        moved_from=_begins(first) if first else None, moved_before=_begins(last + timedelta(days=1)) if last else None,
    )  # fmt: skip


def _units(ctx: AppContext, codes: Collection[str]) -> list[str] | None:
    if not codes:
        return None
    with ctx.directory.reading() as session:
        found = [auth_repository.unit_coded(session, code) for code in dict.fromkeys(codes)]
    return [unit.id for unit in found if unit is not None and unit.kind is UnitKind.school]


def _day(field: tuple[str, str], problems: dict[str, tuple[str, ...]]) -> date | None:
    name, text = field
    if not text:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError
        found = date.fromisoformat(text)
        if not 1990 <= found.year <= 2200:
            raise ValueError
    except ValueError:
        problems[name] = ("day",)
        return None
    return found


def _begins(day: date) -> datetime:
    return datetime.combine(day, clock_time(0), ZONE)


# ---- working -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one case: its copy; `why` there is none; or what the whole job waits for."""

    copy: int = 0
    sight: str = ""
    why: str = ""
    trouble: str = ""


def issue_one(ctx: AppContext, account: str, number: str, profile: str, language: str, token: str) -> Made:
    """One copy, by all that is asked of any copy. A repeated token is the same copy again."""
    with ctx.directory.reading() as session:
        actor = actor_of(ctx, account, session)
    if actor is None:
        return Made(why="not_open")
    try:
        copy = _copy_of(ctx, actor, number, profile, language, token)
        with ctx.realm.reading() as session:
            sight = sight_then(load(ctx, session, actor, number), profile, copy)
        return Made(copy=copy, sight=sight) if sight else Made(why="not_open")
    except Refused as refusal:
        return Made(why="summary" if refusal.reasons and refusal.reasons[0].acts else "refused")
    except tuple(kind for kind, _made in _FAILED) as error:
        return next(made for kind, made in _FAILED if isinstance(error, kind))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Made(trouble="full")
        raise


_FAILED: tuple[tuple[type[Exception], Made], ...] = (
    (Unseen, Made(why="not_open")),
    (Sealed, Made(why="sealed")),
    (Conflict, Made(trouble="busy")),
    (StorageBusy, Made(trouble="busy")),
    (StorageFull, Made(trouble="full")),
    (KeysUnusable, Made(trouble="keys")),
    # of this case alone: the next ones go on
    *((kind, Made(why="broken")) for kind in (NotSealable, StampUnfit, FileExists)),
    (TimestampRefused, Made(trouble="timestamp")),
    (SealingError, Made(trouble="signing")),
    (DocumentsUnavailable, Made(trouble="typesetting")),
    (DocumentError, Made(why="broken")),
)
"""What came of a case for which a copy failed: by the first kind of error that it is."""


def _copy_of(ctx: AppContext, actor: Actor, number: str, profile: str, language: str, token: str) -> int:
    try:
        return issue_case_file(ctx, actor, number, profile, language, token=token, is_one_of_many=True).copy
    except SentBefore as before:
        return int(before.outcome["copy"])


def go_on(ctx: AppContext, hands: Hands, seconds: float = SLICE) -> bool:
    """Go on with every job that nobody is at, so many seconds of each; returns whether something is left to do now."""
    with ctx.realm.writing() as session:
        repository.drop_bulk_jobs(session, ctx.now())
    with ctx.realm.reading() as session:
        found = repository.waiting(session, left_since=ctx.now() - LEASE)
    left = [_gone_on(ctx, hands, job_id, seconds) for job_id in found]
    return any(left)


def _gone_on(ctx: AppContext, hands: Hands, job_id: str, seconds: float) -> bool:
    now = ctx.now()
    with ctx.realm.writing() as session:
        if not repository.take(session, job_id, now=now, left_since=now - LEASE):
            return False
        job = repository.job(session, job_id)
    turn = _Turn(ctx, hands, job, now, time.monotonic() + seconds)
    try:
        return turn.work()
    finally:
        with ctx.realm.writing() as session:
            repository.leave(session, job_id, turn.taken_at)


class _Turn:
    """A worker's turn at one job: as many threads as there are hands, each with one case after another."""

    def __init__(self, ctx: AppContext, hands: Hands, job: BulkRow, taken_at: datetime, end: float) -> None:
        self.ctx, self.hands, self.job, self.end = ctx, hands, job, end
        self.taken_at = taken_at
        """Its lease: renewed with each case, and by one thread at a time."""
        self._keeping = threading.Lock()
        self._lock = threading.Lock()
        self._next: deque[BulkCaseRow] = deque()
        self._after = 0
        self._held_up = False

    def work(self) -> bool:
        """Whether something is left that can be gone on with at once."""
        with ThreadPoolExecutor(self.hands.size) as pool:
            for done in [pool.submit(self._one_after_another) for _hand in range(self.hands.size)]:
                done.result()
        with self.ctx.realm.writing() as session:
            left = repository.counts(session, self.job.id)[CaseState.waiting]
            if not left:
                now = self.ctx.now()
                repository.settle(session, self.job.id, at=now, until=now + KEPT, document=self.job.chosen["document"])
        return bool(left) and not self._held_up

    def _one_after_another(self) -> None:
        while time.monotonic() < self.end and not self._held_up:
            case = self._take()
            if case is None:
                return
            self._keep(case, self._made(case))

    def _take(self) -> BulkCaseRow | None:
        with self._lock:
            if not self._next:
                with self.ctx.realm.reading() as session:
                    found = repository.cases_of(session, self.job.id, CaseState.waiting, after=self._after, limit=50)
                self._next.extend(found)
            if not self._next:
                return None
            case = self._next.popleft()
            self._after = max(self._after, case.place)
            return case

    def _made(self, case: BulkCaseRow) -> Made | None:
        """What came of it; None where it broke."""
        job = self.job
        told = (job.account, case.number, job.profile, job.language, f"{job.token}:{case.number}")
        try:
            return self.hands.do(issue_one, *told, now=self.ctx.now())
        except Broken as error:
            _log.warning("bulk %s: a case file could not be made (%s)", job.id, error)
            return None

    def _keep(self, case: BulkCaseRow, made: Made | None) -> None:
        with self._keeping:
            with self.ctx.realm.writing() as session:
                taken_at = self._kept(session, case, made, self.ctx.now())
            self.taken_at = taken_at

    def _kept(self, session: Session, case: BulkCaseRow, made: Made | None, now: datetime) -> datetime:
        """Keep what came of it; returns since when it is taken."""
        job, own = self.job, self.taken_at
        if made is None:
            tries = repository.try_again(session, job.id, case.place, own=own, now=now)
            own = now
            if tries < TRIES:
                return own
            made = Made(why="broken")
        if made.trouble:
            repository.hold_up(session, job.id, made.trouble)
            self._held_up = True
            return own
        if not repository.settle_case(
            session, job.id, case.place, own=own, now=now, copy=made.copy, sight=made.sight, why=made.why
        ):
            self._held_up = True  # it was stopped meanwhile, or is another worker's by now
            return own
        if made.copy:
            repository.keep_copy_until(session, case.case_id, job.chosen["document"], made.copy, job.until)
        return now


# ---- seeing, stopping, deleting ------------------------------------------------------------------------------------

LINES = 200


def see_job(ctx: AppContext, actor: Actor, job_id: str) -> Job:
    """How far it is, and what was refused, of the cases that this person may see by now.

    Raises Unseen to all but whoever asked for it.
    """
    seen = seen_now(ctx, actor)
    with ctx.realm.reading() as session:
        found = _own(session, actor, job_id)
        counted = repository.counts(session, job_id, seen)
        lines = repository.cases_of(session, job_id, CaseState.refused, limit=LINES, seen=seen)
    return _job(ctx, found, counted, lines)


def _own(session: Session, actor: Actor, job_id: str) -> BulkRow:
    found = repository.job(session, job_id)
    if found.account != actor.id:
        raise Unseen(job_id)
    return found


def _job(ctx: AppContext, found: BulkRow, counted: dict[CaseState, int], lines: tuple[BulkCaseRow, ...] = ()) -> Job:
    current = {one.protocol: one for one in ctx.library.every()}
    protocol = current[found.protocol]
    document = _case_file(protocol)
    return Job(
        found, protocol, document.profiles.get(found.profile) if document else None,
        counted[CaseState.done], counted[CaseState.refused], counted[CaseState.waiting], lines,
    )  # fmt: skip


def stop_bundle(ctx: AppContext, actor: Actor, job_id: str) -> bool:
    """No further copy is made; False where it had come to its end before. What was made can be fetched."""
    with ctx.realm.writing() as session:
        found, now = _own(session, actor, job_id), ctx.now()
        return repository.settle(
            session, job_id, at=now, until=now + KEPT, document=found.chosen["document"], why="asked"
        )


def delete_bundle(ctx: AppContext, actor: Actor, job_id: str) -> bool:
    """It runs no longer, and nothing is kept of it but what each case's chronology says.

    False where a copy is being made still: then it is stopped, and can be deleted once that copy is there.
    """
    stop_bundle(ctx, actor, job_id)
    with ctx.realm.writing() as session:
        found = _own(session, actor, job_id)
        if repository.is_taken(session, job_id, left_since=ctx.now() - LEASE):
            return False
        repository.remove(session, job_id, found.chosen["document"])
        return True
