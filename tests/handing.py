"""Copies whose pages are whatever a test says: neither typeset nor stamped nor signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete

from school_protocol.case_files import printing
from school_protocol.case_files import service as case_files_service
from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.models import PreparedPaperRow
from school_protocol.context import AppContext
from school_protocol.language import Wording

Pages = Callable[[CaseFile, Wording], bytes]


def hand_out_as(monkeypatch: pytest.MonkeyPatch, pages: Pages) -> None:
    """Case files are what `pages` makes of their view, to the byte."""

    def made(view: CaseFile, wording: Wording, _record: bytes) -> bytes:
        return pages(view, wording)

    def copied(_ctx: Any, _loaded: Any, _handed: Any, _head: Any, data: bytes, *, has_record: bool) -> bytes:
        assert has_record
        return data

    monkeypatch.setattr(printing, "case_file", made)
    monkeypatch.setattr(case_files_service, "bind", lambda _pieces, file, _wording: file.data)
    monkeypatch.setattr(case_files_service, "copied", copied)


def forget_prepared(ctx: AppContext) -> None:
    """Nothing is made ahead any more: pages are made anew, by whatever makes them now."""
    with ctx.realm.writing() as session:
        session.execute(delete(PreparedPaperRow))
