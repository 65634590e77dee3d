"""What stays of a table's debrief once its room is gone: all that it says, without names and without typed words.

It says the same findings, moments and verdicts. Left out are who sat where, numbers of cases, the reasons that somebody
wrote, and whatever a refusal quotes of what was typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache

from pydantic import TypeAdapter

from school_protocol.domain.findings import (
    DangerSeen,
    Debrief,
    DutyLine,
    Finding,
    GridSeen,
    GuardianLine,
    Measure,
    Moment,
    Question,
)
from school_protocol.domain.intents import Reason
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.scenario import Scenario

TAKEN_OUT = "…"
"""What stands where a refusal quoted a word."""
_QUOTING = frozenset({"names", "reaches"})
"""Refusals that say which word of a text names or reaches somebody."""
_STAND_FOR = frozenset({"mover", "proposer"})


@dataclass(frozen=True, slots=True)
class _Lasting:
    """The fields of a debrief, but for the protocol and the scenario, whose files are kept beside it."""

    begun: datetime
    ended: datetime
    states: Mapping[str, str]
    timeline: tuple[Moment, ...]
    findings: tuple[Finding, ...]
    duties: tuple[DutyLine, ...]
    measures: tuple[Measure, ...]
    dangers: tuple[DangerSeen, ...]
    guardians: tuple[GuardianLine, ...]
    grids: tuple[GridSeen, ...]
    questions: tuple[Question, ...]


def nameless(debrief: Debrief) -> Debrief:
    """The same debrief without accounts, without the numbers of cases (1, 2 … stand for them), without typed words."""
    known = frozenset(_keys(debrief.protocol))
    cases = {name: str(number) for number, name in enumerate(debrief.states, 1)}
    cases |= {"": ""}

    def case_of(name: str) -> str:
        return cases.get(name, TAKEN_OUT)

    return replace(
        debrief,
        states={case_of(name): state for name, state in debrief.states.items()},
        timeline=tuple(
            replace(
                one, case=case_of(one.case), actor="", codes=_plain(one.codes, known),
                reasons=_reasons(one.reasons, known),
            )
            for one in debrief.timeline
        ),
        findings=tuple(
            replace(
                one, case=case_of(one.case), said="", codes=_plain(one.codes, known),
                reasons=_reasons(one.reasons, known),
            )
            for one in debrief.findings
        ),
        duties=tuple(replace(one, case=case_of(one.case)) for one in debrief.duties),
        measures=tuple(replace(one, case=case_of(one.case)) for one in debrief.measures),
        dangers=tuple(replace(one, case=case_of(one.case)) for one in debrief.dangers),
        guardians=tuple(replace(one, case=case_of(one.case)) for one in debrief.guardians),
        grids=tuple(replace(one, case=case_of(one.case)) for one in debrief.grids),
    )  # fmt: skip


def _keys(protocol: Protocol) -> Iterator[str]:
    """What a code may point at: parts of the definition alone."""
    for part in ("roles", "seats", "forms", "acts", "moves", "slots", "dangers", "needs"):
        yield from getattr(protocol, part)


def _plain(codes: tuple[str, ...], known: Set[str]) -> tuple[str, ...]:
    """Each code with the figures and keys that belong to it; anything else that it quotes was typed."""
    return tuple(dict.fromkeys(_code(code, known) for code in codes))


def _code(code: str, known: Set[str]) -> str:
    name, *quoted = code.split(":")
    if name in _QUOTING:
        return ":".join([name, *(TAKEN_OUT for _one in quoted)])
    return ":".join([name, *(one if one.isdecimal() or one in known else TAKEN_OUT for one in quoted)])


def _reasons(reasons: tuple[Reason, ...], known: Set[str]) -> tuple[Reason, ...]:
    return tuple(
        replace(one, persons=tuple(name if name in known | _STAND_FOR else TAKEN_OUT for name in one.persons))
        for one in reasons
    )


def written(debrief: Debrief) -> bytes:
    """What stays of a debrief, as JSON."""
    said = nameless(debrief)
    return _adapter().dump_json(_Lasting(**{one.name: getattr(said, one.name) for one in fields(_Lasting)}))


def again(kept: bytes, protocol: Protocol, scenario: Scenario | None) -> Debrief:
    """The debrief that `written` wrote, on the same protocol and scenario."""
    told = _adapter().validate_json(kept)
    return Debrief(protocol, scenario, **{one.name: getattr(told, one.name) for one in fields(_Lasting)})


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[_Lasting]:
    return TypeAdapter(_Lasting)
