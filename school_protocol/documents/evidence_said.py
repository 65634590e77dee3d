"""What became of a file of evidence, in words: the same on pages and on papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from school_protocol.domain.evidence import Format, Purpose
from school_protocol.domain.protocol import Protocol
from school_protocol.wording import Wording


def handled_said(w: Wording, protocol: Protocol, detail: Mapping[str, Any]) -> str:
    """A file was received, shut, asked about or destroyed, as one sentence; never what it shows."""
    piece = detail.get("piece", "")
    match detail.get("step"):
        case "kept":
            return w._("File of piece %(number)s received, and sealed", number=piece)
        case "shut":
            return w._("File of piece %(number)s shut: it must not be kept here. Nobody opens it", number=piece)
        case "asked":
            target = protocol.targets.get(str(detail.get("target", "")))
            named = w.text(target.title) if target is not None else str(detail.get("target", ""))
            return w._("File of piece %(number)s: %(service)s was asked what to do", number=piece, service=named)
        case "destroyed":
            return w._("File of piece %(number)s destroyed, past recovery", number=piece)
    return w._("Something was done with the file of piece %(number)s", number=piece)


def digest_said(w: Wording, detail: Mapping[str, Any]) -> str:
    """Format, bytes and digest of what was received; empty for any other step."""
    if detail.get("step") != "kept" or not detail.get("sha256"):
        return ""
    return w._(
        "Format %(format)s, %(size)s bytes, SHA-256 digest %(digest)s",
        format=str(detail.get("format", "")).upper(), size=detail.get("size", 0), digest=detail["sha256"],
    )  # fmt: skip


def opened_said(w: Wording, detail: Mapping[str, Any]) -> str:
    """A file was opened, and what for."""
    piece, purpose = detail.get("piece", ""), purpose_said(w, str(detail.get("purpose", "")))
    if detail.get("original"):
        return w._("File of piece %(number)s opened as it was received: %(purpose)s", number=piece, purpose=purpose)
    return w._("File of piece %(number)s opened: %(purpose)s", number=piece, purpose=purpose)


def purpose_said(w: Wording, purpose: str) -> str:
    """What a file is opened for."""
    return {
        Purpose.understand: w._("to understand what happened"),
        Purpose.compare: w._("to compare it with what is told"),
        Purpose.removal: w._("to ask for removal"),
        Purpose.authority: w._("to hand it to the police or the prosecutor"),
        Purpose.other: w._("for another reason"),
    }.get(Purpose(purpose) if purpose in set(Purpose) else Purpose.other, purpose)


def format_said(w: Wording, kind: Format) -> str:
    """What a file is."""
    return {
        Format.png: w._("picture (PNG)"),
        Format.jpeg: w._("picture (JPEG)"),
        Format.pdf: w._("document (PDF)"),
        Format.txt: w._("plain text"),
    }[kind]
