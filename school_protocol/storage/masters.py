"""Where master keys are: in files, in the environment, or behind a command that wraps and unwraps for us.

Every wrapping is bound to its label and its master's number, whoever makes it.
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

from school_protocol.domain.errors import Sealed
from school_protocol.storage import key_files
from school_protocol.storage.errors import KeysAway, KeysUnusable
from school_protocol.storage.key_files import KEY_BYTES
from school_protocol.storage.sealed_bytes import open_bytes, seal_bytes

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


class HeldRing:
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


class Ring(HeldRing):
    """A ring given as it is: the highest number wraps."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        super().__init__(keys, max(keys))


class FileRing(HeldRing):
    """Files `master-N.key`; the highest number wraps, and each wrapping looks whether there is a newer one."""

    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        keys = key_files.ring(folder)
        if not keys:
            raise KeysUnusable(f"no master key in {folder}: {key_files.PUT_BACK}")
        super().__init__(keys, max(keys))

    def _reload(self) -> None:
        if keys := key_files.ring(self._folder):
            self._keys, self._current = keys, max(keys)

    def add(self) -> int:
        with key_files.locked(self._folder):
            number = max(key_files.ring(self._folder)) + 1
            key_files.write(self._folder / key_files.master_name(number), secrets.token_bytes(KEY_BYTES))
        self._reload()
        return number

    def remove(self, number: int) -> None:
        self._reload()
        if number == self.current:
            raise KeysUnusable("the newest master key can't be removed")
        with key_files.locked(self._folder):
            (self._folder / key_files.master_name(number)).unlink(missing_ok=True)
            key_files.sync(self._folder)
        self._reload()


class EnvironmentRing(HeldRing):
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
