"""A case sent for review, and what those who review say of it on screen: observations, or that it was examined."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from school_protocol.domain.case import is_reading
from school_protocol.domain.document_rules import Remarks
from school_protocol.domain.engine import Reason, role_for
from school_protocol.domain.errors import BadInput, Conflict, Refused, Unseen
from school_protocol.domain.events import (
    Event,
    Remark,
    RemarksAttached,
    RemarkSettled,
    ReviewAsked,
    ReviewEnded,
)
from school_protocol.domain.policy import Actor
from school_protocol.domain.remarks import LETTERS_MOST, SENTENCE_MOST, awaited
from school_protocol.domain.review import asked_first, may_send
from school_protocol.domain.review_rules import Review
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, load, tell
from school_protocol.services.papers.remarks import kept_with, note_named, refuse_named
from school_protocol.services.recording import Done, repeated
from school_protocol.services.review.lines import ending_role
from school_protocol.services.review.way_back import answered_by
from school_protocol.services.seeing import Seeing
from school_protocol.services.showing import seeing_of
from school_protocol.storage import journal, once

_BESIDE = (RemarksAttached, RemarkSettled, ReviewAsked, ReviewEnded)
"""What others say of a case in its review: it makes no other case of it."""


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


def ask(house: House, actor: Actor, number: str, sentence: str = "", *, token: str | None = None) -> Done:
    """Send the case to those who review it; pressed twice, it is sent once.

    Raises Unseen, ReviewRefused where it waits there already or has ended, BadInput (`sentence`).
    """
    said = " ".join(sentence.split())
    press = once.press(house.vault, actor.id, token or secrets.token_hex(16), number, "review", said)
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(house, session, actor, number)
        role = role_for(loaded.protocol, review_in(loaded).asked_by, loaded.roles)
        if role is None:
            raise Unseen(number)
        if not may_send(loaded.protocol, loaded.case):
            raise ReviewRefused("waits")
        _check(said)
        refuse_named(house, session, loaded, {"sentence": said})
        event = ReviewAsked(actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, sentence=said)
        tell(house, session, loaded.case_id, asked_first(loaded.protocol))
        return kept_with(house, session, loaded, event, press)


def end(
    house: House, actor: Actor, number: str, sentence: str = "", *, expected: int | None, token: str | None = None
) -> Done:
    """Say that the case was examined, and that nothing more is asked; pressed twice, it is said once.

    Raises Unseen, Conflict, BadInput (`sentence`), and ReviewRefused where no review waits for this person, where it
    waits for the visa, or where observations are still to be answered.
    """
    said = " ".join(sentence.split())
    press = once.press(house.vault, actor.id, token or secrets.token_hex(16), number, "examined", said)
    try:
        with house.realm.writing() as session:
            if (before := once.spent(session, press)) is not None:
                return repeated(before)
            loaded = load(house, session, actor, number)
            reviewing_role(loaded)
            role = ending_role(loaded)
            if role is None:
                raise ReviewRefused("nothing_waits")
            check_read(loaded, expected)
            _check(said)
            refuse_named(house, session, loaded, {"sentence": said})
            event = ReviewEnded(actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, sentence=said)
            return kept_with(house, session, loaded, event, press)
    except BadInput as problem:
        note_named(house, actor, number, problem)
        raise


def observe(
    house: House, actor: Actor, number: str, remark: Remark, *, expected: int | None, token: str | None = None
) -> Done:
    """Attach an observation to the case as this person reads it on screen, and have its team told.

    It is on the whole, an entry, one question of it, or a form that the protocol asks for and that nobody has written.
    Raises Unseen, Conflict where others wrote in the case since that page was shown, BadInput (`text`, `entry`):
    what they have said there already, and still waits for an answer, is not said twice.
    """
    written = [remark.kind.value, remark.entry, remark.field, remark.act, remark.awaits, remark.text]
    press = once.press(house.vault, actor.id, token or secrets.token_hex(16), number, "observe", *written)
    try:
        with house.realm.writing() as session:
            if (before := once.spent(session, press)) is not None:
                return repeated(before)
            loaded = load(house, session, actor, number)
            role, receivers = reviewing_role(loaded), answering(loaded).to
            check_read(loaded, expected)
            _check_remark(seeing_of(house, loaded), remark)
            _check_unsaid(loaded, remark)
            refuse_named(house, session, loaded, {"text": remark.text})
            head = journal.content_head(session, loaded.case_id)
            event = RemarksAttached(
                actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, document="", copy=0, digest="",
                content_head=head.hash if head else "", remarks=(remark,),
            )  # fmt: skip
            tell(house, session, loaded.case_id, receivers)
            return kept_with(house, session, loaded, event, press)
    except BadInput as problem:
        note_named(house, actor, number, problem)
        raise


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
