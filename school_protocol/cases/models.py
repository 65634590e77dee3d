"""Tables of the case index, identities, reports from inside, tallies, copies, requests between schools."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, true
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.models import FREE, LAST_SEQ, TALLIED, HasMac, Id, Key, Plain, RealmBase, Wrapped


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
        {"info": TALLIED},
    )

    @property
    def label(self) -> str:
        return f"report:{self.id}"


class ReportTallyRow(HasMac, RealmBase):
    """How many rows of one table came to a unit, and how many of them were erased."""

    __tablename__ = "report_tally"

    table: Mapped[str] = mapped_column(Key, primary_key=True)
    unit: Mapped[str] = mapped_column(Id, primary_key=True)
    came: Mapped[int]
    erased: Mapped[int]

    __table_args__ = (CheckConstraint("erased >= 0 AND came >= erased", name="tally_counts"),)


class DocumentCopyRow(RealmBase):
    """How many copies of a document were handed out for a case."""

    __tablename__ = "document_copy"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    document: Mapped[str] = mapped_column(Key, primary_key=True)
    copies: Mapped[int]

    __table_args__ = (CheckConstraint("copies >= 0", name="copies_count"),)


# ---- the index: where cases stand ----------------------------------------------------------------------------------
# It can be deleted and rebuilt from what is sealed, and identifies nobody.


class CaseIndexRow(RealmBase):
    """Where a case stands, in words that identify nobody. `due_order` is the next due moment, or the end of time.

    `macs`: by table, the keyed hash of the case's rows there, this one's over the others too.
    """

    __tablename__ = "case_index"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    number: Mapped[str] = mapped_column(Plain(13), unique=True)
    protocol: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    unit: Mapped[str] = mapped_column(Id)
    province: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    word: Mapped[str | None] = mapped_column(Key)
    """By which lists call it; NULL: the row is from before words were given."""
    state: Mapped[str] = mapped_column(Key)
    stage: Mapped[str] = mapped_column(Key)
    level: Mapped[int | None]
    team_sees: Mapped[bool]
    restricted: Mapped[bool]
    ended: Mapped[bool]
    raised: Mapped[int]
    next_due_at: Mapped[datetime | None]
    next_due_key: Mapped[str | None] = mapped_column(Key)
    due_order: Mapped[datetime]
    urgent: Mapped[bool]
    next_key: Mapped[str | None] = mapped_column(Key)
    next_kind: Mapped[str | None] = mapped_column(Key)
    waiting_since: Mapped[datetime | None]
    waits_on_authority: Mapped[bool | None]
    waits_on_family: Mapped[bool | None]
    opened_at: Mapped[datetime]
    moved_at: Mapped[datetime]
    last_seq: Mapped[int] = mapped_column(info=LAST_SEQ)
    macs: Mapped[dict[str, Any]] = mapped_column(info=FREE)

    __table_args__ = (
        CheckConstraint("version >= 1", name="version_counts"),
        CheckConstraint("raised >= 0", name="raised_counts"),
        CheckConstraint("last_seq >= 1", name="opened"),
        CheckConstraint("level IS NULL OR level >= 0", name="level_counts"),
        CheckConstraint("(next_due_at IS NULL) = (next_due_key IS NULL)", name="due_has_its_key"),
        CheckConstraint("next_due_at IS NULL OR due_order = next_due_at", name="due_orders"),
        Index(None, "due_order", "case_id"),
        Index(None, "unit", "urgent", "due_order", "case_id"),
        Index(None, "province", "urgent", "due_order", "case_id"),
        Index(None, "region", "urgent", "due_order", "case_id"),
    )


def _of_index() -> Mapped[str]:
    return mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)


class CaseSeatRow(RealmBase):
    """Who sits in which seat of a case, up to which day."""

    __tablename__ = "case_seat"

    case_id: Mapped[str] = _of_index()
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    seat: Mapped[str] = mapped_column(Key, primary_key=True)
    until: Mapped[date | None]

    __table_args__ = (Index(None, "account", "case_id"),)


class CaseExclusionRow(RealmBase):
    """Who may take no part in a case, nor see it."""

    __tablename__ = "case_exclusion"

    case_id: Mapped[str] = _of_index()
    account: Mapped[str] = mapped_column(Id, primary_key=True)


class CaseReaderRow(RealmBase):
    """Who may read a case by name, and until when; without an end: as long as the row stands."""

    __tablename__ = "case_reader"

    case_id: Mapped[str] = _of_index()
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    until: Mapped[datetime | None]

    __table_args__ = (Index(None, "account", "case_id"),)


class CaseWaitingRow(RealmBase):
    """Which roles the case waits for; where one of them alone can meet a need, by which act, which need, since when."""

    __tablename__ = "case_waiting"

    case_id: Mapped[str] = _of_index()
    role: Mapped[str] = mapped_column(Key, primary_key=True)
    is_next: Mapped[bool] = mapped_column(server_default=true())
    """Whether what is next waits for it, too."""
    act: Mapped[str | None] = mapped_column(Key)
    need: Mapped[str | None] = mapped_column(Key)
    since: Mapped[datetime | None]


class CaseDueRow(RealmBase):
    """A deadline that runs, or (`planned`) a follow-up that is to come: its key is the act's, its subject the day."""

    __tablename__ = "case_due"

    case_id: Mapped[str] = _of_index()
    key: Mapped[str] = mapped_column(Key, primary_key=True)
    subject: Mapped[str] = mapped_column(Key, primary_key=True)
    due_at: Mapped[datetime]
    urgent: Mapped[bool]
    planned: Mapped[bool]

    __table_args__ = (Index(None, "due_at", "case_id", "key", "subject"), Index(None, "key", "case_id"))


class CaseLookRow(RealmBase):
    """When the chains of a case are to be looked at again; gone as soon as its index row is written anew."""

    __tablename__ = "case_look"

    case_id: Mapped[str] = _of_index()
    next_at: Mapped[datetime]


class CaseFigureRow(RealmBase):
    """A coarse fact, as JSON text: enum, bool or int."""

    __tablename__ = "case_figure"

    case_id: Mapped[str] = _of_index()
    fact: Mapped[str] = mapped_column(Key, primary_key=True)
    value: Mapped[str] = mapped_column(Key)

    __table_args__ = (Index(None, "fact", "value"),)


# ---- the index: referrals, each with the place of its case ---------------------------------------------------------
# So a region's list walks one index.


class CaseReferralRow(RealmBase):
    """One referral of a case. `order_at`: when it is chased, or the end of time; `awaits`: an answer is to come.

    `whom`: the organisation that it went to, by one of its `whom_names`, as it was called then; empty: nobody said.
    """

    __tablename__ = "case_referral"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unit: Mapped[str] = mapped_column(Id)
    province: Mapped[str] = mapped_column(Id)
    region: Mapped[str] = mapped_column(Id)
    target: Mapped[str] = mapped_column(Key)
    sent_at: Mapped[datetime]
    on_danger: Mapped[bool]
    awaits: Mapped[bool]
    acknowledged_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    chase_at: Mapped[datetime | None]
    order_at: Mapped[datetime]
    whom: Mapped[str] = mapped_column(Plain(120), default="")
    whom_names: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (
        CheckConstraint("number >= 1", name="referrals_count"),
        CheckConstraint("settled_at IS NULL OR NOT awaits", name="settled_awaits_nothing"),
        CheckConstraint("chase_at IS NULL OR (awaits AND order_at = chase_at)", name="chase_orders"),
        *(
            Index(None, place, *order, "case_id")
            for place in ("unit", "province", "region")
            for order in (("awaits", "order_at", "sent_at"), ("sent_at",))
        ),
        Index(None, "awaits", "order_at", "case_id"),
    )


# ---- the index: where each review stands ---------------------------------------------------------------------------


class ReviewStateRow(RealmBase):
    """Where the review of a case stands."""

    __tablename__ = "review_state"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(Key)
    since: Mapped[datetime]
    due_at: Mapped[datetime | None]
    observations: Mapped[int]


# ---- what a case asks of another school: who may answer it, without seeing the case --------------------------------


class CaseRequestRow(RealmBase):
    """Something that a case asks, by the entry `seq`, and one who may answer: whoever holds `role` at `place`.

    For a seat that receives, `place` is the account that holds it.
    """

    __tablename__ = "case_request"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[str] = mapped_column(Key, primary_key=True)
    place: Mapped[str] = mapped_column(Id, primary_key=True)
    unit: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Key)
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    shown_from: Mapped[datetime]

    __table_args__ = (Index(None, "place", "role", "asked_at", "case_id"),)


class CaseKnownRow(RealmBase):
    """A unit that a case was asked of, or for, at any time: who answers there comes past `row_security`."""

    __tablename__ = "case_known"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_index.case_id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[str] = mapped_column(Id, primary_key=True)

    __table_args__ = (Index(None, "place", "case_id"),)
