"""A difference in words: what it is about, and what is otherwise there, in the reader's language; faults of a file.

Pages and the command line say the same. An attribute that has no word of its own here is named as the file writes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from babel import lists
from pydantic import BaseModel

from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Fault
from school_protocol.engine.texts import N_, Listing, Phrase, Text, Translated, Words, cut
from school_protocol.language import Wording
from school_protocol.protocol.difference import Change, ChangeKind, Path

_LONGEST = 400
_APART = ("\u2068", "\u2069")
"""Around a value that runs the other way than the sentence: it keeps its own order, on pages and terminals alike."""
_LEFT_TO_RIGHT, _RIGHT_TO_LEFT = "\u2066", "\u2067"
"""Before a key or figure in an Arabic sentence; before an Arabic sentence in a line that begins in Latin letters."""
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Signs in a file that would turn a sentence round."""
_LITERAL = re.compile("`[^`]*`")
"""A word of the format in a translation."""


@dataclass(frozen=True, slots=True)
class ChangeLabel:
    """One change: `where` names the entry, `what` says what is otherwise, `fixed` that it touches what is locked."""

    where: str
    what: str
    fixed: str = ""


def change_label(w: Wording, before: Protocol, after: Protocol, change: Change) -> ChangeLabel:
    """A change between these two versions, in the language of `w`."""
    where, left = _where(w, before, after, change.path)
    return ChangeLabel(where, _what(w, before, after, change, left), _fixed(w, change))


def sentence(w: Wording, said: ChangeLabel) -> str:
    """The same in one line."""
    line = w.pair(said.where, said.what)
    return f"{line} ({said.fixed})" if said.fixed else line


def _fixed(w: Wording, change: Change) -> str:
    if change.lock is None:
        return ""
    if change.is_loosening:
        return w._("loosens what the law fixes") if change.lock == "law" else w._("loosens what is fixed for safety")
    return w._("touches what the law fixes") if change.lock == "law" else w._("touches what is fixed for safety")


def plain(change: Change) -> dict[str, Any]:
    """A change as JSON can hold it."""
    return {
        "path": change.place,
        "kind": change.kind.value,
        "before": _plain(change.before),
        "after": _plain(change.after),
        "language": change.language or None,
        "lock": change.lock,
        "is_loosening": change.is_loosening,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return dict(value.root)
    if isinstance(value, Condition):
        return value.source
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        given = {field.alias or name: (getattr(value, name), field) for name, field in fields if name != "key"}
        return {
            name: _plain(said)
            for name, (said, field) in given.items()
            if said != field.get_default(call_default_factory=True)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [_plain(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
    return value


# ---- faults ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FaultMessage:
    """One fault: its line, a sentence, and what stands on that line where it is shown."""

    line: int
    sentence: str
    text: str = ""
    is_english: bool = False
    """The sentence is known in English alone."""


def fault_message(w: Wording, fault: Fault, text: str = "") -> FaultMessage:
    """What is wrong with a file, in the language of `w`; `text` is the line as it stands there."""
    if not isinstance(fault.message, Phrase):
        return FaultMessage(fault.line, fault.message, text, is_english=True)
    said = _phrase(w, fault.message)
    left_open = said.count(_APART[0]) + said.count(_LEFT_TO_RIGHT) - said.count(_APART[1])
    return FaultMessage(fault.line, said + _APART[1] * left_open, text)


def fault_line(w: Wording, file: str, fault: Fault) -> str:
    """A fault as FILE:LINE: message, as editors read it."""
    said = fault_message(w, fault).sentence
    return f"{file}:{fault.line}: " + (f"{_RIGHT_TO_LEFT}{said}{_APART[1]}" if w.direction == "rtl" else said)


def _phrase(w: Wording, words: Words) -> str:
    """Keys and values stay as the file has them, each kept apart from an Arabic sentence."""
    if w.language == "en" or words == "":
        return str(words)
    if isinstance(words, Listing):
        return _listing(w, words)
    if isinstance(words, Translated):
        said = words.by_language.get(w.language, str(words))
        return _kept(said) if w.direction == "rtl" else said
    if isinstance(words, Phrase):
        text = w._(words.text)
        if w.direction == "rtl":
            text = _LITERAL.sub(lambda literal: f"{_LEFT_TO_RIGHT}{literal[0]}{_APART[1]}", text)
        said = text % {name: _phrase(w, one) for name, one in words.args.items()} if words.args else text
        return cut(said, words.longest) if words.longest else said
    return _kept(str(words)) if w.direction == "rtl" else str(words)


def _kept(value: str) -> str:
    """A value in an Arabic sentence: in its own order, which is that of keys and figures unless it holds Arabic."""
    value = _TURNING.sub("", value)
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in value):
        return _apart(value)
    return f"{_LEFT_TO_RIGHT}{value}{_APART[1]}"


def _listing(w: Wording, words: Listing) -> str:
    said = [_phrase(w, item) for item in words.items]
    if words.joint == "or":
        return lists.format_list(said, style="or", locale=w.locale)
    return w.titles(said) if words.joint == "and" else w.comma.join(said)


# ---- what it is about --------------------------------------------------------------------------------------------

_PARTS: Mapping[str, str] = {
    "stages": N_("Stage “%(title)s”"),
    "states": N_("Situation “%(title)s”"),
    "roles": N_("Role “%(title)s”"),
    "seats": N_("Place in a case “%(title)s”"),
    "sides": N_("Side “%(title)s”"),
    "slots": N_("Person of a case “%(title)s”"),
    "forms": N_("Form “%(title)s”"),
    "acts": N_("Entry “%(title)s”"),
    "moves": N_("Step “%(title)s”"),
    "facts": N_("Fact “%(title)s”"),
    "needs": N_("Condition “%(title)s”"),
    "deadlines": N_("Deadline “%(title)s”"),
    "duties": N_("Duty “%(title)s”"),
    "grids": N_("Grid “%(title)s”"),
    "dangers": N_("Danger “%(title)s”"),
    "targets": N_("Service “%(title)s”"),
    "cautions": N_("Caution “%(title)s”"),
    "spoken": N_("Spoken language “%(title)s”"),
    "audiences": N_("Readers of ready words “%(title)s”"),
    "words": N_("Ready words “%(title)s”"),
    "documents": N_("Document “%(title)s”"),
    "sources": N_("Source “%(title)s”"),
    "properties": N_("Property “%(title)s”"),
}
_WITHIN: Mapping[str, str] = {
    "fields": N_("question “%(title)s”"),
    "options": N_("answer “%(title)s”"),
    "items": N_("criterion “%(title)s”"),
    "levels": N_("level “%(title)s”"),
    "profiles": N_("copy “%(title)s”"),
}


def _where(w: Wording, before: Protocol, after: Protocol, path: Path) -> tuple[str, Path]:
    """What a change is about, and what of its path is left: the attribute."""
    if path[0] not in _PARTS or len(path) == 1:
        return w._("The protocol"), path
    old, new = _inner(before, path[:2]), _inner(after, path[:2])
    said, used = [w._(_PARTS[path[0]], title=_title(w, new, old, path[1]))], 2
    while (
        path[used : used + 1]
        and path[used] in _WITHIN
        and len(path) > used + 1
        and path[0] in ("forms", "grids", "documents")
    ):
        used += 2
        old, new = _inner(before, path[:used]), _inner(after, path[:used])
        said.append(w._(_WITHIN[path[used - 2]], title=_title(w, new, old, path[used - 1])))
    return w.comma.join(said), path[used:]


def _inner(protocol: Protocol, path: Path) -> Any:
    """What stands at a path of entries; None where nothing does."""
    found: Any = protocol
    for step in path:
        if isinstance(found, Mapping):
            found = next((item for key, item in found.items() if str(key) == step), None)
        elif isinstance(found, tuple):
            found = next((item for item in found if getattr(item, "key", None) == step), None)
        else:
            found = getattr(found, step, None)
    return found


def _title(w: Wording, new: Any, old: Any, key: str) -> str:
    for found in (new, old):
        if isinstance(found, Text):
            return w.text(found)
        for name in ("title", "label", "sentence"):
            words = getattr(found, name, None)
            if isinstance(words, Text):
                return w.text(words)
    return key


# ---- what is otherwise -------------------------------------------------------------------------------------------


def _what(w: Wording, before: Protocol, after: Protocol, change: Change, left: Path) -> str:
    added, gone = change.kind is ChangeKind.added, change.kind is ChangeKind.removed
    if not left:
        return w._("added") if added else w._("taken out")
    was, now = _value(w, before, left, change.before), _value(w, after, left, change.after)
    if left in _GIVEN and (added or gone):
        return w._(_GIVEN[left][0 if added else 1], what=now if added else was)
    if change.path[0] == "deadlines" and left in (("value",), ("unit",)):
        was, now = _time_given(w, before, change), _time_given(w, after, change)
        return w._("%(after)s instead of %(before)s", before=was, after=now)
    named = _attribute(w, left, change.language)
    if added:
        return w._("%(attribute)s: “%(after)s” is added", attribute=named, after=now)
    if gone:
        return w._("%(attribute)s: “%(before)s” is taken out", attribute=named, before=was)
    if change.kind is ChangeKind.reordered:
        return w._("%(attribute)s: in another order", attribute=named)
    return w._("%(attribute)s: “%(before)s” becomes “%(after)s”", attribute=named, before=was, after=now)


_GIVEN: Mapping[Path, tuple[str, str]] = {
    ("needs",): (N_("asks besides: %(what)s"), N_("asks no more: %(what)s")),
    ("by",): (N_("open besides to: %(what)s"), N_("open no more to: %(what)s")),
    ("in",): (N_("open besides in: %(what)s"), N_("open no more in: %(what)s")),
    ("from",): (N_("leaves besides from: %(what)s"), N_("leaves no more from: %(what)s")),
    ("met_by",): (N_("met besides by: %(what)s"), N_("met no more by: %(what)s")),
}
"""What is given or taken, said as a sentence."""


def _time_given(w: Wording, protocol: Protocol, change: Change) -> str:
    deadline = protocol.deadlines[change.path[1]]
    return w.within(deadline.value, deadline.unit)


def _attribute(w: Wording, left: Path, language: str) -> str:
    """An attribute as people call it, else as the file writes it; in a list, which one; a text, in which language."""
    steps = (left[:-1] if language else left) or ("text",)
    known = _ATTRIBUTES.get(steps[0])
    named = [w._(known) if known else steps[0]]
    for step in steps[1:]:
        named.append(
            str(int(step) + 1) if step.isdecimal() else w._(_ATTRIBUTES[step]) if step in _ATTRIBUTES else step
        )
    if language:
        named.append(str(w.locale.languages.get(language, language)))
    return " · ".join(named)


def _value(w: Wording, protocol: Protocol, left: Path, value: Any) -> str:
    said = _said(w, protocol, next((step for step in reversed(left) if step in _POINTING), ""), value)
    said = cut(said, _LONGEST)
    return _apart(said) if w.direction == "rtl" and _runs_left_to_right(said) else said


def _apart(said: str) -> str:
    return f"{_APART[0]}{said}{_APART[1]}"


def _runs_left_to_right(text: str) -> bool:
    return any(unicodedata.bidirectional(character) == "L" for character in text)


def _said(w: Wording, protocol: Protocol, attribute: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return w.yes_no(value)
    if isinstance(value, Text):
        return w.text(value)
    if isinstance(value, Condition):
        return value.source
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return _title_of(w, protocol, _POINTING.get(attribute, ()), value)
    if isinstance(value, BaseModel):
        return _entry(w, protocol, value)
    if isinstance(value, Mapping):
        return w.series(f"{key}: {_said(w, protocol, attribute, item)}" for key, item in value.items())
    if isinstance(value, tuple | list | frozenset):
        items = sorted(value) if isinstance(value, frozenset) else value
        return w.titles(_said(w, protocol, attribute, item) for item in items)
    return str(value)


def _title_of(w: Wording, protocol: Protocol, parts: Iterable[str], key: str) -> str:
    for part in parts:
        found = getattr(protocol, part).get(key)
        if found is not None:
            return _title(w, found, None, key)
    return w._("everybody") if key == "everyone" else key


def _entry(w: Wording, protocol: Protocol, value: BaseModel) -> str:
    """An entry by its title; one without is told by what it says beyond the defaults."""
    titled = _title(w, value, None, "")
    if titled:
        return titled
    told = []
    for name, field in type(value).model_fields.items():
        said = getattr(value, name)
        if said != field.get_default(call_default_factory=True):
            shown = field.alias or name
            told.append(f"{shown}: {_said(w, protocol, shown, said)}")
    return w.comma.join(told) or "–"


_PEOPLE = ("roles", "seats")
_POINTING: Mapping[str, tuple[str, ...]] = {
    "stage": ("stages",),
    "by": _PEOPLE,
    "for": (*_PEOPLE, "audiences"),
    "to": ("states", *_PEOPLE),
    "from": ("states",),
    "in": ("states",),
    "states": ("states",),
    "entered": ("states",),
    "starts": ("states",),
    "opens": ("states",),
    "needs": ("needs",),
    "blocks": ("needs",),
    "met_by": ("acts",),
    "act": ("acts",),
    "do": ("acts", "moves"),
    "acts": ("acts",),
    "after_move": ("moves",),
    "move": ("moves",),
    "moves": ("moves",),
    "meets": ("deadlines",),
    "deadline": ("deadlines",),
    "deadlines": ("deadlines",),
    "form": ("forms",),
    "side": ("sides",),
    "slots": ("slots",),
    "readers": _PEOPLE,
    "signed_by": _PEOPLE,
    "named_by": _PEOPLE,
    "exempt": _PEOPLE,
    "stand_in_by": _PEOPLE,
    "invites": _PEOPLE,
    "letter_by": _PEOPLE,
    "tell": _PEOPLE,
    "openers": _PEOPLE,
    "reads": ("roles",),
    "issues": ("roles",),
    "in_time": ("deadlines",),
    "originals": _PEOPLE,
    "acts_as": ("roles",),
    "danger_signature": ("roles",),
    "lifted_with": ("roles",),
    "dangers": ("dangers",),
    "targets": ("targets",),
    "checks": ("needs", "duties", "deadlines"),
    "only": ("acts", "dangers", "roles", "seats"),
    "grid": ("grids",),
}
"""Attributes that hold keys, and of which parts: shown by their titles."""

_ATTRIBUTES: Mapping[str, str] = {
    "title": N_("name"),
    "label": N_("wording of the question"),
    "sentence": N_("sentence"),
    "hint": N_("hint"),
    "intro": N_("introduction"),
    "notice": N_("notice"),
    "text": N_("text"),
    "say": N_("to say"),
    "never": N_("never to say"),
    "first_acts": N_("what to do first"),
    "anchors": N_("marks of the scale"),
    "fills": N_("what forms begin with"),
    "code": N_("short name"),
    "provenance": N_("where it comes from"),
    "basis": N_("what it rests on"),
    "stage": N_("stage"),
    "next": N_("what is told first"),
    "initial": N_("where cases begin"),
    "ended": N_("the case has ended there"),
    "team_sees": N_("the whole team sees it"),
    "sees": N_("what it sees"),
    "pseudonymised": N_("sees signs in place of names"),
    "trained": N_("a current training is needed"),
    "oversees": N_("oversees schools"),
    "publishes": N_("publishes protocols"),
    "administers": N_("administers accounts"),
    "keeps_contacts": N_("keeps the directory of contacts"),
    "invites": N_("invites into the roles"),
    "visits": N_("visits teams"),
    "trains": N_("runs workshops"),
    "size": N_("how many trained people a team has"),
    "quiet_months": N_("after how many months without a case a team is looked at"),
    "ending_days": N_("how long before its end a certificate is to be renewed"),
    "certificate_months": N_("for how many months a certificate is good"),
    "second_factor": N_("signs in with a second factor"),
    "stand_in_by": N_("who names a stand-in"),
    "acts_as": N_("acts as"),
    "named_by": N_("who gives this place"),
    "exempt": N_("who needs no certificate for it"),
    "several": N_("several at once"),
    "side": N_("side"),
    "guardian": N_("is a guardian"),
    "kind": N_("kind"),
    "form": N_("form"),
    "in": N_("open in"),
    "by": N_("open to"),
    "needs": N_("what it asks"),
    "needs_when": N_("what some answers ask"),
    "signatures": N_("number of signatures"),
    "signed_by": N_("who signs"),
    "moves": N_("step that follows at once"),
    "group": N_("group on the page"),
    "first_minutes": N_("in the first minutes"),
    "quick": N_("by one tap"),
    "from": N_("leaves from"),
    "to": N_("leads to"),
    "reason": N_("a reason is asked for"),
    "distinct": N_("persons who must differ"),
    "meets": N_("deadlines that it meets"),
    "notify": N_("who is told"),
    "sets": N_("what it sets"),
    "carries": N_("what it carries over"),
    "opens": N_("in which situation the other school’s case opens"),
    "receives": N_("answers what another school asks"),
    "open_contributions": N_("counts contributions asked of other schools"),
    "automatic": N_("made by itself"),
    "type": N_("type"),
    "values": N_("values"),
    "since": N_("counted since"),
    "fold": N_("how it is counted"),
    "when": N_("condition"),
    "where": N_("with which answers"),
    "met_by": N_("what meets it"),
    "lock": N_("fixed by"),
    "editable": N_("can be changed in a form"),
    "value": N_("time given"),
    "unit": N_("unit of time"),
    "steps": N_("steps of reminding"),
    "start": N_("what starts it"),
    "per": N_("counted for each"),
    "max": N_("longest time allowed"),
    "urgent": N_("urgent"),
    "repeat": N_("starts again"),
    "unless": N_("does not run if"),
    "suspended_while": N_("stands still while"),
    "deadlines": N_("deadlines"),
    "blocks": N_("conditions that it keeps open"),
    "required": N_("an answer is needed"),
    "options": N_("answers"),
    "fields": N_("questions"),
    "least": N_("least"),
    "most": N_("most"),
    "default": N_("filled in with"),
    "slots": N_("which persons"),
    "readers": N_("who reads it"),
    "refuses": N_("answers that contradict each other"),
    "unasked": N_("questions that are left out"),
    "departs": N_("answers that are a departure"),
    "weight": N_("weight"),
    "low": N_("from how many points"),
    "high": N_("up to how many points"),
    "level": N_("level"),
    "levels": N_("levels"),
    "items": N_("criteria"),
    "floors": N_("answers that fix a level at least"),
    "days": N_("days"),
    "targets": N_("whom to call"),
    "in_short": N_("in a few words"),
    "settled_by": N_("what settles it"),
    "lifted_with": N_("who has to sign its end"),
    "restricts": N_("opens the case to overseers alone"),
    "holds_guardians": N_("puts families on hold"),
    "external": N_("outside the school"),
    "judicial": N_("judicial"),
    "letter_by": N_("who sends a letter"),
    "for": N_("for whom"),
    "profiles": N_("copies"),
    "sections": N_("sections"),
    "checks": N_("points to check"),
    "identities": N_("names are printed"),
    "named": N_("whose names are printed"),
    "reader": N_("to whom a copy is made out"),
    "addresses": N_("addresses of intimate content are printed"),
    "words": N_("free words are printed"),
    "acts": N_("entries"),
    "dangers": N_("dangers"),
    "states": N_("situations"),
    "months": N_("months"),
    "retention": N_("how long things are kept"),
    "figures": N_("figures of cases"),
    "teams": N_("teams of schools"),
    "reads": N_("who reads them"),
    "issues": N_("who issues the figures"),
    "tables": N_("tables"),
    "in_time": N_("deadlines of which the share met in time is told"),
    "waits": N_("times of which the median is told"),
    "classes": N_("classes of time"),
    "public": N_("what may be made public"),
    "signalement": N_("public reports"),
    "staff_form": N_("form for staff"),
    "as": N_("opened in the role of"),
    "becomes": N_("what becomes of the answers"),
    "alike": N_("what is alike"),
    "contact": N_("how the reporter is reached"),
    "not_for": N_("who must not read it"),
    "called": N_("words for whoever holds a role"),
    "urgent_when": N_("when it is urgent"),
    "never_send": N_("when it is said never to send an image"),
    "instead": N_("what to do instead"),
    "restricted_reads": N_("who reads restricted ones"),
    "restricted": N_("steps of a restricted one"),
    "doors": N_("who makes the address"),
    "rises": N_("steps while nobody looks"),
    "tell": N_("who is told"),
    "after": N_("after"),
    "out_of_hours": N_("who is told while the school is closed"),
    "numbers": N_("numbers shown first"),
    "orientations": N_("who else can help"),
    "sheets": N_("sheets for families"),
    "advice": N_("advice"),
    "request": N_("request to copy"),
    "keeps": N_("months kept"),
    "promise": N_("promise"),
    "hours": N_("when the school answers"),
    "anonymous": N_("what staying without a name means"),
    "pieces": N_("register of evidence"),
    "named_after": N_("what a piece is named after"),
    "openers": N_("who opens a file"),
    "originals": N_("who opens a file as it was received"),
    "removal": N_("requests for removal"),
    "mistake": N_("what must not be kept"),
    "order": N_("order"),
    "remind_days": N_("days until one asks again"),
    "tell_hours": N_("hours to tell"),
    "ask_hours": N_("hours to ask"),
    "assessment": N_("assessment"),
    "follow_up": N_("follow-up"),
    "undo_minutes": N_("minutes to take an entry back"),
    "working": N_("working version"),
    "languages": N_("languages"),
    "restricted_when": N_("when a report is for overseers alone"),
    "restricted_hint": N_("what is said of such a report"),
}
