"""Service of joins and hand-overs: what goes along with a case, and the way back that goes with a refused visa."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import repository
from school_protocol.cases.loading import Loaded, keep, known_by, load_by_id, names_in, naming_of, notify, sign_of
from school_protocol.context import House
from school_protocol.engine.actors import readers_above
from school_protocol.engine.answers import NewPerson
from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_parts import WHOM, Record
from school_protocol.engine.decisions import decide, urgent_steps
from school_protocol.engine.definition import ActKind, Move, Protocol
from school_protocol.engine.definition_parts import Remarks
from school_protocol.engine.errors import Refused
from school_protocol.engine.events import CaseJoined, CaseOpened, Event, Recorded
from school_protocol.engine.form_model import FieldType, FormField
from school_protocol.engine.intents import Decision, MakeMove, Reason
from school_protocol.engine.review_state import is_refusal
from school_protocol.engine.visibility import Actor
from school_protocol.storage import access_log
from school_protocol.storage.engines import Session

_SIGN = re.compile(r"\[(\w+)\]")


def carry(house: House, session: Session, loaded: Loaded, move: Move) -> None:
    """Give the case that this one joins what the move says it carries.

    Raises Refused where nobody above the school could read it any more, with those whom the two shut out.
    """
    other = loaded.case.successor
    other_id = repository.find_by_number(session, other or "")
    if other is None or other_id is None:
        return
    target = load_by_id(house, session, loaded.actor, other_id)
    joined = _joined_event(house, loaded, move.carries)
    readers = readers_above(target.protocol, target.case, target.around)
    if readers and readers <= set(joined.exclusions):
        raise Refused((Reason("nobody_left"),))
    events = keep(house, session, other_id, target.protocol, target.events, [joined], around=target.around)
    case = fold(target.protocol, [*target.events, *events], earlier=target.case.earlier)
    steps = urgent_steps(target.protocol, case, loaded.actor, house.now(), target.around, joined.role)
    if steps:
        made = keep(house, session, other_id, target.protocol, [*target.events, *events], steps, around=target.around)
        notify(house, session, target.protocol, case, other_id, made, target.around)


def _joined_event(
    house: House,
    loaded: Loaded,
    carries: Sequence[str],
    handover: Mapping[str, str] | None = None,
    people: Iterable[NewPerson] = (),
) -> CaseJoined:
    case = loaded.case
    return CaseJoined(
        actor=loaded.actor.id,
        role=loaded.roles[0] if loaded.roles else "",
        at=house.now(),
        occurred_at=house.now(),
        other=case.number,
        dangers=tuple(life.danger for life in case.live_dangers("raised")) if "dangers" in carries else (),
        holds=tuple(hold.guardian for hold in case.holds if hold.stands) if "holds" in carries else (),
        exclusions=tuple(case.exclusions) if "exclusions" in carries else (),
        referrals=tuple(
            {"target": one.target, "covers": list(one.covers), "at": one.at.isoformat()}
            | ({WHOM: dict(one.whom)} if one.whom else {})
            for one in case.referrals
            if one.is_open
        )
        if "referrals" in carries
        else (),
        handover=handover or {},
        people={one.id: one.slot for one in people},
    )


def hand_over(house: House, session: Session, loaded: Loaded, move: Move, case_id: str, number: str) -> None:
    """Open the receiving school's case with the minimal hand-over: holds, exclusions and open referrals go along.

    Of people, those whom the request says: their slot, name and code, sealed under the key of their new case.
    """
    asked = next((one for one in reversed(loaded.case.records) if one.kind is ActKind.ask_transfer), None)
    unit = _receiving_unit(house, loaded, asked)
    answers = asked.answers if asked else {}
    fields = loaded.protocol.form_of(asked.act).fields if asked else ()
    along = Along(loaded.protocol, names_in(house, session, loaded.case_id), _going(loaded, fields, answers))
    said = {item.key: str(answers[item.key]) for item in fields if item.is_words and item.key in answers}
    words, people = {key: along.told(text) for key, text in said.items()}, along.people
    joined = _joined_event(house, loaded, move.carries or ("holds", "exclusions", "referrals"), words, people)
    lead = loaded.case.opened_from if loaded.case.contributes else None
    if people:
        access_log.note(session, case_id=loaded.case_id, account=loaded.actor.id, at=house.now(), what="handed_over")
    open_elsewhere(
        house, session, loaded, unit, move.opens, case_id, number, joined, contributes_to=lead, people=people
    )


def _going(loaded: Loaded, fields: Iterable[FormField], answers: Mapping[str, Any]) -> tuple[str, ...]:
    """The people of the case who go along, as the request says."""
    said = (answers.get(item.key) for item in fields if item.goes_along)
    ids = (one for value in said if value for one in ([value] if isinstance(value, str) else value))
    return tuple(dict.fromkeys(one for one in ids if one in loaded.case.people))


@dataclass(frozen=True, slots=True)
class Along:
    """What another school's case is told of the people of this one: `going` are known there, of others nothing is."""

    protocol: Protocol
    names: Mapping[str, Mapping[str, str]]
    going: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, str]:
        """Their number here → the one that they have there."""
        counts: Counter[str] = Counter()
        found = {}
        for one in self.going:
            slot = one.rpartition("-")[0]
            counts[slot] += 1
            found[one] = f"{slot}-{counts[slot]}"
        return found

    @property
    def people(self) -> tuple[NewPerson, ...]:
        """They, with what they are known by: name and code."""
        return tuple(
            NewPerson(there, there.rpartition("-")[0], known_by(self.names.get(here, {})))
            for here, there in self.numbers.items()
        )

    def told(self, text: str) -> str:
        """A text with signs in place of names: theirs as they are there; those of others point at nobody."""
        signs = {sign_of(self.protocol, here): sign_of(self.protocol, there) for here, there in self.numbers.items()}
        taken = set(signs.values())

        def said(found: re.Match[str]) -> str:
            if (sign := found[1]) in signs:
                return f"[{signs[sign]}]"
            return sign.rstrip("0123456789") if sign in taken else sign

        return _SIGN.sub(said, naming_of(self.protocol, self.names).signed(text))


def open_elsewhere(
    house: House,
    session: Session,
    loaded: Loaded,
    unit: str,
    state: str | None,
    case_id: str,
    number: str,
    joined: CaseJoined,
    *,
    contributes_to: str | None = None,
    restricted: bool = False,
    people: Iterable[NewPerson] = (),
) -> tuple[Event, ...]:
    """Open a case of its own at another school, with what this one hands over to it.

    `contributes_to`: the number of the case that another school leads, where this is a contribution to it.
    """
    opened = CaseOpened(
        actor=loaded.actor.id,
        role=joined.role,
        at=house.now(),
        occurred_at=house.now(),
        protocol=loaded.protocol.protocol,
        version=loaded.protocol.version,
        digest=loaded.protocol.digest,
        number=number,
        unit=unit,
        state=state or loaded.protocol.initial.key,
        opened_from=contributes_to or loaded.case.number,
        contributes=contributes_to is not None,
        restricted=restricted,
    )
    repository.open_case(
        session,
        house.vault,
        case_id=case_id,
        number=number,
        protocol=opened.protocol,
        version=opened.version,
        digest=opened.digest,
        unit=unit,
        opened_at=house.now(),
    )
    return keep(house, session, case_id, loaded.protocol, (), [opened, joined], people)


def _receiving_unit(house: House, loaded: Loaded, asked: Record | None) -> str:
    """The receiving school where it is one of ours; else the directorate above keeps the case."""
    item = loaded.protocol.form_of(asked.act).find(FieldType.school) if asked else None
    code = asked.answers.get(item.key) if asked and item else None
    with house.directory.reading() as session:
        found = auth_repository.unit_coded(session, code) if code else None
    return found.id if found is not None else next(iter(loaded.around.unit.parents), loaded.case.unit)


# ---- the way back that goes with a refused visa --------------------------------------------------------------------
# By whichever page it is refused, the case goes where it says.


def with_way_back(loaded: Loaded, actor: Actor, refused: Decision) -> Decision:
    """The same; of a visa that was refused, with the step that goes back where one is open."""
    review = loaded.protocol.review
    if review is None or review.refusal is None or not is_sent_back(loaded, refused):
        return refused
    recorded = next(event for event in refused.events if isinstance(event, Recorded))
    said = str(recorded.answers.get(review.refusal.reason, ""))
    numbered = [event.numbered(loaded.case.last_seq + place) for place, event in enumerate(refused.events, 1)]
    after = fold(loaded.protocol, numbered, loaded.case.copied(), earlier=loaded.case.earlier)
    for key in review.refusal.moves:
        step = _step(loaded, after, actor, loaded.protocol.moves[key], said)
        if step is not None:
            return replace(refused, events=(*refused.events, *step.events))
    return refused


def answered_by(protocol: Protocol) -> Remarks | None:
    """Who answers what those above say of a case, and is told of it; None: nobody does."""
    documents = protocol.documents.values()
    return next((one.remarks for one in documents if one.is_case_file and one.remarks is not None), None)


def is_sent_back(loaded: Loaded, decision: Decision) -> bool:
    """Whether a visa is refused by it."""
    review = loaded.protocol.review
    return review is not None and any(
        isinstance(event, Recorded) and event.act == review.visa and is_refusal(review, event.answers)
        for event in decision.events
    )


def _step(loaded: Loaded, after: Case, actor: Actor, move: Move, said: str) -> Decision | None:
    if after.state not in move.from_:
        return None
    try:
        return decide(loaded.protocol, after, actor, loaded.now, loaded.around, MakeMove(move.key, said, {}))
    except Refused:
        return None
