"""What a signature binds to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785


def digest_of(act: str, answers: Mapping[str, Any]) -> str:
    """sha256, in hex, of what a signature binds to: the act and its answers as canonical JSON."""
    return hashlib.sha256(rfc8785.dumps({"act": act, "answers": _plain(answers)})).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
