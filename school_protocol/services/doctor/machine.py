"""What the machine has: room, permissions, time zones, typesetting, a way to the mail server."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from school_protocol.config import Settings
from school_protocol.documents import rendering
from school_protocol.domain.clock import DEFAULT_TIMEZONE
from school_protocol.post import PostMisconfigured, Unreachable, reach_mail
from school_protocol.services.doctor.findings import Asked, Finding, ending, note, ok, wrong
from school_protocol.storage import key_files
from school_protocol.storage.errors import KeysUnusable

MB = 1024 * 1024
LITTLE, NEXT_TO_NOTHING = 2048 * MB, 256 * MB
SHARE_LITTLE = 0.05
SECONDS = 5.0
"""How long the mail server is waited for, at each step."""
OTHERS = 0o077
_PUBLIC = frozenset({"root.pem", "timestamps.pem"})


def tls(asked: Asked) -> Iterator[Finding]:
    """The certificate under which the site is reached, where that is known and other machines may be asked."""
    parts = urlsplit(asked.settings.address)
    host, do = parts.hostname, "renew it where TLS ends, with its whole chain"
    if not asked.deep or parts.scheme != "https" or not host:
        return
    try:
        with (
            socket.create_connection((host, parts.port or 443), timeout=SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as line,
        ):
            shown: Any = line.getpeercert()
    except ssl.SSLCertVerificationError as error:
        yield wrong(f"TLS of {host}: browsers don't take its certificate: {error.verify_message}", do)
    except OSError as error:
        yield note(f"TLS of {host}: it can't be reached from here: {error}", "see it in a browser")
    else:
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
        yield ending(f"TLS of {host}: a certificate that ends on {ends:%Y-%m-%d}", ends - asked.now, do)


def space(asked: Asked) -> Iterator[Finding]:
    """Room on each volume on which something is written."""
    places = {
        "data": asked.settings.data, "keys": asked.settings.keys, "anchors": asked.settings.anchors_folder,
        "temporary files": Path(tempfile.gettempdir()),
    }  # fmt: skip
    volumes: dict[int, tuple[list[str], Path]] = {}
    for name, folder in places.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        volumes.setdefault(there.stat().st_dev, ([], there))[0].append(name)
    for names, there in volumes.values():
        usage = shutil.disk_usage(there)
        said = f"room for {', '.join(names)}: {usage.free // MB} MB free of {usage.total // MB}"
        if usage.free < NEXT_TO_NOTHING:
            yield wrong(said, "make room now, or enlarge the volume: soon nothing can be recorded")
        elif usage.free < LITTLE or usage.free < usage.total * SHARE_LITTLE:
            yield note(said, "make room, or enlarge the volume; see “When a disk fills” in docs/operations.md")
        else:
            yield ok(said)


def permissions(asked: Asked) -> Iterator[Finding]:
    """Whether keys are their owner's alone, and what is kept, too."""
    try:
        secret = list(_secret_files(asked.settings))
    except KeysUnusable as error:
        yield wrong(str(error), "until then nothing is opened; put back no keys")
        return
    kept = [path for pattern in ("*.sqlite", "*.jsonl", "*.json") for path in sorted(asked.settings.data.glob(pattern))]
    opened = [path for path in secret if _open_to_others(path)]
    for path in opened:
        yield wrong(
            f"{path} is open to others",
            f"chmod {'0700' if path.is_dir() else '0400'} it; if others use this machine, consider the key known: see "
            "“When a key leaks” in docs/operations.md",
        )
    for path in filter(_open_to_others, kept):
        yield note(f"{path} is open to others", "chmod 0600 it")
    for path in secret:
        if path.exists() and path.stat().st_uid != os.geteuid():
            yield note(f"{path} belongs to another user", "run everything as one user, to whom keys and data belong")
    if secret and not opened:
        yield ok("keys: their owner's alone")


def _secret_files(settings: Settings) -> Iterator[Path]:
    """Folders and files of keys. Raises KeysUnusable."""
    keys, signing = settings.keys, settings.signing_folder
    if keys.is_dir():
        yield from (keys, *sorted(key_files.listed(keys)))
    if signing is not None and signing.is_dir():
        yield from (path for path in sorted(signing.glob("*.p*")) if path.name not in _PUBLIC)


def _open_to_others(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & OTHERS)


def zone(_asked: Asked) -> Iterator[Finding]:
    """Whether the machine knows the schools' time."""
    try:
        ZoneInfo(DEFAULT_TIMEZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield wrong(f"the time of {DEFAULT_TIMEZONE} is not known here", "install tzdata")
    else:
        yield ok(f"time: {DEFAULT_TIMEZONE} is known")


def papers(_asked: Asked) -> Iterator[Finding]:
    """Whether documents can be set: pango and the typeface."""
    lack = rendering.missing()
    if lack is None:
        yield ok("documents: can be made")
    else:
        yield wrong(f"documents: {lack}", "until then no case file, letter or form can be handed out")


def mail_server(asked: Asked) -> Iterator[Finding]:
    """Whether the mail server answers and lets this installation in; asked only where other machines may be."""
    if not asked.deep or not asked.settings.smtp:
        return
    try:
        reach_mail(asked.settings, SECONDS)
    except PostMisconfigured as error:
        yield wrong(f"mail server: {error}", "put the setting right")
    except Unreachable as error:
        yield wrong(f"mail server: not reached ({error})", "see address, name, password, and the network")
    else:
        yield ok("mail server: answers, and lets this installation in")
