"""What goes wrong while a copy is issued: a clear answer, no half file, no number, no event, the case as it was."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from school_protocol.case_files import printing
from school_protocol.case_files.models import AskedPaperRow, HandedPaperRow, PreparedPaperRow
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.models import DocumentCopyRow
from school_protocol.context import open_context
from school_protocol.pdf import rendering
from school_protocol.pdf.rendering import DocumentsUnavailable
from school_protocol.pdf.verdicts import SealingError
from school_protocol.storage import journal
from school_protocol.storage.models import EventRow, UsedTokenRow
from school_protocol.storage.store_errors import KeysUnusable, StorageFull
from services.conftest import School
from services.test_sealed_papers import keys, loaded

KEPT = (EventRow, DocumentCopyRow, HandedPaperRow, PreparedPaperRow, AskedPaperRow, UsedTokenRow)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The pages of one page, made once: what is typeset is not the question here."""
    if rendering.missing() is not None:
        pytest.skip("pango is missing")
    from datetime import UTC, datetime

    html = '<!DOCTYPE html><html lang="fr" dir="ltr"><head><title>T</title></head><body><p>x</p></body></html>'
    record = rendering.Attached("record.json", b"{}", "record")
    made = rendering.render(
        html, title="T", language="fr", identifier="x", moment=datetime(2026, 1, 1, tzinfo=UTC), files=(record,)
    )
    monkeypatch.setattr(printing, "case_file", lambda *_any: made)
    return made


def issue(school: School, token: str = "one") -> bytes:
    return issue_case_file(school.ctx, school.person("head"), school.number, "school", "fr", token=token).data


def rows(school: School) -> dict[str, int]:
    with school.ctx.realm.reading() as session:
        found = {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in KEPT}
        assert journal.verify_all(session, school.ctx.vault) == []
    return found


def files(school: School) -> set[str]:
    """Every file that lies beside the data, the stores' own apart."""
    return {str(path) for path in school.ctx.settings.data.rglob("*") if ".sqlite" not in path.name}


def refused(school: School, kind: type[Exception]) -> None:
    """It is refused so, and nothing of it is left anywhere."""
    before, lying = rows(school), files(school)
    with pytest.raises(kind):
        issue(school)
    assert rows(school) == before
    assert files(school) == lying


def issued_after_all(school: School) -> None:
    """Once it is mended the same press hands out copy 1."""
    before = rows(school)
    assert issue(school).startswith(b"%PDF")
    after = rows(school)
    assert after["event"] == before["event"] + 1
    assert after["document_copy"] == 1


# ---- a full disk ---------------------------------------------------------------------------------------------------


def writes_of(school: School) -> list[str]:
    """Every statement with which issuing writes."""
    found: list[str] = []

    def noted(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.split()[0] in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
            found.append(statement)

    event.listen(school.ctx.realm.engine, "before_cursor_execute", noted)
    try:
        issue(school, "another")
    finally:
        event.remove(school.ctx.realm.engine, "before_cursor_execute", noted)
    return found


def full_from(place: int) -> Callable[..., None]:
    """A disk that is full at the write with that number."""
    count = 0

    def full(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        nonlocal count
        if statement.split()[0] in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
            count += 1
            if count == place:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise OperationalError(statement, None, error)

    return full


@pytest.mark.exhaustive
def test_a_disk_that_is_full_at_any_write_leaves_nothing_behind(school: School, pages: bytes) -> None:
    school.report()
    other = school.number
    school.report()
    engine, failed = school.ctx.realm.engine, 0
    for place in range(1, 100):
        full = full_from(place)
        before, lying = rows(school), files(school)
        event.listen(engine, "before_cursor_execute", full)
        try:
            issue(school)
        except StorageFull:
            failed += 1
        else:
            break
        finally:
            event.remove(engine, "before_cursor_execute", full)
        assert (rows(school), files(school)) == (before, lying), f"write {place}"
    assert rows(school)["event"] == before["event"] + 1, "the first that met no full disk went through"
    school.number = other
    assert failed == len(writes_of(school)) + 1, "it was full at each write; the first also keeps who asks for what"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_while_it_is_stamped_or_signed(
    school: School, pages: bytes, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Stamping and signing write to memory alone; were it otherwise, it would be said as well."""
    from school_protocol.case_files import service as case_files_service

    school.report()

    def full(*_any: Any, **_more: Any) -> bytes:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(case_files_service, "copied", full)
        refused(school, OSError)
    issued_after_all(school)


def test_nothing_is_written_to_a_disk_but_by_the_store(
    school: School, pages: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is opened for writing between the press and the bytes: none can be left half."""
    import builtins
    import tempfile

    school.report()
    keys(school)
    opened: list[str] = []
    stock, stock_open = builtins.open, os.open

    def noting(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        if set(mode) & set("wax+"):
            opened.append(str(file))
        return stock(file, mode, *more, **options)

    def noting_os(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            opened.append(str(path))
        return stock_open(path, flags, *more, **options)

    monkeypatch.setattr(builtins, "open", noting)
    monkeypatch.setattr(os, "open", noting_os)
    issue(school)
    assert [path for path in opened if "null" not in path] == []
    with tempfile.NamedTemporaryFile():
        assert opened, "the control: this one is noted"


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_a_master_key_that_is_gone_or_another_opens_nothing(school: School, pages: bytes) -> None:
    school.report()
    folder = school.ctx.settings.keys
    master = folder / "master-1.key"
    right = master.read_bytes()
    for wrong in (os.urandom(32), b"short", None):
        master.chmod(0o600)
        if wrong is None:
            master.unlink()
        else:
            master.write_bytes(wrong)
            master.chmod(0o400)
        with pytest.raises(KeysUnusable):
            _issued_by_another(school)
        if not master.exists():
            master.touch(0o600)
    master.chmod(0o600)
    master.write_bytes(right)
    master.chmod(0o400)
    issued_after_all(school)


def _issued_by_another(school: School) -> None:
    """By an installation that is opened afresh, with the keys as they lie there now."""
    ctx = open_context(school.ctx.settings, school.ctx.clock)
    try:
        issue_case_file(ctx, school.person("head"), school.number, "school", "fr", token="one")
    finally:
        ctx.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault", ["lost", "not a key", "another academy's", "unreadable"])
def test_a_signing_key_that_cannot_be_used_issues_nothing(school: School, pages: bytes, fault: str) -> None:
    school.report()
    keys(school)
    folder = school.ctx.settings.data / "signing"
    from school_protocol.case_files.service import academy_of

    path = folder / f"{academy_of(school.ctx, loaded(school).around.unit).code}.pem"
    right = path.read_bytes()
    path.chmod(0o600)
    if fault == "lost":
        path.unlink()
    elif fault == "not a key":
        path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n")
    elif fault == "unreadable":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(right[: len(right) // 2])
    refused(school, SealingError)
    if path.is_dir():
        path.rmdir()
    path.write_bytes(right)
    path.chmod(0o400)
    issued_after_all(school)


# ---- fonts and WeasyPrint ------------------------------------------------------------------------------------------


@pytest.fixture
def unlearned() -> Any:
    """The typesetter is learned anew, before and after."""
    rendering._typesetter.cache_clear()
    yield
    rendering._typesetter.cache_clear()


def test_without_its_typeface_nothing_is_issued_and_the_command_that_mends_it_is_said(
    school: School, unlearned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.report()
    with monkeypatch.context() as patch:
        patch.setattr("school_protocol.pdf.fonts.DEFAULT_FOLDER", tmp_path)
        assert "school_protocol.pdf.fonts" in (rendering.missing() or "")
        refused(school, DocumentsUnavailable)


def test_without_weasyprint_nothing_is_issued(school: School, unlearned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    school.report()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "weasyprint", None)
        assert "WeasyPrint" in (rendering.missing() or "")
        refused(school, DocumentsUnavailable)
