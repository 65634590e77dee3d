"""Anchors: signed statements over the heads of all chains, in files outside the database that are never written twice.

`anchor-000001.json` says counts, the heads of the chains that belong to no case, the digest of the heads of cases, and
the digest of the anchor before. `anchor-000001.heads.gz` beside it holds the head of each case that moved since then:
a line a case, sorted by id. So an anchor is as large as a day's work, however many cases there are; together they hold
every head that ever was.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import hmac
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage.durable_files import locked, sync
from school_protocol.storage.journal import Break, Chain, Flaw
from school_protocol.storage.vault import Vault, canonical

FORMAT = "school-protocol-anchor-1"
_NAME = re.compile(r"anchor-(\d{6,9})\.json")
_LINE = re.compile(r"([a-z0-9_-]{1,40}) (\d{1,9}) ([0-9a-f]{64})\n")
_GAP = 1000
"""Missing anchors in a row that are named one by one."""
_MOST = 64 * 1024
"""Bytes of a statement; ours has about 1 KB."""


class AnchorUnreadable(SchoolProtocolError):
    """What lies there is no anchor of this installation, or not as it was written."""


class AnchorsBusy(SchoolProtocolError):
    """Another process is writing an anchor."""


class AnchorUnwritable(SchoolProtocolError):
    """No anchor can be written where anchors lie; says why."""


class CaseHead(NamedTuple):
    """The head of a case: its id, the number of its latest event, and that event's hash in hex."""

    case_id: str
    seq: int
    hash: str


class Entries(NamedTuple):
    """A file of heads: how many lines, and the SHA-256 of them, uncompressed, in hex."""

    lines: int
    digest: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchor as it was written; `digest` is the SHA-256 of its file in hex, `said` all that it states."""

    number: int
    at: datetime
    before: str | None
    digest: str
    said: dict[str, Any]

    @property
    def heads(self) -> Entries:
        return Entries(self.said["heads"]["lines"], self.said["heads"]["digest"])

    @property
    def resumes(self) -> str:
        """Why the database may be older than the anchors before this one; empty for most."""
        return str(self.said.get("resumes") or "")


# ---- keys ------------------------------------------------------------------------------------------------------------


def _signer(vault: Vault) -> Ed25519PrivateKey:
    """Derived from the journal key: it is kept, lost and restored with it."""
    return Ed25519PrivateKey.from_private_bytes(vault.chain("anchor-signing-v1", b""))


def public_key(vault: Vault) -> str:
    """The public key in hex with which anybody checks anchors, who can make none."""
    return _signer(vault).public_key().public_bytes_raw().hex()


# ---- files -----------------------------------------------------------------------------------------------------------


def numbers(folder: Path) -> Iterator[int]:
    """The numbers of the anchors that lie there, in no order."""
    if folder.is_dir():
        for path in folder.iterdir():
            if match := _NAME.fullmatch(path.name):
                yield int(match[1])


def file_of(folder: Path, number: int) -> Path:
    """Where an anchor lies."""
    return folder / f"anchor-{number:06}.json"


def heads_file_of(folder: Path, number: int) -> Path:
    """Where the heads of an anchor lie."""
    return folder / f"anchor-{number:06}.heads.gz"


def copy(folder: Path, other: Path) -> None:
    """Bring there what the other place lacks; what lies there is never written over. Raises OSError."""
    other.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in lacking(folder, other):
        for path in (heads_file_of(folder, number), file_of(folder, number)):  # a number counts once its file is whole
            part = other / f".{path.name}.part"
            shutil.copyfile(path, part)
            part.replace(other / path.name)


def lacking(folder: Path, other: Path) -> list[int]:
    """The numbers of the anchors that lie in the first place alone."""
    return sorted(set(numbers(folder)) - set(numbers(other)))


def compare(folder: Path, other: Path) -> Iterator[Break]:
    """Where the first place lacks an anchor that the other has, or has another: files and database were set back."""
    for number in sorted(numbers(other)):
        paths = (file_of(folder, number), heads_file_of(folder, number))
        if not all(path.exists() for path in paths):
            yield _break(number, Flaw.missing)
        elif any(path.read_bytes() != (other / path.name).read_bytes() for path in paths):
            yield _break(number, Flaw.rewritten)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The right to write the next anchor. Raises AnchorsBusy where another process has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder / ".lock", AnchorsBusy("another process is writing an anchor")):
        yield


def write_heads(folder: Path, number: int, heads: Iterable[CaseHead]) -> Entries:
    """Write the heads of an anchor that is about to be written, sorted by id as they come."""
    digest, count = hashlib.sha256(), 0
    beside = folder / ".heads.new"
    with open(beside, "wb", opener=_private) as raw:
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            for head in heads:
                line = f"{head.case_id} {head.seq} {head.hash}\n".encode()
                digest.update(line)
                packed.write(line)
                count += 1
        raw.flush()
        os.fsync(raw.fileno())
    beside.replace(heads_file_of(folder, number))  # where an anchor broke off, its heads are written anew
    return Entries(count, digest.hexdigest())


def write(folder: Path, vault: Vault, said: dict[str, Any]) -> Anchor:
    """Write a statement, signed, on disk before this returns. Raises FileExistsError: none is written over."""
    stated = canonical(said)
    signed = {
        "statement": said,
        "keyed": vault.chain("anchor-v1", stated).hex(),
        "signature": _signer(vault).sign(stated).hex(),
        "public_key": public_key(vault),
    }
    data = canonical(signed) + b"\n"
    path, beside = file_of(folder, said["number"]), folder / ".anchor.new"
    with open(beside, "wb", opener=_private) as raw:
        raw.write(data)
        raw.flush()
        os.fsync(raw.fileno())
    try:
        _name_once(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync(folder)
    return _anchor(said, data)


def _name_once(beside: Path, path: Path) -> None:
    """Name what is written, and never write over another: by a hard link, or where the volume refuses those (shares,
    FAT) by taking the name, empty, and then putting the file there; whoever is killed between leaves an empty one."""
    try:
        os.link(beside, path)
        return
    except OSError:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            sync(path.parent)
        if path.stat().st_size:
            raise FileExistsError(errno.EEXIST, "an anchor is never written over", str(path)) from None
    beside.replace(path)


def is_free(folder: Path, number: int) -> bool:
    """Whether no anchor has that number: nothing is there, or an empty file that a killed process left."""
    path = file_of(folder, number)
    return not path.exists() or path.stat().st_size == 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read(folder: Path, number: int, *, vault: Vault | None = None, public: str = "") -> Anchor:
    """An anchor, checked by the journal key, or by the public key alone. Raises AnchorUnreadable."""
    path = file_of(folder, number)
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
        signed = json.loads(data)
        said, keyed, signature = signed["statement"], bytes.fromhex(signed["keyed"]), bytes.fromhex(signed["signature"])
        stated = canonical(said)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key(vault) if vault else public)).verify(
            signature, stated
        )
        if vault is not None and not hmac.compare_digest(keyed, vault.chain("anchor-v1", stated)):
            raise AnchorUnreadable(f"{path.name}: not as it was written here")
        is_ours = signed["public_key"] == (public_key(vault) if vault else public) and said["format"] == FORMAT
        if data != canonical(signed) + b"\n" or not is_ours:
            raise AnchorUnreadable(f"{path.name}: not as it was written here")
        return _anchor(said, data)
    except OSError as error:
        raise AnchorUnreadable(f"{path.name}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError, InvalidSignature) as error:
        raise AnchorUnreadable(f"{path.name}: not as it was written here") from error


def _anchor(said: dict[str, Any], data: bytes) -> Anchor:
    at = datetime.fromisoformat(said["at"])
    return Anchor(said["number"], at, said["before"], hashlib.sha256(data).hexdigest(), said)


def read_heads(folder: Path, anchor: Anchor) -> Iterator[CaseHead]:
    """The heads of an anchor, one at a time. Raises AnchorUnreadable, at the latest after the last one."""
    path = heads_file_of(folder, anchor.number)
    digest, count = hashlib.sha256(), 0
    try:
        with gzip.open(path, "rb") as lines:
            while line := lines.readline(256):
                count += 1
                match = _LINE.fullmatch(line.decode("ascii"))
                if match is None or count > anchor.heads.lines:
                    raise AnchorUnreadable(f"{path.name}: not as it was written here")
                digest.update(line)
                yield CaseHead(match[1], int(match[2]), match[3])
    except OSError as error:
        raise AnchorUnreadable(f"{path.name}: {error.strerror or error}") from error
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise AnchorUnreadable(f"{path.name}: not as it was written here") from error
    if (count, digest.hexdigest()) != anchor.heads:
        raise AnchorUnreadable(f"{path.name}: not as it was written here")


def clear(folder: Path, vault: Vault) -> None:
    """Remove the anchors that were signed by this journal key, with their heads."""
    for number in sorted(numbers(folder)):
        try:
            read(folder, number, vault=vault)
        except AnchorUnreadable:
            continue
        for path in (file_of(folder, number), heads_file_of(folder, number)):
            path.unlink(missing_ok=True)


# ---- whether they are all there --------------------------------------------------------------------------------------


class Checked(NamedTuple):
    """The anchors that are as they were written, in order, and what is wrong with the others."""

    sound: tuple[Anchor, ...]
    breaks: tuple[Break, ...]


def check(folder: Path, *, vault: Vault | None = None, public: str = "") -> Checked:
    """Look through every anchor of a folder: none missing, none changed, none in another's place, heads and all."""
    sound: list[Anchor] = []
    breaks: list[Break] = []
    there = sorted(numbers(folder))
    expected, before = 1, None
    for number in there:
        breaks += (_break(missing, Flaw.missing) for missing in range(expected, min(number, expected + _GAP)))
        try:
            anchor = read(folder, number, vault=vault, public=public)
            if anchor.number == number:
                for _head in read_heads(folder, anchor):
                    pass
        except AnchorUnreadable:
            breaks.append(_break(number, Flaw.altered))
            expected, before = number + 1, None
            continue
        if anchor.number != number:
            breaks.append(_break(number, Flaw.moved))
            expected, before = number + 1, None
            continue
        is_next = number == expected and (before is not None or number == 1)
        if is_next and anchor.before != before:
            breaks.append(_break(number, Flaw.unlinked))
        sound.append(anchor)
        expected, before = number + 1, anchor.digest
    return Checked(tuple(sound), tuple(breaks))


def _break(number: int, flaw: Flaw) -> Break:
    return Break("", number, flaw, Chain.anchors)
