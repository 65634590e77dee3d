"""How a case kept to its protocol, for its team and for whoever reviews it; looking is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from school_protocol.domain.conformance import ExcuseLine, conformance
from school_protocol.domain.departing import DespiteLine
from school_protocol.domain.dues import duties
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import load
from school_protocol.services.review.views import ConformanceView
from school_protocol.services.seeing import Seeing
from school_protocol.services.showing import note_reading, seeing_of


def see_conformance(house: House, actor: Actor, number: str) -> ConformanceView:
    """What was asked, done, when and left out; departures with their reasons, names in them as this reader reads them.

    Raises Unseen, also for whoever knows of the case by its metadata alone.
    """
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number, reading=True)
        if loaded.metadata_only:
            raise Unseen(number)
        note_reading(house, session, loaded, "conformance")
        seeing = seeing_of(house, loaded)
        found = conformance(loaded.facts, seeing.counts, duties(loaded.facts, seeing.counts))
        asked = tuple(replace(line, subject=seeing.subject(line.subject)) for line in found.asked)
        departures = tuple(
            replace(line, reason=seeing.masks.by(line.actor, line.role)(line.reason), actor=seeing.name(line.actor))
            for line in found.departures
        )
        excuses = tuple(_as_read(seeing, line) for line in found.excuses)
        despite = tuple(_as_read(seeing, line) for line in found.despite)
        shown = replace(found, asked=asked, departures=departures, excuses=excuses, despite=despite)
        return ConformanceView(seeing.head(), shown, loaded.now, seeing.follow_ups())


_Line = TypeVar("_Line", ExcuseLine, DespiteLine)


def _as_read(seeing: Seeing, line: _Line) -> _Line:
    """With its reason as this reader reads the entry."""
    record = seeing.case.record(line.seq)
    assert record is not None
    return replace(line, reason=seeing.masks.of(record)(line.reason), actor=seeing.name(line.actor))
