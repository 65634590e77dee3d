"""How often somebody is told, the address of their calendar, and the mails that a demo shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digest_choice",
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("every", sa.String(length=12), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "every IN ('at_once', 'school_days', 'weekly', 'urgent_only')", name=op.f("ck_digest_choice_every_known")
        ),
        sa.CheckConstraint("day BETWEEN 0 AND 6", name=op.f("ck_digest_choice_day_of_a_week")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_digest_choice_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_digest_choice")),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.CheckConstraint("length(hashed) = 32", name=op.f("ck_calendar_feed_token_is_hashed")),
        sa.CheckConstraint("reads >= 0", name=op.f("ck_calendar_feed_reads_count")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_calendar_feed_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("hashed", name=op.f("uq_calendar_feed_hashed")),
    )
    op.create_table(
        "demo_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_demo_mark_one_alone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demo_mark")),
    )
    op.create_table(
        "demo_letter",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("receiver", sa.String(length=254), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demo_letter")),
    )
    op.create_index(op.f("ix_demo_letter_at_id"), "demo_letter", ["at", "id"])


def downgrade() -> None:
    tables = ("demo_letter", "demo_mark", "calendar_feed", "digest_choice")
    refuse_to_lose(*tables)
    for table in tables:
        op.drop_table(table)
