"""When what has to be done again and again was last done: small notes beside the data; of no case they say anything."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FOLDER = "done"
BACKUP, DRILL, MINUTE, COPY = "backup", "drill", "minute", "copy"
"""A backup was made; one was restored as an exercise; the worker went through its minute; PostgreSQL was copied."""


@dataclass(frozen=True, slots=True)
class Done:
    """`held`: it came out as it should."""

    at: datetime
    held: bool = True


def note(data: Path, what: str, at: datetime, *, held: bool = True) -> None:
    """Note that this was done; where it can't be written (the disk is full, say), what was done stands all the same."""
    with suppress(OSError):
        folder = data / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        beside = folder / f".{what}.{os.getpid()}.new"
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
            json.dump({"at": at.isoformat(), "held": held}, written)
        beside.replace(folder / f"{what}.json")


def last(data: Path, what: str) -> Done | None:
    """When it was last done; None where it never was, or the note can't be read."""
    try:
        said = json.loads((data / FOLDER / f"{what}.json").read_bytes())
        found = datetime.fromisoformat(said["at"])
        return Done(found, said["held"] is True) if found.tzinfo is not None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
