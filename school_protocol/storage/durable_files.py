"""Files that are there for good: synced with their folder, put in place whole, changed by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def sync(path: Path) -> None:
    """What was named in a folder, or taken out of it, is on the disk; or what a file holds."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put_file(path: Path, data: bytes) -> None:
    """A file of its owner's alone, whole or as it was before, on the disk before this returns."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
        written.write(data)
        written.flush()
        os.fsync(written.fileno())
    beside.replace(path)
    sync(path.parent)


@contextmanager
def locked(path: Path, busy: Exception | None = None) -> Iterator[None]:
    """One process at a time: the others wait, or raise `busy`. A folder is locked as it is, a file made for it."""
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    handle = os.open(path, flags, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise (busy or error) from error
        yield
    finally:
        os.close(handle)
