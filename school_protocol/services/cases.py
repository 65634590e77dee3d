"""A team's use cases on one case: see it, record an act, make a step, raise a danger."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from school_protocol.domain.case import Case, Record, fold, is_reading
from school_protocol.domain.engine import (
    Choice,
    Decision,
    MakeMove,
    Opening,
    Reason,
    RecordAct,
    available,
    decide,
    role_for,
    urgent_steps,
)
from school_protocol.domain.errors import Conflict, Refused, Unseen
from school_protocol.domain.events import CaseJoined, CaseOpened, CaseSeen, Event, Recorded, StepTaken
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.policy import Actor, Unit, UnitKind
from school_protocol.domain.protocol import CORRECTABLE, START, Act, ActKind, FieldType, Form, Move, Protocol, ScopeKind
from school_protocol.services.accounts import prove_again
from school_protocol.services.directory import contact_lines
from school_protocol.services.house import House
from school_protocol.services.loading import (
    Loaded,
    account_names,
    keep,
    load,
    load_by_id,
    notify,
    scope_of,
    surroundings,
    today_for,
    with_joinable,
    with_neighbours,
)
from school_protocol.services.seeing import Seeing
from school_protocol.services.views import (
    AccountLine,
    ActView,
    CaseHead,
    CaseView,
    Choices,
    ChronologyPage,
    ConflictView,
    DangerPage,
    MoveView,
    ReceiptLine,
    RecordView,
)
from school_protocol.storage import access, cases, directory, index, keys, once, reports
from school_protocol.storage.engines import Session

_RANDOM = random.SystemRandom()
_TEAM = (ScopeKind.assigned, ScopeKind.unit, ScopeKind.province, ScopeKind.region)


@dataclass(frozen=True, slots=True)
class Opened:
    """A case that has just been opened, as its reporter may know it."""

    number: str
    report: str
    raised: bool
    may_see: bool
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What a press recorded; `repeated` where an earlier press had done it already."""

    seq: int
    raised: bool = False
    repeated: bool = False
    number: str = ""


# ---- seeing ------------------------------------------------------------------------------------------------------


def see_case(house: House, actor: Actor, number: str) -> CaseView:
    """The case page. The reading is recorded with it; the first by the team after a report or a danger is an event."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        loaded = _mark_seen(house, session, loaded)
        _note_reading(house, session, loaded, "case")
        return _seeing(house, loaded).page()


def see_chronology(
    house: House, actor: Actor, number: str, before: int | None = None
) -> tuple[CaseHead, ChronologyPage]:
    """One page of the chronology, newest first."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        _note_reading(house, session, loaded, "chronology")
        seeing = _seeing(house, loaded)
        return seeing.head(), seeing.chronology(before)


def see_record(house: House, actor: Actor, number: str, seq: int) -> tuple[CaseHead, RecordView]:
    """One recorded act, whole."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        record = loaded.case.record(seq)
        if record is None:
            raise Unseen(f"{number}/{seq}")
        _note_reading(house, session, loaded, f"entry.{seq}")
        seeing = _seeing(house, loaded)
        return seeing.head(), seeing.record(record)


def see_act(house: House, actor: Actor, number: str, act: str) -> ActView:
    """One act's form for this person, with what its references may point at; it shows names, so it is a reading."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        key = loaded.protocol.resolve("acts", act)
        if key not in loaded.protocol.acts:
            raise Unseen(act)
        declared = loaded.protocol.acts[key]
        form = loaded.protocol.form_of(declared)
        loaded = _as_far_as(house, session, loaded, form)
        _note_reading(house, session, loaded, f"act.{key}")
        seeing = _seeing(house, loaded)
        choice = seeing.choice(key)
        contacts = contact_lines(house, loaded.protocol, loaded.case.unit) if form.find(FieldType.target) else ()
        return ActView(
            protocol=loaded.protocol,
            act=declared,
            form=form,
            head=seeing.head(),
            choices=seeing.act_choices(declared, contacts),
            reasons=choice.reasons,
            asks_signature=_asks_signature(loaded.protocol, declared),
            prefill={},
        )


def see_correction(house: House, actor: Actor, number: str, seq: int) -> ActView | None:
    """The form of a recorded act filled in with what it says, to be corrected; None where it isn't for this reader."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        record = loaded.case.record(seq)
        if record is None or record.kind not in CORRECTABLE:
            return None
        seeing = _seeing(house, loaded)
        shown = seeing.record(record)
        if shown.hidden is not None:
            return None
        contacts = contact_lines(house, loaded.protocol, loaded.case.unit)
        return ActView(
            protocol=loaded.protocol,
            act=shown.act,
            form=shown.form,
            head=seeing.head(),
            choices=seeing.act_choices(shown.act, contacts),
            prefill=dict(shown.answers),
        )


def see_move(house: House, actor: Actor, number: str, move: str) -> MoveView:
    """One move: what it changes, what stands in its way, what may be departed from."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        return _seeing(house, loaded).move(loaded.protocol.resolve("moves", move))


def see_danger(house: House, actor: Actor, number: str) -> DangerPage:
    """The first minutes: who to call, what to do, what never to do; and only then what remains to be recorded."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        _note_reading(house, session, loaded, "danger")
        seeing = _seeing(house, loaded)
        live = tuple(line for line in seeing.dangers() if line.state in ("raised", "referred"))
        wanted = [target for line in live for target in line.danger.targets]
        first = _first_acts(loaded.protocol, seeing.choices)
        return DangerPage(
            head=seeing.head(),
            dangers=live,
            contacts=contact_lines(house, loaded.protocol, loaded.case.unit, wanted or None),
            quick_acts=tuple(act for act in first if act.quick),
            then_acts=tuple(act for act in first if not act.quick),
        )


def _first_acts(protocol: Protocol, choices: Sequence[Choice]) -> tuple[Act, ...]:
    """Acts of the first minutes that are open, raising apart."""
    opened = {choice.key for choice in choices if choice.kind == "act" and choice.is_open}
    first = (act for act in protocol.acts.values() if act.first_minutes and act.key in opened)
    return tuple(act for act in first if act.kind is not ActKind.raise_danger)


def see_choices(house: House, actor: Actor, number: str) -> tuple[Choice, ...]:
    """Every act and move of a case for this person, with all reasons."""
    with house.realm.reading() as session:
        return _seeing(house, load(house, session, actor, number)).choices


def what_is_new(
    house: House, actor: Actor, number: str, since: int, *, act: str | None = None, move: str | None = None
) -> ConflictView:
    """What others wrote since this person's form was opened."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        seeing = _seeing(house, loaded)
        newer = [seeing.event(event) for event in loaded.events if event.seq > since and not is_reading(event)]
        protocol = loaded.protocol
        return ConflictView(
            seeing.head(),
            tuple(newer),
            protocol.acts.get(protocol.resolve("acts", act)) if act else None,
            protocol.moves.get(protocol.resolve("moves", move)) if move else None,
        )


def _as_far_as(house: House, session: Session, loaded: Loaded, form: Form) -> Loaded:
    """The case with what this form's references may point at beyond it."""
    if form.find(FieldType.case) is not None:
        loaded = with_joinable(house, session, loaded)
    if form.find(FieldType.seat) is not None:
        loaded = with_neighbours(house, loaded)
    return loaded


def _seeing(house: House, loaded: Loaded) -> Seeing:
    accounts = {event.actor for event in loaded.events} | {held.account for held in loaded.case.seats}
    accounts |= set(loaded.around.people)
    return Seeing(loaded, account_names(house, accounts))


def _note_reading(house: House, session: Session, loaded: Loaded, what: str) -> None:
    access.note(session, case_id=loaded.case_id, account=loaded.actor.id, at=house.now(), what=what)


def _mark_seen(house: House, session: Session, loaded: Loaded) -> Loaded:
    """Whoever answers for the case has opened it: that ends the clock of the unseen."""
    case = loaded.case
    latest = max([case.opening_seq, *(life.raised_seq for life in case.dangers if life.is_live)])
    unseen = not any(seq > latest for seq, _at in case.seen)
    own = case.opened_by == loaded.actor.id and latest <= _first_act(case)
    if not unseen or own or not _is_team(loaded):
        return loaded
    event = CaseSeen(actor=loaded.actor.id, role=loaded.roles[0], at=house.now(), occurred_at=house.now())
    keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
    return load_by_id(house, session, loaded.actor, loaded.case_id)


def _first_act(case: Case) -> int:
    return case.records[0].seq if case.records else 1


def _is_team(loaded: Loaded) -> bool:
    roles, seats = loaded.protocol.roles, loaded.protocol.seats
    return any(role in seats or roles[role].sees in _TEAM for role in loaded.roles)


def _asks_signature(protocol: Protocol, act: Act) -> bool:
    form = protocol.form_of(act)
    signed = form.find(FieldType.signature)
    return act.kind is ActKind.sign or act.signatures > 0 or bool(signed and signed.required)


# ---- before the case ---------------------------------------------------------------------------------------------


def see_opening(house: House, actor: Actor, act: str | None = None, *, protocol: str | None = None) -> ActView:
    """The form of an act that opens a case: the report, unless another is named."""
    definition, declared = _opening_act(house, actor, act, protocol)
    units = schools_of(house, actor)
    if not units:
        raise Unseen(act or "report")
    around = surroundings(house, units[0].id)
    form = definition.form_of(declared)
    return ActView(
        protocol=definition,
        act=declared,
        form=form,
        head=None,
        choices=Choices(
            accounts=_colleague_lines(definition, around, actor), contacts=contact_lines(house, definition, units[0].id)
        ),
        asks_signature=_asks_signature(definition, declared),
        units=units,
    )


def _colleague_lines(protocol: Protocol, around: Surroundings, actor: Actor) -> tuple[AccountLine, ...]:
    """Colleagues who can be named in a report; who oversees the school can't be shut out by one."""
    overseeing = {role.key for role in protocol.roles.values() if role.oversees}
    return tuple(
        AccountLine(one.id, one.name, tuple(role for role, _unit in one.roles), one.trained)
        for one in around.people.values()
        if one.id != actor.id and not any(role in overseeing for role, _unit in one.roles)
    )


def _opening_act(house: House, actor: Actor, act: str | None, protocol_key: str | None = None) -> tuple[Protocol, Act]:
    """The first current definition (or the one named) in which this person may open a case by that act."""
    for protocol in house.library.current():
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
) -> Opened:
    """Open a case by its first act: a report, or a danger raised at once. One report, one case."""
    protocol, declared = _opening_act(house, actor, act, protocol_key)
    schools = schools_of(house, actor)
    chosen = next((school for school in schools if unit in (school.id, school.code)), None) if unit else None
    place = chosen or (schools[0] if schools and unit is None else None)
    if place is None:
        raise Unseen(unit or "school")
    with house.realm.reading() as session:
        before = once.spent(session, actor.id, token)
    if before is not None:
        return Opened(before["number"], before["report"], before["raised"], before["may_see"], repeated=True)
    around = surroundings(house, place.id)
    decide(protocol, None, actor, house.now(), around, RecordAct(declared.key, answers), Opening("0", place.id))
    case_id = keys.prepare_key(house.realm, house.vault)
    with house.realm.writing() as session:
        if (before := once.spent(session, actor.id, token)) is not None:
            return Opened(before["number"], before["report"], before["raised"], before["may_see"], repeated=True)
        return _open(house, session, actor, protocol, declared, answers, token, place, around, case_id)


def _open(
    house: House,
    session: Session,
    actor: Actor,
    protocol: Protocol,
    act: Act,
    answers: Mapping[str, Any],
    token: str,
    place: Unit,
    around: Surroundings,
    case_id: str,
) -> Opened:
    number = cases.free_number(session, _RANDOM)
    report = reports.receive(
        session,
        house.vault,
        unit=place.id,
        received_at=house.now(),
        channel="staff",
        content={"act": act.key, "answers": _plain(answers)},
        reporter=actor.id,
    )
    decision = decide(
        protocol, None, actor, house.now(), around, RecordAct(act.key, answers), Opening(number, place.id, report)
    )
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
    case = fold(protocol, events)
    notify(house, session, protocol, case, case_id, _with_opening(protocol, act, events), around)
    may_see = index.find(session, scope_of(house, actor), number, today=today_for(house)) is not None
    raised = bool(case.live_dangers())
    outcome = {"number": number, "report": report, "raised": raised, "may_see": may_see}
    once.use(session, actor.id, token, outcome, at=house.now())
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


# ---- recording ---------------------------------------------------------------------------------------------------


def record_act(
    house: House,
    actor: Actor,
    number: str,
    act: str,
    answers: Mapping[str, Any],
    *,
    expected: int | None,
    token: str,
    password: str | None = None,
    proven: bool = False,
    changes: Mapping[str, Any] | None = None,
) -> Done:
    """Record an act; what follows from it by itself follows in the same transaction.

    `password` is what a signature asks; `proven` says that a script plays somebody who has given it;
    `changes` are a corrected record's answers as they should be.
    """
    signed = proven or _signed(house, actor, password)
    with house.realm.writing() as session:
        if (before := once.spent(session, actor.id, token)) is not None:
            return Done(before["seq"], before["raised"], repeated=True, number=before["number"])
        loaded = load(house, session, actor, number)
        declared = loaded.protocol.acts.get(loaded.protocol.resolve("acts", act))
        brought: tuple[str, ...] | None = None
        if declared is not None and declared.kind is ActKind.raise_danger and _goes_on_elsewhere(loaded):
            former = loaded.roles
            loaded = _where_it_goes_on(house, session, loaded)
            expected = None
            if not loaded.roles and actor.id not in loaded.case.exclusions:
                brought = former
        if declared is not None:
            loaded = _as_far_as(house, session, loaded, loaded.protocol.form_of(declared))
        if changes is not None:
            _check_may_correct(house, loaded, declared, answers)
        intent = RecordAct(act, answers, signed, changes)
        decision = decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, intent, roles=brought)
        _check_expected(loaded, expected, declared)
        return _keep_decision(house, session, loaded, decision, token)


def make_move(
    house: House,
    actor: Actor,
    number: str,
    move: str,
    *,
    reason: str = "",
    departures: Mapping[str, str] | None = None,
    expected: int | None,
    token: str,
) -> Done:
    """Move the case on; joining and handing over write the other case in the same transaction."""
    receiving = keys.prepare_key(house.realm, house.vault) if _may_open(house, move) else None
    with house.realm.writing() as session:
        if (before := once.spent(session, actor.id, token)) is not None:
            return Done(before["seq"], before["raised"], repeated=True, number=before["number"])
        loaded = load(house, session, actor, number)
        declared = loaded.protocol.moves.get(loaded.protocol.resolve("moves", move))
        successor = cases.free_number(session, _RANDOM) if receiving else None
        intent = MakeMove(move, reason, departures or {}, successor)
        decision = decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, intent)
        _check_expected(loaded, expected, None)
        done = _keep_decision(house, session, loaded, decision, token)
        if declared is not None and declared.carries:
            _carry(house, session, loaded, declared)
        if declared is not None and receiving is not None and successor is not None:
            _hand_over(house, session, loaded, declared, receiving, successor)
        return done


def _check_may_correct(house: House, loaded: Loaded, act: Act | None, answers: Mapping[str, Any]) -> None:
    """Only who may read an entry whole may say what it should have said."""
    item = loaded.protocol.form_of(act).find(FieldType.record) if act else None
    pointed = str(answers.get(item.key, "")) if item else ""
    record = loaded.case.record(int(pointed)) if pointed.isdecimal() else None
    if record is None or _seeing(house, loaded).record(record).hidden is not None:
        raise Unseen(pointed)


def _may_open(house: House, move: str) -> bool:
    """Whether some definition has a move of that name which opens a case elsewhere: its key is made before."""
    named = (protocol.moves.get(protocol.resolve("moves", move)) for protocol in house.library.every())
    return any(declared is not None and declared.opens is not None for declared in named)


def _signed(house: House, actor: Actor, password: str | None) -> bool:
    if not password:
        return False
    if not prove_again(house, actor, password):
        raise Refused((Reason("wrong_password"),))
    return True


def _where_it_goes_on(house: House, session: Session, loaded: Loaded) -> Loaded:
    """The case that followed this one, whether or not this person sees it: a danger is raised there."""
    while _goes_on_elsewhere(loaded):
        case_id = cases.find_by_number(session, loaded.case.successor or "")
        if case_id is None:
            break
        loaded = load_by_id(house, session, loaded.actor, case_id)
    return loaded


def _goes_on_elsewhere(loaded: Loaded) -> bool:
    return loaded.protocol.states[loaded.case.state].successor and loaded.case.successor is not None


def _check_expected(loaded: Loaded, expected: int | None, act: Act | None) -> None:
    """A stale form is a conflict; but a danger raised is never held back by what somebody else wrote."""
    urgent = act is not None and (act.kind in (ActKind.raise_danger, ActKind.note) or act.quick)
    if expected is not None and expected < loaded.case.content_seq and not urgent:
        raise Conflict(expected, loaded.case.content_seq)


def _keep_decision(house: House, session: Session, loaded: Loaded, decision: Decision, token: str) -> Done:
    events = keep(
        house, session, loaded.case_id, loaded.protocol, loaded.events, decision.events, decision.people, loaded.around
    )
    if any(isinstance(event, StepTaken) for event in events):
        after = fold(loaded.protocol, [*loaded.events, *events])
        notify(house, session, loaded.protocol, after, loaded.case_id, events, loaded.around)
    raised = any(isinstance(event, Recorded) and event.derived.get("raised") for event in events)
    outcome = {"seq": events[-1].seq, "raised": raised, "number": loaded.case.number}
    once.use(session, loaded.actor.id, token, outcome, at=house.now())
    return Done(events[-1].seq, raised, number=loaded.case.number)


# ---- one case into another ---------------------------------------------------------------------------------------


def _carry(house: House, session: Session, loaded: Loaded, move: Move) -> None:
    """Give the case that this one joins what the move says it carries."""
    other = loaded.case.successor
    other_id = cases.find_by_number(session, other or "")
    if other is None or other_id is None:
        return
    target = load_by_id(house, session, loaded.actor, other_id)
    joined = _joined_event(house, loaded, move.carries)
    events = keep(house, session, other_id, target.protocol, target.events, [joined], around=target.around)
    case = fold(target.protocol, [*target.events, *events])
    steps = urgent_steps(target.protocol, case, loaded.actor, house.now(), target.around, joined.role)
    if steps:
        made = keep(house, session, other_id, target.protocol, [*target.events, *events], steps, around=target.around)
        notify(house, session, target.protocol, case, other_id, made, target.around)


def _joined_event(
    house: House, loaded: Loaded, carries: Sequence[str], handover: Mapping[str, str] | None = None
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
            for one in case.referrals
            if one.is_open
        )
        if "referrals" in carries
        else (),
        handover=handover or {},
    )


def _hand_over(house: House, session: Session, loaded: Loaded, move: Move, case_id: str, number: str) -> None:
    """Open the receiving school's case with the minimal hand-over: holds, exclusions and open referrals go along."""
    asked = next((one for one in reversed(loaded.case.records) if one.kind is ActKind.ask_transfer), None)
    unit = _receiving_unit(house, loaded, asked)
    opened = CaseOpened(
        actor=loaded.actor.id,
        role=loaded.roles[0],
        at=house.now(),
        occurred_at=house.now(),
        protocol=loaded.protocol.protocol,
        version=loaded.protocol.version,
        digest=loaded.protocol.digest,
        number=number,
        unit=unit,
        state=move.opens or loaded.protocol.initial.key,
        opened_from=loaded.case.number,
    )
    cases.open_case(
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
    answers = asked.answers if asked else {}
    fields = loaded.protocol.form_of(asked.act).fields if asked else ()
    words = {item.key: str(answers[item.key]) for item in fields if item.is_words and item.key in answers}
    joined = _joined_event(house, loaded, move.carries or ("holds", "exclusions", "referrals"), words)
    keep(house, session, case_id, loaded.protocol, (), [opened, joined])


def _receiving_unit(house: House, loaded: Loaded, asked: Record | None) -> str:
    """The receiving school where it is one of ours; else the directorate above keeps the case."""
    item = loaded.protocol.form_of(asked.act).find(FieldType.school) if asked else None
    code = asked.answers.get(item.key) if asked and item else None
    with house.directory.reading() as session:
        found = directory.unit_coded(session, code) if code else None
    return found.id if found is not None else next(iter(loaded.around.unit.parents), loaded.case.unit)


# ---- a reporter's receipt ----------------------------------------------------------------------------------------


def see_receipt(house: House, actor: Actor, report: str) -> ReceiptLine:
    """A reporter's own receipt: that the report came in, and whether somebody looks after it; nothing of the case."""
    with house.realm.reading() as session:
        header = reports.header(session, report)
        line = receipt_line(house, session, actor, header)
        return replace(line, acts=_acts_beside(load_by_id(house, session, actor, header.case_id or "")))


def see_receipt_act(house: House, actor: Actor, report: str, act: str) -> ActView:
    """The form of an act of the first minutes, for a reporter who may not see the case: nothing of it is offered."""
    with house.realm.reading() as session:
        header = reports.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        loaded = load_by_id(house, session, actor, header.case_id)
    key = loaded.protocol.resolve("acts", act)
    declared = next((one for one in _acts_beside(loaded) if one.key == key), None)
    if declared is None:
        raise Unseen(act)
    return ActView(
        protocol=loaded.protocol,
        act=declared,
        form=loaded.protocol.form_of(declared),
        head=None,
        choices=Choices(
            accounts=_colleague_lines(loaded.protocol, loaded.around, actor),
            contacts=contact_lines(house, loaded.protocol, loaded.case.unit),
            dangers=tuple(loaded.protocol.dangers[key] for key in _own_dangers(loaded)),
        ),
    )


def _own_dangers(loaded: Loaded) -> tuple[str, ...]:
    """Dangers that this person raised."""
    return tuple(dict.fromkeys(life.danger for life in loaded.case.dangers if life.by == loaded.actor.id))


def _acts_beside(loaded: Loaded) -> tuple[Act, ...]:
    if not _own_dangers(loaded):
        return ()
    choices = available(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around, loaded.facts)
    reports_open = [
        act
        for act in loaded.protocol.acts_of(ActKind.report)
        if any(choice.key == act.key and choice.is_open for choice in choices) and not loaded.case.records_of(act.key)
    ]
    return (*_first_acts(loaded.protocol, choices), *reports_open)


def receipt_line(house: House, session: Session, actor: Actor, header: reports.ReportHeader) -> ReceiptLine:
    if header.reporter != actor.id or header.case_id is None:
        raise Unseen(header.id)
    row = index.row_of(session, header.case_id)
    opened = cases.opened(session, header.case_id)
    protocol = house.library.protocol(opened.protocol, opened.version)
    state = "in_hand" if cases.was_seen(session, header.case_id) else "received"
    if row is not None and row.ended:
        state = "ended"
    with house.directory.reading() as directory_session:
        unit = directory.unit(directory_session, header.unit)
    return ReceiptLine(
        report=header.id,
        received_at=header.received_at,
        state=state,
        unit=unit,
        protocol=protocol,
        dangers=tuple(protocol.dangers.values()),
        contacts=contact_lines(house, protocol, header.unit),
        restricted=row is not None and row.restricted,
    )


def raise_from_receipt(house: House, actor: Actor, report: str, danger: str, *, token: str) -> Opened:
    """A reporter raises a danger on the case that their report opened, without seeing it."""
    protocol = _protocol_of_report(house, actor, report)
    act = next(iter(protocol.acts_of(ActKind.raise_danger)), None)
    item = protocol.form_of(act).find(FieldType.danger) if act else None
    if act is None or item is None:
        raise Unseen(report)
    done = record_from_receipt(house, actor, report, act.key, {item.key: danger}, token=token)
    return Opened(done.number, report, True, False, repeated=done.repeated)


def record_from_receipt(
    house: House, actor: Actor, report: str, act: str, answers: Mapping[str, Any], *, token: str
) -> Done:
    """A reporter, who may not see the case, still does what falls to whoever stands beside the child.

    The acts of the first minutes, and the report itself where a danger opened the case.
    """
    with house.realm.writing() as session:
        header = reports.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        if (before := once.spent(session, actor.id, token)) is not None:
            return Done(before["seq"], before["raised"], repeated=True, number=before["number"])
        loaded = load_by_id(house, session, actor, header.case_id)
        declared = loaded.protocol.acts.get(loaded.protocol.resolve("acts", act))
        if declared is None or not (declared.first_minutes or declared.kind is ActKind.report):
            raise Unseen(report)
        if declared.kind is ActKind.raise_danger:
            loaded = _where_it_goes_on(house, session, loaded)
        intent = RecordAct(declared.key, answers)
        decision = decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, intent)
        return _keep_decision(house, session, loaded, decision, token)


def _protocol_of_report(house: House, actor: Actor, report: str) -> Protocol:
    with house.realm.reading() as session:
        header = reports.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        opened = cases.opened(session, header.case_id)
    return house.library.protocol(opened.protocol, opened.version)
