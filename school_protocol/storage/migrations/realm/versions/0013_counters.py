"""What cases add to figures, kept in the transaction that changes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = ("protocol", "month", "unit")


def upgrade() -> None:
    op.create_table(
        "figure_share",
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("protocol", sa.String(80), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("path", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_figure_share_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_figure_share")),
    )
    op.create_table(
        "figure_counter",
        sa.Column("protocol", sa.String(80), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("unit", sa.String(41), nullable=False),
        sa.Column("above", sa.String(40), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f("pk_figure_counter")),
    )
    op.create_index(
        op.f("ix_figure_counter_protocol_above_month"), "figure_counter", ["protocol", "above", "month"], unique=False
    )
    op.create_index(
        op.f("ix_figure_counter_protocol_unit_month"), "figure_counter", ["protocol", "unit", "month"], unique=False
    )
    op.create_table(
        "figure_frozen",
        sa.Column("protocol", sa.String(80), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("unit", sa.String(41), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f("pk_figure_frozen")),
    )


def downgrade() -> None:
    refuse_to_lose("figure_frozen")
    for table in ("figure_frozen", "figure_counter", "figure_share"):
        op.drop_table(table)
