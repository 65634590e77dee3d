"""Service of cases: record an act, correct one, raise a danger, make a move, take back one's own mistake."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from school_protocol.auth.service import TooManyTries
from school_protocol.auth.sign_in_service import is_password_of
from school_protocol.cases import repository
from school_protocol.cases.loading import (
    Loaded,
    calls_off,
    keep,
    load,
    load_by_id,
    notify,
    raises_danger,
    tell,
    with_organisations,
    with_schools,
)
from school_protocol.cases.on_paper import OnPaper, paper_of
from school_protocol.cases.pseudonyms import refuse_names
from school_protocol.cases.sharing import carry, hand_over, load_asked, open_contribution
from school_protocol.cases.showing import as_far_as, seeing_of
from school_protocol.context import AppContext
from school_protocol.engine.case import Case, fold
from school_protocol.engine.decisions import decide
from school_protocol.engine.definition import Act, ActKind, Move, Protocol
from school_protocol.engine.definition_parts import FieldType, Remarks
from school_protocol.engine.errors import BadInput, Conflict, Refused, SentBefore, Unseen
from school_protocol.engine.events import EntryRetracted, Event, Recorded, StepTaken
from school_protocol.engine.evidence_pieces import FileRefused
from school_protocol.engine.intents import Decision, MakeMove, Reason, RecordAct, Undo
from school_protocol.engine.review_state import is_refusal
from school_protocol.engine.sharing_state import ANSWERING
from school_protocol.engine.texts import ATTACH
from school_protocol.engine.visibility import Actor
from school_protocol.storage import case_keys, idempotency
from school_protocol.storage.engines import Session

# ---- what was tried and refused, told to a workshop for its debrief ------------------------------------------------
# Elsewhere nobody looks on.

P = ParamSpec("P")
R = TypeVar("R")


def witnessed(
    use: Callable[Concatenate[AppContext, Actor, str, str, P], R],
) -> Callable[Concatenate[AppContext, Actor, str, str, P], R]:
    """A use case on a case (`number`) and an act or move of it, whose refusals are told."""

    @wraps(use)
    def told(ctx: AppContext, actor: Actor, number: str, name: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return use(ctx, actor, number, name, *args, **kwargs)
        except (Refused, BadInput, Unseen) as error:
            tell_as_witness(ctx, actor, number, name, error)
            raise

    return told


def tell_as_witness(ctx: AppContext, actor: Actor, number: str, name: str, error: Refused | BadInput | Unseen) -> None:
    """Tell of one refusal: its needs or codes, or the fields that were not right."""
    if ctx.witness is None:
        return
    why: tuple[str, ...] = ("unseen",)
    codes: tuple[str, ...] = ()
    if isinstance(error, Refused):
        why = tuple(reason.need or reason.code for reason in error.reasons)
    elif isinstance(error, BadInput):
        why = tuple(error.problems)
        codes = tuple(dict.fromkeys(code for found in error.problems.values() for code in found))
    ctx.witness(actor, number, name, why, codes)


def tell_file(ctx: AppContext, actor: Actor, number: str, error: FileRefused | Unseen) -> None:
    """Tell of a file that was refused."""
    if ctx.witness is not None:
        why = error.code.value if isinstance(error, FileRefused) else "unseen"
        ctx.witness(actor, number, ATTACH, (why,), ())


_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Done:
    """What a press recorded; `repeated` where an earlier press had done it already."""

    seq: int
    raised: bool = False
    repeated: bool = False
    number: str = ""

    @classmethod
    def again(cls, before: Mapping[str, Any]) -> Self:
        """What the first press of a form did."""
        return cls(before["seq"], before["raised"], repeated=True, number=before["number"])


repeated = Done.again


@witnessed
def record_act(
    ctx: AppContext,
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
    paper: OnPaper | None = None,
    contact: str = "",
    onward: str = "",
    said: object = None,
) -> Done:
    """Record an act; what follows from it by itself follows in the same transaction.

    `password` is what a signature asks; `proven` says that a script plays somebody who has given it;
    `changes` are a corrected record's answers as they should be; `paper` says that it is typed in from a paper form;
    `contact` is whom of the directory a referral goes to, where that was chosen, or should have been (a correction);
    `onward` is the step that is made with it: both are written, or neither;
    `said` is the form as it was sent, which tells a second press from other words sent with the same token (the
    answers, where it isn't given).
    """
    written = [*([paper.at, paper.by] if paper else []), *(one for one in (contact, onward) if one)]
    press = idempotency.press(ctx.vault, actor.id, token, number, act, said or [answers, changes, *written])
    signed = (paper is None or paper.is_by(actor)) and (proven or _signed(ctx, actor, password))
    receiving = case_keys.prepare_key(ctx.realm, ctx.vault) if _may_ask_elsewhere(ctx, act) else None
    with ctx.realm.writing(together=True) as session:
        if (before := idempotency.spent(session, press)) is not None:
            return repeated(before)
        successor = repository.free_number(session, _RANDOM) if receiving else ""
        intent = RecordAct(act, answers, signed, changes, paper_of(ctx, actor, paper), successor, contact, onward)
        loaded, decision = _decided(ctx, session, actor, number, intent, expected)
        if is_sent_back(loaded, decision) and (remarks := answered_by(loaded.protocol)) is not None:
            tell(ctx, session, loaded.case_id, remarks.to)
        return keep_decision(ctx, session, loaded, decision, press, receiving)


def rehearse_act(
    ctx: AppContext,
    actor: Actor,
    number: str,
    act: str,
    answers: Mapping[str, Any],
    *,
    expected: int | None,
    password: str | None = None,
    changes: Mapping[str, Any] | None = None,
    paper: OnPaper | None = None,
    contact: str = "",
    onward: str = "",
) -> None:
    """Raise what `record_act` would raise, and record nothing. A password is not proved here."""
    written = paper_of(ctx, actor, paper)
    intent = RecordAct(act, answers, bool(password), changes, written, contact=contact, onward=onward)
    with ctx.realm.reading() as session:
        _decided(ctx, session, actor, number, intent, expected)


def _decided(
    ctx: AppContext, session: Session, actor: Actor, number: str, intent: RecordAct, expected: int | None
) -> tuple[Loaded, Decision]:
    """The case in which the act is recorded, and what follows."""
    loaded, sees = _load_for(ctx, session, actor, number, intent.act)
    declared = loaded.protocol.acts.get(loaded.protocol.resolve("acts", intent.act))
    if declared is not None and declared.kind is ActKind.contribute:
        item = loaded.protocol.form_of(declared).find(FieldType.school)
        loaded = with_schools(ctx, loaded, [str(intent.answers.get(item.key, "")).strip().upper()] if item else [])
    if declared is not None and (declared.kind is ActKind.refer or intent.contact):
        loaded = with_organisations(ctx, loaded)
    brought: tuple[str, ...] | None = None
    if declared is not None and declared.kind is ActKind.raise_danger and _goes_on_elsewhere(loaded):
        former = loaded.roles
        loaded = where_it_goes_on(ctx, session, loaded)
        expected = None
        if not loaded.roles and actor.id not in loaded.case.exclusions:
            brought = former
    if declared is not None:
        loaded = as_far_as(ctx, session, loaded, loaded.protocol.form_of(declared))
    if intent.changes is not None or (declared is not None and declared.kind is ActKind.correct and intent.contact):
        _check_may_correct(ctx, loaded, declared, intent.answers)
    decision = decide(loaded.protocol, loaded.case, actor, ctx.now(), loaded.around, intent, roles=brought)
    _check_expected(loaded, expected, declared)
    known = loaded.case_id if sees else None
    refuse_names(ctx, session, known, loaded.protocol, decision, tells=bool(loaded.names))
    if intent.changes is None and intent.paper is None:
        decision = with_way_back(loaded, actor, decision)
    return loaded, decision


def _load_for(ctx: AppContext, session: Session, actor: Actor, number: str, act: str) -> tuple[Loaded, bool]:
    """The case, and whether they see it: an answer that another school's side gives is let in without that."""
    try:
        return load(ctx, session, actor, number), True
    except Unseen:
        return load_asked(ctx, session, actor, number, act), False


def answered_before(ctx: AppContext, actor: Actor, number: str, token: str, said: object) -> bool:
    """Whether the same press of a form recorded this person's answer to what a case asks of another school."""
    acts = {act.key for protocol in ctx.library.every() for kind in ANSWERING for act in protocol.acts_of(kind)}
    with ctx.realm.reading() as session:
        return any(_is_spent(session, idempotency.press(ctx.vault, actor.id, token, number, act, said)) for act in acts)


def _is_spent(session: Session, press: idempotency.Press) -> bool:
    try:
        return idempotency.spent(session, press) is not None
    except SentBefore:
        return False


@witnessed
def make_move(
    ctx: AppContext,
    actor: Actor,
    number: str,
    move: str,
    *,
    reason: str = "",
    departures: Mapping[str, str] | None = None,
    expected: int | None,
    token: str,
    said: object = None,
) -> Done:
    """Move the case on; joining and handing over write the other case in the same transaction."""
    press = idempotency.press(ctx.vault, actor.id, token, number, move, said or [reason, departures or {}])
    receiving = case_keys.prepare_key(ctx.realm, ctx.vault) if _may_open(ctx, move) else None
    with ctx.realm.writing(together=True) as session:
        if (before := idempotency.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(ctx, session, actor, number)
        declared = loaded.protocol.moves.get(loaded.protocol.resolve("moves", move))
        successor = repository.free_number(session, _RANDOM) if receiving else None
        intent = MakeMove(move, reason, departures or {}, successor)
        decision = decide(loaded.protocol, loaded.case, actor, ctx.now(), loaded.around, intent)
        _check_expected(loaded, expected, None)
        done = keep_decision(ctx, session, loaded, decision, press)
        if declared is not None and declared.carries:
            carry(ctx, session, loaded, declared)
        if declared is not None and receiving is not None and successor is not None:
            hand_over(ctx, session, loaded, declared, receiving, successor)
        return done


def rehearse_move(
    ctx: AppContext,
    actor: Actor,
    number: str,
    move: str,
    *,
    reason: str = "",
    departures: Mapping[str, str] | None = None,
    expected: int | None,
) -> None:
    """Raise what `make_move` would raise, and move nothing."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        intent = MakeMove(move, reason, departures or {})
        decide(loaded.protocol, loaded.case, actor, ctx.now(), loaded.around, intent)
        _check_expected(loaded, expected, None)


def _check_may_correct(ctx: AppContext, loaded: Loaded, act: Act | None, answers: Mapping[str, Any]) -> None:
    """Only who may read an entry whole may say what it should have said."""
    item = loaded.protocol.form_of(act).find(FieldType.record) if act else None
    pointed = str(answers.get(item.key, "")) if item else ""
    record = loaded.case.record(int(pointed)) if pointed.isdecimal() else None
    if record is None or seeing_of(ctx, loaded).record(record).hidden is not None:
        raise Unseen(pointed)


def _may_ask_elsewhere(ctx: AppContext, act: str) -> bool:
    """Whether some definition has an act of that name with which another school's own case may open."""
    kinds = (ActKind.contribute, ActKind.answer_contribution)
    named = (protocol.acts.get(protocol.resolve("acts", act)) for protocol in ctx.library.every())
    return any(declared is not None and declared.kind in kinds for declared in named)


def _may_open(ctx: AppContext, move: str) -> bool:
    """Whether some definition has a move of that name which opens a case elsewhere: its key is made before."""
    named = (protocol.moves.get(protocol.resolve("moves", move)) for protocol in ctx.library.every())
    return any(declared is not None and declared.opens is not None for declared in named)


def _signed(ctx: AppContext, actor: Actor, password: str | None) -> bool:
    if not password:
        return False
    try:
        is_theirs = is_password_of(ctx, actor.id, password)
    except TooManyTries as error:
        raise Refused((Reason("too_many_tries", seconds=error.seconds),)) from None
    if not is_theirs:
        raise Refused((Reason("wrong_password"),))
    return True


def where_it_goes_on(ctx: AppContext, session: Session, loaded: Loaded) -> Loaded:
    """The case that followed this one, whether or not this person sees it: a danger is raised there."""
    while _goes_on_elsewhere(loaded):
        case_id = repository.find_by_number(session, loaded.case.successor or "")
        if case_id is None:
            break
        loaded = load_by_id(ctx, session, loaded.actor, case_id)
    return loaded


def _goes_on_elsewhere(loaded: Loaded) -> bool:
    return loaded.protocol.states[loaded.case.state].successor and loaded.case.successor is not None


def _check_expected(loaded: Loaded, expected: int | None, act: Act | None) -> None:
    """A stale form is a conflict; but a danger raised is never held back by what somebody else wrote."""
    urgent = act is not None and (act.kind in (ActKind.raise_danger, ActKind.note) or act.quick)
    if expected is not None and expected < loaded.case.written_seq and not urgent:
        raise Conflict(expected, loaded.case.written_seq)


def _tells(loaded: Loaded, event: Event) -> bool:
    if isinstance(event, Recorded):
        return bool(loaded.protocol.acts[event.act].notify) or raises_danger(loaded.protocol, event)
    return isinstance(event, StepTaken) or calls_off(loaded.case, event)


def _steps_gone(loaded: Loaded, decision: Decision) -> Iterator[StepTaken]:
    """The steps that go with the entries taken back: the case stands where they left from."""
    gone = {event.entry for event in decision.events if isinstance(event, EntryRetracted)}
    return (event for event in loaded.events if isinstance(event, StepTaken) and event.seq - 1 in gone)


def keep_decision(
    ctx: AppContext,
    session: Session,
    loaded: Loaded,
    decision: Decision,
    press: idempotency.Press,
    receiving: str | None = None,
) -> Done:
    """Write what was decided, ask for the notices it calls for, and use the form up.

    Of a case that has ended, or ends, packages stand around that (`Wiring.endings`). `receiving` is the id of the case
    that an act may open at another school.
    """
    states = {loaded.case.state, *(event.target for event in decision.events if isinstance(event, StepTaken))}
    states |= {step.source for step in _steps_gone(loaded, decision)}
    is_limited = any(loaded.protocol.states[key].ended for key in states)
    with ExitStack() as endings:
        for ending in ctx.wiring.endings if is_limited else ():
            endings.enter_context(ending(ctx, session, loaded.case_id))
        after = keep(ctx, session, loaded, decision.events, decision.people)
        events = after.events[len(loaded.events) :]
        if receiving is not None:
            open_contribution(ctx, session, loaded, events, receiving)
        if any(_tells(loaded, event) for event in events):
            notify(ctx, session, loaded.protocol, after, loaded.case_id, events, loaded.around)
    raised = any(isinstance(event, Recorded) and event.derived.get("raised") for event in events)
    seq = next((event.seq for event in events if isinstance(event, Recorded)), events[-1].seq)
    idempotency.use(session, press, {"seq": seq, "raised": raised, "number": loaded.case.number}, at=ctx.now())
    return Done(seq, raised, number=loaded.case.number)


# ---- taking back what one has just recorded ------------------------------------------------------------------------
# An event of its own: nothing is deleted.


def take_back(ctx: AppContext, actor: Actor, number: str, seq: int, *, expected: int | None, token: str) -> Done:
    """Take back one's own entry, within the minutes that the definition gives; pressed twice, it is done once."""
    press = idempotency.press(ctx.vault, actor.id, token, number, "undo", seq)
    with ctx.realm.writing(together=True) as session:
        if (before := idempotency.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(ctx, session, actor, number)
        if loaded.metadata_only or loaded.case.written(seq) is None:
            raise Unseen(f"{number}/{seq}")
        decision = decide(loaded.protocol, loaded.case, actor, ctx.now(), loaded.around, Undo(seq))
        if expected is not None and expected < loaded.case.written_seq:
            raise Conflict(expected, loaded.case.written_seq)
        return keep_decision(ctx, session, loaded, decision, press)


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
