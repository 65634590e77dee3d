"""Before there is a case: the form of a report or of a danger raised at once, and the case that it opens."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from school_protocol.domain.case import fold
from school_protocol.domain.engine import (
    Opening,
    RecordAct,
    decide,
    role_for,
)
from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import CaseOpened, Event, StepTaken
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.policy import Actor, Unit, UnitKind
from school_protocol.domain.protocol import START, Act, ActKind, Protocol
from school_protocol.domain.weighing import is_above
from school_protocol.services.directory import contact_lines
from school_protocol.services.going_live.gate import refuse_unopened
from school_protocol.services.house import House
from school_protocol.services.loading import (
    keep,
    notify,
    scope_of,
    surroundings,
    today_for,
)
from school_protocol.services.naming import refuse_names
from school_protocol.services.on_paper import OnPaper, paper_of, writers
from school_protocol.services.showing import asks_signature
from school_protocol.services.views import (
    AccountLine,
    ActView,
    Choices,
)
from school_protocol.storage import cases, directory, index, keys, once, reports
from school_protocol.storage.engines import Session

_RANDOM = random.SystemRandom()


Also = Callable[[Session, str], None]
"""Written with the opening of a case: given the session, and the id of the case."""


@dataclass(frozen=True, slots=True)
class _For:
    """For whom else a case is opened: in which role, by which way it came, what is written with it, who is shut out."""

    role: str
    channel: str
    also: Also
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Opened:
    """A case that has just been opened, as its reporter may know it."""

    number: str
    report: str
    raised: bool
    may_see: bool
    repeated: bool = False


def see_opening(house: House, actor: Actor, act: str | None = None, *, protocol: str | None = None) -> ActView:
    """The form of an act that opens a case: the report, unless another is named."""
    definition, declared = _opening_act(house, actor, act, protocol)
    refuse_unopened(house)
    units = schools_of(house, actor)
    if not units:
        raise Unseen(act or "report")
    places = [surroundings(house, unit.id, language=actor.language) for unit in units]
    around, form = places[0], definition.form_of(declared)
    found = [writers(definition, declared, None, place, actor) for place in places]
    return ActView(
        protocol=definition,
        act=declared,
        form=form,
        head=None,
        choices=Choices(
            accounts=colleague_lines(definition, around, actor), contacts=contact_lines(house, definition, units[0].id)
        ),
        asks_signature=asks_signature(definition, declared),
        units=units,
        writers=None if None in found else tuple({line.id: line for lines in found for line in lines or ()}.values()),
    )


def see_openings(house: House, actor: Actor) -> tuple[Protocol, ...]:
    """The protocols under which this person can report: several where a school follows several."""
    found = []
    for protocol in house.library.current():
        with suppress(Unseen):
            found.append(_opening_act(house, actor, None, protocol.protocol)[0])
    return tuple(found)


def colleague_lines(protocol: Protocol, around: Surroundings, actor: Actor) -> tuple[AccountLine, ...]:
    """Colleagues who can be named in a report; whoever stands above the school is shut out by their like alone."""
    by_their_like = any(is_above(protocol, role) for role in actor.roles_in(around.places))
    return tuple(
        AccountLine(one.id, one.name, tuple(role for role, _unit in one.roles), one.trained)
        for one in around.people.values()
        if one.id != actor.id and (by_their_like or not any(is_above(protocol, role) for role, _unit in one.roles))
    )


def _opening_act(house: House, actor: Actor, act: str | None, protocol_key: str | None = None) -> tuple[Protocol, Act]:
    """The first current definition (or the one named) in which this person may open a case by that act.

    Whoever acts in another realm may open none here.
    """
    for protocol in house.library.current() if actor.realm == house.name else ():
        if protocol_key is not None and protocol.protocol != protocol_key:
            continue
        wanted = protocol.resolve("acts", act) if act else None
        for declared in protocol.acts.values():
            if START not in declared.in_ or (wanted is not None and declared.key != wanted):
                continue
            if wanted is None and declared.kind is not ActKind.report:
                continue
            if role_for(protocol, declared.by, [held.role for held in actor.appointments]) is not None:
                return protocol, declared
    raise Unseen(act or "report")


def schools_of(house: House, actor: Actor) -> tuple[Unit, ...]:
    """The schools in which this person holds a role."""
    with house.directory.reading() as session:
        found = directory.units(session, [held.unit for held in actor.appointments])
    return tuple(unit for unit in found.values() if unit.kind is UnitKind.school)


def open_case(
    house: House,
    actor: Actor,
    act: str,
    answers: Mapping[str, Any],
    *,
    token: str,
    unit: str | None = None,
    protocol_key: str | None = None,
    paper: OnPaper | None = None,
    said: object = None,
) -> Opened:
    """Open a case by its first act: a report, or a danger raised at once. One report, one case.

    `paper` says that it is typed in from a paper form: the case has then been open since that was written.
    """
    protocol, declared = _opening_act(house, actor, act, protocol_key)
    place = _chosen_school(house, actor, unit)
    written = [paper.at, paper.by] if paper else []
    press = once.press(house.vault, actor.id, token, declared.key, said or [place.id, answers, *written])
    with house.realm.reading() as session:
        before = once.spent(session, press)
    if before is not None:
        return _repeated(before)
    intent = RecordAct(declared.key, answers, paper=paper_of(house, actor, paper))
    return _open_once(house, actor, protocol, intent, press, place)


def open_for(
    house: House,
    actor: Actor,
    protocol: Protocol,
    act: str,
    answers: Mapping[str, Any],
    *,
    token: str,
    place: Unit,
    role: str,
    channel: str,
    also: Also,
    said: object = None,
    barred: frozenset[str] = frozenset(),
) -> Opened:
    """Open a case at a school for somebody who has no account there: `role` is theirs, whoever presses; `barred` are
    shut out of it, as they wished.

    `also` writes, in the same transaction, what it was opened from. Who may do this was asked by the caller.
    """
    press = once.press(house.vault, actor.id, token, act, said or [place.id, answers])
    with house.realm.reading() as session:
        before = once.spent(session, press)
    if before is not None:
        return _repeated(before)
    return _open_once(house, actor, protocol, RecordAct(act, answers), press, place, _For(role, channel, also, barred))


def _open_once(
    house: House,
    actor: Actor,
    protocol: Protocol,
    intent: RecordAct,
    press: once.Press,
    place: Unit,
    other: _For | None = None,
) -> Opened:
    refuse_unopened(house)
    around, roles = surroundings(house, place.id), (other.role,) if other else None
    opening = Opening("0", place.id, barred=other.barred if other else frozenset())
    decide(protocol, None, actor, house.now(), around, intent, opening, roles=roles)
    case_id = keys.prepare_key(house.realm, house.vault)
    with house.realm.writing(together=True) as session:
        if (before := once.spent(session, press)) is not None:
            return _repeated(before)
        return _open(house, session, actor, protocol, intent, press, place, around, case_id, other)


def rehearse_for(
    house: House,
    actor: Actor,
    protocol: Protocol,
    act: str,
    answers: Mapping[str, Any],
    *,
    place: Unit,
    role: str,
    barred: frozenset[str] = frozenset(),
) -> None:
    """Raise what `open_for` would raise before anything is written, and open nothing."""
    refuse_unopened(house)
    around = surroundings(house, place.id)
    intent, opening = RecordAct(act, answers), Opening("0", place.id, barred=barred)
    decision = decide(protocol, None, actor, house.now(), around, intent, opening, roles=(role,))
    with house.realm.reading() as session:
        refuse_names(house, session, None, protocol, decision, tells=True)


def rehearse_opening(
    house: House,
    actor: Actor,
    act: str,
    answers: Mapping[str, Any],
    *,
    unit: str | None = None,
    protocol_key: str | None = None,
    paper: OnPaper | None = None,
) -> None:
    """Raise what `open_case` would raise, and open nothing."""
    refuse_unopened(house)
    protocol, declared = _opening_act(house, actor, act, protocol_key)
    place = _chosen_school(house, actor, unit)
    around = surroundings(house, place.id)
    intent = RecordAct(declared.key, answers, paper=paper_of(house, actor, paper))
    decision = decide(protocol, None, actor, house.now(), around, intent, Opening("0", place.id))
    with house.realm.reading() as session:
        refuse_names(house, session, None, protocol, decision, tells=True)


def _chosen_school(house: House, actor: Actor, unit: str | None) -> Unit:
    schools = schools_of(house, actor)
    chosen = next((school for school in schools if unit in (school.id, school.code)), None) if unit else None
    place = chosen or (schools[0] if schools and unit is None else None)
    if place is None:
        raise Unseen(unit or "school")
    return place


def _repeated(before: Mapping[str, Any]) -> Opened:
    return Opened(before["number"], before["report"], before["raised"], before["may_see"], repeated=True)


def _open(
    house: House,
    session: Session,
    actor: Actor,
    protocol: Protocol,
    intent: RecordAct,
    press: once.Press,
    place: Unit,
    around: Surroundings,
    case_id: str,
    other: _For | None = None,
) -> Opened:
    number = cases.free_number(session, _RANDOM)
    report = reports.receive(
        session,
        house.vault,
        unit=place.id,
        received_at=house.now(),
        channel=other.channel if other else "staff",
        content={"act": intent.act, "answers": _plain(intent.answers)},
        reporter=None if other else actor.id,
    )
    roles = (other.role,) if other else None
    opening = Opening(number, place.id, report, barred=other.barred if other else frozenset())
    decision = decide(protocol, None, actor, house.now(), around, intent, opening, roles=roles)
    refuse_names(house, session, None, protocol, decision, tells=True)
    opened = decision.events[0]
    assert isinstance(opened, CaseOpened)
    cases.open_case(
        session,
        house.vault,
        case_id=case_id,
        number=number,
        protocol=protocol.protocol,
        version=protocol.version,
        digest=protocol.digest,
        unit=place.id,
        opened_at=opened.occurred_at,
    )
    events = keep(house, session, case_id, protocol, (), decision.events, decision.people, around)
    reports.settle(session, report, reports.ReportStatus.opened, case_id)
    if other is not None:
        other.also(session, case_id)
    case = fold(protocol, events)
    notify(house, session, protocol, case, case_id, _with_opening(protocol, protocol.acts[intent.act], events), around)
    may_see = index.find(session, scope_of(house, actor), number, today=today_for(house)) is not None
    raised = bool(case.live_dangers())
    outcome = {"number": number, "report": report, "raised": raised, "may_see": may_see}
    once.use(session, press, outcome, at=house.now())
    return Opened(number, report, raised, may_see)


def _with_opening(protocol: Protocol, act: Act, events: Sequence[Event]) -> list[Event]:
    """The events, and the move that opened the case as the definition names it: for its notices."""
    move = protocol.moves.get(act.moves or "")
    if move is None or START not in move.from_ or any(isinstance(event, StepTaken) for event in events):
        return list(events)
    first = events[0]
    step = StepTaken(
        actor=first.actor, role=first.role, at=first.at, occurred_at=first.occurred_at,
        move=move.key, source=START, target=move.to,
    )  # fmt: skip
    return [*events, step]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
