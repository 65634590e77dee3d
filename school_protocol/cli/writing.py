"""Files that commands write: for nobody but whoever runs the command, and whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click


@contextmanager
def written(output: str | Path, hint: str = "") -> Iterator[IO[bytes]]:
    """A file that only its owner may read, put in its place once all of it is there; after any error nothing is left.

    Raises ClickException, ended by `hint`, where the system refuses. A pipe or device is written to as it is.
    """
    path = Path(output)
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
        else:
            with _beside(path.resolve()) as file:
                yield file
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise click.ClickException(f"{output} could not be written: {why}.{hint and ' '}{hint}") from None


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
