"""Handouts of a definition and of no case: blank forms, its picture, its four pages for a wall.

A version's bytes never change, so that what was made of it once is kept, and handed out again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from school_protocol.cases.help import STEPS, MoveHelp, known, topic_of
from school_protocol.context import AppContext
from school_protocol.engine.definition import HISTORY, START, Act, Deadline, Move, Protocol, Stage, State
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording, printed_languages
from school_protocol.pdf import rendering
from school_protocol.protocol.drawing import begun_in, kind_of
from school_protocol.protocol.drawing_layout import drawn
from school_protocol.protocol.drawing_svg import fragment, key_of, svg
from school_protocol.protocol.printed_pages import Wall, WallStage, WallStep, WallTask, blank_forms, wall

# ---- a protocol as a picture and as four pages for a wall ----------------------------------------------------------

WIDE, HIGH = 212.0, 166.0
"""Room for the drawing on its page, in millimetres."""


def wall_of(protocol: Protocol, wording: Wording, moment: datetime) -> bytes:
    """The four pages as a PDF. Raises DocumentsUnavailable."""
    drawing = drawn(protocol, wording)
    width = min(WIDE, HIGH * drawing.width / drawing.height)
    return wall(
        Wall(
            protocol=protocol,
            picture=fragment(drawing, round(width, 1)),
            key=key_of(wording),
            steps=tuple(_step(protocol, number, move) for number, move in numbered(protocol)),
            stages=tuple(_stages(protocol)),
            made_at=moment,
        ),
        wording,
    )


def numbered(protocol: Protocol) -> Iterator[tuple[int, Move]]:
    """The moves with their numbers, as the drawing has them."""
    return enumerate(protocol.moves.values(), 1)


def leaves(protocol: Protocol, move: Move, state: State) -> bool:
    """Whether a move can be made in a state."""
    return state.key in move.from_ or "any" in move.from_ or ("open" in move.from_ and not state.ended)


def _step(protocol: Protocol, number: int, move: Move) -> WallStep:
    due = (one for one in protocol.deadlines.values() if one.value and _meets(one, move))
    target = None if move.to == HISTORY else protocol.states[move.to]
    return WallStep(number, move, kind_of(protocol, move), target, () if move.backwards else tuple(due))


def _meets(deadline: Deadline, move: Move) -> bool:
    return deadline.key in move.meets or any(source.move == move.key for source in deadline.met_by)


def _stages(protocol: Protocol) -> Iterator[WallStage]:
    told: set[str] = set()
    stepped: set[str] = set()
    for stage in protocol.stages.values():
        states = tuple(state for state in protocol.states.values() if state.stage == stage.key)
        ways = [(number, move) for number, move in numbered(protocol) if _begins(protocol, move, stage, states)]
        due = _due(protocol, states)
        tasks: list[WallTask] = []
        also: list[WallTask] = []
        for key in (key for key in protocol.acts if key in due):
            act = protocol.acts[key]
            task = WallTask(act.title, act.by, tuple(due[key].values()), _opens(protocol, act, ways))
            (also if key in told and not due[key] else tasks).append(task)
        told |= due.keys()
        steps = tuple(_step(protocol, number, move) for number, move in ways if move.key not in stepped)
        stepped |= {move.key for _number, move in ways}
        yield WallStage(stage, states, tuple(tasks), tuple(also), steps)


def _opens(protocol: Protocol, act: Act, ways: list[tuple[int, Move]]) -> tuple[int, ...]:
    """The numbers of the moves that need what this act sees to."""
    return tuple(number for number, move in ways if any(act.key in protocol.needs[need].met_by for need in move.needs))


def _begins(protocol: Protocol, move: Move, stage: Stage, states: tuple[State, ...]) -> bool:
    """Whether a move leaves a state of the stage; one from before the case belongs to where it leads."""
    if any(leaves(protocol, move, state) for state in states):
        return True
    return START in move.from_ and move.to != HISTORY and protocol.states[move.to].stage == stage.key


def _due(protocol: Protocol, states: tuple[State, ...]) -> dict[str, dict[str, Deadline]]:
    """What is to be done in these states, each with its deadlines: those that begin there, and none for needs."""
    due: dict[str, dict[str, Deadline]] = {}
    for state in states:
        for deadline in begun_in(protocol, state.key):
            for source in deadline.met_by:
                if source.act and deadline.value:
                    due.setdefault(source.act, {})[deadline.key] = deadline
    for move in protocol.moves.values():
        if move.backwards or not any(leaves(protocol, move, state) for state in states):
            continue
        for need in move.needs:
            for act in protocol.needs[need].met_by:
                due.setdefault(act, {})
    return due


KEPT_MOST = 48 * 1024 * 1024
"""Bytes of papers that are kept; the one that nobody asked for longest goes first."""


@dataclass(frozen=True, slots=True)
class Handout:
    """One PDF, and how its file is called."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StepLine:
    """One move, in words, with the number that it has in the drawing."""

    number: int
    kind: str
    help: MoveHelp


@dataclass(frozen=True, slots=True)
class StateLine:
    """One state: which deadlines begin there, and the ways on."""

    state: State
    begun: tuple[Deadline, ...]
    ways: tuple[StepLine, ...]


@dataclass(frozen=True, slots=True)
class StageLines:
    stage: Stage
    states: tuple[StateLine, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A protocol as a drawing, and the same as lists."""

    protocol: Protocol
    svg: str
    key: str
    stages: tuple[StageLines, ...]
    steps: tuple[StepLine, ...]
    missing: str | None
    """What stands in the way of making papers here."""
    languages: tuple[str, ...]


def see_drawing(ctx: AppContext, actor: Actor, key: str, version: int, wording: Wording) -> Shown:
    """The drawing of a definition in which this person holds a role. Raises Unseen."""
    protocol = known(ctx, actor, key, version)
    helps = {one.move.key: one for one in topic_of(protocol, STEPS).moves}
    steps = tuple(StepLine(number, kind_of(protocol, move), helps[move.key]) for number, move in numbered(protocol))
    return Shown(
        protocol=protocol,
        svg=svg(drawn(protocol, wording), wording, alone=False),
        key=key_of(wording),
        stages=tuple(_lines(protocol, stage, steps) for stage in protocol.stages.values()),
        steps=steps,
        missing=rendering.missing(),
        languages=languages_of(protocol),
    )


def see_wall(ctx: AppContext, actor: Actor, key: str, version: int, language: str) -> Handout:
    """The four pages. Raises Unseen, DocumentsUnavailable."""
    protocol = known(ctx, actor, key, version)
    wording = _voice(protocol, language)
    name = f"{protocol.protocol}-{protocol.version}-{language}.pdf"
    return Handout(name, _KEPT.of(protocol, "wall", language, lambda: wall_of(protocol, wording, ctx.now())))


def see_forms(ctx: AppContext, actor: Actor, key: str, version: int, form: str | None, language: str) -> Handout:
    """One form, or every one, to fill in by hand. Raises Unseen, DocumentsUnavailable."""
    protocol = known(ctx, actor, key, version)
    wording = _voice(protocol, language)
    if form is not None and form not in protocol.forms:
        raise Unseen(form)
    wanted = list(protocol.forms.values()) if form is None else [protocol.forms[form]]
    named = "forms" if form is None else wanted[0].short
    data = _KEPT.of(
        protocol, f"form {form or ''}", language,
        lambda: blank_forms(protocol, wanted, wording, ctx.now()),
    )  # fmt: skip
    return Handout(f"{protocol.protocol}-{protocol.version}-{named}-{language}.pdf", data)


def languages_of(protocol: Protocol) -> tuple[str, ...]:
    """The languages in which a definition can be printed: its own, as far as pages speak them."""
    return tuple(language for language in protocol.languages if language in printed_languages())


def _voice(protocol: Protocol, language: str) -> Wording:
    if language not in languages_of(protocol):
        raise Unseen(language)
    return Wording(language)


def _lines(protocol: Protocol, stage: Stage, steps: Iterable[StepLine]) -> StageLines:
    return StageLines(
        stage,
        tuple(
            StateLine(
                state,
                tuple(begun_in(protocol, state.key)),
                tuple(step for step in steps if leaves(protocol, step.help.move, state)),
            )
            for state in protocol.states.values()
            if state.stage == stage.key
        ),
    )


class _Kept:
    """Papers that were made, by the digest of their definition, what they are, and their language. One is made at a
    time, so that nobody waits for the same one twice.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._papers: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
        self._lock = Lock()

    def of(self, protocol: Protocol, what: str, language: str, make: Callable[[], bytes]) -> bytes:
        key = (f"{protocol.protocol} {protocol.version} {protocol.digest}", what, language)
        with self._lock:
            if key not in self._papers:
                self._papers[key] = make()
            self._papers.move_to_end(key)
            while len(self._papers) > 1 and sum(map(len, self._papers.values())) > self._most:
                self._papers.popitem(last=False)
            return self._papers[key]


_KEPT = _Kept(KEPT_MOST)
