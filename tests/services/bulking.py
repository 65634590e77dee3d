"""Jobs of many copies, begun, worked on and fetched: for the tests of them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from handing import hand_out_as
from sqlalchemy import func, select

from school_protocol.case_files.bulk import Job, Wish, begin_bundle, go_on, see_job
from school_protocol.case_files.models import BulkCaseRow, HandedPaperRow
from school_protocol.case_files.prepare_process import Here
from school_protocol.case_files.prepared import LIST, zipped
from school_protocol.language import Wording
from school_protocol.storage.models import EventRow
from services.conftest import School

KEY = "ma-cyberharassment"
WISH = Wish(offer=f"{KEY}/school", language="fr")
HOUR = 3600.0
COPY_MADE = Wording("fr")._("Copy made")


def reported(school: School, monkeypatch: pytest.MonkeyPatch) -> School:
    """Four cases of one school; pages are a word."""
    hand_out_as(monkeypatch, lambda view, wording: f"%PDF {view.head.number} {wording.language}".encode())
    for _case in range(4):
        school.report()
    return school


def begun(school: School, who: str = "head", token: str = "t", **changes: Any) -> str:
    wish = Wish(**{**{name: getattr(WISH, name) for name in WISH.__slots__}, **changes})
    return begin_bundle(school.ctx, school.person(who), wish, token).job


def worked(school: School, hands: Any = None, seconds: float = HOUR) -> bool:
    return go_on(school.ctx, hands or Here(school.ctx), seconds)


def seen(school: School, job: str, who: str = "head") -> Job:
    return see_job(school.ctx, school.person(who), job)


def fetched(school: School, job: str, who: str = "head") -> zipfile.ZipFile:
    parts = list(zipped(school.ctx, school.person(who), job))
    return zipfile.ZipFile(io.BytesIO(b"".join(parts)))


def listed(archive: zipfile.ZipFile) -> list[list[str]]:
    return list(csv.reader(io.StringIO(archive.read(LIST).decode("utf-8-sig"))))


def issuings(school: School) -> dict[str, int]:
    """How many copies each case says were handed out."""
    with school.ctx.realm.reading() as session:
        query = select(EventRow.case_id, func.count()).where(EventRow.kind == "DocumentIssued")
        return {str(case_id): number for case_id, number in session.execute(query.group_by(EventRow.case_id))}


def rows(school: School) -> list[BulkCaseRow]:
    with school.ctx.realm.reading() as session:
        return list(session.scalars(select(BulkCaseRow).order_by(BulkCaseRow.place)))


@dataclass
class Dying:
    """Does the work, and is gone after so many cases: before or after it told anybody."""

    ctx: Any
    lives: int
    tells: bool
    size: int = 1
    told: list[str] = field(default_factory=list)

    def do(self, work: Callable[..., Any], *told: Any, now: datetime) -> Any:
        self.told.append(told[1])
        if self.lives == 0 and self.tells:
            raise KeyboardInterrupt
        answer = Here(self.ctx).do(work, *told, now=now)
        if self.lives == 0:
            raise KeyboardInterrupt
        self.lives -= 1
        return answer


def handed(school: School) -> int:
    with school.ctx.realm.reading() as session:
        return session.scalar(select(func.count()).select_from(HandedPaperRow)) or 0
