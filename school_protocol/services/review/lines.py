"""Where the review of a case stands, as its page says it to one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from school_protocol.domain.engine import role_for
from school_protocol.domain.events import Recorded, ReviewAsked, ReviewEnded, StepTaken
from school_protocol.domain.review import (
    WAITING,
    ReviewNow,
    ReviewState,
    may_end,
    may_send,
    review_now,
    turns,
    waits_for,
)
from school_protocol.domain.review_rules import Review
from school_protocol.services.loading import Loaded
from school_protocol.services.views import ReviewLine

if TYPE_CHECKING:
    from school_protocol.services.seeing import Seeing

_BY_VISA = (ReviewState.visaed, ReviewState.sent_back)


def review_line(seeing: Seeing) -> ReviewLine | None:
    """None where the protocol of the case knows of no review, or it is not for this reader."""
    loaded = seeing.loaded
    review = loaded.protocol.review
    if review is None or loaded.metadata_only:
        return None
    now = _now(seeing)
    visa = next((one for one in seeing.choices if one.kind == "act" and one.key == review.visa), None)
    is_acting = loaded.door is None
    waits = now is not None and now.state in WAITING
    may_visa = is_acting and waits and visa is not None and visa.is_open
    reviews = is_acting and role_for(loaded.protocol, review.by, loaded.roles) is not None
    sends = is_acting and role_for(loaded.protocol, review.asked_by, loaded.roles) is not None
    return ReviewLine(
        state=now.state.value if now else "",
        since=now.since if now else None,
        due_at=now.due_at if now else None,
        by=seeing.name(now.by) if now else "",
        role=now.role if now else "",
        asked=now.asked if now else False,
        open_observations=now.open_observations if now else 0,
        words=_words(seeing, review, now),
        sends=sends,
        may_ask=sends and may_send(loaded.protocol, loaded.case),
        may_observe=reviews,
        may_end=reviews and ending_role(loaded) is not None,
        visa=loaded.protocol.acts[review.visa] if may_visa else None,
        may_refuse=may_visa and review.refusal is not None,
    )


def ending_role(loaded: Loaded) -> str | None:
    """The role in which this person may say that the case was examined; None: no review waits for them to end it."""
    if not may_end(loaded.protocol, loaded.case):
        return None
    asked = waits_for(loaded.protocol, loaded.case, turns(loaded.protocol, loaded.case))
    if loaded.case.restricted_seq is not None and loaded.protocol.review is not None:
        asked = loaded.protocol.review.by  # whoever observed may read it no more
    return role_for(loaded.protocol, asked, loaded.roles)


def _now(seeing: Seeing) -> ReviewNow | None:
    protocol, case = seeing.protocol, seeing.case
    counted = {key for key, one in protocol.deadlines.items() if any(start.review for start in one.start)}
    running = (count for count in seeing.counts if count.is_open and count.deadline in counted)
    return review_now(protocol, case, {count.start_seq: count.due_at for count in running})


def _words(seeing: Seeing, review: Review, now: ReviewNow | None) -> str:
    """What was said with it: as it was sent or ended, or the reasons for sending it back."""
    found = turns(seeing.protocol, seeing.case) if now else ()
    match found[-1].event if found else None:
        case ReviewAsked() | ReviewEnded() as event:
            return seeing.masks.by(event.actor, event.role)(event.sentence)
        case StepTaken() as step:
            return seeing.masks.by(step.actor, step.role)(step.reason)
        case Recorded() as recorded if now and now.state in _BY_VISA:
            record = seeing.case.record(recorded.seq)
            back = _sent_back_by(seeing, review, recorded)
            if back is not None:
                return seeing.masks.by(back.actor, back.role)(back.reason)
            shown = seeing.record(record).answers if record else {}
            said = shown.get(review.refusal.reason) if review.refusal else None
            return said if isinstance(said, str) else ""
    return ""


def _sent_back_by(seeing: Seeing, review: Review, refused: Recorded) -> StepTaken | None:
    """The step that went back with a refused visa: its reasons are the same, and are for everybody who reads steps."""
    after = (event for event in seeing.case.events if event.seq == refused.seq + 1)
    step = next((event for event in after if isinstance(event, StepTaken)), None)
    return step if step and review.refusal and step.move in review.refusal.moves else None
