"""Open cases of a version gone through by the worker: how far it is, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passage",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("draft", sa.String(length=40), nullable=True),
        sa.Column("base", sa.String(length=64), nullable=False),
        sa.Column("accepts", sa.JSON(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tally", sa.JSON(), nullable=False),
        sa.Column("at_version", sa.Integer(), nullable=False),
        sa.Column("after", sa.String(length=40), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.String(length=40), nullable=True),
        sa.Column("why", sa.String(length=12), nullable=False),
        sa.CheckConstraint("kind IN ('look', 'move')", name=op.f("ck_passage_kind_known")),
        sa.CheckConstraint("state IN ('running', 'done', 'stopped')", name=op.f("ck_passage_state_known")),
        sa.CheckConstraint(
            "(state = 'running') = (settled_at IS NULL)", name=op.f("ck_passage_settled_unless_running")
        ),
        sa.CheckConstraint("(state = 'stopped') = (why <> '')", name=op.f("ck_passage_stopped_for_a_reason")),
        sa.CheckConstraint("kind = 'look' OR draft IS NULL", name=op.f("ck_passage_a_draft_is_only_looked_at")),
        sa.CheckConstraint(
            "to_version >= 1 AND (from_version IS NULL OR from_version < to_version)",
            name=op.f("ck_passage_from_older_to_newer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passage")),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "uq_passage_one_running", "passage", ["kind", "subject"], unique=True,
        sqlite_where=running, postgresql_where=running,
    )  # fmt: skip
    op.create_index(op.f("ix_passage_draft"), "passage", ["draft"], unique=False)
    op.create_index(op.f("ix_passage_protocol_begun_at"), "passage", ["protocol", "begun_at"], unique=False)


def downgrade() -> None:
    op.drop_table("passage")
