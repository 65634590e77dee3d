"""What was told to whom, and when the chains of a case are looked at again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('mail', 'sms', 'none')", name=op.f("ck_notice_channel_known")),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'no_address', 'withheld')", name=op.f("ck_notice_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (settled_at IS NULL)", name=op.f("ck_notice_settled_unless_waiting")
        ),
        sa.CheckConstraint("channel <> 'none' OR state <> 'waiting'", name=op.f("ck_notice_waits_for_a_channel")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_notice_attempts_count")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_notice_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "case_id", "cause", "role", "account", "channel",
            name=op.f("uq_notice_case_id_cause_role_account_channel"),
        ),
    )  # fmt: skip
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_notice_waiting", "notice", ["due_at", "id"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index(op.f("ix_notice_account_settled_at"), "notice", ["account", "settled_at"])
    op.create_table(
        "case_look",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_look_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_look")),
    )
    op.create_index(op.f("ix_case_due_key_case_id"), "case_due", ["key", "case_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_case_due_key_case_id"), table_name="case_due")
    op.drop_table("case_look")
    op.drop_table("notice")
