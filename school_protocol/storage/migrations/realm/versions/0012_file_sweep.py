"""When all files of evidence were last compared with their rows: so that a night that was missed is made up for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_sweep",
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("place = 1", name=op.f("ck_file_sweep_one_row")),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_file_sweep")),
    )


def downgrade() -> None:
    op.drop_table("file_sweep")
