"""What a public form carries instead of a session: a signed token with its hour, a drawn nonce, and a question's mark.

Out of the nonce come the report's id and its code, by keyed hashes: the same form sent twice is one report with one
receipt, and no row is kept for a token.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.domain.receipt_codes import DRAWN, hour_of, with_check
from school_protocol.services.house import House
from school_protocol.services.signalement import challenge
from school_protocol.services.signalement.challenge import Challenge

GOOD_FOR = timedelta(hours=24)
"""So long a page may lie open before it is sent."""
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Token:
    """One opened form of one door. `asked`: the mark of the right answer, where a question stands in it."""

    door: str
    hour: datetime
    nonce: str
    asked: str = ""

    def is_good(self, now: datetime) -> bool:
        return self.hour <= hour_of(now) and now - self.hour < GOOD_FOR


def draw(house: House, door: str, *, asked: Challenge | None) -> Token:
    """A new one, of this hour."""
    nonce = secrets.token_hex(16)
    mark = challenge.mark(house, nonce, asked.answer) if asked else ""
    return Token(door, hour_of(house.now()), nonce, mark)


def written(house: House, token: Token) -> str:
    """As it stands in the form."""
    body = json.dumps([token.door, int(token.hour.timestamp()) // 3600, token.nonce, token.asked]).encode()
    return f"{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{_signature(house, body)}"


def read(house: House, text: str, door: str) -> Token | None:
    """The token that a form of this door brought back; None where it is none of ours, or of another door."""
    body, _, signature = text.partition(".")
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        return None
    if not hmac.compare_digest(_signature(house, data), signature):
        return None
    found, hours, nonce, asked = json.loads(data)
    if found != door:
        return None
    return Token(found, hour_of(_EPOCH + timedelta(hours=hours)), nonce, asked)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _signature(house: House, body: bytes) -> str:
    return house.vault.chain("signalement-token-v1", body).hex()


def report_id(house: House, token: Token) -> str:
    """The id of the report that this form becomes."""
    name = house.vault.chain("signalement-id-v1", token.nonce.encode())
    return base64.b32encode(name[:16]).decode().rstrip("=").lower()


def code_of(house: House, token: Token) -> str:
    """The code with which its reporter comes back."""
    name = house.vault.chain("signalement-code-v1", token.nonce.encode())
    return with_check(f"{int.from_bytes(name, 'big') % 10**DRAWN:0{DRAWN}d}")


def code_hash(house: House, unit: str, code: str) -> bytes:
    """By what a code is found again, at its school alone."""
    return house.vault.chain("signalement-back-v1", f"{unit}|{code}".encode())
