"""Scenarios that trainers bring, and the debriefs that stay of a workshop once its room is gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scenario_upload",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=True),
        sa.Column("file", sa.String(length=120), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scenario", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.JSON(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_scenario_upload_digest_is_sha256")),
        sa.CheckConstraint(
            "state IN ('waiting', 'refused', 'ready', 'replaced', 'withdrawn')",
            name=op.f("ck_scenario_upload_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (settled_at IS NULL)", name=op.f("ck_scenario_upload_waits_or_is_settled")
        ),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_scenario_upload_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario_upload")),
    )
    op.create_index(op.f("ix_scenario_upload_account_at"), "scenario_upload", ["account", "at"])
    op.create_index(op.f("ix_scenario_upload_state_at"), "scenario_upload", ["state", "at"])
    op.create_index(op.f("ix_scenario_upload_digest"), "scenario_upload", ["digest"])
    op.create_table(
        "workshop_debrief",
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scenario", sa.LargeBinary(), nullable=False),
        sa.Column("protocol", sa.LargeBinary(), nullable=True),
        sa.Column("tables", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["workshop"], ["workshop.id"], name=op.f("fk_workshop_debrief_workshop")),
        sa.PrimaryKeyConstraint("workshop", name=op.f("pk_workshop_debrief")),
    )


def downgrade() -> None:
    tables = ("workshop_debrief", "scenario_upload")
    refuse_to_lose(*tables)
    for table in tables:
        op.drop_table(table)
