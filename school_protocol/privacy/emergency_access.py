"""Service of emergency access: a closed case opened, names lifted for a time; for a reason, reviewed by another.

Why, for how long, and the password again are asked before anything is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from school_protocol.auth import sign_in_repository
from school_protocol.auth.service import TooManyTries
from school_protocol.auth.sign_in_service import must_prove
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import Loaded, keep, load, load_by_id, scope_of
from school_protocol.cases.showing import note_reading, seeing_of
from school_protocol.cases.view_models import CaseHead
from school_protocol.context import AppContext, today_for
from school_protocol.engine import visibility
from school_protocol.engine.actors import role_for
from school_protocol.engine.answers import TEXT_MOST
from school_protocol.engine.case_parts import Door, Opened
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.errors import BadInput, SchoolProtocolError, Unseen
from school_protocol.engine.events import AccessEnded, AccessLifted, DoorOpened, DoorReviewed
from school_protocol.engine.facts import Facts
from school_protocol.engine.visibility import Actor
from school_protocol.privacy import repository
from school_protocol.storage import access_log, case_numbers, work_queue
from school_protocol.storage.engines import Session

REASON_LEAST = 20
"""Letters below which a reason says nothing."""
HOURS = (1, 2, 4)
"""For how long names may be lifted."""
LONGEST = timedelta(hours=max(HOURS))


@dataclass(frozen=True, slots=True)
class Asked:
    """Why something is opened, for how many hours, and the password of who opens it."""

    reason: str
    hours: int
    password: str = field(repr=False)


def checked(ctx: AppContext, actor: Actor, asked: Asked, *, missing: Sequence[str] = ()) -> str:
    """The reason as it is kept. Raises BadInput for every field that is not as it must be, and for those `missing`."""
    problems: dict[str, tuple[str, ...]] = dict.fromkeys(missing, ("required",))
    said = " ".join(asked.reason.split())
    problem = reason_problem(said)
    if problem:
        problems["reason"] = (problem,)
    if asked.hours not in HOURS:
        problems["hours"] = ("required",)
    if not asked.password:
        problems["password"] = ("required",)
    elif not problems:
        must_prove(ctx, actor.id, asked.password)
    if problems:
        raise BadInput(problems)
    return said


def reason_problem(said: str) -> str:
    """What is wrong with a reason or a sentence; empty: nothing."""
    if not said:
        return "required"
    if len(said) < REASON_LEAST:
        return f"too_short:{REASON_LEAST}"
    return f"too_long:{TEXT_MOST}:{len(said)}" if len(said) > TEXT_MOST else ""


def tell_of_access(
    ctx: AppContext, session: Session, loaded: Loaded, roles: tuple[str, ...], *, urgent: bool, door: int = 0
) -> None:
    """Ask for a message to whoever holds these roles, without a word of what it is about.

    Where no head may be told, the sweep tells whoever acts for them. `door`: the opening that a review is due for, at
    its moment; the message goes out only if it was not reviewed.
    """
    opened = next((one for one in loaded.case.doors if one.seq == door), None)
    for role in roles:
        payload: dict[str, str | int | bool | None] = {
            "case": loaded.case_id, "to": role, "move": "", "urgent": urgent,
        }  # fmt: skip
        if opened is None:
            work_queue.put_message(session, "notify", payload, at=ctx.now())
        else:
            work_queue.put_message(session, "notify", {**payload, "door": door}, at=ctx.now(), due_at=opened.review_by)


def heads(protocol: Protocol) -> tuple[str, ...]:
    return tuple(role.key for role in protocol.roles.values() if role.head)


def access_above(protocol: Protocol) -> tuple[str, ...]:
    """The roles that answer for schools from above."""
    return tuple(role.key for role in protocol.roles.values() if role.sees in ("province", "region"))


def may_know_exclusions(protocol: Protocol, roles: tuple[str, ...]) -> bool:
    """Whether one of these roles reads who takes no part in a case: the forms that say so name their readers."""
    forms = [protocol.form_of(act) for act in protocol.acts_of(ActKind.exclude)]
    return bool(forms) and all(form.readers and role_for(protocol, form.readers, roles) is not None for form in forms)


def is_side_bound(protocol: Protocol, roles: tuple[str, ...]) -> bool:
    """Whether every role that somebody has in a case is bound to one side of it."""
    declared = [protocol.seats[role].acts_as or "" if role in protocol.seats else role for role in roles]
    known = [protocol.roles.get(role) for role in declared]
    return bool(known) and all(role is not None and role.side_bound for role in known)


# ---- a case opened by somebody of the chain of oversight; the second person who says whether it was justified ------
# Who is excluded, who holds no role above the school, and whoever asks for a number that nobody has, get one answer.

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


def may_try(ctx: AppContext, actor: Actor) -> bool:
    """Whether this person holds a role by which a case might be opened in an emergency."""
    held = {appointment.role for appointment in actor.appointments}
    return any(sight.role in held and visibility.is_in_chain(sight) for sight in ctx.library.sights())


def break_door(ctx: AppContext, actor: Actor, number: str, asked: Asked) -> str:
    """Open the case with that number to this person, to be read, for four hours; returns its number.

    Raises BadInput by field; SeenAnyway; TooManyTries; Unseen where there is no such case, or not for this person.
    """
    if not may_try(ctx, actor):
        raise Unseen(number)
    missing = () if number.strip() else ("number",)
    if not missing and not reason_problem(" ".join(asked.reason.split())):
        _count_try(ctx, actor)
    said = checked(ctx, actor, asked, missing=missing)
    digits = case_numbers.check_number(number)
    with ctx.realm.writing() as session:
        found = opening(ctx, session, actor, digits or "")
        if found is None:
            _log.warning("an emergency opening was refused to the account %s", actor.id)
            raise Unseen(number)
        loaded, role = found
        until, review_by = loaded.now + LONGEST, loaded.now + REVIEW
        event = DoorOpened(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, until=until.isoformat(),
            review_by=review_by.isoformat(), reason=said,
        )  # fmt: skip
        kept = keep(ctx, session, loaded, [event]).events[-1]
        after = load_by_id(ctx, session, actor, loaded.case_id)
        told = reviewers(loaded.protocol)
        tell_of_access(ctx, session, after, told, urgent=True)
        tell_of_access(ctx, session, after, told, urgent=True, door=kept.seq)
        reason = f"door.{kept.seq}"
        access_log.note(
            session, case_id=loaded.case_id, account=actor.id, at=loaded.now, what="door.opened", reason=reason
        )
    with ctx.directory.writing() as people:
        sign_in_repository.forget_attempts(people, _subject(actor))
    return loaded.case.number


def opening(ctx: AppContext, session: Session, actor: Actor, digits: str) -> tuple[Loaded, str] | None:
    """The case and the role by which this person may open it; None where they may not. Raises SeenAnyway."""
    case_id = cases_repository.find_by_number(session, digits) if digits else None
    row = index_repository.row_of(session, case_id) if case_id else None
    if row is None:
        return None
    scope, place = scope_of(ctx, actor), row.place(today_for(ctx))
    chain = visibility.chain(actor, ctx.library.sights(), place)
    if visibility.may_break(scope, place, chain):
        return load_by_id(ctx, session, actor, row.case_id), chain[0]
    if visibility.may_see(scope, place):
        raise SeenAnyway(row.number)
    return None


def _count_try(ctx: AppContext, actor: Actor) -> None:
    subject = _subject(actor)
    with ctx.directory.writing() as session:
        if sign_in_repository.attempts_since(session, subject, ctx.now() - WINDOW) >= TRIES:
            raise TooManyTries(int(WINDOW.total_seconds()))
        sign_in_repository.note_attempt(session, subject, at=ctx.now())


def _subject(actor: Actor) -> str:
    """What the tries of this person are counted under: no user name has a space in it."""
    return f"door {actor.id}"[:80]


# ---- afterwards --------------------------------------------------------------------------------------------------


def reviews_waiting(ctx: AppContext, actor: Actor) -> tuple[repository.Waiting, ...]:
    """What this person is to review, soonest first, for the desk."""
    if not _answers_for_schools(ctx, actor):
        return ()
    with ctx.realm.reading() as session:
        scope = replace(scope_of(ctx, actor), now=None)  # who reads a case by an opening alone reviews none of it
        return repository.waiting_reviews(session, scope, today=today_for(ctx), limit=WAITING)


def _answers_for_schools(ctx: AppContext, actor: Actor) -> bool:
    """Whether one of this person's roles is among those that review."""
    held = {appointment.role for appointment in actor.appointments}
    return any(key in held for protocol in ctx.library.current() for key in reviewers(protocol))


def reviewers(protocol: Protocol) -> tuple[str, ...]:
    """The roles that answer for a case: a head's, and those above the school."""
    return tuple(dict.fromkeys((*heads(protocol), *access_above(protocol))))


def see_door(ctx: AppContext, actor: Actor, number: str, seq: int) -> DoorView:
    """One emergency opening of a case. Raises Unseen."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        door = _door(loaded, seq)
        note_reading(ctx, session, loaded, f"door.{seq}")
        seeing = seeing_of(ctx, loaded)
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


def review(
    ctx: AppContext, actor: Actor, number: str, seq: int, *, justified: bool | None, sentence: str
) -> DoorReviewed:
    """Say of somebody else's opening whether it was justified, in a sentence.

    Raises Unseen, ReviewedBefore, BadInput by field.
    """
    said = " ".join(sentence.split())
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
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
        kept = keep(ctx, session, loaded, [event]).events[-1]
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


def beside(
    _ctx: AppContext, _session: Session, row: index_repository.IndexRow, facts: Facts
) -> tuple[index_repository.Beside]:
    """Which openings of a case wait to be reviewed: written with its index row."""
    unreviewed = (door for door in facts.case.doors if door.reviewed_seq is None)
    return (repository.rows_of(row.case_id, unreviewed),)


def is_reviewed(session: Session, payload: work_queue.Payload) -> bool:
    """Whether a message is about the review of an emergency opening that nobody waits for any more."""
    door = payload.get("door")
    return door is not None and not repository.awaits(session, str(payload["case"]), int(door))


# ---- names lifted for a reader of pseudonyms: for hours, told to the head ------------------------------------------
# It ends by itself.


class OpenBefore(SchoolProtocolError):
    """It is open for this person already: nothing more is written."""


@dataclass(frozen=True, slots=True)
class NamesView:
    """The page on which names are lifted: `standing` is what stands for this reader."""

    head: CaseHead
    standing: Opened | None


def see_names(ctx: AppContext, actor: Actor, number: str) -> NamesView:
    """What may be lifted here. Raises Unseen for whoever reads names anyway, or nothing but metadata."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        _check(loaded)
        return NamesView(seeing_of(ctx, loaded).head(), loaded.lifting)


def lift(ctx: AppContext, actor: Actor, number: str, asked: Asked) -> AccessLifted:
    """Names stand beside signs on the pages of this case, for this person, until the time is over.

    Raises Unseen, BadInput by field, OpenBefore.
    """
    see_names(ctx, actor, number)
    said = checked(ctx, actor, asked)
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        _check(loaded)
        if loaded.lifting is not None:
            raise OpenBefore(number)
        until = loaded.now + timedelta(hours=asked.hours)
        event = AccessLifted(
            actor=actor.id, role=loaded.roles[0], at=loaded.now, occurred_at=loaded.now, until=until.isoformat(),
            reason=said,
        )  # fmt: skip
        kept = keep(ctx, session, loaded, [event]).events[-1]
        tell_of_access(ctx, session, loaded, heads(loaded.protocol), urgent=False)
        reason = f"lifting.{kept.seq}"
        access_log.note(
            session, case_id=loaded.case_id, account=actor.id, at=loaded.now, what="names.lifted", reason=reason
        )
        assert isinstance(kept, AccessLifted)
        return kept


def end_access(ctx: AppContext, actor: Actor, number: str, opened: int) -> bool:
    """Close what this person opened under that number, names or the case itself; False where it was over already.

    Raises Unseen where it is not theirs.
    """
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        own = [one for one in (*loaded.case.liftings, *loaded.case.doors) if one.account == actor.id]
        found = next((one for one in own if one.seq == opened), None)
        if found is None:
            raise Unseen(f"{number}/{opened}")
        if not found.stands(loaded.now):
            return False
        event = AccessEnded(actor=actor.id, role=found.role, at=loaded.now, occurred_at=loaded.now, opened=found.seq)
        keep(ctx, session, loaded, [event])
        return True


def _check(loaded: Loaded) -> None:
    """Only whoever reads this case by signs."""
    if not may_lift(loaded):
        raise Unseen(loaded.case.number)


def may_lift(loaded: Loaded) -> bool:
    """Whether names may be lifted for this reader: an emergency opening reads pages, and lifts nothing."""
    return loaded.door is None and loaded.pseudonymised and not loaded.metadata_only
