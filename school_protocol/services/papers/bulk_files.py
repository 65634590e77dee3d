"""The copies of a job as one ZIP, written as it is fetched: one copy is open at a time, and nothing lies on a disk."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence

from school_protocol.domain.errors import Sealed, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import load
from school_protocol.services.papers.bulk import Job, see_job
from school_protocol.services.papers.bulk_said import why_said
from school_protocol.services.papers.bulk_sight import seen_now, sight_now
from school_protocol.storage import access, bulk, papers
from school_protocol.storage.bulk import BulkCase, CaseState
from school_protocol.wording import Wording

LIST = "cases.csv"
_BATCH = 20
_BOM = "\ufeff"


def zipped(house: House, actor: Actor, job_id: str) -> Iterator[bytes]:
    """The copies as files, named by case, number of the copy and language, and a list of the cases that this person
    sees by now with what came of each, in their language. Raises Unseen before the first byte.

    A copy is left out, and the list says so, where they would not get the same by now, and where it was taken back.
    Each that they get is noted as an access to its case.
    """
    return _parts(house, actor, see_job(house, actor, job_id))


def _parts(house: House, actor: Actor, job: Job) -> Iterator[bytes]:
    sink, told = _Sink(), list[tuple[BulkCase, str]]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for cases in _batches(house, actor, job):
            for case in cases:
                try:
                    data, why = _opened(house, actor, job, case)
                except Unseen:  # shut to them since the batch was read
                    continue
                told.append((case, why))
                if data is not None:
                    name = f"{case.number}-{case.copy}-{job.bulk.language}.pdf"
                    archive.writestr(zipfile.ZipInfo(name), data)
                    yield sink.taken()
        archive.writestr(zipfile.ZipInfo(LIST), _list(told, Wording(actor.language)), zipfile.ZIP_DEFLATED)
    yield sink.taken()


def _batches(house: House, actor: Actor, job: Job) -> Iterator[Sequence[BulkCase]]:
    after = 0
    while True:
        with house.realm.reading() as session:
            seen = seen_now(house, actor)
            found = bulk.cases_of(session, job.bulk.id, *CaseState, after=after, limit=_BATCH, seen=seen)
        if not found:
            return
        yield found
        after = found[-1].place


def _opened(house: House, actor: Actor, job: Job, case: BulkCase) -> tuple[bytes | None, str]:
    """The copy, or why there is none. Raises Unseen where the case is not for this person by now."""
    if case.state is not CaseState.done:
        return None, case.why
    document = job.bulk.chosen["document"]
    try:
        with house.realm.reading() as session:
            loaded = load(house, session, actor, case.number)
            if not case.sight or sight_now(loaded, job.bulk.profile, case.copy) != case.sight:
                return None, "not_open"
            if (document, case.copy) in loaded.case.revoked:
                return None, "revoked"
            data = papers.kept_copy(session, house.vault, house.blobs, case.case_id, document, case.copy)
    except Sealed:
        data = None
    if data is None:
        return None, "gone"
    with house.realm.writing() as session:
        what = f"file.{job.bulk.profile}"
        access.note(session, case_id=case.case_id, account=actor.id, at=house.now(), what=what)
    return data, ""


def _list(told: Sequence[tuple[BulkCase, str]], w: Wording) -> str:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow([w._("Case"), w._("Copy"), w._("What came of it")])
    for case, why in told:
        if case.state is CaseState.waiting:
            rows.writerow([case.number, "", w._("No copy was made: the work was stopped before.")])
        else:
            rows.writerow([case.number, case.copy or "", why_said(w, why) if why else w._("Copy made")])
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
