"""Which counts somebody excused, with a reason: nobody is reminded of these any more."""

from __future__ import annotations

from school_protocol.domain.facts import Facts


def is_excused(facts: Facts, deadline: str, start_seq: int) -> bool:
    """Whether everything that a count asks for was excused since it began."""
    excuses = [facts.excused(key) for key, duty in facts.protocol.duties.items() if deadline in duty.deadlines]
    return bool(excuses) and all(one is not None and one.seq > start_seq for one in excuses)
