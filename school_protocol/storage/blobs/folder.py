"""Sealed bytes in a folder, two letters deep: written aside, synced, renamed, their folder synced."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from school_protocol.config import FOLDER
from school_protocol.storage.blobs.blobs import Lying, Standing, checked, new_name

_ASIDE = ".part"
_CHUNK = 1024 * 1024
_OURS = re.compile(r"[0-9a-f]{32}(\.part)?")


class Folder:
    """The folder of sealed files; what a crash leaves of one being written ends in `.part`."""

    address, holds_papers, reads_are_cheap = FOLDER, False, True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def put(self, session: Session | None, case_id: str, name: str, data: bytes) -> None:
        """Whole and synced before it has its name, and its name before anything is said. Raises OSError."""
        path = self.path(checked(name))
        if path.exists():
            raise FileExistsError(name)
        is_new = not path.parent.is_dir()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_suffix(_ASIDE)
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            aside.rename(path)
        except FileExistsError:
            raise  # somebody else's: it stays
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        _sync(path.parent)
        if is_new:
            _sync(self.folder)

    def get(self, session: Session | None, name: str) -> bytes | None:
        """The bytes; None where they are not there."""
        try:
            return self.path(checked(name)).read_bytes()
        except OSError:
            return None

    def delete(self, names: Iterable[str]) -> None:
        """Overwrite each and take it away."""
        for name in names:
            if not _OURS.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a sealed file")
            _overwrite_and_unlink(self.path(name))

    def names(self, start: str = "") -> Iterator[Lying]:
        """Whatever lies there, what was being written aside among it."""
        for path in sorted(self.folder.glob(f"{start[:2] or '??'}/{start}*")):
            if _OURS.fullmatch(path.name) and (found := _lying(path)) is not None:
                yield found

    def clear(self) -> None:
        self.delete([one.name for one in self.names()])

    def is_versioned(self) -> bool | None:
        return False

    def standing(self) -> Standing:
        """Whether something can be written, read and taken away here."""
        name, data = new_name(), secrets.token_bytes(64)
        try:
            self.put(None, "", name, data)
            is_same = self.get(None, name) == data
            self.delete([name])
        except OSError as error:
            return Standing(fault=str(error))
        return Standing(fault="" if is_same else "what was read is not what was written")


def _lying(path: Path) -> Lying | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Lying(path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _overwrite_and_unlink(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("r+b") as handle:
            for start in range(0, size, _CHUNK):
                handle.write(secrets.token_bytes(min(_CHUNK, size - start)))
            handle.flush()
            os.fsync(handle.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
