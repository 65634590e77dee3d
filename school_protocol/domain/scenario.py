"""What a scenario can say: a case to be played at a table, what comes to it meanwhile, where it may go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from school_protocol.domain.conditions import Condition
from school_protocol.domain.texts import Keys, Model, Text, as_list

EVERYONE = "everyone"
ATTACH = "attach"
"""What a sign names when a file was put to a piece of evidence, or tried to be."""

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


_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration(text: str) -> timedelta | None:
    """`3d`, `2h`, `90m`, or several joined: `1d4h`; None for anything else."""
    rest, found, number = text.replace(" ", ""), timedelta(), ""
    for sign in rest:
        if sign in "0123456789" and len(number) < 5:
            number += sign
        elif sign in _UNITS and number:
            found, number = found + timedelta(**{_UNITS[sign]: int(number)}), ""
        else:
            return None
    return found if rest and not number else None
