"""The go-live list in tests: a house that asks for it, and one that has it signed."""

from __future__ import annotations

from dataclasses import replace

from school_protocol.domain.policy import Actor
from school_protocol.services.going_live import signing
from school_protocol.services.going_live.gate import LIST
from school_protocol.services.going_live.items import KEYS
from school_protocol.services.house import House
from school_protocol.storage import administration
from school_protocol.storage.administration import Change, Kind


def asked(house: House) -> House:
    """The same house as an installation has it: its settings come from the environment."""
    return replace(house, settings=replace(house.settings, keeps_shut=True))


def sign_all(house: House, by: Actor, *, without: str = "") -> None:
    for key in KEYS:
        if key != without:
            signing.sign(house, by, key, f"n° {key}/2026")


def sign_by_hand(house: House, unit: str) -> None:
    """The list as signed by whoever holds something there, for a protocol in which nobody administers accounts."""
    with house.directory.writing() as session:
        post = administration.posts(session, [unit], since=house.now().date())[0]
        for key in KEYS:
            administration.write(
                session,
                Change(
                    at=house.now(), actor=post.account.id, kind=Kind.go_live_signed, unit=unit, account=post.account.id,
                    role=post.role, appointment=post.id, reason=key, sentence="n° 1", draft=LIST,
                ),
            )  # fmt: skip
