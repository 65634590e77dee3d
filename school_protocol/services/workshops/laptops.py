"""A laptop that serves a room over its own network: a house without a real realm, for workshops alone."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import replace

from school_protocol.config import Settings
from school_protocol.domain.clock import Clock
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House, open_house

LAPTOP = "laptop"
"""What such a house is called, and the folder in which it lies, beside whatever else is there."""


def open_laptop(settings: Settings, clock: Clock) -> House:
    """The laptop's house; it shares nothing with an installation in the same folder, and its cookies go over http."""
    own = Settings(
        data=settings.data / LAPTOP, languages=settings.languages, default_language=settings.default_language,
        evidence_files=True, wiring=settings.wiring,
    )  # fmt: skip
    return replace(open_house(own, clock), name=LAPTOP)


def is_laptop(house: House) -> bool:
    """Whether workshops are all that is served here."""
    return house.name == LAPTOP


def key_of(house: House) -> str:
    """What the trainer's browser holds: drawn from the laptop's own keys, so that a restart changes nothing."""
    return house.vault.chain("laptop-trainer-v1", b"").hex()[:24]


def trainer_of(house: House) -> Actor:
    """The trainer of a laptop: nobody's account."""
    return Actor(LAPTOP, house.name, "", (), language=house.settings.default_language)


def own_address() -> str:
    """The laptop's address on its network; nothing is sent to find it. This machine's alone where there is none."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.255", 1))
        return str(probe.getsockname()[0])
    return "127.0.0.1"
