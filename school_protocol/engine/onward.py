"""Steps that go with an act: made in the same press, where the act meets the last of what they need."""

from __future__ import annotations

from collections.abc import Iterator

from school_protocol.engine.case_parts import Record
from school_protocol.engine.decisions import Decider, signable
from school_protocol.engine.definition import Act, ActKind, Move
from school_protocol.engine.intents import Reason


def steps_with(desk: Decider, act: Act) -> tuple[Move, ...]:
    """The steps ahead that this act alone still keeps from being open to this person: all that they lack, it can meet.

    Whether the answers do meet it is known once they are given. A visa stands by itself.
    """
    if desk.is_new or act.kind is ActKind.visa or not desk.act_choice(act).is_open or not _takes_effect(desk, act):
        return ()
    leaving = (one for one in desk.protocol.moves.values() if desk.case.state in one.from_ and one.may_go_along)
    return tuple(move for move in leaving if _is_last(desk, act, move))


def _is_last(desk: Decider, act: Act, move: Move) -> bool:
    reasons = desk.move_choice(move).reasons
    return bool(reasons) and all(reason.code == "need" and _meets(desk, act, reason) for reason in reasons)


def _meets(desk: Decider, act: Act, reason: Reason) -> bool:
    """Whether the act can meet that need: by its answers, or by the signature that an entry still waits for."""
    if act.kind is ActKind.sign:
        return any(record.seq in reason.to_sign for record in _completed(desk))
    return act.key in reason.acts and not reason.to_sign


def _takes_effect(desk: Decider, act: Act) -> bool:
    """Whether it counts as soon as this person records it: no other signature is awaited."""
    if act.kind is ActKind.sign:
        return any(_completed(desk))
    role = desk.act_choice(act).role or ""
    return not act.signatures or (act.signatures == 1 and desk.signing.signs_first(act, role))


def _completed(desk: Decider) -> Iterator[Record]:
    """The one entry that waits for this person's signature, where no other signature is then awaited."""
    waiting = signable(desk.protocol, desk.case, desk.actor, desk.now, desk.around)
    if len(waiting) == 1:
        yield from (one for one in waiting if len(one.signatures) + 1 >= desk.protocol.acts[one.act].signatures)
