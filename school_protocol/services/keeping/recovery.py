"""The recovery copy of the keys: made, tried out, put back; said loudly while none would help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from school_protocol.config import Settings
from school_protocol.domain.errors import Sealed
from school_protocol.services.house import House
from school_protocol.storage import keys, recovery
from school_protocol.storage.recovery import Copy, CopyUnusable
from school_protocol.storage.vault import Secrets, Vault

TRIED_OF_A_KIND = 200


class Lack(StrEnum):
    """What keeps a lost key from being put back."""

    none_made = "none_made"
    not_tested = "not_tested"
    outdated = "outdated"


SAID = {
    Lack.none_made: "no recovery copy of the keys was ever made: whoever loses them reads no case, ever again; "
    "run `school-protocol keys recovery create`",
    Lack.not_tested: "the recovery copy of the keys was never tried out: run `school-protocol keys recovery test`",
    Lack.outdated: "the recovery copy of the keys is older than the newest key: "
    "run `school-protocol keys recovery create` again",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """`opened` keys of the stores were opened by the copy; `shut` could not be."""

    copy: Copy
    opened: int
    shut: int

    @property
    def holds(self) -> bool:
        return self.shut == 0


def lack(house: House) -> Lack | None:
    """What is wrong with the recovery copy; None where one was made of these keys, and tried out."""
    known = recovery.state(house.vault.folder)
    if known is None:
        return Lack.none_made
    wanted = recovery.prints(house.vault.secrets())
    if any(known.prints.get(name) != found for name, found in wanted.items()):
        return Lack.outdated
    return None if known.tested_at is not None else Lack.not_tested


def create(house: House, path: Path) -> str:
    """Write the sealed copy of all keys to a new file; returns the code that opens it, which is kept nowhere.

    Raises CopyUnusable where it would lie with the data, or can't be written.
    """
    data = house.settings.data.resolve()
    if path.resolve().is_relative_to(data):
        raise CopyUnusable(
            f"not with the data: {path} lies in {data}; who copies or loses that folder copies or loses both. Name a "
            "place on another volume, a stick for example"
        )
    code = recovery.new_code()
    made = recovery.make(house.vault, path, code, house.now())
    recovery.note_state(house.vault.folder, recovery.State(made.made_at, None, made.prints))
    return code


def test(house: House, path: Path, code: str) -> Tested:
    """Open the copy and, by its keys alone, keys of both stores; nothing is installed.

    It is noted beside the keys if the copy is of the keys in use. Raises CodeMistyped, CopyUnusable.
    """
    copy = recovery.read(path)
    found = recovery.opened(copy, code)
    tried = list(_tried(house, found))
    tested = Tested(copy, tried.count(True), tried.count(False))
    if tested.holds and covers(copy, house.vault):
        recovery.note_state(house.vault.folder, recovery.State(copy.made_at, house.now(), copy.prints))
    return tested


def covers(copy: Copy, vault: Vault) -> bool:
    """Whether the copy holds every key that is in use here."""
    return all(copy.prints.get(name) == found for name, found in recovery.prints(vault.secrets()).items())


def _tried(house: House, found: Secrets) -> Iterator[bool]:
    """Whether each of some wrapped keys opens by the copy's ring, a ring of its own in memory."""
    yield found.journal == house.vault.secrets().journal
    yield found.marks == house.vault.secrets().marks
    if not found.masters:
        return
    alone = Vault(Path(), found.masters, found.journal, found.marks)
    for store in (house.realm, house.directory):
        for _kind, master, wrapped, label in keys.samples(store, TRIED_OF_A_KIND):
            try:
                yield len(alone.unwrap(master, wrapped, label)) > 0
            except Sealed:
                yield False


def restore(settings: Settings, path: Path, code: str, now: datetime) -> tuple[str, ...]:
    """Put the keys that were lost back into the key folder; returns their files. One that is there is never replaced.

    Nothing of the house is opened: it may not open at all without its keys.
    """
    copy = recovery.read(path)
    found = recovery.opened(copy, code)
    if not found.masters and not (settings.key_command or settings.master_key):
        raise CopyUnusable("this copy holds no master key: those were held by a command, which must be set again")
    wanted = found if not settings.master_key and not settings.key_command else replace(found, masters={})
    put = recovery.put_back(settings.keys, wanted)
    recovery.note_state(settings.keys, recovery.State(copy.made_at, now, copy.prints))
    return put
