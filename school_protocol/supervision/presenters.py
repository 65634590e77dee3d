"""Reviews in words: where one stands, why a case waits, why something could not be done."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.cases.view_models import CaseHead, CaseView, EventView
from school_protocol.engine.actors import role_for
from school_protocol.engine.definition import Protocol
from school_protocol.engine.review_state import ReviewState
from school_protocol.language import Wording
from school_protocol.supervision.repository import RANKED, TEAM
from school_protocol.ui.rendering import wording

TONES: Mapping[str, str] = {
    ReviewState.to_examine: "soon",
    ReviewState.observations: "today",
    ReviewState.completed: "soon",
    ReviewState.visaed: "ok",
    ReviewState.sent_back: "today",
    ReviewState.examined: "ok",
}


def state_said(state: str) -> tuple[str, str]:
    """Where a review stands: its words and their tone."""
    w = wording()
    words = {
        ReviewState.to_examine.value: w._("To be examined"),
        ReviewState.observations.value: w._("Observations to answer"),
        ReviewState.completed.value: w._("Completed by the team"),
        ReviewState.visaed.value: w._("Visa given"),
        ReviewState.sent_back.value: w._("Sent back"),
        ReviewState.examined.value: w._("Examined"),
    }
    return words.get(state, state), TONES.get(state, "later")


def kinds() -> dict[str, str]:
    """Why cases wait, in their order, as the filter says it."""
    w = wording()
    said = {
        "urgent": w._("Urgent, still to be sent"),
        "door": w._("Emergency openings to confirm"),
        "visa": w._("Visa"),
        "review": w._("Sent for review"),
        "answered": w._("Observations answered"),
        "head": w._("Head concerned"),
        "referral": w._("Referral without an answer"),
        TEAM: w._("Waits for the team’s answer"),
    }
    return {kind: said[kind] for kind in RANKED}


def kind_label(kind: str) -> str:
    """Why one case waits."""
    w = wording()
    return {
        "urgent": w._("Urgent: still to be sent"),
        "door": w._("An emergency opening is to be confirmed"),
        "visa": w._("Waits for the visa"),
        "review": w._("Sent for review by the team"),
        "answered": w._("The team has answered the observations"),
        "head": w._("The head takes no part: somebody must act for them"),
        "referral": w._("A referral has had no answer: ask again"),
        TEAM: w._("Waits for the team’s answer"),
    }.get(kind, kind)


def event_title(protocol: Protocol, event: EventView) -> str:
    """What an entry of the chronology is, in words; empty for what nobody observes anything on."""
    w, detail = wording(), event.detail
    if event.record is not None:
        return "" if event.record.hidden == "side" else w.text(event.record.act.title)
    if event.kind == "step_taken":
        return w.text(detail["move"].title)
    if event.kind == "document_issued" and detail["document"] in protocol.documents:
        title = w.text(protocol.documents[detail["document"]].title)
        return w._("%(title)s, copy %(number)s", title=title, number=detail["copy"])
    if event.kind == "review_asked":
        move = detail["move"]
        return w._("Waits for review: %(step)s", step=w.text(move.title)) if move else w._("Sent for review")
    if event.kind == "review_ended":
        return w._("Examined: nothing more is asked")
    return ""


def observes(head: CaseHead) -> bool:
    """Whether whoever reads may observe something in this case."""
    review = head.protocol.review
    return review is not None and not head.metadata_only and role_for(head.protocol, review.by, head.roles) is not None


def refused_message(w: Wording, code: str) -> str:
    """Why a review could not be asked for, or ended."""
    if code == "waits":
        return w._("The case waits for review already, or has ended: it can’t be sent now.")
    return w._("Nothing waits for your review here, or observations are still to be answered.")


def not_sent(case: CaseView) -> str:
    """Why a case can't be sent for review now."""
    w = wording()
    if case.head.state.ended:
        return w._("The case has ended: it is not sent for review any more.")
    if case.review is not None and case.review.open_observations:
        return w._(
            "Observations wait for the team’s answer: whoever reviews looks at the case again once they have it."
        )
    return w._("It waits for review already.")


def not_ended(case: CaseView) -> str:
    """Why a case can't be called examined now."""
    w, review = wording(), case.review
    if review is not None and review.open_observations:
        return w._("Observations wait for the team’s answer: look at the case again once you have it.")
    if review is not None and review.state in (ReviewState.to_examine, ReviewState.completed):
        return w._("It waits for others who review, or for the visa: not for you.")
    return w._("Nothing waits for your review here.")
