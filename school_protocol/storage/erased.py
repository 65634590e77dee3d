"""The list of erased cases, outside the database: a restored backup is brought to it before it is served.

A file of lines, `erased.jsonl`, that only grows; each line carries a keyed hash over itself and the line before.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.storage.vault import Vault, canonical

FILE = "erased.jsonl"


class ErasedUnreadable(SchoolProtocolError):
    """The list of erased cases is not as this installation wrote it: nothing may be restored by it."""


@dataclass(frozen=True, slots=True)
class Erased:
    """A case that was erased, and when."""

    case_id: str
    at: datetime


def note(folder: Path, vault: Vault, case_id: str, at: datetime) -> None:
    """Write down, on disk before this returns, that a case is erased; says it once, however often it is called.

    Call it before the erasure is committed: a case noted and not yet erased is erased when the job runs again, a case
    erased and not noted would come back with a backup.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        whole = _cut_to_whole_lines(handle)
        kept = list(_lines(vault, whole, str(folder / FILE)))
        if any(one.case_id == case_id for one, _mac in kept):
            return
        os.write(handle, _line(vault, Erased(case_id, at), kept[-1][1] if kept else ""))
        os.fsync(handle)
        _sync(folder)
    finally:
        os.close(handle)


def read(folder: Path, vault: Vault) -> tuple[Erased, ...]:
    """The cases erased so far, in the order they were noted. Raises ErasedUnreadable where a line was touched."""
    return read_file(folder / FILE, vault)


def read_file(path: Path, vault: Vault) -> tuple[Erased, ...]:
    """The same, of a list that lies somewhere else; a last line that a crash cut short doesn't count."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ErasedUnreadable(
            f"{path} can’t be read ({error.strerror or type(error).__name__}): let the account that runs the site read "
            "it, or put the disk in order, then try again"
        ) from error
    return tuple(one for one, _mac in _lines(vault, data[: data.rfind(b"\n") + 1], str(path)))


def merge(folder: Path, vault: Vault, others: Iterable[Erased]) -> int:
    """Note here what another list says, too; returns how many were new."""
    known = {one.case_id for one in read(folder, vault)}
    new = [one for one in others if one.case_id not in known]
    for one in new:
        note(folder, vault, one.case_id, one.at)
    return len(new)


def _lines(vault: Vault, data: bytes, name: str) -> Iterator[tuple[Erased, str]]:
    before = ""
    for number, line in enumerate(data.splitlines(), 1):
        try:
            told = json.loads(line)
            one = Erased(told["case"], datetime.fromisoformat(told["at"]))
            mac = str(told["mac"])
        except (ValueError, KeyError, TypeError) as error:
            raise ErasedUnreadable(f"{name}, line {number}: not a line of the list of erased cases") from error
        if not hmac.compare_digest(mac.encode(), _mac(vault, one, before).encode()):
            raise ErasedUnreadable(f"{name}, line {number}: not as it was written here, or a line before it is missing")
        yield one, mac
        before = mac


def _line(vault: Vault, one: Erased, before: str) -> bytes:
    return canonical({"at": _moment(one), "case": one.case_id, "mac": _mac(vault, one, before)}) + b"\n"


def _mac(vault: Vault, one: Erased, before: str) -> str:
    return vault.chain("erased-v1", canonical({"at": _moment(one), "before": before, "case": one.case_id})).hex()


def _moment(one: Erased) -> str:
    return one.at.astimezone(UTC).isoformat(timespec="microseconds")


def _cut_to_whole_lines(handle: int) -> bytes:
    """What stands in the file; the beginning of a line that a crash cut short is taken away."""
    size = os.fstat(handle).st_size
    data = os.pread(handle, size, 0)
    whole = data.rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(handle, whole)
    return data[:whole]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
