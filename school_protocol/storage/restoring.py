"""A restored installation takes the place of what is there, all of it or nothing, with a way back.

What was prepared lies in `.restoring` within the data folder. From the moment its mark is written the site opens no
more until every part is in place: whoever is killed between two parts goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import delete

from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage.backups import FILES, STORES, store_file
from school_protocol.storage.durable_files import locked, put_file, sync
from school_protocol.storage.engines import Session
from school_protocol.storage.models import FORGET_ON_RESTORE, DirectoryBase, marked_tables
from school_protocol.storage.store_errors import StorageBusy

STAGE, MARK = ".restoring", "ready.json"
ASIDE = "before-restore-"
"""What a restore moved aside, with its moment."""
_BESIDE = ("-wal", "-shm", "-journal")


class RestoreUnfinished(SchoolProtocolError):
    """A restore was broken off between two parts: it must be brought to its end before anything is opened."""


class PlaceTaken(SchoolProtocolError):
    """Something is kept where a backup is to be restored."""


def stage_of(data: Path) -> Path:
    """Where what is to be restored is prepared."""
    return data / STAGE


def is_under_way(data: Path) -> bool:
    """Whether a restore was broken off after it began to put parts in place."""
    return (stage_of(data) / MARK).exists()


def refuse_half_restored(data: Path) -> None:
    """Raises RestoreUnfinished where a restore has not come to its end."""
    if is_under_way(data):
        raise RestoreUnfinished("a restore was broken off: run `school-protocol backup restore --go-on`")


def refuse_taken(data: Path) -> None:
    """Raises PlaceTaken where stores or files are kept already."""
    taken = [path.name for path in _parts(data) if path.exists() and not _is_empty(path)]
    if taken:
        raise PlaceTaken(
            f"{data} holds {', '.join(taken)} already: say --replace to move that aside, and stop the site"
        )


@contextmanager
def staged(data: Path) -> Iterator[Path]:
    """An empty place to prepare in; nothing stays of it where what is prepared there does not take its place.

    Once the mark is written only `finish` ends it. One at a time: raises StorageBusy.
    """
    data.mkdir(parents=True, exist_ok=True)
    with _locked(data):
        refuse_half_restored(data)
        shutil.rmtree(stage_of(data), ignore_errors=True)
        stage_of(data).mkdir(mode=0o700)
        try:
            yield stage_of(data)
        finally:
            if not is_under_way(data):
                shutil.rmtree(stage_of(data), ignore_errors=True)


def _locked(data: Path) -> AbstractContextManager[None]:
    """The folder itself is locked: no file is left of it."""
    return locked(data, StorageBusy(f"a restore into {data} is running"))


def left_over(data: Path) -> tuple[str, ...]:
    """What restores left in the data's folder, each with how it is ended; nothing of one that runs now."""
    found = [
        f"{path}: what a restore moved aside; what was erased since lives on in it: destroy it once all is well"
        for path in sorted(data.glob(ASIDE + "*"))
    ]
    if is_under_way(data):
        return (f"{stage_of(data)}: a restore was broken off: `school-protocol backup restore --go-on` ends it", *found)
    if stage_of(data).exists() and not _is_running(data):
        said = "what a restore prepared that was killed: copies of both stores; destroy it, or restore again"
        return (f"{stage_of(data)}: {said}", *found)
    return tuple(found)


def _is_running(data: Path) -> bool:
    try:
        with _locked(data):
            return False
    except StorageBusy:
        return True


def end_what_was_begun(session: Session) -> None:
    """Sessions, links, codes and calendar addresses of the time of a backup: some ended since, none is good again."""
    for table in marked_tables(DirectoryBase.metadata, FORGET_ON_RESTORE):
        session.execute(delete(table))


def put_in_place(data: Path, aside: str) -> Path | None:
    """What is prepared takes its place; what was there is moved to the folder `aside` within `data`, which is returned.

    Raises StorageBusy, and changes nothing, while somebody has a store open.
    """
    stage = stage_of(data)
    for store in STORES:  # all that was written there is in the file itself from here on
        _refuse_open(store_file(stage, store))
    for path in (*stage.rglob("*"), stage):
        sync(path)
    put_file(stage / MARK, json.dumps({"aside": aside}).encode())
    try:
        for store in STORES:
            _refuse_open(store_file(data, store))
    except StorageBusy:
        (stage / MARK).unlink()
        raise
    return finish(data)


def finish(data: Path) -> Path | None:
    """Bring a restore to its end, wherever it was broken off; returns where the former state lies, if there was one."""
    stage = stage_of(data)
    aside = data / str(json.loads((stage / MARK).read_bytes())["aside"])
    for part in _parts(data):
        prepared = stage / part.name
        if prepared.exists():
            _move_aside(part, aside)
            prepared.rename(part)
            sync(data)
    (stage / MARK).unlink()
    sync(stage)
    shutil.rmtree(stage)
    return aside if aside.is_dir() else None


def _parts(data: Path) -> tuple[Path, ...]:
    return (*(store_file(data, store) for store in STORES), data / FILES)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _move_aside(part: Path, aside: Path) -> None:
    """A store goes with what SQLite keeps beside it, which goes first: it must not meet another store."""
    for path in (*(part.with_name(part.name + end) for end in _BESIDE), part):
        if path.exists():
            aside.mkdir(mode=0o700, exist_ok=True)
            path.rename(aside / path.name)
            sync(aside)
    sync(part.parent)


def _refuse_open(path: Path) -> None:
    """Only the last connection can leave WAL: where that fails, a process has the store open. A broken one is moved."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA busy_timeout = 1000")
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if (error.sqlite_errorcode & 0xFF) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise StorageBusy(f"{path.name} is open: stop the site and its worker first") from error
    except sqlite3.DatabaseError:
        return
