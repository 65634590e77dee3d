"""The ring of master keys: where it is, what each key wraps, turned while the house is open, its old keys retired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from school_protocol.domain.errors import SchoolProtocolError, Sealed, Tampered, Unseen
from school_protocol.services.house import House
from school_protocol.services.loading import marks_of
from school_protocol.storage import identities, keys
from school_protocol.storage.errors import KeysUnusable

Progress = Callable[[int, int], None]

MARKED = 20
"""So many people are looked for by the marks key: one who is found is enough."""
SETTLED = timedelta(minutes=15)
"""No transaction that wrapped by the key before lasts as long: only then may that key go."""


class TooEarly(SchoolProtocolError):
    """Older master keys can't be destroyed yet."""


@dataclass(frozen=True, slots=True)
class Ring:
    """`wraps`: master key → kind of row → how many keys; `replaced`: those that open nothing of
    it; `lost`: master keys that rows name and nobody has."""

    kind: str
    current: int
    numbers: tuple[int, ...]
    replaced: tuple[int, ...]
    wraps: Mapping[int, Mapping[str, int]]
    lost: Mapping[int, int]

    @property
    def is_turned(self) -> bool:
        """Whether the current key wraps everything."""
        return all(number == self.current for number in self.wraps)

    @property
    def idle(self) -> tuple[int, ...]:
        """Older keys that wrap nothing any more."""
        return tuple(number for number in self.numbers if number != self.current and number not in self.wraps)


def status(house: House) -> Ring:
    """Where the ring is and what each of its keys wraps, in both stores."""
    found: dict[int, dict[str, int]] = {}
    for one in keys.held((house.realm, house.directory)):
        for master, count in one.by_master.items():
            found.setdefault(master, {})[one.table] = count
    numbers = house.vault.numbers
    lost = {number: sum(kinds.values()) for number, kinds in found.items() if number not in numbers}
    replaced = keys.replaced((house.realm, house.directory), house.vault)
    return Ring(house.vault.kind, numbers[0], numbers, replaced, found, lost)


def is_marked_here(house: House) -> bool | None:
    """Whether anybody of some is found by the marks key that is here; None where nobody is marked, or can be read."""
    tried = list[bool]()
    with house.realm.reading() as session:
        for case_id, slot_id, unit, marks in identities.marked(session, MARKED):
            with suppress(Sealed, Tampered, Unseen):
                every = identities.load(session, house.vault, case_id)
                values = next((one.values for one in every if one.slot_id == slot_id), None)
                tried.append(any(house.vault.mark(unit, text) in marks for text in marks_of(values or {})))
    return any(tried) if tried else None


def rotate(house: House, progress: Progress | None = None) -> int:
    """Bring every wrapped key of both stores under the newest master key; returns how many were re-wrapped.

    A new one is made first, unless a rotation before this was broken off: then that one is taken up.
    """
    done = keys.rotate((house.realm, house.directory), house.vault, progress)
    keys.note_turned(house.settings.data, house.vault.newest, house.now())
    return done


def retire(house: House) -> tuple[int, ...]:
    """Destroy the master keys that wrap nothing; raises TooEarly while somebody may still write by one of them."""
    since = keys.note_turned(house.settings.data, house.vault.newest, house.now())
    if house.now() - since < SETTLED:
        raise TooEarly(
            f"the newest master key is in use since less than {SETTLED.seconds // 60} minutes: try again then"
        )
    return keys.retire_masters((house.realm, house.directory), house.vault)


def give_up(house: House, number: int) -> int:
    """Open without a master key that is lost for good; returns how many keys it wrapped, which nothing opens again.

    Raises KeysUnusable where it isn't lost.
    """
    lost = keys.missing_masters((house.realm, house.directory), house.vault)
    if number not in lost:
        raise KeysUnusable(f"master key {number} is not lost: it is in the ring, or wraps nothing")
    keys.give_up(house.settings.data, house.vault.newest, house.now(), number)
    return lost[number]
