"""Where a case stands with those who review it: folded from its events, each turn by the event that made it so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Record
from school_protocol.engine.definition import NEUTRAL_KINDS, Move, Protocol
from school_protocol.engine.definition_parts import Review
from school_protocol.engine.events import (
    Answers,
    CaseJoined,
    CaseOpened,
    Event,
    Recorded,
    RemarksAttached,
    RemarkSettled,
    ReviewAsked,
    ReviewEnded,
    StepTaken,
)


class ReviewState(StrEnum):
    """To examine → observations → completed → visaed; sent back where the visa is refused."""

    to_examine = "to_examine"
    observations = "observations"
    completed = "completed"
    visaed = "visaed"
    sent_back = "sent_back"
    examined = "examined"
    """Without a visa: nothing more is asked."""
    over = "over"
    """The case has left what was to be reviewed, and nobody had answered."""


WAITING = frozenset({ReviewState.to_examine, ReviewState.completed})
"""It waits for whoever reviews."""
_DONE = frozenset({ReviewState.visaed, ReviewState.sent_back, ReviewState.examined, ReviewState.over})


@dataclass(frozen=True, slots=True)
class ReviewTurn:
    """A state of the review, from the event that made it so."""

    state: ReviewState
    event: Event
    asked: bool = False
    """The review was sent by somebody, and did not begin by itself."""

    @property
    def seq(self) -> int:
        return self.event.seq

    @property
    def waits(self) -> bool:
        return self.state in WAITING


@dataclass(frozen=True, slots=True)
class ReviewNow:
    """Where the review stands: since when and by whom, when an answer is due, what waits for the team's answer."""

    state: ReviewState
    since: datetime
    seq: int
    by: str
    role: str
    asked: bool
    open_observations: int
    due_at: datetime | None = None
    is_of_step: bool = False
    """A step asked for it, and the case stands where that step led: the visa ends it, and nothing less."""


def turns(protocol: Protocol, case: Case) -> tuple[ReviewTurn, ...]:
    """Every state that the review of a case had, in order; none where its protocol knows of no review."""
    return tuple(_folded(protocol, case).turns) if protocol.review is not None else ()


def review_now(protocol: Protocol, case: Case, due: Mapping[int, datetime] | None = None) -> ReviewNow | None:
    """Where the review stands now; `due` says by when an answer to a turn is due. None: there is no review."""
    folding = _folded(protocol, case) if protocol.review is not None else None
    if folding is None or folding.now in (None, ReviewState.over):
        return None
    last = folding.turns[-1]
    return ReviewNow(
        state=last.state,
        since=last.event.at,
        seq=last.seq,
        by=last.event.actor,
        role=last.event.role,
        asked=last.asked,
        open_observations=sum(1 for one in case.remarks if one.is_open and one.remark.awaits),
        due_at=(due or {}).get(last.seq) if last.waits else None,
        is_of_step=folding.step is not None,
    )


def waits_for(protocol: Protocol, case: Case, found: Iterable[ReviewTurn], last: int | None = None) -> tuple[str, ...]:
    """The roles that a review waits for: those that were asked first, and those whose observations were answered, each
    until somebody of that role has ended it. `last`: as it stood with that entry."""
    review = protocol.review
    if review is None:
        return ()
    open_turns: list[ReviewTurn] = []
    for turn in found:
        open_turns = [] if turn.state in _DONE else [*open_turns, turn]
    if not open_turns or not open_turns[-1].waits:
        return ()
    events = [one for one in case.events if last is None or one.seq <= last]
    since = open_turns[0].seq
    ended = {event.role: event.seq for event in events if isinstance(event, ReviewEnded)}
    made = {event.seq: event.role for event in events if isinstance(event, RemarksAttached)}
    answered = [(made[one.seq], max(one.seq, one.settled_seq or 0)) for one in case.remarks
                if one.remark.awaits and one.seq in made]  # fmt: skip
    roles = [role for role, seq in answered if seq >= max(since, ended.get(role, 0))]
    asked = [event.seq for event in events if isinstance(event, ReviewAsked) and event.seq >= since]
    asked += [turn.seq for turn in open_turns if turn.state is ReviewState.to_examine]
    if asked and max(asked) >= max(ended.values(), default=0):
        roles += asked_first(protocol)
    return tuple(role for role in review.by if role in roles)


def asked_first(protocol: Protocol) -> tuple[str, ...]:
    """The roles that are asked to review: those that may give the visa, else all that review."""
    review = protocol.review
    if review is None:
        return ()
    by = protocol.acts[review.visa].by
    return tuple(role for role in review.by if role in by) or review.by


def may_send(protocol: Protocol, case: Case) -> bool:
    """Whether a case may be sent for review: it is open, and waits neither for whoever reviews nor for an answer."""
    now = review_now(protocol, case)
    busy = (*WAITING, ReviewState.observations)
    return not protocol.states[case.state].ended and (now is None or now.state not in busy)


def may_end(protocol: Protocol, case: Case) -> bool:
    """Whether a review can be ended without a visa: no step asked for it, and nothing waits for the team."""
    now = review_now(protocol, case)
    return now is not None and now.state in WAITING and not now.open_observations and not now.is_of_step


def is_refusal(review: Review, answers: Answers) -> bool:
    """Whether these answers of the visa's form refuse it."""
    refusal = review.refusal
    return refusal is not None and all(answers.get(key) == value for key, value in refusal.answers.items())


@dataclass(frozen=True, slots=True)
class SentBack:
    """A visa, or a step, that was refused, and where the case stood: it waits for the team's answer."""

    event: Recorded | StepTaken
    """Where a step goes back with a refused visa, the step: everybody who reads steps reads its reasons."""
    state: str

    def is_proposed_by(self, move: Move) -> bool:
        """Whether a move leads there again."""
        return move.to == self.state


def sent_back(protocol: Protocol, case: Case) -> SentBack | None:
    """What was refused in this opening, as long as nothing was written in answer to it."""
    review = protocol.review
    if review is None or review.refusal is None or protocol.states[case.state].ended:
        return None
    latest: Recorded | StepTaken | None = None
    for event in (one for one in case.events if one.seq > case.opening_seq):
        if isinstance(event, StepTaken) and event.move in review.refusal.moves:
            latest = event
        elif isinstance(event, Recorded) and case.record(event.seq) and _is_visa(protocol, event.act):
            if is_refusal(review, event.answers):
                latest = event
            elif isinstance(latest, Recorded) and latest.act == event.act:
                latest = None
    if latest is None:
        return None
    answers = (one for one in case.records if one.seq > latest.seq and one.kind not in NEUTRAL_KINDS)
    if next(answers, None) is not None:
        return None
    entered = [entry.state for entry in case.entries if entry.seq < latest.seq]
    return SentBack(latest, latest.source if isinstance(latest, StepTaken) else entered[-1])


def is_refused(protocol: Protocol, case: Case, event: Event) -> bool:
    """Whether something was refused by this event: a visa, or a step that was proposed."""
    review = protocol.review
    if review is None or review.refusal is None:
        return False
    if isinstance(event, StepTaken):
        return event.move in review.refusal.moves
    is_visa = isinstance(event, Recorded) and case.record(event.seq) is not None and _is_visa(protocol, event.act)
    return is_visa and isinstance(event, Recorded) and is_refusal(review, event.answers)


def _is_visa(protocol: Protocol, act: str) -> bool:
    """Whether an act is filled in on the form of visas."""
    review = protocol.review
    return review is not None and act in protocol.acts and protocol.acts[act].form == protocol.acts[review.visa].form


def _folded(protocol: Protocol, case: Case) -> _Folding:
    assert protocol.review is not None
    folding = _Folding(protocol, case, protocol.review)
    for event in case.events:
        folding.take(event)
    return folding


class _Folding:
    def __init__(self, protocol: Protocol, case: Case, review: Review) -> None:
        self.protocol, self.case, self.review = protocol, case, review
        self.turns: list[ReviewTurn] = []
        self.state = ""
        """Where the case stood."""
        self.bound: str | None = None
        """The state of the case as whose part the review began by itself: it ends with that state."""
        self.step: str | None = None
        """The state of the case for which a step asked for the review, begun by then or not."""
        self.asked = False
        self.waiting: set[tuple[int, int]] = set()
        """Observations that wait for an answer."""
        self.is_under_way = False
        """Somebody, or a step, asked for a review that has not been answered."""
        self.is_answer = False
        """The visa answered a review that was under way, and no step was taken since: what voids it asks again."""

    @property
    def now(self) -> ReviewState | None:
        return self.turns[-1].state if self.turns else None

    def take(self, event: Event) -> None:
        match event:
            case CaseOpened():
                self.state = event.state
            case StepTaken() if event in self.case.undone:
                return
            case StepTaken():
                self._stepped(event)
            case ReviewAsked():
                self._begun(event)
            case ReviewEnded():
                self._ended(event)
            case RemarksAttached():
                self._observed(event)
            case RemarkSettled():
                self._answered(event)
            case Recorded():
                self._recorded(event)
            case CaseJoined():
                self._void(event)

    def _turn(self, state: ReviewState, event: Event) -> None:
        self.turns.append(ReviewTurn(state, event, self.asked))
        self.is_under_way = self.is_under_way and state not in _DONE

    def _begun(self, event: ReviewAsked) -> None:
        is_waiting = self.now in WAITING
        if not is_waiting:
            self.asked = not event.move
            self.step = None
        if event.move:
            self.step = self.state
        if not event.move:
            self.bound = None
        elif not is_waiting or self.bound is not None:
            self.bound = self.state
        self.is_under_way = True
        if not is_waiting and self.now is not ReviewState.observations:
            self._turn(ReviewState.observations if self.waiting else ReviewState.to_examine, event)

    def _observed(self, event: RemarksAttached) -> None:
        awaited = {(event.seq, place) for place, one in enumerate(event.remarks, 1) if one.awaits}
        self.waiting |= awaited
        if awaited and self.now is not ReviewState.observations:
            self._turn(ReviewState.observations, event)

    def _answered(self, event: RemarkSettled) -> None:
        self.waiting.discard((event.attached, event.remark))
        if not self.waiting and self.now is ReviewState.observations:
            self._turn(ReviewState.completed, event)

    def _ended(self, event: ReviewEnded) -> None:
        """One role has examined it: it is examined once no other waits to read the answer to what it observed."""
        if not waits_for(self.protocol, self.case, self.turns, event.seq):
            self._turn(ReviewState.examined, event)

    def _recorded(self, event: Recorded) -> None:
        record = self.case.record(event.seq)
        if record is not None and event.act == self.review.visa and record.effective_seq is not None:
            self._visa(event, record)
        elif self._is_news(event, record):
            self._void(event)

    def _visa(self, event: Recorded, record: Record) -> None:
        if record.grants:
            self.is_answer = self.is_answer or self.is_under_way or self.now in WAITING
            self._turn(ReviewState.visaed, event)
        elif is_refusal(self.review, record.answers):
            self._turn(ReviewState.sent_back, event)

    def _is_news(self, event: Recorded, record: Record | None) -> bool:
        """Whether it adds to the content, or gives something its effect, or takes it: what voids a visa."""
        if event.seq == self.case.news_seq or (record is not None and record.kind not in NEUTRAL_KINDS):
            return True
        return any(one.effective_seq == event.seq and one.kind not in NEUTRAL_KINDS for one in self.case.records)

    def _void(self, event: Event) -> None:
        """Something came after the visa, before the step that it was for."""
        if self.now is ReviewState.visaed and self.is_answer:
            self.is_answer, self.is_under_way = False, True
            self._turn(ReviewState.to_examine, event)

    def _stepped(self, event: StepTaken) -> None:
        left, self.state, self.is_answer = self.state, event.target, False
        refusal, ends = self.review.refusal, self._is_end(event)
        is_reviewer = event.role in self.review.by
        if refusal is not None and is_reviewer and event.move in refusal.moves:
            if self.now is not ReviewState.sent_back:
                self._turn(ReviewState.sent_back, event)
        elif self.now in WAITING and (ends or self.bound == left):
            self._turn(ReviewState.over, event)
        self.bound = self.bound if self.bound != left else None
        self.step = self.step if self.step != left else None

    def _is_end(self, event: StepTaken) -> bool:
        states = self.case.protocol_at(event.seq, self.protocol).states
        return event.target in states and states[event.target].ended
