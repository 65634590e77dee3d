"""Whether what a message was asked for is over by the time at which it leaves: then nobody needs it."""

from __future__ import annotations

from itertools import chain

from school_protocol.domain.dues import all_counts, counts_anew, is_excused
from school_protocol.domain.facts import Facts
from school_protocol.domain.review import WAITING, ReviewNow, ReviewState, review_now, turns, waits_for
from school_protocol.storage.told import Notice

REVIEW = "review"
"""How the cause of a message begins that asks somebody to review."""
TAKEN_BACK = "taken_back"
"""How the cause of a message begins that says that a danger was taken back."""
_IN_HAND = frozenset({ReviewState.to_examine, ReviewState.observations, ReviewState.completed})


def is_taken_back(notice: Notice) -> bool:
    """Whether it says that a danger was taken back."""
    return notice.cause.startswith(f"{TAKEN_BACK}:")


def may_be_over(notice: Notice) -> bool:
    """Whether its cause says when it is over. What a step told of stays told: nothing says that it was read."""
    return notice.cause.partition(":")[0] in (REVIEW, "due")


def is_over(facts: Facts, notice: Notice) -> bool:
    """Whether the review that was asked for is done, or the count that fell due was met, ended or excused since."""
    if notice.cause.startswith(f"{REVIEW}:"):
        review, now = facts.protocol.review, review_now(facts.protocol, facts.case)
        reviews = review is not None and notice.role in review.by
        return reviews and (now is None or now.state not in _IN_HAND or _is_for_others(facts, now, notice.role))
    return any(
        (due.state in ("met", "ended") or is_excused(facts, due))
        and notice.cause.startswith(f"due:{due.deadline}:{due.subject}:{due.start_seq}:")
        for deadline in facts.protocol.deadlines.values()
        if deadline.steps
        for due in chain(all_counts(facts, deadline), counts_anew(facts, deadline))
    )


def _is_for_others(facts: Facts, now: ReviewNow, role: str) -> bool:
    """Whether a review waits for others alone: somebody of that role has examined it already."""
    protocol, case = facts.protocol, facts.case
    return now.state in WAITING and role not in waits_for(protocol, case, turns(protocol, case))
