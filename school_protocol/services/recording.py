"""Writing in a case: record an act, correct one, raise a danger, make a move."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from school_protocol.domain.case import fold
from school_protocol.domain.engine import (
    Decision,
    MakeMove,
    Reason,
    RecordAct,
    decide,
)
from school_protocol.domain.errors import Conflict, Refused, Unseen
from school_protocol.domain.events import Recorded, StepTaken
from school_protocol.domain.forms import FieldType
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act, ActKind
from school_protocol.services.accounts import prove_again
from school_protocol.services.house import House
from school_protocol.services.joining import carry, hand_over
from school_protocol.services.loading import (
    Loaded,
    keep,
    load,
    load_by_id,
    notify,
)
from school_protocol.services.naming import refuse_names
from school_protocol.services.on_paper import OnPaper, paper_of
from school_protocol.services.showing import as_far_as, seeing_of
from school_protocol.storage import cases, keys, once
from school_protocol.storage.engines import Session

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Done:
    """What a press recorded; `repeated` where an earlier press had done it already."""

    seq: int
    raised: bool = False
    repeated: bool = False
    number: str = ""


def repeated(before: Mapping[str, Any]) -> Done:
    """What the first press of a form did."""
    return Done(before["seq"], before["raised"], repeated=True, number=before["number"])


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
    paper: OnPaper | None = None,
    said: object = None,
) -> Done:
    """Record an act; what follows from it by itself follows in the same transaction.

    `password` is what a signature asks; `proven` says that a script plays somebody who has given it;
    `changes` are a corrected record's answers as they should be; `paper` says that it is typed in from a paper form;
    `said` is the form as it was sent, which tells a second press from other words sent with the same token (the
    answers, where it isn't given).
    """
    written = [paper.at, paper.by] if paper else []
    press = once.press(house.vault, actor.id, token, number, act, said or [answers, changes, *written])
    signed = (paper is None or paper.is_by(actor)) and (proven or _signed(house, actor, password))
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return repeated(before)
        intent = RecordAct(act, answers, signed, changes, paper_of(house, actor, paper))
        loaded, decision = _decided(house, session, actor, number, intent, expected)
        return keep_decision(house, session, loaded, decision, press)


def rehearse_act(
    house: House,
    actor: Actor,
    number: str,
    act: str,
    answers: Mapping[str, Any],
    *,
    expected: int | None,
    password: str | None = None,
    changes: Mapping[str, Any] | None = None,
    paper: OnPaper | None = None,
) -> None:
    """Raise what `record_act` would raise, and record nothing. A password is not proved here."""
    intent = RecordAct(act, answers, bool(password), changes, paper_of(house, actor, paper))
    with house.realm.reading() as session:
        _decided(house, session, actor, number, intent, expected)


def _decided(
    house: House, session: Session, actor: Actor, number: str, intent: RecordAct, expected: int | None
) -> tuple[Loaded, Decision]:
    """The case in which the act is recorded, and what follows."""
    loaded = load(house, session, actor, number)
    declared = loaded.protocol.acts.get(loaded.protocol.resolve("acts", intent.act))
    brought: tuple[str, ...] | None = None
    if declared is not None and declared.kind is ActKind.raise_danger and _goes_on_elsewhere(loaded):
        former = loaded.roles
        loaded = where_it_goes_on(house, session, loaded)
        expected = None
        if not loaded.roles and actor.id not in loaded.case.exclusions:
            brought = former
    if declared is not None:
        loaded = as_far_as(house, session, loaded, loaded.protocol.form_of(declared))
    if intent.changes is not None:
        _check_may_correct(house, loaded, declared, intent.answers)
    decision = decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, intent, roles=brought)
    _check_expected(loaded, expected, declared)
    refuse_names(house, session, loaded.case_id, loaded.protocol, decision, tells=bool(loaded.names))
    return loaded, decision


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
    said: object = None,
) -> Done:
    """Move the case on; joining and handing over write the other case in the same transaction."""
    press = once.press(house.vault, actor.id, token, number, move, said or [reason, departures or {}])
    receiving = keys.prepare_key(house.realm, house.vault) if _may_open(house, move) else None
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(house, session, actor, number)
        declared = loaded.protocol.moves.get(loaded.protocol.resolve("moves", move))
        successor = cases.free_number(session, _RANDOM) if receiving else None
        intent = MakeMove(move, reason, departures or {}, successor)
        decision = decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, intent)
        _check_expected(loaded, expected, None)
        done = keep_decision(house, session, loaded, decision, press)
        if declared is not None and declared.carries:
            carry(house, session, loaded, declared)
        if declared is not None and receiving is not None and successor is not None:
            hand_over(house, session, loaded, declared, receiving, successor)
        return done


def rehearse_move(
    house: House,
    actor: Actor,
    number: str,
    move: str,
    *,
    reason: str = "",
    departures: Mapping[str, str] | None = None,
    expected: int | None,
) -> None:
    """Raise what `make_move` would raise, and move nothing."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        intent = MakeMove(move, reason, departures or {})
        decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, intent)
        _check_expected(loaded, expected, None)


def _check_may_correct(house: House, loaded: Loaded, act: Act | None, answers: Mapping[str, Any]) -> None:
    """Only who may read an entry whole may say what it should have said."""
    item = loaded.protocol.form_of(act).find(FieldType.record) if act else None
    pointed = str(answers.get(item.key, "")) if item else ""
    record = loaded.case.record(int(pointed)) if pointed.isdecimal() else None
    if record is None or seeing_of(house, loaded).record(record).hidden is not None:
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


def where_it_goes_on(house: House, session: Session, loaded: Loaded) -> Loaded:
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


def keep_decision(house: House, session: Session, loaded: Loaded, decision: Decision, press: once.Press) -> Done:
    """Write what was decided, ask for the notices it calls for, and use the form up."""
    events = keep(
        house, session, loaded.case_id, loaded.protocol, loaded.events, decision.events, decision.people, loaded.around
    )
    if any(isinstance(event, StepTaken) for event in events):
        after = fold(loaded.protocol, [*loaded.events, *events], earlier=loaded.case.earlier)
        notify(house, session, loaded.protocol, after, loaded.case_id, events, loaded.around)
    raised = any(isinstance(event, Recorded) and event.derived.get("raised") for event in events)
    outcome = {"seq": events[-1].seq, "raised": raised, "number": loaded.case.number}
    once.use(session, press, outcome, at=house.now())
    return Done(events[-1].seq, raised, number=loaded.case.number)
