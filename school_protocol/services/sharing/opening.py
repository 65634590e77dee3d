"""The other school's own case, opened for a contribution: it is handed what it is asked, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from school_protocol.domain.case import fold
from school_protocol.domain.events import CaseJoined, Event, Recorded
from school_protocol.domain.sharing import OPENED, Asked, contributions, restricts
from school_protocol.services.house import House
from school_protocol.services.joining import Along, open_elsewhere
from school_protocol.services.loading import Loaded, names_in
from school_protocol.storage import directory
from school_protocol.storage.engines import Session


def open_contribution(house: House, session: Session, loaded: Loaded, events: Sequence[Event], case_id: str) -> None:
    """Open the case that what was just recorded opens at another school, under the key prepared for it, if any."""
    recorded = next((one for one in events if isinstance(one, Recorded) and OPENED in one.derived), None)
    if recorded is None:
        return
    number = str(recorded.derived[OPENED])
    asked = _opening(loaded, events, number)
    with house.directory.reading() as people:
        there = directory.schools_coded(people, {asked.school})[asked.school]
    act = loaded.protocol.acts[asked.record.act]
    joined = CaseJoined(
        actor=recorded.actor,
        role=recorded.role,
        at=house.now(),
        occurred_at=house.now(),
        other=loaded.case.number,
        exclusions=tuple(loaded.case.exclusions),
        handover=_words(loaded, asked, Along(loaded.protocol, names_in(house, session, loaded.case_id))),
    )
    open_elsewhere(
        house,
        session,
        loaded,
        there.id,
        act.opens,
        case_id,
        number,
        joined,
        contributes_to=loaded.case.number,
        restricted=restricts(loaded.protocol, asked.record),
    )


def _opening(loaded: Loaded, events: Sequence[Event], number: str) -> Asked:
    case = fold(loaded.protocol, [*loaded.events, *events], earlier=loaded.case.earlier)
    return next(one for one in contributions(loaded.protocol, case) if one.opened == number)


def _words(loaded: Loaded, asked: Asked, along: Along) -> dict[str, str]:
    fields = loaded.protocol.form_of(asked.record.act).fields
    said = {item.key: asked.record.answers.get(item.key) for item in fields if item.is_words}
    return {key: along.told(str(text)) for key, text in said.items() if text}
