"""Figures are told with noise, by year and quarter; what was issued before has neither, and its counts open no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("figure_release", sa.Column("quarter", sa.Integer(), nullable=True))
    op.add_column("figure_release", sa.Column("drawing", sa.Integer(), nullable=True))
    once = ("protocol", "unit", "year", "quarter", "drawing")
    op.create_index("figure_release_drawn_once", "figure_release", once, unique=True)
    op.add_column("figure_job", sa.Column("quarter", sa.Integer(), nullable=True))
    op.add_column("figure_job", sa.Column("again", sa.Boolean(), nullable=True))
    op.execute(
        "UPDATE figure_job SET state = 'stopped', sealed = NULL, taken_at = NULL, settled_at = asked_at "
        "WHERE state IN ('counting', 'choosing', 'checking')"
    )
    op.execute("DELETE FROM figure_key")
