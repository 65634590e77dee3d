"""Which place the settings name; and that it is where the files of these rows lie."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from school_protocol.config import FOLDER, ROWS, Settings
from school_protocol.storage import walls
from school_protocol.storage.blobs.blobs import Blobs, FilesElsewhere, keep_at, kept_at, said_elsewhere
from school_protocol.storage.blobs.bucket import Bucket
from school_protocol.storage.blobs.folder import Folder
from school_protocol.storage.blobs.rows import Rows
from school_protocol.storage.engines import Store
from school_protocol.storage.tables import NAMES_FILE, RealmBase, marked_columns

REAL = "real"
"""The prefix in an object store."""


def open_blobs(settings: Settings, realm: Store) -> Blobs:
    """Where the files of this realm lie by its settings. Raises FilesMisplaced."""
    if settings.files_in == FOLDER:
        return Folder(settings.files)
    if settings.files_in == ROWS:
        return Rows(realm)
    return bucket_of(settings)


def bucket_of(settings: Settings) -> Bucket:
    """The object store that the settings name."""
    return Bucket(settings.files_in, REAL, endpoint=settings.files_endpoint, region=settings.files_region)


def settle(settings: Settings, realm: Store) -> None:
    """Have rows without files go by the settings; raises FilesElsewhere where there are some that lie elsewhere."""
    with realm.reading() as session:
        if kept_at(session) == settings.files_in:
            return
        if _names_files(session) or walls.is_before(session.connection()):
            raise FilesElsewhere(said_elsewhere(kept_at(session)))
    with realm.writing() as session:
        if _names_files(session):
            raise FilesElsewhere(said_elsewhere(kept_at(session)))
        keep_at(session, settings.files_in)


def as_kept(settings: Settings, realm: Store) -> Settings:
    """The same settings, with files where those of these rows lie."""
    with realm.reading() as session:
        return replace(settings, files_in=kept_at(session))


def _names_files(session: Session) -> bool:
    places = marked_columns(RealmBase.metadata, NAMES_FILE)
    return any(session.scalar(select(exists().where(place.is_not(None)))) for place in places)
