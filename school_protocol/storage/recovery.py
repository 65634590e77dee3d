"""The recovery copy of all keys: sealed under a code of 256 random bits that is kept apart from it.

File and code together give every key; each of them alone gives nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from school_protocol.domain.errors import SchoolProtocolError, Sealed
from school_protocol.storage import key_files
from school_protocol.storage.numbers import check_digit
from school_protocol.storage.sealed_bytes import open_bytes, seal_bytes
from school_protocol.storage.vault import KEY_BYTES, Secrets, Vault, canonical

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


def make(vault: Vault, path: Path, code: str, at: datetime) -> Copy:
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
    return read(path)


def read(path: Path) -> Copy:
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
    key_files.make(folder)
    wanted = {key_files.JOURNAL: found.journal, key_files.MARKS: found.marks}
    wanted |= {key_files.master_name(number): key for number, key in found.masters.items()}
    with key_files.locked(folder):
        there = {name for name in wanted if (folder / name).exists()}
        for name in there:
            if not hmac.compare_digest(key_files.read(folder / name), wanted[name]):
                raise CopyUnusable(
                    f"{folder / name} is another key than the copy's: move it away if it is the wrong one"
                )
        missing = sorted(set(wanted) - there)
        for name in missing:
            key_files.write(folder / name, wanted[name])
    return tuple(missing)


# ---- what the key folder knows of it --------------------------------------------------------------------------------


def state(folder: Path) -> State | None:
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
    beside = folder / (STATE + ".new")
    beside.unlink(missing_ok=True)
    _write_new(beside, json.dumps(told).encode())
    beside.rename(folder / STATE)
    key_files.sync(folder)


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
        key_files.sync(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CopyUnusable(f"{path} can't be written: {error.strerror}") from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
