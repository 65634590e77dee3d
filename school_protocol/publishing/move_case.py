"""Service that moves open cases to another version of their protocol: listed, looked at, one at a time, by an event.

Whoever publishes protocols may do it, and sees no case by it: numbers, and reasons that say nothing of what a case
holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from school_protocol.auth import permissions
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded, keep_in, surroundings
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Conflict, Sealed, Tampered, Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.version_change import Outcome, Weighed, version_changed, weighed
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.language import Wording
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.difference import Change, difference
from school_protocol.publishing import repository
from school_protocol.publishing.repository import DefinitionDraft, DraftState
from school_protocol.publishing.service import check_may
from school_protocol.storage import case_numbers, idempotency
from school_protocol.storage.engines import Session

PAGE = 100
REASON_MOST = 500


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case as the administrator may know of it. `codes` say why it does not simply move, and name nothing in it."""

    number: str
    outcome: Outcome
    codes: tuple[str, ...] = ()
    is_moved: bool = False
    """It follows the new version now."""


@dataclass(frozen=True, slots=True)
class OpenCases:
    """Open cases that follow `old`: what would become of those of one page, and how many there are in all."""

    old: Protocol
    new: Protocol
    total: int
    lines: tuple[CaseLine, ...]
    after: str | None
    """Where the next page begins."""

    def of(self, outcome: str) -> tuple[CaseLine, ...]:
        return tuple(line for line in self.lines if line.outcome == outcome)


@dataclass(frozen=True, slots=True)
class CasePreview:
    """What would become of one case, were it to follow `new`."""

    old: Protocol
    new: Protocol
    line: CaseLine


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """Two published versions and what changes; how many open cases follow the older one."""

    old: Protocol
    new: Protocol
    changes: tuple[Change, ...]
    open_cases: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What one press did: where it was `repeated`, an earlier one had done it."""

    line: CaseLine
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """Who lets a case follow `later`, and why; `accepts` are the reasons for which they have decided that it does."""

    actor: Actor
    later: Protocol
    reason: str
    accepts: frozenset[str]


# ---- seeing ------------------------------------------------------------------------------------------------------


def see_difference(ctx: AppContext, actor: Actor, key: str, old: int, new: int) -> DifferenceView:
    """What changes between two published versions; raises Unseen."""
    before, after = published_pair(ctx, actor, key, old, new)
    with ctx.realm.reading() as session:
        found = repository.count_open(session, key, old)
    return DifferenceView(before, after, difference(before, after), found)


def see_open_cases(ctx: AppContext, actor: Actor, key: str, old: int, new: int, *, after: str = "") -> OpenCases:
    """The open cases that follow a version, and what would become of each, a page of them at a time."""
    before, later = published_pair(ctx, actor, key, old, new)
    with ctx.realm.reading() as session:
        total = repository.count_open(session, key, old)
        found = repository.open_on_version(session, key, old, limit=PAGE + 1, after=after)
        lines = tuple(_listed(ctx, session, case_id, number, later) for case_id, number in found[:PAGE])
    return OpenCases(before, later, total, lines, found[PAGE - 1][0] if len(found) > PAGE else None)


def see_left(ctx: AppContext, actor: Actor, draft: DefinitionDraft) -> tuple[tuple[int, int], ...]:
    """Of a draft that was published: the earlier versions that open cases follow still, and how many."""
    check_may(ctx, actor)
    if draft.state is not DraftState.published:
        return ()
    earlier = _earlier(ctx, draft.protocol, draft.version)
    with ctx.realm.reading() as session:
        counted = [(version, repository.count_open(session, draft.protocol, version)) for version in earlier]
    return tuple((version, number) for version, number in counted if number)


def see_case(ctx: AppContext, actor: Actor, key: str, new: int, number: str, *, old: int | None = None) -> CasePreview:
    """What would become of one case, of `old` where that is said; raises Unseen.

    Where it has moved or was closed since the list was made, that is said.
    """
    _before, later = published_pair(ctx, actor, key, old or new, new)
    with ctx.realm.reading() as session:
        case_id = _found(session, number, key)
        followed, _case = folded(ctx, session, case_id)
        if old is not None and followed.version not in (old, new):
            raise Unseen(number)
        found = _weigh(ctx, session, case_id, later)
    before = followed if old is None else ctx.library.protocol(key, old)
    return CasePreview(before, later, _line(case_numbers.check_number(number) or "", found))


def list_open_cases(ctx: AppContext, actor: Actor, key: str, new: int) -> Iterator[CaseLine]:
    """Every open case of an earlier version, and what would become of it; none is moved. Raises Unseen."""
    published_pair(ctx, actor, key, new, new)
    return _all_open(ctx, actor, key, new)


def _all_open(ctx: AppContext, actor: Actor, key: str, new: int) -> Iterator[CaseLine]:
    for version in _earlier(ctx, key, new):
        after: str | None = ""
        while after is not None:
            page = see_open_cases(ctx, actor, key, version, new, after=after)
            yield from page.lines
            after = page.after


def published_pair(ctx: AppContext, actor: Actor, key: str, old: int, new: int) -> tuple[Protocol, Protocol]:
    """Two published versions; raises Unseen where one is none, or this person publishes nothing."""
    check_may(ctx, actor)
    with ctx.directory.reading() as session:
        known = {(protocol, version) for protocol, version, _digest in protocol_repository.definition_versions(session)}
    if not {(key, old), (key, new)} <= known:
        raise Unseen(f"{key} {old} {new}")
    return ctx.library.protocol(key, old), ctx.library.protocol(key, new)


def _weigh(ctx: AppContext, session: Session, case_id: str, new: Protocol) -> Weighed:
    protocol, case = folded(ctx, session, case_id)
    return weighed(protocol, case, new, ctx.now(), surroundings(ctx, case.unit))


def _listed(ctx: AppContext, session: Session, case_id: str, number: str, new: Protocol) -> CaseLine:
    try:
        return _line(number, _weigh(ctx, session, case_id, new))
    except (Sealed, Tampered):  # one case that can't be read keeps no other back
        return CaseLine(number, Outcome.stays, ("unread",))


def _line(number: str, found: Weighed, *, is_moved: bool = False) -> CaseLine:
    return CaseLine(number, found.outcome, _codes(found), is_moved)


def _codes(found: Weighed) -> tuple[str, ...]:
    """Why a case stays, or else what has to be decided about it, each once."""
    grounds = [ground for ground in found.grounds if ground.is_final or found.outcome is not Outcome.stays]
    return tuple(dict.fromkeys(ground.code for ground in grounds))


def _found(session: Session, number: str, key: str) -> str:
    """The id of a case of that protocol; raises Unseen."""
    case_id = cases_repository.find_by_number(session, case_numbers.check_number(number) or "")
    if (
        case_id is None
        or cases_repository.is_destroyed(session, case_id)
        or cases_repository.opened(session, case_id).protocol != key
    ):
        raise Unseen(number)
    return case_id


def _earlier(ctx: AppContext, key: str, new: int) -> list[int]:
    with ctx.directory.reading() as session:
        found = protocol_repository.definition_versions(session)
    return sorted(version for protocol, version, _digest in found if protocol == key and version < new)


# ---- moving ------------------------------------------------------------------------------------------------------


def move_case(
    ctx: AppContext,
    actor: Actor,
    key: str,
    new: int,
    number: str,
    *,
    reason: str,
    accepts: Collection[str],
    token: str,
    old: int | None = None,
) -> Moved:
    """Let one case follow `new` from now on, by an event; pressed twice, it says what the first press did.

    A case that needs a decision moves only where `accepts` holds every reason for it; one that must stay never does.
    Raises Unseen, BadInput without a reason, SentBefore.
    """
    _before, later = published_pair(ctx, actor, key, old or new, new)
    if problem := reason_problem(reason):
        raise BadInput({"reason": (problem,)})
    press = idempotency.press(ctx.vault, actor.id, token, key, old, new, number, sorted(accepts), reason)
    asked = MoveRequest(actor, later, " ".join(reason.split()), frozenset(accepts))
    try:
        return _move(ctx, asked, number, press)
    except Conflict:  # somebody wrote to the case meanwhile: it is looked at again as it is now
        return _move(ctx, asked, number, press)


def reason_problem(reason: str) -> str | None:
    """A code of what is wrong with a reason; None where nothing is."""
    said = " ".join(reason.split())
    return "required" if not said else f"too_long:{REASON_MOST}" if len(said) > REASON_MOST else None


def _move(ctx: AppContext, asked: MoveRequest, number: str, press: idempotency.Press) -> Moved:
    digits = case_numbers.check_number(number) or ""
    with ctx.realm.writing() as session:
        if idempotency.spent(session, press) is not None:
            return Moved(_line(digits, Weighed(), is_moved=True), repeated=True)
        found, is_moved = _follow(ctx, session, _found(session, number, asked.later.protocol), asked)
        if is_moved:
            idempotency.use(session, press, {}, at=ctx.now())
    return Moved(_line(digits, found, is_moved=is_moved))


def _follow(ctx: AppContext, session: Session, case_id: str, asked: MoveRequest) -> tuple[Weighed, bool]:
    """Let one case follow the later version by an event; what was found, and whether it follows now.

    It does not where it must stay, nor where a decision is needed and was not made. Raises Conflict.
    """
    actor, later = asked.actor, asked.later
    protocol, case = folded(ctx, session, case_id)
    if case.version == later.version:
        return Weighed(), True
    around = surroundings(ctx, case.unit)
    found = weighed(protocol, case, later, ctx.now(), around)
    if found.outcome is Outcome.stays or not {ground.code for ground in found.grounds} <= asked.accepts:
        return found, False
    role = permissions.posts_with(ctx, actor, Permission.publish)[0].role
    event = version_changed(case, protocol, later, actor.id, role, ctx.now(), asked.reason)
    keep_in(ctx, session, case_id, later, case, [event], around=around)
    return found, True


# ---- why a case simply follows, stays or asks for a decision, in the reader's language -----------------------------

_CODES: Mapping[str, str] = {
    "unread": N_("It could not be read."),
    "closed": N_("It is closed."),
    "not_newer": N_("It follows this version, or a later one."),
    "gone": N_("Something in it belongs to a part of the protocol that the new version has no more."),
    "other_kind": N_("Something was recorded in it that does something else in the new version."),
    "other_type": N_("Answers in it would be read as something else."),
    "answer_gone": N_(
        "Answers in it were given to a question, or chosen from a list, that the new version has no more."
    ),
    "signatures": N_("An entry waits for signatures, and the new version asks for another number of them."),
    "would_end": N_("The new version takes it for ended where it stands."),
    "held_no_more": N_("A condition that it meets now would be met no more."),
    "due_otherwise": N_("A deadline that runs in it would end otherwise."),
    "late_at_once": N_("A deadline would begin in it that is over already."),
    "follow_ups": N_("Follow-ups that are planned in it would fall on other days."),
    "level": N_("Its assessment would be read otherwise."),
}


def code_label(w: Wording, code: str) -> str:
    """One reason, as a sentence."""
    return w._(_CODES.get(code, code))


def outcome_label(w: Wording, line: CaseLine) -> str:
    """What becomes of a case, or became of it, in a few words."""
    if line.is_moved:
        return w._("Follows the new version")
    return {
        Outcome.moves: w._("Can follow"),
        Outcome.asks: w._("A decision is needed"),
        Outcome.stays: w._("Must stay"),
    }[line.outcome]
