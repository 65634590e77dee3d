"""Service of intake: the form of a report or of a danger raised at once, the case that it opens, and its receipt."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import schools_of
from school_protocol.cases import index_repository, lookup_repository, repository
from school_protocol.cases.loading import Loaded, first_word, keep_in, load_by_id, notify, scope_of, surroundings
from school_protocol.cases.models import ReportRow
from school_protocol.cases.on_paper import OnPaper, paper_of, writers
from school_protocol.cases.opening_gate import refuse_unopened
from school_protocol.cases.pseudonyms import refuse_names
from school_protocol.cases.service import Done, keep_decision, repeated, where_it_goes_on
from school_protocol.cases.showing import (
    asks_signature,
    called_since,
    first_acts,
    noted_since,
    still_to_tell,
    to_call,
    voices,
)
from school_protocol.cases.view_models import AccountLine, ActView, Choices, ReceiptLine
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import in_team, role_for
from school_protocol.engine.case_parts import is_above
from school_protocol.engine.decisions import available, decide
from school_protocol.engine.definition import START, Act, ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import Unseen
from school_protocol.engine.events import CaseOpened, Event, StepTaken
from school_protocol.engine.facts import Surroundings
from school_protocol.engine.intents import Opening, RecordAct
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.people.contacts import contact_lines
from school_protocol.storage import case_keys, idempotency
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


def see_opening(ctx: AppContext, actor: Actor, act: str | None = None, *, protocol: str | None = None) -> ActView:
    """The form of an act that opens a case: the report, unless another is named."""
    definition, declared = _opening_act(ctx, actor, act, protocol)
    refuse_unopened(ctx)
    units = schools_of(ctx, actor)
    if not units:
        raise Unseen(act or "report")
    places = [surroundings(ctx, unit.id, language=actor.language) for unit in units]
    around, form = places[0], definition.form_of(declared)
    found = [writers(definition, declared, None, place, actor) for place in places]
    return ActView(
        protocol=definition,
        act=declared,
        form=form,
        head=None,
        choices=Choices(
            accounts=colleague_lines(definition, around, actor), contacts=contact_lines(ctx, definition, units[0].id)
        ),
        asks_signature=asks_signature(definition, declared),
        units=units,
        writers=None if None in found else tuple({line.id: line for lines in found for line in lines or ()}.values()),
    )


def see_openings(ctx: AppContext, actor: Actor) -> tuple[Protocol, ...]:
    """The protocols under which this person can report: several where a school follows several."""
    found = []
    for protocol in ctx.library.current():
        with suppress(Unseen):
            found.append(_opening_act(ctx, actor, None, protocol.protocol)[0])
    return tuple(found)


def colleague_lines(protocol: Protocol, around: Surroundings, actor: Actor) -> tuple[AccountLine, ...]:
    """Colleagues who can be named in a report; whoever stands above the school is shut out by their like alone."""
    by_their_like = any(is_above(protocol, role) for role in actor.roles_in(around.places))
    return tuple(
        AccountLine(one.id, one.name, tuple(role for role, _unit in one.roles), one.trained)
        for one in around.people.values()
        if one.id != actor.id and (by_their_like or not any(is_above(protocol, role) for role, _unit in one.roles))
    )


def _opening_act(
    ctx: AppContext, actor: Actor, act: str | None, protocol_key: str | None = None
) -> tuple[Protocol, Act]:
    """The first current definition (or the one named) in which this person may open a case by that act.

    Whoever acts in another realm may open none here.
    """
    for protocol in ctx.library.current() if actor.realm == ctx.name else ():
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


def open_case(
    ctx: AppContext,
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
    protocol, declared = _opening_act(ctx, actor, act, protocol_key)
    place = _chosen_school(ctx, actor, unit)
    written = [paper.at, paper.by] if paper else []
    press = idempotency.press(ctx.vault, actor.id, token, declared.key, said or [place.id, answers, *written])
    with ctx.realm.reading() as session:
        before = idempotency.spent(session, press)
    if before is not None:
        return _repeated(before)
    intent = RecordAct(declared.key, answers, paper=paper_of(ctx, actor, paper))
    return _open_once(ctx, actor, protocol, intent, press, place)


def open_for(
    ctx: AppContext,
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
    press = idempotency.press(ctx.vault, actor.id, token, act, said or [place.id, answers])
    with ctx.realm.reading() as session:
        before = idempotency.spent(session, press)
    if before is not None:
        return _repeated(before)
    return _open_once(ctx, actor, protocol, RecordAct(act, answers), press, place, _For(role, channel, also, barred))


def _open_once(
    ctx: AppContext,
    actor: Actor,
    protocol: Protocol,
    intent: RecordAct,
    press: idempotency.Press,
    place: Unit,
    other: _For | None = None,
) -> Opened:
    refuse_unopened(ctx)
    around, roles = surroundings(ctx, place.id), (other.role,) if other else None
    opening = Opening("0", place.id, barred=other.barred if other else frozenset())
    decide(protocol, None, actor, ctx.now(), around, intent, opening, roles=roles)
    case_id = case_keys.prepare_key(ctx.realm, ctx.vault)
    with ctx.realm.writing(together=True) as session:
        if (before := idempotency.spent(session, press)) is not None:
            return _repeated(before)
        return _open(ctx, session, actor, protocol, intent, press, place, around, case_id, other)


def rehearse_for(
    ctx: AppContext,
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
    refuse_unopened(ctx)
    around = surroundings(ctx, place.id)
    intent, opening = RecordAct(act, answers), Opening("0", place.id, barred=barred)
    decision = decide(protocol, None, actor, ctx.now(), around, intent, opening, roles=(role,))
    with ctx.realm.reading() as session:
        refuse_names(ctx, session, None, protocol, decision, tells=True)


def rehearse_opening(
    ctx: AppContext,
    actor: Actor,
    act: str,
    answers: Mapping[str, Any],
    *,
    unit: str | None = None,
    protocol_key: str | None = None,
    paper: OnPaper | None = None,
) -> None:
    """Raise what `open_case` would raise, and open nothing."""
    refuse_unopened(ctx)
    protocol, declared = _opening_act(ctx, actor, act, protocol_key)
    place = _chosen_school(ctx, actor, unit)
    around = surroundings(ctx, place.id)
    intent = RecordAct(declared.key, answers, paper=paper_of(ctx, actor, paper))
    decision = decide(protocol, None, actor, ctx.now(), around, intent, Opening("0", place.id))
    with ctx.realm.reading() as session:
        refuse_names(ctx, session, None, protocol, decision, tells=True)


def _chosen_school(ctx: AppContext, actor: Actor, unit: str | None) -> Unit:
    schools = schools_of(ctx, actor)
    chosen = next((school for school in schools if unit in (school.id, school.code)), None) if unit else None
    place = chosen or (schools[0] if schools and unit is None else None)
    if place is None:
        raise Unseen(unit or "school")
    return place


def _repeated(before: Mapping[str, Any]) -> Opened:
    return Opened(before["number"], before["report"], before["raised"], before["may_see"], repeated=True)


def _open(
    ctx: AppContext,
    session: Session,
    actor: Actor,
    protocol: Protocol,
    intent: RecordAct,
    press: idempotency.Press,
    place: Unit,
    around: Surroundings,
    case_id: str,
    other: _For | None = None,
) -> Opened:
    number = repository.free_number(session, _RANDOM)
    report = lookup_repository.receive(
        session,
        ctx.vault,
        unit=place.id,
        received_at=ctx.now(),
        channel=other.channel if other else "staff",
        content={"act": intent.act, "answers": _plain(intent.answers)},
        reporter=None if other else actor.id,
    )
    roles = (other.role,) if other else None
    opening = Opening(number, place.id, report, barred=other.barred if other else frozenset())
    decision = decide(protocol, None, actor, ctx.now(), around, intent, opening, roles=roles)
    refuse_names(ctx, session, None, protocol, decision, tells=True)
    opened, *events = decision.events
    assert isinstance(opened, CaseOpened)
    opened = replace(opened, word=first_word(ctx, session, case_id, place.id, decision.people))
    repository.open_case(
        session,
        ctx.vault,
        case_id=case_id,
        number=number,
        protocol=protocol.protocol,
        version=protocol.version,
        digest=protocol.digest,
        unit=place.id,
        opened_at=opened.occurred_at,
    )
    case = keep_in(ctx, session, case_id, protocol, None, [opened, *events], decision.people, around)
    lookup_repository.settle_report(session, report, lookup_repository.ReportStatus.opened, case_id)
    if other is not None:
        other.also(session, case_id)
    told = _with_opening(protocol, protocol.acts[intent.act], case.events)
    notify(ctx, session, protocol, case, case_id, told, around)
    may_see = index_repository.find(session, scope_of(ctx, actor), number, today=today_for(ctx)) is not None
    raised = bool(case.live_dangers())
    outcome = {"number": number, "report": report, "raised": raised, "may_see": may_see}
    idempotency.use(session, press, outcome, at=ctx.now())
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


# ---- a reporter's receipt: that it came in, and what still falls to whoever stands beside the child ----------------


def see_receipt(ctx: AppContext, actor: Actor, report: str) -> ReceiptLine:
    """A reporter's own receipt: that the report came in, and whether somebody looks after it; nothing of the case."""
    with ctx.realm.reading() as session:
        header = lookup_repository.header(session, report)
        line = receipt_line(ctx, session, actor, header)
        loaded = load_by_id(ctx, session, actor, header.case_id or "")
        raised = tuple(loaded.protocol.dangers[key] for key in _own_dangers(loaded))
        targets = [target for danger in raised for target in danger.targets]
        acts, own = _acts_beside(loaded), [life for life in loaded.case.dangers if life.by == actor.id]
        return replace(
            line,
            acts=acts,
            raised=raised,
            contacts=to_call(loaded.case, contact_lines(ctx, loaded.protocol, loaded.case.unit, targets or None)),
            voices=voices(ctx, loaded, acts) if raised else (),
            noted=noted_since(loaded.protocol, loaded.case, acts, own, by=actor.id),
            called=called_since(loaded.protocol, loaded.case, own, by=actor.id),
        )


def see_receipt_act(ctx: AppContext, actor: Actor, report: str, act: str) -> ActView:
    """The form of an act of the first minutes, for a reporter who may not see the case: nothing of it is offered."""
    with ctx.realm.reading() as session:
        header = lookup_repository.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        loaded = load_by_id(ctx, session, actor, header.case_id)
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
            accounts=colleague_lines(loaded.protocol, loaded.around, actor),
            contacts=contact_lines(ctx, loaded.protocol, loaded.case.unit),
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
    return (*first_acts(loaded.protocol, choices), *still_to_tell(loaded.protocol, loaded.case, choices))


def receipt_line(ctx: AppContext, session: Session, actor: Actor, header: ReportRow) -> ReceiptLine:
    if header.reporter != actor.id or header.case_id is None:
        raise Unseen(header.id)
    row = index_repository.row_of(session, header.case_id)
    opened = repository.opened(session, header.case_id)
    protocol = ctx.library.protocol(opened.protocol, row.version if row else opened.version)
    seen = any(in_team(protocol, role) for role in repository.seen_as(session, header.case_id))
    state = "in_hand" if seen else "received"
    if row is not None and row.ended:
        state = "ended"
    if row is not None and actor.id in row.exclusions:
        state = "received"  # what becomes of it is not for who must not read it
    with ctx.directory.reading() as directory_session:
        unit = auth_repository.unit(directory_session, header.unit)
    return ReceiptLine(
        report=header.id,
        received_at=header.received_at,
        state=state,
        unit=unit,
        protocol=protocol,
        dangers=tuple(protocol.dangers.values()),
        contacts=contact_lines(ctx, protocol, header.unit),
        restricted=row is not None and row.restricted,
    )


def raise_from_receipt(ctx: AppContext, actor: Actor, report: str, danger: str, *, token: str) -> Opened:
    """A reporter raises a danger on the case that their report opened, without seeing it."""
    protocol = _protocol_of_report(ctx, actor, report)
    act = next(iter(protocol.acts_of(ActKind.raise_danger)), None)
    item = protocol.form_of(act).find(FieldType.danger) if act else None
    if act is None or item is None:
        raise Unseen(report)
    done = record_from_receipt(ctx, actor, report, act.key, {item.key: danger}, token=token)
    return Opened(done.number, report, True, False, repeated=done.repeated)


def record_from_receipt(
    ctx: AppContext, actor: Actor, report: str, act: str, answers: Mapping[str, Any], *, token: str, said: object = None
) -> Done:
    """A reporter, who may not see the case, still does what falls to whoever stands beside the child.

    The acts of the first minutes, and the report itself where a danger opened the case.
    """
    press = idempotency.press(ctx.vault, actor.id, token, report, act, said or answers)
    with ctx.realm.writing(together=True) as session:
        header = lookup_repository.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        if (before := idempotency.spent(session, press)) is not None:
            return repeated(before)
        loaded = load_by_id(ctx, session, actor, header.case_id)
        declared = loaded.protocol.acts.get(loaded.protocol.resolve("acts", act))
        if declared is None or not (declared.first_minutes or declared.kind is ActKind.report):
            raise Unseen(report)
        if declared.kind is ActKind.raise_danger:
            loaded = where_it_goes_on(ctx, session, loaded)
        intent = RecordAct(declared.key, answers)
        decision = decide(loaded.protocol, loaded.case, actor, ctx.now(), loaded.around, intent)
        refuse_names(ctx, session, loaded.case_id, loaded.protocol, decision, tells=False)
        return keep_decision(ctx, session, loaded, decision, press)


def _protocol_of_report(ctx: AppContext, actor: Actor, report: str) -> Protocol:
    with ctx.realm.reading() as session:
        header = lookup_repository.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        opened, row = repository.opened(session, header.case_id), index_repository.row_of(session, header.case_id)
    return ctx.library.protocol(opened.protocol, row.version if row else opened.version)
