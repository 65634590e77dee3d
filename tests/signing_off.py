"""The go-live list in tests: a house that asks for it, and one that has it signed."""

from __future__ import annotations

from dataclasses import replace

from school_protocol.domain.policy import Actor
from school_protocol.services.going_live import signing
from school_protocol.services.going_live.items import KEYS
from school_protocol.services.house import House


def asked(house: House) -> House:
    """The same house as an installation has it: its settings come from the environment."""
    return replace(house, settings=replace(house.settings, keeps_shut=True))


def sign_all(house: House, by: Actor, *, without: str = "") -> None:
    for key in KEYS:
        if key != without:
            signing.sign(house, by, key, f"n° {key}/2026")
