"""Which counts somebody excused, with a reason: nobody is reminded of these any more."""

from __future__ import annotations

from datetime import datetime

from school_protocol.domain.facts import Facts
from school_protocol.domain.parts import Record


def excuses_of(facts: Facts, deadline: str, start_seq: int, started_at: datetime) -> tuple[Record, ...]:
    """The excuses since a count began, where everything that it asks for was excused; else none."""
    found = [facts.excused(key) for key, duty in facts.protocol.duties.items() if deadline in duty.deadlines]
    since = tuple(one for one in found if one and one.seq > start_seq and one.occurred_at >= started_at)
    return since if len(since) == len(found) else ()
