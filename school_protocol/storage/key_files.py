"""Key files: random bytes in a folder of their owner's own, whole or not there at all."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from school_protocol.storage.errors import KeysUnusable

KEY_BYTES = 32
JOURNAL, MARKS = "journal.key", "marks.key"
_LOCK = ".lock"
PUT_BACK = "`school-protocol keys recovery restore FILE` puts back what is missing, from the recovery copy"
"""What to do about a key that is gone; one that stands in its place is never written over."""
_MASTER = re.compile(r"master-([1-9]\d{0,4})\.key")


def is_empty(folder: Path) -> bool:
    """Whether no key at all lies there."""
    return not any(path.suffix == ".key" for path in listed(folder))


def listed(folder: Path) -> list[Path]:
    """What lies in a key folder; nothing where there is none. Raises KeysUnusable where this account can't look."""
    try:
        found = list(folder.iterdir())
        if found:
            found[0].stat()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeysUnusable(
            f"the key folder {folder} can't be read by this account ({error.strerror}): the keys may be there. Run "
            "everything as the account to which keys and data belong, or give them to it (chown, chmod 0700)"
        ) from error
    return found


def make(folder: Path) -> None:
    """The key folder, its owner's alone, if it is not there. Raises KeysUnusable where this account can't look."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeysUnusable(f"the key folder {folder} can't be made: {error.strerror}") from error
    listed(folder)


def create(folder: Path, *, with_master: bool) -> None:
    """First keys, if there are none at all; a folder that lost some of its keys is never filled up."""
    make(folder)
    with locked(folder):
        if not is_empty(folder):
            return
        for name in (JOURNAL, MARKS, *([master_name(1)] if with_master else [])):
            write(folder / name, secrets.token_bytes(KEY_BYTES))


def master_name(number: int) -> str:
    """The file of the master key of that number."""
    return f"master-{number}.key"


def ring(folder: Path) -> dict[int, bytes]:
    """Master keys by number, newest first."""
    if not folder.is_dir():
        raise KeysUnusable(f"no key folder {folder}: see that its volume is there; else {PUT_BACK}")
    found = ((match, path) for path in listed(folder) if (match := _MASTER.fullmatch(path.name)))
    numbered = sorted(((int(match[1]), path) for match, path in found), reverse=True)
    return {number: read(path) for number, path in numbered}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer of keys at a time."""
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(path: Path, key: bytes) -> None:
    """A key, whole or not at all: written beside, synced, then named."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        os.write(handle, key)
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.rename(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """What was named in a folder, or taken out of it, is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> bytes:
    """A key; raises KeysUnusable where it is gone, open to others, or cut."""
    try:
        mode, key = path.stat().st_mode, path.read_bytes()
    except FileNotFoundError:
        raise KeysUnusable(f"key file {path} is not there: {PUT_BACK}") from None
    except OSError as error:
        raise KeysUnusable(f"key file {path}: {error.strerror}") from error
    if mode & 0o077:
        raise KeysUnusable(f"key file {path} can be read by others: chmod 0400 it, and consider it known")
    if len(key) != KEY_BYTES:
        size = f"{len(key)} bytes instead of {KEY_BYTES}"
        raise KeysUnusable(f"key file {path} has {size}: move it away, then {PUT_BACK}")
    return key
