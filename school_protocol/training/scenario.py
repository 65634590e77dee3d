"""Models of a workshop's scenario: its case, injects and traps; a room's clock, names of seats, how a table stands.

The clock stands, runs as ours does, or sixty times as fast, and never turns back. It runs while the room is served:
from its last sign of life on it stands.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from school_protocol.engine.case_parts import record_values
from school_protocol.engine.conditions import Condition, Value
from school_protocol.engine.deadlines import counts_of
from school_protocol.engine.errors import BadInput
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import Keys, Model, Text, as_list, duration

STANDING, REAL, FAST = 0, 1, 60
PACES = (STANDING, REAL, FAST)
SILENT = timedelta(seconds=10)
"""So long after its last sign of life a room still counts as served."""


@dataclass(frozen=True, slots=True)
class RoomClock:
    """`moment` is what the workshop's clock showed at `since`, by ours; since then it goes at `pace`.

    `held_until`, by ours too: until then somebody writes, and the fast clock stands. Frozen, it stands at any pace.
    `alive_at`, by ours: the room's last sign of life; None: none was ever given, and none is waited for.
    """

    moment: datetime
    since: datetime
    pace: int = STANDING
    held_until: datetime | None = None
    frozen: bool = False
    alive_at: datetime | None = None

    def at(self, real: datetime) -> datetime:
        """What it shows at that moment of ours."""
        if self.frozen or self.pace == STANDING:
            return self.moment
        start = self.since
        if self.pace == FAST and self.held_until is not None:
            start = max(start, self.held_until)
        until = real if self.alive_at is None else min(real, self.alive_at + SILENT)
        return self.moment + max(until - start, timedelta()) * self.pace

    def is_held(self, real: datetime) -> bool:
        """Whether it would run fast, and stands because somebody writes."""
        return self.pace == FAST and not self.frozen and self.held_until is not None and real < self.held_until

    def paced(self, pace: int, real: datetime) -> RoomClock:
        """The same clock, at another pace from now on. Raises BadInput for one that there is not."""
        if pace not in PACES:
            raise BadInput({"pace": ("not_a_choice",)})
        return replace(self._settled(real), pace=pace)

    def held(self, until: datetime | None, real: datetime) -> RoomClock:
        """Somebody writes, and is waited for until then; None: nobody does."""
        return replace(self._settled(real), held_until=until)

    def freeze(self, frozen: bool, real: datetime) -> RoomClock:
        return replace(self._settled(real), frozen=frozen)

    def turned_to(self, moment: datetime, real: datetime) -> RoomClock:
        """Moved on to that moment. Raises BadInput where that would be back."""
        if moment < self.at(real):
            raise BadInput({"moment": ("turned_back",)})
        return replace(self._settled(real), moment=moment)

    def alive(self, real: datetime) -> RoomClock:
        """The room gives a sign of life; after a silence the clock goes on from where it stood."""
        before = self.alive_at or real
        return self._settled(real) if real > before + SILENT else replace(self, alive_at=max(before, real))

    def _settled(self, real: datetime) -> RoomClock:
        """The same clock, told from now: what it showed until now it showed. Ours may have been set back meanwhile."""
        return replace(self, moment=self.at(real), since=real, alive_at=real if self.alive_at is not None else None)


# ---- a case to be played at a table, what comes to it meanwhile, where it may go wrong -----------------------------

EVERYONE = "everyone"

Texts = Annotated[tuple[Text, ...], BeforeValidator(as_list), Field(min_length=1)]


class Difficulty(StrEnum):
    discovery = "discovery"
    practice = "practice"
    mastery = "mastery"


class InjectKind(StrEnum):
    pupil_message = "pupil_message"
    parent_call = "parent_call"
    colleague_advice = "colleague_advice"
    screenshot = "screenshot"
    news = "news"


class Card(Model):
    """Somebody who is played: a role or seat of the protocol, or somebody whom the case is about."""

    role: str | None = None
    slot: str | None = None
    name: Text
    knows: Text
    goal: Text


class Opening(Model):
    """The act by which the case of a table begins, on the scenario's clock."""

    begins: str
    as_: str = Field(alias="as")
    do: str
    answers: Mapping[str, Any] = {}


class Step(Model):
    """What somebody does, as a script says it; `mark` names the place for the witnesses that begin after it."""

    at: str | None = None
    advance: str | None = None
    as_: str | None = Field(default=None, alias="as")
    do: str | None = None
    attach: str | None = None
    answers: Mapping[str, Any] = {}
    reason: str | None = None
    depart: Mapping[str, str] = {}
    written_at: str | None = None
    written_by: str | None = None
    case: str | None = None
    expect: Literal["refused"] | None = None
    note: str | None = None
    mark: str | None = None

    @property
    def script(self) -> Mapping[str, Any]:
        """The step as a script holds it."""
        return self.model_dump(by_alias=True, exclude_defaults=True, exclude={"mark", "attach"})


class Witness(Model):
    """How it comes about: these steps, after that place of the expected path, or after the opening."""

    after: str | None = None
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class ExpectedPath(Model):
    """The steps that the scenario expects, and the state in which its case, or each of them by its name, ends."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    ends: str | Mapping[str, str]

    @property
    def ends_by_case(self) -> Mapping[str, str]:
        return {"": self.ends} if isinstance(self.ends, str) else self.ends


class Sign(Model):
    """Something to be seen of a table: so many records, steps or refusals, a deadline or duty missed, a danger."""

    act: str | None = None
    where: Condition | None = None
    move: str | None = None
    refused: str | None = None
    need: str | None = None
    missed: str | None = None
    danger: str | None = None
    times: Annotated[int, Field(ge=1, le=99)] = 1

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it says that it is; one of them is right."""
        said = ("act", "move", "refused", "missed", "danger")
        return tuple(kind for kind in said if getattr(self, kind) is not None)


class Inject(Model):
    """What comes to a table: from a time on, after an act or move, once a condition holds: all that is named."""

    kind: InjectKind
    from_: str | None = Field(default=None, alias="from")
    to: Keys
    at: str | None = None
    after: str | None = None
    when: Condition | None = None
    delay: str | None = None
    text: Text
    trainer: Text | None = None
    witness: Witness | None = None


class Trap(Model):
    """Where a table may go wrong: once `when` has held it has fallen in, whatever it does afterwards."""

    title: Text
    when: Condition
    reason: Text | None = None
    rule: Text | None = None
    witness: Witness


class Note(Model):
    """Words for the debrief beside a duty, deadline, act or move: why it is so, and the rule."""

    reason: Text
    rule: Text


class Scenario(Model):
    """One scenario, whole."""

    format: Literal[1]
    scenario: str
    version: Annotated[int, Field(ge=1)]
    code: str = ""
    languages: tuple[str, ...]
    provenance: str
    title: Text
    aims: Texts
    protocol: str
    versions: Annotated[tuple[int, ...], Field(min_length=1)]
    level: Difficulty
    minutes: Annotated[int, Field(ge=10, le=600)]
    story: Text
    wellbeing: Text
    cast: Annotated[Mapping[str, Card], Field(min_length=1)]
    opening: Opening
    signs: Mapping[str, Sign] = {}
    injects: Annotated[Mapping[str, Inject], Field(min_length=1)]
    traps: Annotated[Mapping[str, Trap], Field(min_length=1)]
    debrief: Mapping[str, Note] = {}
    path: ExpectedPath
    digest: str = ""

    def conditions(self) -> Iterator[Condition]:
        """Every condition over what a table did."""
        yield from (trap.when for trap in self.traps.values())
        yield from (inject.when for inject in self.injects.values() if inject.when is not None)

    @cached_property
    def names_read(self) -> frozenset[str]:
        """The signs and facts that conditions read."""
        return frozenset().union(*(condition.names for condition in self.conditions()))

    def witnesses(self) -> Iterator[tuple[str, str, Witness]]:
        """Every witness with the part and the key that it is for."""
        for key, inject in self.injects.items():
            if inject.witness is not None:
                yield "injects", key, inject.witness
        for key, trap in self.traps.items():
            yield "traps", key, trap.witness


# ---- names of seats: a few letters, nothing that hurts, nothing that a page could run ------------------------------

MOST = 24
_JOINERS = frozenset(" -'’.")
_TATWEEL = "\u0640"
"""Stretches a word in Arabic script, and is none of its letters."""
_RUN = re.compile(r"(.)\1+")
_REFUSED = frozenset(
    """
    029cb2544c33 04df20c9c5e1 0626382c6270 08a841e99678 0aa249ea99ce 0c38fc998949 0e8f6e454450 0f28c4960d96
    10a436206f05 1143da2bc54c 11b7e4d3514b 120f6e5b4ea3 14c84728ea0b 152616fe255c 158869a97379 16ea09fc78ca
    1f6570e9f532 1f7101fe7101 250b82818401 2ac9c8be418b 2f5f6ce5ae30 3175bf063867 317936d5c6d8 3383dcd99fdf
    3811ae08ab7b 38ba35fc0a47 3b1e0d7c5dd4 3b25dd99eb80 3d6c9fd54a4d 3f65bad3bcab 413595df59bb 41f74ada038c
    43ebe25918c2 44163a2e4dcf 4814058be6f3 4963841fe0af 4cbb741b9422 4cf454d8b7ff 4e3222e5e148 4e9c5da98278
    521e601a5247 55e7af382995 566f532d486c 5f06f5edce25 63dfbc4b4d18 6629f0f7bd9f 68095385a7ac 6ac3c336e409
    6d41366d187a 6f8aa71880af 6ff8f7340561 71263acab472 767c6fb537e6 7de96dd17374 830e41ac2e02 8420c85c2aad
    84f6ec79e7af 852f99110abe 85fc17f7069a 862a6b5e7933 8a1de20d6c37 8a3fa4b72dc7 8d1a978e876c 8f5083e3e5c7
    919f6998e939 93749addb7cd 98078a5939a2 98b52c4b6b7d 9915ba2d8222 9a2d546f7dc6 9ae315a94e42 9ba05bb61656
    9c32f5b87080 a0f9178f3cf7 a4fa30d69f1d a75bde3f32b8 ab4281b6411b ab73cfb306c6 ad069c33bd5f ad505b0be8a4
    b44f565f4d9e b5b2125821e1 b76e107adf3a b7b724f9e952 ba0fe5592097 ba5f2ceb9913 bb4679824b67 bb61ef40814c
    bca8d2c738d5 bd331fb1d242 be8cffa709ca bf393dfbadfe c25dc33591e0 c28a08a1a507 c2c3b68b4883 c3de533e9b7f
    d156a400f045 d360ac0b7c27 d75a838dc758 d80b8e72da2c dd665742e6b4 e512a0558344 e556ecf27a7d e89a47ef8e43
    ebddba525f35 efc0c180c864 f09fdc2a35e7 f2ae7b1efd28 f50c51ed2315 fb0fbec5fd5c ff1580fa239a
    """.split()  # noqa: SIM905
)
"""The first twelve hexadecimal digits of the SHA-256 of words that are insults here, so that nobody reads them."""


def plain_name(text: str) -> str:
    """The name as it is kept: one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fault_of(name: str) -> str:
    """Why a plain name is not taken: `missing`, `too_long`, `not_a_name`, `hurts`; empty where it is."""
    if not name:
        return "missing"
    if len(name) > MOST:
        return "too_long"
    if not any(sign.isalnum() for sign in name):
        return "not_a_name"
    if not all(sign in _JOINERS or unicodedata.category(sign)[0] in "LMN" for sign in name):
        return "not_a_name"
    return "hurts" if any(mark_of(word) in _REFUSED for word in _words(name)) else ""


def mark_of(word: str) -> str:
    """How a word stands in the list of those that are refused."""
    return hashlib.sha256(word.encode()).hexdigest()[:12]


def _words(name: str) -> set[str]:
    """The words of a name, and all of them run together, without signs, marks, stretched or doubled letters."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign))
    plain = bare.replace(_TATWEEL, "").translate(str.maketrans("013457@$", "oieastas"))
    words = {"".join(sign for sign in word if sign.isalnum()) for word in plain.split()}
    words.add("".join(sign for sign in plain if sign.isalnum()))
    return {_RUN.sub(run, word) for word in words for run in (r"\g<0>", r"\1\1", r"\1")}


# ---- staging: which signs are there, what comes now, which traps the table is in -----------------------------------
# A sign, an inject or a trap is about one case; a table with several has it as soon as one of them has.


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a table tried and was refused: an act or move by its key, or `attach`; what said no."""

    name: str
    why: tuple[str, ...] = ()
    at: datetime | None = None
    role: str = ""
    """The role or seat of whoever tried."""
    actor: str = ""
    reasons: tuple[Reason, ...] = ()
    """The engine's own, where it was the engine that refused."""
    problems: tuple[str, ...] = ()
    """Codes of what the form found wrong."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What conditions may read of one case at one moment, and the acts and moves that were made in it."""

    values: Mapping[str, Value]
    done: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Since when a table plays, what came to it, what will, and the traps it fell into, each with its moment."""

    begun: datetime
    came: Mapping[str, datetime] = field(default_factory=dict)
    coming: Mapping[str, datetime] = field(default_factory=dict)
    traps: Mapping[str, datetime] = field(default_factory=dict)


def reading(scenario: Scenario, facts: Facts, attempts: Sequence[Attempt]) -> Reading:
    """What is to be seen of a case now."""
    values: dict[str, Value] = {
        name: _seen(scenario.signs[name], facts, attempts) if name in scenario.signs else facts.get(name)
        for name in scenario.names_read
    }
    acts = {record.act for record in facts.case.records}
    return Reading(values, frozenset(acts | {step.move for step in facts.case.steps}))


def watch(scenario: Scenario, table: Table, readings: Sequence[Reading], now: datetime) -> Table:
    """The table as it stands now: what has come, what is to come, what it has fallen into."""
    came, coming = dict(table.came), dict(table.coming)
    for key, inject in scenario.injects.items():
        if key in came:
            continue
        if key not in coming and _is_called(inject, table.begun, readings, now):
            coming[key] = now + (duration(inject.delay or "0m") or now - now)
        if key in coming and coming[key] <= now:
            came[key] = coming.pop(key)
    fallen = {
        key: now for key, trap in scenario.traps.items() if key not in table.traps and _holds(trap.when, readings)
    }
    return replace(table, came=came, coming=coming, traps={**table.traps, **fallen})


def next_moment(scenario: Scenario, table: Table, after: datetime) -> datetime | None:
    """When, by the clock alone, something will come next."""
    waits = (duration(inject.at) for key, inject in scenario.injects.items() if inject.at and key not in table.came)
    moments = [*table.coming.values(), *(table.begun + wait for wait in waits if wait is not None)]
    return min((moment for moment in moments if moment > after), default=None)


def _is_called(inject: Inject, begun: datetime, readings: Iterable[Reading], now: datetime) -> bool:
    wait = duration(inject.at) if inject.at else None
    if wait is not None and now < begun + wait:
        return False
    if inject.after is not None and not any(inject.after in one.done for one in readings):
        return False
    return inject.when is None or _holds(inject.when, readings)


def _holds(condition: Condition, readings: Iterable[Reading]) -> bool:
    return any(condition.holds(one.values) for one in readings)


def _seen(sign: Sign, facts: Facts, attempts: Iterable[Attempt]) -> bool:
    return _count(sign, facts, attempts) >= sign.times


def _count(sign: Sign, facts: Facts, attempts: Iterable[Attempt]) -> int:
    case, protocol = facts.case, facts.protocol
    if sign.act is not None:
        records = case.records_of(sign.act)
        return sum(sign.where is None or sign.where.holds(record_values(protocol, record)) for record in records)
    if sign.move is not None:
        return sum(step.move == sign.move for step in case.steps)
    if sign.danger is not None:
        return sum(life.danger == sign.danger for life in case.dangers)
    if sign.missed is not None:
        return _missed(sign.missed, facts)
    return sum(one.name == sign.refused and (sign.need is None or sign.need in one.why) for one in attempts)


def _missed(name: str, facts: Facts) -> int:
    """How many counts of a deadline, or of those of a duty, ran out before they were met."""
    duty = facts.protocol.duties.get(name)
    counts = [due for key in (duty.deadlines if duty else (name,)) for due in counts_of(facts, key)]
    return sum(
        (due.is_open and due.due_at <= facts.now) or (due.met_at is not None and due.met_at > due.due_at)
        for due in counts
    )
