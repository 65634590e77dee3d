"""Bases of both stores, tables of events, keys, work, accesses and chains; the keyed hash that rows of some carry."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache, partial
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, Session, mapped_column, object_session
from sqlalchemy.types import TypeEngine

from school_protocol.storage.engines import VAULT
from school_protocol.storage.vault import Vault, canonical

# Rows that only whoever has the keys can write: each carries a keyed hash (MAC) of what it says.
# A store that was opened without keys, as a tool or a test may, neither makes nor asks for one.

FREE: dict[Any, Any] = {"free": True}
"""`info` of a column that may change without the keys: nobody is let in, or shown more, by what it says."""
_DIALECT = DefaultDialect()
_AT_ONCE = 1000


def _at_insert(context: Any) -> bytes:
    """The hash of a row that is about to be written, however it is."""
    vault: Vault | None = context.execution_options.get(VAULT)
    table = context.compiled.statement.table
    return b"" if vault is None else _mac(vault, table, context.get_current_parameters())


class HasMac:
    """A table whose rows carry a keyed hash of their columns, but the free ones.

    Change them through the session's objects: a statement that changes columns leaves the hash behind. A column that
    comes later is NULL in older rows, or a free one: else each of these would say what it was not hashed with.
    """

    mac: Mapped[bytes] = mapped_column(LargeBinary, default=_at_insert, sort_order=1000)


@event.listens_for(HasMac, "before_update", propagate=True)
def _at_update(_mapper: Mapper[Any], _connection: object, row: Any) -> None:
    session = object_session(row)
    vault = session.info.get(VAULT) if session else None
    if vault is not None and inspect(row).modified:
        row.mac = _mac(vault, row.__table__, {name: getattr(row, name) for name, _plain in _said(row.__table__)})


def is_genuine(session: Session, model: type[DeclarativeBase], row: Any) -> bool:
    """Whether a row of that table, with all its columns, was written with the keys that the session carries."""
    vault: Vault | None = session.info.get(VAULT)
    if vault is None:
        return True
    table = cast(Table, model.__table__)
    said = {name: getattr(row, name) for name, _plain in _said(table)}
    return hmac.compare_digest(row.mac, _mac(vault, table, said))


def forged(session: Session, model: type[DeclarativeBase]) -> Iterator[str]:
    """The keys of this table's rows that were not written with the keys of the session, in order."""
    table = cast(Table, model.__table__)
    key = list(table.primary_key)
    query = select(*table.c).order_by(*key).execution_options(yield_per=_AT_ONCE)
    for row in session.execute(query):
        if not is_genuine(session, model, row):
            yield " ".join(_shown(getattr(row, column.key)) for column in key)


def of_several(session: Session, parts: Iterable[tuple[Table, Iterable[Mapping[str, Any]]]]) -> dict[str, str]:
    """By table, the keyed hash in hex of these rows, in any order; the first one's is over those of the others too."""
    vault: Vault | None = session.info.get(VAULT)
    if vault is None:
        return {}
    found: dict[str, str] = {}
    first, *others = [
        (table.name, sorted(canonical(_clear(table, row)).hex() for row in rows)) for table, rows in parts
    ]
    for name, said in (*sorted(others), first):
        if said:
            over = found if name == first[0] else {}
            found[name] = vault.chain("rows-v1", canonical([name, said, over])).hex()[:32]
    return found


def tables(base: type[DeclarativeBase]) -> tuple[type[DeclarativeBase], ...]:
    """The tables of a store whose rows are keyed, by name."""
    models = (cast(type[DeclarativeBase], one.class_) for one in base.registry.mappers)
    return tuple(sorted((one for one in models if issubclass(one, HasMac)), key=lambda one: one.__tablename__))


def _shown(part: object) -> str:
    return part.hex()[:16] if isinstance(part, bytes) else str(part)


def _mac(vault: Vault, table: Table, values: Any) -> bytes:
    return vault.chain("row-v1", canonical({"table": table.name, "row": _clear(table, values)}))


def _clear(table: Table, values: Any) -> dict[str, Any]:
    """What a row says, as every database gives it back; a column that is NULL says nothing."""
    said = {}
    for name, plain in _said(table):
        value = values.get(name)
        if value is not None:
            said[name] = value if plain is None else plain(value)
    return said


@cache
def _said(table: Table) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """The columns that say something, each with what makes its values plain."""
    said = (column for column in table.columns if column.key != "mac" and not column.info.get("free"))
    return tuple((column.key, _plain_of(column.type)) for column in said)


def _plain_of(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, TypeDecorator):
        return partial(kind.process_bind_param, dialect=_DIALECT)
    return bytes.hex if isinstance(kind, LargeBinary) else None


# ---- tables on two bases: the directory that belongs to no realm, and what each realm keeps ------------------------
# More stand in the `models.py` of each package. What is personal is in columns named `sealed` and nowhere else.
# Triggers (append-only rows, no gap in a chain) are part of the migrations.

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment, to the microsecond, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"a moment must say its zone: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Plain(TypeDecorator[str]):
    """Text in clear, as every database takes it: NUL and lone surrogates, typed into an address, match nothing."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


Id = Plain(40)
Key = Plain(80)
"""Keys of a definition: roles, states, acts, slots."""

TYPES: dict[Any, Any] = {
    datetime: Moment(),
    date: Date(),
    bytes: LargeBinary(),
    dict[str, Any]: JSON(),
    list[Any]: JSON(),
}


class DirectoryBase(DeclarativeBase):
    """Accounts, units, contacts, calendars, definitions: shared by all realms."""

    metadata = MetaData(naming_convention=NAMES, info={"bind_key": "directory"})
    type_annotation_map = TYPES


class RealmBase(DeclarativeBase):
    """Cases, reports and what goes with them: one store a realm."""

    metadata = MetaData(naming_convention=NAMES, info={"bind_key": "realm"})
    type_annotation_map = TYPES


NEEDS_KEYS = {"needs_keys": True}
"""`info` of a table: beside its rows no new keys are made, though none of them is wrapped."""
FORGET_ON_RESTORE = {"forget_on_restore": True}
"""`info` of a table: what its rows let in was good in the time of a backup, and isn't once that is restored."""
MADE_OF_CASE = {"made_of_case": True}
"""`info` of a table: what was made of a case's words, kept by `case_id`; it goes once any of them is destroyed."""
TALLIED = {"tallied": True}
"""`info` of a table: how many rows of each unit came, and were erased, is kept: one taken away is told by that."""
NAMES_FILE = {"names_file": True}
"""`info` of a column: the place of a sealed file, or None."""
LAST_SEQ = {"last_seq": True}
"""`info` of a column: the number of the latest event that was known of the row's case."""


def marked_tables(metadata: MetaData, mark: Mapping[str, bool]) -> Iterator[Table]:
    """The tables with that mark in their `info`."""
    return (one for one in metadata.tables.values() if mark.items() <= one.info.items())


def marked_columns(metadata: MetaData, mark: Mapping[str, bool]) -> Iterator[Column[Any]]:
    """The columns with that mark in their `info`."""
    return (column for one in metadata.tables.values() for column in one.c if mark.items() <= column.info.items())


def new_id() -> str:
    """128 random bits in base32, lower case: says nothing, and can't be guessed."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


# ---- directory -----------------------------------------------------------------------------------------------------


class AdministrationRow(DirectoryBase):
    """What was changed about who works where, or which protocol holds: who did it, when and why; append-only.

    The sentence names no pupil. `withdraws`: the appointment counts no more from that moment on. `other`: for a
    stand-in, who is away; `number`: the case that was left without the person whom the row is about; `draft`: the file
    that was uploaded, proposed, agreed to or withdrawn, or the contact; in the appointment that gives the right.
    """

    __tablename__ = "administration"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    kind: Mapped[str] = mapped_column(Key)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(Key)
    appointment: Mapped[str | None] = mapped_column(Id, ForeignKey("appointment.id"))
    other: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    number: Mapped[str | None] = mapped_column(Plain(13))
    starts: Mapped[date | None]
    ends: Mapped[date | None]
    withdraws: Mapped[bool]
    reason: Mapped[str] = mapped_column(Key)
    sentence: Mapped[str] = mapped_column(Plain(200))
    draft: Mapped[str | None] = mapped_column(Id, index=True)

    __table_args__ = (
        CheckConstraint("length(reason) >= 1", name="reason_said"),
        CheckConstraint("appointment IS NOT NULL OR number IS NOT NULL", name="about_something"),
        Index(None, "unit", "at", "id"),
        Index(None, "appointment", "withdraws"),
        Index(None, "account", "kind"),
    )


# ---- keys of a realm -----------------------------------------------------------------------------------------------


class Wrapped:
    """Rows that carry a key wrapped by a master key, the number of which stands beside it."""

    wrapped: Mapped[bytes] = mapped_column(info=FREE)
    master: Mapped[int] = mapped_column(index=True, info=FREE)

    @property
    def label(self) -> str:
        """What the wrapping is bound to."""
        raise NotImplementedError


class CaseKeyRow(Wrapped, RealmBase):
    """The key of a case, wrapped by a master key that isn't here. Deleting the row is what erases the case."""

    __tablename__ = "case_key"

    case_id: Mapped[str] = mapped_column(Id, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(index=True)

    @property
    def label(self) -> str:
        return f"case:{self.case_id}"


class ObjectKeyRow(RealmBase):
    """The key of one object of a case, wrapped by the key of the case."""

    __tablename__ = "object_key"

    case_id: Mapped[str] = mapped_column(Id, primary_key=True)
    object_id: Mapped[str] = mapped_column(Key, primary_key=True)
    wrapped: Mapped[bytes]


# ---- cases ---------------------------------------------------------------------------------------------------------


class CaseRecordRow(RealmBase):
    """A case as it was opened; append-only, and the root of its chain."""

    __tablename__ = "case_record"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(Plain(13), unique=True)
    protocol: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(Plain(64))
    unit: Mapped[str] = mapped_column(Id, index=True)
    opened_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("length(number) = 13", name="number_has_13_digits"),
        CheckConstraint("version >= 1", name="version_counts"),
        CheckConstraint("length(digest) = 64", name="digest_is_sha256"),
    )


class EventRow(RealmBase):
    """One event: clear header, sealed body, commitments, and its link in the chain; append-only."""

    __tablename__ = "event"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Key)
    actor: Mapped[str] = mapped_column(Id)
    role: Mapped[str] = mapped_column(Key)
    at: Mapped[datetime]
    occurred_at: Mapped[datetime]
    sealed: Mapped[bytes]
    body_commitment: Mapped[bytes]
    words_commitment: Mapped[bytes | None]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq >= 1", name="numbered_from_1"),
        CheckConstraint("length(body_commitment) = 32", name="body_committed"),
        CheckConstraint("words_commitment IS NULL OR length(words_commitment) = 32", name="words_committed"),
        CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name="linked"),
        {"info": NEEDS_KEYS},
    )


class EventWordsRow(RealmBase):
    """The words of an event, under a key of their own: the one part of an event that can be destroyed."""

    __tablename__ = "event_words"

    case_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    object_id: Mapped[str] = mapped_column(Key)
    sealed: Mapped[bytes]

    __table_args__ = (ForeignKeyConstraint(["case_id", "seq"], ["event.case_id", "event.seq"]),)


class TombstoneRow(RealmBase):
    """What was destroyed on purpose: the words of one event, or (number 0) the key of a whole case; append-only."""

    __tablename__ = "tombstone"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Id)
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq >= 0", name="of_an_event_or_the_case"),
        CheckConstraint("length(hash) = 32", name="keyed"),
    )


# ---- around the cases ----------------------------------------------------------------------------------------------


class UsedTokenRow(RealmBase):
    """A one-time token that was used, by hash, and what came of it."""

    __tablename__ = "used_token"

    account: Mapped[str] = mapped_column(Id, primary_key=True)
    token: Mapped[bytes] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[dict[str, Any]]

    __table_args__ = (CheckConstraint("length(token) = 32", name="token_is_hashed"),)


class DraftRow(Wrapped, RealmBase):
    """Typed text kept for the same person, sealed under a key of its own."""

    __tablename__ = "draft"

    account: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(Plain(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    sealed: Mapped[bytes]

    @property
    def label(self) -> str:
        return f"draft:{self.account}:{self.key}"


class OutboxRow(RealmBase):
    """What a transaction wants done later: ids only."""

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(Key)
    payload: Mapped[dict[str, Any]]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts_count"),
        Index(
            "ix_outbox_waiting",
            "due_at",
            "id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )


class RetentionDayRow(RealmBase):
    """A day on which the time limits were looked at; `run` numbers these days."""

    __tablename__ = "retention_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    run: Mapped[int] = mapped_column(unique=True)
    at: Mapped[datetime]

    __table_args__ = (CheckConstraint("run >= 1", name="days_count_from_one"),)


class AccessRow(RealmBase):
    """Who read what of a case, and why (a code, never typed words); `place`: in which order; append-only."""

    __tablename__ = "access"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"))
    account: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(Key)
    reason: Mapped[str] = mapped_column(Key, default="")
    place: Mapped[int] = mapped_column(BigInteger, index=True, unique=True)

    __table_args__ = (Index(None, "case_id", "at", "id"), Index(None, "account", "at", "id"))


class BlobRow(RealmBase):
    """The sealed bytes of a file, where files lie in the database; `name` is the `place` of its row."""

    __tablename__ = "kept_blob"

    name: Mapped[str] = mapped_column(Plain(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), index=True)
    content: Mapped[bytes]

    __table_args__ = {"info": {"batch": 4}}  # noqa: RUF012 - as SQLAlchemy wants it


class FilesAtRow(RealmBase):
    """The one row that says where files lie; none: in the folder beside the data. `place` is always 1."""

    __tablename__ = "files_at"

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    address: Mapped[str] = mapped_column(Plain(300))

    __table_args__ = (CheckConstraint("place = 1", name="files_are_in_one_place"),)


# ---- chains beside those of cases: accesses closed in batches, administration linked, anchors taken ----------------


class AccessBatchRow(RealmBase):
    """Accesses closed together, from one place to another: a keyed leaf for each, and the link to the batch before.

    `leaves`: 20 bytes a row, how far its place is from the first one and the beginning of its keyed hash; append-only.
    """

    __tablename__ = "access_batch"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_place: Mapped[int] = mapped_column(BigInteger)
    last_place: Mapped[int] = mapped_column(BigInteger, ForeignKey("access.place"))
    closed_at: Mapped[datetime]
    leaves: Mapped[bytes]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq >= 1", name="numbered_from_1"),
        CheckConstraint("first_place >= 1 AND last_place >= first_place", name="places_in_order"),
        CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name="linked"),
    )


class AnchorTakenRow(RealmBase):
    """An anchor that was written outside the database, by the digest of its file; append-only."""

    __tablename__ = "anchor_taken"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    file_digest: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq >= 1", name="numbered_from_1"),
        CheckConstraint("length(file_digest) = 32", name="digest_is_sha256"),
    )


class AnchoredHeadRow(RealmBase):
    """The head of a case as the latest anchor holds it, so that the next one holds only what moved; keyed.

    Nothing rests on it: without these rows an anchor is larger, not weaker.
    """

    __tablename__ = "anchored_head"

    case_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
    keyed: Mapped[bytes]

    __table_args__ = ({"info": {"outlives_case": True}},)


class JournalCheckRow(RealmBase):
    """A check of every chain: when, how much was read, how many faults, and the first one in codes."""

    __tablename__ = "journal_check"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    events: Mapped[int] = mapped_column(BigInteger)
    faults: Mapped[int]
    first_fault: Mapped[str] = mapped_column(Plain(200), default="")
    told_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("faults >= 0", name="faults_count"), Index(None, "finished_at"))

    @property
    def passed(self) -> bool:
        return self.faults == 0


class AdministrationLinkRow(DirectoryBase):
    """The link of one row of `administration` in its chain; number 0 is where the chain begins. Append-only."""

    __tablename__ = "administration_link"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    administration: Mapped[str | None] = mapped_column(Id, ForeignKey("administration.id"), unique=True)
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("(seq = 0) = (administration IS NULL)", name="of_a_row_or_the_beginning"),
        CheckConstraint("seq >= 0", name="numbered_from_0"),
        CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name="linked"),
        {"info": NEEDS_KEYS},
    )


# ---- the mark by which a demo is known -----------------------------------------------------------------------------


class DemoMarkRow(DirectoryBase):
    """That everything here is made up: written as a demo is made, and never in an installation."""

    __tablename__ = "demo_mark"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("id = 1", name="one_alone"),)
