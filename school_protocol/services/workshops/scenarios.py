"""Scenarios at hand: those that are shipped, and what somebody uploads; each is proven once, and that is remembered.

What is wrong is kept as phrases, and said in the language of whoever reads it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock

from school_protocol.definitions import read as read_protocol
from school_protocol.definitions.saying import fault_line
from school_protocol.definitions.scenarios import read
from school_protocol.definitions.scenarios.reading import PLAIN_NAME
from school_protocol.domain.errors import DefinitionError, Fault
from school_protocol.domain.phrases import N_, Phrase
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.scenario import Scenario
from school_protocol.services.workshops.proving import prove
from school_protocol.wording import Wording

KEPT_MOST = 64
"""Scenarios of which it is remembered whether they can be played; the one asked for longest ago goes first."""

Versions = Callable[[str, int], tuple[Protocol, bytes] | None]
"""Finds a version of a protocol with its bytes, or None."""


def shipped() -> tuple[Scenario, ...]:
    """The scenarios that come with the product, by their names."""
    return tuple(_shipped().values())


def find(key: str) -> Scenario | None:
    """A scenario that comes with the product."""
    return _shipped().get(key)


def content_of(key: str) -> bytes:
    """The file of a shipped scenario. Raises KeyError."""
    return _files()[key]


def shipped_protocol(key: str, version: int) -> tuple[Protocol, bytes] | None:
    """A version of a protocol that comes with the product; None for any other, and for what is no plain name."""
    if not PLAIN_NAME.fullmatch(key) or version < 1:
        return None
    place = _folder() / key / f"{version}.yaml"
    return _protocol(place) if place.is_file() else None


def protocols_of(scenario: Scenario, versions: Versions = shipped_protocol) -> Iterator[tuple[Protocol, bytes]]:
    """The versions of its protocol that a scenario names, of those that are at hand."""
    found = (versions(scenario.protocol, number) for number in dict.fromkeys(scenario.versions))
    return (one for one in found if one is not None)


def read_uploaded(data: bytes, name: str, versions: Versions = shipped_protocol) -> Scenario | tuple[Fault, ...]:
    """The scenario that `data` holds, if it can be played on each version of its protocol; else every fault.

    `name` is the file's own. It may take as long as proving may: not for a request that somebody waits for.
    """
    return _KEPT.of(data, name, versions)


def faults_said(faults: tuple[Fault, ...], name: str, language: str) -> list[str]:
    """Each fault as one line, in this language."""
    w = Wording(language)
    return [fault_line(w, name, fault) for fault in faults]


_Outcome = Scenario | tuple[Fault, ...]


class _Kept:
    """What was found of files, by their digests and those of the protocols that they were played on. One is proven at
    a time, so that nobody waits for the same one twice.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[tuple[str, ...], _Outcome] = OrderedDict()
        self._lock = Lock()

    def of(self, data: bytes, name: str, versions: Versions) -> _Outcome:
        try:
            scenario = read(data, name)
        except DefinitionError as error:
            return error.faults
        at_hand = list(protocols_of(scenario, versions))
        key = (scenario.digest, *(protocol.digest for protocol, _content in at_hand))
        with self._lock:
            if key not in self._found:
                self._found[key] = _proven(scenario, data, at_hand)
            self._found.move_to_end(key)
            while len(self._found) > self._most:
                self._found.popitem(last=False)
            return self._found[key]


def _proven(scenario: Scenario, data: bytes, at_hand: list[tuple[Protocol, bytes]]) -> _Outcome:
    """The scenario, or what is wrong with it on the first version on which something is."""
    if not at_hand:
        text = N_('no version of the protocol "%(name)s" that this scenario names is at hand')
        return (Fault(1, Phrase(text, name=scenario.protocol)),)
    for protocol, content in at_hand:
        faults = prove(scenario, data, protocol, content)
        if faults:
            return faults
    return scenario


_KEPT = _Kept(KEPT_MOST)


@lru_cache(maxsize=8)
def _protocol(place: Path) -> tuple[Protocol, bytes]:
    content = place.read_bytes()
    return read_protocol(content, place.name), content


@lru_cache(maxsize=1)
def _files() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((_folder() / "scenarios").glob("*.yaml"))}


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Scenario]:
    return {key: read(data, f"{key}.yaml") for key, data in _files().items()}


def _folder() -> Path:
    return Path(str(files("school_protocol.protocol_definitions")))
