"""Blobs in an object store that speaks S3, in bounded time; and which place for sealed bytes the settings name.

Bytes are put and read back before a row names them. A store that doesn't answer is not asked again for a while, so that
a page that needs it says so at once.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from school_protocol.config import FOLDER, ROWS, S3, Settings
from school_protocol.storage import postgresql
from school_protocol.storage.blobs import (
    Blobs,
    FilesAway,
    FilesElsewhere,
    FilesMisplaced,
    Folder,
    Lying,
    Rows,
    Standing,
    checked,
    keep_at,
    kept_at,
    new_name,
    said_elsewhere,
)
from school_protocol.storage.engines import Store
from school_protocol.storage.models import NAMES_FILE, RealmBase, marked_columns

CONNECT_SECONDS, ANSWER_SECONDS, ATTEMPTS = 3, 8, 2
"""How long is waited for a connection, and for each answer; how often is asked."""
BODY_SECONDS = 30
"""How long what lies there may take to come, whole, and what is put to be there; what is slower counts as away."""
REST_SECONDS = 10
"""So long a store that didn't answer is not asked again."""
_PIECE = 1 << 20
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_THERE = {"PreconditionFailed", "412", "ConditionalRequestConflict"}
_UNKNOWN = {"NotImplemented", "501", "MethodNotAllowed", "405"}
_log = logging.getLogger(__name__)


class _Absent(Exception):
    """Nothing lies there."""


class _There(Exception):
    """Something lies there already."""


class _Unknown(Exception):
    """The store doesn't know what was asked."""


class Bucket:
    """A bucket, or a part of one: `address` is s3://bucket/prefix, `of` whose files they are."""

    holds_papers, reads_are_cheap = True, False

    def __init__(self, address: str, of: str, *, endpoint: str = "", region: str = "") -> None:
        if find_spec("boto3") is None:
            raise FilesMisplaced("files in an object store need boto3: pip install 'school-protocol[scale]'")
        self.address, self.of = address, of
        self.bucket, _, prefix = address.removeprefix(S3).partition("/")
        self._above = f"{prefix}/" if prefix else ""
        self._reached = (endpoint, region)

    def _key(self, name: str) -> str:
        return f"{self._above}{self.of}/{name[:2]}/{name}"

    # ---- bytes -----------------------------------------------------------------------------------------------------

    def put(self, session: Session | None, case_id: str, name: str, data: bytes) -> None:
        """Put and read back, so that what a row will name is there, whole. Raises FilesAway, FileExistsError."""
        key, until = self._key(checked(name)), time.monotonic() + BODY_SECONDS
        if self._lies(key):
            raise FileExistsError(name)
        self._refuse_late(until)
        try:
            self._asked("put_object", Key=key, Body=data, IfNoneMatch="*")
        except _There:
            pass  # an attempt before this one has put it, as what is read back says
        except _Unknown:  # a store that can't be asked not to overwrite
            self._asked("put_object", Key=key, Body=data)
        self._refuse_late(until)
        if self.get(session, name) != data:
            raise FilesAway("the object store did not keep what was written to it")

    def _refuse_late(self, until: float) -> None:
        if time.monotonic() > until:
            raise self._away(TimeoutError(f"more than {BODY_SECONDS} s"))

    def _lies(self, key: str) -> bool:
        try:
            self._asked("head_object", Key=key)
        except _Absent:
            return False
        return True

    def get(self, session: Session | None, name: str) -> bytes | None:
        """The bytes as they lie there; None where they are not. Raises FilesAway."""
        try:
            return self._read(self._key(checked(name)))
        except _Absent:
            return None

    def _read(self, key: str) -> bytes:
        body = self._asked("get_object", Key=key)["Body"]
        until, found = time.monotonic() + BODY_SECONDS, bytearray()
        try:
            for piece in body.iter_chunks(_PIECE):
                found += piece
                self._refuse_late(until)
        except FilesAway:
            raise
        except Exception as error:
            raise self._away(error) from error
        finally:
            body.close()
        return bytes(found)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._gone(self._key(checked(name)))

    def _gone(self, key: str) -> None:
        try:
            self._asked("delete_object", Key=key)
        except _Absent:
            return

    def names(self, start: str = "") -> Iterator[Lying]:
        """Whatever has a name of ours below this prefix; others' objects are left alone."""
        place = f"{self._above}{self.of}/"
        for one in self._listed(place + (f"{start[:2]}/{start}" if start else "")):
            name = one["Key"].rpartition("/")[2]
            if self._key(name) == one["Key"] and _is_ours(name):
                yield Lying(name, one["Size"], one["LastModified"])

    def _listed(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {}
        while True:
            found = self._asked("list_objects_v2", Prefix=prefix, **more)
            yield from found.get("Contents", ())
            if not found.get("IsTruncated"):
                return
            more = {"ContinuationToken": found["NextContinuationToken"]}

    def clear(self) -> None:
        for one in list(self._listed(f"{self._above}{self.of}/")):
            self._gone(one["Key"])

    # ---- asking ----------------------------------------------------------------------------------------------------

    def _asked(self, what: str, **said: Any) -> Any:
        """What the store answers. Raises FilesAway where it doesn't, or refuses, and what it says of the object."""
        from botocore.exceptions import BotoCoreError, ClientError

        if time.monotonic() < _resting.get(self._reached, 0.0):
            raise FilesAway("the object store did not answer just now")
        try:
            return getattr(_client(os.getpid(), *self._reached), what)(Bucket=self.bucket, **said)
        except ClientError as error:
            raise self._said(what, error) from error
        except (BotoCoreError, OSError) as error:
            raise self._away(error) from error

    def _said(self, what: str, error: Any) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _ABSENT:
            return _Absent(code)
        if code in _THERE:
            return _There(code)
        if code in _UNKNOWN:
            return _Unknown(code)
        _log.error("the object store refuses %s: %s (%s)", what, code or "no reason said", status)
        if status >= 500:
            _resting[self._reached] = time.monotonic() + REST_SECONDS
        return FilesAway(f"the object store refuses: {code or status}")

    def _away(self, error: Exception) -> FilesAway:
        _resting[self._reached] = time.monotonic() + REST_SECONDS
        _log.error("the object store does not answer: %s", type(error).__name__)
        return FilesAway(f"the object store does not answer ({type(error).__name__})")

    # ---- what it is ------------------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """Tried: put, read by us, read by nobody in particular, taken away; and what it says of itself."""
        name, data = new_name(), secrets.token_bytes(64)
        in_clear = self._reached[0].startswith("http:")
        try:
            self.put(None, "", name, data)
            public = self._is_public(self._key(name))
            self.delete([name])
            if self.get(None, name) is not None:
                return Standing("what was taken away is there still", None, public, in_clear)
        except (FilesAway, FileExistsError) as error:
            return Standing(str(error), None, None, in_clear)
        return Standing("", self.is_versioned(), public, in_clear)

    def is_versioned(self) -> bool | None:
        """Whether what is taken away stays as an older version; None where the store doesn't say."""
        try:
            found = self._asked("get_bucket_versioning")
        except (_Unknown, _Absent, FilesAway):
            return None
        return bool(found.get("Status") == "Enabled")

    def _is_public(self, key: str) -> bool | None:
        """Whether anybody reads there, without saying who they are; None where that can't be found out."""
        from botocore import UNSIGNED
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            _made(*self._reached, signature_version=UNSIGNED).get_object(Bucket=self.bucket, Key=key)["Body"].close()
        except ClientError:
            return False
        except (BotoCoreError, OSError):
            return None
        return True


_resting: dict[tuple[str, str], float] = {}
"""Until when a store that didn't answer is left alone, by where it is."""


def _is_ours(name: str) -> bool:
    try:
        return checked(name) == name
    except ValueError:
        return False


@lru_cache(maxsize=8)
def _client(_process: int, endpoint: str, region: str) -> Any:
    """One for all threads of a process; credentials are found as boto3 finds them."""
    return _made(endpoint, region)


def _made(endpoint: str, region: str, **more: Any) -> Any:
    import boto3
    from botocore.config import Config

    options = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS, max_pool_connections=32,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        s3={"addressing_style": "path" if endpoint else "auto"},
        request_checksum_calculation="when_required", response_checksum_validation="when_required", **more,
    )  # fmt: skip
    return boto3.session.Session().client(
        "s3", endpoint_url=endpoint or None, region_name=region or ("us-east-1" if endpoint else None), config=options
    )


# ---- which place the settings name; and that it is where the files of these rows lie -------------------------------

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


def settle_files(settings: Settings, realm: Store) -> None:
    """Have rows without files go by the settings; raises FilesElsewhere where there are some that lie elsewhere."""
    with realm.reading() as session:
        if kept_at(session) == settings.files_in:
            return
        if _names_files(session) or postgresql.is_before(session.connection()):
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
