"""Passages: the worker goes through every open case of a version, to look what would become of each, or to move it.

What is to be done, and how far it is, lies in the database; a case moves in the transaction that counts it. So a
passage can be stopped, killed and taken up again anywhere, by any worker, and moves no case twice.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from school_protocol.definitions import read
from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import BadInput, Conflict, DefinitionError, Refused, SchoolProtocolError, Unseen
from school_protocol.domain.moving import Ground, Weighed
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.services.accounts import actor_of
from school_protocol.services.house import House
from school_protocol.services.protocols.moving import PartLine, follow, published_pair, reason_problem, weigh
from school_protocol.services.protocols.publishing import check_may, may_publish
from school_protocol.services.protocols.tallies import (
    MOVED,
    Counting,
    OutcomeLine,
    VersionLine,
    asked,
    gone_through,
    lines_of,
    often,
    parts_of,
    total_of,
)
from school_protocol.storage import definition_drafts, directory, index, once, passages
from school_protocol.storage.definition_drafts import DefinitionDraft, DraftState
from school_protocol.storage.engines import Session
from school_protocol.storage.errors import KeysUnusable, StorageBusy, StorageFull
from school_protocol.storage.passages import Kind, Passage, State, Tally

SLICE = 200
"""Cases of one passage before others, and whoever asks the worker to stop, have their turn."""
STEP = 25
"""Cases that are looked at before it is written down how far it is."""
LEASE = timedelta(minutes=1)
"""After so long without a case, whoever was at it is gone."""
RECENT = 5
TRIES = 3
"""How often a case is begun anew when somebody writes to it meanwhile."""

_PASSING = (StorageBusy, StorageFull, KeysUnusable)
"""Troubles of the store, not of a case: the next worker tries again."""
_log = logging.getLogger(__name__)


class PassageRefused(Refused):
    """A passage that can't begin now, by a code; `other` is the one that runs already."""

    def __init__(self, code: str, other: str = "") -> None:
        self.code = code
        self.other = other
        super().__init__((Reason(code),))


# ---- asking for one ------------------------------------------------------------------------------------------------


def begin_look(house: House, actor: Actor, key: str, old: int, new: int) -> str:
    """Ask what would become of every open case of `old`; returns the passage, the one that runs if there is one."""
    before, after = published_pair(house, actor, key, old, new)
    if after.version <= before.version:
        raise Unseen(f"{key} {old} {new}")
    subject, found = f"{key}/{old}/{new}", None
    while found is None:  # one that is in the way may come to its end just then
        with house.realm.writing() as session:
            found = passages.add(
                session, kind=Kind.look, subject=subject, protocol=key, from_version=old, to_version=new,
                account=actor.id, at=house.now(), tally=_totals(session, key, [old]),
            )  # fmt: skip
            running = None if found else passages.running(session, Kind.look, subject)
            found = running.id if running else found
    return found


def begin_look_of_draft(house: House, actor: Actor, draft_id: str) -> None:
    """Count anew what would become of the open cases; raises PassageRefused where it is being counted, or settled."""
    check_may(house, actor)
    with house.directory.reading() as session:
        draft = definition_drafts.draft(session, draft_id)
    if not draft.is_open or not draft.protocol:
        raise PassageRefused("settled")
    if not _ask(house, draft.id, draft.protocol, draft.version, draft.base, actor.id):
        raise PassageRefused("counting")


@dataclass(frozen=True, slots=True)
class Begun:
    passage: str
    repeated: bool = False


def begin_move(house: House, actor: Actor, look: str, *, reason: str, accepts: Collection[str], token: str) -> Begun:
    """Move every case that can follow, and those for whose reasons somebody has decided, after a look at all of them.

    Pressed twice, it is one passage. Raises PassageRefused where another one runs, BadInput without a reason, Unseen.
    """
    check_may(house, actor)
    press = once.press(house.vault, actor.id, token, look, sorted(accepts), reason)
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return Begun(before["passage"], repeated=True)
        seen = passages.passage(session, look)
        if seen.kind is not Kind.look or seen.draft is not None:
            raise Unseen(look)
        if seen.state is not State.done:
            raise PassageRefused("not_looked")
        if problem := reason_problem(reason):
            raise BadInput({"reason": (problem,)})
        made = _add_move(house, session, actor, seen, set(accepts) & set(asked(seen.tally)))
        passages.keep_reason(session, house.vault, made, " ".join(reason.split()), at=house.now())
        once.use(session, press, {"passage": made}, at=house.now())
    return Begun(made)


def _add_move(house: House, session: Session, actor: Actor, seen: Passage, accepts: Collection[str]) -> str:
    versions = [seen.from_version] if seen.from_version is not None else []
    made = passages.add(
        session, kind=Kind.move, subject=seen.protocol, protocol=seen.protocol, from_version=seen.from_version,
        to_version=seen.to_version, accepts=accepts, account=actor.id, at=house.now(),
        tally=_totals(session, seen.protocol, versions),
    )  # fmt: skip
    if made is None:
        other = passages.running(session, Kind.move, seen.protocol)
        raise PassageRefused("under_way", other.id if other else "")
    return made


def stop(house: House, actor: Actor, passage_id: str) -> bool:
    """No further case moves; False where it had come to its end before. What has moved stays moved."""
    check_may(house, actor)
    with house.realm.writing() as session:
        if passages.for_change(session, passage_id).draft is not None:
            raise Unseen(passage_id)
        return passages.settle(session, passage_id, at=house.now(), why="asked", by=actor.id)


def _totals(session: Session, key: str, versions: Sequence[int]) -> Tally:
    """How many open cases follow each version, of those that any follows."""
    counted = ((version, index.count_open(session, key, version)) for version in versions)
    return {str(version): {"total": number} for version, number in counted if number}


def _ask(house: House, draft: str, key: str, version: int, base: str, account: str) -> bool:
    with house.directory.reading() as session:
        earlier = _earlier(session, key, version)
    with house.realm.writing() as session:
        made = passages.add(
            session, kind=Kind.look, subject=draft, protocol=key, to_version=version, draft=draft, base=base,
            account=account, at=house.now(), tally=_totals(session, key, earlier),
        )  # fmt: skip
    return made is not None


def _earlier(session: Session, key: str, version: int) -> list[int]:
    known = directory.definition_versions(session)
    return [number for protocol, number, _digest in known if protocol == key and number < version]


# ---- going through -------------------------------------------------------------------------------------------------


def go_through(house: House) -> bool:
    """Go on with every passage that nobody is at, a slice of each; returns whether something is left to do.

    A draft that can be read is looked from without being asked for, once for each version that it is compared with.
    """
    _look_from_drafts(house)
    with house.realm.reading() as session:
        waiting = passages.waiting(session, left_since=house.now() - LEASE)
    left = [_gone_on(house, passage_id) for passage_id in waiting]
    return any(left)


def _gone_on(house: House, passage_id: str) -> bool:
    try:
        return _slice(house, passage_id)
    except _PASSING:
        raise
    except Exception as error:  # one passage that can't go on keeps no other back
        _log.warning("passage %s could not go on (%s)", passage_id, type(error).__name__)
        return False


def _look_from_drafts(house: House) -> None:
    with house.directory.reading() as session:
        found = passages.open_drafts(session)
    with house.realm.reading() as session:
        known = passages.looked_from(session, [draft.id for draft in found])
    for draft in found:
        if (draft.id, draft.base) not in known:
            _ask(house, draft.id, draft.protocol, draft.version, draft.base, draft.account)


def _slice(house: House, passage_id: str) -> bool:
    now = house.now()
    with house.realm.writing() as session:
        if not passages.take(session, passage_id, now=now, left_since=now - LEASE):
            return False
        passage = passages.passage(session, passage_id)
        reason = passages.reason(session, house.vault, passage_id)
    step = _look if passage.kind is Kind.look else _move
    try:
        task = _task(house, passage, reason)
    except Impossible as why:
        with house.realm.writing() as session:
            passages.settle(session, passage_id, at=house.now(), why=str(why))
        return False
    gone = 0
    while gone < SLICE and (done := step(house, passage_id, task)):
        gone += done
    with house.realm.writing() as session:
        passages.leave(session, passage_id)
    return gone >= SLICE


class Impossible(SchoolProtocolError):
    """A passage that can't go on, ever; says a code."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a passage does to each case: follow `later`, in whose name, and why."""

    later: Protocol
    actor: Actor | None
    reason: str


def _task(house: House, passage: Passage, reason: str) -> Task:
    with house.directory.reading() as session:
        actor = actor_of(house, passage.account, session)
        draft = definition_drafts.draft(session, passage.draft) if passage.draft else None
    if draft is not None:
        if not draft.is_open or draft.base != passage.base:
            raise Impossible("gone")
        try:
            return Task(_drafted(draft.content), actor, "")
        except DefinitionError:  # it could be read when it was brought
            raise Impossible("gone") from None
    if passage.kind is Kind.move and (actor is None or not may_publish(house, actor)):
        raise Impossible("not_allowed")
    if passage.kind is Kind.move and not reason:
        raise Impossible("no_reason")
    return Task(house.library.protocol(passage.protocol, passage.to_version), actor, reason)


@lru_cache(maxsize=2)
def _drafted(content: bytes) -> Protocol:
    """A draft, read once for all its slices."""
    return read(content, "draft")


def _next(session: Session, passage: Passage, limit: int) -> tuple[int, list[str]]:
    """The version that it is at, and the ids of the next open cases of it; none where it has come to its end."""
    version, after = passage.place
    for number in sorted(map(int, passage.tally)):
        if number < version:
            continue
        found = index.open_on_version(
            session, passage.protocol, number, limit=limit, after=after if number == version else ""
        )
        if found:
            return number, [case_id for case_id, _number in found]
    return version, []


def _look(house: House, passage_id: str, task: Task) -> int:
    """Look at the next cases; how many there were."""
    with house.realm.reading() as session:
        passage = passages.passage(session, passage_id)
        version, ids = _next(session, passage, STEP)
        counting = Counting(passage.tally)
        for case_id in ids:
            counting.add(version, _weighed(house, session, case_id, task.later, passage_id))
    with house.realm.writing() as session:
        now = passages.for_change(session, passage_id)
        if now.state is not State.running or now.place != passage.place:
            return 0
        if not ids:
            passages.settle(session, passage_id, at=house.now())
            return 0
        passages.go_on(session, passage_id, place=(version, ids[-1]), tally=counting.tally, now=house.now())
    return len(ids)


def _weighed(house: House, session: Session, case_id: str, later: Protocol, passage_id: str) -> Weighed | None:
    try:
        return weigh(house, session, case_id, later)
    except _PASSING:
        raise
    except Exception as error:  # one case that can't be read keeps no other back
        _unreadable(passage_id, error)
        return None


def _unreadable(passage_id: str, error: Exception) -> None:
    _log.warning("passage %s: a case could not be read (%s)", passage_id, type(error).__name__)


def _move(house: House, passage_id: str, task: Task) -> int:
    """Move the next case, or leave it where it is; 1, or 0 at the end."""
    for _try in range(TRIES):
        try:
            return _move_next(house, passage_id, task)
        except Conflict:
            continue
        except _PASSING:
            raise
        except Exception as error:
            _unreadable(passage_id, error)
            break
    return _leave_next(house, passage_id)


def _move_next(house: House, passage_id: str, task: Task) -> int:
    with house.realm.writing() as session:
        passage, version, case_id = _at(house, session, passage_id)
        if not case_id:
            return 0
        assert task.actor is not None

        def decided(found: Weighed) -> bool:
            return {ground.code for ground in found.grounds} <= passage.accepts

        found, is_moved = follow(house, session, case_id, task.later, task.actor, task.reason, decided)
        counting = Counting(passage.tally)
        counting.add(version, found, is_moved=is_moved)
        passages.go_on(session, passage_id, place=(version, case_id), tally=counting.tally, now=house.now())
    return 1


def _leave_next(house: House, passage_id: str) -> int:
    """Go past a case that can't be read."""
    with house.realm.writing() as session:
        passage, version, case_id = _at(house, session, passage_id)
        if not case_id:
            return 0
        counting = Counting(passage.tally)
        counting.add(version, None)
        passages.go_on(session, passage_id, place=(version, case_id), tally=counting.tally, now=house.now())
    return 1


def _at(house: House, session: Session, passage_id: str) -> tuple[Passage, int, str]:
    """The passage, held, and its next case; an empty id where it was stopped, or is at its end, which is then kept."""
    passage = passages.for_change(session, passage_id)
    if passage.state is not State.running:
        return passage, 0, ""
    version, ids = _next(session, passage, 1)
    if not ids:
        passages.settle(session, passage_id, at=house.now())
        return passage, version, ""
    return passage, version, ids[0]


# ---- seeing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage between two published versions, as far as it is."""

    passage: Passage
    old: Protocol
    new: Protocol
    by: str
    is_own: bool
    stopped_by: str
    gone: int
    total: int
    lines: tuple[OutcomeLine, ...]
    parts: tuple[PartLine, ...]
    asked: tuple[str, ...]
    """Reasons about which somebody can decide, for all cases that have no other."""
    running: str
    """The id of the passage that moves cases of this protocol now; empty where there is none."""

    @property
    def is_look(self) -> bool:
        return self.passage.kind is Kind.look

    @property
    def is_running(self) -> bool:
        return self.passage.state is State.running

    def number(self, *outcomes: str) -> int:
        return sum(line.count.number or 0 for line in self.lines if line.outcome in outcomes)


def see_passage(house: House, actor: Actor, passage_id: str) -> PassageView:
    """How far a passage is, and what came of it; raises Unseen, also for those of drafts."""
    check_may(house, actor)
    with house.realm.reading() as session:
        passage = passages.passage(session, passage_id)
        moving = passages.running(session, Kind.move, passage.protocol)
    if passage.draft is not None or passage.from_version is None:
        raise Unseen(passage_id)
    names = _names(house, actor, [passage])
    return PassageView(
        passage=passage,
        old=house.library.protocol(passage.protocol, passage.from_version),
        new=house.library.protocol(passage.protocol, passage.to_version),
        by=names.get(passage.account, "—"),
        is_own=passage.account == actor.id,
        stopped_by=names.get(passage.stopped_by or "", ""),
        gone=gone_through(passage.tally),
        total=total_of(passage.tally),
        lines=tuple(line for version in lines_of(passage.tally, blurs=False) for line in version.lines),
        parts=tuple(parts_of(passage.tally)),
        asked=tuple(asked(passage.tally)),
        running=moving.id if moving else "",
    )


@dataclass(frozen=True, slots=True)
class RecentLine:
    """A passage in a list."""

    id: str
    is_look: bool
    state: str
    by: str
    begun_at: datetime
    gone: int
    total: int
    moved: int


def see_recent(house: House, actor: Actor, key: str, old: int, new: int) -> tuple[RecentLine, ...]:
    """The latest passages between two published versions, newest first."""
    check_may(house, actor)
    with house.realm.reading() as session:
        found = passages.recent(session, key, old, new, limit=RECENT)
    names = _names(house, actor, found)
    return tuple(
        RecentLine(
            one.id, one.kind is Kind.look, one.state.value, names.get(one.account, "—"), one.begun_at,
            gone_through(one.tally), total_of(one.tally), sum(counted.get(MOVED, 0) for counted in one.tally.values()),
        )
        for one in found
    )  # fmt: skip


def _names(house: House, actor: Actor, found: Sequence[Passage]) -> dict[str, str]:
    wanted = {one.account for one in found} | {one.stopped_by for one in found if one.stopped_by}
    with house.directory.reading() as session:
        return {key: one.name(actor.language) for key, one in directory.accounts(session, wanted).items()}


@dataclass(frozen=True, slots=True)
class DraftPreview:
    """What would become of the open cases if a draft were published: of each version, in numbers that aren't small."""

    gone: int
    total: int
    counted_at: datetime | None
    """None: it is being counted."""
    versions: tuple[VersionLine, ...] = ()
    parts: tuple[Ground, ...] = ()


def see_preview(house: House, actor: Actor, draft: DefinitionDraft) -> DraftPreview | None:
    """The preview of an open draft that can be read, else None; of an empty one nothing is counted yet."""
    check_may(house, actor)
    if not draft.is_open or not draft.protocol:
        return None
    with house.realm.reading() as session:
        passage = passages.latest_of_draft(session, draft.id, draft.base)
    if passage is None or passage.state is State.stopped:
        return DraftPreview(0, 0, None)
    if passage.state is State.running:
        return DraftPreview(gone_through(passage.tally), total_of(passage.tally), None)
    return DraftPreview(
        gone=gone_through(passage.tally),
        total=total_of(passage.tally),
        counted_at=passage.settled_at,
        versions=tuple(lines_of(passage.tally, blurs=True)),
        parts=tuple(often(passage.tally)),
    )


def see_left(house: House, actor: Actor, draft: DefinitionDraft) -> tuple[tuple[int, int], ...]:
    """Of a draft that was published: the earlier versions that open cases follow still, and how many."""
    check_may(house, actor)
    if draft.state is not DraftState.published:
        return ()
    with house.directory.reading() as session:
        earlier = _earlier(session, draft.protocol, draft.version)
    with house.realm.reading() as session:
        found = _totals(session, draft.protocol, earlier)
    return tuple((int(version), counted["total"]) for version, counted in found.items())
