"""Service of master keys: the ring turned while the site is open, old keys retired, the recovery copy of all."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import marks_of
from school_protocol.config import Settings
from school_protocol.context import AppContext
from school_protocol.engine.errors import SchoolProtocolError, Sealed, Tampered, Unseen
from school_protocol.storage import case_keys, master_keys
from school_protocol.storage.case_numbers import check_digit
from school_protocol.storage.durable_files import locked, put_file, sync
from school_protocol.storage.master_keys import KEY_BYTES, open_bytes, seal_bytes
from school_protocol.storage.store_errors import KeysUnusable
from school_protocol.storage.vault import Secrets, Vault, canonical

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


def status(ctx: AppContext) -> Ring:
    """Where the ring is and what each of its keys wraps, in both stores."""
    found: dict[int, dict[str, int]] = {}
    for one in case_keys.held((ctx.realm, ctx.directory)):
        for master, count in one.by_master.items():
            found.setdefault(master, {})[one.table] = count
    numbers = ctx.vault.numbers
    lost = {number: sum(kinds.values()) for number, kinds in found.items() if number not in numbers}
    replaced = case_keys.replaced((ctx.realm, ctx.directory), ctx.vault)
    return Ring(ctx.vault.kind, numbers[0], numbers, replaced, found, lost)


def is_marked_here(ctx: AppContext) -> bool | None:
    """Whether anybody of some is found by the marks key that is here; None where nobody is marked, or can be read."""
    tried = list[bool]()
    with ctx.realm.reading() as session:
        for case_id, slot_id, unit, marks in cases_repository.marked(session, MARKED):
            with suppress(Sealed, Tampered, Unseen):
                every = cases_repository.load_identities(session, ctx.vault, case_id)
                values = next((one.values for one in every if one.slot_id == slot_id), None)
                tried.append(any(ctx.vault.mark(unit, text) in marks for text in marks_of(values or {})))
    return any(tried) if tried else None


def rotate(ctx: AppContext, progress: Progress | None = None) -> int:
    """Bring every wrapped key of both stores under the newest master key; returns how many were re-wrapped.

    A new one is made first, unless a rotation before this was broken off: then that one is taken up.
    """
    done = case_keys.rotate((ctx.realm, ctx.directory), ctx.vault, progress)
    case_keys.note_turned(ctx.settings.data, ctx.vault.newest, ctx.now())
    return done


def retire(ctx: AppContext) -> tuple[int, ...]:
    """Destroy the master keys that wrap nothing; raises TooEarly while somebody may still write by one of them."""
    since = case_keys.note_turned(ctx.settings.data, ctx.vault.newest, ctx.now())
    if ctx.now() - since < SETTLED:
        raise TooEarly(
            f"the newest master key is in use since less than {SETTLED.seconds // 60} minutes: try again then"
        )
    return case_keys.retire_masters((ctx.realm, ctx.directory), ctx.vault)


def give_up(ctx: AppContext, number: int) -> int:
    """Open without a master key that is lost for good; returns how many keys it wrapped, which nothing opens again.

    Raises KeysUnusable where it isn't lost.
    """
    lost = case_keys.missing_masters((ctx.realm, ctx.directory), ctx.vault)
    if number not in lost:
        raise KeysUnusable(f"master key {number} is not lost: it is in the ring, or wraps nothing")
    case_keys.give_up(ctx.settings.data, ctx.vault.newest, ctx.now(), number)
    return lost[number]


# ---- the recovery copy, sealed under a code of 256 random bits that is kept apart from it --------------------------
# File and code together give every key; each of them alone gives nothing.

FORMAT = "school-protocol-recovery-1"
STATE = "recovery.json"
GROUPS, GROUP_DIGITS, GROUPS_A_LINE = 13, 6, 5
"""Thirteen groups of six digits, each with a check digit behind it: 78 digits hold 256 bits."""
_LONGEST_TYPED = 1000
_HEAD = ("format", "made_at", "masters", "prints")


class CodeMistyped(SchoolProtocolError):
    """A recovery code with wrong digits; says in which group."""


class CopyUnusable(SchoolProtocolError):
    """A recovery copy that can't be opened, or holds other keys than are asked for."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What a recovery file says of itself: when it was made, of which keys (name → print), and the sealed keys."""

    made_at: datetime
    masters: tuple[int, ...]
    prints: Mapping[str, str]
    sealed: bytes


@dataclass(frozen=True, slots=True)
class State:
    """What the key folder knows of its latest recovery copy."""

    made_at: datetime
    tested_at: datetime | None
    prints: Mapping[str, str]


# ---- the code ------------------------------------------------------------------------------------------------------


def new_code() -> str:
    """A code as it is printed: thirteen groups of seven digits, in lines."""
    drawn = str(int.from_bytes(secrets.token_bytes(KEY_BYTES))).zfill(GROUPS * GROUP_DIGITS)
    groups = [drawn[start : start + GROUP_DIGITS] for start in range(0, len(drawn), GROUP_DIGITS)]
    checked = [group + _check(place, group) for place, group in enumerate(groups)]
    lines = (checked[start : start + GROUPS_A_LINE] for start in range(0, GROUPS, GROUPS_A_LINE))
    return "\n".join("  ".join(line) for line in lines)


def code_bytes(text: str) -> bytes:
    """What a typed code says, in any script of digits; raises CodeMistyped with the number of the wrong group."""
    digits = "".join(
        str(unicodedata.decimal(one)) for one in text[:_LONGEST_TYPED] if unicodedata.decimal(one, None) is not None
    )
    size = GROUP_DIGITS + 1
    if len(digits) != GROUPS * size:
        raise CodeMistyped(f"a recovery code has {GROUPS * size} digits, these are {len(digits)}")
    groups = [digits[start : start + size] for start in range(0, len(digits), size)]
    for place, group in enumerate(groups):
        if group[-1] != _check(place, group[:-1]):
            raise CodeMistyped(f"group {place + 1} ({group}) is mistyped")
    number = int("".join(group[:-1] for group in groups))
    if number >= 1 << (8 * KEY_BYTES):
        raise CodeMistyped("no recovery code begins like this")
    return number.to_bytes(KEY_BYTES)


def _check(place: int, group: str) -> str:
    """The place counts too, so that two groups that changed places are found."""
    return check_digit(f"{place:02d}{group}")


# ---- the copy ------------------------------------------------------------------------------------------------------


def make_recovery_sheet(vault: Vault, path: Path, code: str, at: datetime) -> Copy:
    """Write the keys of `vault`, sealed under `code`, into a new file of their owner's; raises CopyUnusable."""
    kept = vault.secrets()
    head = {
        "format": FORMAT,
        "made_at": at.isoformat(),
        "masters": sorted(kept.masters, reverse=True),
        "prints": prints(kept),
    }
    body = {
        "journal": _text(kept.journal),
        "marks": _text(kept.marks),
        "masters": {str(n): _text(k) for n, k in kept.masters.items()},
    }
    sealed = seal_bytes(_key(code_bytes(code)), _label(head), canonical(body))
    _write_new(path, json.dumps({**head, "sealed": _text(sealed)}, indent=2).encode() + b"\n")
    return read_recovery_sheet(path)


def read_recovery_sheet(path: Path) -> Copy:
    """What a recovery file says of itself, unproven until it is opened; raises CopyUnusable."""
    try:
        told = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            raise CopyUnusable(f"{path} is no recovery copy that this program knows")
        return Copy(
            datetime.fromisoformat(told["made_at"]),
            tuple(int(one) for one in told["masters"]),
            {str(name): str(value) for name, value in told["prints"].items()},
            base64.b64decode(told["sealed"], validate=True),
        )
    except OSError as error:
        raise CopyUnusable(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CopyUnusable(f"{path} is no recovery copy, or a damaged one") from error


def opened(copy: Copy, code: str) -> Secrets:
    """The keys of a copy; raises CodeMistyped, or CopyUnusable where code and file don't belong together."""
    head = {
        "format": FORMAT,
        "made_at": copy.made_at.isoformat(),
        "masters": list(copy.masters),
        "prints": dict(copy.prints),
    }
    try:
        body = json.loads(open_bytes(_key(code_bytes(code)), _label(head), copy.sealed))
    except Sealed as error:
        raise CopyUnusable(
            "this code does not open this file: it is another copy's, or the file was changed"
        ) from error
    masters = {int(number): _bytes(key) for number, key in body["masters"].items()}
    found = Secrets(masters, _bytes(body["journal"]), _bytes(body["marks"]))
    if prints(found) != dict(copy.prints):
        raise CopyUnusable("the keys inside are not those that the file names")
    return found


def put_back(folder: Path, found: Secrets) -> tuple[str, ...]:
    """Write the keys that the folder has lost; returns their files' names.

    One that is there must be the same: raises CopyUnusable where it is another, and writes nothing.
    """
    master_keys.make_key_file(folder)
    wanted = {master_keys.JOURNAL: found.journal, master_keys.MARKS: found.marks}
    wanted |= {master_keys.master_name(number): key for number, key in found.masters.items()}
    with locked(folder / master_keys.LOCK):
        there = {name for name in wanted if (folder / name).exists()}
        for name in there:
            if not hmac.compare_digest(master_keys.read_key_file(folder / name), wanted[name]):
                raise CopyUnusable(
                    f"{folder / name} is another key than the copy's: move it away if it is the wrong one"
                )
        missing = sorted(set(wanted) - there)
        for name in missing:
            master_keys.write_key_file(folder / name, wanted[name])
    return tuple(missing)


# ---- what the key folder knows of it --------------------------------------------------------------------------------


def recovery_state(folder: Path) -> State | None:
    """When the latest copy was made and tested; None if there is none, or nothing readable says so."""
    try:
        told = json.loads((folder / STATE).read_bytes())
        tested = datetime.fromisoformat(told["tested_at"]) if told["tested_at"] else None
        return State(datetime.fromisoformat(told["made_at"]), tested, dict(told["prints"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note_state(folder: Path, now: State) -> None:
    """Write down what is known of the latest copy."""
    told = {
        "made_at": now.made_at.isoformat(),
        "tested_at": now.tested_at.isoformat() if now.tested_at else None,
        "prints": dict(now.prints),
    }
    try:
        put_file(folder / STATE, json.dumps(told).encode())
    except OSError as error:
        raise CopyUnusable(f"{folder / STATE} can't be written: {error.strerror}") from error


def prints(kept: Secrets) -> dict[str, str]:
    """Of each key what recognises it and says nothing of it."""
    named = {"journal": kept.journal, "marks": kept.marks}
    named |= {f"master-{number}": key for number, key in kept.masters.items()}
    return {name: hmac.digest(key, b"fingerprint-v1", hashlib.sha256).hex()[:32] for name, key in named.items()}


def _key(code: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"recovery-v1").derive(code)


def _label(head: Mapping[str, Any]) -> str:
    return canonical({name: head[name] for name in _HEAD}).decode()


def _write_new(path: Path, data: bytes) -> None:
    """A file in a folder that is there: where none is, a stick may not be mounted, and this disk is not meant."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CopyUnusable(f"{path} exists already: nothing is written over") from error
    except FileNotFoundError as error:
        raise CopyUnusable(f"{path.parent} is not there: see that its volume is mounted; no folder is made") from error
    except OSError as error:
        raise CopyUnusable(f"{path} can't be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        sync(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CopyUnusable(f"{path} can't be written: {error.strerror}") from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


# ---- the recovery copy made, tried out, put back -------------------------------------------------------------------
# Said loudly while none would help.

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


def lack(ctx: AppContext) -> Lack | None:
    """What is wrong with the recovery copy; None where one was made of these keys, and tried out."""
    known = recovery_state(ctx.vault.folder)
    if known is None:
        return Lack.none_made
    wanted = prints(ctx.vault.secrets())
    if any(known.prints.get(name) != found for name, found in wanted.items()):
        return Lack.outdated
    return None if known.tested_at is not None else Lack.not_tested


def create(ctx: AppContext, path: Path) -> str:
    """Write the sealed copy of all keys to a new file; returns the code that opens it, which is kept nowhere.

    Raises CopyUnusable where it would lie with the data, or can't be written.
    """
    data = ctx.settings.data.resolve()
    if path.resolve().is_relative_to(data):
        raise CopyUnusable(
            f"not with the data: {path} lies in {data}; who copies or loses that folder copies or loses both. Name a "
            "place on another volume, a stick for example"
        )
    code = new_code()
    made = make_recovery_sheet(ctx.vault, path, code, ctx.now())
    note_state(ctx.vault.folder, State(made.made_at, None, made.prints))
    return code


def test(ctx: AppContext, path: Path, code: str) -> Tested:
    """Open the copy and, by its keys alone, keys of both stores; nothing is installed.

    It is noted beside the keys if the copy is of the keys in use. Raises CodeMistyped, CopyUnusable.
    """
    copy = read_recovery_sheet(path)
    found = opened(copy, code)
    tried = list(_tried(ctx, found))
    tested = Tested(copy, tried.count(True), tried.count(False))
    if tested.holds and covers(copy, ctx.vault):
        note_state(ctx.vault.folder, State(copy.made_at, ctx.now(), copy.prints))
    return tested


def covers(copy: Copy, vault: Vault) -> bool:
    """Whether the copy holds every key that is in use here."""
    return all(copy.prints.get(name) == found for name, found in prints(vault.secrets()).items())


def _tried(ctx: AppContext, found: Secrets) -> Iterator[bool]:
    """Whether each of some wrapped keys opens by the copy's ring, a ring of its own in memory."""
    yield found.journal == ctx.vault.secrets().journal
    yield found.marks == ctx.vault.secrets().marks
    if not found.masters:
        return
    alone = Vault(Path(), found.masters, found.journal, found.marks)
    for store in (ctx.realm, ctx.directory):
        for _kind, master, wrapped, label in case_keys.samples(store, TRIED_OF_A_KIND):
            try:
                yield len(alone.unwrap(master, wrapped, label)) > 0
            except Sealed:
                yield False


def restore(settings: Settings, path: Path, code: str, now: datetime) -> tuple[str, ...]:
    """Put the keys that were lost back into the key folder; returns their files. One that is there is never replaced.

    Nothing of the installation is opened: it may not open at all without its keys.
    """
    copy = read_recovery_sheet(path)
    found = opened(copy, code)
    if not found.masters and not (settings.key_command or settings.master_key):
        raise CopyUnusable("this copy holds no master key: those were held by a command, which must be set again")
    wanted = found if not settings.master_key and not settings.key_command else replace(found, masters={})
    put = put_back(settings.keys, wanted)
    note_state(settings.keys, State(copy.made_at, now, copy.prints))
    return put
