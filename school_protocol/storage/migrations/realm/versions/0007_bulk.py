"""Case files made ahead, looked at case by case; jobs of many copies, and their cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paper_look",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("profile", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_paper_look_tries_are_counted")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_paper_look_case_id_case_record")),
        sa.PrimaryKeyConstraint("case_id", "account", "document", "profile", "language", name=op.f("pk_paper_look")),
    )
    op.create_index(op.f("ix_paper_look_until"), "paper_look", ["until"], unique=False)
    op.create_table(
        "bulk",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("profile", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("chosen", sa.JSON(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("trouble", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('running', 'done', 'stopped')", name=op.f("ck_bulk_state_known")),
        sa.CheckConstraint("(state = 'running') = (settled_at IS NULL)", name=op.f("ck_bulk_settled_unless_running")),
        sa.CheckConstraint("(state = 'stopped') = (why <> '')", name=op.f("ck_bulk_stopped_for_a_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk")),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "uq_bulk_one_running", "bulk", ["account"], unique=True, sqlite_where=running, postgresql_where=running
    )
    op.create_index(op.f("ix_bulk_account_begun_at"), "bulk", ["account", "begun_at"], unique=False)
    op.create_index(op.f("ix_bulk_until"), "bulk", ["until"], unique=False)
    op.create_table(
        "bulk_case",
        sa.Column("bulk", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("sight", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'done', 'refused')", name=op.f("ck_bulk_case_state_known")),
        sa.CheckConstraint("(state = 'done') = (copy > 0)", name=op.f("ck_bulk_case_done_with_a_copy")),
        sa.CheckConstraint("(state = 'refused') = (why <> '')", name=op.f("ck_bulk_case_refused_for_a_reason")),
        sa.ForeignKeyConstraint(["bulk"], ["bulk.id"], name=op.f("fk_bulk_case_bulk_bulk"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_bulk_case_case_id_case_record")),
        sa.PrimaryKeyConstraint("bulk", "place", name=op.f("pk_bulk_case")),
    )
    op.create_index(op.f("ix_bulk_case_bulk_state_place"), "bulk_case", ["bulk", "state", "place"], unique=False)
    op.create_index(op.f("ix_bulk_case_case_id"), "bulk_case", ["case_id"], unique=False)


def downgrade() -> None:
    op.drop_table("bulk_case")
    op.drop_table("bulk")
    op.drop_table("paper_look")
