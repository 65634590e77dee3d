"""Checks of the journal: chains, the rows made of them, anchors; the index rebuilt; its own hourly and daily work."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from time import monotonic

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account
from school_protocol.cases import index_check_repository, index_repository, lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded, reindex
from school_protocol.context import AppContext
from school_protocol.engine.case import Case
from school_protocol.engine.errors import BadInput, SchoolProtocolError, Sealed, Unseen
from school_protocol.engine.events import READING_KINDS, EventKind
from school_protocol.language import ZONE, Wording
from school_protocol.mail import Carrier, Letter, Post, Undelivered, Unreachable
from school_protocol.ops import repository
from school_protocol.storage import access_log, administration_log, anchors, backups, chain_checks, journal
from school_protocol.storage import models as storage_models
from school_protocol.storage.anchors import Anchor, AnchorsBusy, AnchorUnwritable
from school_protocol.storage.backups import ErasedUnreadable
from school_protocol.storage.chain_checks import Comparison, Stores
from school_protocol.storage.engines import Session
from school_protocol.storage.journal import Break, Chain, Flaw
from school_protocol.storage.models import DirectoryBase, JournalCheckRow, RealmBase
from school_protocol.storage.store_errors import StorageBusy


def differing(ctx: AppContext, session: Session, ids: Sequence[str]) -> Iterator[Break]:
    """In what the rows of these cases, and the names in them, are others than they were written."""
    last: dict[str, int] = {}
    for case_id in ids:
        if cases_repository.is_destroyed(session, case_id):
            continue
        try:
            case = folded(ctx, session, case_id)[1]
        except (SchoolProtocolError, KeyError, TypeError, ValueError):
            yield Break(case_id, 0, Flaw.unread)
            continue
        last[case_id] = case.last_seq
        if not _are_named(ctx, session, case_id, case):
            yield Break(case_id, 0, Flaw.identities)
    for table, case_id in index_check_repository.forged(session, last):
        yield Break(f"{table} {case_id}", 0, Flaw.forged, Chain.rows)


def _are_named(ctx: AppContext, session: Session, case_id: str, case: Case) -> bool:
    """Whether everybody of the case has a name that opens, and nobody else has."""
    try:
        found = cases_repository.load_identities(session, ctx.vault, case_id)
    except Sealed:
        return False
    said = {one.id: one.slot for one in (*case.people.values(), *case.former.values())}
    return {one.slot_id: one.slot for one in found if one.values is not None} == said


# ---- the index of cases made anew from their events ----------------------------------------------------------------


def rebuild_index(ctx: AppContext, progress: Callable[[int, int], None] | None = None) -> int:
    """Write every case's index row anew from its events, a case at a time; returns how many."""
    with ctx.realm.reading() as session:
        ids = index_repository.all_case_ids(session)
    written = 0
    for done, case_id in enumerate(ids, 1):
        with ctx.realm.writing() as session:
            written += reindex(ctx, session, case_id) is not None
        if progress is not None:
            progress(done, len(ids))
    return written


# ---- what may be asked of the journal: a printed head, where it stands, anchors without the key --------------------

NO_ANCHOR = chain_checks.NO_ANCHOR
LEAST = 8
"""Figures of a head that say enough; papers print 16 or all 64."""


@dataclass(frozen=True, slots=True)
class PrintedHead:
    """What became of a head that a paper shows. `seq` is None: no event of this case ever had it.

    `holds`: whether the chain is whole up to there; `later`: how many events came since.
    """

    number: str
    seq: int | None = None
    at: datetime | None = None
    is_content: bool = False
    holds: bool = False
    later: int = 0


def look_up_head(ctx: AppContext, number: str, head: str) -> PrintedHead:
    """Whether a printed head was ever the head of this case. Raises Unseen, BadInput."""
    plain = re.sub(r"[\s:.-]", "", head).lower()
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST},64}}", plain):
        raise BadInput({"head": ("not_a_head",)})
    with ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, re.sub(r"\D", "", number))
        if case_id is None:
            raise Unseen(number)
        found = journal.with_hash(session, case_id, plain)
        if found is None:
            return PrintedHead(number)
        breaks = journal.verify_case(session, ctx.vault, case_id)
        return PrintedHead(
            number, found.seq, found.at, EventKind(found.kind) not in READING_KINDS,
            not any(one.seq <= found.seq for one in breaks), cases_repository.last_seq(session, case_id) - found.seq,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class JournalStanding:
    """How the journal is kept: the latest checks, the latest anchor, accesses that are open, where anchors lie."""

    latest: JournalCheckRow | None
    passed: JournalCheckRow | None
    anchor: tuple[int, datetime] | None
    open_accesses: int
    folder: Path
    is_beside: bool
    """The anchors lie on the volume of the data: whoever loses or changes one has the other, too."""
    lacking: int
    """How many anchors the second place, where one is set, lacks; one may be on its way."""
    is_late: bool
    """None was taken yesterday or today."""


def see_standing(ctx: AppContext) -> JournalStanding:
    """What an operator has to know of the journal."""
    folder = ctx.settings.anchors_folder
    with ctx.realm.reading() as session:
        latest, passed = chain_checks.latest_check(session), chain_checks.latest_check(session, passed=True)
        anchor = chain_checks.latest_anchor(session)
        yesterday = ctx.now().astimezone(ZONE).date() - timedelta(days=1)
        return JournalStanding(
            latest, passed, anchor, chain_checks.open_accesses(session), folder,
            _volume(folder) == _volume(ctx.settings.data),
            len(anchors.lacking(folder, other)) if (other := ctx.settings.anchors_copy) else 0,
            anchor is not None and anchor[1].astimezone(ZONE).date() < yesterday,
        )  # fmt: skip


def _volume(folder: Path) -> int:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.stat().st_dev


# ---- verification: every chain, the rows made of it, every anchor against the stores -------------------------------

Progress = Callable[[int, int], None]

NAMED = 1000
"""Faults that a verdict names; the rest are counted."""


@dataclass(slots=True)
class Verdict:
    """What a check of everything found. `breaks` are the first ones, cases first; `faults` counts all.

    `erased` are cases erased on purpose: their chains hold, and nothing in them can be opened.
    """

    started_at: datetime
    finished_at: datetime
    cases: int = 0
    events: int = 0
    accesses: int = 0
    administration: int = 0
    erased: int = 0
    seen: Comparison = field(default_factory=Comparison)
    breaks: list[Break] = field(default_factory=list)
    faults: int = 0
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return self.faults == 0


def verify_journal(ctx: AppContext, progress: Progress | None = None, *, folder: Path | None = None) -> list[Break]:
    """Every break, in order; none: the journal holds."""
    return verify(ctx, progress, folder=folder).breaks


def verify(ctx: AppContext, progress: Progress | None = None, *, folder: Path | None = None) -> Verdict:
    """Check everything, a few cases at a time, so that memory stays the same however many there are.

    `folder`: another one of anchors than that of the settings. `progress` is told how many cases of how many are done.
    """
    began = monotonic()
    verdict = Verdict(ctx.now(), ctx.now())
    found = dict[Break, None]()
    for one in _breaks(ctx, folder or ctx.settings.anchors_folder, verdict, progress):
        if one not in found:
            verdict.faults += 1
            if len(found) < NAMED:
                found[one] = None
    verdict.breaks = list(found)
    verdict.finished_at = ctx.now()
    verdict.seconds = monotonic() - began
    return verdict


def verify_chains(ctx: AppContext) -> list[Break]:
    """Every break of what the stores say by themselves, as those of a backup do: anchors know what came later."""
    return list(dict.fromkeys(_of_chains(ctx, Verdict(ctx.now(), ctx.now()), None)))


def _breaks(ctx: AppContext, folder: Path, verdict: Verdict, progress: Progress | None) -> Iterator[Break]:
    yield from _of_chains(ctx, verdict, progress, compares=bool(ctx.library.every()))
    for store, base, missing in (
        (ctx.directory, DirectoryBase, repository.missing_rows),
        (ctx.realm, RealmBase, lookup_repository.missing),
    ):
        with store.reading() as session:
            for model in storage_models.tables(base):
                for key in storage_models.forged(session, model):
                    yield Break(f"{model.__tablename__} {key}", 0, Flaw.forged, Chain.rows)
            yield from (Break(where, 0, Flaw.gone, Chain.rows) for where in missing(session))
    if other := ctx.settings.anchors_copy:
        yield from anchors.compare(folder, other)
    yield from _one_a_case(chain_checks.compare(stores_of(ctx), folder, verdict.seen))


def _of_chains(
    ctx: AppContext, verdict: Verdict, progress: Progress | None, *, compares: bool = False
) -> Iterator[Break]:
    yield from _of_cases(ctx, verdict, progress, compares=compares)
    with ctx.realm.reading() as session:
        yield from access_log.verify(session, ctx.vault)
        verdict.accesses = chain_checks.closed_accesses(session)
    with ctx.directory.reading() as session:
        yield from administration_log.verify(session, ctx.vault)
        verdict.administration = head.seq if (head := administration_log.head(session)) else 0
    try:
        backups.read_erased(ctx.settings.data, ctx.vault)
    except ErasedUnreadable:
        yield Break("", 0, Flaw.erased_list, Chain.anchors)


def _of_cases(ctx: AppContext, verdict: Verdict, progress: Progress | None, *, compares: bool) -> Iterator[Break]:
    with ctx.realm.reading() as session:
        total = journal.count_cases(session)
    after = ""
    while True:
        with ctx.realm.reading() as session:
            ids = journal.case_ids(session, after=after, limit=journal.CASES_AT_ONCE)
            if not ids:
                return
            hold = []
            for case_id in ids:
                broken = list(journal.verify_case(session, ctx.vault, case_id))
                hold += [] if broken else [case_id]
                yield from broken
                session.expunge_all()
                verdict.cases += 1
                if progress is not None:
                    progress(verdict.cases, max(total, verdict.cases))
            if compares:
                yield from differing(ctx, session, hold)
            events, graves = chain_checks.counted(session, ids)
        verdict.events += events
        verdict.erased += graves
        after = ids[-1]


def stores_of(ctx: AppContext) -> Stores:
    """What anchors are taken of and compared with. A list of erased cases that can't be read counts as empty."""

    def ids() -> list[str]:
        try:
            return [one.case_id for one in backups.read_erased(ctx.settings.data, ctx.vault)]
        except ErasedUnreadable:
            return []

    return Stores(ctx.realm, ctx.directory, ctx.vault, ids)


def _one_a_case(breaks: Iterable[Break]) -> Iterator[Break]:
    """Anchor after anchor says the same of a case that was rewritten: the first time is enough."""
    said: set[tuple[str, Flaw]] = set()
    for one in breaks:
        if one.chain is not Chain.case:
            yield one
        elif (one.case_id, one.flaw) not in said and len(said) <= NAMED:
            said.add((one.case_id, one.flaw))
            yield one


# ---- the journal's own work: accesses closed each hour, an anchor each day, a check each night ---------------------

HOUR = timedelta(hours=1)
NIGHT = time(2)
"""When the check of the night begins, in the country's time."""

_log = logging.getLogger(__name__)


# ---- accesses --------------------------------------------------------------------------------------------------------


def close_accesses(ctx: AppContext) -> int:
    """Close what was read since the last time, batch by batch; returns how many accesses that were."""
    closed = 0
    while True:
        with ctx.realm.writing(together=True) as session:
            rows = access_log.close_access_chain(session, ctx.vault, at=ctx.now())
        closed += rows
        if rows < access_log.BATCH:
            return closed


def _close_is_due(ctx: AppContext) -> bool:
    """An hour after the last time; at once where that seems to lie ahead, as the clock was set back."""
    with ctx.realm.reading() as session:
        head = access_log.head(session)
    return head is None or not timedelta(0) <= ctx.now() - head.closed_at < HOUR


# ---- anchors ---------------------------------------------------------------------------------------------------------


def take_anchor(ctx: AppContext, post: Post, *, resumes: str = "") -> Anchor:
    """Close what was read, write an anchor of all chains, and mail its head where an address is set.

    `resumes`: why the database may be older than the anchors before, such as a restored backup. Raises AnchorsBusy,
    AnchorUnwritable, and ErasedUnreadable where the list of erased cases was touched.
    """
    close_accesses(ctx)
    backups.read_erased(ctx.settings.data, ctx.vault)
    folder = ctx.settings.anchors_folder
    try:
        anchor = chain_checks.take_anchor(stores_of(ctx), folder, at=ctx.now(), resumes=resumes)
    except OSError as error:
        raise AnchorUnwritable(f"no anchor can be written in {folder}: {error.strerror or error}") from error
    _mail_anchor(ctx, post, anchor)
    if other := ctx.settings.anchors_copy:
        try:
            anchors.copy(folder, other)
        except OSError as error:
            raise AnchorUnwritable(f"no anchor can be copied to {other}: {error.strerror or error}") from error
    return anchor


def _anchor_is_due(ctx: AppContext) -> bool:
    """Once on each day, by the date alone: a clock that jumps costs an anchor, never many days."""
    with ctx.realm.reading() as session:
        latest = chain_checks.latest_anchor(session)
    return latest is None or latest[1].astimezone(ZONE).date() != ctx.now().astimezone(ZONE).date()


def _mail_anchor(ctx: AppContext, post: Post, anchor: Anchor) -> None:
    """The number and digest of an anchor: enough to know it again, and nothing about anybody."""
    to = ctx.settings.anchor_mail
    if not to:
        return
    w = Wording(ctx.settings.default_language)
    said = w._("Anchor %(number)s of the journal", number=anchor.number)
    keep = w._("Keep this message: it proves later that nothing written before it was changed or taken away.")
    text = f"{said}\n\nSHA-256 {anchor.digest}\n\n{keep}\n"
    letter = Letter(f"anchor-{anchor.number}-{anchor.digest[:16]}", ctx.now(), w.html_language, said, text)
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


def keep_verdict(ctx: AppContext, verdict: Verdict, *, can_anchor: bool = True) -> JournalCheckRow:
    """Keep what came of a check, in numbers and codes; that no anchor can be written counts as a fault of its own."""
    first = verdict.breaks[0] if verdict.breaks else None
    said = f"{first.chain.value} {first.case_id} {first.seq} {first.flaw.value}" if first else ""
    said = said or ("" if can_anchor else chain_checks.NO_ANCHOR)
    with ctx.realm.writing() as session:
        return chain_checks.keep_check(
            session, started_at=verdict.started_at, finished_at=verdict.finished_at, events=verdict.events,
            faults=verdict.faults + (not can_anchor), first_fault=said,
        )  # fmt: skip


def _check_is_due(ctx: AppContext) -> bool:
    """Once from each night on, by the date alone."""
    now = ctx.now().astimezone(ZONE)
    with ctx.realm.reading() as session:
        latest = chain_checks.latest_check(session)
    begun = latest.started_at.astimezone(ZONE) if latest else None
    return begun is None or (_night_of(begun) != _night_of(now))


def _night_of(moment: datetime) -> object:
    """The day whose night it was; before the night's hour, the day before."""
    return moment.date() if moment.time() >= NIGHT else moment.date() - timedelta(days=1)


def tell_of_faults(ctx: AppContext, post: Post) -> int:
    """Tell whoever administers the installation that the latest check found something; returns how many were told.

    Tried again until somebody was reached. The message names nothing and nobody.
    """
    with ctx.realm.reading() as session:
        latest = chain_checks.latest_check(session)
    if latest is None or latest.passed or latest.told_at is not None:
        return 0
    told = [person for person in _administrators(ctx) if person.email and _tell(ctx, post, person, latest)]
    if told:
        with ctx.realm.writing() as session:
            chain_checks.checks_told(session, latest, ctx.now())
    else:
        _log.error("the journal does not hold, and nobody who administers this installation could be told")
    return len(told)


def _administrators(ctx: AppContext) -> tuple[Account, ...]:
    roles = {key for one in ctx.library.every() for key, role in one.roles.items() if role.administers}
    today = ctx.now().astimezone(ZONE).date()
    with ctx.directory.reading() as session:
        return auth_repository.holders_anywhere(session, roles, today)


def _tell(ctx: AppContext, post: Post, person: Account, check: JournalCheckRow) -> bool:
    offered = person.language in ctx.settings.languages
    w = Wording(person.language if offered else ctx.settings.default_language)
    can_anchor = check.first_fault != chain_checks.NO_ANCHOR
    lines = [
        w._("The check of the night found something that must be looked into today."),
        w._("On the server, “school-protocol journal verify” says what.")
        if can_anchor
        else w._("On the server, “school-protocol doctor” says what."),
        w._("A machine sent it: nobody reads an answer."),
    ]
    subject = w._("Urgent: look at the installation")
    letter = Letter(f"check-{check.id}-{person.id}", ctx.now(), w.html_language, subject, "\n\n".join(lines) + "\n")
    return _carry(post.mail, person.email or "", letter)


# ---- what the worker rings for ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """What one ring did."""

    closed: int = 0
    anchor: Anchor | None = None
    can_anchor: bool = True
    """Not where one was due and could not be written."""


def keep_on(ctx: AppContext, post: Post) -> Kept:
    """Close accesses and take an anchor where it is time; what can't be done now is done at the next ring."""
    try:
        closed = close_accesses(ctx) if _close_is_due(ctx) else 0
    except StorageBusy:
        return Kept()
    try:
        anchor = take_anchor(ctx, post) if _anchor_is_due(ctx) else None
    except (StorageBusy, AnchorsBusy):
        return Kept(closed)
    except backups.ErasedUnreadable as error:
        _log.error("no anchor is taken: %s", error)  # the check says so, too: it must not be held up by this
        return Kept(closed)
    except AnchorUnwritable as error:
        _log.error("%s", error)
        return Kept(closed, can_anchor=False)
    return Kept(closed, anchor)


def check_on(ctx: AppContext, post: Post) -> Verdict | None:
    """The check of the night where it is time; and tell whoever has to know."""
    verdict = None
    if _check_is_due(ctx):
        can_anchor = keep_on(ctx, post).can_anchor
        verdict = verify(ctx)
        keep_verdict(ctx, verdict, can_anchor=can_anchor)
    tell_of_faults(ctx, post)
    return verdict
