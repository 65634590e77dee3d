"""The story of a case in at most five lines, and the answers that tell it: pure, keys and moments, in no language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Record
from school_protocol.engine.case_summary import score
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.review_state import is_refused

MOST = 5
"""Lines that tell a case."""


class LineKind(StrEnum):
    """What a line tells; those that can stand on one line are in `_TOGETHER`."""

    reported = "reported"
    danger = "danger"
    referred = "referred"
    heard = "heard"
    level = "level"
    planned = "planned"
    followed = "followed"
    ended = "ended"


_TOGETHER = (
    (LineKind.danger, LineKind.referred),
    (LineKind.level, LineKind.heard),
    (LineKind.followed, LineKind.planned),
)
"""Of more lines than there is room for, these are told as one, in this order."""


@dataclass(frozen=True, slots=True)
class StoryPart:
    """One thing that a line says: keys of the definition or ids of people, a moment, a number."""

    what: str
    keys: tuple[str, ...] = ()
    at: datetime | None = None
    number: int | None = None
    act: str = ""
    """Of answers: the act in whose form they were given, and the question."""
    question: str = ""


@dataclass(frozen=True, slots=True)
class StoryLine:
    kind: str
    at: datetime
    parts: tuple[StoryPart, ...]
    """What matters most stands first: what has no room is left off at the end."""


@dataclass(frozen=True, slots=True)
class PointAnswer:
    """The answer that a record gives to something that the definition says tells a case (`StoryAnswers`)."""

    point: str
    seq: int
    at: datetime
    act: str
    question: str
    value: Any
    how: tuple[str, str] | None = None
    """How it went: the form's last required choice beside it, and its answer."""


_OF_THIS_OPENING = ("outcome", "child", "family")
"""How it ends is told anew once a case was opened again."""
Answers = Callable[[Record], Mapping[str, Any] | None]


def _all_answers(record: Record) -> Mapping[str, Any]:
    return record.answers


@dataclass(frozen=True, slots=True)
class StoryView:
    """What one reader may see of a case: a record's answers (None: not the record), people, and which parts."""

    answers: Answers = _all_answers
    shows: Callable[[str], bool] = field(default=lambda _person: True)
    dangers: bool = True
    referrals: bool = True
    level: bool = True


def point_answers(protocol: Protocol, case: Case, view: StoryView) -> tuple[PointAnswer, ...]:
    """Every answer that tells the case, in the order in which it was given."""
    points = protocol.story.points if protocol.story is not None else {}
    found = []
    for record in case.records:
        asked = points.get(record.act, ())
        answers = view.answers(record) if asked else None
        for point, question in asked if answers else ():
            value = _shown(case, view, answers[question]) if answers and question in answers else None
            if value not in (None, "", [], (), {}):
                how = _how(protocol.form_of(record.act), question, answers or {})
                found.append(PointAnswer(point, record.seq, record.occurred_at, record.act, question, value, how))
    return tuple(found)


def _how(form: Form, question: str, answers: Mapping[str, Any]) -> tuple[str, str] | None:
    asked = [one.key for one in form.fields if one.required and one.type is FieldType.choice and one.key != question]
    return next(((key, str(answers[key])) for key in reversed(asked) if answers.get(key)), None)


def _shown(case: Case, view: StoryView, value: Any) -> Any:
    """An answer without the people whom this reader is not shown."""
    known = {**case.former, **case.people}
    if isinstance(value, list | tuple):
        return [one for one in value if not isinstance(one, str) or one not in known or view.shows(one)]
    return None if isinstance(value, str) and value in known and not view.shows(value) else value


def story(
    protocol: Protocol, case: Case, now: datetime, view: StoryView, answers: Iterable[PointAnswer]
) -> tuple[StoryLine, ...]:
    """At most five lines, in the order of time: what was reported, found, decided and done until `now`.

    `answers`: what `point_answers` finds for the same view.
    """
    telling = _Telling(protocol, case, view, answers)
    lines = {line.kind: line for line in telling.lines() if line.at <= now}
    for first, second in _TOGETHER:
        if len(lines) > MOST and first in lines and second in lines:
            other = lines.pop(second)
            own = (part for part in lines[first].parts if part.what != "referred")
            lines[first] = replace(lines[first], parts=(*own, *other.parts))
    told = list(lines.values())[:MOST]
    return tuple(sorted(told, key=_in_order))


def _in_order(line: StoryLine) -> tuple[bool, bool, datetime]:
    """How it was reported stands first, how it ends last."""
    return line.kind == LineKind.ended, line.kind != LineKind.reported, line.at


# ---- one entry in a line -------------------------------------------------------------------------------------------

POINTERS = frozenset(
    {FieldType.danger, FieldType.dangers, FieldType.target, FieldType.person, FieldType.persons, FieldType.seat}
)
"""Answers that tell what an entry is about."""
_ENTRIES = frozenset({FieldType.record, FieldType.referral, FieldType.duty})
_CHOSEN = frozenset({FieldType.choice, FieldType.choices, FieldType.tri, FieldType.yes_no, FieldType.scale})


def telling(form: Form, *, whole: bool) -> tuple[FormField, ...]:
    """The questions whose answers tell an entry in a line: what it is about, then what was found or decided.

    A form says which (`told`); else they are its required choices, the day of what comes next, and its first required
    words. Words stand last. Not `whole`: what it is about, alone.
    """
    about = tuple(one for one in form.fields if one.type in POINTERS | _ENTRIES)
    if not whole:
        return about
    said = [one for one in form.fields if one.told and one not in about]
    if not said:
        said = [one for one in form.fields if one.required and one.type in _CHOSEN]
        said += [one for one in form.fields if one.required and one.future and one.type is FieldType.date]
        words = (one for one in form.fields if one.required and one.type is FieldType.long and not one.nameless)
        said += list(words)[:1]
    return (*about, *sorted(said, key=lambda one: one.is_words))


class _Telling:
    def __init__(self, protocol: Protocol, case: Case, view: StoryView, answers: Iterable[PointAnswer]) -> None:
        self.protocol, self.case, self.view = protocol, case, view
        self.by_point: dict[str, list[PointAnswer]] = {}
        for one in answers:
            if one.point not in _OF_THIS_OPENING or one.seq > case.opening_seq:
                self.by_point.setdefault(one.point, []).append(one)

    def lines(self) -> Iterator[StoryLine]:
        told = (
            self._reported(), self._danger(), self._level(), self._ended(), self._followed(), self._referred(),
            self._heard(), self._planned(),
        )  # fmt: skip
        return (line for line in told if line is not None)

    def _parts(self, *points: str, first: bool = False) -> Iterator[StoryPart]:
        """What was answered last to each of these, or first."""
        for point in points:
            given = self.by_point.get(point)
            if given:
                yield _part(given[0 if first else -1])

    def _reported(self) -> StoryLine | None:
        at = self.case.opened_at
        if at is None:
            return None
        return StoryLine(LineKind.reported, at, (StoryPart(LineKind.reported), *self._parts("way", "kinds", "places")))

    def _danger(self) -> StoryLine | None:
        lives = self.case.dangers if self.view.dangers else []
        if not lives:
            return None
        first, live = lives[0], [life for life in lives if life.is_live]
        keys = tuple(dict.fromkeys(life.danger for life in sorted(lives, key=lambda life: not life.is_live)))
        changed = [life.changed_at for life in (live or lives) if life.changed_at is not None]
        state = "raised" if any(life.state == "raised" for life in live) else "referred" if live else "lifted"
        how = StoryPart(state, at=max(changed, default=None), number=len(live))
        return StoryLine(LineKind.danger, first.raised_at, (StoryPart(LineKind.danger, keys, first.raised_at), how))

    def _referred(self) -> StoryLine | None:
        sent = self.case.referrals if self.view.referrals else []
        if not sent:
            return None
        keys = tuple(dict.fromkeys(one.target for one in sorted(sent, key=lambda one: not one.awaits_answer)))
        waiting = [one for one in sent if one.is_open]
        answered = [one.settled_at for one in sent if one.awaits_answer and one.settled_at is not None]
        answer = None if waiting else max(answered, default=None)
        part = StoryPart("services", keys, answer, number=len(waiting) if waiting or answer else None)
        return StoryLine(LineKind.referred, sent[0].at, (part,))

    def _heard(self) -> StoryLine | None:
        given = self.by_point.get("heard", ())
        slots = list(self.protocol.slots)
        named = dict.fromkeys(person for one in given for person in _keys(one.value) if person in self.case.people)
        people = tuple(sorted(named, key=lambda person: slots.index(self.case.people[person].slot)))
        if not given or not people:
            return None
        return StoryLine(LineKind.heard, given[0].at, (StoryPart(LineKind.heard, people),))

    def _level(self) -> StoryLine | None:
        case = self.case
        step = next((one for one in case.events if one.seq == case.validated_seq), None)
        if not self.view.level or not case.level or step is None:
            return None
        return StoryLine(LineKind.level, step.at, (StoryPart(LineKind.level, number=case.level), *self._grounds()))

    def _grounds(self) -> Iterator[StoryPart]:
        """What weighs most in the grid that gave the level."""
        grid = self.protocol.grids.get(str(self.case.grid.get("grid", "")))
        if grid is None:
            return
        reasons = tuple(str(one) for one in self.case.grid.get("reasons", ()))
        scored = score(grid, self.case.grid.get("scores") or {})
        highest = [one for one in scored.contributions if one.score == len(grid.items[one.item].anchors) - 1]
        weighed = sorted(highest or scored.contributions, key=lambda one: -one.low)
        items = tuple(one.item for one in weighed if one.low)[:3]
        yield StoryPart("grounds", items, act=grid.key)
        yield StoryPart("raised_by", reasons)

    def _planned(self) -> StoryLine | None:
        given = self.by_point.get("plan", ())
        if not given:
            return None
        return StoryLine(LineKind.planned, given[0].at, (replace(_part(given[-1]), what=LineKind.planned),))

    def _followed(self) -> StoryLine | None:
        held = [
            one for one in self.case.records if one.kind is ActKind.follow_up and self.view.answers(one) is not None
        ]
        if not held:
            return None
        felt = self.by_point.get("felt", [])
        if len(felt) == 1 and self.protocol.acts[felt[0].act].kind is not ActKind.follow_up:
            felt = []
        first = StoryPart(LineKind.followed, number=len(held), at=held[0].occurred_at)
        rise = (StoryPart("felt", tuple(str(one.value) for one in (felt[0], felt[-1]))),) if felt else ()
        went = tuple(self._parts("went"))
        return StoryLine(LineKind.followed, held[-1].occurred_at, (first, *rise, *went))

    def _ended(self) -> StoryLine | None:
        case, states = self.case, self.protocol.states
        outcome = next(iter(self.by_point.get("outcome", ())[-1:]), None)
        entered = case.footing
        is_over = entered.state in states and states[entered.state].ended
        if outcome is None and not is_over:
            return None
        parts: list[StoryPart] = []
        at = entered.at
        if is_over or (outcome is not None and entered.seq > outcome.seq and self._ends(entered.state)):
            parts.append(StoryPart("state", (entered.state,), entered.at))
        elif outcome is not None:
            parts.append(StoryPart("prepared", at=outcome.at))
            at = outcome.at
        refused = self._refused()
        parts += [_part(outcome)] if outcome is not None else []
        parts += [StoryPart("refused", at=refused)] if refused is not None and not is_over else []
        return StoryLine(LineKind.ended, at, (*parts, *self._parts("child")))

    def _ends(self, state: str) -> bool:
        """Whether the case can end from that state by one step."""
        states, moves = self.protocol.states, self.protocol.moves.values()
        return any(state in move.from_ and move.to in states and states[move.to].ended for move in moves)

    def _refused(self) -> datetime | None:
        """When a visa or a step was last refused."""
        found = [event.at for event in self.case.events if is_refused(self.protocol, self.case, event)]
        return max(found, default=None)


def _part(one: PointAnswer) -> StoryPart:
    keys = _keys(one.value)
    number = one.value if isinstance(one.value, int) and not isinstance(one.value, bool) else None
    return StoryPart(one.point, keys, one.at, number, one.act, one.question)


def _keys(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)
