"""Master keys: key files, the environment, or a command that wraps and unwraps; and AES-256-GCM sealed bytes.

A key file holds random bytes, in a folder of its owner's own, whole or not there at all.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import re
import secrets
import selectors
import shlex
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from school_protocol.engine.errors import Sealed
from school_protocol.storage.durable_files import locked, sync
from school_protocol.storage.store_errors import KeysAway, KeysUnusable

KEY_BYTES = 32
JOURNAL, MARKS = "journal.key", "marks.key"
LOCK = ".lock"
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


def make_key_file(folder: Path) -> None:
    """The key folder, its owner's alone, if it is not there. Raises KeysUnusable where this account can't look."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeysUnusable(f"the key folder {folder} can't be made: {error.strerror}") from error
    listed(folder)


def create(folder: Path, *, with_master: bool) -> None:
    """First keys, if there are none at all; a folder that lost some of its keys is never filled up."""
    make_key_file(folder)
    with locked(folder / LOCK):
        if not is_empty(folder):
            return
        for name in (JOURNAL, MARKS, *([master_name(1)] if with_master else [])):
            write_key_file(folder / name, secrets.token_bytes(KEY_BYTES))


def master_name(number: int) -> str:
    """The file of the master key of that number."""
    return f"master-{number}.key"


def ring(folder: Path) -> dict[int, bytes]:
    """Master keys by number, newest first."""
    if not folder.is_dir():
        raise KeysUnusable(f"no key folder {folder}: see that its volume is there; else {PUT_BACK}")
    found = ((match, path) for path in listed(folder) if (match := _MASTER.fullmatch(path.name)))
    numbered = sorted(((int(match[1]), path) for match, path in found), reverse=True)
    return {number: read_key_file(path) for number, path in numbered}


def write_key_file(path: Path, key: bytes) -> None:
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


def read_key_file(path: Path) -> bytes:
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


# ---- sealed bytes: AES-256-GCM, bound to a label that says what they are -------------------------------------------

_NONCE_BYTES = 12
_FORMAT = b"\x01"


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


# ---- where master keys are: in files, in the environment, or behind a command --------------------------------------
# Every wrapping is bound to its label and its master's number, whoever makes it.

ENVIRONMENT, COMMAND = "SCHOOL_PROTOCOL_MASTER_KEY", "SCHOOL_PROTOCOL_KEY_COMMAND"
COMMAND_SECONDS = 10.0
_MOST_ANSWERED = 64_000


class Masters(Protocol):
    """A ring of master keys. `kind` says where it is, for people."""

    kind: str

    @property
    def current(self) -> int:
        """The number of the one that wraps from now on."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of them, the current one first."""

    def wrap(self, key: bytes, label: str) -> tuple[int, bytes]:
        """`key` wrapped by the current one."""

    def unwrap(self, number: int, wrapped: bytes, label: str) -> bytes:
        """The key again; raises Sealed."""

    def add(self) -> int:
        """A new one, current from now on; raises KeysUnusable where that is done elsewhere."""

    def remove(self, number: int) -> None:
        """Destroy one that wraps nothing any more; raises KeysUnusable where that is done elsewhere."""


def bound(label: str, number: int) -> str:
    """What a wrapping is bound to."""
    return f"{label}|master-{number}"


# ---- keys in this process ------------------------------------------------------------------------------------------


class HeldKeyRing:
    """Keys that this process holds in memory."""

    kind = "memory"

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        self._keys = dict(keys)
        self._current = current

    @property
    def current(self) -> int:
        return self._current

    @property
    def numbers(self) -> tuple[int, ...]:
        return (self.current, *sorted(set(self._keys) - {self.current}, reverse=True))

    def held(self) -> dict[int, bytes]:
        """The keys themselves, for a recovery copy."""
        return dict(self._keys)

    def wrap(self, key: bytes, label: str) -> tuple[int, bytes]:
        self._reload()
        number = self.current
        return number, seal_bytes(self._keys[number], bound(label, number), key)

    def unwrap(self, number: int, wrapped: bytes, label: str) -> bytes:
        if number not in self._keys:
            self._reload()
        if number not in self._keys:
            raise Sealed(f"master key {number} is not in the vault")
        return open_bytes(self._keys[number], bound(label, number), wrapped)

    def add(self) -> int:
        raise KeysUnusable("a new master key is made where the ring is kept")

    def remove(self, number: int) -> None:
        raise KeysUnusable("a master key is taken away where the ring is kept")

    def _reload(self) -> None:
        """Another process may have turned the ring meanwhile."""


class Ring(HeldKeyRing):
    """A ring given as it is: the highest number wraps."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        super().__init__(keys, max(keys))


class FileRing(HeldKeyRing):
    """Files `master-N.key`; the highest number wraps, and each wrapping looks whether there is a newer one."""

    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        keys = ring(folder)
        if not keys:
            raise KeysUnusable(f"no master key in {folder}: {PUT_BACK}")
        super().__init__(keys, max(keys))

    def _reload(self) -> None:
        if keys := ring(self._folder):
            self._keys, self._current = keys, max(keys)

    def add(self) -> int:
        with locked(self._folder / LOCK):
            number = max(ring(self._folder)) + 1
            write_key_file(self._folder / master_name(number), secrets.token_bytes(KEY_BYTES))
        self._reload()
        return number

    def remove(self, number: int) -> None:
        self._reload()
        if number == self.current:
            raise KeysUnusable("the newest master key can't be removed")
        with locked(self._folder / LOCK):
            (self._folder / master_name(number)).unlink(missing_ok=True)
            sync(self._folder)
        self._reload()


class EnvironmentRing(HeldKeyRing):
    """A ring in one setting, `2:BASE64,1:BASE64`: the first wraps, the others only open.

    So a new key is added behind the one in use, every process is started anew, and only then it is put first.
    """

    kind = f"environment ({ENVIRONMENT})"

    def __init__(self, said: str) -> None:
        keys = dict(_named_keys(said))
        super().__init__(keys, next(iter(keys)))

    def add(self) -> int:
        raise KeysUnusable(
            f"{ENVIRONMENT} holds the ring: add a new key behind the one in use, start every process anew, put it "
            "first, start them anew again; then what older keys wrap is brought under it"
        )

    def remove(self, number: int) -> None:
        raise KeysUnusable(f"take master key {number} out of {ENVIRONMENT}")


_ENTRY = re.compile(r"([1-9]\d{0,4}):([A-Za-z0-9+/_-]+=?)")


def _named_keys(said: str) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    for place, part in enumerate(said.split(","), 1):
        match = _ENTRY.fullmatch(part.strip())
        key = _decoded(match[2]) if match else b""
        if match is None or len(key) != KEY_BYTES:
            # The setting itself is a secret: what is wrong with it is said by its place.
            raise KeysUnusable(f"{ENVIRONMENT}, entry {place}: NUMBER:BASE64 of {KEY_BYTES} bytes is expected")
        found.append((int(match[1]), key))
    if len({number for number, _key in found}) < len(found):
        raise KeysUnusable(f"{ENVIRONMENT} has a number twice")
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


# ---- keys that somebody else holds ---------------------------------------------------------------------------------


class CommandRing:
    """A command that holds the master keys: one JSON object a line on its input, one answered on its output.

    {"do": "status"} → {"current": 2, "numbers": [2, 1]}; {"do": "wrap", "label", "key"} → {"master", "wrapped"};
    {"do": "unwrap", "master", "wrapped", "label"} → {"key"}; {"do": "add"} → {"current": 3}; {"do": "remove",
    "master"} → {}. Bytes are base64; a refusal is {"error": "…"}, with "sealed": true where what was given can't be
    opened. Each question has an "id" that its answer says again, refusals too. Nothing else is ever printed: a command
    whose output holds another line is ended, as its answers could be taken for those to other questions.
    """

    kind = f"command ({COMMAND})"

    def __init__(self, command: str, seconds: float = COMMAND_SECONDS) -> None:
        self._words = shlex.split(command)
        if not self._words:
            raise KeysUnusable(f"{COMMAND} says no command")
        self._seconds = seconds
        self._lock = threading.Lock()
        self._running: _Running | None = None

    @property
    def current(self) -> int:
        return self._number(self._ask("status"), "current")

    @property
    def numbers(self) -> tuple[int, ...]:
        told = self._ask("status")
        current, numbers = self._number(told, "current"), told.get("numbers")
        if not isinstance(numbers, list) or not all(isinstance(one, int) for one in numbers):
            raise self._wrong("numbers")
        return (current, *sorted(set(numbers) - {current}, reverse=True))

    def wrap(self, key: bytes, label: str) -> tuple[int, bytes]:
        told = self._ask("wrap", label=label, key=_text(key))
        wrapped = self._bytes(told, "wrapped")
        number = self._number(told, "master")
        if key in wrapped or not self._opens(number, wrapped, label, key):
            raise self._wrong("wrapped")
        return number, wrapped

    def _opens(self, number: int, wrapped: bytes, label: str, key: bytes) -> bool:
        """Whether what was just wrapped gives the key again: what doesn't must never be kept."""
        try:
            return hmac.compare_digest(self.unwrap(number, wrapped, label), key)
        except Sealed:
            return False

    def unwrap(self, number: int, wrapped: bytes, label: str) -> bytes:
        key = self._bytes(self._ask("unwrap", master=number, wrapped=_text(wrapped), label=label), "key")
        if len(key) != KEY_BYTES:
            raise self._wrong("key")
        return key

    def add(self) -> int:
        return self._number(self._ask("add"), "current")

    def remove(self, number: int) -> None:
        self._ask("remove", master=number)

    def close(self) -> None:
        """Let the command end."""
        with self._lock:
            self._stop()

    # -- asking

    def _ask(self, do: str, **what: object) -> dict[str, Any]:
        asked = secrets.token_hex(8)
        line = json.dumps({"id": asked, "do": do, **what}).encode() + b"\n"
        with self._lock:
            try:
                told = self._answered(self._ready().ask(line, self._seconds), asked)
            except KeysUnusable:
                self._stop()
                raise
        if "error" in told:
            said = f"the key command {self._words[0]} refused to {do}: {str(told['error'])[:200]}"
            raise Sealed(said) if told.get("sealed") is True else KeysUnusable(said)
        return told

    def _answered(self, data: bytes, asked: str) -> dict[str, Any]:
        try:
            told = json.loads(data)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise KeysUnusable(f"the key command {self._words[0]} answered with something that is no JSON object")
        if told.get("id") != asked:
            raise KeysUnusable(f"the key command {self._words[0]} answered another question than was asked")
        return told

    def _ready(self) -> _Running:
        """The command's process, a new one where it ended, or said something that nobody asked for."""
        if self._running is not None and self._running.answers and not self._running.has_spoken:
            return self._running
        self._stop()
        return self._start()

    def _start(self) -> _Running:
        try:
            process = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)  # noqa: S603 - the operator's own command
        except OSError as error:
            raise KeysAway(f"the key command {self._words[0]} can't be run: {error.strerror}") from error
        self._running = _Running(self._words[0], process)
        return self._running

    def _stop(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None

    def _number(self, told: Mapping[str, Any], name: str) -> int:
        number = told.get(name)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise self._wrong(name)
        return number

    def _bytes(self, told: Mapping[str, Any], name: str) -> bytes:
        data = _decoded(told[name]) if isinstance(told.get(name), str) else b""
        if not data:
            raise self._wrong(name)
        return data

    def _wrong(self, name: str) -> KeysUnusable:
        self.close()
        return KeysUnusable(f"the key command {self._words[0]} gave no usable {name!r}")


@dataclass
class _Running:
    """The command's process, asked one line at a time."""

    name: str
    process: subprocess.Popen[bytes]
    owner: int = field(default_factory=os.getpid)

    @property
    def answers(self) -> bool:
        """Whether it runs, and is a child of this process, not of the one that this is a fork of."""
        return self.owner == os.getpid() and self.process.poll() is None

    @property
    def has_spoken(self) -> bool:
        """Whether something waits on its output before anything was asked."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
            return bool(selector.select(0))

    def ask(self, line: bytes, seconds: float) -> bytes:
        """The line that answers this one; raises KeysUnusable where none comes in time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(line)
            return self._answer(self.process.stdout, time.monotonic() + seconds, seconds)
        except OSError as error:
            raise KeysAway(f"the key command {self.name} has ended: {error.strerror}") from error

    def _answer(self, output: Any, deadline: float, seconds: float) -> bytes:
        data = b""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not data.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise KeysAway(f"the key command {self.name} did not answer within {seconds:g} seconds")
                part = os.read(output.fileno(), 65_536)
                if not part:
                    raise KeysAway(f"the key command {self.name} ended without an answer")
                data += part
                if len(data) > _MOST_ANSWERED:
                    raise KeysUnusable(f"the key command {self.name} answered too much")
        return data

    def stop(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def masters_of(folder: Path, *, environment: str = "", command: str = "") -> Masters:
    """The ring that the settings say: the command's, the environment's, or that of the key folder."""
    if command and environment:
        raise KeysUnusable(f"{ENVIRONMENT} and {COMMAND} are both set: one of them holds the master key")
    if command:
        return CommandRing(command)
    return EnvironmentRing(environment) if environment else FileRing(folder)
