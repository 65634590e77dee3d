"""The copies of a job as one ZIP, written as it is fetched: one copy is open at a time, and nothing lies on a disk."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence

from school_protocol.domain.errors import Sealed
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import scope_of, today_for
from school_protocol.services.papers.bulk import Job, see_job
from school_protocol.services.papers.bulk_said import why_said
from school_protocol.storage import bulk, index, papers
from school_protocol.storage.bulk import BulkCase, CaseState
from school_protocol.storage.engines import Session
from school_protocol.wording import Wording

LIST = "cases.csv"
_BATCH = 20
_BOM = "\ufeff"


def zipped(house: House, actor: Actor, job_id: str) -> Iterator[bytes]:
    """The copies as files, named by case, number of the copy and language, and a list of all cases with what came of
    each, in this person's language. Raises Unseen before the first byte.

    A copy of a case that is not open to them any more is left out, and the list says so.
    """
    return _parts(house, actor, see_job(house, actor, job_id))


def _parts(house: House, actor: Actor, job: Job) -> Iterator[bytes]:
    sink, told = _Sink(), list[tuple[BulkCase, str]]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for cases in _batches(house, job):
            for case, data, why in _opened(house, actor, job, cases):
                told.append((case, why))
                if data is not None:
                    name = f"{case.number}-{case.copy}-{job.bulk.language}.pdf"
                    archive.writestr(zipfile.ZipInfo(name), data)
                    yield sink.taken()
        archive.writestr(zipfile.ZipInfo(LIST), _list(told, Wording(actor.language)), zipfile.ZIP_DEFLATED)
    yield sink.taken()


def _batches(house: House, job: Job) -> Iterator[Sequence[BulkCase]]:
    after = 0
    while True:
        with house.realm.reading() as session:
            found = bulk.cases_of(session, job.bulk.id, *CaseState, after=after, limit=_BATCH)
        if not found:
            return
        yield found
        after = found[-1].place


def _opened(
    house: House, actor: Actor, job: Job, cases: Sequence[BulkCase]
) -> Iterator[tuple[BulkCase, bytes | None, str]]:
    scope, document = scope_of(house, actor).of_content(), job.bulk.chosen["document"]
    with house.realm.reading() as session:
        seen = index.seen_among(session, scope, [case.case_id for case in cases], today=today_for(house))
        for case in cases:
            if case.state is not CaseState.done:
                yield case, None, case.why
            elif case.case_id not in seen:
                yield case, None, "not_open"
            else:
                data = _kept(house, session, case, document)
                yield case, data, "" if data is not None else "gone"


def _kept(house: House, session: Session, case: BulkCase, document: str) -> bytes | None:
    try:
        return papers.kept_copy(session, house.vault, case.case_id, document, case.copy)
    except Sealed:
        return None


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
