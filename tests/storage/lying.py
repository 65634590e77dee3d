"""The three places in which sealed files lie, each for a test of its own: what all of them must do alike."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, select, update

from school_protocol.config import ROWS
from school_protocol.storage.blobs import Blobs, Folder, Rows, keep_at
from school_protocol.storage.bucket import Bucket
from school_protocol.storage.engines import Store
from school_protocol.storage.models import BlobRow
from storage.object_store import NAME, STANDING, ObjectStore

PLACES = ("folder", "rows", "bucket")


@dataclass
class Place:
    """A place for sealed files, and what somebody does there behind our back."""

    blobs: Blobs
    path: Callable[[str], Path] | None = None
    realm: Store | None = None

    def names(self) -> list[str]:
        return [one.name for one in self.blobs.names()]

    def put(self, name: str, data: bytes, case_id: str = "") -> None:
        """As a transaction of its own does."""
        if self.realm is None:
            self.blobs.put(None, case_id, name, data)
            return
        with self.realm.writing() as session:
            self.blobs.put(session, case_id, name, data)

    def get(self, name: str) -> bytes | None:
        if self.realm is None:
            return self.path(name).read_bytes() if self.path and self.path(name).exists() else None
        with self.realm.reading() as session:
            return session.scalar(select(BlobRow.content).where(BlobRow.name == name))

    def lose(self, name: str) -> None:
        if self.path is not None:
            self.path(name).unlink()
            return
        assert self.realm is not None
        with self.realm.writing() as session:
            session.execute(delete(BlobRow).where(BlobRow.name == name))

    def alter(self, name: str, data: bytes) -> None:
        if self.path is not None:
            self.path(name).write_bytes(data)
            return
        assert self.realm is not None
        with self.realm.writing() as session:
            session.execute(update(BlobRow).where(BlobRow.name == name).values(content=data))


def settings_for(kind: str, objects: Callable[[], ObjectStore]) -> dict[str, str]:
    """What settings say of one of PLACES; a prefix of its own in an object store."""
    if kind == "folder":
        return {}
    if kind == "rows":
        return {"files_in": ROWS}
    return {"files_in": f"s3://{NAME}/{uuid.uuid4().hex}", "files_endpoint": objects().endpoint}


def around(blobs: Blobs, realm: Store) -> Place:
    """A place that somebody opened."""
    if isinstance(blobs, Folder):
        return Place(blobs, path=blobs.path)
    if isinstance(blobs, Bucket):
        return Place(blobs, path=lambda name: STANDING[blobs._reached[0]].path(blobs._key(name)))
    return Place(blobs, realm=realm)


def place(kind: str, realm: Store, folder: Path, objects: ObjectStore | None) -> Place:
    """One of PLACES, and that the files of these rows lie there."""
    made: Blobs = Folder(folder) if kind == "folder" else Rows(realm)
    if objects is not None:
        made = objects.bucket(uuid.uuid4().hex)
    with realm.writing() as session:
        keep_at(session, made.address)
    return around(made, realm)
