"""Asking a virus scanner: INSTREAM of clamd, over a socket of this machine or TCP. Only a clean bill is one."""

from __future__ import annotations

import socket
import struct
from contextlib import closing

_CHUNK = 64 * 1024
_ANSWER_MOST = 4096
SECONDS = 30.0


class NotScanned(Exception):
    """The scanner could not be asked, or did not say that the file is clean."""


def is_clean(address: str, data: bytes, *, seconds: float = SECONDS) -> bool:
    """Whether the scanner at `address` (a socket's path, or host:port) finds nothing. Raises NotScanned."""
    try:
        with closing(_connected(address, seconds)) as connection:
            connection.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), _CHUNK):
                part = data[start : start + _CHUNK]
                connection.sendall(struct.pack(">I", len(part)) + part)
            connection.sendall(struct.pack(">I", 0))
            answer = _answer(connection)
    except (OSError, ValueError) as error:
        raise NotScanned(type(error).__name__) from error
    if answer.endswith(b" FOUND"):
        return False
    if answer != b"stream: OK":
        raise NotScanned("no clean answer")
    return True


def _connected(address: str, seconds: float) -> socket.socket:
    host, colon, port = address.rpartition(":")
    if "/" in address or not colon:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        connection.connect(address)
        return connection
    return socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < _ANSWER_MOST:
        more = connection.recv(_ANSWER_MOST)
        if not more:
            break
        answer += more
    return answer.rstrip(b"\0\n")
