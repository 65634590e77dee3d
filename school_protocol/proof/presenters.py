"""Presenters of a proof: what must hold in words, where a fault stands in the file, its story as a script.

The script is what `definitions rehearse` plays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from school_protocol.engine.definition import FactType, Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.texts import N_
from school_protocol.language import Wording
from school_protocol.proof.replay import BEGIN, OTHER_CASE
from school_protocol.proof.state_space import Beat, Proof, Result, Story, Verdict
from school_protocol.protocol.reader import lines_of

_PARTS = ("moves", "acts", "needs", "states", "deadlines", "roles", "grids")
_BETWEEN = "5m"
"""What passes between two steps, as on the proof's own stage."""


def with_lines(proof: Proof, protocol: Protocol, data: bytes) -> Proof:
    """The proof, each fault with the lines of the moves and other parts that it is about."""
    return replace(proof, results=tuple(_placed(result, protocol, data) for result in proof.results))


def _placed(result: Result, protocol: Protocol, data: bytes) -> Result:
    if result.verdict is Verdict.held:
        return result
    paths = list(dict.fromkeys(_paths(result, protocol)))
    return replace(result, lines=tuple(sorted(set(lines_of(data, paths).values()))))


def _paths(result: Result, protocol: Protocol) -> Iterator[tuple[str | int, ...]]:
    part, _, key = result.property.partition(".")
    if key:
        yield part, key
    for piece in result.subject.split(":"):
        yield from ((name, piece.strip()) for name in _PARTS if piece.strip() in getattr(protocol, name))
    if result.story is not None:
        yield from (("moves", beat.do) for beat in result.story.beats if beat.kind == "move")


def script_of(story: Story) -> str:
    """The story as a script: YAML, step by step."""
    steps = [{"at": f"{BEGIN:%Y-%m-%dT%H:%M}+00:00"}, *(_step(beat) for beat in story.beats)]
    dumped: str = yaml.safe_dump(steps, allow_unicode=True, sort_keys=False, width=120)
    return dumped


def _step(beat: Beat) -> dict[str, Any]:
    if beat.kind == "clock":
        return {"advance": f"{beat.days}d"}
    who = beat.role if beat.person == 1 else f"{beat.role}/{beat.person}"
    step: dict[str, Any] = {"advance": _BETWEEN, "as": who, "do": beat.do}
    if beat.kind == "act" and beat.answers:
        step["answers"] = {key: _written(value) for key, value in beat.answers.items()}
    if beat.kind == "move":
        step["reason"] = "…"
        if beat.departs:
            step["depart"] = dict.fromkeys(beat.departs, "…")
    return step


def _written(value: Any) -> Any:
    """An answer as scripts write it: plain text, people by their role."""
    if isinstance(value, Mapping):
        return {str(key): _written(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_written(one) for one in value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "#other" if value == OTHER_CASE else str(value)


# ---- a proof in words: where something does not hold, who does what until it goes wrong ----------------------------
# Pages and the command line say the same; nothing here decides anything.

Pair = tuple[str, str]
"""A question and its answer; a fact and what it is."""

DECLARED = "properties."
_SUBJECTS = ("states", "moves", "acts", "needs", "roles", "seats", "dangers", "deadlines", "facts", "grids", "forms")


@dataclass(frozen=True, slots=True)
class StepLabel:
    """One step in words: a sentence, the answers given, and the conditions gone on without."""

    sentence: str
    answers: tuple[Pair, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultLabel:
    """A property that does not hold, as a story. `places`: FILE:LINE of the moves involved."""

    title: str
    verdict: str
    subject: str
    beats: tuple[StepLabel, ...]
    ending: str
    facts: tuple[Pair, ...]
    unmet: tuple[str, ...]
    places: tuple[str, ...]


def result_label(w: Wording, protocol: Protocol, result: Result, file: str) -> ResultLabel:
    """A result in the language of `w`; `file` is the definition's name in front of line numbers."""
    story = result.story
    return ResultLabel(
        title=property_said(w, protocol, result),
        verdict=_VERDICTS[result.verdict](w),
        subject=subject_label(w, protocol, result.subject),
        beats=tuple(beat_said(w, protocol, beat) for beat in story.beats) if story else (),
        ending=ending_said(w, protocol, story) if story else "",
        facts=tuple(_fact(w, protocol, key, value) for key, value in story.facts.items()) if story else (),
        unmet=tuple(_need(w, protocol, key) for key in story.unmet) if story else (),
        places=tuple(f"{file}:{line}" for line in result.lines),
    )


def property_said(w: Wording, protocol: Protocol, result: Result) -> str:
    """What must hold, as one sentence: the definition's own, or the product's."""
    if result.sentence is not None:
        return w.text(result.sentence)
    known = PROPERTIES.get(result.property)
    return w._(known) if known else w._("A property of the protocol: %(name)s.", name=result.property)


def subject_label(w: Wording, protocol: Protocol, subject: str) -> str:
    """What a result is about, as people call it: an entry, or several parted by colons; a place in a file as it is."""
    return w.comma.join(_named(w, protocol, piece.strip()) for piece in subject.split(":") if piece.strip())


def _named(w: Wording, protocol: Protocol, key: str) -> str:
    part, _, name = key.rpartition(".")
    for where in (part,) if part else _SUBJECTS:
        found = getattr(protocol, where, {})
        if isinstance(found, Mapping) and name in found:
            one = found[name]
            words = getattr(one, "title", None) or getattr(one, "label", None) or getattr(one, "sentence", None)
            return w.text(words) if words else name
    return key


def beat_said(w: Wording, protocol: Protocol, beat: Beat) -> StepLabel:
    """One step of a story, in words."""
    if beat.kind == "clock":
        return StepLabel(w.ngettext("One day passes.", "%(num)d days pass.", beat.days))
    who = _who(w, protocol, beat)
    without = tuple(_need(w, protocol, key) for key in beat.departs)
    if beat.kind == "move":
        title = w.text(protocol.moves[beat.do].title) if beat.do in protocol.moves else beat.do
        return StepLabel(w._("%(who)s makes the step “%(what)s”.", who=who, what=title), (), without)
    act = protocol.acts.get(beat.do)
    title = w.text(act.title) if act else beat.do
    answers = _answers(w, protocol, beat) if act else ()
    return StepLabel(w._("%(who)s records “%(what)s”.", who=who, what=title), answers, without)


def ending_said(w: Wording, protocol: Protocol, story: Story) -> str:
    """Where the case then stands."""
    state = protocol.states.get(story.state)
    return w._("The case then stands at “%(state)s”.", state=w.text(state.title) if state else story.state)


def _who(w: Wording, protocol: Protocol, beat: Beat) -> str:
    if not beat.role:
        return w._("Somebody")
    role = w.role(protocol, beat.role)
    return w._("%(role)s, person %(number)s", role=role, number=beat.person) if beat.person > 1 else role


def _answers(w: Wording, protocol: Protocol, beat: Beat) -> tuple[Pair, ...]:
    by_key = protocol.form_of(beat.do).by_key
    return tuple(
        (w.text(by_key[key].label), _answer(w, protocol, by_key[key], value)) if key in by_key else (key, str(value))
        for key, value in beat.answers.items()
    )


def _answer(w: Wording, protocol: Protocol, field: FormField, value: Any) -> str:
    if isinstance(value, list | tuple) and any(_sign(w, protocol, each) for each in value):
        return w.titles(_sign(w, protocol, each) or str(each) for each in value)
    sign = _sign(w, protocol, value)
    if sign or field.type in _WORDS_OF_STORIES:
        return sign or (w.titles(map(str, value)) if isinstance(value, list | tuple) else str(value))
    try:
        return w.answer(protocol, field, value, {})
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(value)


def _sign(w: Wording, protocol: Protocol, value: Any) -> str:
    """What a script's sign stands for: `@role/2` a person, `^act` its latest entry; empty for anything else."""
    if not isinstance(value, str) or value[:1] not in ("@", "^"):
        return ""
    if value[0] == "^":
        act = protocol.acts.get(protocol.resolve("acts", value[1:]))
        return w.text(act.title) if act else ""
    role, _, number = value[1:].partition("/")
    key = protocol.resolve("roles", role)
    person = int(number) if number.isdecimal() else 1
    return _who(w, protocol, Beat(role=key, person=person)) if key in protocol.roles else ""


_WORDS_OF_STORIES = (FieldType.date, FieldType.moment, FieldType.record, FieldType.referral, FieldType.hold)
"""What a story names by signs of its own rather than by values."""


def _need(w: Wording, protocol: Protocol, key: str) -> str:
    need = protocol.needs.get(key)
    return w.text(need.sentence) if need else key


def _fact(w: Wording, protocol: Protocol, key: str, value: Any) -> Pair:
    fact = protocol.facts.get(key)
    if fact is None:
        return key, str(value)
    label = w.text(fact.label)
    if value is None:
        return label, w._("Not recorded yet")
    if fact.type is FactType.bool:
        return label, w.yes_no(bool(value))
    return label, _of_source(w, protocol, key, value)


def _of_source(w: Wording, protocol: Protocol, key: str, value: Any) -> str:
    """A fact's value as the answer that feeds it is read."""
    for source in protocol.facts[key].from_:
        field = protocol.form_of(source.act).by_key.get(source.field) if source.act and source.field else None
        if field is not None and field.type not in _WORDS_OF_STORIES:
            said = _answer(w, protocol, field, value)
            if said != str(value):
                return said
    return w.yes_no(value) if value in ("yes", "no", "unknown") else str(value)


_VERDICTS = {
    Verdict.held: lambda w: w._("It holds."),
    Verdict.failed: lambda w: w._("It does not hold."),
    Verdict.not_proven: lambda w: w._("It could not be proven, and is never taken for proven."),
}

PROPERTIES: Mapping[str, str] = {
    "way_on": N_("Wherever a case stands, somebody can go on."),
    "end_reachable": N_("From everywhere, a case can come to an end."),
    "end_without_outsiders": N_("A case comes to an end also when no outside service ever answers."),
    "end_without_role": N_("A case comes to an end also when the one person of a role may take no part."),
    "no_end_in_danger": N_("No case ends, and none is handed over, while a danger is raised."),
    "urgent_everywhere": N_("From everywhere, the urgent path is one act away."),
    "four_eyes": N_("Nobody brings a case to its end alone."),
    "no_dead_move": N_("Every step can be made by somebody at some time."),
    "no_dead_act": N_("Every act can be recorded by somebody at some time."),
    "waiting_has_deadline": N_("Wherever a case waits, a deadline runs."),
    "law_asked_for": N_("What the law fixes is asked for, and not loosened."),
    "grid_whole": N_("Every sum of points of a grid belongs to exactly one level, and every floor can be reached."),
    "going_on": N_("Every case can go on and come to an end."),
    "nevers": N_("What must never happen can’t happen."),
    "parts": N_("Every part of the protocol has its use."),
}
"""What the product itself asks of every definition; the last three where a whole chapter was cut short."""
