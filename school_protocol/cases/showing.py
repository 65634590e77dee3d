"""Views of a case for its pages: the page, an entry, an act, a move, the first minutes. Seeing is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account
from school_protocol.cases import repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import (
    Loaded,
    account_names,
    accounts_in,
    keep,
    load,
    load_by_id,
    with_joinable,
    with_neighbours,
)
from school_protocol.cases.on_paper import writers
from school_protocol.cases.review_lines import own_line
from school_protocol.cases.sharing import lines_of
from school_protocol.cases.view_models import (
    ActView,
    CallLine,
    CaseHead,
    CaseView,
    ChronologyPage,
    ConflictView,
    DangerPage,
    MoveView,
    RecordView,
    Told,
)
from school_protocol.context import AppContext, today_for
from school_protocol.engine import case_summary
from school_protocol.engine.actors import in_team, leading
from school_protocol.engine.case import Case, is_reading
from school_protocol.engine.case_parts import WHOM, DangerLife, Record, own_role
from school_protocol.engine.case_summary import assessed_level, last_assessed, last_grid
from school_protocol.engine.definition import CORRECTABLE, Act, ActKind, Danger, Level, Move, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.errors import Unseen
from school_protocol.engine.events import CaseSeen
from school_protocol.engine.intents import Choice
from school_protocol.engine.onward import steps_with
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.people.contacts import ContactLine, contact_lines
from school_protocol.storage import access_log
from school_protocol.storage.engines import Session

# ---- answers that a form holds as it opens, worked out from the case -----------------------------------------------

_OF_THE_DAY = ("today", "now")
_Known = dict[str, tuple[Any, Told | None]]


def known_already(loaded: Loaded, seeing: Seeing, act: Act) -> _Known:
    """Key of a question → its answer, and where in the case that stands: what the last record said where the act
    carries on, what the entries say that a question names, and what the case tells."""
    if loaded.metadata_only:
        return {}
    known = _last_said(loaded, seeing, act)
    for item in loaded.protocol.form_of(act).fields:
        found = _of_the_case(loaded, seeing, act, item)
        if item.assessed and (level := last_assessed(loaded.protocol, loaded.case)) is not None:
            found = str(level), None
        elif found[0] is None and item.key not in known:
            found = _said_elsewhere(loaded, seeing, item) or found
        if found[0] is not None and (item.key not in known or found[1] is None):
            known[item.key] = found
    return known


def _last_said(loaded: Loaded, seeing: Seeing, act: Act) -> _Known:
    """What the last record said, where the act carries on from it and this reader may read it whole."""
    records = loaded.case.records_of(act.key) if act.carries_on else []
    record = records[-1] if records and records[-1].seq > loaded.case.opening_seq else None
    shown = seeing.record(record) if record else None
    if shown is None or shown.hidden is not None:
        return {}
    fields, told = shown.form.by_key, Told("entry", shown)
    return {
        key: (value, told) for key, value in shown.answers.items() if not _is_asked_anew(loaded, fields[key], value)
    }


def _said_elsewhere(loaded: Loaded, seeing: Seeing, item: FormField) -> tuple[Any, Told] | None:
    """What the latest of the entries says that a question names; None where this reader may not read it whole."""
    fields = {source.act: source.field for source in item.known}
    said = [one for one in loaded.case.records_of(*fields) if one.answers.get(fields[one.act])]
    shown = seeing.record(said[-1]) if said else None
    if shown is None or shown.hidden is not None:
        return None
    value = said[-1].answers[fields[said[-1].act]]
    if item.type is FieldType.date and "T" in value:
        value = loaded.facts.local_day(datetime.fromisoformat(value)).isoformat()
    return value, Told("entry", shown)


def _is_asked_anew(loaded: Loaded, item: FormField, value: Any) -> bool:
    """What holds of the day it is said, a day gone by, what guardians get, what somebody's word is given for."""
    if item.default in _OF_THE_DAY or item.to_guardians or (item.type is FieldType.check and item.required):
        return True
    if item.type in (FieldType.date, FieldType.moment):
        return item.past or str(value)[:10] < loaded.facts.today.isoformat()
    slots = loaded.protocol.slots
    return item.is_for_people and not item.even_on_hold and any(slots[slot].guardian for slot in item.slots)


# ---- from the case -------------------------------------------------------------------------------------------------


def _of_the_case(loaded: Loaded, seeing: Seeing, act: Act, item: FormField) -> tuple[Any, Told | None]:
    met = [option.key for option in item.options if option.met and _are_met(loaded, option.met)]
    if met:
        return met, Told("met")
    if item.default is None:
        return None, None
    if item.type is FieldType.account and item.default in loaded.protocol.seats:
        holder = loaded.case.holder(item.default, loaded.facts.today)
        return (holder, Told("seats")) if holder in _nameable(seeing, act, item) else (None, None)
    find = _OF_THE_CASE.get(item.default)
    return (find(loaded, seeing, act, item), _TOLD.get(item.default)) if find else (None, None)


def _are_met(loaded: Loaded, needs: Iterable[str]) -> bool:
    return all(loaded.protocol.needs[need].when.holds(loaded.facts) for need in needs)


def _nameable(seeing: Seeing, act: Act, item: FormField) -> list[str]:
    """Whom this question may name."""
    lines = seeing.act_choices(act).accounts
    return [line.id for line in lines if not item.only or {*line.roles, *line.seats} & set(item.only)]


def _of_seats(loaded: Loaded, seeing: Seeing, act: Act, item: FormField) -> list[str] | None:
    """Whoever records it, and who holds a seat for the whole of the case, of those who can be named."""
    day = loaded.facts.today
    seats = [held.account for held in loaded.case.seats if held.side is None and held.is_held(day)]
    may = _nameable(seeing, act, item)
    return [account for account in dict.fromkeys((loaded.actor.id, *seats)) if account in may] or None


def _turn(loaded: Loaded, seeing: Seeing, act: Act, item: FormField) -> str | None:
    """The one of its people about whom this act was not recorded yet, or longest ago."""
    last = {record.answers.get(item.key): record.seq for record in loaded.case.records_of(act.key)}
    people = loaded.case.people
    found = [one.id for one in seeing.people() if not one.held and people[one.id].slot in item.slots]
    return min(found, key=lambda person: last.get(person, 0), default=None)


def _oneself(loaded: Loaded, _seeing: Seeing, _act: Act, _item: FormField) -> str | None:
    return loaded.actor.id if loaded.actor.id in loaded.around.people else None


def _only(loaded: Loaded, seeing: Seeing, _act: Act, item: FormField) -> str | None:
    """The one thing that a question can point at, where there is just one."""
    case = loaded.case
    match item.type:
        case FieldType.person:
            found = [one.id for one in seeing.people() if not one.held and case.people[one.id].slot in item.slots]
        case FieldType.persons:
            found = [one.id for one in seeing.people() if one.slot.key in item.slots]
        case FieldType.referral:
            states = item.only or ("open",)
            found = [str(one.number) for one in case.referrals if ("open" if one.is_open else "settled") in states]
        case FieldType.hold:
            found = [str(hold.number) for hold in case.holds if hold.stands]
        case FieldType.record:
            found = [str(record.seq) for record in seeing.to_sign(as_signatory=True)]
        case FieldType.danger:
            found = [life.danger for life in case.live_dangers()]
        case FieldType.seat:
            found = _seats_waited_for(loaded)
        case _:
            found = []
    return found[0] if len(found) == 1 else None


def _seats_waited_for(loaded: Loaded) -> list[str]:
    """The seats that nobody holds, and that a step onwards needs somebody in: one from here, else a later one."""
    onwards = [move for move in loaded.protocol.moves.values() if not move.backwards]
    here = _seats_needed(loaded, [move for move in onwards if loaded.case.state in move.from_])
    return here or _seats_needed(loaded, onwards)


def _seats_needed(loaded: Loaded, moves: Iterable[Move]) -> list[str]:
    protocol = loaded.protocol
    needs = [protocol.needs[need] for move in moves for need in move.needs]
    unmet = [need for need in needs if not need.when.holds(loaded.facts)]
    read = [protocol.facts[name] for need in unmet for name in need.when.names if name in protocol.facts]
    return list(dict.fromkeys(fact.people.seat for fact in read if fact.people is not None))


def _standing(loaded: Loaded, _seeing: Seeing, _act: Act, item: FormField) -> list[str] | None:
    """The dangers that stand; of those that a referral is to cover, the ones that nobody was told of yet."""
    lives = loaded.case.live_dangers()
    if item.type is FieldType.covers:
        lives = loaded.case.live_dangers("raised") or lives
        return [life.danger for life in lives] or None
    return [life.danger for life in lives]


def _planned(loaded: Loaded, _seeing: Seeing, _act: Act, _item: FormField) -> str | None:
    due, _coming = loaded.facts.follow_up_dates()
    return due.isoformat() if due else None


def _next(loaded: Loaded, _seeing: Seeing, _act: Act, _item: FormField) -> str | None:
    _due, coming = loaded.facts.follow_up_dates()
    return coming.isoformat() if coming else None


_OF_THE_CASE: Mapping[str, Callable[[Loaded, Seeing, Act, FormField], Any]] = {
    "oneself": _oneself,
    "only": _only,
    "standing": _standing,
    "planned": _planned,
    "next": _next,
    "seated": _of_seats,
    "turn": _turn,
}
_TOLD = {"seated": Told("seats"), "turn": Told("turn")}


# ---- the page, an entry, an act, a move ----------------------------------------------------------------------------

Beside = Callable[[AppContext, Session, Loaded], object]
"""What a package shows on a page of a case that is not its own; None where there is nothing."""
_TEAM = (ScopeKind.assigned, ScopeKind.unit, ScopeKind.province, ScopeKind.region)


def see_case(ctx: AppContext, actor: Actor, number: str, also: Mapping[str, Beside] | None = None) -> CaseView:
    """All of a case. The reading is recorded with it; the first by the team after a report or a danger is an event.

    `also`: what others show beside it, each asked of the same case in the same transaction.
    """
    with ctx.realm.writing(together=True) as session:
        loaded = _opened(ctx, session, actor, number)
        return replace(
            seeing_of(ctx, loaded).page(),
            line=own_line(ctx, loaded),
            contributions=lines_of(ctx, session, loaded),
            beside={name: see(ctx, session, loaded) for name, see in (also or {}).items()},
        )


def see_tasks(ctx: AppContext, actor: Actor, number: str) -> CaseView:
    """What its first page shows of a case: where it stands, and what is to be done. Recorded in the same way."""
    with ctx.realm.writing(together=True) as session:
        loaded = _opened(ctx, session, actor, number)
        return replace(seeing_of(ctx, loaded).page(tasks_alone=True), line=own_line(ctx, loaded))


def look_at(ctx: AppContext, actor: Actor, number: str) -> None:
    """Record that somebody opened the case page, without making it: for stories that are played."""
    with ctx.realm.writing(together=True) as session:
        _opened(ctx, session, actor, number)


def _opened(ctx: AppContext, session: Session, actor: Actor, number: str) -> Loaded:
    loaded = _mark_seen(ctx, session, load(ctx, session, actor, number, reading=True))
    note_reading(ctx, session, loaded, "case")
    return loaded


def see_chronology(
    ctx: AppContext, actor: Actor, number: str, before: int | None = None
) -> tuple[CaseHead, ChronologyPage]:
    """One page of the chronology, newest first."""
    with ctx.realm.writing(together=True) as session:
        loaded = load(ctx, session, actor, number, reading=True)
        note_reading(ctx, session, loaded, "chronology")
        seeing = seeing_of(ctx, loaded)
        return seeing.head(), seeing.chronology(before)


def see_record(ctx: AppContext, actor: Actor, number: str, seq: int) -> tuple[CaseHead, RecordView]:
    """One recorded act, whole."""
    with ctx.realm.writing(together=True) as session:
        loaded = load(ctx, session, actor, number, reading=True)
        record = loaded.case.written(seq)
        if record is None:
            raise Unseen(f"{number}/{seq}")
        note_reading(ctx, session, loaded, f"entry.{seq}")
        seeing = seeing_of(ctx, loaded)
        return seeing.head(), seeing.entry(record)


def see_act(ctx: AppContext, actor: Actor, number: str, act: str, *, is_shown: bool = True) -> ActView:
    """One act's form for this person, with what its references may point at; it shows names, so it is a reading.

    Not `is_shown`: a sent form is read by it; where that is shown again, `note_shown_again` says so.
    """
    with ctx.realm.writing(together=True) if is_shown else ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        key = loaded.protocol.resolve("acts", act)
        if key not in loaded.protocol.acts:
            raise Unseen(act)
        declared = loaded.protocol.acts[key]
        form = loaded.protocol.form_of(declared)
        loaded = as_far_as(ctx, session, loaded, form)
        if is_shown:
            note_reading(ctx, session, loaded, f"act.{key}")
        seeing = seeing_of(ctx, loaded)
        choice = seeing.choice(key)
        if loaded.metadata_only and not choice.is_open:
            raise Unseen(act)
        contacts = contact_lines(ctx, loaded.protocol, loaded.case.unit) if form.find(FieldType.target) else ()
        left_out = case_summary.unasked(case_summary.standing(loaded.protocol, loaded.case), form.key)
        known = known_already(loaded, seeing, declared)
        return ActView(
            protocol=loaded.protocol,
            act=declared,
            form=form.with_fields(item for item in form.fields if item.key not in left_out) if left_out else form,
            head=seeing.head(),
            choices=seeing.act_choices(declared, contacts),
            reasons=choice.reasons,
            asks_signature=asks_signature(loaded.protocol, declared),
            prefill={key: value for key, (value, _told) in known.items()},
            told={key: told for key, (_value, told) in known.items() if told is not None},
            assessed=_assessed(loaded, declared),
            writers=writers(loaded.protocol, declared, loaded.case, loaded.around, actor),
            remarks=tuple(one for one in seeing.remarks if one.act == key and one.settled_at is None),
            observations=seeing.observations() if _is_visa(loaded, key) else 0,
            onward=steps_with(seeing.decider, declared),
        )


def _is_visa(loaded: Loaded, act: str) -> bool:
    """Whether that act ends the review of a case."""
    return loaded.protocol.review is not None and loaded.protocol.review.visa == act


def _assessed(loaded: Loaded, act: Act) -> Level | None:
    """The level that the grid gives, for whoever decides with the grid before them."""
    rule = loaded.protocol.assessment
    grid = last_grid(loaded.protocol, loaded.case)
    if rule is None or grid is None or act.group != loaded.protocol.acts[rule.act].group or act.key == rule.act:
        return None
    level, detail = assessed_level(loaded.protocol, loaded.case, grid.answers)
    return loaded.protocol.grids[detail["grid"]].levels.get(level)


def see_correction(ctx: AppContext, actor: Actor, number: str, seq: int) -> ActView | None:
    """The form of a recorded act filled in with what it says, to be corrected; None where it isn't for this reader.

    Of a referral nothing can be changed but to which service it went.
    """
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        record = loaded.case.record(seq)
        if record is None or record.kind not in {*CORRECTABLE, ActKind.refer}:
            return None
        seeing = seeing_of(ctx, loaded)
        shown = seeing.record(record)
        if shown.hidden is not None:
            return None
        contacts = contact_lines(ctx, loaded.protocol, loaded.case.unit)
        act, form = loaded.protocol.acts[record.act], loaded.protocol.form_of(record.act)
        if record.kind is ActKind.refer:
            return _service_of(loaded, seeing, record, shown, contacts)
        return ActView(
            protocol=loaded.protocol,
            act=act,
            form=form,
            head=seeing.head(),
            choices=seeing.act_choices(act, contacts),
            prefill={key: value for key, value in shown.answers.items() if key in form.by_key},
        )


def _service_of(
    loaded: Loaded, seeing: Seeing, record: Record, shown: RecordView, contacts: tuple[ContactLine, ...]
) -> ActView | None:
    """Of a referral no question but to which service it went; None where the directory knows none of that kind."""
    act, form = loaded.protocol.acts[record.act], loaded.protocol.form_of(record.act)
    item = form.find(FieldType.target)
    target = record.answers.get(item.key) if item else None
    fitting = tuple(one for one in contacts if one.id and one.target and one.target.key == target)
    if not fitting:
        return None
    return ActView(
        protocol=loaded.protocol,
        act=act,
        form=form.with_fields(()),
        head=seeing.head(),
        choices=seeing.act_choices(act, fitting),
        whom=shown.derived.get(WHOM, {}),
    )


def see_move(ctx: AppContext, actor: Actor, number: str, move: str) -> MoveView:
    """One move: what it changes, what stands in its way, what may be departed from."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        if loaded.metadata_only:
            raise Unseen(move)
        return seeing_of(ctx, loaded).move(loaded.protocol.resolve("moves", move))


def see_choices(ctx: AppContext, actor: Actor, number: str) -> tuple[Choice, ...]:
    """Every act and move of a case for this person, with all reasons."""
    with ctx.realm.reading() as session:
        return seeing_of(ctx, load(ctx, session, actor, number)).choices


def what_is_new(
    ctx: AppContext, actor: Actor, number: str, since: int, *, act: str | None = None, move: str | None = None
) -> ConflictView:
    """What others wrote since this person's form was opened."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        seeing = seeing_of(ctx, loaded)
        newer = [seeing.event(event) for event in loaded.events if event.seq > since and not is_reading(event)]
        protocol = loaded.protocol
        return ConflictView(
            seeing.head(),
            tuple(newer),
            protocol.acts.get(protocol.resolve("acts", act)) if act else None,
            protocol.moves.get(protocol.resolve("moves", move)) if move else None,
        )


def as_far_as(ctx: AppContext, session: Session, loaded: Loaded, form: Form) -> Loaded:
    """The case with what this form's references may point at beyond it."""
    if form.find(FieldType.case) is not None:
        loaded = with_joinable(ctx, session, loaded)
    if form.find(FieldType.seat) is not None:
        loaded = with_neighbours(ctx, loaded)
    return loaded


def seeing_of(ctx: AppContext, loaded: Loaded) -> Seeing:
    return Seeing(loaded, account_names(ctx, accounts_in(loaded), loaded.actor.language))


def note_shown_again(ctx: AppContext, actor: Actor, number: str, act: str) -> None:
    """A form that was sent is shown again, with what it shows of the case."""
    with ctx.realm.writing(together=True) as session:
        note_reading(ctx, session, load(ctx, session, actor, number), f"act.{act}")


def note_reading(ctx: AppContext, session: Session, loaded: Loaded, what: str) -> None:
    """One row, with the number of what was opened for a time where the reading rests on it."""
    access_log.note(
        session,
        case_id=loaded.case_id,
        account=loaded.actor.id,
        at=ctx.now(),
        what=what,
        reason=reason_of(loaded),
    )


def reason_of(loaded: Loaded) -> str:
    """`lifting.12` or `door.12`: the entry by which this reader reads names, or the case at all."""
    if loaded.lifting is not None:
        return f"lifting.{loaded.lifting.seq}"
    return f"door.{loaded.door.seq}" if loaded.door is not None else ""


def _mark_seen(ctx: AppContext, session: Session, loaded: Loaded) -> Loaded:
    """Whoever answers for the case has opened it: that ends the clock of the unseen.

    Somebody above the school is no team: the first of the team to open it after them is written down too.
    """
    if _seeing_event(ctx, loaded) is None:
        return loaded
    repository.hold(session, loaded.case_id)  # somebody else may have opened it at the same moment, or written in it
    loaded = load_by_id(ctx, session, loaded.actor, loaded.case_id, reading=True)
    event = _seeing_event(ctx, loaded)
    if event is None:
        return loaded
    keep(ctx, session, loaded, [event])
    return load_by_id(ctx, session, loaded.actor, loaded.case_id, reading=True)


def _seeing_event(ctx: AppContext, loaded: Loaded) -> CaseSeen | None:
    """What is to be written down of this reader's opening it, if anything."""
    case = loaded.case
    latest = max([case.opening_seq, *(life.raised_seq for life in case.dangers if life.is_live)])
    own, answering = case.opened_by == loaded.actor.id and latest <= _first_act(case), _answering(loaded)
    if own or loaded.door is not None or not answering:
        return None
    seen = [one for one in case.events if isinstance(one, CaseSeen) and one.seq > latest]
    role = next((one for one in answering if in_team(loaded.protocol, one)), answering[0])
    if any(in_team(loaded.protocol, one.role) or not in_team(loaded.protocol, role) for one in seen):
        return None
    return CaseSeen(actor=loaded.actor.id, role=role, at=ctx.now(), occurred_at=ctx.now())


def _first_act(case: Case) -> int:
    return case.records[0].seq if case.records else 1


def _answering(loaded: Loaded) -> tuple[str, ...]:
    """The roles and seats by which this reader answers for the case."""
    held = ((name, own_role(loaded.protocol, name)) for name in loaded.roles)
    return tuple(name for name, role in held if role is not None and role.sees in _TEAM)


def asks_signature(protocol: Protocol, act: Act) -> bool:
    form = protocol.form_of(act)
    signed = form.find(FieldType.signature)
    return act.kind is ActKind.sign or act.signatures > 0 or bool(signed and signed.required)


CHOICES = (FieldType.choice, FieldType.choices)
Noted = dict[tuple[str, str], datetime]


def see_danger(ctx: AppContext, actor: Actor, number: str, also: Mapping[str, Beside] | None = None) -> DangerPage:
    """The page of the first minutes, with what others show there; seeing it is recorded."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        if loaded.metadata_only:
            raise Unseen(number)
        note_reading(ctx, session, loaded, "danger")
        seeing = seeing_of(ctx, loaded)
        live = tuple(line for line in seeing.dangers() if line.state in ("raised", "referred"))
        wanted = [target for line in live for target in line.danger.targets]
        first, lives = first_acts(loaded.protocol, seeing.choices), loaded.case.live_dangers()
        return DangerPage(
            head=seeing.head(),
            dangers=live,
            contacts=to_call(loaded.case, contact_lines(ctx, loaded.protocol, loaded.case.unit, wanted or None)),
            voices=voices(ctx, loaded, first),
            leaders=_leaders(ctx, loaded),
            quick_acts=tuple(act for act in first if act.quick),
            then_acts=(
                *(act for act in first if not act.quick),
                *still_to_tell(loaded.protocol, loaded.case, seeing.choices),
            ),
            call_act=call_act(first),
            noted=noted_since(loaded.protocol, loaded.case, first, lives),
            called=called_since(loaded.protocol, loaded.case, lives),
            holds=tuple(hold for hold in seeing.holds() if hold.stands and not hold.confirmed),
            may_review=any(
                choice.is_open and choice.kind == "act" and loaded.protocol.acts[choice.key].kind is ActKind.review_hold
                for choice in seeing.choices
            ),
            just_written=seeing.just_written(),
            beside={name: see(ctx, session, loaded) for name, see in (also or {}).items()},
        )


def voices(ctx: AppContext, loaded: Loaded, acts: Iterable[Act]) -> tuple[CallLine, ...]:
    """Whom these acts say to tell by voice, each with the number that is known; not the roles of whoever looks."""
    protocol, case, unit = loaded.protocol, loaded.case, loaded.around.unit
    own = loaded.actor.roles_in((unit.id, *unit.parents))
    roles = dict.fromkeys(role for act in acts for role in told_roles(protocol, act) if role not in own)
    if not roles:
        return ()
    held = [(protocol.seats[seat].acts_as or "", account) for seat, account in _seated(ctx, loaded)]
    held += _holders(ctx, unit)
    restricted = case.restricted_seq is not None
    return tuple(by_voice(ctx, protocol, unit, roles, held, shut=frozenset(case.exclusions), restricted=restricted))


def _seated(ctx: AppContext, loaded: Loaded) -> list[tuple[str, Account]]:
    """Who sits in the case: seat and account."""
    with ctx.directory.reading() as session:
        found = auth_repository.accounts(session, {one.account for one in loaded.case.seats})
    return [(one.seat, found[one.account]) for one in loaded.case.seats if one.account in found]


def _holders(ctx: AppContext, unit: Unit) -> list[tuple[str, Account]]:
    """Who holds which role in that unit, or above it, today."""
    with ctx.directory.reading() as session:
        found = auth_repository.holders(session, (unit.id, *unit.parents), today=today_for(ctx))
    return [(one.role, one.account) for one in found]


def _leaders(ctx: AppContext, loaded: Loaded) -> tuple[CallLine, ...]:
    """Whoever leads the case, else the school's team, under their own number: one who may know of the case."""
    protocol, case = loaded.protocol, loaded.case
    if case.restricted_seq is not None:
        return ()
    wanted = leading(protocol)
    seats, seated = [seat for seat in protocol.seats if seat in wanted], _seated(ctx, loaded)
    held = [(seat, account) for name in seats for seat, account in seated if seat == name]
    held += [(role, account) for role, account in _holders(ctx, loaded.around.unit) if role in wanted]
    able = [one for one in held if one[1].id not in case.exclusions]
    if not able or able[0][1].id == loaded.actor.id:
        return ()
    return tuple(CallLine(name, account.phone) for name, account in able[:1] if account.phone)


def told_roles(protocol: Protocol, act: Act) -> tuple[str, ...]:
    """Where an act notes that somebody was told: which roles, the usual one first."""
    item = one_choice(protocol.form_of(act))
    roles = [option.key for option in item.options if option.key in protocol.roles] if item else []
    return tuple(sorted(roles, key=lambda role: item is None or role != item.default))


def by_voice(
    ctx: AppContext,
    protocol: Protocol,
    unit: Unit,
    roles: Iterable[str],
    held: Sequence[tuple[str, Account]],
    *,
    shut: frozenset[str],
    restricted: bool,
) -> Iterator[CallLine]:
    """Each of these roles that may be told of a case, under its own number, or the one in the directory, or none.

    `held`: who holds which role; `shut`: accounts that may not know of the case.
    """
    roles = tuple(roles)
    listed: dict[str, str] | None = None
    for role in roles:
        here = [account for name, account in held if name == role]
        able = [account for account in here if account.id not in shut]
        if (here and not able) or (restricted and not protocol.roles[role].keeps_restricted):
            continue
        phone = next((one.phone for one in able if one.phone), None)
        if not phone:
            listed = _listed(ctx, protocol, unit, roles) if listed is None else listed
            phone = listed.get(role)
        yield CallLine(role, phone or "")


def _listed(ctx: AppContext, protocol: Protocol, unit: Unit, roles: Iterable[str]) -> dict[str, str]:
    """The number under which the directory lists each of these roles that is one of the targets, the best first."""
    wanted = [role for role in roles if role in protocol.targets]
    found: dict[str, str] = {}
    for line in contact_lines(ctx, protocol, unit.id, wanted) if wanted else ():
        if line.phone and line.target is not None:
            found.setdefault(line.target.key, line.phone)
    return found


def to_call(case: Case, lines: Iterable[ContactLine]) -> tuple[ContactLine, ...]:
    """Whom to call: while a hold stands, nobody who answers for the guardians."""
    held = any(hold.stands for hold in case.holds)
    return tuple(line for line in lines if not (held and line.target is not None and line.target.to_guardians))


def first_acts(protocol: Protocol, choices: Sequence[Choice]) -> tuple[Act, ...]:
    """Acts of the first minutes that are open, raising apart."""
    opened = {choice.key for choice in choices if choice.kind == "act" and choice.is_open}
    first = (act for act in protocol.acts.values() if act.first_minutes and act.key in opened)
    return tuple(act for act in first if act.kind is not ActKind.raise_danger)


def still_to_tell(protocol: Protocol, case: Case, choices: Sequence[Choice]) -> tuple[Act, ...]:
    """The report, where a danger opened the case and nobody has told yet what happened."""
    opened = {choice.key for choice in choices if choice.kind == "act" and choice.is_open}
    reports = protocol.acts_of(ActKind.report)
    return tuple(act for act in reports if act.key in opened and not case.records_of(act.key))


def call_act(acts: Iterable[Act]) -> Act | None:
    """The act that a call to a number records."""
    return next((act for act in acts if act.kind is ActKind.refer), None)


def one_choice(form: Form) -> FormField | None:
    """The choice that is all a form must be told: each of its answers can be a button."""
    asked = [item for item in form.fields if item.required and item.when is None]
    return asked[0] if len(asked) == 1 and asked[0].type in CHOICES else None


def call_choice(form: Form) -> tuple[FormField, str] | None:
    """Where a referral's form asks how it was made: the question, and its answer for a telephone call."""
    calls = ((item, option.key) for item in form.fields for option in item.options if option.calls)
    return next(calls, None)


def noted_since(
    protocol: Protocol, case: Case, acts: Iterable[Act], lives: Sequence[DangerLife], by: str | None = None
) -> Noted:
    """When each quick act (with each answer of its one choice) was last noted since those dangers; `by` one person."""
    found: Noted = {}
    since = min((life.raised_seq for life in lives), default=None)
    for act in acts if since is not None else ():
        item = one_choice(protocol.form_of(act))
        for record in case.records_of(act.key):
            if act.quick and since is not None and record.seq > since and by in (None, record.actor):
                said = record.answers.get(item.key) if item else ""
                for answer in said if isinstance(said, list | tuple) else [said]:
                    found[act.key, str(answer)] = record.occurred_at
    return found


def called_since(
    protocol: Protocol, case: Case, lives: Sequence[DangerLife], by: str | None = None
) -> dict[str, datetime]:
    """When each number was last called about one of those dangers; a target, where no number was noted; `by` one."""
    dangers = {life.danger for life in lives}
    since = min((life.raised_seq for life in lives), default=0)
    found: dict[str, datetime] = {}
    for one in case.referrals:
        if one.seq > since and dangers & set(one.covers) and by in (None, one.actor):
            record = case.record(one.seq)
            item = dialled(protocol.form_of(record.act)) if record else None
            number = record.answers.get(item.key) if record and item else None
            found[str(number or one.target)] = one.at
    return found


def dialled(form: Form) -> FormField | None:
    """The question that takes the number which was called."""
    return next((item for item in form.fields if item.dialled), None)


def covered_by(target: str, dangers: Iterable[Danger]) -> list[str]:
    """The dangers that a call to that target is about: those that name it, else all of them."""
    every = list(dangers)
    return [danger.key for danger in every if target in danger.targets] or [danger.key for danger in every]
