"""Every table of a realm."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_key",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_key")),
    )
    op.create_index(op.f("ix_case_key_created_at"), "case_key", ["created_at"], unique=False)
    op.create_index(op.f("ix_case_key_master"), "case_key", ["master"], unique=False)
    op.create_table(
        "case_record",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=13), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_case_record_digest_is_sha256")),
        sa.CheckConstraint("length(number) = 13", name=op.f("ck_case_record_number_has_13_digits")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_case_record_version_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_record")),
        sa.UniqueConstraint("number", name=op.f("uq_case_record_number")),
    )
    op.create_index(op.f("ix_case_record_unit"), "case_record", ["unit"], unique=False)
    op.create_table(
        "draft",
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "key", name=op.f("pk_draft")),
    )
    op.create_index(op.f("ix_draft_at"), "draft", ["at"], unique=False)
    op.create_index(op.f("ix_draft_master"), "draft", ["master"], unique=False)
    op.create_table(
        "object_key",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.String(length=80), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "object_id", name=op.f("pk_object_key")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts_count")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_done_at"), "outbox", ["done_at"], unique=False)
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "used_token",
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.CheckConstraint("length(token) = 32", name=op.f("ck_used_token_token_is_hashed")),
        sa.PrimaryKeyConstraint("account", "token", name=op.f("pk_used_token")),
    )
    op.create_index(op.f("ix_used_token_at"), "used_token", ["at"], unique=False)
    op.create_table(
        "access",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_access_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access")),
    )
    op.create_index(op.f("ix_access_account_at_id"), "access", ["account", "at", "id"], unique=False)
    op.create_index(op.f("ix_access_case_id_at_id"), "access", ["case_id", "at", "id"], unique=False)
    op.create_table(
        "case_index",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=13), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("province", sa.String(length=40), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=80), nullable=False),
        sa.Column("stage", sa.String(length=80), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("team_sees", sa.Boolean(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("raised", sa.Integer(), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_due_key", sa.String(length=80), nullable=True),
        sa.Column("due_order", sa.DateTime(timezone=True), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(next_due_at IS NULL) = (next_due_key IS NULL)", name=op.f("ck_case_index_due_has_its_key")
        ),
        sa.CheckConstraint("last_seq >= 1", name=op.f("ck_case_index_opened")),
        sa.CheckConstraint("level IS NULL OR level >= 0", name=op.f("ck_case_index_level_counts")),
        sa.CheckConstraint("next_due_at IS NULL OR due_order = next_due_at", name=op.f("ck_case_index_due_orders")),
        sa.CheckConstraint("raised >= 0", name=op.f("ck_case_index_raised_counts")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_case_index_version_counts")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_case_index_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_index")),
        sa.UniqueConstraint("number", name=op.f("uq_case_index_number")),
    )
    op.create_index(op.f("ix_case_index_due_order_case_id"), "case_index", ["due_order", "case_id"], unique=False)
    op.create_index(
        op.f("ix_case_index_province_due_order_case_id"),
        "case_index",
        ["province", "due_order", "case_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_case_index_region_due_order_case_id"), "case_index", ["region", "due_order", "case_id"], unique=False
    )
    op.create_index(
        op.f("ix_case_index_unit_due_order_case_id"), "case_index", ["unit", "due_order", "case_id"], unique=False
    )
    op.create_table(
        "document_copy",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.CheckConstraint("copies >= 0", name=op.f("ck_document_copy_copies_count")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_document_copy_case_id")),
        sa.PrimaryKeyConstraint("case_id", "document", name=op.f("pk_document_copy")),
    )
    op.create_table(
        "event",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("body_commitment", sa.LargeBinary(), nullable=False),
        sa.Column("words_commitment", sa.LargeBinary(), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(body_commitment) = 32", name=op.f("ck_event_body_committed")),
        sa.CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name=op.f("ck_event_linked")),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_event_numbered_from_1")),
        sa.CheckConstraint(
            "words_commitment IS NULL OR length(words_commitment) = 32", name=op.f("ck_event_words_committed")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_event_case_id")),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_event")),
    )
    op.create_table(
        "identity",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("slot_id", sa.String(length=40), nullable=False),
        sa.Column("slot", sa.String(length=80), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_identity_case_id")),
        sa.PrimaryKeyConstraint("case_id", "slot_id", name=op.f("pk_identity")),
    )
    op.create_table(
        "identity_mark",
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("slot_id", sa.String(length=40), nullable=False),
        sa.CheckConstraint("length(mark) = 32", name=op.f("ck_identity_mark_mark_is_keyed")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_identity_mark_case_id")),
        sa.PrimaryKeyConstraint("unit", "mark", "case_id", "slot_id", name=op.f("pk_identity_mark")),
    )
    op.create_index(op.f("ix_identity_mark_case_id"), "identity_mark", ["case_id"], unique=False)
    op.create_table(
        "report",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(length=80), nullable=False),
        sa.Column("reporter", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(status IN ('opened', 'linked')) = (case_id IS NOT NULL)", name=op.f("ck_report_case_where_it_went")
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'opened', 'linked', 'answered')", name=op.f("ck_report_status_known")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_report_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
    )
    op.create_index(op.f("ix_report_case_id"), "report", ["case_id"], unique=False)
    op.create_index(op.f("ix_report_master"), "report", ["master"], unique=False)
    op.create_index(
        op.f("ix_report_reporter_received_at_id"), "report", ["reporter", "received_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_report_unit_status_received_at_id"), "report", ["unit", "status", "received_at", "id"], unique=False
    )
    op.create_table(
        "tombstone",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_tombstone_keyed")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_tombstone_of_an_event_or_the_case")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_tombstone_case_id")),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_tombstone")),
    )
    op.create_table(
        "case_due",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_due_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "key", "subject", name=op.f("pk_case_due")),
    )
    op.create_index(
        op.f("ix_case_due_due_at_case_id_key_subject"),
        "case_due",
        ["due_at", "case_id", "key", "subject"],
        unique=False,
    )
    op.create_table(
        "case_exclusion",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_exclusion_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "account", name=op.f("pk_case_exclusion")),
    )
    op.create_table(
        "case_figure",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("fact", sa.String(length=80), nullable=False),
        sa.Column("value", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_figure_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "fact", name=op.f("pk_case_figure")),
    )
    op.create_index(op.f("ix_case_figure_fact_value"), "case_figure", ["fact", "value"], unique=False)
    op.create_table(
        "case_reader",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_reader_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "account", name=op.f("pk_case_reader")),
    )
    op.create_index(op.f("ix_case_reader_account_case_id"), "case_reader", ["account", "case_id"], unique=False)
    op.create_table(
        "case_seat",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("seat", sa.String(length=80), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_seat_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "account", "seat", name=op.f("pk_case_seat")),
    )
    op.create_index(op.f("ix_case_seat_account_case_id"), "case_seat", ["account", "case_id"], unique=False)
    op.create_table(
        "case_waiting",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_waiting_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "role", name=op.f("pk_case_waiting")),
    )
    op.create_table(
        "event_words",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("object_id", sa.String(length=80), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id", "seq"], ["event.case_id", "event.seq"], name=op.f("fk_event_words_case_id_seq")
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_event_words")),
    )


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
