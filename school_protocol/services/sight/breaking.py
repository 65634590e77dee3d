"""A case opened in an emergency by somebody of the chain of oversight to whom it is closed; and the second person who
says afterwards whether that was justified.

Who is excluded, who holds no role above the school, and whoever asks for a number that nobody has, get one answer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from school_protocol.domain import policy
from school_protocol.domain.acting import role_for
from school_protocol.domain.case import Door
from school_protocol.domain.errors import BadInput, SchoolProtocolError, Unseen
from school_protocol.domain.events import DoorOpened, DoorReviewed
from school_protocol.domain.facts import Facts
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.services.accounts import TooManyTries
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, keep, load, load_by_id, scope_of, today_for
from school_protocol.services.showing import note_reading, seeing_of
from school_protocol.services.sight.asking import LONGEST, Asked, above, checked, heads, reason_problem, tell
from school_protocol.services.views import CaseHead
from school_protocol.storage import access, cases, index, outbox, sight
from school_protocol.storage import sign_in as throttle
from school_protocol.storage.engines import Session

TRIES = 5
"""How often within `WINDOW` somebody may ask for a case that is not opened to them."""
WINDOW = timedelta(minutes=15)
REVIEW = timedelta(hours=24)
WAITING = 20

_log = logging.getLogger(__name__)


class SeenAnyway(SchoolProtocolError):
    """This person sees that case without breaking anything."""

    def __init__(self, number: str) -> None:
        self.number = number
        super().__init__(number)


class ReviewedBefore(SchoolProtocolError):
    """Somebody has reviewed it already."""


@dataclass(frozen=True, slots=True)
class DoorView:
    """An emergency opening, for whoever may review it or read how it was reviewed."""

    head: CaseHead
    door: Door
    by: str
    reason: str
    may_review: bool
    is_late: bool
    verdict_by: str = ""
    sentence: str = ""


def may_try(house: House, actor: Actor) -> bool:
    """Whether this person holds a role by which a case might be opened in an emergency."""
    held = {appointment.role for appointment in actor.appointments}
    return any(sight.role in held and policy.is_in_chain(sight) for sight in house.library.sights())


def break_door(house: House, actor: Actor, number: str, asked: Asked) -> str:
    """Open the case with that number to this person, to be read, for four hours; returns its number.

    Raises BadInput by field; SeenAnyway; TooManyTries; Unseen where there is no such case, or not for this person.
    """
    if not may_try(house, actor):
        raise Unseen(number)
    missing = () if number.strip() else ("number",)
    if not missing and not reason_problem(" ".join(asked.reason.split())):
        _count_try(house, actor)
    said = checked(house, actor, asked, missing=missing)
    digits = cases.check_number(number)
    with house.realm.writing() as session:
        found = opening(house, session, actor, digits or "")
        if found is None:
            _log.warning("an emergency opening was refused to the account %s", actor.id)
            raise Unseen(number)
        loaded, role = found
        until, review_by = loaded.now + LONGEST, loaded.now + REVIEW
        event = DoorOpened(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, until=until.isoformat(),
            review_by=review_by.isoformat(), reason=said,
        )  # fmt: skip
        (kept,) = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
        after = load_by_id(house, session, actor, loaded.case_id)
        told = reviewers(loaded.protocol)
        tell(house, session, after, told, urgent=True)
        tell(house, session, after, told, urgent=True, door=kept.seq)
        reason = f"door.{kept.seq}"
        access.note(session, case_id=loaded.case_id, account=actor.id, at=loaded.now, what="door.opened", reason=reason)
    with house.directory.writing() as people:
        throttle.forget_attempts(people, _subject(actor))
    return loaded.case.number


def opening(house: House, session: Session, actor: Actor, digits: str) -> tuple[Loaded, str] | None:
    """The case and the role by which this person may open it; None where they may not. Raises SeenAnyway."""
    case_id = cases.find_by_number(session, digits) if digits else None
    row = index.row_of(session, case_id) if case_id else None
    if row is None:
        return None
    scope, place = scope_of(house, actor), row.place(today_for(house))
    chain = policy.chain(actor, house.library.sights(), place)
    if policy.may_break(scope, place, chain):
        return load_by_id(house, session, actor, row.case_id), chain[0]
    if policy.may_see(scope, place):
        raise SeenAnyway(row.number)
    return None


def _count_try(house: House, actor: Actor) -> None:
    subject = _subject(actor)
    with house.directory.writing() as session:
        if throttle.attempts_since(session, subject, house.now() - WINDOW) >= TRIES:
            raise TooManyTries(int(WINDOW.total_seconds()))
        throttle.note_attempt(session, subject, at=house.now())


def _subject(actor: Actor) -> str:
    """What the tries of this person are counted under: no user name has a space in it."""
    return f"door {actor.id}"[:80]


# ---- afterwards --------------------------------------------------------------------------------------------------


def reviews_waiting(house: House, actor: Actor) -> tuple[sight.Waiting, ...]:
    """What this person is to review, soonest first, for the desk."""
    if not _answers_for_schools(house, actor):
        return ()
    with house.realm.reading() as session:
        scope = replace(scope_of(house, actor), now=None)  # who reads a case by an opening alone reviews none of it
        return sight.waiting(session, scope, today=today_for(house), limit=WAITING)


def _answers_for_schools(house: House, actor: Actor) -> bool:
    """Whether one of this person's roles is among those that review."""
    held = {appointment.role for appointment in actor.appointments}
    return any(key in held for protocol in house.library.current() for key in reviewers(protocol))


def reviewers(protocol: Protocol) -> tuple[str, ...]:
    """The roles that answer for a case: a head's, and those above the school."""
    return tuple(dict.fromkeys((*heads(protocol), *above(protocol))))


def see_door(house: House, actor: Actor, number: str, seq: int) -> DoorView:
    """One emergency opening of a case. Raises Unseen."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number, reading=True)
        door = _door(loaded, seq)
        note_reading(house, session, loaded, f"door.{seq}")
        seeing = seeing_of(house, loaded)
        opened = seeing.event(next(one for one in loaded.events if one.seq == seq))
        settled = next((one for one in loaded.events if one.seq == door.reviewed_seq), None)
        verdict = seeing.event(settled) if settled is not None else None
        return DoorView(
            seeing.head(), door, opened.actor, str(opened.detail.get("reason", "")),
            may_review=door.reviewed_seq is None and reviewing_role(loaded, door) is not None,
            is_late=door.reviewed_seq is None and door.review_by < loaded.now,
            verdict_by=verdict.actor if verdict else "",
            sentence=str(verdict.detail.get("sentence", "")) if verdict else "",
        )  # fmt: skip


def review(house: House, actor: Actor, number: str, seq: int, *, justified: bool | None, sentence: str) -> DoorReviewed:
    """Say of somebody else's opening whether it was justified, in a sentence.

    Raises Unseen, ReviewedBefore, BadInput by field.
    """
    said = " ".join(sentence.split())
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        door = _door(loaded, seq)
        role = reviewing_role(loaded, door)
        if role is None:
            raise Unseen(f"{number}/{seq}")
        if door.reviewed_seq is not None:
            raise ReviewedBefore(str(door.reviewed_seq))
        problem = reason_problem(said)
        problems: dict[str, tuple[str, ...]] = {"sentence": (problem,)} if problem else {}
        if justified is None:
            problems["justified"] = ("required",)
        if problems:
            raise BadInput(problems)
        event = DoorReviewed(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, door=seq, justified=bool(justified),
            sentence=said,
        )  # fmt: skip
        (kept,) = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
        assert isinstance(kept, DoorReviewed)
        return kept


def reviewing_role(loaded: Loaded, door: Door) -> str | None:
    """The role in which this person may review it: who answers for the case, and opened nothing of it themselves."""
    if door.account == loaded.actor.id or loaded.metadata_only or loaded.door is not None:
        return None
    return role_for(loaded.protocol, reviewers(loaded.protocol), loaded.roles)


def _door(loaded: Loaded, seq: int) -> Door:
    found = next((one for one in loaded.case.doors if one.seq == seq), None)
    if found is None or loaded.metadata_only:
        raise Unseen(f"{loaded.case.number}/{seq}")
    return found


def beside(_house: House, _session: Session, row: index.IndexRow, facts: Facts) -> tuple[index.Beside]:
    """Which openings of a case wait to be reviewed: written with its index row."""
    unreviewed = (door for door in facts.case.doors if door.reviewed_seq is None)
    return (sight.rows_of(row.case_id, (sight.Review(door.seq, door.account, door.review_by) for door in unreviewed)),)


def is_reviewed(session: Session, payload: outbox.Payload) -> bool:
    """Whether a message is about the review of an emergency opening that nobody waits for any more."""
    door = payload.get("door")
    return door is not None and not sight.awaits(session, str(payload["case"]), int(door))
