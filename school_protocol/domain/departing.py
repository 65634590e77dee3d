"""Acts done although their form warns against them: shown for ever, with the reason that was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from school_protocol.domain.answers import answer_values
from school_protocol.domain.case import Case
from school_protocol.domain.events import Recorded
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.texts import Text


@dataclass(frozen=True, slots=True)
class DespiteLine:
    """An act whose answers its form declares a departure, with the reason given for it."""

    act: str
    number: int
    """Which of the form's departures."""
    reason: str
    seq: int
    at: datetime
    actor: str
    role: str = ""
    is_corrected: bool = False
    """The answers were corrected since, and are no departure any more."""
    protocol: Protocol | None = None
    """The version of the protocol whose form it was."""


def done_despite(protocol: Protocol, case: Case) -> Iterator[DespiteLine]:
    """Every departure of an act: as its answers stand, or stood before they were corrected."""
    first = {event.seq: event.answers for event in case.events if isinstance(event, Recorded)}
    for record in case.records:
        own = case.protocol_at(record.seq, protocol)
        form = own.form_of(record.act)
        for number, one in enumerate(form.departs):
            for answers in (record.answers, first[record.seq]):
                if one.when.holds(answer_values(form.fields, answers)):
                    yield DespiteLine(
                        record.act, number, _words(answers.get(one.at)), record.seq, record.at, record.author,
                        record.role, answers is not record.answers, own,
                    )  # fmt: skip
                    break


def _words(answer: Any) -> str:
    return answer if isinstance(answer, str) else ""


def warning(protocol: Protocol, line: DespiteLine) -> Text:
    """What the form says of such a departure."""
    return protocol.form_of(line.act).departs[line.number].sentence
