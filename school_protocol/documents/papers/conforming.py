"""How what the protocol asked went, in words: on pages and papers alike."""

from __future__ import annotations

from datetime import datetime

from school_protocol.domain.conformance import AskedLine
from school_protocol.domain.protocol import Protocol
from school_protocol.wording import Wording


def outcome_said(w: Wording, line: AskedLine, as_of: datetime, protocol: Protocol) -> tuple[str, str, str]:
    """Tone, mark and words of how it went, with when no time ran and why."""
    tone, mark, words = _went(w, line, as_of)
    for one in line.pauses:
        since, until = w.day(one.since), w.day(one.until or as_of)
        if one.until is None:
            words = w._("Suspended since %(since)s", since=since)
        else:
            words += " · " + w._("time stopped from %(since)s to %(until)s", since=since, until=until)
        why = protocol.facts.get(protocol.deadlines[line.key].suspended_while or "")
        words = w.pair(words, w.text(why.label)) if why else words
    return tone, mark, words


def _went(w: Wording, line: AskedLine, as_of: datetime) -> tuple[str, str, str]:
    due, done = line.due_at, line.done_at
    if line.outcome == "late" and due and done:
        return "today", "!", w._("Done, %(late)s", late=w.late_by(done - due))
    if line.outcome == "overdue" and due:
        return "late", "×", w._("Not done, %(late)s", late=w.late_by(as_of - due))
    return {
        "kept": ("ok", "✓", w._("Done in time") if due else w._("Done")),
        "late": ("today", "!", w._("Done late")),
        "overdue": ("late", "×", w._("Not done, late")),
        "open": ("soon", "…", w._("Still to be done")),
        "suspended": ("plain", "–", w._("Suspended")),
        "excused": ("plain", "–", w._("Excused, with a reason")),
    }.get(line.outcome, ("plain", "", line.outcome))
