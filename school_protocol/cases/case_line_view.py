"""One case as a list says it to one person: out of its index row alone, nothing nominal."""

from __future__ import annotations

from dataclasses import replace

from school_protocol.cases import index_repository
from school_protocol.cases.loading import Loaded, index_row
from school_protocol.cases.next_action import SENT_BACK, TEAM, rank_of, tone_of
from school_protocol.cases.view_models import CaseLine
from school_protocol.context import House, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.definition import ActKind, Deadline, Protocol, ScopeKind
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, Unit


def own_line(house: House, loaded: Loaded) -> CaseLine | None:
    """A case as lists say it to this person now; None where they only read it, by an emergency opening."""
    if loaded.door is not None:
        return None
    row = index_row(loaded.case_id, loaded.protocol, loaded.case, loaded.facts, loaded.around)
    line = case_line(house, loaded.actor, row, loaded.around.unit)
    return as_metadata(line, loaded.actor) if loaded.metadata_only else line


def case_line(house: House, actor: Actor, row: index_repository.IndexRow, unit: Unit) -> CaseLine:
    """A row of the index as a list shows it to this person: nothing nominal, not even the kind of facts."""
    protocol = house.library.protocol(row.protocol, row.version)
    grid = next(iter(protocol.grids.values()), None)
    stages = list(protocol.stages)
    act = protocol.acts.get(row.next_key or "") if row.next_kind == "act" else None
    due = protocol.deadlines.get(row.next_due_key or "")
    line = CaseLine(
        protocol=protocol,
        number=row.number,
        state=protocol.states[row.state],
        stage=protocol.stages[row.stage],
        stage_place=stages.index(row.stage) + 1,
        stage_count=len(stages),
        level=grid.levels.get(row.level or 0) if grid else None,
        due=due,
        due_at=row.next_due_at,
        tone="ended" if row.ended else tone_of(row.next_due_at, house.now()),
        raised=row.raised,
        urgent=row.urgent,
        restricted=row.restricted,
        unit=unit,
        opened_at=row.opened_at,
        next=_next_title(protocol, row),
        to_sign=row.next_kind == "sign",
        sent_back=row.next_kind == SENT_BACK,
        is_due=_is_due(protocol, row),
        since=row.waiting_since,
        by_day=due is None and row.next_due_at is not None,
        numbers=act is not None and act.kind is ActKind.refer and row.raised > 0,
    )
    return _for_whom(house, actor, row, line)


def _next_title(protocol: Protocol, row: index_repository.IndexRow) -> Text | None:
    """What is next, as something to do: a one-tap act's title says that it was done, its duty's that it is to be."""
    act = protocol.acts.get(row.next_key or "") if row.next_kind == "act" else None
    if act is not None and act.quick:
        duty = next((duty for duty in protocol.duties.values() if act.key in duty.met_by), None)
        return duty.title if duty is not None else act.title
    parts = {"act": protocol.acts, "sign": protocol.acts, "move": protocol.moves, "due": protocol.deadlines,
             SENT_BACK: protocol.states}  # fmt: skip
    found = parts.get(row.next_kind or "", {}).get(row.next_key or "")
    return found.title if found is not None else None


def _is_due(protocol: Protocol, row: index_repository.IndexRow) -> bool:
    """Whether what is next is what falls due first."""
    due = protocol.deadlines.get(row.next_due_key or "")
    if due is None or row.next_kind == "due":
        return row.next_key == row.next_due_key
    if row.next_kind == "move":
        return due.key in protocol.moves[row.next_key or ""].meets
    return row.next_kind == "act" and any(source.act == row.next_key for source in due.met_by)


def _for_whom(house: House, actor: Actor, row: index_repository.IndexRow, line: CaseLine) -> CaseLine:
    own = names_of(house, actor, row, line.unit)
    alone = next((one for one in row.asked if one.role in own), None)
    if alone is not None and (row.waiting_for.isdisjoint(own) or row.next_key == alone.act):
        act, need = line.protocol.acts[alone.act], line.protocol.needs[alone.need]
        is_due = line.is_due and row.next_key == act.key
        told = replace(line, next=act.title, need=need, whom="me", since=alone.since, is_due=is_due)
        return replace(told, to_sign=False, sent_back=False, unanswered=bool(row.waits_on_authority))
    if row.waits_on_authority is None or row.next_key is None:
        return line
    line = replace(line, with_family=bool(row.waits_on_family), unanswered=row.waits_on_authority)
    if row.waits_on_authority and _waits_outside(house, row, line.protocol):
        return replace(line, whom="authority")
    if row.waiting_for & own:
        return replace(line, whom="me")
    shown = sorted(name for name in row.waiting_for if _may_be_shown(line.protocol, name))
    shown = [name for name in shown if name in line.protocol.seats] or shown
    is_team = len(shown) > 1 and all(rank_of(line.protocol, name) == TEAM for name in shown)
    return replace(line, whom="team" if is_team else "roles" if shown else "nobody", roles=tuple(shown))


def _waits_outside(house: House, row: index_repository.IndexRow, protocol: Protocol) -> bool:
    """Whether what is next is an answer from outside that is not late."""
    is_answer = any(act.key == row.next_key for act in protocol.acts_of(ActKind.answer_referral))
    return is_answer and not (row.next_due_at and row.next_due_at < house.now())


def names_of(house: House, actor: Actor, row: index_repository.IndexRow, unit: Unit) -> set[str]:
    """The roles and seats that this person has in a case."""
    today = today_for(house)
    seats = {seat.seat for seat in row.seats if seat.account == actor.id and seat.is_held(today)}
    return {*seats, *actor.roles_in((unit.id, *unit.parents))}


def _may_be_shown(protocol: Protocol, name: str) -> bool:
    """Whether a list says that a case waits for this role: those whom every case knows, no specialist."""
    seat = protocol.seats.get(name)
    role = protocol.roles.get((seat.acts_as or "") if seat else name)
    if role is None:
        return seat is not None
    return not role.side_bound and role.sees not in (ScopeKind.none, ScopeKind.receipt, ScopeKind.metadata)


def as_metadata(line: CaseLine, actor: Actor) -> CaseLine:
    """The same, to whoever knows of the case by its metadata alone."""
    own = line.due is not None and is_written_for(line.protocol, line.due, actor)
    return replace(
        line, level=None, raised=0, urgent=False, metadata_only=True, next=None, need=None, whom="", since=None,
        call=None, numbers=False, is_due=False, review="", observations=0, to_answer=0, due=line.due if own else None,
        due_at=line.due_at if own else None,
        tone=line.tone if own or line.tone == "ended" else "later",
    )  # fmt: skip


def is_written_for(protocol: Protocol, deadline: Deadline, actor: Actor) -> bool:
    """Whether what meets a deadline is written in forms that one of this person's roles is named to read."""
    held = [appointment.role for appointment in actor.appointments]
    forms = [protocol.form_of(protocol.acts[source.act]) for source in deadline.met_by if source.act]
    return bool(forms) and all(form.readers and role_for(protocol, form.readers, held) is not None for form in forms)
