"""What is printed of a definition and of no case: its forms to fill in by hand, its four pages for a wall, its picture.

A version's bytes never change, so that what was made of it once is kept, and handed out again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock

from school_protocol.definitions.drawing import begun_in, drawn, key_of, kind_of, svg
from school_protocol.documents import rendering
from school_protocol.documents.blank_forms import blank_forms
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Deadline, Protocol, Stage, State
from school_protocol.services import guide
from school_protocol.services.guide import MoveHelp
from school_protocol.services.house import House
from school_protocol.services.wall import leaves, numbered, wall_of
from school_protocol.wording import LOCALES, Wording

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


def see_drawing(house: House, actor: Actor, key: str, version: int, wording: Wording) -> Shown:
    """The drawing of a definition in which this person holds a role. Raises Unseen."""
    protocol = guide.known(house, actor, key, version)
    helps = {one.move.key: one for one in guide.topic_of(protocol, guide.STEPS).moves}
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


def see_wall(house: House, actor: Actor, key: str, version: int, language: str) -> Handout:
    """The four pages. Raises Unseen, DocumentsUnavailable."""
    protocol = guide.known(house, actor, key, version)
    wording = _voice(protocol, language)
    name = f"{protocol.protocol}-{protocol.version}-{language}.pdf"
    return Handout(name, _KEPT.of(protocol, "wall", language, lambda: wall_of(protocol, wording, house.now())))


def see_forms(house: House, actor: Actor, key: str, version: int, form: str | None, language: str) -> Handout:
    """One form, or every one, to fill in by hand. Raises Unseen, DocumentsUnavailable."""
    protocol = guide.known(house, actor, key, version)
    wording = _voice(protocol, language)
    if form is not None and form not in protocol.forms:
        raise Unseen(form)
    wanted = list(protocol.forms.values()) if form is None else [protocol.forms[form]]
    named = "forms" if form is None else wanted[0].short
    data = _KEPT.of(
        protocol, f"form {form or ''}", language,
        lambda: blank_forms(protocol, wanted, wording, house.now()),
    )  # fmt: skip
    return Handout(f"{protocol.protocol}-{protocol.version}-{named}-{language}.pdf", data)


def languages_of(protocol: Protocol) -> tuple[str, ...]:
    """The languages in which a definition can be printed: its own, as far as pages speak them."""
    return tuple(language for language in protocol.languages if language in LOCALES)


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
