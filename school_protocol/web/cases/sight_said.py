"""Why somebody sees a case, and what somebody read of it, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import Protocol
from school_protocol.services.sight.who_sees import ReadingLine, Why
from school_protocol.wording import Wording

_WHY: Mapping[str, str] = {
    "school": N_("%(role)s, in this school"),
    "province": N_("%(role)s: oversees this school’s province"),
    "region": N_("%(role)s: oversees this school’s region"),
    "metadata": N_("%(role)s: protects the data of this school"),
    "stands_in": N_("%(role)s: nobody who oversees this school may take part"),
    "awaited": N_("has never signed in so far"),
}
_READ: Mapping[str, str] = {
    "case": N_("the page of the case"),
    "chronology": N_("the chronology"),
    "danger": N_("the first minutes of a danger"),
    "search": N_("found it by a pupil’s name or code"),
    "visit_pack": N_("a visit pack, which counts it and doesn’t name it"),
    "request": N_("what it asks of another school"),
    "contribution": N_("what it tells the school that leads"),
    "handed_over": N_("handed a pupil’s name over to the school that accepted"),
    "hand_over": N_("the list of open cases, to hand over"),
    "api": N_("the record, by another system"),
    "file": N_("issued a copy of the case file"),
    "bundle": N_("issued an archive"),
    "letter": N_("issued a letter or a notice"),
    "copy": N_("took a copy back"),
    "remarks": N_("remarks on copies"),
    "sight": N_("who can see it, and who has read it"),
    "names": N_("had names lifted"),
    "door": N_("an emergency opening"),
}


def sight_said(w: Wording, protocol: Protocol, why: Why) -> str:
    """One reason for which somebody sees the case."""
    role = w.role(protocol, why.role) if why.role else ""
    if why.kind in _WHY:
        return w._(_WHY[why.kind], role=role)
    if why.kind == "seat":
        return _seat(w, protocol, why, role)
    moment = w.moment(why.until) if isinstance(why.until, datetime) else ""
    return w._("%(role)s: opened it in an emergency, until %(moment)s", role=role, moment=moment)


def _seat(w: Wording, protocol: Protocol, why: Why, role: str) -> str:
    said = w._("Seat in this case: %(seat)s", seat=role)
    if why.side and why.side in protocol.sides:
        side = w._("for one side alone: %(side)s", side=w.text(protocol.sides[why.side].title))
        said = w.comma.join([said, side])
    if isinstance(why.until, str):
        said = w.comma.join([said, w._("until %(day)s", day=w.day(date.fromisoformat(why.until)))])
    return said


def reading_said(w: Wording, protocol: Protocol, line: ReadingLine, *, is_metadata: bool = False) -> str:
    """What was read, by its code; a form by its title, for whoever may know which forms are filled in."""
    if line.kind == "entry":
        return w._("entry %(number)s", number=line.key)
    if line.kind == "act":
        act = protocol.acts.get(line.key)
        shown = act is not None and not is_metadata
        return w._("the form “%(title)s”", title=w.text(act.title)) if act and shown else w._("a form")
    found = _READ.get(line.kind)
    return w._(found) if found else w._("another page")


def globals_of(wording: Callable[[], Wording]) -> Mapping[str, Callable[..., object]]:
    """What templates call."""
    return {
        "sight_said": lambda protocol, why: sight_said(wording(), protocol, why),
        "reading_said": lambda head, line: reading_said(wording(), head.protocol, line, is_metadata=head.metadata_only),
    }
