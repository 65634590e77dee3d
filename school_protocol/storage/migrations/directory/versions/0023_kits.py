"""Printed kits of scenarios, made beside the pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scenario_kit",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("scenario", sa.LargeBinary(), nullable=False),
        sa.Column("protocol", sa.String(64), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("data IS NULL OR settled_at IS NOT NULL", name=op.f("ck_scenario_kit_waits_or_is_settled")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario_kit")),
    )
    op.create_index(op.f("ix_scenario_kit_settled_at_asked_at"), "scenario_kit", ["settled_at", "asked_at"])
