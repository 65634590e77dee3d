"""Whole copies, as they are issued: a made-up case with its true record inside, stamped and signed; and forged ones."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import pikepdf

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import case_file
from school_protocol.case_files.record import encoded, record_of
from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.pdf.assemble import assembled, overlay
from school_protocol.pdf.signing import sign
from school_protocol.protocol.reader import read

from .made_up import MadeUp, profiles
from .sealed import COPY, DEFINITIONS, NOW, academy, saved

Change = Callable[[pikepdf.Pdf], object]


@lru_cache(maxsize=4)
def definition(name: str = "small") -> tuple[Protocol, str]:
    """A definition as a record carries it: what is read, and its text."""
    text = DEFINITIONS[name].read_text("utf-8")
    return read(text.encode(), name), text


@lru_cache(maxsize=8)
def view_of_case(identified: bool = True) -> CaseFile:
    protocol, _text = definition()
    return MadeUp(protocol).file(profiles(protocol)[identified])


@lru_cache(maxsize=16)
def unsigned(language: str = "fr", identified: bool = True) -> bytes:
    """A copy before its signature."""
    protocol, text = definition()
    view, w = view_of_case(identified), Wording(language)
    record = encoded(record_of(view, {protocol.version: protocol}, {protocol.version: text}, w))
    return assembled(case_file(view, w, record), overlay(COPY, w), COPY)


@lru_cache(maxsize=8)
def whole(language: str = "fr", identified: bool = True) -> bytes:
    """A copy as it was issued."""
    return sign(unsigned(language, identified), academy(), NOW)


def forged(change: Change, language: str = "fr") -> bytes:
    """The copy, changed by somebody who holds the academy's own key."""
    with pikepdf.open(io.BytesIO(unsigned(language))) as pdf:
        change(pdf)
        return sign(saved(pdf), academy(), NOW)


def carried(data: bytes, name: str) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        found: bytes = pdf.attachments[name].get_file().read_bytes()
        return found


def with_record(record: bytes, *, named: str = "") -> bytes:
    """The copy with another record inside, its digest set right in copy.json (or to `named`), and signed again."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["record.json"].obj.EF.F.write(record)
        copy = replace(COPY, record_digest=named or hashlib.sha256(record).hexdigest())
        pdf.attachments["copy.json"].obj.EF.F.write(copy.as_json())

    return forged(change)
