"""Service of reviews: a case sent for review, observed, examined or refused; conformance; what heads look at again."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from school_protocol.cases import index_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, folded, load, reindex, surroundings, tell
from school_protocol.cases.review_lines import ending_role
from school_protocol.cases.service import Done, answered_by, keep_decision, repeated, with_way_back
from school_protocol.cases.showing import note_reading, seeing_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import readers_of_restricted, role_for
from school_protocol.engine.case import is_reading
from school_protocol.engine.case_summary import DespiteLine, ExcuseLine, conformance
from school_protocol.engine.deadlines import duties
from school_protocol.engine.decisions import decide
from school_protocol.engine.definition_parts import Refusal, Remarks, Review
from school_protocol.engine.document_rules import LETTERS_MOST, SENTENCE_MOST, awaited
from school_protocol.engine.errors import BadInput, Conflict, Refused, Unseen
from school_protocol.engine.events import (
    Event,
    Remark,
    RemarksAttached,
    RemarkSettled,
    ReviewAsked,
    ReviewEnded,
    WordChosen,
)
from school_protocol.engine.intents import Decision, Reason, RecordAct
from school_protocol.engine.review_state import asked_first, may_send
from school_protocol.engine.visibility import Actor
from school_protocol.storage import idempotency, journal
from school_protocol.storage.engines import Session
from school_protocol.supervision.remarks import note_named, refuse_named, written_once
from school_protocol.supervision.review_queue import ConformanceView, RefusalView

_BESIDE = (RemarksAttached, RemarkSettled, ReviewAsked, ReviewEnded, WordChosen)
"""What others say of a case in its review, and another word for it: they make no other case of it."""


class ReviewRefused(Refused):
    """The review does not stand so that this could be done; `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__((Reason(f"review_{code}"),))


def answering(loaded: Loaded) -> Remarks:
    """Who answers what is observed. Raises Unseen where nobody does."""
    found = answered_by(loaded.protocol)
    if found is None:
        raise Unseen(loaded.case.number)
    return found


def review_in(loaded: Loaded) -> Review:
    """The rules of reviews of a case. Raises Unseen where its protocol has none, or not for this reader."""
    if loaded.protocol.review is None or loaded.metadata_only:
        raise Unseen(loaded.case.number)
    return loaded.protocol.review


def reviewing_role(loaded: Loaded) -> str:
    """The role in which this person reviews the case. Raises Unseen."""
    role = role_for(loaded.protocol, review_in(loaded).by, loaded.roles)
    if role is None:
        raise Unseen(loaded.case.number)
    return role


def ask_review(ctx: AppContext, actor: Actor, number: str, sentence: str = "", *, token: str | None = None) -> Done:
    """Send the case to those who review it; pressed twice, it is sent once.

    Raises Unseen, ReviewRefused where it waits there already or has ended, BadInput (`sentence`).
    """
    said = " ".join(sentence.split())

    def asked(session: Session, loaded: Loaded) -> Event:
        role = role_for(loaded.protocol, review_in(loaded).asked_by, loaded.roles)
        if role is None:
            raise Unseen(number)
        if not may_send(loaded.protocol, loaded.case):
            raise ReviewRefused("waits")
        _check(said)
        refuse_named(ctx, session, loaded, {"sentence": said})
        tell(ctx, session, loaded.case_id, asked_first(loaded.protocol))
        return ReviewAsked(actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, sentence=said)

    return written_once(ctx, actor, number, token, ["review", said], asked)


def end_review(
    ctx: AppContext, actor: Actor, number: str, sentence: str = "", *, expected: int | None, token: str | None = None
) -> Done:
    """Say that the case was examined, and that nothing more is asked; pressed twice, it is said once.

    Raises Unseen, Conflict, BadInput (`sentence`), and ReviewRefused where no review waits for this person, where it
    waits for the visa, or where observations are still to be answered.
    """
    said = " ".join(sentence.split())

    def ended(session: Session, loaded: Loaded) -> Event:
        reviewing_role(loaded)
        role = ending_role(loaded)
        if role is None:
            raise ReviewRefused("nothing_waits")
        check_read(loaded, expected)
        _check(said)
        refuse_named(ctx, session, loaded, {"sentence": said})
        return ReviewEnded(actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, sentence=said)

    return written_once(ctx, actor, number, token, ["examined", said], ended)


def observe(
    ctx: AppContext, actor: Actor, number: str, remark: Remark, *, expected: int | None, token: str | None = None
) -> Done:
    """Attach an observation to the case as this person reads it on screen, and have its team told.

    It is on the whole, an entry, one question of it, or a form that the protocol asks for and that nobody has written.
    Raises Unseen, Conflict where others wrote in the case since that page was shown, BadInput (`text`, `entry`):
    what they have said there already, and still waits for an answer, is not said twice.
    """
    written = [remark.kind.value, remark.entry, remark.field, remark.act, remark.awaits, remark.text]

    def observed(session: Session, loaded: Loaded) -> Event:
        role, receivers = reviewing_role(loaded), answering(loaded).to
        check_read(loaded, expected)
        _check_remark(seeing_of(ctx, loaded), remark)
        _check_unsaid(loaded, remark)
        refuse_named(ctx, session, loaded, {"text": remark.text})
        head = journal.content_head(session, loaded.case_id)
        tell(ctx, session, loaded.case_id, receivers)
        return RemarksAttached(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, document="", copy=0, digest="",
            content_head=head.hash if head else "", remarks=(remark,),
        )  # fmt: skip

    return written_once(ctx, actor, number, token, ["observe", *written], observed)


def check_read(loaded: Loaded, expected: int | None) -> None:
    """Raises Conflict where the case has got content that whoever decides on it has not read."""
    news = news_since(loaded.events, expected) if expected is not None else ()
    if expected is not None and news:
        raise Conflict(expected, news[-1].seq)


def news_since(events: Iterable[Event], expected: int) -> tuple[Event, ...]:
    """What was written after that entry, neither reading nor reviewing."""
    newer = (event for event in events if event.seq > expected)
    return tuple(event for event in newer if not is_reading(event) and not isinstance(event, _BESIDE))


def _check_remark(seeing: Seeing, remark: Remark) -> None:
    last = seeing.case.last_seq
    problems: dict[str, tuple[str, ...]] = {}
    if not remark.text.strip():
        problems["text"] = ("required",)
    elif len(remark.text) > LETTERS_MOST:
        problems["text"] = (f"too_long:{LETTERS_MOST}:{len(remark.text)}",)
    if not 0 <= remark.entry <= last:
        problems["entry"] = (f"range:1:{last}",)
    elif not _is_place(seeing, remark):
        problems["entry"] = ("unknown_option",)
    if problems:
        raise BadInput(problems)


def _check_unsaid(loaded: Loaded, remark: Remark) -> None:
    """Raises BadInput where this person has said the same at the same place, and it still waits for an answer."""
    own = {event.seq for event in loaded.events if event.actor == loaded.actor.id}
    waiting = [one.remark for one in awaited(loaded.case.remarks) if one.seq in own]
    if any(_said(one) == _said(remark) for one in waiting):
        raise BadInput({"text": ("observed_before",)})


def _said(remark: Remark) -> tuple[int, str, str, str, str]:
    return remark.entry, remark.field, remark.act, remark.section, " ".join(remark.text.split())


def _is_place(seeing: Seeing, remark: Remark) -> bool:
    """Whether the question is one of an entry that this person reads, and the form is asked for and missing."""
    if remark.act:
        return not (remark.entry or remark.field) and remark.act in {act.key for act in seeing.missing_forms()}
    if not remark.field:
        return True
    record = seeing.case.written(remark.entry)
    shown = seeing.record(record) if record is not None else None
    return shown is not None and shown.hidden != "side" and remark.field in shown.form.by_key


def _check(said: str) -> None:
    if len(said) > SENTENCE_MOST:
        raise BadInput({"sentence": (f"too_long:{SENTENCE_MOST}:{len(said)}",)})


# ---- how a case kept to its protocol; looking is recorded ----------------------------------------------------------


def see_conformance(ctx: AppContext, actor: Actor, number: str) -> ConformanceView:
    """What was asked, done, when and left out; departures with their reasons, names in them as this reader reads them.

    Raises Unseen, also for whoever knows of the case by its metadata alone.
    """
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        if loaded.metadata_only:
            raise Unseen(number)
        note_reading(ctx, session, loaded, "conformance")
        seeing = seeing_of(ctx, loaded)
        found = conformance(loaded.facts, seeing.counts, duties(loaded.facts, seeing.counts))
        asked = tuple(replace(line, subject=seeing.subject(line.subject)) for line in found.asked)
        departures = tuple(
            replace(line, reason=seeing.masks.by(line.actor, line.role)(line.reason), actor=seeing.name(line.actor))
            for line in found.departures
        )
        excuses = tuple(_as_read(seeing, line) for line in found.excuses)
        despite = tuple(_as_read(seeing, line) for line in found.despite)
        shown = replace(found, asked=asked, departures=departures, excuses=excuses, despite=despite)
        return ConformanceView(seeing.head(), shown, loaded.now, seeing.follow_ups())


_Line = TypeVar("_Line", ExcuseLine, DespiteLine)


def _as_read(seeing: Seeing, line: _Line) -> _Line:
    """With its reason as this reader reads the entry."""
    record = seeing.case.record(line.seq)
    assert record is not None
    return replace(line, reason=seeing.masks.of(record)(line.reason), actor=seeing.name(line.actor))


# ---- restricted cases, and those in which somebody takes no part, looked at again ----------------------------------
# Who heads or oversees a school, and who sits in for them, changes without any event of its cases.

_log = logging.getLogger(__name__)


def look_again(ctx: AppContext) -> int:
    """Write anew what waits in each of them for whoever reviews, and who reads it, a case at a time; how many.

    One that fails holds up none of the others.
    """
    with ctx.realm.reading() as session:
        ids = index_repository.with_exclusions(session)
    written = 0
    for case_id in ids:
        try:
            with ctx.realm.writing() as session:
                written += reindex(ctx, session, case_id) is not None
        except Exception as error:  # the sentence of an error may quote what is kept: its kind alone is told
            _log.error("a case could not be looked at again: %s", type(error).__name__)
    return written


def unread(ctx: AppContext) -> int:
    """How many restricted cases that go on nobody can read: nobody above their school has come in and may take part."""
    today, found = today_for(ctx), 0
    with ctx.realm.reading() as session:
        for case_id in index_repository.restricted(session):
            try:
                protocol, case = folded(ctx, session, case_id)
                around = surroundings(ctx, case.unit)
                found += not readers_of_restricted(protocol, case, around, today)
            except Exception as error:  # the sentence of an error may quote what is kept: its kind alone is told
                _log.error("a restricted case could not be looked at: %s", type(error).__name__)
    return found


# ---- the visa refused: the refusal, its reasons and the way back, in one press -------------------------------------


def see_refusal(ctx: AppContext, actor: Actor, number: str) -> RefusalView:
    """What refusing the visa of this case would do; raises Unseen for whoever may not give it now."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        review, refusal = review_in(loaded), _refusal(loaded)
        seeing = seeing_of(ctx, loaded)
        choice = seeing.choice(review.visa)
        if not choice.is_open:
            raise Unseen(number)
        note_reading(ctx, session, loaded, f"act.{review.visa}")
        choices = [one for one in seeing.choices if one.kind == "move" and one.key in refusal.moves]
        opened = next((loaded.protocol.moves[one.key] for one in choices if one.is_open), None)
        return RefusalView(
            head=seeing.head(),
            visa=loaded.protocol.acts[review.visa],
            move=opened,
            target=loaded.protocol.states.get(opened.to) if opened is not None else None,
            closed=() if opened else tuple((loaded.protocol.moves[one.key], one.reasons) for one in choices),
        )


def refuse(ctx: AppContext, actor: Actor, number: str, reason: str, *, expected: int | None, token: str) -> Done:
    """Refuse the visa for these reasons and send the case back; its team is told. Pressed twice, it is done once.

    Where no way back is open the case stays where it is, and the refusal stands. Raises Unseen, Refused, Conflict,
    BadInput (`reason`).
    """
    said = reason.strip()
    press = idempotency.press(ctx.vault, actor.id, token, number, "refuse", said)
    try:
        with ctx.realm.writing() as session:
            if (before := idempotency.spent(session, press)) is not None:
                return repeated(before)
            loaded = load(ctx, session, actor, number)
            decision = _decided(loaded, actor, said, expected)
            refuse_named(ctx, session, loaded, {"reason": said})
            tell(ctx, session, loaded.case_id, answering(loaded).to)
            return keep_decision(ctx, session, loaded, decision, press)
    except BadInput as problem:
        note_named(ctx, actor, number, problem)
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
