"""Sealed bytes: AES-256-GCM, bound to a label that says what they are."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from school_protocol.domain.errors import Sealed

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
