"""Public reports: of when they came the hour alone, and no row with a number that would order them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WAITS = "waits IS NOT NULL"


def upgrade() -> None:
    text = sa.String
    op.create_table(
        "public_report",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("unit", text(length=40), nullable=False),
        sa.Column("kind", text(length=8), nullable=False),
        sa.Column("protocol", text(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("status", text(length=12), nullable=False),
        sa.Column("outcome", text(length=80), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=True),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("to_verify", sa.Boolean(), nullable=False),
        sa.Column("waits", sa.Integer(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("fullness", sa.Integer(), nullable=False),
        sa.Column("barred", sa.JSON(), nullable=False),
        sa.Column("case_id", text(length=40), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('public', 'staff')", name=op.f("ck_public_report_public_kind_known")),
        sa.CheckConstraint(
            "status IN ('waiting', 'answered', 'opened', 'linked', 'oriented', 'closed')",
            name=op.f("ck_public_report_public_status_known"),
        ),
        sa.CheckConstraint(
            "(status IN ('opened', 'linked')) = (case_id IS NOT NULL)",
            name=op.f("ck_public_report_public_case_where_it_went"),
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (settled IS NULL)", name=op.f("ck_public_report_public_settled_unless_waiting")
        ),
        sa.CheckConstraint("step >= 0 AND fullness >= 0", name=op.f("ck_public_report_public_counts")),
        sa.CheckConstraint("length(code_hash) = 32", name=op.f("ck_public_report_code_is_keyed")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_public_report_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_report")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_public_report_code_hash")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_public_report_unit_status_hour_id"), "public_report", ["unit", "status", "hour", "id"])
    op.create_index(
        "ix_public_report_waits", "public_report", ["waits", "id"],
        sqlite_where=sa.text(WAITS), postgresql_where=sa.text(WAITS),
    )  # fmt: skip
    for column in ("hour", "case_id", "master"):
        op.create_index(op.f(f"ix_public_report_{column}"), "public_report", [column])
    op.create_table(
        "public_message",
        sa.Column("report", text(length=40), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by_reporter", sa.Boolean(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("place >= 1", name=op.f("ck_public_message_messages_count")),
        _of_report("public_message"),
        sa.PrimaryKeyConstraint("report", "place", name=op.f("pk_public_message")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_public_message_hour"), "public_message", ["hour"])
    op.create_table(
        "public_twin",
        sa.Column("report", text(length=40), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(mark) = 32", name=op.f("ck_public_twin_twin_is_keyed")),
        _of_report("public_twin"),
        sa.PrimaryKeyConstraint("report", "mark", name=op.f("pk_public_twin")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "public_trace",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("report", text(length=40), nullable=False),
        sa.Column("account", text(length=40), nullable=False),
        sa.Column("what", text(length=80), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        _of_report("public_trace"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_trace")),
        sqlite_with_rowid=False,
    )
    for column in ("report", "hour"):
        op.create_index(op.f(f"ix_public_trace_{column}"), "public_trace", [column])
    op.create_table(
        "public_notice",
        sa.Column("id", text(length=40), nullable=False),
        sa.Column("unit", text(length=40), nullable=False),
        sa.Column("account", text(length=40), nullable=False),
        sa.Column("channel", text(length=8), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("state", text(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("channel IN ('mail', 'sms', 'none')", name=op.f("ck_public_notice_public_channel_known")),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'no_address', 'withheld')",
            name=op.f("ck_public_notice_public_state_known"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_public_notice_public_attempts_count")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_notice")),
        sa.UniqueConstraint(
            "unit", "account", "channel", "urgent", "hour",
            name=op.f("uq_public_notice_unit_account_channel_urgent_hour"),
        ),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index(op.f("ix_public_notice_hour"), "public_notice", ["hour"])
    op.create_index("ix_public_notice_state_due", "public_notice", ["state", "due"])


def _of_report(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["report"], ["public_report.id"], name=op.f(f"fk_{table}_report"), deferrable=True, initially="DEFERRED"
    )


def downgrade() -> None:
    tables = ("public_report", "public_message", "public_twin", "public_trace", "public_notice")
    refuse_to_lose(*tables)
    for table in reversed(tables):
        op.drop_table(table)
