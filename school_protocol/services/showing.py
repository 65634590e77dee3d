"""What a person is shown of a case: its page, an entry, an act, a move, the first minutes. Seeing is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from school_protocol.domain import cautions
from school_protocol.domain.acting import in_team
from school_protocol.domain.assessing import assessed_level, last_grid
from school_protocol.domain.case import Case, Record, is_reading
from school_protocol.domain.engine import Choice
from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import CaseSeen
from school_protocol.domain.forms import FieldType, Form
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import CORRECTABLE, Act, ActKind, Level, Protocol, ScopeKind
from school_protocol.domain.referring import WHOM
from school_protocol.domain.weighing import own_role
from school_protocol.services.case_lines import own_line
from school_protocol.services.directory import contact_lines
from school_protocol.services.house import House
from school_protocol.services.known import known_already
from school_protocol.services.loading import (
    Loaded,
    account_names,
    accounts_in,
    keep,
    load,
    load_by_id,
    with_joinable,
    with_neighbours,
)
from school_protocol.services.on_paper import writers
from school_protocol.services.seeing import Seeing
from school_protocol.services.sharing.contributions import lines_of
from school_protocol.services.views import (
    ActView,
    CaseHead,
    CaseView,
    ChronologyPage,
    ConflictView,
    ContactLine,
    MoveView,
    RecordView,
)
from school_protocol.storage import access, cases
from school_protocol.storage.engines import Session

Beside = Callable[[House, Session, Loaded], object]
"""What a package shows on a page of a case that is not its own; None where there is nothing."""
_TEAM = (ScopeKind.assigned, ScopeKind.unit, ScopeKind.province, ScopeKind.region)


def see_case(house: House, actor: Actor, number: str, also: Mapping[str, Beside] | None = None) -> CaseView:
    """The case page. The reading is recorded with it; the first by the team after a report or a danger is an event.

    `also`: what others show beside it, each asked of the same case in the same transaction.
    """
    with house.realm.writing(together=True) as session:
        loaded = load(house, session, actor, number, reading=True)
        loaded = _mark_seen(house, session, loaded)
        note_reading(house, session, loaded, "case")
        return replace(
            seeing_of(house, loaded).page(),
            line=own_line(house, loaded),
            contributions=lines_of(house, session, loaded),
            beside={name: see(house, session, loaded) for name, see in (also or {}).items()},
        )


def see_chronology(
    house: House, actor: Actor, number: str, before: int | None = None
) -> tuple[CaseHead, ChronologyPage]:
    """One page of the chronology, newest first."""
    with house.realm.writing(together=True) as session:
        loaded = load(house, session, actor, number, reading=True)
        note_reading(house, session, loaded, "chronology")
        seeing = seeing_of(house, loaded)
        return seeing.head(), seeing.chronology(before)


def see_record(house: House, actor: Actor, number: str, seq: int) -> tuple[CaseHead, RecordView]:
    """One recorded act, whole."""
    with house.realm.writing(together=True) as session:
        loaded = load(house, session, actor, number, reading=True)
        record = loaded.case.written(seq)
        if record is None:
            raise Unseen(f"{number}/{seq}")
        note_reading(house, session, loaded, f"entry.{seq}")
        seeing = seeing_of(house, loaded)
        return seeing.head(), seeing.entry(record)


def see_act(house: House, actor: Actor, number: str, act: str) -> ActView:
    """One act's form for this person, with what its references may point at; it shows names, so it is a reading."""
    with house.realm.writing(together=True) as session:
        loaded = load(house, session, actor, number)
        key = loaded.protocol.resolve("acts", act)
        if key not in loaded.protocol.acts:
            raise Unseen(act)
        declared = loaded.protocol.acts[key]
        form = loaded.protocol.form_of(declared)
        loaded = as_far_as(house, session, loaded, form)
        note_reading(house, session, loaded, f"act.{key}")
        seeing = seeing_of(house, loaded)
        choice = seeing.choice(key)
        if loaded.metadata_only and not choice.is_open:
            raise Unseen(act)
        contacts = contact_lines(house, loaded.protocol, loaded.case.unit) if form.find(FieldType.target) else ()
        left_out = cautions.unasked(cautions.standing(loaded.protocol, loaded.case), form.key)
        return ActView(
            protocol=loaded.protocol,
            act=declared,
            form=form.with_fields(item for item in form.fields if item.key not in left_out) if left_out else form,
            head=seeing.head(),
            choices=seeing.act_choices(declared, contacts),
            reasons=choice.reasons,
            asks_signature=asks_signature(loaded.protocol, declared),
            prefill=known_already(loaded, seeing, declared),
            assessed=_assessed(loaded, declared),
            writers=writers(loaded.protocol, declared, loaded.case, loaded.around, actor),
            remarks=tuple(one for one in seeing.remarks() if one.act == key and one.settled_at is None),
            observations=seeing.observations() if _is_visa(loaded, key) else 0,
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


def see_correction(house: House, actor: Actor, number: str, seq: int) -> ActView | None:
    """The form of a recorded act filled in with what it says, to be corrected; None where it isn't for this reader.

    Of a referral nothing can be changed but to which service it went.
    """
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        record = loaded.case.record(seq)
        if record is None or record.kind not in {*CORRECTABLE, ActKind.refer}:
            return None
        seeing = seeing_of(house, loaded)
        shown = seeing.record(record)
        if shown.hidden is not None:
            return None
        contacts = contact_lines(house, loaded.protocol, loaded.case.unit)
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


def see_move(house: House, actor: Actor, number: str, move: str) -> MoveView:
    """One move: what it changes, what stands in its way, what may be departed from."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        if loaded.metadata_only:
            raise Unseen(move)
        return seeing_of(house, loaded).move(loaded.protocol.resolve("moves", move))


def see_choices(house: House, actor: Actor, number: str) -> tuple[Choice, ...]:
    """Every act and move of a case for this person, with all reasons."""
    with house.realm.reading() as session:
        return seeing_of(house, load(house, session, actor, number)).choices


def what_is_new(
    house: House, actor: Actor, number: str, since: int, *, act: str | None = None, move: str | None = None
) -> ConflictView:
    """What others wrote since this person's form was opened."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        seeing = seeing_of(house, loaded)
        newer = [seeing.event(event) for event in loaded.events if event.seq > since and not is_reading(event)]
        protocol = loaded.protocol
        return ConflictView(
            seeing.head(),
            tuple(newer),
            protocol.acts.get(protocol.resolve("acts", act)) if act else None,
            protocol.moves.get(protocol.resolve("moves", move)) if move else None,
        )


def as_far_as(house: House, session: Session, loaded: Loaded, form: Form) -> Loaded:
    """The case with what this form's references may point at beyond it."""
    if form.find(FieldType.case) is not None:
        loaded = with_joinable(house, session, loaded)
    if form.find(FieldType.seat) is not None:
        loaded = with_neighbours(house, loaded)
    return loaded


def seeing_of(house: House, loaded: Loaded) -> Seeing:
    return Seeing(loaded, account_names(house, accounts_in(loaded), loaded.actor.language))


def note_reading(house: House, session: Session, loaded: Loaded, what: str) -> None:
    """One row, with the number of what was opened for a time where the reading rests on it."""
    access.note(
        session,
        case_id=loaded.case_id,
        account=loaded.actor.id,
        at=house.now(),
        what=what,
        reason=reason_of(loaded),
    )


def reason_of(loaded: Loaded) -> str:
    """`lifting.12` or `door.12`: the entry by which this reader reads names, or the case at all."""
    if loaded.lifting is not None:
        return f"lifting.{loaded.lifting.seq}"
    return f"door.{loaded.door.seq}" if loaded.door is not None else ""


def _mark_seen(house: House, session: Session, loaded: Loaded) -> Loaded:
    """Whoever answers for the case has opened it: that ends the clock of the unseen.

    Somebody above the school is no team: the first of the team to open it after them is written down too.
    """
    if _seeing_event(house, loaded) is None:
        return loaded
    cases.hold(session, loaded.case_id)  # somebody else may have opened it at the same moment, or written in it
    loaded = load_by_id(house, session, loaded.actor, loaded.case_id, reading=True)
    event = _seeing_event(house, loaded)
    if event is None:
        return loaded
    keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
    return load_by_id(house, session, loaded.actor, loaded.case_id, reading=True)


def _seeing_event(house: House, loaded: Loaded) -> CaseSeen | None:
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
    return CaseSeen(actor=loaded.actor.id, role=role, at=house.now(), occurred_at=house.now())


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
