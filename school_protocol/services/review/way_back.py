"""The way back that goes with a refused visa: by whichever page it is refused, the case goes where it says."""

from __future__ import annotations

from dataclasses import replace

from school_protocol.domain.case import Case, fold
from school_protocol.domain.document_rules import Remarks
from school_protocol.domain.engine import Decision, MakeMove, decide
from school_protocol.domain.errors import Refused
from school_protocol.domain.events import Recorded
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Move, Protocol
from school_protocol.domain.review import is_refusal
from school_protocol.services.loading import Loaded


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
