"""The academy's register: who was attested by the trainers that it appointed, until when, whose certificate ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import ScopeKind
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.staff.lists import written
from school_protocol.services.teams.team import declared
from school_protocol.services.visits.reach import rules_of
from school_protocol.storage import directory
from school_protocol.storage.workshops import attested
from school_protocol.storage.workshops.attested import Attestation

PAGE = 50
CHUNK = 200
DAYS = 90
"""A certificate that ends within so many days ends soon, where no definition in force says otherwise."""


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One attestation, with its trainer's name; `ends_soon`: within the days of the register, with no later one."""

    attestation: Attestation
    trainer: str
    ends_soon: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class RegisterView:
    """A page of the register; `after`: where the next one begins, empty where there is none."""

    academies: tuple[Unit, ...]
    lines: tuple[RegisterLine, ...]
    days: int
    ending: bool
    after: str


def may_see_certificates(house: House, actor: Actor) -> bool:
    """Whether the register is for this person: a role that sees a whole region."""
    return bool(_academies(house, actor))


def _academies(house: House, actor: Actor) -> tuple[str, ...]:
    known = declared(house)
    held = (one for one in actor.appointments if one.role in known)
    return tuple(dict.fromkeys(one.unit for one in held if known[one.role][1].sees is ScopeKind.region))


def see_register(house: House, actor: Actor, *, ending: bool = False, after: str = "") -> RegisterView:
    """The attestations of one's academies, the latest workshop first, all or those that end soon. Raises Unseen."""
    academies = _academies(house, actor)
    if not academies:
        raise Unseen("register")
    days, place = _days(house), _cursor(after)
    found = _page(house, actor, academies, ending, days, place, PAGE + 1)
    with house.directory.reading() as session:
        units = tuple(directory.units(session, academies).values())
    last = found[PAGE - 1].attestation if len(found) > PAGE else None
    further = f"{last.held_on.isoformat()}~{last.id}" if last else ""
    return RegisterView(units, tuple(found[:PAGE]), days, ending, further)


def _days(house: House) -> int:
    rules = rules_of(house)
    return rules.ending_days if rules is not None else DAYS


def _cursor(after: str) -> tuple[date, str] | None:
    if not after:
        return None
    day, _, attestation = after.partition("~")
    try:
        return date.fromisoformat(day), attestation
    except ValueError:
        raise Unseen(after) from None


def _page(
    house: House, actor: Actor, academies: Sequence[str], ending: bool, days: int, after: tuple[date, str] | None,
    limit: int,
) -> list[RegisterLine]:  # fmt: skip
    today = today_for(house)
    soon = (today, today + timedelta(days=days))
    with house.directory.reading() as session:
        found = attested.of_academies(
            session, house.vault, academies, ending=soon if ending else None, after=after, limit=limit
        )
        renewed = attested.renewed(session, [one.id for one in found])
        names = directory.accounts(session, {one.attested_by for one in found})
    return [
        RegisterLine(
            one,
            names[one.attested_by].name(actor.language) if one.attested_by in names else "—",
            _stands(one) and one.id not in renewed and soon[0] <= (one.valid_until or soon[0]) <= soon[1],
            _stands(one) and one.valid_until is not None and one.valid_until < today,
        )
        for one in found
    ]


def _stands(one: Attestation) -> bool:
    return one.passed and one.withdrawn is None


def register_list(
    house: House, actor: Actor, head: Iterable[str], say: Callable[[RegisterLine], Sequence[str]], *, ending: bool
) -> Iterator[bytes]:
    """The whole register as a list for a spreadsheet; `head` and `say` are the reader's words. Raises Unseen."""
    academies = _academies(house, actor)
    if not academies:
        raise Unseen("register")
    days = _days(house)

    def every() -> Iterator[Sequence[str]]:
        after: tuple[date, str] | None = None
        while True:
            found = _page(house, actor, academies, ending, days, after, CHUNK)
            yield from map(say, found)
            if len(found) < CHUNK:
                return
            after = (found[-1].attestation.held_on, found[-1].attestation.id)

    return written(head, every())
