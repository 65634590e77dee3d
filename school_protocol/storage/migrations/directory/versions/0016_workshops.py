"""The list of workshops."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workshop",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("trainer", sa.String(length=40), nullable=True),
        sa.Column("scenario", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("protocol_version", sa.Integer(), nullable=False),
        sa.Column("tables", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "purged_at IS NULL OR ended_at IS NOT NULL", name=op.f("ck_workshop_ends_before_it_is_purged")
        ),
        sa.CheckConstraint("tables BETWEEN 1 AND 30", name=op.f("ck_workshop_tables_bounded")),
        sa.ForeignKeyConstraint(["trainer"], ["account.id"], name=op.f("fk_workshop_trainer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workshop")),
        sa.UniqueConstraint("code", name=op.f("uq_workshop_code")),
    )
    op.create_index(op.f("ix_workshop_purged_at_purge_at"), "workshop", ["purged_at", "purge_at"])
    op.create_index(op.f("ix_workshop_trainer_created_at"), "workshop", ["trainer", "created_at"])


def downgrade() -> None:
    refuse_to_lose("workshop")
    op.drop_table("workshop")
