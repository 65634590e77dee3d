"""Why a file is not taken or not opened, in words, and what to do instead."""

from __future__ import annotations

from school_protocol.domain.evidence import Refusal
from school_protocol.wording import Wording


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
