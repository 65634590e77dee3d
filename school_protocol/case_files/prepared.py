"""Worker for case files made ahead, after a case has moved and is quiet; and the ZIP of a job of many copies.

What is due is said by the database alone, so that work may be stopped or killed anywhere. Nobody waits for it: what is
not made ahead is made on the spot.
"""

from __future__ import annotations

import csv
import io
import logging
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from school_protocol.auth.sign_in_service import actor_of
from school_protocol.case_files import repository
from school_protocol.case_files.bulk import Job, see_job, seen_now, sight_now
from school_protocol.case_files.copy_scope import check_summary, document_of, profiles_of, readers_of
from school_protocol.case_files.models import BulkCaseRow
from school_protocol.case_files.prepare_process import Broken
from school_protocol.case_files.printing import draft, sort_of
from school_protocol.case_files.repository import CaseState, Wanted
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import Loaded, load, load_by_id, scope_of
from school_protocol.context import AppContext, take_away, today_for
from school_protocol.engine.definition_parts import Profile
from school_protocol.engine.errors import Refused, Sealed, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.language import ZONE, Wording
from school_protocol.storage import access_log, journal
from school_protocol.storage.engines import Session

ASKED = timedelta(days=30)
"""How long what somebody asked for is made ahead."""
LEASE = timedelta(minutes=5)
"""After so long, whoever was at a file is gone."""
SLICE = 20
"""Files that are made before whoever asks the worker to stop has their turn."""
TRIES = 3
"""How often a file is begun, unless the case moves."""
_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    made = "made"
    ready = "ready"
    """It was there."""
    moved = "moved"
    """Somebody wrote meanwhile: what was made is dropped."""
    nothing = "nothing"
    """It is not for that person, or not any more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of a look at one file, and when to look again unless the case moves."""

    outcome: Outcome
    until: datetime


Make = Callable[[Wanted], Look]


def go_through(ctx: AppContext, make: Make) -> bool:
    """Make a slice of what is due; returns whether something is left. `make` is `make_ahead`, here or elsewhere.

    One that fails keeps no other back, and is begun again a few times at most.
    """
    now = ctx.now()
    with ctx.realm.writing() as session:
        outdated = repository.outdated_places(session, now)
        repository.drop_outdated(session, now)
        repository.drop_looks(session, now - ASKED)
    take_away(ctx, outdated)
    with ctx.realm.reading() as session:
        found = repository.wanted(
            session, asked_since=now - ASKED, quiet_since=now - ctx.settings.quiet, now=now, limit=SLICE
        )
    begun = [_gone_through(ctx, one, make) for one in found]
    return len(found) == SLICE and any(begun)


def _gone_through(ctx: AppContext, one: Wanted, make: Make) -> bool:
    """Whether this worker was the one to look."""
    if one.tries >= TRIES:
        _put_off(ctx, one)
        return True
    with ctx.realm.writing() as session:
        if not repository.begin_look(session, one, ctx.now() + LEASE):
            return False
    try:
        look = make(one)
    except Broken as error:
        _log.warning("a case file could not be made ahead (%s)", error)
        with ctx.realm.writing() as session:
            repository.end_look(session, one, ctx.now() + LEASE * (one.tries + 1), failed=True)
        return True
    with ctx.realm.writing() as session:
        if look.outcome is Outcome.moved:
            repository.forget_look(session, one)
        else:
            repository.end_look(session, one, look.until)
    return True


def _put_off(ctx: AppContext, one: Wanted) -> None:
    """It failed too often: not before the next day, unless the case moves."""
    _log.warning("a case file is not made ahead any more today: it failed %d times", one.tries)
    with ctx.realm.writing() as session:
        repository.end_look(session, one, _midnight(ctx))


def make_ahead(ctx: AppContext, one: Wanted) -> Look:
    """Make one file, unless it is there or not for that person, and keep it, unless somebody wrote meanwhile."""
    with ctx.realm.reading() as session:
        found = _for_whom(ctx, session, one)
        content = journal.content_head(session, one.case_id)
        if found is None or content is None:
            return Look(Outcome.nothing, _midnight(ctx))
        loaded, profile, about = found
        if loaded.case.last_seq != one.seq:
            return Look(Outcome.moved, ctx.now())
        sort = sort_of(loaded, profile, one.language, about)
        until = repository.prepared_until(session, one.case_id, sort, content.seq, ctx.now())
        if until is not None:
            return Look(Outcome.ready, until)
        made_of = draft(ctx, session, loaded, profile, one.language, about)
        graves = cases_repository.graves(session, one.case_id)
    made = made_of.made()
    laid = repository.lay(ctx.blobs, one.case_id, made.data)
    with ctx.realm.writing() as session:
        head = journal.content_head(session, one.case_id)
        is_whole = cases_repository.graves(session, one.case_id) == graves
        if head != content or not is_whole or not _is_open_to(ctx, session, loaded.actor, one.case_id):
            return Look(Outcome.moved, ctx.now())
        former = repository.keep_prepared(session, ctx.vault, one.case_id, sort, made, laid)
    take_away(ctx, former)
    return Look(Outcome.made, made.until)


def _for_whom(ctx: AppContext, session: Session, one: Wanted) -> tuple[Loaded, Profile, str] | None:
    """The case as that person may see it now, the profile that they may hand out now, and to whom."""
    with ctx.directory.reading() as people:
        actor = actor_of(ctx, one.account, people)
    if actor is None or not _is_open_to(ctx, session, actor, one.case_id):
        return None
    loaded = load_by_id(ctx, session, actor, one.case_id)
    profile = next((each for each in profiles_of(loaded) if each.key == one.profile), None)
    if profile is None or document_of(loaded).key != one.document or one.language not in _languages(ctx, loaded):
        return None
    about = _about(ctx, session, loaded, profile)
    try:
        check_summary(loaded, profile)
    except Refused:  # confirming it moves the case
        return None
    return (loaded, profile, about) if about is not None else None


def _about(ctx: AppContext, session: Session, loaded: Loaded, profile: Profile) -> str | None:
    """To whom a copy is likeliest made out; None where it can be made out to nobody now."""
    possible = (one.about for one in readers_of(ctx, session, loaded, profile) if one.refused is None)
    return next(possible, None)


def _is_open_to(ctx: AppContext, session: Session, actor: Actor, case_id: str) -> bool:
    row = index_repository.find_by_id(session, scope_of(ctx, actor), case_id, today=today_for(ctx))
    return row is not None and not row.ended


def _languages(ctx: AppContext, loaded: Loaded) -> tuple[str, ...]:
    return tuple(one for one in ctx.settings.languages if one in loaded.protocol.languages)


def _midnight(ctx: AppContext) -> datetime:
    """When roles may be others."""
    local = ctx.now().astimezone(ZONE)
    return (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def ready(ctx: AppContext, actor: Actor, number: str) -> frozenset[tuple[str, str]]:
    """Profiles and languages in which a copy for this person is handed out at once."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        content = journal.content_head(session, loaded.case_id)
        if content is None:
            return frozenset()
        return frozenset(
            (profile.key, language)
            for profile in profiles_of(loaded)
            if (about := _about(ctx, session, loaded, profile)) is not None
            for language in _languages(ctx, loaded)
            if repository.prepared_until(
                session, loaded.case_id, sort_of(loaded, profile, language, about), content.seq, ctx.now()
            )
        )


# ---- what is said of jobs of many copies: why a case has none, what a job waits for --------------------------------


def reason_label(w: Wording, code: str) -> str:
    """Why a case has no copy."""
    said = {
        "not_open": w._("It was not open to you, or not in this form, when its turn came."),
        "summary": w._("The summary without names must be confirmed first, on the page of its case file."),
        "refused": w._("The protocol did not allow a copy of it."),
        "sealed": w._("It could not be opened: its key was destroyed, or it is not the right one."),
        "broken": w._("Its pages could not be made. Whoever looks after the server finds the reason in the log."),
        "revoked": w._("Its copy was taken back."),
        "gone": w._("Its copy is kept no longer: something in the case was destroyed since."),
    }
    return said.get(code, said["broken"])


def trouble_message(w: Wording, code: str) -> str:
    """What a job waits for; it goes on by itself once that is mended."""
    said = {
        "busy": w._("The store is busy. It goes on within a minute."),
        "full": w._("No room is left on the disk of the server. It goes on as soon as there is."),
        "keys": w._("The keys of the store cannot be used. It goes on as soon as they are in order."),
        "timestamp": w._("The authority that confirms the time does not answer: it is tried again."),
        "signing": w._("Copies cannot be signed: the academy’s key is missing or cannot be used."),
        "typesetting": w._("Documents cannot be made on the server: something is not installed."),
    }
    return said.get(code, "")


def problem_message(w: Wording, code: str, most: int) -> str:
    """What is wrong with what was asked for."""
    said = {
        "choice": w._("Choose one of these."),
        "unknown_school": w._("A code is not that of a school here."),
        "day": w._("This is not a day."),
        "before_first": w._("This day is before the first one."),
        "no_case": w._("No case that you see is like this."),
        "too_many_cases": w._("These are more than %(most)s cases. Choose fewer schools or days.", most=most),
    }
    return said.get(code, w._("Please check this answer."))


# ---- the copies of a job as one ZIP --------------------------------------------------------------------------------
# Written as it is fetched: one copy is open at a time, and nothing lies on a disk.

LIST = "cases.csv"
_BATCH = 20
_BOM = "\ufeff"


def zipped(ctx: AppContext, actor: Actor, job_id: str) -> Iterator[bytes]:
    """The copies as files, named by case, number of the copy and language, and a list of the cases that this person
    sees by now with what came of each, in their language. Raises Unseen before the first byte.

    A copy is left out, and the list says so, where they would not get the same by now, and where it was taken back.
    Each that they get is noted as an access to its case.
    """
    return _parts(ctx, actor, see_job(ctx, actor, job_id))


def _parts(ctx: AppContext, actor: Actor, job: Job) -> Iterator[bytes]:
    sink, told = _Sink(), list[tuple[BulkCaseRow, str]]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for cases in _batches(ctx, actor, job):
            for case in cases:
                try:
                    data, why = _opened(ctx, actor, job, case)
                except Unseen:  # shut to them since the batch was read
                    continue
                told.append((case, why))
                if data is not None:
                    name = f"{case.number}-{case.copy}-{job.bulk.language}.pdf"
                    archive.writestr(zipfile.ZipInfo(name), data)
                    yield sink.taken()
        archive.writestr(zipfile.ZipInfo(LIST), _list(told, Wording(actor.language)), zipfile.ZIP_DEFLATED)
    yield sink.taken()


def _batches(ctx: AppContext, actor: Actor, job: Job) -> Iterator[Sequence[BulkCaseRow]]:
    after = 0
    while True:
        with ctx.realm.reading() as session:
            seen = seen_now(ctx, actor)
            found = repository.cases_of(session, job.bulk.id, *CaseState, after=after, limit=_BATCH, seen=seen)
        if not found:
            return
        yield found
        after = found[-1].place


def _opened(ctx: AppContext, actor: Actor, job: Job, case: BulkCaseRow) -> tuple[bytes | None, str]:
    """The copy, or why there is none. Raises Unseen where the case is not for this person by now."""
    if case.state != CaseState.done:
        return None, case.why
    document = job.bulk.chosen["document"]
    try:
        with ctx.realm.reading() as session:
            loaded = load(ctx, session, actor, case.number)
            if not case.sight or sight_now(loaded, job.bulk.profile, case.copy) != case.sight:
                return None, "not_open"
            if (document, case.copy) in loaded.case.revoked:
                return None, "revoked"
            data = repository.kept_copy(session, ctx.vault, ctx.blobs, case.case_id, document, case.copy)
    except Sealed:
        data = None
    if data is None:
        return None, "gone"
    with ctx.realm.writing() as session:
        what = f"file.{job.bulk.profile}"
        access_log.note(session, case_id=case.case_id, account=actor.id, at=ctx.now(), what=what)
    return data, ""


def _list(told: Sequence[tuple[BulkCaseRow, str]], w: Wording) -> str:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow([w._("Case"), w._("Copy"), w._("What came of it")])
    for case, why in told:
        if case.state == CaseState.waiting:
            rows.writerow([case.number, "", w._("No copy was made: the work was stopped before.")])
        else:
            rows.writerow([case.number, case.copy or "", reason_label(w, why) if why else w._("Copy made")])
    return _BOM + written.getvalue()


class _Sink(io.RawIOBase):
    """What a ZIP is written to, and taken from piece by piece."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held
