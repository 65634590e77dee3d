"""What became of a file of evidence, and why one is not taken or not opened, in words: the same on pages and papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from school_protocol.domain.evidence import Format, Purpose, Refusal
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


def refusal_said(w: Wording, code: Refusal, found: str = "") -> str:
    """One or two sentences, for whoever wanted to put a file there or to open one."""
    return _forbidden(w).get(code) or _of_content(w, found).get(code) or _of_state(w)[code]


def _forbidden(w: Wording) -> dict[Refusal, str]:
    return {
        Refusal.intimate: w._(
            "The content is, or may be, sexual or intimate: no file is taken, and none is opened. Do not look, copy "
            "or forward. Describe it in words: “image described by the pupil, not viewed”, where, which account, when."
        ),
        Refusal.danger: w._(
            "A danger stands in this case that forbids any file: none is taken, and none is opened. Describe it in "
            "words, and follow the first minutes."
        ),
        Refusal.not_said: w._(
            "It is not said whether the content is sexual or intimate: no file is taken. Correct the piece first."
        ),
        Refusal.off: w._("Files are not kept here: a description is enough."),
        Refusal.shut: w._("This file was shut: it must not be kept here. Nobody opens it."),
        Refusal.not_asked: w._("Ask the police or the prosecutor first, and note it: then it is destroyed."),
    }


def _of_content(w: Wording, found: str) -> dict[Refusal, str]:
    named = w._("This is another kind of file (%(found)s).", found=found) if found else ""
    only = w._("Only pictures (PNG, JPEG), PDF and text are taken.")
    return {
        Refusal.unknown_format: " ".join(part for part in (named, only) if part),
        Refusal.moving: w._("Videos and moving pictures are not taken. Describe them in words."),
        Refusal.too_many_pixels: w._("The picture is too large. Take a capture of the part that matters."),
        Refusal.mixed: w._(
            "This file holds something else besides: it is not taken. Take a new capture of the screen, and try again."
        ),
        Refusal.broken: w._("This file is damaged, or not what it seems to be. Take a new capture, and try again."),
        Refusal.active: w._("This PDF runs something, or holds another file: it is not taken. Print it to a new PDF."),
        Refusal.encrypted: w._("This PDF is locked with a password: it is not taken."),
        Refusal.too_long: w._("Reading this file took too long: it is not taken."),
        Refusal.empty: w._("Choose a file: nothing came."),
        Refusal.too_large: w._("The file is larger than %(number)s MB.", number=found),
    }


def _of_state(w: Wording) -> dict[Refusal, str]:
    return {
        Refusal.unclean: w._("The virus scanner refused this file. Do not open it, and tell whoever looks after it."),
        Refusal.not_scanned: w._(
            "The virus scanner does not answer, so that no file is taken now. Nothing was kept. Try again later."
        ),
        Refusal.not_attested: w._("Tick the box first: it says what must never be put here."),
        Refusal.has_file: w._("This piece has its file already: register another piece for another file."),
        Refusal.closed: w._("The case takes no new piece now."),
        Refusal.gone: w._("The file is not there any more."),
    }
