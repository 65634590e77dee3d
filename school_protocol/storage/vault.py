"""Keys and sealing. Key files lie in a folder outside the database; everything personal is sealed before a row sees it.

Three secrets: the ring of master keys (newest first; they wrap the keys of cases, reports and drafts), the journal key
(chains) and the marks key (exact search). AES-256-GCM throughout, HMAC-SHA256 for what must only be recognised.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from school_protocol.domain.errors import Sealed
from school_protocol.storage.errors import KeysUnusable

KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"
_JOURNAL, _MARKS, _LOCK = "journal.key", "marks.key", ".lock"
_MASTER = re.compile(r"master-([1-9]\d{0,4})\.key")


class Vault:
    """The keys of one realm. `masters` is the ring: number → key."""

    def __init__(self, folder: Path, masters: Mapping[int, bytes], journal: bytes, marks: bytes) -> None:
        self._folder = folder
        self._masters = dict(masters)
        self._journal = journal
        self._marks = marks

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Vault:
        """The vault in `folder`; with `create`, a folder without any key gets its first ones."""
        if create:
            _create(folder)
        masters = _ring(folder)
        if not masters:
            raise KeysUnusable(f"no master key in {folder}")
        return cls(folder, masters, _read(folder / _JOURNAL), _read(folder / _MARKS))

    def __repr__(self) -> str:
        return f"<Vault {self._folder}, master {self.newest}>"

    @property
    def newest(self) -> int:
        """The number of the master key that wraps from now on."""
        return max(self._masters)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The ring, newest first."""
        return tuple(sorted(self._masters, reverse=True))

    # -- keys that wrap keys

    def new_case_key(self) -> bytes:
        """A fresh random key, for a case or any object."""
        return secrets.token_bytes(KEY_BYTES)

    def wrap(self, key: bytes, label: str) -> tuple[int, bytes]:
        """`key` wrapped by the newest master key, bound to `label` (such as `case:<id>`), with that master's number."""
        self._reload()
        number = self.newest
        return number, seal_bytes(self._masters[number], f"{label}|master-{number}", key)

    def unwrap(self, master: int, wrapped: bytes, label: str) -> bytes:
        """The key again; raises Sealed where the master key is gone, or the label is another."""
        if master not in self._masters:
            self._reload()
        if master not in self._masters:
            raise Sealed(f"master key {master} is not in the vault")
        return open_bytes(self._masters[master], f"{label}|master-{master}", wrapped)

    def wrap_object(self, case_key: bytes, case_id: str, object_id: str, key: bytes) -> bytes:
        """An object's own key wrapped by the key of its case."""
        return seal_bytes(case_key, f"object:{case_id}|{object_id}", key)

    def unwrap_object(self, case_key: bytes, case_id: str, object_id: str, wrapped: bytes) -> bytes:
        """An object's own key again."""
        return open_bytes(case_key, f"object:{case_id}|{object_id}", wrapped)

    def add_master(self) -> int:
        """A new master key, safely on disk before it is used; returns its number."""
        with _locked(self._folder):
            number = max(_ring(self._folder)) + 1
            _write(self._folder / f"master-{number}.key")
        self._reload()
        return number

    def remove_master(self, number: int) -> None:
        """Destroy a master key that wraps nothing any more. Whoever calls it has made sure of that."""
        if number == self.newest:
            raise KeysUnusable("the newest master key can't be removed")
        with _locked(self._folder):
            (self._folder / f"master-{number}.key").unlink()
            _sync(self._folder)
        self._reload()

    def _reload(self) -> None:
        """Another process may have turned the ring meanwhile."""
        if ring := _ring(self._folder):
            self._masters = ring

    # -- values

    def seal(self, key: bytes, label: str, value: object) -> bytes:
        """`value` as canonical JSON, sealed and bound to `label`."""
        return seal_bytes(key, label, canonical(value))

    def open_sealed(self, key: bytes, label: str, sealed: bytes) -> Any:
        """The value again; raises Sealed where key, label or bytes are other than they were."""
        return from_canonical(open_bytes(key, label, sealed))

    def commit(self, key: bytes, data: bytes) -> bytes:
        """A commitment to `data` that only the holder of `key` can check, and nobody once the key is destroyed."""
        subkey = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"commitment-v1").derive(key)
        return hmac.digest(subkey, data, hashlib.sha256)

    def chain(self, purpose: str, data: bytes) -> bytes:
        """The journal's keyed hash of `data`, for one purpose."""
        return hmac.digest(self._journal, purpose.encode() + b"\0" + data, hashlib.sha256)

    def mark(self, unit: str, text: str) -> bytes:
        """What recognises the same name or code again within `unit`, and says nothing elsewhere."""
        return hmac.digest(self._marks, f"mark-v1\0{unit}\0{normalised(text)}".encode(), hashlib.sha256)


# ---- canonical bytes -----------------------------------------------------------------------------------------------


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8: the same value always gives the same bytes."""
    text = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain_value
    )
    return text.encode("utf-8", "surrogatepass")


def from_canonical(data: bytes) -> Any:
    """The value of canonical bytes."""
    return json.loads(data.decode("utf-8", "surrogatepass"))


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a sealed value")


_DOTLESS = str.maketrans({"ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ة": "ه", "ک": "ك", "ـ": None})


def normalised(text: str) -> str:
    """A name or code as it is compared: no marks, no tatweel, one alef, one ya, one space, no case, no punctuation."""
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_DOTLESS)
    kept = (_letter_or_space(character) for character in unicodedata.normalize("NFKD", plain))
    return unicodedata.normalize("NFKC", " ".join("".join(kept).split()))


def _letter_or_space(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Mn", "Me", "Cf", "Lm"}:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return character if category[0] in "LN" or category == "Mc" else " "


# ---- sealed bytes --------------------------------------------------------------------------------------------------


def seal_bytes(key: bytes, label: str, data: bytes) -> bytes:
    """AES-256-GCM under a fresh nonce, the label authenticated with it."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _FORMAT + nonce + AESGCM(key).encrypt(nonce, data, _bound(label))


def _bound(label: str) -> bytes:
    return label.encode("utf-8", "surrogatepass")


def open_bytes(key: bytes, label: str, sealed: bytes) -> bytes:
    """The bytes again; raises Sealed."""
    if sealed[:1] != _FORMAT or len(sealed) < 1 + _NONCE_BYTES + 16:
        raise Sealed(f"{label}: not a sealed value")
    nonce = sealed[1 : 1 + _NONCE_BYTES]
    try:
        return AESGCM(key).decrypt(nonce, sealed[1 + _NONCE_BYTES :], _bound(label))
    except InvalidTag as error:
        raise Sealed(f"{label}: key, label or bytes are other than they were") from error


# ---- key files -----------------------------------------------------------------------------------------------------


def _create(folder: Path) -> None:
    """First keys, if there are none at all; a folder that lost some of its keys is never filled up."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        if any(folder.glob("*.key")):
            return
        for name in (_JOURNAL, _MARKS, "master-1.key"):
            _write(folder / name)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path) -> None:
    """A random key, whole or not at all: written beside, synced, then named."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        os.write(handle, secrets.token_bytes(KEY_BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _ring(folder: Path) -> dict[int, bytes]:
    """Master keys by number, newest first."""
    if not folder.is_dir():
        raise KeysUnusable(f"no key folder {folder}")
    found = ((match, path) for path in folder.iterdir() if (match := _MASTER.fullmatch(path.name)))
    numbered = sorted(((int(match[1]), path) for match, path in found), reverse=True)
    return {number: _read(path) for number, path in numbered}


def _read(path: Path) -> bytes:
    try:
        mode, key = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise KeysUnusable(f"key file {path}: {error.strerror}") from error
    if mode & 0o077:
        raise KeysUnusable(f"key file {path} can be read by others: chmod 0400 it, and consider it known")
    if len(key) != KEY_BYTES:
        raise KeysUnusable(f"key file {path} has {len(key)} bytes instead of {KEY_BYTES}")
    return key
