"""Keys and sealing. Keys lie outside the database; everything personal is sealed before a row sees it.

Three secrets: the ring of master keys (they wrap the keys of cases, reports and drafts), the journal key (chains) and
the marks key (exact search). AES-256-GCM throughout, HMAC-SHA256 for what must only be recognised.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from school_protocol.storage import master_keys
from school_protocol.storage.master_keys import (
    KEY_BYTES,
    HeldKeyRing,
    Masters,
    Ring,
    masters_of,
    open_bytes,
    seal_bytes,
)
from school_protocol.storage.store_errors import KeysUnusable

__all__ = ["KEY_BYTES", "Secrets", "Vault", "canonical", "from_canonical", "normalised", "open_bytes", "seal_bytes"]


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys themselves: `masters` by number, as far as they are here."""

    masters: Mapping[int, bytes] = field(repr=False)
    journal: bytes = field(repr=False)
    marks: bytes = field(repr=False)


class Vault:
    """The keys of one realm: the ring of its master keys, wherever that is, and two that lie in `folder`."""

    def __init__(self, folder: Path, masters: Masters | Mapping[int, bytes], journal: bytes, marks: bytes) -> None:
        self._folder = folder
        self._masters: Masters = Ring(masters) if isinstance(masters, Mapping) else masters
        self._journal = journal
        self._marks = marks

    @classmethod
    def open(cls, folder: Path, *, create: bool = False, environment: str = "", command: str = "") -> Vault:
        """The vault in `folder`; with `create`, a folder without any key gets its first ones.

        `environment`, `command`: the ring of master keys itself, or the command that holds it, where it is no files.
        """
        if create:
            master_keys.create(folder, with_master=not environment and not command)
        masters = masters_of(folder, environment=environment, command=command)
        journal, marks = (master_keys.read_key_file(folder / name) for name in (master_keys.JOURNAL, master_keys.MARKS))
        return cls(folder, masters, journal, marks)

    @classmethod
    def drawn(cls, key: bytes, folder: Path) -> Vault:
        """The vault of an installation whose three secrets are drawn from one key: with it they are gone."""
        one, journal, marks = (
            HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"drawn-{name}-v1".encode()).derive(key)
            for name in ("master", "journal", "marks")
        )
        return cls(folder, {1: one}, journal, marks)

    def __repr__(self) -> str:
        return f"<Vault {self._folder}, master keys in {self._masters.kind}>"

    @property
    def folder(self) -> Path:
        """Where the key files lie."""
        return self._folder

    @property
    def kind(self) -> str:
        """Where the master keys are, for people."""
        return self._masters.kind

    @property
    def newest(self) -> int:
        """The number of the master key that wraps from now on."""
        return self._masters.current

    @property
    def numbers(self) -> tuple[int, ...]:
        """The ring, the one that wraps first."""
        return self._masters.numbers

    def secrets(self) -> Secrets:
        """What a recovery copy holds. Master keys that a command holds are not among it."""
        held = self._masters.held() if isinstance(self._masters, HeldKeyRing) else {}
        return Secrets(held, self._journal, self._marks)

    # -- keys that wrap keys

    def new_case_key(self) -> bytes:
        """A fresh random key, for a case or any object."""
        return secrets.token_bytes(KEY_BYTES)

    def wrap(self, key: bytes, label: str) -> tuple[int, bytes]:
        """`key` wrapped by the newest master key, bound to `label` (such as `case:<id>`), with that master's number."""
        return self._masters.wrap(key, label)

    def unwrap(self, master: int, wrapped: bytes, label: str) -> bytes:
        """The key again; raises Sealed where the master key is gone, or the label is another."""
        return self._masters.unwrap(master, wrapped, label)

    def wrap_object(self, case_key: bytes, case_id: str, object_id: str, key: bytes) -> bytes:
        """An object's own key wrapped by the key of its case."""
        return seal_bytes(case_key, f"object:{case_id}|{object_id}", key)

    def unwrap_object(self, case_key: bytes, case_id: str, object_id: str, wrapped: bytes) -> bytes:
        """An object's own key again."""
        return open_bytes(case_key, f"object:{case_id}|{object_id}", wrapped)

    def add_master(self) -> int:
        """A new master key, safely kept before it is used; returns its number."""
        return self._masters.add()

    def remove_master(self, number: int) -> None:
        """Destroy a master key that wraps nothing any more. Whoever calls it has made sure of that."""
        if number == self.newest:
            raise KeysUnusable("the newest master key can't be removed")
        self._masters.remove(number)

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
    return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")


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


_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain_value
)


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
