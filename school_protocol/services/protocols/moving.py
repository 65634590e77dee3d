"""Open cases that follow another version from now on: looked at first, then moved one by one, each by an event.

Whoever publishes protocols may do it, and sees no case by it: numbers, and reasons that say nothing of what a case
holds. What the protocol would have to keep is said for many cases together. Moving can be interrupted and taken up
again: a case that has moved is not among those that are left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from school_protocol.definitions.difference import Change, difference
from school_protocol.domain.errors import BadInput, Conflict, Unseen
from school_protocol.domain.moving import Ground, Outcome, Weighed, version_changed, weighed
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.services.house import House
from school_protocol.services.loading import folded, keep, surroundings
from school_protocol.services.protocols.publishing import check_may, publishers
from school_protocol.storage import cases, directory, index, once
from school_protocol.storage.engines import Session

PAGE = 100
REASON_MOST = 500
FEWEST = 5
"""Of fewer cases than these is not said which parts of the protocol they use."""
OF_PEOPLE = frozenset({"dangers", "targets", "slots", "sides", "seats"})
"""Parts that say what a case is about, or who is in it: named for many cases only."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case as the administrator may know of it. `codes` say why it does not simply move, and name nothing in it."""

    number: str
    outcome: Outcome
    codes: tuple[str, ...] = ()
    is_moved: bool = False
    """It follows the new version now."""


@dataclass(frozen=True, slots=True)
class PartLine:
    """Something of the protocol that keeps cases back; `number` is None where they are too few to be counted."""

    ground: Ground
    number: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of open cases that follow `old`: those of one page, and how many there are in all."""

    old: Protocol
    new: Protocol
    total: int
    lines: tuple[CaseLine, ...]
    parts: tuple[PartLine, ...]
    after: str | None
    """Where the next page begins."""

    def of(self, outcome: str) -> tuple[CaseLine, ...]:
        return tuple(line for line in self.lines if line.outcome == outcome)


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """Two published versions and what changes; how many open cases follow the older one."""

    old: Protocol
    new: Protocol
    changes: tuple[Change, ...]
    open_cases: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What one press did."""

    moved: int
    left: int
    repeated: bool = False


# ---- seeing ------------------------------------------------------------------------------------------------------


def see_difference(house: House, actor: Actor, key: str, old: int, new: int) -> DifferenceView:
    """What changes between two published versions; raises Unseen."""
    before, after = published_pair(house, actor, key, old, new)
    with house.realm.reading() as session:
        found = index.count_open(session, key, old)
    return DifferenceView(before, after, difference(before, after), found)


def see_moving(house: House, actor: Actor, key: str, old: int, new: int, *, after: str = "") -> Preview:
    """What would become of the open cases of a version, a page of them at a time."""
    _before, later = published_pair(house, actor, key, old, new)
    return see_moving_to(house, actor, old, later, after=after)


def see_moving_to(house: House, actor: Actor, old: int, later: Protocol, *, after: str = "") -> Preview:
    """The same for a version that need not be published yet."""
    check_may(house, actor)
    key, before = later.protocol, house.library.protocol(later.protocol, old)
    with house.realm.reading() as session:
        total = index.count_open(session, key, old)
        found = index.open_on_version(session, key, old, limit=PAGE + 1, after=after)
        looked = [(number, weigh(house, session, case_id, later)) for case_id, number in found[:PAGE]]
    return Preview(
        old=before,
        new=later,
        total=total,
        lines=tuple(_line(number, one) for number, one in looked),
        parts=tuple(_parts([one for _number, one in looked])),
        after=found[PAGE - 1][0] if len(found) > PAGE else None,
    )


def published_pair(house: House, actor: Actor, key: str, old: int, new: int) -> tuple[Protocol, Protocol]:
    """Two published versions; raises Unseen where one is none, or this person publishes nothing."""
    check_may(house, actor)
    with house.directory.reading() as session:
        known = {(protocol, version) for protocol, version, _digest in directory.definition_versions(session)}
    if not {(key, old), (key, new)} <= known:
        raise Unseen(f"{key} {old} {new}")
    return house.library.protocol(key, old), house.library.protocol(key, new)


def weigh(house: House, session: Session, case_id: str, new: Protocol) -> Weighed:
    """What would become of one case."""
    protocol, case = folded(house, session, case_id)
    return weighed(protocol, case, new, house.now(), surroundings(house, case.unit))


def _line(number: str, found: Weighed, *, is_moved: bool = False) -> CaseLine:
    return CaseLine(number, found.outcome, codes_of(found), is_moved)


def codes_of(found: Weighed) -> tuple[str, ...]:
    """Why a case stays, or else what has to be decided about it, each once."""
    grounds = [ground for ground in found.grounds if ground.is_final or found.outcome is not Outcome.stays]
    return tuple(dict.fromkeys(ground.code for ground in grounds))


def _parts(found: Collection[Weighed]) -> Iterator[PartLine]:
    return part_lines(Counter(ground for one in found for ground in one.grounds if ground.key), len(found))


def part_lines(counted: Mapping[Ground, int], looked_at: int) -> Iterator[PartLine]:
    """What keeps cases back, most of them first; nothing where few cases were looked at."""
    if looked_at < FEWEST:
        return
    for ground, number in sorted(counted.items(), key=lambda item: (-item[1], item[0].part, item[0].key)):
        if ground.part not in OF_PEOPLE or number >= FEWEST:
            yield PartLine(ground, number if number >= FEWEST else None)


# ---- moving ------------------------------------------------------------------------------------------------------


def move_cases(
    house: House,
    actor: Actor,
    key: str,
    new: int,
    numbers: Collection[str] | None = None,
    *,
    reason: str,
    decided: Collection[str] = (),
    old: int | None = None,
) -> Iterator[CaseLine]:
    """Move cases to version `new`, each in a transaction of its own; yields each as it is done.

    `numbers` None: every open case of `old`, or of any earlier version. A case that needs a decision moves only where
    its number is among those `decided`; one that must stay never does. Raises Unseen, and BadInput without a reason.
    """
    versions = _earlier(house, actor, key, new) if old is None else [old]
    for version in versions:
        published_pair(house, actor, key, version, new)
    if problem := reason_problem(reason):
        raise BadInput({"reason": (problem,)})
    named = _of_versions(house, key, versions) if numbers is None else iter(numbers)
    settled = {cases.check_number(number) or number for number in decided}
    return (_move(house, actor, number, key, new, " ".join(reason.split()), settled) for number in named)


def _earlier(house: House, actor: Actor, key: str, new: int) -> list[int]:
    check_may(house, actor)
    with house.directory.reading() as session:
        found = directory.definition_versions(session)
    return [version for protocol, version, _digest in found if protocol == key and version < new]


def reason_problem(reason: str) -> str | None:
    """A code of what is wrong with a reason; None where nothing is."""
    said = " ".join(reason.split())
    return "required" if not said else f"too_long:{REASON_MOST}" if len(said) > REASON_MOST else None


def weigh_cases(
    house: House, actor: Actor, key: str, new: int, numbers: Collection[str] | None = None
) -> Iterator[CaseLine]:
    """What would become of these cases, or of every open one of an earlier version; none is moved."""
    versions = _earlier(house, actor, key, new)
    for version in versions or [new]:
        published_pair(house, actor, key, version, new)
    named = _of_versions(house, key, versions) if numbers is None else iter(numbers)
    return (_looked_at(house, number, key, new) for number in named)


def _looked_at(house: House, number: str, key: str, new: int) -> CaseLine:
    digits = cases.check_number(number) or ""
    with house.realm.reading() as session:
        return _line(digits, weigh(house, session, _found(session, number, key), house.library.protocol(key, new)))


def _found(session: Session, number: str, key: str) -> str:
    """The id of a case of that protocol; raises Unseen."""
    case_id = cases.find_by_number(session, cases.check_number(number) or "")
    if case_id is None or cases.is_destroyed(session, case_id) or cases.opened(session, case_id).protocol != key:
        raise Unseen(number)
    return case_id


def count_to_move(house: House, actor: Actor, key: str, new: int, old: int | None = None) -> int:
    """How many open cases follow `old`, or any earlier version."""
    versions = _earlier(house, actor, key, new) if old is None else [old]
    with house.realm.reading() as session:
        return sum(index.count_open(session, key, version) for version in versions)


def _of_versions(house: House, key: str, versions: Iterable[int]) -> Iterator[str]:
    """The numbers of open cases, read a page at a time: none stands open while they are moved."""
    for version in versions:
        after: str | None = ""
        while after is not None:
            with house.realm.reading() as session:
                found = index.open_on_version(session, key, version, limit=PAGE, after=after)
            yield from (number for _case_id, number in found)
            after = found[-1][0] if len(found) == PAGE else None


def _move(
    house: House, actor: Actor, number: str, key: str, new: int, reason: str, decided: Collection[str]
) -> CaseLine:
    try:
        return _move_once(house, actor, number, key, new, reason, decided)
    except Conflict:  # somebody wrote to the case meanwhile: it is looked at again as it is now
        return _move_once(house, actor, number, key, new, reason, decided)


def _move_once(
    house: House, actor: Actor, number: str, key: str, new: int, reason: str, decided: Collection[str]
) -> CaseLine:
    digits = cases.check_number(number) or ""
    later = house.library.protocol(key, new)
    with house.realm.writing() as session:
        case_id = _found(session, number, key)
        found, is_moved = follow(house, session, case_id, later, actor, reason, lambda _found: digits in decided)
    return _line(digits, found, is_moved=is_moved)


def follow(
    house: House,
    session: Session,
    case_id: str,
    later: Protocol,
    actor: Actor,
    reason: str,
    decided: Callable[[Weighed], bool],
) -> tuple[Weighed, bool]:
    """Let one case follow `later` by an event, in this transaction; what was found, and whether it follows now.

    It does not where it must stay, nor where a decision is needed and `decided` says no. Raises Conflict.
    """
    protocol, case = folded(house, session, case_id)
    if case.version == later.version:
        return Weighed(), True
    around = surroundings(house, case.unit)
    found = weighed(protocol, case, later, house.now(), around)
    if found.outcome is Outcome.stays or (found.outcome is Outcome.asks and not decided(found)):
        return found, False
    role = next(held.role for held in actor.appointments if held.role in publishers(house))
    event = version_changed(case, protocol, later, actor.id, role, house.now(), reason)
    keep(house, session, case_id, later, case.events, [event], around=around)
    return found, True


def press_move(
    house: House,
    actor: Actor,
    key: str,
    old: int,
    new: int,
    numbers: Collection[str],
    *,
    reason: str,
    decided: Collection[str],
    token: str,
) -> Moved:
    """Move the cases of one page that was looked at; pressed twice, it says what the first press did."""
    press = once.press(house.vault, actor.id, token, key, old, new, sorted(numbers), sorted(decided), reason)
    with house.realm.reading() as session:
        before = once.spent(session, press)
    if before is not None:
        return _repeated(before)
    lines = list(move_cases(house, actor, key, new, numbers, reason=reason, decided=decided, old=old))
    moved = sum(line.is_moved for line in lines)
    with house.realm.writing() as session:
        before = once.use(session, press, {"moved": moved, "left": len(lines) - moved}, at=house.now())
    return _repeated(before) if before is not None else Moved(moved, len(lines) - moved)


def _repeated(before: Mapping[str, object]) -> Moved:
    return Moved(int(str(before["moved"])), int(str(before["left"])), repeated=True)
