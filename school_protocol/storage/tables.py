"""Tables on two bases: the directory that belongs to no realm, and what each realm keeps. More stand in `…_tables.py`.

What is personal is in columns named `sealed` and nowhere else. The rest are ids, kinds, times and keyed marks.
Triggers (append-only rows, no gap in a chain) are part of the migrations.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

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
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from school_protocol.storage.row_macs import FREE, HasMac

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


class AccountRow(HasMac, DirectoryBase):
    """Somebody who can sign in."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(Plain(80), unique=True)
    names: Mapped[dict[str, Any]]
    password_hash: Mapped[str | None] = mapped_column(Plain(255))
    language: Mapped[str] = mapped_column(Plain(12))
    certified: Mapped[bool] = mapped_column(default=False)
    trained_until: Mapped[date | None]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    email: Mapped[str | None] = mapped_column(Plain(254))
    phone: Mapped[str | None] = mapped_column(Plain(40))

    __table_args__ = (CheckConstraint("length(username) >= 1", name="username_said"), {"info": NEEDS_KEYS})


class UnitRow(HasMac, DirectoryBase):
    """A school, a province, a region or the country."""

    __tablename__ = "unit"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Plain(12))
    code: Mapped[str] = mapped_column(Plain(40), unique=True)
    names: Mapped[dict[str, Any]]
    parent: Mapped[str | None] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    city: Mapped[str] = mapped_column(Plain(80), default="")

    __table_args__ = (
        CheckConstraint("kind IN ('school', 'province', 'region', 'country')", name="kind_known"),
        CheckConstraint("kind <> 'school' OR length(code) = 6", name="school_code_is_gresa"),
        CheckConstraint("parent IS NULL OR parent <> id", name="not_its_own_parent"),
    )


class AppointmentRow(HasMac, DirectoryBase):
    """A role held in a unit, both days included."""

    __tablename__ = "appointment"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    role: Mapped[str] = mapped_column(Key)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    starts: Mapped[date]
    ends: Mapped[date | None]

    __table_args__ = (
        CheckConstraint("ends IS NULL OR ends >= starts", name="ends_after_it_starts"),
        Index(None, "unit", "role"),
    )


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


class ContactRow(HasMac, DirectoryBase):
    """Whom to call for a referral target; without a unit: the whole country's. `revision` counts its changes."""

    __tablename__ = "contact"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str | None] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    target: Mapped[str] = mapped_column(Key)
    names: Mapped[dict[str, Any]]
    labels: Mapped[dict[str, Any]]
    city: Mapped[dict[str, Any]] = mapped_column(default=dict)
    phone: Mapped[str] = mapped_column(Plain(40), default="")
    url: Mapped[str] = mapped_column(Plain(300), default="")
    hours: Mapped[dict[str, Any]]
    verified_on: Mapped[date | None]
    verified_by: Mapped[str | None] = mapped_column(Id)
    position: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=1)
    retired_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("(verified_on IS NULL) = (verified_by IS NULL)", name="verified_by_somebody"),)


class CalendarRow(HasMac, DirectoryBase):
    """School time of a unit and of all below it."""

    __tablename__ = "calendar"

    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"), primary_key=True)
    timezone: Mapped[str] = mapped_column(Plain(60))
    opening: Mapped[dict[str, Any]]
    exceptions: Mapped[list[Any]]
    closed: Mapped[list[Any]]


class DefinitionRow(HasMac, DirectoryBase):
    """Published bytes: never changed, never deleted; only which version is the current one moves on."""

    __tablename__ = "definition"

    protocol: Mapped[str] = mapped_column(Key, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(Plain(64), unique=True)
    content: Mapped[bytes] = mapped_column(info=FREE)
    published_at: Mapped[datetime]
    is_current: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint("version >= 1", name="version_counts"),
        CheckConstraint("length(digest) = 64", name="digest_is_sha256"),
        Index(
            "uq_definition_one_current",
            "protocol",
            unique=True,
            sqlite_where=text("is_current"),
            postgresql_where=text("is_current"),
        ),
    )


class DefinitionDraftRow(HasMac, DirectoryBase):
    """A file that may become a version: its bytes never change, only where it stands. Nothing here takes it away.

    `account`: who brought it; `base`: the digest of the version that was current when it was looked at; `report`: what
    the proof and the stored cases said of it, once that is worked out; `taken_at`: somebody is at that.
    """

    __tablename__ = "definition_draft"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    protocol: Mapped[str] = mapped_column(Key, default="")
    version: Mapped[int] = mapped_column(default=0)
    digest: Mapped[str] = mapped_column(Plain(64), index=True)
    content: Mapped[bytes] = mapped_column(info=FREE)
    file: Mapped[str] = mapped_column(Plain(120), default="")
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Plain(12), default="uploaded", index=True)
    faults: Mapped[list[Any]]
    base: Mapped[str] = mapped_column(Plain(64), default="")
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), info=FREE)
    taken_at: Mapped[datetime | None] = mapped_column(info=FREE)
    proposed_at: Mapped[datetime | None]
    agreed_by: Mapped[str | None] = mapped_column(Id, ForeignKey("account.id"))
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="draft_digest_is_sha256"),
        CheckConstraint("state IN ('uploaded', 'proposed', 'published', 'withdrawn')", name="draft_state_known"),
        CheckConstraint("agreed_by IS NULL OR agreed_by <> account", name="two_people_publish"),
        CheckConstraint("(state = 'published') = (agreed_by IS NOT NULL)", name="published_is_agreed_to"),
        CheckConstraint("state NOT IN ('proposed', 'published') OR proposed_at IS NOT NULL", name="proposed_first"),
    )


class WebSessionRow(HasMac, DirectoryBase):
    """A signed-in browser; only the hash of its token is kept. `stage`: whether a second factor is still awaited."""

    __tablename__ = "web_session"

    token: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(info=FREE)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user_agent: Mapped[str] = mapped_column(Plain(120), default="")
    stage: Mapped[str] = mapped_column(Plain(12), server_default="full")

    __table_args__ = (
        CheckConstraint("length(token) = 32", name="token_is_hashed"),
        CheckConstraint("expires_at > created_at", name="expires_after_it_began"),
        {"info": FORGET_ON_RESTORE},
    )


class ThrottleRow(DirectoryBase):
    """One attempt to sign in, by hashed subject (a username, an address)."""

    __tablename__ = "throttle"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (CheckConstraint("length(subject) = 32", name="subject_is_hashed"), Index(None, "subject", "at"))


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


class IdentityRow(RealmBase):
    """Who stands in a slot of a case, sealed under a key of its own."""

    __tablename__ = "identity"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    slot_id: Mapped[str] = mapped_column(Id, primary_key=True)
    slot: Mapped[str] = mapped_column(Key)
    sealed: Mapped[bytes]


class IdentityMarkRow(RealmBase):
    """Keyed hash of a name or code, for exact search within one unit."""

    __tablename__ = "identity_mark"

    unit: Mapped[str] = mapped_column(Id, primary_key=True)
    mark: Mapped[bytes] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True, index=True)
    slot_id: Mapped[str] = mapped_column(Id, primary_key=True)

    __table_args__ = (CheckConstraint("length(mark) = 32", name="mark_is_keyed"),)


class ReportRow(HasMac, Wrapped, RealmBase):
    """A signalement, before it belongs to a case; sealed under a key of its own."""

    __tablename__ = "report"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id)
    received_at: Mapped[datetime]
    channel: Mapped[str] = mapped_column(Key)
    reporter: Mapped[str | None] = mapped_column(Id)
    status: Mapped[str] = mapped_column(Plain(12))
    case_id: Mapped[str | None] = mapped_column(Id, ForeignKey("case_record.id"), index=True)
    sealed: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'opened', 'linked', 'answered')", name="status_known"),
        CheckConstraint("(status IN ('opened', 'linked')) = (case_id IS NOT NULL)", name="case_where_it_went"),
        Index(None, "unit", "status", "received_at", "id"),
        Index(None, "reporter", "received_at", "id"),
    )

    @property
    def label(self) -> str:
        return f"report:{self.id}"


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


class NoticeRow(RealmBase):
    """What was told: one row a case, cause, role, person and channel. Without a person: nobody could be told."""

    __tablename__ = "notice"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"))
    cause: Mapped[str] = mapped_column(Plain(200))
    role: Mapped[str] = mapped_column(Key)
    account: Mapped[str] = mapped_column(Id)
    channel: Mapped[str] = mapped_column(Plain(8))
    urgent: Mapped[bool]
    at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(Plain(12))
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("case_id", "cause", "role", "account", "channel"),
        CheckConstraint("channel IN ('mail', 'sms', 'none')", name="channel_known"),
        CheckConstraint("state IN ('waiting', 'delivered', 'no_address', 'withheld')", name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_unless_waiting"),
        CheckConstraint("channel <> 'none' OR state <> 'waiting'", name="waits_for_a_channel"),
        CheckConstraint("attempts >= 0", name="attempts_count"),
        Index(
            "ix_notice_waiting",
            "due_at",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(None, "account", "settled_at"),
    )


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


class DocumentCopyRow(RealmBase):
    """How many copies of a document were handed out for a case."""

    __tablename__ = "document_copy"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    document: Mapped[str] = mapped_column(Key, primary_key=True)
    copies: Mapped[int]

    __table_args__ = (CheckConstraint("copies >= 0", name="copies_count"),)
