"""The five lines that tell a case, in words: one line each, of choices, signs and days, in no one's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FormField, Option
from school_protocol.engine.story import LineKind, StoryLine, StoryPart
from school_protocol.language import ZONE, Wording

ROOM: Mapping[str, int] = {"fr": 95, "ar": 90, "en": 95}
"""Letters that stand on one line."""
_MORE = "…"


@dataclass(frozen=True, slots=True)
class StoryWords:
    kind: str
    at: datetime
    text: str


def told(
    w: Wording, protocol: Protocol, lines: Iterable[StoryLine], called: Mapping[str, str] | None = None
) -> list[StoryWords]:
    """Each line as one sentence that has room on a line; `called`: people who don't go by their sign."""
    return [StoryWords(line.kind, line.at, sentence(w, protocol, line, called)) for line in lines]


def sentence(w: Wording, protocol: Protocol, line: StoryLine, called: Mapping[str, str] | None = None) -> str:
    """What matters most first; what has no room is left off, and never a word cut but the first."""
    saying = Saying(w, protocol, called)
    fitting = _Fitting(ROOM.get(w.language, ROOM["en"]), w.comma)
    for part in line.parts:
        clause = saying.clause(part, line)
        if clause is not None:
            fitting.add(clause)
    return fitting.text()


def short_day(w: Wording, at: datetime) -> str:
    """A day without its year."""
    return w.dated(at.astimezone(ZONE).date(), "d MMM")


def sign_of(protocol: Protocol, person: str) -> str:
    """The sign of somebody of the case, by their id: EV1."""
    slot, _, number = person.rpartition("-")
    return f"{protocol.slots[slot].short}{number}" if slot in protocol.slots else person


class Saying:
    """Parts of lines and answers of one protocol, said in one language."""

    def __init__(self, w: Wording, protocol: Protocol, called: Mapping[str, str] | None = None) -> None:
        self.w, self.protocol, self.called = w, protocol, called or {}

    def clause(self, part: StoryPart, line: StoryLine) -> Clause | None:
        """None: there is nothing to say."""
        said = self._CLAUSES.get(part.what)
        found = said(self, part, line) if said is not None else None
        return found if found is not None and (found.said or found.listed) else None

    # ---- answers ---------------------------------------------------------------------------------------------

    def question(self, act: str, question: str) -> FormField | None:
        known = self.protocol.acts.get(act)
        return self.protocol.form_of(known).by_key.get(question) if known else None

    def options(self, act: str, question: str, keys: Iterable[str]) -> list[str]:
        """Answers by their short words where they have some; of yes and no, these."""
        asked = self.question(act, question)
        known = {option.key: option for option in asked.options} if asked else {}
        return [self._option(known[key]) if key in known else self.w.yes_no(key) for key in keys]

    def _option(self, option: Option) -> str:
        return self.w.text(option.in_short) if option.in_short else self.small(self.w.text(option.title))

    def small(self, text: str) -> str:
        """As it stands within a sentence."""
        is_word = len(text) > 1 and text[0].isupper() and (text[1].islower() or text[1] in " ’'")
        return text[0].lower() + text[1:] if is_word else text

    def dangers(self, keys: Iterable[str]) -> list[str]:
        known = (self.protocol.dangers[key] for key in keys if key in self.protocol.dangers)
        return [self.small(self.w.text(one.in_short or one.title)) for one in known]

    def targets(self, keys: Iterable[str]) -> list[str]:
        known = (self.protocol.targets[key] for key in keys if key in self.protocol.targets)
        return [self.w.text(one.in_short or one.title) for one in known]

    def grounds(self, parts: Iterable[StoryPart]) -> list[str]:
        """What raised the level above the grid's own, then what weighs most in the grid."""
        w, found = self.w, list[str]()
        raised = {
            "danger": w._("a danger stood"),
            "recurrence": w._("seen before within the year"),
            "override": w._("the team’s own choice"),
            "reopening": w._("after a reopening"),
        }
        for part in parts:
            if part.what == "raised_by":
                found = [*(raised[key] for key in part.keys if key in raised), *found]
            elif part.what == "grounds":
                items = self.protocol.grids[part.act].items
                found += [self.small(w.text(items[key].title)) for key in part.keys if key in items]
        return found

    def level(self, number: int) -> str:
        grid = next(iter(self.protocol.grids.values()), None)
        known = grid.levels.get(number) if grid is not None else None
        title = self.w.text(known.title) if known else ""
        said = self.w._("Level %(number)s", number=number)
        if str(number) in title:
            return title
        return f"{said} ({self.small(title)})" if title else said

    # ---- clauses ---------------------------------------------------------------------------------------------

    def _reported(self, _part: StoryPart, line: StoryLine) -> Clause:
        way = next((one for one in line.parts if one.what == "way"), None)
        asked = self.question(way.act, way.question) if way else None
        options = [one for one in (asked.options if asked else ()) if way and one.key in way.keys and one.in_short]
        said = [self.w._("Reported %(way)s", way=self.w.text(one.in_short)) for one in options]
        return Clause("", said[0] if said else self.w._("Reported"))

    def _listed(self, part: StoryPart, _line: StoryLine) -> Clause:
        return Clause(self.w.colon("-") + " ", "", self.options(part.act, part.question, part.keys))

    def _places(self, part: StoryPart, _line: StoryLine) -> Clause:
        asked = self.question(part.act, part.question)
        titles = {one.key: self.w.text(one.in_short or one.title) for one in (asked.options if asked else ())}
        return Clause(self._next, self.w._("via"), [titles[key] for key in part.keys if key in titles])

    def _danger(self, part: StoryPart, line: StoryLine) -> Clause:
        said = self.w._("Danger raised at %(time)s", time=self.w.clock(line.at))
        return Clause("", self._opened(said), self.dangers(part.keys))

    def _raised(self, _part: StoryPart, _line: StoryLine) -> Clause:
        return Clause(self._next, self.w._("not referred yet"))

    def _sent(self, part: StoryPart, line: StoryLine) -> Clause:
        return Clause(self._next, self.w._("referred (%(time)s)", time=self._moment(part, line)))

    def _lifted(self, part: StoryPart, line: StoryLine) -> Clause:
        return Clause(self._next, self.w._("lifted (%(time)s)", time=self._moment(part, line)))

    def _services(self, part: StoryPart, line: StoryLine) -> Clause:
        is_first = line.parts[0] is part
        said = self.w._("Services told") if is_first else self.w._("services told")
        answer = self.w._("no answer yet") if part.number else ""
        if part.at is not None:
            answer = self.w._("answered (%(day)s)", day=short_day(self.w, part.at))
        tail = f"{self.w.comma}{answer}" if answer else ""
        return Clause("" if is_first else self._next, self._opened(said), self.targets(part.keys), tail)

    def _heard(self, part: StoryPart, line: StoryLine) -> Clause:
        is_first, heard = line.parts[0] is part, self.w._("Heard")
        said = heard if is_first else self.small(heard)
        people = [self.called.get(one) or sign_of(self.protocol, one) for one in part.keys]
        return Clause("" if is_first else self._next, self._opened(said), people)

    def _level(self, part: StoryPart, line: StoryLine) -> Clause:
        is_first, grounds = line.parts[0] is part, self.grounds(line.parts)
        level = self.level(part.number or 0)
        said = level if is_first else self.small(level)
        return Clause("" if is_first else self._next, self._opened(said) if grounds else said, grounds)

    def _planned(self, part: StoryPart, line: StoryLine) -> Clause:
        is_first, plan = line.parts[0] is part, self.w._("Plan")
        said = plan if is_first else self.small(plan)
        measures = self.options(part.act, part.question, part.keys)
        return Clause("" if is_first else self._next, self._opened(said), measures)

    def _followed(self, part: StoryPart, line: StoryLine) -> Clause:
        said = self.w.ngettext("%(num)d follow-up held", "%(num)d follow-ups held", part.number or 0)
        return Clause("" if line.parts[0] is part else self._next, said)

    def _felt(self, part: StoryPart, _line: StoryLine) -> Clause:
        first, last = part.keys
        if first == last:
            return Clause(self._next, self.w._("safety felt: %(last)s of 10", last=last))
        return Clause(self._next, self.w._("safety felt from %(first)s to %(last)s", first=first, last=last))

    def _state(self, part: StoryPart, _line: StoryLine) -> Clause:
        states = [self.protocol.states[key] for key in part.keys if key in self.protocol.states]
        return Clause("", self.w.text(states[0].title) if states else "")

    def _outcome(self, part: StoryPart, line: StoryLine) -> Clause:
        """Said once, where the state's own title says it."""
        state = self._state(line.parts[0], line).said.casefold()
        said = [one for one in self.options(part.act, part.question, part.keys) if one.casefold() not in state]
        return Clause(self.w.colon("-") + " ", "", said)

    def _prepared(self, _part: StoryPart, _line: StoryLine) -> Clause:
        return Clause("", self.w._("Closure prepared"))

    def _refused(self, part: StoryPart, _line: StoryLine) -> Clause:
        day = short_day(self.w, part.at) if part.at else ""
        return Clause(self._next, self.w._("refused (%(day)s)", day=day))

    def _went(self, part: StoryPart, _line: StoryLine) -> Clause:
        return Clause(self._next, self._opened(self.w._("lately")), self.options(part.act, part.question, part.keys))

    def _child(self, part: StoryPart, _line: StoryLine) -> Clause:
        return Clause(self._next, "", self._in_short(part))

    def _in_short(self, part: StoryPart) -> list[str]:
        """Answers that say something without their question."""
        asked = self.question(part.act, part.question)
        options = [one for one in (asked.options if asked else ()) if one.key in part.keys and one.in_short]
        return [self.w.text(one.in_short) for one in options]

    # ---- moments ---------------------------------------------------------------------------------------------

    def _opened(self, said: str) -> str:
        """What is followed by what it lists."""
        return f"{said}{self.w.colon(said)}"

    @property
    def _next(self) -> str:
        """What parts clauses of one line."""
        return self.w.series(["", ""])

    def _moment(self, part: StoryPart, line: StoryLine) -> str:
        """The time alone where it is that day's."""
        if part.at is None:
            return ""
        same = part.at.astimezone(ZONE).date() == line.at.astimezone(ZONE).date()
        return self.w.clock(part.at) if same else short_day(self.w, part.at)

    _CLAUSES: Mapping[str, Callable[[Saying, StoryPart, StoryLine], Clause]] = {
        LineKind.reported: _reported, "kinds": _listed, "places": _places,
        LineKind.danger: _danger, "raised": _raised, "referred": _sent, "lifted": _lifted, "services": _services,
        LineKind.heard: _heard, LineKind.level: _level,
        LineKind.planned: _planned, LineKind.followed: _followed, "felt": _felt, "went": _went,
        "state": _state, "prepared": _prepared, "outcome": _outcome, "refused": _refused, "child": _child,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a line: what it is joined with, what it says, the things that it lists, what follows them."""

    joined: str
    said: str
    listed: list[str] = field(default_factory=list)
    tail: str = ""

    def with_first(self, count: int, comma: str) -> str:
        more = f" {_MORE}" if count < len(self.listed) else ""
        things = comma.join(self.listed[:count]) + more
        return self.said + (" " if self.said and things else "") + things + self.tail


class _Fitting:
    """Clauses of a sentence: each that has room with the first of its things, then more of their things in turn."""

    def __init__(self, room: int, comma: str) -> None:
        self.room, self.comma = room, comma
        self.clauses: list[tuple[Clause, int]] = []

    def add(self, clause: Clause) -> None:
        for one in (clause, replace(clause, tail="")):
            self.clauses.append((one, 1))
            if len(self.clauses) == 1 or len(self._whole()) <= self.room:
                return
            self.clauses.pop()

    def text(self) -> str:
        for place, (clause, _count) in enumerate(self.clauses):
            for count in range(2, len(clause.listed) + 1):
                former = self.clauses[place]
                self.clauses[place] = (clause, count)
                if len(self._whole()) > self.room:
                    self.clauses[place] = former
        return _cut(self._whole(), self.room)

    def _whole(self) -> str:
        said = [(clause.joined, clause.with_first(count, self.comma)) for clause, count in self.clauses]
        return "".join(piece if place == 0 else joined + piece for place, (joined, piece) in enumerate(said))


def _cut(text: str, room: int) -> str:
    """The whole words that have room."""
    if len(text) <= room:
        return text
    return f"{text[: room - 1].rpartition(' ')[0].rstrip(' ,;:،؛')}{_MORE}"
