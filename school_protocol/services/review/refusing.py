"""The visa refused: the refusal and its reasons, and the way back that goes with it, in one press."""

from __future__ import annotations

from school_protocol.domain.engine import Decision, RecordAct, decide
from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.review_rules import Refusal
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, load, tell
from school_protocol.services.papers.remarks import note_named, refuse_named
from school_protocol.services.recording import Done, keep_decision, repeated
from school_protocol.services.review.asking import answering, check_read, review_in
from school_protocol.services.review.views import RefusalView
from school_protocol.services.review.way_back import with_way_back
from school_protocol.services.showing import note_reading, seeing_of
from school_protocol.storage import once


def see_refusal(house: House, actor: Actor, number: str) -> RefusalView:
    """What refusing the visa of this case would do; raises Unseen for whoever may not give it now."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        review, refusal = review_in(loaded), _refusal(loaded)
        seeing = seeing_of(house, loaded)
        choice = seeing.choice(review.visa)
        if not choice.is_open:
            raise Unseen(number)
        note_reading(house, session, loaded, f"act.{review.visa}")
        choices = [one for one in seeing.choices if one.kind == "move" and one.key in refusal.moves]
        opened = next((loaded.protocol.moves[one.key] for one in choices if one.is_open), None)
        return RefusalView(
            head=seeing.head(),
            visa=loaded.protocol.acts[review.visa],
            move=opened,
            target=loaded.protocol.states.get(opened.to) if opened is not None else None,
            closed=() if opened else tuple((loaded.protocol.moves[one.key], one.reasons) for one in choices),
        )


def refuse(house: House, actor: Actor, number: str, reason: str, *, expected: int | None, token: str) -> Done:
    """Refuse the visa for these reasons and send the case back; its team is told. Pressed twice, it is done once.

    Where no way back is open the case stays where it is, and the refusal stands. Raises Unseen, Refused, Conflict,
    BadInput (`reason`).
    """
    said = reason.strip()
    press = once.press(house.vault, actor.id, token, number, "refuse", said)
    try:
        with house.realm.writing() as session:
            if (before := once.spent(session, press)) is not None:
                return repeated(before)
            loaded = load(house, session, actor, number)
            decision = _decided(loaded, actor, said, expected)
            refuse_named(house, session, loaded, {"reason": said})
            tell(house, session, loaded.case_id, answering(loaded).to)
            return keep_decision(house, session, loaded, decision, press)
    except BadInput as problem:
        note_named(house, actor, number, problem)
        raise


def _refusal(loaded: Loaded) -> Refusal:
    refusal = review_in(loaded).refusal
    if refusal is None:
        raise Unseen(loaded.case.number)
    return refusal


def _decided(loaded: Loaded, actor: Actor, said: str, expected: int | None) -> Decision:
    """The visa's record, and the step that goes back with it where one is open."""
    review, refusal = review_in(loaded), _refusal(loaded)
    if not any(role in loaded.protocol.acts[review.visa].by for role in loaded.roles):
        raise Unseen(loaded.case.number)
    check_read(loaded, expected)
    if not said:
        raise BadInput({"reason": ("required",)})
    answers = {**refusal.answers, refusal.reason: said}
    try:
        refused = decide(
            loaded.protocol, loaded.case, actor, loaded.now, loaded.around, RecordAct(review.visa, answers)
        )
    except BadInput as problem:
        raise BadInput({"reason": problem.problems.get(refusal.reason, ("required",))}) from None
    return with_way_back(loaded, actor, refused)
